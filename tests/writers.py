"""Every command that writes files, on specs small enough to run it a thousand times."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from committed import ROOT

__all__ = ["MOVED", "ONCE", "PROGRAM", "SPEC", "WRITERS", "leftovers", "prepare", "run", "start"]

SPEC = """\
getspec: 1
model: One
config: {{dim: {dim}}}
components:
  fc: {{type: linear, in_features: dim, out_features: dim}}
"""
MOVED = SPEC.replace("fc:", "proj:") + "rename: {{proj.weight: fc.weight}}\n"
PAGE = "<!-- getspec: count one.yaml -->\n<!-- /getspec -->\n"
CONFIG = ROOT / "tests" / "configs" / "gpt2-medium.json"
WRITERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "generate": ("generate one.yaml two.yaml --output made", ("made/one.py", "made/two.py")),
    "docs": ("docs page.md", ("page.md",)),
    "diff": ("diff one.yaml two.yaml --emit-converter made/convert.py", ("made/convert.py",)),
    "verify": ("verify two.yaml --emit-converter made/convert.py", ("made/convert.py",)),
    "report": ("report one.yaml --output made.html", ("made.html",)),
    "init": ("init made.yaml", ("made.yaml", "getspec.schema.json")),
    "schema": ("schema --output made.json", ("made.json",)),
    "import": ("import --config config.json --output made/medium.yaml", ("made/medium.yaml",)),
}
"""The command line, and the files it writes."""
ONCE = ("import", "init", "schema")
"""Those that write a file only where there is none, or always the same."""
PROGRAM = (sys.executable, "-m", "getspec")


def prepare(folder: Path, dim: int) -> None:
    """What the commands read; what they write depends on `dim`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "one.yaml").write_text(SPEC.format(dim=dim))
    (folder / "two.yaml").write_text(MOVED.format(dim=dim))
    shutil.copy(CONFIG, folder / "config.json")
    page = folder / "page.md"
    if not page.exists():
        page.write_text(PAGE)


def run(
    folder: Path, words: Sequence[str], *before: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """getspec in a folder, by itself or run by another program."""
    with start(folder, [*before, *PROGRAM, *words], **environment) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start(folder: Path, line: Sequence[str], **environment: str) -> subprocess.Popen[str]:
    """A process that an interrupt ends, even where the tests themselves run in the background and ignore it."""
    return subprocess.Popen(
        line,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def leftovers(folder: Path) -> list[str]:
    """Temporary files of runs that are over."""
    return sorted(path.name for path in folder.rglob(".getspec-*"))
