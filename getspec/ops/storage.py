"""Where tensors lie, and which of them a backward pass keeps.

Beside its shape rule an op states what running it does to memory: whether its output is a view, a copy or new, and what is
saved. The rule runs on `Held` tensors and tells a `Tape`, which counts a storage once however many views of it are saved.

Policy, in one place: a saved storage counts whole, as it stays in memory whole; parameters, buffers and the model's inputs
do not count, as they are there without a backward pass. What is saved is what PyTorch saves in eager mode, on the CPU with
fused attention or on the meta device with eager attention.

Whether a reshape copies depends on strides, and those on sizes. Strides are therefore integers at one set of run-time sizes;
bytes are polynomials in all of them. A closed form runs the same rules on integers that remember their formulas (`Traced`),
so that every decision on them is noted. What holds whatever the sizes are (`_alike`) is therefore asked first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from getspec.ops.base import Tensor, broadcast
from getspec.sizes import Poly, Size, constant, product

__all__ = ["Held", "Policy", "Storage", "Tape", "Traced", "sized"]

Strides = tuple[int, ...]
ZERO = Size.of(0)


@dataclass(frozen=True)
class Policy:
    """Which kernels run, and in what precision. `itemsize` is the bytes of the model's own float."""

    attention: str = "fused"
    itemsize: int = 4
    channels_last: bool = True
    """Convolutions keep the layout of an input whose channels lie next to each other."""
    wide_statistics: bool = True
    """Layer and batch norms keep mean and deviation in float32; on the CPU they keep them in the model's float."""

    def bytes_of(self, dtype: str) -> int:
        return {"float": self.itemsize, "float32": 4, "int": 8, "bool": 1}[dtype]


@dataclass(eq=False)
class Storage:
    """Memory that one or several tensors share."""

    bytes: Size
    counted: bool = True
    saved: bool = False
    entered: bool = False
    """Whether a layer of a repeat was given it."""
    outside: bool = False
    """Whether it was saved outside of such layers."""


@dataclass(frozen=True, eq=False)
class Held:
    """A tensor in memory: its type, strides in elements, and whether a gradient has to reach it."""

    type: Tensor
    strides: Strides
    storage: Storage
    grad: bool = False

    @property
    def shape(self) -> tuple[Size, ...]:
        return self.type.shape


