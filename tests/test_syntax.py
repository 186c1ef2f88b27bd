"""The closed language: what it accepts becomes nodes with places, and what it refuses says what to write."""

from __future__ import annotations

import ast
import contextlib
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getspec.errors import Diagnostic, Span, SpecError
from getspec.syntax import (
    MAX_DEPTH,
    MAX_EXPRESSION,
    Append,
    Assign,
    Binary,
    Call,
    For,
    If,
    Literal,
    Name,
    Pop,
    Return,
    Text,
    names,
    parse_body,
    parse_expression,
)


def text(value: str) -> Text:
    return Text(value, lambda line, col, width: Span("m.yaml", line, col + 1, width))


def parse(value: str):
    return parse_expression(value, text(value)).node


def body(value: str):
    return parse_body(value, text(value))


def refused(value: str, parser=parse) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        parser(value)
    (found,) = caught.value.diagnostics
    return found


def test_an_expression_is_a_tree() -> None:
    node = parse("3 * dim + 1")
    assert isinstance(node, Binary)
    assert node.op == "+"
    assert isinstance(node.left, Binary)
    assert isinstance(node.left.right, Name)
    assert node.left.right.id == "dim"


@pytest.mark.parametrize("value", [True, False, 8, 0.5, -3])
def test_numbers_of_yaml_stand_for_themselves(value: object) -> None:
    found = parse_expression(value, text(str(value))).node  # type: ignore[arg-type]
    assert isinstance(found, Literal)
    assert found.value is value


def test_places_count_characters() -> None:
    node = parse("  3 * dim")
    assert isinstance(node, Binary)
    assert node.right.at == (1, 6, 3), "leading space is part of the text"
    found = refused('x = "日本" + é\nreturn x', body)
    assert found.span == Span("m.yaml", 1, 12, 1), "wide characters count once"


def test_names() -> None:
    assert names(parse("a + f(b[c], k=d) if e else [g, -h]")) == set("abcdefgh") | {"f"}
    block = body("x = a(b)\nfor i, j in zip(c, d):\n  if e:\n    y.append(f(x))\nreturn g, h\n")
    assert block.names == {*"abcdefghx", "zip"}, "what is assigned is not read"


def test_statements() -> None:
    block = body(
        "xs = []\n# why\nfor layer in layers:\n  x = layer(x)\n  xs.append(x)\n"
        "if flag:\n  x += xs.pop()\na, b = chunk(x, 2)\nreturn a, b\n"
    )
    kinds = [type(each) for each in block.statements]
    assert kinds == [Assign, For, If, Assign, Return]
    loop, choice = block.statements[1:3]
    assert isinstance(loop, For)
    assert loop.comment == ("why",), "a comment stays with the next line"
    assert isinstance(loop.body[1], Append)
    assert isinstance(choice, If)
    assert isinstance(choice.then[0], Assign)
    assert isinstance(choice.then[0].value, Binary)
    assert isinstance(choice.then[0].value.right, Pop)


REFUSED = [
    "x.y",
    "x.f()",
    "lambda: x",
    "[a for a in b]",
    "{a for a in b}",
    "{a: b for a in b}",
    "(a for a in b)",
    "{}",
    "{a}",
    'f"{a}"',
    "(a := b)",
    "f(*a)",
    "f(**a)",
    "a < b < c",
    "a is b",
    "a in b",
    "a << b",
    "a ^ b",
    "xs.pop(k=a)",
    "await a",
    "f(a)(b)",
    "(lambda: a)()",
]


@pytest.mark.parametrize("value", REFUSED)
def test_what_is_not_part_of_the_language(value: str) -> None:
    assert refused(value).code == "GS403"


STATEMENTS = {
    "while a:\n  b = c": "range(n)",
    "import os": "op",
    "from os import path": "op",
    "def f():\n  return 1": "functions:",
    "class A:\n  x = 1": "blocks:",
    "try:\n  x = 1\nexcept E:\n  x = 2": "shapes",
    "with a:\n  b = c": None,
    "assert a": "expect:",
    "global a": None,
    "del a": None,
    "raise a": None,
    "pass": "branch",
    "for i in a:\n  break": "whole list",
    "for i in a:\n  continue": "`if`",
    "match a:\n  case 1:\n    b = c": "`if`",
    "a: int = 1": "annotation",
    "a = b = c": "two lines",
    "a[0] = b": "x = ...",
    "a.b = c": "x = ...",
    "a[0] += b": "x = ...",
    "a <<= b": None,
    "a ^= b": None,
    "return": "return x",
    "async def f():\n  return 1": None,
}


