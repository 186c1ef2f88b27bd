"""What a model costs, as a table: rows are those of the parameter count, so both can be read side by side.

Every figure is exact. Where a run-time size is not given, a figure is the polynomial in it; where all are, an integer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from getspec.emit.text import table as aligned
from getspec.ops.base import Tensor
from getspec.passes.cost import Cost, Work
from getspec.passes.count import Count, Row
from getspec.sizes import Poly, Size, constant

__all__ = ["CostTable", "markdown", "quantity", "table", "text"]

NOTE = (
    "FLOPs: 2 per multiply-add, matrix products only, causal attention in full; MACs: half of that"
)


@dataclass(frozen=True)
class CostRow:
    """A module: what it returns, holds and does, with everything below it and all its copies."""

    path: str
    type: str
    repeat: int
    depth: int
    shape: str
    params: int
    forward: Poly
    backward: Poly


@dataclass(frozen=True)
class CostTable:
    """The rows of a model, and the whole."""

    model: str
    spec: str
    sizes: Mapping[str, int]
    rows: tuple[CostRow, ...]
    params: int
    forward: Poly
    backward: Poly

    def as_json(self) -> dict[str, Any]:
        """Integers where all run-time sizes are given, polynomials in words where not."""
        return {
            "schema_version": 1,
            "model": self.model,
            "spec": self.spec,
            "shape": dict(self.sizes),
            "convention": NOTE,
            "params": self.params,
            **_flops(self.forward, self.backward),
            "modules": [
                {
                    "path": row.path,
                    "type": row.type,
                    "repeat": row.repeat,
                    "output": row.shape,
                    "params": row.params,
                    **_flops(row.forward, row.backward),
                }
                for row in self.rows
            ],
        }


def _flops(forward: Poly, backward: Poly) -> dict[str, Any]:
    macs = forward.divide_exactly(constant(2))
    named = {"forward_flops": forward, "forward_macs": macs, "backward_flops": backward}
    return {key: _number(poly) for key, poly in named.items()}


def _number(poly: Poly) -> int | str:
    return str(poly) if poly.constant is None else poly.constant


def table(count: Count, cost: Cost, sizes: Mapping[str, int]) -> CostTable:
    """The cost of a model at some run-time sizes."""
    values = {name: constant(number) for name, number in sizes.items()}

    def at(work: Work) -> tuple[Poly, Poly]:
        return work.forward.value.substitute(values), work.backward.value.substitute(values)

    rows = []
    for row in count.rows:
        shape = _shape(cost.shapes.get(row.path), values)
        forward, backward = at(cost.below(row.path))
        rows.append(_cost_row(row, shape, forward, backward))
    forward, backward = at(cost.total)
    return CostTable(count.model, count.spec, sizes, tuple(rows), count.total, forward, backward)


def _cost_row(row: Row, shape: str, forward: Poly, backward: Poly) -> CostRow:
    return CostRow(row.path, row.type, row.repeat, row.depth, shape, row.params, forward, backward)


def _shape(type: Any, values: Mapping[str, Poly]) -> str:
    if not isinstance(type, Tensor):
        return ""
    axes = [_axis(length, values) for length in type.shape]
    return f"({', '.join(axes)})"


def _axis(length: Size, values: Mapping[str, Poly]) -> str:
    return str(length.value.substitute(values))


def quantity(poly: Poly) -> str:
    """`123.4 G`, or the polynomial where a size is open."""
    number = poly.constant
    if number is None:
        return str(poly)
    for unit, scale in (("P", 10**15), ("T", 10**12), ("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if number >= scale:
            return f"{number / scale:.4g} {unit}"
    return str(number)


HEAD = ("", "type", "repeat", "output", "params", "forward FLOPs", "MACs", "backward FLOPs")


def _cells(found: CostTable, depth: int | None) -> list[tuple[str, ...]]:
    cells = []
    for row in found.rows:
        if depth is not None and row.depth >= depth:
            continue
        macs = row.forward.divide_exactly(constant(2))
        cells.append(
            (
                f"{'  ' * row.depth}{_name(row.path)}",
                row.type,
                f"x{row.repeat}" if row.repeat > 1 else "",
                row.shape,
                f"{row.params:,}",
                quantity(row.forward),
                quantity(macs),
                quantity(row.backward),
            )
        )
    macs = found.forward.divide_exactly(constant(2))
    work = (quantity(found.forward), quantity(macs), quantity(found.backward))
    return [*cells, ("total", "", "", "", f"{found.params:,}", *work)]


def _name(path: str) -> str:
    parts = path.split(".")
    at = len(parts) - 1
    while at > 0 and (parts[at] == "*" or parts[at].replace("-", "").isdigit()):
        at -= 1
    return ".".join(parts[at:])


def text(found: CostTable, depth: int | None = None) -> str:
    """The table for a terminal."""
    sizes = ", ".join(f"{name} = {number}" for name, number in found.sizes.items())
    title = f"{found.model}  at {sizes}" if sizes else found.model
    lines = [title, "", *aligned([HEAD, *_cells(found, depth)], "<<><>>>>"), ""]
    if found.forward.constant is not None and found.backward.constant is not None:
        both = found.forward.constant + found.backward.constant
        lines.append(f"forward   {found.forward.constant:,} FLOPs")
        lines.append(f"training  {both:,} FLOPs a step")
    return "\n".join([*lines, NOTE])


def markdown(found: CostTable, depth: int | None = None) -> str:
    """The table as people paste it."""
    rows = [_escaped(row) for row in _cells(found, depth)]
    head = ("module", *HEAD[1:])
    rule = ("---", "---", "---:", "---", "---:", "---:", "---:", "---:")
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows)) + f"\n\n{NOTE}."


def _escaped(row: Sequence[str]) -> tuple[str, ...]:
    first = row[0].lstrip()
    indent = "&nbsp;&nbsp;" * ((len(row[0]) - len(first)) // 2)
    cells = (indent + first, *row[1:])
    return tuple(cell.replace("*", r"\*").replace("_", r"\_").replace("|", r"\|") for cell in cells)
