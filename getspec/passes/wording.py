"""What differs, in words from both sides, with its class: values, texts and expressions."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping
from typing import Any, NamedTuple

from getspec import ir
from getspec.passes.changes import GRAPH, SIZE, strictest
from getspec.sizes import Size
from getspec.walk import within

__all__ = ["Words", "expressions", "joined", "shown", "texts", "valued"]

MOST_LINES = 3
"""Lines of a `forward` that are quoted."""


class Words(NamedTuple):
    """One thing that differs, from both sides."""

    before: str
    after: str
    category: str


def joined(words: list[Words]) -> tuple[str, str, str]:
    category = strictest(each.category for each in words)
    return ", ".join(w.before for w in words), ", ".join(w.after for w in words), category


def valued(name: str, before: Any, after: Any) -> Words:
    sizes = all(isinstance(v, int | Size) and not isinstance(v, bool) for v in (before, after))
    category = SIZE if sizes else GRAPH
    return Words(f"{name} {shown(before)}", f"{name} {shown(after)}", category)


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, ir.Varying):
        return "by position"
    if isinstance(value, Size):
        return str(value.value)
    return str(value)


def texts(before: str, after: str) -> Words:
    """The lines that only one of them has."""
    first, second = _lines(before), _lines(after)
    only_first = _quoted([line for line in first if line not in second])
    only_second = _quoted([line for line in second if line not in first])
    if not only_first and not only_second:
        words = "the order or the number of its lines"
        return Words(words, words, GRAPH)
    return Words(only_first or "no such line", only_second or "no such line", GRAPH)


def _lines(text: str) -> list[str]:
    """The lines of a `forward`, without its comments."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            at, column = token.start
            lines[at - 1] = lines[at - 1][:column]
    return [line.strip() for line in lines if line.strip()]


def _quoted(lines: list[str]) -> str:
    # A last one by itself is as long as the words that would stand for it.
    most = MOST_LINES if len(lines) > MOST_LINES + 1 else MOST_LINES + 1
    shown = [f"`{line}`" for line in lines[:most]]
    more = [f"{len(lines) - most} more lines"] if len(lines) > most else []
    return "; ".join(shown + more)


def expressions(a: ir.Expr | None, b: ir.Expr | None, word: str) -> list[Words]:
    """How two expressions differ: in what they say, or in the settings that they use."""
    if a is None or b is None:
        return [] if a is b else [Words(f"{word} {_said(a)}", f"{word} {_said(b)}", GRAPH)]
    names = [{e.id: e.value for e in within(each) if isinstance(e, ir.Name)} for each in (a, b)]
    if _spelling(a) != _spelling(b):
        return [Words(f"{word} {_said(a)}", f"{word} {_said(b)}", GRAPH)]
    return [
        valued(name, value, names[1][name])
        for name, value in names[0].items()
        if isinstance(value, Size | float | bool | str) and value != names[1][name]
    ]


def _spelling(node: Any) -> Any:
    """An expression as it was written, without what it is worth."""
    if isinstance(node, tuple):
        return tuple(map(_spelling, node))
    if isinstance(node, Mapping):
        return tuple((key, _spelling(value)) for key, value in node.items())
    if isinstance(node, ir.Const):
        return "const", shown(node.value)
    if isinstance(node, ir.Routine):  # as a record it also knows the file it stands in
        settings = {name: shown(expr.value) for name, expr in node.settings.items()}
        return node.name, _spelling(settings), _spelling(node.lets), node.dataflow
    if isinstance(node, ir.Expr):
        parts = [
            getattr(node, n) for n in type(node).__match_args__ if n not in ("value", "bindings")
        ]
        return type(node).__name__, *map(_spelling, parts)
    return repr(node)


def _said(expr: ir.Expr | None) -> str:
    """What an expression is worth, or which names it is made of."""
    if expr is None:
        return "none"
    if isinstance(expr.value, Size | float | bool | str):
        return shown(expr.value)
    names = dict.fromkeys(e.id for e in within(expr) if isinstance(e, ir.Name))
    ops = dict.fromkeys(e.op for e in within(expr) if isinstance(e, ir.Apply | ir.Operation))
    return f"{'('.join([*ops, ''])}{', '.join(names)}{')' * len(ops)}"
