"""A closed form as a person would write it: text, LaTeX and JSON.

A polynomial is grouped where that makes it shorter: what repeats stands in front of what it repeats, and a common factor is
taken out. Which grouping is shortest is decided greedily, one name at a time; an optimal one is not worth its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from textwrap import wrap
from typing import Any

from getspec.algebra import OPERATORS, Condition, Scalar
from getspec.passes.formula import Formula
from getspec.sizes import Floor, Function, Poly, constant

__all__ = ["conditions", "document", "latex", "latex_text", "spelling", "text", "wrapped"]

Monomial = tuple[Any, ...]
UNITS = {
    "params": "parameters",
    "flops": "FLOPs",
    "kv": "elements per token",
    "activations": "bytes",
}
NOTES = {
    "flops": "forward FLOPs: 2 per multiply-add, matrix products only, causal attention in full",
    "activations": "kept for a backward pass in float32 with fused attention; layouts follow the config, so it is fixed",
    "kv": "keys and values that causal attention keeps for each token; bytes are that times the dtype's",
}


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

    def __init__(self, style: Style, order: tuple[str, ...]) -> None:
        self.style = style
        self.rank = {name: at for at, name in enumerate(order)}
        self.flat = lru_cache(maxsize=None)(self._flat)

    def atom_key(self, part: Any) -> tuple[int, int, str]:
        if isinstance(part, str):
            return 0, self.rank.get(part, len(self.rank)), part
        return 1, 0, str(part)

    def term_key(self, term: tuple[Monomial, int]) -> Any:
        parts = sorted(map(self.atom_key, term[0]))
        return not parts, [part[:2] for part in parts[:1]], -len(parts), parts

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
        last = self.poly(rest)
        return f"{first} - {last[1:]}" if last.startswith("-") else f"{first} + {last}"

    def product(self, factor: Poly, rest: Poly) -> str:
        """A term times a sum, what all of the sum share in front."""
        common = self.common(rest)
        if common is not None:
            factor, rest = factor * common[0], common[1]
        if len(rest.terms) == 1:
            return self.flat(factor * rest)
        return f"{self.flat(factor)}{self.style.times}{self.style.group(self.poly(rest))}"

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
        if not shared and number == 1:
            return None
        if not shared and number > 1 and all(not m or len(m) == 1 for m, _ in poly.terms):
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
        for monomial, coefficient in sorted(poly.terms, key=self.term_key):
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
            if not isinstance(part, str) and not (alone and power == 1) and " " in word:
                word = self.style.group(word) if not word.endswith(")") or "//" in word else word
            words.append(word if power == 1 else self.style.power(word, power))
        return self.style.times.join(words)

    def part(self, part: Any) -> str:
        if isinstance(part, str):
            return self.style.name(part)
        return self.style.function(part, self.inner)

    def inner(self, poly: Poly | float) -> str:
        return self.poly(poly) if isinstance(poly, Poly) else repr(poly)


def _grouped(word: str) -> str:
    return f"({word})" if any(sign in word for sign in " */") else word


def _text_function(made: Function, inner: Callable[[Any], str]) -> str:
    if isinstance(made, Floor):
        words = inner(made.numerator), inner(made.divisor)
        return f"{_sum(words[0])} // {_grouped(words[1])}"
    assert isinstance(made, Scalar)
    args = [inner(each) for each in made.args]
    if made.op in ("*", "/", "**"):
        return made.op.join(_grouped(word) if made.op != "*" else _sum(word) for word in args)
    if made.op in OPERATORS:
        return f" {made.op} ".join(map(_sum, args))
    return f"{made.op}({', '.join(args)})"


def _sum(word: str) -> str:
    return f"({word})" if " " in word else word


def _latex_name(name: str) -> str:
    if len(name) == 1:
        return name
    return rf"\mathit{{{name.replace('_', chr(92) + '_')}}}"


def _latex_function(made: Function, inner: Callable[[Any], str]) -> str:
    if isinstance(made, Floor):
        whole = rf"\frac{{{inner(made.numerator)}}}{{{inner(made.divisor)}}}"
        return rf"\left\lfloor {whole} \right\rfloor"
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


def _order(found: Formula) -> tuple[str, ...]:
    """Lengths of repeats, then run-time sizes, then the config as it stands."""
    names = sorted(found.poly.symbols())
    run_time = [name for name in names if name[0].isupper()]
    return (*found.repeats, *run_time, *found.config)


def spelling(found: Formula, poly: Poly | None = None) -> str:
    """The formula on one line."""
    return Printer(TEXT, _order(found)).poly(found.poly if poly is None else poly)


def latex(found: Formula) -> str:
    return Printer(LATEX, _order(found)).poly(found.poly)


def latex_text(found: Formula) -> str:
    """The formula as displayed mathematics."""
    return rf"\[ {latex(found)} \]"


def conditions(found: Formula) -> list[str]:
    """What has to hold, without what any size meets."""
    printer = Printer(TEXT, _order(found))

    def side(value: Poly | float) -> str:
        return printer.poly(value) if isinstance(value, Poly) else str(value)

    if not found.poly.symbols():
        return []
    return [_condition(each, side) for each in found.conditions if not _plain(each)]


def _plain(condition: Condition) -> bool:
    """That a name is at least 1 goes without saying."""
    if condition.relation == "==" and condition.right == 0:
        return True
    minimum = condition.relation == "<" and not condition.holds
    return minimum and isinstance(condition.right, Poly) and condition.right.constant == 1


def _condition(each: Condition, side: Callable[[Any], str]) -> str:
    left, right = side(each.left), side(each.right)
    if each.relation == "%":
        return f"{right} {'divides' if each.holds else 'does not divide'} {left}"
    opposite = {"==": "!=", "<": ">=", ">": "<=", "<=": ">", ">=": "<", "!=": "=="}
    return f"{left} {each.relation if each.holds else opposite[each.relation]} {right}"


def document(found: Formula, value: int | None) -> dict[str, Any]:
    """The document of `formula --json`."""
    printer = Printer(TEXT, _order(found))
    return {
        "schema_version": 1,
        "model": found.model,
        "spec": found.spec,
        "path": found.path,
        "of": found.of,
        "unit": UNITS[found.of],
        "formula": spelling(found),
        "latex": latex(found),
        "terms": [_term(printer, m, c) for m, c in sorted(found.poly.terms, key=printer.term_key)],
        "at": dict(found.fixed),
        "conditions": conditions(found),
        "value": value,
    }


def _term(printer: Printer, monomial: Monomial, coefficient: int) -> dict[str, Any]:
    factors: dict[str, int] = {}
    for part in sorted(monomial, key=printer.atom_key):
        word = printer.part(part)
        factors[word] = factors.get(word, 0) + 1
    return {"coefficient": coefficient, "factors": factors}


def text(found: Formula, value: int | None, sizes: Mapping[str, int]) -> str:
    """The page for a terminal."""
    name = found.model if found.path in (".", "") else f"{found.model}  {found.path}"
    shown = f"{name}  {UNITS[found.of]}"
    if value is not None:
        at = ", ".join(f"{n} = {v}" for n, v in sizes.items())
        shown += f" = {value:,}" + (f" at {at}" if at else "")
    lines = [shown, "", *wrapped(spelling(found))]
    fixed = [f"{name} = {_word(value)}" for name, value in found.fixed.items()]
    if fixed:
        lines += ["", *wrap(f"at {', '.join(fixed)}", 96, subsequent_indent="   ")]
    lines += _listed("where", conditions(found))
    if found.of in NOTES:
        lines += ["", NOTES[found.of]]
    return "\n".join(lines)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(word: str, items: list[str]) -> list[str]:
    if not items:
        return []
    return ["", *wrap(f"{word} {', '.join(items)}", 96, subsequent_indent=" " * (len(word) + 1))]


def wrapped(formula: str, width: int = 96) -> list[str]:
    """Lines that break before a sign."""
    lines, current = [], ""
    for word in formula.replace(" + ", "\n+ ").replace(" - ", "\n- ").split("\n"):
        if current and len(current) + len(word) + 1 > width:
            lines.append(current)
            current = "    " + word
        else:
            current = f"{current} {word}" if current else word
    return [*lines, current]
