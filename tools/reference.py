"""Reference pages, made from the code: commands, settings, endpoints, errors, Python names.

``python -m tools.reference`` writes them below ``docs/reference``; a test compares what is there
with what the code says. Each page is a function without arguments that returns its text.
"""

import importlib
import inspect
import json
import pkgutil
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import get_args

import click

import lading
import lading.interfaces
import lading.sync
import lading.testing
from lading.app.config.distribution.keys import DEFAULTS, KEYS
from lading.app.config.distribution.outcomes import Honoured, Key, Refused, WithoutEffect
from lading.app.config.distribution.variables import variable
from lading.app.config.options import settings_of
from lading.app.config.schema import schema
from lading.app.config.tree import sections, settings
from lading.app.watching.metrics import TABLE as METRICS
from lading.cli.main import cli
from lading.cli.names import COMMANDS
from lading.cli.progress import EVENT
from lading.errors import LadingError, RegistryError
from lading.http.face import ENDPOINTS
from lading.wire import problems
from tools import differences
from tools.commands import commands, fields, told
from tools.example import example
from tools.openapi import openapi_page

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"

_MANY_VALUES = 20

_MADE = "<!-- Made from the code by `make docs`; changes here are lost. -->"


def cli_page() -> str:
    """Every command with its arguments, options and examples."""
    context = click.Context(cli, info_name="lading", **cli.context_settings)
    everything = list(commands())
    two = next(each for each in everything if each.has_two_sides)
    blocks = [
        "# Command line",
        _MADE,
        f"```text\n{cli.get_usage(context)}\n```",
        _paragraphs(cli.help or ""),
        _option_table(told("lading", cli, None).options),
        (
            "What commands print for programs (`-o json`) is told in "
            "[Output of commands](cli-output.md).\n"
            "What other tools call these commands is told in "
            "[Coming from crane, oras or skopeo](../how-to/other-tools.md)."
        ),
        "## Options for registries",
        (
            "Commands that talk to a registry take these.\n"
            "Commands with a source and a target take them for both, and for each side alone: with "
            "`--from-` in front for the source, with `--to-` for the target."
        ),
        _option_table(two.sided),
    ]
    groups: set[str] = set()
    for each in everything:
        group, _, inner = each.name.partition(" ")
        if inner and group not in groups:
            groups.add(group)
            blocks += [f"## lading {group}", COMMANDS[group]]
        blocks += [
            f"{'###' if inner else '##'} lading {each.name}",
            f"```text\n{each.usage}\n```",
            _paragraphs(each.text),
            _option_table(each.options),
            "And the [options for registries](#options-for-registries)." if each.sided else "",
            "```console\n" + "\n".join(f"$ {line}" for line in each.examples) + "\n```",
        ]
    blocks += ["## Exit codes", _table(("code", "when"), exit_codes())]
    return _page(blocks)


def _option_table(options: Iterable[tuple[str, str]]) -> str:
    return _table(("option", "what it does"), ((f"`{names}`", what) for names, what in options))


def output_page() -> str:
    """The fields of what each command prints as JSON."""
    blocks = [
        "# Output of commands",
        _MADE,
        (
            "Standard output carries the result and nothing else.\n"
            "With `-o json` it is one JSON document, with the fields below; with `-o jsonl`, where "
            "a command has that, each entry of its list is a line of its own.\n"
            "`--format '{digest}'` prints the fields that are named in it: of each entry, or of "
            "the document where there is no list.\n"
            "`{layers[0][size]}` is a field within a field."
        ),
        (
            "A field is always there; what is not known is `null`.\n"
            "Fields may be added in later versions, and none is taken away.\n"
            "Programs read the same as JSON Schema in [cli-output.json](cli-output.json)."
        ),
    ]
    for each in commands():
        if each.shape is not None:
            rows = [(f"`{path}`", kind, what) for path, kind, what in fields(each.shape)]
            known = _table(("field", "type", "what it is"), rows) if rows else ""
            blocks += [f"## lading {each.name}", each.shape.get("description", ""), known]
    blocks += [
        "## Progress",
        (
            "With `--progress json`, commands that move content print a line for each event on "
            "standard error:"
        ),
        _table(
            ("field", "type", "what it is"),
            ((f"`{path}`", kind, what) for path, kind, what in fields(EVENT)),
        ),
    ]
    return _page(blocks)


