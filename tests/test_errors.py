"""Messages: what a person sees, what a tool reads, and what never reaches a terminal."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from unicodedata import east_asian_width

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getspec.codes import CODES
from getspec.errors import (
    Diagnostic,
    Diagnostics,
    GetspecError,
    Span,
    SpecError,
    UsageError,
    escape,
    meant,
    nearest,
    render,
)
from getspec.terminal import Look

LINES = ["components:", "  attn:", "    dimm: 512", "    dim: 256"]
TYPO = Diagnostic(
    "GS101",
    "unknown key `dimm` in component `attn`",
    Span("model.yaml", 3, 5, 4),
    "did you mean `dim`?",
)


def test_a_diagnostic_looks_like_rustc() -> None:
    expected = """\
error[GS101]: unknown key `dimm` in component `attn`
  --> model.yaml:3:5
   |
 3 |     dimm: 512
   |     ^^^^ help: did you mean `dim`?
   = see: getspec explain GS101"""
    assert render(TYPO, LINES) == expected, "the layout is documented, so a change must be meant"


def test_a_note_in_another_file_shows_its_line() -> None:
    note = ("`Mlp` is used here", Span("net.yaml", 1, 3, 2))
    found = Diagnostic("GS206", "a remainder of 2", Span("lib.yaml", 1, 1, 3), None, (note,))
    shown = render(found, {"lib.yaml": ["let: {}"], "net.yaml": ["  fc: {}"]})
    assert "\n 1 | let: {}\n   | ^^^\n" in shown
    assert "\n 1 |   fc: {}\n   |   --\n" in shown
    assert "  --> net.yaml:1:3" in render(found, {}), "without its lines a place is still a place"


def test_notes_show_their_own_place() -> None:
    notes = (("first defined here", Span("m.yaml", 1, 1, 3)), ("blocks are imported", None))
    twice = Diagnostic("GS020", "the key `dim` is here twice", Span("m.yaml", 2, 1, 3), None, notes)
    expected = """\
error[GS020]: the key `dim` is here twice
  --> m.yaml:2:1
   |
 2 | dim: 2
   | ^^^
