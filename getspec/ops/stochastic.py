"""Noise that only training has."""

from __future__ import annotations

from getspec.ops.base import (
    Layer,
    ShapeError,
    Tensor,
    function,
    layer,
    number,
    require_float,
    require_probability,
)


@layer("dropout", reference="https://jmlr.org/papers/v15/srivastava14a.html (torch.nn.Dropout)")
class Dropout(Layer):
    """Zero elements at random in training, scale the rest."""

    p: float = number(0.5, "probability of zeroing an element", below=1.0)

    def infer(self, x: Tensor) -> Tensor:
        require_float(x, "dropout")
        return x


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
