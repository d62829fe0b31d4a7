"""What two answers differ in, as values: one difference for each field.

An answer is taken apart into named parts: the status, each header field, and of an error its code,
message and detail. Only dates, ids, states of uploads, and ports are made alike.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.interop.differential.exchanging import Answer, Case
from tests.interop.differential.running import Both, Counted
from tests.peers.scraping import Sample, sample

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
        line, _, fact = name.partition(" ")
        if fact and line in _LINES and not (line in left and line in right):
            # That the line is not there is one difference, not one for each of its facts.
            continue
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
    found |= _said(answer)
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


_LINES = frozenset({"refused", "authorized", "completed"})
_REFUSED = "error authorizing context"
_COMPLETED = ("response completed", "response completed with error")
_UNSAID = frozenset(
    {"time", "level", "msg", "go.version", "instance.id", "version", "service"}
    | {"http.request.id", "http.response.duration", "http.request.useragent"}
)


def _said(answer: Answer) -> dict[str, str]:
    """What the log of the program says of the request: who was let in, and how it ended."""
    found: dict[str, str] = {}
    for told in answer.said:
        if told["msg"] == "authorized request":
            found |= _facts("authorized", told)
        elif told["msg"].startswith(f"{_REFUSED}: "):
            found |= _facts("refused", {**told, "msg": _REFUSED})
        elif told["msg"] in _COMPLETED:
            # Distribution tells of each error on a line of its own.
            for name, value in _facts("completed", told).items():
                old = found.get(name, value)
                found[name] = old if value in old.split("; ") else f"{old}; {value}"
    said = "completed http.response.status"
    if found.get(said) == str(answer.status):
        found[said] = "that of the answer"
        right = f"info {_COMPLETED[0]}" if answer.status < 400 else f"error {_COMPLETED[1]}"
        if found["completed"] == right:
            found["completed"] = "as it did"
    return _as_answered(answer, found)


def _as_answered(answer: Answer, found: dict[str, str]) -> dict[str, str]:
    # What was answered has differences of its own.
    errors = _errors(answer) or []
    for name, answered in (
        ("http.response.written", str(len(answer.body))),
        ("http.response.contenttype", _alike(answer.field("content-type") or ABSENT)),
        ("err.code", "; ".join(each["code"].lower().replace("_", " ") for each in errors)),
    ):
        if found.get(f"completed {name}") == answered:
            found[f"completed {name}"] = "that of the answer"
    message = found.get("completed err.message")
    if message is not None and any(each["message"].startswith(message) for each in errors):
        found["completed err.message"] = "that of the answer"
    return found


def _facts(what: str, told: Mapping[str, object]) -> dict[str, str]:
    facts = {
        f"{what} {name}": _fact(name, value) for name, value in told.items() if name not in _UNSAID
    }
    return {what: f"{told['level']} {told['msg']}", **facts}


def _fact(name: str, value: object) -> str:
    if name == "vars.uuid":
        return "ID"
    if name == "http.request.remoteaddr":
        return re.sub(r":\d+$", ":PORT", str(value))
    return _alike(value if isinstance(value, str) else json.dumps(value))


def counts(setup: str, answers: Sequence[Both], counted: Counted) -> Iterator[Difference]:
    """Every figure that is not alike, as far as it does not follow from what was answered."""
    theirs = _beyond(counted.theirs, [(each.case, each.theirs) for each in answers])
    ours = _beyond(counted.ours, [(each.case, each.ours) for each in answers])
    unlike = {
        dict(labels)["handler"]
        for name, labels in {*theirs, *ours}
        if name == _REQUESTS and theirs.get((name, labels), 0) != ours.get((name, labels), 0)
    }
    for key in sorted({*theirs, *ours}):
        left, right = theirs.get(key, 0), ours.get(key, 0)
        name, labels = key[0], dict(key[1])
        if name == _ASKED and labels["handler"] in unlike:
            # Other requests were counted, so their bytes are others.
            continue
        if left != right:
            case = Case(
                route=labels["handler"].replace("_", "-"),
                method=labels.get("method", "any").upper(),
                condition=labels.get("code", "all"),
            )
            yield Difference(setup, case, name, f"{left:+.0f}", f"{right:+.0f}")


def _beyond(
    grown: Mapping[Sample, float], answers: Iterable[tuple[Case, Answer]]
) -> dict[Sample, float]:
    expected: Counter[Sample] = Counter()
    for case, answer in answers:
        if case.route in _HANDLED:
            handler, method = case.route.replace("-", "_"), case.method.lower()
            code = str(answer.status)
            expected[sample(_REQUESTS, code=code, handler=handler, method=method)] += 1
            expected[sample(_SENT, handler=handler)] += len(answer.body)
    found = {key: value for key, value in grown.items() if key[0] in {_REQUESTS, _SENT, _ASKED}}
    return {key: found.get(key, 0) - expected[key] for key in {*found, *expected}}


_REQUESTS = "registry_http_requests_total"
_SENT = "registry_http_response_size_bytes_sum"
_ASKED = "registry_http_request_size_bytes_sum"
_HANDLED = frozenset(
    {"base", "catalog", "tags", "manifest", "blob", "blob-upload", "blob-upload-chunk"}
)


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
