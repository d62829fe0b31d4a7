"""Registries at the other end of HTTP, in the shape that every registry has."""
