"""What the parts around the face are told of the configuration."""

from lading.app.config.tree import Config
from lading.app.watching.around import driver


def test_the_store_is_called_as_distribution_calls_it() -> None:
    """Metrics and checks of health name it: a store that is gone at the end is in memory there."""
    assert driver(Config()) == "filesystem"
    assert driver(Config(temporary=True)) == "inmemory"
