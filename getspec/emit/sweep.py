"""Configurations as tables: aligned text, CSV, JSON; and what was skipped, with the reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from getspec.emit.text import table
from getspec.passes.sweep import Sweep
from getspec.search import Search

if TYPE_CHECKING:
    from getspec.terminal import Look

__all__ = ["comma_separated", "document", "off_by", "skips", "summary", "text"]


def text(columns: Sequence[str], rows: Sequence[Sequence[Any]], look: Look | None = None) -> str:
    """Rows with digits grouped; nothing but the head where there is none."""
    cells = [tuple(columns), *(tuple(map(_cell, row)) for row in rows)]
    return _lines(cells, look)


def _lines(cells: Sequence[Sequence[str]], look: Look | None) -> str:
    align = ">" * len(cells[0])
    return "\n".join(table(cells, align) if look is None else look.table(cells, align, head=True))


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def comma_separated(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """CSV, with a head line where columns are named."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    if columns:
        writer.writerow(columns)
    writer.writerows(rows)
    return page.getvalue()


def off_by(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    of: str,
    target: int,
    look: Look | None = None,
) -> str:
    """Rows, each with how far it is from the target."""
    at = columns.index(of)
    cells = [
        (*map(_cell, row), f"{row[at] - target:+,}", f"{100 * (row[at] - target) / target:+.2f} %")
        for row in rows
    ]
    return _lines([(*columns, "off by", ""), *cells], look)


def document(search: Search, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The document of `sweep --json` and `solve --json`."""
    return {
        "schema_version": 1,
        "model": search.spec.name,
        "spec": search.spec.model.file,
        "shape": dict(search.shape),
        "configurations": search.size,
        "skipped": skips(search),
        "columns": list(search.columns),
        "rows": [list(row) for row in rows],
    }


def summary(search: Search, kept: int) -> str:
    """How many there were, how many are listed, and why others are not."""
    lines = [f"{search.size:,} configurations, {kept:,} listed"]
    if "flops" in search.columns and search.shape:
        sizes = ", ".join(f"{name} = {number:,}" for name, number in search.shape.items())
        lines[0] += f"; FLOPs forward at {sizes}"
    found = skips(search).items()
    lines += [f"  {number:,} skipped: {reason}" for reason, number in found]
    return "\n".join(lines)


def skips(search: Search) -> dict[str, int]:
    """How many configurations were left out, and why."""
    found: dict[str, int] = {}
    if search.refused:
        found["the spec does not allow the choice"] = search.refused
    for each in search.sweeps:
        for reason, number in zip(_reasons(each), each.skipped, strict=True):
            if number:
                found[reason] = found.get(reason, 0) + number
    return found


def _reasons(sweep: Sweep) -> Iterator[str]:
    yield from (str(each.opposite()) for each in sweep.skips)
    yield "a number cannot be worked out"
