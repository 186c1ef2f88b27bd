"""Convolutions over one and two axes; channels come first: [B, C, L] and [B, C, H, W]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from getspec.ops.base import (
    Layer,
    Product,
    ShapeError,
    Size,
    Tensor,
    Weight,
    flag,
    integer,
    layer,
    require_model_float,
    size,
)
from getspec.sizes import product

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


class Convolution(Layer):
    """What convolutions of any number of spatial axes share: cross-correlation with zero padding."""

    spatial: int

    in_channels: Size
    out_channels: Size
    kernel_size: Size
    stride: Size
    padding: Size
    dilation: Size
    groups: Size
    bias: bool

    def check(self) -> None:
        for name, channels in (
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
        ):
            if not channels.is_multiple_of(self.groups):
                raise ShapeError(
                    f"groups = {int(self.groups)} does not divide {name} = {channels}",
                    argument="groups",
                )

    def parameters(self) -> Iterator[Weight]:
        kernel = (self.kernel_size,) * self.spatial
        yield Weight("weight", (self.out_channels, self.in_channels // self.groups, *kernel))
        if self.bias:
            yield Weight("bias", (self.out_channels,))

    def infer(self, x: Tensor) -> Tensor:
        require_model_float(x, self.type)
        if x.rank != self.spatial + 2:
            raise ShapeError(
                f"{self.type} wants {self.spatial + 2} axes, this is {x}", argument="x"
            )
        if x.shape[1] != self.in_channels:
            raise ShapeError(
                f"axis 1 of {x} is {x.shape[1]}; in_channels is {self.in_channels}", argument="x"
            )
        return x.with_shape((x.shape[0], self.out_channels, *map(self.output_length, x.shape[2:])))

    def products(self, *inputs: Tensor) -> tuple[Product, ...]:
        taps = product((self.kernel_size,) * self.spatial)
        work = 2 * product(self.infer(inputs[0]).shape) * (self.in_channels // self.groups) * taps
        return (Product(work, (("x",), ("weight",))),)

    def counted(self, tool: str, *inputs: Tensor) -> Size | None:
        """torchinfo counts weight and bias at every position."""
        if tool != "torchinfo":
            return None
        batch, _, *positions = self.infer(inputs[0]).shape
        weights = sum((product(w.shape) for w in self.parameters()), Size.of(0))
        return batch * product(positions) * weights

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        x = inputs[0]
        grad = x.grad or any(weight.grad for weight in weights.values())
        if grad:
            tape.save(x, weights["weight"])
        if self.spatial == 1 and self.padding == self.dilation * (self.kernel_size - 1) != 0:
            width = tape.policy.bytes_of(x.type.dtype)
            tape.note("state", x.shape[0] * self.in_channels * self.padding * width)
        return replace(tape.resampled(out, x), grad=grad)

    def output_length(self, length: Size) -> Size:
        """floor((L + 2 padding - dilation (kernel - 1) - 1) / stride) + 1."""
        reach = length + 2 * self.padding - self.dilation * (self.kernel_size - 1) - 1
        if reach.is_below(0):
            raise ShapeError(
                f"an axis of {length} is shorter than the kernel's reach", argument="x"
            )
        return reach // self.stride + 1


@layer("conv1d", reference="torch.nn.Conv1d")
class Conv1d(Convolution):
    """Convolution over one axis: [B, C, L] -> [B, C', L']."""

    in_channels: Size = size("length of axis 1")
    out_channels: Size = size("length of axis 1 of the output")
    kernel_size: Size = size("length of the kernel")
    stride: Size = integer(1, "step between outputs")
    padding: Size = integer(0, "zeros added at both ends", minimum=0)
    dilation: Size = integer(1, "distance between kernel taps")
    groups: Size = integer(1, "channel groups that do not mix")
    bias: bool = flag(True, "add a bias per channel")

    spatial = 1


@layer("conv2d", reference="torch.nn.Conv2d")
class Conv2d(Convolution):
    """Convolution over two axes with a square kernel: [B, C, H, W] -> [B, C', H', W']."""

    in_channels: Size = size("length of axis 1")
    out_channels: Size = size("length of axis 1 of the output")
    kernel_size: Size = size("length of both sides of the kernel")
    stride: Size = integer(1, "step between outputs")
    padding: Size = integer(0, "zeros added on all sides", minimum=0)
    dilation: Size = integer(1, "distance between kernel taps")
    groups: Size = integer(1, "channel groups that do not mix")
    bias: bool = flag(True, "add a bias per channel")

    spatial = 2
