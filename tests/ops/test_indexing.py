"""Brackets: what a mask leaves, and how slices are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from memory import kept, saved, typed

import getspec
from getspec.errors import SpecError
from getspec.ops.base import SAVES, ShapeError, Size, Tensor
from getspec.ops.indexing import NewAxis, Range, index
from getspec.ops.storage import Policy, Tape

MASKED = """\
getspec: 1
model: Net
inputs:
  x: float[B, N, 3]
  mask: {type: "bool[B, N, 1]", selects: M}
  bias: float[M, 3]
forward: |
  return x[squeeze(mask, -1)] + bias
"""


def spec(tmp_path: Path, text: str) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return getspec.load(path)


def test_a_mask_that_declares_its_count_leaves_that_many(tmp_path: Path) -> None:
    forward = spec(tmp_path, MASKED).model.root.forward
    assert forward is not None
    assert str(forward.result) == "float[M, 3]"


def test_a_mask_that_does_not_leaves_a_length_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        spec(tmp_path, MASKED.replace(", selects: M", ""))
    assert [problem.code for problem in caught.value.diagnostics] == ["GS420"]


@pytest.mark.parametrize("changed", ["~squeeze(mask, -1)", "squeeze(mask & mask, -1)"])
def test_another_mask_has_another_count(tmp_path: Path, changed: str) -> None:
    with pytest.raises(SpecError, match="GS420"):
        spec(tmp_path, MASKED.replace("squeeze(mask, -1)", changed))


def test_only_bools_select(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        spec(
            tmp_path, MASKED.replace("x: float[B, N, 3]", 'x: {type: "float[B, N, 3]", selects: M}')
        )
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line) == ("GS103", 4)


@pytest.mark.torch
def test_verify_draws_as_many_as_are_declared(tmp_path: Path) -> None:
    import torch

    from getspec.verify import make_inputs

    model = spec(tmp_path, MASKED).model
    for count in (0, 1, 4, 6):
        sizes = {"B": 2, "N": 3, "M": count}
        _, mask, bias = make_inputs(model, sizes, "cpu", torch.Generator().manual_seed(count))
        assert int(mask.sum()) == count == len(bias)


@pytest.mark.parametrize(
    ("spec_text", "python"),
    [
        ("x[:, 1:]", "x[:, 1:]"),
        ("x[:, :-1]", "x[:, :-1]"),
        ("x[:, :n]", "x[:, : self.n]"),
        ("x[:, n:]", "x[:, self.n :]"),
        ("x[:, ::2]", "x[:, ::2]"),
        ("x[:, n::2]", "x[:, self.n :: 2]"),
        ("x[:, 1:n + 1:2]", "x[:, 1 : self.n + 1 : 2]"),
    ],
)
def test_slices_are_spaced_as_the_formatter_does(
    tmp_path: Path, spec_text: str, python: str
) -> None:
    text = "getspec: 1\nmodel: Net\nconfig: {n: 3}\ninputs: {x: 'float[B, 8]'}\n"
    made = spec(tmp_path, f"{text}forward: |\n  return {spec_text}\n").generate()
    assert f"return {python}" in made


B, M = Size.runtime("B"), Size.runtime("M")
X = typed(B, 6, 4, dtype="float32")
ALL, NEW = Range(), NewAxis()


def at(number: int) -> Size:
    return Size.of(number)


def part(start: int | None = None, stop: int | None = None, step: int = 1) -> Range:
    return Range(*(None if bound is None else at(bound) for bound in (start, stop)), step)


def rows(*shape: int | Size, dtype: str) -> Tensor:
    return typed(*shape, dtype=dtype)


@pytest.mark.parametrize(
    ("items", "shape"),
    [
        ((), (B, 6, 4)),
        ((ALL,), (B, 6, 4)),
        ((at(0),), (6, 4)),
        ((ALL, at(5)), (B, 4)),
        ((ALL, at(-6), ALL), (B, 4)),
        ((ALL, ALL, at(3)), (B, 6)),
        ((NEW, ALL, NEW, NEW, at(-1)), (1, B, 1, 1, 4)),
        ((ALL, ALL, ALL, NEW), (B, 6, 4, 1)),
        ((ALL, part(1, 5)), (B, 4, 4)),
        ((ALL, part(2, -1)), (B, 3, 4)),
        ((ALL, part(-2)), (B, 2, 4)),
        ((ALL, part(-1, 6)), (B, 1, 4)),
        ((ALL, part(0, 6)), (B, 6, 4)),
        ((ALL, part(4, 4)), (B, 0, 4)),
        ((ALL, part(0, 5, 2)), (B, 3, 4)),
        ((ALL, part(1, 5, 2)), (B, 2, 4)),
        ((ALL, part(step=4)), (B, 2, 4)),
        ((part(1),), (B - 1, 6, 4)),
        ((part(stop=-1),), (B - 1, 6, 4)),
        ((part(-2),), (2, 6, 4)),
        ((part(step=2),), ((B + 1) // 2, 6, 4)),
        ((rows(2, 5, dtype="int"),), (2, 5, 6, 4)),
        ((rows(B, dtype="bool"),), (M, 6, 4)),
        ((rows(B, 6, dtype="bool"),), (M, 4)),
        ((rows(B, 6, 4, dtype="bool"),), (M,)),
    ],
)
def test_an_index_takes_an_axis_a_slice_keeps_it_and_none_adds_one(
    items: tuple[Any, ...], shape: tuple[Any, ...]
) -> None:
    """Both ends of an axis are within it; numbers below 0 count from its end; what is not named stays."""
    assert index(X, items, M) == typed(*shape, dtype="float32")


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ((ALL, at(6)), "index 6 is outside axis 1 of {x}"),
        ((NEW, ALL, at(-7)), "index -7 is outside axis 1 of {x}"),
        ((ALL, ALL, at(4)), "index 4 is outside axis 2 of {x}"),
        ((ALL, part(0, 7)), "the slice ends at 7, axis 1 of {x} is 6"),
        ((ALL, part(4, 3)), "the slice 4:3 of axis 1 of {x} is empty"),
        ((ALL, ALL, part(2, -3)), "the slice 2:1 of axis 2 of {x} is empty"),
        ((part(step=0),), "steps are positive, this is 0"),
        ((part(step=-1),), "steps are positive, this is -1"),
        ((ALL, ALL, ALL, ALL), "too many indices for {x}"),
        ((at(0), NEW, at(0), at(0), at(0)), "too many indices for {x}"),
        ((ALL, rows(2, dtype="int")), "a tensor index stands alone in its brackets"),
        ((rows(B, dtype="bool"), NEW), "a tensor index stands alone in its brackets"),
        ((rows(2, dtype="float"),), "an index is an int or a bool tensor, this is float[2]"),
        ((rows(6, dtype="bool"),), "the mask bool[6] does not match the first axes of {x}"),
        (
            (rows(B, 6, 4, 2, dtype="bool"),),
            "the mask bool[B, 6, 4, 2] does not match the first axes of {x}",
        ),
    ],
)
def test_what_is_not_there_cannot_be_taken(items: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        index(X, items, M)
    assert caught.value.message == message.format(x=X)


@pytest.mark.parametrize(
    ("items", "shape", "strides"),
    [
        ((), (B, 6, 4), (24, 4, 1)),
        ((2,), (6, 4), (4, 1)),
        (((None, None, None), 3), (B, 4), (24, 1)),
        (((None, None, 2), (1, 5, 3)), ((B + 1) // 2, 2, 4), (48, 12, 1)),
        (((None, None, None), None), (B, 1, 6, 4), (24, 24, 4, 1)),
        ((None, 0, None), (1, 1, 6, 4), (120, 24, 4, 1)),
        ((None, (None, None, None), 2), (1, B, 4), (120, 24, 1)),
        ((0, 0, 0, None), (1,), (1,)),
        ((0, 0, (None, None, None), None), (4, 1), (1, 1)),
    ],
)
def test_numbers_and_slices_give_a_view(
    items: tuple[Any, ...], shape: tuple[Any, ...], strides: tuple[int, ...]
) -> None:
    """A step makes a stride that many times as long; a new axis would step over the axis that it stands before."""
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(X, grad=True)
    made = SAVES["index"](tape, typed(*shape, dtype="float32"), x=x, items=items)
    assert (made.type, made.strides) == (typed(*shape, dtype="float32"), strides)
    assert (made.storage, made.grad, kept(tape)) == (x.storage, True, {})


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize(("dtype", "told"), [("int", {}), ("bool", {"selects": "1"})])
def test_a_tensor_as_index_gives_a_copy_and_is_kept(
    grad: bool, dtype: str, told: dict[str, str]
) -> None:
    """Where a gradient has to find its way back; what a mask selects has a size that depends on data."""
    tape = Tape(Policy(), {"B": 5, "M": 7})
    x, where = tape.new(X, grad), tape.new(typed(B, dtype=dtype))
    out = typed(M, 6, 4, dtype="float32")
    made = SAVES["index"](tape, out, x=x, items=(where,))
    assert (made.type, made.strides, made.grad) == (out, (24, 4, 1), grad)
    assert made.storage is not x.storage
    assert saved(x, where, made) == [False, grad, False]
    each = {"int": "8*B", "bool": "B"}[dtype]
    assert kept(tape) == told | ({"saved": each} if grad else {})
