"""Reductions and running totals along axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getspec.ops.base import ShapeError, Size, Tensor, elementwise, function, require_float, saves

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape

ONE = Size.of(1)


def _reduction(name: str, doc: str, *, floats: bool, spelled: str) -> None:
    def rule(x: Tensor, dim: int | tuple[int, ...], keepdim: bool = False) -> Tensor:
        if floats:
            require_float(x, name)
        elif x.dtype == "bool":
            raise ShapeError(f"{name} is not defined for {x}", help="cast(x, int)", argument="x")
        dims = dim if isinstance(dim, tuple) else (dim,)
        axes = {x.axis(d) for d in dims}
        if keepdim:
            return x.with_shape(ONE if i in axes else length for i, length in enumerate(x.shape))
        return x.with_shape(length for i, length in enumerate(x.shape) if i not in axes)

    rule.__doc__ = doc
    function(name, reference=f"torch.{spelled}")(rule)


_reduction("mean", "Mean along one or several axes.", floats=True, spelled="mean")
_reduction("sum", "Sum along one or several axes.", floats=False, spelled="sum")
_reduction("amax", "Largest value along one or several axes.", floats=False, spelled="amax")
_reduction("amin", "Smallest value along one or several axes.", floats=False, spelled="amin")


@function("cumsum", reference="torch.cumsum")
def cumsum(x: Tensor, dim: int) -> Tensor:
    """Running sum along an axis."""
    require_float(x, "cumsum")
    x.axis(dim)
    return x


@function("cumprod", reference="torch.cumprod")
def cumprod(x: Tensor, dim: int) -> Tensor:
    """Running product along an axis."""
    require_float(x, "cumprod")
    x.axis(dim)
    return x


@saves("mean", "sum", "cumsum")
def _keeps_nothing(tape: Tape, out: Tensor, x: Held, **_: object) -> Held:
    return tape.new(out, x.grad)


@saves("amax", "amin", "cumprod")
def _both(tape: Tape, out: Tensor, x: Held, **_: object) -> Held:
    made = tape.new(out, x.grad)
    if x.grad:
        tape.save(x, made)
    return made


elementwise("mean", "sum", "amax", "amin", "cumsum", "cumprod")
