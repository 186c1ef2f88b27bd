"""The statements of one definition, followed over formulas: what they do, and how often loops do it.

Rounds of a loop that do equal work count as often as the repeat they go over is long; where that is not so, the length is
fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from getspec import ir
from getspec.algebra import Fixed, Rate, Real, plain, value_of
from getspec.dataflow import fitted
from getspec.ops import FUNCTIONS
from getspec.ops.base import Tensor
from getspec.ops.indexing import NewAxis, Range, index
from getspec.passes.statements import Statements
from getspec.passes.symbols import Kind, Names, Symbols, key_of, names_in
from getspec.sizes import Poly, Size, constant, noting

__all__ = ["Called", "Flow", "Measure", "Trace", "Walk", "as_index", "equal", "fitting"]

ZERO, ONE = constant(0), constant(1)
Measure = Callable[[Any, Mapping[str, Any], tuple[Any, ...]], Poly]
"""What is measured of one call of an op: a layer, or the name of a function, and its arguments."""


class Walk(Protocol):
    """What follows calls into other definitions."""

    symbols: Symbols
    measure: Measure

    def definition(
        self,
        made: ir.Block | ir.Routine,
        forward: ir.Forward,
        names: Names,
        given: Mapping[str, Any],
    ) -> Trace: ...

    def called(self, member: ir.Member, names: Names, types: tuple[Any, ...]) -> Trace: ...


@dataclass
class Trace:
    """What one call of a definition does: of its own, and in the components it calls."""

    own: Poly = ZERO
    calls: list[Called] = field(default_factory=list)
    result: Any = None

    @property
    def total(self) -> Poly:
        return self.own + sum((c.count * c.copies * c.trace.total for c in self.calls), ZERO)


@dataclass(frozen=True)
class Called:
    """A component called: how often each copy of it, and how many copies a loop over a repeat goes through."""

    path: tuple[str, ...]
    trace: Trace
    module: ir.Module | None = None
    count: Poly = ONE
    copies: Poly = ONE

    def again(self, times: Poly, over: set[str]) -> Called:
        """The same in a loop; a loop over a repeat meets each of its copies once."""
        if len(self.path) > 1 and self.path[0] in over:
            return replace(self, copies=times * self.copies)
        return replace(self, count=times * self.count)


class Flow(Statements):
    """Follows the statements of one definition."""

    def __init__(
        self, walk: Walk, made: ir.Block | ir.Routine, names: Names, given: Mapping[str, Any]
    ) -> None:
        self.walk = walk
        self.symbols = walk.symbols
        self.algebra = walk.symbols.algebra
        self.made = made
        self.names = names
        self.locals = dict(given)
        self.trace = Trace()

    def run(self, forward: ir.Forward) -> Trace:
        if isinstance(self.made, ir.Block):
            for weight in self.made.own:
                if weight.value is not None:
                    self.expr(weight.value)  # for its conditions
            self.trace = Trace()
        self.statements(forward.statements)
        self.promised(forward)
        self.trace.result = self.result
        return self.trace

    def promised(self, forward: ir.Forward) -> None:
        """What is returned is as long as is declared, which decides whether a config is legal."""
        found = self.result if isinstance(self.result, tuple) else (self.result,)
        for axes, made in zip(forward.promised, found, strict=False):
            for axis, length in zip(axes, made.shape, strict=True):
                if names_in(axis) <= self.names.keys():  # else only the data decides it
                    with noting(self.algebra.note):
                        _ = self.algebra.value(axis, self.names) == length

    # Loops

    def loop(self, loop: ir.For) -> None:
        """Each round once; then how often each kind of round is gone through."""
        outer, rounds, at = self.trace, [], 0
        total = sum(times for times, _, _ in loop.rounds)
        stable = True
        for times, body in self.rounds(loop):
            before = self.state(loop.targets)
            self.locals.update(zip(loop.targets, self.item(loop.iterable, at, total), strict=True))
            self.trace = Trace()
            self.statements(body)
            rounds.append((at, times, self.trace))
            stable = self.state(loop.targets) == before
            at += times
        self.trace = outer
        over = {each[0].path for each in self.stacks(loop.iterable) if each}
        for count, done in self.counted(loop.iterable, rounds, total, stable):
            outer.own = outer.own + count * done.own
            outer.calls += [call.again(count, over) for call in done.calls]

    def rounds(self, loop: ir.For) -> Iterator[tuple[int, tuple[ir.Statement, ...]]]:
        """Equal rounds together, unless their positions may be equal now and yet spelled differently."""
        over = [each[0] for each in self.stacks(loop.iterable) if each]
        apart = any(len(self.symbols.kinds(_stack(each), self.names)) > 1 for each in over)
        for times, _, body in loop.rounds:
            yield from [(1, body)] * times if apart else [(times, body)]

    def state(self, skip: tuple[str, ...]) -> Any:
        return {name: key_of(value) for name, value in self.locals.items() if name not in skip}

    def item(self, expr: ir.Expr, at: int, total: int) -> tuple[Any, ...]:
        """What the loop's targets are in one round."""
        if isinstance(expr, ir.Operation) and expr.value is None:
            if expr.op == "range":
                bounds = [self.algebra.literal(self.expr(part)) for part in expr.operands]
                return (Size.of(range(*bounds)[at]),)
            if expr.op == "reversed":
                return self.item(expr.operands[0], total - 1 - at, total)
            inner = [each for part in expr.operands for each in self.item(part, at, total)]
            return (Size.of(at), *inner) if expr.op == "enumerate" else tuple(inner)
        items = self.iterated(expr)
        if isinstance(items, ir.Link):
            stack = items.member.module
            assert isinstance(stack, ir.Stack)
            return (ir.Link(f"{items.path}.{at}", stack.at(at)),)
        return (items[at],)

    def iterated(self, expr: ir.Expr) -> Any:
        return self.expr(expr)

    def stacks(self, expr: ir.Expr, turned: bool = False) -> Iterator[tuple[ir.Link, bool] | None]:
        """The repeats that a loop goes over, and whether from the end; None for what is no repeat."""
        if isinstance(expr, ir.Operation) and expr.value is None and expr.op != "range":
            for part in expr.operands:
                yield from self.stacks(part, turned != (expr.op == "reversed"))
        elif isinstance(expr.value, ir.Link) and isinstance(expr.value.member.module, ir.Stack):
            yield expr.value, turned
        else:
            yield None

    def counted(
        self, iterable: ir.Expr, rounds: list[tuple[int, int, Trace]], total: int, stable: bool
    ) -> Iterator[tuple[Poly, Trace]]:
        over = list(self.stacks(iterable))
        lengths = [self.symbols.count(_stack(each[0]), self.names).spelled for each in over if each]
        open_names = frozenset().union(*(length.symbols() for length in lengths))
        if open_names and (None in over or len(set(lengths)) > 1):
            raise Fixed(open_names)
        if not open_names or not rounds:
            yield from ((constant(times), done) for _, times, done in rounds)
            return
        kinds = [self.symbols.kinds(_stack(each[0]), self.names) for each in over if each]
        many = [each for each in kinds if len(each) > 1]
        if not many:
            yield from self.alike(rounds, lengths[0], stable, open_names)
        elif len(kinds) == 1 and stable:
            turned = any(each[1] for each in over if each)
            yield from self.by_kind(kinds[0], rounds, total if turned else None, open_names)
        else:
            raise Fixed(open_names)

    def alike(
        self,
        rounds: list[tuple[int, int, Trace]],
        length: Poly,
        stable: bool,
        names: frozenset[str],
    ) -> Iterator[tuple[Poly, Trace]]:
        """A repeat of equal components: the first rounds may differ, the last stands for the rest."""
        first = len(rounds) - 1
        while first and equal(rounds[first - 1][2], rounds[-1][2]):
            first -= 1
        if not stable and len(rounds) - first < 2 and first:
            raise Fixed(names)
        before = constant(rounds[first][0])
        if first:
            self.algebra.note(
                "<", Size(constant(1 << 62), length), Size.of(rounds[first][0]), False
            )
        yield from ((constant(times), done) for _, times, done in rounds[:first])
        yield length - before, rounds[first][2]

    def by_kind(
        self,
        kinds: list[Kind],
        rounds: list[tuple[int, int, Trace]],
        total: int | None,
        names: frozenset[str],
    ) -> Iterator[tuple[Poly, Trace]]:
        """A repeat of several kinds: every round of a kind does the same."""
        done: dict[int, Trace] = {}
        for at, times, made in rounds:
            for position in range(at, at + times):
                place = position if total is None else total - 1 - position
                kind = _kind_at(kinds, place)
                if not equal(done.setdefault(kind, made), made):
                    raise Fixed(names)
        yield from ((kinds[kind].count, made) for kind, made in done.items())

    # Expressions

    def expr(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Const(value):
                return value if isinstance(value, ir.Link | Tensor) else value_of(value)
            case ir.Name(value, id, kind):
                return self.name(value, id, kind)
            case ir.Group(_, _, items):
                return tuple(map(self.expr, items))
            case ir.Operation(_, op, operands):
                return self.algebra.operation(op, operands, self.expr)
            case ir.Pick():
                return self.pick(expr)
            case ir.Subscript():
                return self.subscript(expr)
            case ir.Apply():
                return self.apply(expr)
            case ir.Call():
                return self.call(expr)
            case ir.RoutineCall():
                return self.routine(expr)
        raise AssertionError(expr)

    def name(self, value: Any, id: str, kind: str) -> Any:
        if id in self.locals:
            return self.locals[id]
        if kind == "weight" and isinstance(self.made, ir.Block):
            if isinstance(value, ir.Link):
                return value
            weight = next(w for w in self.made.own if w.name == id)
            if weight.spelled is None and weight.value is not None:
                return self.expr(weight.value)
            return Tensor(weight.dtype, self.symbols.shape(weight, self.names))
        return self.names[id]

    def pick(self, expr: ir.Pick) -> Any:
        if isinstance(expr.base.value, ir.Link):
            if expr.index is not None:
                self.algebra.literal(self.expr(expr.index))
            return expr.value
        items = self.expr(expr.base)
        if expr.index is None:
            assert isinstance(expr.base, ir.Name)
            self.locals[expr.base.id] = items[:-1]
            return items[-1]
        return self.algebra.picked(items, self.expr(expr.index))

    def subscript(self, expr: ir.Subscript) -> Any:
        base = self.expr(expr.base)
        return self.indexed(expr, base, tuple(as_index(self.at(item)) for item in expr.items))

    def at(self, item: Any) -> Any:
        """An index as it is given: a tensor, a number, None, or (start, stop, step)."""
        if isinstance(item, tuple):
            return (*(None if bound is None else self.expr(bound) for bound in item[:2]), item[2])
        return None if isinstance(item, ir.Const) and item.value is None else self.expr(item)

    def indexed(self, expr: ir.Subscript, base: Tensor, items: tuple[Any, ...]) -> Tensor:
        sizes = {n: s for n, s in self.names.items() if isinstance(s, Size)}
        lengths = expr.value.shape
        selected = lengths[0].substitute(sizes) if lengths else Size.of(1)
        with noting(self.algebra.note):
            return index(base, items, selected)

    def apply(self, expr: ir.Apply) -> Any:
        _, named, many = self.arguments(expr)
        values = [*(value for _, value in named.values()), *many]
        tensors = [value for value in values if isinstance(value, Tensor)]
        rule = FUNCTIONS[expr.op].rule
        with noting(self.algebra.note):
            args = {
                n: fitting(kind, self.limited(value), tensors) for n, (kind, value) in named.items()
            }
            out = rule(*args.values(), *many) if many else rule(**args)
            work = self.walk.measure(expr.op, args, many)
        self.trace.own = self.trace.own + work
        return out

    def limited(self, value: Any) -> Any:
        """A float that a shape rule may refuse."""
        known = isinstance(value, Real) and not isinstance(value.value, ir.Varying)
        return Rate.of(value, self.algebra.limits) if known else value

    def arguments(
        self, expr: ir.Apply
    ) -> tuple[dict[str, Any], dict[str, tuple[str, Any]], tuple[Any, ...]]:
        """The arguments of an op as they are given; each of them with its kind; and what stands in a list."""
        kinds = {argument.name: argument.kind for argument in FUNCTIONS[expr.op].arguments}
        given: dict[str, Any] = {}
        named: dict[str, tuple[str, Any]] = {}
        many: tuple[Any, ...] = ()
        for name, arg in expr.args.items():
            if isinstance(arg, tuple):
                many = given[name] = tuple(map(self.expr, arg))
            elif isinstance(arg, Mapping):
                given[name] = {key: self.expr(part) for key, part in arg.items()}
                named |= {key: (kinds[name], value) for key, value in given[name].items()}
            else:
                given[name] = self.expr(arg)
                named[name] = kinds[name], given[name]
        return given, named, many

    def call(self, expr: ir.Call) -> Any:
        link = self.expr(expr.target)
        types = tuple(self.expr(arg) for _, arg in expr.args)
        path = tuple(link.path.split("."))
        inner = self.walk.called(link.member, self.places(path), types)
        self.trace.calls.append(Called(path, inner, link.member.module))
        return inner.result

    def places(self, path: tuple[str, ...]) -> Names:
        """The caller's names, with the position in the repeat that a component stands in."""
        assert isinstance(self.made, ir.Block)
        if len(path) == 1:
            return self.names
        stack = next(m.module for m in self.made.members if m.name == path[0])
        assert isinstance(stack, ir.Stack)
        if stack.index is None:
            return self.names
        kinds = self.symbols.kinds(stack, self.names)
        if len(kinds) == 1:
            return kinds[0].names
        return {**self.names, stack.index: Size.of(int(path[1]))}

    def routine(self, expr: ir.RoutineCall) -> Any:
        given = {name: self.expr(arg) for name, arg in expr.args}
        routine = expr.routine
        inputs = {d.name: given.pop(d.name) for d in routine.forward.inputs}
        settings = {
            name: Real(float(_whole(v)), v.spelled) if _is_real(routine, name, v) else v
            for name, v in given.items()
        }
        own = self.symbols.inner(routine, settings)
        inner = self.walk.definition(routine, routine.forward, own, inputs)
        self.trace.calls.append(Called((), inner))
        return inner.result


def _stack(link: ir.Link) -> ir.Stack:
    assert isinstance(link.member.module, ir.Stack)
    return link.member.module


def _whole(size: Size) -> int:
    number = size.value.constant
    assert number is not None
    return number


def _is_real(routine: ir.Routine, name: str, value: Any) -> bool:
    """An integer that is given for a float."""
    return isinstance(value, Size) and isinstance(routine.settings[name].value, float)


def as_index(item: Any) -> Any:
    """The same for the shape rule."""
    if isinstance(item, tuple):
        return Range(*item)
    return NewAxis() if item is None else item


def fitting(kind: str, value: Any, tensors: list[Tensor]) -> Any:
    """A value as an argument of this kind. What no shape depends on need not stay a formula."""
    if isinstance(value, Size) and kind.startswith("float") and value.value.constant is not None:
        return float(_whole(value))
    return fitted(kind, plain(value), tensors)


def equal(a: Trace, b: Trace) -> bool:
    """Whether two rounds do the same work."""
    if a is b:
        return True
    pairs = list(zip(a.calls, b.calls, strict=False))
    return (
        a.own == b.own
        and len(a.calls) == len(b.calls)
        and all(x.count == y.count and equal(x.trace, y.trace) for x, y in pairs)
    )


def _kind_at(kinds: list[Kind], place: int) -> int:
    """The kind of a position: kinds start one after the other, the last of them in turn."""
    if place < len(kinds):
        return place
    turning = [at for at, kind in enumerate(kinds) if kind.count.constant is None]
    return turning[(place - turning[0]) % len(turning)]
