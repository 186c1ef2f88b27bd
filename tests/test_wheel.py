"""The wheel is complete: installed into a bare environment, it compiles a spec that uses shipped blocks."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPEC = """\
getspec: 1
model: Mine
config: {dim: 8, num_heads: 2}
use: [blocks/transformer.yaml]
inputs: {x: "float[B, N, dim]"}
components:
  attn: {type: Attention, dim: dim, num_heads: num_heads}
forward: |
  return x + attn(x)
"""


@pytest.mark.slow
def test_an_installed_getspec_brings_its_blocks(tmp_path: Path) -> None:
    home = tmp_path / "env"
    venv.create(home, with_pip=True)
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, str(ROOT)], check=True, cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.yaml").write_text(SPEC)

    def run(*arguments: str) -> str:
        command = [str(python), "-m", "getspec", *arguments]
        done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "288 parameters" in run("count", "mine.yaml")
    run("generate", "mine.yaml")
    assert "class Mine(nn.Module):" in (elsewhere / "generated" / "mine.py").read_text()
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "torch" not in listed
