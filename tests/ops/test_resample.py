"""Pooling and interpolation: shape rules, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from memory import kept, saved, typed

import getspec
from getspec.ops import FUNCTIONS, LAYERS, resample
from getspec.ops.base import COUNTED, SAVES, ShapeError, Size, Tensor
from getspec.ops.storage import Policy, Tape

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


def pool(op: str, **fields: int) -> Any:
    return LAYERS[op](**{name: Size.of(value) for name, value in fields.items()})


@pytest.mark.parametrize("kind", ["max", "avg"])
def test_a_pool_is_as_long_as_its_windows_fit(kind: str) -> None:
    op = pool(f"{kind}_pool2d", kernel_size=3, stride=2, padding=1)
    assert op.infer(IMAGE) == IMAGE.with_shape((B, C, (H - 1) // 2 + 1, (W - 1) // 2 + 1))
    even = Tensor("float", (B, C, 32 * H, Size.of(9)))
    assert op.infer(even) == even.with_shape((B, C, 16 * H, Size.of(5)))
    rule = FUNCTIONS[f"{kind}_pool1d"].rule
    assert rule(SIGNAL, 2, 2) == SIGNAL.with_shape((B, C, H // 2))


WINDOW = {"kernel_size": 2, "stride": 2, "padding": 0}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kernel_size": 0}, "kernel_size is at least 1, this is 0"),
        ({"stride": 0}, "stride is at least 1, this is 0"),
        ({"padding": 2}, "padding is from 0 to half of kernel_size = 2, this is 2"),
        ({"padding": -1}, "padding is from 0 to half of kernel_size = 2, this is -1"),
        (
            {"kernel_size": 3, "padding": 2},
            "padding is from 0 to half of kernel_size = 3, this is 2",
        ),
    ],
)
def test_no_window_is_like_that(changed: dict[str, int], message: str) -> None:
    """Neither of a layer nor of a function, and the field at fault is named."""
    window = WINDOW | changed
    for refused in (
        lambda: pool("avg_pool2d", **window).check(),
        lambda: FUNCTIONS["avg_pool2d"].rule(IMAGE, **window),
    ):
        with pytest.raises(ShapeError) as caught:
            refused()
        at_fault = list(changed)[-1]
        assert (caught.value.message, caught.value.argument) == (message, at_fault)


@pytest.mark.parametrize("window", [(1, 1, 0), (2, 1, 1), (3, 2, 1)])
def test_a_window_may_be_one_place_and_padding_half_of_it(window: tuple[int, int, int]) -> None:
    pool("max_pool1d", **dict(zip(WINDOW, window, strict=True))).check()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (SIGNAL, "max_pool2d wants 4 axes, this is float[B, 3, H]"),
        (
            typed(B, 3, H, W, dtype="int"),
            "max_pool2d wants a float tensor, this is int[B, 3, H, W]",
        ),
        (typed(B, 3, H, 1), "an axis of 1 is shorter than the window"),
    ],
)
def test_a_pool_refuses_what_has_no_windows(x: Tensor, message: str) -> None:
    for refused in (
        lambda: pool("max_pool2d", **WINDOW).infer(x),
        lambda: FUNCTIONS["max_pool2d"].rule(x, **WINDOW),
    ):
        with pytest.raises(ShapeError) as caught:
            refused()
        assert (caught.value.message, caught.value.argument) == (message, "x")


def test_an_axis_may_be_just_as_long_as_the_window() -> None:
    assert FUNCTIONS["avg_pool1d"].rule(typed(B, 3, 5), 5, 2) == typed(B, 3, 1)
    assert FUNCTIONS["avg_pool1d"].rule(typed(B, 3, 3), 5, 2, 1) == typed(B, 3, 1)
    with pytest.raises(ShapeError, match=r"^an axis of 2 is shorter than the window$"):
        FUNCTIONS["avg_pool1d"].rule(typed(B, 3, 2), 5, 2, 1)


def test_a_pool_is_registered_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pooling function is made so: a rule for a number of axes, which is called as torch's is."""
    made: dict[str, Any] = {}
    monkeypatch.setattr("getspec.ops.base.FUNCTIONS", made)
    resample._pooling("mid_pool1d", 1, "Middle of each window.")
    (function,) = made.values()
    assert (function.name, function.rule.__doc__) == ("mid_pool1d", "Middle of each window.")
    assert function.reference == "torch.nn.functional.mid_pool1d"
    assert function.rule(typed(B, 3, 9), kernel_size=3, stride=2) == typed(B, 3, 4)
    assert function.rule(typed(B, 3, 9), kernel_size=3, stride=2, padding=1) == typed(B, 3, 5)
    with pytest.raises(ShapeError, match=r"^mid_pool1d wants 3 axes, this is float\[B, 3, H, W\]$"):
        function.rule(IMAGE, 3, 2)


