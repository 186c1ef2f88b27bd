"""Reading YAML: what a spec may hold, what every refusal says, and where it points.

Every test runs under both of PyYAML's parsers, and both must agree to the last column.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from getspec import source, text
from getspec.codes import CODES
from getspec.errors import Diagnostic, Fix, Span, SpecError, UsageError, render

LOADERS = {"c": source.FAST, "pure": source.PURE}


@pytest.fixture(params=LOADERS)
def parse(request: pytest.FixtureRequest) -> Callable[[str | bytes], source.Document]:
    return lambda text: source.parse(text, "m.yaml", loader=LOADERS[request.param])


Parse = Callable[[str | bytes], source.Document]


def problems(parse: Callable[[str], Any], text: Any) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        parse(text)
    return caught.value.diagnostics


# ---------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("9223372036854775807", 9223372036854775807),
        ("1e-6", 1e-6),
        ("1e6", 1e6),
        (".5", 0.5),
        ("-1.5E+3", -1500.0),
        ("1.", 1.0),
        ("00.5", 0.5),
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("2001-01-01", "2001-01-01"),
        ("128_767_003", "128_767_003"),
        ("128.33M", "128.33M"),
        ("0b101", "0b101"),
        ("-0x1F", "-0x1F"),
        ("1e", "1e"),
        (".", "."),
        ("nan", "nan"),
        ("2 * dim", "2 * dim"),
        ("float[B, R, 1]", "float[B, R, 1]"),
        ('"8"', "8"),
        ("'null'", "null"),
        ('"\\u00e9\\n\\t\\\\"', "é\n\t\\"),
        ("[1, two, 3.0, [], {}]", [1, "two", 3.0, [], {}]),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("|\n  x = 1\n\n  y\n", "x = 1\n\ny\n"),
        (">\n  one\n  line\n", "one line\n"),
    ],
)
def test_values_are_yaml_1_2(parse: Parse, text: str, value: Any) -> None:
    read = parse(f"a: {text}").data["a"]
    assert (read, type(read)) == (value, type(value)), "YAML 1.2 core, with nothing of YAML 1.1"


def test_windows_files_read_the_same(parse: Parse) -> None:
    text = "a: 1\nb: |\n  x\n\n  y\nc: [1,\n  2]\n"
    windows = parse(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert windows == parse(text), "line ends and a byte-order mark change neither data nor places"


def test_a_version_directive_and_document_marks_may_stand(parse: Parse) -> None:
    text = "# spec\n%YAML 1.2 # core\n---\na: 1\n...\n"
    assert parse(text).data == {"a": 1}, "they say what is true anyway"


# ---------------------------------------------------------------------------------------- refusals

# id: (text, code, line, col, width, message)
REFUSED: dict[str, tuple[str | bytes, str, int, int, int, str]] = {
    "empty": ("", "GS011", 1, 1, 1, "the spec is empty"),
    "only comments": ("# a\n\n# b\n", "GS011", 1, 1, 1, "the spec is empty"),
    "only a marker": ("---\n", "GS011", 1, 1, 1, "the spec is empty"),
    "a list": ("- a\n- b\n", "GS012", 1, 1, 1, "mapping of keys to values, and this is a list"),
    "a value": ("# x\nabc\n", "GS012", 2, 1, 3, "this is a single value"),
    "null": ("null\n", "GS012", 1, 1, 4, "this is a single value"),
    "two documents": ("a: 1\n---\nb: 2\n", "GS013", 2, 1, 3, "here starts another"),
    "yaml 1.1": ("%YAML 1.1\n---\na: 1\n", "GS014", 1, 1, 9, "a YAML directive is not allowed"),
    "tag directive": ("%YAML 1.2\n%TAG ! x\n---\na: 1\n", "GS014", 2, 1, 8, "directive"),
    "latin-1": ("é: 1\nb: é".encode("latin-1"), "GS001", 1, 1, 1, "the byte 0xe9 at offset 0"),
    "cut utf-8": ("a: 1\r\nbé: é".encode()[:-1], "GS001", 2, 5, 1, "the byte 0xc3 at offset 11"),
    "utf-16": ("a: 1".encode("utf-16"), "GS001", 1, 1, 1, "the file is UTF-16"),
    "NUL": ("a: 1\nb: \0", "GS002", 2, 4, 1, "the character U+0000 is not allowed"),
    "escape character": ("a: \x1b[31m", "GS002", 1, 4, 1, "U+001B"),
    "lone CR": ("a: 1\rb: 2", "GS002", 1, 5, 1, "U+000D"),
    "next line": ("a: 1\x85b: 2", "GS002", 1, 5, 1, "U+0085"),
    "line separator": ("a: 1\u2028b: 2", "GS002", 1, 5, 1, "U+2028 (line separator)"),
    "direction mark": ("日\u202e: 1", "GS002", 1, 2, 1, "U+202E (right-to-left override)"),
    "surrogate": ("a: \ud800", "GS002", 1, 4, 1, "U+D800"),
    "inner BOM": ("a: \ufeff", "GS002", 1, 4, 1, "U+FEFF"),
    "tab after colon": ("a:\t1", "GS003", 1, 3, 1, "a tab is not allowed"),
    "tab indent": ("a:\n\tb: 1", "GS003", 2, 1, 1, "a tab is not allowed"),
    "tab in a comment": ("a: 1 #\tb", "GS003", 1, 7, 1, "a tab is not allowed"),
    "duplicate": ("a: 1\nbc: 2\nbc: 3", "GS020", 3, 1, 2, "the key `bc` is here twice"),
    "duplicate in braces": ("a: {b: 1, 'b': 2}", "GS020", 1, 11, 3, "the key `b` is here twice"),
    "number key": ("1: a", "GS021", 1, 1, 1, "a key is text, and `1` is read as a number"),
    "zero key": ("017: a", "GS021", 1, 1, 3, "read as a number"),
    "boolean key": ("a: {true: 1}", "GS021", 1, 5, 4, "`true` is read as a boolean"),
    "null key": ("~: a", "GS021", 1, 1, 1, "`~` is read as null"),
    "no key": ("? # c\n: a", "GS021", 1, 2, 1, "a key is missing here"),
    "no key before a colon": ("a: 1\n: b", "GS010", 2, 1, 1, "a key is missing before this"),
    "list key": ("[a]: 1", "GS021", 1, 1, 1, "a key is text, and this is a list"),
    "mapping key": ("{a: 1}: 1", "GS021", 1, 1, 1, "a key is text, and this is a mapping"),
    "anchor": ("a: &base {b: 1}", "GS022", 1, 4, 5, "an anchor (`&base`) is not allowed"),
    "tag and anchor": ("a: &x !y 1", "GS022", 1, 4, 2, "an anchor (`&x`) is not allowed"),
    "alias": ("a: *base", "GS022", 1, 4, 5, "an alias (`*base`) is not allowed"),
    "alias key": ("*base : 1", "GS022", 1, 1, 5, "an alias (`*base`) is not allowed"),
    "star": ("a: * 2", "GS022", 1, 4, 1, "an alias (`*`) is not allowed"),
    "merge": ("a:\n  <<: {b: 1}", "GS023", 2, 3, 2, "the merge key `<<` is not allowed"),
    "tag": ("a: !!int 3", "GS024", 1, 4, 5, "a tag (`!`) is not allowed"),
    "python tag": ("a: !!python/object:os.system x", "GS024", 1, 4, 25, "a tag (`!`)"),
    "not": ("a: !x, b", "GS024", 1, 4, 2, "a tag (`!`) is not allowed"),
    "escaped surrogate": ('a: "x\\ud800"', "GS025", 1, 6, 6, "`\\ud800` is not a character"),
    "beyond Unicode": ('a: "\\U00110000"', "GS025", 1, 5, 2, "this escape is not a character"),
    "escaped ESC": ('a: "\\e[31m"', "GS025", 1, 5, 2, "makes U+001B, which is not allowed"),
    "unknown escape": ('a: "\\d"', "GS025", 1, 5, 2, "this escape is unknown"),
    "short escape": ('a: "\\x4"', "GS025", 1, 5, 2, "this escape needs more digits"),
    "leading zero": ("a: 017", "GS030", 1, 4, 3, "`017` has a leading zero"),
    "long integer": ("a: 12345678901234567890", "GS031", 1, 4, 20, "at most 19 digits"),
    "infinity": ("a: -.inf", "GS032", 1, 4, 5, "`-.inf` is not a finite number"),
    "nan": ("a: .NaN", "GS032", 1, 4, 4, "`.NaN` is not a finite number"),
    "overflow": ("a: 1e999", "GS032", 1, 4, 5, "`1e999` is not a finite number"),
    "open list": ("a: [1,\nb: 2\n", "GS010", 1, 4, 1, "this `[` is never closed"),
    "open braces": ("a: {b: 1\n", "GS010", 1, 4, 1, "this `{` is never closed"),
    "open string": ("a: 'x\nb: 1\n", "GS010", 1, 4, 1, "this string has no closing quote"),
    "two colons": ("a: b: c", "GS010", 1, 5, 1, "a `:` is not expected here"),
    "indented": ("a: 1\n  b: 2", "GS010", 2, 4, 1, "a `:` is not expected here"),
    "outdented": ("a:\n    b: 1\n  c: 2", "GS010", 3, 3, 1, "indentation matches no line above"),
    "no colon": ("a: 1\nb\n", "GS010", 2, 1, 1, "this line is not `key: value`"),
    "bad start": ("a: @x", "GS010", 1, 4, 1, "a value cannot start with `@`"),
    "missing comma": ("a: [{} {}]", "GS010", 1, 8, 1, "a `,` or `]` is missing before this"),
    "stray item": ("a: 1\n- b", "GS010", 2, 1, 1, "a list item is not expected here"),
    "stray key": ("- a\nb: 1", "GS010", 2, 1, 1, "a list item is expected here"),
    "after a quote": ("a: 'b' c", "GS010", 1, 8, 1, "this belongs to no key"),
    "question mark": ("a: [b?c]", "GS010", 1, 6, 1, "a `?` between brackets needs quotes"),
    "glued comment": ("a: |# x\n  b", "GS010", 1, 5, 1, "a block of text starts on the next line"),
    "after the end": ("a: 1\n...\nb: 2", "GS010", 3, 1, 1, "the value before this is complete"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_place_and_the_fix(parse: Parse, name: str) -> None:
    text, code, line, col, width, message = REFUSED[name]
    first = problems(parse, text)[0]
    place = Span("m.yaml", line, col, width)
    assert (first.code, first.span) == (code, place), f"{name}: this code, underlined exactly here"
    assert message in first.message, f"{name}: the message says what is wrong"
    assert first.help, f"{name}: there is always something to do"


@pytest.mark.parametrize("name", [name for name in REFUSED if name != "tag and anchor"])
def test_one_mistake_gives_one_message(parse: Parse, name: str) -> None:
    assert len(problems(parse, REFUSED[name][0])) == 1, f"{name}: the cause once, no consequences"


@pytest.mark.parametrize("name", REFUSED)
def test_both_parsers_refuse_in_the_same_words(name: str) -> None:
    text = REFUSED[name][0]
    fast, pure = (outcome(text, loader) for loader in LOADERS.values())
    assert fast == pure, "how PyYAML was built must not show"


def test_every_code_of_the_family_is_explained() -> None:
    used = {code for _, code, *_ in REFUSED.values()} | {"GS004", "GS005", "GS006", "GS007"}
    used |= {"GS015", "GS090"}
    listed = {code for code in CODES if code.startswith("GS0")}
    assert used == listed, "each code that reading can raise has an entry, a test, and the reverse"


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("a: 017", "write `17`, `0o17` for octal, or quote it if it is text"),
        ("a: -08", "write `-8`, or quote it if it is text"),
        ("<<: {}", "use `extends: file.yaml`"),
        ("a: [1", "add `]`"),
        ("a: {b: 1", "add `}`"),
        ("a:\t1", "indent with spaces; in a string, write \\t between double quotes"),
    ],
)
def test_help_can_be_pasted(parse: Parse, text: str, help: str) -> None:
    assert problems(parse, text)[0].help == help, "help says what to write"


def test_a_backslash_is_doubled_where_it_stands(parse: Parse) -> None:
    (found,) = problems(parse, 'a: "x\\qy"')
    assert found.help == "double the backslash"
    assert isinstance(found.help, Fix)
    assert found.help.text == "\\\\q", "what is underlined, and one backslash more"


def test_a_text_that_ends_too_early_names_the_bracket_or_the_end(parse: Parse) -> None:
    (found,) = problems(parse, "a: [1, b: ")
    assert (found.message, found.span) == ("this `[` is never closed", Span("m.yaml", 1, 4)), (
        "a pair in a list has no bracket of its own"
    )
    _, found = problems(parse, "! [ ")
    assert (found.code, found.message) == ("GS010", "a value is missing before this")
    assert (found.span, found.help) == (Span("m.yaml", 1, 4), "write the value, or quote this one")


@pytest.mark.parametrize(
    ("text", "line", "width"),
    [
        ("%YAML 1.2\n", 1, 9),
        ("%YAML 1.2\n\n  # a comment\na: 1\n", 1, 9),
        ("a: 1\n%b c", 2, 4),
        ("a: 1\n# why\n%b c \n#d\n \n", 3, 5),
    ],
)
def test_a_directive_before_which_or_after_which_nothing_begins(
    parse: Parse, text: str, line: int, width: int
) -> None:
    """YAML takes a line that starts with `%` for the end of what is before it, and wants `---` below it."""
    (found,) = problems(parse, text)
    assert (found.code, found.message) == ("GS014", "a YAML directive is not allowed here")
    assert found.span == Span("m.yaml", line, 1, width)
    assert isinstance(found.help, Fix)
    assert (found.help, found.help.text) == ("delete this line", "")


def test_a_value_that_is_complete_is_no_directive(parse: Parse) -> None:
    (found,) = problems(parse, "%YAML 1.2\n---\n[a]\n b: 1\n")
    assert (found.code, found.message) == ("GS010", "the value before this is complete")


def test_a_directive_that_stands_twice(parse: Parse) -> None:
    (found,) = problems(parse, "%YAML 1.2\n%YAML 1.2\n---\na: 1\n")
    assert (found.code, found.span) == ("GS014", Span("m.yaml", 2, 1)), "the second one"


def test_a_duplicate_shows_both_places(parse: Parse) -> None:
    (found,) = problems(parse, "a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert found.span == Span("m.yaml", 4, 3), "the second one is the mistake"
    assert found.notes == (("first defined here", Span("m.yaml", 2, 3)),), "the first one is shown"


def test_brackets_show_where_they_open(parse: Parse) -> None:
    (found,) = problems(parse, "a: [1,\n  b: {c: 2]\n")
    assert found.notes == (("it is opened here", Span("m.yaml", 2, 6)),), "the innermost bracket"


def test_all_problems_of_a_file_come_together(parse: Parse) -> None:
    text = "a: 017\nb: &x 1\n2: c\nb: *x\nd: !t .inf\ne: [\n"
    codes = [each.code for each in problems(parse, text)]
    assert codes == ["GS030", "GS022", "GS021", "GS020", "GS022", "GS024", "GS032", "GS010"], (
        "in the order of the file, up to the syntax error that ends the reading"
    )


def test_a_flood_of_problems_stops(parse: Parse) -> None:
    found = problems(parse, "".join(f"k{n}: 017\n" for n in range(5000)))
    assert len(found) == source.MAX_PROBLEMS, "nobody reads more, and nobody waits for them"


def test_each_forbidden_character_is_reported_once(parse: Parse) -> None:
    found = problems(parse, "a:\t1\nb:\t\x00\t\x00")
    assert [each.code for each in found] == ["GS003", "GS002"], "one message for one kind"
    assert found[0].notes == (("and 2 more in this file", None),), "the others are counted"


def test_the_lines_travel_with_the_error(parse: Parse) -> None:
    with pytest.raises(SpecError) as caught:
        parse("a: 1\r\n日本: 017 # é\r\n")
    (found,) = caught.value.diagnostics
    shown = render(found, caught.value.sources["m.yaml"], width=200)
    assert shown.splitlines()[3:5] == [
        " 2 | 日本: 017 # é",
        "   |       ^^^ help: write `17`, `0o17` for octal, or quote it if it is text",
    ], "an error can be shown although there is no document"


# ------------------------------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: " + "[" * 63 + "]" * 63, None),
        ("a: " + "[" * 64 + "]" * 64, "GS006"),
        ("a: " + "x" * source.MAX_SCALAR, None),
        ("a: " + "x" * (source.MAX_SCALAR + 1), "GS005"),
        ("[" * 1_000_000, "GS006"),
        ("- " * 500_000, "GS006"),
        ("a: " + "&a " * 300_000, "GS010"),
        ("x" * (text.MAX_BYTES + 1), "GS004"),
        (b"x" * (text.MAX_BYTES + 1), "GS004"),
        ("a:\n" + "- b\n" * (source.MAX_NODES - 3), None),
        ("a:\n" + "- b\n" * (source.MAX_NODES - 2), "GS007"),
    ],
    ids=[
        "deep",
        "too deep",
        "long",
        "too long",
        "brackets",
        "lists",
        "anchors",
        "large",
        "large bytes",
        "nodes",
        "too many nodes",
    ],
)
def test_limits(parse: Parse, text: str | bytes, code: str | None) -> None:
    started = time.process_time()
    if code is None:
        parse(text)
    else:
        assert problems(parse, text)[-1].code == code, "stopped at the limit"
    assert time.process_time() - started < 10, "a limit acts before time is spent"


def test_an_alias_bomb_is_never_built(parse: Parse) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert {each.code for each in problems(parse, bomb)} == {"GS022"}, "aliases are not followed"


# ------------------------------------------------------------------------------------------ places

SPEC = """\
# é
model: Net
components:
  attn: {type: linear, "é 日": [1, b: x]}
  'norm':   # comment
  - one
  - |
    text
