"""A printed figure is an interval with exact ends, and a claim holds exactly there."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import BASE, load, problems, write

from getspec.passes.expect import figure

UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


@given(st.integers(0, 10**15))
def test_an_integer_is_itself(number: int) -> None:
    for text in (number, str(number), f"{number:,}".replace(",", "_"), f"+{number}"):
        found = figure(text)
        assert found is not None
        assert number in found
        assert number + 1 not in found
        assert number - 1 not in found
    negative = figure(-number)
    assert negative is not None
    assert -number in negative


@given(st.integers(0, 9999), st.integers(0, 4), st.sampled_from(list("KMBT")))
def test_a_rounded_figure_ends_half_a_digit_away(digits: int, decimals: int, unit: str) -> None:
    step = Fraction(UNITS[unit], 10**decimals)
    shown = f"{digits // 10**decimals}"
    if decimals:
        shown += f".{digits % 10**decimals:0{decimals}d}"
    found = figure(shown + unit)
    assert found is not None
    middle = digits * step
    for edge in (middle - step / 2, middle, middle + step / 2):
        assert edge in found, "a tie may be rounded up or down, so both ends belong"
    tiny = Fraction(1, 10**9)
    assert middle - step / 2 - tiny not in found
    assert middle + step / 2 + tiny not in found


@given(st.integers(1, 10**13), st.integers(0, 3))
def test_what_is_rounded_rounds_back(number: int, decimals: int) -> None:
    for unit, scale in UNITS.items():
        if unit and number >= scale:
            found = figure(
                f"{Fraction(number, scale).__round__(decimals).__float__():.{decimals}f}{unit}"
            )
            if number < 10**12:
                assert found is not None
                assert number in found


EDGES = [
    ("7.09M", 7_085_000, True),
    ("7.09M", 7_084_999, False),
    ("7.09M", 7_095_000, True),
    ("7.09M", 7_095_001, False),
    ("7.0M", 7_049_999, True),
    ("7M", 7_500_000, True),
    ("7M", 7_500_001, False),
    ("128.33M", 128_329_728, True),
    ("2.36M", 2_361_600, True),
    ("2.36M", 2_362_368, True),
    ("0.5B", 549_999_999, True),
    ("+43.28M", 43_282_944, True),
    ("-9216", -9216, True),
    ("1.5", 1, False),
]


@pytest.mark.parametrize(("text", "number", "holds"), EDGES)
def test_edges(text: str, number: int, holds: bool) -> None:
    found = figure(text)
    assert found is not None
    assert (number in found) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M",
        "7.M",
        ".5M",
        "7,09M",
        "1e6",
        "about 7",
        "7.09MB",
        "7.09 m",
        "--7",
        "0x10",
        "7.09M\n8",
        "nan",
    ],
)
def test_what_is_no_figure(text: str) -> None:
    assert figure(text) is None


@given(st.text(max_size=12))
def test_any_text_is_a_figure_or_none(text: str) -> None:
    found = figure(text)
    assert found is None or found.low <= found.high


def claims(*lines: str) -> str:
    head, _, _ = BASE.partition("expect:")
    return head + "expect:\n" + "".join(f"  - {{{line}, source: a test}}\n" for line in lines)


TRUE = [
    "path: ., params: 216",
    "path: ., params: '216'",
    "path: ., params: 0.22K",
    "path: head.weight, params: 64",
    "path: 'layers.*', params: 72",
    "path: layers.1.bias, params: 8",
    "path: layers, params: 144",
    "path: act, params: 0",
    "path: 'layers.*', against: {spec: other, path: head}, delta: 0, percent: 0",
    "path: ., against: {spec: other}, delta: 72, percent: 50",
    "path: ., against: {spec: other}, delta: +72, percent: 50.0",
]


@pytest.mark.parametrize("line", TRUE)
def test_claims_that_hold(tmp_path: Path, line: str) -> None:
    write(tmp_path, other=BASE.replace("depth: 2", "depth: 1"))
    load(tmp_path, claims(line))


FALSE = {
    "path: ., params: 217": ("GS501", "216"),
    "path: ., params: 0.21K": ("GS501", "216"),
    "path: ., against: {spec: other}, delta: 71": ("GS501", "+72"),
    "path: 'layers.*', against: {spec: other}, delta: 0": ("GS501", "-144 over 2"),
    "path: ., against: {spec: other}, percent: 51": ("GS501", "+50.0000 %"),
    "path: ., percent: 50": ("GS502", "against"),
    "path: hed, params: 8": ("GS503", "hed"),
    "path: layers.2, params: 8": ("GS503", "layers.2"),
    "path: ., params: some": ("GS504", "some"),
}


@pytest.mark.parametrize("line", FALSE)
def test_claims_that_do_not_hold(tmp_path: Path, line: str) -> None:
    write(tmp_path, other=BASE.replace("depth: 2", "depth: 1"))
    (found,) = problems(tmp_path, claims(line))
    code, words = FALSE[line]
    assert found.code == code
    assert words in found.message, "the message has the true figure"
    assert found.notes[0][0] == "the claim is from: a test"


def test_a_comparison_that_is_false_says_by_how_much(tmp_path: Path) -> None:
    """Two attentions that are not the same, although both round to one figure."""
    text = claims("path: 'layers.*', against: {spec: other, path: head}, delta: 0")
    other = BASE.replace('out_features: "widths[1]"', 'out_features: "widths[1]", bias: false')
    write(tmp_path, other=other.replace("params: 72", "params: 64"))
    (found,) = problems(tmp_path, text)
    assert found.message == "`layers.*`: 72 against 64: +8 each, +16 over 2; the claim is 0"
