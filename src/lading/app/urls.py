"""URLs that an operator names, and what opens them: a login before the host, a word in the query."""

import re
from urllib.parse import unquote

from lading.client.connections.origin import Origin
from lading.errors import ReferenceInvalid
from lading.wire.challenges import basic_credentials

_LOGIN = re.compile(r"(?<=://)[^/?#]*@")


def parted(url: str) -> tuple[str, str | None]:
    """*url* without its login, and the ``Authorization`` that says the same, if it has one."""
    found = _LOGIN.search(url)
    if found is None:
        return url, None
    name, _, password = found[0].removesuffix("@").partition(":")
    return _LOGIN.sub("", url), basic_credentials(unquote(name), unquote(password))


def reachable(url: str) -> str:
    """*url*, which may have a login, if HTTP can reach it.

    Raises:
        ValueError: it cannot.
    """
    try:
        Origin.parse(parted(url)[0])
    except ReferenceInvalid:
        raise ValueError(shown(url)) from None
    return url


def shown(url: str) -> str:
    """*url*, which need not be one, as anybody may see it."""
    return parted(url)[0].partition("?")[0]