empty:
last: "a\\tb"
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), None, (2, 1, 5)),
        (("model",), (2, 1, 5), (2, 8, 3)),
        (("components",), (3, 1, 10), (4, 3, 4)),
        (("components", "attn"), (4, 3, 4), (4, 9, 32)),
        (("components", "attn", "é 日"), (4, 24, 5), (4, 31, 9)),
        (("components", "attn", "é 日", 0), None, (4, 32, 1)),
        (("components", "attn", "é 日", 1), None, (4, 35, 4)),
        (("components", "attn", "é 日", 1, "b"), (4, 35, 1), (4, 38, 1)),
        (("components", "norm"), (5, 3, 6), (6, 3, 1)),
        (("components", "norm", 1), None, (7, 5, 1)),
        (("empty",), (9, 1, 5), (9, 7, 1)),
        (("last",), (10, 1, 4), (10, 7, 6)),
    ],
)
def test_every_key_and_value_has_its_place(
    parse: Parse,
    path: source.Path,
    key: tuple[int, int, int] | None,
    value: tuple[int, int, int],
) -> None:
    mark = parse(SPEC).marks[path]
    assert mark.key == (key and Span("m.yaml", *key)), "keys are underlined, quotes included"
    assert mark.value == Span("m.yaml", *value), "values are underlined on their first line"


