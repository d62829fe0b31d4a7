"""Contract suites and sample content, for our own implementations and for those of others."""
