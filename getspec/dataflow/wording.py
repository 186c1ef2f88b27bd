"""How messages speak of what `forward` handles."""

from __future__ import annotations

from typing import Any

from getspec.evaluate import described
from getspec.ir import Link
from getspec.ops.base import Tensor

__all__ = ["counted", "shown"]


def shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {value}"
    if isinstance(value, Link):
        return f"the component `{value.path}`"
    return described(value)


def counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