note: first defined here
  --> m.yaml:1:1
   |
 1 | dim: 1
   | ---
   = note: blocks are imported
   = see: getspec explain GS020"""
    assert render(twice, ["dim: 1", "dim: 2"]) == expected, "a note has its line under the main one"


def test_a_note_in_another_file_shows_no_line_of_this_one() -> None:
    notes = (("imported here", Span("other.yaml", 1, 1)),)
    shown = render(Diagnostic("GS101", "m", Span("m.yaml", 2, 1), None, notes), ["secret", "line"])
    assert "other.yaml:1:1" in shown, "the place of the note is named"
    assert "secret" not in shown, "lines of one file must not be shown as lines of another"


@pytest.mark.parametrize("lines", [None, [], ["one line"]])
def test_without_the_line_the_place_and_the_help_are_still_shown(lines: list[str] | None) -> None:
    shown = render(TYPO, lines)
    assert "model.yaml:3:5" in shown, "the place does not need the text of the file"
    assert "= help: did you mean `dim`?" in shown, "help moves below when there are no carets"


def test_a_problem_without_a_place() -> None:
    shown = render(Diagnostic("GS600", "stale", None, "run it again", severity="warning"), None)
    assert shown.splitlines() == [
        "warning[GS600]: stale",
        "   = help: run it again",
        "   = see: getspec explain GS600",
    ], "no place, no arrow"


@pytest.mark.parametrize(
    ("line", "col", "width", "under"),
    [
        ("dim: 1", 1, 3, "dim"),
        ("日本: dimm", 5, 4, "dimm"),
        ("👍 dimm", 3, 4, "dimm"),
        ("e\u0301e\u0301 dimm", 6, 4, "dimm"),
        ("\tdimm: 1", 2, 4, "dimm"),
        ("ab\tdimm: 1", 4, 4, "dimm"),
        ("\x1b[31m dimm", 7, 4, "dimm"),
        ("日本: x", 1, 2, "日本"),
    ],
)
def test_the_caret_stands_under_its_text(line: str, col: int, width: int, under: str) -> None:
    source, carets = render(Diagnostic("GS101", "m", Span("m", 1, col, width)), [line]).split("\n")[
        3:5
    ]
    before = source[: source.index(under)]
    assert carets.index("^") == _columns(before), "the caret starts where the text does"
    assert carets.count("^") == _columns(under), "the carets are as wide as the text"


@pytest.mark.parametrize("filler", ["x", "日", "é"])
@pytest.mark.parametrize("at", [0, 3, 500, 997])
def test_long_lines_are_shown_around_the_caret(filler: str, at: int) -> None:
    line = filler * at + "DIM" + filler * (1000 - at)
    page = render(Diagnostic("GS101", "m", Span("m", 1, at + 1, 3)), [line], width=60)
    source, carets = page.split("\n")[3:5]
    assert _columns(source) <= 60, "a long line is cut to the width of the page"
    assert carets.index("^") == _columns(source[: source.index("DIM")]), "the caret still fits"


def test_a_whole_line_underlined_fits_the_page() -> None:
    page = render(Diagnostic("GS101", "m", Span("m", 1, 1, 5000), "fix"), ["x" * 5000], width=60)
    assert max(map(len, page.split("\n"))) <= 60, "carets are cut as well as text"


def test_help_that_does_not_fit_goes_below() -> None:
    shown = render(Diagnostic("GS101", "m", Span("m", 1, 1, 3), "h" * 90), ["dim: 1"])
    assert f"   = help: {'h' * 90}" in shown, "a long help has a line of its own"


def test_colour_adds_only_colour() -> None:
    colored = render(TYPO, LINES, paint=Look(color=True, width=80).paint)
    assert "\x1b[1;31merror[GS101]" in colored, "errors are red when colour is asked for"
    plain = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert plain == render(TYPO, LINES), "without the colours the text is the same"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日 👍", "plain é 日 👍"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800", "\\ud800"),
        ("\n\r\t\0", "\\n\\r\\t\\x00"),
        ("\x85\u2028", "\\x85\\u2028"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_escape_makes_the_invisible_visible(text: str, shown: str) -> None:
    assert escape(text) == shown, "what cannot be seen is spelled out, the rest is left alone"


@settings(deadline=None)
@given(st.text(), st.text(), st.integers(1, 50), st.integers(1, 50))
def test_nothing_shown_can_drive_a_terminal(text: str, line: str, col: int, width: int) -> None:
    found = Diagnostic("GS101", text, Span(text, 1, col, width), text, ((text, Span(text, 1, 1)),))
    for shown in (render(found, [line]), str(SpecError([found]))):
        assert all(map(str.isprintable, shown.split("\n"))), "spec text is escaped wherever shown"


def test_json_has_stable_keys_and_raw_text() -> None:
    notes = (("first", Span("m.yaml", 1, 1)), ("anywhere", None))
    assert Diagnostic("GS020", "\x1b", Span("m.yaml", 2, 3, 4), "fix", notes).as_json() == {
        "code": "GS020",
        "severity": "error",
        "message": "\x1b",
        "file": "m.yaml",
        "line": 2,
        "col": 3,
        "end_col": 7,
        "help": "fix",
        "replacement": None,
        "notes": [
            {"message": "first", "file": "m.yaml", "line": 1, "col": 1, "end_col": 2},
            {"message": "anywhere", "file": None, "line": None, "col": None, "end_col": None},
        ],
    }, "tools rely on these keys; end_col is the column after the last one"


def test_a_fix_is_help_that_a_program_can_carry_out() -> None:
    found = Diagnostic("GS101", "x", Span("m.yaml", 2, 3, 4), meant("dimm", ["dim", "heads"]))
    assert (found.help, found.as_json()["replacement"]) == ("did you mean `dim`?", "dim")
    assert meant("zebra", ["dim"]) is None, "nothing is close"
    assert meant("zebra", ["dim"], "it takes: dim") == "it takes: dim", "help without a fix"
    again = pickle.loads(pickle.dumps(found))
    assert again.as_json() == found.as_json(), "errors travel between processes"


def test_a_spec_error_is_one_line_for_each_problem() -> None:
    error = SpecError([TYPO, Diagnostic("GS011", "the spec is empty")])
    assert str(error).splitlines() == [
        "model.yaml:3:5: GS101: unknown key `dimm` in component `attn`",
        "GS011: the spec is empty",
    ], "each line can be clicked in a terminal"


def test_errors_know_their_exit_status() -> None:
    assert SpecError([TYPO]).exit_status == 1, "1: the spec is wrong"
    assert UsageError("no such command").exit_status == 2, "2: usage, or input and output"
    assert all(issubclass(each, GetspecError) for each in (SpecError, UsageError)), "one base"


def test_all_problems_are_reported_together() -> None:
    problems = Diagnostics()
    problems.raise_if_errors()
    problems.warning("GS301", "unused")
    problems.raise_if_errors()
    problems.error("GS101", "first", help="fix it")
    problems.extend([TYPO])
    assert len(problems) == 3, "warnings count as problems"
    with pytest.raises(SpecError) as caught:
        problems.raise_if_errors({"model.yaml": LINES})
    assert [each.message for each in caught.value.diagnostics] == ["unused", "first", TYPO.message]
    assert caught.value.sources["model.yaml"] == LINES, "the lines travel with the error"


def test_every_item_is_tried_before_one_that_fails_counts() -> None:
    def even(number: int) -> int:
        if number % 2:
            raise SpecError.of("GS305", f"{number} is odd")
        return number

    problems = Diagnostics()
    assert problems.every(even, [2, 4]) == [2, 4]
    assert problems.attempt(even, 6) == 6
    assert len(problems) == 0
    with pytest.raises(SpecError) as caught:
        problems.every(even, [1, 2, 3])
    assert [each.message for each in problems] == ["1 is odd", "3 is odd"]
    assert caught.value.diagnostics == (), "what is reported is not reported again"
    assert problems.attempt(even, 5) is None
    assert len(problems) == 3


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("dmi", "dim"),
        ("di", "dim"),
        ("dimm", "dim"),
        ("Dim", "dim"),
        ("hiden_dim", "hidden_dim"),
        ("hidden_dims", "hidden_dim"),
        ("hidden-dim", "hidden_dim"),
        ("heads", "num_heads"),
        ("tpye", "type"),
        ("zzz", None),
        ("x", None),
        ("", None),
    ],
)
def test_did_you_mean(word: str, meant: str | None) -> None:
    names = ["type", "dim", "hidden_dim", "num_heads", "num_kv_heads", "depth", "bias"]
    assert nearest(word, names) == meant, "suggest what was meant, and nothing rather than nonsense"


KEYS = ["components", "config", "forward", "inputs", "type", "shape", "dim", "bias", "num_heads"]


@pytest.mark.parametrize("key", KEYS)
def test_any_single_slip_in_a_key_is_recognised(key: str) -> None:
    slips = {key[:at] + key[at + 1 :] for at in range(len(key))}
    slips |= {key[:at] + "q" + key[at:] for at in range(len(key))}
    slips |= {key[:at] + "q" + key[at + 1 :] for at in range(len(key))}
    slips |= {key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :] for at in range(1, len(key))}
    missed = {slip for slip in slips - {key} if nearest(slip, KEYS) != key}
    assert not missed, f"one wrong letter must not hide `{key}`"


def test_the_catalogue_is_in_order_and_complete() -> None:
    assert list(CODES) == sorted(CODES), "entries are in the order of their codes"
    for code, (title, text) in CODES.items():
        assert title.strip(), f"{code} needs a short title"
        assert title[0] != " ", f"{code} needs a short title"
        assert not title.endswith("."), f"{code} needs a short title"
        assert text.endswith("."), f"{code} is explained in sentences"


def test_importing_errors_costs_next_to_nothing() -> None:
    heavy = "{'re', 'json', 'difflib', 'yaml', 'unicodedata'}"
    # `dataclasses` imports `re` itself, so only what comes on top of it is counted.
    code = (
        "import sys, dataclasses; before = set(sys.modules); import getspec.errors;"
        f"print(sorted(({heavy} - before) & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]", "`getspec --help` imports this module"


def _columns(text: str) -> int:
    """Terminal columns, counted another way than in the module."""
    return sum(
        0 if char == "\u0301" else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )
