"""The difference between two models, explained to the last parameter.

Both trees are walked together, matched by name, and every difference is reported at the place that owns it, with its cost
over all repeats. Nothing is computed by subtraction: the deltas of the parts add up to the delta of the totals because each
parameter belongs to exactly one part, and a test holds that for random pairs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from getspec import ir
from getspec.passes.count import Counter, Path, below, with_ties

__all__ = ["Change", "Difference", "diff"]


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf of the explanation. `params_a` and `params_b` are over all `repeat` copies."""

    path: str
    kind: str
    before: str | None
    after: str | None
    repeat: int
    params_a: int
    params_b: int

    @property
    def delta(self) -> int:
        return self.params_b - self.params_a

    @property
    def words(self) -> str:
        """`norm1: affine true -> false`."""
        name = self.path.rpartition(".")[2]
        if self.kind == "added":
            return f"{name}: added, {self.after}"
        if self.kind == "removed":
            return f"{name}: removed, {self.before}"
        before, after = self.before or "", self.after or ""
        common = _common_words(before, after)
        if common:
            return f"{name}: {common} {before[len(common) + 1 :]} -> {after[len(common) + 1 :]}"
        return f"{name}: {before} -> {after}"

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "kind": self.kind,
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
    changes = tuple(walk.modules(*sides, (), 1))
    return Difference(a, b, walk.params(sides[0]), walk.params(sides[1]), changes)


@dataclass(frozen=True)
class _Side:
    """A module of one model, with what its place adds."""

    module: ir.Module
    trainable: bool
    tied: frozenset[Path]

    def child(self, name: str, member: ir.Member) -> _Side:
        tied = below(with_ties(self.module, self.tied), name)
        return _Side(member.module, self.trainable and member.trainable, tied)


class _Walk:
    """Walks two trees together."""

    def __init__(self) -> None:
        self.counter = Counter()

    def params(self, side: _Side) -> int:
        return self.counter.numbers(side.module, side.trainable, side.tied).params

    def modules(self, a: _Side, b: _Side, path: Path, repeat: int) -> Iterator[Change]:
        if a.module is b.module and a == b:
            return
        match a.module, b.module:
            case ir.Leaf(), ir.Leaf():
                yield from self.leaves(a, b, path, repeat)
            case ir.Stack(), ir.Stack():
                yield from self.stacks(a, b, path, repeat)
            case (ir.Block(), ir.Block()) | (ir.Sequence(), ir.Sequence()):
                yield from self.insides(a, b, path, repeat)
            case _:
                yield self.change(path, repeat, a, b, _kind(a.module), _kind(b.module))

    def change(
        self, path: Path, repeat: int, a: _Side | None, b: _Side | None, before: Any, after: Any
    ) -> Change:
        kind = "added" if a is None else "removed" if b is None else "changed"
        counts = [0 if side is None else self.params(side) * repeat for side in (a, b)]
        return Change(".".join(path), kind, before, after, repeat, *counts)

    def leaves(self, a: _Side, b: _Side, path: Path, repeat: int) -> Iterator[Change]:
        """Two layers: which fields differ. One change, so that it carries the whole cost."""
        assert isinstance(a.module, ir.Leaf) and isinstance(b.module, ir.Leaf)
        if a.module.type != b.module.type:
            yield self.change(path, repeat, a, b, _kind(a.module), _kind(b.module))
            return
        words: tuple[list[str], list[str]] = ([], [])
        for field in fields(a.module.op):  # type: ignore[arg-type]
            values = [getattr(side.module.op, field.name) for side in (a, b)]  # type: ignore[attr-defined]
            if values[0] != values[1]:
                for side, value in zip(words, values, strict=True):
                    side.append(f"{field.name} {_shown(value)}")
        if a.trainable != b.trainable:
            for side, where in zip(words, (a, b), strict=True):
                side.append("trainable" if where.trainable else "frozen")
        if a.tied != b.tied:
            for side, where in zip(words, (a, b), strict=True):
                side.append("tied" if where.tied else "not tied")
        if words[0]:
            yield self.change(path, repeat, a, b, ", ".join(words[0]), ", ".join(words[1]))

    def insides(self, a: _Side, b: _Side, path: Path, repeat: int) -> Iterator[Change]:
        """Two blocks or two sequentials: weights, then parts, then dataflow."""
        yield from self.weights(a, b, path, repeat)
        first = {name: member for name, _, member in a.module.children()}
        second = {name: member for name, _, member in b.module.children()}
        for name in _merged(list(first), list(second)):
            left, right = first.get(name), second.get(name)
            x = a.child(name, left) if left else None
            y = b.child(name, right) if right else None
            if x and y:
                yield from self.modules(x, y, (*path, name), repeat)
            else:
                before, after = (s and _kind(s.module) for s in (x, y))
                yield self.change((*path, name), repeat, x, y, before, after)
        if isinstance(a.module, ir.Block) and isinstance(b.module, ir.Block):
            yield from self.dataflow(a.module, b.module, path, repeat)

    def dataflow(self, a: ir.Block, b: ir.Block, path: Path, repeat: int) -> Iterator[Change]:
        if _normal(a.dataflow) != _normal(b.dataflow):
            place = ".".join((*path, "forward"))
            before, after = (f"{_lines(block)} lines" for block in (a, b))
            if before == after:
                before, after = f"{before} of {a.type}", f"others of {b.type}"
            yield Change(place, "changed", before, after, repeat, 0, 0)

    def weights(self, a: _Side, b: _Side, path: Path, repeat: int) -> Iterator[Change]:
        first = {weight.name: weight for weight in a.module.weights}
        second = {weight.name: weight for weight in b.module.weights}
        for name in _merged(list(first), list(second)):
            before, after = first.get(name), second.get(name)
            words = [_weight_words(w, s, name) if w else None for w, s in ((before, a), (after, b))]
            if words[0] == words[1]:
                continue
            kind = "added" if before is None else "removed" if after is None else "changed"
            counts = [
                _weight_count(w, s) * repeat if w else 0 for w, s in ((before, a), (after, b))
            ]
            place = ".".join((*path, name))
            yield Change(place, kind, words[0], words[1], repeat, *counts)

    def stacks(self, a: _Side, b: _Side, path: Path, repeat: int) -> Iterator[Change]:
        """Two lists: common positions segment by segment, then what one has more of."""
        assert isinstance(a.module, ir.Stack) and isinstance(b.module, ir.Stack)
        common = min(len(a.module), len(b.module))
        for start, end in _segments(a.module, b.module, common):
            whole = start == 0 and end == len(a.module) == len(b.module)
            name = _range(start, end, whole)
            sides = [s.child(str(start), s.module.at(start)) for s in (a, b)]  # type: ignore[attr-defined]
            times = repeat * (end - start)
            yield from self.modules(sides[0], sides[1], (*path, name), times)
        for longer, is_a in ((a, True), (b, False)):
            yield from self.surplus(longer, common, path, repeat, removed=is_a)

    def surplus(
        self, side: _Side, common: int, path: Path, repeat: int, *, removed: bool
    ) -> Iterator[Change]:
        assert isinstance(side.module, ir.Stack)
        for run in side.module.runs:
            start, end = max(run.start, common), run.start + run.count
            if start >= end:
                continue
            place = (*path, _range(start, end, False))
            child = side.child(str(start), run.member)
            kind = _kind(child.module)
            times = repeat * (end - start)
            if removed:
                yield self.change(place, times, child, None, kind, None)
            else:
                yield self.change(place, times, None, child, None, kind)


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


