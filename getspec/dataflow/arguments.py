"""Which argument of a call is meant for which input, by position and by name, before anything has a type.

Components and functions of the spec take each input once; an op takes its arguments as Python would, `*` and `**` included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from getspec.dataflow.wording import counted
from getspec.errors import SpecError, meant
from getspec.ops.base import Function
from getspec.syntax import At, Call, Node, Text

__all__ = ["Keywords", "Places", "input_places", "op_places"]

Keywords = tuple[tuple[str, Node], ...]
Places = dict[str, Any]
"""The node of each argument of an op; a list of nodes for `*`, a mapping of them for `**`."""


def input_places(
    text: Text,
    call: Call,
    owner: str,
    declared: tuple[str, ...],
    keywords: Keywords,
    settings: Sequence[str] = (),
) -> dict[str, Node]:
    """Where each declared input is given, in the order of the declaration; `settings` are named beside."""
    if len(call.args) > len(declared):
        wanted = counted(len(declared), "input")
        message = f"`{owner}` takes {wanted}, {len(call.args)} are given"
        raise text.error("GS417", message, call.args[len(declared)].at)
    given = dict(zip(declared, call.args, strict=False))
    for name, node in keywords:
        if name not in declared or name in given:
            raise _wrong_input(text, node, owner, name, declared, settings)
        given[name] = node
    missing = [name for name in declared if name not in given]
    if missing:
        message = f"`{owner}` needs `{missing[0]}`; its inputs are {', '.join(declared)}"
        raise text.error("GS417", message, call.at)
    return {name: given[name] for name in declared}


def _wrong_input(
    text: Text,
    node: Node,
    owner: str,
    name: str,
    declared: tuple[str, ...],
    settings: Sequence[str],
) -> SpecError:
    at = _name_of(text, name, node)
    if name in declared:
        return text.error("GS417", f"`{owner}`: `{name}` is given twice", at)
    known = [*declared, *settings]
    help = meant(name, known, f"it takes: {', '.join(known)}")
    return text.error("GS417", f"`{owner}`: `{name}` is not an input of it", at, help)


def _name_of(text: Text, name: str, node: Node) -> At:
    """Where the name of `name=value` stands; the value, where something is between them."""
    line = text.value.split("\n")[node.at.line - 1]
    start = node.at.col - len(name) - 1
    written = start >= 0 and line[start : node.at.col] == f"{name}="
    return At(node.at.line, start, len(name)) if written else node.at


def op_places(text: Text, call: Call, function: Function) -> Places:
    """Where each argument of an op is given, in the op's own order."""
    places = _by_position(text, call, function)
    _add_by_name(text, call, function, places)
    for argument in function.arguments:
        if argument.required and argument.name not in places:
            message = f"`{function.name}` needs `{argument.name}`"
            raise text.error("GS417", message, call.at, _usage(function))
    return {each.name: places[each.name] for each in function.arguments if each.name in places}


def _by_position(text: Text, call: Call, function: Function) -> Places:
    leading, star = function.leading, function.collecting.get("*")
    places: Places = dict(zip(leading, call.args, strict=False))
    rest = call.args[len(leading) :]
    if rest and star is None:
        wanted = counted(len(leading), "argument")
        message = f"`{function.name}` takes {wanted}, {len(call.args)} are given"
        raise text.error("GS417", message, rest[0].at, _usage(function))
    if rest and star is not None:
        places[star] = list(rest)
    return places


def _add_by_name(text: Text, call: Call, function: Function, places: Places) -> None:
    if not call.keywords:
        return
    single = [argument.name for argument in function.arguments if not argument.variadic]
    double = function.collecting.get("**")
    collected: dict[str, Node] = {}
    for name, node in call.keywords:
        if name in places or name in collected:
            at = _name_of(text, name, node)
            raise text.error("GS417", f"`{function.name}`: `{name}` is given twice", at)
        if name in single:
            places[name] = node
        elif double is not None:
            collected[name] = node
        else:
            help = meant(name, single, f"it takes: {', '.join(single)}")
            message = f"`{function.name}` has no argument `{name}`"
            raise text.error("GS417", message, _name_of(text, name, node), help)
    if double is not None and collected:
        places[double] = collected


def _usage(function: Function) -> str:
    shown = ", ".join(f"{each.variadic}{each.name}" for each in function.arguments)
    return f"{function.name}({shown})"
