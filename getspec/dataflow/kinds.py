"""Whether a value fits an argument of an op: the kinds are the annotations of the op's own rule, `Tensor | float`.

Numbers are the one thing converted: beside tensors they are tensors without axes, as in PyTorch, and an integer is also
a float. A value that varies along a repeat is a float too, because no shape can depend on a float.
"""

from __future__ import annotations

from typing import Any

from getspec.ir import Varying
from getspec.ops.base import Tensor
from getspec.sizes import Size

__all__ = ["Misfit", "fitted", "kind_in_words"]

_NO = object()
_TYPES: dict[str, type] = {"Size": Size, "str": str, "bool": bool, "None": type(None)}
_WORDS = {
    "Tensor": "a tensor",
    "Size": "a size",
    "int": "an integer known before run time",
    "float": "a number",
    "str": "a word in quotes",
    "bool": "True or False",
    "tuple[Size, ...]": "a list of sizes",
    "tuple[int, ...]": "a list of integers",
    "tuple[Tensor, ...]": "a list of tensors",
}


class Misfit(Exception):
    """A value is of none of the kinds that are wanted."""


def fitted(kinds: str, value: Any, tensors: list[Tensor]) -> Any:
    """A value as an argument of one of these kinds, beside these tensors."""
    for kind in kinds.split(" | "):
        fit = _fit(kind, value, tensors)
        if fit is not _NO:
            return fit
    raise Misfit


def kind_in_words(kinds: str) -> str:
    return _WORDS.get(kinds.split(" | ")[0], kinds)


def _fit(kind: str, value: Any, tensors: list[Tensor]) -> Any:
    match kind:
        case "Tensor":
            return _tensor(value, tensors)
        case "int":
            return int(value) if _is_known(value) else _NO
        case "float":
            return _float(value)
        case "DType":
            return value
        case "tuple[Size, ...]" | "tuple[int, ...]" | "tuple[Tensor, ...]":
            return _list(kind.removeprefix("tuple[").removesuffix(", ...]"), value)
    return value if isinstance(value, _TYPES[kind]) else _NO


def _is_known(value: Any) -> bool:
    return isinstance(value, Size) and value.known is not None


def _float(value: Any) -> Any:
    if isinstance(value, Varying):
        return 0.0
    if _is_known(value):
        return float(int(value))
    return value if isinstance(value, float) else _NO


def _list(kind: str, value: Any) -> Any:
    if not isinstance(value, tuple):
        return _NO
    items = tuple(_fit(kind, item, []) for item in value)
    return _NO if any(item is _NO for item in items) else items


def _tensor(value: Any, tensors: list[Tensor]) -> Any:
    if isinstance(value, Tensor):
        return value
    return _scalar(value, tensors) if isinstance(value, float | Size) and tensors else _NO


def _scalar(value: float | Size, tensors: list[Tensor]) -> Tensor:
    """A number among tensors takes their dtype, except that a float among integers is float32."""
    dtypes = {tensor.dtype for tensor in tensors}
    if isinstance(value, float):
        wide = "float32" if "float32" in dtypes or "float" not in dtypes else "float"
        return Tensor(wide, ())
    for dtype in ("float32", "float"):
        if dtype in dtypes:
            return Tensor(dtype, ())
    return Tensor("int", ())
