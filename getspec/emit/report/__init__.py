"""A spec, or two, as one page that needs nothing else: figures, drawings, tables and code, to look at and to play with.

    facts       what the page holds, as plain data: formulas as trees, rows, sizes
    treemap     parameters as a drawing
    highlight   Python as HTML
    page.html.j2, style.css, page.js    how it looks, and what it does

The page recomputes its numbers from the closed forms, with whole numbers of any length. Its script evaluates trees of numbers
and names: no text of a spec becomes code, and a policy in the page forbids it to load or to send anything.
"""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from getspec.emit.html import join, markdown, text
from getspec.emit.report.facts import facts
from getspec.emit.report.highlight import classes, forward
from getspec.emit.report.treemap import name_of, treemap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template
    from markupsafe import Markup

    from getspec.api import Spec
    from getspec.emit.html import Cell

__all__ = ["LIMIT", "MARK", "facts", "page"]

LIMIT = 150 * 1024
"""Bytes that a page may have before it leaves something out."""
MAX_ROWS = 40
"""A cost table of more rows is cut at a level above."""
MARK = "<!doctype html>\n<!-- A report of getspec. -->\n"
"""How every report begins."""


def page(spec: Spec, other: Spec | None = None, shape: Mapping[str, int] | None = None) -> str:
    """The report on a spec; with another one, also how they differ, from the first to the second."""
    made = ""
    for detail in DETAILS:
        made = _page(spec, other, shape or {}, detail)
        if len(made.encode()) <= LIMIT:
            break
    return made


class Detail(NamedTuple):
    """How much of what `getspec` prints in full elsewhere is on a page."""

    drawing: int | None
    """Levels of components that are open in the drawing; None for all."""
    areas: bool
    """Whether the second spec has its areas, too."""
    code: bool


DETAILS = (
    Detail(None, areas=True, code=True),
    Detail(1, areas=True, code=True),
    Detail(1, areas=False, code=True),
    Detail(1, areas=False, code=False),
)
"""From all to least."""


def _page(spec: Spec, other: Spec | None, shape: Mapping[str, int], detail: Detail) -> str:
    found = facts(spec, shape, other)
    script, style = _asset("page.js"), _asset("style.css")
    code = spec.generate()
    made = _template().render(
        facts=found,
        data=_inert(found),
        rows=spec.count().rows,
        name_of=name_of,
        trainable=spec.count().trainable,
        knobs=_knobs(found),
        added=_knobs(found["other"] or found, known=_names(found)),
        other_total=other and other.count().total,
        other_trainable=other and other.count().trainable,
        script=script,
        style=style,
        digest={"script": _digest(script), "style": _digest(style)},
        treemap=treemap(spec.count()),
        diagram=_diagram(spec, detail.drawing),
        cost=_cost(spec, found),
        forward=forward(code, spec.name),
        code=classes(code) if detail.code else None,
        comparison=None if other is None else _comparison(spec, other, shape),
        other=other,
        areas=treemap(other.count(), linked=False) if other and detail.areas else None,
    )
    # Its own style and script are ASCII, so the digests hold; a page in ASCII can be printed anywhere.
    return MARK + made.encode("ascii", "xmlcharrefreplace").decode()


def _knobs(found: Mapping[str, Any], known: frozenset[str] = frozenset()) -> list[tuple[str, Any]]:
    """What can be played with, but for names that are known: the kind of the field, and the entry."""
    numbers = [each for each in found["config"] if isinstance(each["value"], dict | float)]
    fields = [("set", each) for each in numbers] + [("shape", each) for each in found["sizes"]]
    return [(kind, each) for kind, each in fields if each["name"] not in known]


def _names(found: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(each["name"] for each in (*found["config"], *found["sizes"]))


def _digest(text: str) -> str:
    """By which the page's policy knows its own script and style, and allows no other."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _inert(found: Mapping[str, Any]) -> Markup:
    """JSON within a script element: no sign in it can end the element."""
    from markupsafe import Markup

    data = json.dumps(found, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(data)


def _diagram(spec: Spec, depth: int | None) -> Cell | None:
    from markupsafe import Markup

    from getspec.emit.diagram import graph, svg

    if spec.model.root.forward is None:
        return None
    return Markup(svg(graph(spec.model, depth), styled=False))


def _cost(spec: Spec, found: Mapping[str, Any]) -> Cell | None:
    """The table of `cost`, at the run-time sizes that the page starts with."""
    from getspec.emit.cost import markdown as table

    if spec.model.root.forward is None:
        return None
    known = spec.run_time_sizes()
    sizes = {s["name"]: int(s["value"]) for s in found["sizes"] if s["name"] in known}
    depths = [row.depth for row in spec.count().rows]
    levels = [n for n in (3, 2) if sum(depth < n for depth in depths) <= MAX_ROWS]
    return markdown(table(spec.cost(sizes), next(iter(levels), 1)), 4)


def _comparison(spec: Spec, other: Spec, shape: Mapping[str, int]) -> Cell:
    from getspec.emit.comparison import markdown as compared
    from getspec.passes.diff import diff

    return join([markdown(compared(diff(spec.model, other.model), shape), 2)])


@cache
def _asset(name: str) -> Markup:
    from markupsafe import Markup

    return Markup((files(__package__) / name).read_text(encoding="utf-8"))


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        finalize=lambda value: text(value) if isinstance(value, str) else value,
    )
    return environment.from_string(_asset("page.html.j2"))
