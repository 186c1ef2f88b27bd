"""The conformance cases of `conformance/`: how one is laid out, run and compared. Its README states the format.

`python tests/cases.py c` runs them all under PyYAML's C parser, `pure` under the other, each in a process of its own that may
use a second of processor time and 300 MB of memory, and prints what each gave as one JSON object.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

__all__ = ["CASES", "CODES", "ROOT", "Case", "diagnostics", "lay_out", "lay_out_good"]

ROOT = Path(__file__).parent / "conformance"
CODES = ROOT / "codes"
MEMORY = 300_000_000
SECONDS = 1
"""Of processor time."""


class Case:
    """One folder: files, and what is expected of them in `case.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.relative_to(ROOT).as_posix()
        self.file = folder / "case.json"
        given = json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}
        self.command: list[str] = given.get("command", ["check", "spec.yaml"])
        self.stdin: str | None = given.get("stdin")
        self.make: list[dict[str, Any]] = given.get("make", [])
        self.mistakes: int = given.get("mistakes", 1)
        self.status: int | None = given.get("status")
        self.expected: list[dict[str, Any]] = given.get("diagnostics", [])
        self.accepts: dict[str, Any] | None = given.get("accepts")
        self.good: dict[str, Any] = given.get("good", {})

    def document(self, found: dict[str, Any]) -> dict[str, Any]:
        """The case with what it gave as what is expected."""
        kept = {
            "command": self.command if self.command != ["check", "spec.yaml"] else None,
            "stdin": self.stdin,
            "make": self.make or None,
            "mistakes": self.mistakes if self.mistakes != 1 else None,
            "good": self.good or None,
        }
        kept = {key: value for key, value in kept.items() if value is not None}
        return kept | {k: found[k] for k in ("status", "diagnostics", "accepts") if k in found}


CASES = [Case(path.parent) for path in sorted(ROOT.glob("*/*/case.json"))]


# Laying out


def lay_out(case: Case, root: Path) -> Path:
    """The files of a case in `root/case`, which is the folder that its command runs in."""
    here = root / "case"
    for path in sorted(case.folder.rglob("*")):
        target = here / path.relative_to(case.folder)
        if path.is_file() and path != case.file and case.folder / "good" not in path.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    here.mkdir(exist_ok=True)
    for each in case.make:
        _make(each, here)
    return here


def lay_out_good(case: Case, root: Path) -> tuple[Path, list[str]]:
    """The same folder with what was wrong in it mended, and the command that is then right."""
    here = lay_out(case, root)
    for each in case.good.get("make", []):
        _make(each, here)
    for path in sorted((case.folder / "good").glob("*")):
        (here / path.name).write_bytes(path.read_bytes())
    return here, case.good.get("command", case.command)


def _make(recipe: dict[str, Any], here: Path) -> None:
    """One thing that no repository can hold: a pipe, a link, a file of a megabyte."""
    target = here / recipe["path"]
    target.parent.mkdir(parents=True, exist_ok=True)
    match recipe:
        case {"folder": True}:
            target.mkdir()
        case {"fifo": True}:
            os.mkfifo(target)
        case {"link": to}:
            target.symlink_to(to)
        case {"parts": parts}:
            target.write_bytes(b"".join(_part(part) for part in parts))


def _part(part: str | dict[str, Any]) -> bytes:
    if isinstance(part, str):
        return part.encode()
    return str(part["text"]).encode() * int(part["times"])


# Running


def outcome(case: Case) -> dict[str, Any]:
    """What a command gives in the current folder, with its words turned into those of the format."""
    from getspec.cli import main

    before = _listing()
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        status = main([*case.command, "--json"])
    found: dict[str, Any] = {"status": status, "diagnostics": []}
    if out.getvalue().startswith("{"):
        printed = json.loads(out.getvalue())
        raw = printed.get("diagnostics", [])
        for spec in printed.get("specs", []):
            raw += spec["diagnostics"]
        found["diagnostics"] = [_in_format(each) for each in raw]
    if "Traceback" in errors.getvalue():
        found["traceback"] = errors.getvalue()
    if written := sorted(_listing() ^ before):
        found["written"] = written
    if case.accepts is not None:
        found["accepts"] = _accepted(case)
    return found


def _listing() -> set[str]:
    return {str(path) for path in Path("..").rglob("*")}


def _in_format(found: dict[str, Any]) -> dict[str, Any]:
    kept = {key: found[key] for key in ("code", "severity", "message")} | _place(found)
    kept |= {"help": found["help"], "replacement": found["replacement"]}
    kept["notes"] = [{"message": note["message"]} | _place(note) for note in found["notes"]]
    optional = ("severity", "help", "replacement", "notes")
    plain = {"severity": "error", "help": None, "replacement": None, "notes": []}
    return {k: v for k, v in kept.items() if k not in optional or v != plain[k]}


def _place(found: dict[str, Any]) -> dict[str, Any]:
    if found["file"] is None:
        return {}
    length = found["end_col"] - found["col"]
    return {k: found[k] for k in ("file", "line")} | {"column": found["col"], "length": length}


def _accepted(case: Case) -> dict[str, Any]:
    import getspec

    spec = getspec.load(case.command[1])
    config = {k: list(v) if isinstance(v, tuple) else v for k, v in spec.config.items()}
    return {"config": config, "parameters": spec.count().total}


def diagnostics(case: Case) -> list[Any]:
    """What is expected, as diagnostics."""
    from getspec.errors import Diagnostic, Fix, Span

    def span(place: dict[str, Any]) -> Span | None:
        if "file" not in place:
            return None
        return Span(place["file"], place["line"], place["column"], place["length"])

    made = []
    for each in case.expected:
        help = each.get("help")
        help = Fix(help, each["replacement"]) if "replacement" in each else help
        notes = tuple((note["message"], span(note)) for note in each.get("notes", []))
        severity = each.get("severity", "error")
        made.append(Diagnostic(each["code"], each["message"], span(each), help, notes, severity))
    return made


def _alone(case: Case) -> dict[str, Any]:
    """Run one case in a child that has limits; a child that breaks them gives no outcome."""
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory() as root:
        here = lay_out(case, Path(root))
        child = os.fork()
        if child == 0:
            _limited(case, here, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"killed": os.WTERMSIG(status)}
    found: dict[str, Any] = json.loads(text) if text else {"killed": 0}
    return found


def _limited(case: Case, here: Path, writer: int) -> None:
    """The child: its limits, its folder, its standard input; never returns."""
    import resource

    try:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.chdir(here)
        if case.stdin == "closed":
            os.close(0)
            sys.stdin = None  # type: ignore[assignment]
        elif case.stdin is not None:
            os.dup2(os.open(case.stdin, os.O_RDONLY), 0)
            sys.stdin = io.TextIOWrapper(io.FileIO(0))
        found = outcome(case)
    except BaseException as error:
        found = {"escaped": repr(error)}
    os.write(writer, json.dumps(found).encode())
    os._exit(0)


def run_all(parser: str, cases: list[Case]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case under one of PyYAML's parsers."""
    import yaml

    if parser == "pure":
        for name in [name for name in vars(yaml) if name.startswith("C") and "Loader" in name]:
            delattr(yaml, name)
    import getspec

    getspec.load("specs/zoo/gpt2.yaml").count()  # imports are no part of what a case costs
    import getspec.source

    assert (getspec.source.FAST is getspec.source.PURE) == (parser == "pure")
    for case in cases:
        yield case.name, _alone(case)


if __name__ == "__main__":
    print(json.dumps(dict(run_all(sys.argv[1], CASES))))
