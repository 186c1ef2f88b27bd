"""Generated Python as HTML: its classes, with keywords, comments and strings marked."""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
from typing import TYPE_CHECKING

from getspec.emit.html import element, join
from getspec.emit.html import lines as whole

if TYPE_CHECKING:
    from markupsafe import Markup

    from getspec.emit.html import Cell

__all__ = ["classes", "forward", "python"]


def classes(code: str) -> list[tuple[str, Markup]]:
    """Each class and function of a module, by its name, in order; what stands before them is under the name of none."""
    lines = code.split("\n")
    found: list[tuple[str, Markup]] = []
    start = 0
    for node in ast.parse(code).body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
        if not found:
            found.append(("", python("\n".join(lines[start:first]).strip("\n"))))
        found.append((node.name, python("\n".join(lines[first : node.end_lineno]))))
    return found


def forward(code: str, name: str) -> Markup | None:
    """`forward` of a class, whose comments say the shapes."""
    lines = code.split("\n")
    for node in ast.parse(code).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for each in node.body:
                if isinstance(each, ast.FunctionDef) and each.name == "forward":
                    shown = [line[4:] for line in lines[each.lineno - 1 : each.end_lineno]]
                    return python("\n".join(shown))
    return None


def python(code: str) -> Markup:
    """Code with its keywords, comments and strings in elements of their own."""
    parts: list[Cell] = []
    line, column = 1, 0
    lines = code.split("\n")

    def until(row: int, col: int) -> str:
        nonlocal line, column
        if row == line:
            text = lines[row - 1][column:col]
        else:
            text = "\n".join(
                [lines[line - 1][column:], *lines[line : row - 1], lines[row - 1][:col]]
            )
        line, column = row, col
        return text

    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = _kind(token)
        if kind:
            parts.append(whole(until(*token.start)))
            parts.append(element("span", whole(until(*token.end)), class_=kind))
    parts.append(whole(until(len(lines), len(lines[-1]))))
    return join(parts)


def _kind(token: tokenize.TokenInfo) -> str | None:
    if token.type == tokenize.COMMENT:
        return "c"
    if token.type == tokenize.STRING:
        return "s"
    return "k" if token.type == tokenize.NAME and keyword.iskeyword(token.string) else None
