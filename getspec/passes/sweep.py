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
from itertools import count
from typing import Any

from getspec.algebra import OPERATORS, Condition, Scalar, settled
from getspec.errors import Span, SpecError, UsageError, nearest
from getspec.passes.formula import Formula
from getspec.sizes import Floor, Function, Poly, constant
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


@dataclass(frozen=True)
class Axis:
    """A name, and the values it takes."""

    name: str
    values: Sequence[Any]


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
                word = nearest(id, names)
                help = f"did you mean `{word}`?" if word else f"names here: {', '.join(names)}"
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
    source, skips = _Writer(axes, polys, conditions, where).text()
    scope: dict[str, Any] = {**FUNCTIONS, "__builtins__": {}}
    exec(compile(source, "<closed forms>", "exec"), scope)
    return Sweep(axes, (*(axis.name for axis in axes), *polys), skips, scope["loops"])


FUNCTIONS = {
    "min": min,
    "max": max,
    "int": int,
    "float": float,
    "round": round,
    "sqrt": math.sqrt,
    "log": math.log,
    "divided": OPERATORS["/"],
    "ArithmeticError": ArithmeticError,
    "ValueError": ValueError,
}


def _conditions(
    formulas: Mapping[str, Formula], known: Mapping[str, Any], axes: set[str]
) -> list[Condition]:
    """What an axis can break; what none can is looked at here, once."""
    found: dict[Condition, None] = {}
    for formula in formulas.values():
        for each in formula.conditions:
            sides = [settled(side, known) for side in (each.left, each.right)]
            made = Condition(each.relation, sides[0], sides[1], each.holds)
            names = made.symbols()
            if names & axes and not any(name[0].isupper() for name in names):
                found[made] = None
            elif not names and not made.met({}):
                raise UsageError(f"this cannot be: {each}")
    return list(found)


class _Writer:
    """Writes the nested loops: a name of its own for each axis, each sum at the outermost loop that knows its names."""

    def __init__(
        self,
        axes: Sequence[Axis],
        polys: Mapping[str, Poly],
        conditions: list[Condition],
        where: Node | None,
    ) -> None:
        self.axes = axes
        self.names = {axis.name: f"a{at}" for at, axis in enumerate(axes)}
        self.level = {axis.name: at for at, axis in enumerate(axes)}
        self.polys = polys
        self.conditions = conditions
        self.where = where
        self.fresh = count()
        self.lines: list[list[str]] = [[] for _ in axes]
        self.skips: list[Condition] = []

    def text(self) -> tuple[str, list[Condition]]:
        for condition in sorted(self.conditions, key=lambda c: self.depth(c.symbols())):
            self.condition(condition)
        results = [self.poly(poly, len(self.axes) - 1) for poly in self.polys.values()]
        last = self.lines[-1]
        columns = dict(zip(self.polys, results, strict=True))
        row = ", ".join([*self.names.values(), *results])
        if self.where is not None:
            last.append(f"if {self.node(self.where, columns)}:")
            last.append(f"    keep(({row},))")
        else:
            last.append(f"keep(({row},))")
        body = [
            "def loops(keep, skipped, " + ", ".join(f"v{n}" for n in range(len(self.axes))) + "):"
        ]
        for at, lines in enumerate(self.lines):
            pad = "    " * (2 * at + 1)
            body.append(f"{pad}for a{at} in v{at}:")
            body.append(f"{pad}    try:")
            body += [f"{pad}        {line}" for line in lines]
        for at in reversed(range(len(self.axes))):
            pad = "    " * (2 * at + 2)
            body.append(f"{pad}except (ArithmeticError, ValueError):")
            body.append(f"{pad}    skipped[-1] += {self.inside(at)}")
        return "\n".join(body), self.skips

    def inside(self, level: int) -> int:
        """Configurations in the loops below one."""
        return math.prod(len(axis.values) for axis in self.axes[level + 1 :])

    def depth(self, names: frozenset[str]) -> int:
        return max((self.level[name] for name in names), default=0)

    def condition(self, each: Condition) -> None:
        level = self.depth(each.symbols())
        left, right = (self.plain(side) for side in (each.left, each.right))
        test = f"{left} {each.relation} {right}"
        if each.relation == "%":
            test = f"{right} != 0 and {test} == 0"
        number = len(self.skips)
        self.skips.append(each)
        self.lines[level] += [
            f"if {'not ' if each.holds else ''}({test}):",
            f"    skipped[{number}] += {self.inside(level)}",
            "    continue",
        ]

    def poly(self, poly: Poly, level: int) -> str:
        """A polynomial at a loop: Horner in its name, over coefficients of the loops outside."""
        if poly.constant is not None:
            return f"({poly.constant})"
        level = min(level, self.depth(poly.symbols()))
        name = self.axes[level].name
        by_power: dict[int, Poly] = {}
        mixed: dict[Any, Poly] = {}
        for monomial, coefficient in poly.terms:
            power = sum(part == name for part in monomial)
            tangled = tuple(p for p in monomial if not isinstance(p, str) and name in p.symbols())
            rest = tuple(p for p in monomial if p != name and p not in tangled)
            term = Poly(((rest, coefficient),))
            if tangled:
                key = (tangled, power)
                mixed[key] = mixed.get(key, constant(0)) + term
            else:
                by_power[power] = by_power.get(power, constant(0)) + term
        word = ""
        for power in range(max(by_power, default=0), -1, -1):
            found = by_power.get(power)
            own = self.poly(found, level - 1) if found is not None and found.terms else ""
            if word:
                word = f"({word}) * {self.names[name]}"
            word = f"{word} + {own}" if word and own else word or own
        for (tangled, power), outer in mixed.items():
            factors = [self.atom(part) for part in tangled] + [self.names[name]] * power
            factors.append(self.poly(outer, level - 1))
            word = f"{word} + {' * '.join(factors)}" if word else " * ".join(factors)
        held = f"t{next(self.fresh)}"
        self.lines[level].append(f"{held} = {word}")
        return held

    def plain(self, form: Poly | float) -> str:
        """A formula written out in one expression."""
        if not isinstance(form, Poly):
            return repr(form)
        words = []
        for monomial, coefficient in form.terms:
            parts = [self.names[p] if isinstance(p, str) else self.atom(p) for p in monomial]
            words.append(
                " * ".join([*([] if coefficient == 1 and parts else [f"({coefficient})"]), *parts])
            )
        return f"({' + '.join(words) or '0'})"

    def atom(self, part: Function) -> str:
        if isinstance(part, Floor):
            return f"({self.plain(part.numerator)} // {self.plain(part.divisor)})"
        assert isinstance(part, Scalar)
        args = [self.plain(each) for each in part.args]
        if part.op == "/":
            return f"divided({', '.join(args)})"
        if part.op in OPERATORS:
            return f"({f' {part.op} '.join(args)})"
        return f"{part.op}({', '.join(args)})"

    def node(self, node: Node, columns: Mapping[str, str]) -> str:
        """A checked filter."""
        match node:
            case Literal(_, value):
                return repr(value)
            case Name(_, id):
                return columns.get(id) or self.names[id]
            case Unary(_, op, operand):
                return f"({op} {self.node(operand, columns)})"
            case Binary(_, op, left, right) | Compare(_, op, left, right):
                return f"({self.node(left, columns)} {op} {self.node(right, columns)})"
            case Logic(_, op, values):
                return f"({f' {op} '.join(self.node(value, columns) for value in values)})"
        raise AssertionError(node)
