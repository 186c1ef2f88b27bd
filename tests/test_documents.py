"""What the README says is so: every command in it is run, every figure and listing is what the program prints."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest
from documents import ROOT, Done, blocks, commands, play, printed, run

import getspec
from getspec.cli import COMMANDS, parsed

PATH = ROOT / "README.md"
README = PATH.read_text(encoding="utf-8")
PASTED = {
    "python -m pip install nox && nox -s generate": "sessions of noxfile.py, see below",
    "nox -s verify": "sessions of noxfile.py, see below",
    "python -m pip install .": "test_wheel.py runs it, and then the commands of the README",
    'git config diff.getspec.command "getspec diff"': "run below",
    'echo "specs/**/*.yaml diff=getspec" >> .gitattributes': "run below",
}
"""Lines without output, and what runs them."""
UNMERGED = () if "report" in COMMANDS else ("docs/report.png",)


def shown(language: str) -> list[str]:
    return [block.text for block in blocks(README, language)]


def steps() -> list[tuple[str, str]]:
    """Commands with the output that is shown for them, in order."""
    return [step for block in shown("console") for step in commands(block)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder but for the specs that a clone has."""
    path = tmp_path_factory.mktemp("readme")
    (path / "specs").symlink_to(ROOT / "specs")
    return path


@cache
def played(folder: Path) -> list[Done]:
    return [ready() for _, _, ready in play(README, folder)]


@pytest.mark.parametrize("at", range(len(steps())), ids=lambda at: steps()[at][0][:50])
def test_commands_print_what_the_readme_shows(at: int, folder: Path) -> None:
    _, output = steps()[at]
    done = played(folder)[at]
    assert printed(done) == output, "`python tests/documents.py README.md` writes it again"
    failed = re.search(r"^error\[", output, re.MULTILINE)
    assert done.returncode == (1 if failed else 0), done.stderr


def test_every_other_line_to_paste_is_run_somewhere() -> None:
    lines = {
        line
        for block in shown("console")
        if not block.startswith("$ ")
        for line in block.splitlines()
    }
    assert lines == PASTED.keys()


def test_sessions_that_are_named_exist_and_verify_checks_what_generate_writes() -> None:
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for name in re.findall(r"nox -s (\w+)", README):
        assert re.search(rf"^def {name}\(session", noxfile, re.MULTILINE), name
    verify = noxfile.partition("def verify(")[2].partition("\n@nox")[0]
    assert 'session.run(*GENERATE, "--check")' in verify
    assert re.search(r"--session .*\bverify\b", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))


def test_git_shows_specs_as_models_after_the_lines_of_the_readme(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        names = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        subprocess.run(["git", *names, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    spec = tmp_path / "specs" / "deep" / "one.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text(shown("yaml")[0])
    git("add", "-A")
    git("commit", "--quiet", "--message", "one")
    for line in (line for line in PASTED if "diff" in line):
        assert run(line, tmp_path).returncode == 0
    spec.write_text(shown("yaml")[0].replace("depth: 2", "depth: 3"))
    done = run("git --no-pager diff", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "getspec diff specs/deep/one.yaml" in done.stdout
    assert "difference  +16,640  (+16.99 %)" in done.stdout


def test_the_first_spec_is_the_one_that_init_writes() -> None:
    from getspec.source import parse
    from getspec.starter import starter

    text = starter(Path("classifier.yaml"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert shown("yaml")[0].splitlines() == lines, "but for comments"
    assert parse(text, "starter").data["model"] == "Classifier"
    assert len(lines) <= 14, "it is short"


@pytest.mark.torch
def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (example,) = [text for text in shown("python") if text.startswith("import getspec")]
    exec(example, {})


def test_every_command_is_listed() -> None:
    for name in COMMANDS:
        assert f"`getspec {name} " in README or f"`getspec {name}`" in README, name


def test_every_command_that_is_named_is_one() -> None:
    """What stands in backquotes is understood by the parser, placeholders taken as they stand."""
    named = re.findall(r"`getspec ([^`]+)`", README)
    assert len(named) > 30
    for words in named:
        name, *rest = shlex.split(words.partition(">")[0])
        if name == "report" and UNMERGED:
            continue
        assert name in COMMANDS, words
        if rest:
            assert parsed([name, *rest]).command == name


def test_what_is_said_of_all_commands() -> None:
    from getspec.cli import _Parser

    without = set()
    for name, (_, add) in COMMANDS.items():
        parser = _Parser()
        add(parser)
        options = parser._option_string_actions
        if "--json" not in options:
            without.add(name)
        if any(action.metavar in ("SPEC", "A B", "CODE|SPEC") for action in parser._actions):
            assert "--set" in options, name
    assert without == {"completion"}, "All but `completion` take `--json`"
    assert "All but `completion` take `--json`" in README


def test_every_file_that_is_named_exists() -> None:
    for name in re.findall(r"\]\(([A-Za-z0-9_./-]+)\)", README):
        assert (ROOT / name).exists() or name in UNMERGED, name


def test_the_python_interface_that_is_shown_is_there() -> None:
    assert set(re.findall(r"getspec\.(\w+)\(", "".join(shown("python")))) <= set(getspec.__all__)
