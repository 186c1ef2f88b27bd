"""What statements say: the expressions in them, the names they assign, and which of them anything reads.

A choice or an empty loop leaves statements behind whose values nobody reads. They are checked like all others and then left
out, so that what is counted, kept, drawn and written is one and the same: a model does no work for nothing. A `pop` stays, as
it changes the list that later ones take from.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from getspec import ir
from getspec.record import replaced

__all__ = ["assigned", "components", "expressions", "live", "within"]


def expressions(statements: Iterable[ir.Statement]) -> Iterator[ir.Expr]:
    """Every expression in some statements, the outer before the inner."""
    for statement in _every(statements):
        yield from within(_said(statement))


def _said(statement: ir.Statement) -> Any:
    """What a statement itself says, as parts of expressions are."""
    match statement:
        case ir.Assign(_, value) | ir.Push(_, value):
            return value
        case ir.Return(values):
            return values
        case ir.For(_, iterable):
            return iterable


def within(part: Any) -> Iterator[ir.Expr]:
    """An expression and all that it is made of, the outer first; of numbers, words and None, nothing."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ir.Expr):
            yield part
            waiting += reversed(part.parts)
        elif isinstance(part, tuple):
            waiting += reversed(part)
        elif isinstance(part, Mapping):
            waiting += reversed((*part.values(),))


def components(statements: Iterable[ir.Statement]) -> set[str]:
    """Own components, parameters and buffers that some statements name."""
    found = set()
    for expr in expressions(statements):
        if isinstance(expr, ir.Name) and expr.kind == "weight":
            found.add(expr.id)
        elif isinstance(expr.value, ir.Link):
            found.add(expr.value.path.partition(".")[0])
    return found


def assigned(statements: Iterable[ir.Statement]) -> set[str]:
    """Names that get a value, loop variables among them."""
    return {
        name
        for statement in _every(statements)
        if isinstance(statement, ir.Assign | ir.For)
        for name in statement.targets
    }


def live(statements: tuple[ir.Statement, ...]) -> tuple[ir.Statement, ...]:
    """Without values that nothing reads, and then without what only those read; the same tuple where all are read.

    What stays and has a target that nothing reads, one of several or of a `pop`, has `_` for it.
    """
    read = {expr.id for expr in expressions(statements) if isinstance(expr, ir.Name)}
    read |= {
        statement.name
        for statement in _every(statements)
        if isinstance(statement, ir.Push) and _pops(statement.value)
    }  # what is taken off one list is put on another, which has to be there
    kept = _reading(statements, read)
    return statements if kept is statements else live(kept)


def _reading(statements: tuple[ir.Statement, ...], read: set[str]) -> tuple[ir.Statement, ...]:
    kept = tuple(each for statement in statements for each in _read(statement, read))
    same = len(kept) == len(statements) and all(map(operator.is_, kept, statements))
    return statements if same else kept


def _read(statement: ir.Statement, read: set[str]) -> Iterator[ir.Statement]:
    """The statement, or what is read of it."""
    match statement:
        case ir.Assign(targets, value) if read.isdisjoint(targets) and not _pops(value):
            return
        case ir.Assign(targets) if "_" not in read and not read.issuperset({*targets} - {"_"}):
            named = tuple(name if name in read else "_" for name in targets)
            yield replaced(statement, targets=named)
        case ir.Push(name) if name not in read:
            return
        case ir.For(_, _, rounds):
            inner = tuple((times, what, _reading(body, read)) for times, what, body in rounds)
            if any(body for _, _, body in inner):
                same = all(new[2] is old[2] for new, old in zip(inner, rounds, strict=True))
                yield statement if same else replaced(statement, rounds=inner)
        case _:
            yield statement


def _pops(value: ir.Expr) -> bool:
    return any(isinstance(expr, ir.Pick) and expr.index is None for expr in within(value))


def _every(statements: Iterable[ir.Statement]) -> Iterator[ir.Statement]:
    """Statements, and those in the rounds of loops."""
    for statement in statements:
        yield statement
        if isinstance(statement, ir.For):
            for _, _, body in statement.rounds:
                yield from _every(body)
