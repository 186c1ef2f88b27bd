"""One slip in a committed spec: what people do wrong, drawn from a seed.

    key      a letter of a key of the language, an op's field or a block's setting
    name     a letter of a name, where it is declared or where it is used
    width    another size: a multiple, one more, or another setting
    line     a line that is gone
    swap     two arguments of a call in `forward` in each other's place

A slip of the keyboard gives a word that stands nowhere else in the file; names of one or two letters are left alone, since
nothing could tell what was meant.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from committed import MODELS, SPECS

from getspec.errors import Diagnostic, Fix, SpecError
from getspec.library import Files, display
from getspec.pipeline import compile_spec
from getspec.source import Document, parse

__all__ = ["KINDS", "Judged", "Mutant", "judge", "mutants", "sample"]


@dataclass(frozen=True)
class Mutant:
    """A file of `specs/` after one slip, and the model that is compiled with it."""

    kind: str
    file: Path
    model: Path
    text: str
    before: str
    """The text as it was."""
    original: str
    """The word as it was, of a slip of the keyboard; else what was there."""
    written: str
    line: int

    def __str__(self) -> str:
        place = f"{self.file.relative_to(SPECS).as_posix()}:{self.line}"
        return f"{self.kind} {place}: {self.original!r} -> {self.written!r}"


@dataclass(frozen=True)
class Judged:
    """What the compiler says: nothing about a legal spec."""

    mutant: Mutant
    errors: tuple[Diagnostic, ...]

    @property
    def legal(self) -> bool:
        return not self.errors

    @property
    def is_typo(self) -> bool:
        return self.mutant.kind in ("key", "name")

    @property
    def undone(self) -> bool:
        """Whether a help that a program carries out leads back to the text as it was."""
        return any(mended(self.mutant, each) == self.mutant.before for each in self.errors)

    @property
    def suggested(self) -> bool:
        """Whether what was meant is offered; of a slip in a declaration, that name is what is offered to its users."""
        word = f"`{self.mutant.written}`"
        return self.undone or any(word in (each.help or "") for each in self.errors)


def mended(mutant: Mutant, found: Diagnostic) -> str | None:
    """The mutant's text after a help was carried out."""
    span = found.span
    if span is None or not isinstance(found.help, Fix) or span.file != display(str(mutant.file)):
        return None
    lines = mutant.text.split("\n")
    line = lines[span.line - 1]
    lines[span.line - 1] = (
        line[: span.col - 1] + found.help.text + line[span.col - 1 + span.width :]
    )
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------- slips

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORD = re.compile(r"(?<![\w.])[A-Za-z][A-Za-z0-9_]{2,}")
DECLARING = ("config", "let", "params", "inputs", "outputs", "components", "blocks", "functions")
PROSE = ("summary", "sources", "source", "doc", "note", "sizes", "spec", "rename", "path")
NOT_SIZES = ("type", "doc", "init", "when", "pattern", "index", "trainable", "layers", "value")

Slip = tuple[int, int, str]
"""Characters from .. to of the text, and what stands there instead."""


def slipped(word: str, random: random.Random) -> str:
    """A word with one letter wrong."""
    at = random.randrange(len(word))
    letter = random.choice(LETTERS)
    return random.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
        ]
    )


def misspelt(text: str, start: int, word: str, random: random.Random) -> Slip | None:
    new = slipped(word, random)
    known = set(re.findall(r"\w+", text))
    usable = new not in known and WORD.fullmatch(new) and new[0].isupper() == word[0].isupper()
    return (start, start + len(word), new) if usable else None


