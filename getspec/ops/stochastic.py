"""Noise that only training has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from getspec.ops.base import (
    SAVES,
    Layer,
    ShapeError,
    Tensor,
    elementwise,
    function,
    layer,
    number,
    require_float,
    require_probability,
    saves,
)
from getspec.sizes import Size

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


@layer("dropout", reference="https://jmlr.org/papers/v15/srivastava14a.html (torch.nn.Dropout)")
class Dropout(Layer):
    """Zero elements at random in training, scale the rest."""

    p: float = number(0.5, "probability of zeroing an element", below=1.0)

    def infer(self, x: Tensor) -> Tensor:
        require_float(x, "dropout")
        return x

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        made: Held = SAVES["dropout"](tape, out, x=inputs[0], p=self.p)
        return made


@function("dropout", reference="https://jmlr.org/papers/v15/srivastava14a.html", random=True)
def dropout(x: Tensor, p: float) -> Tensor:
    """Zero elements at random in training, scale the rest."""
    require_probability(p, "p")
    require_float(x, "dropout")
    return x


@function("drop_path", reference="arXiv:1603.09382", random=True)
def drop_path(x: Tensor, p: float) -> Tensor:
    """Stochastic depth: zero whole samples at random in training, scale the rest."""
    require_probability(p, "p")
    require_float(x, "drop_path")
    if x.rank < 1:
        raise ShapeError("drop_path wants a batch axis", argument="x")
    return x


@saves("dropout")
def _dropout_saves(tape: Tape, out: Tensor, x: Held, p: object) -> Held:
    """What each element is multiplied by, in the dtype of x."""
    return x if p == 0 else tape.times(out, x, replace(tape.pointwise(out, x), grad=False))


@saves("drop_path")
def _drop_path_saves(tape: Tape, out: Tensor, x: Held, p: object) -> Held:
    """What each sample is multiplied by."""
    if p == 0:
        return x
    keep = tape.new(out.with_shape((x.shape[0], *(Size.of(1),) * (x.type.rank - 1))))
    return tape.scaled(tape.times(out, x, keep))


elementwise("dropout", "drop_path")
