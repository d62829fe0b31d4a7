"""What endpoints are told, by Distribution 3.1.1 and by Lading, of the same requests.

Each request has a ``User-Agent`` of its own, by which what was told of it is found again.
"""

import http.client
import json
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.testing import samples
from tests.peers.receiver import Receiver, Told
from tests.peers.servers import Server, distribution, lading

IMAGE = samples.image(1)
CONFIG, *LAYERS = IMAGE.blobs
INDEX = samples.index(IMAGE.manifest)
LONE = b"a blob that nothing names"
MANIFEST, OTHER = IMAGE.manifest.digest, "team/other"

NOTIFICATIONS = """
notifications:
  events: {{includereferences: true}}
  endpoints:
    - name: a
      url: {url}
      headers: {{X-Word: [one, two]}}
      ignore: {{mediatypes: [application/vnd.example.unwanted+json]}}
"""
SETTINGS = {
    "LADING__NOTIFICATIONS__INCLUDE_REFERENCES": "true",
    "LADING__NOTIFICATIONS__ENDPOINTS": "[{{name: a, url: '{url}', headers: {{X-Word: [one, two]}},"
    " ignore_media_types: [application/vnd.example.unwanted+json]}}]",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One request, and what it is called."""

    name: str
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def _digest(content: bytes) -> str:
    return str(Digest.of(content))


def _blob(content: bytes) -> str:
    return f"/v2/team/app/blobs/{_digest(content)}"


def _put(name: str, reference: object, manifest: Manifest) -> Step:
    said = {"Content-Type": manifest.media_type}
    return Step(name, "PUT", f"/v2/team/app/manifests/{reference}", manifest.body, said)


def _mount(name: str) -> Step:
    query = f"mount={_digest(CONFIG)}&from=team/app"
    return Step(name, "POST", f"/v2/{OTHER}/blobs/uploads/?{query}")


STEPS: Sequence[Step] = (
    Step("look at a blob", "HEAD", _blob(CONFIG)),
    Step("pull a blob", "GET", _blob(CONFIG)),
    Step("pull a part", "GET", _blob(CONFIG), headers={"Range": "bytes=0-1"}),
    Step(
        "pull a blob anew", "GET", _blob(CONFIG), headers={"If-None-Match": f'"{_digest(CONFIG)}"'}
    ),
    Step("pull no blob", "GET", _blob(b"no such blob")),
    _put("push", "v1", IMAGE.manifest),
    _put("push again", "v1", IMAGE.manifest),
    _put("push by digest", MANIFEST, IMAGE.manifest),
    _put("push an index", "all", INDEX),
    Step("pull", "GET", "/v2/team/app/manifests/v1"),
    Step("look", "HEAD", "/v2/team/app/manifests/v1"),
    Step("pull by digest", "GET", f"/v2/team/app/manifests/{MANIFEST}"),
    Step(
        "pull anew", "GET", "/v2/team/app/manifests/v1", headers={"If-None-Match": f'"{MANIFEST}"'}
    ),
    Step("pull nothing", "GET", "/v2/team/app/manifests/none"),
    _mount("mount"),
    _mount("mount again"),
    Step("list", "GET", "/v2/team/app/tags/list"),
    _put("push another tag", "v2", IMAGE.manifest),
    _put("push a third tag", "v3", IMAGE.manifest),
    Step("delete a tag", "DELETE", "/v2/team/app/manifests/v3"),
    Step("delete an index", "DELETE", f"/v2/team/app/manifests/{INDEX.digest}"),
    Step("delete with tags", "DELETE", f"/v2/team/app/manifests/{MANIFEST}"),
    Step("delete a blob", "DELETE", _blob(LONE)),
)

LAST = (
    _put("last pull is of this", "end", IMAGE.manifest),
    Step("last pull", "GET", "/v2/team/app/manifests/end"),
    Step("last change", "DELETE", "/v2/team/app/manifests/end"),
)


def _upload(port: int, content: bytes) -> None:
    """Push a blob as clients do, in two requests that have one name."""
    name = f"upload {content[:8].hex()}"
    begun = _sent(port, Step(name, "POST", "/v2/team/app/blobs/uploads/"))
    place = begun["location"].removeprefix(f"http://127.0.0.1:{port}")
    mark = "&" if "?" in place else "?"
    _sent(port, Step(name, "PUT", f"{place}{mark}digest={_digest(content)}", content))


def _sent(port: int, step: Step) -> Mapping[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    said = {"User-Agent": step.name, "X-Request-Id": step.name.replace(" ", "-"), **step.headers}
    connection.request(step.method, step.path, step.body, said)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return {name.lower(): value for name, value in answer.getheaders()}


def _lading(root: Path, url: str) -> Server:
    server = lading(root, workers=2)
    given = {name: value.format(url=url) for name, value in SETTINGS.items()}
    server.environment = {**server.environment, **given}
    return server


def _distribution(root: Path, url: str) -> Server:
    server = distribution(root)
    file = root / "config.yml"
    file.write_text(file.read_text() + NOTIFICATIONS.format(url=url))
    return server


def _told_by(make: object, root: Path) -> list[Told]:
    assert callable(make)
    with Receiver() as receiver:
        with make(root, receiver.url) as server:
            for content in (CONFIG, *LAYERS, LONE, CONFIG):
                _upload(server.port, content)
            for step in (*STEPS, *LAST):
                _sent(server.port, step)
            names = {step.name for step in LAST}
            number = 1
            while names - {each["request"]["useragent"] for each in receiver.wait(number)}:
                number += 1
        # What another worker of ours had left to tell, it has told by its end.
        return list(receiver.told)


def _normal(told: Told) -> str:
    """What was told, without that which is different in every run."""
    text = told.body.decode()
    text = re.sub(r'("id": )"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{22}"', r'\1"UUID"', text, count=1)
    text = re.sub(r'("id": )"(?!UUID)[^"]+"', r'\1"REQUEST"', text)
    text = re.sub(
        r'"timestamp": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"',
        '"timestamp": "TIME"',
        text,
    )
    text = re.sub(r'("instanceID": )"[0-9a-f-]{36}"', r'\1"UUID"', text)
    return re.sub(r"(127\.0\.0\.1|" + re.escape(socket.gethostname()) + r"):\d+", r"\1:PORT", text)


def _by_step(told: Sequence[Told]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in told:
        found.setdefault(each.event["request"]["useragent"], []).append(_normal(each))
    # Which of several tags goes first is left to chance there.
    return {name: sorted(events) for name, events in found.items()}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Told], list[Told]]:
    """What Distribution told, and what we told."""
    root = tmp_path_factory.mktemp("notices")
    return _told_by(_distribution, root / "theirs"), _told_by(_lading, root / "ours")


def test_the_same_is_told_of_every_request(both: tuple[list[Told], list[Told]]) -> None:
    """Who has a receiver for Distribution's events gets the same ones, byte for byte."""
    theirs, ours = map(_by_step, both)

    assert sorted(ours) == sorted(theirs)
    for name, expected in theirs.items():
        assert ours[name] == expected, name


def test_requests_are_of_the_same_form(both: tuple[list[Told], list[Told]]) -> None:
    """Media type and configured headers are those of Distribution."""
    theirs, ours = both

    assert {each.headers["content-type"] for each in ours} == {
        each.headers["content-type"] for each in theirs
    }
    assert all(each.headers["x-word"] in ("one", "two") for each in ours)
    assert json.loads(ours[0].body).keys() == json.loads(theirs[0].body).keys()
