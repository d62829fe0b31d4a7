"""Platforms: how they are written, and which image suits which machine."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import ReferenceInvalid
from lading.oci.platform import Platform, choose

_WORDS = st.from_regex(r"[a-z0-9_.-]{1,9}", fullmatch=True)
_PLATFORMS = st.builds(
    Platform,
    st.sampled_from(["linux", "windows", "macos", "Darwin"]) | _WORDS,
    st.sampled_from(["amd64", "x86_64", "aarch64", "arm", "armhf", "armel", "i386"]) | _WORDS,
    st.sampled_from(["", "v1", "v8", "8", "9.0", "7"]) | _WORDS,
    st.just("") | _WORDS,
    st.lists(_WORDS, max_size=2).map(tuple),
)


@given(_PLATFORMS)
def test_platform_survives_being_written_and_read(platform: Platform) -> None:
    """What is printed is read again, in the normal form."""
    assert Platform.parse(str(platform)) == platform.normal


@given(_PLATFORMS)
def test_normal_form_is_final(platform: Platform) -> None:
    """A name that everybody uses is not renamed."""
    assert platform.normal.normal == platform.normal


@given(_PLATFORMS)
def test_platform_survives_json(platform: Platform) -> None:
    """What stands in an index is read as it was written."""
    assert Platform.from_json(json.loads(json.dumps(platform.as_json()))) == platform


def test_unknown_fields_of_a_platform_are_kept() -> None:
    """A document that is written again has lost nothing, and comparing does not look at it."""
    found = {"os": "linux", "architecture": "arm64", "features": ["x"], "variant": None}

    platform = Platform.from_json(found)

    assert platform == Platform("linux", "arm64")
    assert platform.as_json() == {"os": "linux", "architecture": "arm64", "features": ["x"]}


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/X86_64", "linux/amd64"),
        ("linux/x86-64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/i386", "linux/386"),
        ("macos/aarch64", "darwin/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v8.0", "linux/arm64"),
        ("linux/arm64/9", "linux/arm64/v9"),
        ("linux/arm64/9.0", "linux/arm64/v9"),
        ("linux/arm64/v9.0", "linux/arm64/v9"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/5", "linux/arm/v5"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/arm/8", "linux/arm/v8"),
        ("linux/ppc64le/power9", "linux/ppc64le/power9"),
        ("linux/riscv64/rva20u64", "linux/riscv64/rva20u64"),
        ("windows(10.0.17763.1+win32k)/amd64", "windows(10.0.17763.1+win32k)/amd64"),
        ("windows(+win32k+x)/amd64", "windows(+win32k+x)/amd64"),
        ("windows()/amd64", "windows/amd64"),
    ],
)
def test_platform_is_known_by_the_name_that_everybody_uses(text: str, normal: str) -> None:
    """The many spellings of a machine are one (image-spec, Platform Variants)."""
    assert str(Platform.parse(text)) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "linux",
        "/amd64",
        "linux/",
        "linux/arm/",
        "linux/arm/v7/x",
        "linux(/amd64",
        "linux(1/amd64",
        "linux(1)x/amd64",
        "linux(+)/amd64",
        "li nux/amd64",
        "linux/amd64\nx",
    ],
)
def test_text_that_is_no_platform_is_refused(text: str) -> None:
    """The advice shows how one is written."""
    with pytest.raises(ReferenceInvalid, match="is not a platform") as caught:
        Platform.parse(text)

    assert "linux/arm64" in caught.value.advice


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64/v3", ["linux/386", "linux/amd64", "linux/amd64/v2"], "linux/amd64/v2"),
        ("linux/amd64/v3", ["linux/amd64/v4", "linux/386"], "linux/386"),
        ("linux/amd64", ["linux/amd64/v2"], None),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], "linux/arm/v6"),
        ("linux/arm/v6", ["linux/arm/v7"], None),
        ("linux/arm64", ["linux/arm/v7", "linux/arm64/v8.1"], "linux/arm/v7"),
        ("linux/arm64", ["linux/arm/v8", "linux/arm64"], "linux/arm64"),
        ("linux/arm64/v8.2", ["linux/arm64", "linux/arm64/v8.1"], "linux/arm64/v8.1"),
        ("linux/arm64/v9", ["linux/arm64/v8.5", "linux/arm64/v8.6"], "linux/arm64/v8.5"),
        ("linux/arm64/v9.2", ["linux/arm64/v8.7", "linux/arm64/v9.1"], "linux/arm64/v9.1"),
        ("linux/arm64/v9.7", ["linux/arm64/v8.10", "linux/arm64/v8.9"], "linux/arm64/v8.9"),
        ("linux/riscv64/rva20u64", ["linux/riscv64"], "linux/riscv64"),
        ("linux/riscv64", ["linux/riscv64/rva20u64"], None),
        ("linux/arm/odd", ["linux/arm/v5", "linux/arm/odd"], "linux/arm/odd"),
        ("linux/amd64/v999", ["linux/amd64/v2"], "linux/amd64/v2"),
        ("linux/amd64/v999999999999", ["linux/amd64/v2", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["windows/amd64", "darwin/amd64"], None),
        ("unknown/unknown", ["unknown/unknown"], None),
    ],
)
def test_image_that_suits_best_is_chosen(
    wanted: str, offered: list[str], chosen: str | None
) -> None:
    """Newer machines run what was made for older ones of their kind, the newest of that first."""
    among = [(Platform.parse(each), each) for each in offered]

    assert choose(Platform.parse(wanted), among) == chosen


@pytest.mark.parametrize(
    ("host", "images", "chosen"),
    [
        ("10.0.17763.1", ["10.0.17763.999", "10.0.20348.1"], "10.0.17763.999"),
        ("10.0.17763.1", ["10.0.14393.1"], None),
        ("10.0.20348.5", ["10.0.17763.1"], None),
        ("10.0.22621.5", ["10.0.20348.1", "10.0.22000.1", "10.0.25398.1"], "10.0.22000.1"),
        ("10.0.26100.1", ["10.0.20348.1", "10.0.26100.9"], "10.0.26100.9"),
        ("10.0.27000.1", ["10.0.20348.1"], None),
        ("10.0.20348.1", ["10.1.20348.1"], None),
        ("10.0", ["10.0.20348.1"], None),
        ("10.0.20348.1", ["", "10.0"], ""),
        ("", ["10.0.26100.1", "10.0.20348.1"], "10.0.26100.1"),
    ],
)
def test_windows_runs_images_of_its_own_and_the_long_term_release_before(
    host: str, images: list[str], chosen: str | None
) -> None:
    """Containers share the kernel of their host; a version that is missing suits."""
    among = [(Platform("windows", "amd64", os_version=each), each) for each in images]

    assert choose(Platform("windows", "amd64", os_version=host), among) == chosen


@pytest.mark.parametrize(
    ("features", "chosen"), [(("a", "b"), "ab"), (("a",), "a"), (("c",), "none"), ((), "none")]
)
def test_image_needs_no_more_features_than_the_host_has(
    features: tuple[str, ...], chosen: str
) -> None:
    """The one that uses most of them is chosen; who names none gets what needs none."""
    among = [
        (Platform("linux", "amd64"), "none"),
        (Platform("linux", "amd64", os_features=("a",)), "a"),
        (Platform("linux", "amd64", os_features=("a", "b")), "ab"),
    ]

    assert choose(Platform("linux", "amd64", os_features=features), among) == chosen


def test_first_of_several_that_suit_alike_is_chosen() -> None:
    """The order of an index means something."""
    among = [(Platform("linux", "amd64"), 1), (Platform("linux", "x86_64"), 2)]

    assert choose(Platform("linux", "amd64"), among) == 1


def test_features_that_are_no_list_are_kept_and_mean_nothing() -> None:
    """Whoever wrote the document may have put anything there."""
    document = {"architecture": "amd64", "os": "windows", "os.features": 5}

    platform = Platform.from_json(document)

    assert platform.os_features == ()
    assert platform.as_json() == document
