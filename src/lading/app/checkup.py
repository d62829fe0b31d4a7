"""What ails a server: its configuration, its directory, and the machine, each with what would help.

Nothing is changed. A server may run meanwhile; then its own limits are looked at, not ours.
"""

import ipaddress
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lading.app.access import callers, check_access
from lading.app.config.sources import examined
from lading.app.config.tree import Config
from lading.app.config.values import split_address
from lading.app.directory import holds_registry, is_unfinished, server_of
from lading.app.doors import listening
from lading.app.encryption import encryption
from lading.app.findings import Finding, Verdict
from lading.app.versions import versions
from lading.errors import ConfigInvalid, LadingError
from lading.metadata.sqlite_file import is_prepared, structural_damage
from lading.storage.root import NETWORK, file_system, giving, holds_blobs

_OPEN_FILES = 4096
_SPARE = 0.05
"""The share of a file system that is too little to go on with."""
_DAYS = 21
"""How long a certificate has to last still."""
_LATE = 60.0
"""Seconds by which something may have been written in the future, by the clock."""
_MASK = "Start the server with a umask of 027, or 022: UMask= for systemd, umask in a shell."


_Answer = tuple[Verdict, str, str]


def check_up(*, file: str | None = None, root: str | None = None) -> Iterator[Finding]:
    """What there is to say about a server that has this configuration file and directory; blocks.

    Variables of the environment count, as they do for the server.
    """
    loaded, mistakes = examined(file=Path(file) if file else None, flags={"root": ("--root", root)})
    for mistake in mistakes:
        yield Finding("configuration", Verdict.FAILED, str(mistake), mistake.advice)
    for warning in loaded.warnings:
        yield Finding("configuration", Verdict.POOR, warning)
    if mistakes:
        return
    if not loaded.warnings:
        yield Finding("configuration", Verdict.GOOD)
    config = loaded.config
    for subject, look in _LOOKS.items():
        if config.temporary and subject in _OF_THE_DIRECTORY:
            continue
        try:
            verdict, detail, advice = look(config)
        except ConfigInvalid as error:
            placed = loaded.placed(error)
            verdict, detail, advice = Verdict.FAILED, str(placed), placed.advice
        except LadingError as error:
            verdict, detail, advice = Verdict.FAILED, str(error), error.advice
        except OSError as error:
            verdict, detail = Verdict.FAILED, f"{error.filename}: {error.strerror}"
            advice = "Run this as the user that the server is."
        yield Finding(subject, verdict, detail, advice)


def space(free: int, whole: int, *, of: str, advice: str) -> _Answer:
    """How it is to have so much left of it."""
    detail = f"{free * 100 // whole if whole else 100} % of the {of} are free"
    if whole and not free:
        return Verdict.FAILED, detail, advice
    return (Verdict.POOR, detail, advice) if free < whole * _SPARE else (Verdict.GOOD, detail, "")


def lasting(begins: datetime, ends: datetime, now: datetime) -> _Answer:
    """How it is to show a certificate of these dates."""
    detail = f"valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
    if now < begins:
        return Verdict.FAILED, detail, "Set the clock, or wait."
    if now >= ends:
        return Verdict.FAILED, detail, "Replace the files; the server takes them up by itself."
    if (ends - now).days < _DAYS:
        return Verdict.POOR, detail, "Renew it soon; the server takes new files up by itself."
    return Verdict.GOOD, detail, ""


def open_files(limits: str) -> _Answer:
    """How it is to have the limits in this text of ``/proc/PID/limits``."""
    line = next((each for each in limits.splitlines() if each.startswith("Max open files")), "")
    hard = (line.split() or [""])[-2:][0]
    if not hard.isdigit() or int(hard) >= _OPEN_FILES:
        return Verdict.GOOD, f"at most {hard or 'unknown'}", ""
    advice = "Allow 65536: LimitNOFILE= for systemd, --ulimit nofile= for docker, or ulimit -Hn."
    return Verdict.POOR, f"at most {hard}, one for each client", advice


