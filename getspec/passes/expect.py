"""Published claims held against the model: `7.09M` means whatever rounds to it, an integer means itself.

A claim is text in a spec and a number in a paper; here it is neither parsed into a float nor compared with a tolerance. A
rounded figure is an interval with exact ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from getspec.errors import MAX_NOTES, Diagnostic, Diagnostics, Fix, Span, nearest
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
    """Report claims that do not hold. `other` compiles the spec that a claim compares with."""
    broken: list[tuple[str, Diagnostic]] = []
    for at, claim in enumerate(claims):
        check = _Check(document, at, claim, problems, broken)
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
    problems.extend(_causes(broken))


def _causes(broken: list[tuple[str, Diagnostic]]) -> Iterator[Diagnostic]:
    """Broken claims about the innermost parts; a part that is off shows in every sum it is in."""
    paths = [path for path, _ in broken]
    inner = {path for path in paths if not any(_holds(path, other) for other in paths)}
    for cause in dict.fromkeys(path for path in paths if path in inner):
        (_, first), *same = [each for each in broken if each[0] == cause]
        sums = [each for each in broken if _holds(each[0], cause)]
        notes = [(f"also here: {found.message}", found.span) for _, found in (*same, *sums)]
        yield first._replace(notes=(*first.notes, *notes[: MAX_NOTES - 1]))


def _holds(path: str, other: str) -> bool:
    """Whether the second place is within the first."""
    return path != other and (path == "." or other.startswith(f"{path}."))


class _Check:
    """One claim."""

    def __init__(
        self,
        document: Document,
        at: int,
        claim: Claim,
        problems: Diagnostics,
        broken: list[tuple[str, Diagnostic]],
    ) -> None:
        self.document, self.at, self.claim, self.problems = document, at, claim, problems
        self.broken = broken

    @property
    def name(self) -> str:
        return "the model" if self.claim.path == "." else f"`{self.claim.path}`"

    def span(self, *path: str) -> Span:
        return self.document.span(("expect", self.at, *path))

    def fail(self, code: str, message: str, *path: str, help: str | None = None) -> None:
        note = (f"the claim is from: {self.claim.source}", None)
        self.problems.error(code, message, self.span(*path), help, [note])

    def breaks(self, message: str, key: str, help: str | None = None) -> None:
        """The claim does not hold."""
        notes = ((f"the claim is from: {self.claim.source}", None),)
        found = Diagnostic("GS501", message, self.span(key), help, notes)
        self.broken.append((self.claim.path, found))

    def place(self, root: Block, path: str, where: tuple[str, ...]) -> Place | None:
        found = locate(root, path)
        if found is None:
            reached, names = parts_of(root, path)
            part = path.split(".")[len(reached)]
            word = nearest(part, names)
            shown = ".".join([*reached, word or ""])
            known = ", ".join(names[:12]) or "no parts"
            place = ".".join(reached) or "the model"
            help = Fix(f"did you mean `{shown}`?", shown) if word else f"{place} has: {known}"
            self.fail("GS503", f"there is no `{path}` in `{root.type}`", *where, help=help)
        return found

    def params(self, here: Place) -> None:
        claimed = self.read(self.claim.params, "params")
        if claimed is not None and here.params not in claimed:
            message = f"{self.name} has {here.params:,} parameters, not {claimed}"
            self.breaks(message, "params", _or_mend(here.params))

    def trainable(self, here: Place) -> None:
        claimed = self.read(self.claim.trainable, "trainable")
        if claimed is not None and here.trainable not in claimed:
            message = f"{self.name} trains {here.trainable:,} parameters, not {claimed}"
            self.breaks(message, "trainable", _or_mend(here.trainable))

    def difference(self, here: Place, there: Place) -> None:
        delta = here.params - there.params
        words = f"{here.params:,} against {there.params:,}: {delta:+,}"
        if here.repeat > 1:
            words += f" each, {delta * here.repeat:+,} over {here.repeat}"
        claimed = self.read(self.claim.delta, "delta")
        if claimed is not None and delta not in claimed:
            message = f"{self.name}: {words}; the claim is {claimed}"
            self.breaks(message, "delta", _or_mend(delta))
        percent = self.read(self.claim.percent, "percent")
        if percent is not None and not percent.holds(100 * delta, max(there.params, 1)):
            exact = 100 * delta / max(there.params, 1)
            message = f"{self.name}: {words}, {exact:+.4f} %, not {percent} %"
            self.breaks(message, "percent", _or_mend(round(float(exact), 2)))

    def read(self, text: str | int | float | None, key: str) -> Interval | None:
        if text is None:
            return None
        found = figure(text)
        if found is None:
            help = "an integer such as 85_484_059, or a rounded figure such as 7.09M"
            self.fail("GS504", f"`{text}` is not a figure", key, help=help)
        return found


def _or_mend(figure: int | float) -> Fix:
    return Fix(f"write `{figure}`, or mend the spec", f"{figure}")
