"""What a backward pass goes through: steps over the tensors that want a gradient, and which steps it takes.

A tensor wants a gradient where a trained parameter has a part in it. Going back, a step is taken where something that it made
is wanted, and what it read is wanted then. So a tensor that reaches no output, or reaches it only through what has no
derivative, costs nothing going back. One flag "wants a gradient" per tensor was refused: it charges for such tensors too.

A definition is gone back through once per set of wanted outputs, not once per caller or per layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from getspec.sizes import Size

__all__ = ["Back", "Call", "Graph", "Op", "Rounds", "Step", "Wires", "Work", "flat", "wants"]

ZERO = Size.of(0)
Wires = Any
"""The number of a tensor that wants a gradient, 0 for one that does not; a tuple of such for a list of tensors."""


def flat(wires: Wires) -> Iterator[int]:
    if isinstance(wires, tuple):
        for wire in wires:
            yield from flat(wire)
    else:
        yield wires


def wants(wires: Wires) -> Any:
    """Whether tensors want a gradient, whatever their numbers."""
    return tuple(map(wants, wires)) if isinstance(wires, tuple) else wires != 0


@dataclass(frozen=True, slots=True)
class Work:
    """FLOPs going forward and backward."""

    forward: Size = ZERO
    backward: Size = ZERO

    def __add__(self, other: Work) -> Work:
        return Work(self.forward + other.forward, self.backward + other.backward)

    def __mul__(self, times: int) -> Work:
        return Work(self.forward * times, self.backward * times)

    def within(self, names: Mapping[str, Size]) -> Work:
        return Work(self.forward.substitute(names), self.backward.substitute(names))


@dataclass(frozen=True, slots=True)
class Op:
    """A primitive: its work, that going back included."""

    work: Work
    reads: tuple[int, ...]
    makes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A component or a function of the spec called; `names` are its sizes in its caller's."""

    path: str
    graph: Graph
    reads: tuple[int, ...]
    makes: tuple[int, ...]
    names: Mapping[str, Size] | None
    type: Any


@dataclass(frozen=True, slots=True)
class Rounds:
    """Rounds of a loop that do the same. Wires from `first` on are of the loop.

    What a round finds under a name has a wire of its own: `before` says which wire that is ahead of the first round, `after`
    which one the round before leaves.
    """

    times: int
    steps: tuple[Step, ...]
    first: int
    before: tuple[tuple[int, int], ...]
    after: tuple[tuple[int, int], ...]


Step = Op | Call | Rounds


@dataclass
class Back:
    """What a definition does when some of its outputs are wanted: on its own, and in what it calls."""

    own: Work = field(default_factory=Work)
    calls: list[tuple[Call, int, Back]] = field(default_factory=list)
    """From the last call to the first."""
    inputs: tuple[bool, ...] = ()
    """Which inputs are wanted then."""

    def take(self, steps: Sequence[Step], wanted: set[int]) -> set[int]:
        """Go back through steps, from the tensors that are wanted after them to those that are wanted before them."""
        for step in reversed(steps):
            match step:
                case Op(work, reads, makes):
                    taken = not wanted.isdisjoint(makes)
                    self.own += work if taken else Work(work.forward)
                    wanted = wanted.union(reads) if taken else wanted
                case Call(_, graph, reads, makes):
                    inner = graph.back(tuple(wire in wanted for wire in makes))
                    self.calls.append((step, 1, inner))
                    wanted = wanted.union(compress(reads, inner.inputs))
                case Rounds():
                    wanted = self.rounds(step, wanted)
        return wanted

    def rounds(self, step: Rounds, wanted: set[int]) -> set[int]:
        """From the last round on, until a round wants of the one before what was wanted of itself."""
        left = step.times
        while left:
            done = Back()
            found = done.take(step.steps, wanted)
            outer = {wire for wire in found if wire < step.first}
            earlier = outer | {wire for own, wire in step.after if own in found}
            times = left if earlier == wanted else 1
            self.own += done.own * times
            self.calls += [(call, count * times, inner) for call, count, inner in done.calls]
            left, wanted = left - times, earlier
        return outer | {wire for own, wire in step.before if own in found}


@dataclass(eq=False)
class Graph:
    """The steps of one definition, from its inputs to its outputs."""

    inputs: tuple[int, ...] = ()
    steps: list[Step] = field(default_factory=list)
    result: Wires = 0
    known: dict[tuple[bool, ...], Back] = field(default_factory=dict)

    def back(self, outputs: tuple[bool, ...]) -> Back:
        """What is done when these outputs are wanted; they are given in the order of `flat(result)`."""
        if outputs not in self.known:
            made = flat(self.result)
            wanted = {wire for wire, want in zip(made, outputs, strict=True) if want and wire}
            done = Back()
            found = done.take(self.steps, wanted)
            done.inputs = tuple(wire in found for wire in self.inputs)
            self.known[outputs] = done
        return self.known[outputs]
