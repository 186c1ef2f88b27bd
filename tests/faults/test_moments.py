"""Commands beside each other, and told to stop at any moment: whoever reads sees an old file or a new one, whole."""

from __future__ import annotations

import importlib.util
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM
from threading import Event, Thread

import pytest
from committed import ROOT
from writers import PROGRAM, SPEC, WRITERS, leftovers, prepare, run, start

import getspec
from getspec.output import state

pytestmark = pytest.mark.slow
MOMENTS = 20
TOLD = """
import sys
from getspec.cli import main
print("begun", file=sys.stderr, flush=True)
sys.exit(main())
"""
"""getspec, which says when it can be told to stop: before, the interpreter itself would answer."""
STATUSES = {SIGINT: {130, -SIGINT, 0}, SIGTERM: {-SIGTERM, 0}}
"""An interrupt after the last line of Python ends the process as it ends any other."""
STARTER = ROOT / "getspec" / "emit" / "templates" / "starter.yaml"
COMMANDS = {
    **{name: WRITERS[name] for name in ("generate", "docs", "report")},
    "sweep": ("sweep one.yaml --set dim=1:300000:1 --csv", ()),
    "verify": (f"verify {STARTER} --device cpu", ()),
}


@pytest.mark.parametrize("number", STATUSES, ids=["INT", "TERM"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_at_any_moment(name: str, number: signal.Signals, tmp_path: Path) -> None:
    if name == "verify" and importlib.util.find_spec("torch") is None:
        pytest.skip("`verify` runs models, and torch is not installed")
    command, files = COMMANDS[name]
    clean = tmp_path / "clean"
    prepare(clean, 4)
    seconds, status, _ = told(clean, command, None)
    assert status == 0
    new = [(clean / file).read_bytes() for file in files]
    seen: Counter[int] = Counter()
    for moment in range(MOMENTS):
        here = tmp_path / str(moment)
        prepare(here, 4)
        old = [(here / file).read_bytes() if (here / file).exists() else None for file in files]
        _, status, said = told(here, command, number, seconds * moment / MOMENTS)
        seen[status] += 1
        at = f"{number.name} at {moment} of {MOMENTS}: {status}, {said[-300:]}"
        assert status in STATUSES[number], at
        assert "Traceback" not in said, at
        assert "error" not in said, at
        found = [(here / file).read_bytes() if (here / file).exists() else None for file in files]
        assert all(f in (a, b) for f, a, b in zip(found, old, new, strict=True)), at
        if files:
            assert run(here, command.split(" ")).returncode == 0, at
            assert [(here / file).read_bytes() for file in files] == new, at
            assert leftovers(here) == [], at
    assert set(seen) != {0}, "no signal came while it worked"


def told(
    folder: Path, command: str, number: signal.Signals | None, after: float = 0.0
) -> tuple[float, int, str]:
    """How long a command took, its status and what it said, where it may get a signal."""
    with start(folder, [sys.executable, "-c", TOLD, *command.split(" ")]) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "begun\n"
        begun = time.monotonic()
        if number is not None:
            time.sleep(after)
            process.send_signal(number)
        _, said = process.communicate(timeout=300)
    return time.monotonic() - begun, process.returncode, said


def test_eight_runs_beside_each_other_and_a_reader(folder: Path) -> None:
    """Each writes another text; the reader sees one of theirs at every look, and one of them stays."""
    prepare(folder, 4)
    words, made = WRITERS["generate"][0].split(" "), Path("made/one.py")
    assert run(folder, words).returncode == 0
    every = range(8, 16)
    texts = {getspec.load("one.yaml", set={"dim": dim}).generate().encode() for dim in (4, *every)}
    looks = 0
    for _ in range(3):
        processes = [start(folder, [*PROGRAM, *words, "--set", f"dim={dim}"]) for dim in every]
        while any(process.poll() is None for process in processes):
            assert made.read_bytes() in texts
            looks += 1
        for process in processes:
            _, said = process.communicate()
            assert process.returncode == 0, said
        assert made.read_bytes() in texts
        assert leftovers(folder) == []
    assert looks > 100


# ------------------------------------------------------------------------- a spec that is being written

LONG = "# what a reader of half the file would see\n" * 2000
TEXTS = [LONG + SPEC.format(dim=dim) for dim in (4, 8)]


def replaced(path: Path, text: str) -> None:
    """As an editor writes, and git."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def overwritten(path: Path, text: str) -> None:
    """As a shell writes: for a moment there is nothing, then a part."""
    path.write_text(text)


def removed(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


@contextmanager
def changing(path: Path, write: Callable[[Path, str], None]) -> Iterator[None]:
    """A file that somebody writes again and again."""
    over = Event()

    def again() -> None:
        while not over.is_set():
            for text in TEXTS:
                write(path, text)

    writer = Thread(target=again)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@pytest.mark.parametrize(
    ("write", "statuses"), [(replaced, {0}), (overwritten, {0, 1}), (removed, {0, 1, 2})]
)
def test_a_spec_that_changes_while_it_is_read(
    write: Callable[[Path, str], None], statuses: set[int], folder: Path
) -> None:
    """The module is that of one of the two texts, or it is said what is wrong with what was there."""
    spec, made = Path("one.yaml"), Path("generated/one.py")
    expected = set()
    for text in TEXTS:
        spec.write_text(text)
        expected.add(getspec.load("one.yaml").generate())
    found = set()
    with changing(spec, write):
        for _ in range(30):
            made.unlink(missing_ok=True)
            done = run(folder, ["generate", "one.yaml"])
            assert done.returncode in statuses, done.stderr
            assert "Traceback" not in done.stderr
            if done.returncode:
                assert done.stderr.startswith("error")
                assert not made.exists()
            else:
                found.add(made.read_text())
    assert found <= expected
    assert found or write is not replaced
    assert state(made, "") in ("missing", "stale")
