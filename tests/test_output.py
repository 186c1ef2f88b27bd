"""Files on disk: sealed, whole, and never written over somebody's work."""

from __future__ import annotations

import ast
import errno
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import getspec.output
from getspec.errors import UsageError
from getspec.output import MARK, diff, seal, state, write_all

OLD = seal("class Model: ...\n")
NEW = seal("class Model:\n    size = 1\n")
PACKAGE = Path(getspec.output.__file__).parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.py"


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def raising(code: int, after: int = 0) -> Callable[..., Any]:
    """A stand-in for a function of `os` that works `after` times, then fails."""
    calls = 0

    def fail(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(code, os.strerror(code))
        return original(*args)

    original = os.write
    return fail


# --------------------------------------------------------------------------------------- the seal


def test_a_seal_is_one_last_line_and_the_same_every_time() -> None:
    text = "x = 1\n"
    sealed = seal(text)
    assert sealed == seal(text)
    assert sealed.startswith(text + MARK)
    assert sealed.count("\n") == 2
    assert sealed.endswith("\n")
    assert len(sealed.splitlines()[-1]) <= 100


def test_a_seal_starts_on_a_line_of_its_own() -> None:
    assert seal("x = 1") == seal("x = 1\n")


def test_states(path: Path) -> None:
    assert state(path, NEW) == "missing"
    path.write_text(NEW)
    assert state(path, NEW) == "current"
    path.write_text(OLD)
    assert state(path, NEW) == "stale"
    path.write_text(OLD + "# a note\n")
    assert state(path, NEW) == "edited"
    path.write_text("class Model: ...\n")
    assert state(path, NEW) == "foreign"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda text: "# a note\n" + text, id="line added above"),
        pytest.param(lambda text: text + "# a note\n", id="line added below"),
        pytest.param(lambda text: text + "\n", id="blank line added below"),
        pytest.param(lambda text: text[:-1], id="last newline deleted"),
        pytest.param(lambda text: text.replace("Model", "Other"), id="word replaced"),
        pytest.param(lambda text: text.replace(" ", "  ", 1), id="space added"),
        pytest.param(lambda text: text.replace("class", "klass", 1), id="letter replaced"),
        pytest.param(lambda text: text.replace(": ...", ":\n    pass"), id="body replaced"),
        pytest.param(lambda text: text.split("\n", 1)[1], id="first line deleted"),
        pytest.param(lambda text: text[:-9] + "\n", id="seal cut short"),
        pytest.param(lambda text: text[:-2] + "g\n", id="seal mistyped"),
        pytest.param(lambda text: text.upper().replace(MARK.upper(), MARK), id="case changed"),
        pytest.param(lambda text: text.split(MARK)[0], id="seal deleted"),
        pytest.param(lambda text: "", id="emptied"),
        pytest.param(lambda text: text + text, id="pasted twice"),
        pytest.param(lambda text: text.split(MARK)[0] + seal("")[1:] + "x", id="seal of another"),
        pytest.param(lambda text: "\ufeff" + text, id="byte-order mark"),
        pytest.param(lambda text: text.replace("...", "…"), id="typographic"),
        pytest.param(lambda text: text.replace("\n", "\r"), id="line ends of old Macs"),
        pytest.param(lambda text: text.replace("\n", " \n", 1), id="trailing space"),
    ],
)
def test_every_edit_is_noticed_and_kept(path: Path, edit: Callable[[str], str]) -> None:
    edited = edit(OLD)
    path.write_bytes(edited.encode())
    assert state(path, NEW) in ("edited", "foreign")
    with pytest.raises(UsageError):
        write_all({path: NEW})
    assert path.read_bytes() == edited.encode()
    assert write_all({path: NEW}, force=True) == [path]
    assert path.read_text() == NEW


def test_line_ends_changed_by_git_are_no_edit(path: Path) -> None:
    path.write_bytes(OLD.replace("\n", "\r\n").encode())
    assert state(path, OLD) == "stale"
    write_all({path: OLD})
    assert path.read_bytes() == OLD.encode()


