"""Closed forms: parameters, FLOPs and key-value elements as exact formulas in the names of the config.

A formula holds for every config that meets its conditions; names whose value decides structure are fixed, and are listed
with the value they have. What is not covered is said (`met` is False), never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from getspec import ir
from getspec.algebra import VARYING, Condition, Fixed
from getspec.errors import UsageError
from getspec.passes.count import below, with_ties
from getspec.passes.symbols import Kind, Names, Symbols, key_of, same
from getspec.passes.trace import Measure, Trace, cache, keys, products, trace
from getspec.simplify import simplified
from getspec.sizes import Inexact, Poly, Size, bare, constant, noting, product

__all__ = ["QUANTITIES", "Formula", "formula", "names_at", "parts", "values_of"]

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
    limits: tuple[Condition, ...] = ()
    """What every legal config meets, so that nobody has to be told."""

    def symbols(self) -> frozenset[str]:
        return self.poly.symbols()

    def met(self, values: Mapping[str, Any]) -> bool:
        """Whether the formula holds for a config; run-time sizes are those of `values`, too."""
        if any(values.get(name, value) != value for name, value in self.fixed.items()):
            return False
        try:
            return all(self._met(each, values) for each in (*self.conditions, *self.limits))
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


def formula(
    model: ir.Model,
    path: str = ".",
    of: str = "params",
    sizes: Mapping[str, int] | None = None,
) -> Formula:
    """The closed form of a quantity at a path; UsageError where there is none. It covers the run-time sizes given."""
    if of not in ("params", "trainable") and model.root.forward is None:
        raise UsageError(f"{model.name} has no `forward`, so its {of} are not known")
    if of == "activations":
        return _activations(model, path, sizes or {})
    if of not in QUANTITIES:
        known = ", ".join((*QUANTITIES, "activations"))
        raise UsageError(f"there is no closed form of {of}", f"closed forms are of: {known}")
    names = [] if path in (".", "") else path.split(".")
    symbols, poly = _settled(model, of, lambda symbols: QUANTITIES[of](symbols, names))
    return _made(model, path, of, poly, symbols)


def parts(model: ir.Model, of: str = "params") -> tuple[Formula, dict[str, Poly]]:
    """The closed form of a quantity, and of each row of a count (all copies together) under the conditions of the whole.

    `of` may also be `copies`. Rows in a repeat whose places alternate have none: how many there are follows its length.
    """
    if of == "flops" and model.root.forward is None:
        raise UsageError(f"{model.name} has no `forward`, so its {of} are not known")
    whole = "params" if of == "copies" else of
    symbols, (poly, rows) = _settled(
        model, of, lambda symbols: (QUANTITIES[whole](symbols, []), ROWS[of](symbols))
    )
    given = list(symbols.algebra.conditions)
    short = {path: simplified(each, given)[0] for path, each in rows.items()}
    return _made(model, ".", whole, poly, symbols), short


Found = TypeVar("Found")


def _settled(model: ir.Model, of: str, find: Callable[[Symbols], Found]) -> tuple[Symbols, Found]:
    """What is found once every name is fixed whose value is needed and not its formula."""
    fixed: frozenset[str] = frozenset(model.root.structural)
    while True:
        symbols = Symbols(model, fixed)
        try:
            return symbols, find(symbols)
        except Fixed as more:
            if more.names <= fixed:
                raise AssertionError(f"{more} is a number already") from None
            fixed |= more.names
        except Inexact as error:
            raise UsageError(f"the {of} of {model.name} have no closed form: {error}") from None


def _activations(model: ir.Model, path: str, sizes: Mapping[str, int]) -> Formula:
    """Bytes kept for a backward pass; where there is no formula in the config's names, one at this config."""
    from getspec.conditions import needed
    from getspec.passes.layouts import kept

    names = () if path in (".", "") else tuple(path.split("."))

    def find(symbols: Symbols) -> tuple[Poly, Iterable[Condition]]:
        found = _below(kept(symbols, sizes), model.root, names, above="")
        return found, _legal(Symbols(model, symbols.fixed))

    try:
        symbols, (poly, legal) = _settled(model, "activations", find)
    except _Uneven as error:
        raise UsageError(
            f"not every copy of `{path}` keeps as much as the others",
            f"ask for all of them: `{error}`",
        ) from None
    found = _made(model, path, "activations", poly, symbols)
    limits = tuple(dict.fromkeys((*found.limits, *legal)))
    return replace(found, conditions=needed(found.conditions), limits=limits)


def _legal(symbols: Symbols) -> Iterable[Condition]:
    """What a config has to meet to be legal, components that are never called and values that nothing reads included."""
    _Adder(symbols).module(symbols.model.root, None, symbols.root(), frozenset(), True)
    trace(symbols, lambda op, args, many: ZERO, whole=True)
    return (*symbols.algebra.conditions, *symbols.algebra.limits)


class _Uneven(Exception):
    """The copies of a repeat keep different amounts."""


