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

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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

from getspec.errors import MAX_NOTES, Diagnostic, Note, Span
from getspec.scalars import ESCAPE, Refusal, bad_escape, not_a_key, resolve, unescaped
from getspec.text import Site, SourceText, decode, is_forbidden, read_file, read_stdin

__all__ = ["Document", "Mark", "Path", "parse", "read", "read_bytes", "scalar"]

MAX_SCALAR = 1 << 16
MAX_DEPTH = 64
MAX_NODES = 30_000
"""Ten thousand lines or so: as many as the parser in Python reads within a second."""
MAX_PROBLEMS = 100
MAX_SECOND_READING = 64 * 1024

Path = tuple[str | int, ...]


class Mark(NamedTuple):
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
    return _document(_build(decode(text, name), loader))


def read(path: str | os.PathLike[str], name: str | None = None) -> Document:
    """A spec file, or standard input for `-`; regular files of a sane size only."""
    shown = name or os.fspath(path)
    if os.fspath(path) == "-":
        return parse(read_stdin(), name or "<stdin>")
    return parse(read_file(os.fspath(path), shown), shown)


def read_bytes(path: str) -> bytes:
    """What a regular file of a sane size holds, whatever its language."""
    return read_file(path, path)


def scalar(text: str, name: str, *, loader: Loader = FAST) -> Any:
    """One YAML value written on one line, as after `--set path=`."""
    return _one_value(_build(decode(text, name), loader))


# ------------------------------------------------------------------------------------ text to data


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
    twice: int | None = None
    """Which of the problems says that a key is here twice."""

    @property
    def awaits_key(self) -> bool:
        return self.key is None and isinstance(self.container, dict)

    def take_key(self, key: str | None, site: Site, end: int) -> None:
        """The next value's key; None makes up one, as no real key holds a NUL."""
        self.key = f"\0{len(self.container)}" if key is None else key
        self.key_site = site
        self.key_end = end


class Builder:
    """Puts events together into data and marks, and collects what is wrong on the way."""

    def __init__(self, source: SourceText, loader: Loader) -> None:
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
        if not style and (refusal := not_a_key(event.value)):
            self.error(refusal.code, refusal.message, site, refusal.help)
            key = None
        elif key in frame.container:
            first = self.marks[(*frame.path, event.value)][0]
            note = ("first defined here", first and self.source.at(first))
            self.twice(frame, event.value, site, note)
        if not frame.container and site[:2] == self.site_at(frame.start)[:2]:
            frame.first_width = site[2]
        frame.take_key(key, site, event.end_mark.index)

    def twice(self, frame: _Frame, key: str, site: Site, note: Note) -> None:
        """A second such key; several in one mapping are one mistake, a line that is gone."""
        if frame.twice is None:
            frame.twice = len(self.problems)
            message = f"the key `{key}` is here twice"
            self.error("GS020", message, site, "delete or rename one of them", (note,))
            return
        found = self.problems[frame.twice]
        help = "is a line missing above this, with the name of what it belongs to?"
        more = (f"`{key}` is here twice, too", self.source.at(site))
        if len(found.notes) < MAX_NOTES:
            self.problems[frame.twice] = found._replace(help=help, notes=(*found.notes, more))

    def plain(self, text: str, site: Site) -> bool | int | float | str | None:
        value = resolve(text)
        if isinstance(value, Refusal):
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
        if event.anchor is None and event.tag is None:
            return
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
        if style != '"' or not is_forbidden(event.value):
            return
        for match in ESCAPE.finditer(self.source.text, event.start_mark.index):
            if is_forbidden(unescaped(match[1])):
                place = self.source.site(match.start(), len(match[0]))
                self.fatal("GS025", bad_escape(match[0]), place, "write the character itself")

    # -- places

    def site_at(self, place: Place, width: int = 1) -> Site:
        return (place.line + 1, place.column + 1, width)

    def site(self, event: Event) -> Site:
        """The place of a scalar or alias; of its first line when it has several."""
        start, end = event.start_mark, event.end_mark
        if start.index == end.index:
            return self.source.site(self.index_of_nothing(start.index))
        if start.line == end.line:
            return (start.line + 1, start.column + 1, end.column - start.column)
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


def _build(source: SourceText, loader: Loader) -> Builder:
    """The whole text read, or SpecError with every problem that was found on the way."""
    builder = Builder(source, loader)
    reached = len(source.text)
    try:
        builder.run()
    except _Refused:
        pass
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        from getspec.yaml_syntax import syntax_problem

        builder.problems.append(syntax_problem(error, builder))
        if builder.problems[-1].code == "GS006":  # the other parser stops before this place
            reached = getattr(getattr(error, "problem_mark", None), "index", reached)
    finally:
        builder.parser.dispose()
    if builder.problems and loader is not PURE and reached <= MAX_SECOND_READING:
        return _build(source, PURE)
    if builder.problems:
        source.refuse(builder.problems)
    return builder


def _document(builder: Builder) -> Document:
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


def _one_value(builder: Builder) -> Any:
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
