"""``garbage-collect``: what `registry garbage-collect` does, for the cron jobs that call it.

The output is that of Distribution where it says the same: what stays, a summary, what goes.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import Self

import click

from lading.app.config.sources import load
from lading.app.maintenance import Collected, Mark, Tally, What, collect_at_once
from lading.cli.config_file import named_file
from lading.cli.names import examples
from lading.cli.output import counted, standard_output
from lading.errors import LadingError

_BLOB = "blob eligible for deletion: {}\n"
_IN_MEMORY = 1 << 20
"""How much of what is to be printed later waits in memory, for each kind, in bytes."""
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("0", "f", "F", "false", "False", "FALSE"), False),
}
"""How Go writes what a flag may be set to."""
_FLAG = re.compile(r"(?:--([a-z-]{2,})|-([a-z]+))(?:=(.*))?", re.DOTALL)


class _Settable(click.Command):
    """A command whose flags may be set as well: ``--dry-run=false``, as programs in Go take it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read *args* with the flags as they were set last."""
        # Whoever only wants to know what may come next makes no mistakes.
        return super().parse_args(ctx, args if ctx.resilient_parsing else self._as_set(args))

    def _as_set(self, args: Sequence[str]) -> list[str]:
        names = {
            name.lstrip("-"): max(each.opts, key=len)
            for each in self.params
            if isinstance(each, click.Option)
            for name in each.opts
        }
        end = args.index("--") if "--" in args else len(args)
        flags: dict[str, bool] = {}
        others = []
        for word in args[:end]:
            found = _FLAG.fullmatch(word)
            given = [found[1]] if found and found[1] else list(found[2]) if found else []
            if found is None or not names.keys() >= set(given):
                others.append(word)
                continue
            flags.update((names[each], True) for each in given)
            if found[3] is not None:
                flags[names[given[-1]]] = _boolean(names[given[-1]], found[3])
        return [*(name for name, on in flags.items() if on), *others, *args[end:]]


def _boolean(flag: str, value: str) -> bool:
    try:
        return _BOOLEANS[value]
    except KeyError:
        raise click.BadOptionUsage(
            flag,
            f"{value!r} is nothing that {flag} can be set to; write true or false",
            click.get_current_context(),
        ) from None


@click.command(
    "garbage-collect",
    cls=_Settable,
    # As there, whatever else is named is not looked at.
    context_settings={"allow_extra_args": True},
    epilog=examples("lading garbage-collect --dry-run config.yml"),
)
@click.argument("file", metavar="CONFIG.yml", required=False)
@click.option("-d", "--dry-run", is_flag=True, help="Only say what would go.")
@click.option(
    "-m", "--delete-untagged", is_flag=True, help="First end manifests that nothing names any more."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
@click.pass_context
def command(
    context: click.Context, *, file: str | None, dry_run: bool, delete_untagged: bool, quiet: bool
) -> int:
    """Free at once what nothing names any more, in the registry that CONFIG.yml is for.

    The server may go on serving. Blobs that no manifest named yet stay for an hour after they were
    pushed, mounted or asked for, and longer while uploads are open. Manifests without a tag stay
    unless --delete-untagged says otherwise; children of indexes and what refers to something that
    stays are never taken.

    This is the command of Distribution; `lading gc` says why each thing goes, and has more options.
    """
    named = named_file(context, file)
    with _Telling(quiet=quiet) as told:
        try:
            tally = asyncio.run(
                collect_at_once(
                    load(file=named),
                    untagged=delete_untagged,
                    dry_run=dry_run,
                    listener=told.taken,
                    marker=None if quiet else told.kept,
                )
            )
        except LadingError as error:
            click.echo(f"failed to garbage collect: {error}. {error.advice}".rstrip(), err=True)
            return 1
        told.end(tally)
    if tally.failed:
        click.echo(
            f"failed to garbage collect: {counted(tally.failed, 'blob')} could not be deleted; "
            "the lines above say why, and the next run tries again",
            err=True,
        )
    return 1 if tally.failed else 0


class _Telling:
    """Prints what stays as it is told, and after it what goes, which may be told before.

    Until then that waits in files, so that no store is too large.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._manifests, self._blobs, self._links = (
                stack.enter_context(_waiting()) for _ in range(3)
            )
            self._files = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def kept(self, mark: Mark) -> None:
        """Print that *mark* stays."""
        if mark.manifest is None:
            _put(f"{mark.repository}\n")
        elif mark.blob is None:
            # With a space at its end, as there.
            _put(f"{mark.repository}: marking manifest {mark.manifest} \n")
        else:
            _put(f"{mark.repository}: marking blob {mark.blob}\n")

    def taken(self, collected: Collected) -> None:
        """Print at the end that *collected* went."""
        if self._quiet:
            return
        where, digest = collected.repository, collected.digest
        match collected.what:
            case What.MANIFEST:
                self._manifests.write(f"manifest eligible for deletion: {{{where} {digest} []}}\n")
                # The bytes of a manifest are a blob there, and are counted as one.
                self._blobs.write(_BLOB.format(digest))
            case What.BLOB | What.WASTE:
                self._blobs.write(_BLOB.format(digest))
            case What.LINK:
                self._links.write(f"{where}: layer link eligible for deletion: {digest}\n")
            case What.UPLOAD:
                # They are counted at the end: that command has no line for them.
                pass

    def end(self, tally: Tally) -> None:
        """Print what waits, and how much it was."""
        if self._quiet:
            return
        assert tally.kept is not None
        _print(self._manifests)
        _put(
            f"\n{tally.kept.named} blobs marked, "
            f"{tally.blobs + tally.waste + tally.manifests} blobs and "
            f"{tally.manifests} manifests eligible for deletion\n"
        )
        _print(self._blobs)
        _print(self._links)
        if tally.uploads:
            _put(f"{counted(tally.uploads, 'stale upload')} eligible for deletion\n")
        if tally.kept.waiting:
            _put(
                f"{counted(tally.kept.waiting, 'blob')} without a manifest kept for now: pushed, "
                "mounted or asked for within the hour, or while uploads are open\n"
            )


def _waiting() -> SpooledTemporaryFile[str]:
    return SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8")


def _print(file: SpooledTemporaryFile[str]) -> None:
    file.seek(0)
    for line in file:
        _put(line)


def _put(text: str) -> None:
    with standard_output():
        click.echo(text, nl=False)