def names_at(model: ir.Model, path: str) -> Mapping[str, Any]:
    """What the names mean that the module or tensor at a path is written in: their values, and formulas for them."""
    names = [] if path in (".", "") else path.split(".")
    return _settled(model, "names", lambda symbols: _Adder(symbols).way(names))[1][2]


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
    limits = tuple(symbols.algebra.limits)
    return Formula(model.name, model.file, path, of, made, fixed, conditions, order, kept, limits)


def _lengths(kind: Kind) -> list[str]:
    return sorted(kind.count.symbols())


# Parameters


def _params(symbols: Symbols, path: list[str]) -> Poly:
    return _Adder(symbols).at(path)


def _trainable(symbols: Symbols, path: list[str]) -> Poly:
    return _Adder(symbols, trained=True).at(path)


class _Adder:
    """Adds parameters up, as `count` does, over formulas; with `trained` those alone that are trained."""

    def __init__(self, symbols: Symbols, *, trained: bool = False) -> None:
        self.symbols = symbols
        self.trained = trained
        self.known: dict[Any, Poly] = {}

    def at(self, path: list[str]) -> Poly:
        """One copy of the module or tensor at a path."""
        module, member, names, tied, rest, trains = self.way(path)
        if rest:
            found = self.weights(module, member, names, tied, trains)
            return next(size for name, size in found if name == rest[0])
        return self.module(module, member, names, tied, trains)

    def tie(self, block: ir.Block, names: Names) -> None:
        """Tensors that are one have one shape, or the config is not legal."""
        for tie in block.ties:
            shapes = []
            for path in (tie.name.split("."), tie.of.split(".")):
                module, member, here, _, left, _ = self.way(path, block, names)
                weights = self.symbols.weights(module, member, here)
                shapes.append(next(weight.shape for weight in weights if weight.name == left[0]))
            with noting(self.symbols.algebra.note):
                assert shapes[0] == shapes[1], "ties were checked"

    def way(
        self, path: list[str], module: ir.Module | None = None, names: Names | None = None
    ) -> tuple[ir.Module, ir.Member | None, Names, Tied, list[str], bool]:
        """The last module on a path, the names that it speaks, the tensor of it that is left, and whether it is trained."""
        member: ir.Member | None = None
        module = self.symbols.model.root if module is None else module
        names = self.symbols.root() if names is None else names
        tied: Tied = frozenset()
        trains = True
        for at, part in enumerate(path):
            tied = with_ties(module, tied)
            if any(weight.name == part for weight in module.weights):
                return module, member, names, tied, path[at:], trains
            member, names = self.child(module, part, names)
            trains = trains and member.trainable
            module, tied = member.module, below(tied, part)
            names = self.inside(member, names)
        return module, member, names, tied, [], trains

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

    def weights(
        self,
        module: ir.Module,
        member: ir.Member | None,
        names: Names,
        tied: Tied,
        trains: bool,
    ) -> Iterator[tuple[str, Poly]]:
        """The parameters of a module itself: what each adds."""
        frozen = {weight.name for weight in module.weights if not weight.trainable}
        for weight in self.symbols.weights(module, member, names):
            left_out = self.trained and (not trains or weight.name in frozen)
            size = product(weight.shape).spelled
            yield weight.name, ZERO if left_out or (weight.name,) in tied else size

    def module(
        self, module: ir.Module, member: ir.Member | None, names: Names, tied: Tied, trains: bool
    ) -> Poly:
        # A leaf is what its place gives it; everything else is what its own names are.
        place = id(member) if isinstance(module, ir.Leaf) else 0
        key = (id(module), place, key_of(tuple(names.values())), tied, trains)
        if key not in self.known:
            self.known[key] = self.new(module, member, names, with_ties(module, tied), trains)
        return self.known[key]

    def new(
        self, module: ir.Module, member: ir.Member | None, names: Names, tied: Tied, trains: bool
    ) -> Poly:
        found = self.weights(module, member, names, tied, trains)
        total = sum((size for _, size in found), ZERO)
        if isinstance(module, ir.Block):
            self.tie(module, names)
        if isinstance(module, ir.Stack):
            return self.repeat(module, names, tied, trains)
        for name, _, part in module.children():
            inner, open_ = self.inside(part, names), trains and part.trainable
            total = total + self.module(part.module, part, inner, below(tied, name), open_)
        return total

    def repeat(self, stack: ir.Stack, names: Names, tied: Tied, trains: bool) -> Poly:
        if tied:
            self.symbols.algebra.literal(self.symbols.count(stack, names))
        total = ZERO
        for kind in self.symbols.kinds(stack, names):
            inner, open_ = self.inside(kind.member, kind.names), trains and kind.member.trainable
            place = below(tied, str(kind.position))
            total = total + kind.count * self.module(
                kind.member.module, kind.member, inner, place, open_
            )
        return total

    def rows(
        self, module: ir.Module, names: Names, tied: Tied, path: tuple[str, ...], copies: Poly
    ) -> Iterator[tuple[str, Poly, Poly]]:
        """The rows of a count below a module: path, how many copies, and what all of them hold."""
        tied = with_ties(module, tied)
        if isinstance(module, ir.Block):
            for name, size in self.weights(module, None, names, tied, True):
                yield ".".join((*path, name)), copies, copies * size
        for name, times, member, here in self.children(module, names):
            inner, place, many = self.inside(member, here), (*path, name), copies * times
            held = below(tied, name)
            if not isinstance(member.module, ir.Stack):
                total = many * self.module(member.module, member, inner, held, True)
                yield ".".join(place), many, total
            if not isinstance(member.module, ir.Leaf):
                yield from self.rows(member.module, inner, held, place, many)

    def children(
        self, module: ir.Module, names: Names
    ) -> Iterator[tuple[str, Poly, ir.Member, Names]]:
        """Children by their names in a count; kinds of a repeat only where each run has its own, at any length."""
        if not isinstance(module, ir.Stack):
            yield from ((name, constant(1), member, names) for name, _, member in module.children())
            return
        kinds = self.symbols.kinds(module, names)
        starts = [kind.position for kind in kinds]
        if starts == [run.start for run in module.runs] or all(k.count.constant for k in kinds):
            for kind in kinds:
                yield _run(module, kind.position)[0], kind.count, kind.member, kind.names


