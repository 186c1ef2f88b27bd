"""Where a reader is in the file.

Every reader takes the place of what it reads, and reports there. Passing the document, a path and the list of problems
apart was refused: a path that is put together at each message is one that can be put together wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from getspec.errors import Diagnostics, Note, Span, SpecError
from getspec.syntax import Expression, Text, parse_expression

if TYPE_CHECKING:
    from getspec.source import Document, Mark, Path

__all__ = ["Place"]

Made = TypeVar("Made")


class Place:
    """One node of a file; the keys that its methods take lead on from it."""

    def __init__(
        self,
        document: Document,
        path: Path,
        problems: Diagnostics,
        mentioned: set[str] | None = None,
    ) -> None:
        self.document, self.path, self.problems = document, path, problems
        self.mentioned = set() if mentioned is None else mentioned
        """Names in the expressions read so far, here and in every place that this one leads to."""

    def inside(self, *keys: str | int) -> Place:
        return Place(self.document, (*self.path, *keys), self.problems, self.mentioned)

    def span(self, *keys: str | int, key: bool = True) -> Span:
        return self.document.span((*self.path, *keys), key=key)

    def key(self, *keys: str | int) -> Span:
        return self.span(*keys)

    def value(self, *keys: str | int) -> Span:
        return self.span(*keys, key=False)

    def mark(self, *keys: str | int) -> Mark | None:
        """How it is written, if it is."""
        return self.document.marks.get((*self.path, *keys))

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        help: str | None = None,
        notes: Iterable[Note] = (),
    ) -> None:
        self.problems.error(code, message, span, help, notes)

    def attempt(self, make: Callable[[], Made]) -> Made | None:
        """What is made, or None and the reason among the problems."""
        try:
            return make()
        except SpecError as error:
            self.problems.extend(error.diagnostics)
            return None

    # Expressions

    def text(self, value: str, start: int = 0) -> Text:
        """The scalar here, or a part of it whose first character is number `start`."""

        def locate(line: int, col: int, width: int) -> Span:
            shift = start if line == 1 else 0
            return self.document.text_span(self.path, line, col + shift, width)

        return Text(value, locate)

    def expression(self, value: Any, *keys: str | int) -> Expression:
        return self.parsed(self.inside(*keys).text(str(value)))

    def parsed(self, text: Text) -> Expression:
        made = parse_expression(text.value, text)
        self.mentioned |= made.names
        return made

    def optional(self, value: Any, *keys: str | int) -> Expression | None:
        """An expression that may be left out."""
        return None if value is None else self.expression(value, *keys)
