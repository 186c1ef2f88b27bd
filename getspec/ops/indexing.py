"""What brackets do: `x[:, 1:]`, `x[mask]`, `table[ids]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from getspec.ops.base import ShapeError, Size, Tensor, saves

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape

__all__ = ["NewAxis", "Range", "index"]


class Range(NamedTuple):
    """`start:stop:step`; bounds are sizes, negative ones count from the end."""

    start: Size | None = None
    stop: Size | None = None
    step: int = 1


class NewAxis(NamedTuple):
    """`None`: an axis of length 1."""


def index(x: Tensor, items: tuple[Size | Range | NewAxis | Tensor, ...], selected: Size) -> Tensor:
    """The type of `x[items]`. `selected` is the length that a bool mask leaves, a fresh run-time size."""
    shape: list[Size] = []
    axis = 0
    for item in items:
        if isinstance(item, NewAxis):
            shape.append(Size.of(1))
            continue
        if axis >= x.rank:
            raise ShapeError(f"too many indices for {x}")
        if isinstance(item, Tensor):
            if len(items) > 1:
                raise ShapeError("a tensor index stands alone in its brackets")
            return _gather(x, item, selected)
        if isinstance(item, Range):
            shape.append(_sliced(x, axis, item))
        else:
            _check_item(x, axis, item)
        axis += 1
    return x.with_shape((*shape, *x.shape[axis:]))


def _gather(x: Tensor, where: Tensor, selected: Size) -> Tensor:
    if where.dtype == "int":
        return x.with_shape((*where.shape, *x.shape[1:]))
    if where.dtype != "bool":
        raise ShapeError(f"an index is an int or a bool tensor, this is {where}")
    if where.shape != x.shape[: where.rank]:
        raise ShapeError(f"the mask {where} does not match the first axes of {x}")
    return x.with_shape((selected, *x.shape[where.rank :]))


def _sliced(x: Tensor, axis: int, part: Range) -> Size:
    length = x.shape[axis]
    if part.step < 1:
        raise ShapeError(f"steps are positive, this is {part.step}")
    start = _bound(part.start, Size.of(0), length)
    stop = _bound(part.stop, length, length)
    if length.is_below(stop):
        raise ShapeError(f"the slice ends at {stop}, axis {axis} of {x} is {length}")
    span = stop - start
    if span.is_below(0):
        raise ShapeError(f"the slice {start}:{stop} of axis {axis} of {x} is empty")
    return span if part.step == 1 else (span + (part.step - 1)) // part.step


def _bound(bound: Size | None, default: Size, length: Size) -> Size:
    if bound is None:
        return default
    return length + bound if bound.is_below(0) else bound


def _check_item(x: Tensor, axis: int, item: Size) -> None:
    length = x.shape[axis]
    if item.is_below(-length) or (length - 1).is_below(item):
        raise ShapeError(f"index {item} is outside axis {axis} of {x}")


@saves("index")
def _index_saves(tape: Tape, out: Tensor, x: Held, items: tuple[Any, ...]) -> Held:
    """A view for numbers and slices, written (start, stop, step); a copy for a tensor, which is kept."""
    from getspec.ops.storage import Held

    if items and isinstance(items[0], Held):
        if items[0].type.dtype == "bool":
            tape.note("selects", Size.of(1))
        if x.grad:
            tape.save(items[0])
        return tape.new(out, x.grad)
    strides: list[int] = []
    lengths, axis = tape.lengths(x.type), 0
    for item in items:
        if item is None:
            strides.append(1 if axis == len(lengths) else lengths[axis] * x.strides[axis])
            continue
        if isinstance(item, tuple):
            strides.append(x.strides[axis] * int(item[2] or 1))
        axis += 1
    return tape.view(x, out.shape, (*strides, *x.strides[axis:]))
