"""What statements say: the expressions in them, the names they assign, and which of them anything reads.

A choice or an empty loop leaves statements behind whose values nobody reads. The compiler keeps them, since a spec is checked
whole; a reader of the file should not meet them, so they are left out here, where text is written, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from getspec import ir
from getspec.record import replaced

__all__ = ["assigned", "expressions", "live", "within"]


def expressions(statements: Iterable[ir.Statement]) -> Iterator[ir.Expr]:
    """Every expression in some statements, the outer before the inner."""
    for statement in statements:
        match statement:
            case ir.Assign(_, value) | ir.Push(_, value):
                yield from within(value)
            case ir.Return(values):
                yield from within(values)
            case ir.For(_, iterable, rounds):
                yield from within(iterable)
                for _, _, body in rounds:
                    yield from expressions(body)


def within(part: Any) -> Iterator[ir.Expr]:
    """An expression and all that it is made of; of numbers, words and None, nothing."""
    if isinstance(part, ir.Expr):
        yield part
        part = _parts(part)
    elif isinstance(part, Mapping):
        part = tuple(part.values())
    if isinstance(part, tuple):
        for each in part:
            yield from within(each)


def _parts(expr: ir.Expr) -> tuple[Any, ...]:
    match expr:
        case ir.Operation(_, _, parts) | ir.Group(_, _, parts):
            return parts
        case ir.Apply(_, _, args):
            return tuple(args.values())
        case ir.Call(_, target, _, args):
            return (target, *(arg for _, arg in args))
        case ir.RoutineCall(_, _, args):
            return tuple(arg for _, arg in args)
        case ir.Subscript(_, base, items):
            return (base, *items)
        case ir.Pick(_, base, index):
            return (base, index)
    return ()


def assigned(statements: Iterable[ir.Statement]) -> set[str]:
    """Names that get a value, loop variables among them."""
    found: set[str] = set()
    for statement in statements:
        if isinstance(statement, ir.Assign | ir.For):
            found.update(statement.targets)
        for body in _bodies(statement):
            found |= assigned(body)
    return found


def live(statements: tuple[ir.Statement, ...]) -> tuple[ir.Statement, ...]:
    """Without values that nothing reads, and then without what only those read."""
    read = {e.id for e in expressions(statements) if isinstance(e, ir.Name)}
    kept = _reading(statements, read)
    return kept if _number(kept) == _number(statements) else live(kept)


def _reading(statements: tuple[ir.Statement, ...], read: set[str]) -> tuple[ir.Statement, ...]:
    kept: list[ir.Statement] = []
    for statement in statements:
        match statement:
            case ir.Assign(targets) if read.isdisjoint(targets):
                continue
            case ir.Push(name) if name not in read:
                continue
            case ir.For(_, _, rounds):
                inner = tuple((n, what, _reading(body, read)) for n, what, body in rounds)
                if any(body for _, _, body in inner):
                    kept.append(replaced(statement, rounds=inner))
            case _:
                kept.append(statement)
    return tuple(kept)


def _number(statements: Iterable[ir.Statement]) -> int:
    """How many there are, those in loops with them."""
    return sum(1 + sum(map(_number, _bodies(statement))) for statement in statements)


def _bodies(statement: ir.Statement) -> list[tuple[ir.Statement, ...]]:
    return [body for _, _, body in statement.rounds] if isinstance(statement, ir.For) else []
