"""`getspec docs`: regions of a Markdown file that hold what a command prints.

    <!-- getspec: count specs/model.yaml --depth 2 -->
    <!-- /getspec -->

Everything between the two lines is the command's. Only commands that read are run, here and not in a shell. Paths are those of
the current folder and stay below it: a document may come from somebody else, and shows none of the reader's other files. A
template language was refused: the file stays ordinary Markdown that anybody can read and edit.
"""

from __future__ import annotations

import io
import re
import shlex
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from getspec.errors import GetspecError, UsageError, meant
from getspec.library import leads_out, on_disk

__all__ = ["filled", "markdown_files", "regions"]

READING = (
    "check",
    "cost",
    "count",
    "diagram",
    "diff",
    "explain",
    "formula",
    "gallery",
    "generate",
    "resolve",
    "schema",
)
"""Commands that write nothing; `generate` only with `--stdout` or `--class`."""
WRITING = ("emit_converter", "output", "plot")
"""Arguments that name a file to write."""
START = re.compile(r"<!--\s*getspec:\s*(.*?)\s*-->")
STOP = re.compile(r"<!--\s*/getspec\s*-->")
END = "<!-- /getspec -->"
LANGUAGES = {"generate": "python", "resolve": "yaml", "schema": "json"}


@dataclass(frozen=True)
class Region:
    """A command, and the lines that are its output: from `start` up to `end`, counted from 0."""

    command: str
    start: int
    end: int


def markdown_files(named: Iterable[str]) -> Iterator[Path]:
    """The files that were named, and those in named folders."""
    for name in named:
        path = Path(name)
        if path.is_dir():
            yield from sorted(path.rglob("*.md"))
        else:
            yield path


def filled(path: Path) -> tuple[str, str]:
    """A file's text as it is, and as it is with every region current."""
    text = _read(path)
    lines = text.split("\n")
    for region in reversed(regions(lines, path)):
        place = f"{path.as_posix()}:{region.start}"
        mark = lines[region.start - 1]
        # In a list, what belongs to an item is indented as its mark is; a line ends as its mark does.
        indent = mark[: len(mark) - len(mark.lstrip(" \t"))]
        end = "\r" if mark.endswith("\r") else ""
        output = _output(region.command, place)
        lines[region.start : region.end] = [
            f"{indent if line else ''}{line}{end}" for line in output
        ]
    return text, "\n".join(lines)


def regions(lines: list[str], path: Path) -> list[Region]:
    """Marked regions in order; marks inside a fenced block are text."""
    found: list[Region] = []
    opened: tuple[str, int] | None = None
    fence = ""
    for at, line in enumerate(lines):
        place = f"{path.as_posix()}:{at + 1}"
        shown = line.strip().removeprefix("\ufeff")
        start = START.fullmatch(shown)
        if opened:
            if STOP.fullmatch(shown):
                found.append(Region(*opened, at))
                opened = None
            elif start:
                raise UsageError(f"{place}: the region before it has no end", END)
            continue
        mark = re.match(r"`{3,}|~{3,}", shown)
        if fence:
            fence = "" if shown.startswith(fence) and not shown.strip("`~") else fence
        elif mark:
            fence = mark[0]
        elif start:
            opened = start[1], at + 1
        elif STOP.fullmatch(shown):
            raise UsageError(f"{place}: this ends a region that has no beginning")
    if opened:
        raise UsageError(f"{path.as_posix()}:{opened[1]}: this region has no end", END)
    return found


def _read(path: Path) -> str:
    from getspec.source import read_bytes

    try:
        return read_bytes(str(path)).decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path.as_posix()} is not UTF-8 text") from None


def _output(command: str, place: str) -> list[str]:
    """What a command prints, as lines of Markdown."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{place}: `{command}` is not a command: {error}") from None
    _check(words, place)
    printed = _run(words, place).strip("\n")
    language = _language(words)
    if language is None:
        return printed.split("\n")
    longest = max((len(ticks) for ticks in re.findall(r"`+", printed)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *printed.split("\n"), fence]


def _check(words: list[str], place: str) -> None:
    name = words[0] if words else ""
    if name not in READING:
        help = meant(name, READING, f"it takes: {', '.join(READING)}")
        raise UsageError(f"{place}: `{name}` is no command that a document can show", help)
    if "-" in words:
        raise UsageError(f"{place}: a document has no standard input")


def _refuse_writing(arguments: Namespace, place: str) -> None:
    """An option may be shortened, so what was understood is looked at and not the words."""
    if arguments.command == "generate" and not (arguments.stdout or arguments.only):
        raise UsageError(f"{place}: `generate` writes files", "generate SPEC --stdout")
    for name in WRITING:
        if getattr(arguments, name, None) and arguments.command != "generate":
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{place}: `{option}` writes a file, and a document only reads")


def _refuse_leading_out(arguments: Namespace, place: str) -> None:
    """A command of a document reads what lies here; a revision is of the repository here."""
    if arguments.command == "diff" and len(arguments.specs) > 2:
        raise UsageError(f"{place}: `diff` compares two specs", "diff A B")
    for path in _named(arguments):
        if leads_out(path):
            raise UsageError(f"{place}: `{path}` is not below the current folder")


def _named(arguments: Namespace) -> list[str]:
    """The paths in a command, which get the names that the system has for them."""
    single = [name for name in ("spec", "what", "file") if getattr(arguments, name, None)]
    for name in single:
        setattr(arguments, name, on_disk(getattr(arguments, name)))
    several = getattr(arguments, "specs", [])
    several[:] = map(on_disk, several)
    return [getattr(arguments, name) for name in single] + several


def _run(words: list[str], place: str) -> str:
    """Run one command; whatever goes wrong is said with the place of the region."""
    from getspec.cli import parsed
    from getspec.commands import COMMANDS

    out, errors = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(errors):
            arguments = parsed(words)
            arguments.color = "never"
            _refuse_writing(arguments, place)
            _refuse_leading_out(arguments, place)
            status = COMMANDS[arguments.command](arguments)
    except SystemExit as stop:
        status = int(str(stop.code or 0))
    except UsageError as error:
        located = str(error).startswith(place)
        raise UsageError(str(error) if located else f"{place}: {error}", error.help) from None
    except GetspecError as error:
        raise UsageError(f"{place}: {error}") from None
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror or error}") from None
    if status:
        lines = errors.getvalue().strip().splitlines()
        raise UsageError(f"{place}: `{shlex.join(words)}` fails: {lines[-1] if lines else status}")
    return out.getvalue()


def _language(words: list[str]) -> str | None:
    """The language of a fenced block; None where a command prints Markdown."""
    name, rest = words[0], " ".join(words)
    if name == "gallery":
        return None
    if "--json" in words or "--format json" in rest or "--format=json" in rest:
        return "json"
    if "--markdown" in words or re.search(r"--format[ =]markdown\b", rest):
        return None
    if name == "diagram":
        return None if re.search(r"--format[ =]svg\b", rest) else "mermaid"
    return "text" if "--ops" in words else LANGUAGES.get(name, "text")
