"""A training step's FLOPs against the rule of thumb 6ND, and why the two differ.

The rule counts six FLOPs for every parameter and token (arXiv:2001.08361). Two things are not so: attention multiplies
activations with each other, which no parameter stands for; and not every parameter is multiplied once for each token: tables
are looked up, biases and norms are no products, and a frozen weight costs less going backward.
"""

from __future__ import annotations

from dataclasses import dataclass

from getspec import ir
from getspec.passes.cost import COUNTED, Work, attention, cost
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


def ratio(model: ir.Model, work: Work, active: int, causal: str = "full") -> Ratio | None:
    """For a model's work, counted in one way; None where its first input is not a batch of sequences of tokens."""
    assert model.root.forward is not None
    inputs = model.root.forward.inputs
    first = inputs[0].tensors[0] if inputs else None
    if first is None or first.dtype != "int" or first.rank != 2:
        return None
    attending = cost(model, attention(COUNTED[causal])).total
    training, part = (each.forward + each.backward for each in (work, attending))
    return Ratio(product(first.shape), active, training, part)
