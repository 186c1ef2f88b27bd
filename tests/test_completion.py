"""Completion scripts are those of the parser that is there, and shells really complete by them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from getspec.cli import COMMANDS, SHELLS, main

ROOT = Path(__file__).resolve().parent.parent
BASH = """\
source getspec.bash
COMP_WORDS=({words}) COMP_CWORD=$(({number} - 1))
{function} getspec '{last}' ''
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with the scripts as `getspec completion` prints them, and two specs."""
    for shell in SHELLS:
        assert main(["completion", shell]) == 0
        (tmp_path / f"getspec.{shell}").write_text(capsys.readouterr().out)
    (tmp_path / "first.yaml").touch()
    (tmp_path / "second.yaml").touch()
    return tmp_path


def shell(name: str, script: str, folder: Path) -> list[str]:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name} here")
    quiet = {"bash": ["--norc", "--noprofile"], "fish": ["--no-config"], "zsh": ["-f"]}[name]
    done = subprocess.run(
        [path, *quiet, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


LINES = {
    "cou": ["count"],
    "count --par": ["--parameters"],
    "diff --fail-on GR": ["GRAPH"],
    "cost --dtype bf": ["bf16", "bf16-mixed-16", "bf16-mixed-18", "bf16-mixed-20"],
    "count fi": ["first.yaml"],
    "completion f": ["fish"],
}


@pytest.mark.parametrize("line", LINES)
def test_bash_completes(line: str, scripts: Path) -> None:
    registered = shell("bash", "source getspec.bash; complete -p getspec", scripts)
    function = registered[registered.index("-F") + 1]
    words = ["getspec", *line.split(" ")]
    script = BASH.format(
        words=" ".join(words), number=len(words), last=words[-1], function=function
    )
    assert shell("bash", script, scripts) == LINES[line]


@pytest.mark.parametrize("line", LINES)
def test_fish_completes(line: str, scripts: Path) -> None:
    script = f"source getspec.fish; complete --do-complete 'getspec {line}' | cut -f1"
    assert shell("fish", script, scripts) == LINES[line]


def test_zsh_reads_the_script_as_a_completion(scripts: Path) -> None:
    shell("zsh", "emulate -R zsh; zsh -n getspec.zsh", scripts)
    text = (scripts / "getspec.zsh").read_text()
    assert text.startswith("#compdef getspec\n"), "it is found in a folder of fpath"


@pytest.mark.parametrize("name", SHELLS)
def test_every_command_is_in_every_script(name: str, scripts: Path) -> None:
    text = (scripts / f"getspec.{name}").read_text()
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("name", SHELLS)
def test_the_scripts_are_what_the_parser_gives(name: str) -> None:
    pytest.importorskip("shtab", reason="shtab writes the scripts")
    from completions import FOLDER, script

    assert (FOLDER / f"getspec.{name}").read_text(encoding="utf-8") == script(name), (
        "run `python tests/completions.py`"
    )
