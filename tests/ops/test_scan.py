"""Linear recurrences: the shape rule, and what the generated file computes against a loop over positions."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec
from getspec.ops.base import ShapeError, Size, Tensor
from getspec.ops.scan import linear_scan

B, L = Size.runtime("B"), Size.runtime("L")
SPEC = """\
getspec: 1
model: Net
inputs: {decay: "float[B, 3, L]", x: "float[B, 3, L]"}
forward: |
  return linear_scan(decay, x, dim=DIM)
"""


def spec(tmp_path: Path, dim: int) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.replace("DIM", str(dim)))
    return getspec.load(path)


def test_it_keeps_the_type() -> None:
    x = Tensor("float32", (B, L, Size.of(4)))
    assert linear_scan(x, x, 1) == x


@pytest.mark.parametrize(
    ("decay", "x", "dim"),
    [
        (Tensor("float", (B, L)), Tensor("float32", (B, L)), 1),
        (Tensor("float", (B, Size.of(1))), Tensor("float", (B, L)), 1),
        (Tensor("int", (B, L)), Tensor("int", (B, L)), 1),
        (Tensor("float", (L,)), Tensor("float", (L,)), 0),
        (Tensor("float", (B, L)), Tensor("float", (B, L)), 2),
    ],
    ids=["dtypes differ", "shapes differ", "integers", "no batch axis", "no such axis"],
)
def test_it_refuses(decay: Tensor, x: Tensor, dim: int) -> None:
    with pytest.raises(ShapeError):
        linear_scan(decay, x, dim)


@pytest.mark.torch
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
@pytest.mark.parametrize("length", [1, 2, 5, 8, 13])
def test_it_equals_a_loop_and_so_do_its_gradients(tmp_path: Path, dim: int, length: int) -> None:
    import torch

    torch.manual_seed(length)
    model = spec(tmp_path, dim).build()
    given = [torch.rand(4, 3, length, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    decay, x = (tensor.movedim(dim, 0) for tensor in given)
    state = torch.zeros_like(x[0])
    steps = []
    for a, b in zip(decay, x, strict=True):
        state = a * state + b
        steps.append(state)
    looped, scanned = torch.stack(steps).movedim(0, dim), model(*given)
    torch.testing.assert_close(scanned, looped)
    weights = torch.randn_like(looped)
    grads = [
        torch.autograd.grad((y * weights).sum(), given, materialize_grads=True, allow_unused=True)
        for y in (scanned, looped)
    ]
    torch.testing.assert_close(*grads)


@pytest.mark.torch
def test_long_stretches_of_small_decays_stay_finite(tmp_path: Path) -> None:
    import torch

    x = torch.ones(1, 3, 5000)
    assert torch.equal(spec(tmp_path, 2).build()(torch.full_like(x, 1e-30), x), x)
