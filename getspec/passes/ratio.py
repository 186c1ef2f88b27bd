"""A training step's FLOPs against the rule of thumb 6ND, and why the two differ.

The rule counts six FLOPs for every parameter and token (arXiv:2001.08361). Two things are not so: attention multiplies
activations with each other, which no parameter stands for; and not every parameter is multiplied once for each token: tables
are looked up, biases and norms are no products, and a frozen weight costs less going backward.
"""

from __future__ import annotations

from dataclasses import dataclass

from getspec import ir
from getspec.passes.activations import Activations
from getspec.passes.cost import Work
from getspec.sizes import Size, product

__all__ = ["Ratio", "ratio"]


@dataclass(frozen=True)
class Ratio:
    """`training` FLOPs are `rule` (6ND) plus `attention` plus `others`, which may be negative."""

    tokens: Size
    params: int
    training: Size
    attention: Size

    @property
    def rule(self) -> Size:
        return 6 * self.params * self.tokens

    @property
    def others(self) -> Size:
        return self.training - self.attention - self.rule


def ratio(
    model: ir.Model, work: Work, kept: Activations, active: int, causal: str = "full"
) -> Ratio | None:
    """None where the model's first input is not a batch of sequences of tokens."""
    assert model.root.forward is not None
    inputs = model.root.forward.inputs
    first = inputs[0].tensors[0] if inputs else None
    if first is None or first.dtype != "int" or first.rank != 2:
        return None
    attention = kept.total("attention forward", "attention backward")
    hidden = kept.total("causal forward", "causal backward")
    saved = hidden.exactly(2) if causal == "half" and hidden != 0 else Size.of(0)
    training = work.forward + work.backward - saved
    return Ratio(product(first.shape), active, training, attention - saved)
