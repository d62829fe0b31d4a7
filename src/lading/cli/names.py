"""What the commands are called, here and in other tools.

Nothing is imported for it: start-up time is a feature.
"""

from collections.abc import Mapping, Sequence

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Images and artifacts": {
        "copy": "Copy images, indexes and artifacts with all that refers to them.",
        "ls": "List tags, or repositories.",
        "inspect": "Show what an image or artifact is, on one page.",
        "digest": "Say what a tag names now.",
        "config": "Show the configuration of an image, or check that of a server.",
        "tree": "Show what refers to an image, as a tree.",
        "check": "Read and verify every byte of an image.",
        "tag": "Give tags to an image.",
        "untag": "Take tags away, and nothing else.",
        "rm": "Remove a tag, or a manifest.",
        "save": "Write an image to a file or directory.",
        "load": "Push an image from a file or directory.",
    },
    "Files": {
        "push": "Push files as an artifact.",
        "pull": "Pull the files of an artifact.",
        "attach": "Push files as an artifact about an image.",
    },
    "Pieces": {
        "manifest": "Get, put and remove manifests.",
        "blob": "Get, put and remove blobs.",
        "index": "Make an index of several images, and change one.",
        "api": "Send a request to a registry.",
    },
    "Access": {
        "login": "Log in to a registry.",
        "logout": "Forget a login.",
        "whoami": "Say which login is used, and where it comes from.",
        "token": "Print a token for a repository.",
        "doctor": "Find out what a registry can and cannot do, or what ails a server.",
    },
    "Serving": {
        "serve": "Serve a registry.",
        "gc": "Remove unreferenced content and waste.",
        "garbage-collect": "Remove what nothing names, as Distribution's command does.",
        "backup": "Copy a registry to another directory while it serves.",
        "restore": "Make a registry of such a copy.",
        "readonly": "Let a registry be read and not be changed, or again.",
        "fsck": "Look for damaged content, and put it right.",
        "events": "Show what happened, and who was told.",
    },
    "This program": {
        "completion": "Print the completion script of a shell.",
        "version": "Say which versions are at work.",
    },
}
"""The commands with a line about each, in the order of the help."""

COMMANDS: Mapping[str, str] = {
    name: line for section in SECTIONS.values() for name, line in section.items()
}
"""All commands with a line about each."""

_ALIASES: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("cp",): ("copy",),
    ("catalog",): ("ls",),
    ("list-tags",): ("ls",),
    ("repo", "ls"): ("ls",),
    ("repo", "list"): ("ls",),
    ("repo", "tags"): ("ls",),
    ("resolve",): ("digest",),
    ("discover",): ("tree",),
    ("delete",): ("rm",),
    ("validate",): ("check",),
    ("export",): ("save",),
    ("image", "copy"): ("copy",),
    ("image", "config"): ("config",),
    ("image", "digest"): ("digest",),
    ("image", "export"): ("save",),
    ("image", "import"): ("load",),
    ("image", "inspect"): ("config",),
    ("manifest", "fetch"): ("manifest", "get"),
    ("manifest", "fetch-config"): ("config",),
    ("manifest", "push"): ("manifest", "put"),
    ("manifest", "delete"): ("manifest", "rm"),
    ("manifest", "head"): ("digest",),
    ("manifest", "index"): ("index",),
    ("blob", "fetch"): ("blob", "get"),
    ("blob", "push"): ("blob", "put"),
    ("blob", "delete"): ("blob", "rm"),
    ("index", "append"): ("index", "add"),
    ("index", "delete"): ("index", "rm"),
    ("artifact", "put"): ("push",),
    ("artifact", "get"): ("pull",),
    ("artifact", "tree"): ("tree",),
    ("artifact", "list"): ("tree",),
    ("registry", "serve"): ("serve",),
    ("registry", "login"): ("login",),
    ("registry", "logout"): ("logout",),
    ("registry", "whoami"): ("whoami",),
    ("auth", "login"): ("login",),
    ("auth", "logout"): ("logout",),
    ("auth", "token"): ("token",),
}
"""What other tools call it, and what it is called here."""


def native(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of another tool that a command line begins with, and ours for them.

    Both are empty if it begins with ours.
    """
    for length in (2, 1):
        foreign = tuple(words[:length])
        if foreign in _ALIASES:
            return foreign, _ALIASES[foreign]
    return (), ()


def examples(*lines: str) -> str:
    """The end of a command's help: what one types, line by line."""
    return "\b\nExamples:\n" + "\n".join(f"  $ {line}" for line in lines)
