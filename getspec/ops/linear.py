"""Affine maps and products of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from getspec.ops.base import (
    Layer,
    Product,
    ShapeError,
    Size,
    Tensor,
    Weight,
    broadcast,
    counted,
    flag,
    function,
    layer,
    products,
    promote,
    require_last,
    require_model_float,
    saves,
    size,
)
from getspec.ops.patterns import einsum_pattern
from getspec.sizes import product

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


@layer("linear", reference="y = x W^T + b (torch.nn.Linear)")
class Linear(Layer):
    """Affine map of the last axis."""

    in_features: Size = size("length of the input's last axis")
    out_features: Size = size("length of the output's last axis")
    bias: bool = flag(True, "add a bias vector")

    def parameters(self) -> Iterator[Weight]:
        yield Weight("weight", (self.out_features, self.in_features))
        if self.bias:
            yield Weight("bias", (self.out_features,))

    def infer(self, x: Tensor) -> Tensor:
        require_model_float(x, "linear")
        require_last(x, self.in_features, "in_features")
        return x.with_shape((*x.shape[:-1], self.out_features))

    def products(self, *inputs: Tensor) -> tuple[Product, ...]:
        return (Product(2 * product(inputs[0].shape) * self.out_features, (("x",), ("weight",))),)

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        return tape.linear(out, inputs[0], weights["weight"], weights.get("bias"))


@layer("transposed_linear", reference="y = x W + b, arXiv:1706.03762, equation 2")
class TransposedLinear(Layer):
    """Affine map of the last axis whose weight is stored as (in_features, out_features)."""

    in_features: Size = size("length of the input's last axis")
    out_features: Size = size("length of the output's last axis")

    def parameters(self) -> Iterator[Weight]:
        yield Weight("weight", (self.in_features, self.out_features))
        yield Weight("bias", (self.out_features,))

    def infer(self, x: Tensor) -> Tensor:
        require_model_float(x, "transposed_linear")
        require_last(x, self.in_features, "in_features")
        return x.with_shape((*x.shape[:-1], self.out_features))

    def products(self, *inputs: Tensor) -> tuple[Product, ...]:
        return (Product(2 * product(inputs[0].shape) * self.out_features, (("x",), ("weight",))),)

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        turned = tape.transpose(weights["weight"], 0, 1)
        return tape.linear(out, inputs[0], turned, weights["bias"])


@function("matmul", reference="torch.matmul; written `a @ b`")
def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product over the last two axes; the others broadcast."""
    if a.rank < 2 or b.rank < 2:
        raise ShapeError(f"@ wants two axes on both sides, these are {a} and {b}")
    if a.dtype != b.dtype or a.dtype in ("int", "bool"):
        raise ShapeError(f"@ wants two float tensors of one dtype, these are {a} and {b}")
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"@ joins the last axis of {a} with the last but one of {b}: {a.shape[-1]} is not {b.shape[-2]}"
        )
    batch = broadcast(a.with_shape(a.shape[:-2]), b.with_shape(b.shape[:-2]))
    return a.with_shape((*batch, a.shape[-2], b.shape[-1]))


@products("matmul")
def _matmul_products(a: Tensor, b: Tensor) -> tuple[Product, ...]:
    out = matmul(a, b)
    return (Product(2 * product(out.shape) * a.shape[-1], (("a",), ("b",))),)


@counted("matmul")
def _matmul_counted(tool: str, a: Tensor, b: Tensor) -> Size | None:
    """fvcore does not see that b broadcasts a."""
    return product(a.shape) * b.shape[-1] if tool == "fvcore" else None


@saves("matmul")
def _matmul_saves(tape: Tape, out: Tensor, a: Held, b: Held) -> Held:
    return tape.matmul(a, b)


@function(
    "einsum",
    reference="Einstein summation (torch.einsum); names are separated by spaces: 'b i d, b j d -> b i j'",
)
def einsum(pattern: str, *tensors: Tensor) -> Tensor:
    """Sum of products over named axes."""
    inputs, output = einsum_pattern(pattern)
    if len(inputs) != len(tensors):
        raise ShapeError(
            f"the pattern has {len(inputs)} inputs, {len(tensors)} tensors are given",
            argument="pattern",
        )
    lengths: dict[str, Size] = {}
    for axes, tensor in zip(inputs, tensors, strict=True):
        if len(axes) != tensor.rank:
            raise ShapeError(
                f"'{' '.join(axes)}' names {len(axes)} axes of {tensor}", argument="pattern"
            )
        for axis, length in zip(axes, tensor.shape, strict=True):
            if lengths.setdefault(axis, length) != length:
                raise ShapeError(
                    f"axis '{axis}' is {lengths[axis]} in one tensor and {length} in {tensor}"
                )
    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) > 1 or dtypes & {"int", "bool"}:
        raise ShapeError("einsum wants float tensors of one dtype: " + ", ".join(map(str, tensors)))
    return Tensor(promote(*tensors), tuple(lengths[axis] for axis in output))


