"""Progress bars, for people at a terminal."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from lading.cli.escapes import one_line, shown
from lading.cli.output import amount, short
from lading.content.steps import Event, Step
from lading.oci.digest import Digest

_ENDS = {Event.EXISTS: "exists", Event.MOUNTED: "mounted", Event.DONE: "done"}


class Bars:
    """A bar for each piece of content that is under way; what is done becomes a line above."""

    def __init__(self, *, colour: bool, console: Console | None = None) -> None:
        self._progress = Progress(
            # What registries and files are called is no markup.
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console or Console(stderr=True, no_color=not colour),
            transient=True,
        )
        self._bars: dict[Digest, TaskID] = {}
        self._progress.start()

    def heard(self, step: Step) -> None:
        """Move the bar of what *step* is about."""
        digest = step.descriptor.digest
        name = one_line(" ".join(filter(None, (short(digest), step.name))))
        match step.event:
            case Event.STARTED:
                self._bars[digest] = self._progress.add_task(name, total=step.descriptor.size)
            case Event.BYTES:
                if digest in self._bars:
                    self._progress.update(self._bars[digest], completed=step.moved)
            case Event.RETRIED:
                self._print(f"retrying {name}: {step.error}")
            case Event.FAILED:
                self._forget(digest)
                self._print(f"failed {name}: {step.error}")
            case _:
                self._forget(digest)
                self._print(f"{_ENDS[step.event]} {name} ({amount(step.descriptor.size)})")

    def _print(self, text: str) -> None:
        self._progress.console.print(shown(text), markup=False, highlight=False)

    def _forget(self, digest: Digest) -> None:
        if (bar := self._bars.pop(digest, None)) is not None:
            self._progress.remove_task(bar)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()
