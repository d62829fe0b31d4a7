"""A registry that is gone when its server ends: everything is in a directory of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lading.app.config.tree import Config


@contextmanager
def housed(config: Config) -> Iterator[Config]:
    """*config* with the root that is to be used; a temporary one is removed in the end."""
    if not config.temporary:
        yield config
        return
    folder = Path(tempfile.mkdtemp(prefix="lading-"))
    try:
        yield replace(config, root=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
