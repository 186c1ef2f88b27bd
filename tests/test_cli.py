"""The command line as scripts meet it: documents, exit statuses, and where each stream goes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRETRAIN, DIFFUSION = "specs/pretrain.yaml", "specs/diffusion.yaml"
LINEAR = """\
getspec: 1
model: One
config: {dim: 4}
inputs: {x: "float[B, dim]"}
components:
  fc: {type: linear, in_features: dim, out_features: dim}
forward: |
  return fc(x)
"""


def run(*arguments: str, cwd: Path = ROOT, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, without colour."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    environment.pop("FORCE_COLOR", None)
    return subprocess.run(
        [sys.executable, "-m", "getspec", *arguments],
        cwd=cwd,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def document(*arguments: str) -> dict:
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "one.yaml"
    path.write_text(LINEAR)
    return path


class TestCount:
    def test_the_document_has_the_promised_keys_and_figures(self) -> None:
        found = document("count", DIFFUSION, "--json")
        assert found["schema_version"] == 1
        assert (found["model"], found["spec"]) == ("GETRegionDiffusion", DIFFUSION)
        assert found["total"] == found["trainable"] == 128_767_003
        assert (found["frozen"], found["buffers"], found["tied"]) == (0, 5000, [])
        blocks = next(m for m in found["modules"] if m["path"] == "encoder.blocks.*")
        assert blocks == {
            "path": "encoder.blocks.*",
            "type": "DiTBlock",
            "repeat": 12,
            "params": 12 * 10_628_352,
        }

    def test_rows_of_the_outermost_level_add_up_to_the_total(self) -> None:
        found = document("count", PRETRAIN, "--json")
        outer = [m["params"] for m in found["modules"] if "." not in m["path"]]
        assert sum(outer) == found["total"] == 85_484_059

    def test_parameters_are_expanded_to_every_name(self) -> None:
        found = document("count", DIFFUSION, "--json", "--parameters")
        names = [p["name"] for p in found["parameters"]]
        assert len(names) == len(set(names)) == 132
        assert sum(p["count"] for p in found["parameters"]) == found["total"]
        assert names[0] == "mask_token"
        assert "encoder.blocks.11.adaLN_modulation.1.bias" in names
        assert [b["name"] for b in found["buffer_tensors"]][:2] == ["betas", "alphas"]

    def test_a_setting_changes_the_model(self) -> None:
        found = document("count", PRETRAIN, "--json", "--set", "num_layers=24")
        assert found["total"] == 85_484_059 + 12 * 7_087_104

    def test_a_spec_can_come_from_standard_input(self) -> None:
        done = run("count", "-", "--json", stdin=LINEAR)
        assert json.loads(done.stdout)["total"] == 20


class TestDiff:
    def test_changes_add_up_to_the_difference_without_remainder(self) -> None:
        found = document("diff", PRETRAIN, DIFFUSION, "--json")
        assert found["delta"] == 43_282_944
        assert found["percent"] == pytest.approx(50.63, abs=0.005)
        assert found["identical"] is False
        assert sum(change["delta"] for change in found["changes"]) == found["delta"]
        for change in found["changes"]:
            assert change["delta"] == change["params_b"] - change["params_a"]
            assert change["kind"] in ("added", "removed", "changed")

    def test_each_cause_of_the_published_difference_is_named(self) -> None:
        changes = {c["path"]: c for c in document("diff", PRETRAIN, DIFFUSION, "--json")["changes"]}
        assert changes["encoder.t_embedder"]["delta"] == 787_968
        assert changes["encoder.blocks.*.adaLN_modulation"]["delta"] == 12 * 3_543_552
        norms = [changes[f"encoder.blocks.*.{name}"] for name in ("norm1", "norm2")]
        assert sum(norm["delta"] for norm in norms) == -12 * 3_072
        assert norms[0]["words"] == "norm1: affine true -> false"
        attention = [c["delta"] for path, c in changes.items() if ".attn." in path]
        assert sum(attention) == 12 * 768, "the k bias, which the comparison does not list"

    def test_the_exit_status_says_differs_only_when_asked(self) -> None:
        assert run("diff", PRETRAIN, DIFFUSION).returncode == 0
        assert run("diff", PRETRAIN, DIFFUSION, "--exit-code").returncode == 1
        assert run("diff", PRETRAIN, PRETRAIN, "--exit-code").returncode == 0

    def test_an_invalid_side_is_never_read_as_a_difference(self, spec: Path) -> None:
        spec.write_text(LINEAR.replace("fc(x)", "fd(x)"))
        assert run("diff", PRETRAIN, str(spec), "--exit-code").returncode == 2
        assert run("diff", PRETRAIN, "missing.yaml", "--exit-code").returncode == 2


class TestGenerate:
    def test_a_file_is_written_once_and_then_current(self, spec: Path) -> None:
        first = run("generate", spec.name, cwd=spec.parent)
        assert first.returncode == 0, first.stderr
        written = spec.parent / "generated" / "one.py"
        before = written.stat().st_mtime_ns
        again = run("generate", spec.name, cwd=spec.parent)
        assert "1 already current" in again.stderr
        assert written.stat().st_mtime_ns == before

    def test_check_writes_nothing_and_says_what_is_stale(self, spec: Path) -> None:
        done = run("generate", spec.name, "--check", cwd=spec.parent)
        assert (done.returncode, done.stdout) == (1, "generated/one.py: missing\n")
        assert not (spec.parent / "generated").exists()

    def test_diff_prints_what_would_change(self, spec: Path) -> None:
        run("generate", spec.name, cwd=spec.parent)
        spec.write_text(LINEAR.replace("dim: 4", "dim: 5"))
        done = run("generate", spec.name, "--diff", cwd=spec.parent)
        assert "-    def __init__(self, *, dim: int = 4) -> None:" in done.stdout
        assert "+    def __init__(self, *, dim: int = 5) -> None:" in done.stdout

    def test_a_file_edited_by_hand_is_kept_unless_forced(self, spec: Path) -> None:
        run("generate", spec.name, cwd=spec.parent)
        written = spec.parent / "generated" / "one.py"
        written.write_text(written.read_text().replace("nn.Linear", "nn.LazyLinear"))
        refused = run("generate", spec.name, cwd=spec.parent)
        assert refused.returncode == 2
        assert "edited by hand" in refused.stderr
        assert "LazyLinear" in written.read_text()
        assert run("generate", spec.name, "--force", cwd=spec.parent).returncode == 0
        assert "LazyLinear" not in written.read_text()

    def test_one_class_is_printed_as_it_stands_in_the_module(self) -> None:
        whole = run("generate", DIFFUSION, "--stdout").stdout
        part = run("generate", DIFFUSION, "--class", "Attention").stdout
        assert part.startswith("class Attention(nn.Module):\n")
        assert part.count("\nclass ") == 0
        assert f"\n\n\n{part}\n\n" in whole
        wrong = run("generate", DIFFUSION, "--class", "Atention")
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert "did you mean `Attention`?" in wrong.stderr

    def test_one_bad_spec_among_good_ones_writes_nothing(self, spec: Path) -> None:
        (spec.parent / "two.yaml").write_text(LINEAR.replace("fc(x)", "fd(x)"))
        done = run("generate", ".", cwd=spec.parent)
        assert done.returncode == 1
        assert not (spec.parent / "generated").exists()

    def test_committed_files_are_what_the_specs_compile_to(self) -> None:
        done = run("generate", "specs", "--output", "generated", "--check")
        assert done.returncode == 0, f"run `nox -s generate`:\n{done.stdout}{done.stderr}"


class TestStreams:
    def test_errors_go_to_stderr_and_leave_stdout_empty(self, spec: Path) -> None:
        spec.write_text(LINEAR.replace("out_features", "out_featurs"))
        done = run("count", str(spec))
        assert (done.returncode, done.stdout) == (1, "")
        assert "did you mean `out_features`?" in done.stderr
        assert "Traceback" not in done.stderr

    def test_errors_are_a_document_too(self, spec: Path) -> None:
        spec.write_text(LINEAR.replace("fc(x)", "fd(x)"))
        done = run("count", str(spec), "--json")
        assert done.returncode == 1
        (problem,) = json.loads(done.stdout)["diagnostics"]
        assert (problem["line"], problem["col"]) == (8, 10)
        assert problem["code"].startswith("GS4")

    def test_check_reports_every_file(self, spec: Path) -> None:
        (spec.parent / "two.yaml").write_text("getspec: 1\nmodel: [\n")
        done = run("check", spec.name, "two.yaml", "--json", cwd=spec.parent)
        assert done.returncode == 1
        verdicts = {s["spec"]: s["valid"] for s in json.loads(done.stdout)["specs"]}
        assert verdicts == {"one.yaml": True, "two.yaml": False}

    def test_check_goes_on_after_a_file_that_cannot_be_read(self, spec: Path) -> None:
        done = run("check", "missing.yaml", spec.name, "--json", cwd=spec.parent)
        assert done.returncode == 2, "what cannot be read was not checked"
        missing, found = json.loads(done.stdout)["specs"]
        assert [each["code"] for each in missing["diagnostics"]] == ["GS090"]
        assert (missing["valid"], found["valid"]) == (False, True)

    @pytest.mark.parametrize(
        ("arguments", "status"),
        [
            (("check", PRETRAIN), 0),
            (("check", "missing.yaml"), 2),
            (("check", "specs/blocks/get.yaml"), 1),
            (("count", PRETRAIN, "--set", "num_layer=2"), 1),
            (("explain", "GS104"), 0),
            (("explain", "GS999"), 2),
            (("explain", PRETRAIN, "encoder.blocks.3.attn.qkv.weight"), 0),
            (("explain", PRETRAIN, "encoder.blocks.12"), 2),
            (("resolve", PRETRAIN), 0),
            (("schema",), 0),
            (("schema", "--ops"), 0),
            (("--version",), 0),
            (("--help",), 0),
            (("cuont",), 2),
            ((), 2),
        ],
    )
    def test_exit_statuses(self, arguments: tuple[str, ...], status: int) -> None:
        done = run(*arguments)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr

    def test_a_reader_that_stops_early_is_no_error(self) -> None:
        command = f"{sys.executable} -m getspec count {DIFFUSION} --parameters | head -1"
        done = subprocess.run(
            command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.stdout.startswith("name")
        assert done.stderr == ""


class TestResolve:
    def test_a_resolved_spec_is_valid_and_compiles_to_the_same_code(self, tmp_path: Path) -> None:
        resolved = run("resolve", DIFFUSION, "--set", "num_layers=3")
        (tmp_path / "flat.yaml").write_text(resolved.stdout)
        flat = run("generate", "flat.yaml", "--stdout", cwd=tmp_path).stdout
        derived = run("generate", DIFFUSION, "--set", "num_layers=3", "--stdout").stdout
        drop = ("Generated by", "# @generated")
        assert _without(flat, drop) == _without(derived, drop)


def _without(text: str, starts: tuple[str, ...]) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(starts)]


# ------------------------------------------------------------------------------------ broken streams


def raw(shell: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell, in which `getspec` is the program."""
    line = shell.replace("getspec", f"{sys.executable} -m getspec")
    return subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("shell", "status"),
    [
        ("getspec count one.yaml > /dev/full", 2),
        ("getspec --help > /dev/full", 2),
        ("getspec check bad.yaml --json > /dev/full", 2),
        ("getspec generate one.yaml --stdout > /dev/full", 2),
        ("getspec sweep one.yaml --set dim=1:99999:1 --csv > /dev/full", 2),
        ("getspec check bad.yaml 2> /dev/full", 1),
        ("getspec nope 2> /dev/full", 2),
        ("getspec check bad.yaml >&- 2>&-", 1),
        ("getspec count one.yaml >&-", 0),
        ("getspec count - <&-", 2),
    ],
)
def test_streams_that_are_full_or_closed(shell: str, status: int, spec: Path) -> None:
    (spec.parent / "bad.yaml").write_text(LINEAR.replace("dim: 4", "dim: x"))
    done = raw(shell, spec.parent)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if "> /dev/full" in shell.replace("2> ", ""):
        assert done.stderr == "error: cannot write to standard output: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="a folder in use cannot be removed elsewhere")
