"""Statements of a checked forward, gone through with whatever a pass keeps under each name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from getspec import ir

__all__ = ["Statements", "loop_items"]


class Statements:
    """Assigns, pushes and returns; what an expression comes to, and how often a loop goes round, is for each pass to say."""

    locals: dict[str, Any]
    result: Any = None

    def expr(self, expr: ir.Expr) -> Any:
        raise NotImplementedError

    def loop(self, loop: ir.For) -> None:
        raise NotImplementedError

    def statements(self, statements: tuple[ir.Statement, ...]) -> None:
        for statement in statements:
            match statement:
                case ir.Assign(targets, value, unpack):
                    made = self.expr(value)
                    if unpack:
                        self.locals.update(zip(targets, made, strict=True))
                    else:
                        self.locals[targets[0]] = made
                case ir.Push(name, value):
                    self.locals[name] = (*self.locals[name], self.expr(value))
                case ir.Return(values):
                    made = tuple(map(self.expr, values))
                    self.result = made[0] if len(made) == 1 else made
                case ir.For():
                    self.loop(statement)


def loop_items(expr: ir.Expr, evaluate: Callable[[ir.Expr], Any]) -> Iterator[tuple[Any, ...]]:
    """What each round of a loop over `expr` gets; None for what is no tensor."""
    match expr:
        case ir.Operation(None, "zip", parts):
            for rows in zip(*(loop_items(part, evaluate) for part in parts), strict=False):
                yield tuple(item for row in rows for item in row)
        case ir.Operation(None, "enumerate", (inner,)):
            yield from ((None, *row) for row in loop_items(inner, evaluate))
        case ir.Operation(None, "reversed", (inner,)) if isinstance(inner.value, tuple):
            yield from reversed(list(loop_items(inner, evaluate)))
        case ir.Expr(tuple()):
            yield from ((item,) for item in evaluate(expr))
        case _:
            while True:
                yield (None,)
