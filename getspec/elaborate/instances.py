"""One result per definition and settings, made when it is first asked for.

The settings are compared by value, so who asks does not matter. A definition within itself would never end and is found here,
where it is known what is being made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from getspec import ir
from getspec.declare import Definition
from getspec.elaborate.values import identity
from getspec.errors import Diagnostics, Span
from getspec.sizes import Size

__all__ = ["Instances"]

MAX_DEPTH = 64
BY_VALUE = ("GS206", "GS207", "GS209", "GS305", "GS308", "GS420", "GS421")
"""Codes whose cause may be the values that a block is given."""

Made = TypeVar("Made", ir.Block, ir.Routine)


class Instances:
    """Blocks and routines that were made; None stands for one that is wrong."""

    def __init__(self, library: Mapping[str, Definition], problems: Diagnostics) -> None:
        self.library = library
        self.problems = problems
        self.made: dict[tuple[str, Any], Any] = {}
        self.open: list[str] = []
        self.positions = 0
        """Positions of repeats that were made each by itself."""

    def one(
        self,
        definition: Definition,
        settings: Mapping[str, Any],
        span: Span,
        make: Callable[[Definition, Mapping[str, Any]], Made],
    ) -> Made | None:
        """The instance at these settings; `span` is where it is asked for."""
        key = (definition.name, tuple((n, identity(v)) for n, v in settings.items()))
        if key not in self.made:
            reason = self.endless(definition.name)
            if reason:
                self.problems.error("GS302", reason, span)
                return None
            self.made[key] = self.sound(definition, settings, span, make)
        made: Made | None = self.made[key]
        return made

    def endless(self, name: str) -> str | None:
        if name in self.open:
            chain = [*self.open[self.open.index(name) :], name]
            return f"`{name}` contains itself: {' -> '.join(chain)}"
        if len(self.open) >= MAX_DEPTH:
            return f"blocks are nested deeper than {MAX_DEPTH}"
        return None

    def sound(
        self,
        definition: Definition,
        settings: Mapping[str, Any],
        span: Span,
        make: Callable[[Definition, Mapping[str, Any]], Made],
    ) -> Made | None:
        """What `make` gives if nothing is wrong with it."""
        errors, seen = len(self.problems.errors), len(self.problems)
        self.open.append(definition.name)
        try:
            made = self.problems.attempt(make, definition, settings)
        finally:
            self.open.pop()
        if definition.kind == "block":
            self.problems.annotate(seen, BY_VALUE, (_usage(definition, settings), span))
        return made if len(self.problems.errors) == errors else None

    def structural(self, name: str) -> frozenset[str]:
        """Settings that decided structure in some instance of a block."""
        blocks = (made for (other, _), made in self.made.items() if other == name and made)
        return frozenset().union(*(block.structural for block in blocks))


def _usage(definition: Definition, settings: Mapping[str, Any]) -> str:
    """`used here with dim = 8`, for errors that depend on the values of settings."""
    known = [f"{n} = {v.known}" for n, v in settings.items() if isinstance(v, Size)]
    return f"`{definition.name}` is used here" + (f", with {', '.join(known)}" if known else "")
