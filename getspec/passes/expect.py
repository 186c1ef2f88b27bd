"""Published claims held against the model: `7.09M` means whatever rounds to it, an integer means itself.

A claim is text in a spec and a number in a paper; here it is neither parsed into a float nor compared with a tolerance. A
rounded figure is an interval with exact ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from getspec.errors import Diagnostics, Span, nearest
from getspec.ir import Block
from getspec.passes.count import Place, locate, parts_of

if TYPE_CHECKING:
    from fractions import Fraction

    from getspec.source import Document
    from getspec.spec import Claim

__all__ = ["Interval", "check_claims", "figure"]

SCALE = {"": 0, "K": 3, "M": 6, "B": 9, "T": 12}
_FIGURE = re.compile(r"([+-]?)([0-9][0-9_]*)(?:\.([0-9]+))? ?([KMBT]?)")


class Interval:
    """What a printed figure can stand for: one integer, or all that rounds to it.

    Its ends are `middle - margin` and `middle + margin`, both in parts of `1 / parts`.
    """

    def __init__(
        self, text: str, middle: int | Fraction, margin: int | Fraction, parts: int = 1
    ) -> None:
        self.text = text
        self.middle: Any = middle
        self.margin: Any = margin
        self.parts = parts

    @property
    def low(self) -> Fraction:
        """The least value in it."""
        from fractions import Fraction

        return Fraction(self.middle - self.margin, self.parts)

    @property
    def high(self) -> Fraction:
        """The greatest value in it."""
        from fractions import Fraction

        return Fraction(self.middle + self.margin, self.parts)

    def __contains__(self, value: int | Fraction) -> bool:
        return self.holds(value.numerator, value.denominator)

    def holds(self, numerator: int, denominator: int) -> bool:
        """Whether a ratio is in it; the denominator is positive."""
        away = abs(numerator * self.parts - self.middle * denominator)
        return bool(away <= self.margin * denominator)

    def __str__(self) -> str:
        return self.text


def figure(text: str | int | float) -> Interval | None:
    """A figure as printed: `85_484_059`, `7.09M`, `+50.63`; None if it is none."""
    shown = repr(text) if isinstance(text, float) else f"{text}"
    match = _FIGURE.fullmatch(shown.strip())
    if match is None:
        return None
    sign, whole, decimals, unit = match[1], match[2].replace("_", ""), match[3] or "", match[4]
    step = 10 ** SCALE[unit]
    value = int(whole + decimals) * step * (-1 if sign == "-" else 1)
    exact = not decimals and not unit
    shown = f"{value:,}" if exact else shown.strip()
    return Interval(shown, 2 * value, 0 if exact else step, 2 * 10 ** len(decimals))


def check_claims(
    document: Document,
    claims: list[Claim],
    root: Block,
    other: Callable[[str, Span], Block],
    problems: Diagnostics,
) -> None:
    """Report each claim that does not hold. `other` compiles the spec that a claim compares with."""
    for at, claim in enumerate(claims):
        check = _Check(document, at, claim, problems)
        here = check.place(root, claim.path, ("path",))
        if here is None:
            continue
        if claim.params is not None:
            check.params(here)
        if claim.trainable is not None:
            check.trainable(here)
        if claim.against is not None:
            span = document.span(("expect", at, "against", "spec"))
            there = check.place(
                other(claim.against.spec, span), claim.against.path, ("against", "path")
            )
            if there is not None:
                check.difference(here, there)
        elif claim.delta is not None or claim.percent is not None:
            check.fail("GS502", "`delta` and `percent` compare, so they need `against`", "delta")


class _Check:
    """One claim."""

    def __init__(self, document: Document, at: int, claim: Claim, problems: Diagnostics) -> None:
        self.document, self.at, self.claim, self.problems = document, at, claim, problems

    @property
    def name(self) -> str:
        return "the model" if self.claim.path == "." else f"`{self.claim.path}`"

    def span(self, *path: str) -> Span:
        return self.document.span(("expect", self.at, *path))

    def fail(self, code: str, message: str, *path: str, help: str | None = None) -> None:
        note = (f"the claim is from: {self.claim.source}", None)
        self.problems.error(code, message, self.span(*path), help, [note])

    def place(self, root: Block, path: str, where: tuple[str, ...]) -> Place | None:
        found = locate(root, path)
        if found is None:
            reached, names = parts_of(root, path)
            part = path.split(".")[len(reached)]
            word = nearest(part, names)
            shown = ".".join([*reached, word or ""])
            known = ", ".join(names[:12]) or "no parts"
            place = ".".join(reached) or "the model"
            help = f"did you mean `{shown}`?" if word else f"{place} has: {known}"
            self.fail("GS503", f"there is no `{path}` in `{root.type}`", *where, help=help)
        return found

    def params(self, here: Place) -> None:
        claimed = self.read(self.claim.params, "params")
        if claimed is not None and here.params not in claimed:
            message = f"{self.name} has {here.params:,} parameters, not {claimed}"
            self.fail("GS501", message, "params", help=f"write `{here.params}`, or mend the spec")

    def trainable(self, here: Place) -> None:
        claimed = self.read(self.claim.trainable, "trainable")
        if claimed is not None and here.trainable not in claimed:
            message = f"{self.name} trains {here.trainable:,} parameters, not {claimed}"
            help = f"write `{here.trainable}`, or mend the spec"
            self.fail("GS501", message, "trainable", help=help)

    def difference(self, here: Place, there: Place) -> None:
        delta = here.params - there.params
        words = f"{here.params:,} against {there.params:,}: {delta:+,}"
        if here.repeat > 1:
            words += f" each, {delta * here.repeat:+,} over {here.repeat}"
        claimed = self.read(self.claim.delta, "delta")
        if claimed is not None and delta not in claimed:
            message = f"{self.name}: {words}; the claim is {claimed}"
            self.fail("GS501", message, "delta")
        percent = self.read(self.claim.percent, "percent")
        if percent is not None and not percent.holds(100 * delta, max(there.params, 1)):
            exact = 100 * delta / max(there.params, 1)
            message = f"{self.name}: {words}, {exact:+.4f} %, not {percent} %"
            self.fail("GS501", message, "percent")

    def read(self, text: str | int | float | None, key: str) -> Interval | None:
        if text is None:
            return None
        found = figure(text)
        if found is None:
            help = "an integer such as 85_484_059, or a rounded figure such as 7.09M"
            self.fail("GS504", f"`{text}` is not a figure", key, help=help)
        return found
