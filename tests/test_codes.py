"""The catalogue and the code keep to each other: what is raised is explained, what is explained is raised and shown."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from cases import CASES

import getspec
from getspec.codes import CODES, FAMILIES, REMEDIES
from getspec.emit.codes import code, code_text, markdown

PACKAGE = Path(getspec.__file__).parent


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


def test_what_is_raised_is_explained() -> None:
    assert raised() - set(CODES) == set(), "`see: getspec explain` must lead somewhere"


def test_what_is_explained_is_raised() -> None:
    assert set(CODES) - raised() == set(), "an entry that nothing raises misleads"


def test_every_code_is_shown_by_a_case() -> None:
    shown = {each["code"] for case in CASES for each in case.expected}
    assert set(CODES) - shown == set(), "readers learn a code from an example"


def test_remedies_are_for_codes() -> None:
    assert set(REMEDIES) - set(CODES) == set(), "what to do about a code that exists"
    assert all("\n" not in remedy for remedy in REMEDIES.values()), "one line"


@pytest.mark.parametrize("name", sorted(CODES))
def test_an_entry_is_a_title_and_an_explanation(name: str) -> None:
    title, explanation = CODES[name]
    assert len(title) <= 60, "a title is a few words"
    assert not title.endswith("."), "a title is no sentence"
    assert explanation.endswith((".", "?")), "an explanation is sentences"
    assert len(explanation) >= 60, "the cause, then what to do"
    page = code_text(code(name))
    assert page.startswith(f"{name}: {title}"), "explain prints the entry"
    assert "Wrong:" in page, "a bad example"
    assert "Right:" in page, "and a good one"
    assert f"[{name}]" in page, "with what is said about the bad one"
    assert markdown(code(name)).startswith(f"### {name}: {title}"), "and as a section of a document"


def test_codes_are_in_order() -> None:
    assert list(CODES) == sorted(CODES), "the catalogue is read from top to bottom"


def test_every_code_has_a_family() -> None:
    assert {name[2] for name in CODES} == set(FAMILIES), "docs/errors.md has a section for each"


def test_the_document_has_a_page_for_each() -> None:
    text = (Path(__file__).parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
    pages = re.findall(r"^### (GS[0-9]{3}): ", text, re.MULTILINE)
    assert pages == list(CODES), "`getspec docs docs` writes them"
    assert "<!-- getspec: explain GS --markdown -->" in text, "from the catalogue and the examples"
