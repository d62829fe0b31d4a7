"""What statuses are called, in answers, metrics and documentation."""

from collections.abc import Mapping
from http import HTTPStatus

# Python 3.13 gave these the names of RFC 9110; what dashboards look for keeps the older ones.
_OLDER = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}

PHRASES: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus} | _OLDER
"""The usual words for each status, the same on every Python."""
