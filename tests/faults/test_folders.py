"""Folders that take nothing: of a disk that is full or may only be read, or without the right to write.

Real ones. A namespace of mounts gives a test a disk of its own, and goes when the command has ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from writers import WRITERS, leftovers, prepare, run

IN_A_NAMESPACE = ("unshare", "--map-root-user", "--mount", "sh", "-ec")
FULL = """\
mount -t tmpfs -o size=64k none .
cd .
cp -R ../before/. .
head -c 1000000 /dev/zero > fill 2> /dev/null || true
status=0; "$@" || status=$?
rm fill; cp -R . ../after
exit $status
"""
READ_ONLY = """\
mount --bind . .
mount -o remount,ro,bind .
cd "$PWD"
exec "$@"
"""
POWERLESS = ("setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search")
"""root without the power to write where nobody may."""


def works(*words: str) -> bool:
    """Whether a program is here and may do what it is for."""
    if shutil.which(words[0]) is None:
        return False
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


namespace = pytest.mark.skipif(
    not works(*IN_A_NAMESPACE, "mount -t tmpfs none /mnt"),
    reason="no namespace of mounts may be made here",
)


@pytest.fixture(params=WRITERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def before(tmp_path: Path, name: str) -> Path:
    """A folder in which the command has something to write."""
    prepare(tmp_path / "before", 4)
    return tmp_path / "before"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(done: subprocess.CompletedProcess[str], reason: str) -> None:
    assert done.returncode == 2, done.stderr
    assert reason in done.stderr
    assert done.stderr.startswith("error: cannot write ")
    assert "Traceback" not in done.stderr


@namespace
def test_a_full_disk(name: str, before: Path) -> None:
    here = before.with_name("here")
    here.mkdir()
    done = run(here, WRITERS[name][0].split(" "), *IN_A_NAMESPACE, FULL, "sh")
    refused(done, "No space left on device")
    assert contents(before.with_name("after")) == contents(before)


@namespace
def test_a_disk_that_may_only_be_read(name: str, before: Path) -> None:
    old = contents(before)
    done = run(before, WRITERS[name][0].split(" "), *IN_A_NAMESPACE, READ_ONLY, "sh")
    refused(done, "Read-only file system")
    assert contents(before) == old


@pytest.fixture
def protected(before: Path) -> Iterator[Path]:
    before.chmod(0o555)
    yield before
    before.chmod(0o755)


def test_a_folder_without_the_right_to_write(name: str, protected: Path) -> None:
    power = () if os.geteuid() else POWERLESS
    if power and not works(*power, "true"):
        pytest.skip("root may write everywhere, and cannot give that up here")
    old = contents(protected)
    done = run(protected, WRITERS[name][0].split(" "), *power)
    refused(done, "Permission denied")
    assert contents(protected) == old


@pytest.mark.skipif(not works("faketime", "1970-01-01 00:00:00", "true"), reason="no faketime")
def test_a_clock_that_stands_in_1970(name: str, before: Path) -> None:
    """What is written does not depend on the time, and what a run left long after now is swept all the same."""
    now, then = before.with_name("now"), before.with_name("then")
    command, files = WRITERS[name]
    for folder, clock in ((now, ()), (then, ("faketime", "1970-01-01 00:00:00"))):
        shutil.copytree(before, folder)
        place = (folder / files[0]).parent
        place.mkdir(exist_ok=True)
        (place / f".getspec-{'a' * 16}-0").write_text("of a run that was killed")
        done = run(folder, command.split(" "), *clock)
        assert done.returncode == 0, done.stderr
        assert leftovers(folder) == []
    assert contents(then) == contents(now)
