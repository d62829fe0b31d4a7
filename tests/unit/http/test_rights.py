"""Which rights a request needs."""

import pytest

from lading.http.rights import wanted
from lading.wire.message import Request
from lading.wire.routes import match

DIGEST = "sha256:" + "0" * 64
PULL, PUSH, DELETE = (f"repository:team/app:{action}" for action in ("pull", "push", "delete"))
OTHER = "repository:team/other:pull"


@pytest.mark.parametrize(
    ("method", "path", "rights"),
    [
        ("GET", "/v2/", []),
        ("GET", "/v2/_catalog", ["registry:catalog:*"]),
        ("GET", "/v2/_oci/ext/discover", []),
        ("GET", "/v2/team/app/_oci/ext/discover", [PULL]),
        ("DELETE", "/v2/team/app/_lading/", [DELETE]),
        ("GET", "/v2/team/app/tags/list", [PULL]),
        ("HEAD", "/v2/team/app/manifests/v1", [PULL]),
        ("PUT", "/v2/team/app/manifests/v1", [PULL, PUSH]),
        ("DELETE", "/v2/team/app/manifests/v1", [DELETE]),
        ("GET", f"/v2/team/app/blobs/{DIGEST}", [PULL]),
        ("DELETE", f"/v2/team/app/blobs/{DIGEST}", [DELETE]),
        ("GET", f"/v2/team/app/referrers/{DIGEST}", [PULL]),
        ("POST", "/v2/team/app/blobs/uploads/", [PULL, PUSH]),
        ("GET", "/v2/team/app/blobs/uploads/1", [PULL]),
        ("PATCH", "/v2/team/app/blobs/uploads/1", [PULL, PUSH]),
        ("PUT", f"/v2/team/app/blobs/uploads/1?digest={DIGEST}", [PULL, PUSH]),
        ("DELETE", "/v2/team/app/blobs/uploads/1", [PUSH]),
        (
            "POST",
            f"/v2/team/app/blobs/uploads/?mount={DIGEST}&from=team/other",
            [PULL, PUSH, OTHER],
        ),
        (
            "POST",
            f"/v2/team/app/blobs/uploads/?mount={DIGEST}&from=team%2Fother",
            [PULL, PUSH, OTHER],
        ),
        ("POST", f"/v2/team/app/blobs/uploads/?mount={DIGEST}&from=", [PULL, PUSH]),
        ("POST", f"/v2/team/app/blobs/uploads/?mount={DIGEST}&from=A%0d%0ab", [PULL, PUSH]),
        ("GET", "/v2/team/app/tags/list?from=team/other", [PULL]),
    ],
)
def test_request_needs_the_rights_of_its_method(method: str, path: str, rights: list[str]) -> None:
    """In the words of token scopes; what is mounted has to be pulled where it comes from."""
    raw, _, query = path.partition("?")
    place = match(raw)
    assert place is not None

    assert [str(each) for each in wanted(Request(method, raw, query), place)] == rights