class Site:
    """One parsed file of `specs/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.document = parse(self.text, path.name)
        self.starts = [0]
        for line in self.document.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def index(self, line: int, col: int) -> int:
        return self.starts[line - 1] + col - 1

    def keys(self, *, declared: bool) -> list[tuple[int, str]]:
        """Where keys stand: names that the file declares, or words that somebody reads."""
        found = []
        for path, mark in self.document.marks.items():
            if mark.key is None or mark.key.width != len(str(path[-1])):
                continue
            names = path[-2:-1] and path[-2] in DECLARING
            if path[0] in ("rename", "sizes", "shape") and len(path) > 1:
                continue
            if bool(names) == declared and WORD.fullmatch(str(path[-1])):
                found.append((self.index(mark.key.line, mark.key.col), str(path[-1])))
        return found

    def scalars(self) -> Iterator[tuple[tuple[str | int, ...], int, str]]:
        """Values that are no prose: their path, where their text starts and the text."""
        for path, mark in self.document.marks.items():
            value = at(self.document, path)
            if isinstance(value, dict | list) or any(part in PROSE for part in path):
                continue
            if mark.style == "|":
                for number, line in enumerate(str(value).split("\n"), 1):
                    if line.strip():
                        span = self.document.text_span(path, number, 0)
                        yield path, self.index(span.line, span.col), line.split("#")[0]
            elif mark.text_col is not None:
                start = self.index(mark.value.line, mark.text_col)
                end = start + len(str(value))
                yield path, start, self.text[start:end]

    # The kinds

    def key(self, random: random.Random) -> Slip | None:
        start, word = random.choice(self.keys(declared=False))
        return misspelt(self.text, start, word, random)

    def name(self, random: random.Random) -> Slip | None:
        places = self.keys(declared=True)
        for _, start, text in self.scalars():
            places += [(start + m.start(), m[0]) for m in WORD.finditer(text)]
        start, word = random.choice(places)
        return misspelt(self.text, start, word, random)

    def width(self, random: random.Random) -> Slip | None:
        places = []
        for path, start, text in self.scalars():
            inside = "components" in path and path.index("components") < len(path) - 2
            if inside and path[-1] not in NOT_SIZES and "init" not in path and "bias" not in path:
                places.append((start, text))
            elif path[-1:] != ("below",) and ("inputs" in path or "outputs" in path):
                first = text.find("[") + 1
                axes = text[first : text.rfind("]")]
                for axis in axes.split(", ") if first else ():
                    places.append((start + text.find(axis, first), axis))
        if not places:
            return None
        start, old = random.choice(places)
        names = [str(p[-1]) for p in self.document.marks if p[-2:-1] in (("config",), ("params",))]
        other = random.choice(names or [old])
        number = old.isdigit()
        new = [str(int(old) * 2), str(int(old) + 1)] if number else [f"2 * {old}", f"3 * ({old})"]
        word = random.choice([*new, other])
        return None if word == old else (start, start + len(old), word)

    def line(self, random: random.Random) -> Slip | None:
        number = random.randrange(len(self.document.lines))
        text = self.document.lines[number]
        if not text.strip() or text.lstrip().startswith("#"):
            return None
        return self.starts[number], self.starts[number] + len(text) + 1, ""

    def swap(self, random: random.Random) -> Slip | None:
        calls = []
        for path, start, text in self.scalars():
            if "forward" in path:
                calls += [(start, text, call) for call in calls_in(text)]
        if not calls:
            return None
        start, text, call = random.choice(calls)
        first, second = sorted(random.sample(call.args, 2), key=lambda arg: arg.col_offset)
        one, two = (text[a.col_offset : a.end_col_offset] for a in (first, second))
        if one == two:
            return None
        assert first.end_col_offset is not None
        assert second.end_col_offset is not None
        between = text[first.end_col_offset : second.col_offset]
        new = f"{two}{between}{one}"
        return start + first.col_offset, start + second.end_col_offset, new


KINDS: dict[str, Callable[[Site, random.Random], Slip | None]] = {
    "key": Site.key,
    "name": Site.name,
    "width": Site.width,
    "line": Site.line,
    "swap": Site.swap,
}


def calls_in(text: str) -> list[ast.Call]:
    """Calls with two arguments or more in one line of `forward`."""
    line = text.strip()
    try:
        tree = ast.parse(line + (" pass" if line.endswith(":") else ""))
    except SyntaxError:
        return []
    shift = len(text) - len(text.lstrip())
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and len(n.args) > 1]
    for call in found:
        for arg in call.args:
            arg.col_offset += shift
            arg.end_col_offset = (arg.end_col_offset or 0) + shift
    return found


def at(document: Document, path: tuple[str | int, ...]) -> Any:
    value = document.data
    for part in path:
        value = value[part]
    return value


# ------------------------------------------------------------------------------------------ drawing


@cache
def sites() -> list[tuple[Site, Path]]:
    """Every spec and library, with a model that it is part of."""
    read: dict[Path, Path] = {}
    for model in MODELS:
        files = Files()
        compile_spec(str(model), files=files)
        for path in (model.resolve(), *files.documents):
            read.setdefault(path, model)
            if path == model.resolve():
                read[path] = model
    return [(Site(path), model) for path, model in sorted(read.items())]


def mutants(kind: str, seed: int) -> Iterator[Mutant]:
    """Slips of one kind without an end, each at most once."""
    rng = random.Random(f"{kind} {seed}")
    seen = set()
    while True:
        site, model = rng.choice(sites())
        slip = KINDS[kind](site, rng)
        if slip is None or (site.path, slip) in seen:
            continue
        seen.add((site.path, slip))
        start, end, new = slip
        text = site.text[:start] + new + site.text[end:]
        line = site.text.count("\n", 0, start) + 1
        old = site.text[start:end].rstrip("\n")
        yield Mutant(kind, site.path, model, text, site.text, old, new, line)


# ------------------------------------------------------------------------------------------ judging


class Slipped(Files):
    """Reads one file as the mutant has it, and the others as they are."""

    shared: ClassVar[dict[str, Document]] = {}

    def __init__(self, mutant: Mutant) -> None:
        super().__init__()
        self.mutant = mutant

    def open(self, path: str, name: str | None = None) -> Document:
        shown = name or display(path)
        if Path(path).resolve() == self.mutant.file:
            self.lines[shown] = self.mutant.text.split("\n")
            return parse(self.mutant.text, shown)
        if shown not in self.shared:
            self.shared[shown] = super().open(path, name)
        self.lines[shown] = self.shared[shown].lines
        return self.shared[shown]


def judge(mutant: Mutant) -> Judged:
    try:
        compile_spec(str(mutant.model), files=Slipped(mutant))
    except SpecError as error:
        return Judged(mutant, error.diagnostics)
    return Judged(mutant, ())


def sample(number: int, seed: int) -> Iterator[Judged]:
    """So many slips that are refused, as many of each kind, with the legal ones that came up on the way."""
    for kind in KINDS:
        left = number // len(KINDS)
        for mutant in mutants(kind, seed):
            if left == 0:
                break
            judged = judge(mutant)
            left -= not judged.legal
            yield judged
