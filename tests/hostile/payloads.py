"""Text that means something in one of the languages that getspec writes."""

from __future__ import annotations

from typing import Any

__all__ = ["CONTROLS", "PAYLOADS", "PLAIN", "PRINTABLE", "WORD"]

WORD = "zq7payload"
"""Stands in every payload, so that it can be looked for."""
PLAIN = "an ordinary word"
"""What a twin has in place of a payload."""

PAYLOADS: dict[str, str] = {
    "quotes": f"""{WORD}' + "{WORD}" + '""",
    "triple quotes": f'""" + {WORD}() + """',
    "carriage return": f"# {WORD}\rimport {WORD}\r",
    "newline": f"{WORD}\nimport {WORD}\n",
    "next line": f"# {WORD}\x85import {WORD}",
    "line separator": f"# {WORD}\u2028import {WORD}\u2029",
    "nul": f"{WORD}\0",
    "trailing backslash": f"{WORD}\\",
    "template": f"{{{{ {WORD}() }}}}{{% raw %}}{{# {WORD}",
    "format": f"{{0.__class__}} {{model}} %(x)s %n ${{{WORD}}} `{WORD}`",
    "rich markup": f"[red]{WORD}[/x]",
    "escape": f"\x1b[31m{WORD}\x9b2J",
    "element": f"</script></text></title>--><img src=x onerror={WORD}()><b>&lt;{WORD}",
    "workflow command": f"::error::{WORD} ##[error]{WORD}",
    "bar": f"{WORD} | {WORD} \\| `{WORD}|",
    "formula": f"=cmd|' /C {WORD}'!A0",
    "cookie": f"# -*- coding: utf-7 -*- +{WORD}-",
    "direction": f"{WORD}\u202e\u2066\u200f",
    "markdown": f"[{WORD}](javascript:{WORD}) ![{WORD}](x) **{WORD}** ~~{WORD}~~ <{WORD}:x> ---",
    "heading": f"# {WORD}",
    "fence": f"``` {WORD}",
    "diagram": f'"]; click n0 "javascript:{WORD}()" %% end',
    "latex": rf"\input{{{WORD}}} $ }} \] _ ^",
    "tag": f"!!python/object/apply:os.system [{WORD}]",
    "call": f"__import__('os').system('{WORD}')",
}
"""The 17 classes of the evidence, and some more."""

CONTROLS = frozenset(name for name, text in PAYLOADS.items() if not text.isprintable())
PRINTABLE = {name: text for name, text in PAYLOADS.items() if name not in CONTROLS}


def holds_word(value: Any) -> bool:
    """Whether a payload's word is anywhere in plain data."""
    return WORD in repr(value)
