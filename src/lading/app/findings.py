"""What a doctor finds: one thing that was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What came of a question to a registry, or how something of a server is."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    GOOD = "good"
    POOR = "poor"
    """It serves, and something should be done."""
    FAILED = "failed"
    """It has to succeed everywhere, and does not; a server would not start, or not serve."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is, and what to do about it."""

    subject: str
    verdict: Verdict
    detail: str = ""
    advice: str = ""
