"""The lines of one text: places of `ast` trees in characters, where `ast` counts bytes, and the comments that it drops."""

from __future__ import annotations

import ast

from getspec.errors import SpecError
from getspec.syntax.nodes import At, Text
from getspec.syntax.refused import refusal

__all__ = ["Lines", "first_line"]

Tree = ast.expr | ast.stmt | ast.keyword


def first_line(source: str) -> int:
    """The first line with text on it."""
    return 1 + len(source) - len(source.lstrip("\n"))


class Lines:
    """A text as it was parsed, whose first line with text began `shift` characters into that line."""

    def __init__(self, text: Text, source: str, shift: int = 0) -> None:
        self.text = text
        self.lines = source.split("\n")
        self.first = first_line(source)
        self.shift = shift
        self.plain = source.isascii()

    def at(self, tree: Tree) -> At:
        """Where a tree stands; of several lines, the first."""
        if tree.end_lineno != tree.lineno or tree.end_col_offset is None:
            return self.head(tree)
        if self.plain and tree.lineno > self.first:  # bytes are characters, and no line is shifted
            return At(tree.lineno, tree.col_offset, tree.end_col_offset - tree.col_offset or 1)
        col = self._characters(tree.lineno, tree.col_offset)
        width = self._characters(tree.lineno, tree.end_col_offset) - col
        return self._at(tree.lineno, col, width)

    def head(self, tree: Tree) -> At:
        """From where a tree begins to the end of that line."""
        col = self._characters(tree.lineno, tree.col_offset)
        width = len(self.lines[tree.lineno - 1].rstrip()) - col
        return self._at(tree.lineno, col, width)

    def _at(self, line: int, col: int, width: int) -> At:
        return At(line, col + (self.shift if line == self.first else 0), max(width, 1))

    def _characters(self, line: int, offset: int) -> int:
        text = self.lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))

    def comment_above(self, line: int) -> tuple[str, ...]:
        """The comments on lines of their own that end just above a line."""
        found: list[str] = []
        number = line - 2
        while number >= 0 and self.lines[number].lstrip().startswith("#"):
            found.append(self.lines[number].strip().lstrip("#").strip())
            number -= 1
        return tuple(reversed(found))

    # Errors

    def error(self, code: str, message: str, tree: Tree, help: str | None = None) -> SpecError:
        return self.text.error(code, message, self.at(tree), help)

    def refuse(self, tree: Tree) -> SpecError:
        """A kind of node that is not part of the language."""
        message, help = refusal(type(tree).__name__)
        return self.error("GS403", message, tree, help)
