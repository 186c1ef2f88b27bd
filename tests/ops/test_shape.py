"""Moving, joining and cutting axes: shape rules, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path

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
