"""What callers of a model see, compared: inputs and outputs, whatever their run-time sizes are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from getspec import ir
from getspec.ops.base import Tensor
from getspec.passes.align import merged
from getspec.passes.changes import INTERFACE, Change
from getspec.sizes import Size

__all__ = ["Sizes", "interface", "size_names"]


Sizes = Mapping[str, Size]
"""Run-time sizes of one side, under names that both sides have."""


def interface(a: ir.Forward | None, b: ir.Forward | None) -> Iterator[Change]:
    """Inputs and outputs: names and types, whatever run-time sizes are called."""
    sizes = size_names(a, b)
    first, second = _taken(a, sizes[0]), _taken(b, sizes[1])
    for name in merged(list(first), list(second)):
        before, after = first.get(name), second.get(name)
        if (before and before[0]) != (after and after[0]):
            kind = "added" if before is None else "removed" if after is None else "changed"
            words = before and before[1], after and after[1]
            yield Change(f"inputs.{name}", kind, *words, 1, 0, 0, INTERFACE)
    if set(first) == set(second) and list(first) != list(second):
        yield Change("inputs", "changed", ", ".join(first), ", ".join(second), 1, 0, 0, INTERFACE)
    if a and b:
        (one, before_words), (other, after_words) = _returned(a, sizes[0]), _returned(b, sizes[1])
        if one != other:
            yield Change("outputs", "changed", before_words, after_words, 1, 0, 0, INTERFACE)


def size_names(a: ir.Forward | None, b: ir.Forward | None) -> tuple[Sizes, Sizes]:
    """One name for what stands at one place of an input that both have; the rest is taken in order."""
    first, second = _symbols(a), _symbols(b)
    found: tuple[dict[str, Size], dict[str, Size]] = ({}, {})

    def pair(symbols: Iterable[tuple[str, str]]) -> None:
        for one, other in symbols:
            if one not in found[0] and other not in found[1]:
                found[0][one] = found[1][other] = Size.runtime(f"size{len(found[0]) + 1}")

    pair((first[place], second[place]) for place in sorted(first.keys() & second.keys()))
    rest = [
        [symbol for symbol in dict.fromkeys(symbols.values()) if symbol not in known]
        for symbols, known in zip((first, second), found, strict=True)
    ]
    pair(zip(*rest, strict=False))
    for side, known, symbols in zip("ab", found, rest, strict=True):
        for symbol in symbols:
            known.setdefault(symbol, Size.runtime(f"{side}.{symbol}"))
    return found


def _symbols(forward: ir.Forward | None) -> dict[tuple[str, int, int, int], str]:
    """Run-time sizes by where inputs have them: input, tensor, axis, and which of its sizes."""
    return {
        (declared.name, at, axis, n): symbol
        for declared in (forward.inputs if forward else ())
        for at, tensor in enumerate(declared.tensors)
        for axis, length in enumerate(tensor.shape)
        for n, symbol in enumerate(sorted(length.value.symbols()))
    }


def _taken(forward: ir.Forward | None, sizes: Sizes) -> dict[str, tuple[str, str]]:
    """For each input, its type to compare and its type to read."""
    return {
        declared.name: (_type_words(declared.type, sizes), _type_words(declared.type, {}))
        for declared in (forward.inputs if forward else ())
    }


def _returned(forward: ir.Forward, sizes: Sizes) -> tuple[str, str]:
    """What comes out, to compare and to read."""
    values = forward.result if isinstance(forward.result, tuple) else (forward.result,)
    names = forward.names if len(forward.names) == len(values) else [""] * len(values)
    one, other = (
        ", ".join(f"{n} {_type_words(v, s)}".strip() for n, v in zip(names, values, strict=True))
        for s in (sizes, {})
    )
    return one, other


def _type_words(type: Any, sizes: Mapping[str, Size]) -> str:
    if isinstance(type, tuple):
        return f"[{', '.join(_type_words(item, sizes) for item in type)}]"
    if not isinstance(type, Tensor):
        return str(type)
    axes = ", ".join(str(length.substitute(sizes).value) for length in type.shape)
    return f"{type.dtype}[{axes}]"
