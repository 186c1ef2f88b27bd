"""Settings of blocks and entries of a model's config: concrete values, and what kind they are."""

from __future__ import annotations

import re
from typing import Any

from getspec.declare.declarations import Setting
from getspec.declare.names import check_name
from getspec.declare.place import Place
from getspec.syntax import MAX_INTEGER

__all__ = ["KINDS", "kind_of", "read_entry", "read_setting"]

KINDS = ("int", "float", "bool", "str", "ints", "floats")
"""What a setting is declared as that every caller has to give."""


def read_setting(place: Place, name: str, value: Any) -> Setting:
    """A setting of a block or function; the word for a kind means that a caller has to give it."""
    entry = read_entry(place, name, value)
    required = isinstance(value, str) and value in KINDS
    return Setting(name, value, None, True, entry.span, entry.value) if required else entry


def read_entry(place: Place, name: str, value: Any) -> Setting:
    """An entry of a model's config, which always has a value."""
    span = place.key()
    in_function = place.path[:1] == ("functions",)
    check_name(name, place.key, place.problems, attribute=not in_function)
    for number in value if isinstance(value, list) else (value,):
        if isinstance(number, int) and abs(number) >= MAX_INTEGER:
            place.error("GS203", "integers are below 2**63", place.value())
    if name[:1].isupper():
        message = f"`{name}`: settings start in lower case, capitals are run-time sizes"
        place.error("GS104", message, span, f"`{name.lower()}`")
    default = tuple(value) if isinstance(value, list) else value
    return Setting(name, kind_of(value), default, False, span, place.value())


def kind_of(value: Any) -> str:
    """The kind of a literal setting."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list | tuple):
        return "ints" if all(isinstance(item, int) for item in value) else "floats"
    if isinstance(value, str) and re.fullmatch(r"[0-9]+(_[0-9]+)*", value):
        return "int"
    return {int: "int", float: "float"}.get(type(value), "str")
