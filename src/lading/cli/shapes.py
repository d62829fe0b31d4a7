"""What commands print for programs, as JSON Schema.

Each command states the shape of its result beside itself; the reference is made from it, and a
test holds what is printed against it. A field is always there: what is not known is ``null``.
Fields may be added in later versions; none is taken away or given another meaning.
"""

from typing import Any

Shape = dict[str, Any]
"""A JSON Schema."""


def text(doc: str) -> Shape:
    """A string."""
    return {"type": "string", "description": doc}


def number(doc: str) -> Shape:
    """A whole number."""
    return {"type": "integer", "description": doc}


def truth(doc: str) -> Shape:
    """True or false."""
    return {"type": "boolean", "description": doc}


def choice(doc: str, *words: str) -> Shape:
    """One of several words."""
    return {"type": "string", "enum": list(words), "description": doc}


def maybe(shape: Shape) -> Shape:
    """What *shape* says, or ``null``."""
    if "enum" in shape:
        return shape | {"type": [shape["type"], "null"], "enum": [*shape["enum"], None]}
    return shape | {"type": [shape["type"], "null"]}


def many(of: Shape, doc: str = "") -> Shape:
    """A list."""
    return {"type": "array", "items": of, "description": doc or of.get("description", "")}


def strings(doc: str) -> Shape:
    """Strings by name, such as annotations."""
    return {"type": "object", "additionalProperties": {"type": "string"}, "description": doc}


def anything(doc: str) -> Shape:
    """A JSON object of somebody else, passed on as it is."""
    return {"type": "object", "description": doc}


def record(doc: str = "", /, **fields: Shape) -> Shape:
    """An object with all of *fields* and no others."""
    return {
        "type": "object",
        "description": doc,
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def made(**more: Shape) -> Shape:
    """What every command prints that makes a manifest, or names one."""
    return record(
        "A manifest and where it is.",
        reference=text("Where it is: REPOSITORY@DIGEST."),
        repository=text("The repository, with its host."),
        digest=text("Its digest."),
        mediaType=text("Its media type."),
        size=number("Its length in bytes."),
        **more,
    )


def descriptor(doc: str) -> Shape:
    """A descriptor of the image spec, with the fields that it has."""
    return {
        "type": "object",
        "description": f"{doc} (a descriptor of the image spec).",
        "properties": {
            "mediaType": text("Its media type."),
            "digest": text("Its digest."),
            "size": number("Its length in bytes."),
        },
        "required": ["mediaType", "digest", "size"],
    }
