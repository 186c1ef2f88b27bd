"""The types that calls return: of components, of functions of the spec, of ops.

The arguments come here with their types. Each kind of call applies one rule that is defined elsewhere (`signature`,
`unify`, the op's own) and says in the caller's words where the shapes do not go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from getspec.dataflow.arguments import Places
from getspec.dataflow.frame import Frame
from getspec.dataflow.kinds import Misfit, fitted, kind_in_words
from getspec.dataflow.wording import shown
from getspec.evaluate import NeedsIndex
from getspec.ir import Apply, Call, Expr, Link, Routine, RoutineCall, Stack, Varying
from getspec.ops.base import Argument, Function, ShapeError, Tensor
from getspec.signature import outcome, spellings
from getspec.syntax import Node
from getspec.unify import bind, substituted

__all__ = ["Given", "apply_op", "call_component", "call_routine", "callable_link"]

Given = Mapping[str, tuple[Expr, Node]]
"""What is given for each input, and where."""


def callable_link(frame: Frame, node: Node, target: Expr) -> Link:
    """What is called, where that is one component."""
    if not isinstance(target.value, Link):
        message = f"{shown(target.value)} cannot be called"
        raise frame.text.error("GS416", message, node.at)
    path = target.value.path
    if isinstance(target.value.member.module, Stack):
        help = f"`for item in {path}: x = item(x)`, or `{path}[0](x)`"
        raise frame.text.error("GS415", f"`{path}` is a list of components", node.at, help)
    return target.value


def call_component(frame: Frame, node: Node, target: Expr, given: Given) -> Call:
    link: Link = target.value
    path, member = link.path, link.member
    tensors = _tensors(frame, given)
    try:
        type, bindings = outcome(member, tensors, f"`{path}`")
    except ShapeError as error:
        at = _place(given, error, node)
        message = error.message if f"`{path}" in error.message else f"{path}: {error.message}"
        note = (f"`{path}` is declared here", member.span)
        raise frame.mismatch(message, at, node, error.help, note) from None
    return Call(frame.adopted(type), target, member.module, _args(given), bindings)


def call_routine(
    frame: Frame, node: Node, routine: Routine, given: Given, settings: Mapping[str, Expr]
) -> RoutineCall:
    tensors = _tensors(frame, given)
    try:
        bindings = bind(routine.forward.inputs, tensors, f"`{routine.name}`")
    except ShapeError as error:
        at = _place(given, error, node)
        raise frame.mismatch(error.message, at, node, error.help) from None
    bindings |= spellings(routine.settings, routine.lets, settings)
    type = frame.adopted(substituted(routine.forward.result, bindings))
    return RoutineCall(type, routine, (*_args(given), *settings.items()), bindings)


def _tensors(frame: Frame, given: Given) -> dict[str, Any]:
    """The types that are given, each a tensor or a list of tensors."""
    for expr, node in given.values():
        parts = expr.value if isinstance(expr.value, tuple) else (expr.value,)
        if not all(isinstance(part, Tensor) for part in parts):
            message = f"a tensor is expected, this is {shown(expr.value)}"
            raise frame.text.error("GS418", message, node.at)
    return {name: expr.value for name, (expr, _) in given.items()}


def _place(given: Given, error: ShapeError, node: Node) -> Node:
    """The argument that an error is about, or else the whole call."""
    name = error.argument or ""
    return given[name][1] if name in given else node


def _args(given: Given) -> tuple[tuple[str, Expr], ...]:
    return tuple((name, expr) for name, (expr, _) in given.items())


# Ops


def apply_op(
    frame: Frame, node: Node, function: Function, exprs: Mapping[str, Any], places: Places
) -> Apply:
    """Check the arguments' kinds and apply the op's own rule; without a place, they are the node."""
    values, collected = _values(frame, node, function, exprs, places)
    leading = [values.pop(name) for name in function.leading] if collected else []
    try:
        type = function.rule(*leading, *collected, **values)
    except ShapeError as error:
        place = places.get(error.argument or "", node)
        at = node if isinstance(place, list | dict) else place
        named = error.message.startswith(function.name)
        message = error.message if named else f"{function.name}: {error.message}"
        raise frame.mismatch(message, at, node, error.help) from None
    return Apply(type, function.name, exprs)


def _values(
    frame: Frame, node: Node, function: Function, exprs: Mapping[str, Any], places: Places
) -> tuple[dict[str, Any], list[Any]]:
    """The values by name, and those that `*` collects."""
    tensors = [expr.value for expr in _flat(exprs) if isinstance(expr.value, Tensor)]
    values: dict[str, Any] = {}
    collected: list[Any] = []
    for argument in function.arguments:
        if argument.name not in exprs:
            continue
        expr, place = exprs[argument.name], places.get(argument.name, node)
        if not argument.variadic:
            values[argument.name] = _fitted(frame, argument, tensors, expr, place)
            continue
        fit = partial(_fitted, frame, argument, tensors)
        if argument.variadic == "*":
            collected += map(fit, expr, place)
        else:
            values |= {name: fit(part, place[name]) for name, part in expr.items()}
    return values, collected


def _flat(exprs: Mapping[str, Any]) -> Iterator[Expr]:
    for expr in exprs.values():
        if isinstance(expr, tuple):
            yield from expr
        elif isinstance(expr, Mapping):
            yield from expr.values()
        else:
            yield expr


def _fitted(frame: Frame, argument: Argument, tensors: list[Tensor], expr: Expr, node: Node) -> Any:
    """What is given, as an argument of this kind; an error where it does not fit."""
    try:
        return fitted(argument.kind, expr.value, tensors)
    except Misfit:
        if isinstance(expr.value, Varying):
            raise NeedsIndex from None
        wanted = kind_in_words(argument.kind)
        message = f"`{argument.name}` is {wanted}, this is {shown(expr.value)}"
        raise frame.text.error("GS418", message, node.at) from None
