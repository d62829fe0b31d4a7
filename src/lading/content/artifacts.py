"""Artifacts: files in a registry, in the form in which oras keeps them."""

from lading.content.annotations import Annotated, read_annotations
from lading.content.pulling import PullReport, pull
from lading.content.pushing import FileToPush, PushReport, attach, push
from lading.content.tree import Tree, tree

__all__ = [
    "Annotated",
    "FileToPush",
    "PullReport",
    "PushReport",
    "Tree",
    "attach",
    "pull",
    "push",
    "read_annotations",
    "tree",
]
