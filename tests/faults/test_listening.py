"""Addresses that can be listened on, and what is said about others."""

import errno
import socket
from collections.abc import Iterator

import pytest

from lading.app.doors import bind
from lading.errors import AddressUnusable


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


def test_port_0_picks_a_free_port() -> None:
    """The real port can be asked for afterwards."""
    (listener,) = bind("127.0.0.1:0")

    with listener:
        assert listener.getsockname()[1] != 0


def test_name_with_several_addresses_gets_one_port() -> None:
    """localhost may be both 127.0.0.1 and ::1; a client must find the same server at either."""
    listeners = bind("localhost:0")

    ports = {each.getsockname()[1] for each in listeners}

    for each in listeners:
        each.close()
    assert len(ports) == 1


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_address_stands_in_brackets() -> None:
    """The brackets are those of URLs."""
    (listener,) = bind("[::1]:0")

    with listener:
        assert listener.getsockname()[0] == "::1"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
@pytest.mark.parametrize("address", [":0", "[::]:0", ""])
def test_every_address_is_that_of_both_families(address: str) -> None:
    """However it is written; clients of IPv4 are told to come in as well as those of IPv6."""
    listeners = bind(address)

    port = listeners[0].getsockname()[1]
    reached = []
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, port)) as client:
            reached.append(client.getpeername()[0])
    for each in listeners:
        each.close()
    assert reached == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("address", [":0", "[::]:0"])
def test_every_address_is_one_of_ipv4_where_there_is_no_other(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels are started without IPv6, and what is written for others is served there too."""

    class WithoutIpv6(socket.socket):
        def __init__(self, family: int = -1, type: int = -1) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, type)

    monkeypatch.setattr(socket, "socket", WithoutIpv6)

    (listener,) = bind(address)

    with listener:
        assert listener.family == socket.AF_INET


def _control(of: socket.socket) -> bytes:
    """The congestion control of a socket; those that are accepted from it inherit it."""
    return of.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.8.9.10:0", "localhost:0"])
def test_nothing_is_paced_on_the_way_to_the_machine_itself(address: str) -> None:
    """bbr, which some systems prefer, starts a timer for each packet: four times the CPU time."""
    listeners = bind(address)

    controls = {_control(each) for each in listeners}

    for each in listeners:
        each.close()
    assert controls == {b"reno"}


def test_network_keeps_the_congestion_control_that_the_system_prefers() -> None:
    """How packets travel through a network is its administrator's choice, not the server's."""
    with socket.socket() as untouched:
        preferred = _control(untouched)

    (listener,) = bind("0.0.0.0:0")

    with listener:
        assert _control(listener) == preferred


def test_taken_port_is_named(taken: int) -> None:
    """The error says who is in the way, and the advice how to choose another."""
    with pytest.raises(AddressUnusable, match="another program listens there already") as caught:
        bind(f"127.0.0.1:{taken}")

    assert f"127.0.0.1:{taken}" in str(caught.value)
    assert "--listen" in caught.value.advice


def test_address_of_another_machine_is_refused() -> None:
    """Listening on what is not ours fails before anything else is done (RFC 5737 address)."""
    with pytest.raises(AddressUnusable, match="this machine has no such address"):
        bind("192.0.2.1:0")
