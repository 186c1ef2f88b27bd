"""Arithmetic on names: what `evaluate` works out in numbers, worked out once more as formulas in those names.

An integer is a `Size`: its value now, and its closed form in `spelled`. Sums, products and floor divisions stay polynomials.
What is no polynomial (`int(2.5 * dim)`, `max`, `%`, anything with a float in it) becomes a `Scalar`: one atom that
remembers its arguments and is evaluated by the same rules as in a spec. So a closed form is exact or it is not given;
fitting polynomials to sampled counts was refused, because a fit cannot say where it ends.

Wherever a formula is followed only because of what a number is now (two sizes that are equal, a condition), that is kept
as a `Condition`: the closed form holds for every config that meets them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from getspec import ir
from getspec.sizes import Function, Poly, Size, constant, noting, symbol
from getspec.syntax import COMPARISON

__all__ = [
    "OPPOSITE",
    "VARYING",
    "Algebra",
    "Condition",
    "Fixed",
    "Rate",
    "Real",
    "Scalar",
    "atom",
    "plain",
    "symbolic",
]


class Fixed(Exception):
    """Something needs the value of these names and not their formula."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(names)))
        self.names = names


@dataclass(frozen=True, slots=True)
class Scalar(Function):
    """A function of numbers that is no polynomial: an operator of floats, or `int max min round ...`."""

    op: str
    args: tuple[Poly | float, ...]

    def symbols(self) -> frozenset[str]:
        return frozenset().union(*(a.symbols() for a in self.args if isinstance(a, Poly)))

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        return RULES[self.op](
            *(a.evaluate(values) if isinstance(a, Poly) else a for a in self.args)
        )

    def substitute(self, values: Mapping[str, Poly]) -> Poly:
        args = tuple(a.substitute(values) if isinstance(a, Poly) else a for a in self.args)
        made = Scalar(self.op, args)
        if made.symbols():
            return atom(made)
        number = made.evaluate({})
        return constant(number) if isinstance(number, int) else atom(made)

    def __str__(self) -> str:
        words = [str(a) for a in self.args]
        if self.op in OPERATORS:
            return f" {self.op} ".join(f"({word})" if " " in word else word for word in words)
        return f"{self.op}({', '.join(words)})"


def atom(made: Function) -> Poly:
    """The polynomial that is one atom."""
    return Poly((((made,), 1),))


def _divided(a: Any, b: Any) -> Any:
    """`/` in a spec is exact between integers, and float division otherwise."""
    if isinstance(a, int) and isinstance(b, int):
        if a % b:
            raise ZeroDivisionError
        return a // b
    return a / b


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divided,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
}
RULES: dict[str, Callable[..., Any]] = {
    **OPERATORS,
    "min": min,
    "max": max,
    "int": int,
    "float": float,
    "round": round,
    "sqrt": math.sqrt,
    "log": math.log,
}


DOMAINS = {"log": ">", "sqrt": ">="}
"""How the numbers that a function takes compare with 0."""


@dataclass(frozen=True, slots=True)
class Real:
    """A float: its value now, and its formula. The value is `Varying` where it follows a position in a repeat."""

    value: Any
    form: Poly | float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Real) and (self.value, self.form) == (other.value, other.form)

    def __hash__(self) -> int:
        return hash((str(self.value), self.form))


VARYING = Real(ir.Varying(), 0.0)


