"""Tensors made from nothing: their types, and where they lie."""

from __future__ import annotations

from typing import Any

import pytest
from memory import kept, saved, typed

from getspec.ops import FUNCTIONS
from getspec.ops.base import SAVES, ShapeError, Size, Tensor
from getspec.ops.storage import Policy, Tape

B = Size.runtime("B")
X = typed(B, 3, dtype="int")


@pytest.mark.parametrize(
    ("name", "given", "made"),
    [
        ("arange", (B,), typed(B, dtype="int")),
        ("arange", (B, "float32"), typed(B, dtype="float32")),
        ("linspace", (0.0, 1.0, B), typed(B, dtype="float32")),
        ("zeros", ((B, Size.of(3)),), typed(B, 3)),
        ("zeros", ((B,), "bool"), typed(B, dtype="bool")),
        ("ones", ((B, Size.of(3)),), typed(B, 3)),
        ("ones", ((), "int"), typed(dtype="int")),
        ("zeros_like", (X,), X),
        ("ones_like", (X,), X),
    ],
)
def test_a_tensor_is_as_long_as_it_is_told(name: str, given: tuple[Any, ...], made: Tensor) -> None:
    assert FUNCTIONS[name].rule(*given) == made


@pytest.mark.parametrize("dtype", ["float", "bool"])
def test_counting_is_exact(dtype: str) -> None:
    """The model's own float may be one that 257 is not in."""
    with pytest.raises(ShapeError, match=r"^arange counts in int or float32$") as caught:
        FUNCTIONS["arange"].rule(B, dtype)
    assert (caught.value.argument, caught.value.help) == ("dtype", "cast the result")


@pytest.mark.parametrize("name", ["arange", "linspace", "zeros", "ones"])
def test_nothing_is_kept_of_what_is_made_from_nothing(name: str) -> None:
    tape, out = Tape(Policy(), {"B": 2}), typed(B, 3, 4)
    made = SAVES[name](tape, out, steps=B)
    assert (made.type, made.strides, made.grad) == (out, (12, 4, 1), False)
    assert kept(tape) == {}


@pytest.mark.parametrize("name", ["zeros_like", "ones_like"])
def test_what_is_like_a_tensor_lies_like_it_and_passes_no_gradient(name: str) -> None:
    tape, out = Tape(Policy(), {"B": 2}), typed(B, 3, 4)
    x = tape.new(out, grad=True, strides=(12, 1, 3))
    made = SAVES[name](tape, out, x=x)
    assert (made.type, made.strides, made.grad) == (out, (12, 1, 3), False)
    assert made.storage is not x.storage
    assert saved(x, made) == [False, False]
