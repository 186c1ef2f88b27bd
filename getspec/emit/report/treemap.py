"""Parameters as areas: a squarified treemap (Bruls, Huizing and van Wijk, 2000)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from getspec.emit.html import element, join

if TYPE_CHECKING:
    from markupsafe import Markup

    from getspec.passes.count import Count, Row

__all__ = ["Box", "name_of", "squarified", "treemap"]

WIDTH, HEIGHT = 960.0, 420.0
HEAD, EDGE = 18.0, 3.0
SMALLEST = 90.0
"""Areas below this many square units are left out: nobody could see or hit them."""
CHARACTER = 6.7
HUES = 8


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height


def treemap(counted: Count, *, linked: bool = True) -> Markup:
    """The drawing of a count; where it is linked, each area leads to its row in the table."""
    inside = _by_parent(counted.rows)
    whole = Box(0, 0, WIDTH, HEIGHT)
    drawn = join((_area(area, linked) for area in _areas(inside, "", whole, counted.total)), "\n")
    return element(
        "svg",
        drawn,
        class_="treemap",
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        role="group" if linked else "img",
        aria_label=f"Parameters of {counted.model} by component",
    )


def _by_parent(rows: Sequence[Row]) -> dict[str, list[tuple[int, Row]]]:
    """Rows with their numbers, by the path of the row that they are in."""
    found: dict[str, list[tuple[int, Row]]] = {}
    above: list[str] = []
    for at, row in enumerate(rows):
        del above[row.depth :]
        found.setdefault(above[-1] if above else "", []).append((at, row))
        above.append(row.path)
    return found


def name_of(row: Row) -> str:
    """What a row is called below its parent; copies go by their whole path."""
    last = row.path.rpartition(".")[2] if row.depth else row.path
    return row.path if last == "*" or last[:1].isdigit() else last


class Area(NamedTuple):
    """A row as it is drawn."""

    at: int
    """Its place among the rows."""
    row: Row
    box: Box
    total: int
    hue: int
    leaf: bool


def _areas(
    inside: Mapping[str, list[tuple[int, Row]]],
    path: str,
    box: Box,
    total: int,
    hue: int | None = None,
) -> Iterator[Area]:
    """The areas of what a row holds, largest first, and of what these hold."""
    held = sorted((r for r in inside.get(path, []) if r[1].params), key=lambda r: -r[1].params)
    sizes = [row.params for _, row in held]
    for number, ((at, row), place) in enumerate(zip(held, squarified(sizes, box), strict=True)):
        if place.area < SMALLEST:
            continue
        own = number % HUES if hue is None else hue
        wholly = hue is None and row.params * 5 > 4 * total  # colours tell its parts apart
        yield Area(at, row, place, total, own, leaf=row.path not in inside)
        inner = Box(
            place.x + EDGE,
            place.y + HEAD,
            place.width - 2 * EDGE,
            place.height - HEAD - EDGE,
        )
        if min(inner.width, inner.height) > HEAD:
            yield from _areas(inside, row.path, inner, total, None if wholly else own)


def _area(area: Area, linked: bool) -> Markup:
    row, box = area.row, area.box
    times = f" x{row.repeat}" if row.repeat > 1 else ""
    share = 100 * row.params / area.total
    text = []
    room = int((box.width - 8) / CHARACTER)
    if room > 2 and box.height >= HEAD - 2:
        label = name_of(row)
        shown = label if len(label) <= room else f"{label[: room - 1]}…"
        text = [element("text", shown, x=f"{box.x + 5:.1f}", y=f"{box.y + 13:.1f}")]
    rect = element(
        "rect",
        x=f"{box.x:.1f}",
        y=f"{box.y:.1f}",
        width=f"{box.width:.1f}",
        height=f"{box.height:.1f}",
    )
    return element(
        "a" if linked else "g",
        element("title", f"{row.path}{times}: {row.params:,} ({share:.2f} %)"),
        rect,
        *text,
        class_=f"h{area.hue}{' leaf' if area.leaf else ''}",
        href=f"#r{area.at}" if linked else None,
    )


def squarified(sizes: Sequence[int], box: Box) -> list[Box]:
    """A box for each of some sizes, largest first, with areas in their proportion and sides as equal as can be."""
    scale = box.area / sum(sizes) if sum(sizes) and box.area > 0 else 0.0
    areas = [size * scale for size in sizes]
    made: list[Box] = []
    while len(made) < len(areas):
        side = min(box.width, box.height)
        row = [areas[len(made)]]
        for area in areas[len(made) + 1 :]:
            if _worst([*row, area], side) > _worst(row, side):
                break
            row.append(area)
        placed, box = _laid(row, box)
        made += placed
    return made


def _worst(row: Sequence[float], side: float) -> float:
    """The largest ratio of sides in a row along a side."""
    whole = sum(row)
    if not whole or not side:
        return 0.0
    return max(side * side * max(row) / whole**2, whole**2 / (side * side * min(row)))


def _laid(row: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """A row along the shorter side of a box, and what is left of it."""
    whole = sum(row)
    made = []
    if box.width >= box.height:
        thick, at = whole / box.height if box.height else 0.0, box.y
        for area in row:
            long = area / thick if thick else 0.0
            made.append(Box(box.x, at, thick, long))
            at += long
        return made, Box(box.x + thick, box.y, max(box.width - thick, 0.0), box.height)
    thick, at = whole / box.width if box.width else 0.0, box.x
    for area in row:
        long = area / thick if thick else 0.0
        made.append(Box(at, box.y, long, thick))
        at += long
    return made, Box(box.x, box.y + thick, box.width, max(box.height - thick, 0.0))
