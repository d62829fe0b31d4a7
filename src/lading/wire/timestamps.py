"""Times as Go writes them, for those who read what Distribution wrote: logs and notices."""

from datetime import UTC, datetime
from functools import lru_cache


def timestamp(moment: datetime) -> str:
    """*moment* in the zone of this machine: RFC 3339, without zeros at the end."""
    second, zone = _second(int(moment.timestamp()))
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{second}{fraction}{zone}"


@lru_cache(maxsize=4)
def _second(second: int) -> tuple[str, str]:
    """The part that many times share, and the zone."""
    local = datetime.fromtimestamp(second, UTC).astimezone()
    zone = local.strftime("%z")
    return (
        local.strftime("%Y-%m-%dT%H:%M:%S"),
        "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:5]}",
    )
