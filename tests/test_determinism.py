"""The same spec gives the same bytes, whatever the hash seed and whichever Python."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from committed import MODELS, ROOT, SPECS

SCRIPT = """
import hashlib, sys, getspec
digest = hashlib.sha256()
for path in sys.argv[1:]:
    spec = getspec.load(path)
    digest.update(spec.generate().encode())
    digest.update(spec.resolve().encode())
    digest.update(repr(spec.count().as_json()).encode())
print(digest.hexdigest())
"""


def digest(python: str, environment: Mapping[str, str]) -> str:
    """One digest over what every committed model compiles to."""
    paths = [path.relative_to(ROOT).as_posix() for path in MODELS]
    done = subprocess.run(
        (python, "-c", SCRIPT, *paths),
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@cache
def ours() -> str:
    return digest(sys.executable, {"PYTHONHASHSEED": "0"})


@pytest.mark.slow
@pytest.mark.parametrize("number", ["1", "42", "4294967295"])
def test_hash_seeds(number: str) -> None:
    """Sets and dictionaries are never written in the order they hash to."""
    assert digest(sys.executable, {"PYTHONHASHSEED": number}) == ours()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_pythons(version: str, tmp_path: Path) -> None:
    """Every Python that is supported writes the same bytes."""
    assert digest(interpreter(version, tmp_path), {"PYTHONHASHSEED": "random"}) == ours()


def interpreter(version: str, folder: Path) -> str:
    """A Python of this version with what getspec needs; a skip that says why there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = next(filter(runs, candidates(version)), None)
    if found is None:
        pytest.skip(f"there is no python{version} here")
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    commands = (
        (found, "-m", "venv", str(folder / "env")),
        (str(python), "-m", "pip", "install", "--quiet", "pydantic", "pyyaml", "jinja2"),
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"python{version} has no environment: {done.stderr.strip()[-200:]}")
    return str(python)


def candidates(version: str) -> Iterator[str]:
    """Where a Python may be: on the path, or among those that pyenv keeps."""
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    yield from map(str, sorted(kept.glob(f"{version}.*/bin/python")))


def runs(python: str) -> bool:
    """A shim may stand for a Python that is not chosen."""
    return subprocess.run((python, "-c", ""), capture_output=True, check=False).returncode == 0


def test_folders_do_not_matter(tmp_path: Path) -> None:
    """No path of a machine gets into a file: the same tree elsewhere gives the same bytes."""
    here, there = tmp_path / "here", tmp_path / "far" / "away"
    for folder in (here, there):
        shutil.copytree(SPECS, folder / "specs")
        done = subprocess.run(
            (sys.executable, "-m", "getspec", "generate", "specs", "--output", "generated"),
            cwd=folder,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    assert _digests(here / "generated") == _digests(there / "generated")


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.py"))
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
