"""Closed forms: parameters, FLOPs and key-value elements as exact formulas in the names of the config.

A formula holds for every config that meets its conditions; names whose value decides structure are fixed, and are listed
with the value they have. What is not covered is said (`met` is False), never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from getspec import ir
from getspec.algebra import VARYING, Condition, Fixed
from getspec.errors import UsageError
from getspec.passes.count import below, locate, with_ties
from getspec.passes.symbols import Kind, Names, Symbols, key_of, same
from getspec.passes.trace import Measure, Trace, keys, products, trace
from getspec.simplify import simplified
from getspec.sizes import Inexact, Poly, Size, bare, constant, product

__all__ = ["QUANTITIES", "Formula", "formula", "names_at", "values_of"]

ZERO = constant(0)
Tied = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Formula:
    """One quantity of a module in closed form."""

    model: str
    spec: str
    path: str
    of: str
    poly: Poly
    fixed: Mapping[str, Any]
    """Names that are not in the formula, with the value it holds at."""
    conditions: tuple[Condition, ...]
    config: tuple[str, ...]
    """The names of the config, in its order; items of a list by their places."""
    repeats: tuple[str, ...]
    """Names that are lengths of repeats, which a person writes in front."""

    def symbols(self) -> frozenset[str]:
        return self.poly.symbols()

    def met(self, values: Mapping[str, Any]) -> bool:
        """Whether the formula holds for a config; run-time sizes are those of `values`, too."""
        if any(values.get(name, value) != value for name, value in self.fixed.items()):
            return False
        try:
            return all(self._met(condition, values) for condition in self.conditions)
        except (ArithmeticError, ValueError):
            return False

    def _met(self, condition: Condition, values: Mapping[str, Any]) -> bool:
        missing = condition.symbols() - values.keys()
        if any(not name[0].isupper() for name in missing):
            return False
        return condition.met({**dict.fromkeys(missing, 97), **values} if missing else values)

    def at(self, values: Mapping[str, Any]) -> int:
        """The number for one config and one set of run-time sizes."""
        return self.poly.evaluate(values)


def values_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config as the names of formulas have it: items of a list by their places."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, list | tuple):
            found.update(values_of({f"{name}[{at}]": item for at, item in enumerate(value)}))
        else:
            found[name] = value
    return found


def formula(model: ir.Model, path: str = ".", of: str = "params") -> Formula:
    """The closed form of a quantity at a path; UsageError where there is none."""
    if of != "params" and model.root.forward is None:
        raise UsageError(f"{model.name} has no `forward`, so its {of} are not known")
    if of == "activations":
        return _activations(model, path)
    if of not in QUANTITIES:
        known = ", ".join((*QUANTITIES, "activations"))
        raise UsageError(f"there is no closed form of {of}", f"closed forms are of: {known}")
    fixed: frozenset[str] = frozenset(model.root.structural)
    parts = [] if path in (".", "") else path.split(".")
    while True:
        symbols = Symbols(model, fixed)
        try:
            poly = QUANTITIES[of](symbols, parts)
        except Fixed as more:
            fixed |= more.names
            continue
        except Inexact as error:
            raise UsageError(f"the {of} of {model.name} have no closed form: {error}") from None
        return _made(model, path, of, poly, symbols)


def _activations(model: ir.Model, path: str) -> Formula:
    """Bytes kept for a backward pass, at this config: layouts decide them, and layouts follow numbers."""
    from getspec.passes.activations import activations
    from getspec.passes.paths import folded

    place = "" if path in (".", "") else folded(model.root, path)
    found = locate(model.root, place or ".")
    assert found is not None
    poly = activations(model).below(place).value.divide_exactly(constant(found.repeat))
    values = values_of({n: bare(e.value) for n, e in model.root.settings.items()})
    return Formula(model.name, model.file, path, "activations", poly, values, (), tuple(values), ())


def names_at(model: ir.Model, path: str) -> Mapping[str, Any]:
    """What the names mean that the module or tensor at a path is written in: their values, and formulas for them."""
    fixed: frozenset[str] = frozenset(model.root.structural)
    while True:
        try:
            way = _Adder(Symbols(model, fixed)).way([] if path in (".", "") else path.split("."))
            return way[2]
        except Fixed as more:
            fixed |= more.names


def _made(model: ir.Model, path: str, of: str, poly: Poly, symbols: Symbols) -> Formula:
    config = {name: bare(expr.value) for name, expr in model.root.settings.items()}
    fixed = {
        name: value
        for name, value in values_of(config).items()
        if name in symbols.fixed
        or name.partition("[")[0] in symbols.fixed
        or isinstance(value, bool | str)
    }
    repeats = dict.fromkeys(
        name for kinds in symbols.kinds_of.values() for kind in kinds for name in _lengths(kind)
    )
    made, conditions = simplified(poly, list(symbols.algebra.conditions))
    order = tuple(values_of(config))
    kept = tuple(name for name in order if name in repeats)
    return Formula(model.name, model.file, path, of, made, fixed, conditions, order, kept)


def _lengths(kind: Kind) -> list[str]:
    return sorted(kind.count.symbols())


# Parameters


def _params(symbols: Symbols, path: list[str]) -> Poly:
    return _Adder(symbols).at(path)


class _Adder:
    """Adds parameters up, as `count` does, over formulas."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.known: dict[Any, Poly] = {}

    def at(self, path: list[str]) -> Poly:
        """One copy of the module or tensor at a path."""
        module, member, names, tied, rest = self.way(path)
        if rest:
            found = self.symbols.weights(module, member, names)
            weight = next(weight for weight in found if weight.name == rest[0])
            return ZERO if (weight.name,) in tied else product(weight.shape).spelled
        return self.module(module, member, names, tied)

    def way(self, path: list[str]) -> tuple[ir.Module, ir.Member | None, Names, Tied, list[str]]:
        """The last module on a path, the names that it speaks, and the tensor of it that is left."""
        member: ir.Member | None = None
        module: ir.Module = self.symbols.model.root
        names: Names = self.symbols.root()
        tied: Tied = frozenset()
        for at, part in enumerate(path):
            tied = with_ties(module, tied)
            if any(weight.name == part for weight in module.weights):
                return module, member, names, tied, path[at:]
            member, names = self.child(module, part, names)
            module, tied = member.module, below(tied, part)
            names = self.inside(member, names)
        return module, member, names, tied, []

    def child(self, module: ir.Module, part: str, names: Names) -> tuple[ir.Member, Names]:
        if isinstance(module, ir.Stack):
            place = _first(part)
            kinds = self.symbols.kinds(module, names)
            kind = kinds[place] if place < len(kinds) else kinds[-1]
            found = module.at(place)
            here = names if module.index is None else {**kind.names, **_index(module, place, kind)}
            return found, here
        return next(m for name, _, m in module.children() if name == part), names

    def inside(self, member: ir.Member, names: Names) -> Names:
        """The names that a component's own parts speak: its own, or its caller's where it has none."""
        if isinstance(member.module, ir.Block):
            return self.symbols.inner(member.module, self.symbols.args(member, names))
        return names

    def module(self, module: ir.Module, member: ir.Member | None, names: Names, tied: Tied) -> Poly:
        # A leaf is what its place gives it; everything else is what its own names are.
        place = id(member) if isinstance(module, ir.Leaf) else 0
        key = (id(module), place, key_of(tuple(names.values())), tied)
        if key not in self.known:
            self.known[key] = self.new(module, member, names, with_ties(module, tied))
        return self.known[key]

    def new(self, module: ir.Module, member: ir.Member | None, names: Names, tied: Tied) -> Poly:
        total = ZERO
        for weight in self.symbols.weights(module, member, names):
            if (weight.name,) not in tied:
                total = total + product(weight.shape).spelled
        if isinstance(module, ir.Stack):
            return self.repeat(module, names, tied)
        for name, _, part in module.children():
            inner = self.inside(part, names)
            total = total + self.module(part.module, part, inner, below(tied, name))
        return total

    def repeat(self, stack: ir.Stack, names: Names, tied: Tied) -> Poly:
        if tied:
            self.symbols.algebra.literal(self.symbols.count(stack, names))
        total = ZERO
        for kind in self.symbols.kinds(stack, names):
            inner = self.inside(kind.member, kind.names)
            place = below(tied, str(kind.position))
            total = total + kind.count * self.module(kind.member.module, kind.member, inner, place)
        return total


