"""What callers of a model see, compared: inputs and outputs, whatever their run-time sizes are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from getspec import ir
from getspec.ops.base import Tensor
from getspec.passes.align import merged
from getspec.passes.changes import INTERFACE, Change
from getspec.sizes import Size

__all__ = ["interface", "size_names"]


def interface(a: ir.Forward | None, b: ir.Forward | None) -> Iterator[Change]:
    """Inputs and outputs: names and types, whatever run-time sizes are called."""
    first, second = _taken(a), _taken(b)
    for name in merged(list(first), list(second)):
        before, after = first.get(name), second.get(name)
        if (before and before[0]) != (after and after[0]):
            kind = "added" if before is None else "removed" if after is None else "changed"
            words = before and before[1], after and after[1]
            yield Change(f"inputs.{name}", kind, *words, 1, 0, 0, INTERFACE)
    if set(first) == set(second) and list(first) != list(second):
        yield Change("inputs", "changed", ", ".join(first), ", ".join(second), 1, 0, 0, INTERFACE)
    if a and b:
        (one, before_words), (other, after_words) = _returned(a), _returned(b)
        if one != other:
            yield Change("outputs", "changed", before_words, after_words, 1, 0, 0, INTERFACE)


def size_names(forward: ir.Forward | None) -> dict[str, Size]:
    """Run-time sizes by the order in which inputs have them, so that their names do not matter."""
    found: dict[str, Size] = {}
    for declared in forward.inputs if forward else ():
        for tensor in declared.tensors:
            for length in tensor.shape:
                for symbol in sorted(length.value.symbols()):
                    found.setdefault(symbol, Size.runtime(f"size{len(found) + 1}"))
    return found


def _taken(forward: ir.Forward | None) -> dict[str, tuple[str, str]]:
    """For each input, its type to compare and its type to read."""
    sizes = size_names(forward)
    return {
        declared.name: (_type_words(declared.type, sizes), _type_words(declared.type, {}))
        for declared in (forward.inputs if forward else ())
    }


def _returned(forward: ir.Forward) -> tuple[str, str]:
    """What comes out, to compare and to read."""
    values = forward.result if isinstance(forward.result, tuple) else (forward.result,)
    names = forward.names if len(forward.names) == len(values) else [""] * len(values)
    one, other = (
        ", ".join(f"{n} {_type_words(v, s)}".strip() for n, v in zip(names, values, strict=True))
        for s in (size_names(forward), {})
    )
    return one, other


def _type_words(type: Any, sizes: Mapping[str, Size]) -> str:
    if isinstance(type, tuple):
        return f"[{', '.join(_type_words(item, sizes) for item in type)}]"
    if not isinstance(type, Tensor):
        return str(type)
    axes = ", ".join(str(length.substitute(sizes).value) for length in type.shape)
    return f"{type.dtype}[{axes}]"