def output_schema() -> str:
    """What commands print as JSON, as one JSON Schema with a definition for each."""
    found = {each.name: each.shape for each in commands() if each.shape is not None}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the commands of Lading print with -o json",
        "$defs": {**found, "progress": EVENT},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def exit_codes() -> Iterator[tuple[str, str]]:
    """Every exit code of a command, and when it ends with that."""
    by_code: dict[int, list[str]] = {}
    for kind in error_classes():
        by_code.setdefault(kind.exit_code, []).append(f"[{kind.__name__}](errors.md)")
    fixed = {
        0: "done; for `fsck`: no damage was found",
        1: "any other failure; for `fsck`: damage was found",
        2: "the command line was not understood",
        3: "something is not there",
        4: "not logged in, or not allowed",
        5: "something is in the way, or cannot be done there",
        6: "content is not what it is called",
        7: "some of it was done",
        70: "a mistake in Lading itself; `--traceback` shows where",
        130: "interrupted",
        141: "nobody reads the output any more",
        143: "ended by SIGTERM",
    }
    for code in sorted({*fixed, *by_code}):
        names = ", ".join(by_code.get(code, []))
        yield str(code), "; ".join(filter(None, (fixed.get(code, ""), names)))


def configuration_page() -> str:
    """Every setting: key, default, environment variable, what it takes, what it is for."""
    blocks = [
        "# Configuration",
        _MADE,
        (
            "Without any, `lading serve` is a registry on the local disk.\n"
            "Later sources win: defaults, the file (`lading serve CONFIG.yml`, `--config`, or the "
            "variable `REGISTRY_CONFIGURATION_PATH`), environment variables, options of the "
            "command line."
        ),
        "The file is YAML, and everything stands under one top-level key, `lading`:",
        "```yaml\nlading:\n  collector:\n    grace: 6h\n```",
        (
            "An unknown key is an error that names the nearest valid one.\n"
            "With `version: 0.1` beside it, the file is one of Distribution's: see "
            "[Distribution's configuration](distribution-configuration.md).\n"
            "A [complete example](config-example.yml) has all of both."
        ),
        (
            "`lading config check FILE` says what a server would refuse, and `lading config show "
            "FILE` where each value comes from.\n"
            "`lading config schema` prints the JSON Schema by which editors check such files."
        ),
        (
            "A variable takes what the file takes: lists and names with values as YAML on one "
            "line.\n"
            "With `_FILE` behind its name it names a file to read the value from."
        ),
        "## Settings of their own",
        _settings(""),
    ]
    for name, doc in sections():
        blocks += [f"## {name}", doc, _settings(name + ".")]
        blocks += _rows(name + ".")
    return _page(blocks)


def _settings(prefix: str) -> str:
    rows = [
        (
            f"`{setting.key}`",
            f"`{setting.reader.write(setting.default)}`",
            setting.doc,
            f"{setting.reader.takes}",
            f"`{setting.variable}`",
        )
        for setting in settings()
        if setting.key.rpartition(".")[0] == prefix.rstrip(".")
    ]
    head = ("key", "default", "what it is for", "takes", "environment variable")
    return _table(head, rows) if rows else ""


def _rows(prefix: str) -> Iterator[str]:
    """Tables of what an entry of a list may have."""
    for setting in settings():
        if setting.key.rpartition(".")[0] == prefix.rstrip(".") and setting.reader.rows:
            yield f"### Entries of {setting.key}"
            yield _table(
                ("key", "default", "what it is for", "takes"),
                (
                    (
                        f"`{each.key}`",
                        f"`{each.reader.write(each.default)}`",
                        each.doc,
                        each.reader.takes,
                    )
                    for each in settings_of(setting.reader.rows)
                ),
            )


