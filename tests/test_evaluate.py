"""Compile-time arithmetic is Python's on integers, but for `/`, which is exact."""

from __future__ import annotations

import ast
import contextlib
import math
import operator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from getspec.errors import Diagnostic, Span, SpecError
from getspec.evaluate import _TAKES, SCALAR, Evaluator, NeedsIndex, Scope, described
from getspec.ir import Name, Varying
from getspec.sizes import Size
from getspec.syntax import Text, parse_expression


def scope(**values: object) -> Scope:
    made = Scope()
    for name, value in values.items():
        if isinstance(value, int) and not isinstance(value, bool):
            value = Size.of(value)
        if isinstance(value, list):
            value = tuple(map(Size.of, value))
        made.setting(name, value)
    return made


def expression(source: str):
    return parse_expression(
        source, Text(source, lambda line, col, width: Span("m.yaml", line, col + 1, width))
    )


def value(source: str, within: Scope | None = None, /, **values: object):
    found = Evaluator.of(within or scope(**values), expression(source)).value
    return found.known if isinstance(found, Size) else found


def refused(source: str, /, **values: object) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        value(source, **values)
    (found,) = caught.value.diagnostics
    return found


@st.composite
def integer_expressions(draw: st.DrawFn, depth: int = 4) -> str:
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.one_of(st.integers(0, 99).map(str), st.sampled_from(["a", "b", "c"])))
    left, right = (draw(integer_expressions(depth=depth - 1)) for _ in range(2))
    return f"({left} {draw(st.sampled_from(['+', '-', '*', '//', '%']))} {right})"


numbers = st.integers(-50, 50)


def parts_of(source: str, a: int, b: int, c: int) -> list[int]:
    """The values of all parts of an expression."""
    tree = ast.parse(source, mode="eval")
    parts = [ast.Expression(node) for node in ast.walk(tree) if isinstance(node, ast.expr)]
    return [eval(compile(part, "", "eval"), {"a": a, "b": b, "c": c}) for part in parts]


@given(integer_expressions(), numbers, numbers, numbers)
def test_integers_are_python_s(source: str, a: int, b: int, c: int) -> None:
    try:
        wanted = eval(source, {"__builtins__": {}}, {"a": a, "b": b, "c": c})
    except ZeroDivisionError:
        assert refused(source, a=a, b=b, c=c).code == "GS206"
        return
    assume(abs(wanted) < 2**63)
    assume(all(abs(part) < 2**60 for part in parts_of(source, a, b, c)))
    assert value(source, a=a, b=b, c=c) == wanted


@given(numbers, numbers)
def test_division_is_exact_or_an_error(a: int, b: int) -> None:
    if b and a % b == 0:
        assert value("a / b", a=a, b=b) == a // b
        return
    found = refused("a / b", a=a, b=b)
    assert found.code == "GS206"
    if b:
        assert f"remainder of {a % b}" in found.message, "the remainder says how far off it is"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_floats_are_python_s(a: float, b: float) -> None:
    for op, rule in {"+": operator.add, "-": operator.sub, "*": operator.mul}.items():
        assert value(f"a {op} b", a=a, b=b) == rule(a, b)
    if b and math.isfinite(a / b):
        assert value("a / b", a=a, b=b) == a / b


@given(numbers, st.floats(-100, 100))
def test_an_integer_among_floats_is_one(a: int, b: float) -> None:
    found = value("a * b", a=a, b=b)
    assert type(found) is float
    assert found == a * b


@given(st.integers(-9, 9), st.integers(0, 12))
def test_powers(a: int, b: int) -> None:
    assert value("a ** b", a=a, b=b) == a**b


@pytest.mark.parametrize(
    "source",
    [
        "10**10**10",
        "2**63",
        "2**62 * 2",
        "-2**62 - 2**62",
        "9**9**9**9",
        "1e308 * 10.0",
        "2.0**5000",
    ],
)
def test_numbers_have_an_end(source: str) -> None:
    assert refused(source).code == "GS207"


@given(numbers, numbers)
def test_comparisons(a: int, b: int) -> None:
    for op, rule in {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }.items():
        assert value(f"a {op} b", a=a, b=b) is rule(a, b)


@given(st.booleans(), st.booleans(), st.booleans())
def test_logic(a: bool, b: bool, c: bool) -> None:
    assert value("a and b or not c", a=a, b=b, c=c) is ((a and b) or not c)
    assert value("1 if a else 2", a=a) == (1 if a else 2)