@dataclass
class Tape:
    """What a forward pass leaves behind.

    `table` is by (path, what), and what is told in passes/activations.py. `chosen` says of how many groups a row enters how
    many, for products that only the chosen groups take part in.
    """

    policy: Policy
    sizes: Mapping[str, int]
    path: str = ""
    inside: bool = False
    """Whether a layer of a repeat is running."""
    twins: Mapping[str, bool] = field(default_factory=dict)
    """Tied tensors by path: whether the one they are tied to is trained."""
    table: dict[tuple[str, str], Size] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    chosen: dict[Size, Size] = field(default_factory=dict)
    layers: dict[str, Size] = field(default_factory=dict)
    """The most that one layer of a repeat keeps beside what it is given, by its path."""

    # What is kept

    def save(self, *tensors: Held, what: str = "saved") -> None:
        """Keep tensors for the backward pass."""
        for storage in (tensor.storage for tensor in tensors):
            if not storage.counted:
                continue
            if not storage.saved:
                storage.saved = True
                self.note(what, storage.bytes)
                if storage.entered and self.inside:
                    self.note("again", storage.bytes)
            if not self.inside and not storage.outside:
                storage.outside = True
                if not storage.entered:
                    self.note("outside", storage.bytes)

    def factors(self, a: Held, b: Held) -> None:
        """Keep what a product needs: each factor is the other's gradient."""
        if a.grad:
            self.save(b)
        if b.grad:
            self.save(a)

    def enter(self, *tensors: Held) -> None:
        """Give tensors to a layer of a repeat, which could start from them again."""
        for storage in (tensor.storage for tensor in tensors):
            if storage.counted and not storage.entered:
                storage.entered = True
                if not storage.outside:
                    self.note("entered", storage.bytes)

    def note(self, what: str, amount: Size) -> None:
        key = (self.path, what)
        self.table[key] = self.table.get(key, ZERO) + amount

    # Tensors

    def lengths(self, type: Tensor) -> tuple[int, ...]:
        return tuple(map(self.at, type.shape))

    def at(self, size: Size) -> int:
        return size.value.evaluate(self.sizes)

    def new(self, type: Tensor, grad: bool = False, strides: Strides | None = None) -> Held:
        """A tensor of its own, contiguous unless strides are given."""
        storage = Storage(product(type.shape) * self.policy.bytes_of(type.dtype))
        own = contiguous(self.lengths(type)) if strides is None else strides
        return Held(type, own, storage, grad and type.dtype in ("float", "float32"))

    def given(self, type: Tensor, grad: bool = False) -> Held:
        """A parameter, a buffer or an input of the model."""
        return replace(self.new(type, grad), storage=Storage(ZERO, counted=False))

    def pointwise(self, type: Tensor, *operands: Any) -> Held:
        """The result of an elementwise op, which keeps the order of axes of its operands."""
        tensors = [x for x in operands if isinstance(x, Held)]
        lengths = self.lengths(type)
        strides = _pointwise(lengths, [(self.lengths(x.type), x.strides) for x in tensors])
        return self.new(type, any(x.grad for x in tensors), strides)

    def scaled(self, x: Held) -> Held:
        """x times a number, which saves nothing."""
        return self.pointwise(x.type, x)

    def widened(self, x: Held) -> Held:
        """x in float32: itself where the model runs in that."""
        type = x.type.with_dtype("float32")
        return (
            self.pointwise(type, x)
            if self.policy.bytes_of(x.type.dtype) != 4
            else replace(x, type=type)
        )

    def narrowed(self, type: Tensor, x: Held) -> Held:
        """A float32 result in the type that it is returned in."""
        return (
            self.pointwise(type, x)
            if self.policy.bytes_of(type.dtype) != 4
            else replace(x, type=type)
        )

    def times(self, type: Tensor, a: Held, b: Held) -> Held:
        """The product of two tensors, element by element."""
        self.factors(a, b)
        return self.pointwise(type, a, b)

    # Views

    def view(self, x: Held, shape: Sequence[Size], strides: Sequence[int]) -> Held:
        return replace(x, type=x.type.with_shape(shape), strides=tuple(strides))

    def permute(self, x: Held, order: Sequence[int]) -> Held:
        return self.view(x, [x.shape[a] for a in order], [x.strides[a] for a in order])

    def transpose(self, x: Held, a: int, b: int) -> Held:
        order = list(range(x.type.rank))
        order[a], order[b] = order[b], order[a]
        return self.permute(x, order)

    def expand(self, x: Held, shape: Sequence[Size]) -> Held:
        lead = len(shape) - x.type.rank
        lengths, wanted = self.lengths(x.type), self.lengths(x.type.with_shape(shape))
        strides = [
            0 if at < lead or lengths[at - lead] != want else x.strides[at - lead]
            for at, want in enumerate(wanted)
        ]
        return self.view(x, shape, strides)

    def unsqueeze(self, x: Held, axis: int) -> Held:
        lengths = self.lengths(x.type)
        step = lengths[axis] * x.strides[axis] if axis < len(lengths) else 1
        shape = (*x.shape[:axis], Size.of(1), *x.shape[axis:])
        return self.view(x, shape, (*x.strides[:axis], step, *x.strides[axis:]))

    def reshape(self, x: Held, shape: Sequence[Size]) -> Held:
        """A view where the strides allow it, else a copy."""
        type = x.type.with_shape(shape)
        strides = _view(self.lengths(x.type), x.strides, self.lengths(type))
        return self.new(type, x.grad) if strides is None else self.view(x, shape, strides)

    def is_contiguous(self, x: Held) -> bool:
        lengths = self.lengths(x.type)
        return _same(lengths, x.strides, contiguous(lengths))

    def resampled(self, type: Tensor, x: Held) -> Held:
        """The result of an op on [B, C, H, W] that keeps channels last where they are."""
        last = (
            type.rank == 4
            and self.policy.channels_last
            and not self.is_contiguous(x)
            and _same(self.lengths(x.type), x.strides, channels_last(self.lengths(x.type)))
        )
        return self.new(type, x.grad, channels_last(self.lengths(type)) if last else None)

    # Products

    def matmul(self, a: Held, b: Held) -> Held:
        """a @ b: two matrices, rows of a against one matrix, or a batch of pairs."""
        out = (*a.shape[:-1], b.shape[-1])
        if b.type.rank == 2 and a.type.rank != 2:
            rows = self.reshape(a, (product(a.shape[:-1]), a.shape[-1]))
            return self.reshape(self._joined(rows, b, (rows.shape[0], b.shape[1])), out)
        if a.type.rank == b.type.rank == 2:
            return self._joined(a, b, out)
        batch = broadcast(a.type.with_shape(a.shape[:-2]), b.type.with_shape(b.shape[:-2]))
        many = product(batch)
        left, right = (
            self.reshape(self.expand(x, (*batch, *x.shape[-2:])), (many, *x.shape[-2:]))
            for x in (a, b)
        )
        made = self._joined(left, right, (many, a.shape[-2], b.shape[-1]))
        return self.reshape(made, (*batch, a.shape[-2], b.shape[-1]))

    def _joined(self, a: Held, b: Held, shape: Sequence[Size]) -> Held:
        self.factors(a, b)
        return self.new(a.type.with_shape(shape), a.grad or b.grad)

    def linear(self, type: Tensor, x: Held, weight: Held, bias: Held | None = None) -> Held:
        """Rows of x against a matrix."""
        if x.type.rank > 2 and (weight.grad or x.grad):
            x = self.reshape(x, (product(x.shape[:-1]), x.shape[-1]))
        if weight.grad:
            self.save(x)
        if x.grad:
            self.save(weight)
        return self.new(type, x.grad or weight.grad or bool(bias and bias.grad))


