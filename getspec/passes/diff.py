"""The difference between two models, explained to the last parameter.

Both trees are walked together and every difference is reported at the place that owns it, with its cost over all repeats.
Nothing is computed by subtraction: the deltas of the parts add up to the delta of the totals because each parameter belongs to
exactly one part, and a test holds that for random pairs. A part that is found under another name, or at another place, is one
change and not two.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from getspec import ir
from getspec.passes.align import (
    Structures,
    matched,
    named,
    paired,
    stored,
    tensor_structure,
    weight_renames,
)
from getspec.passes.changes import GRAPH, SIZE, SOURCE, STATE, Change, Difference, Move, strictest
from getspec.passes.count import Counter, Path, below, with_ties
from getspec.passes.interface import Sizes, interface, size_names
from getspec.passes.normal import names_in, normal
from getspec.passes.wording import Words, expressions, joined, shown, texts, valued
from getspec.walk import expressions as every_expression

__all__ = ["diff"]

Place = tuple[tuple[str, str], ...]
"""A path as a has it and as b has it."""

Definition = ir.Block | ir.Routine


def diff(a: ir.Model, b: ir.Model) -> Difference:
    """Compare two compiled models."""
    walk = _Walk()
    sides = (_Side(a.root, True, frozenset()), _Side(b.root, True, frozenset()))
    changes = [*interface(a.root.forward, b.root.forward), *walk.modules(*sides, (), 1)]
    changes = walk.moved(changes)
    totals = [walk.params(side) for side in sides]
    return Difference(a, b, totals[0], totals[1], tuple(changes), tuple(walk.moves))


@dataclass(frozen=True)
class _Side:
    """A module of one model, with what its place adds."""

    module: ir.Module
    trainable: bool
    tied: frozenset[Path]

    def child(self, name: str, member: ir.Member) -> _Side:
        tied = below(with_ties(self.module, self.tied), name)
        return _Side(member.module, self.trainable and member.trainable, tied)


@dataclass(frozen=True)
class _Lone:
    """A module or a tensor that only one side has: where that side has it, and what it is."""

    path: str
    structure: Hashable
    tensor: bool


def _dotted(place: Place, side: int = 0) -> str:
    return ".".join(names[side] for names in place)


class _Walk:
    """Walks two trees together."""

    def __init__(self) -> None:
        self.counter = Counter()
        self.structures = Structures()
        self.lone: dict[tuple[str, str], _Lone] = {}
        """By kind and path: what only one side has, where it holds tensors."""
        self.moves: list[Move] = []
        self.flows: dict[tuple[int, int], list[Words]] = {}

    def params(self, side: _Side) -> int:
        return self.counter.numbers(side.module, side.trainable, side.tied).params

    def modules(self, a: _Side, b: _Side, place: Place, repeat: int) -> Iterator[Change]:
        if a.module is b.module and a == b:
            return
        match a.module, b.module:
            case ir.Leaf(), ir.Leaf():
                yield from self.leaves(a, b, place, repeat)
            case ir.Stack(), ir.Stack():
                yield from self.stacks(a, b, place, repeat)
            case (ir.Block(), ir.Block()) | (ir.Sequence(), ir.Sequence()):
                yield from self.insides(a, b, place, repeat)
            case _:
                yield self.change(place, repeat, a, b)

    def change(
        self, place: Place, repeat: int, a: _Side | None, b: _Side | None, words: Any = None
    ) -> Change:
        """A module that only one side has, or that is of another kind."""
        kind = "added" if a is None else "removed" if b is None else "changed"
        counts = [0 if side is None else self.params(side) * repeat for side in (a, b)]
        before, after = words or [side and _kind(side.module) for side in (a, b)]
        held = [stored(side.module) if side else {} for side in (a, b)]
        category = STATE if held[0] != held[1] else GRAPH
        path = _dotted(place)
        only = a or b
        if kind != "changed" and only and any(held):
            structure = self.structures.of(only.module)
            self.lone[kind, path] = _Lone(_dotted(place, a is None), structure, tensor=False)
        return Change(path, kind, before, after, repeat, counts[0], counts[1], category)

    # Layers

    def leaves(self, a: _Side, b: _Side, place: Place, repeat: int) -> Iterator[Change]:
        """Two layers: which fields differ. One change, so that it carries the whole cost."""
        assert isinstance(a.module, ir.Leaf)
        assert isinstance(b.module, ir.Leaf)
        if a.module.type != b.module.type:
            yield self.change(place, repeat, a, b)
            return
        words: list[Words] = []
        for field in a.module.op.declared_fields():
            values = [getattr(op, field.name) for op in (a.module.op, b.module.op)]
            if values[0] != values[1]:
                words.append(valued(field.name, *values))
        words += _standing(a, b)
        if not words:
            return
        changed = self.change(place, repeat, a, b, joined(words)[:2])
        category = strictest([changed.category, *(each.category for each in words)])
        yield replace(changed, category=category)

    # Blocks

    def insides(self, a: _Side, b: _Side, place: Place, repeat: int) -> Iterator[Change]:
        """Two blocks or two sequentials: their names, weights, then parts, then dataflow."""
        if place and a.module.type != b.module.type:
            kinds = (a.module.type, b.module.type)
            yield Change(_dotted(place), "changed", *kinds, repeat, 0, 0, SOURCE)
        known: dict[str, str] = {}
        yield from self.weights(a, b, place, repeat, known)
        first = {name: member for name, _, member in a.module.children()}
        second = {name: member for name, _, member in b.module.children()}
        for name, other in paired(a.module, b.module, self.structures):
            left = first[name] if name else None
            right = second[other] if other else None
            x = a.child(name, left) if name and left else None
            y = b.child(other, right) if other and right else None
            inner = (*place, (name or other or "", other or name or ""))
            if x and y and left and right and name and other:
                known[name] = other
                if name != other:
                    yield self.rename(x, y, inner, repeat)
                yield from self.modules(x, y, inner, repeat)
                yield from self.arguments(a, b, left, right, inner, repeat)
            else:
                yield self.change(inner, repeat, x, y)
        if isinstance(a.module, ir.Block) and isinstance(b.module, ir.Block):
            yield from self.rules(a.module.init, b.module.init, (*place, ("init", "init")), repeat)
            yield from self.dataflow(a.module, b.module, place, repeat, known)

    def rename(self, a: _Side, b: _Side, place: Place, repeat: int) -> Change:
        counts = [self.params(side) * repeat for side in (a, b)]
        if counts[0] != counts[1]:
            counts = [0, 0]  # what differs inside is told there
        holds = bool(stored(a.module) or stored(b.module))
        return self.renamed(place, repeat, counts, holds, False)

    def renamed(
        self, place: Place, repeat: int, counts: list[int], holds: bool, tensor: bool
    ) -> Change:
        paths = (_dotted(place, 0), _dotted(place, 1))
        if holds:
            self.moves.append((*paths, tensor))
        category = STATE if holds else SOURCE
        return Change(
            paths[0], "changed", *paths, repeat, counts[0], counts[1], category, renamed=True
        )

    def arguments(
        self, a: _Side, b: _Side, left: ir.Member, right: ir.Member, place: Place, repeat: int
    ) -> Iterator[Change]:
        """What a declaration adds: how tensors start, and values that vary with the position."""
        yield from self.rules({"": left.init}, {"": right.init}, (*place, ("init", "init")), repeat)
        for name, one in left.args.items():
            other = right.args.get(name)
            varying = [
                isinstance(e, ir.Expr) and isinstance(e.value, ir.Varying) for e in (one, other)
            ]
            if other is None or not any(varying):
                continue
            words = expressions(one, other, "by position")
            if words:
                yield self.told(words, (*place, (name, name)), repeat)

    def rules(self, a: Any, b: Any, place: Place, repeat: int) -> Iterator[Change]:
        before, after = _init_words(a), _init_words(b)
        if before != after:
            kind = "added" if not before else "removed" if not after else "changed"
            path = _dotted(place)
            yield Change(path, kind, before or None, after or None, repeat, 0, 0, SOURCE)

    def told(self, words: list[Words], place: Place, repeat: int) -> Change:
        before, after, category = joined(words)
        return Change(_dotted(place), "changed", before, after, repeat, 0, 0, category)

    def dataflow(
        self, a: ir.Block, b: ir.Block, place: Place, repeat: int, known: Mapping[str, str]
    ) -> Iterator[Change]:
        words = self.flow(a, b, known)
        if words:
            yield self.told(words, (*place, ("forward", "forward")), repeat)

    def flow(
        self, a: ir.Block | ir.Routine, b: ir.Block | ir.Routine, known: Mapping[str, str]
    ) -> list[Words]:
        """How two definitions compute differently: in what they say, the settings they use, and functions they call."""
        key = (id(a), id(b))
        if key not in self.flows:
            sizes = size_names(a.forward, b.forward)
            same = _form(a, b, sizes[0], known) == _form(b, a, sizes[1], {})
            words = [] if same else [texts(a.dataflow, b.dataflow)]
            words += _settings(a, b)
            theirs = _routines(b)
            for name, routine in _routines(a).items():
                if name in theirs:
                    inner = [] if words else self.flow(routine, theirs[name], {})
                    words += [Words(f"{name} {x}", f"{name} {y}", z) for x, y, z in inner]
            self.flows[key] = words
        return self.flows[key]

    def weights(
        self, a: _Side, b: _Side, place: Place, repeat: int, known: dict[str, str]
    ) -> Iterator[Change]:
        first = {weight.name: weight for weight in a.module.weights}
        second = {weight.name: weight for weight in b.module.weights}
        other = weight_renames(first, second)
        known |= other
        for one, two in named(list(first), list(second), other):
            before, after = first.get(one or ""), second.get(two or "")
            sides = [(w, s) for w, s in ((before, a), (after, b)) if w]
            inner = (*place, (one or two or "", two or one or ""))
            if one in other:
                yield self.renamed(inner, repeat, [0, 0], sides[0][0].persistent, True)
            words = [_weight_words(w, s) if w else None for w, s in ((before, a), (after, b))]
            shown = [weight.value if weight else None for weight in (before, after)]
            values = expressions(shown[0], shown[1], "value")
            if words[0] == words[1]:
                if before and after and values:
                    yield self.told(values, inner, repeat)
                continue
            kind = "added" if before is None else "removed" if after is None else "changed"
            counts = [
                _weight_count(w, s) * repeat if w else 0 for w, s in ((before, a), (after, b))
            ]
            path = _dotted(inner)
            category = _weight_category(sides)
            if kind != "changed" and sides[0][0].persistent:
                structure = tensor_structure(sides[0][0])
                self.lone[kind, path] = _Lone(
                    _dotted(inner, before is None), structure, tensor=True
                )
            yield Change(path, kind, words[0], words[1], repeat, counts[0], counts[1], category)

    # Lists

    def stacks(self, a: _Side, b: _Side, place: Place, repeat: int) -> Iterator[Change]:
        """Two lists: common positions segment by segment, then what one has more of."""
        assert isinstance(a.module, ir.Stack)
        assert isinstance(b.module, ir.Stack)
        common = min(len(a.module), len(b.module))
        for start, end in _segments(a.module, b.module, common):
            whole = start == 0 and end == len(a.module) == len(b.module)
            name = _range(start, end, whole)
            members = [stack.at(start) for stack in (a.module, b.module)]
            x, y = (s.child(str(start), m) for s, m in zip((a, b), members, strict=True))
            inner, times = (*place, (name, name)), repeat * (end - start)
            yield from self.modules(x, y, inner, times)
            yield from self.arguments(a, b, members[0], members[1], inner, times)
        yield from self.surplus(a, common, place, repeat, removed=True)
        yield from self.surplus(b, common, place, repeat, removed=False)

    def surplus(
        self, side: _Side, common: int, place: Place, repeat: int, *, removed: bool
    ) -> Iterator[Change]:
        assert isinstance(side.module, ir.Stack)
        for run in side.module.runs:
            start, end = max(run.start, common), run.start + run.count
            if start >= end:
                continue
            name = _range(start, end, False)
            inner, times = (*place, (name, name)), repeat * (end - start)
            child = side.child(str(start), run.member)
            pair = (child, None) if removed else (None, child)
            yield self.change(inner, times, *pair)

    # Moves

    def moved(self, changes: list[Change]) -> list[Change]:
        """What one place lost and another gained, as one change."""
        lone = {
            key: change for change in changes if (key := (change.kind, change.path)) in self.lone
        }
        removed = {path: change for (kind, path), change in lone.items() if kind == "removed"}
        added = {path: change for (kind, path), change in lone.items() if kind == "added"}

        def alike(a: str, b: str) -> bool:
            one, other = removed[a], added[b]
            lones = self.lone["removed", a], self.lone["added", b]
            same = lones[0].structure == lones[1].structure and one.params_a == other.params_b
            named = a.rpartition(".")[2] == b.rpartition(".")[2] and not a[-1].isdigit()
            return same and named and one.repeat == other.repeat

        pairs = matched(removed, added, alike)
        places = {a: self.lone["added", b].path for a, b in pairs.items()}
        self.moves += [(a, b, self.lone["removed", a].tensor) for a, b in places.items()]
        found = []
        for change in changes:
            if change.kind == "removed" and change.path in pairs:
                other = added[pairs[change.path]]
                change = replace(
                    change,
                    kind="changed",
                    before=change.path,
                    after=places[change.path],
                    params_b=other.params_b,
                    renamed=True,
                )
            elif change.kind == "added" and change.path in pairs.values():
                continue
            found.append(change)
        return found


# Dataflow


def _form(one: Definition, other: Definition, sizes: Sizes, renames: Mapping[str, str]) -> str:
    """The dataflow of `one` with parts as `other` calls them; a setting that `other` lacks stands as its value."""
    inputs, others = (
        [declared.name for declared in each.forward.inputs] if each.forward else []
        for each in (one, other)
    )
    if set(others) < set(inputs):
        # What only this one takes does not shift the others.
        inputs.sort(key=lambda name: name not in others)
    theirs = {**other.settings, **other.lets}
    alone = {
        name: f"={shown(expr.value)}"
        for name, expr in {**one.settings, **one.lets}.items()
        if name not in theirs
    }
    lengths = {name: str(size) for name, size in sizes.items()}
    return normal(one.dataflow, inputs, {**alone, **lengths, **renames})


def _settings(a: Definition, b: Definition) -> list[Words]:
    """Settings that dataflow uses and that have other values."""
    used = names_in(a.dataflow) & names_in(b.dataflow)
    theirs = {**b.settings, **b.lets}
    return [
        valued(name, expr.value, theirs[name].value)
        for name, expr in {**a.settings, **a.lets}.items()
        if name in used and name in theirs and expr.value != theirs[name].value
    ]


def _routines(definition: Definition) -> dict[str, ir.Routine]:
    """The functions that a definition calls."""
    statements = definition.forward.statements if definition.forward else ()
    calls = (each for each in every_expression(statements) if isinstance(each, ir.RoutineCall))
    return {call.routine.name: call.routine for call in calls}


# Words


def _kind(module: ir.Module) -> str:
    if isinstance(module, ir.Leaf):
        sizes = " x ".join(
            str(int(length)) for w in list(module.weights)[:1] for length in reversed(w.shape)
        )
        return f"{module.type} {sizes}".strip()
    if isinstance(module, ir.Stack):
        kinds = dict.fromkeys(run.member.module.type for run in module.runs)
        return f"{len(module)} x {' / '.join(kinds)}"
    return module.type


def _standing(a: _Side, b: _Side) -> list[Words]:
    """What a place adds to a layer: whether it is trained, and what is tied."""
    words = []
    if a.trainable != b.trainable and any(w.kind == "parameter" for w in a.module.weights):
        shown = ("trainable", "frozen") if a.trainable else ("frozen", "trainable")
        words.append(Words(*shown, SIZE))
    if a.tied != b.tied:
        before, after = (
            f"tied {', '.join('.'.join(p) for p in sorted(s.tied))}" if s.tied else "not tied"
            for s in (a, b)
        )
        words.append(Words(before, after, STATE))
    return words


def _weight_words(weight: ir.Weight, side: _Side) -> str:
    shape = ", ".join(str(int(length)) for length in weight.shape)
    words = f"{weight.kind} [{shape}]"
    if weight.dtype != "float":
        words += f" {weight.dtype}"
    if weight.kind == "parameter":
        words += "" if side.trainable and weight.trainable else ", frozen"
        words += f", init {weight.init}"
    if weight.kind == "buffer" and not weight.persistent:
        words += ", not persistent"
    if _is_tied(weight, side):
        words += ", tied"
    return words


def _weight_category(sides: list[tuple[ir.Weight, _Side]]) -> str:
    """The class of a change of one tensor, or of one that only one side has."""
    if len(sides) == 1:
        return STATE if sides[0][0].persistent else SIZE

    def kept(weight: ir.Weight, side: _Side) -> Any:
        shape = tuple(int(length) for length in weight.shape)
        return weight.persistent and shape, _is_tied(weight, side)

    def sized(weight: ir.Weight, side: _Side) -> Any:
        shape = tuple(int(length) for length in weight.shape)
        return shape, weight.kind, weight.dtype, side.trainable and weight.trainable

    if kept(*sides[0]) != kept(*sides[1]):
        return STATE
    return SIZE if sized(*sides[0]) != sized(*sides[1]) else SOURCE


def _is_tied(weight: ir.Weight, side: _Side) -> bool:
    return (weight.name,) in with_ties(side.module, side.tied)


def _weight_count(weight: ir.Weight, side: _Side) -> int:
    return 0 if _is_tied(weight, side) or weight.kind == "buffer" else weight.numel


def _init_words(rules: Mapping[str, Mapping[str, ir.Init]]) -> str:
    words = []
    for kind, schemes in sorted(rules.items()):
        for weight, scheme in sorted(schemes.items()):
            name = ".".join(part for part in (kind, weight) if part not in ("", "*"))
            words.append(f"{name} {scheme}".strip())
    return ", ".join(words)


def _segments(a: ir.Stack, b: ir.Stack, end: int) -> list[tuple[int, int]]:
    """Stretches of positions in which both sides have one run."""
    cuts = {0, end} | {r.start for s in (a, b) for r in s.runs if r.start < end}
    ordered = sorted(cuts)
    return list(pairwise(ordered))


def _range(start: int, end: int, whole: bool) -> str:
    if whole and end - start > 1:
        return "*"
    return str(start) if end - start == 1 else f"{start}-{end - 1}"
