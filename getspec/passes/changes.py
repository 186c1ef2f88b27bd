"""What `diff` finds: changes, each with its cost and its class, and the difference that they add up to.

A change has a class, by what it breaks:

    INTERFACE   callers: what the model takes or returns
    STATE       checkpoints: names, shapes or ties of tensors that are stored
    SIZE        nothing that is stored, but a size: heads, a stride, what is trained, a buffer that is not stored
    GRAPH       the function: an activation, an epsilon, a connection
    SOURCE      nothing that a loaded model shows: how tensors start, what a block is called

How tensors start is SOURCE because a model with its weights loaded computes the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from getspec import ir
from getspec.passes.count import tensors
from getspec.rename import Rules, fits, renamed

__all__ = [
    "CLASSES",
    "GRAPH",
    "INTERFACE",
    "SIZE",
    "SOURCE",
    "STATE",
    "Change",
    "Difference",
    "Move",
    "strictest",
]

CLASSES = ("INTERFACE", "STATE", "SIZE", "GRAPH", "SOURCE")
"""Strictest first."""
INTERFACE, STATE, SIZE, GRAPH, SOURCE = CLASSES


Move = tuple[str, str, bool]
"""Paths in a and in b of what was renamed, and whether it is one tensor."""


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf of the explanation. `params_a` and `params_b` are over all `repeat` copies.

    The path is that in a; what only b has stands where a would have it, so that the changes of one part are together. What
    was renamed or moved has its path in a as `before`, that in b as `after`.
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
            # What moves keeps its name, and what has another name is where its parent is.
            last = after.rpartition(".")[2]
            return f"{name}: moved to {after}" if last == name else f"{name}: renamed {last}"
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
    moves: tuple[Move, ...] = ()

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


def strictest(categories: Iterable[str]) -> str:
    return min(categories, key=CLASSES.index)


def _rules(moves: Iterable[Move]) -> Rules:
    """Paths of b with the paths of a, as rules: the innermost first, ranges of a repeat written out."""
    rules: dict[str, str] = {}
    for a, b, tensor in _innermost_first(list(moves)):
        for old, new in zip(_positions(a), _positions(b), strict=False):
            below_it = "" if tensor else ".**"
            rules[f"{new}{below_it}"] = f"{old}{below_it}"
    return rules


def _innermost_first(moves: list[Move]) -> list[Move]:
    """What lies within another on either side comes before it: rules are read from both, and the first that fits counts."""

    def within(one: Move, other: Move) -> bool:
        return one[0].startswith(f"{other[0]}.") or one[1].startswith(f"{other[1]}.")

    order = TopologicalSorter({outer: [m for m in moves if within(m, outer)] for outer in moves})
    try:
        return list(order.static_order())
    except CycleError:
        return moves  # each within the other: no order will do, and `renamed` says why


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
    short = ", ".join(rest)
    return short if short.count("[") == short.count("]") else after