def test_what_is_missing_is_shown_at_its_parent(parse: Parse) -> None:
    document = parse(SPEC)
    missing = document.span(("components", "attn", "bias", "x"))
    assert missing == Span("m.yaml", 4, 3, 4), "the key of the nearest parent that is there"
    assert document.span(("nope",)) == document.span(()), "or else the start of the file"
    assert document.span(("components", "norm", 0), key=True).line == 6, "list items have no key"


FORWARDS = {
    "literal": "forward: |\n  x = a\n  return x\n",
    "deeper": "forward: |\n      x = a\n      return x\n",
    "commented": "forward: | # body\n  x = a\n  return x\n",
    "stripped": "forward: |-\n  x = a\n  return x",
    "kept": "forward: |+\n  x = a\n  return x\n\n\n",
    "indicator": "forward: |2\n    x = a\n  return x\n",
    "both indicators": "forward: |-1\n   x = a\n  return x\n",
    "leading blanks": "forward: |\n\n    \n    x = a\n    return x\n",
    "inner blanks": "forward: |\n  x = a\n\n  # c\n \n  return x\n",
    "in a list": "forward:\n  - |\n    x = a\n    return x\n",
    "own line": "forward:\n  |\n  x = a\n  return x\n",
    "wide": "forward: |\n  # 日本 é\n  x = a; return x\n",
    "windows": "forward: |\r\n  x = a\r\n\r\n  return x\r\n",
    "plain": "forward: x = a return x",
    "single": "forward:    'x = a return x' # c",
    "double": 'forward: "x = a return x"',
    "braces": "forward: {}\nf: {g: x = a return x}",
}


