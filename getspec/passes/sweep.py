"""Many configurations of one model, by its closed forms compiled to Python.

The compiled loops are written from our own polynomials: numbers, and names that are made here. Nothing of a spec's or of
the command line's text gets into them; a filter is parsed by the grammar of specs and written from its nodes. What only
outer loops change is worked out there, and the innermost loop evaluates a polynomial in one name, so the work for a
configuration is small. Vectors of fixed width were refused: counts and FLOPs have to stay integers of any size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from getspec.algebra import OPERATORS, Condition
from getspec.errors import Span, SpecError, UsageError, meant
from getspec.passes.formula import Formula
from getspec.passes.loops import FUNCTIONS, Axis, Loops
from getspec.simplify import settled
from getspec.syntax import (
    Binary,
    Compare,
    Literal,
    Logic,
    Name,
    Node,
    Text,
    Unary,
    parse_expression,
)

__all__ = ["Axis", "Sweep", "axis", "number", "prepared", "wanted"]

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12, "P": 10**15}
UNITS |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_NUMBER = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?)(KiB|MiB|GiB|[KMGBTP])\b")
MAX_VALUES = 1_000_000


def axis(text: str) -> Axis:
    """`embed_dim=256:4096:64` (both ends included), `num_heads=8,16`, or one value."""
    name, sign, values = text.partition("=")
    name = name.strip()
    try:
        if not sign or not name:
            raise ValueError
        if ":" not in values:
            return Axis(name, tuple(_value(each) for each in values.split(",")))
        first, last, *rest = (int(each) for each in values.split(":"))
        step = rest[0] if rest else 1
        if step < 1 or len(rest) > 1:
            raise ValueError
        found = range(first, last + 1, step)
    except ValueError:
        raise UsageError(
            f"`{text}` is no range of values",
            "--set embed_dim=256:4096:64, or --set num_heads=8,16",
        ) from None
    if len(found) > MAX_VALUES:
        raise UsageError(f"`{name}` takes {len(found):,} values; {MAX_VALUES:,} are possible")
    if not found:
        raise UsageError(f"`{text}` holds no value", "--set embed_dim=256:4096:64")
    return Axis(name, found)


def _value(word: str) -> Any:
    word = word.strip()
    if word in ("true", "false"):
        return word == "true"
    try:
        return int(word)
    except ValueError:
        number = float(word)
        if not math.isfinite(number):
            raise
        return number


def number(text: str) -> int:
    """`350M`, `64KiB`, `2e12` or `124_439_808` as an integer."""
    match = _NUMBER.fullmatch(text.strip())
    try:
        found = float(match[1]) * UNITS[match[2]] if match else float(text)
        if found.is_integer() and not match and "." not in text and "e" not in text.lower():
            return int(text.replace("_", ""))
        return round(found)
    except (ValueError, OverflowError):
        raise UsageError(f"`{text}` is no number", "350M, 2e12 or 124_439_808") from None


def wanted(text: str, names: Sequence[str]) -> Node:
    """A filter as nodes of the grammar: comparisons and arithmetic of known names and numbers."""
    plain = _NUMBER.sub(lambda m: str(round(float(m[1]) * UNITS[m[2]])), text)
    where = Text(plain, lambda line, col, width: Span("--where", line, col + 1, width))
    try:
        node = parse_expression(plain, where).node
    except SpecError as error:
        raise UsageError(f"--where: {error.diagnostics[0].message}", WHERE) from None
    _check(node, names)
    return node


WHERE = '--where "params <= 1e9 and flops <= 2e12"'


def _check(node: Node, names: Sequence[str]) -> None:
    match node:
        case Literal(_, value) if isinstance(value, int | float):
            return
        case Name(_, id):
            if id not in names:
                help = meant(id, names, f"names here: {', '.join(names)}")
                raise UsageError(f"--where: unknown name `{id}`", help)
        case Unary(_, op, operand) if op in ("-", "+", "not"):
            _check(operand, names)
        case Binary(_, op, left, right) if op in OPERATORS and op != "**":
            _check(left, names)
            _check(right, names)
        case Compare(_, op, left, right) if op in COMPARISONS:
            _check(left, names)
            _check(right, names)
        case Logic(_, _, values):
            for part in values:
                _check(part, names)
        case _:
            raise UsageError("--where takes comparisons and arithmetic", WHERE)


COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


@dataclass
class Sweep:
    """A compiled sweep. `run` goes through it one value of the first axis at a time."""

    axes: Sequence[Axis]
    columns: tuple[str, ...]
    skips: list[Condition]
    loops: Callable[..., Any]
    skipped: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    def run(self) -> Iterator[list[tuple[Any, ...]]]:
        """The rows that are wanted: values of the axes, then the quantities."""
        self.skipped = [0] * (len(self.skips) + 1)
        rest = [axis.values for axis in self.axes[1:]]
        for value in self.axes[0].values:
            found: list[tuple[Any, ...]] = []
            self.loops(found.append, self.skipped, (value,), *rest)
            yield found


def prepared(
    axes: Sequence[Axis],
    formulas: Mapping[str, Formula],
    values: Mapping[str, Any],
    where: Node | None = None,
) -> Sweep:
    """The closed forms of a sweep, compiled. `values` are all names that no axis sets."""
    known = {n: v for n, v in values.items() if n not in {axis.name for axis in axes}}
    polys = {name: settled(found.poly, known) for name, found in formulas.items()}
    open_names = {axis.name for axis in axes}
    for name, poly in polys.items():
        missing = sorted(poly.symbols() - open_names)
        if missing:
            raise UsageError(
                f"{name} depends on the run-time size `{missing[0]}`", f"--shape {missing[0]}=1024"
            )
    conditions = _conditions(formulas, known, open_names)
    source, skips = Loops(axes, polys, conditions, where).text()
    scope: dict[str, Any] = {**FUNCTIONS, "__builtins__": {}}
    exec(compile(source, "<closed forms>", "exec"), scope)
    return Sweep(axes, (*(axis.name for axis in axes), *polys), skips, scope["loops"])


def _conditions(
    formulas: Mapping[str, Formula], known: Mapping[str, Any], axes: set[str]
) -> list[Condition]:
    """What an axis can break; what none can is looked at here, once."""
    found: dict[Condition, None] = {}
    for formula in formulas.values():
        for each in (*formula.conditions, *formula.limits):
            sides = [settled(side, known) for side in (each.left, each.right)]
            made = Condition(each.relation, sides[0], sides[1], each.holds)
            names = made.symbols()
            if names & axes and not any(name[0].isupper() for name in names):
                found[made] = None
            elif not names and not made.met({}):
                raise UsageError(f"this cannot be: {each}")
    return list(found)
