"""Memory followed over formulas: the bytes a backward pass needs, in the names of the config and the run-time sizes.

Statements are followed as for FLOPs, on tensors that know where they lie, and the ops' own rules say what is kept. Layouts are
numbers at one config; every comparison of lengths and strides is noted, and the formula holds for every config and all
run-time sizes that decide them alike. A loop over a repeat is walked until a round finds memory as the one before it did, from
where on its formula counts as often as the rest of the repeat is long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import gcd
from typing import Any

from getspec import ir
from getspec.algebra import VARYING, Condition, Fixed, Rate, Real
from getspec.ops import FUNCTIONS
from getspec.ops.base import SAVES, Layer, Tensor
from getspec.ops.storage import Held, Policy, Tape, Traced, sized
from getspec.passes.activations import default_sizes
from getspec.passes.follow import Called, Flow, Trace, as_index, equal, fitting
from getspec.passes.paths import folded, joined, trained, twins
from getspec.passes.replay import Open, each
from getspec.passes.symbols import Kind, Names, Symbols, key_of, uses
from getspec.passes.trace import Walk, inputs
from getspec.signature import inputs_of
from getspec.sizes import Inexact, Poly, Size, constant, noting, symbol

__all__ = ["kept"]

ZERO = constant(0)
RISING = symbol("a rate in proportion to the position")
PLACED = symbol("a rate by its position")
"""What stands for a rate that follows the position in a repeat. Of the first it is known that it is zero at position 0 alone;
more than that a rule cannot ask, unless rounds are gone through one by one."""
ONE_BY_ONE = PLACED.symbols()
"""Fixed where rounds are gone through one by one."""


def kept(symbols: Symbols, given_sizes: Mapping[str, int]) -> Trace:
    """One forward pass in training: bytes of what it keeps, in float32 with fused attention; layouts are as at these sizes."""
    root = symbols.model.root
    assert root.forward is not None
    names = symbols.root()
    found = default_sizes(symbols.model, given_sizes)
    tape = Formulas(
        Policy(),
        Open(found),
        twins=dict(twins(root)),
        symbols=symbols,
        numbers=Open({**_config(root), **found}),
    )
    given = {}
    for name, types in inputs(symbols, root.forward, names).items():
        with noting(tape.decided):
            given[name] = each(types, tape.given)
    return Laying(symbols, tape).definition(root, root.forward, names, given)


@dataclass(kw_only=True)
class Formulas(Tape):
    """A tape on which lengths remember their formulas."""

    symbols: Symbols
    numbers: Mapping[str, Any]
    """The config and the run-time sizes at which decisions are made."""
    decisions: set[tuple[str, Poly, Poly, bool]] = field(default_factory=set)
    since: Poly = field(default=ZERO)
    """Bytes kept since they were last taken."""

    def note(self, what: str, amount: Size) -> None:
        if what in ("saved", "attention"):
            self.since = self.since + amount.spelled

    def taken(self) -> Poly:
        found, self.since = self.since, ZERO
        return found

    def lengths(self, type: Tensor) -> Any:
        return tuple(Traced(self.at(length), length.spelled) for length in type.shape)

    def decided(self, relation: str, left: Size, right: Size, holds: bool) -> None:
        """A decision about memory holds as long as its sides compare as they do now, run-time sizes included."""
        known = relation, left.spelled, right.spelled, holds
        if known in self.decisions:
            return
        self.decisions.add(known)
        open_ = left.value.constant is None or right.value.constant is None
        if relation in ("is", "%") or (holds and open_):
            self.symbols.algebra.note(relation, left, right, holds)
            return
        a, b = self.apart(left.spelled, right.spelled)
        if (a - b).constant is None:
            for name in sorted(a.symbols() | b.symbols()):
                self.at_least_1(name)
            self.symbols.algebra.conditions[Condition(relation, a, b, holds)] = None

    def apart(self, left: Poly, right: Poly) -> tuple[Poly, Poly]:
        """Both sides without what multiplies all of both, and is no less than 1."""
        terms = [*left.terms, *right.terms]
        if not (left.terms and right.terms):
            return left, right
        common: list[Any] = []
        for part in terms[0][0]:
            times = common.count(part) + 1
            if all(m.count(part) >= times for m, _ in terms) and self.at_least_1(part):
                common.append(part)
        by = Poly(((tuple(common), gcd(*(coefficient for _, coefficient in terms))),))
        left, right = left.divide_exactly(by), right.divide_exactly(by)
        for small, large in ((left, right), (right, left)):
            with suppress(Inexact):
                if small.constant is None and large.constant is None:
                    quotient = large.divide_exactly(small)
                    if self.positive(small):
                        return (constant(1), quotient) if small is left else (quotient, constant(1))
        return left, right

    def at_least_1(self, part: Any) -> bool:
        """The same of a name or a division; sizes of the run time always are."""
        if isinstance(part, str) and part[0].isupper():
            return True
        return self.positive(Poly((((part,), 1),)))

    def positive(self, form: Poly) -> bool:
        """Whether a formula is at least 1 now, which is a condition then."""
        value = form.evaluate(self.numbers)
        if not isinstance(value, int) or value < 1:
            return False
        self.symbols.algebra.conditions[Condition("<", form, constant(1), False)] = None
        return True


@dataclass(frozen=True, eq=False)
class Placed(Real):
    """A float that follows the position in a repeat; `last` is the one of the last position."""

    last: Real


class LoopRate(Rate):
    """A rate that may follow the position in a repeat, of which a rule can ask no more than whether it is zero."""

    def keep(self, said: Condition) -> None:
        if said.left == RISING and said.right == 0 and said.relation in ("==", "!="):
            return
        if said.symbols() & (RISING.symbols() | PLACED.symbols()):
            raise Fixed(ONE_BY_ONE)
        super().keep(said)


class Laying(Walk):
    """Follows definitions, each time they are called: what a call keeps depends on what is kept already."""

    def __init__(self, symbols: Symbols, tape: Formulas) -> None:
        super().__init__(symbols, _nothing)
        self.tape = tape
        self.trainable = True
        self.place: tuple[str, int, Size] | None = None
        """The index of the repeat that a component was called from, its position, and how long the repeat is."""

    def definition(
        self,
        made: ir.Block | ir.Routine,
        forward: ir.Forward,
        names: Names,
        given: Mapping[str, Any],
    ) -> Trace:
        types = {name: _types(value) for name, value in given.items()}
        bound = self.bound(forward, names, types)
        return Layouts(self, made, {**bound, **names}, given).run(forward)

    def called(self, member: ir.Member, names: Names, types: tuple[Any, ...]) -> Trace:
        """One call of a component on tensors in memory."""
        outer = self.trainable
        self.trainable = outer and member.trainable
        made = self.within(member, names, types)
        self.trainable = outer
        return made

    def within(self, member: ir.Member, names: Names, given: tuple[Any, ...]) -> Trace:
        match member.module:
            case ir.Leaf() as leaf:
                return self.leaf(leaf, member, names, given)
            case ir.Sequence() as sequence:
                made, outer = Trace(), self.tape.path
                for part in sequence.members:
                    self.tape.path = joined(outer, part.name)
                    inner = self.called(part, names, given)
                    made.calls.append(Called((part.name,), inner, part.module))
                    given, made.result = (inner.result,), inner.result
                self.tape.path = outer
                return made
            case ir.Block() as block:
                assert block.forward is not None
                own = self.symbols.inner(block, self.args(member, names))
                inputs = dict(zip(inputs_of(block), given, strict=True))
                return self.definition(block, block.forward, own, inputs)
        raise AssertionError(member)

    def args(self, member: ir.Member, names: Names) -> dict[str, Any]:
        """The arguments of a component at its place in a repeat."""
        args = self.symbols.args(member, names)
        for name in [name for name, value in args.items() if value is VARYING]:
            args[name] = self.rate(member.args[name], names)
        return args

    def rate(self, expr: ir.Expr, names: Names) -> Any:
        """A number that follows the position, of which is known no more than what does not follow it."""
        assert self.place is not None
        index, position, count = self.place
        found = self.symbols.algebra.value(expr, {**names, index: Size.of(position)})
        if self.one_by_one:
            return found
        value = _real(found).value
        last = _real(self.symbols.algebra.value(expr, {**names, index: count - 1}))
        along = self.slope(expr, index, names)
        if along is None or along.value == 0:
            return Placed(value, PLACED, last)
        if isinstance(along.form, Poly) and along.form.symbols():
            nonzero = Condition("==", along.form, 0.0, False)
            self.symbols.algebra.conditions[nonzero] = None
        return Placed(value, RISING, last)

    @property
    def one_by_one(self) -> bool:
        """Whether rates differ from round to round in more than being zero at the first."""
        return self.symbols.fixed >= ONE_BY_ONE

    def slope(self, expr: ir.Expr, index: str, names: Names) -> Real | None:
        """What the position is multiplied by; None where it is in anything but a product."""
        algebra = self.symbols.algebra
        match expr:
            case ir.Name(_, id, _) if id == index:
                return Real(1.0, 1.0)
            case ir.Operation(_, "*" | "/" as op, (a, b)) if uses(a, index) != uses(b, index):
                along, other = (a, b) if uses(a, index) else (b, a)
                by = self.slope(along, index, names)
                if by is not None and (op == "*" or along is a):
                    made = algebra.value(other, names)
                    return _real(
                        made if (op, by.form) == ("*", 1.0) else algebra.binary(op, by, made)
                    )
        return None

    def leaf(self, leaf: ir.Leaf, member: ir.Member, names: Names, given: tuple[Any, ...]) -> Trace:
        op = self.symbols.layer(leaf, member, names)
        if type(op).saves is Layer.saves:
            raise Inexact(f"it is not known what `{op.type}` keeps")
        with noting(self.symbols.algebra.note):
            out = op.infer(*map(_types, given))
            shapes = {w.name: Tensor(w.dtype, w.shape) for w in (*op.parameters(), *op.buffers())}
        with noting(self.tape.decided):
            weights = {w.name: self.weight(w, shapes[w.name]) for w in leaf.weights}
            made = self.asked(op, member, names).saves(self.tape, out, *given, **weights)
        return Trace(self.tape.taken(), [], made)

    def asked(self, op: Layer, member: ir.Member, names: Names) -> Layer:
        """The op, which notes what is asked of its floats."""
        fields = {each.name: getattr(op, each.name) for each in op.declared_fields()}
        limits = {each.name: each.metadata for each in op.declared_fields()}
        rates = {}
        for name, value in self.args(member, names).items():
            if isinstance(value, Placed):
                self.symbols.within(value.last, limits[name])
            if isinstance(value, Real):
                rates[name] = LoopRate.of(value, self.symbols.algebra.conditions)
        return type(op)(**{**fields, **rates}) if rates else op

    def weight(self, weight: ir.Weight, type: Tensor) -> Held:
        """A parameter or buffer; a tied one is as trainable as its twin."""
        twin = self.tape.twins.get(joined(self.tape.path, weight.name))
        trains = self.trainable and weight.trainable and weight.kind == "parameter"
        return self.tape.given(type, trains if twin is None else twin)


class Layouts(Flow):
    """Follows the statements of one definition on tensors in memory."""

    walk: Laying

    def __init__(
        self, walk: Laying, made: ir.Block | ir.Routine, names: Names, given: Mapping[str, Any]
    ) -> None:
        super().__init__(walk, made, names, given)
        self.tape = walk.tape
        self.items: dict[int, Any] = {}
        self.steady: list[bool] = []
        """Of each round of the loop that was walked last: whether it left memory as it found it."""
        self.numbered = False

    # Loops

    def loop(self, loop: ir.For) -> None:
        """Rounds until one leaves memory as it found it, which then stands for the rest."""
        outer, rounds, at = self.trace, [], 0
        total = sum(times for times, _, _ in loop.rounds)
        unchanged: list[bool] = []
        items, self.items = self.items, {}
        graded = self.is_graded(loop.iterable)
        for times, body in self.rounds(loop):
            left = times
            while left:
                before = self.state(loop.targets)
                item = self.item(loop.iterable, at, total)
                self.locals.update(zip(loop.targets, item, strict=True))
                self.trace = Trace()
                self.statements(body)
                steady = self.state(loop.targets) == before and not (graded and at == 0)
                unchanged.append(steady)
                many = left if steady and not (graded and self.walk.one_by_one) else 1
                rounds.append((at, many, self.trace))
                at, left = at + many, left - many
        self.trace, self.items = outer, items
        self.steady, self.numbered = unchanged, _is_numbered(loop.iterable)
        over = {found[0].path for found in self.stacks(loop.iterable) if found}
        for count, done in self.counted(loop.iterable, rounds, total, all(unchanged[-1:])):
            outer.own = outer.own + count * done.own
            outer.calls += [call.again(count, over) for call in done.calls]

    def is_graded(self, iterable: ir.Expr) -> bool:
        """Whether a loop goes over a repeat in which numbers follow the position."""
        over = [found for found in self.stacks(iterable) if found and _is_graded(found[0])]
        if any(turned for _, turned in over) and not self.walk.one_by_one:
            raise Fixed(ONE_BY_ONE)
        if self.walk.one_by_one:
            for link, _ in over:
                assert isinstance(link.member.module, ir.Stack)
                self.algebra.literal(self.symbols.count(link.member.module, self.names))
        return bool(over)

    def iterated(self, expr: ir.Expr) -> Any:
        if id(expr) not in self.items:
            self.items[id(expr)] = self.expr(expr)
        return self.items[id(expr)]

    def state(self, skip: tuple[str, ...]) -> Any:
        """Memory as a round finds it; storages count by the order in which they are met."""
        met: dict[int, int] = {}
        return {n: _seen(value, met) for n, value in self.locals.items() if n not in skip}

    def alike(
        self,
        rounds: list[tuple[int, int, Trace]],
        length: Poly,
        stable: bool,
        names: frozenset[str],
    ) -> Iterator[tuple[Poly, Trace]]:
        """The first rounds as they are; from the one on that leaves memory as it was, all do the same."""
        if not stable or self.numbered:
            raise Fixed(names)
        first = len(rounds) - 1
        while first and self.steady[first - 1] and equal(rounds[first - 1][2], rounds[-1][2]):
            first -= 1
        yield from self.from_on(rounds, length, first)

    def from_on(
        self, rounds: list[tuple[int, int, Trace]], length: Poly, first: int
    ) -> Iterator[tuple[Poly, Trace]]:
        """Rounds of which all do the same from one on."""
        before = rounds[first][0]
        if before:
            self.algebra.conditions[Condition("<", length, constant(before), False)] = None
        yield from ((constant(times), done) for _, times, done in rounds[:first])
        yield length - constant(before), rounds[first][2]

    def by_kind(
        self,
        kinds: list[Kind],
        rounds: list[tuple[int, int, Trace]],
        total: int | None,
        names: frozenset[str],
    ) -> Iterator[tuple[Poly, Trace]]:
        """Kinds count on their own if none changes memory for another, or if all but the last stand in front."""
        if all(self.steady):
            yield from super().by_kind(kinds, rounds, total, names)
            return
        first = len(kinds) - 1
        in_front = all(kind.count.constant == 1 for kind in kinds[:-1]) and total is None
        if not in_front or self.numbered or not all(self.steady[first:]):
            raise Fixed(names)
        length = sum((kind.count for kind in kinds), ZERO)
        yield from self.from_on(rounds, length, first)

    # Expressions

    def name(self, value: Any, id: str, kind: str) -> Any:
        found = super().name(value, id, kind)
        if id in self.locals or kind != "weight" or not isinstance(self.made, ir.Block):
            return found
        if not isinstance(found, Tensor | Held):
            return found
        weight = next(w for w in self.made.own if w.name == id)
        with noting(self.tape.decided):
            return self.walk.weight(weight, _types(found))

    def subscript(self, expr: ir.Subscript) -> Any:
        base = self.expr(expr.base)
        items = tuple(map(self.at, expr.items))
        out = self.indexed(expr, base.type, tuple(as_index(_types(item)) for item in items))
        return self.saved("index", out, {"x": base, "items": items})

    def apply(self, expr: ir.Apply) -> Any:
        given, named, many = self.arguments(expr)
        return self.saved(expr.op, self.ruled(expr.op, named, many), given)

    def ruled(self, op: str, named: Mapping[str, tuple[str, Any]], many: tuple[Any, ...]) -> Any:
        """What an op's shape rule makes of the types."""
        types = tuple(map(_types, many))
        values = {name: (kind, _types(value)) for name, (kind, value) in named.items()}
        all_types = [t for t in (*(v for _, v in values.values()), *types) if isinstance(t, Tensor)]
        rule = FUNCTIONS[op].rule
        with noting(self.algebra.note):
            args = {
                n: fitting(kind, self.limited(value), all_types)
                for n, (kind, value) in values.items()
            }
            return rule(*args.values(), *types) if types else rule(**args)

    def saved(self, op: str, out: Any, given: Mapping[str, Any]) -> Any:
        """What an op makes in memory; its rule says what it keeps."""
        rule = SAVES.get(op)
        if rule is None:
            raise Inexact(f"it is not known what `{op}` keeps")
        kept = self.algebra.conditions
        with noting(self.tape.decided):
            made = rule(self.tape, out, **{n: self.rate(v, kept) for n, v in given.items()})
        self.trace.own = self.trace.own + self.tape.taken()
        return made

    def limited(self, value: Any) -> Any:
        """A float that a shape rule may refuse; one that follows the position is the last one."""
        return self.rate(value.last if isinstance(value, Placed) else value, self.algebra.limits)

    def rate(self, value: Any, kept: dict[Condition, None]) -> Any:
        return LoopRate.of(value, kept) if isinstance(value, Real) else value

    def call(self, expr: ir.Call) -> Any:
        link = self.expr(expr.target)
        given = tuple(self.expr(arg) for _, arg in expr.args)
        block, path, outer = self.made, tuple(link.path.split(".")), self.tape.path
        assert isinstance(block, ir.Block)
        trains = self.walk.trainable
        place, self.walk.place = self.walk.place, self.position(path)
        self.walk.trainable = trains and trained(block, link.path)
        self.tape.path = joined(outer, folded(block, link.path))
        inner = self.walk.called(link.member, self.places(path), given)
        self.tape.path, self.walk.trainable, self.walk.place = outer, trains, place
        self.trace.calls.append(Called(path, inner, link.member.module))
        return inner.result

    def position(self, path: tuple[str, ...]) -> tuple[str, int, Size] | None:
        """The index of the repeat that a component stands in, where, and how long that is."""
        assert isinstance(self.made, ir.Block)
        module = next(m.module for m in self.made.members if m.name == path[0])
        if len(path) == 1 or not isinstance(module, ir.Stack) or module.index is None:
            return None
        return module.index, int(path[1]), self.symbols.count(module, self.names)


