"""A mail server of the tests' own."""

import socketserver


class MailServer(socketserver.TCPServer):
    """Takes mail, one after another, and keeps it in ``mails``; speaks just enough of RFC 5321."""

    allow_reuse_address = True

    def __init__(self) -> None:
        self.mails: list[str] = []
        super().__init__(("127.0.0.1", 0), _Conversation)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Answer commands until the client quits."""
        assert isinstance(self.server, MailServer)
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            match line.split()[0].upper():
                case "EHLO":
                    self._say("250-here")
                    self._say("250 AUTH PLAIN")
                case "DATA":
                    self._say("354 go on")
                    lines = []
                    while (text := self.rfile.readline()) != b".\r\n":
                        lines.append(text.decode())
                    self.server.mails.append("".join(lines))
                    self._say("250 kept")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 fine")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")
