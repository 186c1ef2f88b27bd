"""Bytes to text: which files are read, which characters they may hold, and where a refusal points."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getspec.errors import Diagnostic, Fix, Span, SpecError, UsageError
from getspec.text import MAX_BYTES, SourceText, decode, read_file, read_stdin, spelled


def refused(data: str | bytes) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        decode(data, "m.yaml")
    return caught.value.diagnostics


LARGE = Diagnostic(
    "GS004",
    "the file is larger than 1,048,576 bytes",
    Span("m.yaml", 1, 1),
    "write what repeats once, with `repeat`",
)

# ----------------------------------------------------------------------------------------- reading


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"x" * MAX_BYTES)
    assert len(read_file(str(path), "m.yaml")) == MAX_BYTES


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(SpecError) as caught:
        read_file(str(path), "m.yaml")
    assert caught.value.diagnostics == (LARGE,)


def test_a_file_that_grows_while_it_is_read_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size was looked at before; one byte more than allowed is enough to know."""
    path = tmp_path / "m.yaml"
    path.write_bytes(b"x" * (MAX_BYTES + 9))
    monkeypatch.setattr("getspec.text._check_readable", lambda *_: None)
    assert len(read_file(str(path), "m.yaml")) == MAX_BYTES + 1


@pytest.mark.parametrize(
    ("make", "message", "help"),
    [
        (None, "cannot read m.yaml: No such file or directory", "name a file that is there"),
        (os.mkdir, "cannot read m.yaml: it is a directory", "name a spec file, or `-`"),
        (os.mkfifo, "cannot read m.yaml: it is not a regular file", "name a spec file, or `-`"),
    ],
    ids=["missing", "folder", "pipe"],
)
def test_what_is_no_file(tmp_path: Path, make, message: str, help: str | None) -> None:
    path = str(tmp_path / "m.yaml")
    if make:
        make(path)
    with pytest.raises(UsageError) as caught:
        read_file(path, "m.yaml")
    assert (caught.value.message, caught.value.help, caught.value.code) == (message, help, "GS090")


def test_a_name_that_is_no_path() -> None:
    with pytest.raises(UsageError) as caught:
        read_file("a\0b", "a?b")
    assert caught.value.message == "cannot read a?b: this is not a path"
    assert caught.value.code == "GS090"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("a: 1")
    before = os.open(os.devnull, os.O_RDONLY)
    os.close(before)
    for _ in range(3):
        read_file(str(tmp_path / "m.yaml"), "m.yaml")
        with pytest.raises(UsageError):
            read_file(str(tmp_path), "folder")
    after = os.open(os.devnull, os.O_RDONLY)
    os.close(after)
    assert after == before


def test_standard_input_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * (MAX_BYTES + 9))))
    assert len(read_stdin()) == MAX_BYTES + 1


def test_standard_input_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError) as caught:
        read_stdin()
    assert caught.value.message == "cannot read standard input: it is closed"
    assert caught.value.code == "GS090"


# ---------------------------------------------------------------------------------------- encoding


@pytest.mark.parametrize("size", [MAX_BYTES, MAX_BYTES + 1])
def test_a_text_has_a_largest_size(size: int) -> None:
    if size > MAX_BYTES:
        assert refused(b"x" * size) == (LARGE,)
    else:
        assert len(decode(b"x" * size, "m.yaml").text) == size


def test_windows_text_is_read_as_any_other() -> None:
    text = decode(b"\xef\xbb\xbfa: 1\r\nb: 2", "m.yaml")
    assert (text.text, text.lines) == ("a: 1\nb: 2", ["a: 1", "b: 2"])


@pytest.mark.parametrize("data", ["a: 1".encode("utf-16"), b"\xfe\xff\0a"])
def test_utf_16_is_named(data: bytes) -> None:
    (found,) = refused(data)
    assert (found.code, found.message) == ("GS001", "the file is UTF-16, not UTF-8")
    assert (found.span, found.help) == (Span("m.yaml", 1, 1), "save the file as UTF-8")


def test_a_byte_that_is_not_utf_8_is_pointed_at() -> None:
    data = b"\xef\xbb\xbf" + b"# " + b"x" * 1200 + "\r\nbé: ".encode() + b"\xe9!"
    with pytest.raises(SpecError) as caught:
        decode(data, "m.yaml")
    (found,) = caught.value.diagnostics
    assert (found.code, found.help) == ("GS001", "save the file as UTF-8")
    assert found.message == "the byte 0xe9 at offset 1,212 is not UTF-8"
    assert found.span == Span("m.yaml", 2, 5)
    assert caught.value.sources == {"m.yaml": ["# " + "x" * 1200, "bé: \\xe9!"]}


