"""Log lines by mail, to a mail server of the tests' own."""

import logging
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from lading.app.config.watching import HookConfig
from lading.app.watching.mail import ForkedMailHook, MailHook, mailing
from tests.peers.mail import MailServer
from tests.peers.threads import at_work

log = logging.getLogger("x")


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server that runs."""
    server = MailServer()
    with at_work(server):
        yield server


def hook(address: str, **settings: object) -> HookConfig:
    """Somebody who wants errors by mail."""
    told = {"sender": "registry@example.org", "recipients": ("ann@example.org",), **settings}
    return HookConfig(smtp=address, **told)  # type: ignore[arg-type]  # settings of several types


@pytest.mark.enable_socket
def test_event_is_sent_with_its_facts(server: MailServer) -> None:
    """The subject says what happened and how bad it is; leaving waits for what is under way."""
    with mailing([hook(server.address, levels=("error",))]):
        log.error("blob\r\nnot deleted", extra={"digest": "sha256:00"})
        log.warning("not for mail")

    [mail] = server.mails
    assert "Subject: [error] 127.0.0.1: blob not deleted\r\n" in mail
    assert "To: ann@example.org\r\n" in mail
    assert "digest: sha256:00" in mail


@pytest.mark.enable_socket
def test_levels_are_those_that_were_asked_for(server: MailServer) -> None:
    """Not a threshold: who wants warnings does not get errors."""
    with mailing([hook(server.address, levels=("warn", "fatal"))]):
        log.error("an error")
        log.warning("a warning")
        log.critical("the end")

    assert [mail.split("Subject: ")[1].splitlines()[0] for mail in server.mails] == [
        "[warning] 127.0.0.1: a warning",
        "[fatal] 127.0.0.1: the end",
    ]


@pytest.mark.enable_socket
def test_mail_server_that_is_gone_is_told_once(
    server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever logs goes on, and mail about mail is never sent."""
    server.server_close()

    with mailing([hook(server.address, levels=("error", "warning"))]):
        for _ in range(3):
            log.error("it happened")

    told = [record for record in caplog.records if record.getMessage() == "mail cannot be sent"]
    assert len(told) == 1
    assert vars(told[0])["server"] == server.address


@pytest.mark.enable_socket
def test_password_is_not_sent_without_encryption(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody on the way reads it; to this machine itself there is no way."""
    with mailing([hook("localhost.invalid:25", username="ann", password="hush")]):
        log.error("it happened")

    assert "mail cannot be sent" in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.enable_socket
def test_text_that_cannot_be_encoded_is_sent_nevertheless(server: MailServer) -> None:
    """Names of files may be any bytes, and whoever logs one does not fail for a mail."""
    sender = MailHook(hook(server.address, levels=("error",)))
    lost = log.makeRecord(
        "x", logging.ERROR, __file__, 1, "lost \udcff", (), None, extra={"file": "a\udcfe"}
    )

    # By itself: what the tests are run by cannot pass on such a line either.
    sender.handle(lost)
    sender.close()

    [mail] = server.mails
    assert "Subject: [error] 127.0.0.1: lost \\udcff\r\n" in mail
    assert "file: a\\udcfe\r\n" in mail


@pytest.mark.enable_socket
def test_password_that_cannot_be_sent_is_told(
    server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread goes on, and does not leave mails to wait for ever."""
    with mailing([hook(server.address, username="änn", password="hush", levels=("error",))]):
        log.error("it happened")

    assert "mail cannot be sent" in caplog.text


@pytest.mark.enable_socket
def test_process_without_threads_sends_by_others(server: MailServer) -> None:
    """What the parent of the workers logs is told of as well, and what they log only once."""
    with mailing([hook(server.address, levels=("error",))], ForkedMailHook):
        threads = threading.active_count()
        log.error("a worker does not stop")
        assert threading.active_count() == threads
        if (worker := os.fork()) == 0:
            log.error("what a worker says")
            os._exit(0)
        os.waitpid(worker, 0)

    [mail] = server.mails
    assert "Subject: [error] 127.0.0.1: a worker does not stop\r\n" in mail


@pytest.mark.enable_socket
def test_mail_that_takes_long_keeps_nothing_of_the_server_open() -> None:
    """A new server gets the locks and addresses of the one that ended, whoever still sends."""
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as silent, ours:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        handler = ForkedMailHook(hook(address, levels=("error",)))
        handler.handle(logging.makeLogRecord({"levelno": logging.ERROR, "msg": "it happened"}))
        conversation, _ = silent.accept()

        theirs.close()

        # The end of the other side is seen, though the sender is still there.
        ours.settimeout(30)
        assert ours.recv(1) == b""
        conversation.close()
        handler.close()


@pytest.mark.enable_socket
def test_parent_drops_mail_while_much_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    """A mail server that hangs does not fill the machine with processes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with mailing([hook(address, levels=("error",))], ForkedMailHook):
            for _ in range(6):
                log.error("it happened")
            conversations = [silent.accept()[0] for _ in range(4)]
            for each in conversations:
                each.close()

    told = [record for record in caplog.records if record.getMessage() == "mail cannot be sent"]
    assert [vars(record)["reason"] for record in told] == ["too many mails wait to be sent"]
