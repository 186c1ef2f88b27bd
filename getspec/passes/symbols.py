"""Modules under formulas: what a component's settings are in the names of the config, and how often it stands in a repeat.

A repeat of equal components counts `n` times. One that cycles through a pattern, or that tells positions apart by a flag
such as `i > 0`, counts each kind by a floor division of n. Where neither fits, n is fixed: its value stands in the formula,
and the formula says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any

from getspec import ir
from getspec.algebra import VARYING, Algebra, Condition, Fixed, Real, symbolic, value_of
from getspec.ops.base import Layer, Tensor, Weight
from getspec.sizes import Poly, Size, constant, noting
from getspec.syntax import COMPARISON
from getspec.walk import within

__all__ = ["Kind", "Symbols", "key_of", "names_in", "open_sizes", "same", "sizes_of", "uses"]

Names = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """Positions of a repeat that are alike: the first of them, and how many there are."""

    position: int
    count: Poly
    member: ir.Member
    names: Names
    """The caller's names at the first position."""


class Symbols:
    """A model whose settings are their own names, but for those in `fixed`."""

    def __init__(self, model: ir.Model, fixed: frozenset[str]) -> None:
        self.model = model
        self.fixed = fixed
        self.algebra = Algebra()
        self.kinds_of: dict[Any, list[Kind]] = {}

    def root(self) -> Names:
        """The names of the model itself."""
        names = {n: symbolic(n, e.value, self.fixed) for n, e in self.model.root.settings.items()}
        return self.with_lets(self.model.root.lets, names)

    def with_lets(self, lets: Mapping[str, ir.Expr], names: dict[str, Any]) -> Names:
        for name, expr in lets.items():
            names[name] = self.algebra.value(expr, names)
        return names

    def inner(self, made: ir.Block | ir.Routine, args: Mapping[str, Any]) -> Names:
        """The names inside a definition that is given these arguments."""
        names = {
            name: args[name] if name in args else value_of(expr.value)
            for name, expr in made.settings.items()
        }
        return self.with_lets(made.lets, names)

    def args(self, member: ir.Member, names: Names) -> dict[str, Any]:
        """The arguments of a component, as its caller's formulas."""
        return {name: self.arg(expr, names) for name, expr in member.args.items()}

    def arg(self, expr: ir.Expr, names: Names) -> Any:
        varies = isinstance(expr.value, ir.Varying)
        return VARYING if varies else self.algebra.value(expr, names)

    def layer(self, leaf: ir.Leaf, member: ir.Member, names: Names) -> Layer:
        """The op with formulas for its fields."""
        values: dict[str, Any] = {}
        facts = {field.name: field.metadata for field in leaf.op.declared_fields()}
        for name, value in self.args(member, names).items():
            if isinstance(value, Real):
                values[name] = getattr(leaf.op, name)
                self.within(value, facts[name])
                continue
            if isinstance(value, Size) and facts[name].get("minimum") is not None:
                self.at_least(value, int(facts[name]["minimum"]))
            values[name] = value
        made = type(leaf.op)(**values)
        with noting(self.algebra.note):
            made.check()
        return made

    def within(self, value: Real, limits: Mapping[str, Any]) -> None:
        """A float stays where its field allows it to be."""
        if isinstance(value.form, Poly) and value.form.symbols():
            for key, relation, holds in (("minimum", "<", False), ("below", "<", True)):
                limit = limits.get(key)
                if limit is not None and abs(limit) != float("inf"):
                    said = Condition(relation, value.form, float(limit), holds)
                    self.algebra.limits[said] = None

    def at_least(self, value: Size, minimum: int) -> None:
        self.algebra.note("<", value, Size.of(minimum), False)

    def shape(self, weight: ir.Weight, names: Names) -> tuple[Size, ...]:
        """The shape of a definition's own parameter or buffer."""
        if weight.spelled is not None:
            found = tuple(self.algebra.value(expr, names) for expr in weight.spelled)
            for length in found:
                self.at_least(length, 1)
            return found
        sizes = dict(sizes_of(names))
        return tuple(length.substitute(sizes) for length in weight.shape)

    def declared(self, declared: ir.Input, names: Names) -> tuple[Tensor, ...]:
        """The tensors that an input stands for; `names` have the run-time sizes, too."""
        found = []
        for limit in declared.limits:
            if names_in(limit) <= names.keys():  # else only the data decides it
                self.algebra.value(limit, names)
        for at, tensor in enumerate(declared.tensors):
            here = names if declared.index is None else {**names, declared.index: Size.of(at)}
            lengths = [self.algebra.value(axis, here) for axis in declared.axes]
            for length in lengths:
                self.at_least(length, 1)
            found.append(tensor.with_shape(lengths))
        return tuple(found)

    def weights(
        self, module: ir.Module, member: ir.Member | None, names: Names
    ) -> Iterator[Weight]:
        """The parameters of a module itself; `names` are the caller's for a leaf, its own for a block."""
        if isinstance(module, ir.Leaf):
            assert member is not None
            yield from self.layer(module, member, names).parameters()
        elif isinstance(module, ir.Block):
            for weight in module.own:
                if weight.kind == "parameter":
                    yield Weight(weight.name, self.shape(weight, names), weight.dtype)

    # Repeats

    def count(self, stack: ir.Stack, names: Names) -> Size:
        found = self.algebra.value(stack.count, names)
        assert isinstance(found, Size)
        if found.spelled.symbols():
            self.algebra.limits[Condition("<", found.spelled, constant(0), False)] = None
        return found

    def kinds(self, stack: ir.Stack, names: Names) -> list[Kind]:
        """The positions of a repeat by kind."""
        key = (id(stack), key_of(tuple(names.values())))
        if key not in self.kinds_of:
            self.kinds_of[key] = self.new_kinds(stack, names)
        return self.kinds_of[key]

    def new_kinds(self, stack: ir.Stack, names: Names) -> list[Kind]:
        n = self.count(stack, names)
        if not stack.runs:
            self.algebra.literal(n)
            return []
        for pair in stack.alike:
            self.settled(*pair, names)
        index = stack.index
        if index is not None and any(_follows(run.member, index) for run in stack.runs):
            return self.by_position(stack, index, n, names)
        inner = names if index is None else {**names, index: VARYING}
        if stack.pattern > len(stack):  # what comes next is not known
            self.algebra.literal(n)
        if len(stack.runs) == 1:
            return [Kind(0, n.spelled, stack.runs[0].member, inner)]
        if stack.pattern > len(stack) or stack.pattern == 1:
            self.algebra.literal(n)
            return [Kind(r.start, constant(r.count), r.member, inner) for r in stack.runs]
        return [
            Kind(at, _every(n, at, stack.pattern), stack.at(at), inner)
            for at in range(stack.pattern)
        ]

    def settled(self, left: ir.Member, right: ir.Member, names: Names) -> None:
        """Neighbours that are equal now are one run, though other values may tell them apart."""
        exprs, others = list(_arguments(left)), list(_arguments(right))
        if list(map(_written, exprs)) == list(map(_written, others)):
            return
        ids = set().union(*map(names_in, (*exprs, *others)))
        forms = [form for id in ids & names.keys() for form in forms_of(names[id])]
        if found := frozenset().union(*(form.symbols() for form in forms)):
            raise Fixed(found)

    def by_position(self, stack: ir.Stack, index: str, n: Size, names: Names) -> list[Kind]:
        first, period = _rhythm(stack, index)
        settles = n.spelled.symbols() and period and len(stack) >= first + period
        if not settles or not _repeats(stack, first, period):
            self.algebra.literal(n)
            first, period = len(stack), 1
        else:
            least = Condition("<", n.spelled, constant(first), False)
            self.algebra.conditions[least] = None
        kinds = []
        for at in range(min(first + period, len(stack))):
            count = constant(1) if at < first else _every(n, at, period)
            kinds.append(Kind(at, count, stack.at(at), {**names, index: Size.of(at)}))
        return kinds


