"""YAML text to plain data, with the place of every key and value: a strict reader of a small YAML.

What is read is YAML 1.2 core without anchors, tags, merge keys, tabs and several documents. It is
built from PyYAML's *events*, one at a time, so that limits act before memory is spent and every
node has its place. The loaders above the events were refused: they keep the last of two equal keys,
read `1e-6` as text and `017` as 15, expand alias bombs, and recurse until the process dies. Our own
parser was refused because PyYAML is installed everywhere and fast enough.

PyYAML has two parsers, in C and in Python, which differ in corner cases. Both give the same result
here: what only the C parser accepts is refused, and a text in which it finds anything wrong is read
again by the other, whose word counts. So a message does not depend on how PyYAML was built. (The
second reading is slow, so it is left out past 64 KiB; there the wording may differ.)

No string in a `Document` holds a control character other than newline and tab, a surrogate, or a
mark that turns the direction of writing.
"""

from __future__ import annotations

import math
import os
import re
import stat
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, NoReturn, Protocol, cast

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from getspec.errors import Diagnostic, Note, Span, SpecError, UsageError

__all__ = ["Document", "Mark", "Path", "parse", "read", "read_bytes", "scalar"]

MAX_BYTES = 1 << 20
MAX_SCALAR = 1 << 16
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_DIGITS = 19
MAX_PROBLEMS = 100
MAX_SECOND_READING = 64 * 1024

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where one node stands. `key` is None for list items and for the root.

    `style` is the quoting: "" plain, or one of ' " | >. `text_col` is the column at which the text
    of a scalar starts, on each of its lines; None when the text is not in the file letter by letter
    (escapes, folded lines) and for collections.
    """

    key: Span | None
    value: Span
    style: str = ""
    text_col: int | None = None


@dataclass(slots=True)
class Document:
    """One YAML file: its data, and the way back from data to the file."""

    name: str
    data: Any
    marks: Mapping[Path, Mark]
    lines: list[str]
    others: Mapping[str, list[str]] = field(default_factory=dict)
    """The lines of other files that nodes stand in, where a spec is put together from several."""

    def span(self, path: Path, *, key: bool = False) -> Span:
        """The place of a value or its key; the nearest parent's key if there is no such path."""
        mark = self.marks.get(path)
        while mark is None:
            path, key = path[:-1], True
            mark = self.marks.get(path)
        return mark.key if key and mark.key else mark.value

    def text_span(self, path: Path, line: int, col: int, width: int = 1) -> Span:
        """A place inside the text of a scalar: `line` from 1, `col` from 0, as `ast` counts."""
        mark = self.marks.get(path)
        if mark is None or mark.text_col is None:
            return self.span(path)
        block = mark.style == "|"
        lines = self.others.get(mark.value.file, self.lines)
        at = mark.value.line + line - (0 if block else 1)
        if not mark.value.line <= at <= len(lines) or (line > 1 and not block):
            return mark.value
        end = len(lines[at - 1]) + 1
        start = min(mark.text_col + col, end)
        return Span(mark.value.file, at, start, max(1, min(width, end - start)))


class Place(Protocol):
    """PyYAML's mark: 0-based, in characters, the same under both of its parsers."""

    line: int
    column: int
    index: int


class Event(Protocol):
    """What is used of PyYAML's events. The marks are always there, the rest by class."""

    start_mark: Place
    end_mark: Place
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool | None


class Parser(Protocol):
    """The part of a PyYAML loader that is used here."""

    def check_event(self) -> bool: ...

    def get_event(self) -> Event: ...

    def get_mark(self) -> Place: ...

    def dispose(self) -> None: ...


class Loader(Protocol):
    """A PyYAML loader class."""

    def __call__(self, stream: str, /) -> Parser: ...


