"""The words of a spec in the generated file: docstrings, comments, and the shape that follows a line.

Free text passes through `clean` and through nothing else, so what a spec says cannot end a docstring or a comment.
"""

from __future__ import annotations

import textwrap

from getspec.emit.layout import WIDTH

__all__ = ["clean", "code", "docstring", "listed", "noted", "wrap"]

NOTE = "  # "
"""What stands between a line and its comment."""


def clean(text: str) -> str:
    """Free text that cannot leave a docstring or a comment: printable, on one line, no quotes."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat.replace("\\", "/").replace('"', "'")


def wrap(text: str, indent: int, width: int = WIDTH) -> list[str]:
    pad = " " * indent
    return textwrap.wrap(
        text, width, initial_indent=pad, subsequent_indent=pad, break_long_words=False
    )


def docstring(text: str, indent: int) -> list[str]:
    """On one line where it fits; the closing quotes stand alone after several."""
    pad, doc = " " * indent, f'"""{clean(text)}'
    if len(pad) + len(doc) + 3 <= WIDTH:
        return [f'{pad}{doc}"""']
    # Narrower by the closing quotes, so that there is a second line: a formatter joins them to one.
    return [*wrap(doc, indent, WIDTH - 3), f'{pad}"""']


def listed(items: list[str], lead: str, indent: int) -> list[str]:
    """Items with commas, never broken inside; what follows the first line hangs under it."""
    lines, current = [], " " * indent + lead
    for item in [*(f"{item}," for item in items[:-1]), *items[-1:]]:
        begun = len(current) > indent + len(lead)
        if begun and len(current) + len(item) + 1 > WIDTH:
            lines.append(current.rstrip())
            current = " " * (indent + len(lead))
        current += f"{item} "
    return [*lines, current.rstrip()]


def noted(line: str, note: str) -> str:
    return f"{line}{NOTE}{note}"


def code(line: str) -> str:
    """A line without its comment."""
    return line.partition(NOTE)[0]
