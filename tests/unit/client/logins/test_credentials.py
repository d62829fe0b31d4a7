"""Logins: where they are looked for, in which order, and how they are kept."""

import asyncio
import base64
import json
import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from lading.client.logins.credentials import Login, NoKeyring, StaticKeyring
from lading.client.logins.files import change_auths, entry_of, key_forms, read_entries
from lading.client.logins.keyring import FileKeyring, Place
from lading.client.logins.programs import Programs
from lading.errors import CredentialsFailed

HUB = "https://index.docker.io/v1/"

# A program that keeps logins in files beside it, as docker-credential-helpers say one has to.
PROGRAM = (
    f"#!{sys.executable}"
    """
import json, os, sys
store = os.path.join(os.path.dirname(sys.argv[0]), "kept.json")
kept = json.load(open(store)) if os.path.exists(store) else {}
given = sys.stdin.read()
with open(os.path.join(os.path.dirname(sys.argv[0]), "asked"), "a") as log:
    log.write(f"{sys.argv[1]} {given if sys.argv[1] != 'store' else ''}\\n")
if sys.argv[1] == "get":
    if given not in kept:
        print("credentials not found in native keychain")
        sys.exit(1)
    print(json.dumps(dict(kept[given], ServerURL=given)))
elif sys.argv[1] == "store":
    entry = json.loads(given)
    kept[entry.pop("ServerURL")] = entry
elif sys.argv[1] == "erase":
    kept.pop(given, None)
json.dump(kept, open(store, "w"))
"""
)


def path_of(place: Place) -> Path:
    """Where the file of *place* is; it has one."""
    assert place.path is not None
    return place.path


def auth(name: str, password: str) -> dict[str, str]:
    """An entry of ``auths``."""
    return {"auth": base64.b64encode(f"{name}:{password}".encode()).decode()}


class Kept:
    """Files and programs in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = Programs(search=str(folder), environment={"PATH": os.defpath}, timeout=30)

    def file(self, name: str, document: Any) -> Place:
        """A file; text is written as it is."""
        path = self.folder / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return Place(path)

    def program(self, name: str, kept: dict[str, Any] | None = None, code: str = PROGRAM) -> None:
        """A program that keeps *kept*."""
        path = self.folder / f"docker-credential-{name}"
        path.write_text(code)
        path.chmod(0o755)
        (self.folder / "kept.json").write_text(json.dumps(kept or {}))

    def asked(self) -> list[str]:
        """What programs were asked."""
        path = self.folder / "asked"
        return [line.strip() for line in path.read_text().splitlines()] if path.exists() else []

    def ring(self, *places: Place) -> FileKeyring:
        """The keyring of *places*."""
        return FileKeyring(places, self.programs, home=self.folder / "docker/config.json")


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Where the test keeps logins."""
    return Kept(tmp_path)


async def found(ring: FileKeyring, host: str, repository: str = "") -> str:
    """The name, or the secret, that is found."""
    login = await ring.find(host, repository)
    return "" if login is None else login.username or login.identity_token or login.registry_token


def test_keys_are_tried_from_the_narrowest_on() -> None:
    """The forms of containers-auth.json(5), then the URLs that docker once wrote."""
    assert key_forms("h:5000", "a/b") == (
        "h:5000/a/b",
        "h:5000/a",
        "h:5000",
        "https://h:5000",
        "https://h:5000/v1/",
        "https://h:5000/v2/",
    )
    assert key_forms("docker.io", "library/x")[:4] == (
        "docker.io/library/x",
        "docker.io/library",
        "docker.io",
        HUB,
    )


