"""What settings and fields hold, and the kinds that they are of: 1, 1.0 and true are three different values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from getspec import ir
from getspec.errors import Fix, Span, SpecError
from getspec.evaluate import NeedsIndex, described
from getspec.scalars import TRUE_OR_FALSE
from getspec.sizes import Size
from getspec.syntax import Expression, Literal

__all__ = ["as_float", "check_kind", "identity", "misfit", "to_value"]


def to_value(literal: Any) -> Any:
    """A literal of YAML as a value."""
    if isinstance(literal, bool):
        return literal
    if isinstance(literal, int):
        return Size.of(literal)
    if isinstance(literal, tuple | list):
        return tuple(map(to_value, literal))
    return literal


def identity(value: Any) -> Any:
    """What makes two values equal, to be a key of a dictionary."""
    if isinstance(value, tuple):
        return tuple(map(identity, value))
    if isinstance(value, Size):
        return ("size", value.value)
    return (type(value).__name__, value)


def as_float(expr: ir.Expr) -> ir.Expr:
    """An integer where a float is wanted: `rate: 1` is 1.0."""
    if not isinstance(expr.value, Size):
        return expr
    value = float(int(expr.value))
    return ir.Const(value) if isinstance(expr, ir.Const) else ir.Operation(value, "float", (expr,))


def check_kind(
    what: str,
    kind: str,
    value: Any,
    written: Expression | tuple[Expression, ...],
    where: Callable[[], Span],
) -> None:
    """Raise where a value is not of a kind; `where` it stands is asked only then."""
    reason = misfit(kind, value)
    if reason:
        span = where()
        raise SpecError.of("GS308", f"{what} {reason}", span, _remedy(kind, value, written))


def misfit(kind: str, value: Any) -> str | None:
    """Why a value is not of a kind; a number that varies along a repeat can only be a float."""
    if isinstance(value, ir.Varying):
        if kind == "float":
            return None
        raise NeedsIndex
    words, fits = KINDS[kind]
    return None if fits(value) else f"{words}, this is {described(value)}"


def _remedy(kind: str, value: Any, written: Expression | tuple[Expression, ...]) -> str | None:
    """What to write instead of a value that is not of its kind, where that is plain."""
    if isinstance(written, tuple):
        return None
    if kind in ("int", "float") and isinstance(value, str) and re.fullmatch(NUMBERS[kind], value):
        return Fix(f"write `{value}`, without quotes", value)
    if kind == "bool" and value in TRUE_OR_FALSE:
        return Fix(f"write `{TRUE_OR_FALSE[value]}`", TRUE_OR_FALSE[value])
    if kind != "int" or not isinstance(value, float):
        return None
    if isinstance(written.node, Literal):
        whole = f"{int(value)}" if value.is_integer() else None
        return Fix(f"write `{whole}`", whole) if whole else None
    return f"`int({written.text.value.strip()})` if it is to be cut"


NUMBERS = {"int": r"[0-9]+", "float": r"[0-9.]+(e[-+]?[0-9]+)?"}


def _is_int(value: Any) -> bool:
    return isinstance(value, Size) and value.known is not None


def _is_list_of(kinds: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(isinstance(v, kinds) for v in value)


KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("is an integer", _is_int),
    "float": ("is a number", lambda value: isinstance(value, float) or _is_int(value)),
    "bool": ("is true or false", lambda value: isinstance(value, bool)),
    "str": ("is a word", lambda value: isinstance(value, str)),
    "ints": ("is a list of integers", _is_list_of(Size)),
    "floats": ("is a list of numbers", _is_list_of((Size, float))),
}
