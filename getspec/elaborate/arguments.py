"""What a block is given: for each of its settings a value of the setting's kind, or the default."""

from __future__ import annotations

from functools import partial
from typing import Any

from getspec import ir
from getspec.declare import BlockDecl, Definition, Setting
from getspec.elaborate.values import as_float, check_kind, to_value
from getspec.errors import Diagnostics, Span, SpecError, nearest
from getspec.evaluate import Evaluator, Scope
from getspec.record import replaced
from getspec.syntax import Expression

__all__ = ["arguments", "expressions", "setting_values"]


def arguments(
    declared: BlockDecl, definition: Definition, scope: Scope, problems: Diagnostics
) -> dict[str, ir.Expr]:
    """The arguments that the spec writes down; none that is required is missing."""
    made = problems.every(
        lambda name: _argument(declared, definition, name, scope, problems), declared.args
    )
    missing = [n for n, s in definition.settings.items() if s.required and n not in declared.args]
    if missing:
        message = f"block `{definition.name}` needs {_and(missing)}"
        raise SpecError.of("GS102", message, declared.span, f"add `{missing[0]}: ...`")
    return dict(zip(declared.args, made, strict=True))


def setting_values(definition: Definition, args: dict[str, ir.Expr]) -> dict[str, Any]:
    return {
        name: args[name].value if name in args else to_value(setting.default)
        for name, setting in definition.settings.items()
    }


def expressions(argument: Expression | tuple[Expression, ...]) -> tuple[Expression, ...]:
    """What an argument is written with: one expression, or those of a list."""
    return argument if isinstance(argument, tuple) else (argument,)


def _argument(
    declared: BlockDecl, definition: Definition, name: str, scope: Scope, problems: Diagnostics
) -> ir.Expr:
    setting = definition.settings.get(name)
    if setting is None:
        raise _unknown(declared, definition, name)
    written = declared.args[name]
    if isinstance(written, tuple):
        items = tuple(problems.every(partial(Evaluator.of, scope), written))
        expr: ir.Expr = ir.Group(tuple(item.value for item in items), "list", items)
    else:
        expr = _single(setting, written, scope)

    def where() -> Span:
        return next((each.span for each in expressions(written)), setting.span)

    check_kind(f"`{name}`", setting.kind, expr.value, written, where)
    if setting.kind == "float" and isinstance(written, Expression):
        return _float(expr, written, scope)
    return expr


def _single(setting: Setting, expression: Expression, scope: Scope) -> ir.Expr:
    text = expression.text.value.strip()
    if setting.kind == "str" and text not in scope.names:
        return ir.Const(text)
    expr = Evaluator.of(scope, expression)
    if setting.kind in ("bool", "str"):
        scope.decide(expression.names)
    return expr


def _float(expr: ir.Expr, expression: Expression, scope: Scope) -> ir.Expr:
    """A float; one that only follows the position in a repeat is left open."""
    if scope.free & expression.names:
        return replaced(expr, value=ir.Varying("float"))
    return as_float(expr)


def _unknown(declared: BlockDecl, definition: Definition, name: str) -> SpecError:
    options = list(definition.settings)
    word = nearest(name, options)
    known = ", ".join(options) or "no settings"
    help = f"did you mean `{word}`?" if word else f"it takes: {known}"
    message = f"block `{definition.name}` has no setting `{name}`"
    return SpecError.of("GS101", message, declared.at(name), help)


def _and(names: list[str]) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}" if others else last
