"""A fault at every system call that writes: the old file or the new one, the right exit status, nothing left in the end.

`nox -s faults`. strace kills a command at a call, or makes the call fail; which calls there are is read off a run without a
fault, so a new one is covered by itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLS = ("openat", "write", "fsync", "rename", "mkdir", "chmod", "unlink", "flock")
FAULTS = ("KILL", "ENOSPC", "EIO", "EDQUOT")
SPEC = """\
getspec: 1
model: One
config: {{dim: {dim}}}
components:
  fc: {{type: linear, in_features: dim, out_features: dim}}
"""
MOVED = SPEC.replace("fc:", "proj:") + "rename: {{proj.weight: fc.weight}}\n"
CONFIG = ROOT / "tests" / "configs" / "gpt2-medium.json"
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "generate": ("generate one.yaml two.yaml --output made", ("made/one.py", "made/two.py")),
    "docs": ("docs page.md", ("page.md",)),
    "diff": ("diff one.yaml two.yaml --emit-converter made/convert.py", ("made/convert.py",)),
    "verify": ("verify two.yaml --emit-converter made/convert.py", ("made/convert.py",)),
    "report": ("report one.yaml --output made.html", ("made.html",)),
    "init": ("init made.yaml", ("made.yaml",)),
    "schema": ("schema --output made.json", ("made.json",)),
    "import": ("import --config config.json --output made/medium.yaml", ("made/medium.yaml",)),
}
"""What writes: the command line, and its files."""
ONCE = ("import", "init", "schema")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]
TALLY: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def summary() -> Iterator[None]:
    yield
    print(
        "\nfaults: "
        + ", ".join(f"{TALLY[name]} {name}" for name in ("points tried", "torn", "left over"))
    )


def prepare(folder: Path, dim: int) -> None:
    (folder / "one.yaml").write_text(SPEC.format(dim=dim))
    (folder / "two.yaml").write_text(MOVED.format(dim=dim))
    shutil.copy(CONFIG, folder / "config.json")
    page = folder / "page.md"
    if not page.exists():
        page.write_text("<!-- getspec: count one.yaml -->\n<!-- /getspec -->\n")


def run(folder: Path, command: str, *strace: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
    }
    line = [sys.executable, "-m", "getspec", *command.split(" ")]
    watched = [
        "strace",
        "-f",
        "-o",
        "../trace",
        "-e",
        f"trace={','.join(CALLS)}",
        *strace,
    ]
    return subprocess.run(
        [*watched, *line], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def contents(folder: Path, names: tuple[str, ...]) -> list[bytes | None]:
    return [(folder / name).read_bytes() if (folder / name).exists() else None for name in names]


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".getspec-*"))


def points(trace: str) -> list[tuple[str, int]]:
    """Each call from the first that has to do with a temporary file, with how many of its kind came before, itself included."""
    calls = re.findall(r"^\d+ +(\w+)\((.*)", trace, flags=re.MULTILINE)
    seen: Counter[str] = Counter()
    found: list[tuple[str, int]] = []
    begun = False
    for name, arguments in calls:
        seen[name] += 1
        begun = begun or ".getspec-" in arguments or name == "mkdir"
        if begun and (name != "openat" or "O_CREAT" in arguments):
            found.append((name, seen[name]))
    return found


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("before", ["new", "stale"])
def test_a_fault_at_every_call(name: str, fault: str, before: str, tmp_path: Path) -> None:
    command, files = COMMANDS[name]
    if name in ONCE and before == "stale":
        pytest.skip(f"`{name}` writes a file that does not exist yet, or always the same")
    model = tmp_path / "model"
    model.mkdir()
    old: list[bytes | None] = [None] * len(files)
    if before == "stale":
        prepare(model, 4)
        assert run(model, command).returncode == 0
        old = contents(model, files)
    prepare(model, 8 if name not in ("diff", "verify") else 4)
    if before == "stale" and name in ("diff", "verify"):
        (model / "two.yaml").write_text((model / "two.yaml").read_text().replace("One", "Two"))
    if name == "docs" and before == "new":
        old = contents(model, files)
    clean = tmp_path / "clean"
    shutil.copytree(model, clean)
    done = run(clean, command)
    assert done.returncode == 0, done.stderr
    new = contents(clean, files)
    assert new != old
    every = points((tmp_path / "trace").read_text())
    assert {"write", "fsync", "rename"} <= {call for call, _ in every}
    for call, number in every:
        here = tmp_path / "here"
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(model, here)
        how = "signal=KILL" if fault == "KILL" else f"error={fault}"
        done = run(here, command, "-e", f"inject={call}:{how}:when={number}")
        at = f"{fault} at {call} {number} of `{command}`: {done.stderr[-300:]}"
        found = contents(here, files)
        TALLY["points tried"] += 1
        torn = [each for each, a, b in zip(found, old, new, strict=True) if each not in (a, b)]
        TALLY["torn"] += len(torn)
        assert not torn, at
        if fault == "KILL":
            assert done.returncode in (-9, 137), at
        else:
            assert "(INJECTED)" in (tmp_path / "trace").read_text(), f"no {at}"
            assert done.returncode in (0, 2), at
            assert "Traceback" not in done.stderr, at
            assert done.returncode == 2 or found == new, at
            if call != "unlink":
                assert not leftovers(here), at
        again = run(here, command)
        assert again.returncode == 0 or (name in ONCE and found == new), at + again.stderr
        TALLY["left over"] += len(leftovers(here))
        assert not leftovers(here), at
        assert contents(here, files) == new, at
