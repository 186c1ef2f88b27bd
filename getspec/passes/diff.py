"""The difference between two models, explained to the last parameter.

Both trees are walked together and every difference is reported at the place that owns it, with its cost over all repeats.
Nothing is computed by subtraction: the deltas of the parts add up to the delta of the totals because each parameter belongs to
exactly one part, and a test holds that for random pairs. A part that is found under another name, or at another place, is one
change and not two.

A change has a class, by what it breaks:

    INTERFACE   callers: what the model takes or returns
    STATE       checkpoints: names, shapes or ties of tensors that are stored
    SIZE        nothing that is stored, but a size: heads, a stride, what is trained, a buffer that is not stored
    GRAPH       the function: an activation, an epsilon, a connection
    SOURCE      nothing that a loaded model shows: how tensors start, what a block is called

How tensors start is SOURCE because a model with its weights loaded computes the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from getspec import ir
from getspec.ops.base import Tensor
from getspec.passes.align import Structures, matched, merged, named, paired, stored, weight_renames
from getspec.passes.count import Counter, Path, below, tensors, with_ties
from getspec.passes.normal import names_in, normal
from getspec.rename import Rules, fits, renamed
from getspec.sizes import Size

__all__ = ["CLASSES", "Change", "Difference", "diff"]

CLASSES = ("INTERFACE", "STATE", "SIZE", "GRAPH", "SOURCE")
"""Strictest first."""
INTERFACE, STATE, SIZE, GRAPH, SOURCE = CLASSES


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf of the explanation. `params_a` and `params_b` are over all `repeat` copies.

    The path is that in a, where a has it. What was renamed or moved has its path in a as `before`, that in b as `after`.
    """

    path: str
    kind: str
    before: str | None
    after: str | None
    repeat: int
    params_a: int
    params_b: int
    category: str
    renamed: bool = False

    @property
    def delta(self) -> int:
        return self.params_b - self.params_a

    @property
    def words(self) -> str:
        """`norm1: affine true -> false`."""
        name = self.path.rpartition(".")[2]
        before, after = self.before or "", self.after or ""
        if self.renamed:
            levels = before.rpartition("."), after.rpartition(".")
            if levels[0][0] == levels[1][0]:
                return f"{name}: renamed {levels[1][2]}"
            return f"{name}: moved to {after}"
        if self.kind == "added":
            return f"{name}: added, {after}"
        if self.kind == "removed":
            return f"{name}: removed, {before}"
        return f"{name}: {before} -> {_without_start(before, after)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "kind": self.kind,
            "class": self.category,
            "before": self.before,
            "after": self.after,
            "words": self.words,
            "repeat": self.repeat,
            "params_a": self.params_a,
            "params_b": self.params_b,
            "delta": self.delta,
        }


@dataclass(frozen=True)
class Difference:
    """Two models and everything that differs."""

    a: ir.Model
    b: ir.Model
    total_a: int
    total_b: int
    changes: tuple[Change, ...]
    moves: tuple[tuple[str, str, bool], ...] = ()
    """Paths in a and in b of what was renamed, and whether it is one tensor."""

    @property
    def delta(self) -> int:
        return self.total_b - self.total_a

    @property
    def percent(self) -> float:
        """The delta as a percentage of a."""
        return round(100 * self.delta / self.total_a, 4) if self.total_a else 0.0

    @property
    def identical(self) -> bool:
        return not self.changes

    def of_class(self, category: str) -> tuple[Change, ...]:
        """The changes of a class or of a stricter one."""
        allowed = CLASSES[: CLASSES.index(category) + 1]
        return tuple(change for change in self.changes if change.category in allowed)

    def rules(self) -> tuple[Rules, str | None]:
        """Names of b as names of a, in rules; and why these do not turn one state dict into the other."""
        stored_a, stored_b = (
            {t.name: t.shape for t in tensors(model.root) if t.persistent}
            for model in (self.a, self.b)
        )
        rules = _used(_rules(self.moves), stored_b)
        found, reason = renamed(stored_b, rules)
        if reason:
            return rules, reason
        for name, other in found.items():
            if other not in stored_a:
                return rules, f"{self.a.name} has nothing for `{name}`"
            if stored_a[other] != stored_b[name]:
                shapes = f"{list(stored_a[other])} and {list(stored_b[name])}"
                return rules, f"`{other}` and `{name}` have the shapes {shapes}"
        lost = next((name for name in stored_a if name not in set(found.values())), None)
        return rules, lost and f"{self.b.name} has nothing for `{lost}`"

    def as_json(self) -> dict[str, Any]:
        """The document of `diff --json`."""
        sides = {
            side: {"model": model.name, "spec": model.file, "total": total}
            for side, model, total in (("a", self.a, self.total_a), ("b", self.b, self.total_b))
        }
        return {
            "schema_version": 1,
            **sides,
            "delta": self.delta,
            "percent": self.percent,
            "identical": self.identical,
            "changes": [change.as_json() for change in self.changes],
        }


