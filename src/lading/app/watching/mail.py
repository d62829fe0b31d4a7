"""Log lines by mail. Whoever logs never waits for a mail server.

A worker sends its own, in a thread; the parent of all workers may have none, and sends what it
logs by a process for each mail.
"""

import logging
import os
import queue
import signal
import smtplib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage
from typing import NoReturn

from lading.app.config.values import split_address
from lading.app.config.watching import HookConfig
from lading.app.log_forms import facts, level_name
from lading.app.watching.trust import trusting

log = logging.getLogger(__name__)

_WAITING = 100
_SENDERS = 4
_PATIENCE = 30.0
_LAST_WAIT = 2.0
_LOOK = 0.02
_LEVELS = {
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


class _Hook(logging.Handler, ABC):
    """Makes mails of events of some levels, and sends them.

    That mails cannot be sent is logged when it begins.
    """

    def __init__(self, config: HookConfig) -> None:
        super().__init__()
        self._config = config
        self._levels = {_LEVELS[level] for level in config.levels}
        self._failing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take *record*, if somebody wants it."""
        # Mail about mail that cannot be sent would never end.
        if record.levelno in self._levels and record.name != __name__:
            self.post(self._mail(record))

    @abstractmethod
    def post(self, mail: EmailMessage) -> None:
        """See to it that *mail* is sent, without waiting for that."""

    def _mail(self, record: logging.LogRecord) -> EmailMessage:
        event = _sendable(" ".join(record.getMessage().split()))
        host = split_address(self._config.smtp)[0]
        mail = EmailMessage()
        mail["Subject"] = f"[{level_name(record.levelno)}] {host}: {event}"[:200]
        mail["From"] = self._config.sender
        mail["To"] = ", ".join(self._config.recipients)
        told = "".join(f"{name}: {value}\n" for name, value in facts(record).items())
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        mail.set_content(_sendable(f"{event}\n\n{told}\n{trace}"))
        return mail

    def send(self, mail: EmailMessage) -> None:
        """Send *mail*, or log that it cannot be sent."""
        try:
            self._send(mail)
        # A password that is not ASCII, for instance, is a wrong value to the library.
        except (OSError, smtplib.SMTPException, ValueError) as error:
            self.failed(str(error))
        else:
            self._failing = False

    def _send(self, mail: EmailMessage) -> None:
        host, port = split_address(self._config.smtp)
        with smtplib.SMTP(host, port, timeout=_PATIENCE) as server:
            server.ehlo_or_helo_if_needed()
            encrypted = server.has_extn("starttls")
            if encrypted:
                server.starttls(context=trusting())
            if self._config.username:
                if not encrypted and host not in {"localhost", "127.0.0.1", "::1"}:
                    raise smtplib.SMTPException("a password is not sent without encryption")
                server.login(self._config.username, self._config.password)
            server.send_message(mail)

    def failed(self, reason: str) -> None:
        """Log that mails cannot be sent, if that is news."""
        if not self._failing:
            self._failing = True
            log.warning(
                "mail cannot be sent", extra={"server": self._config.smtp, "reason": reason}
            )


def _sendable(text: str) -> str:
    """*text*, without what no encoding has: bytes of names of files that are no text."""
    return text.encode(errors="backslashreplace").decode()


class MailHook(_Hook):
    """Sends mails in a thread of its own; what comes while many wait is dropped."""

    def __init__(self, config: HookConfig) -> None:
        super().__init__(config)
        self._waiting: queue.Queue[EmailMessage | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="lading-mail", daemon=True)
        self._thread.start()

    def post(self, mail: EmailMessage) -> None:
        """Let *mail* wait for the thread."""
        try:
            self._waiting.put_nowait(mail)
        except queue.Full:
            self.failed("too many mails wait to be sent")

    def close(self) -> None:
        """Send what waits, unless that takes too long."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            self.failed("the server ended before all mails were sent")
        else:
            self._thread.join(_LAST_WAIT)
        super().close()

    def _run(self) -> None:
        while (mail := self._waiting.get()) is not None:
            self.send(mail)


class ForkedMailHook(_Hook):
    """Sends each mail in a process of its own, for a process that has no threads.

    What comes while many are being sent is dropped; so is what other processes log that are forked
    within.
    """

    def __init__(self, config: HookConfig) -> None:
        super().__init__(config)
        self._owner = os.getpid()
        self._senders: list[int] = []

    def post(self, mail: EmailMessage) -> None:
        """Send *mail* in a new process."""
        if os.getpid() != self._owner:
            return
        self._senders = [pid for pid in self._senders if os.waitpid(pid, os.WNOHANG) == (0, 0)]
        if len(self._senders) >= _SENDERS:
            self.failed("too many mails wait to be sent")
            return
        pid = os.fork()
        if pid == 0:
            self._be_sender(mail)
        self._senders.append(pid)

    def close(self) -> None:
        """Wait for what is being sent, unless that takes too long."""
        end = time.monotonic() + _LAST_WAIT
        if os.getpid() == self._owner:
            for pid in self._senders:
                while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < end:
                    time.sleep(_LOOK)
        super().close()

    def _be_sender(self, mail: EmailMessage) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            # Sockets and locks of the server are not to outlive it in here.
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            self.send(mail)
        finally:
            # Whatever happens, nothing may return into the code of the server.
            os._exit(0)


@contextmanager
def mailing(
    hooks: Sequence[HookConfig], how: Callable[[HookConfig], logging.Handler] = MailHook
) -> Iterator[None]:
    """Within this, logs are sent to those whom *hooks* name; *how* says by what."""
    root = logging.getLogger()
    with ExitStack() as stack:
        for config in hooks:
            hook = how(config)
            stack.callback(hook.close)
            root.addHandler(hook)
            stack.callback(root.removeHandler, hook)
        yield
