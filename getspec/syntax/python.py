"""Text to a tree of `ast`, and what Python has to say against it in words that hold for this language."""

from __future__ import annotations

import ast
import re
import warnings

from getspec.errors import SpecError
from getspec.syntax.nodes import At, Text

__all__ = ["parse_lines", "parse_value"]

_ADVISED = re.compile(r"[0-9][A-Za-z_]|\\")


def parse_value(source: str, text: Text, shift: int) -> ast.expr:
    """One expression, which stands `shift` characters into the text."""
    tree = _tree(source, text, "eval", "GS201", shift)
    assert isinstance(tree, ast.Expression)
    return tree.body


def parse_lines(source: str, text: Text) -> list[ast.stmt]:
    """Statements."""
    tree = _tree(source, text, "exec", "GS402", 0)
    assert isinstance(tree, ast.Module)
    return tree.body


def _tree(source: str, text: Text, mode: str, code: str, shift: int) -> ast.AST:
    try:
        return _parsed(source, mode)
    except SyntaxError as error:
        raise _refusal(error, source, text, code, shift) from None
    except (RecursionError, MemoryError, ValueError):
        raise text.error("GS202", "nested too deeply to read", At(1, 0, 1)) from None


def _parsed(source: str, mode: str) -> ast.AST:
    """What Python merely advises against, `1if x` or `"\\d"`, is no news to the writer of a spec."""
    if not _ADVISED.search(source):
        return ast.parse(source, mode=mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, mode=mode)


def _refusal(error: SyntaxError, source: str, text: Text, code: str, shift: int) -> SpecError:
    line = error.lineno or 1
    moved = shift if line == 1 else 0
    col = max((error.offset or 1) - 1, 0) + moved
    end = (error.end_offset or 0) - 1 + moved
    width = end - col if error.end_lineno == line and end > col else 1
    lines = source.split("\n")
    if line > len(lines):
        line, col = len(lines), len(lines[-1])
    message = _plain(error.msg or "not an expression")
    return text.error(code, message, At(line, col, width))


def _plain(message: str) -> str:
    """Python's own words on a syntax error, without advice that does not hold in this language."""
    if "invalid syntax" in message:
        return "this is not a valid expression here"
    head = re.split(r"\. (?:Perhaps|Did you mean|Maybe)", message)[0]
    return head.replace("cannot assign to", "cannot assign to the")
