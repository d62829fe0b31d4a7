"""Distribution's configuration: each of its keys, and what it means for the tree of settings.

`keys` is the whole table, `variables` lays ``REGISTRY_*`` over a file, `meaning` reads both.
"""