def diff(a: ir.Model, b: ir.Model) -> Difference:
    """Compare two compiled models."""
    walk = _Walk()
    sides = (_Side(a.root, True, frozenset()), _Side(b.root, True, frozenset()))
    changes = [*_interface(a.root.forward, b.root.forward), *walk.modules(*sides, (), 1)]
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


Place = tuple[tuple[str, str], ...]
"""A path as a has it and as b has it."""


def _dotted(place: Place, side: int = 0) -> str:
    return ".".join(names[side] for names in place)


class _Walk:
    """Walks two trees together."""

    def __init__(self) -> None:
        self.counter = Counter()
        self.structures = Structures()
        self.lone: dict[tuple[str, str], Any] = {}
        """By kind and path: the structure of what only one side has, where it holds tensors."""
        self.moves: list[tuple[str, str, bool]] = []
        self.flows: dict[tuple[int, int], list[_Words]] = {}

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
        path = _dotted(place, a is None)
        only = a or b
        if kind != "changed" and only and any(held):
            self.lone[kind, path] = "module", self.structures.of(only.module)
        return Change(path, kind, before, after, repeat, counts[0], counts[1], category)

    # Layers

    def leaves(self, a: _Side, b: _Side, place: Place, repeat: int) -> Iterator[Change]:
        """Two layers: which fields differ. One change, so that it carries the whole cost."""
        assert isinstance(a.module, ir.Leaf)
        assert isinstance(b.module, ir.Leaf)
        if a.module.type != b.module.type:
            yield self.change(place, repeat, a, b)
            return
        words: list[_Words] = []
        for field in a.module.op.declared_fields():
            values = [getattr(op, field.name) for op in (a.module.op, b.module.op)]
            if values[0] != values[1]:
                words.append(_valued(field.name, *values))
        words += _standing(a, b)
        if not words:
            return
        changed = self.change(place, repeat, a, b, _joined(words)[:2])
        strictest = _strictest([changed.category, *(each.category for each in words)])
        yield replace(changed, category=strictest)

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
            words = _expressions(one, other, "by position")
            if words:
                yield self.told(words, (*place, (name, name)), repeat)

    def rules(self, a: Any, b: Any, place: Place, repeat: int) -> Iterator[Change]:
        before, after = _init_words(a), _init_words(b)
        if before != after:
            kind = "added" if not before else "removed" if not after else "changed"
            path = _dotted(place)
            yield Change(path, kind, before or None, after or None, repeat, 0, 0, SOURCE)

    def told(self, words: list[_Words], place: Place, repeat: int) -> Change:
        before, after, category = _joined(words)
        return Change(_dotted(place), "changed", before, after, repeat, 0, 0, category)

    def dataflow(
        self, a: ir.Block, b: ir.Block, place: Place, repeat: int, known: Mapping[str, str]
    ) -> Iterator[Change]:
        words = self.flow(a, b, known)
        if words:
            yield self.told(words, (*place, ("forward", "forward")), repeat)

    def flow(
        self, a: ir.Block | ir.Routine, b: ir.Block | ir.Routine, known: Mapping[str, str]
    ) -> list[_Words]:
        """How two definitions compute differently: in what they say, the settings they use, and functions they call."""
        key = (id(a), id(b))
        if key not in self.flows:
            words = (
                [] if _form(a, b, known) == _form(b, a, {}) else [_texts(a.dataflow, b.dataflow)]
            )
            words += _settings(a, b)
            theirs = _routines(b)
            for name, routine in _routines(a).items():
                if name in theirs:
                    inner = [] if words else self.flow(routine, theirs[name], {})
                    words += [_Words(f"{name} {x}", f"{name} {y}", z) for x, y, z in inner]
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
            values = _expressions(shown[0], shown[1], "value")
            if words[0] == words[1]:
                if before and after and values:
                    yield self.told(values, inner, repeat)
                continue
            kind = "added" if before is None else "removed" if after is None else "changed"
            counts = [
                _weight_count(w, s) * repeat if w else 0 for w, s in ((before, a), (after, b))
            ]
            path = _dotted(inner, before is None)
            category = _weight_category(sides)
            if kind != "changed" and sides[0][0].persistent:
                shape = tuple(int(length) for length in sides[0][0].shape)
                self.lone[kind, path] = "tensor", sides[0][0].kind, shape
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
            structures = self.lone["removed", a], self.lone["added", b]
            same = structures[0] == structures[1] and one.params_a == other.params_b
            named = a.rpartition(".")[2] == b.rpartition(".")[2] and not a[-1].isdigit()
            return same and named and one.repeat == other.repeat

        pairs = matched(removed, added, alike)
        self.moves += [(a, b, self.lone["removed", a][0] == "tensor") for a, b in pairs.items()]
        found = []
        for change in changes:
            if change.kind == "removed" and change.path in pairs:
                other = added[pairs[change.path]]
                change = replace(
                    change,
                    kind="changed",
                    before=change.path,
                    after=other.path,
                    params_b=other.params_b,
                    renamed=True,
                )
            elif change.kind == "added" and change.path in pairs.values():
                continue
            found.append(change)
        return found