def _is_numbered(expr: ir.Expr) -> bool:
    """Whether a loop tells its body how many rounds it has gone."""
    if not isinstance(expr, ir.Operation) or expr.value is not None:
        return False
    return expr.op == "enumerate" or any(map(_is_numbered, expr.operands))


def _is_graded(link: ir.Link) -> bool:
    """Whether numbers in a repeat follow the position."""
    stack = link.member.module
    assert isinstance(stack, ir.Stack)
    return any(_varies(run.member) for run in stack.runs)


def _varies(member: ir.Member) -> bool:
    module = member.module
    inside = isinstance(module, ir.Sequence) and any(map(_varies, module.members))
    return inside or any(isinstance(arg.value, ir.Varying) for arg in member.args.values())


def _config(root: ir.Block) -> dict[str, Any]:
    """The config by the names of formulas."""
    found: dict[str, Any] = {}
    open_ = [(name, expr.value) for name, expr in root.settings.items()]
    for name, value in open_:
        if isinstance(value, tuple):
            open_ += [(f"{name}[{at}]", item) for at, item in enumerate(value)]
        else:
            found[name] = value.value.constant if isinstance(value, Size) else value
    return found


def _real(number: Any) -> Real:
    """A number of the config as a float."""
    if isinstance(number, Real):
        return number
    return Real(float(number.value.constant), number.spelled)


def _nothing(op: Any, args: Mapping[str, Any], many: tuple[Any, ...]) -> Poly:
    return ZERO


def _types(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_types, value))
    return value.type if isinstance(value, Held) else value


def _seen(value: Any, met: dict[int, int]) -> Any:
    """A value without the identity of its storages, formulas as they are written."""
    if isinstance(value, tuple):
        return tuple(_seen(item, met) for item in value)
    if not isinstance(value, Held):
        return key_of(value)
    storage = value.storage
    number = met.setdefault(id(storage), len(met))
    strides = key_of(tuple(map(sized, value.strides)))
    held = key_of(storage.bytes), storage.counted, storage.saved
    return key_of(value.type), strides, value.grad, number, held
