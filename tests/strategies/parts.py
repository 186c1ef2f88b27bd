"""Components that return what they take, and sequentials."""

from __future__ import annotations

from typing import Any

from drawing import Body

from getspec.ops import Tensor
from strategies.contracts import arguments, ends, simple
from strategies.layers import adorn, layer
from strategies.operands import last_known

__all__ = ["call_sequential", "same_width"]


def same_width(body: Body, x: Tensor) -> dict[str, Any]:
    """A layer, or a sequential, that returns what it takes."""
    width = int(x.shape[-1])
    if body.nesting and body.source.rarely():
        return sequential(body, x, width)
    contracts = [c for c in body.library.block_contracts if simple(c) and ends(c) == width]
    if contracts and body.source.flip():
        contract = body.source.pick(contracts)
        return {"type": contract.name, **arguments(body, contract)}
    kind = body.source.pick(("linear", "layer_norm", "rms_norm", "silu", "tanh", "gelu", "dropout"))
    declared, _ = layer(body, kind, x)
    if kind == "linear":
        declared["out_features"] = body.spell(width)
        body.source.flip() and adorn(body, declared)
    return declared


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
    (x,) = last_known(body)
    declared = sequential(body, x.type)
    if body.source.rarely():
        declared["trainable"] = False
    body.named(f"{body.component(declared)}({body.ref(x)})", x.type)