# -------------------------------------------------------------------------------------- characters


def test_a_tab_and_other_characters_are_told_once_each() -> None:
    tab, nul = refused("a:\t1\nb: \0\t\0\0\n")
    assert (tab.code, tab.message) == ("GS003", "a tab is not allowed")
    assert tab.help == "indent with spaces; in a string, write \\t between double quotes"
    assert tab.span == Span("m.yaml", 1, 3)
    assert tab.notes == (("and 1 more in this file", None),)
    assert (nul.code, nul.message) == ("GS002", "the character U+0000 is not allowed")
    assert nul.help == "delete it"
    assert nul.span == Span("m.yaml", 2, 4)
    assert nul.notes == (("and 2 more in this file", None),)


def test_a_single_character_can_be_deleted_by_a_tool() -> None:
    (found,) = refused("a: \0\n")
    assert isinstance(found.help, Fix)
    assert (found.help, found.help.text) == ("delete it", "")


def test_many_more_are_counted_with_commas_and_a_single_one_is_not_counted() -> None:
    (found,) = refused("\t" * 2001)
    assert found.notes == (("and 2,000 more in this file", None),)
    (found,) = refused("\t")
    assert found.notes == ()


FORBIDDEN = [
    *range(0x00, 0x0A),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    *(0x61C, 0x200E, 0x200F, 0xFEFF, 0xFFFE, 0xFFFF),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *(0xD800, 0xDBFF, 0xDC00, 0xDFFF),
]


@given(st.sampled_from(FORBIDDEN) | st.integers(0, sys.maxunicode))
def test_which_characters_a_file_may_hold(code: int) -> None:
    text = f"a: {chr(code)}."
    if code not in FORBIDDEN and not 0xD800 <= code <= 0xDFFF:
        assert decode(text, "m.yaml").text == text
        return
    (found,) = refused(text)
    assert found.span == Span("m.yaml", 1, 4)


@pytest.mark.parametrize(
    ("char", "shown"),
    [("\u2028", "U+2028 (line separator)"), ("\0", "U+0000"), ("\x1b", "U+001B")],
)
def test_a_character_by_its_name(char: str, shown: str) -> None:
    assert spelled(char) == shown


# -------------------------------------------------------------------------------------- directives


@pytest.mark.parametrize(
    "text", ["%YAML 1.2\n---\na: 1", "# %TAG\n%YAML  1.2  # core\n---\n", "a: 100%", "a: 1\n%b: 2"]
)
def test_directives_that_may_stand_and_percents_that_are_none(text: str) -> None:
    assert decode(text, "m.yaml").text == text


@pytest.mark.parametrize(
    ("text", "line", "width"),
    [
        ("%YAML 1.1\n---\na: 1", 1, 9),
        ("\n # c\n%FOO\n", 3, 4),
        ("%YAML 1.2\n%TAG ! x\n---\n", 2, 8),
        ("%YAML 1.2#\n", 1, 10),
        ("%TAG a b\n%TAG c d\n", 1, 8),
    ],
)
def test_directives_are_refused_one_at_a_time(text: str, line: int, width: int) -> None:
    assert refused(text) == (
        Diagnostic(
            "GS014",
            "a YAML directive is not allowed",
            Span("m.yaml", line, 1, width),
            "delete this line",
        ),
    )


# ------------------------------------------------------------------------------------------ places


@given(st.text(alphabet="ab\n", max_size=20), st.integers(0, 20))
def test_an_index_is_a_line_and_a_column(text: str, index: int) -> None:
    index = min(index, len(text))
    before = text[:index]
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    source = SourceText("m.yaml", text)
    assert source.site(index) == (line, column, 1)
    assert source.span(index, 3) == Span("m.yaml", line, column, 3)
    assert source.span(index) == Span("m.yaml", line, column)


def test_a_file_of_nearly_that_name_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.yaml").write_text("a: 1")
    (tmp_path / "modle.txt").write_text("a: 1")
    with pytest.raises(UsageError) as caught:
        read_file(str(tmp_path / "modle.yaml"), "modle.yaml")
    assert caught.value.help == f"did you mean `{tmp_path / 'model.yaml'}`?"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        read_file("modle.yml", "modle.yml")
    assert caught.value.help == "did you mean `model.yaml`?"
    with pytest.raises(UsageError) as caught:
        read_file("folder/modle.yaml", "folder/modle.yaml")
    assert caught.value.help == "name a file that is there"
