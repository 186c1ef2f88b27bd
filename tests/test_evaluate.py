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
from getspec.ir import Const, Expr, Group, Name, Operation, Pick, Varying
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


# ----------------------------------------------------------------------------- what stays of a text


def shape(expr: Expr) -> object:
    """An expression as nested tuples: operators with their operands, names, values."""
    match expr:
        case Operation(_, op, operands):
            return (op, *map(shape, operands))
        case Name(_, id):
            return id
        case Group(_, kind, items):
            return (kind, *map(shape, items))
        case Pick(_, base, index):
            return ("item", shape(base), shape(index) if index else None)
    return expr.value.known if isinstance(expr.value, Size) else expr.value


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("-3", -3),
        ("-dim", ("-", "dim")),
        ("+dim", ("+", "dim")),
        ("not flag", ("not", "flag")),
        ("dim * 2 + 1", ("+", ("*", "dim", 2), 1)),
        ("dim / 2", ("/", "dim", 2)),
        ("dim < 3", ("<", "dim", 3)),
        ("dim != 3", ("!=", "dim", 3)),
        ("kind == 'tanh'", ("==", "kind", "tanh")),
        ("flag and dim > 2", ("and", "flag", (">", "dim", 2))),
        ("flag or dim > 2", "flag"),
        ("not flag and dim > 2", ("not", "flag")),
        ("not flag or dim > 2", ("or", ("not", "flag"), (">", "dim", 2))),
        ("widths[1]", ("item", "widths", 1)),
        ("[dim, 2]", ("list", "dim", 2)),
        ("(dim, 2)", ("tuple", "dim", 2)),
        ("max(dim, 2)", ("max", "dim", 2)),
        ("dim if flag else 2", "dim"),
        ("-i", ("-", "i")),
        ("i + 1", ("+", "i", 1)),
        ("sqrt(i)", ("sqrt", "i")),
        ("dim if p == 0 else 2", ("if", "dim", ("==", "p", 0), 2)),
        ("p > 0 and flag and dim > 2", ("and", (">", "p", 0), "flag", (">", "dim", 2))),
        ("p < 1 or dim < 2", ("or", ("<", "p", 1), ("<", "dim", 2))),
        ("flag and p > 0 and dim > 2", ("and", "flag", (">", "p", 0), (">", "dim", 2))),
        ("not flag and p > 0", ("and", ("not", "flag"), (">", "p", 0))),
        ("p > 0 and 8 // p > 2", False),
        ("p > 0 and dim", False),
        ("p + (2 if p == 0 else 8 // p)", 2),
        ("dim + (2 if p == 0 else 8 // p)", ("+", "dim", 2)),
    ],
)
def test_an_expression_keeps_how_it_was_written(source: str, tree: object) -> None:
    within = scope(dim=8, flag=True, kind="tanh", widths=[4, 8])
    within.index("i", Varying("int"))
    within.index("p", Size.of(0))
    assert shape(Evaluator.of(within, expression(source))) == tree


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("i", "int"),
        ("i * 2", "int"),
        ("i % 2", "int"),
        ("2 ** i", "int"),
        ("i / 2", "float"),
        ("i * 0.5", "float"),
        ("f + 1", "float"),
        ("-f", "float"),
        ("sqrt(i)", "float"),
        ("log(i)", "float"),
        ("float(i)", "float"),
        ("int(f)", "int"),
        ("round(f)", "int"),
        ("ceil_div(i, 2)", "int"),
        ("min(i, 2)", "int"),
        ("max(2, i)", "int"),
    ],
)
def test_what_varies_along_a_repeat_has_a_kind(source: str, kind: str) -> None:
    within = scope(dim=8)
    within.index("i", Varying("int"))
    within.index("f", Varying("float"))
    assert Evaluator.of(within, expression(source)).value == Varying(kind)


@pytest.mark.parametrize("source", ["widths[i]", "not (i > 1)", "i == 2", "1 if i else 2"])
def test_what_cannot_vary_asks_for_the_position(source: str) -> None:
    within = scope(widths=[4, 8])
    within.index("i", Varying("int"))
    with pytest.raises(NeedsIndex):
        Evaluator.of(within, expression(source))


@pytest.mark.parametrize(("p", "number"), [(0, 8), (1, 2)])
def test_a_number_that_the_position_chooses(p: int, number: int) -> None:
    within = scope(dim=8, flag=True)
    within.index("p", Size.of(p))
    found = Evaluator.of(within, expression("dim if p == 0 else 2"))
    assert found.value == number
    assert within.chosen == set(), "both sides stay, so neither is lost"
    assert within.decided == set()


def test_a_rule_that_a_position_cannot_ask_is_its_value_there() -> None:
    """The value holds for these settings alone, so all of them are decided; a text would hold for no other position."""
    within = scope(dim=8, depth=3, flag=True)
    within.index("p", Size.of(0))
    found = Evaluator.of(within, expression("p + (dim if p == 0 else depth // p)"))
    assert isinstance(found, Const)
    assert found.value == 8
    assert within.decided == {"dim", "depth"}
    assert within.chosen == {"p", "dim", "depth"}


