"""Moving, joining and cutting axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getspec.ops.base import ShapeError, Size, Tensor, elementwise, function, saves
from getspec.ops.patterns import rearrange_pattern
from getspec.sizes import Inexact, product

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


@function("rearrange", reference="einops (https://openreview.net/forum?id=oapKSVM2bcj)")
def rearrange(x: Tensor, pattern: str, **lengths: Size) -> Tensor:
    """Reorder, split and merge axes by name: rearrange(x, 'b n (h k) -> b h n k', h=num_heads)."""
    before, after = rearrange_pattern(pattern)
    if len(before) != x.rank:
        raise ShapeError(
            f"the pattern has {len(before)} axes on the left, {x} has {x.rank}", argument="pattern"
        )
    known: dict[str, Size] = {}
    for group, whole in zip(before, x.shape, strict=True):
        _split(group, whole, lengths, known)
    unused = [name for name in lengths if name not in known]
    if unused:
        raise ShapeError(f"'{unused[0]}' is not an axis of the pattern", argument=unused[0])
    return x.with_shape(product(known[axis] for axis in group) for group in after)


def _split(
    group: tuple[str, ...], whole: Size, lengths: dict[str, Size], known: dict[str, Size]
) -> None:
    open_axes = [axis for axis in group if axis not in lengths]
    if len(open_axes) > 1:
        axes = " and ".join(f"'{axis}'" for axis in open_axes)
        raise ShapeError(
            f"the lengths of {axes} cannot both be worked out", help=f"give {open_axes[0]}=..."
        )
    given = product(lengths[axis] for axis in group if axis in lengths)
    known.update((axis, lengths[axis]) for axis in group if axis in lengths)
    if not open_axes:
        if given != whole:
            raise ShapeError(f"({' '.join(group)}) is {given}, the axis is {whole}")
        return
    try:
        known[open_axes[0]] = whole.exactly(given) if len(group) > 1 else whole
    except Inexact:
        raise ShapeError(
            f"an axis of {whole} does not split into ({' '.join(group)}): {given} does not divide it"
        ) from None


@saves("rearrange")
def _rearrange_saves(
    tape: Tape, out: Tensor, x: Held, pattern: str, lengths: dict[str, Size] | None = None
) -> Held:
    """Splitting and reordering are views; merging copies where the axes do not follow one another."""
    before, after = rearrange_pattern(pattern)
    known: dict[str, Size] = {}
    for group, whole in zip(before, x.shape, strict=True):
        _split(group, whole, lengths or {}, known)
    flat = [axis for group in before for axis in group]
    if any(len(group) != 1 for group in before):
        x = tape.reshape(x, [known[axis] for axis in flat])
    x = tape.permute(x, [flat.index(axis) for group in after for axis in group])
    return tape.reshape(x, out.shape) if any(len(group) != 1 for group in after) else x


@function("cat", reference="torch.cat")
def cat(tensors: tuple[Tensor, ...], dim: int) -> Tensor:
    """Join tensors along an axis that they have."""
    first = _same_dtype(tensors, "cat")
    axis = first.axis(dim)
    total = Size.of(0)
    for tensor in tensors:
        if tensor.rank != first.rank:
            raise ShapeError(
                f"cat wants tensors of one rank, these are {first} and {tensor}", argument="tensors"
            )
        for other, (a, b) in enumerate(zip(first.shape, tensor.shape, strict=True)):
            if other != axis and a != b:
                raise ShapeError(
                    f"cat along axis {axis}: axis {other} is {a} in {first} and {b} in {tensor}"
                )
        total = total + tensor.shape[axis]
    return first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :]))


@function("stack", reference="torch.stack")
def stack(tensors: tuple[Tensor, ...], dim: int) -> Tensor:
    """Join tensors of one shape along a new axis."""
    first = _same_dtype(tensors, "stack")
    axis = first.axis(dim, extra=1)
    for tensor in tensors:
        if tensor.shape != first.shape:
            raise ShapeError(
                f"stack wants one shape, these are {first} and {tensor}", argument="tensors"
            )
    return first.with_shape((*first.shape[:axis], Size.of(len(tensors)), *first.shape[axis:]))


def _same_dtype(tensors: tuple[Tensor, ...], name: str) -> Tensor:
    if not tensors:
        raise ShapeError(f"{name} wants at least one tensor", argument="tensors")
    for tensor in tensors:
        if tensor.dtype != tensors[0].dtype:
            raise ShapeError(
                f"{name} wants one dtype, these are {tensors[0]} and {tensor}", argument="tensors"
            )
    return tensors[0]


@function("chunk", reference="torch.chunk")
def chunk(x: Tensor, chunks: int, dim: int) -> tuple[Tensor, ...]:
    """Cut an axis into equal parts; the length must divide."""
    axis = x.axis(dim)
    if chunks < 1:
        raise ShapeError(f"{chunks} parts", argument="chunks")
    try:
        part = x.shape[axis].exactly(chunks)
    except Inexact:
        raise ShapeError(
            f"axis {axis} of {x} does not cut into {chunks} equal parts", argument="chunks"
        ) from None
    return (x.with_shape((*x.shape[:axis], part, *x.shape[axis + 1 :])),) * chunks


@function("split", reference="torch.split")
def split(x: Tensor, sizes: tuple[Size, ...], dim: int) -> tuple[Tensor, ...]:
    """Cut an axis into parts of the given lengths, which must add up to it."""
    axis = x.axis(dim)
    total = Size.of(0)
    for part in sizes:
        total = total + part
    if total != x.shape[axis]:
        raise ShapeError(
            f"the parts add up to {total}, axis {axis} of {x} is {x.shape[axis]}", argument="sizes"
        )
    return tuple(x.with_shape((*x.shape[:axis], part, *x.shape[axis + 1 :])) for part in sizes)


@function("unbind", reference="torch.unbind")
def unbind(x: Tensor, dim: int) -> tuple[Tensor, ...]:
    """The slices along an axis of known length."""
    axis = x.axis(dim)
    count = x.shape[axis].known
    if count is None:
        raise ShapeError(f"axis {axis} of {x} has no length known before run time", argument="dim")
    return (x.with_shape((*x.shape[:axis], *x.shape[axis + 1 :])),) * count


@function("expand", reference="torch.Tensor.expand")
def expand(x: Tensor, shape: tuple[Size, ...]) -> Tensor:
    """Repeat axes of length 1, without copying, to the given shape."""
    if len(shape) < x.rank:
        raise ShapeError(f"{x} has more axes than the target shape", argument="shape")
    for have, want in zip(reversed(x.shape), reversed(shape), strict=False):
        if not (have.is_alike(want) or have.is_alike(1)) and have not in (want, Size.of(1)):
            raise ShapeError(f"an axis of {have} does not expand to {want}", argument="shape")
    return x.with_shape(shape)


@function("reshape", reference="torch.reshape")
def reshape(x: Tensor, shape: tuple[Size, ...]) -> Tensor:
    """The same elements in row-major order under another shape."""
    if product(x.shape) != product(shape):
        raise ShapeError(
            f"{x} has {product(x.shape)} elements, the new shape {product(shape)}", argument="shape"
        )
    return x.with_shape(shape)


@function("transpose", reference="torch.transpose")
def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swap two axes."""
    a, b = x.axis(dim0), x.axis(dim1)
    shape = list(x.shape)
    shape[a], shape[b] = shape[b], shape[a]
    return x.with_shape(shape)


