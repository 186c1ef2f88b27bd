"""Pages of error codes: the cause, an example of the mistake with what is said about it, and the same mended."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any

from getspec.codes import CODES, FAMILIES
from getspec.emit.text import painted
from getspec.errors import UsageError, escape, nearest
from getspec.examples import Example, example

if TYPE_CHECKING:
    from getspec.terminal import Look

__all__ = ["code", "code_text", "is_code", "markdown"]

WIDTH = 88
ALL = "GS"
"""What stands for every code."""


def is_code(word: str) -> bool:
    return re.fullmatch(r"[Gg][Ss]([0-9]{3})?", word) is not None


def code(word: str) -> dict[str, Any]:
    """The catalogue's entry; UsageError for a code that does not exist."""
    name = word.upper()
    if name == ALL:
        return {"schema_version": 1, "codes": listed()}
    if name not in CODES:
        known = nearest(name, CODES)
        raise UsageError(f"there is no code {word}", f"did you mean {known}?" if known else None)
    title, explanation = CODES[name]
    found = {"schema_version": 1, "code": name, "title": title, "explanation": explanation}
    shown = example(name)
    if shown is not None:
        found["bad"] = {"command": list(shown.command), "files": shown.bad, "page": shown.page}
        found["good"] = {"command": list(shown.good_command), "files": shown.good}
    return found


def listed() -> list[dict[str, str]]:
    return [{"code": name, "title": title} for name, (title, _) in CODES.items()]


def code_text(entry: dict[str, Any], look: Look | None = None) -> str:
    """One page, or the list of all."""
    if "codes" in entry:
        return list_text()
    width = WIDTH if look is None else min(look.width, WIDTH)
    title = painted(look, "strong", f"{entry['code']}: {entry['title']}")
    parts = [title, fill(entry["explanation"], width)]
    if shown := example(entry["code"]):
        bad, page, good = _shown(shown)
        parts += ["Wrong:", indent(f"{bad}\n\n{page}", "    "), "Right:", indent(good, "    ")]
    return "\n\n".join(parts)


def list_text() -> str:
    return "\n".join(f"{name}  {title}" for name, (title, _) in CODES.items())


def markdown(entry: dict[str, Any]) -> str:
    """A code as a section, or all of them by their families."""
    if "codes" not in entry:
        return "\n".join(_section(entry["code"]))
    lines: list[str] = []
    for digit, family in FAMILIES.items():
        lines += [f"## {family}", ""]
        for each in CODES:
            if each[2] == digit:
                lines += _section(each)
    return "\n".join(lines)


def _section(name: str) -> Iterator[str]:
    title, explanation = CODES[name]
    yield from (f"### {name}: {title}", "", fill(explanation, 120), "")
    if shown := example(name):
        bad, page, good = _shown(shown)
        for language, text in (("yaml", bad), ("text", page), ("yaml", good)):
            if text:
                yield from (f"```{language}", text, "```", "")


def _shown(found: Example) -> tuple[str, str, str]:
    """What is wrong, what is said about it, and what is right."""
    page = [line for line in found.page.split("\n") if "= see: getspec explain" not in line]
    bad = _files(found.bad, found.command)
    return bad, "\n".join(page), _files(found.good, found.good_command)


def _files(files: dict[str, str], command: tuple[str, ...]) -> str:
    """Files with their names where there are several, and the command where it is not `check`."""
    lines = [] if command == ("check", "spec.yaml") else [f"# getspec {shlex.join(command)}"]
    for name, text in files.items():
        lines += [f"# {name}"] if len(files) > 1 else []
        lines += [_cut(escape(line)) for line in text.rstrip("\n").split("\n")]
    return "\n".join(lines)


def _cut(line: str) -> str:
    return line if len(line) <= 100 else f"{line[:100]}..."
