"""Which part of one model is which part of another: by name, then by structure, then by the nearest name.

Structure is what a state dict shows of a module: the kinds of its layers, its names inside and its shapes. Parts with one
structure under two names are one part that was renamed; a part that keeps its kind, and nearly its name or most of its
shapes, is one that was renamed and changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from difflib import SequenceMatcher
from itertools import zip_longest

from getspec import ir

__all__ = [
    "Structures",
    "matched",
    "named",
    "paired",
    "stored",
    "tensor_structure",
    "weight_renames",
]

NEAR = 0.6
"""How near two names must be where the structure is not the same."""
HALF = 0.5
"""How much of it must be then, by tensors."""
MOST = 0.75
"""How much of it must be where the names say nothing."""


class Structures:
    """The structure of modules, each worked out once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, bool], Hashable] = {}

    def of(self, module: ir.Module, *, names: bool = True) -> Hashable:
        """With the names inside it, or without."""
        key = (id(module), names)
        if key not in self.known:
            self.known[key] = self._of(module, names)
        return self.known[key]

    def _of(self, module: ir.Module, names: bool) -> Hashable:
        own = tuple((w.name if names else "", *tensor_structure(w)) for w in module.weights)
        if isinstance(module, ir.Leaf):
            # Without tensors, only an equal layer is the same one.
            return module.type, own or (repr(module.op),)
        inner = tuple(
            (name if names else "", n, self.of(member.module, names=names))
            for name, n, member in module.children()
        )
        return type(module).__name__, own, inner


def stored(module: ir.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a state dict holds of a module, one copy of each repeat."""
    found = {
        weight.name: tuple(int(length) for length in weight.shape)
        for weight in module.weights
        if weight.persistent
    }
    for name, _, member in module.children():
        found |= {f"{name}.{path}": shape for path, shape in stored(member.module).items()}
    return found


def shared(one: ir.Module, other: ir.Module) -> float:
    """How much of two modules is in both: tensors of one shape, whatever they are called."""
    first, second = (Counter(stored(module).values()) for module in (one, other))
    most = max(first.total(), second.total())
    return (first & second).total() / most if most else 0.0


def tensor_structure(weight: ir.Weight) -> tuple[Hashable, ...]:
    """What a tensor is, whatever its name."""
    shape = tuple(int(length) for length in weight.shape)
    return weight.kind, shape, weight.dtype, weight.persistent


def nearness(one: str, other: str) -> float:
    """From 0 to 1, the same from both sides."""
    first, second = sorted((one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def matched(
    removed: Iterable[str],
    added: Iterable[str],
    alike: Callable[[str, str], bool],
    at_least: float = 0.0,
) -> dict[str, str]:
    """Pairs of names that `alike` allows, the nearest first; each name is in one pair."""
    pairs = [(a, b) for a in removed for b in added if alike(a, b) and nearness(a, b) >= at_least]
    pairs.sort(key=lambda pair: (-nearness(*pair), *sorted(pair)))
    found: dict[str, str] = {}
    for a, b in pairs:
        if a not in found and b not in found.values():
            found[a] = b
    return found


def renames(
    first: dict[str, ir.Member], second: dict[str, ir.Member], structures: Structures
) -> dict[str, str]:
    """Members of one level that have other names in the other model."""
    removed = [name for name in first if name not in second]
    added = [name for name in second if name not in first]

    def equal(a: str, b: str) -> bool:
        return structures.of(first[a].module) == structures.of(second[b].module)

    def congruent(a: str, b: str) -> bool:
        one, other = (structures.of(m.module, names=False) for m in (first[a], second[b]))
        return one == other

    def sharing(least: float) -> Callable[[str, str], bool]:
        def enough(a: str, b: str) -> bool:
            one, other = first[a].module, second[b].module
            leaves = isinstance(one, ir.Leaf) and one.type != other.type
            return type(one) is type(other) and not leaves and shared(one, other) >= least

        return enough

    found: dict[str, str] = {}
    rounds = ((equal, 0.0), (congruent, 0.0), (sharing(HALF), NEAR), (sharing(MOST), 0.0))
    for alike, at_least in rounds:
        left = [name for name in removed if name not in found]
        rest = [name for name in added if name not in found.values()]
        found |= matched(left, rest, alike, at_least)
    return found


Pairs = list[tuple[str | None, str | None]]
"""Names of one level, as a and b have them; None where one of them lacks the part."""


def paired(a: ir.Module, b: ir.Module, structures: Structures) -> Pairs:
    """The members of two blocks or sequentials, in an order that keeps each side's own."""
    first = {name: member for name, _, member in a.children()}
    second = {name: member for name, _, member in b.children()}
    if all(name.isdigit() for name in (*first, *second)):
        return _in_order(first, second, structures)
    other = renames(first, second, structures)
    return named(list(first), list(second), other)


def named(first: list[str], second: list[str], other: dict[str, str]) -> Pairs:
    """Equal names, and those that `other` makes one."""
    back = {new: old for old, new in other.items()}
    found: Pairs = []
    for name in merged(first, [back.get(name, name) for name in second]):
        left = name if name in first else None
        right = other.get(name, name)
        found.append((left, right if right in second else None))
    return found


def _in_order(
    first: dict[str, ir.Member], second: dict[str, ir.Member], structures: Structures
) -> Pairs:
    """Numbered parts: the same from the start and from the end, and by position between; a number is no name."""
    one, other = list(first), list(second)

    def same(a: str, b: str) -> bool:
        return structures.of(first[a].module) == structures.of(second[b].module)

    most = min(len(one), len(other))
    head = next((i for i in range(most) if not same(one[i], other[i])), most)
    left = most - head
    tail = next((i for i in range(left) if not same(one[-1 - i], other[-1 - i])), left)
    middle = [one[head : len(one) - tail], other[head : len(other) - tail]]
    between: Pairs = [(x, y) for x, y in zip_longest(*middle)]
    ends = zip(one[len(one) - tail :], other[len(other) - tail :], strict=True)
    return [*zip(one[:head], other[:head], strict=True), *between, *ends]


def weight_renames(first: dict[str, ir.Weight], second: dict[str, ir.Weight]) -> dict[str, str]:
    """Tensors of one module that have other names in the other model."""
    removed = [name for name in first if name not in second]
    added = [name for name in second if name not in first]
    return matched(
        removed, added, lambda a, b: tensor_structure(first[a]) == tensor_structure(second[b])
    )


def merged(first: list[str], second: list[str]) -> list[str]:
    """Names of both in an order that keeps each side's own."""
    found = list(second)
    at = 0
    for name in first:
        if name in second:
            at = found.index(name) + 1
        else:
            found.insert(at, name)
            at += 1
    return found