def _rules(moves: Iterable[tuple[str, str, bool]]) -> Rules:
    """Paths of b with the paths of a, as rules: the innermost first, ranges of a repeat written out."""
    rules: dict[str, str] = {}
    for a, b, tensor in sorted(moves, key=lambda move: -len(move[1].split("."))):
        for old, new in zip(_positions(a), _positions(b), strict=False):
            below_it = "" if tensor else ".**"
            rules[f"{new}{below_it}"] = f"{old}{below_it}"
    return rules


def _used(rules: Rules, names: Iterable[str]) -> Rules:
    """Rules that come first for some name: where all parts have rules of their own, the whole needs none."""
    firsts = {next((rule for rule in rules if fits(rule, name)), None) for name in names}
    return {rule: target for rule, target in rules.items() if rule in firsts}


def _positions(path: str) -> list[str]:
    """A path for each position of the ranges in it; every position of a `*` is one rule."""
    found = [""]
    for part in path.split("."):
        start, sign, end = part.partition("-")
        ranged = sign and start.isdigit() and end.isdigit()
        names = [str(at) for at in range(int(start), int(end) + 1)] if ranged else [part]
        found = [f"{head}.{name}" if head else name for head in found for name in names]
    return found


# What callers see


def _interface(a: ir.Forward | None, b: ir.Forward | None) -> Iterator[Change]:
    """Inputs and outputs: names and types, whatever run-time sizes are called."""
    first, second = _taken(a), _taken(b)
    for name in merged(list(first), list(second)):
        before, after = first.get(name), second.get(name)
        if (before and before[0]) != (after and after[0]):
            kind = "added" if before is None else "removed" if after is None else "changed"
            words = before and before[1], after and after[1]
            yield Change(f"inputs.{name}", kind, *words, 1, 0, 0, INTERFACE)
    if set(first) == set(second) and list(first) != list(second):
        yield Change("inputs", "changed", ", ".join(first), ", ".join(second), 1, 0, 0, INTERFACE)
    if a and b:
        (one, before_words), (other, after_words) = _returned(a), _returned(b)
        if one != other:
            yield Change("outputs", "changed", before_words, after_words, 1, 0, 0, INTERFACE)


def _size_names(forward: ir.Forward | None) -> dict[str, Size]:
    """Run-time sizes by the order in which inputs have them, so that their names do not matter."""
    found: dict[str, Size] = {}
    for declared in forward.inputs if forward else ():
        for tensor in declared.tensors:
            for length in tensor.shape:
                for symbol in sorted(length.value.symbols()):
                    found.setdefault(symbol, Size.runtime(f"size{len(found) + 1}"))
    return found


