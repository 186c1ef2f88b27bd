"""What names mean in a definition at concrete settings, and which of its components are there.

Flags and words decide structure by being read; a number only where something structural asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec import ir
from getspec.declare import Declaration, Definition
from getspec.errors import SpecError
from getspec.evaluate import Evaluator, Scope, described

__all__ = ["is_present", "named_values", "settings_scope"]


def settings_scope(settings: Mapping[str, Any]) -> Scope:
    scope = Scope()
    for name, value in settings.items():
        scope.setting(name, value)
        if isinstance(value, bool | str):
            scope.decided.add(name)
    return scope


def named_values(definition: Definition, scope: Scope) -> dict[str, ir.Expr]:
    """What stands under `let`, in its order: each sees those above it."""
    made: dict[str, ir.Expr] = {}
    for name, expression in definition.lets.items():
        made[name] = Evaluator.of(scope, expression)
        scope.let(name, made[name].value, expression.names)
    return made


def is_present(declared: Declaration, scope: Scope) -> bool:
    if declared.when is None:
        return True
    value = Evaluator.decided(scope, declared.when)
    if isinstance(value, bool):
        return value
    message = f"`when` is true or false, this is {described(value)}"
    raise SpecError.of("GS205", message, declared.when.span)