def mask(status: str) -> _Answer:
    """How it is to have the umask in this text of ``/proc/PID/status``."""
    line = next((each for each in status.splitlines() if each.startswith("Umask:")), "")
    if not line:
        return Verdict.GOOD, "unknown", ""
    value = int(line.split()[1], 8)
    if value & 0o700:
        return Verdict.FAILED, f"{value:04o}: the server cannot use what it makes", _MASK
    if not value & 0o002:
        return Verdict.POOR, f"{value:04o}: everybody may change what the server makes", _MASK
    return Verdict.GOOD, f"{value:04o}", ""


def _version(_: Config) -> _Answer:
    found = versions()
    return (
        Verdict.GOOD,
        ", ".join(f"{name} {found[name]}" for name in ("lading", "python", "sqlite")),
        "",
    )


def _half(root: Path) -> _Answer | None:
    """What is to be said of blobs without a database."""
    if is_unfinished(root):
        advice = "Give that command again, which completes it."
        return Verdict.FAILED, f"a restore or backup to {root} was cut off", advice
    if not holds_registry(root) and holds_blobs(root):
        advice = "Restore the database from the same backup, or begin in an empty directory."
        return Verdict.FAILED, f"{root} holds blobs and no database", advice
    return None


def _directory(config: Config) -> _Answer:
    root = config.root
    if not root.is_dir():
        return Verdict.POOR, f"{root} is not there yet", "Check its name; the first start makes it."
    if found := _half(root):
        return found
    parts = _parts(root)
    closed = [each for each in parts if not _is_open(each)]
    if closed:
        detail = f"uid {os.geteuid()} cannot write {closed[0]}"
        return Verdict.FAILED, detail, f"As the server's user it has to: {giving(str(root))}"
    own = root.stat()
    others = [each for each in parts if each.stat().st_uid != own.st_uid]
    if others:
        detail = f"{root} belongs to uid {own.st_uid}, and {others[0]} does not"
        return Verdict.POOR, detail, giving(str(root), (own.st_uid, own.st_gid))
    if own.st_mode & 0o002:
        return Verdict.POOR, f"everybody may write {root}", f"chmod o-w {root}"
    new = "" if holds_registry(root) else ", no registry in it yet"
    return Verdict.GOOD, f"{root}, of uid {own.st_uid}{new}", ""


def _is_open(path: Path) -> bool:
    wanted = os.W_OK | os.X_OK if path.is_dir() else os.W_OK
    return os.access(path, wanted, effective_ids=True)


def _parts(root: Path) -> Sequence[Path]:
    """What every server has there, as far as it is there already, without the content itself."""
    folders = [root, *(root / each for each in ("metadata", "uploads", "quarantine", "docker"))]
    files = [*root.glob("*.lock"), *(root / "metadata").glob("*")]
    return [each for each in (*folders, *files) if each.exists()]


def _place(config: Config) -> Path:
    """The directory, or what is above it and there."""
    place = config.root.absolute()
    return next(each for each in (place, *place.parents) if each.is_dir())


def _file_system(config: Config) -> _Answer:
    kind = file_system(str(_place(config)))
    if kind in NETWORK:
        detail = f"{kind}, over the network, where locks and syncs cannot be trusted"
        return Verdict.FAILED, detail, "Put the directory on a local disk."
    return Verdict.GOOD, kind or "unknown", ""


def _disk(config: Config) -> _Answer:
    found = shutil.disk_usage(_place(config))
    advice = f"Enlarge the disk, or see what can go: lading gc --root {config.root} --dry-run"
    return space(found.free, found.total, of="bytes", advice=advice)


def _inodes(config: Config) -> _Answer:
    found = os.statvfs(_place(config))
    advice = "Each blob is a file: make the file system with more inodes."
    return space(found.f_favail, found.f_files, of="inodes", advice=advice)


