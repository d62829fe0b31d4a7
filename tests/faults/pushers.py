"""Clients that push, move, delete and mount as fast as they can, and remember what they were told.

Each has a repository of its own, so it knows what has to be there. Content is shared between them:
blobs of a small pool are pushed, mounted, orphaned and collected by all of them at once.
"""

import http.client
import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.faults.running import Answer, Client, digest

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

GONE = (OSError, http.client.HTTPException)
"""What a request raises when its server is killed."""

_TRIES = 4
_MOST_MANIFESTS = 10


@dataclass(frozen=True)
class Pushed:
    """A manifest: its bytes, its type, and the blobs that it keeps."""

    data: bytes
    kind: str
    blobs: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Its name."""
        return digest(self.data)


@dataclass
class Ledger:
    """What was acknowledged, and what is uncertain because the server died before it answered.

    ``tags`` has the digests that a tag may name; ``None`` stands for no such tag. ``manifests`` has
    whether a manifest must be there, must not, or may.
    """

    known: dict[str, Pushed] = field(default_factory=dict)
    manifests: dict[str, bool | None] = field(default_factory=dict)
    tags: dict[str, set[str | None]] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)

    def present(self) -> list[str]:
        """Manifests that are there for certain."""
        return [each for each, there in self.manifests.items() if there]


@dataclass
class Common:
    """What all clients share: every content there ever was, and what is being pushed now."""

    contents: dict[str, bytes] = field(default_factory=dict)
    recent: list[tuple[str, str]] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, repository: str, data: bytes) -> str:
        """*data* is about to appear in *repository*; its digest."""
        name = digest(data)
        with self.lock:
            self.contents[name] = data
            self.recent.append((repository, name))
            del self.recent[:-50]
        return name


class Pusher:
    """One client of a server that is killed again and again.

    With *keeps*, blobs that nothing names must stay as well: the collector has a long grace.
    """

    def __init__(
        self, name: str, others: list[str], common: Common, seed: int, keeps: bool
    ) -> None:
        self.name = name
        self.others = others
        self.common = common
        self.random = random.Random(seed)
        self.keeps = keeps
        self.ledger = Ledger()
        self.pool = [random.Random(i).randbytes(200 + 40 * i) for i in range(12)]
        self._ask: Client

    def work(self, port: int, over: threading.Event) -> None:
        """Do one thing after the other until the server is gone."""
        steps: list[Callable[[], None]] = [
            *[self.push_image] * 6,
            *[self.retag] * 3,
            *[self.delete_tag] * 2,
            *[self.delete_manifest] * 2,
            *[self.push_index, self.push_referrer, self.mount, self.delete_blob],
            *[self.read_back] * 2,
            *[self.push_loose, self.replace_repository, self.leave_upload],
        ]
        with Client(port) as self._ask:
            try:
                while not over.is_set():
                    self.random.choice(steps)()
            except GONE:
                return
            except Exception as error:  # noqa: BLE001 - told by the main thread
                self.common.mishaps.append(f"{self.name}: {error!r}")

    # Requests.

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request, to which no answer may be the server's fault."""
        answer = self._ask(method, path, body, headers)
        if answer.status >= 500:
            self.common.mishaps.append(f"{method} {path}: {answer.status} {answer.body!r}")
        if answer.status < 300:
            self.common.acknowledged += 1
        return answer

    def push_blob(self, data: bytes) -> str:
        """A blob, by one of the three ways."""
        name = self.common.note(self.name, data)
        uploads = f"/v2/{self.name}/blobs/uploads/"
        way = self.random.randrange(4)
        if way == 0:
            answer = self.ask("POST", f"{uploads}?digest={name}", data)
        else:
            where = self.ask("POST", uploads).headers["Location"]
            if way == 1:
                answer = self.ask("PUT", f"{where}?digest={name}", data)
            elif way == 2:
                self._append(where, _halves(data))
                answer = self.ask("PUT", f"{where}?digest={name}")
            else:
                for first in range(0, len(data), size := len(data) // 3 + 1):
                    chunk = data[first : first + size]
                    span = {"Content-Range": f"{first}-{first + len(chunk) - 1}"}
                    self._append(where, chunk, span)
                answer = self.ask("PUT", f"{where}?digest={name}")
        assert answer.status == 201, (way, len(data), answer)
        if self.keeps:
            self.ledger.loose.add(name)
        return name

    def _append(
        self, where: str, body: bytes | Iterator[bytes], headers: dict[str, str] | None = None
    ) -> None:
        answer = self.ask("PATCH", where, body, headers)
        assert answer.status == 202, (where, body, answer)

    def put_manifest(self, pushed: Pushed, tag: str | None) -> bool:
        """A manifest by tag or by digest; ``False`` when it was refused."""
        ledger, name = self.ledger, pushed.digest
        ledger.known[name] = pushed
        before = ledger.manifests.get(name, False)
        tagged = ledger.tags.get(tag, {None}) if tag else set()
        # Uncertain until it was answered.
        ledger.manifests[name] = before or None
        if tag:
            ledger.tags[tag] = tagged | {name}
        self.common.note(self.name, pushed.data)
        path = f"/v2/{self.name}/manifests/{tag or name}"
        answer = self.ask("PUT", path, pushed.data, {"Content-Type": pushed.kind})
        if answer.status == 201:
            ledger.manifests[name] = True
            if tag:
                ledger.tags[tag] = {name}
            return True
        assert answer.status == 400, answer
        assert answer.code == "MANIFEST_BLOB_UNKNOWN", answer
        ledger.manifests[name] = before
        if tag:
            ledger.tags[tag] = tagged
        return False

    # Steps.

    def push_image(self, subject: Pushed | None = None) -> None:
        """An image with old and new layers, by tag or by digest."""
        layers = self.random.sample(self.pool, self.random.randrange(3))
        layers.append(self.random.randbytes(self.random.choice([1, 100, 5_000, 70_000, 300_000])))
        config = b'{"architecture":"amd64","os":"linux","n":%d}' % self.random.getrandbits(40)
        tag = self.random.choice([None, *(f"t{i}" for i in range(6))])
        pushed = _image(config, layers, subject)
        for _ in range(_TRIES):
            for data in (*layers, config):
                self.push_blob(data)
            # Without a grace, blobs may be collected before they are named.
            if self.put_manifest(pushed, tag):
                return

    def push_index(self) -> None:
        """An index of images that are there."""
        images = [self.ledger.known[each] for each in self.ledger.present()]
        children = [each for each in images if each.kind == IMAGE][:3]
        if children:
            self.put_manifest(_index(children, self.random.getrandbits(40)), "index")

    def push_referrer(self) -> None:
        """An image about another."""
        present = self.ledger.present()
        if present:
            self.push_image(self.ledger.known[self.random.choice(present)])

    def retag(self) -> None:
        """A tag moves to another manifest."""
        present = self.ledger.present()
        if present:
            again = self.ledger.known[self.random.choice(present)]
            self.put_manifest(again, f"t{self.random.randrange(6)}")

    def delete_tag(self) -> None:
        """A tag ends."""
        tag = f"t{self.random.randrange(6)}"
        before = self.ledger.tags.get(tag, {None})
        self.ledger.tags[tag] = before | {None}
        answer = self.ask("DELETE", f"/v2/{self.name}/manifests/{tag}")
        assert answer.status in {202, 404}, answer
        assert answer.status == 202 or None in before, (before, answer)
        self.ledger.tags[tag] = {None}

    def delete_manifest(self) -> None:
        """A manifest ends, with all its tags."""
        present = self.ledger.present()
        if not present:
            return
        for name in self.random.sample(present, max(1, len(present) - _MOST_MANIFESTS)):
            ledger = self.ledger
            ledger.manifests[name] = None
            for found in ledger.tags.values():
                if name in found:
                    found.add(None)
            answer = self.ask("DELETE", f"/v2/{self.name}/manifests/{name}")
            assert answer.status == 202, answer
            ledger.manifests[name] = False
            for found in ledger.tags.values():
                found.discard(name)

    def mount(self) -> None:
        """A blob of another's repository."""
        name = digest(self.random.choice(self.pool))
        self.ledger.loose.discard(name)
        source = self.random.choice(["", f"&from={self.random.choice(self.others)}"])
        answer = self.ask("POST", f"/v2/{self.name}/blobs/uploads/?mount={name}{source}")
        if answer.status == 202:
            assert self.ask("DELETE", answer.headers["Location"]).status == 204
        else:
            assert answer.status == 201, answer
            if self.keeps:
                self.ledger.loose.add(name)

    def delete_blob(self) -> None:
        """A blob is forgotten, or refused because it is named."""
        name = digest(self.random.choice(self.pool))
        loose = name in self.ledger.loose
        self.ledger.loose.discard(name)
        answer = self.ask("DELETE", f"/v2/{self.name}/blobs/{name}")
        assert answer.status in {202, 404, 405}, answer
        named = {blob for each in self.ledger.present() for blob in self.ledger.known[each].blobs}
        assert answer.status == 405 or name not in named, answer
        if answer.status == 405 and loose:
            self.ledger.loose.add(name)

    def push_loose(self) -> None:
        """A blob that nothing will ever name."""
        self.push_blob(self.random.randbytes(self.random.choice([10, 3_000, 400_000])))

    def replace_repository(self) -> None:
        """A repository of the moment, deleted whole."""
        name = f"{self.name}-passing"
        data = self.random.choice(self.pool)
        answer = self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest(data)}", data)
        assert answer.status == 201, answer
        assert self.ask("DELETE", f"/v2/{name}/_lading/").status in {202, 404}

    def leave_upload(self) -> None:
        """An upload that nobody will go on with."""
        where = self.ask("POST", f"/v2/{self.name}/blobs/uploads/").headers["Location"]
        self._append(where, b"left behind")

    def read_back(self) -> None:
        """What is being pushed somewhere is there in full or not at all; what is named is there."""
        repository, name = self.random.choice(self.common.recent or [("a", digest(b""))])
        for kind in ("blobs", "manifests"):
            answer = self.ask("GET", f"/v2/{repository}/{kind}/{name}")
            assert answer.status in {200, 404}, answer
            assert answer.status == 404 or answer.body == self.common.contents[name], answer
        for name in self.ledger.present()[:1]:
            self.check_manifest(name, self.ask)

    # After a restart.

    def check_manifest(self, name: str, ask: Callable[[str, str], Answer]) -> None:
        """A manifest that is there has its bytes, and so has all that it names."""
        pushed = self.ledger.known[name]
        answer = ask("GET", f"/v2/{self.name}/manifests/{name}")
        assert (answer.status, answer.body) == (200, pushed.data), (self.name, name, answer)
        for blob in pushed.blobs:
            answer = ask("GET", f"/v2/{self.name}/blobs/{blob}")
            assert answer.status == 200, (self.name, name, blob, answer)
            assert answer.body == self.common.contents[blob], (self.name, name, blob)

    def settle(self, port: int) -> int:
        """Compare what is there with what was acknowledged; what was uncertain is known now."""
        ledger, checked = self.ledger, 0
        with Client(port) as ask:
            for name, there in list(ledger.manifests.items()):
                status = ask("HEAD", f"/v2/{self.name}/manifests/{name}").status
                assert status == 200 or not there, f"{self.name} lost {name}"
                assert status == 404 or there is not False, f"{self.name}: {name} came back"
                if status == 200:
                    self.check_manifest(name, ask)
                    ledger.manifests[name] = True
                    checked += 1
                else:
                    del ledger.manifests[name], ledger.known[name]
            for tag, possible in ledger.tags.items():
                answer = ask("GET", f"/v2/{self.name}/manifests/{tag}")
                found = answer.headers["Docker-Content-Digest"] if answer.status == 200 else None
                assert found in possible, f"{self.name}:{tag} is {found}, not {possible}"
                ledger.tags[tag] = {found}
            for blob in ledger.loose:
                answer = ask("GET", f"/v2/{self.name}/blobs/{blob}")
                assert answer.status == 200, f"{self.name} lost {blob}"
                assert answer.body == self.common.contents[blob]
            self._forget(ask)
        return checked

    def _forget(self, ask: Client) -> None:
        """Keep the number of loose blobs bounded."""
        for blob in sorted(self.ledger.loose)[20:]:
            ask("DELETE", f"/v2/{self.name}/blobs/{blob}")
            self.ledger.loose.discard(blob)


def _halves(data: bytes) -> Iterator[bytes]:
    middle = (len(data) + 1) // 2
    yield data[:middle]
    yield data[middle:]


def _descriptor(kind: str, data: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def _image(config: bytes, layers: list[bytes], subject: Pushed | None) -> Pushed:
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": _descriptor(CONFIG, config),
        "layers": [_descriptor(LAYER, each) for each in layers],
    }
    if subject is not None:
        document["subject"] = _descriptor(subject.kind, subject.data)
    data = json.dumps(document).encode()
    return Pushed(data, IMAGE, tuple(digest(each) for each in (config, *layers)))


def _index(children: list[Pushed], number: int) -> Pushed:
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [_descriptor(each.kind, each.data) for each in children],
        "annotations": {"number": str(number)},
    }
    return Pushed(json.dumps(document).encode(), INDEX)
