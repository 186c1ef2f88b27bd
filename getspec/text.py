"""Bytes to text: what a spec file may be before anybody reads YAML in it.

UTF-8, of a sane size, from a regular file, without characters that an editor would not show as they are read: controls,
tabs, separators that only some tools take for line ends, marks that turn the direction of writing.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import NoReturn

from getspec.errors import Diagnostic, Fix, Note, Span, SpecError, UsageError, nearest

__all__ = [
    "Site",
    "SourceText",
    "decode",
    "is_forbidden",
    "read_file",
    "read_stdin",
    "spelled",
]

MAX_BYTES = 1 << 20
MAX_NAMES = 256
LINE_ENDS = "\r\x85\u2028\u2029"
"""What some tools take for the end of a line, so that whoever wrote it may have meant one."""

Site = tuple[int, int, int]


def read_stdin() -> bytes:
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except (AttributeError, OSError, ValueError) as error:
        help = "write `< spec.yaml` behind the command, or name the file"
        raise UsageError("cannot read standard input: it is closed", help, "GS090") from error


def read_file(path: str, shown: str) -> bytes:
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
        raise UsageError(f"cannot read {shown}: {reason}", _near(path), "GS090") from error


def _near(path: str) -> str:
    """A file of nearly that name."""
    folder, name = os.path.split(path)
    try:
        listed = os.listdir(folder or ".")
        others = [each for each in listed if each.endswith((".yaml", ".yml")) and each != name]
    except (OSError, ValueError):
        others = []
    found = nearest(name, others[:MAX_NAMES])
    return (
        f"did you mean `{os.path.join(folder, found)}`?" if found else "name a file that is there"
    )


def _check_readable(status: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise UsageError(f"cannot read {shown}: it is {kind}", "name a spec file, or `-`", "GS090")
    if status.st_size > MAX_BYTES:
        raise SpecError([_too_large(shown)])


def _too_large(name: str) -> Diagnostic:
    message = f"the file is larger than {MAX_BYTES:,} bytes"
    return Diagnostic("GS004", message, Span(name, 1, 1), "write what repeats once, with `repeat`")


class SourceText:
    """The text that is read, and places in it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.lines = text.split("\n")

    @cached_property
    def starts(self) -> list[int]:
        """The index of the first character of every line."""
        return [0, *accumulate(len(line) + 1 for line in self.lines[:-1])]

    def span(self, index: int, width: int = 1) -> Span:
        return self.at(self.site(index, width))

    def at(self, site: Site) -> Span:
        return Span(self.name, *site)

    def site(self, index: int, width: int = 1) -> Site:
        line = bisect_right(self.starts, index)
        return (line, index - self.starts[line - 1] + 1, width)

    def refuse(self, problems: Iterable[Diagnostic]) -> NoReturn:
        raise SpecError(problems, {self.name: self.lines})


def decode(data: str | bytes, name: str) -> SourceText:
    r"""The text with `\n` line ends and no byte-order mark, if all its characters are allowed."""
    if len(data) > MAX_BYTES:
        raise SpecError([_too_large(name)])
    decoded = data if isinstance(data, str) else _from_utf8(data, name)
    text = _normal(name, decoded)
    if problems := [*_forbidden(text), *_directives(text)]:
        text.refuse(problems)
    return text


def _normal(name: str, decoded: str) -> SourceText:
    return SourceText(name, decoded.removeprefix("\ufeff").replace("\r\n", "\n"))


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
_DIRECTIVE = re.compile(r"(?:[ ]*(?:#[^\n]*)?\n)*(%[^\n]*)")
_DIRECTIVE_YAML_1_2 = re.compile(r"%YAML[ ]+1\.2[ ]*(?:[ ]#.*)?")


def is_forbidden(text: str) -> bool:
    """Whether a string holds a forbidden character; one that is printable does not, and needs no pattern."""
    return not text.isprintable() and re.search(f"[{_FORBIDDEN}]", text) is not None


def _forbidden(text: SourceText) -> Iterator[Diagnostic]:
    """One diagnostic for each forbidden character, at its first place."""
    if text.text.replace("\n", "").isprintable():
        return
    found = [char for char in set(text.text) if char == "\t" or is_forbidden(char)]
    for char in sorted(found, key=text.text.index):
        more = text.text.count(char) - 1
        notes: tuple[Note, ...] = ((f"and {more:,} more in this file", None),) if more else ()
        span = text.span(text.text.index(char))
        if char == "\t":
            help = "indent with spaces; in a string, write \\t between double quotes"
            yield Diagnostic("GS003", "a tab is not allowed", span, help, notes)
        else:
            message = f"the character {spelled(char)} is not allowed"
            alone = not more and char not in LINE_ENDS
            yield Diagnostic(
                "GS002", message, span, Fix("delete it", "") if alone else "delete it", notes
            )


def _directives(text: SourceText) -> Iterator[Diagnostic]:
    """Lines that start with `%` at the head of the file; elsewhere they are text or an error."""
    end = 0
    while "%" in text.text and (match := _DIRECTIVE.match(text.text, end)):
        if not _DIRECTIVE_YAML_1_2.fullmatch(match[1]):
            span = text.span(match.start(1), len(match[1]))
            yield Diagnostic(
                "GS014", "a YAML directive is not allowed", span, Fix("delete this line", "")
            )
            return
        end = match.end()


def spelled(char: str) -> str:
    from unicodedata import name

    title = name(char, "").lower()
    return f"U+{ord(char):04X}" + (f" ({title})" if title else "")
