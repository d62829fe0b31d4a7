"""The vocabulary of OCI content: pure values, no I/O, no dependency."""
