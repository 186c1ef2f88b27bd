"""Run commands and report what they did to the machine, as Python's audit hooks see it.

`python tests/hostile/audit.py WORD` reads command lines from standard input, one each line, and prints a JSON list with, for
each, its status and what it did that a command on a stranger's spec must not do. Nothing that it reports is stopped.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2] / "getspec"
FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "os.fork",
    "ctypes.",
    "pty.",
)
"""Starts of events that are none of a compiler's business."""
CHANGING = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
    "shutil.",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Watch:
    """What happens while a command runs."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.here = os.path.realpath(".")
        libraries = [path for path in sys.path if path] + [
            sys.prefix,
            sys.base_prefix,
            str(PACKAGE.parent / "specs"),
        ]
        self.readable = tuple(
            {os.path.realpath(path) for path in (*libraries, str(PACKAGE), self.here)}
        )
        self.done: list[str] | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.done is None:
            return
        done, self.done = self.done, None  # what is looked at here is no event
        try:
            done += self.seen(event, arguments)
        finally:
            self.done = done

    def seen(self, event: str, arguments: tuple[Any, ...]) -> list[str]:
        match event:
            case "exec":
                return self.executed(arguments[0])
            case "compile":
                return self.compiled(arguments[0], sys._getframe(2))
            case "import":
                name = str(arguments[0])
                return [f"imported {name}"] if name == "torch" or self.word in name else []
            case "open":
                return self.opened(*arguments)
        if event.startswith(FORBIDDEN):
            return [f"{event} {arguments!r:.80}"]
        if event.startswith(CHANGING):
            return [f"changed {self.shown(arguments[0])}"]
        return []

    def executed(self, code: CodeType) -> list[str]:
        return [f"executed {code.co_name} of {code.co_filename}"] if self.holds(code) else []

    def holds(self, code: CodeType) -> bool:
        """Whether the word stands in code, and not just in the name of its file."""
        parts = (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_consts)
        return any(
            self.holds(part) if isinstance(part, CodeType) else self.word in repr(part)
            for part in parts
        )

    def compiled(self, source: Any, caller: FrameType) -> list[str]:
        """Text may become a tree, and only by `ast.parse`, which makes no code of it."""
        text = source.decode(errors="replace") if isinstance(source, bytes) else source
        if not isinstance(text, str) or self.word not in text:
            return []
        parsed = caller.f_code.co_name == "parse" and caller.f_globals.get("__name__") == "ast"
        return [] if parsed else [f"compiled {text!r:.80}"]

    def opened(self, path: Any, mode: Any, flags: int) -> list[str]:
        if isinstance(path, int):
            return []
        place = os.path.realpath(os.fsdecode(path))
        if flags & WRITING:
            return [] if place == os.devnull else [f"changed {self.shown(path)}"]
        return [] if place.startswith(self.readable) else [f"read {place}"]

    def shown(self, path: Any) -> str:
        place = os.path.realpath(os.fsdecode(path))
        return os.path.relpath(place, self.here) if place.startswith(self.here) else place


def main() -> None:
    watch = Watch(sys.argv[1])
    commands = sys.stdin.read().splitlines()
    from getspec.cli import main as getspec

    sys.addaudithook(watch)
    found = []
    for command in commands:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            watch.done = []
            status = getspec(command.split(" "))
            done, watch.done = watch.done, None
        found.append({"command": command, "status": status, "done": list(dict.fromkeys(done))})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
