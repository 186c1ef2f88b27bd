"""Nested loops over configurations, written in Python from polynomials.

Every name in the text is made here, every number is one of a polynomial, and a filter is written from its checked nodes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from getspec.algebra import OPERATORS, Condition, Scalar
from getspec.sizes import Floor, Function, Poly, constant
from getspec.syntax import Binary, Compare, Literal, Logic, Name, Node, Unary

__all__ = ["FUNCTIONS", "Axis", "Loops"]

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
"""All that the loops can call or catch."""


@dataclass(frozen=True)
class Axis:
    """A name, and the values it takes."""

    name: str
    values: Sequence[Any]


class Loops:
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
