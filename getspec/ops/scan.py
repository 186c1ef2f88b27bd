"""Linear recurrences along an axis.

The recurrence h[t] = decay[t] * h[t-1] + x[t] is associative, so it need not run step by step. It is worked out by halving:
neighbours are joined into pairs, half as many are scanned, and what lies between is filled in. That takes log2(length)
rounds and twice the work and memory of a loop over positions, has static shapes, and multiplies decays without ever
dividing by them. The form with cumulative sums, x * exp(-cumsum(log decay)), was refused: it overflows as soon as a decay
is small over a long stretch.
"""

from __future__ import annotations

from getspec.ops.base import ShapeError, Tensor, function, require_float

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
