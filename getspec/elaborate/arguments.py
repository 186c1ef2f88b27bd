"""What a block is given: for each of its settings a value of the setting's kind, or the default."""

from __future__ import annotations

from functools import partial
from typing import Any

from getspec import ir
from getspec.declare import COMMON, KINDS, BlockDecl, Definition, Setting
from getspec.elaborate.values import as_float, check_kind, to_value
from getspec.errors import Diagnostic, Diagnostics, Fix, Span, SpecError, meant
from getspec.evaluate import Evaluator, Scope
from getspec.record import replaced
from getspec.syntax import Expression

__all__ = ["arguments", "expressions", "setting_values"]


def arguments(
    declared: BlockDecl, definition: Definition, scope: Scope, problems: Diagnostics
) -> dict[str, ir.Expr]:
    """The arguments that the spec writes down; none that is required is missing."""
    _check_known(declared, definition)
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
    setting = definition.settings[name]
    written = declared.args[name]
    if isinstance(written, tuple):
        items = tuple(problems.every(partial(Evaluator.of, scope), written))
        expr: ir.Expr = ir.Group(tuple(item.value for item in items), "list", items)
    else:
        expr = _single(setting, written, scope)

    def where() -> Span:
        return next((each.span for each in expressions(written)), setting.span)

    _check_declared(setting, expr.value, declared.at(name))
    check_kind(f"`{name}`", setting.kind, expr.value, written, where)
    if setting.kind == "float" and isinstance(written, Expression):
        return _float(expr, written, scope)
    return expr


def _check_declared(setting: Setting, value: Any, use: Span) -> None:
    """A word that is given something else, and is nearly the name of a kind, is a slip in the declaration."""
    if setting.kind != "str" or isinstance(value, str) or setting.value is None:
        return
    help = meant(str(setting.default), KINDS)
    if help:
        message = f"`{setting.name}` is the word '{setting.default}', and no word is given"
        raise SpecError.of("GS308", message, setting.value, help, [("it is given here", use)])


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


def _check_known(declared: BlockDecl, definition: Definition) -> None:
    """A block takes the settings it declares. Those that are like none of them are one mistake."""
    unknown = [name for name in declared.args if name not in definition.settings]
    if not unknown:
        return
    free = [name for name in definition.settings if name not in declared.args]
    problems: list[Diagnostic] = []
    strange: list[str] = []
    for name in unknown:
        help = meant(name, [*free, *definition.settings, *COMMON])
        if help is None:
            strange.append(name)
            continue
        problems.append(_misspelt(declared, definition, name, help))
    if strange:
        known = ", ".join(definition.settings) or "no settings"
        message = f"block `{definition.name}` has no setting {_and(strange)}"
        note = (f"`{definition.name}` is declared here", definition.span)
        help = f"it takes: {known}"
        problems.append(Diagnostic("GS101", message, declared.at(strange[0]), help, (note,)))
    raise SpecError(problems)


def _misspelt(declared: BlockDecl, definition: Definition, name: str, help: str) -> Diagnostic:
    """A slip where the setting is given; or where it is declared, if the block itself does not read that."""
    message = f"block `{definition.name}` has no setting `{name}`"
    word = help.text if isinstance(help, Fix) else ""
    if word not in definition.unread:
        return Diagnostic("GS101", message, declared.at(name), help)
    note = (f"`{name}` is given here", declared.at(name))
    message = f"nothing in `{definition.name}` reads `{word}`, and `{name}` is what it is given"
    fix = Fix(f"did you mean `{name}`?", name)
    return Diagnostic("GS101", message, definition.settings[word].span, fix, (note,))


def _and(names: list[str]) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}" if others else last
