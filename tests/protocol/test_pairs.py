"""Requests and answers, byte for byte: one file of pairs for each endpoint of the spec.

In the files, ``>`` begins a line of a request and ``<`` one of its answer; a body is written as
Python writes bytes, after ``=``. The pairs of a file happen one after the other.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.protocol.exchange import Answer, Exchange

PAIRS = sorted((Path(__file__).parent / "pairs").glob("*.http"))


@dataclass(frozen=True, slots=True)
class Pair:
    """A request, and the answer as it is written down."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    body: bytes
    answer: str


def pairs(text: str) -> Iterator[Pair]:
    """The pairs of a file."""
    for block in text.strip().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        asked = [line[2:] for line in lines if line.startswith("> ")]
        answered = [line for line in lines if line.startswith("<")]
        method, _, target = asked[0].partition(" ")
        body = b"".join(ast.literal_eval(line[2:]) for line in asked[1:] if line.startswith("= "))
        fields = [
            (name, value)
            for name, _, value in (line.partition(": ") for line in asked[1:])
            if not name.startswith("= ")
        ]
        yield Pair(method, target, fields, body, "\n".join(answered))


def written(answer: Answer) -> str:
    """*answer* as it is written down."""
    hidden = {"X-Request-Id", "Docker-Distribution-Api-Version", "X-Content-Type-Options"}
    lines = [f"< {answer.status}"]
    lines += [f"< {name}: {value}" for name, value in answer.fields if name not in hidden]
    if answer.body:
        lines.append(f"< = {answer.body!r}")
    return "\n".join(lines)


@pytest.mark.parametrize("file", PAIRS, ids=lambda file: file.stem)
async def test_requests_are_answered_byte_for_byte(ask: Exchange, file: Path) -> None:
    """What is on the wire is what is written down, but for headers that every answer has."""
    for pair in pairs(file.read_text()):
        answer = await ask(pair.method, pair.target, pair.body, pair.fields)

        assert written(answer) == pair.answer, f"{pair.method} {pair.target}"


def test_every_endpoint_of_the_spec_has_pairs() -> None:
    """end-1 to end-14 (distribution-spec, Endpoints)."""
    found = {number for file in PAIRS for number in file.stem.split("-")[1:]}

    assert {str(number) for number in range(1, 15)} <= found
