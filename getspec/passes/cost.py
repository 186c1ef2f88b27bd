"""Work: matrix products of a forward and a backward pass, per module, as polynomials in the run-time sizes.

The checked dataflow is run once more over one fact per tensor: whether a gradient has to reach it. Each op knows its products;
a product costs its FLOPs going forward, and the same again going backward for every operand that wants a gradient. As with
types, a definition is walked once per set of such facts and not once per caller or per layer.

FLOPs are two per multiply-add and count matrix products only (linear, convolution, attention, einsum), the convention of
torch.utils.flop_counter. Causal attention is counted in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from getspec import ir
from getspec.ops.base import PRODUCTS, Layer, Product, Tensor
from getspec.passes.statements import Statements, loop_items
from getspec.signature import inputs_of, outcome
from getspec.sizes import Size
from getspec.unify import substituted

__all__ = [
    "Cost",
    "Work",
    "cost",
    "folded",
    "joined",
    "multiplied",
    "trained",
    "twins",
]

ZERO = Size.of(0)
Grads = Any
"""True where a gradient has to reach a tensor; a tuple of such facts for a list of tensors."""
Tied = Mapping[str, bool]
"""Tied tensors below a module, by path: whether the one that each is tied to is trained."""
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


@dataclass(frozen=True, slots=True)
class Work:
    """FLOPs going forward and backward."""

    forward: Size = ZERO
    backward: Size = ZERO

    def __add__(self, other: Work) -> Work:
        return Work(self.forward + other.forward, self.backward + other.backward)

    def __mul__(self, times: int) -> Work:
        return Work(self.forward * times, self.backward * times)

    def within(self, names: Mapping[str, Size]) -> Work:
        return Work(self.forward.substitute(names), self.backward.substitute(names))


@dataclass(frozen=True)
class Cost:
    """What one forward and one backward pass of a model do. `work` is by path, each without what is below it."""

    model: str
    spec: str
    total: Work
    work: Mapping[str, Work]
    shapes: Mapping[str, Any]
    """The type that each module returned when it was last called."""

    def below(self, path: str) -> Work:
        """The work of a module and everything in it; "" is the model."""
        parts = [
            w for p, w in self.work.items() if not path or p == path or p.startswith(f"{path}.")
        ]
        return sum(parts, Work())


def cost(model: ir.Model, rule: Rule = multiplied) -> Cost:
    """The work of a compiled model whose dataflow is known; each input tensor comes without a gradient."""
    assert model.root.forward is not None, "a spec without `forward` does no work"
    inputs = tuple(_like(declared.type, False) for declared in model.root.forward.inputs)
    trace = _Walk(rule).block(model.root, inputs, True, dict(twins(model.root, "", True)))
    work: dict[str, Work] = {}
    shapes: dict[str, Any] = {}
    _spread(trace, "", {}, 1, work, shapes)
    return Cost(model.name, model.file, sum(work.values(), Work()), work, shapes)


@dataclass
class _Trace:
    """What one module does: products of its own, and calls of others."""

    own: Work = field(default_factory=Work)
    calls: list[tuple[str, int, _Trace, Mapping[str, Size] | None, Any]] = field(
        default_factory=list
    )
    grads: Grads = False


def _spread(
    trace: _Trace,
    path: str,
    names: Mapping[str, Size],
    times: int,
    work: dict[str, Work],
    shapes: dict[str, Any],
) -> None:
    """Traces as work by path, in the sizes of the outermost caller."""
    work[path] = work.get(path, Work()) + trace.own.within(names) * times
    for name, count, inner, bindings, type in trace.calls:
        place = joined(path, name)
        # A layer or a sequential has no names of its own: it speaks its caller's.
        outer = names if bindings is None else {k: v.substitute(names) for k, v in bindings.items()}
        if name:
            shapes[place] = substituted(type, names)
        _spread(inner, place, outer, times * count, work, shapes)


class _Walk:
    """Runs definitions over gradient facts, each once per set of them."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.known: dict[Any, _Trace] = {}

    def block(
        self, block: ir.Block, inputs: tuple[Grads, ...], trainable: bool, tied: Tied
    ) -> _Trace:
        key = (id(block), inputs, trainable, frozenset(tied.items()))
        if key not in self.known:
            assert block.forward is not None
            self.known[key] = _Flow(self, block, block.forward, inputs, trainable, tied).run()
        return self.known[key]

    def routine(self, routine: ir.Routine, inputs: tuple[Grads, ...]) -> _Trace:
        key = (id(routine), inputs)
        if key not in self.known:
            self.known[key] = _Flow(self, None, routine.forward, inputs, True, {}).run()
        return self.known[key]

    def member(
        self,
        member: ir.Member,
        types: tuple[Any, ...],
        grads: tuple[Grads, ...],
        trainable: bool,
        tied: Tied,
    ) -> _Trace:
        """One call of a component."""
        trainable = trainable and member.trainable
        match member.module:
            case ir.Leaf() as leaf:
                return _leaf(self.rule, leaf, types, grads, trainable, tied)
            case ir.Block() as block:
                return self.block(block, grads, trainable, tied)
            case ir.Sequence() as sequence:
                return self.sequence(sequence, types, grads, trainable, tied)
        raise AssertionError(member)

    def beside(self, module: ir.Module, result: Any) -> Work:
        """What a block does beside its statements."""
        if not isinstance(module, ir.Block):
            return Work()
        return _sum(self.rule(module, {"result": result}, ()), {})

    def sequence(
        self,
        sequence: ir.Sequence,
        types: tuple[Any, ...],
        grads: tuple[Grads, ...],
        trainable: bool,
        tied: Tied,
    ) -> _Trace:
        trace = _Trace()
        for part in sequence.members:
            inner = self.member(part, types, grads, trainable, _within(tied, part.name))
            given = dict(zip(inputs_of(part.module), types, strict=True))
            result, bindings = outcome(part, given, f"`{part.name}`")
            own = bindings if isinstance(part.module, ir.Block) else None
            trace.own += self.beside(part.module, result)
            trace.calls.append((part.name, 1, inner, own, result))
            types, grads = (result,), (inner.grads,)
        trace.grads = grads[0]
        return trace