def test_interpolation_scales_every_spatial_axis() -> None:
    rule = FUNCTIONS["interpolate"].rule
    assert rule(IMAGE, 2) == IMAGE.with_shape((B, C, 2 * H, 2 * W))
    assert rule(SIGNAL, 3, "linear") == SIGNAL.with_shape((B, C, 3 * H))
    assert rule(SIGNAL, 1) == SIGNAL
    assert rule(typed(B, 3, 4, 5, H), 2) == typed(B, 3, 8, 10, 2 * H)


@pytest.mark.parametrize(
    ("x", "scale", "mode", "message", "argument"),
    [
        (IMAGE, 0, "nearest", "the scale is at least 1, this is 0", "scale_factor"),
        (
            IMAGE,
            2,
            "area",
            "mode is one of nearest, linear, bilinear, bicubic, not 'area'",
            "mode",
        ),
        (IMAGE, 2, "linear", f"linear is for 1 axes after the second, this is {IMAGE}", "x"),
        (SIGNAL, 2, "bilinear", f"bilinear is for 2 axes after the second, this is {SIGNAL}", "x"),
        (SIGNAL, 2, "bicubic", f"bicubic is for 2 axes after the second, this is {SIGNAL}", "x"),
        (
            typed(B, 3),
            2,
            "nearest",
            "nearest is for 1 to 3 axes after the second, this is float[B, 3]",
            "x",
        ),
        (
            typed(B, 3, 1, 1, 1, 1),
            2,
            "nearest",
            "nearest is for 1 to 3 axes after the second, this is float[B, 3, 1, 1, 1, 1]",
            "x",
        ),
        (
            typed(B, 3, 4, dtype="int"),
            2,
            "nearest",
            "interpolate wants a float tensor, this is int[B, 3, 4]",
            "x",
        ),
    ],
)
def test_interpolation_refuses_other_modes_and_scales(
    x: Tensor, scale: int, mode: str, message: str, argument: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        FUNCTIONS["interpolate"].rule(x, scale, mode)
    assert (caught.value.message, caught.value.argument) == (message, argument)


def test_fvcore_counts_two_interpolations_of_images() -> None:
    """An element of the result costs one operation, or four where it lies between four."""
    counted = COUNTED["interpolate"]
    elements = (3 * H) * (3 * W) * 3 * B
    for mode, each in (("nearest", 1), ("bilinear", 4), ("bicubic", 0)):
        assert counted("fvcore", IMAGE, Size.of(3), mode) == each * elements
        assert counted("deepspeed", IMAGE, Size.of(3), mode) is None
    assert counted("fvcore", IMAGE, Size.of(3)) == elements
    assert counted("fvcore", SIGNAL, Size.of(3)) is None


LARGE, SMALL = typed(B, 3, 4, 6), typed(B, 3, 2, 3)
ROWS, CHANNELS_LAST = (18, 6, 3, 1), (18, 1, 9, 3)


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize(
    ("op", "amount"),
    [
        ("max_pool2d", f"{4 * 72 + 8 * 18}*B"),
        ("avg_pool2d", f"{4 * 72}*B"),
        ("interpolate", None),
    ],
)
def test_a_pool_keeps_its_input_and_a_maximum_where_it_was(
    op: str, amount: str | None, grad: bool
) -> None:
    """Interpolation is linear and keeps nothing; without a gradient nothing does."""
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(LARGE, grad)
    made = SAVES[op](tape, SMALL, x=x)
    assert kept(tape) == ({"saved": amount} if grad and amount else {})
    assert (made.type, made.strides, made.grad) == (SMALL, ROWS, grad)
    assert saved(x, made) == [bool(grad and amount), False]


@pytest.mark.parametrize("op", ["max_pool2d", "avg_pool2d"])
def test_a_layer_keeps_what_the_function_keeps(op: str) -> None:
    found = []
    for run in (pool(op, **WINDOW).saves, lambda tape, out, x: SAVES[op](tape, out, x=x)):
        tape = Tape(Policy(), {"B": 5})
        made = run(tape, SMALL, tape.new(LARGE, grad=True))
        found.append((kept(tape), made.type, made.strides, made.grad))
    assert found[0] == found[1]


@pytest.mark.parametrize("op", ["max_pool2d", "avg_pool2d", "interpolate"])
def test_channels_stay_last(op: str) -> None:
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(LARGE, strides=(72, 1, 18, 3))
    assert SAVES[op](tape, SMALL, x=x).strides == CHANNELS_LAST


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
