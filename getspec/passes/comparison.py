"""Two models side by side: their parts row by row, why their totals differ, and what each of them costs.

What both hold is told by the changes, not by equal counts: a matrix and its transpose have as many elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from getspec import ir
from getspec.passes.changes import STATE, Change, Difference
from getspec.passes.cost import cost
from getspec.passes.count import Count, Row
from getspec.passes.memory import memory
from getspec.sizes import Poly, constant

__all__ = [
    "Cause",
    "Flops",
    "Kept",
    "Pair",
    "alike",
    "causes",
    "flops",
    "nets",
    "pairs",
    "remembered",
]


# Costs


@dataclass(frozen=True)
class Flops:
    """The work of a forward pass of both models: integers where all run-time sizes are given."""

    sizes_a: Mapping[str, int]
    sizes_b: Mapping[str, int]
    a: Poly
    b: Poly

    @property
    def alike(self) -> bool:
        """Whether what both have a size for has one size."""
        common = self.sizes_a.keys() & self.sizes_b.keys()
        return all(self.sizes_a[name] == self.sizes_b[name] for name in common)

    @property
    def known(self) -> bool:
        return self.a.constant is not None and self.b.constant is not None

    @property
    def delta(self) -> int:
        assert self.a.constant is not None
        assert self.b.constant is not None
        return self.b.constant - self.a.constant


def flops(found: Difference, given: Mapping[str, int]) -> Flops | None:
    """The work of both, where both have a forward."""
    if found.a.root.forward is None or found.b.root.forward is None:
        return None
    sides = []
    for model, sizes in _sized(found, given):
        total = cost(model).total.forward.value
        used = {name: size for name, size in sizes.items() if name in total.symbols()}
        sides.append((used, total.substitute({n: constant(size) for n, size in used.items()})))
    (sizes_a, work_a), (sizes_b, work_b) = sides
    return Flops(sizes_a, sizes_b, work_a, work_b)


@dataclass(frozen=True)
class Kept:
    """Bytes that both models keep, under a key and in words."""

    key: str
    words: str
    a: int
    b: int

    @property
    def delta(self) -> int:
        return self.b - self.a


def remembered(found: Difference, given: Mapping[str, int]) -> Iterator[Kept]:
    """What the dataflow of both keeps, as far as it is known: to the last byte, or not at all."""
    if found.a.root.forward is None or found.b.root.forward is None:
        return
    saved: list[int | None] = []
    keys: list[int | None] = []
    for model, sizes in _sized(found, given):
        held = memory(model, sizes=sizes)
        values = {name: constant(number) for name, number in sizes.items()}
        activations = held.kept.saved.value.substitute(values).constant
        saved.append(None if held.unknown else activations)
        # An attention with a mask of its own may or may not have a cache.
        cached = held.kv_per_token.value.substitute(values).constant
        keys.append(None if held.masked != 0 else cached)
    if saved[0] is not None and saved[1] is not None:
        words = "activations kept for the backward pass in float32"
        yield Kept("activation_bytes", words, saved[0], saved[1])
    if keys[0] is not None and keys[1] is not None and any(keys):
        words = "keys and values of one token in float32"
        yield Kept("kv_bytes_per_token", words, keys[0], keys[1])


def _sized(
    found: Difference, given: Mapping[str, int]
) -> tuple[tuple[ir.Model, dict[str, int]], ...]:
    """Both models with their run-time sizes: the given ones, their own, and else those of the other."""
    a, b = found.a, found.b
    return (a, {**b.shape, **a.shape, **given}), (b, {**a.shape, **b.shape, **given})


# Causes


@dataclass(frozen=True)
class Cause:
    """Equal changes of neighbours: one reason for a difference in parameters."""

    paths: tuple[str, ...]
    words: str
    repeat: int
    delta: int

    @property
    def sum(self) -> str:
        """`12 x -3,072 = -36,864`."""
        if self.repeat > 1 and self.delta % self.repeat == 0:
            return f"{self.repeat} x {self.delta // self.repeat:+,} = {self.delta:+,}"
        return f"{self.delta:+,}"


def causes(changes: Iterable[Change]) -> list[Cause]:
    """Why the totals differ, the weightiest first; the deltas add up to the difference."""
    groups: dict[tuple[str, str, int, int], list[Change]] = {}
    for change in changes:
        if change.delta:
            parent = change.path.rpartition(".")[0]
            words = change.words.partition(": ")[2]
            groups.setdefault((parent, words, change.repeat, change.delta), []).append(change)
    found = [
        Cause(tuple(c.path for c in group), words, repeat, sum(c.delta for c in group))
        for (_, words, repeat, _), group in groups.items()
    ]
    return sorted(found, key=lambda cause: -abs(cause.delta))


def nets(changes: Iterable[Change]) -> list[Cause]:
    """Places whose causes partly cancel, with what remains of them."""
    inside: dict[str, list[Change]] = {}
    for change in changes:
        parts = change.path.split(".")
        for end in range(1, len(parts)):
            if change.delta:
                inside.setdefault(".".join(parts[:end]), []).append(change)
    found = []
    for path, below in inside.items():
        deltas = [change.delta for change in below]
        # A list whose causes are all in its items says nothing that these do not.
        heads = {change.path[len(path) + 1 :].partition(".")[0] for change in below}
        if len(heads) > 1 and min(deltas) < 0 < max(deltas):
            found.append(Cause((path,), "", min(c.repeat for c in below), sum(deltas)))
    return found


# Rows


@dataclass(frozen=True)
class Pair:
    """One place of both models; a side that does not have it is None."""

    path: str
    depth: int
    a: Row | None
    b: Row | None

    @property
    def delta(self) -> int:
        return (self.b.params if self.b else 0) - (self.a.params if self.a else 0)

    @property
    def type(self) -> str:
        kinds = dict.fromkeys(row.type for row in (self.a, self.b) if row)
        return " / ".join(kinds)

    @property
    def repeats(self) -> tuple[int, int]:
        return (self.a.repeat if self.a else 1, self.b.repeat if self.b else 1)

    @property
    def even(self) -> bool:
        """Whether both have it, as often and with as many parameters."""
        return bool(self.a and self.b) and not self.delta and self.repeats[0] == self.repeats[1]

    def holds(self, path: str) -> bool:
        """Whether a path is this place or within it."""
        return path == self.path or path.startswith(f"{self.path}.")


def pairs(found: Difference, a: Count, b: Count) -> list[Pair]:
    """The rows of both counts side by side, in an order that keeps the tree; what was renamed is one row.

    What moved is two, so that the rows of a level add up on both sides.
    """
    renamed = {new: old for old, new, _ in found.moves if _last(old) != _last(new)}
    innermost = sorted(renamed.items(), key=lambda names: -len(names[0]))

    def called(path: str) -> str:
        for new, old in innermost:
            if path == new or path.startswith(f"{new}."):
                return old + path[len(new) :]
        return path

    first = {row.path: row for row in a.rows}
    second = {called(row.path): row for row in b.rows}
    order = _tree_order(first, second)
    rows = [(path, first.get(path), second.get(path)) for path in order]
    return [
        Pair(path, known.depth, one, other)
        for path, one, other in rows
        if (known := one or other) is not None
    ]


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _tree_order(first: Mapping[str, Row], second: Mapping[str, Row]) -> list[str]:
    """Rows only one side has stand after what comes before them there, within their parent."""
    order = list(first)
    known = set(order)
    before: str | None = None
    for path in second:
        if path not in known:
            at = 0
            if before is not None:
                at = order.index(before) + 1
                parent = path.rpartition(".")[0]
                while at < len(order) and parent != before and order[at].startswith(f"{before}."):
                    at += 1
            order.insert(at, path)
            known.add(path)
        before = path
    return order


def alike(found: Difference, rows: Sequence[Pair]) -> list[Pair]:
    """The outermost places that hold the same tensors in both models, whatever they are called."""
    other = [c.path for c in found.changes if c.category == STATE and not c.renamed]
    whole: list[Pair] = []
    for pair in rows:
        if whole and whole[-1].holds(pair.path):
            continue
        below = (row for row in rows if pair.holds(row.path))
        if all(row.even for row in below) and not any(map(pair.holds, other)):
            whole.append(pair)
    return whole
