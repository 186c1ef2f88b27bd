"""Tensors that a definition owns: parameters, buffers, tied weights, a token in front, a part that nothing calls."""

from __future__ import annotations

from typing import Any

from drawing import Body, Term, Value, known, sizes

from getspec.ops import Tensor
from getspec.sizes import Size
from strategies.operands import last_known, spelled_out

__all__ = ["buffer", "joined", "parameter", "tie", "unused"]


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
    if len(shape) == 1 and body.source.rarely():
        del declared["init"]
        declared["value"] = f"linspace(-1, 1, {declared['shape'][0]})"
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
                f"linspace(0, {body.source.pick((1, 0.5, 'sqrt(2)', 'log(10)', 'float(3)'))}, {size})",
                "float32",
            )
        case 1:
            value, dtype = f"cumsum(1 - linspace(0, 1, {size}), 0)", "float32"
        case 2:
            value, dtype = f"arange({size}) * 2", "int"
        case _:
            dtype = body.source.pick(("float32", "float", "int", "bool"))
            shape = sizes(length, 2)
            declared |= {"shape": [size, 2], "init": body.source.pick(("zeros", "ones"))}
            declared |= {"dtype": dtype}
            value = None
    if value is not None:
        declared["value"] = value
    if body.source.flip():
        declared["persistent"] = False
    body.values.append(Value(body.component(declared), Tensor(dtype, shape)))


def tie(body: Body) -> None:
    """Two layers of one weight."""
    (x,) = last_known(body)
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


def joined(body: Body) -> None:
    """A token in front of the sequence: an axis of N + 1."""
    x = body.stream
    width = known(x.type, -1)
    if width is None or not spelled_out(body, x.type):
        return
    token = parameter(body, sizes(1, 1, width))
    first = body.lengths(x.type)[0]
    wide = body.call(
        "expand", token, [first, Term("1", Size.of(1)), Term(str(width), Size.of(width))]
    )
    text, type = body.applied("cat", [wide, x], dim=1)
    body.named(text, type)


def unused(body: Body) -> None:
    """A part that stays for the checkpoint's sake."""
    body.component(
        {"type": "linear", "in_features": 2, "out_features": body.width(), "doc": "kept"}
    )
