"""Scaled dot-product attention."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from getspec.ops.base import (
    Product,
    ShapeError,
    Size,
    Tensor,
    attends,
    broadcast,
    counted,
    function,
    products,
    remembers,
    require_probability,
    saves,
)
from getspec.sizes import smaller

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


@function(
    "sdpa",
    reference="arXiv:1706.03762, equation 1 (torch.nn.functional.scaled_dot_product_attention)",
)
def sdpa(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: float = 0.0,
    window: Size | None = None,
) -> Tensor:
    """softmax(scale q k^T + mask) v over [B, H, N, K]; fewer key heads than query heads are shared (arXiv:2305.13245).

    `scale` is 1/sqrt(K) unless given. A bool `mask` hides where it is False, a float one is added to the scores.
    `dropout` is the probability that a weight of the average is dropped in training. In a `window`, causal attention sees
    that many places, its own the last of them (arXiv:2004.05150).
    """
    require_probability(dropout, "dropout")
    for name, x in (("q", q), ("k", k), ("v", v)):
        if x.rank != 4:
            raise ShapeError(f"{name} wants axes [B, H, N, K], this is {x}", argument=name)
        if x.dtype != "float":
            raise ShapeError(
                f"{name} wants the model's float, this is {x}",
                argument=name,
                help=f"cast({name}, float)",
            )
    if q.shape[0] != k.shape[0] or k.shape[:3] != v.shape[:3]:
        raise ShapeError(f"batch, heads and length disagree: q {q}, k {k}, v {v}")
    if q.shape[3] != k.shape[3]:
        raise ShapeError(f"q has head_dim {q.shape[3]} and k has {k.shape[3]}", argument="k")
    _check_heads(q.shape[1], k.shape[1])
    if mask is not None:
        _check_mask(mask, (q.shape[0], q.shape[1], q.shape[2], k.shape[2]), causal)
    if window is not None:
        _check_window(window, causal)
    return q.with_shape((*q.shape[:3], v.shape[3]))


@products("sdpa")
def _sdpa_products(
    q: Tensor, k: Tensor, v: Tensor, causal: bool = False, **_: object
) -> tuple[Product, ...]:
    """Scores and their average over values; a causal mask hides half and saves nothing here."""
    scores = q.shape[0] * q.shape[1] * q.shape[2] * k.shape[2]
    return (
        Product(2 * scores * q.shape[3], (("q",), ("k",)), causal),
        Product(2 * scores * v.shape[3], (("q", "k"), ("v",)), causal),
    )


@counted("sdpa")
def _sdpa_counted(tool: str, q: Tensor, k: Tensor, v: Tensor, **_: object) -> Size | None:
    """fvcore 0.1.5 has no rule for fused attention."""
    return Size.of(0) if tool == "fvcore" else None


@attends("sdpa")
def _sdpa_attends(q: Tensor, k: Tensor, v: Tensor, **_: object) -> tuple[Size, Size]:
    width = q.shape[1] * q.shape[3]
    return width, width * q.shape[0] * q.shape[2] * k.shape[2]


@remembers("sdpa")
def _sdpa_remembers(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    causal: bool = False,
    window: Size | None = None,
    **_: object,
) -> tuple[Size, Size]:
    """The key and the value of a token, once for all queries that share them; the tokens that any row still sees."""
    if not causal:
        return Size.of(0), Size.of(0)
    length = k.shape[2] if window is None else smaller(k.shape[2], window)
    return k.shape[1] * (k.shape[3] + v.shape[3]), k.shape[0] * length


def _check_heads(query: Size, key: Size) -> None:
    if not query.is_multiple_of(key) and query != key:
        raise ShapeError(f"{key} key heads do not divide {query} query heads", argument="k")


def _check_mask(mask: Tensor, scores: tuple[Size, ...], causal: bool) -> None:
    if causal:
        raise ShapeError("give either a mask or causal=True", argument="causal")
    if mask.dtype not in ("float", "bool"):
        raise ShapeError(f"the mask is bool or the model's float, this is {mask}", argument="mask")
    if broadcast(mask, Tensor("float", scores)) != scores:
        raise ShapeError(f"the mask {mask} does not broadcast to the scores", argument="mask")


def _check_window(window: Size, causal: bool) -> None:
    if not causal:
        message = "a window is of causal attention"
        raise ShapeError(message, argument="window", help="causal=True, or a mask without a window")
    if window.is_below(1):
        raise ShapeError(f"a window of {window} sees nothing", argument="window")


@saves("sdpa")
def _sdpa_saves(
    tape: Tape,
    out: Tensor,
    q: Held,
    k: Held,
    v: Held,
    mask: Held | None = None,
    causal: bool = False,
    scale: object = None,
    dropout: object = 0.0,
    window: Size | None = None,
) -> Held:
    """Fused: inputs, output and the logarithm of each row's sum. Eager: scaled q and k, and all weights."""
    if causal:
        token = k.shape[1] * (k.shape[3] + v.shape[3]) * tape.policy.bytes_of(k.type.dtype)
        tape.note("keys", token)
        length = k.shape[2] if window is None else smaller(k.shape[2], window)
        tape.note("cache", token * k.shape[0] * length)
    elif mask is not None and q.shape[2] == k.shape[2] and mask.shape[-2:-1] == (q.shape[2],):
        tape.note("masked", Size.of(1))
    if window is not None:
        mask = tape.new(Tensor("bool", (q.shape[2], k.shape[2])))
    if mask is not None and mask.type.dtype == "bool":
        mask = tape.new(mask.type.with_dtype("float"))
    grad = q.grad or k.grad or v.grad or (mask is not None and mask.grad)
    if tape.policy.attention == "eager" or _falls_back(q, k, v, mask, dropout):
        return _eager(tape, q, k, v, mask, dropout)
    made = replace(tape.pointwise(out, q), grad=grad)
    if grad:
        tape.save(q, k, v, made, tape.new(Tensor("float32", q.shape[:3])))
        tape.save(*([] if mask is None else [mask]))
    return made


def _falls_back(q: Held, k: Held, v: Held, mask: Held | None, dropout: object) -> bool:
    """Whether the fused kernel of the CPU refuses."""
    rows = any(x.strides[3] != 1 for x in (q, k, v))
    shape = mask is not None and (mask.grad or mask.type.rank not in (2, 4))
    return dropout != 0 or q.shape[3] != v.shape[3] or shape or rows


def _eager(tape: Tape, q: Held, k: Held, v: Held, mask: Held | None, dropout: object) -> Held:
    """Step by step; in float32, whatever the model's own float is."""
    out = q.type.with_shape((*q.shape[:3], v.shape[3]))
    q, k, v = (tape.widened(x) for x in (q, k, v))
    if q.shape[1] != k.shape[1]:
        k, v = (tape.new(_heads(x.type, q.shape[1]), x.grad) for x in (k, v))
    scores = tape.matmul(tape.scaled(q), tape.transpose(tape.scaled(k), 2, 3))
    if mask is not None:
        scores = tape.pointwise(scores.type, scores, mask)
    weights = tape.new(scores.type, scores.grad)
    if weights.grad:
        tape.save(weights, what="attention")
    if dropout != 0:
        keep = tape.new(scores.type)
        if weights.grad:
            tape.save(keep, what="attention")
        weights = tape.times(scores.type, weights, keep)
    if v.grad:
        tape.save(weights, what="attention")
    return tape.narrowed(out, tape.matmul(weights, v))


def _heads(type: Tensor, number: Size) -> Tensor:
    """The type of keys or values once each query head has its own."""
    return type.with_shape((type.shape[0], number, *type.shape[2:]))
