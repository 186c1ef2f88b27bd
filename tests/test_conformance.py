"""Every case of `conformance/` gives what it says, under both of PyYAML's parsers, within its limits.

`pytest tests/test_conformance.py --update-conformance` writes what is given as what is expected, to be read in the diff.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cases import CASES, CODES, ROOT, Case, diagnostics, lay_out, lay_out_good

import getspec
from getspec.cli import main
from getspec.errors import Fix, SpecError, render

BY_NAME = {case.name: case for case in CASES}
CLASSES = sorted(path for path in ROOT.iterdir() if re.match("E[0-9]{2}-", path.name))
REFUSED = [case for case in CASES if case.status]
CHECKED = [case for case in CASES if case.command[0] == "check" and case.stdin is None]
"""Cases of the command that people and tools ask."""
LOADED = [case for case in REFUSED if case.command == ["check", "spec.yaml"] and case.status == 1]
"""Cases that the Python interface has as well."""


def ran(parser: str) -> dict[str, Any]:
    """What every case gives; the limits are those of each case's own process."""
    script = Path(__file__).parent / "cases.py"
    done = subprocess.run([sys.executable, str(script), parser], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    found = {parser: ran(parser) for parser in ("c", "pure")}
    if request.config.getoption("--update-conformance"):
        for name, case in BY_NAME.items():
            document = json.dumps(case.document(found["c"][name]), indent=2)
            case.file.write_text(document + "\n", encoding="utf-8")
            BY_NAME[name].__init__(case.folder)  # type: ignore[misc]
    return found


@pytest.mark.parametrize("parser", ["c", "pure"])
def test_every_case_gives_what_it_says(outcomes: dict[str, dict[str, Any]], parser: str) -> None:
    """No traceback, nothing written, a second and 300 MB: a case that breaks these gives something else."""
    wrong = {}
    for name, case in BY_NAME.items():
        expected = {"status": case.status, "diagnostics": case.expected}
        if case.accepts is not None:
            expected["accepts"] = case.accepts
        if outcomes[parser][name] != expected:
            wrong[name] = outcomes[parser][name]
    shown = "\n".join(f"{name}: {found}" for name, found in list(wrong.items())[:5])
    assert not wrong, (
        f"{len(wrong)} cases under the {parser} parser, to be read or mended:\n{shown}"
    )


def test_there_are_enough_of_every_class() -> None:
    numbers = [int(path.name[1:3]) for path in CLASSES]
    assert numbers == list(range(1, 65)), "E01 to E64, each once"
    few = {path.name: n for path in CLASSES if (n := len(list(path.glob("*/case.json")))) < 3}
    assert not few, "three cases show what a class is"


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_refusal_has_its_place_its_code_and_a_fix(case: Case) -> None:
    errors = [each for each in diagnostics(case) if each.severity == "error"]
    assert len(errors) == case.mistakes, "one for each mistake; what follows from one is none"
    for error in errors:
        assert error.help, f"{error}: there is always something to do"
        assert "\n" not in error.help, "one line"
        assert (error.span is None) == (case.status == 2), (
            "what is wrong in a spec has a place in it"
        )
    assert case.status in (1, 2), "1 where a spec is wrong, 2 where the command line or the disk is"


def test_a_foreign_file_is_never_shown() -> None:
    for case in CASES:
        assert "do not print" not in json.dumps(case.expected), f"{case.name} reads a file outside"


@pytest.mark.parametrize("case", CHECKED[::7], ids=lambda case: case.name)
def test_people_read_what_tools_read(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(lay_out(case, tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(case.command) == case.status, "the format of the answer does not change it"
    shown = capsys.readouterr().err
    for error in diagnostics(case)[:20]:
        assert f"[{error.code}]" in shown
        assert error.span is None or f"--> {error.span}" in shown, "a file, a line and a column"
    assert all(char.isprintable() or char == "\n" for char in shown), "nothing raw on a terminal"


@pytest.mark.parametrize("case", LOADED, ids=lambda case: case.name)
def test_the_same_errors_come_from_the_python_interface(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lay_out(case, tmp_path))
    with pytest.raises(SpecError) as caught:
        getspec.load("spec.yaml")
    assert list(caught.value.diagnostics) == diagnostics(case), "one list for people and programs"


# Fixes


def carried_out(error: Any, text: str) -> str:
    lines = text.split("\n")
    line, at = lines[error.span.line - 1], error.span.col - 1
    lines[error.span.line - 1] = line[:at] + error.help.text + line[at + error.span.width :]
    return "\n".join(lines)


FIXES = [
    (case, error)
    for case in CASES
    for error in diagnostics(case)
    if isinstance(error.help, Fix) and case.command == ["check", "spec.yaml"]
]


def test_many_fixes_are_mechanical() -> None:
    assert len(FIXES) >= 60, "a program can carry them out"


@pytest.mark.parametrize(("case", "error"), FIXES, ids=lambda each: getattr(each, "name", ""))
def test_a_fix_that_is_carried_out_ends_its_error(
    case: Case, error: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lay_out(case, tmp_path))
    file = Path(error.span.file)
    text = file.read_bytes().decode().replace("\r\n", "\n").removeprefix("\ufeff")
    file.write_text(carried_out(error, text), encoding="utf-8")
    try:
        getspec.load("spec.yaml")
    except SpecError as left:
        found = [(each.code, each.message) for each in left.diagnostics]
        assert (error.code, error.message) not in found, f"{error.help} does not help"


# Codes


def test_every_code_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    from getspec.codes import CODES as LISTED

    examples = {path.name for path in CODES.iterdir()}
    assert examples == set(LISTED), "an example for each code of the catalogue, and no other"


@pytest.mark.parametrize("path", sorted(CODES.iterdir()), ids=lambda path: path.name)
def test_an_example_is_about_its_code(path: Path) -> None:
    found = Counter(each["code"] for each in BY_NAME[f"codes/{path.name}"].expected)
    assert found == {path.name: 1}, "the bad example shows the code once, and no other"


@pytest.mark.parametrize("path", sorted(CODES.iterdir()), ids=lambda path: path.name)
def test_a_good_example_is_good(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = BY_NAME[f"codes/{path.name}"]
    folder, command = lay_out_good(case, tmp_path)
    monkeypatch.chdir(folder)
    assert main(command) == 0, capsys.readouterr().err
    assert "[GS" not in capsys.readouterr().err, "neither an error nor a warning"


def test_pages_are_those_of_render() -> None:
    case = BY_NAME["codes/GS420"]
    (error,) = diagnostics(case)
    lines = (case.folder / "spec.yaml").read_text(encoding="utf-8").splitlines()
    assert "-->" in render(error, lines), "what is expected is enough to show an error"