def _index(stack: ir.Stack, place: int, kind: Kind) -> dict[str, Any]:
    assert stack.index is not None
    varies = kind.names.get(stack.index) is VARYING
    return {stack.index: VARYING if varies else Size.of(place)}


# Work


def _traced(measure: Measure) -> Callable[[Symbols, list[str]], Poly]:
    return lambda symbols, path: _below(trace(symbols, measure), symbols.model.root, tuple(path))


def _below(found: Trace, module: ir.Module, path: tuple[str, ...]) -> Poly:
    """What a call does in the component at a path: all calls of one copy."""
    if not path:
        return found.total
    total = ZERO
    wanted = next((m.module for name, _, m in module.children() if name == path[0]), None)
    steps = 1
    if isinstance(wanted, ir.Stack) and len(path) > 1:
        wanted, steps = wanted.at(_first(path[1])).module, 2
    position: str | None = None
    for call in found.calls:
        if not call.path:
            total = total + call.count * _below(call.trace, module, path)
        elif call.path[0] == path[0] and wanted is not None:
            if isinstance(wanted, ir.Stack):
                total = total + call.count * call.copies * call.trace.total
            elif call.module is not None and same(call.module, wanted):
                position = position or call.path[-1]
                if call.path[-1] == position:
                    total = total + call.count * _below(call.trace, call.module, path[steps:])
    return total


def _first(part: str) -> int:
    return 0 if part == "*" else int(part.partition("-")[0])


QUANTITIES: dict[str, Callable[[Symbols, list[str]], Poly]] = {
    "params": _params,
    "flops": _traced(products),
    "kv": _traced(keys),
}
