"""Normalisation: the state that batch norms keep, and layer norm with given weights."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec
from getspec.ops import FUNCTIONS, LAYERS
from getspec.ops.base import ShapeError, Size, Tensor

B, H, W = Size.runtime("B"), Size.runtime("H"), Size.runtime("W")
FOUR = Size.of(4)

BATCH_NORM = """\
getspec: 1
model: Net
config: {channels: 4, eps: 1e-5, momentum: 0.1}
inputs: {x: "float[B, channels, H, W]"}
components:
  norm: {type: batch_norm2d, num_features: channels, eps: eps, momentum: momentum}
  plain: {type: batch_norm1d, num_features: channels, affine: false}
forward: |
  x = norm(x)
  return x, plain(flatten(x, 2))
"""
LAYER_NORM = """\
getspec: 1
model: Net
config: {dim: 4, eps: 1e-5}
inputs: {x: "float[B, N, dim]"}
components:
  weight: {type: parameter, shape: [dim], init: ones}
  bias: {type: parameter, shape: [dim], init: zeros}
forward: |
  return layer_norm(x, weight, bias), layer_norm(x, weight, bias, eps=eps)
"""


def load(tmp_path: Path, text: str) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return getspec.load(path)


def test_a_batch_norm_keeps_running_statistics() -> None:
    op = LAYERS["batch_norm2d"](num_features=FOUR)
    assert [weight.name for weight in op.parameters()] == ["weight", "bias"]
    kept = [(weight.name, weight.shape, weight.dtype) for weight in op.buffers()]
    assert kept == [
        ("running_mean", (FOUR,), "float"),
        ("running_var", (FOUR,), "float"),
        ("num_batches_tracked", (), "int"),
    ]


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        ("batch_norm2d", (B, FOUR, H)),
        ("batch_norm2d", (B, H, FOUR, W)),
        ("batch_norm1d", (B, FOUR, H, W)),
        ("batch_norm1d", (B, Size.of(5))),
    ],
)
def test_a_batch_norm_refuses_other_shapes(op: str, shape: tuple[Size, ...]) -> None:
    with pytest.raises(ShapeError):
        LAYERS[op](num_features=FOUR).infer(Tensor("float", shape))


def test_layer_norm_wants_vectors_of_the_last_axis() -> None:
    x, vector = Tensor("float", (B, H, FOUR)), Tensor("float", (FOUR,))
    assert FUNCTIONS["layer_norm"].rule(x, vector, vector) == x
    for bad in (Tensor("float", (Size.of(5),)), Tensor("float32", (FOUR,)), x):
        with pytest.raises(ShapeError):
            FUNCTIONS["layer_norm"].rule(x, vector, bad)


@pytest.mark.torch
def test_the_generated_file_tracks_batches(tmp_path: Path) -> None:
    import torch
    from torch import nn

    model = load(tmp_path, BATCH_NORM).build(eps=0.5, momentum=0.25)
    first, second = nn.BatchNorm2d(4, eps=0.5, momentum=0.25), nn.BatchNorm1d(4, affine=False)
    x = torch.randn(2, 4, 3, 5) * 2 + 1
    for mode in (True, False):
        found = model.train(mode)(x)
        wanted = first.train(mode)(x)
        torch.testing.assert_close(found[0], wanted)
        torch.testing.assert_close(found[1], second.train(mode)(wanted.flatten(2)))
    torch.testing.assert_close(model.norm.state_dict(), first.state_dict())
    assert list(model.plain.state_dict()) == list(second.state_dict())


@pytest.mark.torch
def test_initialisation_resets_the_statistics(tmp_path: Path) -> None:
    import torch

    spec = load(tmp_path, BATCH_NORM)
    with torch.device("meta"):
        model = spec.build()
    model = model.to_empty(device="cpu").init_weights()
    torch.testing.assert_close(model.state_dict(), spec.build().state_dict())


@pytest.mark.torch
def test_the_generated_file_normalises_with_given_weights(tmp_path: Path) -> None:
    import torch
    import torch.nn.functional as F

    model = load(tmp_path, LAYER_NORM).build(eps=0.5)
    with torch.no_grad():
        model.weight.normal_()
        model.bias.normal_()
    x = torch.randn(2, 3, 4)
    usual, wide = model(x)
    torch.testing.assert_close(usual, F.layer_norm(x, (4,), model.weight, model.bias))
    torch.testing.assert_close(wide, F.layer_norm(x, (4,), model.weight, model.bias, 0.5))
