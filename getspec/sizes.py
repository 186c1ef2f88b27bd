"""Sizes of axes: integers known from the config, polynomials where only run time knows.

A spec's config is concrete and its run-time sizes (`B`, `R`, `H`) are symbols, so the algebra needed is small and
complete: integer polynomials with `+ - *`, exact division and floor division. A general computer algebra system
was refused: its import alone costs more than a whole `count`.

A `Size` carries two polynomials. `value` is over run-time sizes alone and decides equality; `spelled` is over the names a
reader knows (`3*dim`, `num_heads`) and is what errors, shape comments and closed forms print. Both go through the same
arithmetic, so no rule has to keep them in step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, total_ordering
from math import gcd
from operator import index
from typing import Any

__all__ = [
    "Floor",
    "Function",
    "Inexact",
    "Poly",
    "Size",
    "Smaller",
    "bare",
    "constant",
    "noting",
    "smaller",
    "symbol",
]


class Inexact(ArithmeticError):
    """An exact division left a remainder: of a polynomial by another, or as the words given."""

    def __str__(self) -> str:
        if len(self.args) == 2:
            return f"{self.args[0]} is not divisible by {self.args[1]}"
        return super().__str__()


class Function:
    """An atom of a polynomial that is not a name: something worked out from other polynomials."""

    __slots__ = ()

    def symbols(self) -> frozenset[str]:
        raise NotImplementedError

    def evaluate(self, values: Mapping[str, int]) -> int:
        raise NotImplementedError

    def substitute(self, values: Mapping[str, Poly]) -> Poly:
        raise NotImplementedError


@total_ordering
@dataclass(frozen=True, slots=True)
class Floor(Function):
    """The atom `numerator // divisor` where the division is not known to be exact."""

    numerator: Poly
    divisor: Poly

    def symbols(self) -> frozenset[str]:
        return self.numerator.symbols() | self.divisor.symbols()

    def evaluate(self, values: Mapping[str, int]) -> int:
        return self.numerator.evaluate(values) // self.divisor.evaluate(values)

    def substitute(self, values: Mapping[str, Poly]) -> Poly:
        return self.numerator.substitute(values).divide_floor(self.divisor.substitute(values))

    def __str__(self) -> str:
        divisor = _parenthesised(self.divisor)
        return (
            f"{_parenthesised(self.numerator)} // {f'({divisor})' if '*' in divisor else divisor}"
        )

    def __lt__(self, other: Atom) -> bool:
        return str(self) < str(other)


@dataclass(frozen=True, slots=True)
class Smaller(Function):
    """The atom `min(a, b)`."""

    a: Poly
    b: Poly

    def symbols(self) -> frozenset[str]:
        return self.a.symbols() | self.b.symbols()

    def evaluate(self, values: Mapping[str, int]) -> int:
        return min(self.a.evaluate(values), self.b.evaluate(values))

    def substitute(self, values: Mapping[str, Poly]) -> Poly:
        return _smaller(self.a.substitute(values), self.b.substitute(values))

    def __str__(self) -> str:
        return f"min({self.a}, {self.b})"


Atom = str | Function
Monomial = tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class Poly:
    """An integer polynomial: sorted pairs of (monomial, nonzero coefficient); the empty monomial is 1."""

    terms: tuple[tuple[Monomial, int], ...]

    @property
    def constant(self) -> int | None:
        """The integer this polynomial is, or None when it has symbols."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and self.terms[0][0] == ():
            return self.terms[0][1]
        return None

    def symbols(self) -> frozenset[str]:
        """Every symbol in it, those inside floor divisions included."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    found |= atom.symbols()
        return frozenset(found)

    def substitute(self, values: Mapping[str, Poly]) -> Poly:
        """Replace symbols, all at once."""
        if not values or self.constant is not None:
            return self
        total = ZERO
        for monomial, coefficient in self.terms:
            product = constant(coefficient)
            for atom in monomial:
                product = product * _substituted(atom, values)
            total = total + product
        return total

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The integer under `values`; KeyError names a symbol without one."""
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for atom in monomial:
                if isinstance(atom, str):
                    product *= values[atom]
                else:
                    product *= atom.evaluate(values)
            total += product
        return total

    def __add__(self, other: Poly) -> Poly:
        if not other.terms:
            return self
        if not self.terms:
            return other
        sums = dict(self.terms)
        for monomial, coefficient in other.terms:
            sums[monomial] = sums.get(monomial, 0) + coefficient
        return _poly(sums)

    def __neg__(self) -> Poly:
        return Poly(tuple((monomial, -coefficient) for monomial, coefficient in self.terms))

    def __sub__(self, other: Poly) -> Poly:
        return self + -other

    def __mul__(self, other: Poly) -> Poly:
        number = self.constant
        if number is not None:
            return other.scaled(number)
        number = other.constant
        if number is not None:
            return self.scaled(number)
        products: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in other.terms:
                monomial = tuple(sorted(left + right, key=_atom_key))
                products[monomial] = products.get(monomial, 0) + a * b
        return _poly(products)

    def scaled(self, number: int) -> Poly:
        """This polynomial times an integer."""
        if number == 1:
            return self
        return Poly(tuple((m, c * number) for m, c in self.terms)) if number else ZERO

    def divide_exactly(self, divisor: Poly) -> Poly:
        """The polynomial q with q * divisor == self; raises Inexact when there is none."""
        quotient = self._quotient(divisor)
        if quotient is None:
            raise Inexact(self, divisor)
        return quotient

    def _quotient(self, divisor: Poly) -> Poly | None:
        if not divisor.terms:
            raise ZeroDivisionError("division by zero")
        quotient, rest = ZERO, self
        lead, scale = divisor.terms[-1]
        if len(divisor.terms) == 1:
            return self._by_term(lead, scale)
        while rest.terms:
            monomial, coefficient = rest.terms[-1]
            over = _monomial_quotient(monomial, lead)
            if over is None or coefficient % scale:
                return None
            step = Poly(((over, coefficient // scale),))
            quotient, rest = quotient + step, rest - step * divisor
            if len(rest.terms) > 64:
                return None
        return quotient

    def _by_term(self, lead: Monomial, scale: int) -> Poly | None:
        """The quotient by one term: each term is divided by itself, and their order stays."""
        terms = []
        for monomial, coefficient in self.terms:
            over = _monomial_quotient(monomial, lead)
            if over is None or coefficient % scale:
                return None
            terms.append((over, coefficient // scale))
        return Poly(tuple(terms))

    def divide_floor(self, divisor: Poly) -> Poly:
        """floor(self / divisor); whole parts are divided out, the rest stays a `Floor` atom."""
        quotient = self._quotient(divisor)
        return self._floored(divisor) if quotient is None else quotient

    def _floored(self, divisor: Poly) -> Poly:
        """The same where the division is not exact."""
        by = divisor.constant
        if by is None:
            whole, rest = self._parted(divisor)
            return whole + Poly((((_lowest(rest, divisor),), 1),))
        whole = Poly(tuple((m, c // by) for m, c in self.terms if m and c % by == 0))
        rest = Poly(tuple((m, c) for m, c in self.terms if not m or c % by))
        number = sum(c for m, c in rest.terms if not m)
        whole, rest = whole + constant(number // by), rest - constant(number // by * by)
        if rest.constant is not None:
            return whole
        return whole + _floor(rest, by)

    def _parted(self, divisor: Poly) -> tuple[Poly, Poly]:
        """The terms that a divisor of one term divides, divided; and the other terms."""
        whole, rest = ZERO, self
        if len(divisor.terms) == 1:
            lead, scale = divisor.terms[0]
            for monomial, coefficient in self.terms:
                over = _monomial_quotient(monomial, lead)
                if over is not None and coefficient % scale == 0:
                    whole = whole + Poly(((over, coefficient // scale),))
            rest = self - whole * divisor
        return whole, rest

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        text = ""
        for monomial, coefficient in sorted(self.terms, key=_print_key):
            sign = "-" if coefficient < 0 else "+"
            word = _term(monomial, abs(coefficient))
            if sign == "-" and " " in word:
                word = f"({word})"
            text += f" {sign} {word}" if text else (f"-{word}" if sign == "-" else word)
        return text


def _lowest(numerator: Poly, divisor: Poly) -> Floor:
    """The atom without a number that both sides share: `3*a // (3*b)` is `a // b`."""
    common = constant(gcd(*(c for side in (numerator, divisor) for _, c in side.terms)))
    return Floor(numerator.divide_exactly(common), divisor.divide_exactly(common))


def _floor(numerator: Poly, by: int) -> Poly:
    """The atom `numerator // by` in lowest terms; `(n // d + k) // by` is `(n + k*d) // (d*by)`."""
    common = gcd(by, *(c for m, c in numerator.terms if m))
    if common > 1 and by > 0:
        lower = Poly(tuple((m, c // common) for m, c in numerator.terms if m or c >= common))
        return lower.divide_floor(constant(by // common))
    (monomial, coefficient), *others = reversed(numerator.terms)
    inner = monomial[0] if len(monomial) == 1 else None
    if isinstance(inner, Floor) and coefficient == 1 and all(not m for m, _ in others):
        d = inner.divisor.constant
        if d is not None and d > 0 and by > 0:
            shift = constant(sum(c for _, c in others) * d)
            return (inner.numerator + shift).divide_floor(constant(d * by))
    return Poly((((Floor(numerator, constant(by)),), 1),))


@lru_cache(maxsize=1024)
def constant(number: int) -> Poly:
    """The polynomial that is one integer; what is none, such as None, has no polynomial."""
    return Poly((((), index(number)),)) if number != 0 else ZERO


def symbol(name: str) -> Poly:
    """The polynomial that is one symbol."""
    return Poly((((name,), 1),))


def _poly(sums: Mapping[Monomial, int]) -> Poly:
    kept = [(monomial, coefficient) for monomial, coefficient in sums.items() if coefficient]
    if len(kept) > 1:
        kept.sort(key=_order_key)
    return Poly(tuple(kept))


def _atom_key(atom: Atom) -> tuple[bool, str]:
    return (not isinstance(atom, str), str(atom))


def _order_key(term: tuple[Monomial, int]) -> tuple[int, list[tuple[bool, str]]]:
    """Graded lexicographic, a monomial order, so that long division ends."""
    return (len(term[0]), [_atom_key(atom) for atom in term[0]])


def _print_key(term: tuple[Monomial, int]) -> tuple[int, list[tuple[bool, str]]]:
    """High degree first, then by name: `D*D + 4*D + 1`."""
    return (-len(term[0]), [_atom_key(atom) for atom in term[0]])


def _term(monomial: Monomial, coefficient: int) -> str:
    factors = [] if coefficient == 1 and monomial else [str(coefficient)]
    seen: dict[Atom, int] = {}
    for atom in monomial:
        seen[atom] = seen.get(atom, 0) + 1
    for atom, power in seen.items():
        word = atom if isinstance(atom, str) else f"({atom})"
        factors.append(word if power == 1 else f"{word}**{power}")
    if len(factors) == 1 and factors[0].startswith("(") and factors[0].endswith(")"):
        return factors[0][1:-1] if coefficient == 1 else factors[0]
    return "*".join(factors)


def _parenthesised(poly: Poly) -> str:
    text = str(poly)
    return f"({text})" if " " in text else text


def _monomial_quotient(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    if not divisor:
        return monomial
    rest = list(monomial)
    for atom in divisor:
        if atom not in rest:
            return None
        rest.remove(atom)
    return tuple(rest)


def _substituted(atom: Atom, values: Mapping[str, Poly]) -> Poly:
    if isinstance(atom, str):
        return values.get(atom, Poly((((atom,), 1),)))
    return atom.substitute(values)


ZERO = Poly(())


@dataclass(frozen=True, slots=True, eq=False)
class Size:
    """The length of an axis: what it is (`value`) and how a reader spells it (`spelled`)."""

    value: Poly
    spelled: Poly

    @staticmethod
    def of(number: int | Size) -> Size:
        """A plain integer as a size; sizes pass through."""
        return number if isinstance(number, Size) else _integer(number)

    @staticmethod
    def runtime(name: str) -> Size:
        """A size that only run time knows."""
        return Size(symbol(name), symbol(name))

    @staticmethod
    def named(name: str, number: int) -> Size:
        """A config value: known, and spelled by its name."""
        return Size(constant(number), symbol(name))

    @property
    def known(self) -> int | None:
        """The integer, or None when it depends on run-time sizes."""
        number = self.value.constant
        if _notes and number is not None:
            _note("is", self, self, True)
        return number

    def __int__(self) -> int:
        number = self.value.constant
        if number is None:
            raise TypeError(f"{self} is known at run time only")
        if _notes:
            _note("is", self, self, True)
        return number

    __index__ = __int__

    def substitute(self, values: Mapping[str, Size]) -> Size:
        """Replace run-time sizes in `value`, and every name in `spelled`."""
        return Size(
            self.value.substitute({name: size.value for name, size in values.items()}),
            self.spelled.substitute({name: size.spelled for name, size in values.items()}),
        )

    def plain(self) -> Size:
        """The same size, spelled by its value."""
        return Size(self.value, self.value)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            other = Size.of(other)
        if not isinstance(other, Size):
            return NotImplemented
        same = self.value == other.value
        if _notes:
            _note("==", self, other, same)
        return same

    def __hash__(self) -> int:
        return hash(self.value)

    @property
    def is_one(self) -> bool:
        """Whether it is 1, asked where something else is done then: a size of run time is told, too."""
        found = self.value.constant == 1
        if _notes:
            _note("one", self, _integer(1), found)
        return found

    def __add__(self, other: int | Size) -> Size:
        return _both(self, other, Poly.__add__)

    def __radd__(self, other: int) -> Size:
        return Size.of(other) + self

    def __sub__(self, other: int | Size) -> Size:
        return _both(self, other, Poly.__sub__)

    def __rsub__(self, other: int) -> Size:
        return Size.of(other) - self

    def __mul__(self, other: int | Size) -> Size:
        return _both(self, other, Poly.__mul__)

    def __rmul__(self, other: int) -> Size:
        return Size.of(other) * self

    def __neg__(self) -> Size:
        return Size(-self.value, -self.spelled)

    def __floordiv__(self, other: int | Size) -> Size:
        return _both(self, other, Poly.divide_floor)

    def exactly(self, other: int | Size) -> Size:
        """Exact division; raises Inexact with both spellings when there is a remainder."""
        by = Size.of(other)
        value = self.value.divide_exactly(by.value)
        spelled = self.spelled._quotient(by.spelled)
        if spelled is None:
            _note("%", self, by, True)
            spelled = self.spelled._floored(by.spelled)
        return Size(value, spelled)

    def is_alike(self, other: int | Size) -> bool:
        """Whether both are equal and spelled alike, so that they are equal whatever the names are."""
        size = Size.of(other)
        return self.value == size.value and self.spelled == size.spelled

    def is_multiple_of(self, other: int | Size) -> bool:
        """Whether both are known and the other divides this one."""
        by = Size.of(other)
        a, b = self.value.constant, by.value.constant
        whole = a is not None and b is not None and b != 0 and a % b == 0
        _note("%", self, by, whole)
        return whole

    def is_below(self, other: int | Size) -> bool:
        """Whether both are known and this one is smaller."""
        limit = Size.of(other)
        a, b = self.value.constant, limit.value.constant
        below = a is not None and b is not None and a < b
        if a is not None and b is not None:
            _note("<", self, limit, below)
        return below

    def __str__(self) -> str:
        """`2304 (3*dim)` where name and value differ, else just the one."""
        if self.value == self.spelled:
            return str(self.value)
        return f"{self.value} ({self.spelled})"


Note = Callable[[str, Size, Size, bool], None]
_notes: list[Note] = []


@contextmanager
def noting(note: Note) -> Iterator[None]:
    """Tell `note` what is decided by looking at sizes: a relation, its sides, and the answer.

    `==`, `<` and `%` (is a multiple of) compare, and so does `one` with 1; `is` says that the number itself was asked for.
    """
    _notes.append(note)
    try:
        yield
    finally:
        _notes.pop()


def _note(relation: str, left: Size, right: Size, holds: bool) -> None:
    for note in _notes:
        note(relation, left, right, holds)


def _both(left: Size, right: int | Size, rule: Callable[[Poly, Poly], Poly]) -> Size:
    other = Size.of(right)
    return Size(rule(left.value, other.value), rule(left.spelled, other.spelled))


@lru_cache(maxsize=1024)
def _integer(number: int) -> Size:
    poly = constant(number)
    return Size(poly, poly)


def smaller(a: Size, b: Size) -> Size:
    """The smaller of two sizes, whichever that is at run time."""
    return _both(a, b, _smaller)


def _smaller(a: Poly, b: Poly) -> Poly:
    if a.constant is not None and b.constant is not None:
        return constant(min(a.constant, b.constant))
    return a if a == b else Poly((((Smaller(a, b),), 1),))


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes; 1 for none."""
    total: Size | None = None
    for size in sizes:
        total = size if total is None else total * size
    return Size.of(1) if total is None else total


def bare(value: Any) -> Any:
    """A value as YAML and JSON have it: sizes as integers, tuples as lists."""
    if isinstance(value, tuple):
        return [bare(item) for item in value]
    return int(value) if isinstance(value, Size) else value