def test_what_is_not_reached_need_not_make_sense() -> None:
    assert value("heads > 0 and dim / heads == 3", dim=8, heads=0) is False
    assert value("1 if heads == 0 else dim / heads", dim=8, heads=0) == 1


def test_functions_of_numbers() -> None:
    assert set(_TAKES) == set(SCALAR), "each function says what it takes"
    assert value("min(a, 3) + max(a, 3)", a=5) == 8
    assert value("len(widths) + widths[-1]", widths=[4, 8]) == 10
    assert value("ceil_div(7, 2)") == 4
    assert value("int(2.9) + round(2.5) + round(3.5)") == 2 + 2 + 4, "as Python rounds"
    assert value("sqrt(16)") == 4.0
    assert value("log(2.0)") == math.log(2)
    assert value("float(3)") == 3.0


@given(st.integers(-99, 99), st.integers(1, 20))
def test_ceil_div(a: int, b: int) -> None:
    assert value("ceil_div(a, b)", a=a, b=b) == math.ceil(a / b)


CODES = {
    "dimm": "GS210",
    "dim + 'x'": "GS205",
    "dim & 1": "GS205",
    "dim @ dim": "GS205",
    "~dim": "GS205",
    "dim[0]": "GS205",
    "widths[0, 1]": "GS205",
    "widths[2]": "GS209",
    "widths[0.5]": "GS205",
    "true and dim": "GS210",
    "dim and True": "GS205",
    "dim < 'x'": "GS205",
    "f(dim)": "GS211",
    "softmax(dim)": "GS211",
    "min()": "GS212",
    "sqrt(-1)": "GS212",
    "log(0)": "GS212",
    "ceil_div(1, 0)": "GS212",
    "ceil_div(1.5, 1)": "GS212",
    "len(dim)": "GS212",
    "int('a')": "GS212",
    "min(dim, key=dim)": "GS212",
    "dim % 0": "GS206",
    "dim // 0": "GS206",
    "1.0 / 0": "GS206",
    "widths[0:1]": "GS203",
    "2 ** (0 - 1) + widths": "GS205",
}


@pytest.mark.parametrize("source", CODES)
def test_what_is_wrong_has_a_code_and_a_place(source: str) -> None:
    found = refused(source, dim=8, widths=[4, 8])
    assert found.code == CODES[source], found
    assert found.span is not None


def test_yaml_s_words_for_truth_are_not_python_s() -> None:
    assert refused("flag and true", flag=True).help == "write `True`"


def test_messages_spell_values_by_their_names() -> None:
    assert refused("dim / heads", dim=8, heads=3).message.startswith("8 (dim) / 3 (heads)")
    assert described(Size.named("dim", 8)) == "8 (dim)"
    assert described(True) == "true"
    assert described(None) == "None"


def test_deciding_notes_the_settings_behind_a_value() -> None:
    within = scope(dim=8, depth=3, flag=True)
    within.let("half", Size.of(4), frozenset({"dim"}))
    assert Evaluator.decided(within, expression("half > depth")) is True
    assert within.decided == {"dim", "depth"}, "through the named value, and not the flag"


def test_a_position_that_decides_asks_for_every_position() -> None:
    within = scope(dim=8)
    within.index("i", Varying("int"))
    assert Evaluator.of(within, expression("i / 2 * 0.5")).value == Varying("float")
    for source in ("i > 2", "i if i == 0 else 1", "min(i, 2) > 1"):
        with pytest.raises(NeedsIndex):
            Evaluator.of(within, expression(source))


def test_a_position_that_decides_decides_nothing_else() -> None:
    """Whatever the order that a set of names comes in, which differs from one process to the next."""
    within = scope(**{f"n{at}": at for at in range(20)})
    within.index("i", Varying("int"))
    with pytest.raises(NeedsIndex):
        within.decide(frozenset({*within.names}))
    assert within.decided == set()


def test_a_run_time_size_decides_nothing() -> None:
    within = scope(dim=8)
    within.names["N"] = Name(Size.runtime("N"), "N", "size")
    assert (
        str(Evaluator.of(within, expression("N // 2 * dim")).value) == "8*(N // 2) (dim*(N // 2))"
    )
    with pytest.raises(SpecError) as caught:
        Evaluator.of(within, expression("N > 2"))
    assert caught.value.diagnostics[0].code == "GS208"


@given(st.text(alphabet="ab12.+-*/%()[]<>=, notandorifelse'", max_size=30))
def test_any_text_is_a_value_or_a_spec_error(source: str) -> None:
    with contextlib.suppress(SpecError):
        value(source, a=3, b=0.5)
