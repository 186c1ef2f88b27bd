"""What a notebook shows of a spec, a count, a difference and a cost.

The output is kept in the notebook's file, so it is small: a large tree is shown to fewer levels. It has no script and fixes no
colour, so it reads in light and dark themes, and where a page drops its style it is plain tables still.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from getspec.emit.cost import CostTable, quantity, size_of
from getspec.emit.difference import silent_rows, tree_rows
from getspec.emit.html import Cell, code, element, join, table
from getspec.emit.text import last_name
from getspec.errors import escape
from getspec.passes.changes import Difference
from getspec.passes.count import Count, Row
from getspec.terminal import short

if TYPE_CHECKING:
    from markupsafe import Markup

    from getspec.api import Spec
    from getspec.emit.cost import CostRow

__all__ = ["cost", "count", "difference", "spec"]

MAX_ROWS = 80
"""Rows of a table; the object has all of them."""
MAX_WORDS = 400
STYLE = """\
.getspec table{border-collapse:collapse;margin:.5em 0}\
.getspec :is(td,th){text-align:left;padding:.15em .8em .15em 0;border:0;font-weight:normal;background:none}\
.getspec thead th{opacity:.6}\
.getspec .n{text-align:right;font-variant-numeric:tabular-nums}\
.getspec i{display:inline-block;height:.35em;background:currentColor;opacity:.5;vertical-align:middle}\
.getspec small{opacity:.7}\
""" + "".join(f".getspec .l{depth} th{{padding-left:{1.2 * depth:.1f}em}}" for depth in range(1, 9))

Kind = TypeVar("Kind", "Row", "CostRow")


def count(found: Count) -> str:
    """Modules with their parameters and shares."""
    rows, note = _outermost(found.rows)
    cells = [
        (
            last_name(row.path),
            row.type,
            f"x{row.repeat}" if row.repeat > 1 else "",
            f"{row.params:,}",
            _share(row.params, found.total),
        )
        for row in rows
    ]
    head = ("", "type", "repeat", "params", "%")
    made = table(head, cells, "<<>><", levels=[row.depth for row in rows])
    return _page(_title(found.model, f"{_number(found.total)} parameters"), made, note)


def cost(found: CostTable) -> str:
    """Modules with their FLOPs and what they keep, and the memory of training and inference."""
    rows, note = _outermost(found.rows)
    cells = [_cost_cells(last_name(row.path), row) for row in rows]
    cells.append(_cost_cells("total", found.total))
    head = ("", "output", "params", "forward FLOPs", "backward FLOPs", "kept")
    made = table(head, cells, "<<>>>>", levels=[*(row.depth for row in rows), 0])
    memory = [
        _memory(title, [(a.name, size_of(found.at(a.bytes)), a.recipe) for a in addends])
        for title, addends in (
            ("memory of a training step", found.memory.training),
            ("memory of inference", found.memory.inference),
        )
    ]
    sizes = ", ".join(f"{name} = {number:,}" for name, number in found.sizes.items())
    words = f"{', '.join(found.policy.values())}{f'; {sizes}' if sizes else ''}"
    notes = element("small", found.note)
    return _page(_title(found.model, words), made, note, *memory, notes)


def _cost_cells(name: str, row: CostRow) -> tuple[Cell, ...]:
    figures = (quantity(row.forward), quantity(row.backward), size_of(row.kept))
    return (name, row.shape, f"{row.params:,}", *figures)


def _memory(title: str, rows: Sequence[tuple[str, str, str]]) -> Markup:
    return table((title, "bytes", "recipe"), rows, "<><")


def difference(found: Difference) -> str:
    """What changed as a tree with subtotals, and what costs no parameters below it."""
    a, b = found.a, found.b
    sides = [
        (escape(side.name), f"{total:,}", escape(side.file))
        for side, total in ((a, found.total_a), (b, found.total_b))
    ]
    sides.append(("difference", f"{found.delta:+,}", f"{found.percent:+.2f} %"))
    parts: list[Cell] = [table(("", "parameters", ""), sides, "<><")]
    rows = tree_rows(found)
    if rows:
        levels = [(len(words) - len(words.lstrip())) // 2 for words, _, _ in rows][:MAX_ROWS]
        cells = [(_cut(words.strip()), times, delta) for words, times, delta in rows[:MAX_ROWS]]
        parts += [table(("", "", "params"), cells, "<>>", levels=levels), _more(len(rows))]
    silent = silent_rows(found)
    if silent:
        cells = [(category, _cut(words), "") for category, words in silent[:MAX_ROWS]]
        shown = [cell[:2] for cell in cells]
        parts += [table(("without parameters", ""), shown, "<<"), _more(len(silent))]
    if found.identical:
        parts.append(element("p", "no difference"))
    return _page(*parts)


def spec(found: Spec) -> str:
    """A model: what it is, its config, and its outermost parts."""
    summary = found.model.root.summary
    config = ", ".join(f"{name} = {_value(value)}" for name, value in found.config.items())
    counted = found.count()
    rows = [row for row in counted.rows if row.depth == 0][:MAX_ROWS]
    cells = [
        (last_name(row.path), row.type, f"{row.params:,}", _share(row.params, counted.total))
        for row in rows
    ]
    return _page(
        _title(found.name, f"{_number(counted.total)} parameters"),
        element("div", _cut(summary)) if summary else "",
        element("div", element("small", code(_cut(config)))) if config else "",
        table(("", "type", "params", "%"), cells, "<<><"),
    )


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# Pieces


def _page(*parts: Cell) -> str:
    return str(join((element("style", STYLE), element("div", *parts, class_="getspec"))))


def _title(name: str, words: str) -> Markup:
    return element("div", element("strong", name), f"  {words}")


def _number(number: int) -> str:
    return f"{number:,}" if abs(number) < 1000 else f"{number:,} ({short(number)})"


def _share(part: int, whole: int) -> Markup:
    """A percentage with a bar before it."""
    share = part / whole if whole else 0.0
    bar = element("i", style=f"width:{100 * share:.1f}px")
    return join((f"{100 * share:.2f} ", bar))


def _outermost(rows: Sequence[Kind]) -> tuple[list[Kind], Cell]:
    """The rows to as many levels as fit, and a word on what is left out."""
    deepest = max((row.depth for row in rows), default=0)
    for depth in range(deepest, 0, -1):
        if sum(row.depth <= depth for row in rows) <= MAX_ROWS:
            break
    else:
        depth = 0
    shown = [row for row in rows if row.depth <= depth][:MAX_ROWS]
    return shown, _more(len(rows), len(shown))


def _more(number: int, shown: int = MAX_ROWS) -> Cell:
    left = number - shown
    return element("small", f"{left:,} more rows are not shown") if left > 0 else ""


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 3]}..."
