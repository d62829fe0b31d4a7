"""What clients do before they believe that a registry speaks plain HTTP."""

import socket
import ssl

import pytest

from tests.peers.servers import Server

PATIENCE_SECONDS = 5


def test_a_tls_greeting_is_answered(registry: Server) -> None:
    """Docker, podman and crane try HTTPS first; without an answer each call waits for ten seconds."""
    context = ssl.create_default_context()
    address = (registry.host, registry.port)

    with (
        socket.create_connection(address, PATIENCE_SECONDS) as raw,
        pytest.raises(ssl.SSLError) as caught,
    ):
        context.wrap_socket(raw, server_hostname="localhost")

    assert not isinstance(caught.value, TimeoutError)
    assert "timed out" not in str(caught.value)
