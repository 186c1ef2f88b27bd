"""What went wrong, where, and what to write instead: the one vocabulary for every message.

    GetspecError          everything getspec raises on purpose
    |-- SpecError         the spec is wrong             exit status 1   diagnostics and their places
    `-- UsageError        the command line or the disk  exit status 2   a message and a help line

A mistake is data (`Diagnostic`: code, message, place, fix) and becomes text at the very end, by
`render` for people and `as_json` for tools. Formatting where a mistake is found was refused: the
same problem is shown in a terminal, an editor and a CI annotation, and each needs its own escaping.
Spec text may come from a stranger, so what is shown passes through `escape` here, once, and no
caller has to remember it.

This module imports nothing from getspec and stays cheap, because `--help` pays for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

__all__ = [
    "Diagnostic",
    "Diagnostics",
    "Fix",
    "GetspecError",
    "Note",
    "Span",
    "SpecError",
    "UsageError",
    "escape",
    "escape_line",
    "interrupted",
    "meant",
    "nearest",
    "render",
]


class Span(NamedTuple):
    """A stretch of one line. Line and column are 1-based; columns and width count characters."""

    file: str
    line: int
    col: int
    width: int = 1

    def __str__(self) -> str:
        return f"{escape(self.file)}:{self.line}:{self.col}"


Note = tuple[str, Span | None]


class Fix(str):
    """Help that a program can carry out: `text` takes the place of what is underlined."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, help: str, text: str) -> Fix:
        made = super().__new__(cls, help)
        made.text = text
        return made

    def __reduce__(self) -> tuple[type[Fix], tuple[str, str]]:
        return Fix, (str(self), self.text)


