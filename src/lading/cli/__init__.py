"""The command line: thin voices over the library, one file for each command."""