OPPOSITE = {"==": "!=", "<": ">=", ">": "<=", "<=": ">", ">=": "<", "!=": "=="}


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to stay as it is: `left relation right` holds, or does not. `%` is "is divided by"."""

    relation: str
    left: Poly | float
    right: Poly | float
    holds: bool

    def met(self, values: Mapping[str, Any]) -> bool:
        """Under values for every name in it."""
        a, b = (s.evaluate(values) if isinstance(s, Poly) else s for s in (self.left, self.right))
        if self.relation == "%":
            return bool(b != 0 and a % b == 0) == self.holds
        return bool(COMPARISON[self.relation](a, b)) == self.holds

    def opposite(self) -> Condition:
        return Condition(self.relation, self.left, self.right, not self.holds)

    def symbols(self) -> frozenset[str]:
        return frozenset().union(
            *(s.symbols() for s in (self.left, self.right) if isinstance(s, Poly))
        )

    def __str__(self) -> str:
        if self.relation == "%":
            verb = "divides" if self.holds else "does not divide"
            return f"{self.right} {verb} {self.left}"
        sign = self.relation if self.holds else OPPOSITE[self.relation]
        return f"{self.left} {sign} {self.right}"


class Rate(float):
    """A float of the config; whatever a rule decides by looking at it is kept."""

    number: Real
    kept: dict[Condition, None]

    @classmethod
    def of(cls, real: Real, kept: dict[Condition, None]) -> Rate:
        made = cls(real.value)
        made.number, made.kept = real, kept
        return made

    def compared(self, relation: str, other: object) -> bool:
        if not isinstance(other, int | float):
            return relation == "!="
        holds = bool(COMPARISON[relation](float(self), float(other)))
        form = self.number.form
        if isinstance(form, Poly) and form.symbols():
            self.keep(Condition(relation, form, float(other), holds))
        return holds

    def keep(self, said: Condition) -> None:
        self.kept[said] = None

    def __eq__(self, other: object) -> bool:
        return self.compared("==", other)

    def __ne__(self, other: object) -> bool:
        return self.compared("!=", other)

    def __lt__(self, other: float) -> bool:
        return self.compared("<", other)

    def __le__(self, other: float) -> bool:
        return self.compared("<=", other)

    def __gt__(self, other: float) -> bool:
        return self.compared(">", other)

    def __ge__(self, other: float) -> bool:
        return self.compared(">=", other)

    def __hash__(self) -> int:
        return float.__hash__(self)


def symbolic(name: str, value: Any, fixed: frozenset[str]) -> Any:
    """A value of the config as a formula: its own name, unless that is fixed or decides structure."""
    if isinstance(value, tuple):
        if name in fixed:
            return value_of(value)
        return tuple(symbolic(f"{name}[{at}]", item, fixed) for at, item in enumerate(value))
    if isinstance(value, bool | str) or name in fixed:
        return value_of(value)
    if isinstance(value, Size):
        return Size(value.value, symbol(name))
    return Real(value, symbol(name)) if isinstance(value, float) else value


def value_of(value: Any) -> Any:
    """A value that stands for itself."""
    if isinstance(value, tuple):
        return tuple(map(value_of, value))
    if isinstance(value, Size):
        return Size(value.value, value.value)
    if isinstance(value, ir.Varying):
        return VARYING
    return Real(value, value) if isinstance(value, float) else value


def plain(value: Any) -> Any:
    """Floats as the numbers they are; sizes keep their formulas."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value.value if isinstance(value, Real) else value


