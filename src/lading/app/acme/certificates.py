"""Which certificate a connection is shown: that of the name it asks for, or a proof."""

import logging
import ssl
from collections.abc import Sequence
from contextlib import suppress

from lading.app.acme.folder import Folder
from lading.app.acme.proofs import PROTOCOL
from lading.app.hello import Hello
from lading.app.tls import KeyPair, Terms

log = logging.getLogger(__name__)


class Certificates:
    """The certificates of *hosts*, taken up from *folder* as soon as they are there."""

    def __init__(self, folder: Folder, hosts: Sequence[str], terms: Terms) -> None:
        self._folder = folder
        self._pairs = {
            host: KeyPair(folder.certificate(host), folder.certificate(host), terms, awaited=True)
            for host in hosts
        }
        self._first = hosts[0]
        self._told: set[str] = set()

    def choose(self, hello: Hello) -> ssl.SSLContext | None:
        """The context for a client that says *hello*; ``None`` if there is none for it."""
        # Probes and old programs name nobody.
        pair = self._pairs.get(hello.name or self._first)
        if pair is None:
            log.info("no certificate for this name", extra={"host": hello.name})
            return None
        if PROTOCOL in hello.protocols:
            return self._proof(hello.name)
        context = pair.current()
        if context is None and hello.name not in self._told:
            self._told.add(hello.name)
            log.warning(
                "no certificate yet: connections are refused until the authority has given one",
                extra={"host": hello.name or self._first},
            )
        return context

    def _proof(self, host: str) -> ssl.SSLContext | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols([PROTOCOL.decode()])
        with suppress(OSError):
            context.load_cert_chain(self._folder.proof(host))
            return context
        log.warning("asked for a proof that is not wanted", extra={"host": host})
        return None
