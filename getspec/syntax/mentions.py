"""The names that nodes mention.

Every field of every node is looked at, whatever its kind: a walk that lists the kinds would miss the next one that is added.
"""

from __future__ import annotations

from getspec.record import Record
from getspec.syntax.nodes import At, Name, Node, Pop

__all__ = ["names"]


def names(node: Node | None) -> frozenset[str]:
    """Every name an expression mentions, callees included."""
    return _mentioned([node])


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