def distribution_page() -> str:
    """Every key of Distribution's file, and what becomes of it."""
    blocks = [
        "# Distribution's configuration",
        _MADE,
        (
            "A file with `version: 0.1` is one of Distribution's, and is read with the "
            "`REGISTRY_*` variables that lie over it.\n"
            "Each of its keys is honoured, and sets settings of [ours](configuration.md); or it "
            "has no effect, and a line at the start says so; or it is refused, and the server "
            "does not start.\n"
            "What is refused may stand there as long as it is empty or off."
        ),
        (
            "A key that is not known is ignored with a line.\n"
            "A value of another kind is refused: text is no switch, and a number is no duration "
            "where it would be too easily mistaken."
        ),
    ]
    parts: dict[str, list[Key]] = {}
    for key in KEYS:
        parts.setdefault(key.name.partition(".")[0], []).append(key)
    for part, keys in parts.items():
        rows = [(f"`{key.name}`", key.kind.takes, *_outcome(key), _variable(key)) for key in keys]
        head = ("key", "takes", "outcome", "what that means", "variable")
        blocks += [f"## {part}", _table(head, rows)]
    known = {setting.key: setting for setting in settings()}
    blocks += [
        "## Defaults",
        "Without a key, these settings are as Distribution has them.",
        _table(
            ("setting", "with such a file", "without"),
            (
                (
                    f"`{name}`",
                    f"`{known[name].reader.write(value)}`",
                    f"`{known[name].reader.write(known[name].default)}`",
                )
                for name, value in DEFAULTS.items()
            ),
        ),
    ]
    return _page(blocks)


def _outcome(key: Key) -> tuple[str, str]:
    match key.outcome:
        case Honoured(()):
            return "honoured", "with it, the keys on this page are read"
        case Honoured(named):
            return "honoured", "sets " + " and ".join(f"`{name}`" for name in named)
        case WithoutEffect(because):
            return "no effect", because
        case Refused(because, advice):
            return "refused", f"{because}. {advice}"


def _variable(key: Key) -> str:
    return "" if key.name == "version" or "_" in key.name else f"`{variable(key)}`"


