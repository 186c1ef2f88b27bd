"""The keys of components.

Components inside others (a layer of a sequential, an item of a pattern) reach no model of the schema, so the kinds of the keys
that all share are checked here. What else a component takes is owned by its op, its block, or the reader of its type.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from getspec.declare.place import Place
from getspec.errors import MAX_NOTES, Fix, escape, meant
from getspec.scalars import TRUE_OR_FALSE

__all__ = ["are_known", "are_sound", "own", "read_shared", "shown"]

COMMON = ("type", "when", "repeat", "index", "pattern", "trainable", "init", "doc", "times")
KINDS: Mapping[str, tuple[Any, str]] = {
    "trainable": (bool, "true or false"),
    "persistent": (bool, "true or false"),
    "index": (str, "a name"),
    "doc": (str, "text"),
    "when": (bool | int | float | str, "an expression"),
    "repeat": (bool | int | float | str, "an expression"),
    "pattern": (list, "a list of components"),
}


def read_shared(place: Place, name: str, data: dict[str, Any]) -> dict[str, Any]:
    """The fields of `Declared`."""
    return {
        "name": name,
        "when": place.optional(data.get("when"), "when"),
        "trainable": data.get("trainable", True),
        "doc": data.get("doc"),
        "at": place.span,
    }


def own(data: dict[str, Any]) -> dict[str, Any]:
    """What one type of component takes."""
    return {key: value for key, value in data.items() if key not in COMMON}


def are_sound(place: Place, data: dict[str, Any]) -> bool:
    """Whether the keys that all components share hold values of their kinds."""
    wrong = [
        key
        for key, (kind, _) in KINDS.items()
        if data.get(key) is not None and not isinstance(data[key], kind)
    ]
    for key in wrong:
        message = f"`{key}` is {KINDS[key][1]}, this is {shown(data[key])}"
        word = TRUE_OR_FALSE.get(str(data[key])) if KINDS[key][0] is bool else None
        help = Fix(f"write `{word}`", word) if word else None
        place.error("GS103", message, place.value(key), help)
    return not wrong


def are_known(place: Place, data: dict[str, Any], allowed: Collection[str], what: str) -> bool:
    """Whether all keys of its own are among those that this type takes."""
    unknown = [key for key in own(data) if key not in allowed]
    free = [key for key in allowed if key not in data]
    strange = [key for key in unknown if not meant(key, [*free, *allowed, *COMMON])]
    for key in unknown:
        help = meant(
            key, [*free, *allowed, *COMMON], f"it takes: {', '.join(allowed) or 'no settings'}"
        )
        if key not in strange[1:]:
            notes = [(f"nor `{escape(each)}`", place.key(each)) for each in strange if each != key]
            message = f"unknown key `{escape(key)}` in {what}"
            shown = notes[:MAX_NOTES] if key in strange else []
            place.error("GS101", message, place.key(key), help, shown)
    return not unknown


def shown(value: Any) -> str:
    """A value of YAML in a message."""
    if value is None:
        return "empty"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text[:40]}...`" if len(text) > 40 else f"`{text}`"