@products("einsum")
def _einsum_products(pattern: str, *tensors: Tensor) -> tuple[Product, ...]:
    """Pairs from left to right, as torch contracts them; a pair that sums over nothing is elementwise."""
    inputs, output = einsum_pattern(pattern)
    lengths = {
        a: n
        for axes, t in zip(inputs, tensors, strict=True)
        for a, n in zip(axes, t.shape, strict=True)
    }
    found = []
    left = inputs[0]
    names: tuple[str, ...] = ("0",)
    for at in range(1, len(inputs)):
        later = {axis for axes in (*inputs[at + 1 :], output) for axis in axes}
        over = {axis for axis in left if axis in inputs[at] and axis not in later}
        over = {axis for axis in sorted(over) if not lengths[axis].is_one}
        every = tuple(  # an axis that nothing else has is summed before
            axis for axis in dict.fromkeys((*left, *inputs[at])) if axis in later | over
        )
        kept = tuple(axis for axis in every if axis in later)
        if over:
            work = 2 * product(lengths[axis] for axis in every)
            found.append(Product(work, (names, (str(at),))))
        left, names = kept, (*names, str(at))
    return tuple(found)


@counted("einsum")
def _einsum_counted(tool: str, pattern: str, *tensors: Tensor) -> Size | None:
    """DeepSpeed has FLOPs for it, and no MACs."""
    return Size.of(0) if tool == "deepspeed" else None


@saves("einsum")
def _einsum_saves(tape: Tape, out: Tensor, pattern: str, tensors: tuple[Held, ...]) -> Held:
    """Pairs from left to right; a pair that sums over an axis is one batched product of matrices."""
    inputs, output = einsum_pattern(pattern)
    left, axes = tensors[0], inputs[0]
    for at in range(1, len(inputs)):
        later = {axis for names in (*inputs[at + 1 :], output) for axis in names}
        left, axes = _pair(tape, left, axes, tensors[at], inputs[at], later)
    axes, left = _summed(tape, left, axes, set(output))
    return tape.permute(left, [axes.index(axis) for axis in output])


Axes = tuple[str, ...]


def _pair(
    tape: Tape, a: Held, left: Axes, b: Held, right: Axes, later: set[str]
) -> tuple[Held, Axes]:
    """Two factors as one, over the axes that something later asks for."""
    long = {axis for axis, n in zip(left, tape.lengths(a.type), strict=True) if n != 1}
    left, a = _summed(tape, a, left, later | (long & set(right)))
    right, b = _summed(tape, b, right, later | (long & set(left)))
    both = [axis for axis in left if axis in right and axis in later]
    over = [axis for axis in left if axis in right and axis not in later]
    rows = [axis for axis in left if axis not in right]
    columns = [axis for axis in right if axis not in left]
    length = dict(zip((*left, *right), (*a.shape, *b.shape), strict=True))
    if not over:
        every = (*left, *columns)
        type = a.type.with_shape(length[axis] for axis in every)
        return tape.times(
            type, _spread(tape, a, left, every), _spread(tape, b, right, every)
        ), every
    sides = [
        _matrices(tape, a, left, (both, rows, over)),
        _matrices(tape, b, right, (both, over, columns)),
    ]
    every = (*both, *rows, *columns)
    made = tape.matmul(*sides)
    return tape.reshape(made, [length[axis] for axis in every]), every


def _matrices(tape: Tape, x: Held, axes: Axes, groups: tuple[list[str], ...]) -> Held:
    order = [axis for group in groups for axis in group]
    length = dict(zip(axes, x.shape, strict=True))
    turned = tape.permute(x, [axes.index(axis) for axis in order])
    return tape.reshape(turned, [product(length[axis] for axis in group) for group in groups])


def _spread(tape: Tape, x: Held, axes: Axes, every: Axes) -> Held:
    """x with an axis of length 1 for each that it lacks."""
    x = tape.permute(x, [axes.index(axis) for axis in every if axis in axes])
    for at, axis in enumerate(every):
        if axis not in axes:
            x = tape.unsqueeze(x, at)
    return x


def _summed(tape: Tape, x: Held, axes: Axes, wanted: set[str]) -> tuple[Axes, Held]:
    """x summed over the axes that nobody asks for; one of length 1 is only dropped."""
    kept = [at for at, axis in enumerate(axes) if axis in wanted]
    names = tuple(axes[at] for at in kept)
    shape = [x.shape[at] for at in kept]
    dropped = [n for at, n in enumerate(tape.lengths(x.type)) if at not in kept]
    if any(n != 1 for n in dropped):
        return names, tape.new(x.type.with_shape(shape), x.grad)
    return names, tape.view(x, shape, [x.strides[at] for at in kept])
