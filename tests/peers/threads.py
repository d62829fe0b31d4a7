"""Servers of the standard library, at work in a thread for as long as somebody needs them."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_work(server: socketserver.BaseServer) -> Iterator[None]:
    """Let *server* answer until this is left, and close it then."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
