"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from getspec.ops.base import (
    Layer,
    ShapeError,
    Size,
    Tensor,
    Weight,
    counted,
    elementwise,
    flag,
    function,
    layer,
    number,
    require_float,
    require_last,
    require_model_float,
    saves,
    size,
)
from getspec.sizes import product

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


@layer("layer_norm", reference="arXiv:1607.06450 (torch.nn.LayerNorm)")
class LayerNorm(Layer):
    """Zero mean and unit variance over the last axis, then an optional affine map."""

    dim: Size = size("length of the last axis")
    eps: float = number(1e-5, "added to the variance")
    affine: bool = flag(True, "learn a weight")
    bias: bool = flag(True, "learn a bias too; without effect when affine is false")

    def parameters(self) -> Iterator[Weight]:
        if self.affine:
            yield Weight("weight", (self.dim,))
            if self.bias:
                yield Weight("bias", (self.dim,))

    def infer(self, x: Tensor) -> Tensor:
        require_model_float(x, "layer_norm")
        require_last(x, self.dim, "dim")
        return x

    def counted(self, tool: str, *inputs: Tensor) -> Size | None:
        return _estimated(tool, inputs[0], self.affine)

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        return _normed(tape, inputs[0], inputs[0].shape[:-1], *weights.values())


@layer("rms_norm", reference="arXiv:1910.07467 (torch.nn.RMSNorm)")
class RMSNorm(Layer):
    """Unit root mean square over the last axis, then an optional weight."""

    dim: Size = size("length of the last axis")
    eps: float = number(1e-6, "added to the mean square")
    affine: bool = flag(True, "learn a weight")

    def parameters(self) -> Iterator[Weight]:
        if self.affine:
            yield Weight("weight", (self.dim,))

    def infer(self, x: Tensor) -> Tensor:
        require_model_float(x, "rms_norm")
        require_last(x, self.dim, "dim")
        return x

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        """x, 1 / sqrt(mean square) and their product, all in float32."""
        x = tape.widened(inputs[0])
        scale = tape.new(x.type.with_shape((*x.shape[:-1], Size.of(1))), x.grad)
        if x.grad:
            tape.save(x, scale)
        made = tape.times(x.type, x, scale)
        for weight in weights.values():
            made = tape.times(x.type, made, weight)
        return tape.narrowed(out, made)


@layer("group_norm", reference="arXiv:1803.08494 (torch.nn.GroupNorm)")
class GroupNorm(Layer):
    """Zero mean and unit variance over groups of channels (axis 1) and all positions."""

    num_groups: Size = size("number of groups")
    num_channels: Size = size("length of axis 1; a multiple of num_groups")
    eps: float = number(1e-5, "added to the variance")
    affine: bool = flag(True, "learn a weight and a bias per channel")

    def check(self) -> None:
        if not self.num_channels.is_multiple_of(self.num_groups):
            raise ShapeError(
                f"{int(self.num_groups)} groups do not divide {int(self.num_channels)} channels",
                argument="num_groups",
            )

    def parameters(self) -> Iterator[Weight]:
        if self.affine:
            yield Weight("weight", (self.num_channels,))
            yield Weight("bias", (self.num_channels,))

    def infer(self, x: Tensor) -> Tensor:
        require_model_float(x, "group_norm")
        if x.rank < 2 or x.shape[1] != self.num_channels:
            raise ShapeError(
                f"group_norm wants {self.num_channels} channels on axis 1, this is {x}",
                argument="x",
            )
        return x

    def counted(self, tool: str, *inputs: Tensor) -> Size | None:
        return _estimated(tool, inputs[0], self.affine)

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        x = inputs[0] if tape.is_contiguous(inputs[0]) else tape.new(out, inputs[0].grad)
        return _normed(tape, x, (x.shape[0], self.num_groups), *weights.values(), wide=False)


