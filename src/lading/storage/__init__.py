"""Where bytes are kept: stores of blobs, known to each other by nothing but the interface."""
