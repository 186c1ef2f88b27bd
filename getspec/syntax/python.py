"""Text to a tree of `ast`, and what Python has to say against it in words that hold for this language."""

from __future__ import annotations

import ast
import re
import warnings

from getspec.errors import Fix, SpecError, nearest
from getspec.syntax.lines import first_line
from getspec.syntax.nodes import At, Text

__all__ = ["parse_lines", "parse_value"]

CODES = {"eval": "GS201", "exec": "GS402"}
_ADVISED = re.compile(r"[0-9][A-Za-z_]|\\")


def parse_value(source: str, text: Text, shift: int) -> ast.expr:
    """One expression, whose first line stands `shift` characters to the right in the text."""
    tree = _tree(source, text, "eval", shift)
    assert isinstance(tree, ast.Expression)
    return tree.body


def parse_lines(source: str, text: Text) -> list[ast.stmt]:
    """Statements."""
    tree = _tree(source, text, "exec", 0)
    assert isinstance(tree, ast.Module)
    return tree.body


def _tree(source: str, text: Text, mode: str, shift: int) -> ast.AST:
    try:
        return _parsed(source, mode)
    except SyntaxError as error:
        raise _refusal(error, source, text, mode, shift) from None
    except (RecursionError, MemoryError, ValueError):
        raise text.error("GS202", "nested too deeply to read", At(1, 0, 1)) from None


def _parsed(source: str, mode: str) -> ast.AST:
    """What Python merely advises against, `1if x` or `"\\d"`, is no news to the writer of a spec."""
    if not _ADVISED.search(source):
        return ast.parse(source, mode=mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, mode=mode)


def _refusal(error: SyntaxError, source: str, text: Text, mode: str, shift: int) -> SpecError:
    code = CODES[mode]
    line = error.lineno or 1
    moved = shift if line == first_line(source) else 0
    col = max((error.offset or 1) - 1, 0) + moved
    end = (error.end_offset or 0) - 1 + moved
    width = end - col if error.end_lineno == line and end > col else 1
    lines = source.split("\n")
    if line > len(lines):
        line, col = len(lines), len(lines[-1])
    col = min(col, moved + len(lines[line - 1]))  # of some errors Python counts bytes
    if slip := _misspelt_keyword(source, line, mode):
        at, word, keyword = slip
        at = At(at.line, at.col + (moved if at.line == line else 0), at.width)
        help = Fix(f"did you mean `{keyword}`?", keyword)
        return text.error(code, f"`{word}` has no place here", at, help)
    message = _plain(error.msg or "not an expression")
    return text.error(code, message, At(line, col, width))


KEYWORDS = ("return", "for", "in", "if", "elif", "else", "and", "or", "not")


def _misspelt_keyword(source: str, line: int, mode: str) -> tuple[At, str, str] | None:
    """A word of the line which is close to a keyword, if Python can read the line with that."""
    lines = source.split("\n")
    for match in re.finditer(r"[A-Za-z_]\w*", lines[line - 1]):
        word = match[0]
        keyword = None if word in KEYWORDS else nearest(word, KEYWORDS)
        if keyword is None:
            continue
        start, end = match.span()
        mended = lines[line - 1][:start] + keyword + lines[line - 1][end:]
        try:
            _parsed("\n".join([*lines[: line - 1], mended, *lines[line:]]), mode)
        except SyntaxError as error:
            if (error.lineno or 0) <= line:
                continue
        return At(line, start, end - start), word, keyword
    return None


def _plain(message: str) -> str:
    """Python's own words on a syntax error, without advice that does not hold in this language."""
    if "invalid syntax" in message:
        return "this is not a valid expression here"
    head = re.split(r"\. (?:Perhaps|Did you mean|Maybe)", message)[0]
    return head.replace("cannot assign to", "cannot assign to the")