class BatchNorm(Layer):
    """What batch norms of any number of spatial axes share."""

    spatial: tuple[int, ...]

    num_features: Size
    eps: float
    momentum: float
    affine: bool

    def parameters(self) -> Iterator[Weight]:
        if self.affine:
            yield Weight("weight", (self.num_features,))
            yield Weight("bias", (self.num_features,))

    def buffers(self) -> Iterator[Weight]:
        yield Weight("running_mean", (self.num_features,))
        yield Weight("running_var", (self.num_features,))
        yield Weight("num_batches_tracked", (), "int")

    def infer(self, x: Tensor) -> Tensor:
        require_model_float(x, self.type)
        if x.rank - 2 not in self.spatial or x.shape[1] != self.num_features:
            axes = " or ".join(str(number + 2) for number in self.spatial)
            raise ShapeError(
                f"{self.type} wants {axes} axes, {self.num_features} channels on axis 1; this is {x}",
                argument="x",
            )
        return x

    def counted(self, tool: str, *inputs: Tensor) -> Size | None:
        """fvcore, in eval mode: the map alone."""
        return product(inputs[0].shape) * (2 if self.affine else 1) if tool == "fvcore" else None

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        made = _normed(tape, inputs[0], (self.num_features,), *weights.values())
        return replace(tape.resampled(out, inputs[0]), grad=made.grad)


@layer("batch_norm1d", reference="arXiv:1502.03167 (torch.nn.BatchNorm1d)")
class BatchNorm1d(BatchNorm):
    """Zero mean and unit variance of each channel of [B, C] or [B, C, L]; running statistics in eval mode."""

    num_features: Size = size("length of axis 1")
    eps: float = number(1e-5, "added to the variance")
    momentum: float = number(0.1, "share of the newest batch in the running statistics")
    affine: bool = flag(True, "learn a weight and a bias per channel")

    spatial = (0, 1)


@layer("batch_norm2d", reference="arXiv:1502.03167 (torch.nn.BatchNorm2d)")
class BatchNorm2d(BatchNorm):
    """Zero mean and unit variance of each channel of [B, C, H, W]; running statistics in eval mode."""

    num_features: Size = size("length of axis 1")
    eps: float = number(1e-5, "added to the variance")
    momentum: float = number(0.1, "share of the newest batch in the running statistics")
    affine: bool = flag(True, "learn a weight and a bias per channel")

    spatial = (2,)


@function("layer_norm", reference="arXiv:1607.06450 (torch.nn.functional.layer_norm)")
def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Zero mean and unit variance over the last axis, then the given affine map."""
    require_float(x, "layer_norm")
    for name, vector in (("weight", weight), ("bias", bias)):
        if vector.rank != 1 or vector.dtype != x.dtype:
            raise ShapeError(f"{name} is a vector of the dtype of {x}, not {vector}", argument=name)
        require_last(x, vector.shape[0], f"the length of {name}")
    return x


@counted("layer_norm")
def _layer_norm_counted(tool: str, x: Tensor, **_: object) -> Size | None:
    return _estimated(tool, x, affine=True)


@saves("layer_norm")
def _layer_norm_saves(
    tape: Tape, out: Tensor, x: Held, weight: Held, bias: Held, eps: float = 1e-5
) -> Held:
    return _normed(tape, x, x.shape[:-1], weight, bias)


def _estimated(tool: str, x: Tensor, affine: bool) -> Size | None:
    """fvcore counts operations on each element, though multiply-adds everywhere else."""
    return product(x.shape) * (5 if affine else 4) if tool == "fvcore" else None


def _normed(tape: Tape, x: Held, groups: Sequence[Size], *weights: Held, wide: bool = True) -> Held:
    """The input and two statistics for each group of elements that are normalised together."""
    grad = x.grad or any(weight.grad for weight in weights)
    if grad:
        dtype = "float32" if wide and tape.policy.wide_statistics else "float"
        stats = [tape.new(Tensor(dtype, tuple(groups))) for _ in ("mean", "deviation")]
        tape.save(x, *weights, *stats)
    return tape.new(x.type, grad)


elementwise("layer_norm", "rms_norm", "group_norm", "batch_norm1d", "batch_norm2d")