def _every(n: Size, first: int, step: int) -> Poly:
    """How many positions below n there are from `first` in steps."""
    return (n.spelled - constant(first - step + 1)).divide_floor(constant(step))


def _follows(member: ir.Member, index: str) -> bool:
    """Whether the position decides more than a float of a component."""
    if any(_uses(expr, index) for expr in member.args.values()):
        return True
    module = member.module
    return isinstance(module, ir.Sequence) and any(_follows(m, index) for m in module.members)


def _uses(expr: ir.Expr, index: str) -> bool:
    return not isinstance(expr.value, ir.Varying) and uses(expr, index)


def uses(expr: ir.Expr, index: str) -> bool:
    """Whether a name stands in an expression."""
    return index in names_in(expr)


def names_in(expr: ir.Expr) -> set[str]:
    """The names that stand in an expression."""
    return {part.id for part in within(expr) if isinstance(part, ir.Name)}


def _rhythm(stack: ir.Stack, index: str) -> tuple[int, int]:
    """From which position on items and flags repeat, and how often; (0, 0) where more than flags follow the position."""
    first, period = 0, stack.pattern
    for run in stack.runs:
        for expr in _arguments(run.member):
            if _uses(expr, index):
                found = _flag(expr, index)
                if found is None:
                    return 0, 0
                first, period = max(first, found[0]), lcm(period, found[1])
    return first, period