@pytest.mark.parametrize(
    ("repository", "name"),
    [("ns/repo", "repo"), ("ns/other", "ns"), ("nsx/repo", "host"), ("", "host"), ("ns", "ns")],
)
async def test_narrowest_key_counts(kept: Kept, repository: str, name: str) -> None:
    """A login for a namespace goes before that of its host, in whole components."""
    place = kept.file(
        "auth.json",
        {
            "auths": {
                "h": auth("host", "p"),
                "h/ns": auth("ns", "p"),
                "h/ns/repo": auth("repo", "p"),
            }
        },
    )

    assert await found(kept.ring(place), "h", repository) == name


@pytest.mark.parametrize("key", ["h", "https://h", "https://h/v1/", "https://h/v2/"])
async def test_host_is_found_under_each_form(kept: Kept, key: str) -> None:
    """Old and new files of docker are read."""
    place = kept.file("config.json", {"auths": {key: auth("ada", "p:q")}})

    login = await kept.ring(place).find("h", "a/b")

    assert login == Login(username="ada", password="p:q")
    assert login.came_from == f"{place} ({key})"


async def test_path_of_one_repository_is_no_login_for_another(kept: Kept) -> None:
    """A key with a path is for what is below it."""
    place = kept.file(
        "auth.json", {"auths": {"h/ns": auth("ns", "p"), "https://h/x": auth("x", "p")}}
    )

    assert await kept.ring(place).find("h", "other") is None


@pytest.mark.parametrize("key", [HUB, "docker.io"])
async def test_docker_hub_has_a_key_of_its_own(kept: Kept, key: str) -> None:
    """Docker writes the URL of an index that has gone, podman the name."""
    place = kept.file("config.json", {"auths": {key: auth("ada", "p")}})

    assert await found(kept.ring(place), "docker.io", "library/alpine") == "ada"


async def test_files_are_looked_at_in_order(kept: Kept) -> None:
    """The first that has a login counts; those that are not there are passed over."""
    first = kept.file("a", {"auths": {"other": auth("a", "p")}})
    second = kept.file("b", {"auths": {"h": auth("b", "p")}})
    third = kept.file("c", {"auths": {"h": auth("c", "p")}})

    ring = kept.ring(Place(kept.folder / "missing"), Place(first.path), second, third)

    assert await found(ring, "h") == "b"


async def test_text_of_a_variable_is_read_as_a_file_without_programs(kept: Kept) -> None:
    """DOCKER_AUTH_CONFIG has ``auths`` alone."""
    text = json.dumps({"auths": {"h": auth("ada", "p")}, "credsStore": "missing"})

    ring = kept.ring(Place(text=text, said_by="DOCKER_AUTH_CONFIG"))

    assert await found(ring, "h") == "ada"
    assert kept.asked() == []


async def test_old_file_of_docker_is_all_auths(kept: Kept) -> None:
    """``.dockercfg`` has no level above the hosts."""
    place = kept.file(".dockercfg", {"https://h/v1/": auth("ada", "p") | {"email": "x"}})

    assert await found(kept.ring(Place(place.path, legacy=True)), "h") == "ada"


async def test_program_of_the_host_goes_before_that_for_all_and_that_before_the_file(
    kept: Kept,
) -> None:
    """Within one file: credHelpers, credsStore, auths."""
    secret = {"Username": "program", "Secret": "p"}
    document = {
        "credHelpers": {"h": "own"},
        "credsStore": "all",
        "auths": {host: auth("file", "p") for host in ("h", "i", "j")},
    }
    kept.program("own", {"h": secret})
    kept.program("all", {"h": secret, "i": secret})
    ring = kept.ring(kept.file("config.json", document))

    assert await found(ring, "h") == "program"
    assert await found(ring, "i") == "program"
    assert await found(ring, "j") == "file"
    steps = await ring.explain("h", "")
    assert steps[-1].place.startswith("docker-credential-own")


async def test_empty_program_of_the_host_means_the_file(kept: Kept) -> None:
    """So one host is kept away from the program for all."""
    document = {
        "credHelpers": {"h": ""}, "credsStore": "all", "auths": {"h": auth("file", "p")},
    }  # fmt: skip
    kept.program("all", {"h": {"Username": "program", "Secret": "p"}})

    assert await found(kept.ring(kept.file("c", document)), "h") == "file"


