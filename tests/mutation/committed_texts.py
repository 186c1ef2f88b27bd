"""What the repository holds is what the compiler writes: `getspec generate --check` and `getspec docs --check`, file by file.

These run as commands elsewhere; as tests they are for mutants, which they kill sooner than the commands would.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec
from getspec.documents import filled

ROOT = Path(__file__).resolve().parents[2]
GENERATED = sorted((ROOT / "generated").rglob("*.py"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files name specs relative to the root."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.stem)
def test_a_module_is_what_is_generated(path: Path) -> None:
    spec = Path("specs", path.relative_to(ROOT / "generated")).with_suffix(".yaml")
    assert getspec.load(spec).generate() == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_shows_what_commands_print(path: Path) -> None:
    committed, current = filled(path)
    assert committed == current
