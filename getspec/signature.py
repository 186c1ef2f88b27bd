"""What a component takes and what it returns, for the sizes of one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec.ir import Block, Expr, Leaf, Member, Module, Sequence
from getspec.ops.base import ShapeError, Tensor
from getspec.sizes import Size
from getspec.unify import bind, substituted

__all__ = ["inputs_of", "outcome", "spellings"]


def inputs_of(module: Module) -> tuple[str, ...]:
    if isinstance(module, Block):
        return tuple(declared.name for declared in module.forward.inputs) if module.forward else ()
    if isinstance(module, Sequence):
        return inputs_of(module.members[0].module)
    assert isinstance(module, Leaf)
    return module.op.inputs


def outcome(member: Member, given: dict[str, Any], owner: str) -> tuple[Any, dict[str, Size]]:
    """The type a component returns for these inputs, and what its own names stand for."""
    module = member.module
    if isinstance(module, Leaf):
        for name, each in given.items():
            if not isinstance(each, Tensor):
                message = f"`{name}` of {owner} is one tensor, this is a list of {len(each)}"
                raise ShapeError(message, argument=name)
        return module.op.infer(*given.values()), {}
    if isinstance(module, Sequence):
        value: Any = None
        for place, part in enumerate(module.members):
            inner = f"{owner[:-1]}.{part.name}`"
            if place == 0:
                value, _ = outcome(part, given, inner)
                continue
            try:
                value, _ = outcome(part, {_only_input(part.module, owner): value}, inner)
            except ShapeError as error:
                message = error.message if inner in error.message else f"{inner}: {error.message}"
                raise ShapeError(message, help=error.help) from None
        return value, {}
    assert isinstance(module, Block)
    if module.forward is None:
        raise ShapeError(f"{owner} has no `forward`, so it cannot be called")
    bindings = bind(module.forward.inputs, given, owner)
    bindings |= spellings(module.settings, module.lets, member.args)
    return substituted(module.forward.result, bindings), bindings


def _only_input(module: Module, owner: str) -> str:
    inputs = inputs_of(module)
    if len(inputs) != 1:
        raise ShapeError(
            f"inside {owner} a part takes {len(inputs)} inputs; a sequential passes one"
        )
    return inputs[0]


def spellings(
    settings: Mapping[str, Expr], lets: Mapping[str, Expr], given: Mapping[str, Expr]
) -> dict[str, Size]:
    """What a definition's names stand for in the words of its caller."""
    found: dict[str, Size] = {}
    for name, expr in settings.items():
        value = given[name].value if name in given else expr.value
        if isinstance(value, Size) and isinstance(expr.value, Size):
            found[name] = value if name in given else value.plain()
    for name, expr in lets.items():
        if isinstance(expr.value, Size):
            found[name] = expr.value.substitute(found)
    return found
