"""Connections to registries: made, kept, spoken over. Nothing here knows what is said."""
