"""Sending rows to groups: choosing, sorting, and a product with the matrix of each row's group.

A sparse mixture computes only the chosen experts when its rows are sorted by expert and each run of rows meets one matrix.
How long a run is, only the data knows, so `grouped_linear` takes the lengths as a tensor and its shapes are static. Refused: a
product with every expert under a mask (num_experts / top_k times the work), a matrix gathered for each row (copies of whole
experts), a fixed capacity (drops rows), boolean indexing expert by expert (shapes that depend on data, which neither the meta
device nor one graph of torch.compile has), and torch's own grouped product, whose meta kernel takes bfloat16 alone, whose
rows must fill 16 bytes, and whose work FlopCounterMode does not see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from getspec.ops.base import (
    Product,
    ShapeError,
    Tensor,
    counted,
    elementwise,
    function,
    products,
    require_model_float,
    saves,
)
from getspec.sizes import Size

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


@function("topk", reference="torch.topk")
def topk(x: Tensor, k: Size, dim: int = -1) -> tuple[Tensor, Tensor]:
    """The k largest values along an axis, largest first, and where they stand."""
    if x.dtype == "bool":
        raise ShapeError(f"topk is not defined for {x}", argument="x")
    axis = x.axis(dim)
    if k.value.constant is None or k.is_below(1) or x.shape[axis].is_below(k):
        raise ShapeError(f"the {k} largest of {x.shape[axis]}", argument="k")
    values = x.with_shape((*x.shape[:axis], k, *x.shape[axis + 1 :]))
    return values, values.with_dtype("int")


@function("argsort", reference="torch.argsort, stable")
def argsort(x: Tensor, dim: int = -1) -> Tensor:
    """The order that sorts an axis from small to large; equal values stay in their order."""
    if x.dtype == "bool":
        raise ShapeError(f"argsort is not defined for {x}", help="cast(x, int)", argument="x")
    x.axis(dim)
    return x.with_dtype("int")


@function("one_hot", reference="torch.nn.functional.one_hot")
def one_hot(x: Tensor, num_classes: Size) -> Tensor:
    """1 at the place that each integer names and 0 elsewhere, along a new last axis."""
    if x.dtype != "int":
        raise ShapeError(f"one_hot wants integers, this is {x}", argument="x")
    return Tensor("int", (*x.shape, num_classes))


@function(
    "grouped_linear",
    reference="y[i] = W[g] x[i], g the group of row i: arXiv:2211.15841, section 3",
)
def grouped_linear(x: Tensor, weight: Tensor, lengths: Tensor) -> Tensor:
    """Each row of x times the matrix of its group; the first lengths[0] rows are group 0, the next group 1, ..."""
    for name, tensor, rank in (("x", x, 2), ("weight", weight, 3), ("lengths", lengths, 1)):
        if tensor.rank != rank:
            raise ShapeError(f"{name} has {rank} axes, this is {tensor}", argument=name)
    require_model_float(x, "grouped_linear")
    if weight.dtype != "float":
        raise ShapeError(f"the weight is of the model's float, this is {weight}", argument="weight")
    if lengths != Tensor("int", weight.shape[:1]):
        raise ShapeError(
            f"lengths are {weight.shape[0]} integers, one a group of {weight}, this is {lengths}",
            argument="lengths",
        )
    if x.shape[1] != weight.shape[2]:
        raise ShapeError(
            f"the last axis of {x} is {x.shape[1]}, that of {weight} is {weight.shape[2]}",
            argument="x",
        )
    return x.with_shape((x.shape[0], weight.shape[1]))


@products("grouped_linear")
def _chosen(x: Tensor, weight: Tensor, lengths: Tensor) -> tuple[Product, ...]:
    """One matrix a row, however many groups there are."""
    work = 2 * x.shape[0] * x.shape[1] * weight.shape[1]
    return (Product(work, (("x",), ("weight",))),)


@counted("grouped_linear")
def _grouped_counted(tool: str, x: Tensor, **_: object) -> Size | None:
    """An op that fvcore does not know."""
    return Size.of(0) if tool == "fvcore" else None


@saves("grouped_linear")
def _grouped_saves(tape: Tape, out: Tensor, x: Held, weight: Held, lengths: Held) -> Held:
    groups = weight.shape[0]
    idle = groups - tape.chosen.get(groups, groups)
    tape.note("idle", weight.shape[1] * weight.shape[2] * idle)
    if x.grad or weight.grad:
        tape.save(x, weight, lengths)
    return tape.new(out, x.grad or weight.grad)


@saves("topk")
def _topk_saves(
    tape: Tape, out: tuple[Tensor, Tensor], x: Held, k: Size, dim: int = -1
) -> tuple[Held, Held]:
    tape.chosen[x.shape[x.type.axis(int(dim))]] = Size.of(k)
    values, places = tape.new(out[0], x.grad), tape.new(out[1])
    if x.grad:
        tape.save(places)
    return values, places


@saves("argsort")
def _argsort_saves(tape: Tape, out: Tensor, x: Held, dim: int = -1) -> Held:
    """The order belongs to the sorted values too, which nobody takes."""
    made = tape.new(out)
    if x.grad:
        tape.save(made)
    return made


@saves("one_hot")
def _one_hot_saves(tape: Tape, out: Tensor, x: Held, num_classes: Size) -> Held:
    return tape.new(out)


elementwise("topk", "argsort", "one_hot")