def _weight_words(weight: ir.Weight, side: _Side, name: str) -> str:
    shape = ", ".join(str(int(length)) for length in weight.shape)
    words = f"{weight.kind} [{shape}]"
    if weight.kind == "parameter":
        words += "" if side.trainable and weight.trainable else ", frozen"
        words += f", init {weight.init}"
    if weight.kind == "buffer" and not weight.persistent:
        words += ", not persistent"
    if (name,) in with_ties(side.module, side.tied):
        words += ", tied"
    return words


def _weight_count(weight: ir.Weight, side: _Side) -> int:
    tied = (weight.name,) in with_ties(side.module, side.tied)
    return 0 if tied or weight.kind == "buffer" else weight.numel


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value if isinstance(value, float | str) else int(value))


def _common_words(before: str, after: str) -> str:
    """`affine true` and `affine false` share `affine`."""
    head, _, rest = before.partition(" ")
    if not rest or "," in before or "," in after or after.partition(" ")[0] != head:
        return ""
    return head


def _normal(text: str) -> str:
    return ast.dump(ast.parse(text)) if text else ""


def _lines(block: ir.Block) -> int:
    return len([line for line in block.dataflow.splitlines() if line.strip()])


def _merged(first: list[str], second: list[str]) -> list[str]:
    """Names of both in an order that keeps each side's own."""
    merged = list(second)
    at = 0
    for name in first:
        if name in second:
            at = merged.index(name) + 1
        else:
            merged.insert(at, name)
            at += 1
    return merged


def _segments(a: ir.Stack, b: ir.Stack, end: int) -> list[tuple[int, int]]:
    """Stretches of positions in which both sides have one run."""
    cuts = {0, end} | {r.start for s in (a, b) for r in s.runs if r.start < end}
    ordered = sorted(cuts)
    return list(zip(ordered, ordered[1:], strict=False))


def _range(start: int, end: int, whole: bool) -> str:
    if whole and end - start > 1:
        return "*"
    return str(start) if end - start == 1 else f"{start}-{end - 1}"
