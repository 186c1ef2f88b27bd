"""What stands where a command wants to write: it is written whole, or left as it is and said to be there.

Each command that writes, through `main`. `test_output.py` holds the same of the function they all call.
"""

from __future__ import annotations

import os
import re
import stat
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writers import WRITERS, leftovers, prepare

from getspec.cli import COMMANDS, main
from getspec.commands import _module

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX")
MINE = "typed by hand\n"
REFUSES = {name for name in WRITERS if name != "docs"}
"""`docs` fills regions of a page that is somebody's own, and the others write files that are theirs."""
NEW_ONLY = {"init", "import"}
"""What stands there is never theirs, even where it would be the same."""


@pytest.fixture(params=WRITERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder beside another, which is empty but for what links lead to."""
    folder = tmp_path / "here"
    prepare(folder, 4)
    (folder / "made").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(folder)
    yield folder
    assert leftovers(tmp_path) == []


def target(name: str) -> Path:
    return Path(WRITERS[name][1][0])


def answer(capsys: pytest.CaptureFixture[str], name: str) -> tuple[int, str]:
    """The status of the command, and its one error."""
    status = main(WRITERS[name][0].split(" "))
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert said.count("error") == (status == 2), said
    assert set(re.findall("`(--[a-z-]+)", said)) <= options(name), "help is about this command"
    return status, said


def options(name: str) -> set[str]:
    parser = ArgumentParser()
    COMMANDS[name][1](parser)
    return {option for action in parser._actions for option in action.option_strings}


def written(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command writes where nothing is in the way."""
    assert answer(capsys, name)[0] == 0
    return target(name).read_text()


def moved(name: str, to: Path) -> Path:
    """The target as a symbolic link to `to`, which gets what was there."""
    link = target(name)
    if link.exists():
        link.rename(to)
    link.symlink_to(to)
    return link


def test_a_folder(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = target(name)
    path.unlink(missing_ok=True)
    path.mkdir()
    status, said = answer(capsys, name)
    if name == "docs":
        assert status == 0, "a folder of no pages"
    else:
        assert status == 2
        assert path.as_posix() in said
    assert list(path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in WRITERS if "/" in WRITERS[name][1][0]])
def test_a_file_where_the_folder_should_be(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = target(name)
    path.parent.rmdir()
    path.parent.write_text(MINE)
    status, said = answer(capsys, name)
    assert status == 2
    assert "Not a directory" in said
    assert path.parent.read_text() == MINE


def test_a_link_out_of_the_folder_is_written_through(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an editor would; SECURITY.md says so."""
    far = tmp_path / "elsewhere" / "far"
    if name in NEW_ONLY:
        far.write_text(MINE)
    else:
        written(name, capsys)
        if name != "schema":
            prepare(Path(), 8)
            Path("two.yaml").write_text(Path("two.yaml").read_text().replace("One", "Two"))
    link = moved(name, far)
    old = far.read_text()
    status, _ = answer(capsys, name)
    assert link.is_symlink()
    assert os.readlink(link) == str(far)
    if name in NEW_ONLY:
        assert (status, far.read_text()) == (2, MINE)
    else:
        assert status == 0
        assert (far.read_text() == old) == (name == "schema")


def test_a_link_that_leads_nowhere(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is made where the link leads; `init` and `docs` want one that is not there, or that is."""
    expected = written(name, capsys)
    target(name).unlink()
    link = moved(name, tmp_path / "elsewhere" / "far")
    status, _ = answer(capsys, name)
    assert link.is_symlink()
    if name in ("docs", "init"):
        assert status == 2
        assert not link.exists()
    else:
        assert status == 0
        assert link.read_text() == expected


def test_a_link_to_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = target(name)
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)
    status, said = answer(capsys, name)
    assert status == 2
    assert "symbolic links" in said or name == "init"
    assert path.is_symlink()


def test_a_file_that_a_person_wrote(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = target(name)
    path.write_text(MINE)
    status, said = answer(capsys, name)
    assert path.read_text() == MINE
    assert status == (2 if name in REFUSES else 0)
    assert "GS601" in said or name == "docs"


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in ("report", "schema")])
def test_a_file_that_a_person_edited(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """But for a page and a schema, which nobody edits: what no longer begins as one is refused, see above."""
    path = target(name)
    path.write_text(written(name, capsys) + MINE)
    edited = path.read_text()
    status, _ = answer(capsys, name)
    assert path.read_text() == edited
    assert status == (2 if name in REFUSES else 0)


def test_a_file_that_may_only_be_read(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of getspec's own is renewed, and stays as it was protected: it is the folder that lets it be replaced."""
    old = written(name, capsys)
    path = target(name)
    path.chmod(0o444)
    prepare(Path(), 8)
    Path("two.yaml").write_text(Path("two.yaml").read_text().replace("One", "Two"))
    status, _ = answer(capsys, name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    if name in NEW_ONLY:
        assert (status, path.read_text()) == (2, old)
    else:
        assert status == 0
        assert (path.read_text() == old) == (name == "schema")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_not_waited_for(
    name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe that nobody writes to would hold a reader for ever, and a device would fill its memory."""
    path = target(name)
    path.unlink(missing_ok=True)
    make: dict[str, Callable[[], None]] = {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    make[kind]()
    assert answer(capsys, name)[0] == 2
    assert not path.is_file()


# ------------------------------------------------------------------------------------- what is read


def test_a_pipe_among_the_specs(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said to be there, and not waited for, whether it is a spec to compile or only lies beside one."""
    os.mkfifo("pipe.yaml")
    assert main(["check", "."]) == 2
    assert "pipe.yaml: it is not a regular file" in capsys.readouterr().err
    Path("one.yaml").write_text(Path("one.yaml").read_text().replace("linear", "Linear"))
    assert main(["check", "one.yaml"]) == 1
    assert "GS301" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "generate", "report", "docs", "explain", "count"])
def test_a_spec_that_is_a_link_to_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("loop.yaml").symlink_to("loop.yaml")
    assert main([command, "loop.yaml"]) == 2
    assert "cannot read loop.yaml: Too many levels" in capsys.readouterr().err


# -------------------------------------------------------------------------------- names of Windows

RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}


def windows_has(name: str) -> bool:
    """Whether Windows can have a file of this name."""
    return not (
        set(name) & set('<>:"/\\|?*')
        or any(ord(char) < 32 for char in name)
        or name.endswith((".", " "))
        or name.partition(".")[0].rstrip(" ").lower() in RESERVED
    )


@given(
    st.lists(
        st.sampled_from(["con", "NUL", "a", ".", " ", "getspec", "com1", ":", "ü"]), max_size=5
    ),
    st.sampled_from([".yaml", ".yml", ".getspec.yaml"]),
)
def test_a_module_has_a_name_of_windows_where_its_spec_has_one(
    stem: list[str], ending: str
) -> None:
    """It is the spec's own name, so no name of a device, no stream and no dot at the end comes in by compiling."""
    spec = PureWindowsPath(f"{''.join(stem)}{ending}")
    if spec.suffix and windows_has(spec.name):
        module = _module(spec)
        assert windows_has(module.name)
        assert module.name.endswith(".py")
        assert module.parent == spec.parent
