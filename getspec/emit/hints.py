"""Type hints of the generated file: what a constructor takes, and what `forward` takes and returns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from getspec import ir
from getspec.ops.base import Tensor
from getspec.sizes import Size

__all__ = ["argument_type", "input_args", "returned_type"]


def argument_type(value: Any) -> str | None:
    """The annotation of an argument; None for what is always a literal."""
    if isinstance(value, Size):
        return "int"
    if isinstance(value, float) or (isinstance(value, ir.Varying) and value.kind == "float"):
        return "float"
    if isinstance(value, tuple):
        inner = {argument_type(item) for item in value}
        if inner <= {"int", "float"}:
            return f"tuple[{'float' if 'float' in inner else 'int'}, ...]"
    return None


def input_args(forward: ir.Forward) -> list[str]:
    """The inputs as arguments: `x: Tensor`."""
    return [f"{declared.name}: {_input_type(declared)}" for declared in forward.inputs]


def _input_type(declared: ir.Input) -> str:
    return "list[Tensor]" if isinstance(declared.type, tuple) else "Tensor"


def returned_type(forward: ir.Forward) -> str:
    """What `forward` returns; lists that it made, of any length, are `list[Tensor]`."""
    last = forward.statements[-1]
    if not isinstance(last, ir.Return):
        return _result_type(forward.result)
    types = [
        "list[Tensor]" if _is_list(value, forward.statements) else _result_type(value.value)
        for value in last.values
    ]
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def _is_list(value: ir.Expr, statements: Iterable[ir.Statement]) -> bool:
    """Whether this is a list of tensors in brackets, or one that the statements began so."""
    if not isinstance(value.value, tuple) or not all(isinstance(x, Tensor) for x in value.value):
        return False
    if isinstance(value, ir.Group):
        return value.kind == "list"
    return isinstance(value, ir.Name) and any(
        isinstance(each, ir.Assign)
        and value.id in each.targets
        and isinstance(each.value, ir.Group)
        and each.value.kind == "list"
        for each in statements
    )


def _result_type(result: Any) -> str:
    if isinstance(result, tuple):
        return f"tuple[{', '.join(map(_result_type, result)) or '()'}]"
    return "Tensor"