@pytest.mark.parametrize("name", FORWARDS)
def test_places_inside_text(parse: Parse, name: str) -> None:
    document = parse(FORWARDS[name])
    path, text = next(
        (path, value) for path in document.marks if isinstance(value := _at(document, path), str)
    )
    for line, content in enumerate(text.split("\n"), 1):
        for word in ("x = a", "return"):
            if (col := content.find(word)) >= 0:
                span = document.text_span(path, line, col, len(word))
                shown = document.lines[span.line - 1][span.col - 1 :][: span.width]
                assert shown == word, "a place in the text is the same place in the file"


@pytest.mark.parametrize(
    "value", ['"a\\tb = c"', "'it''s'", "one\n  two", "'one\n  two'", ">\n  one\n  two", "[a]", ""]
)
def test_text_that_is_not_in_the_file_letter_by_letter(parse: Parse, value: str) -> None:
    document = parse(f"forward: {value}")
    assert document.text_span(("forward",), 1, 3) == document.span(("forward",)), "the whole value"


def test_places_past_the_text_stay_in_the_file(parse: Parse) -> None:
    document = parse("forward: |\n  x\n\n  y\nb: cd")
    assert document.text_span(("forward",), 2, 5, 9) == Span("m.yaml", 3, 1), "a blank line"
    assert document.text_span(("forward",), 1, 99) == Span("m.yaml", 2, 4), "the end of the line"
    assert document.text_span(("forward",), 99, 0) == document.span(("forward",)), "no such line"
    assert document.text_span(("b",), 2, 0) == document.span(("b",)), "plain text has one line"
    assert document.text_span(("c",), 1, 0) == document.span(("c",)), "no such path"


