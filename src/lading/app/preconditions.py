"""What has to be right about the files and URLs that a configuration names, before a server starts.

Nothing is changed, and no network asked. The server looks at the same things when it starts.
"""

from collections.abc import Callable, Iterator

from lading.app.access import check_access
from lading.app.config.tree import Config
from lading.app.encryption import encryption
from lading.app.notices import mistaken_endpoints
from lading.errors import ConfigInvalid


def unmet(config: Config) -> Iterator[ConfigInvalid]:
    """All that would keep a server of this *config* from starting."""
    yield from mistaken_endpoints(config.notifications)
    looks: tuple[Callable[[], object], ...] = (
        lambda: encryption(config.tls, config.root),
        lambda: check_access(config.auth),
    )
    for look in looks:
        try:
            look()
        except ConfigInvalid as error:
            yield error
