"""Options of the fault tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--kills``."""
    parser.addoption(
        "--kills", type=int, default=20, help="how often the server is killed under load"
    )


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often the server is to be killed in all."""
    return int(request.config.getoption("--kills"))
