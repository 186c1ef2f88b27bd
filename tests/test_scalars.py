"""Plain scalars and escapes, value by value: what is read, what is refused, and in which words."""

from __future__ import annotations

import sys

import pytest

from getspec.errors import Fix
from getspec.scalars import Refusal, bad_escape, not_a_key, resolve, unescaped


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (
            "1" * 20,
            Refusal(
                "GS031",
                "an integer has at most 19 digits, and this has 20",
                "quote it if it is text",
            ),
        ),
        (
            "0017",
            Refusal(
                "GS030",
                "`0017` has a leading zero, which YAML versions read differently",
                "write `17`, `0o17` for octal, or quote it if it is text",
            ),
        ),
        (
            "00100",
            Refusal(
                "GS030",
                "`00100` has a leading zero, which YAML versions read differently",
                "write `100`, `0o100` for octal, or quote it if it is text",
            ),
        ),
        (
            "-08",
            Refusal(
                "GS030",
                "`-08` has a leading zero, which YAML versions read differently",
                "write `-8`, or quote it if it is text",
            ),
        ),
        (
            "-.inf",
            Refusal(
                "GS032",
                "`-.inf` is not a finite number",
                "write a finite number, or quote it if it is text",
            ),
        ),
    ],
)
def test_a_refusal_says_what_to_write(text: str, refusal: Refusal) -> None:
    assert resolve(text) == refusal


def test_nineteen_digits_are_read() -> None:
    assert resolve("9" * 19) == 10**19 - 1
    assert resolve("0x" + "f" * 19) == 16**19 - 1
    assert resolve("0o" + "7" * 19) == 8**19 - 1


@pytest.mark.parametrize("length", [24, 25, 26])
def test_a_long_number_is_shown_from_its_start(length: int) -> None:
    text = "1e" + "9" * (length - 2)
    found = resolve(text)
    assert isinstance(found, Refusal)
    shown = text if length <= 24 else "1e" + "9" * 18 + "..."
    assert found.message == f"`{shown}` is not a finite number"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("null", "a key is text, and `null` is read as null"),
        ("true", "a key is text, and `true` is read as a boolean"),
        ("8", "a key is text, and `8` is read as a number"),
        ("017", "a key is text, and `017` is read as a number"),
        ("", "a key is missing here"),
    ],
)
def test_what_is_no_key(text: str, message: str) -> None:
    found = not_a_key(text)
    assert found is not None
    help = "quote the key" if text else "write a name before the `:`"
    assert found == Refusal("GS021", message, help)


def test_a_merge_key_is_none() -> None:
    wanted = Refusal("GS023", "the merge key `<<` is not allowed", "use `extends: file.yaml`")
    assert not_a_key("<<") == wanted


def test_a_word_is_a_key() -> None:
    assert not_a_key("dim") is None
    assert not_a_key("on") is None, "YAML 1.1 would read it as true"


@pytest.mark.parametrize(
    ("escape", "char"),
    [
        ("x41", "A"),
        ("u00e9", "é"),
        ("U0001F600", "\U0001f600"),
        (f"U{sys.maxunicode:08x}", chr(sys.maxunicode)),
        ("e", "\x1b"),
        ("L", "\u2028"),
        ("n", " "),
        ('"', " "),
    ],
)
def test_the_character_of_an_escape(escape: str, char: str) -> None:
    """Only those that can be forbidden are told apart; of the others any allowed one will do."""
    assert unescaped(escape) == char


def test_beyond_the_last_character_is_none() -> None:
    assert (
        bad_escape(f"\\U{sys.maxunicode + 1:08x}") == "the escape `\\U00110000` is not a character"
    )


@pytest.mark.parametrize("code", [0xD800, 0xDC00, 0xDFFF])
def test_a_surrogate_is_no_character(code: int) -> None:
    assert bad_escape(f"\\u{code:04x}") == f"the escape `\\u{code:04x}` is not a character"


@pytest.mark.parametrize("code", [0xD7FF, 0xE000])
def test_the_characters_beside_the_surrogates_are_characters(code: int) -> None:
    assert "not allowed" in bad_escape(f"\\u{code:04x}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("0o17", 15),
        ("0xfF", 255),
        (".5", 0.5),
        ("1.", 1.0),
        ("-1.5E+3", -1500.0),
        ("00.5", 0.5),
        ("on", "on"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("-", "-"),
        (".", "."),
        ("-0x1F", "-0x1F"),
        ("2 * dim", "2 * dim"),
    ],
)
def test_what_is_read(text: str, value: object) -> None:
    found = resolve(text)
    assert (found, type(found)) == (value, type(value))


def test_a_program_mends_only_what_can_mean_one_thing() -> None:
    plain, octal = resolve("-08"), resolve("017")
    assert isinstance(plain, Refusal)
    assert isinstance(octal, Refusal)
    assert isinstance(plain.help, Fix)
    assert plain.help.text == "-8"
    assert not isinstance(octal.help, Fix), "15 or 17, nobody knows"
