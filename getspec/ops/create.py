"""Tensors made from nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from getspec.ops.base import DType, ShapeError, Size, Tensor, elementwise, function, saves

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


@function("arange", reference="torch.arange")
def arange(length: Size, dtype: DType = "int") -> Tensor:
    """0, 1, ..., length - 1."""
    if dtype not in ("int", "float32"):
        raise ShapeError(
            "arange counts in int or float32", argument="dtype", help="cast the result"
        )
    return Tensor(dtype, (length,))


@function("linspace", reference="torch.linspace")
def linspace(start: float, end: float, steps: Size) -> Tensor:
    """`steps` float32 numbers from start to end, both included."""
    return Tensor("float32", (steps,))


@function("zeros", reference="torch.zeros")
def zeros(shape: tuple[Size, ...], dtype: DType = "float") -> Tensor:
    """All zero."""
    return Tensor(dtype, shape)


@function("ones", reference="torch.ones")
def ones(shape: tuple[Size, ...], dtype: DType = "float") -> Tensor:
    """All one."""
    return Tensor(dtype, shape)


@function("zeros_like", reference="torch.zeros_like", constant=True)
def zeros_like(x: Tensor) -> Tensor:
    """Zeros of the same type as x."""
    return x


@function("ones_like", reference="torch.ones_like", constant=True)
def ones_like(x: Tensor) -> Tensor:
    """Ones of the same type as x."""
    return x


@saves("arange", "linspace", "zeros", "ones")
def _made(tape: Tape, out: Tensor, **_: object) -> Held:
    return tape.new(out)


@saves("zeros_like", "ones_like")
def _made_like(tape: Tape, out: Tensor, x: Held) -> Held:
    return replace(tape.pointwise(out, x), grad=False)


elementwise("arange", "linspace", "zeros", "ones", "zeros_like", "ones_like")
