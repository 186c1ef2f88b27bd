"""Primitive layers in their places: the fields that a spec sets, of the right kind and within the op's limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec import ir
from getspec.declare import LayerDecl
from getspec.elaborate.values import as_float, check_kind
from getspec.errors import Diagnostics, SpecError, meant
from getspec.evaluate import Evaluator, Scope
from getspec.ops import LAYERS, Layer
from getspec.ops.base import Field, ShapeError
from getspec.sizes import Size
from getspec.syntax import Expression

__all__ = ["layer"]


def layer(declared: LayerDecl, scope: Scope, problems: Diagnostics) -> ir.Member:
    declared_fields = LAYERS[declared.type].declared_fields()
    fields = [field for field in declared_fields if field.name in declared.args]
    made = problems.every(lambda field: _field(declared, field, scope), fields)
    args = {field.name: expr for field, expr in zip(fields, made, strict=True)}
    op = _checked_op(declared, args)
    _check_init(declared, op)
    leaf = ir.Leaf(declared.type, op)
    init = dict(declared.init)
    return ir.Member(declared.name, leaf, args, declared.span, declared.trainable, init)


def _checked_op(declared: LayerDecl, args: Mapping[str, ir.Expr]) -> Layer:
    op = LAYERS[declared.type](**{name: expr.value for name, expr in args.items()})
    try:
        op.check()
    except ShapeError as error:
        at = declared.args.get(error.argument or "")
        message = f"{declared.name}: {error.message}"
        raise SpecError.of("GS305", message, at.span if at else declared.span, error.help) from None
    return op


def _check_init(declared: LayerDecl, op: Layer) -> None:
    """Rules of `init` are for weights that the layer has."""
    known = [weight.name for weight in op.parameters()]
    for name in declared.init:
        if name != "*" and name not in known:
            help = meant(name, known, f"it has: {', '.join(known)}")
            message = f"`{declared.type}` has no weight `{name}` here"
            raise SpecError.of("GS306", message, declared.at("init", name), help)


# Fields


def _field(declared: LayerDecl, field: Field, scope: Scope) -> ir.Expr:
    expression, facts = declared.args[field.name], field.metadata
    what, kind = f"`{field.name}` of `{declared.type}`", facts["kind"]
    if kind == "str":
        return _word(what, facts["options"], expression, scope)
    expr = Evaluator.of(scope, expression)
    if kind == "bool":
        scope.decide(expression.names)
    check_kind(what, kind, expr.value, expression, lambda: expression.span)
    if kind == "float":
        expr = as_float(expr)
    _check_limits(what, facts, expr.value, expression)
    return expr


def _word(what: str, options: tuple[str, ...], expression: Expression, scope: Scope) -> ir.Expr:
    """One of the op's words, or a setting that holds one."""
    text = expression.text.value.strip()
    if text not in options and text in scope.names:
        scope.decide(frozenset((text,)))
        text = scope.names[text].value
    if text in options:
        return ir.Const(text)
    help = meant(str(text), options)
    message = f"{what} is one of {', '.join(options)}"
    raise SpecError.of("GS308", message, expression.span, help)


def _check_limits(what: str, facts: Mapping[str, Any], value: Any, at: Expression) -> None:
    number = value.known if isinstance(value, Size) else value
    if not isinstance(number, int | float) or isinstance(number, bool):
        return
    low, high = facts.get("minimum"), facts.get("below")
    if low is not None and number < low:
        raise SpecError.of("GS305", f"{what} is at least {low}, this is {number}", at.span)
    if high is not None and number >= high:
        raise SpecError.of("GS305", f"{what} is below {high}, this is {number}", at.span)