def config_schema() -> str:
    """The JSON Schema of configuration files."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def metrics_page() -> str:
    """Every metric: name, kind, labels and what it tells."""
    blocks = [
        "# Metrics",
        _MADE,
        (
            "Prometheus finds these at `debug.listen`, under `debug.metrics_path`, once "
            "`debug.metrics` is on ([How to observe a server](../how-to/observe.md)).\n"
            "They are those of the whole server, whichever worker answers.\n"
            "Names that begin with `registry_` are Distribution's, with its labels and buckets; "
            "those of its descriptor cache and its proxy are not here, since Lading has neither."
        ),
        _table(
            ("metric", "kind", "labels", "what it tells"),
            (
                (
                    f"`{each.name}`",
                    each.kind.value,
                    ", ".join(f"`{label}`" for label in each.labels),
                    each.doc,
                )
                for each in METRICS
            ),
        ),
        "## Values of labels",
        _table(
            ("label", "values"),
            (
                (f"`{label}` of `{each.name}`", ", ".join(f"`{value}`" for value in values))
                for each in METRICS
                for label, values in each.labels.items()
                if 0 < len(values) < _MANY_VALUES
            ),
        ),
    ]
    return _page(blocks)


def differences_page() -> str:
    """What is answered otherwise than Distribution does."""
    blocks = [
        "# Differences from Distribution",
        _MADE,
        (
            "Distribution 3.1.1 and Lading are set up by the same file, given the same content and "
            "sent the same requests, several hundred in each setup.\n"
            "Each part of the answers is compared: the status, every header field, and the code, "
            "message and detail of errors; and so are the line of the access log and the events "
            "that endpoints are told.\n"
            "Only dates, ids, states of uploads and ports are made alike.\n"
            "Of answers with another status, only that and the code are compared.\n"
            "The following is all that differs, and the test fails if anything else does, or if "
            "one of these is gone."
        ),
        "`*` stands for anything; a setup in brackets is the only one in which that is so.",
        "## Setups",
        _table(("setup", "what it is"), differences.setups()),
    ]
    for heading, rows in differences.groups():
        blocks += [f"## {heading}", _table(differences.HEAD, rows)]
    return _page(blocks)


def endpoints_page() -> str:
    """Every route with its methods."""
    blocks = [
        "# Endpoints",
        _MADE,
        (
            "`{name}` is the name of a repository; it has slashes in it, and is never "
            "percent-decoded.\n"
            "How errors look is told in [Errors](errors.md).\n"
            "Programs read the same, with parameters and answers, in [openapi.json](openapi.json)."
        ),
    ]
    for route, methods in ENDPOINTS.items():
        path = route.value.replace("{last}", _LAST.get(route.name, "{last}"))
        blocks.append(f"## `{path}`")
        told: dict[str, list[str]] = {}
        for method, endpoint in methods.items():
            told.setdefault(_paragraphs(inspect.getdoc(endpoint) or ""), []).append(method)
        blocks += [f"**{', '.join(names)}**\n\n{what}" for what, names in told.items()]
    return _page(blocks)


_LAST = {
    "MANIFEST": "{reference}",
    "BLOB": "{digest}",
    "UPLOAD": "{session}",
    "REFERRERS": "{digest}",
}


def errors_page() -> str:
    """Every error class: what it means, how it is answered, and what to do about it."""
    blocks = [
        "# Errors",
        _MADE,
        "An answer that tells of an error has a JSON body:",
        (
            '```json\n{"errors":[{"code":"BLOB_UNKNOWN","message":"no such blob in this repository: '
            'sha256:…","detail":"Push the blob to this repository, or mount it from one that has '
            'it."}]}\n```'
        ),
        (
            "`code` is stable, `message` begins with what is listed here, and `detail` says what to "
            "do.\n"
            "Python programs catch the class of the same name from `lading.errors`."
        ),
        "## At a glance",
        _table(
            ("error", "status", "code", "exit code"),
            (
                (
                    f"[{kind.__name__}](#{kind.__name__.lower()})",
                    str(problems.row(kind).status),
                    f"`{_code(kind)}`",
                    str(kind.exit_code),
                )
                for kind in error_classes()
            ),
        ),
    ]
    for kind in error_classes():
        blocks += [
            f"## {kind.__name__}",
            _paragraphs(inspect.getdoc(kind) or ""),
            (
                f"- Message: {kind.summary}\n"
                f"- Status {problems.row(kind).status}, code `{_code(kind)}`, "
                f"exit code {kind.exit_code}\n"
                f"- What to do: {kind.advice or 'what the message says.'}"
            ),
        ]
    return _page(blocks)


def _code(kind: type[LadingError]) -> str:
    own = kind.code if issubclass(kind, RegistryError) else "UNKNOWN"
    return problems.row(kind).code or own


def error_classes() -> Iterator[type[LadingError]]:
    """Every class of the tree that is raised, parents before children, in order of the source."""

    def below(kind: type[LadingError]) -> Iterator[type[LadingError]]:
        for each in kind.__subclasses__():
            if each.__module__ == "lading.errors":
                if each is not RegistryError:
                    yield each
                yield from below(each)

    return below(LadingError)


def interfaces_page() -> str:
    """The Protocols and values through which rooms, plug-ins and embedders meet."""
    names = ["lading.bodies", *modules_of(lading.interfaces)]
    blocks = [
        "# Interfaces",
        _MADE,
        (
            "What the parts of Lading promise each other, and what a part of your own has to keep.\n"
            "They are structural: nothing has to be inherited, and `lading.testing` has a suite of "
            "tests for each that is meant to be implemented."
        ),
    ]
    for name in names:
        blocks += [f"## {name}", _automodule(name)]
    modules = [importlib.import_module(name) for name in modules_of(lading.testing)]
    rows = [(f"`{each.__name__}`", _summary(each), _suites(each)) for each in modules]
    blocks += [
        "## Contract suites",
        (
            "Subclass `BlobStoreContract`, `MetadataStoreContract` or `RepositoryContract`, which "
            "have the others as their parts, and say how your implementation is built."
        ),
        _table(("module", "what is in it", "suites"), rows),
    ]
    return _page(blocks)


def _suites(module: types.ModuleType) -> str:
    own = [
        name
        for name, found in vars(module).items()
        if inspect.isclass(found) and found.__module__ == module.__name__
    ]
    return ", ".join(f"`{name}`" for name in own if name.endswith("Contract"))


def python_page() -> str:
    """The public names of the package."""
    blocks = [
        "# Python",
        _MADE,
        (
            "These names are promised: `import lading` and use them.\n"
            "Everything else can be imported, and may change.\n"
            "How they fit together is shown in [The library](../tutorial/library.md) and in\n"
            "[Embed a registry](../how-to/embed.md)."
        ),
        _names_of(lading),
        "## For programs that block",
        "`lading.sync` has the same client, without `async`.",
        _names_of(lading.sync),
    ]
    return _page(blocks)


def _names_of(module: types.ModuleType) -> str:
    homes: dict[str, list[str]] = {}
    for name in module.__all__:
        found = getattr(module, name)
        # A union has no home of its own; it stands where its members do.
        first = get_args(found)[0] if isinstance(found, types.UnionType) else found
        homes.setdefault(first.__module__, []).append(name)
    rows = [
        (f"`{name}`", _summary(getattr(module, name)), f"`{home}`")
        for home, names in sorted(homes.items())
        for name in names
    ]
    return _table(("name", "what it is", "where it comes from"), rows)


def _summary(found: object) -> str:
    if isinstance(found, types.UnionType):
        return "One of " + ", ".join(f"`{each.__name__}`" for each in get_args(found)) + "."
    if not (inspect.isclass(found) or inspect.isroutine(found) or inspect.ismodule(found)):
        return f"a value of type `{type(found).__name__}`"
    return _paragraphs(inspect.getdoc(found) or "").partition("\n\n")[0].replace("\n", " ")


def modules_of(package: object) -> list[str]:
    """The modules of *package*, sorted."""
    module = importlib.import_module(getattr(package, "__name__", ""))
    return sorted(
        each.name for each in pkgutil.iter_modules(module.__path__, f"{module.__name__}.")
    )


def _automodule(name: str) -> str:
    options = ":members:\n:undoc-members:\n:show-inheritance:"
    return (
        f"```{{eval-rst}}\n.. automodule:: {name}\n   " + options.replace("\n", "\n   ") + "\n```"
    )


def _paragraphs(doc: str) -> str:
    """A docstring as Markdown: code in single backticks, one sentence per line."""
    text = re.sub(r"``([^`]+)``", r"`\1`", inspect.cleandoc(doc))
    text = text.partition("\nRaises:")[0].partition("\nArgs:")[0].strip()
    paragraphs = re.split(r"\n\s*\n", text)
    joined = (" ".join(each.split()) for each in paragraphs if each.strip("\b \n"))
    return "\n\n".join(re.sub(r"(?<=[.:]) (?=[A-Z`])", "\n", each) for each in joined)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return (
            "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
        )

    return "\n".join([line(head), line("---" for _ in head), *(line(row) for row in rows)])


def _page(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block.strip()) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "cli-output.json": output_schema,
    "cli-output.md": output_page,
    "config-example.yml": example,
    "config-schema.json": config_schema,
    "configuration.md": configuration_page,
    "differences.md": differences_page,
    "distribution-configuration.md": distribution_page,
    "endpoints.md": endpoints_page,
    "errors.md": errors_page,
    "interfaces.md": interfaces_page,
    "metrics.md": metrics_page,
    "openapi.json": openapi_page,
    "python.md": python_page,
}
"""The pages by the names of their files below `FOLDER`."""


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
