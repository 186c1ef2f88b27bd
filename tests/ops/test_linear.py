"""Affine maps: their shapes, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec
from getspec.ops.base import ShapeError, Size, Tensor
from getspec.ops.linear import TransposedLinear

SPEC = """\
getspec: 1
model: Net
config: {dim: 3, width: 5}
inputs: {x: "float[B, dim]"}
components:
  proj: {type: transposed_linear, in_features: dim, out_features: width}
forward: |
  return proj(x)
"""


def test_a_transposed_linear_keeps_its_weight_as_in_by_out() -> None:
    op = TransposedLinear(in_features=Size.of(3), out_features=Size.of(5))
    shapes = {weight.name: tuple(map(int, weight.shape)) for weight in op.parameters()}
    assert shapes == {"weight": (3, 5), "bias": (5,)}
    batch = Size.runtime("B")
    made = op.infer(Tensor("float", (batch, Size.of(3))))
    assert made == Tensor("float", (batch, Size.of(5)))


@pytest.mark.parametrize("bad", [Tensor("float", (Size.of(5),)), Tensor("int", (Size.of(3),))])
def test_a_transposed_linear_refuses_other_inputs(bad: Tensor) -> None:
    op = TransposedLinear(in_features=Size.of(3), out_features=Size.of(5))
    with pytest.raises(ShapeError):
        op.infer(bad)


@pytest.mark.torch
def test_a_transposed_linear_runs(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    model = getspec.load(path).build(width=4)
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(2, 3)
    assert model.proj.weight.shape == (3, 4)
    torch.testing.assert_close(model(x), x @ model.proj.weight + model.proj.bias)


@pytest.mark.torch
def test_a_transposed_linear_starts_as_a_linear_of_its_fan_in(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    torch.manual_seed(0)
    model = getspec.load(path).build(dim=100, width=64)
    for parameter in model.parameters():
        assert 0.09 < parameter.abs().max() <= 0.1
        torch.nn.init.zeros_(parameter)
    model.init_weights()
    assert all(parameter.abs().max() > 0.09 for parameter in model.parameters())