def test_bytes_that_are_no_text_are_foreign(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    assert state(path, NEW) == "foreign"


# ----------------------------------------------------------------------------------------- writing


def test_writes_utf8_with_unix_line_ends_into_new_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "model.py"
    text = seal("# (B, N·D)\n")
    assert write_all({path: text}) == [path]
    assert path.read_bytes() == text.encode()
    assert names(path.parent) == ["model.py"]


def test_what_is_current_is_not_touched(tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text(NEW)
    os.utime(first, (1, 1))
    second.write_text(OLD)
    assert write_all({first: NEW, second: NEW}, force=True) == [second]
    assert first.stat().st_mtime == 1
    assert second.read_text() == NEW


def test_nothing_is_written_when_one_of_several_was_edited(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("new.py", "stale.py", "edited.py", "foreign.py")]
    new, stale, edited, foreign = paths
    stale.write_text(OLD)
    edited.write_text(OLD + "# a note\n")
    foreign.write_text("print()\n")
    with pytest.raises(UsageError) as error:
        write_all(dict.fromkeys(paths, NEW))
    assert str(error.value) == (
        f"nothing written: this would overwrite {edited} (edited by hand), "
        f"{foreign} (not written by getspec)"
    )
    assert error.value.help == "look with `--diff`, overwrite with `--force`"
    assert error.value.exit_status == 2
    assert not new.exists()
    assert stale.read_text() == OLD


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755, 0o444])
def test_the_mode_of_a_file_is_kept(path: Path, mode: int) -> None:
    path.write_text(OLD)
    path.chmod(mode)
    write_all({path: NEW})
    assert path.read_text() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_user_chose(path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_all({path: NEW})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_is_written_through(tmp_path: Path, path: Path, exists: bool) -> None:
    real = tmp_path / "elsewhere" / "real.py"
    real.parent.mkdir()
    if exists:
        real.write_text(OLD)
    path.symlink_to(real)
    write_all({path: NEW})
    assert path.is_symlink()
    assert real.read_text() == NEW
    assert names(tmp_path) == ["elsewhere", "model.py"]
    assert names(real.parent) == ["real.py"]


KILLED = """
import os, signal, sys
from pathlib import Path
import getspec.output
from getspec.output import seal, write_all

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL if sys.argv[1] == "dead" else signal.SIGSTOP)

os.replace = die
write_all({Path(name): seal("# new") for name in sys.argv[2:]})
"""


def stopped(how: str, *paths: Path) -> subprocess.Popen[bytes]:
    """A run that got as far as its temporary files, and is dead or asleep."""
    command = [sys.executable, "-c", KILLED, how, *map(str, paths)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)})
    if how == "dead":
        process.wait()
    else:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    return process


@pytest.mark.skipif(os.name != "posix", reason="signals and locks of POSIX")
def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path, path: Path) -> None:
    stopped("dead", path, tmp_path / "other.py")
    assert len(names(tmp_path)) == 2
    write_all({path: NEW})
    assert names(tmp_path) == ["model.py"]


@pytest.mark.skipif(os.name != "posix", reason="signals and locks of POSIX")
def test_the_files_of_a_run_that_lives_are_left_alone(tmp_path: Path, path: Path) -> None:
    process = stopped("asleep", path, tmp_path / "other.py")
    try:
        write_all({path: NEW})
        assert len(names(tmp_path)) == 3, "two of the run beside this one"
    finally:
        process.kill()
        process.wait()
    write_all({path: OLD})
    assert names(tmp_path) == ["model.py"]


def test_without_locks_what_is_an_hour_old_is_swept(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getspec.output, "_lock", lambda file: None)
    old, young = (tmp_path / f".getspec-{letter * 16}-0" for letter in "ab")
    others = [tmp_path / name for name in (".getspec-notes", ".hidden")]
    for leftover in (old, young, *others):
        leftover.write_text("torn")
        os.utime(leftover, (time.time() - (0 if leftover is young else 3700),) * 2)
    write_all({path: NEW})
    assert names(tmp_path) == sorted([young.name, *(p.name for p in others), "model.py"])


@pytest.mark.parametrize("now", [0.0, 2.0**33])
def test_the_time_of_day_does_not_matter(
    path: Path, monkeypatch: pytest.MonkeyPatch, now: float
) -> None:
    monkeypatch.setattr(time, "time", lambda: now)
    path.write_text(OLD)
    os.utime(path, (0, 0))
    write_all({path: NEW})
    assert path.read_text() == NEW
    assert names(path.parent) == ["model.py"]


def test_a_folder_that_vanishes_under_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gone" / "model.py"

    def vanish(*_: object) -> None:
        shutil.rmtree(path.parent)

    monkeypatch.setattr(os, "fsync", vanish)
    with pytest.raises(UsageError, match="No such file"):
        write_all({path: NEW})
    assert names(tmp_path) == []


