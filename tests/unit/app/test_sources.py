"""Settings from defaults, files, variables and flags; and what is said about mistakes."""

from datetime import timedelta
from pathlib import Path

import pytest

from lading.app.config.options import Setting
from lading.app.config.sources import load
from lading.app.config.tree import Config, settings
from lading.errors import ConfigInvalid


def written(folder: Path, text: str) -> Path:
    """A configuration file that holds *text*."""
    file = folder / "lading.yml"
    file.write_text(text)
    return file


def test_nothing_has_to_be_configured() -> None:
    """Without any source, every setting has its default."""
    loaded = load(environment={})

    assert loaded.config == Config()
    assert loaded.warnings == ()


def test_later_sources_win(tmp_path: Path) -> None:
    """Flags go over variables, variables over the file, the file over defaults."""
    file = written(tmp_path, "lading: {root: /file, listen: ':1', workers: 1, read_only: true}")
    environment = {"LADING__LISTEN": ":2", "LADING__WORKERS": "2"}

    loaded = load(file=file, environment=environment, flags={"workers": ("--workers", "3")})

    assert loaded.config == Config(root=Path("/file"), listen=":2", workers=3, read_only=True)


@pytest.mark.parametrize(
    ("host", "warned"),
    [
        ("https://r.example", True),
        ("https://r.example/registry", True),
        ("https://r.example/registry/", False),
        ("https://r.example/public/registry/", False),
    ],
)
def test_host_that_leads_past_the_prefix_is_warned_of(host: str, warned: bool) -> None:
    """The prefix is not added to it, so that every push would end at a place that is not there."""
    environment = {"LADING__HTTP__HOST": host, "LADING__HTTP__PREFIX": "/registry"}

    loaded = load(environment=environment)

    warning = (
        f"environment variable LADING__HTTP__HOST: http.host: {host} does not end with "
        "http.prefix, which is not added to it; write https://r.example/registry/ "
        "unless a proxy has another path"
    )
    assert loaded.warnings == (warning,) * warned


def test_flag_that_was_not_given_changes_nothing() -> None:
    """The command line passes all its flags; those without a value do not count."""
    loaded = load(environment={"LADING__WORKERS": "2"}, flags={"workers": ("--workers", None)})

    assert loaded.config.workers == 2


def test_file_sets_groups_of_settings(tmp_path: Path) -> None:
    """Groups are nested keys; an empty group and an unset value are fine."""
    file = written(
        tmp_path,
        "lading:\n"
        "  manifests:\n    missing: allow\n    max_size: 8MiB\n"
        "  collector: {every: ~, grace: 0}\n"
        "  http:\n",
    )

    config = load(file=file, environment={}).config

    assert config.manifests.missing == "allow"
    assert config.manifests.max_size == 8 << 20
    assert config.collector.every is None
    assert config.collector.grace == timedelta(0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lading:\n  htpp: {}\n", "line 2: htpp: no such key (did you mean http?)"),
        (
            "lading:\n  http:\n    hed_limit: 3\n",
            "line 3: http.hed_limit: no such key (did you mean head_limit?)",
        ),
        ("lading:\n  xyzzy: 3\n", "line 2: xyzzy: no such key"),
        (
            "lading:\n  http:\n    head_limit: big\n",
            "line 3: http.head_limit: 'big' is not a size such as 65536, 64KiB or 4MiB",
        ),
        (
            "lading: {manifests: {missing: maybe}}",
            "line 1: manifests.missing: 'maybe' is not one of refuse, allow",
        ),
        (
            "lading: {collector: {every: 0s}}",
            "line 1: collector.every: '0s' is not a duration above zero",
        ),
        (
            "lading: {uploads: {purge_every: 0s}}",
            "line 1: uploads.purge_every: '0s' is not a duration above zero",
        ),
        ("lading: {root: [a]}", "line 1: root: should be the path of a directory"),
        ("lading: {http: 3}", "line 1: http: should hold keys and values"),
        (
            "lading: {health: {http: [{uri: 'ftp://me:geheim@a/'}]}}",
            "line 1: health.http: uri: 'ftp://a/' is not a URL that begins with https:// or",
        ),
        (
            "lading: {health: {tcp: [{address: database}]}}",
            "line 1: health.tcp: address: 'database' is not an address such as",
        ),
        ("ladign: {}", "line 1: ladign: no such key (did you mean lading?)"),
        ("lading:\n  root: a\n  root: b\n", "line 3: root: stands in line 2 already"),
        ("lading:\n  root: [\n", "line 3: "),
        ("- lading", "line 1: lading: should hold keys and values"),
        ("lading: {[1]: 2}", "line 1: a key should be a name"),
    ],
)
def test_mistake_in_a_file_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """An error tells the file, the line, the key, and what would have been right."""
    file = written(tmp_path, text)

    with pytest.raises(ConfigInvalid) as caught:
        load(file=file, environment={})

    assert f"{file}, {said}" in str(caught.value)