async def test_empty_entry_means_that_a_program_has_the_login(kept: Kept) -> None:
    """It is asked under the key of the entry first."""
    kept.program("all", {"https://h": {"Username": "ada", "Secret": "p"}})
    ring = kept.ring(kept.file("c", {"credsStore": "all", "auths": {"https://h": {}}}))

    assert await found(ring, "h") == "ada"
    assert kept.asked() == ["get https://h"]


async def test_empty_entry_without_a_program_is_nobody(kept: Kept) -> None:
    """The next file is looked at."""
    ring = kept.ring(
        kept.file("a", {"auths": {"h": {}, "https://h": None}}),
        kept.file("b", {"auths": {"h": auth("b", "p")}}),
    )

    assert await found(ring, "h") == "b"


async def test_program_is_asked_for_docker_hub_by_its_key(kept: Kept) -> None:
    """And by the name that podman keeps it under, if that gives nothing."""
    kept.program("all", {"docker.io": {"Username": "ada", "Secret": "p"}})
    ring = kept.ring(kept.file("c", {"credsStore": "all"}))

    assert await found(ring, "docker.io", "library/alpine") == "ada"
    assert kept.asked() == [f"get {HUB}", "get docker.io"]


async def test_user_of_a_token_marks_an_identity_token(kept: Kept) -> None:
    """From a program, from ``auth``, and from the field of its own."""
    kept.program("all", {"a": {"Username": "<token>", "Secret": "t1"}})
    auths = {
        "b": auth("<token>", "t2"),
        "c": auth("ada", "") | {"identitytoken": "t3"},
        "d": {"registrytoken": "t4"},
        "e": {"username": "ada", "password": "p"},
    }
    ring = kept.ring(kept.file("c", {"credsStore": "all", "auths": auths}))

    logins = [await ring.find(host, "") for host in "abcde"]

    assert logins == [
        Login(identity_token="t1"),
        Login(identity_token="t2"),
        Login(username="ada", identity_token="t3"),
        Login(registry_token="t4"),
        Login(username="ada", password="p"),
    ]


def test_secrets_are_not_printed() -> None:
    """A login in a log or a traceback gives nothing away."""
    login = Login(username="ada", password="s1", identity_token="s2", registry_token="s3")

    assert "s1" not in repr(login)
    assert "s2" not in repr(login)
    assert "s3" not in repr(login)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{\n "auths": {,}\n}', "line 2"),
        ("[]", "line 1"),
        ('{"auths": [1]}', "auths"),
        ('{"credHelpers": 1}', "credHelpers"),
        ('{\n"auths": {\n"h": {"auth": "?"}}}', "line 3"),
        ('{\n"auths": {\n"h": {"auth": "YWRh"}}}', "line 3"),
        ('{"auths": {"h": "x"}}', "line 1"),
        ("[" * 100_000, "deep"),
    ],
)
async def test_broken_file_is_named_with_its_line(kept: Kept, text: str, where: str) -> None:
    """A typing mistake is not taken for having no login."""
    place = kept.file("config.json", text)

    with pytest.raises(CredentialsFailed, match=where) as caught:
        await kept.ring(place).find("h", "")

    assert str(place.path) in caught.value.subject


async def test_file_that_cannot_be_read_is_named(kept: Kept) -> None:
    """A folder in its place, and bytes that are no text."""
    folder = kept.folder / "folder"
    folder.mkdir()
    (kept.folder / "bytes").write_bytes(b"\xff\xfe")

    with pytest.raises(CredentialsFailed, match="folder"):
        await kept.ring(Place(folder)).find("h", "")
    with pytest.raises(CredentialsFailed, match="UTF-8"):
        await kept.ring(Place(kept.folder / "bytes")).find("h", "")


