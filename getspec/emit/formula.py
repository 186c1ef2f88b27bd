"""A closed form as a page for a terminal, as LaTeX, and as JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from getspec.algebra import OPPOSITE, Condition, Scalar
from getspec.conditions import evident
from getspec.emit.notation import LATEX, TEXT, Monomial, Printer, Style
from getspec.emit.text import human, painted
from getspec.passes.formula import Formula
from getspec.sizes import Poly

if TYPE_CHECKING:
    from getspec.terminal import Look

__all__ = ["conditions", "document", "latex", "latex_text", "spelling", "text", "wrapped"]

WIDTH = 96
UNITS = {
    "params": "parameters",
    "trainable": "trained parameters",
    "flops": "FLOPs",
    "kv": "elements per token",
    "cache": "elements",
    "activations": "bytes",
}
NOTES = {
    "flops": "forward FLOPs: 2 per multiply-add, matrix products only, causal attention in full",
    "activations": "kept for a backward pass in float32 with fused attention; what decides a layout is a condition",
    "kv": "keys and values that causal attention keeps for each token; bytes are that times the dtype's",
    "cache": "keys and values that causal attention keeps of all tokens it sees; bytes are that times the dtype's",
}


def _printer(style: Style, found: Formula) -> Printer:
    """Lengths of repeats first, then run-time sizes, then the config as it stands."""
    names = sorted(found.poly.symbols())
    run_time = [name for name in names if name[0].isupper()]
    return Printer(style, (*found.repeats, *run_time, *found.config), found.repeats)


def spelling(found: Formula, poly: Poly | None = None) -> str:
    """The formula on one line."""
    return _printer(TEXT, found).formula(found.poly if poly is None else poly)


def latex(found: Formula) -> str:
    return _printer(LATEX, found).formula(found.poly) or "0"


def latex_text(found: Formula) -> str:
    """The formula as displayed mathematics."""
    return rf"\[ {latex(found)} \]"


def conditions(found: Formula) -> list[str]:
    """What has to hold, without what any size meets."""
    printer = _printer(TEXT, found)

    def side(value: Poly | float) -> str:
        if isinstance(value, Poly):
            return printer.poly(value)
        return str(int(value)) if value == int(value) else str(value)

    if not found.poly.symbols():
        return []
    told = [c for c in found.conditions if not _plain(c) and not evident(c, found.conditions)]
    return list(dict.fromkeys(_condition(each, side) for each in told))


def _plain(condition: Condition) -> bool:
    """That a length is at least 1 goes without saying, and that no integer is divided by 0."""
    if condition.relation == "==" and isinstance(condition.right, int):
        return True
    minimum = condition.relation == "<" and not condition.holds
    return minimum and isinstance(condition.right, Poly) and condition.right.constant == 1


def _condition(each: Condition, side: Callable[[Any], str]) -> str:
    left, right = side(_nonzero(each)), side(each.right)
    if each.relation in ("==", "!="):
        left, right = sorted(
            (left, right), key=lambda word: (word.replace(".", "").isdecimal(), word)
        )
    if each.relation == "%":
        return f"{right} {'divides' if each.holds else 'does not divide'} {left}"
    return f"{left} {each.relation if each.holds else OPPOSITE[each.relation]} {right}"


def _nonzero(each: Condition) -> Any:
    """What is not zero where a product or a quotient of floats is not: its one factor with names that may be."""
    form = each.left
    if (each.relation, each.right, each.holds) == ("==", 0.0, False):
        match form:
            case Poly((((Scalar("/", (numerator, _)),), 1),)):
                return _nonzero(Condition("==", numerator, 0.0, False))
    return form


def document(found: Formula, value: int | None) -> dict[str, Any]:
    """The document of `formula --json`."""
    printer = _printer(TEXT, found)
    return {
        "schema_version": 1,
        "model": found.model,
        "spec": found.spec,
        "path": found.path,
        "of": found.of,
        "unit": UNITS[found.of],
        "formula": spelling(found) or "0",
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


def text(
    found: Formula, value: int | None, sizes: Mapping[str, int], look: Look | None = None
) -> str:
    """The page for a terminal."""
    width = WIDTH if look is None else look.width
    name = found.model if found.path in (".", "") else f"{found.model}  {found.path}"
    shown = f"{painted(look, 'strong', name)}  {UNITS[found.of]}"
    if value is not None:
        at = ", ".join(f"{n} = {v}" for n, v in sizes.items())
        shown += f" = {value:,}" + (f" at {at}" if at else "") + human(look, value)
    lines = [shown, "", *wrapped(spelling(found) or "0", width)]
    fixed = [f"{name} = {_word(value)}" for name, value in found.fixed.items()]
    if fixed:
        lines += ["", *wrap(f"at {', '.join(fixed)}", width, subsequent_indent="   ")]
    lines += _listed("where", conditions(found), width)
    if found.of in NOTES:
        note = NOTES[found.of]
        folded = [note] if look is None else wrap(note, width)
        lines += ["", *(painted(look, "quiet", line) for line in folded)]
    return "\n".join(lines)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(word: str, items: list[str], width: int) -> list[str]:
    """Items on lines that break between them."""
    lines = [""]
    line = word
    for item in (*(f"{each}," for each in items[:-1]), *items[-1:]):
        if len(line) + 1 + len(item) > width and line.strip():
            lines.append(line)
            line = " " * len(word)
        line += f" {item}"
    return [*lines, line] if items else []


def wrapped(formula: str, width: int = WIDTH) -> list[str]:
    """Lines that break before a sign, or after an opening parenthesis."""
    lines: list[str] = []
    current = ""
    for word in re.split(r"(?= [+-] )|(?<=\*\()", formula):
        if current and len(current) + len(word) > width:
            lines.append(current)
            current = f"    {word.lstrip()}"
        else:
            current += word
    return [*lines, current]
