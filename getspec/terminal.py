"""What a person at a terminal gets beyond the text: colour, shares as bars, the width, a line of progress.

Text for a pipe or a file stays plain, to the byte, so everything here is optional: emitters take a `Look` or None. The only
module that knows escape sequences. A library for this was refused because importing one costs more than a whole `count`.

The styles use the sixteen colours that every terminal has and its owner has chosen. Yellow and blue are not among them, as one
cannot be read on white and the other not on black in the palettes that terminals come with; cyan is for bars and not for
words. A style never says what the words do not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TextIO

__all__ = ["Look", "Progress", "short"]

STYLES = {
    "strong": "1",
    "quiet": "2",
    "good": "32",
    "bad": "1;31",
    "warn": "35",
    "accent": "36",
}
BAR = 20
"""Cells of the longest bar."""
SHORTEST = 6
"""Cells below which a bar says nothing."""
GAP = 2
NAME, WORD = 28, 24
"""Characters of the first column, and of other texts, that are shown rather than a column that may go."""
NARROWEST = 8
"""Characters of a text that are always shown."""


class Look:
    """How one stream shows things: `width` columns, with or without colour, in Unicode or in ASCII."""

    def __init__(self, *, color: bool, width: int, unicode: bool = True) -> None:
        self.color, self.width, self.unicode = color, width, unicode

    def paint(self, style: str, text: str) -> str:
        """Text in a style; spaces at its ends are left alone."""
        inner = text.strip(" ")
        if not self.color or not style or not inner:
            return text
        start = len(text) - len(text.lstrip(" "))
        end = start + len(inner)
        return f"{text[:start]}\x1b[{STYLES[style]}m{inner}\x1b[0m{text[end:]}"

    def bar(self, share: float, cells: int) -> str:
        """A share between 0 and 1 as a thin bar, to half a cell; in ASCII to a cell."""
        if not self.unicode:
            return "=" * round(share * cells)
        halves = round(2 * share * cells)
        return "\u2501" * (halves // 2) + "\u2578" * (halves % 2)

    def cut(self, text: str, width: int, *, name: bool = False) -> str:
        """Text in at most so many columns: it loses its end, an indented name its middle."""
        if len(text) <= width:
            return text
        dots = "\u2026" if self.unicode else ".."
        indent = min(len(text) - len(text.lstrip(" ")), width // 2)
        text = text.lstrip(" ")
        room = max(width - indent - len(dots), 1)
        tail = room // 2 if name else 0
        return f"{' ' * indent}{text[: room - tail]}{dots}{text[len(text) - tail :]}"

    def table(
        self,
        rows: Sequence[Sequence[str]],
        align: str,
        *,
        styles: Sequence[str] = (),
        head: bool = False,
        last: bool = False,
        bars: Sequence[float] | None = None,
        spare: Sequence[int] = (),
        dull: Iterable[int] = (),
    ) -> list[str]:
        """Aligned columns that fit the width.

        `align` has `<` or `>` for each column and `styles` a style. `head` and `last` say whether the first and last row
        are a heading and a sum; rows in `dull` matter little. `bars` are shares, one a row, for which a column is added
        where there is room. `spare` are columns that may go, the first one first; then texts are shortened.
        """
        kept = self.fitting(rows, align, spare)
        rows = [[row[at] for at in kept] for row in rows]
        align = "".join(align[at] for at in kept)
        tones = [styles[at] if at < len(styles) else "" for at in kept]
        widths = self._shortened(rows, align)
        room = min(self.width - sum(widths) - GAP * len(widths), BAR)
        quiet = set(dull)
        lines = []
        for number, row in enumerate(rows):
            whole = "quiet" if (head and number == 0) or number in quiet else ""
            whole = "strong" if last and number == len(rows) - 1 else whole
            cells = [
                self.paint(whole or tone, f"{self.cut(cell, width, name=at == 0):{side}{width}}")
                for at, (cell, side, width, tone) in enumerate(
                    zip(row, align, widths, tones, strict=True)
                )
            ]
            if bars is not None and room >= SHORTEST:
                cells.append(self.paint("accent", self.bar(bars[number], room)))
            lines.append((" " * GAP).join(cells).rstrip())
        return lines

    def fitting(self, rows: Sequence[Sequence[str]], align: str, spare: Sequence[int]) -> list[int]:
        """The columns that are shown: as many as fit when texts are somewhat shortened."""
        least = [
            width if side == ">" else min(width, WORD if at else NAME)
            for at, (width, side) in enumerate(zip(_widths(rows, align), align, strict=True))
        ]
        kept = list(range(len(align)))
        for at in spare:
            if sum(least[k] for k in kept) + GAP * (len(kept) - 1) <= self.width:
                break
            kept.remove(at)
        return kept

    def _shortened(self, rows: Sequence[Sequence[str]], align: str) -> list[int]:
        """The width of every column; where all are too wide, the widest text gives way first."""
        widths = _widths(rows, align)
        over = sum(widths) + GAP * (len(widths) - 1) - self.width
        while over > 0:
            texts = [at for at, side in enumerate(align) if side == "<" and widths[at] > NARROWEST]
            if not texts:
                break
            widest = max(texts, key=lambda at: widths[at])
            widths[widest] -= 1
            over -= 1
        return widths


def _widths(rows: Sequence[Sequence[str]], align: str) -> list[int]:
    return [max(len(row[at]) for row in rows) for at in range(len(align))]


def short(number: int) -> str:
    """`85.5M` for 85,484,059: three digits and a unit, as parameters and FLOPs are spoken of."""
    if abs(number) < 1000:
        return str(number)
    digits = str(abs(number))
    if len(digits) > 20:
        return f"{'-' if number < 0 else ''}{digits[0]}.{digits[1:3]}e{len(digits) - 1}"
    for power, unit in enumerate("KMBTPE", 1):
        text = f"{number / 1000**power:.3g}"
        if abs(float(text)) < 1000:
            return f"{text}{unit}"
    raise AssertionError(f"{number} has no unit")


def _columns(stream: TextIO) -> int:
    """How wide the terminal is that a stream leads to."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


class Progress:
    """One line about long work, written over and in the end taken away: on a terminal only, and not in the first second."""

    FIRST, NEXT = 1.0, 0.1

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.live = stream.isatty()
        self.width = _columns(stream) if self.live else 0
        self.start = time.monotonic()
        self.due = self.start + self.FIRST
        self.written = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def show(self, text: str) -> None:
        """Say how far the work is, unless that was said just now."""
        now = time.monotonic()
        if self.live and now >= self.due:
            self.due = now + self.NEXT
            self.written = True
            print(f"\r\x1b[K{text[: self.width - 1]}", end="", file=self.stream, flush=True)

    def clear(self) -> None:
        """Take the line away, before something else is printed and at the end."""
        if self.written:
            self.written = False
            print("\r\x1b[K", end="", file=self.stream, flush=True)
