"""The words of a spec in a generated file: they stay words, on lines that fit."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getspec.emit.comments import clean, code, docstring, listed, noted, wrap
from getspec.emit.layout import WIDTH


@given(st.text())
def test_clean_text_ends_neither_a_comment_nor_a_docstring(text: str) -> None:
    found = clean(text)
    assert found.isprintable()
    assert not {'"', "\\"} & set(found)
    assert found == " ".join(found.split()), "one line, single spaces"
    assert ast.parse(f'"""{found}"""\n# {found}')


def test_clean_text_keeps_its_words() -> None:
    assert clean(' a "b"\n\tc\\d é\u2028e ') == "a 'b' c/d é e"


@pytest.mark.parametrize("length", range(WIDTH - 20, WIDTH + 20))
@pytest.mark.parametrize("indent", [0, 4])
def test_a_docstring_is_closed_where_formatters_close_it(length: int, indent: int) -> None:
    text = ("one two three " * 20)[:length].strip()
    lines = docstring(text, indent)
    pad = " " * indent
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith(f'{pad}"""one')
    if indent + 6 + len(text) <= WIDTH:
        assert lines == [f'{pad}"""{text}"""']
    else:
        assert lines[-1] == f'{pad}"""'
        assert len(lines) > 2, "of two lines a formatter would make one"
    assert " ".join(" ".join(lines).split()).removesuffix('"""').removeprefix('"""').strip() == text


@given(
    st.lists(st.text(alphabet="abc", min_size=1, max_size=30), min_size=1, max_size=20),
    st.sampled_from(["", "return ", "x, y = "]),
    st.sampled_from([0, 4, 8]),
)
def test_listed_items_are_whole_and_hang_under_the_first(
    items: list[str], lead: str, indent: int
) -> None:
    lines = listed(items, lead, indent)
    hang = indent + len(lead)
    assert lines[0].startswith(" " * indent + lead)
    assert all(line[:hang] == " " * hang for line in lines[1:])
    parts = [line[hang:].split(" ") for line in lines]
    assert [part for line in parts for part in line] == [*(f"{i}," for i in items[:-1]), items[-1]]
    assert all(len(line) <= WIDTH for line in lines)
    for line, (first, *_) in zip(lines, parts[1:], strict=False):
        assert len(line) + 1 + len(first) >= WIDTH, "a line is filled before the next begins"


def test_an_item_that_is_too_long_has_a_line_of_its_own() -> None:
    assert listed(["a" * 200], "", 2) == ["  " + "a" * 200]
    assert listed(["a" * 200, "b" * 200], "x ", 0) == ["x " + "a" * 200 + ",", "  " + "b" * 200]


def test_wrapped_lines_are_indented_and_words_stay_whole() -> None:
    assert wrap("one two " + "x" * 20, 2, 10) == ["  one two", "  " + "x" * 20]
    assert max(map(len, wrap("ab " * 100, 4))) in (WIDTH - 1, WIDTH)


def test_a_note_stands_two_spaces_after_the_line() -> None:
    assert noted("x = 1", "one # two") == "x = 1  # one # two"
    assert code(noted("x = 1", "one  # two")) == "x = 1"
    assert code("x = 1") == "x = 1"


def test_a_docstring_is_as_wide_as_it_may_be() -> None:
    """Less its closing quotes, which a formatter would otherwise join to its last line."""
    lines = docstring("bb " + "a " * 200, 0)
    assert len(lines[0]) == WIDTH - 3
    assert max(map(len, lines)) == WIDTH - 3


@pytest.mark.parametrize("length", range(33, 39))
def test_an_item_begins_a_line_where_it_and_what_closes_it_do_not_fit(length: int) -> None:
    lines = listed(["a" * 30, "b" * 30, "c" * length], "", 0)
    assert len(lines) == (1 if 64 + length + 1 <= WIDTH else 2)
