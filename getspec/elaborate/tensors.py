"""Declared types: `float[B, N, dim]` at concrete settings.

A name that starts with a capital and means nothing else is a run-time size. It is known in the type alone; `dataflow` makes
the sizes of inputs known to `forward`.
"""

from __future__ import annotations

from getspec import ir
from getspec.declare import Definition, TensorDecl
from getspec.errors import Diagnostics, SpecError
from getspec.evaluate import Evaluator, NeedsIndex, Scope, described
from getspec.ops.base import Tensor
from getspec.sizes import Size
from getspec.syntax import Expression

__all__ = ["declared_inputs", "declared_tensor"]

MAX_LIST = 4096


def declared_inputs(
    definition: Definition, scope: Scope, problems: Diagnostics
) -> tuple[ir.Input, ...]:
    return tuple(_input(declared, scope, problems) for declared in definition.inputs)


def _input(declared: TensorDecl, scope: Scope, problems: Diagnostics) -> ir.Input:
    type, axes = _tensors(declared, scope)
    limits = {}
    if declared.below is not None:
        limits["below"] = problems.attempt(_bound, declared.below, scope)
    if declared.selects is not None:
        limits["selects"] = _axis(declared.selects, _own(scope))
    found = {name: made for name, made in limits.items() if made is not None}
    return ir.Input(
        declared.name,
        type,
        found["below"].value if "below" in found else None,
        declared.doc,
        declared.span,
        found["selects"].value if "selects" in found else None,
        axes,
        declared.index,
        tuple(found.values()),
    )


def _bound(below: Expression, scope: Scope) -> ir.Expr | None:
    """What integers stay below; None where it follows a position, and nothing fixed can be said."""
    made = Evaluator.of(scope, below)
    if isinstance(made.value, Size | ir.Varying):
        return made if isinstance(made.value, Size) else None
    message = f"`below` is an integer, this is {described(made.value)}"
    raise SpecError.of("GS205", message, below.span)


def _tensors(
    declared: TensorDecl, scope: Scope
) -> tuple[Tensor | tuple[Tensor, ...], tuple[ir.Expr, ...]]:
    """A declared tensor, or the tensors of a declared list, and the lengths as written."""
    if declared.repeat is None:
        return declared_tensor(declared, scope)
    made, axes = [], tuple[ir.Expr, ...]()
    for position in range(_count(declared.repeat, scope)):
        inner = scope.nested()
        if declared.index is not None:
            inner.index(declared.index, Size.of(position))
        type, axes = declared_tensor(declared, inner)
        made.append(type)
    return tuple(made), axes


def _count(repeat: Expression, scope: Scope) -> int:
    count = Evaluator.decided(scope, repeat)
    if isinstance(count, Size) and count.known is not None and 0 <= count.known <= MAX_LIST:
        return count.known
    message = f"`repeat` is an integer from 0 to {MAX_LIST:,}, this is {described(count)}"
    raise SpecError.of("GS305", message, repeat.span)


def declared_tensor(declared: TensorDecl, scope: Scope) -> tuple[Tensor, tuple[ir.Expr, ...]]:
    """A declared tensor, and its lengths as written."""
    inner = _own(scope)
    axes = tuple(_axis(each, inner) for each in declared.dims)
    return Tensor(declared.dtype, tuple(axis.value for axis in axes)), axes


def _own(scope: Scope) -> Scope:
    """A scope for run-time sizes; what a type chooses there decides nothing of the class."""
    inner = Scope(scope.names)
    inner.roots = scope.roots
    return inner


def _axis(expression: Expression, scope: Scope) -> ir.Expr:
    """A length in a declared type; run-time sizes are added to the scope."""
    for name in sorted(expression.names):
        if name[:1].isupper() and name not in scope.names:
            scope.names[name] = ir.Name(Size.runtime(name), name, "size")
    made = Evaluator.of(scope, expression)
    length = made.value
    if isinstance(length, ir.Varying):
        raise NeedsIndex
    if not isinstance(length, Size):
        message = f"an axis is an integer, this is {described(length)}"
        raise SpecError.of("GS205", message, expression.span)
    if length.known is not None and length.known < 1:
        message = f"an axis of length {length}"
        raise SpecError.of("GS305", message, expression.span, "lengths are at least 1")
    return made
