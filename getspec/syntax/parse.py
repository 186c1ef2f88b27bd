"""Text of a spec to nodes, in one call."""

from __future__ import annotations

import re
from functools import lru_cache

from getspec.errors import Span, SpecError
from getspec.syntax.expressions import ExpressionReader
from getspec.syntax.limits import MAX_BODY, MAX_EXPRESSION, MAX_INTEGER, check_limits
from getspec.syntax.lines import Lines
from getspec.syntax.mentions import names
from getspec.syntax.nodes import At, Body, Expression, Literal, Node, Text
from getspec.syntax.python import parse_lines, parse_value
from getspec.syntax.statements import StatementReader

__all__ = ["parse_body", "parse_expression"]

_TIME_OR_DATE = re.compile(r"[0-9]+(:[0-9]+)+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
"""What YAML 1.1 would have read as a number or a date, and a person did not mean as arithmetic."""


def parse_expression(value: int | float | bool | str | None, text: Text) -> Expression:
    """A YAML scalar as an expression: numbers stand for themselves, strings are parsed."""
    if not isinstance(value, str):
        return Expression(_literal(value, text), text)
    if not value.strip():
        raise text.error("GS201", "an expression is expected here, the value is empty", At(1, 0, 1))
    if value.lstrip()[0].isdigit() and _TIME_OR_DATE.fullmatch(value.strip()):
        at = At(*_start(value), len(value.strip()))
        help = "write the number that is meant; arithmetic has spaces, as in `12 - 3`"
        raise text.error("GS201", f"`{value.strip()}` is a time or a date", at, help)
    try:
        node, used = _shared(value)
    except SpecError:
        _read(value, text)  # fails again, at the right place
        raise
    return Expression(node, text, used)


def _literal(value: int | float | bool | None, text: Text) -> Literal:
    at = At(1, 0, max(len(text.value), 1))
    if isinstance(value, int) and abs(value) >= MAX_INTEGER:
        raise text.error("GS203", "integers are below 2**63", at)
    return Literal(at, value)


@lru_cache(maxsize=4096)
def _shared(value: str) -> tuple[Node, frozenset[str]]:
    """Nodes hold places within their text only, so equal texts share them."""
    text = Text(value, lambda line, col, width: Span("", line, col, width))
    node = _read(value, text)
    return node, names(node)


def _start(value: str) -> tuple[int, int]:
    """The line and the column of the first letter."""
    lead = value[: len(value) - len(value.lstrip())]
    return 1 + lead.count("\n"), len(lead.rpartition("\n")[2])


def _read(value: str, text: Text) -> Node:
    check_limits(value, text, MAX_EXPRESSION)
    line, shift = _start(value)
    source = "\n" * (line - 1) + value.strip()  # blank lines count, an indent is no Python
    tree = parse_value(source, text, shift)
    return ExpressionReader(Lines(text, source, shift)).node(tree)


def parse_body(value: str, text: Text) -> Body:
    """The `forward` block as statements."""
    check_limits(value, text, MAX_BODY)
    reader = StatementReader(Lines(text, value))
    statements = reader.block(parse_lines(value, text))
    if not statements:  # comments are none
        raise text.error("GS401", "forward is empty", At(1, 0, 1), "write at least `return x`")
    return Body(statements, text, frozenset(reader.expressions.mentioned))
