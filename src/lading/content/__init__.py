"""Algorithms over the interfaces: the same for every repository, wherever it lives."""
