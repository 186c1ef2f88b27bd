"""Memory of training and of inference, every addend by a named recipe.

Parameters, gradients and optimizer state follow from the precision and the optimizer; activations from what the backward pass
keeps; the cache of keys and values and recurrent state from the dataflow. A frozen parameter has no gradient and no state.
What an allocator rounds up, workspaces of kernels and the loss are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

from getspec import ir
from getspec.ops.storage import Policy
from getspec.passes.activations import Activations, activations
from getspec.passes.count import Path, below, with_ties
from getspec.sizes import Size, product

__all__ = ["ATTENTIONS", "OPTIMIZERS", "PRECISIONS", "RECOMPUTES", "Addend", "Memory", "memory"]

ZERO = Size.of(0)


@dataclass(frozen=True)
class Precision:
    """Bytes of a trained parameter, of its gradient, and of each number that the optimizer keeps."""

    parameter: int
    gradient: int
    state: int
    master: int = 0
    """A copy in float32 that the optimizer updates."""
    recipe: str = ""


PRECISIONS: dict[str, Precision] = {
    "fp32": Precision(4, 4, 4, recipe="all in float32"),
    "bf16": Precision(2, 2, 2, recipe="all in bfloat16"),
    "bf16-mixed-16": Precision(2, 2, 4, 4, "arXiv:1910.02054: bfloat16, with a float32 copy"),
    "bf16-mixed-18": Precision(2, 4, 4, 4, "arXiv:2104.04473: gradients added up in float32"),
    "bf16-mixed-20": Precision(2, 6, 4, 4, "arXiv:2201.11990: gradients in both precisions"),
}
"""By name; a number at the end is bytes per parameter with adamw."""

RECOMPUTES = {
    "none": "everything is kept",
    "selective": "attention weights are worked out again (arXiv:2205.05198)",
    "full": "layers of repeats keep what they are given, one at a time is worked out again (arXiv:1604.06174)",
}

ATTENTIONS = {
    "fused": "never holds all weights; with dropout, or values and queries of two widths, it is eager",
    "eager": "holds all weights, in float32",
}

State = Callable[[tuple[int, ...], int], int]
"""Bytes of state for a tensor of some shape, where a number of state has some width."""

SMALL, BLOCK = 4096, 256
"""Of 8-bit states: tensors below SMALL elements stay in float32, others share a float32 scale per BLOCK."""


def _moments(number: int) -> State:
    return lambda shape, width: number * prod(shape) * width


def _eight_bit(shape: tuple[int, ...], width: int) -> int:
    """Two moments of a byte each with their scales, arXiv:2110.02861."""
    number = prod(shape)
    return 8 * number if number < SMALL else 2 * (number + 4 * -(-number // BLOCK))


def _factored(shape: tuple[int, ...], width: int) -> int:
    """A second moment as its row and column sums, arXiv:1804.04235; vectors keep it whole."""
    if len(shape) < 2:
        return prod(shape) * width
    outer = prod(shape[:-2])
    return outer * (shape[-2] + shape[-1]) * width


OPTIMIZERS: dict[str, tuple[State, str]] = {
    "adamw": (_moments(2), "two moments, arXiv:1711.05101"),
    "sgd": (_moments(1), "momentum"),
    "adam-8bit": (_eight_bit, "two moments in 8 bits, arXiv:2110.02861"),
    "adafactor": (_factored, "a factored second moment, no first, arXiv:1804.04235"),
}


@dataclass(frozen=True)
class Addend:
    """One part of a sum, and by which recipe."""

    name: str
    bytes: Size
    recipe: str


@dataclass(frozen=True)
class Memory:
    """What a model takes: `training` and `inference` are sums of their addends."""

    training: tuple[Addend, ...]
    inference: tuple[Addend, ...]
    kv_per_token: Size
    active: int
    """Parameters that one row of the input meets, where groups are chosen."""
    masked: Size
    """Calls of attention whose own mask says what they see: whether they look back only, and have a cache, is not known."""
    kept: Activations
    """The activations, in the chosen policy."""
    recipes: Mapping[str, str]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Ops without a rule; with any, activations are a lower bound."""
        return self.kept.unknown


