"""Text of a spec within Markdown: it stays text, whatever it holds, and in its cell.

CommonMark lets a backslash take the meaning of any sign; between backquotes nothing has one but the bar of a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from getspec.errors import escape

__all__ = ["code", "link", "paragraph", "prose", "table"]

SIGNS = re.compile(r"[\\*_\[<|~$&]")
SIGNS_OF_A_LINK = re.compile(r"[\\*_\[\]<|~$&]")
STARTS = re.compile(r"([0-9]{0,9})([#>+=.)-])")
"""What makes a line at its start another thing than a paragraph."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """A Markdown table; `align` has `<` or `>` for each column."""
    rule = ["---:" if each == ">" else "---" for each in align]
    lines = [[prose(name) for name in head], rule, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def code(text: str) -> str:
    """Text in backquotes, in a table cell too."""
    shown = _within(escape(text).replace("`", "'"))
    return f"`{shown}`" if shown else ""


def prose(text: str, signs: re.Pattern[str] = SIGNS) -> str:
    """Words of a spec, which may not become markup; what they quote stays quoted."""
    parts = escape(" ".join(text.split())).split("`")
    if len(parts) % 2 == 0:
        parts = [" ".join(" ".join(parts).split())]
    return "".join(
        f"`{_within(part)}`" if at % 2 else signs.sub(r"\\\g<0>", part)
        for at, part in enumerate(parts)
    )


def paragraph(text: str) -> str:
    """Words that start a line."""
    shown = prose(text)
    start = STARTS.match(shown)
    return f"{start[1]}\\{shown[start.start(2) :]}" if start else shown


def link(text: str, target: str) -> str:
    """A link to a file."""
    return f"[{prose(text, SIGNS_OF_A_LINK)}]({quote(target)})"


def _within(text: str) -> str:
    """Text between backquotes; a backslash before a bar would set it free again."""
    return re.sub(r"\\*\|", r"\\|", text)
