"""What one forward pass in training leaves in memory for the backward pass, per module, in bytes.

The checked dataflow is run once more on tensors that know where they lie (passes/replay.py, ops/storage.py); each op says
beside its shape rule what it keeps. Amounts are polynomials in the model's run-time sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from getspec import ir
from getspec.ops.storage import Policy, Tape
from getspec.passes.paths import twins
from getspec.passes.replay import Open, Replay, each, summed, tensors
from getspec.sizes import Size

__all__ = ["Activations", "activations", "default_sizes"]

FIRST, STEP = 64, 4
"""Sizes that nobody gave: multiples of 4, no two equal, so that no layout is special by chance."""


@dataclass(frozen=True)
class Activations:
    """What a model keeps. `table` is by (path, what), without what is below the path.

    In bytes: `saved` is kept for the backward pass; `attention` is too, and is worked out again where attention is recomputed;
    `entered` is what layers of a repeat are given, `again` what of it they keep, and `outside` what else is kept outside of
    such layers; `keys` is what causal attention remembers of one token and `cache` of all
    of them; `state` is what recurrences remember; `outputs` are results that are not saved. In parameters: `idle`, those of
    groups that a row does not enter. In times: `selects`, how often a mask selects, so that a size depends on data;
    `masked`, how often attention has a mask over pairs of positions, which may hide what is later: no keys are counted for it.
    """

    table: Mapping[tuple[str, str], Size]
    unknown: tuple[str, ...]
    layers: Mapping[str, Size]
    """The most that one layer of a repeat keeps beside what it is given, by the path of the layer."""
    sizes: Mapping[str, int]
    """The run-time sizes at which layouts were decided."""

    def at(self, size: Size) -> int:
        """A number at those sizes."""
        return size.value.evaluate(self.sizes)

    def total(self, *what: str, path: str = "") -> Size:
        """The sum over a module and everything in it; "" is the model."""
        return summed(self.table, what, path)

    def below(self, path: str) -> Size:
        """Bytes that a module and everything in it keep."""
        return self.total("saved", "attention", path=path)

    @property
    def saved(self) -> Size:
        return self.below("")


def default_sizes(model: ir.Model, given: Mapping[str, int]) -> dict[str, int]:
    """A number for every run-time size of the inputs: the given one where there is one."""
    assert model.root.forward is not None
    lengths = [
        length
        for declared in model.root.forward.inputs
        for tensor in declared.tensors
        for length in (*tensor.shape, *([declared.selects] if declared.selects else []))
    ]
    names = sorted({name for length in lengths for name in length.value.symbols()})
    return {name: FIRST + STEP * at for at, name in enumerate(names)} | dict(given)


def activations(
    model: ir.Model, policy: Policy | None = None, sizes: Mapping[str, int] | None = None
) -> Activations:
    """What a compiled model keeps; `sizes` decide layouts, the amounts stay polynomials in them."""
    root = model.root
    assert root.forward is not None, "a spec without `forward` keeps nothing"
    tape = Tape(
        policy or Policy(),
        Open(default_sizes(model, sizes or {})),
        twins=dict(twins(root)),
    )
    inputs = [each(declared.type, tape.given) for declared in root.forward.inputs]
    made = Replay(tape, root, root.forward, {}, True, {}).run(inputs)
    for storage in {held.storage for held in tensors(made)}:
        if storage.counted and not storage.saved:
            tape.note("outputs", storage.bytes)
    return Activations(tape.table, tuple(sorted(tape.unknown)), tape.layers, tape.sizes)