def _taken(forward: ir.Forward | None) -> dict[str, tuple[str, str]]:
    """For each input, its type to compare and its type to read."""
    sizes = _size_names(forward)
    return {
        declared.name: (_type_words(declared.type, sizes), _type_words(declared.type, {}))
        for declared in (forward.inputs if forward else ())
    }


def _returned(forward: ir.Forward) -> tuple[str, str]:
    """What comes out, to compare and to read."""
    values = forward.result if isinstance(forward.result, tuple) else (forward.result,)
    names = forward.names if len(forward.names) == len(values) else [""] * len(values)
    one, other = (
        ", ".join(f"{n} {_type_words(v, s)}".strip() for n, v in zip(names, values, strict=True))
        for s in (_size_names(forward), {})
    )
    return one, other


def _type_words(type: Any, sizes: Mapping[str, Size]) -> str:
    if isinstance(type, tuple):
        return f"[{', '.join(_type_words(item, sizes) for item in type)}]"
    if not isinstance(type, Tensor):
        return str(type)
    axes = ", ".join(str(length.substitute(sizes).value) for length in type.shape)
    return f"{type.dtype}[{axes}]"


# Dataflow


@dataclass(frozen=True, slots=True)
class _Words:
    """One thing that differs, from both sides."""

    before: str
    after: str
    category: str

    def __iter__(self) -> Iterator[str]:
        return iter((self.before, self.after, self.category))


def _joined(words: list[_Words]) -> tuple[str, str, str]:
    category = _strictest(each.category for each in words)
    return ", ".join(w.before for w in words), ", ".join(w.after for w in words), category


def _strictest(categories: Iterable[str]) -> str:
    return min(categories, key=CLASSES.index)


Definition = ir.Block | ir.Routine


def _form(one: Definition, other: Definition, renames: Mapping[str, str]) -> str:
    """The dataflow of `one` with parts as `other` calls them; a setting that `other` lacks stands as its value."""
    inputs = [declared.name for declared in one.forward.inputs] if one.forward else []
    sizes = {name: str(size) for name, size in _size_names(one.forward).items()}
    theirs = {**other.settings, **other.lets}
    alone = {
        name: f"={_shown(expr.value)}"
        for name, expr in {**one.settings, **one.lets}.items()
        if name not in theirs
    }
    return normal(one.dataflow, inputs, {**alone, **sizes, **renames})


def _texts(before: str, after: str) -> _Words:
    """The lines that only one of them has."""
    first, second = ([line.strip() for line in text.splitlines()] for text in (before, after))
    only_first = _quoted([line for line in first if line and line not in second])
    only_second = _quoted([line for line in second if line and line not in first])
    if not only_first and not only_second:
        words = "the order of its lines"
        return _Words(words, words, GRAPH)
    return _Words(only_first or "no such line", only_second or "no such line", GRAPH)


def _quoted(lines: list[str]) -> str:
    shown = [f"`{line}`" for line in lines[:3]]
    more = [f"{len(lines) - 3} more"] if len(lines) > 3 else []
    return "; ".join(shown + more)


def _settings(a: Definition, b: Definition) -> list[_Words]:
    """Settings that dataflow uses and that have other values."""
    used = names_in(a.dataflow) & names_in(b.dataflow)
    theirs = {**b.settings, **b.lets}
    return [
        _valued(name, expr.value, theirs[name].value)
        for name, expr in {**a.settings, **a.lets}.items()
        if name in used and name in theirs and expr.value != theirs[name].value
    ]


def _valued(name: str, before: Any, after: Any) -> _Words:
    sizes = all(isinstance(v, int | Size) and not isinstance(v, bool) for v in (before, after))
    category = SIZE if sizes else GRAPH
    return _Words(f"{name} {_shown(before)}", f"{name} {_shown(after)}", category)


def _routines(definition: Definition) -> dict[str, ir.Routine]:
    """The functions that a definition calls."""
    statements = definition.forward.statements if definition.forward else ()
    calls = (each for each in _inside(statements) if isinstance(each, ir.RoutineCall))
    return {call.routine.name: call.routine for call in calls}


