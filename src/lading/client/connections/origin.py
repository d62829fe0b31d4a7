"""Origins: who is at the other end (RFC 6454, RFC 9110, 4.3.1).

Whether credentials, certificates and headers may go along is decided by comparing origins, so
two ways to write the same one are equal here (trap T46).
"""

import ipaddress
from typing import NamedTuple, Self
from urllib.parse import SplitResult, urljoin, urlsplit

from lading.errors import ReferenceInvalid

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A scheme, a host and a port; ``host`` is in lower case, without the brackets of IPv6."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Self:
        """The origin of *url*; a path behind it does not matter.

        Raises:
            ReferenceInvalid: it is no URL of HTTP.
        """
        parts = _split(url)
        return cls(parts.scheme, (parts.hostname or "").lower(), _port(parts))

    @property
    def netloc(self) -> str:
        """Host and port as a ``Host`` field says them: a default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine (RFC 6761, 6.3)."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_safe(self) -> bool:
        """Whether what is sent there cannot be read on the way."""
        return self.scheme == "https" or self.is_loopback

    @property
    def how_to_encrypt(self) -> str:
        """What to do about a server that speaks TLS and was spoken to without."""
        if self.is_loopback:
            return (
                f"{self.netloc} is this machine, where TLS is spoken only when --ca-file or "
                f"--insecure is given, or certificates are in certs.d/{self.netloc}."
            )
        return f"{self.netloc} speaks TLS: leave out --plain-http."

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


def resolved(url: str, reference: str) -> str:
    """What *reference* means in an answer from *url*, without a fragment (RFC 3986, 5).

    Raises:
        ReferenceInvalid: it is no URL of HTTP, or says a name and a password.
    """
    try:
        # What joins them leaves line breaks out, and would make another URL of it.
        parts = _split(urljoin(url, _clean(reference)))
    except ValueError:
        raise ReferenceInvalid(f"{reference[:200]!r} is not a URL") from None
    if parts.username is not None or parts.password is not None:
        raise ReferenceInvalid(f"{parts.hostname} with a name and a password before it")
    # A path without a host would be another path; nobody has to send one.
    return parts._replace(path=parts.path or "/", fragment="").geturl()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(_clean(url))
        usable = parts.scheme in _PORTS and bool(parts.hostname) and _port(parts) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ReferenceInvalid(f"{url[:200]!r} is not a URL that begins with https:// or http://")
    return parts


def _clean(url: str) -> str:
    # What follows a control character or a space would be read as another part of the request.
    if any(ord(each) <= 32 or ord(each) == 127 for each in url):
        raise ValueError(url)
    return url


def _port(parts: SplitResult) -> int:
    return _PORTS[parts.scheme] if parts.port is None else parts.port