def test_keys_of_distribution_want_its_version(tmp_path: Path) -> None:
    """A file that is meant for Distribution, and does not say so, is not half understood."""
    file = written(tmp_path, "storage: {filesystem: {rootdirectory: /srv}}\n")

    with pytest.raises(ConfigInvalid, match="line 1: storage: no such key") as caught:
        load(file=file, environment={})

    assert "add `version: 0.1`" in caught.value.advice


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n", "---\n...\n"])
def test_file_in_which_nothing_stands_is_refused(tmp_path: Path, text: str) -> None:
    """A mount that failed looks so, and a registry with logins must not begin without them."""
    file = written(tmp_path, text)

    with pytest.raises(ConfigInvalid, match=r"lading\.yml: nothing stands in it") as caught:
        load(file=file, environment={})

    assert "for defaults, name none" in caught.value.advice


def test_empty_section_sets_nothing(tmp_path: Path) -> None:
    """A file may say that all is as it is by default."""
    assert load(file=written(tmp_path, "lading:\n"), environment={}).config == Config()


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A file that was asked for has to be there."""
    with pytest.raises(ConfigInvalid, match=r"absent\.yml: No such file"):
        load(file=tmp_path / "absent.yml", environment={})


def test_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Binary files get one line, not a traceback."""
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigInvalid, match="is not UTF-8 text"):
        load(file=file, environment={})


def test_file_without_an_end_is_refused() -> None:
    """A device that was named by mistake is not read into memory for ever."""
    with pytest.raises(ConfigInvalid, match="is longer than any configuration"):
        load(file=Path("/dev/zero"), environment={})
    with pytest.raises(ConfigInvalid, match="is longer than any configuration"):
        load(environment={"LADING__LISTEN_FILE": "/dev/zero"})


def test_unknown_variable_with_our_prefix_is_refused() -> None:
    """A variable that is silently ignored is a setting that somebody relies on."""
    with pytest.raises(ConfigInvalid) as caught:
        load(environment={"LADING__HTTP__HEAD_LIMT": "1", "HOME": "/"})

    assert "LADING__HTTP__HEAD_LIMT" in str(caught.value)
    assert "did you mean LADING__HTTP__HEAD_LIMIT?" in str(caught.value)


def test_wrong_value_of_a_flag_names_the_flag() -> None:
    """The error speaks of what the user typed."""
    with pytest.raises(
        ConfigInvalid, match=r"^invalid configuration: --workers: 'x' is not a whole number"
    ):
        load(environment={}, flags={"workers": ("--workers", "x")})


@pytest.mark.parametrize("setting", list(settings()), ids=lambda setting: setting.key)
def test_default_can_be_written_down(setting: Setting) -> None:
    """What the reference page shows as a default is read back as that default."""
    assert setting.doc.endswith(".")
    assert setting.reader(setting.reader.write(setting.default)) == setting.default
