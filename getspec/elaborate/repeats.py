"""A component many times, folded into runs of equal ones.

One that does not follow its position is elaborated once. So is one whose position only changes numbers, with a position that
varies. Where that fails because the position decides structure, each position is elaborated by itself. To elaborate each
position always was refused: a repeat of ten thousand layers would cost ten thousand times one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from getspec import ir
from getspec.declare import BlockDecl, Declaration, StackDecl
from getspec.elaborate.arguments import expressions
from getspec.elaborate.instances import Instances
from getspec.errors import Span, SpecError
from getspec.evaluate import Evaluator, NeedsIndex, Scope, described
from getspec.sizes import Size

__all__ = ["Repeats"]

MAX_REPEAT = 1_000_000
MAX_POSITIONS = 20_000
MAX_POSITIONS_IN_ALL = 60_000
"""Of all repeats of a compilation: repeats within repeats multiply."""
Alike = dict[tuple[Span, Span], tuple[ir.Member, ir.Member]]
"""Neighbours that are declared apart and came out equal, by where they are declared."""


class Repeats:
    """Makes stacks; `member` makes the component of one position, or raises SpecError."""

    def __init__(
        self, instances: Instances, member: Callable[[Declaration, Scope], ir.Member]
    ) -> None:
        self.instances = instances
        self.member = member

    def stack(self, declared: StackDecl, scope: Scope) -> ir.Member:
        cycle = [item for times, item in declared.items for _ in range(times)]
        if declared.count is None:
            count: ir.Expr = ir.Const(Size.of(len(cycle)))
        else:
            count = Evaluator.of(scope, declared.count)
        alike: Alike = {}
        runs = self.runs(declared, cycle, _number(declared, count.value), scope, alike)
        made = ir.Stack(
            "stack", tuple(runs), count, declared.index, len(cycle), tuple(alike.values())
        )
        return ir.Member(declared.name, made, {}, declared.span, declared.trainable)

    def runs(
        self,
        declared: StackDecl,
        cycle: list[Declaration],
        number: int,
        scope: Scope,
        alike: Alike,
    ) -> list[ir.Run]:
        if number == 0:
            if declared.count is not None:
                scope.decide(declared.count.names)  # what would stand there was never made
            return []
        if len(declared.items) > 1:
            return self.each(declared, cycle, number, scope, alike)
        try:
            return self.uniform(declared, number, scope)
        except NeedsIndex:
            return self.each(declared, cycle, number, scope, alike)

    def uniform(self, declared: StackDecl, number: int, scope: Scope) -> list[ir.Run]:
        """One declaration, for all positions at once."""
        ((_, item),) = declared.items
        member = self.at(declared, item, ir.Varying("int"), scope)
        self.try_out(declared, [item], number, scope)
        return [ir.Run(0, number, member)]

    def each(
        self,
        declared: StackDecl,
        cycle: list[Declaration],
        number: int,
        scope: Scope,
        alike: Alike,
    ) -> list[ir.Run]:
        """Every position by itself; equal neighbours become one run, and are listed where they are declared apart."""
        if number > MAX_POSITIONS:
            raise _too_many(declared, f"at most {MAX_POSITIONS:,} positions that differ")
        runs: list[ir.Run] = []
        shared: dict[Declaration, ir.Member] = {}
        for position in range(number):
            item = cycle[position % len(cycle)]
            member = shared.get(item) or self.position(declared, item, position, scope)
            if declared.index is None:
                shared[item] = member
            _append(runs, position, member)
            first = runs[-1].member
            if first.span != member.span:
                alike[first.span, member.span] = first, member
        if declared.index is not None and len(runs) > 1:
            self.try_out(declared, cycle, number, scope)
            self.decide_length(declared, scope)
        return runs

    def position(
        self, declared: StackDecl, item: Declaration, position: int, scope: Scope
    ) -> ir.Member:
        self.instances.positions += 1
        if self.instances.positions > MAX_POSITIONS_IN_ALL:
            message = f"at most {MAX_POSITIONS_IN_ALL:,} positions that differ, in all"
            raise _too_many(declared, message)
        return self.at(declared, item, Size.of(position), scope)

    def at(
        self, declared: StackDecl, item: Declaration, index: Size | ir.Varying, scope: Scope
    ) -> ir.Member:
        """The component of one position; floats stay open if no structure comes of them."""
        inner = _positioned(declared, index, scope)
        if declared.index is not None and isinstance(index, Size):
            inner.free = frozenset((declared.index,))
        try:
            member = self.member(item, inner)
        except NeedsIndex:
            if not inner.free:
                raise
            inner.free = frozenset()
            member = self.member(item, inner)
        if declared.index in inner.chosen and declared.count is not None:
            scope.decide(declared.count.names)  # no loop can make this choice again
        return member

    def try_out(
        self, declared: StackDecl, cycle: list[Declaration], number: int, scope: Scope
    ) -> None:
        """The first and the last position with their own numbers: a division by 0 is found, and a rate that grows too large."""
        if declared.index is None:
            return
        for position in dict.fromkeys((0, number - 1)):
            inner = _positioned(declared, Size.of(position), scope)
            item = cycle[position % len(cycle)]
            if self.instances.problems.attempt(self.member, item, inner) is None:
                return

    def decide_length(self, declared: StackDecl, scope: Scope) -> None:
        """Positions that differ fix the length too, unless one flag of the item tells them apart.

        `has_bias: i == 0` can be written as a condition for any length; what a block makes of an
        integer position cannot.
        """
        flags = [
            is_flag
            for _, item in declared.items
            if isinstance(item, BlockDecl)
            for is_flag in self.deciding(item, declared.index)
        ]
        if declared.count is not None and (len(flags) > 1 or not all(flags)):
            scope.decide(declared.count.names)

    def deciding(self, item: BlockDecl, index: str | None) -> Iterator[bool]:
        """Of each argument that makes structure of the position: whether it is a flag."""
        settings = self.instances.library[item.type].settings
        structural = self.instances.structural(item.type)
        for name, written in item.args.items():
            follows = any(index in expression.names for expression in expressions(written))
            if follows and name in settings:
                is_flag = settings[name].kind == "bool"
                if is_flag or name in structural:
                    yield is_flag


def _number(declared: StackDecl, count: Any) -> int:
    """How many there are."""
    span = declared.count.span if declared.count else declared.span
    if isinstance(count, ir.Varying):
        raise NeedsIndex
    if not isinstance(count, Size) or count.known is None:
        message = f"`repeat` is an integer, this is {described(count)}"
        raise SpecError.of("GS305", message, span)
    if not 0 <= count.known <= MAX_REPEAT:
        message = f"`repeat` is {count}; from 0 to {MAX_REPEAT:,} is possible"
        raise SpecError.of("GS305", message, span)
    return count.known


def _positioned(declared: StackDecl, index: Size | ir.Varying, scope: Scope) -> Scope:
    inner = scope.nested()
    if declared.index is not None:
        inner.index(declared.index, index)
    return inner


def _too_many(declared: StackDecl, message: str) -> SpecError:
    return SpecError.of("GS305", message, declared.span)


def _append(runs: list[ir.Run], position: int, member: ir.Member) -> None:
    if runs and _is_equal(runs[-1].member, member):
        last = runs[-1]
        runs[-1] = ir.Run(last.start, last.count + 1, last.member)
    else:
        runs.append(ir.Run(position, 1, member))


def _is_equal(left: ir.Member, right: ir.Member) -> bool:
    """Whether two positions are one run."""
    if left is right:
        return True
    a, b = left.module, right.module
    if isinstance(a, ir.Sequence) and isinstance(b, ir.Sequence):
        return len(a.members) == len(b.members) and all(map(_is_equal, a.members, b.members))
    equal = a is b or (isinstance(a, ir.Leaf) and isinstance(b, ir.Leaf) and a.op == b.op)
    return equal and left.trainable == right.trainable and left.init == right.init
