"""The names that nodes mention.

Every field of every node is looked at, whatever its kind: a walk that lists the kinds would miss the next one that is added.
"""

from __future__ import annotations

from getspec.record import Record
from getspec.syntax.nodes import At, Body, Name, Node, Pop

__all__ = ["names", "names_of"]


def names(node: Node | None) -> frozenset[str]:
    """Every name an expression mentions, callees included."""
    return _mentioned([node])


def names_of(body: Body) -> frozenset[str]:
    """Every name that the statements of a `forward` read; those they assign to are text and no nodes."""
    return _mentioned(list(body.statements))


def _mentioned(waiting: list[object]) -> frozenset[str]:
    found: set[str] = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, Name):
            found.add(part.id)
        elif isinstance(part, Pop):
            found.add(part.name)
        elif isinstance(part, Record):
            waiting += vars(part).values()
        elif isinstance(part, tuple) and not isinstance(part, At):
            waiting += part
    return frozenset(found)