def _database(config: Config) -> _Answer:
    if not holds_registry(config.root):
        return Verdict.GOOD, "none yet", ""
    if not is_prepared(config.root):
        return (
            Verdict.POOR,
            "of an older version",
            "The next server that starts brings it up to date.",
        )
    damage = structural_damage(config.root)
    if damage:
        advice = f"Stop the server, keep a copy, restore a backup: lading fsck --root {config.root}"
        return Verdict.FAILED, damage[0], advice
    return Verdict.GOOD, "whole", ""


def _clock(config: Config) -> _Answer:
    newest = max((each.stat().st_mtime for each in _parts(config.root)), default=0.0)
    if newest > time.time() + _LATE:
        written = datetime.fromtimestamp(newest, UTC)
        advice = "Set the clock and keep it right (NTP): grace periods and tokens go by it."
        return Verdict.FAILED, f"something was written at {written:%Y-%m-%d %H:%M} UTC", advice
    return Verdict.GOOD, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", ""


def _open_files(config: Config) -> _Answer:
    return open_files((_process(config) / "limits").read_text(encoding="ascii"))


def _umask(config: Config) -> _Answer:
    return mask((_process(config) / "status").read_text(encoding="utf-8", errors="replace"))


def _process(config: Config) -> Path:
    return server_of(config.root) or Path("/proc/self")


def _address(config: Config) -> _Answer:
    running = server_of(config.root)
    if running is not None:
        return Verdict.GOOD, f"a server has the directory (process {running.name})", ""
    for address in filter(None, (config.listen, config.debug.listen)):
        with listening(address, {}):
            pass
    return Verdict.GOOD, f"{config.listen} is free", ""


def _access(config: Config) -> _Answer:
    # Whatever keeps a server from letting anybody in is raised.
    check_access(config.auth)
    who = callers(config.auth)
    if who or config.read_only or _only_here(config.listen):
        return Verdict.GOOD, who or "anybody who can connect", ""
    advice = "Set auth, listen on 127.0.0.1, or let a firewall decide who comes in."
    return Verdict.POOR, f"anybody who can reach {config.listen} may push", advice


def _notifications(config: Config) -> _Answer:
    # Only who tells somebody waits for what that takes.
    from lading.app.notices import require_endpoints  # noqa: PLC0415 - as the line above says

    # Whatever keeps a server from telling them is raised.
    require_endpoints(config.notifications)
    told = [each.name for each in config.notifications.endpoints if not each.disabled]
    return Verdict.GOOD, ", ".join(told) or "nobody is told", ""


def _only_here(address: str) -> bool:
    if address.startswith("unix:"):
        return True
    host, _ = split_address(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _certificate(config: Config) -> _Answer:
    # Whatever keeps a server from using them is raised.
    encryption(config.tls, config.root)
    file = config.tls.certificate
    if file is None:
        how = "kept by the server itself" if config.tls.acme.hosts else "none: not encrypted"
        return Verdict.GOOD, how, ""
    # Only who encrypts waits for the libraries that do.
    from lading.app.tls import validity  # noqa: PLC0415 - as the line above says

    try:
        begins, ends = validity(file)
    except ValueError:
        # OpenSSL takes some that are not quite as the standards want them.
        return Verdict.POOR, f"{file}: its dates cannot be read", "Have it issued anew."
    return lasting(begins, ends, datetime.now(UTC))


_LOOKS: Mapping[str, Callable[[Config], _Answer]] = {
    "version": _version,
    "data directory": _directory,
    "file system": _file_system,
    "disk space": _disk,
    "inodes": _inodes,
    "database": _database,
    "clock": _clock,
    "open files": _open_files,
    "umask": _umask,
    "address": _address,
    "access": _access,
    "certificate": _certificate,
    "notifications": _notifications,
}
_OF_THE_DIRECTORY = frozenset(
    {"data directory", "file system", "disk space", "inodes", "database", "clock"}
)
"""What there is nothing to say about when the directory is made anew by each start."""
