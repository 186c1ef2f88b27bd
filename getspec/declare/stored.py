"""Parameters and buffers that a definition holds itself, outside any layer."""

from __future__ import annotations

from typing import Any

from getspec.declare.declarations import BufferDecl, ParameterDecl
from getspec.declare.keys import are_known, shown
from getspec.declare.place import Place
from getspec.declare.schemes import read_init
from getspec.ir import Init
from getspec.ops.base import DTYPES
from getspec.syntax import Expression

__all__ = ["read_buffer", "read_parameter"]


def read_parameter(
    place: Place, data: dict[str, Any], shared: dict[str, Any]
) -> ParameterDecl | None:
    """A parameter starts by a scheme, or at a value that is worked out, as a table of sinusoids does."""
    if not are_known(place, data, ("shape", "value"), "a parameter"):
        return None
    needed = {"shape": "shape: [dim]"} | ({} if "value" in data else {"init": "init: zeros"})
    missing = next((key for key in needed if key not in data), None)
    if missing is not None:
        message = f"parameter `{shared['name']}` needs `{missing}`"
        place.error("GS102", message, place.key(), f"add `{needed[missing]}`")
        return None
    shape = _shape(place, data["shape"])
    value = _value(place, data, shared["name"]) if "value" in data else None
    init = _scheme(place, data["init"]) if value is None else Init("default")
    if shape is None or init is None:
        return None
    return ParameterDecl(**shared, shape=shape, init=init, value=value)


def _value(place: Place, data: dict[str, Any], name: str) -> Expression:
    if "init" in data:
        message = f"`{name}` has both a `value` and an `init`"
        place.error("GS306", message, place.key("init"), "keep one of them")
    return place.expression(data["value"], "value")


def _scheme(place: Place, written: Any) -> Init | None:
    init = read_init(place.inside("init"), written)
    if init is not None and init.scheme == "default":
        message = "a parameter has no default to start from"
        place.error("GS306", message, place.value("init"), "init: zeros")
        return None
    return init


def read_buffer(place: Place, data: dict[str, Any], shared: dict[str, Any]) -> BufferDecl | None:
    """A buffer has a value, or like a parameter a shape and a scheme."""
    if not are_known(place, data, ("shape", "dtype", "persistent", "value"), "a buffer"):
        return None
    shape = _shape(place, data["shape"]) if "shape" in data else None
    value = place.expression(data["value"], "value") if "value" in data else None
    init = read_init(place.inside("init"), data["init"]) if "init" in data else None
    if value is None and (shape is None or init is None):
        message = f"buffer `{shared['name']}` needs a `value`, or a `shape` and an `init`"
        place.error("GS102", message, place.key(), "value: linspace(0, 1, n)")
        return None
    dtype = data.get("dtype", "float32")
    if dtype not in DTYPES:
        message = f"`dtype` is one of {', '.join(DTYPES)}, this is {shown(dtype)}"
        place.error("GS103", message, place.value("dtype"))
        return None
    persistent = data.get("persistent", True) is not False
    return BufferDecl(
        **shared, shape=shape, dtype=dtype, persistent=persistent, value=value, init=init
    )


def _shape(place: Place, dims: Any) -> tuple[Expression, ...] | None:
    if not isinstance(dims, list):
        message = f"`shape` is a list of sizes, this is {shown(dims)}"
        place.error("GS103", message, place.value("shape"), "shape: [1, dim]")
        return None
    for at, dim in enumerate(dims):
        if isinstance(dim, dict | list | None):
            message = f"an axis is an integer or an expression, this is {shown(dim)}"
            place.error("GS103", message, place.value("shape", at))
            return None
    return tuple(place.expression(dim, "shape", at) for at, dim in enumerate(dims))
