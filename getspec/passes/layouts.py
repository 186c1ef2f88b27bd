"""Memory followed over formulas: the bytes a backward pass needs, in the names of the config and the run-time sizes.

Statements are followed as for FLOPs, on tensors that know where they lie, and the ops' own rules say what is kept. Layouts are
numbers at one config; every comparison of lengths and strides is noted, and the formula holds for every config and all
run-time sizes that decide them alike. A loop over a repeat is walked until a round finds memory as the one before it did, from
where on its formula counts as often as the rest of the repeat is long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import gcd
from typing import Any

from getspec import ir
from getspec.algebra import VARYING, Condition, Fixed, Real
from getspec.ops import FUNCTIONS
from getspec.ops.base import SAVES, Layer, Tensor
from getspec.ops.indexing import NewAxis, Range
from getspec.ops.storage import Held, Policy, Tape, Traced, sized
from getspec.passes.activations import default_sizes
from getspec.passes.follow import Called, Flow, Trace, fitting
from getspec.passes.paths import folded, joined, trained, twins
from getspec.passes.replay import Open, each
from getspec.passes.symbols import Kind, Names, Symbols, key_of, uses
from getspec.passes.trace import Walk, inputs
from getspec.signature import inputs_of
from getspec.sizes import Inexact, Poly, Size, constant, noting

__all__ = ["kept"]

ZERO = constant(0)


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
        if relation in ("is", "%"):
            self.symbols.algebra.note(relation, left, right, holds)
            return
        a, b = self.apart(left.spelled, right.spelled)
        if (a - b).constant is None:
            for name in sorted(a.symbols() | b.symbols()):
                self.at_least_1(name)
            self.symbols.algebra.conditions[Condition(relation, a, b, holds)] = None

    def apart(self, left: Poly, right: Poly) -> tuple[Poly, Poly]:
        """Both sides without what multiplies all of both: lengths, which are no less than 1."""
        terms = [*left.terms, *right.terms]
        if not (left.terms and right.terms):
            return left, right
        common: list[Any] = []
        for part in terms[0][0]:
            times = common.count(part) + 1
            if all(m.count(part) >= times for m, _ in terms) and self.at_least_1(part):
                common.append(part)
        by = Poly(((tuple(common), gcd(*(coefficient for _, coefficient in terms))),))
        return left.divide_exactly(by), right.divide_exactly(by)

    def at_least_1(self, part: Any) -> bool:
        """Whether a name or a division is at least 1 now, which is a condition then."""
        if isinstance(part, str) and part[0].isupper():
            return True
        form = Poly((((part,), 1),))
        value = self.numbers.get(part) if isinstance(part, str) else form.evaluate(self.numbers)
        if not isinstance(value, int) or value < 1:
            return False
        self.symbols.algebra.conditions[Condition("<", form, constant(1), False)] = None
        return True


@dataclass
class Rate:
    """A float of the config, of which a rule may ask whether it is some number."""

    real: Real
    symbols: Symbols

    def __eq__(self, other: object) -> bool:
        form = self.real.form
        same = bool(self.real.value == other)
        if isinstance(form, Poly) and form.symbols():
            assert isinstance(other, int | float)
            said = Condition("==", form, float(other), same)
            self.symbols.algebra.conditions[said] = None
        return same


class Laying(Walk):
    """Follows definitions, each time they are called: what a call keeps depends on what is kept already."""

    def __init__(self, symbols: Symbols, tape: Formulas) -> None:
        super().__init__(symbols, _nothing)
        self.tape = tape
        self.trainable = True
        self.place: tuple[str, int] | None = None
        """The index of the repeat that a component was called from, and its position."""

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

    def rate(self, expr: ir.Expr, names: Names) -> Real:
        """A rate that grows with the position, so that it is zero at position 0 or at all of them."""
        if self.place is None:
            raise Inexact("a rate follows the position in a repeat")
        index, position = self.place
        found = self.slope(expr, index, names)
        if isinstance(found, Size):
            raise Inexact(f"a rate follows `{index}` alone")
        if found.value == 0:
            raise Inexact("a rate that follows the position is zero at all of them")
        if isinstance(found.form, Poly) and found.form.symbols():
            nonzero = Condition("==", found.form, 0.0, False)
            self.symbols.algebra.conditions[nonzero] = None
        return Real(found.value if position else 0.0, found.value if position else 0.0)

    def slope(self, expr: ir.Expr, index: str, names: Names) -> Any:
        """The rate at position 1: a product with one factor that is the position, which makes it no smaller later."""
        match expr:
            case ir.Name(_, id, _) if id == index:
                return Size.of(1)
            case ir.Operation(_, "*", (a, b)) if uses(a, index) != uses(b, index):
                along, other = (a, b) if uses(a, index) else (b, a)
                value = self.symbols.algebra.value(other, names)
                return self.times(self.slope(along, index, names), value)
            case ir.Operation(_, "/", (a, b)) if uses(a, index) and not uses(b, index):
                by = self.symbols.algebra.value(b, names)
                return self.symbols.algebra.binary("/", self.slope(a, index, names), by)
        raise Inexact("a rate follows the position in a repeat otherwise than in proportion")

    def times(self, along: Any, other: Any) -> Any:
        same = isinstance(along, Size) and along.is_alike(1)
        return other if same else self.symbols.algebra.binary("*", along, other)

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
        rates = {
            name: Rate(value, self.symbols)
            for name, value in self.args(member, names).items()
            if isinstance(value, Real)
        }
        fields = {each.name: getattr(op, each.name) for each in op.declared_fields()}
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
        self.always = True
        self.numbered = False

    # Loops

    def loop(self, loop: ir.For) -> None:
        """Rounds until one leaves memory as it found it, which then stands for the rest."""
        outer, rounds, at = self.trace, [], 0
        total = sum(times for times, _, _ in loop.rounds)
        steady, always = True, True
        items, self.items = self.items, {}
        graded = any(found and _is_graded(found[0]) for found in self.stacks(loop.iterable))
        if graded and any(found and found[1] for found in self.stacks(loop.iterable)):
            raise Inexact("a rate follows the position in a repeat that is gone through backwards")
        for times, body in self.rounds(loop):
            left = times
            while left:
                before = self.state(loop.targets)
                item = self.item(loop.iterable, at, total)
                self.locals.update(zip(loop.targets, item, strict=True))
                self.trace = Trace()
                self.statements(body)
                steady = self.state(loop.targets) == before and not (graded and at == 0)
                always = always and steady
                many = left if steady else 1
                rounds.append((at, many, self.trace))
                at, left = at + many, left - many
        self.trace, self.items = outer, items
        self.always, self.numbered = always, _is_numbered(loop.iterable)
        over = {found[0].path for found in self.stacks(loop.iterable) if found}
        for count, done in self.counted(loop.iterable, rounds, total, steady):
            outer.own = outer.own + count * done.own
            outer.calls += [call.again(count, over) for call in done.calls]

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
        first = rounds[-1][0]
        if not stable or self.numbered:
            raise Fixed(names)
        if first:
            least = Condition("<", length, constant(first), False)
            self.algebra.conditions[least] = None
        yield from ((constant(times), done) for _, times, done in rounds[:-1])
        yield length - constant(first), rounds[-1][2]

    def by_kind(
        self,
        kinds: list[Kind],
        rounds: list[tuple[int, int, Trace]],
        total: int | None,
        names: frozenset[str],
    ) -> Iterator[tuple[Poly, Trace]]:
        """Kinds that turn count on their own only if none of them changes memory for another."""
        if not self.always:
            raise Fixed(names)
        yield from super().by_kind(kinds, rounds, total, names)

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
        out = self.indexed(expr, base.type, tuple(map(_as_index, items)))
        return self.saved("index", out, {"x": base, "items": items})

    def at(self, item: Any) -> Any:
        """An index as it is given to the rule: a tensor, a number, None, or (start, stop, step)."""
        if isinstance(item, tuple):
            return (*(None if bound is None else self.expr(bound) for bound in item[:2]), item[2])
        return None if isinstance(item, ir.Const) and item.value is None else self.expr(item)

    def apply(self, expr: ir.Apply) -> Any:
        function = FUNCTIONS[expr.op]
        kinds = {argument.name: argument.kind for argument in function.arguments}
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
        return self.saved(expr.op, self.ruled(expr.op, named, many), given)

    def ruled(self, op: str, named: Mapping[str, tuple[str, Any]], many: tuple[Any, ...]) -> Any:
        """What an op's shape rule makes of the types."""
        types = tuple(map(_types, many))
        values = {name: (kind, _types(value)) for name, (kind, value) in named.items()}
        all_types = [t for t in (*(v for _, v in values.values()), *types) if isinstance(t, Tensor)]
        rule = FUNCTIONS[op].rule
        with noting(self.algebra.note):
            args = {n: fitting(kind, value, all_types) for n, (kind, value) in values.items()}
            return rule(*args.values(), *types) if types else rule(**args)

    def saved(self, op: str, out: Any, given: Mapping[str, Any]) -> Any:
        """What an op makes in memory; its rule says what it keeps."""
        rule = SAVES.get(op)
        if rule is None:
            raise Inexact(f"it is not known what `{op}` keeps")
        with noting(self.tape.decided):
            made = rule(self.tape, out, **{n: self.rate(value) for n, value in given.items()})
        self.trace.own = self.trace.own + self.tape.taken()
        return made

    def rate(self, value: Any) -> Any:
        if value is VARYING:
            raise Inexact("a rate follows the position in a repeat")
        return Rate(value, self.symbols) if isinstance(value, Real) else value

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

    def position(self, path: tuple[str, ...]) -> tuple[str, int] | None:
        """The index of the repeat that a component stands in, and where."""
        assert isinstance(self.made, ir.Block)
        module = next(m.module for m in self.made.members if m.name == path[0])
        if len(path) == 1 or not isinstance(module, ir.Stack) or module.index is None:
            return None
        return module.index, int(path[1])


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


def _nothing(op: Any, args: Mapping[str, Any], many: tuple[Any, ...]) -> Poly:
    return ZERO


def _types(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_types, value))
    return value.type if isinstance(value, Held) else value


def _as_index(item: Any) -> Any:
    """The same for the shape rule."""
    if isinstance(item, tuple):
        return Range(*item)
    return NewAxis() if item is None else _types(item)


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
