"""Dataflow run over formulas: what a forward pass does, in the names of the config and the run-time sizes.

The checked statements are followed once more on tensors whose sizes carry their closed forms, and each op's own rules say
what comes out and what it multiplies. A definition is followed once per set of formulas it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec import ir
from getspec.ops.base import PRODUCTS, REMEMBERS, Layer, has_work
from getspec.passes.follow import Called, Flow, Measure, Trace
from getspec.passes.symbols import Names, Symbols, key_of, open_sizes
from getspec.record import replaced
from getspec.signature import inputs_of
from getspec.sizes import Inexact, Poly, Size, constant, noting

__all__ = ["Called", "Measure", "Trace", "Walk", "cache", "inputs", "keys", "products", "trace"]

ZERO = constant(0)


def products(op: Any, args: Mapping[str, Any], many: tuple[Any, ...]) -> Poly:
    """Forward FLOPs: two per multiply-add of matrix products."""
    if not has_work(op):
        raise Inexact(f"it is not known what `{getattr(op, 'type', op)}` multiplies")
    if isinstance(op, Layer):
        found = op.products(*args.values())
    else:
        rule = PRODUCTS.get(op)
        if rule is None:
            return ZERO
        found = rule(*args.values(), *many) if many else rule(**args)
    return sum((each.flops.spelled for each in found), ZERO)


def keys(op: Any, args: Mapping[str, Any], many: tuple[Any, ...]) -> Poly:
    """Elements of keys and values that causal attention keeps for each token."""
    return _remembered(op, args)[0]


def cache(op: Any, args: Mapping[str, Any], many: tuple[Any, ...]) -> Poly:
    """The same of all tokens that are kept."""
    token, tokens = _remembered(op, args)
    return token * tokens


def _remembered(op: Any, args: Mapping[str, Any]) -> tuple[Poly, Poly]:
    rule = None if isinstance(op, Layer) else REMEMBERS.get(op)
    if rule is None:
        return ZERO, ZERO
    token, tokens = rule(**args)
    return token.spelled, tokens.spelled


def trace(symbols: Symbols, measure: Measure, *, whole: bool = False) -> Trace:
    """One forward pass of the model; a `whole` one goes through values that nothing reads, too."""
    root = symbols.model.root
    assert root.forward is not None
    names = symbols.root()
    given = inputs(symbols, root.forward, names)
    return Walk(symbols, measure, whole=whole).definition(root, root.forward, names, given)


def inputs(symbols: Symbols, forward: ir.Forward, names: Names) -> dict[str, Any]:
    """The inputs of the model, by their names."""
    here = {**names, **{name: Size.runtime(name) for name in open_sizes(forward)}}
    given = {}
    for declared in forward.inputs:
        types = symbols.declared(declared, here)
        given[declared.name] = types if isinstance(declared.type, tuple) else types[0]
    return given


class Walk:
    """Follows definitions, each once per set of formulas."""

    def __init__(self, symbols: Symbols, measure: Measure, *, whole: bool = False) -> None:
        self.symbols = symbols
        self.measure = measure
        self.whole = whole
        self.known: dict[Any, Trace] = {}

    def definition(
        self,
        made: ir.Block | ir.Routine,
        forward: ir.Forward,
        names: Names,
        given: Mapping[str, Any],
    ) -> Trace:
        key = (id(made), key_of(tuple(names.values())), key_of(tuple(given.values())))
        if key not in self.known:
            bound = self.bound(forward, names, given)
            if self.whole:
                forward = replaced(forward, statements=forward.written)
            self.known[key] = Flow(self, made, {**bound, **names}, given).run(forward)
        return self.known[key]

    def bound(self, forward: ir.Forward, names: Names, given: Mapping[str, Any]) -> dict[str, Size]:
        """The run-time names of a definition, as its caller's formulas."""
        own = {name: f"{name} of its own" for name in open_sizes(forward)}
        here = {**names, **{name: Size.runtime(each) for name, each in own.items()}}
        pairs = []
        for declared in forward.inputs:
            actual = given[declared.name]
            types = actual if isinstance(actual, tuple) else (actual,)
            wanted = self.symbols.declared(declared, here)
            for want, have in zip(wanted, types, strict=True):
                pairs += list(zip(want.shape, have.shape, strict=True))
        found: dict[str, Size] = {}
        while pairs:
            later = [pair for pair in pairs if not self.fit(*pair, set(own.values()), found)]
            assert len(later) < len(pairs), "a call that was checked fits its inputs"
            pairs = later
        return {name: found[each] for name, each in own.items()}

    def fit(self, want: Size, have: Size, own: set[str], found: dict[str, Size]) -> bool:
        """Whether one axis could be fitted: at most one name of its own in it was unknown."""
        unknown = (want.value.symbols() & own) - found.keys()
        if len(unknown) > 1:
            return False
        with noting(self.symbols.algebra.note):
            for name in unknown:
                sides = zip(_linear(want.value, name), _linear(want.spelled, name), strict=True)
                by, rest = (Size(a, b).substitute(found) for a, b in sides)
                found[name] = (have - rest).exactly(by)
            if not unknown:
                assert want.substitute(found) == have, "a call that was checked fits its inputs"
        return True

    def called(self, member: ir.Member, names: Names, types: tuple[Any, ...]) -> Trace:
        """One call of a component; `names` are its caller's."""
        module = member.module
        if isinstance(module, ir.Leaf):
            op = self.symbols.layer(module, member, names)
            with noting(self.symbols.algebra.note):
                out = op.infer(*types)
                given = dict(zip(op.inputs, types, strict=True))
                return Trace(self.measure(op, given, ()), [], out)
        if isinstance(module, ir.Sequence):
            made = Trace()
            for part in module.members:
                inner = self.called(part, names, types)
                made.calls.append(Called((part.name,), inner, part.module))
                types, made.result = (inner.result,), inner.result
            return made
        assert isinstance(module, ir.Block)
        assert module.forward is not None
        own = self.symbols.inner(module, self.symbols.args(member, names))
        given = dict(zip(inputs_of(module), types, strict=True))
        return self.definition(module, module.forward, own, given)


def _linear(poly: Poly, name: str) -> tuple[Poly, Poly]:
    """`a` and `b` of `a*name + b`."""
    scale, rest = ZERO, ZERO
    for monomial, coefficient in poly.terms:
        term = Poly(((monomial, coefficient),))
        if name in monomial:
            left = list(monomial)
            left.remove(name)
            scale = scale + Poly(((tuple(left), coefficient),))
        else:
            rest = rest + term
    if name in scale.symbols() | rest.symbols():
        raise Inexact(f"{poly} is not linear in {name}")
    return scale, rest