@pytest.mark.parametrize("words", ["count one.yaml", "generate {0}/one.yaml", "init new"])
def test_a_current_folder_that_is_gone(words: str, spec: Path) -> None:
    (spec.parent / "gone").mkdir()
    line = f"cd gone; rmdir ../gone; getspec {words.format(spec.parent)}"
    done = raw(line, spec.parent)
    assert done.returncode == 2
    assert "error: the current folder is gone\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_words_that_ascii_has_no_letters_for(spec: Path) -> None:
    spec.write_text(f"{LINEAR}summary: Café\n", encoding="utf-8")
    done = raw("getspec resolve one.yaml", spec.parent, LC_ALL="C", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "Café" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="names of files in POSIX")
def test_names_that_ascii_has_no_letters_for(spec: Path) -> None:
    """Files have the same bytes in every locale, whatever the names of specs that stand in them."""
    spec.rename(spec.with_name("Café.yaml"))
    (spec.parent / "more.yaml").write_text("getspec: 1\nextends: Café\n", encoding="utf-8")
    (spec.parent / "page.md").write_text(
        "<!-- getspec: count Café.yaml -->\n<!-- /getspec -->\n", encoding="utf-8"
    )
    line = (
        "getspec generate Café.yaml more.yaml && getspec report Café.yaml && getspec docs page.md"
    )
    found = []
    for environment in (
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ):
        folder = spec.parent / environment["LC_ALL"]
        shutil.copytree(spec.parent, folder, ignore=shutil.ignore_patterns("C*F-8"))
        done = raw(line, folder, **environment)
        assert done.returncode == 0, done.stderr
        found.append({path.name: path.read_bytes() for path in folder.rglob("*.*")})
    assert found[0] == found[1]
    assert {"Café.py", "Café.html", "more.py"} <= set(found[0])


@pytest.mark.skipif(os.name != "posix", reason="names of files in POSIX")
@pytest.mark.parametrize(
    "name", [b"\x1b[31m.yaml", b"a\nb.yaml", b"\xff.yaml", "\u202e.yaml".encode()]
)
def test_names_of_files_do_not_drive_the_terminal(name: bytes, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/" + name
    Path(os.fsdecode(path)).write_text(LINEAR)
    for options in ([], ["--output-format", "github"], ["--output-format", "sarif"]):
        done = run("check", os.fsdecode(name), *options, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert all(c.isprintable() or c == "\n" for c in done.stdout)
        assert len(done.stdout.splitlines()) <= 1 or options