def _at(document: source.Document, path: source.Path) -> Any:
    value = document.data
    for step in path:
        value = value[step]
    return value


# ------------------------------------------------------------------------------------- properties

FRAGMENTS = [
    *["a: ", "b: ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ", ", ": ", "? ", "?", ":"],
    *["'", '"', "|", "|\n", ">", "|2-\n", "# c\n", "#", "&x ", "*x ", "!t ", "!", "%", "@", "`"],
    *["<<: ", "---", "...", "\n---\n", "~", "null", "true", "017", "1e-6", ".inf", "x", "é", "日"],
    *["\\", "\\n", "\\ud800", "\\U00110000", "\\e", "%YAML 1.2\n", "\t", "\r\n", "\r", "\u2028"],
]
yaml_like = st.lists(st.sampled_from(FRAGMENTS), max_size=24).map("".join)


def outcome(text: str | bytes, loader: source.Loader) -> Any:
    try:
        document = source.parse(text, "m.yaml", loader=loader)
    except SpecError as error:
        return error.diagnostics
    return repr(document.data), dict(document.marks)


@settings(deadline=None)
@given(st.text() | yaml_like)
@example('a: "\\U99999999"')
@example("{a:}")
@example("a: {b: !., c: 1}")
@example("a: !<tag:x> &b *c")
def test_any_text_is_a_document_or_a_spec_error_the_same_for_both_parsers(text: str) -> None:
    fast, pure = (outcome(text, loader) for loader in LOADERS.values())
    assert fast == pure, "data, places and messages do not depend on the parser"


@settings(deadline=None)
@given(yaml_like)
def test_every_place_is_in_the_file(text: str) -> None:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    try:
        document = source.parse(text, "m.yaml")
    except SpecError as error:
        spans = [each.span for each in error.diagnostics]
    else:
        spans = [span for mark in document.marks.values() for span in (mark.key, mark.value)]
    for span in filter(None, spans):
        assert 1 <= span.line <= len(lines), "the line is there"
        assert 1 <= span.col <= len(lines[span.line - 1]) + 1, "the column is, or one past the end"


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_a_document_or_a_spec_error(data: bytes) -> None:
    outcome(data, source.FAST)


allowed_text = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" \n\t"))
trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**19) + 1, 10**19 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | allowed_text,
    lambda inner: st.lists(inner) | st.dictionaries(allowed_text, inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(allowed_text, trees), st.sampled_from([None, 2]))
