"""Noise that only training has: what is refused, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from writing import load

from getspec.ops.base import LAYERS, ShapeError, Size, Tensor
from getspec.passes.activations import activations

B = Size.runtime("B")
SPEC = """\
getspec: 1
model: Net
inputs: {{x: "float[B, 5]"}}
components:
  gain: {{type: parameter, shape: [1], init: ones}}
  drop: {{type: dropout, p: {p}}}
forward: |
  return drop(x * gain)
"""


def test_dropout_is_of_floats() -> None:
    drop = LAYERS["dropout"](p=0.5)
    x = Tensor("float", (B,))
    assert drop.infer(x) == x
    with pytest.raises(ShapeError, match=r"^dropout wants a float tensor, this is int\[B\]$"):
        drop.infer(Tensor("int", (B,)))


@pytest.mark.parametrize(("p", "kept"), [(0.5, 5 * 4), (0.0, 0)])
def test_what_each_element_is_multiplied_by_is_kept(tmp_path: Path, p: float, kept: int) -> None:
    """And nothing at a rate of zero."""
    found = activations(load(tmp_path, SPEC.format(p=p)).model)
    assert found.total("saved", path="drop") == kept * B