@function("permute", reference="torch.permute")
def permute(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Reorder all axes."""
    axes = [x.axis(dim) for dim in dims]
    if sorted(axes) != list(range(x.rank)):
        raise ShapeError(f"{dims} does not name each axis of {x} once", argument="dims")
    return x.with_shape(x.shape[axis] for axis in axes)


@function("flatten", reference="torch.flatten")
def flatten(x: Tensor, start: int, end: int = -1) -> Tensor:
    """Merge neighbouring axes into one."""
    first, last = x.axis(start), x.axis(end)
    if first > last:
        raise ShapeError(f"axis {first} comes after axis {last}", argument="start")
    merged = product(x.shape[first : last + 1])
    return x.with_shape((*x.shape[:first], merged, *x.shape[last + 1 :]))


@function("unsqueeze", reference="torch.unsqueeze")
def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """Insert an axis of length 1."""
    axis = x.axis(dim, extra=1)
    return x.with_shape((*x.shape[:axis], Size.of(1), *x.shape[axis:]))


@function("squeeze", reference="torch.squeeze")
def squeeze(x: Tensor, dim: int) -> Tensor:
    """Remove an axis of length 1; any other length is an error."""
    axis = x.axis(dim)
    if x.shape[axis] != 1:
        raise ShapeError(f"axis {axis} of {x} is {x.shape[axis]}, not 1", argument="dim")
    return x.with_shape((*x.shape[:axis], *x.shape[axis + 1 :]))


@function(
    "pad",
    reference="torch.nn.functional.pad: pairs (before, after) for the last axes, the last axis first",
)
def pad(x: Tensor, pads: tuple[int, ...], value: float = 0.0) -> Tensor:
    """Constants added before and after the last axes; negative lengths cut."""
    if not pads or len(pads) % 2 or len(pads) // 2 > x.rank:
        raise ShapeError(f"{len(pads)} lengths are no pairs for the axes of {x}", argument="pads")
    shape = list(x.shape)
    for place in range(len(pads) // 2):
        length = shape[-1 - place] + pads[2 * place] + pads[2 * place + 1]
        if length.is_below(1):
            raise ShapeError(f"axis {-1 - place} of {x} would be {length} long", argument="pads")
        shape[-1 - place] = length
    return x.with_shape(shape)


@saves("cat", "stack", "pad")
def _copied(tape: Tape, out: Tensor, **given: Any) -> Held:
    tensors = given.get("tensors") or (given["x"],)
    return tape.new(out, any(tensor.grad for tensor in tensors))


@saves("chunk", "split")
def _cut(tape: Tape, out: tuple[Tensor, ...], x: Held, **_: object) -> tuple[Held, ...]:
    return tuple(tape.view(x, part.shape, x.strides) for part in out)


@saves("unbind")
def _unbind_saves(tape: Tape, out: tuple[Tensor, ...], x: Held, dim: int) -> tuple[Held, ...]:
    axis = x.type.axis(int(dim))
    strides = (*x.strides[:axis], *x.strides[axis + 1 :])
    return tuple(tape.view(x, part.shape, strides) for part in out)


@saves("expand")
def _expand_saves(tape: Tape, out: Tensor, x: Held, shape: object) -> Held:
    return tape.expand(x, out.shape)


@saves("reshape", "flatten")
def _reshape_saves(tape: Tape, out: Tensor, x: Held, **_: object) -> Held:
    return tape.reshape(x, out.shape)


@saves("transpose")
def _transpose_saves(tape: Tape, out: Tensor, x: Held, dim0: int, dim1: int) -> Held:
    return tape.transpose(x, x.type.axis(int(dim0)), x.type.axis(int(dim1)))


@saves("permute")
def _permute_saves(tape: Tape, out: Tensor, x: Held, dims: tuple[int, ...]) -> Held:
    return tape.permute(x, [x.type.axis(int(dim)) for dim in dims])


@saves("unsqueeze")
def _unsqueeze_saves(tape: Tape, out: Tensor, x: Held, dim: int) -> Held:
    return tape.unsqueeze(x, x.type.axis(int(dim), extra=1))


@saves("squeeze")
def _squeeze_saves(tape: Tape, out: Tensor, x: Held, dim: int) -> Held:
    axis = x.type.axis(int(dim))
    return tape.view(x, out.shape, (*x.strides[:axis], *x.strides[axis + 1 :]))


elementwise("rearrange", "cat", "stack", "chunk", "split", "unbind", "expand", "pad")
elementwise("reshape", "transpose", "permute", "flatten", "unsqueeze", "squeeze")