def test_json_is_read_as_json_reads_it(tree: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=False)
    for loader in LOADERS.values():
        document = source.parse(text, "m.yaml", loader=loader)
        assert document.data == tree, "JSON is YAML 1.2"
        assert len(document.marks) == _nodes(tree), "every value has its mark"


def _nodes(tree: Any) -> int:
    if isinstance(tree, dict):
        return 1 + sum(map(_nodes, tree.values()))
    return 1 + sum(map(_nodes, tree)) if isinstance(tree, list) else 1


# ------------------------------------------------------------------------------------ one value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24", 24),
        ("1e-4", 1e-4),
        ("gelu", "gelu"),
        ("'24'", "24"),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("{normal: 0.02}", {"normal": 0.02}),
        ("2 * dim", "2 * dim"),
    ],
)
def test_scalar_reads_one_value(text: str, value: Any) -> None:
    assert source.scalar(text, "--set x") == value, "the same rules as in a file"


@pytest.mark.parametrize("text", ["", " ", "# x", "a: 1", "- a", "|\n a", "---"])
def test_scalar_refuses_what_is_not_one_value(text: str) -> None:
    (found,) = problems(lambda each: source.scalar(each, "--set x"), text)
    assert found.code == "GS015", "braces and brackets on the command line, and null said aloud"
    assert found.help == "write `{a: 1}`, `[1, 2]`, `null` or a quoted string"
    assert found.span == Span("--set x", 1, 1, max(1, len(text.split("\n")[0]))), "its first line"


