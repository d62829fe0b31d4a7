"""Archives are read in place, and those that could be understood in two ways are refused."""

import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import LayoutInvalid
from lading.layout import tar
from tests.unit.layout.tars import archive, member, plain

Opened = Callable[[bytes], tar.Archive]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Reads an archive that is in memory, by way of a file."""

    def read(data: bytes) -> tar.Archive:
        path = tmp_path / "archive.tar"
        path.write_bytes(data)
        return tar.Archive(os.open(path, os.O_RDONLY), "it")

    return read


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_are_found_in_every_format(opened: Opened, form: int) -> None:
    """Short names, names in two parts, and names in a header of their own."""
    files = {"a": b"one", "./b/c": b"", "d" * 60 + "/" + "e" * 90: bytes(2000)}
    if form != tarfile.USTAR_FORMAT:
        files["blobs/sha512/" + "f" * 128] = b"long"
        files["ü/" + "x" * 300] = b"two"

    found = opened(plain(files, form))

    for name, content in files.items():
        there = found.find(name.removeprefix("./"))
        assert there is not None
        assert found.read(there, limit=5000) == content
    assert found.find("nothing") is None


def test_what_is_written_is_what_tar_reads(opened: Opened, tmp_path: Path) -> None:
    """Headers that are made here are understood by others, and are always the same."""
    name = "blobs/sha512/" + "0" * 128
    data = tar.header(name, 3) + b"abc" + tar.padding(3) + tar.END
    (tmp_path / "made.tar").write_bytes(data)

    with tarfile.open(tmp_path / "made.tar") as read:
        (info,) = read.getmembers()

    assert (info.name, info.size, info.mtime, info.uid, info.mode) == (name, 3, 0, 0, 0o644)
    assert opened(data).find(name) is not None


def test_size_beyond_eight_gigabytes_is_understood(opened: Opened) -> None:
    """It is written in base 256, and found to be more than there is."""
    with pytest.raises(LayoutInvalid, match="cut short"):
        opened(tar.header("large", 9 << 30))


def test_an_archive_that_ends_within_its_padding_is_cut_short(opened: Opened) -> None:
    """What came after may be anything."""
    with pytest.raises(LayoutInvalid, match="cut short"):
        opened(tar.header("whole", 513) + bytes(513) + b"\0")


def test_links_within_the_archive_lead_to_files(opened: Opened) -> None:
    """Relative symbolic links, hard links, and one after another."""
    found = opened(
        archive(
            [
                member("a/layer.tar", b"layer"),
                member("b/layer.tar", type=tarfile.SYMTYPE, linkname="../a/layer.tar"),
                member("c", type=tarfile.LNKTYPE, linkname="b/layer.tar"),
            ]
        )
    )

    assert found.find("c") == found.find("b/layer.tar") == found.find("a/layer.tar") is not None


HOSTILE = {
    "a name that climbs": [member("../evil", b"x")],
    "a name that climbs within": [member("blobs/../../evil", b"x")],
    "an absolute name": [member("/etc/passwd", b"x")],
    "a link that climbs": [member("a/b", type=tarfile.SYMTYPE, linkname="../../etc/passwd")],
    "an absolute link": [member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
    "an empty link": [member("a", type=tarfile.SYMTYPE, linkname="")],
    "a hard link that climbs": [member("a", type=tarfile.LNKTYPE, linkname="../etc/passwd")],
    "a character device": [member("a", type=tarfile.CHRTYPE)],
    "a block device": [member("a", type=tarfile.BLKTYPE)],
    "a pipe": [member("a", type=tarfile.FIFOTYPE)],
    "a sparse file": [member("a", type=tarfile.GNUTYPE_SPARSE)],
    "a file that comes twice": [member("a", b"x"), member("./a", b"y")],
    "a file that is a link as well": [
        member("a", b"x"),
        member("a", type=tarfile.SYMTYPE, linkname="b"),
    ],
    "a file that is a directory as well": [member("a", type=tarfile.DIRTYPE), member("a", b"x")],
    "a sparse file of another kind": [
        member("a", b"x", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.name": "b"})
    ],
    "a size that is none": [member("a", b"x", pax_headers={"size": "-1"})],
    "a size that is too large": [member("a", b"x", pax_headers={"size": "9" * 18})],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_archive_that_cannot_be_trusted_is_refused(opened: Opened, what: str) -> None:
    """Whatever is in it besides."""
    with pytest.raises(LayoutInvalid):
        opened(archive([member("good", b"fine"), *HOSTILE[what]], tarfile.PAX_FORMAT))


def test_size_for_all_members_is_refused(opened: Opened) -> None:
    """A global header may not say what members are."""
    made = tarfile.TarInfo.create_pax_global_header({"path": "evil"})

    with pytest.raises(LayoutInvalid):
        opened(made + plain({"a": b"x"}))


@pytest.mark.parametrize("size", [b"\xff" * 12, b"\x80" + b"\xff" * 11, b"12345678 9\0\0"])
def test_number_out_of_range_is_refused(opened: Opened, size: bytes) -> None:
    """Negative, enormous, and no number at all."""
    header = bytearray(tar.header("a", 0))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)

    with pytest.raises(LayoutInvalid, match="number"):
        opened(bytes(header) + tar.END)


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 600, bytes(100)])
def test_what_is_no_archive_is_refused(opened: Opened, data: bytes) -> None:
    """The error says so."""
    with pytest.raises(LayoutInvalid):
        opened(data)


def test_link_in_a_circle_is_refused_when_it_is_followed(opened: Opened) -> None:
    """Nobody goes round and round."""
    found = opened(
        archive(
            [
                member("a", type=tarfile.SYMTYPE, linkname="b"),
                member("b", type=tarfile.SYMTYPE, linkname="a"),
            ]
        )
    )

    with pytest.raises(LayoutInvalid, match="circle"):
        found.find("a")


def test_archive_that_is_cut_short_is_refused(opened: Opened) -> None:
    """Wherever in a member that is."""
    data = plain({"a": bytes(3000), "b": b"x"})

    for end in (700, 3000, 3584 + 100):
        with pytest.raises(LayoutInvalid):
            opened(data[:end])


_SAMPLE = archive(
    [
        member("oci-layout", b"{}"),
        member("x" * 150, b"long"),
        member("a", b"x", pax_headers={"path": "b" * 150}),
        member("l", type=tarfile.SYMTYPE, linkname="a"),
    ],
    tarfile.PAX_FORMAT,
)


@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(_SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=8
    ),
    fix=st.booleans(),
)
def test_damage_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], fix: bool
) -> None:
    """However bytes are changed, nothing but our own error comes of it, and nothing lies outside.

    Sums of headers are put right, so that what they protect is reached.
    """
    data = bytearray(_SAMPLE)
    for at, value in changes:
        data[at] = value
    if fix:
        _put_sums_right(data)
    path = tmp_path_factory.mktemp("damaged") / "archive.tar"
    path.write_bytes(data)
    file = os.open(path, os.O_RDONLY)

    try:
        found = tar.Archive(file, "it")
    except LayoutInvalid:
        return
    finally:
        os.close(file)

    for name, each in found.members.items():
        assert not name.startswith(("/", ".."))
        assert 0 <= each.offset <= each.offset + each.size <= len(data)
        assert not each.target.startswith(("/", ".."))


def _put_sums_right(data: bytearray) -> None:
    for at in range(0, len(data), 512):
        if data[at + 257 : at + 262] == b"ustar":
            data[at + 148 : at + 156] = b" " * 8
            data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])


def test_nothing_is_unpacked(opened: Opened, tmp_path: Path) -> None:
    """Reading leaves the directory of the archive as it was."""
    opened(plain({"a/b/c": b"x"}))

    assert [each.name for each in tmp_path.iterdir()] == ["archive.tar"]
    assert stat.S_ISREG((tmp_path / "archive.tar").stat().st_mode)
