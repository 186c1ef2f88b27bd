"""Scalars as YAML 1.2 core reads them, and the escapes of double-quoted text."""

from __future__ import annotations

import math
import re
import sys
from typing import NamedTuple, cast

from getspec.errors import Fix
from getspec.text import spelled

__all__ = ["ESCAPE", "TRUE_OR_FALSE", "Refusal", "bad_escape", "not_a_key", "resolve", "unescaped"]

MAX_DIGITS = 19
TRUE_OR_FALSE = {"on": "true", "yes": "true", "off": "false", "no": "false"}
"""What YAML 1.1 read as true and false."""


class Refusal(NamedTuple):
    """Why a plain scalar is not read."""

    code: str
    message: str
    help: str


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?P<decimal>[0-9]+)|0o(?P<octal>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_OCTAL_LOOK = re.compile(r"0+[1-7][0-7]*")
_NUMERIC_START = frozenset("+-.0123456789")


def resolve(text: str) -> bool | int | float | str | Refusal | None:
    """A plain scalar as YAML 1.2 core reads it, or why it is not read."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_START:
        return text
    if integer := _INTEGER.fullmatch(text):
        return _integer(text, integer)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else _not_finite(text)
    return _not_finite(text) if _NOT_FINITE.fullmatch(text) else text


def _integer(text: str, match: re.Match[str]) -> int | Refusal:
    kind = cast(str, match.lastgroup)
    digits = match[kind]
    if len(digits) > MAX_DIGITS:
        message = f"an integer has at most {MAX_DIGITS} digits, and this has {len(digits):,}"
        return Refusal("GS031", message, "quote it if it is text")
    if kind != "decimal":
        return int(digits, 8 if kind == "octal" else 16)
    if digits[0] == "0" and len(digits) > 1:
        return _leading_zero(text, digits)
    return int(text)


def _leading_zero(text: str, digits: str) -> Refusal:
    """YAML 1.1 reads `017` as 15 and YAML 1.2 as 17, so it is read as neither."""
    octal = f", `0o{digits.lstrip('0')}` for octal" if _OCTAL_LOOK.fullmatch(digits) else ""
    message = f"`{text}` has a leading zero, which YAML versions read differently"
    help = f"write `{int(text)}`{octal}, or quote it if it is text"
    return Refusal("GS030", message, help if octal else Fix(help, f"{int(text)}"))


def _not_finite(text: str) -> Refusal:
    help = "write a finite number, or quote it if it is text"
    return Refusal("GS032", f"`{_shortened(text)}` is not a finite number", help)


def not_a_key(text: str) -> Refusal | None:
    """Why a plain scalar cannot be a key."""
    if text == "<<":
        return Refusal("GS023", "the merge key `<<` is not allowed", "use `extends: file.yaml`")
    value = resolve(text)
    if isinstance(value, str):
        return None
    if not text:
        return Refusal("GS021", "a key is missing here", "write a name before the `:`")
    kind = "null" if value is None else "a boolean" if isinstance(value, bool) else "a number"
    shown = _shortened(text)
    return Refusal("GS021", f"a key is text, and `{shown}` is read as {kind}", "quote the key")


def _shortened(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}..."


ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])")
_SHORT_ESCAPES = dict(zip("0abvfreNLP", "\0\a\b\v\f\r\x1b\x85\u2028\u2029", strict=True))


def unescaped(body: str) -> str:
    """The character that an escape makes; some surrogate where there is no such character."""
    if len(body) == 1:
        return _SHORT_ESCAPES.get(body, " ")
    number = int(body[1:], 16)
    return chr(number) if number <= sys.maxunicode else "\ud800"


def bad_escape(escape: str) -> str:
    char = unescaped(escape[1:])
    if "\ud800" <= char <= "\udfff":
        return f"the escape `{escape}` is not a character"
    return f"the escape `{escape}` makes {spelled(char)}, which is not allowed"
