"""Pointwise nonlinearities, as layers for `sequential` and as functions for `forward`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getspec.ops.base import (
    SAVES,
    Layer,
    ShapeError,
    Tensor,
    choice,
    elementwise,
    function,
    layer,
    require_float,
    saves,
)

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape

APPROXIMATE = ("none", "tanh")


class Activation(Layer):
    """A nonlinearity without state."""

    def infer(self, x: Tensor) -> Tensor:
        require_float(x, self.type)
        return x

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        made: Held = SAVES[self.type](tape, out, x=inputs[0])
        return made


@layer("gelu", reference="arXiv:1606.08415 (torch.nn.GELU)")
class GELU(Activation):
    """x * Phi(x); exact (erf) unless approximated by tanh."""

    approximate: str = choice("none", APPROXIMATE, "`none` is the exact erf form")


@layer("silu", reference="arXiv:1702.03118 (torch.nn.SiLU)")
class SiLU(Activation):
    """x * sigmoid(x)."""


@layer("relu", reference="torch.nn.ReLU")
class ReLU(Activation):
    """max(x, 0)."""


@layer("tanh", reference="torch.nn.Tanh")
class Tanh(Activation):
    """Hyperbolic tangent."""


@layer("sigmoid", reference="torch.nn.Sigmoid")
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""


@layer("softplus", reference="torch.nn.Softplus")
class Softplus(Activation):
    """log(1 + exp(x))."""


@function("gelu", reference="arXiv:1606.08415 (torch.nn.functional.gelu)")
def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """x * Phi(x); exact (erf) unless approximated by tanh."""
    require_float(x, "gelu")
    if approximate not in APPROXIMATE:
        raise ShapeError(
            f"approximate is 'none' or 'tanh', not {approximate!r}", argument="approximate"
        )
    return x


def _pointwise(name: str, reference: str, doc: str) -> None:
    def rule(x: Tensor) -> Tensor:
        require_float(x, name)
        return x

    rule.__doc__ = doc
    function(name, reference=reference)(rule)


_pointwise("silu", "arXiv:1702.03118 (torch.nn.functional.silu)", "x * sigmoid(x).")
_pointwise("relu", "torch.nn.functional.relu", "max(x, 0).")
_pointwise("tanh", "torch.tanh", "Hyperbolic tangent.")
_pointwise("sigmoid", "torch.sigmoid", "1 / (1 + exp(-x)).")
_pointwise("softplus", "torch.nn.functional.softplus", "log(1 + exp(x)).")


@function("softmax", reference="torch.softmax")
def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """exp(x) normalised to sum 1 along `dim`."""
    require_float(x, "softmax")
    x.axis(dim)
    return x


@saves("gelu", "silu", "softplus")
def _argument(tape: Tape, out: Tensor, x: Held, **_: object) -> Held:
    if x.grad:
        tape.save(x)
    return tape.pointwise(out, x)


@saves("relu", "tanh", "sigmoid")
def _result(tape: Tape, out: Tensor, x: Held) -> Held:
    """The derivative is written in terms of the result."""
    made = tape.pointwise(out, x)
    if x.grad:
        tape.save(made)
    return made


@saves("softmax")
def _softmax_saves(tape: Tape, out: Tensor, x: Held, dim: int = -1) -> Held:
    made = tape.new(out, x.grad)
    if x.grad:
        tape.save(made)
    return made


elementwise("gelu", "silu", "relu", "tanh", "sigmoid", "softplus", "softmax")
