"""What a YAML parser's exception means, in words for people who do not know its grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import yaml

from getspec.errors import Diagnostic, Fix, Note

if TYPE_CHECKING:
    from getspec.source import Builder, Place
    from getspec.text import SourceText

__all__ = ["syntax_problem"]


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
_DOUBLE = "double the backslash"
_ADD = "add it, or quote the value"
_INDENT = "indent it as the lines it belongs to"
_START = "context_mark"
_BEGINNING = "<document start>"
_RULES = (
    _Rule("maximum nesting depth", "nested too deep", "name the inner part as a block", "GS006"),
    _Rule("scanning an anchor", "an anchor (`&`) is not allowed", _QUOTE, "GS022", _START),
    _Rule("scanning an alias", "an alias (`*`) is not allowed", _QUOTE, "GS022", _START),
    _Rule("scanning a tag", "a tag (`!`) is not allowed", _QUOTE, "GS024", _START),
    _Rule("parsing a tag", "a tag (`!`) is not allowed", _QUOTE, "GS024", _START),
    _Rule("tag handle", "a tag (`!`) is not allowed", _QUOTE, "GS024"),
    _Rule("directive", "a YAML directive is not allowed", "delete this line", "GS014", _START),
    _Rule(_BEGINNING, "the value before this is complete", "delete this, or indent it"),
    _Rule("document separator", "this string has no closing quote", "add the quote", at=_START),
    _Rule("quoted&end of stream", "this string has no closing quote", "add the quote", at=_START),
    _Rule("unknown escape", "this escape is unknown", _DOUBLE, "GS025"),
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


def syntax_problem(error: Exception, builder: Builder) -> Diagnostic:
    """What a parser's exception means, in words for people who do not know its grammar."""
    source = builder.source
    context, problem = getattr(error, "context", ""), getattr(error, "problem", "")
    words = f"{context}: {problem}" if isinstance(error, yaml.YAMLError) else "escape code"
    rule = next(each for each in _RULES if all(word in words for word in each.words.split("&")))
    mark: Place | None = getattr(error, rule.at, None) or getattr(error, "problem_mark", None)
    index = (mark or builder.parser.get_mark()).index
    if rule.code == "GS025":
        start = source.text.rfind("\\", 0, index + 1)
        doubled = Fix(rule.help, f"\\{source.text[start : start + 2]}")
        help = doubled if rule.help == _DOUBLE else rule.help
        return Diagnostic(rule.code, rule.message, source.span(start, 2), help)
    if rule.words == _BEGINNING and (directive := _directive(source, index)):
        return directive
    if rule.at == "problem_mark" and index >= len(source.text.rstrip(" \n")):
        return _unfinished(rule, builder)
    message = rule.message.replace("{char}", f"`{source.text[index : index + 1]}`")
    notes = _opening(context, getattr(error, _START, None), source)
    return Diagnostic(rule.code, message, source.span(index), rule.help, notes)


def _directive(source: SourceText, index: int) -> Diagnostic | None:
    """A line that starts with `%`, where nothing but blank lines and comments is between it and the problem."""
    end = index
    for line in reversed(source.text[:index].split("\n")):
        start = end - len(line)
        if line.startswith("%"):
            help = Fix("delete this line", "")
            span = source.span(start, len(line))
            return Diagnostic("GS014", "a YAML directive is not allowed here", span, help)
        shown = line.strip()
        if shown and not shown.startswith("#"):
            return None
        end = start - 1
    return None


def _unfinished(rule: _Rule, builder: Builder) -> Diagnostic:
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


def _opening(context: str | None, mark: Place | None, source: SourceText) -> tuple[Note, ...]:
    """Where the brackets open that the error is between."""
    if mark is None or "flow" not in (context or ""):
        return ()
    if source.text[mark.index : mark.index + 1] not in ("[", "{"):
        return ()
    return (("it is opened here", source.span(mark.index)),)
