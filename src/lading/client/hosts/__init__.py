"""Where a registry is to be found, and what is configured about it."""