PURE = cast(Loader, yaml.BaseLoader)
FAST = cast(Loader, getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def parse(text: str | bytes, name: str, *, loader: Loader = FAST) -> Document:
    """A spec's text as a document; SpecError with every problem found."""
    return _document(_build(_decode(text, name), loader))


def read(path: str | os.PathLike[str], name: str | None = None) -> Document:
    """A spec file, or standard input for `-`; regular files of a sane size only."""
    shown = name or os.fspath(path)
    if shown == "-" or os.fspath(path) == "-":
        return parse(_read_stdin(), name or "<stdin>")
    return parse(_read_file(os.fspath(path), shown), shown)


def read_bytes(path: str) -> bytes:
    """What a regular file of a sane size holds, whatever its language."""
    return _read_file(path, path)


def scalar(text: str, name: str, *, loader: Loader = FAST) -> Any:
    """One YAML value written on one line, as after `--set path=`."""
    return _one_value(_build(_decode(text, name), loader))


# ----------------------------------------------------------------------------------- bytes to text


def _read_stdin() -> bytes:
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except (AttributeError, OSError, ValueError) as error:
        raise UsageError("cannot read standard input: it is closed", code="GS090") from error


def _read_file(path: str, shown: str) -> bytes:
    """A regular file's bytes, opened without waiting: a pipe nobody writes to cannot hang us."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            _check_readable(os.fstat(descriptor), shown)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is not a path"
        raise UsageError(f"cannot read {shown}: {reason}", code="GS090") from error


def _check_readable(status: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise UsageError(f"cannot read {shown}: it is {kind}", "name a spec file, or `-`", "GS090")
    if status.st_size > MAX_BYTES:
        raise SpecError([_too_large(shown)])


def _too_large(name: str) -> Diagnostic:
    message = f"the file is larger than {MAX_BYTES:,} bytes"
    return Diagnostic("GS004", message, Span(name, 1, 1), "write what repeats once, with `repeat`")


class _Text:
    """The text that is read, and places in it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.lines = text.split("\n")

    @cached_property
    def starts(self) -> list[int]:
        """The index of the first character of every line."""
        return [0, *accumulate(len(line) + 1 for line in self.lines)]

    def span(self, index: int, width: int = 1) -> Span:
        return self.at(self.site(index, width))

    def at(self, site: Site) -> Span:
        return Span(self.name, *site)

    def site(self, index: int, width: int = 1) -> Site:
        line = bisect_right(self.starts, index, hi=len(self.lines))
        return (line, index - self.starts[line - 1] + 1, width)

    def refuse(self, problems: Iterable[Diagnostic]) -> NoReturn:
        raise SpecError(problems, {self.name: self.lines})


def _decode(data: str | bytes, name: str) -> _Text:
    r"""The text with `\n` line ends and no byte-order mark, if all its characters are allowed."""
    if len(data) > MAX_BYTES:
        raise SpecError([_too_large(name)])
    decoded = data if isinstance(data, str) else _from_utf8(data, name)
    text = _normal(name, decoded)
    if problems := [*_forbidden(text), *_directives(text)]:
        text.refuse(problems)
    return text


def _normal(name: str, decoded: str) -> _Text:
    return _Text(name, decoded.removeprefix("\ufeff").replace("\r\n", "\n"))


def _from_utf8(data: bytes, name: str) -> str:
    help = "save the file as UTF-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problem = Diagnostic("GS001", "the file is UTF-16, not UTF-8", Span(name, 1, 1), help)
        raise SpecError([problem])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"the byte 0x{data[error.start]:02x} at offset {error.start:,} is not UTF-8"
        before = _normal(name, data[: error.start].decode())
        problem = Diagnostic("GS001", message, before.span(len(before.text)), help)
        _normal(name, data.decode(errors="backslashreplace")).refuse([problem])


# What a spec may not hold, raw or by an escape: C0 and C1 controls, line and paragraph separators,
# marks that turn the direction of writing, surrogates, byte-order marks, noncharacters. Newline is
# fine; tab only as an escape.
_FORBIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    r"\ud800-\udfff\ufeff\ufffe\uffff"
)
_FORBIDDEN_IN_FILE = re.compile(f"[\t{_FORBIDDEN}]")
_FORBIDDEN_IN_TEXT = re.compile(f"[{_FORBIDDEN}]")
_DIRECTIVE = re.compile(r"(?:[ ]*(?:#[^\n]*)?\n)*(%[^\n]*)")
_DIRECTIVE_YAML_1_2 = re.compile(r"%YAML[ ]+1\.2[ ]*(?:[ ]#.*)?")


