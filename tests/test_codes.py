"""The catalogue and the code keep to each other: what is raised is explained, what is explained is raised and shown."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import getspec
from getspec.codes import CODES
from getspec.emit.explain import code, code_text

PACKAGE = Path(getspec.__file__).parent
BAD = Path(__file__).parent / "bad"

WITHOUT_A_FILE = {
    "GS004": "a file of more than 1 MiB; test_source makes one",
    "GS005": "a value of more than 64 KiB; test_source makes one",
    "GS007": "more than 100,000 values; test_source makes them",
    "GS015": "the command line is wrong, not a file",
    "GS090": "there is no file to read",
    "GS405": "a warning; test_declare makes it",
    "GS406": "a warning; test_declare makes it",
    "GS601": "a file that would be written; test_output makes it",
    "GS701": "a checkpoint, not a spec",
    "GS702": "a configuration of a checkpoint, not a spec",
    "GS703": "a configuration of a checkpoint, not a spec",
}
"""Codes that no failing spec can show."""


def raised() -> set[str]:
    """The codes that stand as a string anywhere but in the catalogue."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name == "codes.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if re.fullmatch("GS[0-9]{3}", node.value) else set()
    return found


def shown() -> set[str]:
    pages = [path.read_text(encoding="utf-8") for path in BAD.glob("*.txt")]
    return {code for page in pages for code in re.findall(r"error\[(GS[0-9]{3})\]", page)}


def test_what_is_raised_is_explained() -> None:
    assert raised() - set(CODES) == set(), "`see: getspec explain` must lead somewhere"


def test_what_is_explained_is_raised() -> None:
    assert set(CODES) - raised() == set(), "an entry that nothing raises misleads"


def test_every_code_is_shown_by_a_failing_spec() -> None:
    missing = set(CODES) - shown() - set(WITHOUT_A_FILE)
    assert missing == set(), "readers learn a code from an example"
    assert set(WITHOUT_A_FILE) & shown() == set(), "the excuse does not hold"


@pytest.mark.parametrize("name", sorted(CODES))
def test_an_entry_is_a_title_and_an_explanation(name: str) -> None:
    title, explanation = CODES[name]
    assert len(title) <= 60, "a title is a few words"
    assert not title.endswith("."), "a title is no sentence"
    assert explanation.endswith((".", "?")), "an explanation is sentences"
    assert len(explanation) >= 60, "the cause, then what to do"
    assert code_text(code(name)).startswith(f"{name}: {title}"), "explain prints the entry"


def test_codes_are_in_order() -> None:
    assert list(CODES) == sorted(CODES), "the catalogue is read from top to bottom"
