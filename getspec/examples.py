"""An example for every code: the smallest spec that has the mistake, what is said about it, and the same spec mended.

They are cases of the conformance kit (`tests/conformance/codes`, whose README states the format), so each is tested; an
installed getspec brings them along.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from getspec.errors import Diagnostic, Fix, Span, render
from getspec.record import Record

__all__ = ["Example", "example"]

MAX_LINES = 24


class Example(Record):
    """Files and a command before and after a mistake is mended, and the page that is printed in between."""

    command: tuple[str, ...]
    bad: dict[str, str]
    page: str
    good_command: tuple[str, ...]
    good: dict[str, str]


def folder() -> Path:
    inside = Path(__file__).resolve().parent / "conformance"
    return inside if inside.is_dir() else inside.parent.parent / "tests" / "conformance" / "codes"


def example(code: str) -> Example | None:
    """The example of a code; None where they are not there."""
    home = folder() / code
    try:
        case = json.loads((home / "case.json").read_text(encoding="utf-8"))
    except OSError:
        return None
    command = tuple(case.get("command", ["check", "spec.yaml"]))
    good = case.get("good", {})
    bad = {**_files(home), **_made(case)}
    mended = {**_files(home / "good"), **_made(good)}
    lines = {name: text.split("\n") for name, text in bad.items()}
    pages = [render(_diagnostic(each), lines) for each in case["diagnostics"]]
    return Example(command, bad, "\n".join(pages), tuple(good.get("command", command)), mended)


def _files(home: Path) -> dict[str, str]:
    """The files of a case; a byte that is not UTF-8 is shown as it is written in Python."""
    return {
        path.name: path.read_bytes().decode(errors="backslashreplace")
        for path in sorted(home.glob("*"))
        if path.is_file() and path.name != "case.json"
    }


def _made(case: dict[str, Any]) -> dict[str, str]:
    """Files that are too large to be kept, by their beginning; those of bytes are not shown."""
    found = {}
    for each in case.get("make", []):
        if each["path"].endswith(".yaml"):
            found[each["path"]] = "".join(_shortened(part) for part in each["parts"])
    return found


def _shortened(part: Any) -> str:
    if isinstance(part, str):
        return part
    text, times = part["text"], part["times"]
    return f"{text * 2}...  # {times:,} times" + ("\n" if text.endswith("\n") else "")


def _diagnostic(found: dict[str, Any]) -> Diagnostic:
    help: str | None = found.get("help")
    if help is not None and "replacement" in found:
        help = Fix(help, found["replacement"])
    notes = tuple((note["message"], _span(note)) for note in found.get("notes", []))
    severity = found.get("severity", "error")
    return Diagnostic(found["code"], found["message"], _span(found), help, notes, severity)


def _span(place: dict[str, Any]) -> Span | None:
    if "file" not in place:
        return None
    return Span(place["file"], place["line"], place["column"], place["length"])