class Diagnostic(NamedTuple):
    """One mistake: what is wrong, where, and one fix that can be pasted."""

    code: str
    message: str
    span: Span | None = None
    help: str | None = None
    notes: tuple[Note, ...] = ()
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        return f"{place}{self.code}: {escape(self.message)}"

    def as_json(self) -> dict[str, Any]:
        """Stable keys and raw text; the JSON encoder does its own escaping."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            **_place(self.span),
            "help": self.help,
            "replacement": self.help.text if isinstance(self.help, Fix) and self.span else None,
            "notes": [{"message": message, **_place(span)} for message, span in self.notes],
        }


def _place(span: Span | None) -> dict[str, str | int | None]:
    if span is None:
        return {"file": None, "line": None, "col": None, "end_col": None}
    end = span.col + span.width
    return {"file": span.file, "line": span.line, "col": span.col, "end_col": end}


class GetspecError(Exception):
    """Base of every deliberate error; `exit_status` is what the command returns."""

    exit_status: ClassVar[int] = 2


class SpecError(GetspecError):
    """The spec is wrong. `sources` holds the lines of the files it names, for showing them."""

    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        diagnostics: Iterable[Diagnostic],
        sources: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.diagnostics = tuple(diagnostics)
        self.sources = dict(sources or {})
        super().__init__(self.diagnostics, self.sources)

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        span: Span | None = None,
        help: str | None = None,
        notes: Iterable[Note] = (),
    ) -> SpecError:
        """One mistake."""
        return cls([Diagnostic(code, message, span, help, tuple(notes))])

    def __str__(self) -> str:
        return "\n".join(map(str, self.diagnostics))


class UsageError(GetspecError):
    """The command line, or a file that cannot be read or written."""

    def __init__(self, message: str, help: str | None = None, code: str | None = None) -> None:
        super().__init__(message, help, code)
        self.message = message
        self.help = help
        self.code = code

    def __str__(self) -> str:
        return escape(self.message)


def interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt is what came first.

    Python and torch give one another name where they call back. Pydantic, while it builds a model, keeps no more of it than
    the word.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        if type(error).__name__ == "SchemaError" and "KeyboardInterrupt" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return error is not None


MAX_NOTES = 8

Item = TypeVar("Item")
Made = TypeVar("Made")


class Diagnostics:
    """The problems found so far, so that all of them are reported together."""

    def __init__(self, found: Iterable[Diagnostic] = ()) -> None:
        self._found = list(found)

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        help: str | None = None,
        notes: Iterable[Note] = (),
    ) -> None:
        self._found.append(Diagnostic(code, message, span, help, tuple(notes)))

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        help: str | None = None,
        notes: Iterable[Note] = (),
    ) -> None:
        self._found.append(Diagnostic(code, message, span, help, tuple(notes), "warning"))

    def extend(self, other: Iterable[Diagnostic]) -> None:
        self._found.extend(other)

    def attempt(self, make: Callable[..., Made], *args: Any) -> Made | None:
        """What `make` gives; None where it raises, and why is added to the problems."""
        try:
            return make(*args)
        except SpecError as error:
            self.extend(error.diagnostics)
            return None

    def every(self, make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """What `make` gives for each item; all are tried before one that fails is an error."""
        tried = [self.attempt(make, item) for item in items]
        made = [each for each in tried if each is not None]
        if len(made) < len(tried):
            raise SpecError(())  # why is among the problems already
        return made

    def annotate(self, start: int, codes: Iterable[str], note: Note) -> None:
        """Add a note to what was found since there were `start` problems, for some codes."""
        for at in range(start, len(self._found)):
            found = self._found[at]
            if found.code in codes and len(found.notes) < MAX_NOTES:
                self._found[at] = found._replace(notes=(*found.notes, note))

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._found)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self._found if each.severity == "error")

    def raise_if_errors(self, sources: Mapping[str, Sequence[str]] | None = None) -> None:
        """SpecError with everything found, warnings included, unless there are only warnings."""
        if self.errors:
            raise SpecError(self._found, sources)


def escape(text: str) -> str:
    """Text safe to show: controls, direction marks and surrogates become `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def escape_line(text: str) -> str:
    """The same for a line of a file, in which tabs indent."""
    return "\t".join(map(escape, text.split("\t")))


def _escaped(char: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char) or ascii(char)[1:-1]


# ------------------------------------------------------------------------------------ did you mean


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate the writer most likely meant, or None when nothing is close."""
    names = list(dict.fromkeys(candidates))
    if not word or len(word) > 64 or not names:
        return None
    folded = _folded(word)
    ranked = min((_distance(folded, _folded(name)), at) for at, name in enumerate(names))
    best = names[ranked[1]]
    if ranked[0] <= max(1, len(word) // 4) and ranked[0] < max(len(word), len(best)):
        return best
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, names, n=1, cutoff=0.7)), None)


def meant(word: str, candidates: Iterable[str], otherwise: str | None = None) -> str | None:
    """The help for a misspelt word; `otherwise` where nothing is close."""
    found = nearest(word, candidates)
    return otherwise if found is None else Fix(f"did you mean `{found}`?", found)


def _folded(word: str) -> str:
    return word[:64].lower().replace("-", "_").replace(" ", "_")


def _distance(left: str, right: str) -> int:
    """Edits from one to the other: insert, delete, replace, or swap two neighbours."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, above, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and b == left[i - 2]:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]


# --------------------------------------------------------------------------------------- rendering


TAB = 4
ELLIPSIS = "..."

Paint = Callable[[str, str], str]
"""Puts a style (`bad`, `warn`, `quiet`, `strong`) on text."""


Lines = Sequence[str] | Mapping[str, Sequence[str]] | None
"""The text of the file that a diagnostic is in, or of several files by name."""


def render(
    diagnostic: Diagnostic,
    lines: Lines,
    *,
    paint: Paint | None = None,
    width: int = 100,
) -> str:
    """The diagnostic as rustc would print it."""
    return _Page(diagnostic, lines, paint or _plain, width).text()


def _plain(style: str, text: str) -> str:
    return text


class _Page:
    """Lays out one diagnostic."""

    def __init__(self, diagnostic: Diagnostic, lines: Lines, paint: Paint, width: int) -> None:
        self.diagnostic = diagnostic
        self.lines = lines
        self.paint = paint
        self.width = width
        spans = [diagnostic.span, *(span for _, span in diagnostic.notes)]
        self.margin = max([2, *(len(str(span.line)) for span in spans if span)])

    def text(self) -> str:
        found = self.diagnostic
        tone = "bad" if found.severity == "error" else "warn"
        title = self.paint(tone, f"{found.severity}[{found.code}]")
        shown = [title + self.paint("strong", f": {escape(found.message)}")]
        footer: list[str] = []
        help = f"help: {escape(found.help)}" if found.help else ""
        if found.span is None or not self.snippet(shown, found.span, "^", tone, help):
            footer += [help] if help else []
        for message, span in found.notes:
            if span is None:
                footer.append(f"note: {escape(message)}")
            else:
                shown.append(f"{self.paint('strong', 'note')}: {escape(message)}")
                self.snippet(shown, span, "-", "quiet")
        footer.append(f"see: getspec explain {found.code}")
        shown += [f"{' ' * self.margin} {self.paint('quiet', '=')} {line}" for line in footer]
        return "\n".join(shown)

    def snippet(self, shown: list[str], span: Span, mark: str, tone: str, label: str = "") -> bool:
        """Add the place and its line; True if the label had room beside the carets."""
        gutter = " " * self.margin
        shown.append(f"{gutter}{self.paint('quiet', '-->')} {span}")
        line = self.line(span)
        if line is None:
            return False
        room = max(self.width - self.margin - 3, 20)
        text, start, count = _window(line, span, room)
        fits = start + count + 1 + len(label) <= room
        carets = self.paint(tone, mark * count)
        if label and fits:
            carets += " " + self.paint("strong", label)
        bar = self.paint("quiet", "|")
        number = self.paint("quiet", f"{span.line:>{self.margin}}")
        shown += [f"{gutter} {bar}", f"{number} {bar} {text}".rstrip()]
        shown.append(f"{gutter} {bar} {' ' * start}{carets}")
        return fits

    def line(self, span: Span) -> str | None:
        """The line of a span, when it is in a file whose lines are known."""
        home, lines = self.diagnostic.span, self.lines
        if isinstance(lines, Mapping):
            lines = lines.get(span.file)
        elif home is None or span.file != home.file:
            return None
        return lines[span.line - 1] if lines and 1 <= span.line <= len(lines) else None


def _window(line: str, span: Span, room: int) -> tuple[str, int, int]:
    """The part of a line to show, with the column and the number of carets, in terminal cells."""
    first = min(span.col - 1, len(line))
    last = min(first + max(span.width, 1), len(line))
    low, high = max(0, first - room), min(len(line), first + room)
    cells = _cells(line, low, high)
    before, under = cells[: first - low], cells[first - low : last - low]
    start, count = sum(map(_cell_width, before)), max(1, sum(map(_cell_width, under)))
    whole = sum(map(_cell_width, cells))
    if low == 0 and high == len(line) and whole <= room:
        return "".join(cells), start, count
    return _cut(cells, start, count, room - 2 * len(ELLIPSIS), (low > 0, high < len(line)))


def _cut(
    cells: list[str], start: int, count: int, room: int, cut: tuple[bool, bool]
) -> tuple[str, int, int]:
    """A stretch of `room` terminal cells around the caret, with dots where text is left out."""
    count = min(count, max(room // 2, 1))
    begin = max(0, start - (room - count) // 2)
    end = begin + room
    kept: list[str] = []
    at = offset = 0
    for cell in cells:
        cell_width = _cell_width(cell)
        if begin <= at and at + cell_width <= end:
            kept.append(cell)
        elif at < begin:
            offset = at + cell_width
        at += cell_width
    left = ELLIPSIS if offset or cut[0] else ""
    right = ELLIPSIS if at > end or cut[1] else ""
    return f"{left}{''.join(kept)}{right}", len(left) + start - offset, count


def _cells(line: str, low: int, high: int) -> list[str]:
    """What is printed for each character: tabs expanded, controls made visible."""
    shown: list[str] = []
    at = 0
    for char in line[low:high]:
        cell = " " * (TAB - at % TAB) if char == "\t" else escape(char)
        at += _cell_width(cell)
        shown.append(cell)
    return shown


def _cell_width(cell: str) -> int:
    """Columns a terminal gives to what is shown for a character: wide 2, combining 0."""
    if cell.isascii():
        return len(cell)
    from unicodedata import category, east_asian_width

    if category(cell) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(cell) in "WF" else 1