def _leaf(
    rule: Rule,
    leaf: ir.Leaf,
    types: tuple[Any, ...],
    grads: tuple[Grads, ...],
    trainable: bool,
    tied: Tied,
) -> _Trace:
    wants = dict(zip(leaf.op.inputs, grads, strict=False))
    parameters = [w for w in leaf.weights if w.kind == "parameter"]
    trains = {w.name: tied.get(w.name, trainable and w.trainable) for w in parameters}
    wants |= trains
    out = any(map(_any, grads)) or any(trains.values())
    found = rule(leaf.op, dict(zip(leaf.op.inputs, types, strict=True)), ())
    return _Trace(own=_sum(found, wants), grads=out)


def _within(tied: Tied, name: str) -> Tied:
    """Tied tensors as a component sees them."""
    if not tied:
        return tied
    return {p.removeprefix(f"{name}."): t for p, t in tied.items() if p.startswith(f"{name}.")}


def _sum(found: tuple[Product, ...], wants: Mapping[str, Grads]) -> Work:
    total = Work()
    for each in found:
        backward = sum(any(_any(wants.get(n, False)) for n in names) for names in each.operands)
        total += Work(each.flops, each.flops * backward)
    return total


class _Flow(Statements):
    """Walks one definition's statements."""

    def __init__(
        self,
        walk: _Walk,
        block: ir.Block | None,
        forward: ir.Forward,
        inputs: tuple[Grads, ...],
        trainable: bool,
        tied: Tied,
    ) -> None:
        self.walk = walk
        self.block = block
        self.trainable = trainable
        self.tied = tied
        self.forward = forward
        self.trace = _Trace()
        self.times = 1
        self.locals = {
            declared.name: grad for declared, grad in zip(forward.inputs, inputs, strict=True)
        }

    def run(self) -> _Trace:
        self.statements(self.forward.statements)
        self.trace.grads = self.result
        return self.trace

    def loop(self, loop: ir.For) -> None:
        """Equal rounds are walked until the facts stay the same, and then counted together."""
        outer = self.times
        rows = loop_items(loop.iterable, self.expr)
        for count, elements, body in loop.rounds:
            left = count
            row, *_ = (next(rows) for _ in range(count))
            while left:
                before = dict(self.locals)
                for target, element, item in zip(loop.targets, elements, row, strict=True):
                    self.locals[target] = _like(element.value, False) if item is None else item
                mark, own = len(self.trace.calls), self.trace.own
                self.statements(body)
                stable = all(self.locals.get(n) == v for n, v in before.items())
                times = left if stable else 1
                self.repeat(mark, own, times)
                left -= times
        self.times = outer

    def repeat(self, mark: int, own: Work, times: int) -> None:
        """Count what was walked since `mark` several times."""
        if times == 1:
            return
        added = Work(self.trace.own.forward - own.forward, self.trace.own.backward - own.backward)
        self.trace.own = own + added * times
        # A call of a list's item stands for all items that are equal; it is not one item called often.
        for at in range(mark, len(self.trace.calls)):
            name, count, inner, bindings, type = self.trace.calls[at]
            self.trace.calls[at] = (name, count * times, inner, bindings, type)

    # Expressions

    def expr(self, expr: ir.Expr) -> Grads:
        match expr:
            case ir.Name(value, id, kind):
                return self.name(value, id, kind)
            case ir.Group(_, _, items):
                return tuple(map(self.expr, items))
            case ir.Operation(value, _, operands) if isinstance(value, tuple):
                return tuple(grad for part in operands for grad in self.expr(part))
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
        return _like(expr.value, False)

    def name(self, value: Any, id: str, kind: str) -> Grads:
        if id in self.locals:
            return self.locals[id]
        if kind == "weight" and isinstance(value, Tensor) and self.block is not None:
            weight = next(w for w in self.block.own if w.name == id)
            trains = weight.kind == "parameter" and weight.trainable and self.trainable
            return self.tied.get(id, trains)
        return _like(value, False)

    def pick(self, expr: ir.Pick) -> Grads:
        if isinstance(expr.base.value, ir.Link):
            return False
        items = self.expr(expr.base)
        if expr.index is None:
            assert isinstance(expr.base, ir.Name)
            self.locals[expr.base.id] = items[:-1]
            return items[-1]
        return items[int(expr.index.value)]

    def apply(self, expr: ir.Apply) -> Grads:
        grads: dict[str, Grads] = {}
        types: dict[str, Any] = {}
        many: tuple[Any, ...] = ()
        for name, arg in expr.args.items():
            if isinstance(arg, tuple):
                many = tuple(part.value for part in arg)
                grads |= {str(at): self.expr(part) for at, part in enumerate(arg)}
            elif isinstance(arg, Mapping):
                types |= {key: part.value for key, part in arg.items()}
            else:
                grads[name], types[name] = self.expr(arg), arg.value
        self.trace.own += _sum(self.walk.rule(expr.op, types, many), grads)
        return _like(expr.value, any(map(_any, grads.values())))

    def call(self, expr: ir.Call) -> Grads:
        link: ir.Link = expr.target.value
        grads = tuple(self.expr(arg) for _, arg in expr.args)
        types = tuple(arg.value for _, arg in expr.args)
        assert self.block is not None
        trainable = self.trainable and trained(self.block, link.path)
        tied = _within(self.tied, folded(self.block, link.path))
        inner = self.walk.member(link.member, types, grads, trainable, tied)
        own = expr.bindings if isinstance(link.member.module, ir.Block) else None
        self.trace.own += self.walk.beside(link.member.module, expr.value)
        self.trace.calls.append((self.place(link.path), 1, inner, own, expr.value))
        return inner.grads

    def place(self, path: str) -> str:
        assert self.block is not None
        return folded(self.block, path)

    def routine(self, expr: ir.RoutineCall) -> Grads:
        given = dict(expr.args)
        names = [declared.name for declared in expr.routine.forward.inputs]
        inner = self.walk.routine(expr.routine, tuple(self.expr(given[name]) for name in names))
        self.trace.calls.append(("", 1, inner, expr.bindings, expr.value))
        return inner.grads


