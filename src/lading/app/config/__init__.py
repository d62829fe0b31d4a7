"""Configuration: one tree of settings, how they are written, and where they come from."""