def _flag(expr: ir.Expr, index: str) -> tuple[int, int] | None:
    """The same of one flag: a comparison of the position, or of its remainder, with a number."""
    if not isinstance(expr, ir.Operation):
        return None
    if expr.op in ("and", "or", "not"):
        parts = [_flag(part, index) for part in expr.operands]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return max(p[0] for p in known), lcm(*(p[1] for p in known))
    if expr.op not in COMPARISON:
        return None
    left, right = expr.operands
    if not isinstance(right, ir.Const) or not isinstance(right.value, Size):
        return None
    if _is_index(left, index):
        return abs(int(right.value)) + 1, 1
    if isinstance(left, ir.Operation) and left.op == "%":
        of, step = left.operands
        if _is_index(of, index) and isinstance(step, ir.Const):
            return 0, int(step.value)
    return None


def _is_index(expr: ir.Expr, index: str) -> bool:
    return isinstance(expr, ir.Name) and expr.id == index


def _arguments(member: ir.Member) -> Iterator[ir.Expr]:
    yield from member.args.values()
    if isinstance(member.module, ir.Sequence):
        for part in member.module.members:
            yield from _arguments(part)


def _repeats(stack: ir.Stack, first: int, period: int) -> bool:
    """Whether the positions there are do repeat."""
    return all(
        same(stack.at(at).module, stack.at(at - period).module)
        for at in range(first + period, len(stack))
    )


def same(left: ir.Module, right: ir.Module) -> bool:
    """Whether two positions of a repeat hold equal modules."""
    if isinstance(left, ir.Leaf) and isinstance(right, ir.Leaf):
        return left.op == right.op
    if isinstance(left, ir.Sequence) and isinstance(right, ir.Sequence):
        pairs = list(zip(left.members, right.members, strict=False))
        alike = len(left.members) == len(right.members)
        return alike and all(same(a.module, b.module) for a, b in pairs)
    return left is right


def open_sizes(forward: ir.Forward) -> list[str]:
    """The run-time sizes that the inputs of a definition name."""
    parts = (p for declared in forward.inputs for axis in declared.axes for p in within(axis))
    return sorted({p.id for p in parts if isinstance(p, ir.Name) and p.kind == "size"})


def _written(expr: ir.Expr) -> list[Any]:
    """What an expression says, whatever it comes to."""
    return [
        (part.id,)
        if isinstance(part, ir.Name)
        else (part.op, len(part.operands))
        if isinstance(part, ir.Operation)
        else key_of(part.value)
        if isinstance(part, ir.Const)
        else type(part)
        for part in within(expr)
    ]


def forms_of(value: Any) -> Iterator[Poly]:
    """The formulas in a value of the config."""
    if isinstance(value, tuple):
        for item in value:
            yield from forms_of(item)
    elif isinstance(value, Size):
        yield value.spelled
    elif isinstance(value, Real) and isinstance(value.form, Poly):
        yield value.form


def sizes_of(names: Names) -> Iterator[tuple[str, Size]]:
    """Every name of a size, items of lists by their places."""
    for name, value in names.items():
        if isinstance(value, Size):
            yield name, value
        elif isinstance(value, tuple):
            yield from sizes_of({f"{name}[{at}]": item for at, item in enumerate(value)})


def key_of(value: Any) -> Any:
    """What tells formulas apart; two sizes with one value may differ in their names."""
    if isinstance(value, tuple):
        return tuple(map(key_of, value))
    if isinstance(value, Size):
        return value.value, value.spelled
    if hasattr(value, "shape"):
        return value.dtype, key_of(value.shape)
    return id(value) if isinstance(value, ir.Link) else value
