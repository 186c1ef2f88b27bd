"""Types of tensors as they are written, `float[B, N, dim]`: a dtype, and an expression for each axis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from getspec.declare.declarations import TensorDecl
from getspec.declare.names import check_name
from getspec.declare.place import Place
from getspec.errors import Fix, escape, nearest
from getspec.ops.base import DTYPES
from getspec.record import replaced
from getspec.syntax import Expression

if TYPE_CHECKING:
    from getspec.spec import Input, Output

__all__ = ["read_tensor"]

TYPE = re.compile(r"\s*([a-z0-9]+)\s*(\[(.*)\])?\s*", re.DOTALL)


def read_tensor(place: Place, name: str, written: Input | Output) -> TensorDecl | None:
    """An input or output: its type alone, or a mapping that says more. What is only said of inputs is None of an output."""
    check_name(name, place.key, place.problems)
    at = place if place.mark("type") is None else place.inside("type")
    match = TYPE.fullmatch(written.type)
    if match is None or match[1] not in DTYPES:
        _refuse(at, written.type, match and match[1])
        return None
    dims = _dims(at, match[3] or "", match.start(3))
    if dims is None:
        return None
    declared = TensorDecl(name, match[1], dims, None, written.doc, at.value())
    return _as_input(place, declared, written)


def _as_input(place: Place, declared: TensorDecl, written: Input | Output) -> TensorDecl:
    """With what is said of inputs alone: their values, and how many there are."""
    below, repeat, index, selects = (
        getattr(written, key, None) for key in ("below", "repeat", "index", "selects")
    )
    if index is not None:
        check_name(index, lambda: place.value("index"), place.problems)
    if selects is not None and declared.dtype != "bool":
        message = "`selects` counts the True values of a bool"
        place.error("GS103", message, place.key("selects"))
    return replaced(
        declared,
        below=_optional(place, below, "below"),
        repeat=_optional(place, repeat, "repeat"),
        index=index,
        selects=_optional(place, selects, "selects"),
    )


def _refuse(at: Place, written: str, dtype: str | None) -> None:
    word = dtype and nearest(dtype, DTYPES)
    help = f"write `float[B, N, dim]`; dtypes: {', '.join(DTYPES)}"
    place = at.value()
    if word and dtype:
        help = Fix(f"did you mean `{word}[...]`?", word)
        start = written.index(dtype)
        place = at.document.text_span(at.path, 1, start, len(dtype))
    at.error("GS103", f"`{escape(written)}` is not a tensor type", place, help)


def _optional(place: Place, value: Any, key: str) -> Expression | None:
    return place.attempt(lambda: place.optional(value, key))


def _dims(at: Place, text: str, start: int) -> tuple[Expression, ...] | None:
    """The axes between the brackets, the first of which begins at `start`."""
    dims = []
    for part in _between_commas(text):
        lead = len(part) - len(part.lstrip())
        dim = at.attempt(partial(at.parsed, at.text(part.strip(), start + lead)))
        if dim is None:
            return None
        dims.append(dim)
        start += len(part) + 1
    return tuple(dims)


def _between_commas(text: str) -> Iterator[str]:
    """Parts between the commas that stand in no bracket; blank text has none."""
    depth = begin = 0
    for end, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            yield text[begin:end]
            begin = end + 1
    if begin or text.strip():
        yield text[begin:]