def _forbidden(text: _Text) -> Iterator[Diagnostic]:
    """One diagnostic for each forbidden character, at its first place."""
    if not _FORBIDDEN_IN_FILE.search(text.text):
        return
    found = filter(_FORBIDDEN_IN_FILE.match, set(text.text))
    for char in sorted(found, key=text.text.index):
        more = text.text.count(char) - 1
        notes: tuple[Note, ...] = ((f"and {more:,} more in this file", None),) if more else ()
        span = text.span(text.text.index(char))
        if char == "\t":
            help = "indent with spaces; in a string, write \\t between double quotes"
            yield Diagnostic("GS003", "a tab is not allowed", span, help, notes)
        else:
            message = f"the character {_spelled(char)} is not allowed"
            yield Diagnostic("GS002", message, span, "delete it", notes)


def _directives(text: _Text) -> Iterator[Diagnostic]:
    """Lines that start with `%` at the head of the file; elsewhere they are text or an error."""
    end = 0
    while "%" in text.text and (match := _DIRECTIVE.match(text.text, end)):
        if not _DIRECTIVE_YAML_1_2.fullmatch(match[1]):
            span = text.span(match.start(1), len(match[1]))
            yield Diagnostic("GS014", "a YAML directive is not allowed", span, "delete this line")
            return
        end = match.end()


def _spelled(char: str) -> str:
    from unicodedata import name

    title = name(char, "").lower()
    return f"U+{ord(char):04X}" + (f" ({title})" if title else "")


# ------------------------------------------------------------------------------------ text to data


Site = tuple[int, int, int]
RawMark = tuple[Site | None, Site, str, int | None]


class Marks(Mapping[Path, Mark]):
    """The mark of every node, made when it is asked for, which for most nodes is never."""

    def __init__(self, file: str, raw: dict[Path, RawMark]) -> None:
        self._file = file
        self._raw = raw

    def __getitem__(self, path: Path) -> Mark:
        key, value, style, text_col = self._raw[path]
        return Mark(key and Span(self._file, *key), Span(self._file, *value), style, text_col)

    def __contains__(self, path: object) -> bool:
        return path in self._raw

    def __iter__(self) -> Iterator[Path]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)


class _Refused(Exception):
    """The text cannot be read any further; the problem is already noted."""


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being filled. `key` is the one that waits for its value."""

    path: Path
    container: dict[str, Any] | list[Any]
    start: Place
    flow: bool
    is_key: bool = False
    key: str | None = None
    key_site: Site | None = None
    key_end: int = 0
    first_width: int = 1

    @property
    def awaits_key(self) -> bool:
        return self.key is None and isinstance(self.container, dict)

    def take_key(self, key: str | None, site: Site, end: int) -> None:
        """The next value's key; None makes up one, as no real key holds a NUL."""
        self.key = f"\0{len(self.container)}" if key is None else key
        self.key_site = site
        self.key_end = end


