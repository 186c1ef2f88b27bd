"""Every failing spec of `bad/` says what is expected: one file, one page of errors beside it.

`pytest tests/test_bad_specs.py --update-bad` writes the pages again, to be read in the diff.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from getspec.cli import main
from getspec.errors import SpecError

BAD = Path(__file__).parent / "bad"
SPECS = sorted(BAD.glob("*.yaml"))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What `getspec check` prints for a file, seen from its folder."""
    monkeypatch.chdir(BAD)
    monkeypatch.setenv("NO_COLOR", "1")

    def print_page(name: str) -> str:
        status = main(["check", name])
        shown = capsys.readouterr()
        assert status == 1, f"a wrong spec is answered with no:\n{shown.err}"
        assert shown.out == "", "what is wrong goes to standard error"
        return shown.err

    return print_page


def test_there_are_many() -> None:
    assert len(SPECS) >= 80, "the folder is the promise that errors are read by people"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_failing_spec_says_why(path: Path, page, request: pytest.FixtureRequest) -> None:
    found = page(path.name)
    expected = path.with_suffix(".txt")
    if request.config.getoption("--update-bad"):
        expected.write_text(found, encoding="utf-8")
    assert expected.exists(), "write it with --update-bad, then read it"
    assert found == expected.read_text(encoding="utf-8"), "a changed message must be meant"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_one_mistake_gives_one_error(path: Path) -> None:
    count = path.with_suffix(".txt").read_text(encoding="utf-8").count("error[")
    if "several" in path.stem:
        assert count > 1, "independent mistakes are reported together"
    else:
        assert count == 1, "what follows from a mistake is not another"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_error_has_its_place(path: Path) -> None:
    page = path.with_suffix(".txt").read_text(encoding="utf-8")
    for error in page.split("error[")[1:]:
        assert "\n  --> " in error or "\n   --> " in error, "a file, a line and a column"
    assert "\x1b" not in page, "nothing of a spec reaches the terminal as a control character"


def test_no_expected_text_is_left_over() -> None:
    kept = {path.stem for path in SPECS}
    assert {path.stem for path in BAD.glob("*.txt")} <= kept, "its spec is gone"


@pytest.mark.parametrize("path", SPECS[::7], ids=lambda path: path.stem)
def test_the_same_errors_come_from_the_python_interface(path: Path, monkeypatch) -> None:
    import getspec

    monkeypatch.chdir(BAD)
    with pytest.raises(SpecError) as caught:
        getspec.load(path.name)
    page = path.with_suffix(".txt").read_text(encoding="utf-8")
    for found in caught.value.diagnostics:
        assert f"error[{found.code}]" in page, "one list of problems for people and programs"


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = shutil.copy(BAD / "flow-wrong-axis.yaml", tmp_path / "wrong.yaml")
    monkeypatch.chdir(tmp_path)
    assert main(["generate", str(spec)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"], "no file, no folder"