def test_a_side_that_is_lost_is_remembered() -> None:
    within = scope(dim=8, depth=0, flag=True)
    within.index("p", Size.of(0))
    assert value("dim if depth > 3 else 2", within) == 2
    assert within.chosen == {"depth"}
    assert within.decided == {"depth"}
    assert value("1 if p == 0 else dim / depth", within) == 1, "what is not taken makes no sense"
    assert within.chosen == {"depth", "p"}
    assert value("'a' if p == 0 else 'b'", within) == "a", "a loop chooses numbers alone"


def test_a_nested_scope_shares_what_is_decided() -> None:
    outer = scope(dim=8)
    inner = outer.nested()
    inner.setting("depth", Size.of(2))
    assert Evaluator.decided(inner, expression("dim > depth")) is True
    assert outer.decided == {"dim", "depth"}
    assert "depth" not in outer.names
    assert inner.free == outer.free == frozenset(), "nothing varies freely until someone says so"


def test_a_decision_about_the_unknown_position() -> None:
    within = scope(dim=8)
    within.index("i", Varying("int"))
    with pytest.raises(NeedsIndex):
        Evaluator.decided(within, expression("i + dim"))
    assert Evaluator.decided(within, expression("dim + 1")) == 9


# ---------------------------------------------------------------------------------------- numbers

NUMBERS = {
    "2 ** (0 - 1)": 0.5,
    "2 ** 0": 1,
    "0 ** 0": 1,
    "1 ** 70": 1,
    "(0 - 1) ** 71": -1,
    "2 ** 62": 2**62,
    "3 ** 39": 3**39,
    "(0 - 2) ** 62": 2**62,
    "7.5 // 2": 3.0,
    "7.5 % 2": 1.5,
    "7 // 2": 3,
    "2.0 ** 3": 8.0,
    "min(2, 1.5)": 1.5,
    "max(2, 1.5)": 2,
    "min(3, 2, 2)": 2,
    "int(2.5)": 2,
    "int(dim)": 8,
    "round(2.6)": 3,
    "float(dim)": 8.0,
    "len([1, 2, 3])": 3,
    "len([])": 0,
    "ceil_div(0 - 7, 2)": -3,
    "widths[0 - 1]": 8,
    "widths[0 - 2]": 4,
    "True == 1.0": True,
    "'a' < 'b'": True,
    "'b' <= 'a'": False,
    "kind != 'tanh'": False,
    "widths == widths": True,
    "None == 0": False,
}


@pytest.mark.parametrize("source", NUMBERS)
def test_a_value_and_its_kind(source: str) -> None:
    found = value(source, dim=8, kind="tanh", widths=[4, 8])
    assert (found, type(found)) == (NUMBERS[source], type(NUMBERS[source]))


BY_ZERO = "divide by a number that is not 0; the positions of a repeat begin at 0"
MESSAGES = {
    "2 ** 70": ("GS207", "the result is too large", None),
    "2 ** 63": ("GS207", "the result is too large", None),
    "2 ** 62 + 2 ** 62": ("GS207", "the result is not below 2**63", None),
    "int(1e30)": ("GS207", "the result is not below 2**63", None),
    "1e308 * 10": ("GS207", "the result is not a finite number", None),
    "2.0 ** 5000": ("GS207", "the result is too large", None),
    "(0 - 8) ** 0.5": ("GS205", "`**` is not for numbers like these", None),
    "1.5 @ 2": ("GS205", "`@` is for tensors", None),
    "1.5 & 2": ("GS205", "`&` is for tensors", None),
    "1.5 | 2": ("GS205", "`|` is for tensors", None),
    "dim | 2": ("GS205", "`|` is not for numbers like these", None),
    "dim + None": ("GS205", "`+` wants numbers, this is None", None),
    "flag + 1": ("GS205", "`+` wants numbers, this is true", None),
    "-kind": ("GS205", "`-` wants a number, this is the word 'tanh'", None),
    "~dim": ("GS205", "`~` wants a number, this is 8 (dim)", None),
    "not dim": ("GS205", "a condition is true or false, this is 8 (dim)", None),
    "dim / 3": ("GS206", "8 (dim) / 3 leaves a remainder of 2", "`//` rounds down"),
    "N / 3": ("GS206", "N / 3 leaves a remainder", "`//` rounds down"),
    "dim / 0": ("GS206", "division by zero", BY_ZERO),
    "dim % 0": ("GS206", "division by zero", BY_ZERO),
    "1.5 // 0": ("GS206", "division by zero", BY_ZERO),
    "N == 1.5": (
        "GS208",
        "`N` is known at run time only, so nothing can depend on it here",
        None,
    ),
    "dim < kind": ("GS205", "`<` cannot compare 8 (dim) with the word 'tanh'", None),
    "flag < 1": ("GS205", "`<` cannot compare true with 1", None),
    "flag[0]": ("GS205", "true has no items", None),
    "widths[0, 1]": ("GS205", "a list of 2 has one axis, 2 indices are given", None),
    "widths[0.5]": ("GS205", "an integer is expected, this is 0.5", None),
    "widths[N]": ("GS205", "an integer is expected, this is the size N", None),
    "widths[2]": ("GS209", "item 2 of a list of 2", None),
    "widths[0 - 3]": ("GS209", "item -3 of a list of 2", None),
    "dimm": ("GS210", "unknown name `dimm`", "did you mean `dim`?"),
    "false": ("GS210", "unknown name `false`", "write `False`"),
    "tru": ("GS210", "unknown name `tru`", "did you mean `true`?"),
    "fals": ("GS210", "unknown name `fals`", "did you mean `false`?"),
    "flag and Tru": ("GS210", "unknown name `Tru`", "did you mean `True`?"),
    "flag and Fals": ("GS210", "unknown name `Fals`", "did you mean `False`?"),
    "zzzzzz": ("GS210", "unknown name `zzzzzz`", "names here: dim, flag, kind, widths, N"),
    "sqr(dim)": ("GS211", "`sqr` is not a function of numbers", "did you mean `sqrt`?"),
    "widths[0](1)": (
        "GS211",
        "`` is not a function of numbers",
        "functions here: min, max, len, sqrt, log, int, float, round, ceil_div",
    ),
    "min(dim, key=1)": ("GS212", "`min` takes its arguments by position", None),
    "min()": ("GS212", "`min` takes one or more numbers; given: nothing", None),
    "max(dim, kind)": (
        "GS212",
        "`max` takes one or more numbers; given: 8 (dim), the word 'tanh'",
        None,
    ),
    "len(dim)": ("GS212", "`len` takes one list; given: 8 (dim)", None),
    "sqrt(0 - 1)": ("GS212", "`sqrt` takes one number that is not negative; given: -1", None),
    "log(0)": ("GS212", "`log` takes one positive number; given: 0", None),
    "int(kind)": ("GS212", "`int` takes one number; given: the word 'tanh'", None),
    "float(widths)": ("GS212", "`float` takes one number; given: a list of 2", None),
    "round(1, 2)": ("GS212", "`round` takes one number; given: 1, 2", None),
    "ceil_div(1, 0)": (
        "GS212",
        "`ceil_div` takes two integers, the second not 0; given: 1, 0",
        None,
    ),
    "widths[0:1]": ("GS203", "this has no place in an expression", None),
}