class _Builder:
    """Puts events together into data and marks, and collects what is wrong on the way."""

    def __init__(self, source: _Text, loader: Loader) -> None:
        self.source = source
        self.data: Any = None
        self.marks: dict[Path, RawMark] = {}
        self.problems: list[Diagnostic] = []
        self.frames: list[_Frame] = []
        self.nodes = 0
        self.documents = 0
        self.parser = loader(source.text)

    def run(self) -> None:
        """Read to the end; raises _Refused, or what the parser raises, where that is impossible."""
        handlers: dict[type, Callable[[Event], None]] = {
            ScalarEvent: self.scalar,
            MappingStartEvent: self.open,
            SequenceStartEvent: self.open,
            MappingEndEvent: self.close,
            SequenceEndEvent: self.close,
            AliasEvent: self.alias,
            DocumentStartEvent: self.document_start,
        }
        check, get = self.parser.check_event, self.parser.get_event
        while check():
            event = get()
            if handle := handlers.get(type(event)):
                handle(event)

    def error(
        self, code: str, message: str, site: Site, help: str, notes: tuple[Note, ...] = ()
    ) -> None:
        self.problems.append(Diagnostic(code, message, self.source.at(site), help, notes))
        if len(self.problems) == MAX_PROBLEMS:
            raise _Refused

    def fatal(self, code: str, message: str, site: Site, help: str) -> NoReturn:
        self.error(code, message, site, help)
        raise _Refused

    # -- events

    def document_start(self, event: Event) -> None:
        self.documents += 1
        if self.documents > 1:
            message = "a file holds one document, and here starts another"
            self.fatal("GS013", message, self.site_at(event.start_mark, 3), "delete this line")

    def scalar(self, event: Event) -> None:
        frame = self.frames[-1] if self.frames else None
        style = event.style or ""
        if style or "?" in event.value:
            self.refuse_doubtful(event, style, frame)
        site = self.site(event)
        self.admit(event, site)
        if style == '"' or len(event.value) > MAX_SCALAR:
            self.check_text(event, style, site)
        if frame is not None and frame.awaits_key:
            self.key(frame, event, style, site)
            return
        value = event.value if style else self.plain(event.value, site)
        self.place(value, site, style, self.text_col(event, style))

    def key(self, frame: _Frame, event: Event, style: str, site: Site) -> None:
        key: str | None = event.value
        if not style and (refusal := _not_a_key(event.value)):
            self.error(refusal.code, refusal.message, site, refusal.help)
            key = None
        elif key in frame.container:
            first = self.marks[(*frame.path, event.value)][0]
            note = ("first defined here", first and self.source.at(first))
            message = f"the key `{event.value}` is here twice"
            self.error("GS020", message, site, "delete or rename one of them", (note,))
        if not frame.container and site[:2] == self.site_at(frame.start)[:2]:
            frame.first_width = site[2]
        frame.take_key(key, site, event.end_mark.index)

    def plain(self, text: str, site: Site) -> bool | int | float | str | None:
        value = _resolve(text)
        if isinstance(value, _Refusal):
            self.error(value.code, value.message, site, value.help)
            return None
        return value

    def alias(self, event: Event) -> None:
        site = self.site(event)
        self.admit(event, site)
        if self.frames and self.frames[-1].awaits_key:
            self.frames[-1].take_key(None, site, event.end_mark.index)
        else:
            self.place(None, site)

    def open(self, event: Event) -> None:
        site = self.site_at(event.start_mark)
        self.admit(event, site)
        if len(self.frames) == MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} levels deep"
            self.fatal("GS006", message, site, "name the inner part as a block")
        container: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        is_key = bool(self.frames) and self.frames[-1].awaits_key
        if is_key:
            kind = "mapping" if isinstance(container, dict) else "list"
            message = f"a key is text, and this is a {kind}"
            self.error("GS021", message, site, "write a name as the key")
        path = (*self.frames[-1].path, "\0") if is_key else self.place(container, site)
        flow = bool(event.flow_style)
        self.frames.append(_Frame(path, container, event.start_mark, flow, is_key))

    def close(self, event: Event) -> None:
        frame = self.frames.pop()
        site = self.site_at(frame.start, self.shown_width(frame, event.end_mark))
        if frame.is_key:
            self.frames[-1].take_key(None, site, event.end_mark.index)
        else:
            self.marks[frame.path] = (self.marks[frame.path][0], site, "", None)

    def place(self, value: Any, site: Site, style: str = "", text_col: int | None = None) -> Path:
        """Put a value where the innermost open collection waits for one."""
        if not self.frames:
            self.data = value
            self.marks[()] = (None, site, style, text_col)
            return ()
        frame = self.frames[-1]
        container = frame.container
        if isinstance(container, list):
            path: Path = (*frame.path, len(container))
            self.marks[path] = (None, site, style, text_col)
            container.append(value)
        else:
            key = cast(str, frame.key)
            path = (*frame.path, key)
            self.marks[path] = (frame.key_site, site, style, text_col)
            container[key] = value
            frame.key = None
        return path

    # -- rules

    def admit(self, event: Event, site: Site) -> None:
        """Count a node; refuse anchors, aliases and tags."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.fatal("GS007", f"more than {MAX_NODES:,} keys and values", site, "use `repeat`")
        if event.anchor is not None:
            what, sign = ("an alias", "*") if isinstance(event, AliasEvent) else ("an anchor", "&")
            place = self.property_site(event, sign + event.anchor)
            help = "use a config value, a block, or `extends`"
            self.error("GS022", f"{what} (`{sign}{event.anchor}`) is not allowed", place, help)
        if not isinstance(event, AliasEvent) and event.tag is not None:
            place = self.property_site(event, "!")
            help = "delete the tag; quote the value if the `!` belongs to it"
            self.error("GS024", "a tag (`!`) is not allowed", place, help)

    def refuse_doubtful(self, event: Event, style: str, frame: _Frame | None) -> None:
        """Stop at what only the C parser accepts: a plain `?` in brackets, and `|#`."""
        if style == "":
            doubtful = frame is not None and frame.flow
        else:
            at = event.start_mark.index
            doubtful = style in "|>" and _GLUED_COMMENT.match(self.source.text, at) is not None
        if doubtful:
            mark = cast(yaml.Mark, event.start_mark)
            raise yaml.MarkedYAMLError(problem="found character", problem_mark=mark)

    def check_text(self, event: Event, style: str, site: Site) -> None:
        """Refuse scalars that are too long, and escapes that make a forbidden character."""
        if len(event.value) > MAX_SCALAR:
            message = f"this value has more than {MAX_SCALAR:,} characters"
            self.error("GS005", message, site, "split it up")
        if style != '"' or not _FORBIDDEN_IN_TEXT.search(event.value):
            return
        for match in _ESCAPE.finditer(self.source.text, event.start_mark.index):
            if _FORBIDDEN_IN_TEXT.match(_unescaped(match[1])):
                place = self.source.site(match.start(), len(match[0]))
                self.fatal("GS025", _bad_escape(match[0]), place, "write the character itself")

    # -- places

    def site_at(self, place: Place, width: int = 1) -> Site:
        return (place.line + 1, place.column + 1, width)

    def site(self, event: Event) -> Site:
        """The place of a scalar or alias; of its first line when it has several."""
        start, end = event.start_mark, event.end_mark
        if start.index == end.index:
            return self.source.site(self.index_of_nothing(start.index))
        if start.line == end.line:
            return self.site_at(start, end.column - start.column)
        if header := _BLOCK_HEADER.match(self.source.text, start.index):
            return self.site_at(start, header.end() - start.index)
        return self.site_at(start, len(self.source.lines[start.line]) - start.column)

    def index_of_nothing(self, index: int) -> int:
        """Where an empty value is: after its colon, or after what was written before it."""
        text = self.source.text
        frame = self.frames[-1] if self.frames else None
        if frame and frame.key is not None and (colon := _COLON.match(text, frame.key_end)):
            return colon.end()
        while index and text[index - 1] in " \n":
            index -= 1
        return index

    def property_site(self, event: Event, sign: str) -> Site:
        """The place of an anchor, alias or tag, which may stand in either order before a value."""
        start = event.start_mark
        line = self.source.lines[start.line]
        col = max(line.find(sign, start.column), start.column)
        word = _PROPERTY.match(line, col)
        return (start.line + 1, col + 1, len(word[0]) if word else 1)

    def shown_width(self, frame: _Frame, end: Place) -> int:
        """How much of a collection to underline: all of `[a, b]`, else only where it starts."""
        if not frame.flow:
            return frame.first_width
        return end.column - frame.start.column if end.line == frame.start.line else 1

    def text_col(self, event: Event, style: str) -> int | None:
        """See `Mark.text_col`."""
        text, start = event.value, event.start_mark
        if style == "|":
            return self.block_col(start.line + 1, text)
        if not text or style == ">" or start.line != event.end_mark.line:
            return None
        if style == "":
            return start.column + 1
        inside = self.source.lines[start.line][start.column + 1 : event.end_mark.column - 1]
        return start.column + 2 if inside == text else None

    def block_col(self, line: int, text: str) -> int | None:
        """A literal block keeps its lines: the first with text shows the indentation of all."""
        for offset, content in enumerate(text.split("\n")):
            if content:
                return len(self.source.lines[line + offset]) - len(content) + 1
        return None


_COLON = re.compile(r"[ \n]*:")
_PROPERTY = re.compile(r"[^ ,\[\]{}]+")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]{0,2}")
_GLUED_COMMENT = re.compile(r"[|>][-+0-9]{0,2}#")


def _build(source: _Text, loader: Loader) -> _Builder:
    """The whole text read, or SpecError with every problem that was found on the way."""
    builder = _Builder(source, loader)
    try:
        builder.run()
    except _Refused:
        pass
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        builder.problems.append(_syntax_problem(error, builder))
    finally:
        builder.parser.dispose()
    if builder.problems and loader is not PURE and len(source.text) <= MAX_SECOND_READING:
        return _build(source, PURE)
    if builder.problems:
        source.refuse(builder.problems)
    return builder


def _document(builder: _Builder) -> Document:
    source, data = builder.source, builder.data
    marks = Marks(source.name, builder.marks)
    if isinstance(data, dict):
        return Document(source.name, data, marks, source.lines)
    root = marks.get(())
    if root is None or _is_blank(data, root):
        span = Span(source.name, 1, 1)
        problem = Diagnostic("GS011", "the spec is empty", span, "start it with `getspec: 1`")
    else:
        kind = "a list" if isinstance(data, list) else "a single value"
        message = f"a spec is a mapping of keys to values, and this is {kind}"
        help = "write lines of `key: value`, `getspec: 1` first"
        problem = Diagnostic("GS012", message, root.value, help)
    return source.refuse([problem])


def _one_value(builder: _Builder) -> Any:
    source, data = builder.source, builder.data
    root = Marks(source.name, builder.marks).get(())
    starts_flow = not isinstance(data, dict | list) or source.text.lstrip(" \n")[0] in "[{"
    if root and starts_flow and root.style not in ("|", ">") and not _is_blank(data, root):
        return data
    span = Span(source.name, 1, 1, max(1, len(source.lines[0])))
    help = "write `{a: 1}`, `[1, 2]`, `null` or a quoted string"
    return source.refuse([Diagnostic("GS015", "this is not one value", span, help)])


def _is_blank(data: Any, root: Mark) -> bool:
    """Nothing stands where the value should be: no text, not even `null` or quotes."""
    return data is None and root.text_col is None


# ----------------------------------------------------------------------------------------- scalars


class _Refusal(NamedTuple):
    """Why a plain scalar is not read."""

    code: str
    message: str
    help: str


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?P<decimal>[0-9]+)|0o(?P<octal>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_OCTAL_LOOK = re.compile(r"0+[1-7][0-7]*")
_NUMERIC_START = frozenset("+-.0123456789")


def _resolve(text: str) -> bool | int | float | str | _Refusal | None:
    """A plain scalar as YAML 1.2 core reads it, or why it is not read."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_START:
        return text
    if integer := _INTEGER.fullmatch(text):
        return _integer(text, integer)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else _not_finite(text)
    return _not_finite(text) if _NOT_FINITE.fullmatch(text) else text


