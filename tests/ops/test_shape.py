"""Moving, joining and cutting axes: shape rules, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import getspec
from getspec.ops import FUNCTIONS
from getspec.ops.base import ShapeError, Size, Tensor

SPEC = """\
getspec: 1
model: Net
config: {left: 2}
inputs: {x: "float[B, 3, N]"}
components:
  unused: {type: parameter, shape: [1], init: zeros, doc: a model has parameters}
forward: |
  return pad(x, [left, 1]), pad(x, [-1, 0, 1, 2], value=0.5)
"""


def test_padding_counts_from_the_last_axis() -> None:
    length = Size.runtime("N")
    x = Tensor("float", (Size.runtime("B"), Size.of(3), length))
    pad = FUNCTIONS["pad"].rule
    assert pad(x, (0, 1)) == x.with_shape((*x.shape[:2], length + 1))
    assert pad(x, (-2, 0, 1, 2)) == x.with_shape((x.shape[0], Size.of(6), length - 2))
    for bad in ((), (1,), (0,) * 8, (0, 0, -3, 0)):
        with pytest.raises(ShapeError):
            pad(x, bad)


B = Size.runtime("B")


def typed(*shape: Any, dtype: str = "float") -> Tensor:
    return Tensor(dtype, tuple(each if isinstance(each, Size) else Size.of(each) for each in shape))


def test_axes_are_split_and_merged_by_name() -> None:
    rearrange = FUNCTIONS["rearrange"].rule
    assert rearrange(typed(B, 12), "b (h k) -> b h k", h=Size.of(3)) == typed(B, 3, 4)
    assert rearrange(typed(B, 12), "b (h k) -> k (h b)", k=Size.of(3)) == typed(3, 4 * B)
    assert rearrange(typed(B, 12), "b (h k) -> b h k", h=Size.of(3), k=Size.of(4)) == typed(B, 3, 4)
    assert rearrange(typed(B, 12), "b c -> c b", c=Size.of(12)) == typed(12, B)


REFUSED: list[tuple[str, dict[str, Any], str, str | None, str | None]] = [
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b -> b"},
        "the pattern has 1 axes on the left, float[B, 12] has 2",
        None,
        "pattern",
    ),
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b c -> c b", "d": Size.of(2)},
        "'d' is not an axis of the pattern",
        None,
        "d",
    ),
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b (h k) -> b h k"},
        "the lengths of 'h' and 'k' cannot both be worked out",
        "give h=...",
        None,
    ),
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b (h k) -> b h k", "h": Size.of(5)},
        "an axis of 12 does not split into (h k): 5 does not divide it",
        None,
        None,
    ),
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b (h k) -> b h k", "h": Size.of(3), "k": Size.of(5)},
        "(h k) is 15, the axis is 12",
        None,
        None,
    ),
    ("cat", {"tensors": (), "dim": 0}, "cat wants at least one tensor", None, "tensors"),
    (
        "stack",
        {"tensors": (typed(B), typed(B, dtype="int")), "dim": 0},
        "stack wants one dtype, these are float[B] and int[B]",
        None,
        "tensors",
    ),
]


@pytest.mark.parametrize(("op", "given", "message", "help", "argument"), REFUSED)
def test_what_does_not_fit_is_said(
    op: str, given: dict[str, Any], message: str, help: str | None, argument: str | None
) -> None:
    with pytest.raises(ShapeError) as caught:
        FUNCTIONS[op].rule(**given)
    found = caught.value
    assert (found.message, found.help, found.argument) == (message, help, argument)


@pytest.mark.torch
def test_the_generated_file_pads(tmp_path: Path) -> None:
    import torch
    import torch.nn.functional as F

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    x = torch.randn(2, 3, 5)
    zeros, halves = getspec.load(path).build(left=4)(x)
    torch.testing.assert_close(zeros, F.pad(x, (4, 1)))
    torch.testing.assert_close(halves, F.pad(x, (-1, 0, 1, 2), value=0.5))