Rule = Callable[..., Any]


class Traced:
    """An integer that remembers its formula; what is decided by looking at it is noted, as it is for sizes."""

    __slots__ = ("size",)

    def __init__(self, value: int, form: Poly) -> None:
        self.size = Size(constant(value), form)

    @property
    def value(self) -> int:
        number = self.size.value.constant
        assert number is not None
        return number

    def __eq__(self, other: object) -> bool:
        return self.size == sized(other)

    def __hash__(self) -> int:
        return hash(self.size)

    def __lt__(self, other: Any) -> bool:
        return self.size.is_below(sized(other))

    def __gt__(self, other: Any) -> bool:
        return sized(other).is_below(self.size)

    def __mul__(self, other: Any) -> Traced:
        made = self.size * sized(other)
        return Traced(self.value * _number(other), made.spelled)

    __rmul__ = __mul__

    def __mod__(self, other: Any) -> int:
        """The remainder as a number, of which only whether there is one is noted."""
        self.size.is_multiple_of(sized(other))
        return self.value % _number(other)


def sized(number: Any) -> Size:
    """A length or a stride as a size."""
    return number.size if isinstance(number, Traced) else Size.of(number)


def _number(number: Any) -> int:
    return number.value if isinstance(number, Traced) else int(number)


def _alike(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether integers are equal, whatever sizes they were worked out from."""
    return len(a) == len(b) and all(
        x == y if isinstance(x, int) and isinstance(y, int) else sized(x).is_alike(sized(y))
        for x, y in zip(a, b, strict=True)
    )


def contiguous(lengths: Sequence[int]) -> Strides:
    """Strides of row-major order."""
    strides: list[int] = []
    step = 1
    for length in reversed(lengths):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))


def channels_last(lengths: Sequence[int]) -> Strides:
    """Strides of [B, C, H, W] with C innermost."""
    _, c, h, w = lengths
    return (h * w * c, 1, w * c, c)


def _same(lengths: Sequence[int], a: Strides, b: Strides) -> bool:
    """Equal where it matters: an axis of length 1 has no step."""
    return all(x == y or n == 1 for n, x, y in zip(lengths, a, b, strict=True))


def _view(lengths: Sequence[int], strides: Strides, wanted: Sequence[int]) -> Strides | None:
    """Strides of the same elements under another shape, or None where only a copy has it."""
    if _alike(strides, contiguous(lengths)):
        return contiguous(wanted)
    if any(_number(n) == 0 and n == 0 for n in lengths):  # a formula is asked only where it is so
        return contiguous(wanted)
    runs: list[list[int]] = []  # (elements, step) of axes that follow one another in memory
    for length, stride in zip(reversed(lengths), reversed(strides), strict=True):
        if length == 1:
            continue
        if runs and stride == runs[-1][0] * runs[-1][1]:
            runs[-1][0] *= length
        else:
            runs.append([length, stride])
    found: list[int] = []
    done, step = 1, runs[0][1] if runs else 1
    for length in reversed(wanted):
        if length != 1 and runs and done == runs[0][0]:
            runs.pop(0)
            done, step = 1, runs[0][1] if runs else 1
        found.append(done * step)
        done *= length
        if runs and runs[0][0] % done and done != 0:
            return None
    return tuple(reversed(found))


def _pointwise(
    lengths: tuple[int, ...], operands: list[tuple[tuple[int, ...], Strides]]
) -> Strides:
    """Strides that an elementwise op gives its result: those of its operands, packed."""
    plain = contiguous(lengths)
    if all(_alike(strides, contiguous(shape)) for shape, strides in operands):
        return plain
    rank = len(lengths)
    whole = [strides for shape, strides in operands if len(shape) == rank and shape == lengths]
    if len(whole) == len(operands):
        if all(_same(lengths, strides, plain) for strides in whole):
            return plain
        if whole and all(strides == whole[0] for strides in whole) and _dense(lengths, whole[0]):
            return whole[0]
    steps = []
    for shape, strides in operands:
        lead = len(lengths) - len(shape)
        own = [0 if n == 1 != lengths[lead + at] else strides[at] for at, n in enumerate(shape)]
        steps.append([0] * lead + own)
    order = list(reversed(range(len(lengths))))
    for at in range(1, len(order)):
        here = at
        for before in reversed(range(at)):
            turn = _compare(order[before], order[here], steps, lengths)
            if turn > 0:
                order[before], order[here] = order[here], order[before]
                here = before
            elif turn < 0:
                break
    found = [0] * len(lengths)
    step = 1
    for axis in order:
        found[axis] = step
        step *= lengths[axis]
    return tuple(found)


def _compare(a: int, b: int, steps: list[list[int]], lengths: tuple[int, ...]) -> int:
    """1 where axis a lies outside axis b, -1 where inside, 0 where no operand says."""
    for strides in steps:
        if strides[a] == 0 or strides[b] == 0:
            continue
        if strides[a] != strides[b]:
            return -1 if strides[a] < strides[b] else 1
        if lengths[a] > lengths[b]:
            return 1
    return 0


def _dense(lengths: tuple[int, ...], strides: Strides) -> bool:
    """Whether the elements fill their storage without a gap or an overlap."""
    step = 1
    for stride, length in sorted((s, n) for s, n in zip(strides, lengths, strict=True) if n != 1):
        if stride != step:
            return False
        step *= length
    return True
