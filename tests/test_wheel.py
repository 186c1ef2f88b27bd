"""The wheel is complete: in a bare environment, the README's way to a model of one's own works as it is printed."""

from __future__ import annotations

import venv
from pathlib import Path

import pytest
from documents import ROOT, commands, play, printed, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
OWN = README.partition("\n## Your own model")[2].partition("\n## ")[0]
"""The part that starts with an empty machine."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs of a new environment lie, with getspec installed as the README says."""
    home = tmp_path_factory.mktemp("machine") / "env"
    venv.create(home, with_pip=True)
    assert "python -m pip install .\n" in OWN
    quiet = "PIP_DISABLE_PIP_VERSION_CHECK=1 python -m pip install --quiet ."
    done = run(quiet, ROOT, home / "bin")
    assert done.returncode == 0, done.stderr
    return home / "bin"


@pytest.mark.slow
def test_from_an_empty_machine_to_a_model_of_ones_own(programs: Path, tmp_path: Path) -> None:
    ran = 0
    for block, command, _ in play(OWN, tmp_path):
        done = run(command, tmp_path, programs)
        assert printed(done) == dict(commands(block.text))[command], command
        ran += 1
    assert ran >= 6
    assert "class Classifier(nn.Module):" in (tmp_path / "generated/classifier.py").read_text()


@pytest.mark.slow
def test_what_is_shipped_is_found_without_a_clone(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "getspec: 1\nmodel: Mine\nextends: zoo/gpt2\nset: {num_layers: 3}\n"
    )
    done = run("getspec count mine.yaml --depth 1", tmp_path, programs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Mine  60,")
    done = run("getspec report mine.yaml", tmp_path, programs)
    assert done.stderr == "wrote mine.html\n", "style, script and template of the page come along"
    done = run("getspec explain GS210", tmp_path, programs)
    assert "Wrong:" in done.stdout, "the examples of error codes come along"
    assert "Right:" in done.stdout
    done = run("getspec completion fish", tmp_path, programs)
    assert "complete -c getspec" in done.stdout
    assert "torch" not in run("python -m pip list --format=freeze", tmp_path, programs).stdout
