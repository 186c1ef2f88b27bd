"""A fault at every system call that writes: the old file or the new one, the right exit status, nothing left in the end.

`nox -s faults`. strace makes a call fail, or sends a signal at it; which calls there are is read off a run without a fault, so
a new one is covered by itself. What came of it is written to tests/results/faults.json.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from committed import ROOT
from writers import ONCE, WRITERS, leftovers, prepare, run

RESULT = ROOT / "tests" / "results" / "faults.json"
CALLS = "openat|write|fsync|renam(e|eat|eat2)|mkdir(at)?|f?chmod|fchmodat2?|unlink(at)?|flock|close"
"""Names of system calls; an architecture has some of them only."""
FAULTS = {
    "KILL": ("signal=KILL", (-9, 137)),
    "TERM": ("signal=TERM", (-15, 143)),
    "INT": ("signal=INT", (130,)),
    "ENOSPC": ("error=ENOSPC", (0, 2)),
    "EIO": ("error=EIO", (0, 2)),
    "EDQUOT": ("error=EDQUOT", (0, 2)),
}
"""What strace is told, and the exit statuses that answer it."""
BEFORE = ("new", "stale")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]
TALLY: dict[tuple[str, str, str], Counter[str]] = {}
"""What was counted for each fault, command and state before."""


@pytest.fixture(scope="module", autouse=True)
def recorded() -> Iterator[None]:
    """Print what was counted, and keep it where nothing was left out."""
    yield
    found: dict[str, dict[str, Counter[str]]] = {}
    for (fault, name, _), counted in TALLY.items():
        found.setdefault(fault, {}).setdefault(name, Counter()).update(counted)
    total = sum((each for row in found.values() for each in row.values()), Counter())
    print(f"\nfaults: {', '.join(f'{total[key]:,} {key}' for key in ('points', 'torn', 'left'))}")
    if set(TALLY) == {(f, n, b) for f in FAULTS for n in WRITERS for b in BEFORE if runs(n, b)}:
        rows = {
            fault: {
                name: {key: row[key] for key in ("points", "torn", "left")}
                for name, row in names.items()
            }
            for fault, names in found.items()
        }
        RESULT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def runs(name: str, before: str) -> bool:
    return before == "new" or name not in ONCE


class Call(NamedTuple):
    """A system call of a trace; `number` counts those of its name up to it."""

    name: str
    number: int
    arguments: str
    result: str


def calls(trace: str) -> list[Call]:
    """The calls of the one process there is: strace counts each process by itself, and so a second one would hide the first."""
    found: list[Call] = []
    seen: Counter[str] = Counter()
    lines = re.findall(r"^(\d+) +(\w+)\((.*)\) += (.*)", trace, flags=re.MULTILINE)
    assert len({pid for pid, *_ in lines}) == 1, "a command is one process"
    for _, name, arguments, result in lines:
        seen[name] += 1
        found.append(Call(name, seen[name], re.sub("-[0-9a-f]{16}-", "-", arguments), result))
    return found


def points(every: list[Call]) -> list[Call]:
    """Where a fault can matter: from the first call that has to do with a temporary file."""
    first = next(
        at
        for at, call in enumerate(every)
        if ".getspec-" in call.arguments or call.name.startswith("mkdir")
    )
    return [c for c in every[first:] if c.name != "openat" or "O_CREAT" in c.arguments]


def traced(
    folder: Path, command: str, *options: str
) -> tuple[subprocess.CompletedProcess[str], str]:
    strace = ("strace", "-f", "-o", "../trace", "-e", f"trace=/^({CALLS})$", *options)
    done = run(folder, command.split(" "), *strace)
    return done, (folder.parent / "trace").read_text()


def assert_struck(call: Call, fault: str, trace: str) -> None:
    """The fault came at this very call, and nowhere else."""
    every = calls(trace)
    assert call[:3] in [each[:3] for each in every], f"{call} did not come again"
    struck = every[[each[:3] for each in every].index(call[:3])]
    if fault in ("KILL", "TERM"):
        assert struck == every[-1], f"{call} was outlived: {every[-1]}"
        assert f"+++ killed by SIG{fault} +++" in trace
    elif fault == "INT":
        assert calls(trace.partition("--- SIGINT ")[0])[-1] == struck
        assert trace.count("--- SIGINT ") == 1
    else:
        assert "(INJECTED)" in struck.result, f"{call} did not fail: {struck.result}"
        assert trace.count("(INJECTED)") == 1


def contents(folder: Path, names: tuple[str, ...]) -> list[bytes | None]:
    return [(folder / name).read_bytes() if (folder / name).exists() else None for name in names]


def arranged(folder: Path, name: str, before: str) -> list[bytes | None]:
    """A folder in which a command has something to write; its files as they are."""
    command, files = WRITERS[name]
    if before == "stale":
        prepare(folder, 4)
        assert run(folder, command.split(" ")).returncode == 0
    prepare(folder, 8 if name not in ("diff", "verify") else 4)
    if before == "stale" and name in ("diff", "verify"):
        spec = folder / "two.yaml"
        spec.write_text(spec.read_text().replace("One", "Two"))
    return contents(folder, files)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("name", "before"), [(name, b) for name in WRITERS for b in BEFORE if runs(name, b)]
)
def test_a_fault_at_every_call(name: str, before: str, fault: str, tmp_path: Path) -> None:
    command, files = WRITERS[name]
    model, here = tmp_path / "model", tmp_path / "here"
    old = arranged(model, name, before)
    shutil.copytree(model, here)
    done, trace = traced(here, command)
    assert done.returncode == 0, done.stderr
    new = contents(here, files)
    assert new != old
    every = points(calls(trace))
    names = {call.name for call in every}
    assert {"write", "fsync"} <= names
    assert names & {"rename", "renameat", "renameat2"}
    counted: Counter[str] = Counter()
    wrong = []
    how, statuses = FAULTS[fault]
    for call in every:
        shutil.rmtree(here)
        shutil.copytree(model, here)
        done, trace = traced(here, command, "-e", f"inject={call.name}:{how}:when={call.number}")
        at = f"{fault} at {call.name} {call.number} of `{command}`: {done.stderr[-300:]}"
        assert_struck(call, fault, trace)
        found = contents(here, files)
        torn = [f for f, a, b in zip(found, old, new, strict=True) if f not in (a, b)]
        assert done.returncode in statuses, at
        assert "Traceback" not in done.stderr, at
        assert done.returncode or found == new, f"it said yes; {at}"
        if fault not in ("KILL", "TERM") and not call.name.startswith("unlink"):
            assert not leftovers(here), at
        again = run(here, command.split(" "))
        assert again.returncode == 0 or (name in ONCE and found == new), at + again.stderr
        assert contents(here, files) == new, at
        left = leftovers(here)
        counted.update({"points": 1, "torn": len(torn), "left": len(left)})
        wrong += [at] * bool(torn or left)
    TALLY[fault, name, before] = counted
    assert not wrong, f"{counted}: {wrong[0]}"