@pytest.mark.parametrize("value", STATEMENTS)
def test_statements_that_are_refused_say_what_to_write(value: str) -> None:
    found = refused(value, body)
    assert found.code == "GS403"
    wanted = STATEMENTS[value]
    assert wanted is None or wanted in (found.help or ""), found


def test_append_takes_one_item_and_nothing_else() -> None:
    assert refused("xs = []\nxs.append(a, key=b)\nreturn xs", body).code == "GS404"


@pytest.mark.parametrize("value", ["1if a else 2", "'\\d'", "0or a", "a is 1", "1()"])
def test_advice_of_python_is_kept_quiet(value: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.suppress(SpecError):
            parse(value)


def test_a_result_that_nothing_keeps() -> None:
    assert refused("f(x)", body).code == "GS404"


@pytest.mark.parametrize("value", ["(", ")", "a b", "3 *", "= 1", "'", "a = ", "if", "\\"])
def test_what_is_no_python(value: str) -> None:
    assert refused(value).code == "GS201"


@pytest.mark.parametrize(
    "value",
    [
        "(" * 100_000,
        "-" * 100_000 + "1",
        "- " * 1_000 + "1",
        "not " * 400 + "a",
        "[" * 60 + "]" * 60,
        "+".join(["a"] * 999),
        "a" * (MAX_EXPRESSION + 1),
        "f(" * (MAX_DEPTH + 1) + ")" * (MAX_DEPTH + 1),
        "a" + "[0]" * 600,
    ],
    ids=lambda value: value[:6],
)
def test_limits_act_before_the_stack_ends(value: str) -> None:
    assert refused(value).code == "GS202"


@pytest.mark.parametrize("count", [MAX_DEPTH, 1000])
def test_a_chain_of_elif_nests(count: int) -> None:
    chain = "".join(f"elif a == {i}:\n  b = c\n" for i in range(count))
    assert refused(f"if a:\n  b = c\n{chain}return b", body).code == "GS202"


def test_depth_within_the_limit_is_read() -> None:
    node = parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)
    assert isinstance(node, Name)
    assert (node.at, node.id) == ((1, MAX_DEPTH, 1), "a")


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**18 * 10])
def test_integers_stay_below_the_limit(value: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse_expression(value, text(str(value)))
    assert caught.value.diagnostics[0].code == "GS203"


@pytest.mark.parametrize("value", ["1e999", "3j", "b'x'", str(2**63)])
def test_values_that_are_none(value: str) -> None:
    assert refused(value).code == "GS203"


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=60))
def test_any_text_is_read_or_refused(value: str) -> None:
    for parser in (parse, body):
        try:
            parser(value)
        except SpecError as error:
            (found,) = error.diagnostics
            assert found.span is not None, "every refusal has a place"
            assert found.span.line <= value.count("\n") + 1


@st.composite
def expressions(draw: st.DrawFn, depth: int = 4) -> str:
    """Legal text, as Python would print it."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(["a", "b", "12", "0.5", "True", "None", "'w'"]))
    inner = expressions(depth=depth - 1)
    shape = draw(
        st.sampled_from(
            [
                "{} + {}",
                "{} * {}",
                "-{}",
                "f({}, k={})",
                "[{}, {}]",
                "({} if {} else 1)",
                "{} == {}",
            ]
        )
    )
    return "(" + shape.format(*(draw(inner) for _ in range(shape.count("{}")))) + ")"


@given(expressions())
def test_places_lead_back_to_the_text(value: str) -> None:
    """The stretch a node stands on is Python for that node."""
    waiting = [parse(value)]
    while waiting:
        node = waiting.pop()
        line, col, width = node.at
        assert line == 1
        shown = ast.parse(value[col : col + width], mode="eval").body
        if isinstance(node, Name):
            assert isinstance(shown, ast.Name)
            assert shown.id == node.id
        elif isinstance(node, Call):
            assert isinstance(shown, ast.Call)
            waiting += [*node.args, *(part for _, part in node.keywords)]
        elif isinstance(node, Binary):
            assert isinstance(shown, ast.BinOp)
            waiting += [node.left, node.right]
