"""`diff` as scripts and git meet it: classes as an exit status, converters, revisions, and a driver that never fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from committed import ROOT

from getspec.cli import main
from getspec.passes.changes import CLASSES

SPEC = """\
getspec: 1
model: One
config: {dim: 4}
use: [parts]
inputs: {x: "float[B, dim]"}
components:
  blocks: {type: Part, repeat: 2, dim: dim}
  head: {type: linear, in_features: dim, out_features: 2}
forward: |
  for block in blocks:
    x = block(x)
  return head(x)
shape: {B: 3}
"""
PARTS = """\
getspec: 1
blocks:
  Part:
    params: {dim: int}
    inputs: {x: "float[B, dim]"}
    components:
      fc: {type: linear, in_features: dim, out_features: dim}
    forward: |
      return relu(fc(x))
"""


def git(*arguments: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    environment = {**os.environ, **identity, **quiet, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["git", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def specs(folder: Path) -> Path:
    """A folder with a spec and the library that it uses."""
    (folder / "models").mkdir()
    (folder / "models" / "one.yaml").write_text(SPEC)
    (folder / "models" / "parts.yaml").write_text(PARTS)
    return folder


@pytest.fixture
def repository(specs: Path) -> Path:
    """The folder as a repository, with one commit."""
    git("init", "--quiet", ".")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    return specs


def edited(name: str, old: str, new: str) -> None:
    path = Path("models") / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def beside(specs: Path, old: str, new: str) -> None:
    (specs / "models" / "two.yaml").write_text(SPEC.replace(old, new))


ONE, TWO = "models/one.yaml", "models/two.yaml"
OLD = "HEAD:models/one.yaml"


# Classes

EDITS = {
    "INTERFACE": ("out_features: 2}", "out_features: 3}"),
    "STATE": ("head", "out"),
    "GRAPH": ("return head(x)", "return head(x) * 2"),
    "SOURCE": ("out_features: 2}", "out_features: 2, init: zeros}"),
}


@pytest.mark.parametrize("found", EDITS)
@pytest.mark.parametrize("asked", CLASSES)
def test_a_stricter_class_fails_and_a_laxer_one_does_not(
    found: str, asked: str, specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside(specs, *EDITS[found])
    fails = CLASSES.index(found) <= CLASSES.index(asked)
    assert main(["diff", ONE, TWO, "--fail-on", asked.lower()]) == int(fails)


def test_every_change_has_its_class_in_the_document(
    specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside(specs, "head", "out")
    assert main(["diff", ONE, TWO, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (change,) = document["changes"]
    assert (change["path"], change["kind"], change["class"]) == ("head", "changed", "STATE")
    assert change["words"] == "head: renamed out"
    assert change["delta"] == 0
    assert document["forward_flops"]["delta"] == 0


def test_work_is_compared_where_both_say_at_which_sizes(
    specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside(specs, "repeat: 2", "repeat: 3")
    main(["diff", ONE, TWO])
    lines = capsys.readouterr().out.splitlines()
    # Two FLOPs per multiply-add: 2 * 3 * 4 * 4 for each block, 2 * 3 * 4 * 2 for the head.
    assert "forward  240 -> 336 FLOPs  +96  (+40.00 %)  at B = 3" in lines
    main(["diff", ONE, TWO, "--shape", "B=1"])
    assert "80 -> 112 FLOPs" in capsys.readouterr().out
    assert main(["diff", ONE, TWO, "--shape", "K=1"]) == 2
    assert main(["diff", ONE, TWO, "--shape", "B=x"]) == 2


# Converters


def test_a_converter_renames_a_checkpoint(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    (specs / "models" / "parts2.yaml").write_text(PARTS.replace("fc", "dense"))
    beside(specs, "use: [parts]", "use: [parts2]")
    edited("two.yaml", "head", "out")
    assert main(["diff", ONE, TWO, "--emit-converter", "convert.py"]) == 0
    names = {"blocks.1.fc.weight": "blocks.1.dense.weight", "head.bias": "out.bias"}
    tensors = {old: torch.full((2,), float(at)) for at, old in enumerate(names)}
    safetensors.save_file(tensors, "a.safetensors")
    run = [sys.executable, "convert.py", "a.safetensors", "b.safetensors"]
    subprocess.run(run, check=True, capture_output=True)
    converted = safetensors.load_file("b.safetensors")
    assert converted.keys() == set(names.values())
    assert all(torch.equal(converted[new], tensors[old]) for old, new in names.items())


test_a_converter_renames_a_checkpoint = pytest.mark.torch(test_a_converter_renames_a_checkpoint)


def test_there_is_a_converter_only_where_names_are_all_that_differs(
    specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside(specs, "repeat: 2", "repeat: 3")
    assert main(["diff", ONE, TWO, "--emit-converter", "convert.py"]) == 1
    assert "no converter: One has nothing for `blocks.2.fc.weight`" in capsys.readouterr().err
    assert main(["diff", ONE, ONE, "--emit-converter", "convert.py"]) == 0
    assert "no converter is needed" in capsys.readouterr().err
    assert not Path("convert.py").exists()


# Revisions


def test_a_spec_is_compared_with_what_it_was(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited("one.yaml", "repeat: 2", "repeat: 3")
    assert main(["diff", OLD, ONE]) == 0
    out = capsys.readouterr().out
    assert f"({OLD})" in out
    assert "blocks.2: added, Part" in out


def test_libraries_are_those_of_the_revision(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited("parts.yaml", "relu", "silu")
    assert main(["diff", OLD, ONE, "--fail-on", "GRAPH"]) == 1
    assert "relu(fc(x))" in capsys.readouterr().out
    Path("models/parts.yaml").unlink()
    assert main(["diff", OLD, OLD, "--exit-code"]) == 0, "nothing is read from the working tree"


def test_both_sides_can_be_revisions_and_paths_can_be_relative(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited("one.yaml", "repeat: 2", "repeat: 3")
    git("commit", "--quiet", "--all", "--message", "second")
    assert main(["diff", "HEAD~1:models/one.yaml", OLD, "--exit-code"]) == 1
    monkeypatch.chdir("models")
    assert main(["diff", "HEAD:./one.yaml", "one.yaml", "--exit-code"]) == 0


def test_an_error_in_a_revision_names_it(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited("one.yaml", "out_features", "out_featurs")
    git("commit", "--quiet", "--all", "--message", "second")
    assert main(["diff", "HEAD~1:models/one.yaml", OLD]) == 2
    assert f"{OLD}:8:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("HEAD:models/none.yaml", "`HEAD` has no file `models/none.yaml`"),
        ("nowhere:models/one.yaml", "git knows no revision `nowhere`"),
        ("--help:models/one.yaml", "git knows no revision"),
        ("HEAD:../one.yaml", "`HEAD` has no file"),
        (":models/one.yaml", "git knows no revision ``"),
    ],
)
def test_what_git_does_not_have_is_said(
    argument: str, message: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "--", argument, ONE]) == 2
    assert message in capsys.readouterr().err


def test_a_link_of_a_revision_is_not_followed(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("models/link.yaml").symlink_to("one.yaml")
    git("add", ".")
    git("commit", "--quiet", "--message", "second")
    assert main(["diff", "HEAD:models/link.yaml", ONE]) == 2


def test_outside_a_repository_a_revision_is_an_error(
    specs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(specs.parent))
    assert main(["diff", OLD, ONE]) == 2
    assert "git: " in capsys.readouterr().err


# git's driver


def test_git_shows_specs_as_we_compare_them(repository: Path) -> None:
    Path(".gitattributes").write_text("*.yaml diff=getspec\n")
    git("config", "diff.getspec.command", f"'{sys.executable}' -m getspec diff")
    edited("one.yaml", "repeat: 2", "repeat: 3")
    out = git("diff", "--ext-diff")
    assert out.startswith("getspec diff models/one.yaml\nOne  50  (models/one.yaml)\n")
    assert "blocks.2: added, Part" in out


def test_what_is_no_spec_is_shown_as_text(repository: Path) -> None:
    Path(".gitattributes").write_text("*.yaml diff=getspec\n")
    git("config", "diff.getspec.command", f"'{sys.executable}' -m getspec diff")
    edited("parts.yaml", "relu", "silu")
    edited("one.yaml", "out_features", "out_featurs")
    out = git("diff", "--ext-diff")
    assert "not compared: models/one.yaml:8:" in out
    assert "+  head: {type: linear, in_features: dim, out_featurs: 2}" in out
    assert "-      return relu(fc(x))\n+      return silu(fc(x))" in out


def test_a_file_that_is_new_is_shown_whole(repository: Path) -> None:
    Path(".gitattributes").write_text("*.yaml diff=getspec\n")
    git("config", "diff.getspec.command", f"'{sys.executable}' -m getspec diff")
    Path("models/two.yaml").write_text(SPEC)
    git("add", "models/two.yaml")
    out = git("diff", "--ext-diff", "--cached")
    assert out.startswith("getspec diff models/two.yaml\n")
    assert "+model: One" in out


@pytest.mark.parametrize("number", [1, 3, 5, 8])
def test_another_number_of_files_is_an_error(number: int, specs: Path) -> None:
    assert main(["diff", *[ONE] * number]) == 2


def test_bytes_stand_beside_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    """What a backward pass keeps and what each token keeps, where all run-time sizes are given."""
    words = [
        "diff",
        *(str(ROOT / "specs" / "zoo" / f"{n}.yaml") for n in ("gpt2", "gpt2-medium")),
        "--shape",
        "B=1,N=64",
    ]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for key, line in (
        ("kv_bytes_per_token", "keys and values"),
        ("activation_bytes", "activations"),
    ):
        sides = found[key]
        assert sides["b"] - sides["a"] == sides["delta"]
        assert f"{sides['a']:,} -> {sides['b']:,} bytes  {sides['delta']:+,}" in text
        assert line in text
    assert found["kv_bytes_per_token"]["a"] == 2 * 12 * 768 * 4


def test_a_spec_is_compared_with_itself_under_settings(
    specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", ONE, "--set", "dim=5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["a"]["spec"], found["b"]["spec"]) == (ONE, f"{ONE} --set dim=5")
    assert (found["a"]["total"], found["b"]["total"]) == (50, 72)
    assert main(["diff", ONE]) == 2
    assert "one with itself under `--set`" in capsys.readouterr().err
