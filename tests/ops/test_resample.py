"""Pooling and interpolation: shape rules, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec
from getspec.ops import FUNCTIONS, LAYERS
from getspec.ops.base import ShapeError, Size, Tensor

B, C, H, W = Size.runtime("B"), Size.of(3), Size.runtime("H"), Size.runtime("W")
IMAGE = Tensor("float", (B, C, H, W))
SIGNAL = Tensor("float", (B, C, H))

SPEC = """\
getspec: 1
model: Net
config: {window: 3}
inputs: {x: "float[B, 3, AXES]"}
components:
  unused: {type: parameter, shape: [1], init: zeros, doc: a model has parameters}
  pool: {type: OP, kernel_size: window, stride: 2, padding: 1}
forward: |
  return pool(x), OP(x, 3, stride=2, padding=1), interpolate(x, 2), interpolate(x, 3, mode="MODE")
"""


def pool(op: str, **fields: int) -> object:
    return LAYERS[op](**{name: Size.of(value) for name, value in fields.items()})


@pytest.mark.parametrize("kind", ["max", "avg"])
def test_a_pool_is_as_long_as_its_windows_fit(kind: str) -> None:
    op = pool(f"{kind}_pool2d", kernel_size=3, stride=2, padding=1)
    assert op.infer(IMAGE) == IMAGE.with_shape((B, C, (H - 1) // 2 + 1, (W - 1) // 2 + 1))
    even = Tensor("float", (B, C, 32 * H, Size.of(9)))
    assert op.infer(even) == even.with_shape((B, C, 16 * H, Size.of(5)))
    rule = FUNCTIONS[f"{kind}_pool1d"].rule
    assert rule(SIGNAL, 2, 2) == SIGNAL.with_shape((B, C, H // 2))


@pytest.mark.parametrize(
    ("x", "window"),
    [
        (SIGNAL, (2, 2, 0)),
        (Tensor("int", IMAGE.shape), (2, 2, 0)),
        (Tensor("float", (B, C, Size.of(2), W)), (3, 1, 0)),
        (IMAGE, (2, 2, 2)),
        (IMAGE, (0, 1, 0)),
        (IMAGE, (2, 0, 0)),
    ],
)
def test_a_pool_refuses_what_has_no_windows(x: Tensor, window: tuple[int, int, int]) -> None:
    with pytest.raises(ShapeError):
        FUNCTIONS["max_pool2d"].rule(x, *window)


def test_interpolation_scales_every_spatial_axis() -> None:
    rule = FUNCTIONS["interpolate"].rule
    assert rule(IMAGE, 2) == IMAGE.with_shape((B, C, 2 * H, 2 * W))
    assert rule(SIGNAL, 3, "linear") == SIGNAL.with_shape((B, C, 3 * H))


@pytest.mark.parametrize(
    ("x", "scale", "mode"),
    [(IMAGE, 0, "nearest"), (IMAGE, 2, "linear"), (SIGNAL, 2, "bilinear"), (IMAGE, 2, "area")],
)
def test_interpolation_refuses_other_modes_and_scales(x: Tensor, scale: int, mode: str) -> None:
    with pytest.raises(ShapeError):
        FUNCTIONS["interpolate"].rule(x, scale, mode)


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("axes", ["H", "H, W"])
def test_the_generated_file_resamples(tmp_path: Path, kind: str, axes: str) -> None:
    import torch
    import torch.nn.functional as F

    spatial = axes.count(",") + 1
    mode = ("linear", "bilinear")[spatial - 1]
    path = tmp_path / "net.yaml"
    text = SPEC.replace("AXES", axes).replace("OP", f"{kind}_pool{spatial}d")
    path.write_text(text.replace("MODE", mode))
    x = torch.randn(2, 3, *(7, 10)[:spatial])
    layer, pooled, nearest, smooth = getspec.load(path).build()(x)
    reference = getattr(F, f"{kind}_pool{spatial}d")(x, 3, 2, 1)
    torch.testing.assert_close(layer, reference)
    torch.testing.assert_close(pooled, reference)
    expected = x.repeat_interleave(2, dim=-1)
    if spatial == 2:
        expected = expected.repeat_interleave(2, dim=-2)
    torch.testing.assert_close(nearest, expected)
    torch.testing.assert_close(smooth, F.interpolate(x, scale_factor=3, mode=mode))
