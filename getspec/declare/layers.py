"""Layers and blocks: a type, and an expression for each of its arguments."""

from __future__ import annotations

from typing import Any

from getspec.declare.declarations import BlockDecl, LayerDecl
from getspec.declare.keys import are_known, own, shown
from getspec.declare.place import Place
from getspec.declare.schemes import read_weight_inits
from getspec.errors import escape
from getspec.ops import LAYERS
from getspec.ops.base import has_default
from getspec.syntax import Expression

__all__ = ["read_block", "read_layer"]


def read_layer(place: Place, data: dict[str, Any], shared: dict[str, Any]) -> LayerDecl | None:
    """An op with parameters, whose fields say what it takes."""
    kind = data["type"]
    if not _is_complete(place, data):
        return None
    args: dict[str, Expression] = {}
    for name, value in own(data).items():
        if isinstance(value, list | dict | None):
            message = f"`{name}` of `{kind}` is one value, this is {shown(value)}"
            place.error("GS103", message, place.value(name))
            return None
        args[name] = place.expression(value, name)
    init = read_weight_inits(place.inside("init"), data.get("init"))
    return LayerDecl(**shared, type=kind, args=args, init=init)


def _is_complete(place: Place, data: dict[str, Any]) -> bool:
    """Whether it has what its op needs, and nothing that its op does not know."""
    kind = data["type"]
    fields = {field.name: field for field in LAYERS[kind].declared_fields()}
    if not are_known(place, data, fields, f"`{kind}`"):
        return False
    missing = [name for name, f in fields.items() if name not in data and not has_default(f)]
    if missing:
        message = f"`{kind}` needs {_listed(missing)}"
        place.error("GS102", message, place.key(), f"add `{missing[0]}: ...`")
    return not missing


def _listed(words: list[str]) -> str:
    *before, last = [f"`{word}`" for word in words]
    return f"{', '.join(before)} and {last}" if before else last


def read_block(place: Place, data: dict[str, Any], shared: dict[str, Any]) -> BlockDecl:
    """A block's arguments; whether the block exists and takes them is known once all files are read."""
    kind = data["type"]
    args: dict[str, Expression | tuple[Expression, ...]] = {}
    if not kind[
        :1
    ].isupper():  # no name of a block, which `check_types` says: what it takes is unknown
        return BlockDecl(**shared, type=kind, args=args)
    for name, value in own(data).items():
        if isinstance(value, list):
            args[name] = tuple(place.expression(item, name, i) for i, item in enumerate(value))
        elif isinstance(value, dict | None):
            message = f"`{escape(name)}` is one value or a list, this is {shown(value)}"
            place.error("GS103", message, place.value(name))
        else:
            args[name] = place.expression(value, name)
    return BlockDecl(**shared, type=kind, args=args, has_init="init" in data)
