"""Ops by themselves: types of tensors in short, and what running an op leaves on a tape."""

from __future__ import annotations

from getspec.ops.base import Size, Tensor
from getspec.ops.storage import Held, Tape

__all__ = ["kept", "saved", "typed"]


def typed(*shape: int | Size, dtype: str = "float") -> Tensor:
    """`typed(B, 3)` is float[B, 3]."""
    return Tensor(dtype, tuple(map(Size.of, shape)))


def kept(tape: Tape) -> dict[str, str]:
    """What a tape was told, spelled; that it is outside of repeats goes without saying."""
    told = {what: str(amount.value) for (_, what), amount in tape.table.items()}
    return {what: amount for what, amount in told.items() if what != "outside"}


def saved(*tensors: Held) -> list[bool]:
    """Which tensors are kept for the backward pass."""
    return [tensor.storage.saved for tensor in tensors]