def _integer(text: str, match: re.Match[str]) -> int | _Refusal:
    kind = cast(str, match.lastgroup)
    digits = match[kind]
    if len(digits) > MAX_DIGITS:
        message = f"an integer has at most {MAX_DIGITS} digits, and this has {len(digits):,}"
        return _Refusal("GS031", message, "quote it if it is text")
    if kind != "decimal":
        return int(digits, 8 if kind == "octal" else 16)
    if digits[0] == "0" and len(digits) > 1:
        return _leading_zero(text, digits)
    return int(text)


def _leading_zero(text: str, digits: str) -> _Refusal:
    """YAML 1.1 reads `017` as 15 and YAML 1.2 as 17, so it is read as neither."""
    octal = f", `0o{digits.lstrip('0')}` for octal" if _OCTAL_LOOK.fullmatch(digits) else ""
    message = f"`{text}` has a leading zero, which YAML versions read differently"
    return _Refusal("GS030", message, f"write `{int(text)}`{octal}, or quote it if it is text")


def _not_finite(text: str) -> _Refusal:
    help = "write a finite number, or quote it if it is text"
    return _Refusal("GS032", f"`{_shortened(text)}` is not a finite number", help)


def _not_a_key(text: str) -> _Refusal | None:
    """Why a plain scalar cannot be a key."""
    if text == "<<":
        return _Refusal("GS023", "the merge key `<<` is not allowed", "use `extends: file.yaml`")
    value = _resolve(text)
    if isinstance(value, str):
        return None
    if not text:
        return _Refusal("GS021", "a key is missing here", "write a name before the `:`")
    kind = "null" if value is None else "a boolean" if isinstance(value, bool) else "a number"
    shown = _shortened(text)
    return _Refusal("GS021", f"a key is text, and `{shown}` is read as {kind}", "quote the key")


