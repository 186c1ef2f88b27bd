"""A command that is told to stop while it works, or whose reader has gone: quiet, with the status that a shell knows.

At every system call that writes: tests/faults/test_system_calls.py. At many moments: tests/faults/test_moments.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest
from committed import ROOT
from pydantic_core import SchemaValidator, core_schema
from writers import PROGRAM, WRITERS, leftovers, prepare, run, start

from getspec.cli import main
from getspec.commands import COMMANDS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

STATUSES = {SIGINT: (130,), SIGTERM: (-SIGTERM, 143)}
"""A shell calls both of a process that SIGTERM ended 143."""
ASLEEP = """
import os, signal, sys
from getspec.cli import main

def fsync(file):
    os.kill(os.getpid(), signal.SIGSTOP)

os.fsync = fsync
sys.exit(main())
"""
"""getspec, which falls asleep when it has written its first file and not yet renamed it."""
SWEEP = ("sweep", "one.yaml", "--set", "dim=1:900000:1", "--csv")


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """The status of a process that gets a signal now, and what it says on standard error."""
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@contextmanager
def at_work(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that has printed its first line and has more to say."""
    with start(folder, [*PROGRAM, *words]) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process


@pytest.mark.parametrize("number", STATUSES, ids=["INT", "TERM"])
@pytest.mark.parametrize("name", ["generate", "docs", "report"])
def test_a_signal_while_files_are_written(
    name: str, number: signal.Signals, tmp_path: Path
) -> None:
    prepare(tmp_path, 4)
    command, files = WRITERS[name]
    paths = [tmp_path / file for file in files]
    old = [path.read_bytes() if path.exists() else None for path in paths]
    with start(tmp_path, [sys.executable, "-c", ASLEEP, *command.split(" ")]) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        status, said = stopped(process, number)
    assert status in STATUSES[number]
    assert said == ""
    assert [path.read_bytes() if path.exists() else None for path in paths] == old
    assert number == SIGTERM or leftovers(tmp_path) == [], "an interrupt leaves nothing"
    assert run(tmp_path, command.split(" ")).returncode == 0
    assert leftovers(tmp_path) == [], "the next run leaves nothing"
    assert [path.read_bytes() for path in paths] != old


@pytest.mark.parametrize("number", STATUSES, ids=["INT", "TERM"])
def test_a_signal_while_a_sweep_prints(number: signal.Signals, tmp_path: Path) -> None:
    prepare(tmp_path, 4)
    with at_work(tmp_path, *SWEEP) as process:
        status, said = stopped(process, number)
    assert status in STATUSES[number]
    assert said == ""


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("number", STATUSES, ids=["INT", "TERM"])
def test_a_signal_while_a_model_is_verified(number: signal.Signals, tmp_path: Path) -> None:
    prepare(tmp_path, 4)
    with at_work(
        tmp_path, "verify", str(ROOT / "specs" / "pretrain.yaml"), "--device", "cpu"
    ) as process:
        status, said = stopped(process, number)
    assert status in STATUSES[number]
    assert said == ""


def test_an_interrupt_under_another_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python calls an interrupt in `__set_name__` a RuntimeError, and torch has names of its own; a real one is our bug."""

    def command(*_: object, cause: type[BaseException]) -> int:
        raise RuntimeError("of a class") from cause()

    for cause, status in ((KeyboardInterrupt, 130), (ValueError, 3)):
        monkeypatch.setitem(COMMANDS, "count", partial(command, cause=cause))
        assert main(["count", "one.yaml"]) == status
        assert ("please report" in capsys.readouterr().err) == (status == 3)


@pytest.mark.parametrize(("raised", "status"), [(KeyboardInterrupt, 130), (ValueError, 3)])
def test_an_interrupt_while_pydantic_builds_a_model(
    raised: type[BaseException],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A model is built in pydantic's core, which makes an error of its own of whatever is raised there."""

    class Value:
        def __repr__(self) -> str:
            raise raised

    def command(_: object) -> int:
        SchemaValidator(core_schema.literal_schema([Value()]))
        return 0

    monkeypatch.setitem(COMMANDS, "count", command)
    assert main(["count", "one.yaml"]) == status
    assert ("please report" in capsys.readouterr().err) == (status == 3)


@pytest.mark.parametrize(
    "words", [SWEEP, ("count", "one.yaml", "--json"), ("schema",), ("explain", "GS")]
)
def test_a_reader_that_has_gone_is_no_error(words: tuple[str, ...], tmp_path: Path) -> None:
    """As `| head -c 1` goes, and as `| true`, which reads nothing."""
    prepare(tmp_path, 4)
    for wanted in (1, 0):
        with start(tmp_path, [*PROGRAM, *words]) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(wanted)
            process.stdout.close()
            assert process.stderr.read() == ""
            assert process.wait() == 0