async def test_file_that_was_asked_for_has_to_be_there(kept: Kept) -> None:
    """Who names a file does not want to be nobody because of a typing mistake."""
    place = Place(kept.folder / "missing", said_by="--authfile", required=True)

    with pytest.raises(CredentialsFailed, match="--authfile"):
        await kept.ring(place).find("h", "")


async def test_empty_file_has_no_logins(kept: Kept) -> None:
    """Some programs make one before they write to it."""
    assert await kept.ring(kept.file("c", " \n")).find("h", "") is None


async def test_missing_program_is_named_and_told_what_to_do(kept: Kept) -> None:
    """The most common trouble after a machine was moved."""
    ring = kept.ring(kept.file("c", {"credsStore": "desktop"}))

    with pytest.raises(CredentialsFailed, match="docker-credential-desktop") as caught:
        await ring.find("h", "")

    assert "credsStore" in caught.value.advice


@pytest.mark.parametrize("name", ["../x", "a/b", "-x", "a b", "/bin/sh", "x" * 99])
async def test_program_is_started_by_a_safe_name_only(kept: Kept, name: str) -> None:
    """A file cannot name a program by its path."""
    with pytest.raises(CredentialsFailed, match="name of a credential helper"):
        await kept.ring(kept.file("c", {"credsStore": name})).find("h", "")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("#!/bin/sh\ncat >/dev/null; echo the keychain is locked; exit 1\n", "keychain is locked"),
        ("#!/bin/sh\ncat >/dev/null; echo broken >&2; exit 3\n", "broken"),
        ("#!/bin/sh\ncat >/dev/null; exit 3\n", "status 3"),
        ("#!/bin/sh\ncat >/dev/null; echo nothing\n", "not a JSON object"),
        ("#!/no/such/shell\n", "No such file"),
    ],
)
async def test_program_that_fails_is_named_with_what_it_said(
    kept: Kept, code: str, why: str
) -> None:
    """A locked keychain is not taken for having no login."""
    kept.program("odd", code=code)

    with pytest.raises(CredentialsFailed, match=why) as caught:
        await kept.ring(kept.file("c", {"credsStore": "odd"})).find("h", "")

    assert "docker-credential-odd" in caught.value.subject


async def test_program_without_a_secret_has_nothing(kept: Kept) -> None:
    """Some answer with an empty login in place of an error."""
    kept.program("odd", code='#!/bin/sh\ncat >/dev/null; echo \'{"Username":"x"}\'\n')

    assert await kept.ring(kept.file("c", {"credsStore": "odd"})).find("h", "") is None


async def test_program_that_does_not_answer_is_ended(kept: Kept) -> None:
    """A helper that waits for a window that nobody sees does not hold us for ever."""
    kept.program("slow", code="#!/bin/sh\nexec sleep 1000\n")
    programs = Programs(search=str(kept.folder), environment={"PATH": os.defpath}, timeout=0.05)

    with pytest.raises(CredentialsFailed, match="did not answer"):
        await programs.get("slow", "h")


async def test_program_is_ended_with_whoever_waits_for_it(kept: Kept) -> None:
    """Ctrl-C does not leave a process behind."""
    kept.program("slow", code="#!/bin/sh\necho $$ >$0.pid; sleep 3; touch $0.over\n")
    mark = kept.folder / "docker-credential-slow.pid"
    programs = Programs(search=str(kept.folder), environment={"PATH": os.defpath})
    asking = asyncio.create_task(programs.get("slow", "h"))
    while not (mark.exists() and mark.read_text().strip()):
        await asyncio.sleep(0.01)

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
    assert not mark.with_suffix(".over").exists()