@pytest.mark.parametrize("source", MESSAGES)
def test_what_is_said_of_a_mistake(source: str) -> None:
    within = scope(dim=8, flag=True, kind="tanh", widths=[4, 8])
    within.names["N"] = Name(Size.runtime("N"), "N", "size")
    with pytest.raises(SpecError) as caught:
        value(source, within)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message, found.help) == MESSAGES[source]


@pytest.mark.parametrize(
    ("source", "col", "width"),
    [
        ("1 + dim / 3", 5, 7),
        ("1 + ~dim", 5, 4),
        ("1 + dimm", 5, 4),
        ("1 + widths[2]", 12, 1),
        ("1 + widths[0.5]", 12, 3),
        ("1 + min()", 5, 5),
        ("1 + sqr(dim)", 5, 3),
        ("1 + min(dim, key=1)", 5, 15),
        ("flag and dim", 10, 3),
        ("1 if dim else 2", 6, 3),
        ("1 + (dim < kind)", 6, 10),
        ("1.5 @ 2", 1, 7),
        ("2 ** 70", 1, 7),
        ("2 ** 62 + 2 ** 62", 1, 17),
        ("1e308 * 10", 1, 10),
        ("1 + int(1e30)", 5, 9),
        ("1 + (N == 1.5)", 6, 8),
        ("1 + flag[0]", 5, 7),
        ("[1, widths[0:1]]", 12, 3),
    ],
)
def test_where_a_mistake_is(source: str, col: int, width: int) -> None:
    within = scope(dim=8, flag=True, kind="tanh", widths=[4, 8])
    within.names["N"] = Name(Size.runtime("N"), "N", "size")
    with pytest.raises(SpecError) as caught:
        value(source, within)
    (found,) = caught.value.diagnostics
    assert found.span == Span("m.yaml", 1, col, width)


def test_many_names_are_listed_up_to_twelve() -> None:
    for count in (12, 13):
        found = refused("zzzzzz", **{f"n{at}": at for at in range(count)})
        listed = ", ".join(f"n{at}" for at in range(12))
        assert found.help == f"names here: {listed}" + (", ..." if count > 12 else "")
    assert refused("zzzzzz").help == "names here: none"


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (True, "true"),
        (False, "false"),
        (None, "None"),
        (Size.of(8), "8"),
        (Size.named("dim", 8), "8 (dim)"),
        (Size.runtime("N"), "the size N"),
        ("tanh", "the word 'tanh'"),
        ((1, 2), "a list of 2"),
        (Varying("int"), "a number that varies along the repeat"),
        (0.5, "0.5"),
    ],
)
def test_a_value_in_a_message(thing: object, words: str) -> None:
    assert described(thing) == words


def test_items_of_a_setting_are_spelled_by_their_place() -> None:
    within = scope(widths=[4, 8])
    assert str(Evaluator.of(within, expression("widths[1] * 2")).value) == "16 (2*widths[1])"