def _run(stack: ir.Stack, position: int) -> tuple[str, ir.Module]:
    """The name in a count of a position in a repeat, and what stands there."""
    return next(
        (name, run.member.module)
        for run, (name, _, _) in zip(stack.runs, stack.children(), strict=True)
        if run.start <= position < run.start + run.count
    )


def _copies(symbols: Symbols) -> dict[str, Poly]:
    return _summed((path, copies) for path, copies, _ in _rows(symbols))


def _sizes(symbols: Symbols) -> dict[str, Poly]:
    return _summed((path, size) for path, _, size in _rows(symbols))


def _rows(symbols: Symbols) -> Iterator[tuple[str, Poly, Poly]]:
    root = symbols.model.root
    return _Adder(symbols).rows(root, symbols.root(), frozenset(), (), constant(1))


def _summed(rows: Iterable[tuple[str, Poly]]) -> dict[str, Poly]:
    found: dict[str, Poly] = {}
    for path, size in rows:
        found[path] = found.get(path, ZERO) + size
    return found


def _index(stack: ir.Stack, place: int, kind: Kind) -> dict[str, Any]:
    assert stack.index is not None
    varies = kind.names.get(stack.index) is VARYING
    return {stack.index: VARYING if varies else Size.of(place)}


# Work


def _traced(measure: Measure) -> Callable[[Symbols, list[str]], Poly]:
    return lambda symbols, path: _below(trace(symbols, measure), symbols.model.root, tuple(path))


def _below(
    found: Trace, module: ir.Module, path: tuple[str, ...], above: str | None = None
) -> Poly:
    """What a call does in the component at a path: all calls of its first copy.

    With `above`, the path that leads here, every other copy has to do the same.
    """
    if not path:
        return found.total
    wanted = next((m.module for name, _, m in module.children() if name == path[0]), None)
    place, steps = None if above is None else f"{above}.{path[0]}".lstrip("."), 1
    if isinstance(wanted, ir.Stack) and len(path) > 1:
        wanted, steps = wanted.at(_first(path[1])).module, 2
    total, copies = ZERO, dict[str, Poly]()
    for call in found.calls:
        if not call.path:
            total = total + call.count * _below(call.trace, module, path, above)
        elif call.path[0] == path[0] and isinstance(wanted, ir.Stack):
            total = total + call.count * call.copies * call.trace.total
        elif call.path[0] == path[0] and wanted and call.module and same(call.module, wanted):
            if place is None and copies.keys() - {call.path[-1]}:
                continue
            amount = call.count * _below(call.trace, call.module, path[steps:], place)
            copies[call.path[-1]] = copies.get(call.path[-1], ZERO) + amount
    if len(set(copies.values())) > 1:
        raise _Uneven(place)
    return total + next(iter(copies.values()), ZERO)


def _work_rows(symbols: Symbols) -> dict[str, Poly]:
    return _summed(_work(trace(symbols, products), symbols.model.root, (), constant(1)))


def _work(
    found: Trace, module: ir.Module, path: tuple[str, ...], times: Poly
) -> Iterator[tuple[str, Poly]]:
    """What the calls in a trace do, by the row that a count has for what they call."""
    for call in found.calls:
        many, inner, place = times * call.count * call.copies, module, path
        if call.path:
            name, *at = call.path
            inner = next(member.module for each, _, member in module.children() if each == name)
            place = (*path, name)
            if isinstance(inner, ir.Stack):
                run, inner = _run(inner, int(at[0]))
                place = (*place, run)
            yield ".".join(place), many * call.trace.total
        yield from _work(call.trace, inner, place, many)


def _first(part: str) -> int:
    return 0 if part == "*" else int(part.partition("-")[0])


QUANTITIES: dict[str, Callable[[Symbols, list[str]], Poly]] = {
    "params": _params,
    "trainable": _trainable,
    "flops": _traced(products),
    "kv": _traced(keys),
    "cache": _traced(cache),
}

ROWS: dict[str, Callable[[Symbols], dict[str, Poly]]] = {
    "copies": _copies,
    "params": _sizes,
    "flops": _work_rows,
}
