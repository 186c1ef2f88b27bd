"""What the documents show is what the program prints: every figure and listing of the README is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import ROOT, blocks, commands, run

import getspec

README = (ROOT / "README.md").read_text(encoding="utf-8")


def shown(language: str) -> list[str]:
    return [block.text for block in blocks(README, language)]


def consoles() -> list[tuple[str, str]]:
    """Commands with the output that the document shows for them."""
    return [step for block in shown("console") for step in commands(block)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "classifier.yaml").write_text(shown("yaml")[0])
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    return tmp_path


@pytest.mark.parametrize(("command", "output"), consoles(), ids=lambda value: value[:40])
def test_commands_print_what_the_readme_shows(command: str, output: str, folder: Path) -> None:
    done = run(command, ROOT if "specs/" in command else folder)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split("\n\nwithout parameters:")[0]
    assert printed.strip() == output


def test_the_class_in_the_readme_is_the_one_generated(folder: Path) -> None:
    text = getspec.load(folder / "classifier.yaml").generate()
    at = 0
    for line in shown("python")[0].splitlines():
        assert line in text[at:], f"not generated, or not in this order: {line}"
        at = text.index(line, at)


@pytest.mark.torch
def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(shown("python")[1], {})


def test_every_command_is_listed() -> None:
    from getspec.cli import COMMANDS

    for name in COMMANDS:
        assert f"`getspec {name} " in README or f"`getspec {name}`" in README, name


def test_every_file_that_is_named_exists() -> None:
    for name in re.findall(r"\]\(([A-Za-z0-9_./-]+)\)", README):
        assert (ROOT / name).exists(), name
