"""Sizes behave as the integers they will be: every law is held under random values of the symbols."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getspec.sizes import (
    Floor,
    Inexact,
    Poly,
    Size,
    bare,
    constant,
    noting,
    product,
    smaller,
    symbol,
)

SYMBOLS = ("B", "N", "H")
values = st.fixed_dictionaries({name: st.integers(1, 50) for name in SYMBOLS})


@st.composite
def polys(draw: st.DrawFn, depth: int = 3) -> Poly:
    """A polynomial made by the arithmetic itself."""
    if depth == 0 or draw(st.booleans()):
        leaf = st.one_of(st.integers(-9, 9).map(constant), st.sampled_from(SYMBOLS).map(symbol))
        return draw(leaf)
    left, right = draw(polys(depth=depth - 1)), draw(polys(depth=depth - 1))
    return draw(st.sampled_from([Poly.__add__, Poly.__sub__, Poly.__mul__]))(left, right)


@given(polys(), polys(), values)
def test_arithmetic_is_that_of_integers(a: Poly, b: Poly, at: dict[str, int]) -> None:
    x, y = a.evaluate(at), b.evaluate(at)
    assert (a + b).evaluate(at) == x + y
    assert (a - b).evaluate(at) == x - y
    assert (a * b).evaluate(at) == x * y
    assert (-a).evaluate(at) == -x


@given(polys(), polys(), polys())
def test_equal_polynomials_are_one(a: Poly, b: Poly, c: Poly) -> None:
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) * c == a * c + b * c, "terms are kept in one canonical order"
    assert a - a == constant(0)
    assert hash(a + b) == hash(b + a)


@given(polys(), polys())
def test_exact_division_undoes_multiplication(a: Poly, b: Poly) -> None:
    if b != constant(0):
        quotient = (a * b).divide_exactly(b)
        assert quotient == a
        assert all(isinstance(coefficient, int) for _, coefficient in quotient.terms)


@given(polys(), polys(), values)
def test_exact_division_is_exact_or_refused(a: Poly, b: Poly, at: dict[str, int]) -> None:
    try:
        quotient = a.divide_exactly(b)
    except (Inexact, ZeroDivisionError):
        return
    assert quotient * b == a, "no remainder is dropped"
    if b.evaluate(at):
        assert quotient.evaluate(at) == a.evaluate(at) // b.evaluate(at)


@given(polys(), st.integers(1, 12), values)
def test_floor_division_by_a_number(a: Poly, by: int, at: dict[str, int]) -> None:
    assert a.divide_floor(constant(by)).evaluate(at) == a.evaluate(at) // by


@given(polys(), polys(), values)
def test_floor_division_by_a_size(a: Poly, b: Poly, at: dict[str, int]) -> None:
    if b.evaluate(at) > 0:
        assert a.divide_floor(b).evaluate(at) == a.evaluate(at) // b.evaluate(at)


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4))
def test_numbers_divide_exactly_when_they_do(a: int, b: int) -> None:
    if a % b:
        with pytest.raises(Inexact):
            Size.of(a).exactly(b)
    else:
        assert Size.of(a).exactly(b) == a // b


def test_division_by_zero_is_refused() -> None:
    with pytest.raises(ZeroDivisionError):
        symbol("B").divide_exactly(constant(0))


@given(polys(), polys(), values)
def test_substitution_then_evaluation(a: Poly, b: Poly, at: dict[str, int]) -> None:
    replaced = a.substitute({"N": b})
    assert replaced.evaluate(at) == a.evaluate({**at, "N": b.evaluate(at)})
    assert replaced.symbols() <= (a.symbols() - {"N"}) | b.symbols()


@given(polys())
def test_substitution_is_all_at_once(a: Poly) -> None:
    swapped = a.substitute({"B": symbol("N"), "N": symbol("B")})
    assert swapped.substitute({"B": symbol("N"), "N": symbol("B")}) == a


@given(polys(), values)
def test_the_text_is_python_with_the_same_value(a: Poly, at: dict[str, int]) -> None:
    assert eval(str(a), {"__builtins__": {}}, dict(at)) == a.evaluate(at)


@given(polys(), st.integers(2, 9), values)
def test_the_text_of_a_floor_division(a: Poly, by: int, at: dict[str, int]) -> None:
    halved = a.divide_floor(constant(by)) * symbol("B") + symbol("N")
    assert eval(str(halved), {"__builtins__": {}}, dict(at)) == halved.evaluate(at)


@given(*(st.integers(low, 9) for low in (1, -9, -9, 2, 2, 0)))
def test_floor_divisions_of_a_length_have_one_form(
    scale: int, offset: int, shift: int, first: int, second: int, length: int
) -> None:
    a = constant(scale) * symbol("H") + constant(offset)
    twice = (a.divide_floor(constant(first)) + constant(shift)).divide_floor(constant(second))
    assert twice == (a + constant(shift * first)).divide_floor(constant(first * second))
    assert twice.evaluate({"H": length}) == ((scale * length + offset) // first + shift) // second


def test_what_is_known_and_how_it_is_spelled() -> None:
    dim = Size.named("dim", 768)
    assert str(3 * dim) == "2304 (3*dim)", "the value, and where it comes from"
    assert str(dim.exactly(12)) == "64 (dim // 12)"
    assert str(Size.runtime("N") + 1) == "N + 1"
    assert str(Size.of(8)) == "8"
    assert 3 * dim == 2304
    assert dim == Size.of(768), "the spelling is no part of the value"
    assert Size.runtime("N").known is None


def test_an_unknown_size_is_no_integer() -> None:
    with pytest.raises(TypeError, match="known at run time only"):
        int(Size.runtime("N"))


@given(st.lists(st.integers(1, 20), max_size=6))
def test_product(lengths: list[int]) -> None:
    assert product(map(Size.of, lengths)) == math.prod(lengths)


def test_whole_parts_come_out_of_a_floor_division_by_a_size() -> None:
    n, d = symbol("n"), symbol("d")
    assert str((n - d).divide_floor(d)) == "n // d - 1"
    assert (3 * Size.runtime("n") * Size.runtime("d")) // Size.runtime("d") == 3 * Size.runtime("n")


def test_alike_is_equal_whatever_the_names_are() -> None:
    dim, width = Size.named("dim", 8), Size.named("width", 8)
    assert dim == width
    assert not dim.is_alike(width)
    assert (2 * dim).is_alike(dim + dim)
    assert not dim.is_alike(8)


def test_what_is_decided_by_looking_at_sizes_is_told() -> None:
    dim, heads, length = Size.named("dim", 8), Size.named("heads", 4), Size.runtime("N")
    told: list[tuple[str, str, str, bool]] = []
    with noting(lambda how, a, b, holds: told.append((how, str(a.spelled), str(b.spelled), holds))):
        assert dim.is_multiple_of(heads)
        assert not dim.is_below(heads)
        assert not length.is_below(heads), "nobody knows, and nothing is decided"
        assert dim != heads
        assert int(heads) == heads.known == 4
        assert dim.exactly(heads) == 2
    assert told == [
        ("%", "dim", "heads", True),
        ("<", "dim", "heads", False),
        ("==", "dim", "heads", False),
        ("is", "heads", "heads", True),
        ("is", "heads", "heads", True),
        ("%", "dim", "heads", True),
        ("==", "dim // heads", "2", True),
    ]
    assert not length.is_multiple_of(heads), "afterwards nobody is told"
    assert len(told) == 7


# ------------------------------------------------------------------------------- floor divisions

B, N, H = map(symbol, SYMBOLS)


@st.composite
def floored(draw: st.DrawFn) -> Poly:
    """A polynomial with floor divisions in it, of a number or of another polynomial."""
    top, by, other = draw(polys(depth=2)), draw(polys(depth=1)), draw(polys(depth=1))
    if by == constant(0):
        by = N
    return top.divide_floor(by) * draw(st.sampled_from([constant(1), constant(-2), B])) + other


@given(floored(), floored(), polys(depth=1), values)
def test_floor_divisions_are_substituted_and_worked_out(
    a: Poly, b: Poly, c: Poly, at: dict[str, int]
) -> None:
    try:
        x, y = a.evaluate(at), b.evaluate(at)
        inner = {**at, "H": c.evaluate(at)}
        wanted = a.evaluate(inner)
        replaced = a.substitute({"H": c})
    except ZeroDivisionError:
        return
    assert (a + b).evaluate(at) == x + y
    assert (a - b).evaluate(at) == x - y
    assert (a * b).evaluate(at) == x * y
    assert eval(str(a), {"__builtins__": {}}, dict(at)) == x
    assert replaced.evaluate(at) == wanted
    assert replaced.symbols() <= (a.symbols() - {"H"}) | c.symbols()


@given(polys(), st.integers(-12, -1), values)
def test_floor_division_by_a_negative_number(a: Poly, by: int, at: dict[str, int]) -> None:
    found = a.divide_floor(constant(by))
    assert found.evaluate(at) == a.evaluate(at) // by
    assert found.divide_floor(constant(3)).evaluate(at) == a.evaluate(at) // by // 3


def test_a_floor_division_of_a_floor_division_by_a_size_stays_two() -> None:
    twice = N.divide_floor(H).divide_floor(constant(3))
    assert str(twice) == "(N // H) // 3"
    assert twice.evaluate({"N": 100, "H": 7}) == 4


def test_the_symbols_of_a_floor_division_are_those_inside() -> None:
    assert (N + B).divide_floor(H).symbols() == {"B", "N", "H"}
    assert (B * N.divide_floor(constant(2))).symbols() == {"B", "N"}
    assert constant(3).symbols() == frozenset()


def test_floor_divisions_have_an_order() -> None:
    """By their text, so that terms have one order in every process."""
    low, high = Floor(N, constant(2)), Floor(N, constant(3))
    assert low < high
    assert not high < low
    assert not low < low
    assert sorted([high, low]) == [low, high]


# ------------------------------------------------------------------------------------------ texts


@pytest.mark.parametrize(
    ("poly", "text"),
    [
        (constant(0), "0"),
        (constant(-3), "-3"),
        (-B, "-B"),
        (N * B, "B*N"),
        (B * B * B, "B**3"),
        (B * B * N - N * constant(2) + constant(1), "B**2*N - 2*N + 1"),
        (constant(1) - B, "-B + 1"),
        (N.divide_floor(constant(2)), "N // 2"),
        (-N.divide_floor(constant(2)), "-(N // 2)"),
        (B - N.divide_floor(constant(2)), "B - (N // 2)"),
        (constant(3) * N.divide_floor(constant(2)), "3*(N // 2)"),
        (B * N.divide_floor(constant(2)), "B*(N // 2)"),
        (N.divide_floor(constant(2)) * N.divide_floor(constant(2)), "(N // 2)**2"),
        ((N + B).divide_floor(H), "(B + N) // H"),
        (N.divide_floor(H * B), "N // (B*H)"),
        (N.divide_floor(H + B), "N // (B + H)"),
        ((B * N + constant(1)).divide_floor(constant(2)), "(B*N + 1) // 2"),
    ],
)
def test_how_a_polynomial_is_written(poly: Poly, text: str) -> None:
    assert str(poly) == text


def test_a_remainder_is_told_in_words() -> None:
    with pytest.raises(Inexact) as caught:
        (N + constant(1)).divide_exactly(constant(2))
    assert str(caught.value) == "N + 1 is not divisible by 2"
    assert str(Inexact("as given")) == "as given"
    with pytest.raises(ZeroDivisionError, match=r"^division by zero$"):
        N.divide_exactly(constant(0))


def test_a_size_is_replaced_in_what_it_is_and_in_how_it_is_spelled() -> None:
    size = Size.runtime("N") * Size.named("dim", 8)
    found = size.substitute({"N": Size.named("length", 3), "dim": Size.named("width", 8)})
    assert (str(found.value), str(found.spelled)) == ("24", "length*width")
    assert str(found) == "24 (length*width)"
    assert str(found.plain()) == "24"
    assert found.plain() == found


def test_arithmetic_with_numbers_on_either_side() -> None:
    size = Size.named("dim", 8)
    sides = [size + 1, 1 + size, size - 1, 1 - size, size * 2, 2 * size, size // 3, -size]
    assert [int(side) for side in sides] == [9, 9, 7, -7, 16, 16, 2, -8]
    assert [str(side.spelled) for side in sides] == [
        "dim + 1", "dim + 1", "dim - 1", "-dim + 1", "2*dim", "2*dim", "dim // 3", "-dim",
    ]  # fmt: skip
    assert [0, 1, 2, 3][Size.of(2)] == 2, "a known size is an index"


def test_only_known_sizes_are_multiples_or_below() -> None:
    four, six, free = Size.of(4), Size.of(6), Size.runtime("N")
    assert Size.of(12).is_multiple_of(six)
    assert not six.is_multiple_of(four)
    assert not six.is_multiple_of(0)
    assert not free.is_multiple_of(1)
    assert not four.is_multiple_of(free)
    assert four.is_below(six)
    assert not six.is_below(four)
    assert not six.is_below(6)
    assert not free.is_below(six)
    assert not four.is_below(free)


def test_a_size_is_equal_to_sizes_and_integers_alone() -> None:
    assert Size.of(4) != "4"
    assert Size.of(4) == 4
    assert Size.of(4) != 5
    assert len({Size.of(4), Size.named("dim", 4)}) == 1


@given(polys(), polys(), values, st.integers(1, 9))
def test_the_smaller_is_that_of_the_integers(
    a: Poly, b: Poly, at: dict[str, int], number: int
) -> None:
    """Whatever is known of them by then, and through arithmetic and substitution."""
    least = smaller(Size(a, a), Size(b, b)).value
    assert least.evaluate(at) == min(a.evaluate(at), b.evaluate(at))
    assert (least * least + least).evaluate(at) == least.evaluate(at) * (least.evaluate(at) + 1)
    assert least.symbols() <= a.symbols() | b.symbols()
    later = least.substitute({"B": constant(number)})
    assert later.evaluate(at) == least.evaluate(at | {"B": number})


def test_the_smaller_is_decided_where_it_can_be() -> None:
    three, five, free = Size.of(3), Size.named("dim", 5), Size.runtime("N")
    assert (smaller(three, five), smaller(five, three)) == (three, three)
    assert str(smaller(five, three)) == "3 (min(dim, 3))"
    assert smaller(free, free) == free
    assert str(smaller(free + 1, three)) == "min(N + 1, 3)"
    assert str(smaller(three, free)) == "min(3, N)"
    assert str(smaller(free, three).substitute({"N": Size.of(2)})) == "2"


def test_values_as_yaml_has_them() -> None:
    assert bare((Size.of(4), (Size.named("dim", 8), "x"), 0.5)) == [4, [8, "x"], 0.5]
