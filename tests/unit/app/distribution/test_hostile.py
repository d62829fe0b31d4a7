"""Whatever somebody writes, the answer is a sentence."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lading.app.config.distribution.keys import leaves
from lading.app.config.distribution.variables import variable
from lading.app.config.sources import examined
from tests.unit.app.distribution.files import read

NAMES = [variable(key) for key in leaves()]
PIECES = sorted({piece for name in NAMES for piece in name.split("_")[1:]})

words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["{", "[a", "&a [*a]", "yes", "0123", "12:30", "1e9", "~", "!!int x", "99d"]),
    st.integers().map(str),
)
names = st.one_of(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from([*PIECES, "0", "7", "x", ""]), max_size=6).map(
        lambda pieces: "REGISTRY_" + "_".join(pieces)
    ),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just("24h")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([piece.lower() for piece in PIECES]), inner, max_size=4),
    ),
    max_leaves=20,
)

unhurried = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@unhurried
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str, tmp_path: Path) -> None:
    """A file need not be YAML, nor a mapping, nor anything."""
    file = tmp_path / "config.yml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))

    loaded, mistakes = examined(file=file, environment={})

    assert loaded.config
    assert all(str(mistake) for mistake in mistakes)


@unhurried
@given(top=st.dictionaries(st.sampled_from([piece.lower() for piece in PIECES]), values))
def test_any_structure_is_read_or_refused(top: dict[str, Any], tmp_path: Path) -> None:
    """Every key may hold what is meant for another."""
    import json  # noqa: PLC0415 - JSON is YAML

    _, mistakes = read(tmp_path, json.dumps({"version": 0.1, **top}))

    assert all("config.yml" in str(mistake) for mistake in mistakes)


@unhurried
@given(environment=st.dictionaries(names, words, max_size=5))
def test_any_variables_are_read_or_refused(environment: dict[str, str], tmp_path: Path) -> None:
    """Names lead anywhere, and values are anything that a process can be given."""
    given_ = {name: text.replace("\0", "") for name, text in environment.items()}

    loaded, mistakes = read(tmp_path, "version: 0.1\nstorage: inmemory\n", given_)

    assert loaded.config
    assert all("REGISTRY_" in str(each) or "config.yml" in str(each) for each in mistakes)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "a: &a [*a]",
        "a: &a {b: *a}",
        "\n".join(
            [
                "a0: &a0 [x, x, x, x, x, x, x, x, x]",
                *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)),
            ]
        ),
        "version: 0.1\n<<: &m {storage: {<<: *m}}\n",
        "version: 0.1\n? [a]\n: b\n",
        "version: 0.1\nstorage: !!python/object:os.system {}\n",
        "%YAML 9.9\n---\nversion: 0.1\n",
        "---\nversion: 0.1\n---\nversion: 0.1\n",
    ],
    ids=["deep", "endless", "endless map", "laughs", "merge", "key", "tag", "directive", "two"],
)
def test_a_trap_is_a_mistake_like_others(text: str, tmp_path: Path) -> None:
    """What grows without end, or would run something, is refused in a moment."""
    _, mistakes = read(tmp_path, text)

    assert mistakes
    assert "Traceback" not in str(mistakes[0])
