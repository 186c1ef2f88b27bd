"""What a command does to the machine on a hostile spec: it runs none of its text, and reads and writes only what it says.

Watched by Python's audit hooks, in a process of its own (`hostile/audit.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile.payloads import WORD
from hostile.sinks import SINKS
from test_injection import arranged

from getspec.cli import COMMANDS

SCRIPT = Path(__file__).parent / "hostile" / "audit.py"
CALLS = f"__import__('os').system('{WORD}')"
WRITTEN = {
    "generate net.yaml": "generated",
    "report net.yaml -o made/net.html": "made",
    "verify net.yaml --emit-converter made/convert.py": "made",
}
"""Commands that write, and the one folder that they write to."""
WRONG = {
    "summary: 1\nforward: |\n  return " + CALLS: "forward.yaml",
    f'config: {{dim: "{CALLS}"}}\ninputs: {{x: "float[B, dim]"}}\nforward: return x': "config.yaml",
    f'inputs: {{x: "float[B, {CALLS}]"}}\nforward: return x': "size.yaml",
    f"use: [/etc/passwd, ../{WORD}.yaml]\nforward: return 1": "use.yaml",
    f"extends: /etc/{WORD}": "extends.yaml",
}
"""Specs that ask for more, with the files that they are in."""
RUNNING = {"verify", "docs", "gallery", "import", "schema", "init", "completion"}
"""Commands that run what was generated, or that read no spec of a stranger in this test."""


def watched(commands: list[str], folder: Path) -> list[dict[str, Any]]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    environment["PYTHONPATH"] = str(SCRIPT.parents[2])
    done = subprocess.run(
        [sys.executable, str(SCRIPT), WORD],
        input="\n".join(commands),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_nothing_of_a_hostile_spec_is_run_and_nothing_else_is_touched(folder: Path) -> None:
    arranged(folder, 3)
    for text, name in WRONG.items():
        (folder / name).write_text(f"getspec: 1\nmodel: Net\n{text}\n")
    commands = [*SINKS, "generate net.yaml", *(f"check {name}" for name in WRONG.values())]
    for found in watched(commands, folder):
        folder_of = WRITTEN.get(found["command"])
        elsewhere = [
            each
            for each in found["done"]
            if folder_of is None or not each.startswith(f"changed {folder_of}")
        ]
        assert elsewhere == [], found["command"]
        assert found["status"] in (0, 1), found["command"]


def test_every_command_that_reads_a_spec_is_watched() -> None:
    assert {command.split()[0] for command in SINKS} | RUNNING >= set(COMMANDS)


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        (f"exec('{WORD} = 1')", "compiled"),
        (f"eval(compile('{WORD} = 1', '', 'exec'))", "executed"),
        ("open('/etc/hostname').read()", "read"),
        ("open('new.txt', 'w')", "changed"),
        ("__import__('os').mkdir('new')", "changed"),
        ("__import__('subprocess').run(['true'])", "subprocess"),
        ("__import__('socket').socket()", "socket"),
    ],
)
def test_the_watch_sees_what_it_is_for(code: str, seen: str, folder: Path) -> None:
    """A watch that reports nothing proves nothing: here a command does what none may do."""
    script = folder / "sabotage.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(SCRIPT.parent)!r})\nimport audit, getspec.cli\n"
        f"getspec.cli.main = lambda words: ({code}, 0)[1]\naudit.main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}
    done = subprocess.run(
        [sys.executable, str(script), WORD],
        input="count net.yaml",
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert any(each.startswith(seen) for each in json.loads(done.stdout)[0]["done"]), done.stdout
