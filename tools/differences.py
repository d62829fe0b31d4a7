"""The page of what differs from Distribution: the rows that the differential test permits."""

from collections.abc import Iterator

from tests.interop.differential.permitted import PERMITTED, Permitted
from tests.interop.differential.setups import SETUPS

_ABOUT = {
    "*": "Everywhere",
    "base": "`/v2/`",
    "root": "`/`",
    "path": "Paths",
    "catalog": "`/v2/_catalog`",
    "tags": "`/v2/<name>/tags/list`",
    "referrers": "`/v2/<name>/referrers/<digest>`",
    "manifest": "`/v2/<name>/manifests/<reference>`",
    "blob": "`/v2/<name>/blobs/<digest>`",
    "blob-upload": "`/v2/<name>/blobs/uploads/`",
    "blob-upload-chunk": "`/v2/<name>/blobs/uploads/<id>`",
    "hostile": "Requests that are none",
}
HEAD = ("method", "when", "part", "Distribution", "Lading", "why")


def groups() -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """A heading for each route, and its rows."""
    for route, heading in _ABOUT.items():
        found = [_cells(row) for row in PERMITTED if row.route.partition("|")[0] == route]
        if found:
            yield heading, found


def setups() -> list[tuple[str, str]]:
    """The name of each setup, and what it is."""
    return [(each.name, each.told) for each in SETUPS]


def _cells(row: Permitted) -> tuple[str, ...]:
    when = "always" if row.condition == "*" else ", or ".join(row.condition.split("|"))
    if row.setup != "*":
        when += f" ({', '.join(row.setup.split('|'))})"
    also = row.route.split("|")[1:]
    if also:
        when += f"; also of {', '.join(also)}"
    method = "any" if row.method == "*" else row.method.replace("|", ", ")
    return method, when, row.field, _shown(row.theirs), _shown(row.ours), row.reason


def _shown(text: str) -> str:
    said = [_one(each) for each in text.split("|")]
    return " or ".join(said)


def _one(text: str) -> str:
    if text == "-":
        return "none"
    if text == "*":
        return "anything"
    text = text.replace("{theirs}", "<the same>").replace("\n", "\\n")
    return f"`{text}`"
