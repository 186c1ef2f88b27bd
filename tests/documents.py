"""Code blocks of a document, to be run: files that it writes and changes, and commands with what they print.

A block belongs to the file that the text before it names last, in backquotes. The first block of a file writes it, later
ones add to its end, and a `diff` block changes it.

`python tests/documents.py docs/cookbook.md` writes the outputs that a document shows again, to be read in the diff.
"""

from __future__ import annotations

import atexit
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp

Done = subprocess.CompletedProcess[str]
ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block, with the last file that the text above it names."""

    language: str
    text: str
    file: str | None
    line: int

    @property
    def is_file(self) -> bool:
        """Text for a file in the folder that the document is played in; what has a `/` is for getspec itself."""
        written = self.language in ("yaml", "json", "python")
        return written and self.file is not None and "/" not in self.file


def blocks(document: str, language: str | None = None) -> list[Block]:
    """The blocks of a document, or those of one language."""
    found = []
    end = 0
    for match in FENCE.finditer(document):
        named = re.findall(r"`([\w./-]+\.(?:yaml|json|py))`", document[end : match.start()])
        line = document.count("\n", 0, match.start()) + 1
        found.append(Block(match[1], match[2], named[-1] if named else None, line))
        end = match.end()
    return [block for block in found if language in (None, block.language)]


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output that is shown for it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.strip()


@cache
def programs() -> Path:
    """A folder with `getspec` and `python` as if they were installed: our Python runs both."""
    folder = Path(mkdtemp())
    atexit.register(rmtree, folder)
    for name, words in (("getspec", "-m getspec "), ("python", "")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words}"$@"\n')
        script.chmod(0o755)
    return folder


def run(command: str, folder: Path, path: Path | None = None) -> Done:
    """A line as somebody in this folder would paste it; `path` is where programs are looked for first."""
    first = str(path or programs())
    environment = {
        **os.environ,
        "PATH": f"{first}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    environment = {k: v for k, v in environment.items() if k not in ("PYTHONPATH", "FORCE_COLOR")}
    if path is None:
        environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def play(document: str, folder: Path) -> Iterator[tuple[Block, str, Callable[[], Done]]]:
    """Every command of a document with its block, ready to be run; files are written on the way."""
    for block in blocks(document):
        if block.is_file:
            with open(folder / str(block.file), "a", encoding="utf-8") as file:
                file.write(block.text)
        elif block.language == "diff":
            path = folder / str(block.file)
            path.write_text(patched(path.read_text(encoding="utf-8"), block.text), encoding="utf-8")
        elif block.language == "console":
            for command, _ in commands(block.text):
                yield block, command, partial(run, command, folder)


def patched(text: str, change: str) -> str:
    """Text with one `diff` block applied; what it removes and keeps must stand there once."""
    lines = change.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, f"stands {text.count(before)} times:\n{before}"
    return text.replace(before, after)


def printed(done: Done) -> str:
    """What a person sees of a command that has ended."""
    return (done.stdout + done.stderr).strip()


def refreshed(document: str, folder: Path) -> str:
    """A document with what its commands print now."""
    texts: dict[int, str] = {}
    for block, command, ready in play(document, folder):
        shown = f"$ {command}\n{printed(ready())}".strip()
        texts[block.line] = f"{texts.get(block.line, '')}{shown}\n"
    for block in blocks(document, "console"):
        if block.line not in texts:  # lines to paste, of which no output is shown
            continue
        document = document.replace(
            f"```console\n{block.text}```", f"```console\n{texts[block.line]}```"
        )
    return document


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        name = Path(sys.argv[1])
        (Path(scratch) / "specs").symlink_to(ROOT / "specs")
        name.write_text(
            refreshed(name.read_text(encoding="utf-8"), Path(scratch)), encoding="utf-8"
        )
