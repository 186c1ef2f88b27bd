"""How polynomials are written: grouped as a person would, as text or in LaTeX.

What repeats stands in front of what it repeats, and a common factor is taken out, where that makes a formula shorter. Which
grouping is shortest is decided greedily, one name at a time; an optimal one is not worth its time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from typing import Any

from getspec.algebra import OPERATORS, Scalar
from getspec.emit.shifts import Shifted, shifted
from getspec.sizes import Floor, Function, Inexact, Poly, Smaller, constant

__all__ = ["LATEX", "TEXT", "Monomial", "Printer", "Style"]

Monomial = tuple[Any, ...]
MUCH = 0.25
"""How much longer than the shortest a formula may be that has its repeats in front."""
FEW = 4
"""A number that two terms share is taken out from here on."""


@dataclass(frozen=True)
class Style:
    """How one notation spells the parts of a formula."""

    times: str
    name: Callable[[str], str]
    power: Callable[[str, int], str]
    group: Callable[[str], str]
    function: Callable[[Function, Callable[[Poly], str]], str]


class Printer:
    """Writes polynomials in one style. Names that come first in `order` are written first."""

    def __init__(self, style: Style, order: tuple[str, ...], repeats: tuple[str, ...] = ()) -> None:
        self.style = style
        self.repeats = repeats
        self.rank = {name: at for at, name in enumerate(order)}
        self.flat = lru_cache(maxsize=None)(self._flat)

    def atom_key(self, part: Any) -> tuple[int, int, str]:
        if isinstance(part, str):
            return 0, self.rank.get(part, len(self.rank)), part
        return 1, 0, str(part)

    def term_key(self, term: tuple[Monomial, int]) -> Any:
        parts = sorted(map(self.atom_key, term[0]))
        return not parts, [part[:2] for part in parts[:1]], -len(parts), parts

    def formula(self, poly: Poly) -> str:
        """A whole formula: what layers of repeats have, then the rest, unless that is much longer."""
        poly = shifted(poly)
        shortest = self.poly(poly)
        common = self.common(poly)
        if common is not None:
            factor, poly = common
            layered = f"{self.front(factor)}{self.style.times}{self.back(self.layers(poly))}"
        else:
            layered = self.layers(poly)
        signs, length = layered.count("-") - shortest.count("-"), len(layered) - len(shortest)
        return layered if signs <= 0 and length <= MUCH * len(shortest) else shortest

    def layers(self, poly: Poly) -> str:
        """Each repeat in front of all that it multiplies."""
        words = ""
        for name in self.repeats:
            own = Poly(tuple((m, c) for m, c in poly.terms if name in m))
            if own.terms and own.terms != poly.terms:
                words = _summed(words, self.poly(own))
                poly = poly - own
        return _summed(words, self.poly(poly)) if poly.terms else words

    def poly(self, poly: Poly) -> str:
        """The shortest of the groupings that were tried."""
        common = self.common(poly)
        if common is not None:
            return self.product(*common)
        split = self.split(poly)
        if split is None:
            return self.flat(poly)
        name, inner, rest = split
        first = self.product(name, inner)
        if not rest.terms:
            return first
        with suppress(Inexact):  # a*(x + 1) + 2*(x + 1) is (a + 2)*(x + 1)
            if len(inner.terms) > 1:
                both = name + rest.divide_exactly(inner)
                sides = (self.style.group(self.poly(side)) for side in (both, inner))
                return self.style.times.join(sides)
        return _summed(first, self.poly(rest))

    def product(self, factor: Poly, rest: Poly) -> str:
        """A term times a sum, what all of the sum share in front."""
        common = self.common(rest)
        if common is not None:
            factor, rest = factor * common[0], common[1]
        if len(rest.terms) == 1:
            return self.flat(factor * rest)
        return f"{self.front(factor)}{self.style.times}{self.back(self.poly(rest))}"

    def front(self, factor: Poly) -> str:
        """A term as a factor: `(a // b)*...`."""
        words = self.flat(factor)
        return self.style.group(words) if re.search(r"^[^(]* ", words) else words

    def back(self, words: str) -> str:
        """A sum as a factor; a product is one already."""
        return self.style.group(words) if " " in _outside(words) else words

    def common(self, poly: Poly) -> tuple[Poly, Poly] | None:
        """A factor of every term, and what it leaves."""
        if len(poly.terms) < 2:
            return None
        number = gcd(*(c for _, c in poly.terms))
        shared = list(poly.terms[0][0])
        for monomial, _ in poly.terms[1:]:
            left = list(monomial)
            kept = []
            for part in shared:
                if part in left:
                    left.remove(part)
                    kept.append(part)
            shared = kept
        short = not shared or (len(poly.terms) == 2 and number < FEW)
        if short and number not in {abs(c) for _, c in poly.terms}:
            number = 1  # 8*a + 58 stays as it is, 2*a + 12*b is 2*(a + 6*b)
        if not shared and number == 1:
            return None
        factor = Poly(((tuple(shared), number),))
        return factor, poly.divide_exactly(factor)

    def split(self, poly: Poly) -> tuple[Poly, Poly, Poly] | None:
        """One name, what it multiplies, and the rest; None where plain is as short."""
        best, found = len(self.flat(poly)), None
        counts: dict[Any, int] = {}
        for monomial, _ in poly.terms:
            for part in set(monomial):
                counts[part] = counts.get(part, 0) + 1
        for part in sorted((p for p, n in counts.items() if n > 1), key=self.atom_key):
            inside, outside = [], []
            for monomial, c in poly.terms:
                left = list(monomial)
                if part in left:
                    left.remove(part)
                    inside.append((tuple(left), c))
                else:
                    outside.append((monomial, c))
            name, inner, rest = Poly((((part,), 1),)), Poly(tuple(inside)), Poly(tuple(outside))
            inner = inner + constant(0)
            length = len(self.flat(name)) + len(self.flat(inner)) + len(self.flat(rest)) + 6
            if length < best:
                best, found = length, (name, inner, rest)
        return found

    def _flat(self, poly: Poly) -> str:
        """Terms in a row."""
        if not poly.terms:
            return "0"
        words = ""
        terms = sorted(poly.terms, key=self.term_key)
        first = next((term for term in terms if term[1] > 0), terms[0])
        for monomial, coefficient in (first, *(term for term in terms if term != first)):
            word = self.term(monomial, abs(coefficient))
            if words:
                words += f" {'-' if coefficient < 0 else '+'} {word}"
            else:
                words = f"-{word}" if coefficient < 0 else word
        return words

    def term(self, monomial: Monomial, coefficient: int) -> str:
        powers: dict[Any, int] = {}
        for part in sorted(monomial, key=self.atom_key):
            powers[part] = powers.get(part, 0) + 1
        words = [] if coefficient == 1 and powers else [str(coefficient)]
        alone = len(powers) == 1 and coefficient == 1
        for part, power in powers.items():
            word = self.part(part)
            if not isinstance(part, str) and not (alone and power == 1):
                word = self.style.group(word) if " " in _outside(word) else word
            words.append(word if power == 1 else self.style.power(word, power))
        return self.style.times.join(words)

    def part(self, part: Any) -> str:
        if isinstance(part, str):
            return self.style.name(part)
        return self.style.function(part, self.inner)

    def inner(self, poly: Poly | float) -> str:
        return self.poly(poly) if isinstance(poly, Poly) else repr(poly)


def _summed(first: str, last: str) -> str:
    if not first:
        return last
    return f"{first} - {last[1:]}" if last.startswith("-") else f"{first} + {last}"


def _outside(word: str) -> str:
    """What does not stand in brackets."""
    if " " not in word and "/" not in word:
        return word
    depth, found = 0, ""
    for token in re.findall(r"\\left|\\right|.", word):
        depth -= token in (")", "}", r"\right")
        found += token if depth == 0 else ""
        depth += token in ("(", "{", r"\left")
    return found


def _grouped(word: str) -> str:
    return f"({word})" if any(sign in _outside(word) for sign in " */") else word


def _text_function(made: Function, inner: Callable[[Any], str]) -> str:
    if isinstance(made, Floor):
        words = inner(made.numerator), inner(made.divisor)
        return f"{_sum(words[0])} // {_grouped(words[1])}"
    if isinstance(made, Smaller):
        return f"min({inner(made.a)}, {inner(made.b)})"
    if isinstance(made, Shifted):
        return inner(made.inner)
    assert isinstance(made, Scalar)
    args = [inner(each) for each in made.args]
    if made.op in ("*", "/", "**"):
        return made.op.join(_grouped(word) if made.op != "*" else _sum(word) for word in args)
    if made.op in OPERATORS:
        return f" {made.op} ".join(map(_sum, args))
    return f"{made.op}({', '.join(args)})"


def _sum(word: str) -> str:
    return f"({word})" if " " in _outside(word) else word


def _latex_name(name: str) -> str:
    if len(name) == 1:
        return name
    return rf"\mathit{{{name.replace('_', chr(92) + '_')}}}"


def _latex_function(made: Function, inner: Callable[[Any], str]) -> str:
    if isinstance(made, Floor):
        whole = rf"\frac{{{inner(made.numerator)}}}{{{inner(made.divisor)}}}"
        return rf"\left\lfloor {whole} \right\rfloor"
    if isinstance(made, Smaller):
        return rf"\min\left({inner(made.a)}, {inner(made.b)}\right)"
    if isinstance(made, Shifted):
        return inner(made.inner)
    assert isinstance(made, Scalar)
    args = [inner(each) for each in made.args]
    if made.op == "/":
        return rf"\frac{{{args[0]}}}{{{args[1]}}}"
    if made.op == "**":
        return rf"{{{_sum(args[0])}}}^{{{args[1]}}}"
    if made.op in OPERATORS:
        sign = {"*": r"\,", "%": r" \bmod "}.get(made.op, f" {made.op} ")
        return sign.join(map(_sum, args))
    if made.op == "sqrt":
        return rf"\sqrt{{{args[0]}}}"
    return rf"\operatorname{{{made.op}}}\left({', '.join(args)}\right)"


TEXT = Style("*", str, lambda word, n: f"{word}**{n}", lambda w: f"({w})", _text_function)
LATEX = Style(
    r"\,",
    _latex_name,
    lambda word, n: f"{word}^{{{n}}}",
    lambda word: rf"\left({word}\right)",
    _latex_function,
)
