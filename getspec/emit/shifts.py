"""`n*n + 2*n + 1` as `(n + 1)**2`: a formula in a size and one more or one less, where that takes fewer terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb
from typing import Any

from getspec.sizes import Function, Poly, constant

__all__ = ["Shifted", "shifted"]

Monomial = tuple[Any, ...]
STEPS = (0, 1, -1)
"""What is tried; the first of those that are as short is taken."""


@dataclass(frozen=True, slots=True)
class Shifted(Function):
    """A size and a small number, as one factor; only writing makes it."""

    inner: Poly

    def symbols(self) -> frozenset[str]:
        return self.inner.symbols()

    def __str__(self) -> str:
        return f"({self.inner})"


def shifted(poly: Poly) -> Poly:
    """The same with sums such as `R + 1` as factors."""
    for base in _bases(poly):
        groups, others = _grouped(poly, base)
        made = [others]
        for rest, powers in groups.items():
            _, _, step = min((_moved(powers, step), at, step) for at, step in enumerate(STEPS))
            made.append(_written(rest, base, powers, step))
        poly = sum(made, constant(0))
    return poly


def _bases(poly: Poly) -> Iterable[Monomial]:
    """Sizes of run time and divisions, as their lowest power: of `n**4 + 2*n**2 + 1` it is `n**2`.

    Names of the config are left alone: one more than a width says nothing.
    """
    lowest: dict[Any, int] = {}
    for monomial, _ in poly.terms:
        for part in {p for p in monomial if not isinstance(p, str) or p[0].isupper()}:
            power = monomial.count(part)
            lowest[part] = min(lowest.get(part, power), power)
    return [(part,) * power for part, power in lowest.items()]


def _grouped(poly: Poly, base: Monomial) -> tuple[dict[Monomial, dict[int, int]], Poly]:
    """By what else a term multiplies: the coefficient of each power of the base; and terms with a broken power of it."""
    part, size = base[0], len(base)
    groups: dict[Monomial, dict[int, int]] = {}
    others = []
    for monomial, coefficient in poly.terms:
        power, broken = divmod(monomial.count(part), size)
        if broken:
            others.append((monomial, coefficient))
            continue
        rest = tuple(each for each in monomial if each != part)
        groups.setdefault(rest, {})[power] = coefficient
    return groups, Poly(tuple(others))


def _powers(powers: dict[int, int], step: int) -> dict[int, int]:
    """Coefficients in u of a polynomial in u + step, given those in u."""
    found: dict[int, int] = {}
    for power, coefficient in powers.items():
        for low in range(power + 1):
            more = coefficient * comb(power, low) * (-step) ** (power - low)
            found[low] = found.get(low, 0) + more
    return {power: c for power, c in found.items() if c}


def _moved(powers: dict[int, int], step: int) -> int:
    """How many terms a group has after a step; one that is not written with the base at all is left alone."""
    return len(_powers(powers, step)) if step == 0 or max(powers) else len(powers) + 1


def _written(rest: Monomial, base: Monomial, powers: dict[int, int], step: int) -> Poly:
    if step == 0:
        return sum((_times(rest, base * power, c) for power, c in powers.items()), constant(0))
    one = (Shifted(Poly(((base, 1),)) + constant(step)),)
    moved = _powers(powers, step)
    return sum((_times(rest, one * power, c) for power, c in moved.items()), constant(0))


def _times(rest: Monomial, factors: Monomial, coefficient: int) -> Poly:
    return Poly(((rest, 1),)) * Poly(((factors, coefficient),))
