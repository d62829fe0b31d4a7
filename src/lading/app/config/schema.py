"""The whole configuration file as JSON Schema, for editors: our keys, and Distribution's."""

from collections.abc import Mapping
from typing import Any

from lading.app.config.distribution import kinds, serving
from lading.app.config.distribution.keys import TREE, VERSION, Branch
from lading.app.config.distribution.outcomes import Key, Refused, WithoutEffect
from lading.app.config.options import Setting
from lading.app.config.tree import sections, settings

Schema = dict[str, Any]
"""A JSON Schema."""

_WORDS = {"storage": ("filesystem", "inmemory"), "auth": ("none", *serving.METHODS)}


def schema() -> Schema:
    """JSON Schema (2020-12) of a configuration file."""
    found = _branch(TREE, "")
    found["properties"]["version"] = {
        "description": "With it, the keys of Distribution are read.",
        "anyOf": [{"const": float(VERSION)}, {"const": VERSION}],
    }
    found["properties"]["lading"] = _ours()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of Lading, which may be one of Distribution as well",
        **found,
        "anyOf": [{"required": ["version"]}, {"propertyNames": {"const": "lading"}}],
    }


def _ours() -> Schema:
    docs = dict(sections())
    top = _object("Settings of Lading.")
    groups: dict[str, Schema] = {"": top}
    for name, doc in docs.items():
        parent, _, last = name.rpartition(".")
        groups[name] = groups[parent]["properties"][last] = _object(doc)
    for setting in settings():
        parent, _, last = setting.key.rpartition(".")
        groups[parent]["properties"][last] = _setting(setting)
    return top


def _setting(setting: Setting) -> Schema:
    found = {"anyOf": [dict(setting.reader.schema), {"type": "null"}]}
    told = f"{setting.doc} Takes {setting.reader.takes}."
    return {"description": told, **found}


def _object(doc: str) -> Schema:
    return {
        "description": doc,
        "type": ["object", "null"],
        "properties": {},
        "additionalProperties": False,
    }


def _branch(place: Branch, name: str) -> Schema:
    below = {
        each: _place(inner, f"{name}.{each}".strip(".")) for each, inner in place.below.items()
    }
    return {
        "type": ["object", "null"],
        "properties": below,
        # As everywhere, such names hold what is only there to be referred to.
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }


def _place(place: Branch, name: str) -> Schema:
    key = place.key
    if key is not None and isinstance(key.outcome, Refused) and key.kind is kinds.section:
        return {"description": _told(key), "not": {}}
    if key is not None and isinstance(key.outcome, Refused) and not place.kind:
        return {"description": _told(key), "enum": [None, []]}
    if place.rows:
        return {"type": ["array", "null"], "items": _branch(place, name)}
    if place.below:
        found = _branch(place, name)
        return {"anyOf": [{"enum": list(_WORDS[name])}, found]} if name in _WORDS else found
    assert key is not None
    if isinstance(key.outcome, Refused):
        return {"description": _told(key), "enum": [False, None, "", []]}
    return {"description": _told(key), **_or_null(key.kind.schema)}


def _or_null(found: Mapping[str, Any]) -> Schema:
    if not found:
        return {}
    return {"anyOf": [dict(found), {"type": "null"}]}


def _told(key: Key) -> str:
    match key.outcome:
        case WithoutEffect(because):
            return f"Has no effect: {because}."
        case Refused(because, advice):
            return f"Is refused: {because}. {advice}"
        case _:
            return f"Takes {key.kind.takes}."
