"""Random legal specs, for hypothesis.

`specs()` draws whole models: blocks within blocks, functions, stacks with and without positions, patterns, sequentials,
choices, ties, frozen parts, buffers, and every op. Two tables say how each op is drawn, and a test holds them against the
registries: `LAYER_RECIPES` for components, `FUNCTION_RECIPES` for what `forward` calls. A new op needs an entry in one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml
from drawing import (
    Body,
    Contract,
    Library,
    Setting,
    Source,
    Term,
    Value,
    divisors,
    known,
    sizes,
    spelled,
)
from hypothesis import strategies as st

from getspec.ir import Input
from getspec.ops import FUNCTIONS, LAYERS, ShapeError, Tensor
from getspec.sizes import Size
from getspec.unify import bind, substituted

__all__ = [
    "FUNCTION_RECIPES",
    "LAYER_RECIPES",
    "RandomSpec",
    "call_layer",
    "drawn",
    "dumped",
    "overridden",
    "plain_loop_of",
    "reordered",
    "specs",
]


@dataclass(frozen=True)
class RandomSpec:
    """A drawn spec: its tree, and the config entries that may be set to other values."""

    tree: dict[str, Any]
    free: tuple[Setting, ...] = field(compare=False)

    def __repr__(self) -> str:
        return f"\n{self.text}"

    @property
    def text(self) -> str:
        return dumped(self.tree)


# ------------------------------------------------------------------------------------------ layers


@dataclass(frozen=True)
class LayerRecipe:
    """How a layer is drawn: operands that it can take, and fields as (how it is written, what it is)."""

    operands: Callable[[Body], tuple[Value, ...]]
    fields: Callable[..., dict[str, tuple[Any, Any]]]


def _ends_known(type: Tensor) -> bool:
    return type.dtype == "float" and type.rank > 0 and known(type, -1) is not None


def _channels_first(type: Tensor, *ranks: int) -> bool:
    return type.dtype == "float" and type.rank in ranks and known(type, 1) is not None


def _stream(body: Body) -> tuple[Value]:
    return (body.stream,)


def _some_float(body: Body) -> tuple[Value]:
    return (body.floats(),)


def _last_known(body: Body) -> tuple[Value]:
    return (body.source.pick(body.having(_ends_known)),)


def _swapped(body: Body) -> tuple[Value]:
    """[B, C, L]: something that has it, or the stream with its last two axes swapped."""
    found = body.having(lambda type: _channels_first(type, 3))
    if found and body.source.flip():
        return (body.source.pick(found),)
    return (body.call("transpose", body.stream, 1, 2),)


def _image(body: Body) -> tuple[Value]:
    """[B, C, H, W]: something that has it, or the swapped stream with one more axis."""
    found = body.having(lambda type: _channels_first(type, 4))
    if found:
        return (body.source.pick(found),)
    return (body.call("unsqueeze", body.call("transpose", body.stream, 1, 2), -1),)


def _given(**values: Any) -> dict[str, tuple[Any, Any]]:
    """Fields from (text, value) pairs, of which those that are None are left out."""
    return {name: pair for name, pair in values.items() if pair is not None}


def _number(body: Body, value: int) -> tuple[Any, Any]:
    return body.spell(value), Size.of(value)


def _maybe(body: Body, pair: tuple[Any, Any]) -> tuple[Any, Any] | None:
    return pair if body.source.flip() else None


def _flag(body: Body) -> tuple[Any, Any] | None:
    """A flag's value is of no matter to shapes."""
    return _maybe(body, (body.flag(), True))


def _real(body: Body) -> tuple[Any, Any] | None:
    number = body.source.pick((1e-5, 1e-6, 1e-12, 0.001, 1))
    return _maybe(body, (number, float(number)))


def _out(body: Body) -> tuple[Any, Any]:
    return _number(body, body.source.integer(1, 8))


