"""Where a server can be reached: addresses, sockets in the file system, sockets of systemd.

A listening socket is made here and handed on; nothing here takes connections.
"""

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lading.app.config.values import split_address
from lading.errors import AddressUnusable

_BACKLOG = 4096
_LOCAL = "unix:"
_FIRST_HANDED = 3
"""The descriptor at which those that systemd hands over begin (sd_listen_fds(3))."""
_UNPACED = b"reno"
"""A congestion control that sends as fast as it may; every kernel has it, for everybody."""


@contextmanager
def listening(address: str, environment: Mapping[str, str]) -> Iterator[list[socket.socket]]:
    """Listen on the socket that *environment* says systemd handed over, or else at *address*.

    A socket in the file system is unlinked at the end, if it is still the one that was made here.

    Raises:
        AddressUnusable: it is taken, not ours, or not to be found; systemd hands over several.
    """
    handed = handed_over(environment)
    listeners = handed or bind(address)
    path = "" if handed or not address.startswith(_LOCAL) else address.removeprefix(_LOCAL)
    made = _identity(path)
    try:
        yield listeners
    finally:
        for each in listeners:
            each.close()
        # Another server may have put its own there meanwhile.
        if made is not None and _identity(path) == made:
            with contextlib.suppress(OSError):
                Path(path).unlink()


def bind(address: str) -> list[socket.socket]:
    """Listen on all that *address* (``HOST:PORT``, ``unix:PATH``, or nothing: any port) names.

    Without a host, and at ``[::]``, those are all addresses of IPv4 and, if there is any, of IPv6.

    Raises:
        AddressUnusable: it is taken, not ours, or not to be found.
    """
    if address.startswith(_LOCAL):
        return [_local(address.removeprefix(_LOCAL))]
    host, port = split_address(address or ":0")
    everywhere = host in {"", "::"}
    try:
        found = socket.getaddrinfo(
            None if everywhere else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise AddressUnusable(f"{address}: {error.strerror}") from None
    listeners: list[socket.socket] = []
    try:
        for family, _, _, _, where in dict.fromkeys(found):
            if everywhere and not _known(family):
                continue
            # All addresses of one name get one port, also when the system is to pick it.
            picked = listeners[0].getsockname()[1] if listeners else port
            listeners.append(_listener(family, (where[0], picked, *where[2:])))
    except OSError as error:
        for each in listeners:
            each.close()
        raise AddressUnusable(f"{address}: {_why(error)}") from None
    return listeners


def handed_over(environment: Mapping[str, str]) -> list[socket.socket]:
    """The listening socket that systemd made for this process, if it made one.

    Raises:
        AddressUnusable: it made several, or something else.
    """
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = environment.get("LISTEN_FDS", "")
    if count in {"", "0"}:
        return []
    if count != "1":
        raise AddressUnusable(
            f"systemd hands over {count} sockets and one can be used: keep one ListenStream"
        )
    try:
        listener = socket.socket(fileno=_FIRST_HANDED)
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise AddressUnusable("the socket of systemd does not listen: it needs ListenStream")
        _tune(listener)
    except OSError as error:
        raise AddressUnusable(f"the socket of systemd: {error.strerror}") from None
    listener.set_inheritable(False)
    listener.setblocking(False)
    return [listener]


def _known(family: int) -> bool:
    """Whether this kernel has heard of addresses of *family*."""
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno != errno.EAFNOSUPPORT
    return True


def _listener(family: int, where: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(where)
        _tune(listener)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _tune(listener: socket.socket) -> None:
    """What accepted sockets inherit."""
    if listener.family == socket.AF_UNIX:
        return
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback:
        # Nothing is congested there, but the control that a system prefers may pace packets
        # all the same (bbr does), with a timer for each: a download took four times the CPU time.
        with contextlib.suppress(OSError):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _UNPACED)


def _local(path: str) -> socket.socket:
    """Listen on a socket in the file system, whose mode the umask decides."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        _remove_stale(path)
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        # Python itself refuses a path that is too long for the kernel, without a number.
        raise AddressUnusable(f"{_LOCAL}{path}: {_why_not_there(error)}") from None
    return listener


def _remove_stale(path: str) -> None:
    """Make place at *path*, unless somebody listens there or it is something else."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.ENOTSOCK, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            # Whoever listened there is gone.
            Path(path).unlink()
            return
        except BlockingIOError:
            # It listens, and its queue is full.
            pass
    raise OSError(errno.EADDRINUSE, "")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "another program listens there already"
        case errno.EACCES:
            return "ports below 1024 are for privileged users"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address"
        case _:
            return str(error.strerror)


def _why_not_there(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there already"
    return str(error.strerror or error)