def _shortened(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}..."


_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])")
_SHORT_ESCAPES = dict(zip("0abvfreNLP", "\0\a\b\v\f\r\x1b\x85\u2028\u2029", strict=True))


def _unescaped(body: str) -> str:
    """The character that an escape makes; some surrogate where there is no such character."""
    if len(body) == 1:
        return _SHORT_ESCAPES.get(body, " ")
    number = int(body[1:], 16)
    return chr(number) if number <= sys.maxunicode else "\ud800"


def _bad_escape(escape: str) -> str:
    char = _unescaped(escape[1:])
    if "\ud800" <= char <= "\udfff":
        return f"the escape `{escape}` is not a character"
    return f"the escape `{escape}` makes {_spelled(char)}, which is not allowed"


# ----------------------------------------------------------------------------------- syntax errors


class _Rule(NamedTuple):
    """Words of a PyYAML message, and what to say instead at one of its two marks."""

    words: str
    message: str
    help: str
    code: str = "GS010"
    at: str = "problem_mark"


# The first rule whose words, joined by `&`, are all in PyYAML's "context: problem" is used. Words
# of both parsers are here, as long texts are read by the C parser alone.
_QUOTE = "quote the value"
_ADD = "add it, or quote the value"
_INDENT = "indent it as the lines it belongs to"
_START = "context_mark"
_RULES = (
    _Rule("maximum nesting depth", "nested too deep", "name the inner part as a block", "GS006"),
    _Rule("scanning an anchor", "an anchor (`&`) is not allowed", _QUOTE, "GS022", _START),
    _Rule("scanning an alias", "an alias (`*`) is not allowed", _QUOTE, "GS022", _START),
    _Rule("scanning a tag", "a tag (`!`) is not allowed", _QUOTE, "GS024", _START),
    _Rule("parsing a tag", "a tag (`!`) is not allowed", _QUOTE, "GS024", _START),
    _Rule("tag handle", "a tag (`!`) is not allowed", _QUOTE, "GS024"),
    _Rule("directive", "a YAML directive is not allowed", "delete this line", "GS014", _START),
    _Rule("<document start>", "the value before this is complete", "delete this, or indent it"),
    _Rule("document separator", "this string has no closing quote", "add the quote", at=_START),
    _Rule("quoted&end of stream", "this string has no closing quote", "add the quote", at=_START),
    _Rule("unknown escape", "this escape is unknown", "double the backslash", "GS025"),
    _Rule("hexadecimal", "this escape needs more digits", "write all its digits", "GS025"),
    _Rule("hexdecimal", "this escape needs more digits", "write all its digits", "GS025"),
    _Rule("escape code", "this escape is not a character", "write the character itself", "GS025"),
    _Rule("mapping values", "a `:` is not expected here", "quote it, or mend the indentation"),
    _Rule("sequence entries", "a list item is not expected here", "start the list on a new line"),
    _Rule("mapping keys", "a `?` is not expected here", _QUOTE),
    _Rule("expected ':'", "this line is not `key: value`", "add a `:` and a space", at=_START),
    _Rule("cannot start any token", "a value cannot start with {char}", _QUOTE),
    _Rule("',' or &'?'", "a `?` between brackets needs quotes", _QUOTE),
    _Rule("',' or ']'", "a `,` or `]` is missing before this", _ADD),
    _Rule("',' or '}'", "a `,` or `}` is missing before this", _ADD),
    _Rule("<block end>&start>'", "this indentation matches no line above", _INDENT),
    _Rule("<block end>&found '-'", "a list item is not expected here", _INDENT),
    _Rule("<block end>&found ':'", "a key is missing before this", "write a name before the `:`"),
    _Rule("node content&found ':'", "a key is missing before this", "write a name before the `:`"),
    _Rule("collection&<block end>", "a list item is expected here", "start the line with `- `"),
    _Rule("<block end>", "this belongs to no key", "quote the value before it as a whole"),
    _Rule("block scalar", "a block of text starts on the next line", "delete this"),
    _Rule("node content", "a value is missing before this", "write the value, or quote this one"),
    _Rule("", "this is not valid YAML", "quote the value, or mend the indentation"),
)