def along(module: ir.Module, path: str) -> Iterator[tuple[str, ir.Member]]:
    """The members on the way to a component, under the names that counts have for them."""
    for part in path.split(".") if path else ():
        name, member = _step(module, part)
        yield name, member
        module = member.module


def joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def twins(module: ir.Module, path: str, trainable: bool) -> Iterator[tuple[str, bool]]:
    """Every tied tensor, by its folded path, and whether the one it is tied to is trained."""
    for tie in module.ties if isinstance(module, ir.Block) else ():
        owner, _, name = tie.name.rpartition(".")
        place = joined(path, folded(module, owner))
        twin, _, weight = tie.of.rpartition(".")
        held = [module, *(member.module for _, member in along(module, twin))][-1]
        trains = next(w.trainable for w in held.weights if w.name == weight)
        yield joined(place, name), trainable and trains and trained(module, twin)
    for name, _, member in module.children():
        yield from twins(member.module, joined(path, name), trainable and member.trainable)


def folded(module: ir.Module, path: str) -> str:
    """The path of a component with repeats folded, as counts have it."""
    return ".".join(name for name, _ in along(module, path))


def trained(module: ir.Module, path: str) -> bool:
    """Whether nothing on the way to a component is frozen, lists included."""
    return all(member.trainable for _, member in along(module, path))


def _step(module: ir.Module, part: str) -> tuple[str, ir.Member]:
    first = part.partition("-")[0]
    if isinstance(module, ir.Stack) and first.isdigit():
        for run, (name, _, member) in zip(module.runs, module.children(), strict=True):
            if run.start <= int(first) < run.start + run.count:
                return name, member
    for name, _, member in module.children():
        if name == part:
            return name, member
    raise AssertionError(f"{part} is no part of {module.type}")


def _like(value: Any, grad: bool) -> Grads:
    """The same fact for every float tensor of a value; integers never have a gradient."""
    if isinstance(value, tuple):
        return tuple(_like(item, grad) for item in value)
    return grad and isinstance(value, Tensor) and value.dtype in ("float", "float32")


def _any(grads: Grads) -> bool:
    return any(map(_any, grads)) if isinstance(grads, tuple) else bool(grads)


def _flat(grads: Grads) -> Iterator[bool]:
    if isinstance(grads, tuple):
        for grad in grads:
            yield from _flat(grad)
    else:
        yield bool(grads)