async def test_what_a_program_started_is_not_waited_for(kept: Kept) -> None:
    """It may hold the pipes of the program that was ended."""
    kept.program("deep", code="#!/bin/sh\nsleep 1000 & echo $! >$0.pid; wait\n")
    mark = kept.folder / "docker-credential-deep.pid"
    programs = Programs(search=str(kept.folder), environment={"PATH": os.defpath}, timeout=3600)
    asking = asyncio.create_task(programs.get("deep", "h"))
    while not (mark.exists() and mark.read_text().strip()):
        await asyncio.sleep(0.01)

    asking.cancel()
    done, _ = await asyncio.wait([asking], timeout=10)
    os.kill(int(mark.read_text()), signal.SIGKILL)

    assert done == {asking}


async def test_file_that_is_too_long_is_refused(kept: Kept) -> None:
    """Nobody has so many logins."""
    long = kept.folder / "long"
    with long.open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(CredentialsFailed, match="more than"):
        await kept.ring(Place(long)).find("h", "")


async def test_only_files_are_read_for_logins(kept: Kept) -> None:
    """A device may have no end, and a pipe nobody who writes to it; /dev/null is no login."""
    (kept.folder / "endless").symlink_to("/dev/zero")
    os.mkfifo(kept.folder / "pipe")

    for name in ("endless", "pipe"):
        with pytest.raises(CredentialsFailed, match=f"{name} is no file"):
            await kept.ring(Place(kept.folder / name)).find("h", "")

    assert await found(kept.ring(Place(Path(os.devnull))), "h") == ""


@pytest.mark.parametrize("where", ["", " >&2"])
async def test_program_that_does_not_stop_talking_is_ended(kept: Kept, where: str) -> None:
    """It would fill the memory."""
    kept.program("loud", code=f"#!/bin/sh\nexec yes{where}\n")

    with pytest.raises(CredentialsFailed, match="more than 1048576 bytes"):
        await kept.programs.get("loud", "h")


async def test_program_may_answer_without_having_listened(kept: Kept) -> None:
    """Also to a question that is too long for a pipe."""
    kept.program("deaf", code='#!/bin/sh\nexec <&-; echo \'{"Username":"a","Secret":"b"}\'\n')

    login = await kept.programs.get("deaf", "h" * 1_000_000)

    assert login == Login(username="a", password="b")


async def test_each_step_of_the_search_is_told(kept: Kept) -> None:
    """``whoami --explain`` shows where was looked, and what came of it."""
    kept.program("all")
    ring = kept.ring(
        Place(kept.folder / "missing", said_by="REGISTRY_AUTH_FILE"),
        kept.file("a", {"credsStore": "all"}),
        kept.file("b", {"auths": {"h": auth("ada", "secret")}}),
        kept.file("c", {"auths": {"h": auth("late", "p")}}),
    )

    steps = await ring.explain("h", "x")

    told = [f"{each.place}: {each.outcome}" for each in steps]
    assert told == [
        f"{kept.folder}/missing (REGISTRY_AUTH_FILE): is not there",
        f"docker-credential-all, which {kept.folder}/a names: has nothing under h",
        f"{kept.folder}/a: has nothing for h",
        f"{kept.folder}/b: login of ada under h",
    ]
    assert steps[-1].login == Login(username="ada", password="secret")


async def test_search_that_finds_nothing_ends_with_nobody(kept: Kept) -> None:
    """And one that fails says so, in place of an error."""
    nobody = await kept.ring().explain("h", "")
    broken = await kept.ring(kept.file("c", "{")).explain("h", "")

    assert [each.place for each in nobody] == ["anonymous"]
    assert broken[-1].failure is not None
    assert "line 1" in broken[-1].outcome


async def test_keyrings_without_files_explain_themselves() -> None:
    """What was said on the command line counts where it was said for."""
    ring = StaticKeyring(Login(username="ada", came_from="the command line"), frozenset({"h"}))

    assert await ring.find("h", "x") == ring.login
    assert await ring.find("mirror", "x") is None
    assert (await ring.explain("h", ""))[0].login == ring.login
    assert "other hosts" in (await ring.explain("mirror", ""))[0].outcome
    assert await NoKeyring().find("h", "x") is None
    assert (await NoKeyring().explain("h", "x"))[0].login is None