class Algebra:
    """Works expressions out under an environment of formulas, and keeps the conditions."""

    def __init__(self) -> None:
        self.conditions: dict[Condition, None] = {}
        self.limits: dict[Condition, None] = {}
        """What every legal config meets, so that nobody has to be told."""

    def note(self, relation: str, left: Size, right: Size, holds: bool) -> None:
        """A decision about sizes. One that only run-time sizes could change is no condition on the config, but for `one`."""
        if relation == "is":
            names = left.spelled.symbols()
            if names:
                raise Fixed(names)
            return
        a, b = left.spelled, right.spelled
        if (
            a == b
            or (relation == "%" and b.constant == 1)
            or (a.constant is not None and b.constant is not None)
        ):
            return
        if relation == "one":
            relation = "=="
        elif left.value.constant is None or right.value.constant is None:
            if holds:
                self.always(relation, a, b)
            return
        if relation != "%" and (a - b).constant is not None:
            return
        self.conditions[Condition(relation, a, b, holds)] = None

    def always(self, relation: str, left: Poly, right: Poly) -> None:
        """Sizes of the run time are equal, or divide, whatever they are: factor by factor."""
        sides = [_by_run_time(side) for side in (left, right)]
        if relation == "%" and list(sides[1]) != [()]:
            self.conditions[Condition(relation, left, right, True)] = None
            return
        for factors in {**sides[0], **sides[1]}:
            a, b = (side.get(factors, constant(0)) for side in sides)
            names = frozenset().union(*map(_names, factors))
            mixed = frozenset(name for name in names if not name[0].isupper())
            if relation == "==" and a != b and mixed:
                raise Fixed(mixed)  # a division that another one may be equal to at some values
            b = right if relation == "%" else b
            if a != b and (a.symbols() or b.symbols()):
                self.conditions[Condition(relation, a, b, True)] = None

    def value(self, expr: ir.Expr, names: Mapping[str, Any]) -> Any:
        """An expression as a formula."""
        match expr:
            case ir.Const(value):
                return value_of(value)
            case ir.Name(_, id, _):
                return names[id]
            case ir.Group(_, _, items):
                return tuple(self.value(item, names) for item in items)
            case ir.Pick(_, base, index):
                assert index is not None
                return self.picked(self.value(base, names), self.value(index, names))
            case ir.Operation(_, op, operands):
                return self.operation(op, operands, lambda part: self.value(part, names))
        raise AssertionError(expr)

    def picked(self, items: Any, at: Any) -> Any:
        return items[self.literal(at)]

    def literal(self, value: Any) -> int:
        """The integer itself; its names are fixed."""
        if value.spelled.symbols():
            raise Fixed(value.spelled.symbols())
        number: int | None = value.value.constant
        assert number is not None
        return number

    def operation(
        self, op: str, operands: tuple[ir.Expr, ...], value: Callable[[ir.Expr], Any]
    ) -> Any:
        if op == "if":
            return value(operands[0] if value(operands[1]) else operands[2])
        if op in ("and", "or"):
            parts = map(value, operands)
            return all(parts) if op == "and" else any(parts)
        values = tuple(map(value, operands))
        if op == "not":
            return not values[0]
        if op in COMPARISON:
            return self.compared(op, *values)
        if op == "len":
            return Size.of(len(values[0]))
        if any(v is VARYING for v in values):
            return VARYING
        if len(values) == 1 and op in "+-":
            return self.binary("-", Size.of(0), values[0]) if op == "-" else values[0]
        if op == "ceil_div":
            return -(-values[0] // values[1])
        if op == "int" and isinstance(values[0], Size):
            return values[0]
        if op in OPERATORS:
            return self.binary(op, *values)
        return self.scalar(op, values)

    def compared(self, op: str, left: Any, right: Any) -> bool:
        a, b = _number(left), _number(right)
        if a is None or b is None:  # sizes of the run time, which only `==` and `!=` may compare
            return bool((left == right) == (op == "=="))
        holds = bool(COMPARISON[op](a, b))
        sides = [_form(side) for side in (left, right)]
        if any(isinstance(side, Poly) and side.symbols() for side in sides):
            self.conditions[Condition(op, sides[0], sides[1], holds)] = None
        return holds

    def binary(self, op: str, left: Any, right: Any) -> Any:
        if isinstance(left, tuple) and isinstance(right, tuple):
            return left + right
        if isinstance(left, Size) and isinstance(right, Size):
            return self.whole(op, left, right)
        if op in ("/", "//", "%"):
            self.nonzero(right)
        return self.scalar(op, (left, right))

    def whole(self, op: str, left: Size, right: Size) -> Any:
        if op in ("/", "//", "%"):
            self.nonzero(right)
        match op:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                with noting(self.note):
                    return left.exactly(right)
            case "//":
                return left // right
        power = right.spelled.constant
        if op == "**" and power is not None and 0 <= power <= 8:
            total = Size.of(1)
            for _ in range(power):
                total = total * left
            return total
        return self.scalar(op, (left, right))

    def nonzero(self, divisor: Any) -> None:
        form = _form(divisor)
        if isinstance(form, Poly) and form.symbols():
            self.conditions[Condition("==", form, 0, False)] = None

    def scalar(self, op: str, values: tuple[Any, ...]) -> Any:
        """A function of numbers: worked out now, and kept as an atom where it has names."""
        number = RULES[op](*map(_number, values))
        forms = tuple(map(_form, values))
        if op in DOMAINS and isinstance(forms[0], Poly) and forms[0].symbols():
            self.limits[Condition(DOMAINS[op], forms[0], 0, True)] = None
        if not any(isinstance(form, Poly) and form.symbols() for form in forms):
            return Size.of(number) if isinstance(number, int) else Real(number, number)
        form = atom(Scalar(op, forms))
        return (
            Size(constant(number), form) if isinstance(number, int) else Real(float(number), form)
        )


def _by_run_time(poly: Poly) -> dict[tuple[Any, ...], Poly]:
    """The terms of a polynomial by the run-time sizes in them, which are the names with a capital."""
    found: dict[tuple[Any, ...], Poly] = {}
    for monomial, coefficient in poly.terms:
        sizes = tuple(p for p in monomial if any(n[0].isupper() for n in _names(p)))
        rest = tuple(p for p in monomial if p not in sizes)
        found[sizes] = found.get(sizes, constant(0)) + Poly(((rest, coefficient),))
    return found


def _names(part: Any) -> frozenset[str]:
    return frozenset((part,)) if isinstance(part, str) else part.symbols()


def _number(value: Any) -> Any:
    return value.value.constant if isinstance(value, Size) else plain(value)


def _form(value: Any) -> Any:
    if isinstance(value, Size):
        return value.spelled
    return value.form if isinstance(value, Real) else value
