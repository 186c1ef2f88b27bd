"""What is too long, too deep or too large: text is capped before `ast` can run out of stack."""

from __future__ import annotations

import re

from getspec.syntax.nodes import At, Text

__all__ = ["MAX_BODY", "MAX_DEPTH", "MAX_EXPRESSION", "MAX_INTEGER", "check_limits"]

MAX_EXPRESSION = 2_000
MAX_BODY = 64 * 1024
MAX_DEPTH = 50
MAX_INTEGER = 2**63

_MANY_SIGNS = re.compile(rf"(?:[-+~] *){{{MAX_DEPTH + 1}}}")


def check_limits(value: str, text: Text, limit: int) -> None:
    """SpecError where text is longer than the limit, has a line that is too long, or nests too deeply."""
    if len(value) > limit:
        message = f"{len(value):,} characters; at most {limit:,} are read"
        raise text.error("GS202", message, At(1, 0, 1))
    if len(value) <= MAX_DEPTH:
        return
    for number, row in enumerate(value.split("\n"), 1):
        if len(row) > MAX_EXPRESSION:
            message = f"a line of {len(row):,} characters; at most {MAX_EXPRESSION:,} are read"
            raise text.error("GS202", message, At(number, 0, 1))
    may_nest = sum(map(value.count, "([{")) > MAX_DEPTH or _MANY_SIGNS.search(value)
    deep = _first_too_deep(value) if may_nest else None
    if deep is not None:
        message = f"nested deeper than {MAX_DEPTH}"
        raise text.error("GS202", message, deep, "split it into named steps")


def _first_too_deep(value: str) -> At | None:
    """The bracket or sign that opens one level too many."""
    depth, signs, line, col = 0, 0, 1, 0
    for character in value:
        depth += (character in "([{") - (character in ")]}")
        signs = signs + 1 if character in "-+~" else signs if character == " " else 0
        if depth > MAX_DEPTH or signs > MAX_DEPTH:
            return At(line, col, 1)
        line, col = (line + 1, 0) if character == "\n" else (line, col + 1)
    return None
