"""Facts as HTML: text, elements, tables, and our own Markdown. For the report and for notebooks.

All that is made here is `Markup`; a plain string is escaped where it goes in, once. So no word of a spec becomes an element or
an attribute, and no caller has to remember it. The same Markdown that `diff --format markdown` prints is what a page shows: a
second wording of the comparison was refused, because two wordings drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup
from markupsafe import escape as escaped

from getspec.errors import escape

__all__ = ["Cell", "code", "element", "join", "lines", "markdown", "table", "text"]

Cell = str | Markup
"""What stands in a cell: a plain string is escaped."""


def text(words: Cell) -> Markup:
    """Words of anybody: signs that a browser acts on are escaped, those that nobody sees are spelled out."""
    return words if isinstance(words, Markup) else escaped(escape(words))


def lines(words: str) -> Markup:
    """Text of several lines, which stay lines."""
    return join(words.split("\n"), "\n")


def element(tag: str, *inside: Cell, **attributes: str | bool | None) -> Markup:
    """An element. `class_` and `aria_label` are attributes `class` and `aria-label`; one that is None or False is left out."""
    parts = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        spelled = name.rstrip("_").replace("_", "-")
        parts.append(spelled if value is True else f'{spelled}="{text(value)}"')
    return Markup(f"<{' '.join(parts)}>{join(inside)}</{tag}>")


def code(words: str) -> Markup:
    return element("code", words)


def join(parts: Iterable[Cell], between: str = "") -> Markup:
    return Markup(between).join(map(text, parts))


def table(
    head: Sequence[Cell],
    rows: Iterable[Sequence[Cell]],
    align: str,
    *,
    caption: Cell | None = None,
    levels: Sequence[int] | None = None,
) -> Markup:
    """A table; `align` has `<` or `>` for each column, `levels` says how deep each row stands in a tree.

    Numbers (`>`) have the class `n`, and a row at level 2 has `l2`. The first cell of a row is its head; a column without a
    name has none.
    """
    kinds = ["n" if each == ">" else None for each in align]
    depths = iter(levels) if levels is not None else None
    lines = []
    for row in rows:
        first, *rest = row
        cells = [element("th", first, scope="row")]
        cells += [
            element("td", each, class_=kind) for each, kind in zip(rest, kinds[1:], strict=True)
        ]
        level = f"l{next(depths)}" if depths is not None else None
        lines.append(element("tr", *cells, class_=level))
    names = [
        element("th", each, scope="col", class_=kind) if each else element("td")
        for each, kind in zip(head, kinds, strict=True)
    ]
    title = [element("caption", caption)] if caption is not None else []
    top = element("thead", element("tr", *names))
    return element("table", *title, top, element("tbody", *lines))


# Our own Markdown

INLINE = re.compile(r"\\(?P<plain>.)|`(?P<code>[^`]*)`|\*\*(?P<bold>.+?)\*\*|(?P<space>&nbsp;)")
BAR = re.compile(r"(?<!\\)\|")
RULE = re.compile(r"\|( ---:? \|)+")


def markdown(source: str, level: int = 1) -> Markup:
    """Markdown as `emit` writes it, with its first heading at a level.

    Headings, paragraphs, lists, tables and fences; within a line code, bold, and signs after a backslash.
    """
    return join(_blocks(source.split("\n"), level - 1))


def _blocks(lines: list[str], shift: int) -> Iterator[Markup]:
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if line.startswith("```"):
            while end < len(lines) and not lines[end].startswith("```"):
                end += 1
            yield element("pre", join(lines[at + 1 : end], "\n"), tabindex="0")
            end += 1
        elif line.startswith("#"):
            signs, _, words = line.partition(" ")
            yield element(f"h{min(len(signs) + shift, 6)}", _inline(words))
        elif line.startswith("- ") or RULE.fullmatch("".join(lines[end : end + 1])):
            while end < len(lines) and lines[end].startswith(line[:2]):
                end += 1
            yield _list(lines[at:end]) if line.startswith("- ") else _table(lines[at:end])
        elif line:
            while end < len(lines) and lines[end] and not lines[end].startswith(("#", "- ", "| ")):
                end += 1
            yield element("p", _inline(" ".join(lines[at:end])))
        at = end


def _list(lines: list[str]) -> Markup:
    return element("ul", *(element("li", _inline(line[2:])) for line in lines))


def _table(lines: list[str]) -> Markup:
    align = ["<>"[cell.endswith(": ")] for cell in BAR.split(lines[1])[1:-1]]
    rows = []
    for line in (lines[0], *lines[2:]):
        cells = [*BAR.split(line)[1:-1], *[""] * len(align)][: len(align)]
        rows.append([_inline(cell.strip()) for cell in cells])
    return table(rows[0], rows[1:], "".join(align))


def _inline(words: str) -> Markup:
    parts: list[Cell] = []
    at = 0
    for match in INLINE.finditer(words):
        parts.append(words[at : match.start()])
        at = match.end()
        match match.lastgroup:
            case "plain":
                parts.append(match["plain"])
            case "code":
                parts.append(code(match["code"].replace("\\|", "|")))
            case "bold":
                parts.append(element("strong", _inline(match["bold"])))
            case "space":
                parts.append(Markup("&nbsp;"))
    return join([*parts, words[at:]])
