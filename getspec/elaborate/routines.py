"""The functions of the spec: one routine per function and settings, made when a `forward` first calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from getspec import ir
from getspec.declare import Definition, Setting
from getspec.elaborate.forward import checked_forward
from getspec.elaborate.instances import Instances
from getspec.elaborate.scopes import named_values, settings_scope
from getspec.elaborate.tensors import declared_inputs
from getspec.elaborate.values import misfit, to_value
from getspec.errors import SpecError
from getspec.sizes import Size

__all__ = ["Functions"]

Failure = Callable[..., SpecError]
"""Makes an error, at the place of the call, of a message and a remedy."""


class Functions:
    """The functions of the spec, as `dataflow` asks for them."""

    def __init__(self, instances: Instances) -> None:
        self.instances = instances
        self.rounds = 0
        self.defined = [n for n, d in instances.library.items() if d.kind == "function"]

    def names(self) -> list[str]:
        return self.defined

    def round(self) -> int:
        """Count a round of a loop; rounds of all definitions are counted together."""
        self.rounds += 1
        return self.rounds

    def settings_of(self, name: str) -> tuple[list[str], list[str]]:
        definition = self.instances.library[name]
        return [tensor.name for tensor in definition.inputs], list(definition.settings)

    def routine(self, name: str, settings: Mapping[str, Any], error: Failure) -> ir.Routine:
        definition = self.instances.library[name]
        values = {
            key: _value(name, setting, settings, error)
            for key, setting in definition.settings.items()
        }
        made = self.instances.one(definition, values, definition.span, self.make)
        if made is None:
            raise SpecError(())  # reported where it is defined
        return made

    def make(self, definition: Definition, settings: Mapping[str, Any]) -> ir.Routine:
        problems = self.instances.problems
        scope = settings_scope(settings)
        held = dict(scope.names)
        lets = named_values(definition, scope)
        inputs = declared_inputs(definition, scope, problems)
        forward, _ = checked_forward(definition, scope, inputs, self, problems)
        if forward is None or definition.body is None:
            raise SpecError(())  # reported line by line
        return ir.Routine(
            definition.name,
            held,
            lets,
            frozenset(scope.decided),
            forward,
            definition.summary,
            definition.sources,
            definition.body.text.value,
        )


def _value(name: str, setting: Setting, given: Mapping[str, Any], error: Failure) -> Any:
    """The value of a function's setting: what the call gives, or the default."""
    key = setting.name
    if key not in given and setting.required:
        raise error(f"function `{name}` needs `{key}`", f"{name}(..., {key}=...)")
    value = given[key] if key in given else to_value(setting.default)
    reason = misfit(setting.kind, value)
    if reason:
        raise error(f"`{key}` of `{name}` {reason}")
    return float(int(value)) if setting.kind == "float" and isinstance(value, Size) else value
