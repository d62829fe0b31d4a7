"""What two answers differ in, as values: one difference for each field.

An answer is taken apart into named parts: the status, each header field, and of an error its code,
message and detail. Only dates, ids, states of uploads, and ports are made alike.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.interop.differential.exchanging import Answer, Case

ABSENT = "-"
"""The value of a part that is not there."""

_ALIKE = (
    (re.compile(r"(?<=\?)_state=[^&>\s\"]*&"), ""),
    (re.compile(r"\?_state=[^&>\s\"]*"), ""),
    (re.compile(r"(?<=/blobs/uploads/)(?!nowhere|unknown)[A-Za-z0-9_.=-]+"), "ID"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}-[0-9a-f]{16}(?![0-9a-f])"), "ID"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d+"), "PORT"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "DATE"),
)
_COMBINED = re.compile(
    r"(?P<host>\S+) (?P<ident>\S+) (?P<user>\S+) "
    r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    r'"(?P<request>.*?)" (?P<status>\d+) (?P<size>\S+) "(?P<referer>.*?)" "(?P<agent>.*?)"'
)
_SCOPE = re.compile(r'scope="([^"]*)"')
_IDS = frozenset({"docker-upload-uuid", "x-request-id"})
_BOUNDARY = re.compile(rb"[0-9a-f]{32,}(?=\r\n|--)")


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of two answers that is not the same."""

    setup: str
    case: Case
    field: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return (
            f"[{self.setup}] {self.case.name}\n"
            f"    {self.field}: theirs {self.theirs!r}, ours {self.ours!r}"
        )


def differences(setup: str, case: Case, theirs: Answer, ours: Answer) -> Iterator[Difference]:
    """Every part in which *ours* is not like *theirs*.

    Answers with another status tell of something else: then only what that is is looked at.
    """
    left, right = parts(case, theirs), parts(case, ours)
    names: Iterable[str] = dict.fromkeys((*left, *right))
    if theirs.status != ours.status:
        names = ("status", "code")
    for name in names:
        found = left.get(name, ABSENT), right.get(name, ABSENT)
        if found[0] != found[1]:
            yield Difference(setup, case, name, *found)


def parts(case: Case, answer: Answer) -> Mapping[str, str]:
    """*answer*, taken apart."""
    found = {"status": str(answer.status)}
    for name, _ in answer.fields:
        value = answer.field(name) or ""
        found[name] = "ID" if name in _IDS else _alike(value)
    if "www-authenticate" in found:
        found["www-authenticate"] = _SCOPE.sub(_sorted_scope, found["www-authenticate"])
    found |= _logged(answer)
    found["events"] = ", ".join(map(_alike, answer.events)) or ABSENT
    if not answer.whole:
        found["body"] = "cut off"
        return found
    errors = _errors(answer)
    if errors is not None:
        for key in ("code", "message", "detail"):
            found[key] = "; ".join(_alike(each.get(key, ABSENT)) for each in errors)
    elif answer.body:
        found["body"] = _body(answer)
    if "content-length" in found and (errors is not None or _unseen(case, answer)):
        # It follows from the text of the error, which has differences of its own.
        whole = case.method == "HEAD" or int(found["content-length"]) == len(answer.body)
        found["content-length"] = "that of the body" if whole else "wrong"
    return found


def _sorted_scope(found: re.Match[str]) -> str:
    # Distribution has them in another order each time.
    parts = [each.rpartition(":") for each in found[1].split()]
    ordered = sorted(f"{name}:{','.join(sorted(actions.split(',')))}" for name, _, actions in parts)
    return f'scope="{" ".join(ordered)}"'


def _logged(answer: Answer) -> dict[str, str]:
    if not answer.line:
        return {}
    line = _COMBINED.fullmatch(answer.line)
    if line is None:
        return {"log": answer.line}
    told = {f"log {name}": _alike(value) for name, value in line.groupdict().items()}
    # What was answered has differences of its own.
    if line["status"] == str(answer.status):
        told["log status"] = "that of the answer"
    if line["size"] == str(len(answer.body)):
        told["log size"] = "that of the body"
    return told


def _unseen(case: Case, answer: Answer) -> bool:
    return case.method == "HEAD" and answer.status >= 400


def _errors(answer: Answer) -> list[dict[str, str]] | None:
    try:
        listed = json.loads(answer.body)["errors"]
    except (ValueError, TypeError, KeyError):
        return None
    return [
        {key: each[key] if isinstance(each[key], str) else json.dumps(each[key]) for key in each}
        for each in listed
    ]


def _body(answer: Answer) -> str:
    body = answer.body
    if (answer.field("content-type") or "").startswith("multipart/"):
        body = _BOUNDARY.sub(b"BOUNDARY", body)
    text = body.decode("latin-1")
    return text if len(text) <= 2000 else f"{text[:200]}... {len(text)} bytes"


def _alike(text: str) -> str:
    for pattern, word in _ALIKE:
        text = pattern.sub(word, text)
    return re.sub(r"(?<=boundary=)\S+", "BOUNDARY", text)
