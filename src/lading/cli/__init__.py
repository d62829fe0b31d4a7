"""The command line: thin voices over the library, one file for each command."""

import gc

USUAL = gc.get_threshold()
"""How often garbage is looked for once a command runs."""

# What is imported stays, and to look for garbage among it would take a tenth of the start.
gc.set_threshold(50_000, *USUAL[1:])