async def test_login_is_written_for_nobody_else_to_read(kept: Kept) -> None:
    """The file is made, and its folder, whatever the umask is."""
    before = os.umask(0)
    try:
        told = await kept.ring().store(Login(username="ada", password="p"), "h")
    finally:
        os.umask(before)

    path = kept.folder / "docker/config.json"
    assert told == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text()) == {"auths": {"h": auth("ada", "p")}}


async def test_file_is_never_readable_to_others_while_it_is_written(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first moment on, every file that is opened for writing is private."""
    place = kept.file("config.json", {"auths": {}})
    assert place.path is not None
    place.path.chmod(0o644)
    modes: list[int] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        modes.extend(stat.S_IMODE(each.stat().st_mode) for each in kept.folder.glob(".config*"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    before = os.umask(0)
    try:
        change_auths(place.path, {"h": auth("ada", "p")})
    finally:
        os.umask(before)

    assert modes == [0o600]
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o600
    assert list(kept.folder.glob(".config*")) == []


async def test_everything_else_in_the_file_stays(kept: Kept) -> None:
    """Keys of other programs, other hosts, and the order."""
    document = {"psFormat": "x", "auths": {"i": auth("i", "p")}, "proxies": {"default": {}}}
    place = kept.file("config.json", document)
    ring = FileKeyring([place], kept.programs, home=path_of(place))

    await ring.store(Login(username="ada", password="p"), "h")

    assert place.path is not None
    written = json.loads(place.path.read_text())
    assert list(written) == ["psFormat", "auths", "proxies"]
    assert written["auths"] == {"i": auth("i", "p"), "h": auth("ada", "p")}
    assert await ring.erase("h") == (f"{place.path} (h)",)
    assert json.loads(place.path.read_text()) == document


async def test_link_stays_a_link(kept: Kept) -> None:
    """People keep these files elsewhere, and link to them."""
    real = kept.file("real.json", {"auths": {}})
    link = kept.folder / "link.json"
    link.symlink_to(path_of(real))

    change_auths(link, {"h": auth("ada", "p")})

    assert link.is_symlink()
    assert "h" in json.loads(link.read_text())["auths"]


async def test_nothing_is_written_in_place_of_what_is_no_file(kept: Kept) -> None:
    """Whoever names /dev/null as the file of logins wants none to be kept."""
    pipe, link = kept.folder / "pipe", kept.folder / "link.json"
    os.mkfifo(pipe)
    link.symlink_to(pipe)

    with pytest.raises(CredentialsFailed, match="keeps no logins"):
        change_auths(link, {"h": auth("ada", "p")})

    assert pipe.is_fifo()
    assert link.is_symlink()


async def test_write_that_fails_leaves_the_old_file(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half of a file, and nothing beside it."""
    place = kept.file("config.json", {"auths": {}})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(CredentialsFailed, match="No space left"):
        change_auths(path_of(place), {"h": auth("ada", "p")})
    assert json.loads(path_of(place).read_text()) == {"auths": {}}
    assert sorted(each.name for each in kept.folder.iterdir()) == ["config.json"]


async def test_broken_file_is_not_written_over(kept: Kept) -> None:
    """What a person wrote is not lost to a login."""
    place = kept.file("config.json", "{")

    with pytest.raises(CredentialsFailed, match="line 1"):
        await kept.ring(place).store(Login(username="ada", password="p"), "h")
    assert place.path is not None
    assert place.path.read_text() == "{"


@pytest.mark.parametrize("key", ["h", "https://h"])
async def test_login_replaces_the_one_that_would_be_found(kept: Kept, key: str) -> None:
    """In the file that has one, under the key that it has; else the new one stayed hidden."""
    first = kept.file("auth.json", {"auths": {key: auth("old", "p")}})
    ring = kept.ring(Place(text="{}", said_by="DOCKER_AUTH_CONFIG"), first)

    told = await ring.store(Login(username="new", password="p"), "h")

    assert told == str(first.path)
    assert await found(ring, "h") == "new"


async def test_login_that_stays_hidden_is_told(kept: Kept) -> None:
    """What a variable says cannot be changed here, and goes first."""
    text = json.dumps({"auths": {"h": auth("old", "p")}})
    ring = kept.ring(Place(text=text, said_by="DOCKER_AUTH_CONFIG"))

    told = await ring.store(Login(username="new", password="p"), "h")

    assert "the login in DOCKER_AUTH_CONFIG goes first" in told
    assert await found(ring, "h") == "old"


async def test_login_of_docker_hub_is_kept_where_docker_looks(kept: Kept) -> None:
    """Under the key that only docker has a reason for."""
    await kept.ring().store(Login(username="ada", password="p"), "docker.io")

    written = json.loads((kept.folder / "docker/config.json").read_text())
    assert list(written["auths"]) == [HUB]


async def test_login_is_kept_by_the_program_where_there_is_one(kept: Kept) -> None:
    """The file then says only that somebody else has it; logging out removes both."""
    kept.program("all")
    place = kept.file("config.json", {"credsStore": "all"})
    ring = FileKeyring([place], kept.programs, home=path_of(place))

    told = await ring.store(Login(username="ada", password="secret"), "h")

    assert told == f"docker-credential-all, which {place.path} names"
    assert place.path is not None
    assert "secret" not in place.path.read_text()
    assert json.loads(place.path.read_text())["auths"] == {"h": {}}
    assert await ring.find("h", "") == Login(username="ada", password="secret")
    assert await ring.erase("h") == ("docker-credential-all (h)",)
    assert await ring.find("h", "") is None
    assert json.loads(place.path.read_text())["auths"] == {}
    assert await ring.erase("h") == ()


async def test_identity_token_is_kept_by_the_program_as_docker_does(kept: Kept) -> None:
    """By the user name ``<token>``."""
    kept.program("all")
    place = kept.file("config.json", {"credsStore": "all"})
    ring = FileKeyring([place], kept.programs, home=path_of(place))

    await ring.store(Login(username="ada", identity_token="t"), "h")

    assert await ring.find("h", "") == Login(identity_token="t")


async def test_old_file_of_docker_is_not_written(kept: Kept) -> None:
    """A login there is found, but has to be removed by hand."""
    place = kept.file(".dockercfg", {"h": auth("ada", "p")})
    ring = kept.ring(Place(place.path, legacy=True))

    assert await ring.store(Login(username="new", password="p"), "h") != str(place.path)
    with pytest.raises(CredentialsFailed, match="dockercfg"):
        await ring.erase("h")


@pytest.mark.parametrize(
    "login",
    [
        Login(username="ada", password="p:ü"),
        Login(username="ada", identity_token="t"),
        Login(registry_token="t"),
        Login(identity_token="t"),
    ],
)
def test_login_survives_being_written_and_read(login: Login) -> None:
    """What `entry_of` writes is read as the same login."""
    text = json.dumps({"auths": {"h": entry_of(login)}})

    assert read_entries("x", text).login("h") == login


def test_name_with_a_colon_cannot_be_kept() -> None:
    """It would be read as another name and another password (RFC 7617)."""
    with pytest.raises(CredentialsFailed, match="colon"):
        entry_of(Login(username="a:b", password="p"))


async def test_two_logins_at_once_are_both_kept(kept: Kept) -> None:
    """Writers of ours wait for each other."""
    path = kept.folder / "config.json"

    def change(host: str) -> None:
        change_auths(path, {host: auth(host, "p")})

    await asyncio.gather(*(asyncio.to_thread(change, f"h{each}") for each in range(20)))

    assert len(json.loads(path.read_text())["auths"]) == 20
