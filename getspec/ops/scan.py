"""Linear recurrences along an axis.

The recurrence h[t] = decay[t] * h[t-1] + x[t] is associative, so it need not run step by step. It is worked out by halving:
neighbours are joined into pairs, half as many are scanned, and what lies between is filled in. That takes log2(length)
rounds and twice the work and memory of a loop over positions, has static shapes, and multiplies decays without ever
dividing by them. The form with cumulative sums, x * exp(-cumsum(log decay)), was refused: it overflows as soon as a decay
is small over a long stretch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from getspec.ops.base import ShapeError, Tensor, elementwise, function, require_float, saves
from getspec.sizes import product

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape

__all__ = ["linear_scan"]


@function(
    "linear_scan",
    reference="Blelloch, Prefix sums and their applications (1990), section 1.4; arXiv:1709.04057",
)
def linear_scan(decay: Tensor, x: Tensor, dim: int) -> Tensor:
    """h[t] = decay[t] * h[t-1] + x[t] along an axis, from h = 0; elements of the other axes are apart."""
    require_float(x, "linear_scan")
    if decay != x:
        raise ShapeError(
            f"decay and x are of one type and shape, these are {decay} and {x}", argument="decay"
        )
    if x.rank < 2:
        raise ShapeError(f"x wants a batch axis beside the one that is scanned, this is {x}")
    x.axis(dim)
    return x


@saves("linear_scan")
def _linear_scan_saves(tape: Tape, out: Tensor, decay: Held, x: Held, dim: int) -> Held:
    """Round by round, as it is worked out; the state is one position of x."""
    axis = out.axis(int(dim))
    position = product(n for at, n in enumerate(x.shape) if at != axis)
    tape.note("state", position * tape.policy.bytes_of(x.type.dtype))
    if axis == 1:
        return _halved(tape, decay, x)
    moved = _halved(tape, tape.transpose(decay, axis, 1), tape.transpose(x, axis, 1))
    return tape.transpose(moved, axis, 1)


def _halved(tape: Tape, decay: Held, x: Held) -> Held:
    if tape.lengths(x.type)[1] == 1:
        return x
    pairs = x.shape[1] // 2

    def half(y: Held) -> Held:
        """Every second position; from which one on, and how far apart, changes nothing that is kept."""
        return tape.view(y, (y.shape[0], pairs, *y.shape[2:]), y.strides)

    early = tape.times(half(x).type, half(decay), half(x))
    late = tape.pointwise(early.type, early)  # adding x keeps nothing
    odd = _halved(tape, tape.times(early.type, half(decay), half(decay)), late)
    tape.factors(decay, odd)  # what lies between: an empty view holds on to its storage too
    return replace(tape.pointwise(x.type, x), grad=x.grad or decay.grad)


elementwise("linear_scan")
