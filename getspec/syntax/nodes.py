"""The language as frozen records: nodes of expressions, then statements, then the two kinds of text they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from getspec.errors import Diagnostic, Span, SpecError
from getspec.record import Record

__all__ = [
    "Append",
    "Assign",
    "At",
    "Binary",
    "Body",
    "Call",
    "Choice",
    "Compare",
    "Expression",
    "For",
    "If",
    "Index",
    "Items",
    "Literal",
    "Logic",
    "Name",
    "Node",
    "Pop",
    "Return",
    "Slice",
    "Statement",
    "Text",
    "Unary",
]


class At(NamedTuple):
    """A place inside one text: 1-based line, 0-based column, width in characters."""

    line: int
    col: int
    width: int


class Text(Record):
    """A piece of source text and the way back to its file."""

    value: str
    locate: Callable[[int, int, int], Span]

    def span(self, at: At) -> Span:
        return self.locate(at.line, at.col, at.width)

    def error(self, code: str, message: str, at: At, help: str | None = None) -> SpecError:
        return SpecError([Diagnostic(code, message, self.span(at), help)])


class Literal(Record):
    at: At
    value: int | float | bool | str | None


class Name(Record):
    at: At
    id: str


class Unary(Record):
    at: At
    op: str
    operand: Node


class Binary(Record):
    at: At
    op: str
    left: Node
    right: Node


class Compare(Record):
    at: At
    op: str
    left: Node
    right: Node


class Logic(Record):
    at: At
    op: str
    values: tuple[Node, ...]


class Choice(Record):
    at: At
    test: Node
    then: Node
    otherwise: Node


class Call(Record):
    """`callee(args, key=value)`; the callee is a name, or an item of a component list: `layers[0](x)`."""

    at: At
    callee: Name | Index
    args: tuple[Node, ...]
    keywords: tuple[tuple[str, Node], ...]


class Slice(Record):
    at: At
    start: Node | None
    stop: Node | None
    step: Node | None


class Index(Record):
    at: At
    base: Node
    items: tuple[Node, ...]


class Items(Record):
    """A list `[a, b]` or a tuple `(a, b)`."""

    at: At
    kind: str
    values: tuple[Node, ...]


class Pop(Record):
    """`name.pop()`: the last item of a list, taken off it."""

    at: At
    name: str


Node = (
    Literal | Name | Unary | Binary | Compare | Logic | Choice | Call | Slice | Index | Items | Pop
)


class Assign(Record):
    at: At
    targets: tuple[str, ...]
    value: Node
    unpack: bool
    comment: tuple[str, ...] = ()


class Append(Record):
    at: At
    name: str
    value: Node
    comment: tuple[str, ...] = ()


class Return(Record):
    at: At
    values: tuple[Node, ...]
    comment: tuple[str, ...] = ()


class For(Record):
    at: At
    targets: tuple[str, ...]
    iterable: Node
    body: tuple[Statement, ...]
    comment: tuple[str, ...] = ()


class If(Record):
    at: At
    test: Node
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    comment: tuple[str, ...] = ()


Statement = Assign | Append | Return | For | If


class Expression(Record):
    """One expression of the structure half, with the text it stands in."""

    node: Node
    text: Text
    names: frozenset[str] = frozenset()
    """Every name in it."""

    @property
    def span(self) -> Span:
        return self.text.span(self.node.at)


class Body(Record):
    """The statements of one `forward`."""

    statements: tuple[Statement, ...]
    text: Text
    names: frozenset[str]
    """Every name that the statements read; those they assign to are text."""
