"""A definition's own parameters and buffers: a shape, a value worked out from numbers, or both and they agree."""

from __future__ import annotations

from collections.abc import Iterable

from getspec import ir
from getspec.dataflow import Routines, constant
from getspec.declare import BufferDecl, ParameterDecl
from getspec.errors import Diagnostics, SpecError
from getspec.evaluate import Evaluator, NeedsIndex, Scope, described
from getspec.ops.base import Tensor
from getspec.sizes import Size
from getspec.syntax import Expression

__all__ = ["buffer", "parameter"]


def parameter(
    declared: ParameterDecl, scope: Scope, routines: Routines, problems: Diagnostics
) -> ir.Weight:
    lengths = _lengths(declared.shape, scope)
    shape = tuple(expr.value for expr in lengths)
    value = None
    if declared.value is not None:
        value = _tensor(declared.value, scope, routines, problems)
        _check_shape(declared, shape, value.value)
    return ir.Weight(
        declared.name,
        shape,
        init=declared.init,
        value=value,
        trainable=declared.trainable,
        spelled=lengths,
    )


def buffer(
    declared: BufferDecl, scope: Scope, routines: Routines, problems: Diagnostics
) -> ir.Weight:
    lengths = None if declared.shape is None else _lengths(declared.shape, scope)
    shape = None if lengths is None else tuple(expr.value for expr in lengths)
    value, dtype = None, declared.dtype
    if declared.value is not None:
        value = _tensor(declared.value, scope, routines, problems)
        if shape is not None:
            _check_shape(declared, shape, value.value)
        shape, dtype = value.value.shape, value.value.dtype
    assert shape is not None, "a buffer declares a shape or a value"
    return ir.Weight(
        declared.name,
        shape,
        dtype,
        kind="buffer",
        init=declared.init or ir.Init("default"),
        persistent=declared.persistent,
        value=value,
        trainable=False,
        spelled=lengths,
    )


def _lengths(dims: Iterable[Expression], scope: Scope) -> tuple[ir.Expr, ...]:
    return tuple(_length(expression, scope) for expression in dims)


def _length(expression: Expression, scope: Scope) -> ir.Expr:
    expr = Evaluator.of(scope, expression)
    length = expr.value
    if isinstance(length, ir.Varying):
        raise NeedsIndex
    if not isinstance(length, Size) or length.known is None:
        message = f"an axis is an integer, this is {described(length)}"
        raise SpecError.of("GS308", message, expression.span)
    if not 1 <= length.known < 2**63:
        message = f"an axis of length {length}; lengths are at least 1"
        raise SpecError.of("GS305", message, expression.span)
    return expr


def _tensor(
    expression: Expression, scope: Scope, routines: Routines, problems: Diagnostics
) -> ir.Expr:
    """A value that is a tensor, from numbers and the weights above it."""
    before = len(problems.errors)
    expr = constant(expression, scope.nested(), routines, problems)
    if expr is None or len(problems.errors) > before:
        raise SpecError(())  # reported by `constant`
    if isinstance(expr.value, Tensor):
        return expr
    message = f"the value is a tensor, this is {described(expr.value)}"
    raise SpecError.of("GS418", message, expression.span)


def _check_shape(
    declared: ParameterDecl | BufferDecl, shape: tuple[Size, ...], made: Tensor
) -> None:
    """A value has the shape that is declared beside it."""
    if made.shape != shape:
        message = f"the value is {made}, the shape [{', '.join(map(str, shape))}]"
        raise SpecError.of("GS421", message, declared.span)