def _syntax_problem(error: Exception, builder: _Builder) -> Diagnostic:
    """What a parser's exception means, in words for people who do not know its grammar."""
    source = builder.source
    context, problem = getattr(error, "context", ""), getattr(error, "problem", "")
    words = f"{context}: {problem}" if isinstance(error, yaml.YAMLError) else "escape code"
    rule = next(each for each in _RULES if all(word in words for word in each.words.split("&")))
    mark: Place | None = getattr(error, rule.at, None) or getattr(error, "problem_mark", None)
    index = (mark or builder.parser.get_mark()).index
    if rule.code == "GS025":
        span = source.span(source.text.rfind("\\", 0, index + 1), 2)
        return Diagnostic(rule.code, rule.message, span, rule.help)
    if rule.at == "problem_mark" and index >= len(source.text.rstrip(" \n")):
        return _unfinished(rule, builder)
    message = rule.message.replace("{char}", f"`{source.text[index : index + 1]}`")
    notes = _opening(context, getattr(error, _START, None), source)
    return Diagnostic(rule.code, message, source.span(index), rule.help, notes)


def _unfinished(rule: _Rule, builder: _Builder) -> Diagnostic:
    """The text ended too early: name the bracket that is open, or else the end."""
    source = builder.source
    for frame in reversed(builder.frames):
        bracket = source.text[frame.start.index]
        if frame.flow and bracket in "[{":
            help = "add `]`" if bracket == "[" else "add `}`"
            span = source.span(frame.start.index)
            return Diagnostic("GS010", f"this `{bracket}` is never closed", span, help)
    span = source.span(len(source.text.rstrip(" \n")))
    return Diagnostic(rule.code, rule.message, span, rule.help)


def _opening(context: str | None, mark: Place | None, source: _Text) -> tuple[Note, ...]:
    """Where the brackets open that the error is between."""
    if mark is None or "flow" not in (context or ""):
        return ()
    if source.text[mark.index : mark.index + 1] not in ("[", "{"):
        return ()
    return (("it is opened here", source.span(mark.index)),)
