"""Log lines by mail. Whoever logs never waits for a mail server.

A worker sends its own; what the parent of all workers logs is not sent, since it may have no
threads.
"""

import logging
import queue
import smtplib
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage

from lading.app.config.values import split_address
from lading.app.config.watching import HookConfig
from lading.app.log_forms import facts, level_name

log = logging.getLogger(__name__)

_WAITING = 100
_PATIENCE = 30.0
_LAST_WAIT = 2.0
_LEVELS = {
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


class MailHook(logging.Handler):
    """Sends events of some levels by mail, in a thread of its own.

    What comes while many wait is dropped. That mails cannot be sent is logged when it begins.
    """

    def __init__(self, config: HookConfig) -> None:
        super().__init__()
        self._config = config
        self._levels = {_LEVELS[level] for level in config.levels}
        self._waiting: queue.Queue[EmailMessage | None] = queue.Queue(_WAITING)
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="lading-mail", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take *record*, if somebody wants it."""
        # Mail about mail that cannot be sent would never end.
        if record.levelno not in self._levels or record.name == __name__:
            return
        try:
            self._waiting.put_nowait(self._mail(record))
        except queue.Full:
            self._failed("too many mails wait to be sent")

    def close(self) -> None:
        """Send what waits, unless that takes too long."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            self._failed("the server ended before all mails were sent")
        else:
            self._thread.join(_LAST_WAIT)
        super().close()

    def _mail(self, record: logging.LogRecord) -> EmailMessage:
        event = " ".join(record.getMessage().split())
        host = split_address(self._config.smtp)[0]
        mail = EmailMessage()
        mail["Subject"] = f"[{level_name(record.levelno)}] {host}: {event}"[:200]
        mail["From"] = self._config.sender
        mail["To"] = ", ".join(self._config.recipients)
        told = "".join(f"{name}: {value}\n" for name, value in facts(record).items())
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        mail.set_content(f"{event}\n\n{told}\n{trace}")
        return mail

    def _run(self) -> None:
        while (mail := self._waiting.get()) is not None:
            try:
                self._send(mail)
            except (OSError, smtplib.SMTPException) as error:
                self._failed(str(error))
            else:
                self._failing = False

    def _send(self, mail: EmailMessage) -> None:
        host, port = split_address(self._config.smtp)
        with smtplib.SMTP(host, port, timeout=_PATIENCE) as server:
            server.ehlo_or_helo_if_needed()
            encrypted = server.has_extn("starttls")
            if encrypted:
                server.starttls(context=ssl.create_default_context())
            if self._config.username:
                if not encrypted and host not in {"localhost", "127.0.0.1", "::1"}:
                    raise smtplib.SMTPException("a password is not sent without encryption")
                server.login(self._config.username, self._config.password)
            server.send_message(mail)

    def _failed(self, reason: str) -> None:
        if not self._failing:
            self._failing = True
            log.warning(
                "mail cannot be sent", extra={"server": self._config.smtp, "reason": reason}
            )


@contextmanager
def mailing(hooks: Sequence[HookConfig]) -> Iterator[None]:
    """Within this, logs are sent to those whom *hooks* name."""
    root = logging.getLogger()
    with ExitStack() as stack:
        for config in hooks:
            hook = MailHook(config)
            stack.callback(hook.close)
            root.addHandler(hook)
            stack.callback(root.removeHandler, hook)
        yield