def _linear(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    return _given(
        in_features=_number(body, int(x.shape[-1])), out_features=_out(body), bias=_flag(body)
    )


def _conv(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    """Padding keeps every output at least one long, however short the input."""
    source = body.source
    channels = int(x.shape[1])
    groups = source.pick(divisors(channels))
    kernel, dilation, stride = source.integer(1, 3), source.integer(1, 2), source.integer(1, 3)
    padding = (dilation * (kernel - 1) + 1) // 2
    return _given(
        in_channels=_number(body, channels),
        out_channels=_number(body, groups * source.integer(1, 3)),
        kernel_size=_number(body, kernel),
        stride=_number(body, stride) if stride > 1 else None,
        padding=_number(body, padding) if padding else None,
        dilation=_number(body, dilation) if dilation > 1 else None,
        groups=_number(body, groups) if groups > 1 else None,
        bias=_flag(body),
    )


def _norm(*flags: str) -> Callable[..., dict[str, tuple[Any, Any]]]:
    def fields(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
        drawn = {flag: _flag(body) for flag in flags}
        return _given(dim=_number(body, int(x.shape[-1])), eps=_real(body), **drawn)

    return fields


def _group_norm(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    channels = int(x.shape[1])
    return _given(
        num_groups=_number(body, body.source.pick(divisors(channels))),
        num_channels=_number(body, channels),
        eps=_real(body),
        affine=_flag(body),
    )


def _integers(body: Body) -> tuple[Value]:
    """Integers with a bound, for a table to look up."""
    found = [value for value in body.values if value.below is not None and value.type.rank]
    if found and body.source.flip():
        return (body.source.pick(found),)
    length = body.source.integer(1, 5)
    return (body.call("arange", Term(str(body.spell(length)), Size.of(length)), below=length),)


def _embedding(body: Body, ids: Tensor, below: int = 8) -> dict[str, tuple[Any, Any]]:
    return _given(num_embeddings=_number(body, below), embedding_dim=_out(body))


def _no_fields(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    return {}


def _long(body: Body) -> tuple[Value]:
    """[B, C, L] with more than one value per channel, as statistics in training want it."""
    return (body.call("transpose", body.stream, 1, 2),)


def _long_image(body: Body) -> tuple[Value]:
    return (body.call("unsqueeze", *_long(body), -1),)


def _batch_norm(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    return _given(num_features=_number(body, int(x.shape[1])), eps=_real(body), affine=_flag(body))


def _window(body: Body) -> tuple[int, int, int]:
    """Kernel, stride and padding of a pooling, which leaves at least one position."""
    kernel = body.source.integer(1, 3)
    return kernel, body.source.integer(1, 3), kernel // 2


def _pool(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    kernel, stride, padding = _window(body)
    return _given(
        kernel_size=_number(body, kernel),
        stride=_number(body, stride),
        padding=_number(body, padding) if padding else None,
    )


def _transposed_linear(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    return _given(in_features=_number(body, int(x.shape[-1])), out_features=_out(body))


def _dropout(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    return _given(p=_maybe(body, (body.rate(), 0.5)))


def _gelu(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    return _given(approximate=_maybe(body, (body.word(), "none")))


NONLINEAR = LayerRecipe(_some_float, _no_fields)

LAYER_RECIPES: dict[str, LayerRecipe] = {
    "avg_pool1d": LayerRecipe(_swapped, _pool),
    "avg_pool2d": LayerRecipe(_image, _pool),
    "batch_norm1d": LayerRecipe(_long, _batch_norm),
    "batch_norm2d": LayerRecipe(_long_image, _batch_norm),
    "conv1d": LayerRecipe(_swapped, _conv),
    "conv2d": LayerRecipe(_image, _conv),
    "dropout": LayerRecipe(_some_float, _dropout),
    "embedding": LayerRecipe(_integers, _embedding),
    "gelu": LayerRecipe(_some_float, _gelu),
    "group_norm": LayerRecipe(_swapped, _group_norm),
    "layer_norm": LayerRecipe(_last_known, _norm("affine", "bias")),
    "linear": LayerRecipe(_last_known, _linear),
    "max_pool1d": LayerRecipe(_swapped, _pool),
    "max_pool2d": LayerRecipe(_image, _pool),
    "relu": NONLINEAR,
    "rms_norm": LayerRecipe(_last_known, _norm("affine")),
    "sigmoid": NONLINEAR,
    "silu": NONLINEAR,
    "softplus": NONLINEAR,
    "tanh": NONLINEAR,
    "transposed_linear": LayerRecipe(_last_known, _transposed_linear),
}


def layer(body: Body, kind: str, *inputs: Tensor, **more: Any) -> tuple[dict[str, Any], Any]:
    """A declaration of a layer for these inputs, and the type of what it returns."""
    fields = LAYER_RECIPES[kind].fields(body, *inputs, **more)
    type = LAYERS[kind](**{name: value for name, (_, value) in fields.items()}).infer(*inputs)
    declared = {"type": kind, **{name: text for name, (text, _) in fields.items()}}
    return declared, type


def call_layer(body: Body, kind: str) -> None:
    """A component of its own, called once."""
    operands = LAYER_RECIPES[kind].operands(body)
    below = operands[0].below
    more = {} if below is None else {"below": below + body.source.integer(0, 2)}
    declared, type = layer(body, kind, *(value.type for value in operands), **more)
    body.source.flip() and adorn(body, declared)
    name = body.component(declared)
    text = f"{name}({', '.join(map(body.ref, operands))})"
    if isinstance(type, tuple):
        body.unpacked(text, type)
    else:
        body.named(text, type)


def adorn(body: Body, declared: dict[str, Any]) -> None:
    """Freeze a component, or say how it starts."""
    if body.source.rarely():
        declared["trainable"] = False
    if body.source.rarely():
        declared["doc"] = "A part that is drawn at random"
    if declared["type"] in ("linear", "embedding", "conv1d", "conv2d") and body.source.flip():
        declared["init"] = body.source.pick(
            ("zeros", "xavier_uniform", {"normal": 0.02}, {"weight": "ones"}, "kaiming_normal")
        )


# --------------------------------------------------------------------------------------- functions


def _pointwise(op: str) -> Callable[[Body], None]:
    return lambda body: _done(body.call(op, body.floats()))


def _done(*results: Any) -> None:
    """A recipe's results are named already."""


def _along(op: str, **more: Any) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        x = body.floats(rank=1)
        body.call(op, x, body.axis(x.type)) if body.source.flip() else body.call(
            op, x, dim=body.axis(x.type)
        )

    return recipe


def _reduction(op: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        x = body.floats(rank=1)
        axes = sorted({body.source.integer(0, x.type.rank - 1) for _ in range(2)})
        keep = {"keepdim": True} if body.source.flip() else {}
        body.call(op, x, axes if len(axes) > 1 else axes[0], **keep)

    return recipe


def partner(body: Body, x: Value, *, scalars: bool = True) -> Any:
    """Something that broadcasts with a float tensor."""
    numbers = [Term(repr(n), Tensor(x.type.dtype, ())) for n in (2.0, 0.5, 1, 3)]
    same = body.having(lambda type: type.shape == x.type.shape, x.type.dtype)
    choices = same + (numbers if scalars else [])
    if x.type.rank and body.source.flip():
        return body.call("mean", x, body.axis(x.type), keepdim=True)
    if x.type.rank and known(x.type, -1) and body.kind != "function" and body.source.flip():
        return parameter(body, x.type.shape[-1:], x.type.dtype)
    return body.source.pick(choices)


def _arithmetic(op: str, sign: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        x = body.floats()
        body.infix(op, sign, x, partner(body, x))

    return recipe


def _integer_arithmetic(op: str, sign: str) -> Callable[[Body], None]:
    """Of integers too, whose divisors are numbers other than 0."""

    def recipe(body: Body) -> None:
        found = body.having(lambda type: True, "int")
        if not found or body.source.flip():
            return _arithmetic(op, sign)(body)
        x, by = body.source.pick(found), body.source.integer(1, 4)
        type = FUNCTIONS[op].rule(x.type, Tensor("int", ()))
        below = by if op == "remainder" else None
        body.named(f"{body.ref(x)} {sign} ({body.spell(by)})", type, below)
        return None

    return recipe


def _comparison(op: str, sign: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        x = body.source.pick(body.having(lambda type: True, None))
        if x.type.dtype == "bool":
            x = body.call("cast", x, Term("int", "int"))
        body.infix(op, sign, x, Term("1", Tensor("int", ())))

    return recipe


def _logical(op: str, sign: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        left = body.bools()
        same = body.having(lambda type: type.shape == left.type.shape, "bool")
        body.infix(op, sign, left, body.source.pick(same))

    return recipe


def _extreme(op: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        x = body.floats()
        body.call(op, x, partner(body, x))

    return recipe


def _where(body: Body) -> None:
    condition = body.bools()
    x = body.floats()
    if not _broadcast(condition.type, x.type):
        condition = body.named(f"{body.ref(x)} < 1", x.type.with_dtype("bool"))
    other = partner(body, x)
    sides = (x, other) if body.source.flip() or isinstance(other, Term) else (other, x)
    body.call("where", condition, *sides)


def _broadcast(a: Tensor, b: Tensor) -> bool:
    try:
        FUNCTIONS["equal"].rule(a, b)
    except ShapeError:
        return False
    return True


def _cast(body: Body) -> None:
    x = body.any_tensor()
    dtype = body.source.pick(("float", "float32", "int", "bool"))
    body.call("cast", x, Term(dtype, dtype))


def _filled(op: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        shape = body.lengths(body.source.pick(shaped(body)).type)[-2:]
        dtype = body.source.pick((None, "float", "float32", "int", "bool"))
        more = {} if dtype is None else {"dtype": Term(dtype, dtype)}
        body.call(op, shape, **more)

    return recipe


def shaped(body: Body) -> list[Value]:
    """Values whose every length can be written by names this definition has."""
    return body.having(
        lambda type: all(length.value.symbols() <= set(body.least) for length in type.shape), None
    )


def _arange(body: Body) -> None:
    length = body.source.pick([v for v in shaped(body) if v.type.rank]).type.shape[0]
    term = body.length(length)
    if body.source.flip():
        body.call("arange", term, dtype=Term("float32", "float32"))
    else:
        body.call("arange", term, below=length.known)


def _linspace(body: Body) -> None:
    steps = body.source.integer(1, 6)
    ends = [Term(repr(end), float(end)) for end in (body.source.pick((0, 0.5, 1e-4)), 2)]
    body.call("linspace", *ends, Term(str(body.spell(steps)), Size.of(steps)))


def _einsum(body: Body) -> None:
    x = body.floats(rank=1)
    axes = "bndhwklm"[: x.type.rank]
    spaced = " ".join(axes)
    kept = " ".join(axis for axis in reversed(axes) if body.source.flip())
    if body.source.flip():
        body.call("einsum", f"{spaced} -> {kept}", x)
    else:
        body.call("einsum", f"{spaced}, {axes[-1]} -> {kept}", x, _last_vector(body, x))


def _last_vector(body: Body, x: Value) -> Value:
    text, type = f"{body.ref(x)}[{', '.join(['0'] * (x.type.rank - 1) + [':'])}]", x.type
    return body.named(text, type.with_shape(type.shape[-1:]))


def _matmul(body: Body) -> None:
    x = body.floats(rank=2)
    body.infix("matmul", "@", x, body.call("transpose", x, -1, -2))


def heads(body: Body) -> Value:
    """[B, H, N, K] from the stream, its last axis cut into heads where its length is known."""
    x, width = body.stream, known(body.stream.type, -1)
    if width is None:
        return body.call("unsqueeze", x, 1)
    number = body.source.pick(divisors(width))
    term = Term(str(body.spell(number)), Size.of(number))
    return body.call("rearrange", x, "b n (h k) -> b h n k", h=term)


def _sdpa(body: Body) -> None:
    q = heads(body)
    k = body.call("mean", q, 1, keepdim=True) if body.source.rarely() else q
    more: dict[str, Any] = {}
    scores = body.named(f"{body.ref(q)} @ transpose({q.text}, 2, 3)", _scores(q.type))
    match body.source.integer(0, 3):
        case 0:
            more["causal"] = True
        case 1:
            more["mask"] = scores
        case 2:
            more["mask"] = body.named(f"{body.ref(scores)} > 0", scores.type.with_dtype("bool"))
    if body.source.flip():
        more["scale"] = body.source.real()
    body.call("sdpa", q, k, k, **more)


def _scores(q: Tensor) -> Tensor:
    return q.with_shape((*q.shape[:3], q.shape[2]))


def _joined(op: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        x = body.floats(rank=1)
        same = body.having(lambda type: type.shape == x.type.shape, x.type.dtype)
        parts = [x, *(body.source.pick(same) for _ in range(body.source.integer(0, 2)))]
        body.call(op, parts, dim=body.axis(x.type))

    return recipe


def _cuttable(body: Body) -> tuple[Value, int, int]:
    """A value, an axis of known length, and that length."""
    found = [
        (value, axis, length.known)
        for value in body.having(lambda type: True)
        for axis, length in enumerate(value.type.shape)
        if length.known
    ]
    if found:
        choice: tuple[Value, int, int] = body.source.pick(found)
        return choice
    return body.call("unsqueeze", body.stream, 0), 0, 1


def _chunk(body: Body) -> None:
    x, axis, length = _cuttable(body)
    parts = body.source.pick(divisors(length))
    text, types = body.applied("chunk", x, Term(str(body.spell(parts)), parts), dim=axis)
    body.unpacked(text, types)


def _split(body: Body) -> None:
    x, axis, length = _cuttable(body)
    cut = body.source.integer(1, length)
    parts = [cut, length - cut] if cut < length else [cut]
    terms = [Term(str(body.spell(part)), Size.of(part)) for part in parts]
    text, types = body.applied("split", x, terms, axis)
    body.unpacked(text, types)


def _unbind(body: Body) -> None:
    x, axis, _ = _cuttable(body)
    text, types = body.applied("unbind", x, axis)
    body.unpacked(text, types)


def _expand(body: Body) -> None:
    x = body.source.pick([v for v in shaped(body) if v.type.dtype == "float"])
    wider = body.call("unsqueeze", x, 0)
    number = body.source.integer(1, 3)
    first = Term(str(body.spell(number)), Size.of(number))
    body.call("expand", wider, [first, *body.lengths(x.type)])


def _reshape(body: Body) -> None:
    x = body.source.pick([v for v in shaped(body) if v.type.dtype == "float"])
    lengths = body.lengths(x.type)
    one = Term("1", Size.of(1))
    body.call("reshape", x, [*lengths, one] if body.source.flip() else [one, *lengths])


def _transpose(body: Body) -> None:
    x = body.floats(rank=1)
    body.call("transpose", x, body.axis(x.type), body.axis(x.type))


def _permute(body: Body) -> None:
    x = body.floats(rank=1)
    axes = list(range(x.type.rank))
    turn = body.source.integer(0, x.type.rank - 1)
    body.call("permute", x, axes[turn:][::-1] + axes[:turn])


def _flatten(body: Body) -> None:
    x = body.floats(rank=1)
    start = body.source.integer(0, x.type.rank - 1)
    end = body.source.integer(start, x.type.rank - 1)
    body.call("flatten", x, start) if body.source.flip() else body.call("flatten", x, start, end)


def _unsqueeze(body: Body) -> None:
    x = body.any_tensor()
    body.call("unsqueeze", x, body.source.integer(-x.type.rank - 1, x.type.rank))


def _squeeze(body: Body) -> None:
    x = body.call("unsqueeze", body.floats(), 0)
    body.call("squeeze", x, 0)


def _rearrange(body: Body) -> None:
    x = body.floats(rank=1)
    left = ["b", "n", "d", "h", "w", "k", "l", "m"][: x.type.rank]
    more: dict[str, Any] = {}
    if width := known(x.type, -1):
        number = body.source.pick(divisors(width))
        more["g"] = Term(str(body.spell(number)), Size.of(number))
        left[-1] = f"(g {left[-1]})"
    names = [name.strip("()") for group in left for name in group.split()]
    names = names[::-1] if body.source.flip() else names[1:] + names[:1]
    cut = body.source.integer(1, len(names))
    right = names[:cut] + ([f"({' '.join(names[cut:])})"] if names[cut:] else [])
    body.call("rearrange", x, f"{' '.join(left)} -> {' '.join(right)}", **more)


def _pooling(op: str, operand: Callable[[Body], tuple[Value, ...]]) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        kernel, stride, padding = _window(body)
        more = {"padding": padding} if padding else {}
        body.call(op, *operand(body), kernel, stride, **more)

    return recipe


def _channels_of(body: Body) -> tuple[Value]:
    return (body.call("transpose", body.stream, 1, 2),)


def _interpolate(body: Body) -> None:
    (x,) = _long_image(body) if body.source.flip() else _channels_of(body)
    modes = ("nearest", "bilinear") if x.type.rank == 4 else ("nearest",)
    body.call("interpolate", x, body.source.integer(1, 3), mode=body.source.pick(modes))


def _layer_norm(body: Body) -> None:
    x = body.floats(rank=1)
    last = _last_vector(body, x)
    more = {"eps": 1e-6} if body.source.flip() else {}
    body.call("layer_norm", x, body.call("ones_like", last), last, **more)


def _linear_scan(body: Body) -> None:
    x = body.floats(rank=2)
    body.call("linear_scan", body.call("sigmoid", x), x, dim=body.axis(x.type))


def _masked_scatter(body: Body) -> None:
    x = body.floats(rank=1)
    mask = body.named(f"{body.ref(x)} > 0", x.type.with_dtype("bool"))
    body.call("masked_scatter", x, mask, x)


def _one_hot(body: Body) -> None:
    (ids,) = _integers(body)
    number = (ids.below or 1) + body.source.integer(0, 2)
    body.call("one_hot", ids, Term(str(body.spell(number)), Size.of(number)))


def _topk(body: Body) -> None:
    x, axis, length = _cuttable(body)
    number = body.source.integer(1, length)
    k = Term(str(body.spell(number)), Size.of(number))
    text, types = body.applied("topk", x, k, dim=axis)
    body.unpacked(text, types)


def _pad(body: Body) -> None:
    x = body.floats(rank=2)
    pads = [body.source.integer(0, 2) for _ in range(2 * body.source.integer(1, 2))]
    body.call("pad", x, pads, 1.0) if body.source.flip() else body.call("pad", x, pads)


def _grouped_linear(body: Body) -> None:
    """All rows go to the second of two groups."""
    x = body.stream
    if not _spelled_out(body, x.type):
        x = body.call("ones", [Term("3", Size.of(3)), Term("2", Size.of(2)), Term("2", Size.of(2))])
    rows = body.call("flatten", x, 0, 1)
    width = body.length(x.type.shape[-1])
    weight = body.call("ones", [Term("2", Size.of(2)), Term("3", Size.of(3)), width])
    first, second = (spelled(length.value) for length in x.type.shape[:2])
    lengths = body.named(f"arange(2) * (({first}) * ({second}))", Tensor("int", sizes(2)))
    body.call("grouped_linear", rows, weight, lengths)


def _random(op: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        x = body.floats(rank=1)
        rate = body.rate()
        body.call(op, x, Term(str(rate), 0.1))

    return recipe


FUNCTION_RECIPES: dict[str, Callable[[Body], None]] = {
    "abs": _pointwise("abs"),
    "add": _arithmetic("add", "+"),
    "amax": _reduction("amax"),
    "amin": _reduction("amin"),
    "arange": _arange,
    "argsort": _along("argsort"),
    "avg_pool1d": _pooling("avg_pool1d", _swapped),
    "avg_pool2d": _pooling("avg_pool2d", _image),
    "cast": _cast,
    "cat": _joined("cat"),
    "chunk": _chunk,
    "cos": _pointwise("cos"),
    "cumprod": _along("cumprod"),
    "cumsum": _along("cumsum"),
    "divide": _arithmetic("divide", "/"),
    "drop_path": _random("drop_path"),
    "dropout": _random("dropout"),
    "einsum": _einsum,
    "equal": _comparison("equal", "=="),
    "exp": _pointwise("exp"),
    "expand": _expand,
    "flatten": _flatten,
    "floor_divide": _integer_arithmetic("floor_divide", "//"),
    "gelu": lambda body: _done(
        body.call("gelu", body.floats(), approximate=body.source.pick(("none", "tanh")))
        if body.source.flip()
        else body.call("gelu", body.floats())
    ),
    "greater": _comparison("greater", ">"),
    "greater_equal": _comparison("greater_equal", ">="),
    "grouped_linear": _grouped_linear,
    "interpolate": _interpolate,
    "layer_norm": _layer_norm,
    "less": _comparison("less", "<"),
    "less_equal": _comparison("less_equal", "<="),
    "lgamma": _pointwise("lgamma"),
    "linear_scan": _linear_scan,
    "linspace": _linspace,
    "log": _pointwise("log"),
    "logical_and": _logical("logical_and", "&"),
    "logical_not": lambda body: _done(
        body.named(f"~{body.ref(x := body.bools())}", x.type),
    ),
    "logical_or": _logical("logical_or", "|"),
    "masked_scatter": _masked_scatter,
    "matmul": _matmul,
    "max_pool1d": _pooling("max_pool1d", _swapped),
    "max_pool2d": _pooling("max_pool2d", _image),
    "maximum": _extreme("maximum"),
    "mean": _reduction("mean"),
    "minimum": _extreme("minimum"),
    "multiply": _arithmetic("multiply", "*"),
    "negative": lambda body: _done(body.named(f"-{body.ref(x := body.floats())}", x.type)),
    "not_equal": _comparison("not_equal", "!="),
    "one_hot": _one_hot,
    "ones": _filled("ones"),
    "ones_like": lambda body: _done(body.call("ones_like", body.any_tensor())),
    "pad": _pad,
    "permute": _permute,
    "power": lambda body: _done(
        body.infix("power", "**", body.floats(), Term("2", Tensor("float", ())))
    ),
    "rearrange": _rearrange,
    "relu": _pointwise("relu"),
    "remainder": _integer_arithmetic("remainder", "%"),
    "reshape": _reshape,
    "rsqrt": _pointwise("rsqrt"),
    "sdpa": _sdpa,
    "sigmoid": _pointwise("sigmoid"),
    "sign": _pointwise("sign"),
    "silu": _pointwise("silu"),
    "sin": _pointwise("sin"),
    "softmax": _along("softmax"),
    "softplus": _pointwise("softplus"),
    "split": _split,
    "sqrt": _pointwise("sqrt"),
    "squeeze": _squeeze,
    "stack": _joined("stack"),
    "subtract": _arithmetic("subtract", "-"),
    "sum": _reduction("sum"),
    "tanh": _pointwise("tanh"),
    "topk": _topk,
    "transpose": _transpose,
    "unbind": _unbind,
    "unsqueeze": _unsqueeze,
    "where": _where,
    "zeros": _filled("zeros"),
    "zeros_like": lambda body: _done(body.call("zeros_like", body.any_tensor())),
}


# -------------------------------------------------------------------------- parameters and buffers


def parameter(body: Body, shape: tuple[Size, ...], dtype: str = "float") -> Value:
    """A parameter of the definition's own."""
    init = body.source.pick(("zeros", "ones", {"normal": 0.02}, {"uniform": [-1, 1]}))
    declared = {
        "type": "parameter",
        "shape": [body.spell(int(length)) for length in shape],
        "init": init,
    }
    if body.source.rarely():
        declared["trainable"] = False
    value = Value(body.component(declared), Tensor("float", shape))
    if dtype != "float":
        value = body.named(f"cast({value.text}, {dtype})", Tensor(dtype, shape))
    else:
        body.values.append(value)
    return value


def buffer(body: Body) -> None:
    """Numbers that are stored and not trained."""
    length = body.source.integer(1, 5)
    size = body.spell(length)
    declared: dict[str, Any] = {"type": "buffer"}
    shape: tuple[Size, ...] = sizes(length)
    match body.source.integer(0, 3):
        case 0:
            value, dtype = (
                f"linspace(0, {body.source.pick((1, 0.5, 'sqrt(2)'))}, {size})",
                "float32",
            )
        case 1:
            value, dtype = f"cumsum(1 - linspace(0, 1, {size}), 0)", "float32"
        case 2:
            value, dtype = f"arange({size}) * 2", "int"
        case _:
            dtype = body.source.pick(("float32", "int", "bool"))
            shape = sizes(length, 2)
            declared |= {"shape": [size, 2], "init": body.source.pick(("zeros", "ones"))}
            declared |= {"dtype": dtype}
            value = None
    if value is not None:
        declared["value"] = value
    if body.source.flip():
        declared["persistent"] = False
    body.values.append(Value(body.component(declared), Tensor(dtype, shape)))


# ------------------------------------------------------------------------------------- sequentials


def same_width(body: Body, x: Tensor) -> dict[str, Any]:
    """A layer, or a sequential, that returns what it takes."""
    width = int(x.shape[-1])
    if body.nesting and body.source.rarely():
        return sequential(body, x, width)
    contracts = [c for c in body.library.block_contracts if _simple(c) and _ends(c) == width]
    if contracts and body.source.flip():
        contract = body.source.pick(contracts)
        return {"type": contract.name, **arguments(body, contract)}
    kind = body.source.pick(("linear", "layer_norm", "rms_norm", "silu", "tanh", "gelu", "dropout"))
    declared, _ = layer(body, kind, x)
    if kind == "linear":
        declared["out_features"] = body.spell(width)
        body.source.flip() and adorn(body, declared)
    return declared


def _simple(contract: Contract) -> bool:
    """One input and one result, alike."""
    return len(contract.inputs) == 1 and contract.results == (contract.inputs[0][1],)


def _ends(contract: Contract) -> int | None:
    return known(contract.inputs[0][1], -1)


def sequential(body: Body, x: Tensor, width: int | None = None) -> dict[str, Any]:
    """Layers in a row, numbered or named; the last returns `width` where it is given."""
    hidden = body.width()
    first = {"type": "linear", "in_features": body.spell(int(x.shape[-1])), "out_features": hidden}
    last = {
        "type": "linear",
        "in_features": hidden,
        "out_features": body.spell(width or int(x.shape[-1])),
        "bias": body.flag(),
    }
    middle: list[dict[str, Any]] = []
    for _ in range(body.source.integer(0, 2)):
        middle.append({"type": body.source.pick(("silu", "relu", "gelu", "tanh", "sigmoid"))})
        if body.source.flip():
            middle[-1]["when"] = body.flag()
    layers = [first, *middle, last]
    if body.nesting and body.source.rarely():
        layers.insert(1, {"type": "sequential", "layers": [{"type": "silu"}, {"type": "relu"}]})
    if body.source.flip():
        return {"type": "sequential", "layers": layers}
    names = ("up", "act", "gate", "norm", "act2", "down")
    return {"type": "sequential", "layers": dict(zip(names, layers, strict=False))}


def call_sequential(body: Body) -> None:
    (x,) = _last_known(body)
    declared = sequential(body, x.type)
    if body.source.rarely():
        declared["trainable"] = False
    body.named(f"{body.component(declared)}({body.ref(x)})", x.type)


# ------------------------------------------------------------------------------------------ stacks


def stack(body: Body) -> None:
    """A repeated component and a loop over it, in one of the ways that people write."""
    x = body.stream
    if known(x.type, -1) is None:
        return
    body.source.pick(
        (plain_loop, counted_loop, paired_loop, picked, skips, pattern, pattern, widths)
    )(body)


def repeated(body: Body, count: Any, *, index: str | None = None) -> str:
    """A stack of components that return what they take."""
    declared = same_width(body, body.stream.type)
    if index:
        declared = numbered(body, declared, index)
    declared |= {"repeat": count} | ({"index": index} if index else {})
    if body.source.rarely():
        declared["trainable"] = False
    return body.component(declared)


def numbered(body: Body, declared: dict[str, Any], index: str) -> dict[str, Any]:
    """Let some field depend on the position."""
    settings = {c.name: c.settings for c in body.library.block_contracts}
    for setting in settings.get(declared["type"], ()):
        varied = {
            "width": f"{index} + 1",
            "flag": body.source.pick((f"{index} == 0", f"{index} % 2 == 0", f"{index} > 0")),
            "rate": f"0.1 * {index} / {index + ' + 1' if body.source.flip() else 8}",
        }
        if setting.use in varied and body.source.flip():
            declared[setting.name] = varied[setting.use]
    if declared["type"] in ("linear", "layer_norm") and body.source.flip():
        declared["bias"] = f"{index} != 1"
    return declared


def plain_loop(body: Body) -> None:
    index = body.name(("i", "j", "layer_index")) if body.source.flip() else None
    parts = repeated(body, body.count(), index=index)
    item = body.name(("block", "layer", "item"))
    over = f"reversed({parts})" if body.source.rarely() else parts
    body.line(f"for {item} in {over}:")
    residual = f"{body.stream.text} + " if body.source.flip() else ""
    body.line(f"  {body.stream.text} = {residual}{item}({body.ref(body.stream)})")


def counted_loop(body: Body) -> None:
    """`range` or `enumerate`, with a choice made at compile time inside."""
    parts = repeated(body, count := body.source.integer(1, 3))
    at, item, x = body.name(("i", "step")), body.name(("block", "layer")), body.ref(body.stream)
    if body.source.flip():
        body.line(f"for {at}, {item} in enumerate({parts}):")
        body.line(f"  {x} = {item}({x}) * ({at} + 1)")
    else:
        body.line(f"for {at} in range({body.spell(count)}):")
        body.line(f"  {x} = {parts}[{at}]({x})")
    if body.source.flip():
        body.line(f"  if {at} % 2 == 0:")
        body.line(f"    {x} = {x} * 0.5")


def paired_loop(body: Body) -> None:
    count = body.count()
    pair = [repeated(body, count), repeated(body, count)]
    a, b = body.name(("left", "block")), body.name(("right", "layer"))
    x = body.ref(body.stream)
    body.line(f"for {a}, {b} in zip({pair[0]}, {pair[1]}):")
    body.line(f"  {x} = {a}({x}) + {b}({x})")


def picked(body: Body) -> None:
    """Items of a stack by their place."""
    parts = repeated(body, body.source.integer(1, 3))
    x = body.ref(body.stream)
    body.named(f"{parts}[{body.source.pick((0, -1))}]({x})", body.stream.type)
    item = body.name(("block", "layer"))
    body.line(f"for {item} in {parts}:")
    body.line(f"  {x} = {item}({x})")


def skips(body: Body) -> None:
    """What the way down leaves in a list, the way up takes from it."""
    count = body.count()
    down, up = repeated(body, count), repeated(body, count)
    kept, item, x = body.name(("skips", "kept")), body.name(("block",)), body.ref(body.stream)
    body.line(f"{kept} = []")
    body.line(f"for {item} in {down}:")
    body.line(f"  {x} = {item}({x})")
    body.line(f"  {kept}.append({x})")
    body.line(f"for {item} in {up}:")
    body.line(f"  {x} = {item}({x} + {kept}.pop())")


def pattern(body: Body) -> None:
    """A stack that cycles through several components."""
    items = [same_width(body, body.stream.type) for _ in range(body.source.integer(1, 3))]
    for item in items:
        if body.source.rarely():
            item["times"] = 2
    declared: dict[str, Any] = {"pattern": items}
    if body.source.flip():
        declared["repeat"] = body.source.integer(0, 6) if body.source.flip() else body.count()
    name, item = body.component(declared), body.name(("block", "layer"))
    x = body.ref(body.stream)
    body.line(f"for {item} in {name}:")
    body.line(f"  {x} = {item}({x})")


def widths(body: Body) -> None:
    """Layers whose widths come from a list."""
    lists = [s for s in body.of_use("shape") if s.kind == "ints" and len(s.value) > 1]
    if not lists:
        return plain_loop(body)
    chosen = body.source.pick(lists)
    index, count = body.name(("i", "level")), len(chosen.value) - 1
    declared = {
        "type": "linear",
        "repeat": f"len({chosen.name}) - 1" if body.source.flip() else count,
        "index": index,
        "in_features": f"{chosen.name}[{index}]",
        "out_features": f"{chosen.name}[{index} + 1]",
    }
    first, last = (
        body.stream.type.shape[:-1] + sizes(n) for n in (chosen.value[0], chosen.value[-1])
    )
    entry = {"type": "linear", "in_features": body.spell(int(body.stream.type.shape[-1]))}
    entry["out_features"] = f"{chosen.name}[0]"
    start = f"{body.component(entry)}({body.ref(body.stream)})"
    value = body.named(start, body.stream.type.with_shape(first))
    name, item = body.component(declared), body.name(("block", "layer"))
    body.line(f"for {item} in {name}:")
    body.line(f"  {value.text} = {item}({body.ref(value)})")
    value.type, value.used = value.type.with_shape(last), False
    return None


# ------------------------------------------------------------------------------- blocks, functions


def arguments(body: Body, contract: Contract) -> dict[str, Any]:
    """Values for a block's settings: of the same meaning where shapes rest on them, any where not."""
    given: dict[str, Any] = {}
    for setting in contract.settings:
        if setting.name in contract.defaults and body.source.flip():
            continue
        match setting.use:
            case "width":
                given[setting.name] = body.width()
            case "count":
                given[setting.name] = body.count()
            case "flag":
                given[setting.name] = body.flag()
            case "rate":
                given[setting.name] = body.rate()
            case "word":
                given[setting.name] = body.word()
            case _ if setting.kind == "ints":
                given[setting.name] = [body.spell(item) for item in setting.value]
            case _:
                given[setting.name] = body.spell(setting.value)
    return given


def fitting(body: Body, contract: Contract) -> list[Value] | None:
    """Values of this body that a block or function takes, one for each input."""
    chosen: list[Value] = []
    for place, (_, wanted, below) in enumerate(contract.inputs):
        options = [v for v in body.values if _could_be(v, wanted, below)]
        while options:
            value = options.pop(body.source.integer(0, len(options) - 1))
            if _bound(body, contract, [*chosen, value]) is not None:
                chosen.append(value)
                break
        if len(chosen) == place:
            return None
    return chosen


def _could_be(value: Value, wanted: Tensor, below: int | None) -> bool:
    within = below is None or (value.below is not None and value.below <= below)
    return value.type.dtype == wanted.dtype and value.type.rank == wanted.rank and within


def _bound(body: Body, contract: Contract, values: list[Value]) -> dict[str, Size] | None:
    """What the contract's run-time names are here, or None where the values do not fit."""
    given = contract.inputs[: len(values)]
    declared = tuple(Input(name, type) for name, type, _ in given)
    actual = {name: v.type for (name, _, _), v in zip(given, values, strict=True)}
    try:
        found = bind(declared, actual, "it")
    except ShapeError:
        return None
    if any(not length.value.symbols() <= set(body.least) for length in found.values()):
        return None
    enough = all(
        body.shortest(found[name]) >= least
        for name, least in contract.least.items()
        if name in found
    )
    return found if enough else None


def call_block(body: Body) -> None:
    contracts = body.library.block_contracts
    if not contracts:
        return call_sequential(body)
    contract = body.source.pick(contracts)
    values = fitting(body, contract) or operands(body, contract)
    if values is None:
        return call_sequential(body)
    declared = {"type": contract.name, **arguments(body, contract)}
    if body.source.rarely():
        declared["trainable"] = False
    name = body.component(declared)
    result(body, contract, name, values, [])
    return None


def operands(body: Body, contract: Contract) -> list[Value] | None:
    """What a block takes, made from the stream: projected to its width, averaged, or counted."""
    x, width = body.stream, _ends(contract)
    if known(x.type, -1) is None or width is None:
        return None
    entry = {
        "type": "linear",
        "in_features": body.spell(int(x.type.shape[-1])),
        "out_features": width,
    }
    text = f"{body.component(entry)}({body.ref(x)})"
    first = body.named(text, x.type.with_shape((*x.type.shape[:-1], Size.of(width))))
    made = []
    for _, wanted, _ in contract.inputs:
        if wanted.dtype == "int":
            lengths = body.lengths(first.type)[:2]
            made.append(body.call("zeros", lengths, dtype=Term("int", "int"), below=1))
        else:
            made.append(first if wanted.rank == 3 else body.call("mean", first, 1))
    return made if _bound(body, contract, made) is not None else None


def call_routine(body: Body) -> None:
    contracts = body.library.function_contracts
    contract = body.source.pick(contracts) if contracts else None
    values = contract and fitting(body, contract)
    if not values:
        return FUNCTION_RECIPES["multiply"](body)
    given = arguments(body, contract)
    settings = [f"{name}={_quoted(body, value)}" for name, value in given.items()]
    result(body, contract, contract.name, values, settings)
    return None


def _quoted(body: Body, value: Any) -> str:
    """A setting's value within `forward`, where words need quotes."""
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return f'"{value}"' if value in ("none", "tanh") else str(value)


def result(
    body: Body, contract: Contract, callee: str, values: list[Value], settings: list[str]
) -> None:
    found = _bound(body, contract, values)
    assert found is not None
    texts = [body.ref(value) for value in values]
    if body.source.rarely():
        texts[-1] = f"{contract.inputs[-1][0]}={texts[-1]}"
    text = f"{callee}({', '.join([*texts, *settings])})"
    types = substituted(contract.results, found)
    body.unpacked(text, types) if len(types) > 1 else body.named(text, types[0])


# ------------------------------------------------------------------------------------ other things


def choice(body: Body) -> None:
    """A compile-time `if`: a part that is there for one value of a flag."""
    flags = body.of_use("flag")
    x = body.stream
    if not flags or known(x.type, -1) is None:
        return
    flag = body.source.pick(flags).name
    test = body.source.pick((flag, f"not {flag}", f"{flag} and {flag}", f"{flag} == true"))
    test = test.replace("== true", "== True")
    name = body.component({**same_width(body, x.type), "when": test})
    body.line(f"if {test}:")
    body.line(f"  {x.text} = {name}({body.ref(x)})")
    if body.source.flip():
        body.line("else:")
        body.line(f"  {x.text} = {x.text} * 0.5")


def index(body: Body) -> None:
    """What brackets do."""
    x = body.floats(rank=1)
    axis = body.source.integer(0, x.type.rank - 1)
    length = x.type.shape[axis]
    lead = ":, " * axis
    shortest = body.shortest(length) if length.value.symbols() <= set(body.least) else 0
    forms: list[tuple[str, tuple[Size, ...]]] = [("None", (Size.of(1), length))]
    if shortest >= 1:
        forms += [("0", ()), ("-1", ()), ("::2", ((length + 1) // 2,)), (":", (length,))]
    if shortest >= 2:
        forms += [("1:", (length - 1,)), (":-1", (length - 1,)), (":1", sizes(1))]
    if axis == x.type.rank - 1:
        lead = body.source.pick((lead, "..., "))
    text, lengths = body.source.pick(forms)
    shape = (*x.type.shape[:axis], *lengths, *x.type.shape[axis + 1 :])
    if text == "None":
        lead = ":, " * axis
    body.named(f"{body.ref(x)}[{lead}{text}]", x.type.with_shape(shape))


def tie(body: Body) -> None:
    """Two layers of one weight."""
    (x,) = _last_known(body)
    width = int(x.type.shape[-1])
    pair = []
    for _ in range(2):
        declared = {"type": "linear", "in_features": body.spell(width), "out_features": width}
        declared["bias"] = body.source.flip()
        if body.source.rarely():
            declared["trainable"] = False
        pair.append(body.component(declared))
    first, second = pair if body.source.flip() else pair[::-1]
    body.ties[f"{first}.weight"] = f"{second}.weight"
    body.named(f"{pair[1]}({pair[0]}({body.ref(x)}))", x.type)


def lists(body: Body) -> None:
    """A list written out, added to, and read."""
    x = body.stream
    name = body.name(("parts", "kept"))
    body.line(f"{name} = [{body.ref(x)}]")
    body.line(f"{name}.append({x.text} * 2.0)")
    if body.source.flip():
        body.update(f"{name}[0] + {name}[-1]")
    else:
        body.update(f"{name}.pop() + {name}[len({name}) - 1]")


def joined(body: Body) -> None:
    """A token in front of the sequence: an axis of N + 1."""
    x = body.stream
    width = known(x.type, -1)
    if width is None or not _spelled_out(body, x.type):
        return
    token = parameter(body, sizes(1, 1, width))
    first = body.lengths(x.type)[0]
    wide = body.call(
        "expand", token, [first, Term("1", Size.of(1)), Term(str(width), Size.of(width))]
    )
    text, type = body.applied("cat", [wide, x], dim=1)
    body.named(text, type)


def _spelled_out(body: Body, type: Tensor) -> bool:
    return all(length.value.symbols() <= set(body.least) for length in type.shape)


def unused(body: Body) -> None:
    """A part that stays for the checkpoint's sake."""
    body.component(
        {"type": "linear", "in_features": 2, "out_features": body.width(), "doc": "kept"}
    )


def nested_expression(body: Body) -> None:
    """Arithmetic in one line, deep enough for brackets and for line breaks."""
    x = body.ref(body.stream)
    text = x
    for _ in range(body.source.integer(1, 9)):
        form = body.source.pick(
            (
                "{0} + {1}",
                "{1} - {0}",
                "{1} - ({0})",
                "({0}) * 2.0",
                "-({0} + 1)",
                "({0}) / ({1} + 2)",
                "relu({0})",
                "where({1} > 0, {0}, {1})",
                "({0}) ** 2",
                "-({0}) ** 2",
                "softmax({0}, dim=-1)",
            )
        )
        text = form.format(text, x)
    body.update(text)


LAYERED = (
    call_sequential,
    *(stack,) * 6,
    *(call_block,) * 4,
    call_routine,
    *(choice,) * 2,
    index,
    tie,
    lists,
    joined,
    buffer,
    unused,
    nested_expression,
)
PLAIN = (call_routine, index, lists, nested_expression)


def statement(body: Body) -> None:
    """One more thing that `forward` does."""
    if body.kind == "function":
        op = body.source.flip()
        FUNCTION_RECIPES[body.source.pick(sorted(FUNCTION_RECIPES))](body) if op else (
            body.source.pick(PLAIN)(body)
        )
        return
    match body.source.integer(0, 3):
        case 0:
            call_layer(body, body.source.pick(sorted(LAYER_RECIPES)))
        case 1:
            FUNCTION_RECIPES[body.source.pick(sorted(FUNCTION_RECIPES))](body)
        case _:
            body.source.pick(LAYERED)(body)


# ------------------------------------------------------------------------------------- definitions


def settle(body: Body) -> None:
    """The settings and named values of a definition."""
    source = body.source
    width = source.pick((4, 6, 4, 1, 8, 3))  # often the same, so that blocks fit each other
    body.setting("shape", width)
    for use, value in (
        ("width", source.integer(1, 8)),
        ("count", source.integer(0, 3)),
        ("flag", source.flip()),
        ("rate", 0.1),
        ("word", "tanh"),
    ):
        if source.flip():
            body.setting(use, value)
    if source.rarely():
        body.setting("shape", [source.integer(1, 6) for _ in range(source.integer(1, 4))])
    if source.flip():
        value = source.integer(1, 8)
        text = body.spell(value)
        body.lets[body.name(("inner_dim", "head_dim", "half"))] = (text, value, False)
    if body.of_use("width") and source.flip():
        text = body.width()
        body.lets[body.name(("hidden", "expanded"))] = (text, 0, True)


def take(
    body: Body,
    pool: tuple[str, ...],
    dtype: str,
    axes: list[tuple[Any, Size]],
    below: int | None = None,
    doc: str | None = None,
) -> Value:
    """One input of the definition."""
    name = body.name(pool)
    type = Tensor(dtype, tuple(length for _, length in axes))
    text = f"{dtype}[{', '.join(str(text) for text, _ in axes)}]"
    declared: Any = text
    if below is not None or doc is not None:
        declared = {"type": text} | ({"below": body.spell(below)} if below else {})
        declared |= {"doc": doc} if doc else {}
    body.inputs[name] = declared
    body.signature.append((name, type, below))
    value = Value(name, type, below)
    body.values.append(value)
    return value


def inputs(body: Body) -> None:
    """The tensors a definition takes: a sequence, which it transforms, and perhaps others."""
    source = body.source
    width = next(s.value for s in body.of_use("shape") if s.kind == "int")
    body.least = {"B": 1, "N": 2}
    batch, length = ("B", Size.runtime("B")), ("N", Size.runtime("N"))
    if body.kind == "function":
        body.least["D"] = 1
        last: tuple[Any, Size] = (
            ("D", Size.runtime("D")) if source.flip() else (width, Size.of(width))
        )
    else:
        last = (body.spell(width), Size.of(width))
    if source.rarely() and body.kind == "model":
        double = source.pick((("2 * N", length[1] * 2), ("N + 1", length[1] + 1)))
        body.stream = take(body, ("x", "tokens"), "float", [batch, double, last])
    else:
        body.stream = take(body, ("x", "tokens"), "float", [batch, length, last])
    body.stream.used = True
    if source.rarely():
        take(body, ("c", "cond", "t"), "float", [batch, last])
    if source.rarely():
        take(
            body,
            ("ids", "positions"),
            "int",
            [batch, length],
            below=source.integer(2, 8),
            doc="which",
        )
    if source.rarely() and body.kind == "model":
        take(body, ("mask",), "bool", [batch, length])
    if source.rarely() and body.kind == "model":
        body.least |= {"H": 2, "W": 2}
        channels = source.integer(1, 4)
        axes = [batch, (body.spell(channels), Size.of(channels))]
        axes += [
            (f"{2} * {n}", Size.runtime(n) * 2) if source.flip() else (n, Size.runtime(n))
            for n in "HW"
        ]
        take(body, ("image",), "float", axes)
    if source.rarely() and body.kind == "model":
        several(body, batch)


def several(body: Body, batch: tuple[Any, Size]) -> None:
    """An input that is a list of tensors."""
    number = body.source.integer(1, 3)
    name, place = body.name(("features", "levels")), body.name(("level",))
    varied = body.source.flip()
    body.inputs[name] = {
        "type": f"float[B, {place} + 1]" if varied else "float[B, 3]",
        "repeat": number,
        "index": place,
    }
    item, x = body.name(("feature", "item")), body.stream.text
    body.line(f"for {item} in {name}:")
    body.line(f"  {x} = {x} + mean({item}, [0, 1])")


def parameters(body: Body) -> tuple[dict[str, Any], frozenset[str]]:
    """`params` of a block or function: some with a default, some with a kind."""
    drawn = {}
    defaults = set()
    for setting in body.settings.values():
        if setting.use != "word" and body.source.flip():
            drawn[setting.name] = setting.kind
        else:
            drawn[setting.name] = setting.value
            defaults.add(setting.name)
    return drawn, frozenset(defaults)


def definition(
    library: Library, kind: str, nesting: int, first: Callable[[Body], None] | None = None
) -> tuple[Body, tuple[Tensor, ...]]:
    """A body with its lines, and what it returns."""
    body = Body(library, kind=kind, nesting=nesting)
    settle(body)
    inputs(body)
    for _ in range(body.source.integer(1, 6)):
        statement(body)
    if first:
        first(body)
    extra = [
        v for v in body.values if _spelled_out(body, v.type) and v is not body.stream and not v.used
    ]
    extra = extra[: body.source.integer(0, 2)] if body.source.flip() else []
    for value in extra:
        value.used = True
    body.absorb()
    results = [body.stream, *extra]
    if body.kind == "model" and body.source.rarely() and known(body.stream.type, -1):
        text = f"{body.stream.text}[{body.stream.text}[:, :, 0] > 0]"
        body.line(f"selected = {text}")
        results.append(
            Value(
                "selected",
                body.stream.type.with_shape((Size.runtime("S"), body.stream.type.shape[-1])),
            )
        )
    texts = [value.text for value in results]
    body.line("return " + (", ".join(texts) if len(texts) > 1 else f"tanh({texts[0]})"))
    if body.kind != "function" and body.source.flip():
        body.init = body.source.pick(
            (
                {"linear": "xavier_uniform"},
                {
                    "linear": {"weight": {"normal": 0.02}, "bias": "zeros"},
                    "embedding": {"normal": 1.0},
                },
                {"layer_norm": "ones", "linear": {"trunc_normal": 0.02}},
                {"conv1d": "kaiming_normal", "linear": {"bias": {"constant": 0.5}}},
            )
        )
    return body, tuple(value.type for value in results)


def section(body: Body, **sections: Any) -> dict[str, Any]:
    """The parts of a definition that are not empty."""
    parts = {
        "let": {name: text for name, (text, _, _) in body.lets.items()},
        "inputs": body.inputs,
        "components": body.components,
        "init": body.init,
        "tie": body.ties,
        **sections,
    }
    return {key: value for key, value in parts.items() if value} | {"forward": body.text()}


def reusable(library: Library, kind: str, nesting: int) -> None:
    """One more block or function."""
    body, results = definition(library, kind, nesting)
    stem = library.source.pick(("Block", "Layer", "Unit") if kind == "block" else ("mix", "rotate"))
    number, name = 2, stem
    while name in body.taken or name in library.names:
        name, number = f"{stem}{number}", number + 1
    params, defaults = parameters(body)
    parts = section(body, params=params, summary=f"A {kind} drawn at random.")
    inputs = tuple(body.signature)
    if len(inputs) < len(body.inputs):
        return
    contract = Contract(name, tuple(body.settings.values()), defaults, inputs, results, body.least)
    if kind == "block":
        library.blocks[name] = parts
        library.block_contracts.append(contract)
    else:
        library.functions[name] = parts
        library.function_contracts.append(contract)


@st.composite
def specs(draw: Any, first: Callable[[Body], None] | None = None) -> RandomSpec:
    """A whole model; `first` is something its `forward` does in any case."""
    return drawn(Source(draw), first)


def drawn(source: Source, first: Callable[[Body], None] | None = None) -> RandomSpec:
    """A whole model, from the inside out."""
    library = Library(source)
    for _ in range(source.integer(0, 2)):
        reusable(library, "function", 0)
    for nesting in range(source.integer(0, 3)):
        reusable(library, "block", nesting)
    body, _ = definition(library, "model", 2, first)
    lengths = {name: least + source.integer(0, 2) for name, least in body.least.items()}
    tree: dict[str, Any] = {
        "getspec": 1,
        "model": "Drawn",
        "summary": "A model drawn at random.",
        "config": {s.name: s.value for s in body.settings.values()},
        **section(body),
        "blocks": library.blocks,
        "functions": library.functions,
        "tiny": lengths,
    }
    free = tuple(s for s in body.settings.values() if s.free)
    return RandomSpec({key: value for key, value in tree.items() if value}, free)


def plain_loop_of(body: Body) -> None:
    """A stack of equal components as the last component, and a loop over it."""
    width = known(body.stream.type, -1)
    assert width is not None
    contracts = [c for c in body.library.block_contracts if _simple(c) and _ends(c) == width]
    declared: dict[str, Any] = {"type": "layer_norm", "dim": width}
    if contracts:
        contract = body.source.pick(contracts)
        declared = {"type": contract.name, **arguments(body, contract)}
    name, item, x = body.component({**declared, "repeat": 1}), body.name(("block",)), body.stream
    body.line(f"for {item} in {name}:")
    body.line(f"  {x.text} = {item}({body.ref(x)})")


@st.composite
def overridden(draw: Any) -> tuple[RandomSpec, dict[str, Any]]:
    """A model, and other values for some of its config."""
    spec, source = draw(specs()), Source(draw)
    return spec, {s.name: s.another(source) for s in spec.free if source.flip()}


@st.composite
def reordered(draw: Any) -> tuple[RandomSpec, dict[str, Any], dict[str, Any]]:
    """A model, the same with keys in another order, and the same with components in another order."""
    spec = draw(specs())
    ordered = {"config", "let", "inputs", "params", "components", "layers", "tie"}
    shuffled = _shuffled(spec.tree, draw, ordered)
    components = spec.tree | {"components": _turned(spec.tree.get("components", {}), draw)}
    return spec, shuffled, {key: value for key, value in components.items() if value}


def _shuffled(value: Any, draw: Any, ordered: set[str], key: str = "") -> Any:
    """A tree with its keys in another order, but for mappings whose order means something."""
    if isinstance(value, list):
        return [_shuffled(item, draw, ordered) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {k: _shuffled(v, draw, ordered, k) for k, v in value.items()}
    return inner if key in ordered else _turned(inner, draw)


def _turned(value: dict[str, Any], draw: Any) -> dict[str, Any]:
    return {key: value[key] for key in draw(st.permutations(list(value)))}


# -------------------------------------------------------------------------------------------- text


def dumped(tree: dict[str, Any]) -> str:
    """The tree as YAML, with `forward` in blocks."""
    return str(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=10_000))


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: Any, value: str) -> Any:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
