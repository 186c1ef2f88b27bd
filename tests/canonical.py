"""The style of generated files, as the formatter and the linter of this repository have it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from committed import ROOT

__all__ = ["assert_canonical"]


def assert_canonical(texts: Mapping[str, str], folder: Path, *, linted: bool = True) -> None:
    """Generated files are as the formatter would have them, and the linter has nothing to say."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed here")
    target = folder / "generated"
    target.mkdir(exist_ok=True)
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
    rules = ("--no-cache", "--config", str(ROOT / "pyproject.toml"), str(target))
    for command in (("format", "--diff"), ("check",)) if linted else (("format", "--diff"),):
        done = subprocess.run((ruff, *command, *rules), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"ruff {command[0]}:\n{done.stdout[:4000]}{done.stderr[-400:]}"
