"""Image configs: what is read of them, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import ManifestInvalid
from lading.oci.digest import Digest
from lading.oci.image_config import Execution, History, ImageConfig
from lading.oci.platform import Platform

_LAYER = Digest.of(b"layer")
_WHOLE = {
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "os.version": "1",
    "os.features": ["f"],
    "created": "2026-01-01T00:00:00Z",
    "author": "Ada",
    "rootfs": {"type": "layers", "diff_ids": [str(_LAYER)]},
    "history": [
        {"created": "2026-01-01T00:00:00Z", "created_by": "COPY", "comment": "c", "author": "Ada"},
        {"empty_layer": True},
    ],
    "config": {
        "User": "1000",
        "ExposedPorts": {"80/tcp": {}},
        "Env": ["A=b"],
        "Entrypoint": ["/app"],
        "Cmd": ["run"],
        "Volumes": {"/data": {}},
        "WorkingDir": "/w",
        "Labels": {"a": "b"},
        "StopSignal": "SIGINT",
        "Healthcheck": {"Test": ["NONE"]},
    },
    "anything": [1],
}


def test_config_is_read_as_the_image_spec_has_it() -> None:
    """Every field that is known, and the bytes as they came."""
    body = json.dumps(_WHOLE, indent=3).encode()

    config = ImageConfig.parse(body)

    assert config.body == body
    assert config.digest == Digest.of(body)
    assert config.platform == Platform("linux", "arm64", "v8", "1", ("f",))
    assert (config.created, config.author) == ("2026-01-01T00:00:00Z", "Ada")
    assert config.diff_ids == (_LAYER,)
    assert config.history == (
        History("2026-01-01T00:00:00Z", "Ada", "COPY", "c"),
        History(empty_layer=True),
    )
    assert config.execution == Execution(
        "1000", ("80/tcp",), ("A=b",), ("/app",), ("run",), ("/data",), "/w", {"a": "b"}, "SIGINT"
    )


@pytest.mark.parametrize("keys", [{}, dict.fromkeys(_WHOLE), {"config": None, "rootfs": None}])
def test_null_is_as_good_as_absent(keys: dict[str, None]) -> None:
    """Configs of artifacts are often empty, and Go writes null for what is not there."""
    config = ImageConfig.parse(json.dumps(keys).encode())

    assert config == ImageConfig(config.body, Platform("", ""))


def test_null_within_the_config_is_as_good_as_absent() -> None:
    """Docker writes null for lists that are empty."""
    inner = dict.fromkeys(["Env", "Cmd", "Labels", "Volumes", "User"])
    body = json.dumps({"config": inner, "rootfs": {"diff_ids": None}, "history": None}).encode()

    assert ImageConfig.parse(body).execution == Execution()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"nothing", b"\xff", b'"x"', b"[" * 100_000],
    ids=["empty", "list", "word", "not UTF-8", "string", "deep"],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    """As a manifest would be."""
    with pytest.raises(ManifestInvalid, match="JSON object"):
        ImageConfig.parse(body)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"os": 1}, "os"),
        ({"created": []}, "created"),
        ({"os.features": "x"}, "os.features"),
        ({"os.features": [1]}, "os.features"),
        ({"rootfs": []}, "rootfs"),
        ({"rootfs": {"diff_ids": "x"}}, "diff_ids"),
        ({"rootfs": {"diff_ids": ["x"]}}, "diff_ids"),
        ({"history": {}}, "history"),
        ({"history": [1]}, "history"),
        ({"history": [{"empty_layer": "yes"}]}, "empty_layer"),
        ({"config": 1}, "config"),
        ({"config": {"Env": {}}}, "Env"),
        ({"config": {"Labels": {"a": 1}}}, "Labels"),
        ({"config": {"Labels": []}}, "Labels"),
        ({"config": {"Volumes": []}}, "Volumes"),
    ],
)
def test_field_of_another_type_is_refused_by_name(keys: dict[str, Any], why: str) -> None:
    """What cannot be understood is not guessed at."""
    with pytest.raises(ManifestInvalid, match=why):
        ImageConfig.parse(json.dumps(keys).encode())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(_WHOLE)), _JSON))
def test_any_object_is_read_or_refused(keys: dict[str, Any]) -> None:
    """There is no third way, whatever a registry serves as a config."""
    body = json.dumps(keys).encode()

    try:
        config = ImageConfig.parse(body)
    except ManifestInvalid:
        return

    assert config.body == body