# ------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("after", [0, 1])
def test_a_disk_that_fails_leaves_every_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, after: int
) -> None:
    paths = [tmp_path / "a.py", tmp_path / "b.py"]
    for path in paths:
        path.write_text(OLD)
    monkeypatch.setattr(os, "write", raising(code, after))
    with pytest.raises(UsageError) as error:
        write_all(dict.fromkeys(paths, NEW))
    assert str(error.value) == f"cannot write {paths[after]}: {os.strerror(code)}"
    assert [path.read_text() for path in paths] == [OLD, OLD]
    assert names(tmp_path) == ["a.py", "b.py"]


@pytest.mark.parametrize("function", ["open", "fsync", "replace"])
def test_no_temporary_file_survives_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    path.write_text(OLD)
    monkeypatch.setattr(os, function, raising(errno.EACCES))
    with pytest.raises(UsageError, match="Permission denied") as error:
        write_all({path: NEW})
    assert error.value.help == "choose a folder that you may write to"
    assert path.read_text() == OLD
    assert names(path.parent) == ["model.py"]


def test_no_temporary_file_survives_an_interrupt(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_all({path: NEW})
    assert names(path.parent) == []


def test_a_disk_that_takes_a_few_bytes_at_a_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:7]))
    write_all({path: NEW})
    assert path.read_text() == NEW


def test_a_folder_in_the_way(path: Path) -> None:
    path.mkdir()
    with pytest.raises(UsageError, match=r"cannot write .*model\.py: it is a folder"):
        write_all({path: NEW}, force=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_in_the_way_does_not_block(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(UsageError, match="it is not a regular file"):
        write_all({path: NEW}, force=True)


def test_a_file_where_a_folder_should_be(path: Path) -> None:
    path.write_text(OLD)
    with pytest.raises(UsageError, match="Not a directory"):
        write_all({path / "model.py": NEW})


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_loop_of_links(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(UsageError, match="symbolic links"):
        write_all({path: NEW})


WRITER = """
import sys
from pathlib import Path
from getspec.output import seal, write_all

path, letter = Path(sys.argv[1]), sys.argv[2]
for round in range(20):
    write_all({path: seal(f"# {letter}{round} " + letter * 20_000)})
"""


@pytest.mark.slow
def test_eight_writers_and_a_reader_that_never_sees_a_torn_file(path: Path) -> None:
    path.write_text(OLD)
    command = [sys.executable, "-c", WRITER, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    writers = [subprocess.Popen([*command, letter], env=environment) for letter in "abcdefgh"]
    reads = 0
    while any(writer.poll() is None for writer in writers):
        assert state(path, "") == "stale"
        reads += 1
    assert [writer.wait() for writer in writers] == [0] * 8
    assert reads > 10
    assert names(path.parent) == ["model.py"]


# -------------------------------------------------------------------------------------------- diff


def test_diff_is_unified_and_empty_when_current(path: Path) -> None:
    path.write_text("a\nb\n")
    name = path.as_posix()
    assert diff(path, "a\nb\n") == ""
    assert diff(path, "a\nc\n") == f"--- {name}\n+++ {name}\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"


def test_diff_with_a_file_that_is_missing(path: Path) -> None:
    expected = f"--- /dev/null\n+++ {path.as_posix()}\n@@ -0,0 +1 @@\n+a\n"
    assert diff(path, "a\n") == expected


def test_diff_says_where_the_last_newline_is_missing(path: Path) -> None:
    path.write_text("a")
    assert diff(path, "a\n").endswith("-a\n\\ No newline at end of file\n+a\n")


def test_diff_of_bytes_that_are_no_text(path: Path) -> None:
    path.write_bytes(b"\xff\x0c\x1b[31m\tx\n")
    assert "-\\xff\\x0c\\x1b[31m\tx\n+a\n" in diff(path, "a\n")


# --------------------------------------------------------------------------- nobody else does this

WRITING = {"write_text", "write_bytes", "mkstemp", "NamedTemporaryFile", "fdopen", "makedirs"}


def writes(call: ast.Call) -> bool:
    """Whether a call opens a file for writing, or may."""
    match call.func:
        case ast.Name("open"):
            modes = call.args[1:2]
        case ast.Attribute(attr="open"):
            modes = call.args[:2]
        case ast.Attribute(attr=name) | ast.Name(name):
            return name in WRITING
        case _:
            return False
    modes += [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    constants = [mode.value for mode in modes if isinstance(mode, ast.Constant)]
    return any(isinstance(mode, str) and set(mode) & set("wax+") for mode in constants)


def test_no_other_module_writes_files() -> None:
    for module in sorted(PACKAGE.rglob("*.py")):
        calls = [x for x in ast.walk(ast.parse(module.read_text())) if isinstance(x, ast.Call)]
        found = [call.lineno for call in calls if writes(call)]
        assert not found or module.name == "output.py", f"{module}: lines {found}"
