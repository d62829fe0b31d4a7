"""A server that says exactly what a test tells it to, over real sockets."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

Script = Callable[["Talk"], None]
"""What is said on one connection, from its beginning on; the connection closes after it."""


class Talk:
    """One connection, seen from the server."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        """How many connections came before this one."""
        self.heads: list[str] = []
        self._rest = b""

    def head(self) -> str:
        """The next head of a request, or nothing when there is none any more."""
        while b"\r\n\r\n" not in self._rest:
            more = self.sock.recv(65536)
            if not more:
                return ""
            self._rest += more
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        self.heads.append(head.decode("latin-1"))
        return self.heads[-1]

    def body(self, length: int) -> bytes:
        """The next *length* bytes; fewer if the client leaves."""
        while len(self._rest) < length:
            more = self.sock.recv(65536)
            if not more:
                break
            self._rest += more
        body, self._rest = self._rest[:length], self._rest[length:]
        return body

    def say(self, data: bytes) -> None:
        """Send *data*; a client that left does not hear it."""
        try:
            self.sock.sendall(data)
        except OSError:
            return

    def answer(self, status: int = 200, body: bytes = b"", *fields: str) -> None:
        """Send a whole answer."""
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *fields, "", ""]
        self.say("\r\n".join(lines).encode() + body)


@dataclass
class Scripted:
    """Listens on loopback and plays *script* on each connection, in a thread of its own."""

    script: Script
    context: ssl.SSLContext | None = None
    talks: list[Talk] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.context else 'http'}://localhost:{self.port}"

    @property
    def heads(self) -> list[str]:
        """Every head of a request that came, over all connections."""
        return [head for talk in self.talks for head in talk.heads]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._play, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _play(self, sock: socket.socket) -> None:
        try:
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True)
            talk = Talk(sock, len(self.talks))
            self.talks.append(talk)
            self.script(talk)
        except OSError:
            return
        finally:
            sock.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for talk in self.talks:
            try:
                socket.socket.shutdown(talk.sock, socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join()


@dataclass(frozen=True)
class Authority:
    """An authority made on the spot, and a certificate of its own for localhost."""

    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server needs to be *localhost*."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_authority(folder: Path, *, name: str = "localhost") -> Authority:
    """An authority called Harbour Office, and a certificate for *name*."""
    made = Authority(folder / "ca.crt", folder / "server.crt", folder / "server.key")
    ca_key = folder / "ca.key"
    request = folder / "server.csr"
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(
        "req", "-x509", *curve, "-keyout", ca_key, "-out", made.ca, "-days", "2",
        "-subj", "/O=Port of Nowhere/CN=Harbour Office",
    )  # fmt: skip
    _openssl("req", *curve, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
    _openssl(
        "x509", "-req", "-in", request, "-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial",
        "-out", made.certificate, "-days", "2", "-extfile", extensions,
    )  # fmt: skip
    return made


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