def memory(
    model: ir.Model,
    *,
    dtype: str = "fp32",
    optimizer: str = "adamw",
    recompute: str = "none",
    attention: str = "fused",
    sizes: Mapping[str, int] | None = None,
) -> Memory:
    """The memory of a compiled model whose dataflow is known; names are keys of the tables above."""
    precision = PRECISIONS[dtype]
    kept = activations(model, Policy(attention, precision.parameter), sizes)
    rule, state = OPTIMIZERS[optimizer]
    weights = list(_weights(model.root, 1, True, frozenset()))
    trained = [(shape, times) for kind, shape, times in weights if kind == "trained"]
    numbers = {
        kind: sum(prod(shape) * times for k, shape, times in weights if k == kind)
        for kind in ("trained", "frozen", "float", "float32", "int", "bool")
    }
    params = numbers["trained"] + numbers["frozen"]
    policy = Policy(attention, precision.parameter)
    buffers = sum(numbers[t] * policy.bytes_of(t) for t in ("float", "float32", "int", "bool"))
    states = sum(rule(shape, precision.state) * times for shape, times in trained)
    held = [
        Addend("parameters", Size.of(params * precision.parameter), precision.recipe),
        Addend("buffers", Size.of(buffers), "by their dtypes"),
    ]
    training = [
        *held,
        Addend("gradients", Size.of(numbers["trained"] * precision.gradient), precision.recipe),
        Addend("float32 copy", Size.of(numbers["trained"] * precision.master), precision.recipe),
        Addend("optimizer state", Size.of(states), f"{optimizer}: {state}"),
        Addend("inputs", _inputs(model, policy), "by their dtypes"),
        *_activations(kept, recompute),
        Addend("outputs", kept.total("outputs"), "results that no gradient needs"),
    ]
    inference = [
        *held,
        Addend(
            "keys and values",
            kept.total("cache"),
            "of every causal attention, as far back as it sees",
        ),
        Addend("recurrent state", kept.total("state"), "scans and causal convolutions"),
    ]
    return Memory(
        training=tuple(a for a in training if a.bytes != 0),
        inference=tuple(a for a in inference if a.bytes != 0),
        kv_per_token=kept.total("keys"),
        masked=kept.total("masked"),
        active=params - int(kept.total("idle")),
        kept=kept,
        recipes={
            "dtype": precision.recipe,
            "optimizer": state,
            "recompute": RECOMPUTES[recompute],
            "attention": ATTENTIONS[attention],
        },
    )


def _activations(kept: Activations, recompute: str) -> Iterator[Addend]:
    recipe = RECOMPUTES[recompute]
    if recompute == "none":
        yield Addend("activations", kept.saved, recipe)
    elif recompute == "selective":
        yield Addend("activations", kept.total("saved"), recipe)
    else:
        yield Addend("activations", kept.total("outside"), "outside of layers of repeats")
        yield Addend("inputs of layers", kept.total("entered"), recipe)
        yield Addend("one layer", _largest(kept), recipe)


def _largest(kept: Activations) -> Size:
    """The layer that keeps most, at the sizes that decided the layouts."""
    return max(kept.layers.values(), key=kept.at, default=ZERO)


def _inputs(model: ir.Model, policy: Policy) -> Size:
    assert model.root.forward is not None
    tensors = [tensor for declared in model.root.forward.inputs for tensor in declared.tensors]
    return sum((product(t.shape) * policy.bytes_of(t.dtype) for t in tensors), ZERO)


def _weights(
    module: ir.Module, times: int, trainable: bool, tied: frozenset[Path]
) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """(kind, shape, how many) of every distinct tensor; of a buffer the kind is its dtype."""
    tied = with_ties(module, tied)
    for weight in module.weights:
        if (weight.name,) in tied:
            continue
        trains = "trained" if trainable and weight.trainable else "frozen"
        kind = trains if weight.kind == "parameter" else weight.dtype
        yield kind, tuple(int(length) for length in weight.shape), times
    for name, copies, member in module.children():
        inner = below(tied, name)
        yield from _weights(member.module, times * copies, trainable and member.trainable, inner)
