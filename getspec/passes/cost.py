"""Work: matrix products of a forward and a backward pass, per module, as polynomials in the run-time sizes.

The checked dataflow is gone through once more, and becomes the steps that a backward pass goes back through (passes/graph.py).
Each op knows its products; a product costs its FLOPs going forward, and where the backward pass gets to it, the same again for
every operand that wants a gradient. As with types, a definition is gone through once per set of inputs that want one.

FLOPs are two per multiply-add and count matrix products only (linear, convolution, attention, einsum), the convention of
torch.utils.flop_counter. Causal attention is counted in full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any

from getspec import ir
from getspec.ops.base import ATTENDS, FUNCTIONS, PRODUCTS, Layer, Product, Tensor, has_work
from getspec.passes.graph import Back, Call, Graph, Op, Rounds, Wires, Work, flat, wants
from getspec.passes.paths import folded, joined, trained, twins
from getspec.passes.statements import Statements, loop_items
from getspec.signature import inputs_of, outcome
from getspec.sizes import Size
from getspec.unify import substituted

__all__ = ["COUNTED", "Cost", "Rule", "Work", "attention", "cost", "multiplied"]

Tied = Mapping[str, bool]
"""Tied tensors below a module, by path: whether the one that each is tied to is trained."""
Lengths = Mapping[str, Size]
"""Run-time names that are known in a call, as integers. An op's product depends on those that are 1, so these always are; a
definition is gone through for each set of them."""
Rule = Callable[[Any, Mapping[str, Any], tuple[Any, ...]], tuple[Product, ...]]
"""What one call does: of a layer or a function (by name), its arguments, and those that a star collects. A block is asked for
what it does beside its statements, with what it returns."""


def multiplied(
    op: Layer | ir.Block | str, args: Mapping[str, Any], many: tuple[Any, ...]
) -> tuple[Product, ...]:
    """The matrix products of one call."""
    if isinstance(op, Layer):
        return op.products(*args.values())
    if isinstance(op, ir.Block):
        return ()
    rule = PRODUCTS.get(op)
    if rule is None:
        return ()
    return rule(*args.values(), *many) if many else rule(**args)


def halved(
    op: Layer | ir.Block | str, args: Mapping[str, Any], many: tuple[Any, ...]
) -> tuple[Product, ...]:
    """Matrix products; what a causal mask hides is not counted."""
    found = multiplied(op, args, many)
    return tuple(p._replace(flops=p.flops.exactly(2)) if p.causal else p for p in found)


COUNTED: dict[str, Rule] = {"full": multiplied, "half": halved}
"""By the word that `--causal` takes."""


def attention(rule: Rule) -> Rule:
    """Of what a rule counts, that of attention."""
    return lambda op, args, many: rule(op, args, many) if op in ATTENDS else ()


@dataclass(frozen=True)
class Cost:
    """What one forward and one backward pass of a model do. `work` is by path, each without what is below it."""

    model: str
    spec: str
    total: Work
    work: Mapping[str, Work]
    shapes: Mapping[str, Any]
    """The type that each module returned when it was last called."""
    unknown: tuple[str, ...] = ()
    """Ops of which it is not known what they multiply: with any, work is a lower bound."""

    def below(self, path: str) -> Work:
        """The work of a module and everything in it; "" is the model."""
        parts = [
            w for p, w in self.work.items() if not path or p == path or p.startswith(f"{path}.")
        ]
        return sum(parts, Work())


def cost(
    model: ir.Model, rule: Rule = multiplied, sizes: Mapping[str, int] = MappingProxyType({})
) -> Cost:
    """The work of a compiled model whose dataflow is known; each input tensor comes without a gradient.

    It is a polynomial in the run-time sizes that `sizes` leaves open. An axis that follows one of these is taken to be longer
    than 1; a product over an axis that is 1 is none, as torch multiplies elements there.
    """
    root = model.root
    assert root.forward is not None, "a spec without `forward` does no work"
    inputs = tuple(_none(declared.type) for declared in root.forward.inputs)
    lengths = {name: Size.of(number) for name, number in sizes.items()}
    walk = _Walk(rule, known=bool(lengths))
    graph = walk.block(root, inputs, True, dict(twins(root)), lengths)
    work: dict[str, Work] = {}
    shapes: dict[str, Any] = {}
    _spread(graph.back(tuple(map(bool, flat(graph.result)))), "", {}, 1, work, shapes)
    total = sum(work.values(), Work())
    return Cost(model.name, model.file, total, work, shapes, tuple(sorted(walk.unknown)))


def _spread(
    done: Back,
    path: str,
    names: Mapping[str, Size],
    times: int,
    work: dict[str, Work],
    shapes: dict[str, Any],
) -> None:
    """Work by path, in the sizes of the outermost caller."""
    work[path] = work.get(path, Work()) + done.own.within(names) * times
    for call, number, inner in reversed(done.calls):
        place = joined(path, call.path)
        # A layer or a sequential has no names of its own: it speaks its caller's.
        own = call.names
        outer = names if own is None else {k: v.substitute(names) for k, v in own.items()}
        if call.path:
            shapes[place] = substituted(call.type, names)
        _spread(inner, place, outer, times * number, work, shapes)


class _Walk:
    """Goes through definitions, each once per set of inputs that want a gradient."""

    def __init__(self, rule: Rule, *, known: bool = False) -> None:
        self.rule = rule
        self.knows = known
        """Whether the sizes of the run are known, and so every length."""
        self.graphs: dict[Any, Graph] = {}
        self.unknown: set[str] = set()

    def block(
        self,
        block: ir.Block,
        inputs: tuple[Wires, ...],
        trainable: bool,
        tied: Tied,
        lengths: Lengths = MappingProxyType({}),
    ) -> Graph:
        key = (id(block), wants(inputs), trainable, frozenset(tied.items()), _key(lengths))
        if key not in self.graphs:
            assert block.forward is not None
            flow = _Flow(self, block, trainable, tied, lengths)
            self.graphs[key] = flow.run(block.forward, inputs)
        return self.graphs[key]

    def routine(self, routine: ir.Routine, inputs: tuple[Wires, ...], lengths: Lengths) -> Graph:
        key = (id(routine), wants(inputs), _key(lengths))
        if key not in self.graphs:
            self.graphs[key] = _Flow(self, None, True, {}, lengths).run(routine.forward, inputs)
        return self.graphs[key]

    def member(
        self,
        member: ir.Member,
        types: tuple[Any, ...],
        inputs: tuple[Wires, ...],
        trainable: bool,
        tied: Tied,
        lengths: Lengths,
    ) -> Graph:
        """One call of a component."""
        trainable = trainable and member.trainable
        match member.module:
            case ir.Leaf() as leaf:
                return self.leaf(leaf, types, inputs, trainable, tied)
            case ir.Block() as block:
                return self.block(block, inputs, trainable, tied, lengths)
            case ir.Sequence() as sequence:
                return self.sequence(sequence, types, inputs, trainable, tied)
        raise AssertionError(member)

    def lengths(
        self, made: ir.Module | ir.Routine, bindings: Mapping[str, Size], outer: Lengths
    ) -> Lengths:
        """What is known in a call of the run-time names of a definition, in numbers: other names are its caller's."""
        own = {*made.settings, *made.lets} if isinstance(made, ir.Block | ir.Routine) else set()
        found = {n: length.substitute(outer) for n, length in bindings.items() if n not in own}
        return {
            name: length.plain()
            for name, length in found.items()
            if length == 1 or (self.knows and length.value.constant is not None)
        }

    def leaf(
        self,
        leaf: ir.Leaf,
        types: tuple[Any, ...],
        inputs: tuple[Wires, ...],
        trainable: bool,
        tied: Tied,
    ) -> Graph:
        number = count(1)
        given = _numbered(inputs, number)
        wires = dict(zip(leaf.op.inputs, given, strict=True))
        for weight in leaf.weights:
            trains = tied.get(weight.name, trainable and weight.trainable)
            wires[weight.name] = next(number) if trains and weight.kind == "parameter" else 0
        if not has_work(leaf.op):
            self.unknown.add(leaf.op.type)
        found = self.rule(leaf.op, dict(zip(leaf.op.inputs, types, strict=True)), ())
        out = next(number) if any(flat(tuple(wires.values()))) else 0
        step = Op(_sum(found, wires), _wanting(given), (out,))
        return Graph(tuple(flat(given)), [step], out)

    def sequence(
        self,
        sequence: ir.Sequence,
        types: tuple[Any, ...],
        inputs: tuple[Wires, ...],
        trainable: bool,
        tied: Tied,
    ) -> Graph:
        flow = _Flow(self, None, trainable, tied)
        given = flow.taken(inputs)
        for part in sequence.members:
            names = dict(zip(inputs_of(part.module), types, strict=True))
            result, bindings = outcome(part, names, f"`{part.name}`")
            within = _within(tied, part.name)
            lengths = self.lengths(part.module, bindings, {})
            inner = self.member(part, types, given, trainable, within, lengths)
            given = (flow.called(part.module, part.name, inner, given, bindings, result),)
            types = (result,)
        flow.graph.result = given[0]
        return flow.graph


