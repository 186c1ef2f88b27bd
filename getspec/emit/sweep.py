"""Configurations as tables: aligned text, CSV, JSON; and what was skipped, with the reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from getspec.emit.text import table
from getspec.passes.sweep import Sweep

__all__ = ["comma_separated", "document", "skips", "text"]


def text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows with digits grouped; nothing but the head where there is none."""
    cells = [tuple(columns), *(tuple(map(_cell, row)) for row in rows)]
    return "\n".join(table(cells, ">" * len(columns)))


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def comma_separated(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """CSV with one head line."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return page.getvalue()


def document(
    model: str,
    spec: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    tried: int,
    skipped: dict[str, int],
) -> dict[str, Any]:
    """The document of `sweep --json` and `solve --json`."""
    return {
        "schema_version": 1,
        "model": model,
        "spec": spec,
        "configurations": tried,
        "skipped": skipped,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
    }


def skips(sweeps: Sequence[Sweep]) -> dict[str, int]:
    """How many configurations were left out, by the condition that they break."""
    found: dict[str, int] = {}
    for each in sweeps:
        for reason, number in zip(_reasons(each), each.skipped, strict=True):
            if number:
                found[reason] = found.get(reason, 0) + number
    return found


def _reasons(sweep: Sweep) -> Iterator[str]:
    yield from map(str, sweep.skips)
    yield "a division by zero, or a number out of range"
