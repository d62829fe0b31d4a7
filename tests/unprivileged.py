"""Tests that look at what a user may not do, whoever runs them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65_534
"""A user who owns nothing."""


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be `NOBODY` within this, if we are root; other users are what they are."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was == 0:
            os.seteuid(0)
