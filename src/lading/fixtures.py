"""A registry for the tests of any program: real, in this process, and bad on cue.

For pytest; loaded only by who asks for it::

    pytest_plugins = ["lading.fixtures"]

    async def test_my_program(oci_registry):
        await push_my_way(oci_registry.repository("team/app"))      # no socket, no Docker

    def test_my_command(oci_registry):
        oci_registry.trouble.slow_down(retry_after=1)               # the next request gets a 429
        address = oci_registry.listen()                             # 127.0.0.1:PORT
        subprocess.run(["my-command", f"{address}/team/app:v1"], check=True)
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lading.app.stand_in import StandIn, stand_in


@pytest.fixture
def oci_registry(new_oci_registry: Callable[[], StandIn]) -> StandIn:
    """An empty registry that lives as long as the test."""
    return new_oci_registry()


@pytest.fixture
def new_oci_registry() -> Iterator[Callable[[], StandIn]]:
    """Makes empty registries that live as long as the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(stand_in())