def _inside(node: Any) -> Iterator[ir.Expr]:
    """Every expression of some statements; what a call leads to is not part of them."""
    if isinstance(node, tuple):
        for item in node:
            yield from _inside(item)
    elif isinstance(node, Mapping):
        yield from _inside(tuple(node.values()))
    elif isinstance(node, ir.Expr | ir.Assign | ir.Push | ir.Return | ir.For):
        if isinstance(node, ir.Expr):
            yield node
        for name in type(node).__match_args__:
            if name not in ("value", "bindings") or not isinstance(node, ir.Expr):
                yield from _inside(getattr(node, name))


def _expressions(a: ir.Expr | None, b: ir.Expr | None, word: str) -> list[_Words]:
    """How two expressions differ: in what they say, or in the settings that they use."""
    if a is None or b is None:
        return [] if a is b else [_Words(f"{word} {_said(a)}", f"{word} {_said(b)}", GRAPH)]
    names = [{e.id: e.value for e in _inside(each) if isinstance(e, ir.Name)} for each in (a, b)]
    if _spelling(a) != _spelling(b):
        return [_Words(f"{word} {_said(a)}", f"{word} {_said(b)}", GRAPH)]
    return [
        _valued(name, value, names[1][name])
        for name, value in names[0].items()
        if isinstance(value, Size | float | bool | str) and value != names[1][name]
    ]


def _spelling(node: Any) -> Any:
    """An expression as it was written, without what it is worth."""
    if isinstance(node, tuple):
        return tuple(map(_spelling, node))
    if isinstance(node, Mapping):
        return tuple((key, _spelling(value)) for key, value in node.items())
    if isinstance(node, ir.Const):
        return "const", _shown(node.value)
    if isinstance(node, ir.Expr):
        parts = [
            getattr(node, n) for n in type(node).__match_args__ if n not in ("value", "bindings")
        ]
        return type(node).__name__, *map(_spelling, parts)
    return repr(node)


def _said(expr: ir.Expr | None) -> str:
    """What an expression is worth, or which names it is made of."""
    if expr is None:
        return "none"
    if isinstance(expr.value, Size | float | bool | str):
        return _shown(expr.value)
    names = dict.fromkeys(e.id for e in _inside(expr) if isinstance(e, ir.Name))
    ops = dict.fromkeys(e.op for e in _inside(expr) if isinstance(e, ir.Apply | ir.Operation))
    return f"{'('.join([*ops, ''])}{', '.join(names)}{')' * len(ops)}"


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


def _standing(a: _Side, b: _Side) -> list[_Words]:
    """What a place adds to a layer: whether it is trained, and what is tied."""
    words = []
    if a.trainable != b.trainable and any(w.kind == "parameter" for w in a.module.weights):
        shown = ("trainable", "frozen") if a.trainable else ("frozen", "trainable")
        words.append(_Words(*shown, SIZE))
    if a.tied != b.tied:
        before, after = (
            f"tied {', '.join('.'.join(p) for p in sorted(s.tied))}" if s.tied else "not tied"
            for s in (a, b)
        )
        words.append(_Words(before, after, STATE))
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


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, ir.Varying):
        return "by position"
    if isinstance(value, Size):
        return str(value.value)
    return str(value)


def _without_start(before: str, after: str) -> str:
    """`affine false` after `affine true` is `false`; of several values, those that were the same are left out."""
    first, second = before.split(", "), after.split(", ")
    if len(first) != len(second) or "`" in before:
        return after
    same = next((i for i, (x, y) in enumerate(zip(first, second, strict=True)) if x != y), 0)
    rest = second[same:]
    head, _, value = first[same].partition(" ")
    if len(rest) == 1 and len(first) == 1 and value and rest[0].partition(" ")[0] == head:
        return rest[0].partition(" ")[2]
    return ", ".join(rest)


def _segments(a: ir.Stack, b: ir.Stack, end: int) -> list[tuple[int, int]]:
    """Stretches of positions in which both sides have one run."""
    cuts = {0, end} | {r.start for s in (a, b) for r in s.runs if r.start < end}
    ordered = sorted(cuts)
    return list(pairwise(ordered))


def _range(start: int, end: int, whole: bool) -> str:
    if whole and end - start > 1:
        return "*"
    return str(start) if end - start == 1 else f"{start}-{end - 1}"
