"""The same specs give the same bytes: whatever the hash seed, the Python, the locale, the folder, and with or without libyaml.

Of every output there is (tests/outputs.py), for a few specs; with `--whole` for every committed spec and every failing one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from committed import MODELS, ROOT

OUTPUTS = ROOT / "tests" / "outputs.py"
BAD = sorted((ROOT / "tests" / "conformance").glob("*/*/spec.yaml"))
FEW = ("pretrain", "diffusion", "zoo/gpt2", "zoo/mixtral-8x7b")
LOCALES = {
    "C.UTF-8": {"LC_ALL": "C.UTF-8"},
    "ASCII": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}

pytestmark = pytest.mark.slow
Specs = tuple[str, ...]


@pytest.fixture(scope="session")
def specs(request: pytest.FixtureRequest) -> Specs:
    """Paths of specs, seen from the root."""
    if request.config.getoption("--whole"):
        return tuple(path.relative_to(ROOT).as_posix() for path in (*MODELS, *BAD))
    return (*(f"specs/{name}.yaml" for name in FEW), BAD[0].relative_to(ROOT).as_posix())


def outputs(
    specs: Specs,
    environment: Mapping[str, str],
    *,
    python: str = sys.executable,
    folder: Path = ROOT,
    pure: bool = False,
) -> list[str]:
    """A line for each output: what printed it, and the digest of its bytes."""
    done = subprocess.run(
        (python, str(OUTPUTS), *(["--pure"] if pure else []), *specs),
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@cache
def ours(specs: Specs) -> list[str]:
    return outputs(specs, {})


def assert_same(specs: Specs, found: list[str]) -> None:
    different = [line for line, mine in zip(found, ours(specs), strict=True) if line != mine]
    assert not different, f"{len(different)} outputs have other bytes, first: {different[:5]}"


def test_every_output_is_there(specs: Specs) -> None:
    """Specs that are right print something for every command, and say yes."""
    of_models = [line for line in ours(specs) if " specs/" in line]
    assert of_models
    empty = "e3b0c44298fc1c14"
    silent = [line for line in of_models if f": 0 {empty}" in line or ": 0 " not in line]
    assert not silent, f"these print nothing, or fail: {silent[:5]}"


def test_hash_seeds(hash_seed: int, specs: Specs) -> None:
    """Sets and dictionaries are never written in the order they hash to."""
    assert_same(specs, outputs(specs, {"PYTHONHASHSEED": str(hash_seed)}))


@pytest.mark.parametrize("locale", LOCALES)
def test_locales(locale: str, specs: Specs) -> None:
    assert_same(specs, outputs(specs, LOCALES[locale]))


def test_without_libyaml(specs: Specs) -> None:
    """PyYAML's parser in C and the one in Python are one to us."""
    assert_same(specs, outputs(specs, {}, pure=True))


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_pythons(version: str, specs: Specs, tmp_path: Path) -> None:
    """Every Python that is supported writes the same bytes."""
    python = interpreter(version, tmp_path)
    assert_same(specs, outputs(specs, {"PYTHONHASHSEED": "random"}, python=python))


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


def test_folders(specs: Specs, tmp_path: Path) -> None:
    """No path of a machine gets into an output: the same tree elsewhere gives the same bytes."""
    there = tmp_path / "far" / "away"
    shutil.copytree(ROOT / "specs", there / "specs")
    shutil.copytree(ROOT / "tests" / "conformance", there / "tests" / "conformance")
    assert_same(specs, outputs(specs, {}, folder=there))
