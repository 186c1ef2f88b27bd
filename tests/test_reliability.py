"""docs/reliability.md says what the result files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chunks import RESULT
from committed import ROOT
from features import FEATURES, WITHOUT_A_MODEL, used
from properties import written
from reliability import DOCUMENT, REGION, SECTIONS, filled
from strategies import Seeded, drawn

FRESH = 500


def test_the_document_is_current() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert filled(text) == text, "run `python tests/reliability.py`"


def test_every_section_is_shown() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert {found[2] for found in REGION.finditer(text)} == set(SECTIONS)


def test_what_was_not_run_says_so(tmp_path: Path) -> None:
    text = "<!-- result: random_specs -->\n1,000,000 of them\n<!-- /result -->"
    told = filled(text, tmp_path)
    assert "Not run: `nox -s verify" in told
    assert "1,000,000" not in told


def result(**changes: Any) -> dict[str, Any]:
    chunk = {"first": 100, "examples": 50, "distinct": 49, "seconds": 2.0, "mismatches": []}
    return {
        "versions": {"torch": "2"},
        "chunks": [chunk, {**chunk, "first": 150, **changes}],
        "features": {"op abs": 7},
    }


def shown(tmp_path: Path, found: dict[str, Any]) -> str:
    path = tmp_path / SECTIONS["random_specs"].file
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(found), encoding="utf-8")
    return SECTIONS["random_specs"].text(tmp_path)


def test_chunks_are_added_up(tmp_path: Path) -> None:
    text = shown(tmp_path, result())
    assert "| specs | 100 |" in text
    assert "| mismatches | 0 |" in text
    assert "| seeds | 100 to 199 |" in text
    assert "Never drawn: " in text


def test_a_mismatch_and_a_gap_are_not_hidden(tmp_path: Path) -> None:
    wrong = {"seed": 317, "error": "AssertionError: 3 is not 4\nmore", "spec": ""}
    text = shown(tmp_path, result(first=300, mismatches=[wrong]))
    assert "| mismatches | 1 |" in text
    assert "Seed 317: AssertionError: 3 is not 4\n" in text
    assert "| seeds | 100 to 149, 300 to 349 |" in text


def test_random_specs_use_all_of_the_language(folder: Path) -> None:
    """In the recorded run, or among a few that are drawn now: what is new in the language has to be drawn."""
    found = set(json.loads(RESULT.read_text(encoding="utf-8"))["features"])
    for seed in range(FRESH):
        found |= used(written(drawn(Seeded(seed)).text))
    missing = sorted(FEATURES - found - set(WITHOUT_A_MODEL))
    assert not missing, f"draw {', '.join(missing)} in tests/strategies"
    known = sorted(set(WITHOUT_A_MODEL) - FEATURES)
    assert not known, f"{', '.join(known)} are no parts of the language"


def test_no_fault_is_hidden(tmp_path: Path) -> None:
    rows = {"one": {"points": 3, "torn": 0, "left": 1}, "two": {"points": 5, "torn": 2, "left": 0}}
    path = tmp_path / SECTIONS["faults"].file
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"KILL": rows, "EIO": rows}), encoding="utf-8")
    text = SECTIONS["faults"].text(tmp_path)
    assert "| `one` | 3 | 3 | 0 | 2 |" in text
    assert "| all | 8 | 8 | 4 | 2 |" in text
    assert "16 faults in all" in text


def test_the_result_names_no_machine() -> None:
    assert str(ROOT) not in RESULT.read_text(encoding="utf-8")
