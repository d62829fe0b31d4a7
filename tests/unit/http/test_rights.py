"""Which rights a request needs."""

from collections.abc import Callable

import pytest

from lading.http.rights import strictly_wanted, wanted
from lading.interfaces.access import Access
from lading.wire.message import Request
from lading.wire.routes import Place, match

DIGEST = "sha256:" + "0" * 64
PULL, PUSH, DELETE = (f"repository:team/app:{action}" for action in ("pull", "push", "delete"))
OTHER = "repository:team/other:pull"


def rights_by(
    said: Callable[[Request, Place], tuple[Access, ...]], method: str, target: str
) -> list[str]:
    """The rights that a request needs by what *said* says."""
    path, _, query = target.partition("?")
    place = match(path)
    assert place is not None
    return [str(each) for each in said(Request(method, path, query), place)]


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
    assert rights_by(wanted, method, path) == rights


@pytest.mark.parametrize(
    ("method", "path", "rights"),
    [
        ("GET", "/v2/team/app/tags/list?from=team/other", [PULL, OTHER]),
        ("DELETE", "/v2/team/app/manifests/v1?from=team/other", [DELETE, OTHER]),
        ("POST", "/v2/team/app/blobs/uploads/?from=team/other", [PULL, PUSH, OTHER]),
        ("GET", "/v2/team/app/tags/list?from=", [PULL]),
        ("GET", "/v2/team/app/tags/list", [PULL]),
        ("GET", "/v2/_catalog?from=team/other", ["registry:catalog:*"]),
        ("GET", "/v2/?from=team/other", []),
    ],
)
def test_strictly_all_that_is_named_has_to_be_pulled(
    method: str, path: str, rights: list[str]
) -> None:
    """Distribution looks at it in every request to a repository."""
    assert rights_by(strictly_wanted, method, path) == rights
