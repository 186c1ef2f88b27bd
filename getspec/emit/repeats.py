"""A repeat as the text of one `nn.ModuleList`: a comprehension where one expression makes every item, else a list.

Where the items are of two kinds, the text says by what rule: the flag that the spec computes, or the cycle of its pattern.
Rules that merely fit the items were refused, so what no rule of the spec gives is spelled out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from itertools import groupby

from getspec import ir
from getspec.emit.printer import Printer

__all__ = ["repeat"]


def repeat(
    stack: ir.Stack,
    made: Callable[[ir.Member], str],
    printer: Printer,
    taken: Container[str],
) -> str:
    """The list's text; `made` writes an item, and `taken` are the names around it."""
    return _Repeat(stack, made, printer, taken).text() if stack.runs else "nn.ModuleList()"


class _Repeat:
    def __init__(
        self,
        stack: ir.Stack,
        made: Callable[[ir.Member], str],
        printer: Printer,
        taken: Container[str],
    ) -> None:
        self.stack = stack
        self.made = made
        self.printer = printer
        self.texts = [made(run.member) for run in stack.runs]
        """The item of each run."""
        self.count = printer(stack.count)
        letters = (letter for letter in "ijkn" if letter not in taken)
        self.position = stack.index or next(letters, "position")
        """The variable that counts: as the spec calls it, or a letter that nothing here has."""

    def text(self) -> str:
        if len(self.stack) == 1 and isinstance(self.stack.count, ir.Const):
            return self.spelled_out()
        if len(set(self.texts)) == 1:
            return self.comprehension(self.texts[0], self.stack.index)
        choice = self.by_flag() or self.by_cycle()
        return self.comprehension(choice, self.position) if choice else self.spelled_out()

    def comprehension(self, element: str, index: str | None) -> str:
        variable = index if _mentions(element, index) else "_"
        return f"nn.ModuleList({element} for {variable} in range({self.count}))"

    def by_flag(self) -> str | None:
        """`A(...) if i == 0 else B(...)`, where one flag of the item tells its classes apart."""
        members = [run.member for run in self.stack.runs]
        if self.stack.index is None or len(set(self.texts)) != 2:
            return None
        for name, expr in members[0].args.items():
            flags = [member.args[name].value for member in members if name in member.args]
            if not all(isinstance(flag, bool) for flag in flags) or len(set(flags)) != 2:
                continue
            pairs = set(zip(flags, self.texts, strict=True))
            rules = {self.printer(member.args[name]) for member in members}
            if len(pairs) == 2 and len(rules) == 1:
                text_of = dict(pairs)
                return f"{text_of[True]} if {self.printer(expr)} else {text_of[False]}"
        return None

    def by_cycle(self) -> str | None:
        """`A(...) if i % 6 < 5 else B(...)`, for a pattern that the spec writes as one."""
        period = self.stack.pattern
        if period < 2 or len(self.stack) < period or isinstance(self.stack.count, ir.Const):
            return None
        runs = zip(self.texts, self.stack.runs, strict=True)
        items = [text for text, run in runs for _ in range(run.count)]
        if any(text != items[at % period] for at, text in enumerate(items)):
            return None
        parts, end = [], 0
        for text, alike in groupby(items[:period]):
            end += len(list(alike))
            parts.append(f"{text} if {self.position} % {period} < {end} else ")
        return "".join(parts[:-1]) + items[period - 1]

    def spelled_out(self) -> str:
        """A list, item by item; equal neighbours as one starred comprehension."""
        pairs = zip(self.texts, self.stack.runs, strict=True)
        items = [
            self.neighbours(text, [run for _, run in alike])
            for text, alike in groupby(pairs, key=lambda pair: pair[0])
        ]
        return f"nn.ModuleList([{', '.join(items)}])"

    def neighbours(self, text: str, runs: list[ir.Run]) -> str:
        start, count = runs[0].start, sum(run.count for run in runs)
        varies = _mentions(text, self.stack.index)
        if count == 1:
            return self.placed(runs[0].member, start) if varies else text
        if not varies:
            return f"*({text} for _ in range({count}))"
        bounds = f"{start}, {start + count}" if start else f"{count}"
        return f"*({text} for {self.stack.index} in range({bounds}))"

    def placed(self, member: ir.Member, position: int) -> str:
        """The item of one position, which is written as the number it is."""
        assert self.stack.index is not None
        self.printer.positions[self.stack.index] = position
        text = self.made(member)
        del self.printer.positions[self.stack.index]
        return text


def _mentions(text: str, name: str | None) -> bool:
    return name is not None and re.search(rf"\b{re.escape(name)}\b", text) is not None
