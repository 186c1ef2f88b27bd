"""How each layer is drawn: what it is applied to, and its fields.

A new layer needs an entry in `LAYER_RECIPES`; a test holds the table against the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drawing import Body, Value, divisors

from getspec.ops import LAYERS, Tensor
from getspec.sizes import Size
from strategies.operands import (
    image,
    integers,
    last_known,
    long,
    long_image,
    some_float,
    swapped,
    window,
)

__all__ = ["LAYER_RECIPES", "adorn", "call_layer", "layer"]


@dataclass(frozen=True)
class LayerRecipe:
    """How a layer is drawn: operands that it can take, and fields as (how it is written, what it is)."""

    operands: Callable[[Body], tuple[Value, ...]]
    fields: Callable[..., dict[str, tuple[Any, Any]]]


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


def _embedding(body: Body, ids: Tensor, below: int = 8) -> dict[str, tuple[Any, Any]]:
    return _given(num_embeddings=_number(body, below), embedding_dim=_out(body))


def _no_fields(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    return {}


def _batch_norm(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    return _given(
        num_features=_number(body, int(x.shape[1])),
        eps=_real(body),
        momentum=_real(body),
        affine=_flag(body),
    )


def _pool(body: Body, x: Tensor) -> dict[str, tuple[Any, Any]]:
    kernel, stride, padding = window(body)
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


NONLINEAR = LayerRecipe(some_float, _no_fields)


LAYER_RECIPES: dict[str, LayerRecipe] = {
    "avg_pool1d": LayerRecipe(swapped, _pool),
    "avg_pool2d": LayerRecipe(image, _pool),
    "batch_norm1d": LayerRecipe(long, _batch_norm),
    "batch_norm2d": LayerRecipe(long_image, _batch_norm),
    "conv1d": LayerRecipe(swapped, _conv),
    "conv2d": LayerRecipe(image, _conv),
    "dropout": LayerRecipe(some_float, _dropout),
    "embedding": LayerRecipe(integers, _embedding),
    "gelu": LayerRecipe(some_float, _gelu),
    "group_norm": LayerRecipe(long, _group_norm),
    "layer_norm": LayerRecipe(last_known, _norm("affine", "bias")),
    "linear": LayerRecipe(last_known, _linear),
    "max_pool1d": LayerRecipe(swapped, _pool),
    "max_pool2d": LayerRecipe(image, _pool),
    "relu": NONLINEAR,
    "rms_norm": LayerRecipe(last_known, _norm("affine")),
    "sigmoid": NONLINEAR,
    "silu": NONLINEAR,
    "softplus": NONLINEAR,
    "tanh": NONLINEAR,
    "transposed_linear": LayerRecipe(last_known, _transposed_linear),
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
            (
                "zeros",
                "xavier_uniform",
                {"normal": 0.02},
                {"weight": "ones"},
                "kaiming_normal",
                "kaiming_uniform",
                "default",
            )
        )
