"""``lading events``: what happened, who is told, and what to do when they do not listen."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import click

from lading.app.events import happened, latest, outlook, urge
from lading.app.maintenance import configured
from lading.cli.names import examples
from lading.cli.output import Output, counted, output_option, root_options
from lading.cli.shapes import choice, many, maybe, number, record, text, truth
from lading.interfaces.metadata import Delivery
from lading.interfaces.notices import Notice

_EVENTS = record(
    "What happened.",
    items=many(
        record(
            number=number("The number of the event; several may be told of one."),
            id=text("What endpoints know it by."),
            at=text("When: RFC 3339."),
            action=choice("What was done.", "push", "mount", "delete"),
            repository=text("Where."),
            digest=maybe(text("The content, if it is about content.")),
            tag=maybe(text("The tag, if it is about one.")),
            mediaType=text("The type of the content; may be empty."),
            size=number("Its length in bytes, 0 if it is gone."),
            fromRepository=maybe(text("Where it was mounted from.")),
            by=text("Who did it; may be empty."),
            address=text("From where; may be empty."),
            agent=text("With what; may be empty."),
            request=text("The id of the request; may be empty."),
        ),
        "One for each thing.",
    ),
)
_STATUS = record(
    "Who is told.",
    latest=number("The number of the latest event."),
    endpoints=many(
        record(
            endpoint=text("Its name."),
            number=number("The last event that it was told, or that was passed over."),
            pending=number("How many events wait for it."),
            failures=number("How often the next one failed in a row."),
            failingSince=maybe(text("Since when: RFC 3339.")),
            reason=text("Why it failed the last time; may be empty."),
            removed=truth("Whether the configuration has it no more."),
        ),
        "One for each endpoint.",
    ),
)
_URGED = record(
    "Who is to be tried at once.",
    endpoints=many(
        record(endpoint=text("Its name."), skipTo=number("Up to which event is skipped, or 0.")),
        "One for each endpoint.",
    ),
)


@click.group("events")
def command() -> None:
    """Show what happened, and see to it that those who are to be told are.

    These commands work on the data directory, beside the server or without one. Pulls leave no
    trace and are not among the events.
    """


@command.command(
    "tail",
    epilog=examples(
        "lading events tail --root data",
        "lading events tail --root data --after 0 -o jsonl",
    ),
)
@root_options
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option(
    "--after",
    metavar="NUMBER",
    type=click.IntRange(min=0),
    help="Begin after this event; by default with the last 20.",
)
@output_option(shape=_EVENTS, items="items")
def tail(
    *, root: str | None, config_file: str | None, follow: bool, after: int | None, out: Output
) -> None:
    """Print what was pushed, mounted and deleted, one line for each."""
    if follow and out.form == "json":
        raise click.UsageError("what never ends is no document; use -o jsonl with --follow")
    loaded = configured(file=config_file, root=root)

    async def print_all() -> None:
        begin = await latest(loaded, 20) if after is None else after
        async with aclosing(happened(loaded, after=begin, follow=follow)) as found:
            async for place, notice in found:
                out.item(_line(place, notice), _facts(place, notice))

    asyncio.run(print_all())
    out.end("", {})


@command.command("status", epilog=examples("lading events status --root data"))
@root_options
@output_option(shape=_STATUS, items="endpoints")
def status(*, root: str | None, config_file: str | None, out: Output) -> None:
    """Say how far each endpoint has been told, and what keeps it from being told more.

    One that the configuration has no more is told of as removed, where the configuration is known:
    use --config. Its place is forgotten with the events that it was not told.
    """
    loaded = configured(file=config_file, root=root)
    found = asyncio.run(outlook(loaded))
    # Without any setting it is not the configuration of the server.
    known = loaded.given - {"root"}
    names = {each.name for each in loaded.config.notifications.endpoints}
    for each in found.deliveries:
        removed = bool(known) and each.endpoint not in names
        standing = f"{each.endpoint}: removed" if removed else _standing(each, found.latest)
        out.item(standing, _delivery(each, found.latest) | {"removed": removed})
    out.end("" if found.deliveries else "nobody is told of events", {"latest": found.latest})


@command.command("retry", epilog=examples("lading events retry --root data"))
@root_options
@click.argument("endpoint", required=False)
@output_option(shape=_URGED, items="endpoints")
def retry(*, root: str | None, config_file: str | None, endpoint: str | None, out: Output) -> None:
    """Try ENDPOINT again at once, or all that fail, without waiting for the end of their rest."""
    loaded = configured(file=config_file, root=root)
    done = asyncio.run(urge(loaded, endpoint))
    _urged(done, endpoint, out, "is tried again", nobody="no endpoint fails")


@command.command(
    "skip",
    epilog=examples("lading events skip --root data mailer || true"),
)
@root_options
@click.argument("endpoint")
@click.option(
    "--to",
    "upto",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="Skip all events up to this one; by default only the next.",
)
@output_option(shape=_URGED, items="endpoints")
def skip(
    *, root: str | None, config_file: str | None, endpoint: str, upto: int | None, out: Output
) -> None:
    """Never tell ENDPOINT of the event that is next in its turn.

    It is done by the server as soon as it runs.
    """
    loaded = configured(file=config_file, root=root)
    done = asyncio.run(urge(loaded, endpoint, skip=True, upto=upto))
    _urged(done, endpoint, out, "goes on after event {}", nobody="")


def _urged(
    done: Sequence[tuple[str, int]] | None,
    endpoint: str | None,
    out: Output,
    line: str,
    *,
    nobody: str,
) -> None:
    if done is None:
        raise click.BadParameter(
            f"no endpoint was ever called {endpoint}; `lading events status` lists them",
            param_hint="ENDPOINT",
        )
    for name, skip_to in done:
        out.item(f"{name} {line.format(skip_to)}", {"endpoint": name, "skipTo": skip_to})
    out.end("" if done else nobody, {})


def _line(place: int, notice: Notice) -> str:
    at = notice.at.astimezone().isoformat(sep=" ", timespec="seconds")
    name = f":{notice.tag}" if notice.tag else ""
    digest = f" {notice.digest}" if notice.digest is not None else ""
    origin = f" from {notice.source}" if notice.source else ""
    who = notice.occasion.principal.name
    by = f" by {who}" if who else ""
    return f"{place} {at} {notice.deed.value} {notice.repository}{name}{digest}{origin}{by}"


def _facts(place: int, notice: Notice) -> dict[str, Any]:
    facts = notice.occasion.facts
    return {
        "number": place,
        "id": notice.id,
        "at": notice.at.isoformat(),
        "action": notice.deed.value,
        "repository": notice.repository,
        "digest": str(notice.digest) if notice.digest is not None else None,
        "tag": notice.tag,
        "mediaType": notice.media_type,
        "size": notice.size,
        "fromRepository": notice.source,
        "by": notice.occasion.principal.name,
        "address": facts.get("address", ""),
        "agent": facts.get("agent", ""),
        "request": facts.get("request", ""),
    }


def _pending(delivery: Delivery, last: int) -> int:
    return max(0, last - max(delivery.number, delivery.skip_to))


def _standing(delivery: Delivery, last: int) -> str:
    place = f"{delivery.endpoint}: told up to event {delivery.number}"
    waiting = f", {counted(_pending(delivery, last), 'event')} waiting"
    if not delivery.failures or delivery.failing_since is None:
        return place + waiting
    since = delivery.failing_since.astimezone().isoformat(sep=" ", timespec="seconds")
    tries = counted(delivery.failures, "failure")
    return f"{place}{waiting}; failing since {since} ({tries}): {delivery.reason}"


def _delivery(delivery: Delivery, last: int) -> dict[str, Any]:
    since = delivery.failing_since
    return {
        "endpoint": delivery.endpoint,
        "number": delivery.number,
        "pending": _pending(delivery, last),
        "failures": delivery.failures,
        "failingSince": since.isoformat() if since is not None else None,
        "reason": delivery.reason,
    }
