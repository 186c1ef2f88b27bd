"""How each function op is drawn: operands that fit, and its other arguments.

A new function op needs an entry in `FUNCTION_RECIPES`; a test holds the table against the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drawing import Body, Term, Value, divisors, known, sizes, spelled

from getspec.ops import FUNCTIONS, ShapeError, Tensor
from getspec.sizes import Size
from strategies.operands import image, integers, long_image, shaped, spelled_out, swapped, window
from strategies.weights import parameter

__all__ = ["FUNCTION_RECIPES"]


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
            if body.source.flip():
                length = body.source.integer(1, 4)
                more["window"] = Term(str(body.spell(length)), Size.of(length))
        case 1:
            more["mask"] = scores
        case 2:
            more["mask"] = body.named(f"{body.ref(scores)} > 0", scores.type.with_dtype("bool"))
    if body.source.flip():
        more["scale"] = body.source.real()
    if body.source.rarely():
        more["dropout"] = Term(str(body.rate()), 0.1)
    body.call("sdpa", q, k, k, **more)


def _scores(q: Tensor) -> Tensor:
    return q.with_shape((*q.shape[:3], q.shape[2]))


def _joined(op: str) -> Callable[[Body], None]:
    def recipe(body: Body) -> None:
        x = body.floats(rank=1)
        same = body.having(lambda type: type.shape == x.type.shape, x.type.dtype)
        parts = [x, *(body.source.pick(same) for _ in range(body.source.integer(0, 2)))]
        body.call(op, tuple(parts) if body.source.rarely() else parts, dim=body.axis(x.type))

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
        kernel, stride, padding = window(body)
        more = {"padding": padding} if padding else {}
        body.call(op, *operand(body), kernel, stride, **more)

    return recipe


def _channels_of(body: Body) -> tuple[Value]:
    return (body.call("transpose", body.stream, 1, 2),)


def _interpolate(body: Body) -> None:
    (x,) = long_image(body) if body.source.flip() else _channels_of(body)
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
    (ids,) = integers(body)
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
    if not spelled_out(body, x.type):
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
    "avg_pool1d": _pooling("avg_pool1d", swapped),
    "avg_pool2d": _pooling("avg_pool2d", image),
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
    "max_pool1d": _pooling("max_pool1d", swapped),
    "max_pool2d": _pooling("max_pool2d", image),
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