def _numbered(wires: Wires, number: Any) -> Wires:
    """Wires of one's own for those of somebody else."""
    if isinstance(wires, tuple):
        return tuple(_numbered(wire, number) for wire in wires)
    return next(number) if wires else 0


def _key(lengths: Lengths) -> frozenset[tuple[str, int | None]]:
    return frozenset((name, length.value.constant) for name, length in lengths.items())


def _wanting(wires: Wires) -> tuple[int, ...]:
    return tuple(wire for wire in flat(wires) if wire)


def _within(tied: Tied, name: str) -> Tied:
    """Tied tensors as a component sees them."""
    if not tied:
        return tied
    return {p.removeprefix(f"{name}."): t for p, t in tied.items() if p.startswith(f"{name}.")}


def _sum(found: tuple[Product, ...], wires: Mapping[str, Wires]) -> Work:
    total = Work()
    for each in found:
        backward = sum(any(any(flat(wires.get(n, 0))) for n in names) for names in each.operands)
        total += Work(each.flops, each.flops * backward)
    return total


class _Flow(Statements):
    """Goes through one definition's statements and writes its steps down."""

    def __init__(
        self,
        walk: _Walk,
        block: ir.Block | None,
        trainable: bool,
        tied: Tied,
        lengths: Lengths = MappingProxyType({}),
    ) -> None:
        self.walk = walk
        self.lengths = lengths
        self.block = block
        self.trainable = trainable
        self.tied = tied
        self.number = count(1)
        self.graph = Graph()

    def run(self, forward: ir.Forward, inputs: tuple[Wires, ...]) -> Graph:
        names = [declared.name for declared in forward.inputs]
        self.locals = dict(zip(names, self.taken(inputs), strict=True))
        self.statements(forward.statements)
        self.graph.result = self.result
        return self.graph

    def taken(self, inputs: tuple[Wires, ...]) -> tuple[Wires, ...]:
        """The inputs under numbers of this definition."""
        own: tuple[Wires, ...] = _numbered(inputs, self.number)
        self.graph.inputs = tuple(flat(own))
        return own

    def made(self, value: Any, wanting: bool) -> Wires:
        """New tensors of a type; integers never want a gradient."""
        if isinstance(value, tuple):
            return tuple(self.made(item, wanting) for item in value)
        floats = isinstance(value, Tensor) and value.dtype in ("float", "float32")
        return next(self.number) if wanting and floats else 0

    def loop(self, loop: ir.For) -> None:
        """Equal rounds are gone through until they want the same gradients, and then stand for all that follow."""
        rows = loop_items(loop.iterable, self.expr)
        for times, elements, body in loop.rounds:
            left = times
            row, *_ = (next(rows) for _ in range(times))
            while left:
                first = next(self.number)
                before = dict(self.locals)
                found = {name: _numbered(wires, self.number) for name, wires in before.items()}
                self.locals = dict(found)
                for target, element, item in zip(loop.targets, elements, row, strict=True):
                    self.locals[target] = _none(element.value) if item is None else item
                outer, self.graph.steps = self.graph.steps, []
                self.statements(body)
                steps, self.graph.steps = tuple(self.graph.steps), outer
                same = all(wants(self.locals.get(n)) == wants(v) for n, v in found.items())
                done = left if same else 1
                after = _pairs(found, self.locals) if done > 1 else ()
                outer.append(Rounds(done, steps, first, _pairs(found, before), after))
                left -= done

    # Expressions

    def expr(self, expr: ir.Expr) -> Wires:
        match expr:
            case ir.Name(value, id, kind):
                return self.name(value, id, kind)
            case ir.Group(_, _, items):
                return tuple(map(self.expr, items))
            case ir.Operation(value, _, operands) if isinstance(value, tuple):
                return tuple(wire for part in operands for wire in self.expr(part))
            case ir.Pick():
                return self.pick(expr)
            case ir.Subscript(_, base, items):
                for item in items:
                    if isinstance(item, ir.Expr):
                        self.expr(item)
                return self.expr(base)
            case ir.Apply():
                return self.apply(expr)
            case ir.Call():
                return self.call(expr)
            case ir.RoutineCall():
                return self.routine(expr)
        return _none(expr.value)

    def name(self, value: Any, id: str, kind: str) -> Wires:
        if id in self.locals:
            return self.locals[id]
        if kind == "weight" and isinstance(value, Tensor) and self.block is not None:
            weight = next(w for w in self.block.own if w.name == id)
            trains = weight.kind == "parameter" and weight.trainable and self.trainable
            return self.made(value, self.tied.get(id, trains))
        return _none(value)

    def pick(self, expr: ir.Pick) -> Wires:
        if isinstance(expr.base.value, ir.Link):
            return 0
        items = self.expr(expr.base)
        if expr.index is None:
            assert isinstance(expr.base, ir.Name)
            self.locals[expr.base.id] = items[:-1]
            return items[-1]
        return items[int(expr.index.value)]

    def apply(self, expr: ir.Apply) -> Wires:
        wires: dict[str, Wires] = {}
        types: dict[str, Any] = {}
        many: tuple[Any, ...] = ()
        for name, arg in expr.args.items():
            if isinstance(arg, tuple):
                many = tuple(part.value for part in arg)
                wires |= {str(at): self.expr(part) for at, part in enumerate(arg)}
            elif isinstance(arg, Mapping):
                types |= {key: part.value for key, part in arg.items()}
            else:
                wires[name], types[name] = self.expr(arg), arg.value
        if not has_work(expr.op):
            self.walk.unknown.add(expr.op)
        reads = _wanting(tuple(wires.values()))
        out = self.made(expr.value, bool(reads) and not FUNCTIONS[expr.op].constant)
        if self.lengths:
            types = {name: self.seen(value) for name, value in types.items()}
            many = tuple(map(self.seen, many))
        work = _sum(self.walk.rule(expr.op, types, many), wires)
        self.graph.steps.append(Op(work, reads, _wanting(out)))
        return out

    def seen(self, value: Any) -> Any:
        """A type as this caller has it: an axis of 1 broadcasts, and a product over it is none."""
        return substituted(value, self.lengths) if isinstance(value, Tensor) else value

    def call(self, expr: ir.Call) -> Wires:
        link: ir.Link = expr.target.value
        given = tuple(self.expr(arg) for _, arg in expr.args)
        types = tuple(self.seen(arg.value) for _, arg in expr.args)
        assert self.block is not None
        path = folded(self.block, link.path)
        trainable = self.trainable and trained(self.block, link.path)
        lengths = self.walk.lengths(link.member.module, expr.bindings, self.lengths)
        tied = _within(self.tied, path)
        inner = self.walk.member(link.member, types, given, trainable, tied, lengths)
        return self.called(link.member.module, path, inner, given, expr.bindings, expr.value)

    def routine(self, expr: ir.RoutineCall) -> Wires:
        args = dict(expr.args)
        given = tuple(self.expr(args[declared.name]) for declared in expr.routine.forward.inputs)
        lengths = self.walk.lengths(expr.routine, expr.bindings, self.lengths)
        inner = self.walk.routine(expr.routine, given, lengths)
        return self.called(None, "", inner, given, expr.bindings, expr.value)

    def called(
        self,
        module: ir.Module | None,
        path: str,
        inner: Graph,
        given: tuple[Wires, ...],
        names: Mapping[str, Size],
        type: Any,
    ) -> Wires:
        """A call as a step; what a block does beside its statements is its caller's."""
        if isinstance(module, ir.Block):
            beside = self.walk.rule(module, {"result": type}, ())
            self.graph.steps.append(Op(_sum(beside, {}), (), ()))
        out = _numbered(inner.result, self.number)
        own = names if module is None or isinstance(module, ir.Block) else None
        self.graph.steps.append(Call(path, inner, tuple(flat(given)), tuple(flat(out)), own, type))
        return out


def _none(value: Any) -> Wires:
    """A value of which no tensor wants a gradient."""
    return tuple(map(_none, value)) if isinstance(value, tuple) else 0


def _pairs(own: Mapping[str, Wires], others: Mapping[str, Wires]) -> tuple[tuple[int, int], ...]:
    """The wires of each name in two states that want the same gradients."""
    both = ((wires, others[name]) for name, wires in own.items())
    pairs = (zip(flat(a), flat(b), strict=True) for a, b in both)
    return tuple((a, b) for each in pairs for a, b in each if a)