@pytest.mark.parametrize(("text", "code"), [("017", "GS030"), ("*a", "GS022"), ("[1", "GS010")])
def test_scalar_is_as_strict_as_a_file(text: str, code: str) -> None:
    (found,) = problems(lambda each: source.scalar(each, "--set x"), text)
    assert found.code == code, "no back door"
    assert found.span == Span("--set x", 1, 1, found.span.width if found.span else 0), "named"


# ------------------------------------------------------------------------------------------- files


def test_read_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\r\n")
    assert source.read(path).name == str(path), "shown as it was named"
    assert source.read(path, "specs/a.yaml").span(("a",)) == Span("specs/a.yaml", 1, 4), (
        "or as told"
    )


def test_read_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1")))
    assert source.read("-").name == "<stdin>", "`-` is standard input"


@pytest.mark.parametrize("stdin", [None, io.TextIOWrapper(io.BytesIO())])
def test_a_closed_standard_input(monkeypatch: pytest.MonkeyPatch, stdin: Any) -> None:
    if stdin is not None:
        stdin.close()
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(UsageError, match="cannot read standard input") as caught:
        source.read("-")
    assert caught.value.code == "GS090", "a matter of usage, not of the spec"


def _missing(folder: Path) -> str:
    return str(folder / "none.yaml")


def _fifo(folder: Path) -> str:
    os.mkfifo(folder / "fifo")
    return str(folder / "fifo")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a system with named pipes")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_missing, "No such file"),
        (str, "it is a directory"),
        (_fifo, "it is not a regular file"),
        (lambda _: os.devnull, "it is not a regular file"),
        (lambda _: "a\0b", "this is not a path"),
    ],
    ids=["missing", "directory", "fifo", "device", "NUL"],
)
def test_only_regular_files_are_read(
    tmp_path: Path, make: Callable[[Path], str], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        source.read(make(tmp_path))
    assert (caught.value.code, caught.value.exit_status) == ("GS090", 2), "and nothing hangs"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    (found,) = problems(lambda each: source.read(each), path)
    assert found.code == "GS004", "its size is known before a byte of it is"


def test_a_tag_after_an_anchor_has_its_own_place(parse: Parse) -> None:
    found = {each.code: each.span and each.span.col for each in problems(parse, "a: &x !t b")}
    assert found == {"GS022": 4, "GS024": 7}


def test_a_value_on_several_lines_is_underlined_to_the_end_of_the_first(parse: Parse) -> None:
    span = parse("a: one\n  two\n").marks["a",].value
    assert (span.line, span.col, span.width) == (1, 4, 3)
