"""Registries at the other end of HTTP, in the shape that every registry has.

What a repository can be asked is in the modules of this room, one for each subject. Below them,
``asking`` sends one request and makes sure of its answer; it is told the place by ``hosts`` and
who we are by ``logins``; ``connections`` carry the bytes.
"""
