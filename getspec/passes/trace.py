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
from getspec.passes.symbols import Names, Symbols, key_of, sizes_of
from getspec.signature import inputs_of
from getspec.sizes import Inexact, Poly, Size, constant, noting

__all__ = ["Called", "Measure", "Trace", "Walk", "cache", "keys", "products", "trace"]

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


def trace(symbols: Symbols, measure: Measure) -> Trace:
    """One forward pass of the model."""
    root = symbols.model.root
    assert root.forward is not None
    given = {}
    names = symbols.root()
    sizes = dict(sizes_of(names))
    for declared in root.forward.inputs:
        types = tuple(
            t.with_shape(length.substitute(sizes) for length in t.shape) for t in declared.tensors
        )
        given[declared.name] = types if isinstance(declared.type, tuple) else types[0]
    return Walk(symbols, measure).definition(root, root.forward, names, given)


class Walk:
    """Follows definitions, each once per set of formulas."""

    def __init__(self, symbols: Symbols, measure: Measure) -> None:
        self.symbols = symbols
        self.measure = measure
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
            self.known[key] = Flow(self, made, {**bound, **names}, given).run(forward)
        return self.known[key]

    def bound(self, forward: ir.Forward, names: Names, given: Mapping[str, Any]) -> dict[str, Size]:
        """The run-time names of a definition, as its caller's formulas."""
        pairs = []
        for declared in forward.inputs:
            actual = given[declared.name]
            types = actual if isinstance(actual, tuple) else (actual,)
            for want, have in zip(declared.tensors, types, strict=True):
                pairs += list(zip(want.shape, have.shape, strict=True))
        known = dict(sizes_of(names))
        found: dict[str, Size] = {}
        while pairs:
            later = [pair for pair in pairs if not self.fit(*pair, known, found)]
            assert len(later) < len(pairs), "a call that was checked fits its inputs"
            pairs = later
        return found

    def fit(self, want: Size, have: Size, known: dict[str, Size], found: dict[str, Size]) -> bool:
        """Whether one axis could be fitted: at most one name in it was unknown."""
        open_names = [name for name in want.value.symbols() if name not in found]
        if len(open_names) > 1:
            return False
        with noting(self.symbols.algebra.note):
            if open_names:
                name = open_names[0]
                by, rest = (
                    Size(a, b).substitute(known)
                    for a, b in zip(
                        _linear(want.value, name), _linear(want.spelled, name), strict=True
                    )
                )
                found[name] = known[name] = (have - rest).exactly(by)
            else:
                assert want.substitute(known) == have, "a call that was checked fits its inputs"
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
