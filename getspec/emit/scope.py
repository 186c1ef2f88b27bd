"""The names of one definition: which are arguments of its class or function, and which are literals.

A setting that decided structure, that nobody passes, or that no annotation fits is fixed: its value stands in the text. Every
other one stays an argument, because a reader wants to see that a width is the caller's to choose. Named values follow what
they are made from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from getspec import ir
from getspec.emit.hints import argument_type
from getspec.emit.printer import Printer, shape_text
from getspec.ops.base import Tensor
from getspec.sizes import Size
from getspec.walk import expressions, within

if TYPE_CHECKING:
    from getspec.emit.classes import Names

__all__ = ["Scope", "passed_settings"]


class Scope:
    """The settings and named values of a block or a function, and a printer for what is outside `forward`."""

    def __init__(self, names: Names, owner: str, definition: ir.Block | ir.Routine) -> None:
        self.names = names
        self.settings = definition.settings
        self.lets = definition.lets
        self.is_root = definition is names.root
        self.fixed = self._fixed_settings(names.passed.get(owner, set()), definition.structural)
        self.inside = self.printer()
        self.inside.constants = {}
        for name, expr in self.lets.items():
            if self.inside.settled(expr) or not argument_type(expr.value):
                self.fixed[name] = expr.value
        self.free = {*self.settings, *self.lets} - set(self.fixed)
        """Names that the text has."""

    def _fixed_settings(self, passed: set[str], structural: frozenset[str]) -> dict[str, Any]:
        return {
            name: expr.value
            for name, expr in self.settings.items()
            if name in structural
            or (not self.is_root and name not in passed)
            or not argument_type(expr.value)
        }

    def printer(self) -> Printer:
        return Printer(self.names, in_forward=False, fixed=self.fixed)

    def plain(self, let: str) -> str:
        """A named value as text."""
        return self.inside(self.lets[let])

    def reads(self, let: str) -> Iterable[str]:
        """What a named value is made from."""
        probe = self.printer()
        probe(self.lets[let])
        return probe.used

    def needed(self, *printers: Printer) -> set[str]:
        """Settings and named values that were written, and those behind them."""
        found: set[str] = set()
        waiting = [name for printer in printers for name in printer.used]
        while waiting:
            name = waiting.pop()
            if name not in found and name in self.lets and name in self.free:
                waiting += self.reads(name)
            found.add(name)
        return found

    def shape(self, type: Tensor | tuple[Tensor, ...]) -> str:
        """A shape as comments show it, with the values of what is fixed."""
        if isinstance(type, tuple):
            return f"[{', '.join(self.shapes(type))}]"
        for length in type.shape:
            self.names.letters.update(dict.fromkeys(sorted(length.value.symbols())))
        values = {n: v.plain() for n, v in self.fixed.items() if isinstance(v, Size)}
        known = type.with_shape(tuple(length.substitute(values) for length in type.shape))
        return shape_text(known) if type.shape else "()"

    def shapes(self, types: tuple[Tensor, ...]) -> list[str]:
        """The shapes of a list; equal ones in a row are written once, with their number."""
        rows = [(text, len(list(equal))) for text, equal in groupby(map(self.shape, types))]
        return [text if times == 1 else f"{times} x {text}" for text, times in rows]


def passed_settings(root: ir.Block) -> dict[str, set[str]]:
    """For each definition, the settings that somebody passes."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in _reached(root):
        for call in _calls(each):
            found[call.routine.name].update(name for name, _ in call.args)
        for member in _members(each):
            if isinstance(member.module, ir.Block):
                found[member.module.type].update(member.args)
    return found


def _reached(root: ir.Block) -> Iterator[ir.Module | ir.Routine]:
    """Every module and function of the model, each once."""
    seen: set[int] = set()
    waiting: list[ir.Module | ir.Routine] = [root]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            waiting += [call.routine for call in _calls(each)]
            waiting += [member.module for member in _members(each)]
            yield each


def _members(of: ir.Module | ir.Routine) -> list[ir.Member]:
    return [member for _, _, member in of.children()] if isinstance(of, ir.Module) else []


def _calls(of: ir.Module | ir.Routine) -> list[ir.RoutineCall]:
    """Calls of functions: in the dataflow, and in the values that weights start at."""
    if not isinstance(of, ir.Block | ir.Routine):
        return []
    found = [*expressions(of.forward.statements)] if of.forward else []
    if isinstance(of, ir.Block):
        found += [expr for weight in of.own for expr in within(weight.value)]
    return [expr for expr in found if isinstance(expr, ir.RoutineCall)]
