"""Directories as archives, and archives of strangers."""

import gzip
import io
import os
import stat
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from lading.content.archives import pack, unpack
from lading.content.files import Folder, file_errors
from lading.errors import DigestInvalid, FileRefused, StorageFull
from lading.oci.digest import Digest
from tests.unit.content.graphs import names


def _archive(*entries: tuple[str, dict[str, object]] | tuple[str, bytes]) -> bytes:
    """A packed archive of files with content, or of entries of other kinds."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, what in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(what, bytes):
                entry.size = len(what)
                archive.addfile(entry, io.BytesIO(what))
                continue
            for key, value in what.items():
                setattr(entry, key, value)
            archive.addfile(entry)
    return gzip.compress(plain.getvalue(), mtime=0)


def _link(goal: str) -> dict[str, object]:
    return {"type": tarfile.SYMTYPE, "linkname": goal}


def _hard(goal: str) -> dict[str, object]:
    return {"type": tarfile.LNKTYPE, "linkname": goal}


FOLDER: dict[str, object] = {"type": tarfile.DIRTYPE, "mode": 0o755}


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[..., Path]:
    """Unpacks an archive of a directory called ``d``."""

    def unpacked(body: bytes, title: str = "d", expected: str | None = None) -> Path:
        packed, into = tmp_path / "packed", tmp_path / "into"
        packed.write_bytes(body)
        unpack(packed, title, expected, into)
        return into

    return unpacked


def test_same_directory_gives_the_same_bytes(tmp_path: Path) -> None:
    """Sorted, without times, owners and padding, and its digests are those that were told."""
    archives = []
    for number, order in enumerate(("ab", "ba")):
        folder = tmp_path / f"{number}"
        (folder / "sub").mkdir(parents=True)
        for name in order:
            (folder / "sub" / name).write_bytes(name.encode())
            os.utime(folder / "sub" / name, (number, number))
        into = io.BytesIO()
        plain, whole, size = pack(folder, "x/d", into)
        archives.append(into.getvalue())
        assert (whole, size) == (Digest.of(into.getvalue()), len(into.getvalue()))
        assert plain == Digest.of(gzip.decompress(into.getvalue()))
        assert len(gzip.decompress(into.getvalue())) == 512 * (4 + 2 + 2)

    assert archives[0] == archives[1]
    with tarfile.open(fileobj=io.BytesIO(archives[0])) as archive:
        assert archive.getnames() == ["x/d", "x/d/sub", "x/d/sub/a", "x/d/sub/b"]
        assert {(each.mtime, each.uid, each.gid, each.uname) for each in archive} == {(0, 0, 0, "")}


def test_place_itself_can_be_packed(tmp_path: Path) -> None:
    """Entries then have no name in front."""
    (tmp_path / "a").write_bytes(b"1")
    into = io.BytesIO()

    pack(tmp_path, ".", into)

    with tarfile.open(fileobj=io.BytesIO(into.getvalue())) as archive:
        assert archive.getnames() == ["a"]


def test_pipes_are_not_packed(tmp_path: Path) -> None:
    """Nor anything else that has no content."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(FileRefused, match="pipe"):
        pack(tmp_path, "d", io.BytesIO())


def test_directory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(FileRefused, match="gone"):
        pack(tmp_path / "gone", "d", io.BytesIO())


def test_files_links_and_permissions_come_out(unpacked: Callable[..., Path]) -> None:
    """Links may lead to each other, and to what is not there, within the directory."""
    into = unpacked(
        _archive(
            ("d", FOLDER),
            ("d/tool", {"type": tarfile.REGTYPE, "mode": 0o4755}),
            ("d/same", _hard("d/tool")),
            ("d/deep/file", b"deep"),
            ("d/first", _link("second")),
            ("d/second", _link("deep/../deep/file")),
            ("d/dangling", _link("nowhere")),
        )
    )

    assert (into / "first").read_bytes() == b"deep"
    assert (into / "same").samefile(into / "tool")
    assert stat.S_IMODE((into / "tool").stat().st_mode) & 0o7700 == 0o700
    assert (into / "dangling").readlink() == Path("nowhere")


@pytest.mark.parametrize(
    "entries",
    [
        [("x", b"beside")],
        [("d/../../x", b"outside")],
        [("/d/x", b"absolute")],
        [("d/link", _link("/etc/passwd"))],
        [("d/link", _link("../../x"))],
        [("d/up", _link(".")), ("d/a/b", _link("..")), ("d/out", _link("a/b/../.."))],
        [("d/link", _link("deep")), ("d/link/x", b"through a link")],
        [("d/x", b"1"), ("d/x", b"2")],
        [("d/x", _hard("/etc/passwd"))],
        [("d/x", _hard("other/x"))],
        [("d/x", _hard("d/missing"))],
        [("d/pipe", {"type": tarfile.FIFOTYPE})],
        [("d/device", {"type": tarfile.CHRTYPE})],
        [("d", b"a file")],
    ],
    ids=lambda entries: str(entries[-1][0]),
)
def test_nothing_leads_out_of_the_directory(
    unpacked: Callable[..., Path], tmp_path: Path, entries: list[tuple[str, bytes]]
) -> None:
    """Neither by name nor by link."""
    with pytest.raises(FileRefused):
        unpacked(_archive(*entries))

    assert names(tmp_path) == ["into", "packed"]


