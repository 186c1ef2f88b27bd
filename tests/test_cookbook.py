"""The cookbook, played from its first line to its last in an empty folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from documents import ROOT, Done, blocks, commands, play, printed
from reference_data import check_state_dict, references

import getspec
from getspec.ops import FUNCTIONS

PATH = ROOT / "docs" / "cookbook.md"
TEXT = PATH.read_text(encoding="utf-8")
BLOCKS = blocks(TEXT)
OP = [block for block in BLOCKS if block.language == "python" and not block.is_file]
"""The three pieces of an op; they belong to files of getspec itself."""


def needs_torch(command: str) -> bool:
    return command.startswith("python ") or "--against" in command


def steps() -> list[tuple[str, str, int]]:
    """Every command with what is shown for it and the line of its block."""
    return [
        (command, shown, block.line)
        for block in BLOCKS
        if block.language == "console"
        for command, shown in commands(block.text)
    ]


@cache
def played(folder: Path) -> list[Done | None]:
    """What every command gave; None for one that wants torch where there is none."""
    torch = find_spec("torch") is not None
    return [
        ready() if torch or not needs_torch(command) else None
        for _, command, ready in play(TEXT, folder)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cookbook")


@pytest.mark.parametrize(
    ("at", "command", "shown", "line"),
    [
        pytest.param(
            at,
            *step,
            id=f"line {step[2]}: {step[0][:40]}",
            marks=[pytest.mark.torch] * needs_torch(step[0]),
        )
        for at, step in enumerate(steps())
    ],
)
def test_a_command_prints_what_is_shown(
    at: int, command: str, shown: str, line: int, folder: Path
) -> None:
    done = played(folder)[at]
    assert done is not None
    assert printed(done) == shown, "see tests/documents.py for how to write it again"
    failed = re.search(r"^error\[|^unexpected", shown, re.MULTILINE)
    assert done.returncode == (1 if failed else 0), "an error is shown where there is one"


def test_gpt2_is_the_reference_in_the_end(folder: Path) -> None:
    played(folder)
    spec = getspec.load(folder / "gpt2.yaml")
    assert spec.count().total == 124_439_808
    check_state_dict(spec, references("zoo")["gpt2"])


def test_the_module_that_is_generated_is_that_of_the_zoo(folder: Path) -> None:
    played(folder)
    ours, zoo = (
        getspec.load(path).generate()
        for path in (folder / "gpt2.yaml", ROOT / "specs/zoo/gpt2.yaml")
    )

    def code(text: str) -> str:
        without = re.sub(r'""".*?"""', "", text[text.index("import") :], flags=re.DOTALL)
        return "\n".join(line for line in without.splitlines() if line.strip() and line[0] != "#")

    assert code(ours) == code(zoo), "but for docstrings"


@pytest.mark.torch
def test_the_op_is_registered_and_passes_its_test(tmp_path: Path) -> None:
    assert [block.file for block in OP] == [
        "getspec/ops/activation.py",
        "getspec/emit/functions.py",
        "tests/ops/test_activation.py",
    ]
    assert all((ROOT / block.file).parent.is_dir() for block in OP if block.file)
    entries = "\n".join(block.text for block in OP[:2])
    (tmp_path / "conftest.py").write_text(entries)
    (tmp_path / "test_op.py").write_text(OP[2].text)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "log_sigmoid" not in FUNCTIONS, "the recipe adds an op that there is not"


def test_every_block_is_run() -> None:
    played = {"yaml", "json", "python", "diff", "console"}
    assert {block.language for block in BLOCKS} == played | {"text"}, "text is what `docs` fills"
    assert len(BLOCKS) == TEXT.count("\n```") / 2, "a fence has a language"
    named = [block for block in BLOCKS if block.language not in ("console", "text")]
    assert all(block.file for block in named), "whose text is it?"
    assert sum(b.language == "text" for b in BLOCKS) == TEXT.count("<!-- /getspec -->")
    assert json.loads(next(block.text for block in BLOCKS if block.language == "json"))


def test_every_file_and_every_code_that_is_named_exists() -> None:
    for name in re.findall(r"`((?:getspec|tests)/[\w/]+\.py)`", TEXT):
        path = ROOT / name
        assert path.exists() or name == OP[2].file, name
    headings = [
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in TEXT.splitlines()
        if line.startswith("#")
    ]
    for anchor in re.findall(r"\]\(#([\w-]+)\)", TEXT):
        assert anchor in headings, anchor
