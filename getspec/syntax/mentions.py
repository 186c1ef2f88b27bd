"""The names that nodes mention.

Every field of every node is looked at, whatever its kind: a walk that lists the kinds would miss the next one that is added.
"""

from __future__ import annotations

from collections.abc import Iterator

from getspec.record import Record
from getspec.syntax.nodes import At, Name, Node, Pop

__all__ = ["names"]


def names(node: Node | None) -> frozenset[str]:
    """Every name an expression mentions, callees included."""
    return frozenset(_mentioned(node))


def _mentioned(part: object) -> Iterator[str]:
    if isinstance(part, Name):
        yield part.id
    elif isinstance(part, Pop):
        yield part.name
    elif isinstance(part, Record):
        for each in vars(part).values():
            yield from _mentioned(each)
    elif isinstance(part, tuple) and not isinstance(part, At):
        for each in part:
            yield from _mentioned(each)