@pytest.mark.parametrize(
    "body",
    [
        b"no archive",
        gzip.compress(b"no archive" * 100, mtime=0),
        _archive(("d/x", b"y" * 5000))[:60],
        _archive(("d/x", b"y"))[:20] + b"\xff" * 30,
    ],
)
def test_damaged_archives_are_refused(unpacked: Callable[..., Path], body: bytes) -> None:
    """As files that cannot be read."""
    with pytest.raises(FileRefused):
        unpacked(body)


def _headed(kind: bytes, size: int) -> bytes:
    """The header of an entry of *kind* that says that it has *size* bytes."""
    entry = tarfile.TarInfo("d/x")
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_names_and_attributes_do_not_fill_the_memory(
    unpacked: Callable[..., Path], kind: bytes
) -> None:
    """They are refused long before all of them was read."""
    size = 64 << 20
    body = gzip.compress(_headed(kind, size) + bytes(size), compresslevel=1)

    tracemalloc.start()
    with pytest.raises(FileRefused, match="too long"):
        unpacked(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 24 << 20


def test_entries_that_come_again_and_again_are_not_remembered(
    unpacked: Callable[..., Path],
) -> None:
    """A short file could hold millions of them."""
    folder = tarfile.TarInfo("d")
    folder.type = tarfile.DIRTYPE
    body = gzip.compress(folder.tobuf(tarfile.PAX_FORMAT) * 20_000 + bytes(1024), compresslevel=1)

    tracemalloc.start()
    unpacked(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 4 << 20


def test_file_that_grows_far_too_much_is_refused(
    unpacked: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes would fill the disk; what is short is unpacked whatever it was."""
    zeros = _archive(("d/x", bytes(4 << 20)))
    behind = gzip.compress(gzip.decompress(_archive(("d/x", b"y"))) + bytes(4 << 20))

    assert (unpacked(zeros) / "x").stat().st_size == 4 << 20
    (tmp_path / "into").rename(tmp_path / "first")
    monkeypatch.setattr("lading.content.archives._HARMLESS", 1 << 20)
    for body in (zeros, behind):
        with pytest.raises(FileRefused, match="'d' is more than 200 times as long") as found:
            unpacked(body)
        assert "lading blob get" in found.value.advice
        (tmp_path / "into").rename(tmp_path / f"{len(body)}")

    assert (tmp_path / f"{len(zeros)}" / "x").stat().st_size < 2 << 20


def test_sparse_files_are_refused(unpacked: Callable[..., Path], tmp_path: Path) -> None:
    """A few bytes would fill the disk."""
    header = bytearray(_headed(tarfile.GNUTYPE_SPARSE, 0))
    for place in (386, 483):
        header[place : place + 12] = b"\x80" + (1 << 60).to_bytes(11, "big")
    header[398:410] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)

    with pytest.raises(FileRefused, match="sparse"):
        unpacked(gzip.compress(bytes(header) + bytes(1024)))

    assert names(tmp_path / "into") == []


def test_directories_are_no_more_open_than_new_ones(unpacked: Callable[..., Path]) -> None:
    """What an archive says counts only as far as the umask lets it."""
    before = os.umask(0o027)
    try:
        into = unpacked(_archive(("d/open", {"type": tarfile.DIRTYPE, "mode": 0o777})))
    finally:
        os.umask(before)

    assert stat.S_IMODE((into / "open").stat().st_mode) == 0o750


def test_digest_of_what_was_packed_is_checked(
    unpacked: Callable[..., Path], tmp_path: Path
) -> None:
    """Up to the last byte behind the end of the archive."""
    body = gzip.compress(gzip.decompress(_archive(("d/x", b"y"))) + bytes(1 << 20))
    right = str(Digest.of(gzip.decompress(body)))

    with pytest.raises(DigestInvalid):
        unpacked(body, expected=str(Digest.of(b"other")))
    (tmp_path / "into").rename(tmp_path / "first")

    assert (unpacked(body, expected=right) / "x").read_bytes() == b"y"


def test_full_disk_is_no_refusal(tmp_path: Path) -> None:
    """Whoever reads it knows what to do."""
    with pytest.raises(StorageFull), file_errors(tmp_path):
        raise OSError(28, "No space left on device")


def test_directory_is_merged_with_one_that_is_there(tmp_path: Path) -> None:
    """Also at the place itself."""
    folder = Folder(tmp_path / "place")
    loose = folder.scratch()
    (loose / "inner").mkdir(parents=True)
    (loose / "inner/file").write_bytes(b"new")
    (loose / "inner/link").symlink_to("file")
    (loose / "linked").symlink_to("inner")
    (tmp_path / "place/inner").mkdir()
    (tmp_path / "place/inner/file").write_bytes(b"old")

    folder.merge(loose, ())
    folder.close()

    assert (tmp_path / "place/inner/file").read_bytes() == b"new"
    assert (tmp_path / "place/linked/link").read_bytes() == b"new"
    assert names(tmp_path / "place") == ["inner", "linked"]


def test_links_and_directories_are_counted(
    unpacked: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept in memory until the end."""
    monkeypatch.setattr("lading.content.archives._MOST_KEPT", 2)

    with pytest.raises(FileRefused, match="more than 2"):
        unpacked(_archive(("d", FOLDER), ("d/a", FOLDER), ("d/b", FOLDER)))


def test_name_of_two_links_is_refused(unpacked: Callable[..., Path]) -> None:
    """Which one counts would depend on who reads it."""
    with pytest.raises(FileRefused, match="two different links"):
        unpacked(_archive(("d/link", _link("a")), ("d/link", _link("b"))))
