"""Lading: an OCI registry and toolkit."""
