"""Names become Python identifiers and state-dict segments, so they are checked here, once.

A name that cannot be used is refused with one that can. Quietly writing another one into the generated file was refused:
names are what a checkpoint is loaded by.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from functools import lru_cache

from getspec.errors import Diagnostics, Span, escape
from getspec.reserved import MODULE_ATTRIBUTES, RESERVED

__all__ = ["check_class_name", "check_name", "class_like"]

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")


def check_name(
    name: str, where: Callable[[], Span], problems: Diagnostics, *, attribute: bool = False
) -> None:
    """A setting, tensor or function, or an attribute of a module. `where` is asked for a bad one."""
    reason = _fault(name, attribute)
    if reason is not None:
        help = f"rename it, e.g. `{_safe(name)}`"
        problems.error("GS104", f"the name `{escape(name)}` {reason}", where(), help)


def check_class_name(name: str, span: Span, problems: Diagnostics) -> None:
    """A model or a block."""
    if not CLASS_NAME.fullmatch(name):
        message = f"`{escape(name)}` is not a class name: letters and digits, a capital first"
        problems.error("GS104", message, span, f"e.g. `{class_like(name)}`")
    elif name in RESERVED:
        message = f"`{name}` is taken by the generated file"
        problems.error("GS104", message, span, "choose another name")


@lru_cache(maxsize=1024)
def _fault(name: str, attribute: bool) -> str | None:
    """The first reason why this is no name."""
    faults = (
        (not name.isascii(), "is not ASCII; Python would fold it into another name"),
        (
            not IDENTIFIER.fullmatch(name),
            "is not an identifier: letters, digits and _, no digit first",
        ),
        (len(name) > 64, "is longer than 64 characters"),
        (name.startswith("__"), "starts with two underscores"),
        (_is_keyword(name), "is a keyword of Python"),
        (
            name in RESERVED and not (attribute and name == "self"),
            "is taken by the generated file",
        ),
        (attribute and name in MODULE_ATTRIBUTES, "is an attribute of torch.nn.Module"),
    )
    return next((reason for found, reason in faults if found), None)


def _is_keyword(name: str) -> bool:
    return keyword.iskeyword(name) or keyword.issoftkeyword(name)


def _safe(name: str) -> str:
    """A name like this one that is allowed."""
    name = _unfolded(name)
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lstrip("_0123456789")
    plain = plain[:60].rstrip("_")
    plain = "part" if len(plain) < 2 or not name.isascii() else plain
    taken = _is_keyword(plain) or plain in MODULE_ATTRIBUTES | RESERVED
    return f"{plain}_" if taken else plain


def _unfolded(name: str) -> str:
    """The letters that ligatures and accents stand for."""
    if name.isascii():
        return name
    from unicodedata import combining, normalize

    return "".join(char for char in normalize("NFKD", name) if not combining(char))


def class_like(name: str) -> str:
    """A class name like this one that is allowed."""
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"^[^A-Za-z]+", "", name))
    return "".join(word[0].upper() + word[1:] for word in words)[:64] or "MyModel"
