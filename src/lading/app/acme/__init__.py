"""Certificates that the server gets for itself (RFC 8555): asked for, kept, shown, renewed."""
