"""Changing the resolution of channels-first tensors: pooling over windows, and interpolation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getspec.ops.base import (
    SAVES,
    Layer,
    ShapeError,
    Size,
    Tensor,
    counted,
    elementwise,
    function,
    integer,
    layer,
    require_float,
    saves,
    size,
)
from getspec.sizes import product

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape

MODES = {"nearest": None, "linear": 1, "bilinear": 2, "bicubic": 2}
"""Interpolations, and the number of spatial axes each is for; None is any."""


def _pooled(x: Tensor, spatial: int, window: tuple[Size, Size, Size], what: str) -> Tensor:
    """Every spatial axis at floor((L + 2 padding - kernel) / stride) + 1."""
    kernel_size, stride, padding = window
    require_float(x, what)
    if x.rank != spatial + 2:
        raise ShapeError(f"{what} wants {spatial + 2} axes, this is {x}", argument="x")
    _check_window(int(kernel_size), int(stride), int(padding))
    lengths = []
    for length in x.shape[2:]:
        reach = length + 2 * padding - kernel_size
        if reach.is_below(0):
            raise ShapeError(f"an axis of {length} is shorter than the window", argument="x")
        lengths.append(reach // stride + 1)
    return x.with_shape((*x.shape[:2], *lengths))


def _check_window(kernel_size: int, stride: int, padding: int) -> None:
    for name, number, least in (("kernel_size", kernel_size, 1), ("stride", stride, 1)):
        if number < least:
            raise ShapeError(f"{name} is at least {least}, this is {number}", argument=name)
    if not 0 <= padding <= kernel_size // 2:
        raise ShapeError(
            f"padding is from 0 to half of kernel_size = {kernel_size}, this is {padding}",
            argument="padding",
        )


class Pooling(Layer):
    """What pooling layers share: a window that moves over the spatial axes."""

    spatial: int

    kernel_size: Size
    stride: Size
    padding: Size

    def check(self) -> None:
        _check_window(int(self.kernel_size), int(self.stride), int(self.padding))

    def infer(self, x: Tensor) -> Tensor:
        return _pooled(x, self.spatial, (self.kernel_size, self.stride, self.padding), self.type)

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        made: Held = SAVES[self.type](tape, out, x=inputs[0])
        return made


@layer("max_pool1d", reference="torch.nn.MaxPool1d")
class MaxPool1d(Pooling):
    """Largest value of each window: [B, C, L] -> [B, C, L']."""

    kernel_size: Size = size("length of the window")
    stride: Size = size("step between windows")
    padding: Size = integer(0, "places added at both ends, which never win", minimum=0)

    spatial = 1


@layer("max_pool2d", reference="torch.nn.MaxPool2d")
class MaxPool2d(Pooling):
    """Largest value of each square window: [B, C, H, W] -> [B, C, H', W']."""

    kernel_size: Size = size("length of both sides of the window")
    stride: Size = size("step between windows")
    padding: Size = integer(0, "places added on all sides, which never win", minimum=0)

    spatial = 2


@layer("avg_pool1d", reference="torch.nn.AvgPool1d")
class AvgPool1d(Pooling):
    """Mean of each window: [B, C, L] -> [B, C, L']."""

    kernel_size: Size = size("length of the window")
    stride: Size = size("step between windows")
    padding: Size = integer(0, "zeros added at both ends, which count", minimum=0)

    spatial = 1


@layer("avg_pool2d", reference="torch.nn.AvgPool2d")
class AvgPool2d(Pooling):
    """Mean of each square window: [B, C, H, W] -> [B, C, H', W']."""

    kernel_size: Size = size("length of both sides of the window")
    stride: Size = size("step between windows")
    padding: Size = integer(0, "zeros added on all sides, which count", minimum=0)

    spatial = 2


def _pooling(name: str, spatial: int, doc: str) -> None:
    def rule(x: Tensor, kernel_size: int, stride: int, padding: int = 0) -> Tensor:
        window = (Size.of(kernel_size), Size.of(stride), Size.of(padding))
        return _pooled(x, spatial, window, name)

    rule.__doc__ = doc
    function(name, reference=f"torch.nn.functional.{name}")(rule)


_pooling("max_pool1d", 1, "Largest value of each window along the last axis.")
_pooling("max_pool2d", 2, "Largest value of each square window over the last two axes.")
_pooling("avg_pool1d", 1, "Mean of each window along the last axis.")
_pooling("avg_pool2d", 2, "Mean of each square window over the last two axes.")


@function("interpolate", reference="torch.nn.functional.interpolate (align_corners=False)")
def interpolate(x: Tensor, scale_factor: int, mode: str = "nearest") -> Tensor:
    """Every spatial axis (all after the second) `scale_factor` times as long."""
    require_float(x, "interpolate")
    if mode not in MODES:
        raise ShapeError(f"mode is one of {', '.join(MODES)}, not {mode!r}", argument="mode")
    if scale_factor < 1:
        raise ShapeError(
            f"the scale is at least 1, this is {scale_factor}", argument="scale_factor"
        )
    spatial = x.rank - 2
    if not 1 <= spatial <= 3 or spatial != (MODES[mode] or spatial):
        wanted = f"{MODES[mode]}" if MODES[mode] else "1 to 3"
        raise ShapeError(f"{mode} is for {wanted} axes after the second, this is {x}", argument="x")
    return x.with_shape((*x.shape[:2], *(scale_factor * length for length in x.shape[2:])))


@saves("max_pool1d", "max_pool2d")
def _max_pool_saves(tape: Tape, out: Tensor, x: Held, **_: object) -> Held:
    """The input, and which of its places won."""
    if x.grad:
        tape.save(x, tape.new(out.with_dtype("int")))
    return tape.resampled(out, x)


@saves("avg_pool1d", "avg_pool2d")
def _avg_pool_saves(tape: Tape, out: Tensor, x: Held, **_: object) -> Held:
    if x.grad:
        tape.save(x)
    return tape.resampled(out, x)


@counted("interpolate")
def _interpolate_counted(
    tool: str, x: Tensor, scale_factor: Size, mode: str = "nearest"
) -> Size | None:
    """fvcore knows two kinds of interpolation, of images only."""
    if tool != "fvcore" or x.rank != 4:
        return None
    times = {"nearest": 1, "bilinear": 4}.get(mode, 0)
    return times * scale_factor * scale_factor * product(x.shape)


@saves("interpolate")
def _interpolate_saves(tape: Tape, out: Tensor, x: Held, **_: object) -> Held:
    return tape.resampled(out, x)


elementwise("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "interpolate")
