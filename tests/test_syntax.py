"""The closed language: what it accepts becomes nodes with places, and what it refuses says what to write."""

from __future__ import annotations

import ast
import contextlib
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getspec.errors import Diagnostic, Span, SpecError
from getspec.record import Record
from getspec.syntax import (
    COMPARISON,
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
from getspec.syntax.operators import BINARY


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
    assert names(parse("a.pop() + b[1:c]")) == set("abc")
    assert names(None) == set()


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
    assert choice.then[0].value.at == choice.then[0].at == (7, 2, 13), "a sum as the line it is"


@pytest.mark.parametrize("line", ["x = a", "x += a", "x.append(a)", "return x", "return x, a"])
def test_a_comment_stays_with_every_kind_of_line(line: str) -> None:
    *_, found = body(f"x = []\n# why\n{line}\n").statements
    assert found.comment == ("why",)


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


# ------------------------------------------------------------------------------- trees, whole


def shape(node: object) -> object:
    """A node as nested tuples, without its place."""
    if isinstance(node, Record):
        fields = {name: each for name, each in vars(node).items() if name != "at"}
        return (type(node).__name__, *map(shape, fields.values()))
    return tuple(map(shape, node)) if isinstance(node, tuple) else node


A, B = ("Name", "a"), ("Name", "b")


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        ("1", ("Literal", 1)),
        ("0.5", ("Literal", 0.5)),
        ("'w'", ("Literal", "w")),
        ("None", ("Literal", None)),
        ("True", ("Literal", True)),
        ("...", ("Literal", "...")),
        ("-a", ("Unary", "-", A)),
        ("+a", ("Unary", "+", A)),
        ("~a", ("Unary", "~", A)),
        ("not a", ("Unary", "not", A)),
        *((f"a {op} b", ("Binary", op, A, B)) for op in BINARY.values()),
        *((f"a {op} b", ("Compare", op, A, B)) for op in COMPARISON),
        ("a and b and a", ("Logic", "and", (A, B, A))),
        ("a or b", ("Logic", "or", (A, B))),
        ("a if b else 1", ("Choice", B, A, ("Literal", 1))),
        ("[a, b]", ("Items", "list", (A, B))),
        ("(a,)", ("Items", "tuple", (A,))),
        ("a[b]", ("Index", A, (B,))),
        ("a[b, 1]", ("Index", A, (B, ("Literal", 1)))),
        ("a[:]", ("Index", A, (("Slice", None, None, None),))),
        ("a[b:1:2]", ("Index", A, (("Slice", B, ("Literal", 1), ("Literal", 2)),))),
        ("a[..., None]", ("Index", A, (("Literal", "..."), ("Literal", None)))),
        ("a(b, k=1)", ("Call", A, (B,), (("k", ("Literal", 1)),))),
        ("a[0](b)", ("Call", ("Index", A, (("Literal", 0),)), (B,), ())),
        ("a.pop()", ("Pop", "a")),
    ],
)
def test_the_tree_of_an_expression(value: str, tree: object) -> None:
    assert shape(parse(value)) == tree
    assert parse(value).at == (1, 0, len(value)), "a node stands on all of its text"


def test_the_tree_of_a_body() -> None:
    block = body(
        "# one\n# two\nx = a\n\n#three \ny, z = a, b  # no\nx += b\nx.append(a)\n"
        "for i in a:\n  # four\n  x = i\nif a:\n  x = b\nelse:\n  # five\n  return a\n"
        "[x, y] = b\nreturn a, b\n"
    )
    assert shape(block.statements) == (
        ("Assign", ("x",), A, False, ("one", "two")),
        ("Assign", ("y", "z"), ("Items", "tuple", (A, B)), True, ("three",)),
        ("Assign", ("x",), ("Binary", "+", ("Name", "x"), B), False, ()),
        ("Append", "x", A, ()),
        ("For", ("i",), A, (("Assign", ("x",), ("Name", "i"), False, ("four",)),), ()),
        (
            "If",
            A,
            (("Assign", ("x",), B, False, ()),),
            (("Return", (A,), ("five",)),),
            (),
        ),
        ("Assign", ("x", "y"), B, True, ()),
        ("Return", (A, B), ()),
    )
    assert block.names == {"a", "b", "x", "i"}
    assert [each.at for each in block.statements] == [
        (3, 0, 5),
        (6, 0, 11),
        (7, 0, 6),
        (8, 0, 11),
        (9, 0, 11),
        (12, 0, 5),
        (17, 0, 10),
        (18, 0, 11),
    ], "a loop and a choice stand on their first line"


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("a.b", (1, 0, 3)),
        ("   a.b", (1, 3, 3)),
        ("\n\n  a.b", (3, 2, 3)),
        ("'日本' + a.b", (1, 7, 3)),
        ("  '日本' + a.b", (1, 9, 3)),
        ("(a +\n b.c)", (2, 1, 3)),
        ("\n (a +\n b.c)", (3, 1, 3)),
        ("('日' +\n '日' + b.c)", (2, 7, 3)),
        ("a.\\\nb", (1, 0, 3)),
        ("  a.\\\nb", (1, 2, 3)),
    ],
)
def test_where_a_refusal_points(value: str, place: tuple[int, int, int]) -> None:
    line, col, width = place
    assert refused(value).span == Span("m.yaml", line, col + 1, width)


# ------------------------------------------------------------------------------- refusals, whole

SAID = {
    "x.y": (
        "GS403",
        "attributes are not part of the language",
        "call an op with the value instead: `f(x)`",
    ),
    "x.f()": ("GS403", "methods are not part of the language", "write `f(x, ...)`"),
    "self.f(x)": ("GS403", "methods are not part of the language", "write `f(...)`"),
    "(a + b).f()": ("GS403", "methods are not part of the language", "write `f(a + b, ...)`"),
    "x.__class__.f()": ("GS403", "methods are not part of the language", None),
    "('" + "x" * 38 + "').f()": (
        "GS403",
        "methods are not part of the language",
        "write `f('" + "x" * 38 + "', ...)`",
    ),
    "('" + "x" * 39 + "').f()": ("GS403", "methods are not part of the language", None),
    "f(a)(b)": ("GS403", "only components, functions and ops can be called", None),
    "f(**a)": ("GS403", "there is no unpacking with `**`", "write the arguments out one by one"),
    "f(*a)": (
        "GS403",
        "there is no unpacking with `*`",
        "write the items out one by one",
    ),
    "a < b < c": (
        "GS403",
        "a comparison is one of ==, !=, <, <=, >, >=",
        "join several with `and`",
    ),
    "a in b": (
        "GS403",
        "a comparison is one of ==, !=, <, <=, >, >=",
        "join several with `and`",
    ),
    "a << b": ("GS403", "bit shifts and xor are not part of the language", None),
    "lambda: 0": ("GS403", "there is no lambda", "write a named function under `functions:`"),
    "{a}": ("GS403", "there are no sets", None),
    "(yield)": ("GS403", "there is no yield", None),
    "(yield from a)": ("GS403", "`YieldFrom` is not part of the language", None),
    "3j": ("GS203", "3j is not a value of this language", None),
    "b'é'"[:2] + "x'": ("GS203", "b'x' is not a value of this language", None),
    str(2**63): ("GS203", "integers are below 2**63", None),
    "1e999": ("GS203", "infinite numbers are not values here", None),
    "größe": ("GS204", "the name `größe` is not ASCII", None),
    "a b": ("GS201", "this is not a valid expression here", None),
    "(a": ("GS201", "'(' was never closed", None),
    "a" * 2001: ("GS202", "2,001 characters; at most 2,000 are read", None),
    "(" * 51: ("GS202", "nested deeper than 50", "split it into named steps"),
    "-" * 51 + "1": ("GS202", "nested deeper than 50", "split it into named steps"),
    "a" + "[0]" * 300: ("GS202", "nested too deeply to read", None),
    "  ": ("GS201", "an expression is expected here, the value is empty", None),
}


@pytest.mark.parametrize("value", SAID, ids=lambda value: ascii(value[:20]).replace("\\", "/"))
def test_what_is_said_of_an_expression(value: str) -> None:
    found = refused(value)
    assert (found.code, found.message, found.help) == SAID[value]


SAID_OF_A_BODY: dict[str, tuple[str, str, str | None, tuple[int, int, int] | None]] = {
    "": ("GS401", "forward is empty", "write at least `return x`", (1, 0, 1)),
    "# only this": ("GS401", "forward is empty", "write at least `return x`", (1, 0, 1)),
    "x = 1\nf(x)": (
        "GS404",
        "the result of this expression is not used",
        "assign it to a name, or remove it",
        (2, 0, 4),
    ),
    "a[0] = b": (
        "GS403",
        "only names can be assigned to",
        "write `x = ...` or `a, b = ...`",
        (1, 0, 4),
    ),
    "a, b.c = d": (
        "GS403",
        "only names can be assigned to",
        "write `x = ...` or `a, b = ...`",
        (1, 0, 6),
    ),
    "a[0] += b": (
        "GS403",
        "only names can be assigned to",
        "write `x = ...`",
        (1, 0, 9),
    ),
    "x = 1\nreturn ()": ("GS403", "`return` needs a value", "write `return x`", (2, 0, 9)),
    "for i in a:\n  x = i\nelse:\n  x = a": (
        "GS403",
        "a `for` has no `else`",
        "put it after the loop",
        (1, 0, 11),
    ),
    "größe = a": ("GS204", "the name `größe` is not ASCII", None, (1, 0, 5)),
    "x = a\n" + "y" * 2001: (
        "GS202",
        "a line of 2,001 characters; at most 2,000 are read",
        None,
        (2, 0, 1),
    ),
    "x = a\n" * 10_923: ("GS202", "65,538 characters; at most 65,536 are read", None, (1, 0, 1)),
    "x = (a\n" + "(" * 50: (
        "GS202",
        "nested deeper than 50",
        "split it into named steps",
        (2, 49, 1),
    ),
    "if a:\n  b = c\n" + "elif a:\n  b = c\n" * 51: (
        "GS202",
        "nested deeper than 50",
        "split it into functions",
        (102, 2, 5),
    ),
    "x = a\n y = b": ("GS402", "unexpected indent", None, None),
    "for i in a:\n": (
        "GS402",
        "expected an indented block after 'for' statement on line 1",
        None,
        None,
    ),
    "x = a +": ("GS402", "this is not a valid expression here", None, None),
    "f(x) = 1": ("GS402", "cannot assign to the function call here", None, None),
}


@pytest.mark.parametrize(
    "value", SAID_OF_A_BODY, ids=lambda value: ascii(value[:20]).replace("\\", "/")
)
def test_what_is_said_of_a_body(value: str) -> None:
    found = refused(value, body)
    code, message, help, place = SAID_OF_A_BODY[value]
    assert (found.code, found.message, found.help) == (code, message, help)
    if place:  # where Python sees a mistake differs between its versions
        line, col, width = place
        assert found.span == Span("m.yaml", line, col + 1, width)


def test_limits_are_reached_and_not_passed() -> None:
    assert shape(parse("a" * MAX_EXPRESSION)) == ("Name", "a" * MAX_EXPRESSION)
    assert shape(parse("-" * MAX_DEPTH + "a"))[0] == "Unary"  # type: ignore[index]
    assert body("x = a\n" * 10_922).names == {"a"}
    assert refused("  " + "(" * 51).span == Span("m.yaml", 1, 53, 1), "the one that is too many"
    brackets = "[" + ", ".join(["[]"] * 60) + "]"
    assert len(shape(parse(brackets))[2]) == 60, "many brackets are not deep ones"  # type: ignore[index]


def test_a_number_is_placed_on_its_text() -> None:
    assert parse_expression(8, text("8192")).node.at == (1, 0, 4)
    assert parse_expression(None, text("")).node.at == (1, 0, 1)
    assert parse_expression("a + b", text("a + b")).names == {"a", "b"}
    assert parse_expression(3, text("3")).names == frozenset()
    assert parse_expression(-(2**63) + 1, text("x")).node is not None


@pytest.mark.parametrize("number", [2**63, -(2**63)])
def test_an_integer_that_is_too_large_is_placed_on_its_text(number: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse_expression(number, text("12345"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("GS203", "integers are below 2**63")
    assert found.span == Span("m.yaml", 1, 1, 5)


def test_what_has_no_column_is_placed_at_its_beginning() -> None:
    """Python says of a lone `lambda` that it stands in column 0, before the first."""
    assert refused("lambda").span == Span("m.yaml", 1, 1, 1)


def test_what_is_empty_is_placed_where_it_would_begin() -> None:
    assert refused("   ").span == Span("m.yaml", 1, 1, 1)
    assert refused("   ", body).span == Span("m.yaml", 1, 1, 1)


def test_an_expression_that_is_refused_twice_points_to_either_place() -> None:
    """Texts that are equal share their nodes, and not their places."""
    for line in (3, 9):
        there = Text("x.y", lambda _, col, width, line=line: Span("m.yaml", line, col + 1, width))
        with pytest.raises(SpecError) as caught:
            parse_expression("x.y", there)
        assert caught.value.diagnostics[0].span == Span("m.yaml", line, 1, 3)


@pytest.mark.parametrize("failure", [RecursionError, MemoryError, ValueError])
def test_what_python_itself_gives_up_on(
    failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which texts those are differs between its versions, so it is told to fail."""

    def fails(source: str, mode: str) -> None:
        raise failure

    monkeypatch.setattr("getspec.syntax.python._parsed", fails)
    for parser in (parse, body):
        found = refused("a * (b + 12345)", parser)
        assert (found.code, found.message) == ("GS202", "nested too deeply to read")
        assert found.span == Span("m.yaml", 1, 1, 1)


def test_only_the_first_line_of_an_expression_is_shifted() -> None:
    assert refused("   $").span == Span("m.yaml", 1, 4, 1)
    assert refused("   (a,\n $)").span == Span("m.yaml", 2, 2, 1)


def test_a_nested_statement_stands_from_its_indent_to_the_end_of_its_line() -> None:
    block = body("if a:\n  for i in b:  \n    x = i\n  if a:\n    return x\nreturn b\n")
    (outer, _) = block.statements
    assert isinstance(outer, If)
    loop, choice = outer.then
    assert (loop.at, choice.at) == ((2, 2, 11), (4, 2, 5))


def test_signs_are_deep_only_one_after_the_other() -> None:
    assert refused("- " * 51 + "1").span == Span("m.yaml", 1, 101, 1)
    assert refused("[]\n+" + "-" * 51 + "1", body).span == Span("m.yaml", 2, 51, 1)
    flat = "[" + ", ".join(["[-1]"] * 60) + "]"
    assert len(shape(parse(flat))[2]) == 60  # type: ignore[index]
    assert shape(parse(f"[{'[], ' * 60}a - {'-' * 49}1]")) is not None, "as many as there may be"


@pytest.mark.parametrize(
    ("value", "word", "keyword", "place"),
    [
        ("retrun x", "retrun", "return", (1, 0, 6)),
        ("x = a\nretrun x", "retrun", "return", (2, 0, 6)),
        ("fro i in a:\n  x = i\nreturn x", "fro", "for", (1, 0, 3)),
        ("for i ni a:\n  x = i\nreturn x", "ni", "in", (1, 6, 2)),
        ("fro i in a:\n  x = = i\nreturn x", "fro", "for", (1, 0, 3)),
        ("if a:\n  x = b\nesle:\n  x = c\nreturn x", "esle", "else", (3, 0, 4)),
        ("x = a adn b", "adn", "and", (1, 6, 3)),
    ],
)
def test_a_keyword_that_is_misspelt(
    value: str, word: str, keyword: str, place: tuple[int, int, int]
) -> None:
    found = refused(value, body)
    assert (found.code, found.message) == ("GS402", f"`{word}` has no place here")
    assert found.help == f"did you mean `{keyword}`?"
    line, col, width = place
    assert found.span == Span("m.yaml", line, col + 1, width)


def test_a_misspelt_keyword_of_an_indented_expression() -> None:
    found = refused("   a adn b")
    assert (found.code, found.message) == ("GS201", "`adn` has no place here")
    assert found.span == Span("m.yaml", 1, 6, 3)
    assert refused("   (a,\n b adn c)").span == Span("m.yaml", 2, 4, 3)


def test_how_wide_a_mistake_is() -> None:
    assert refused("f(x) = 1", body).span == Span("m.yaml", 1, 1, 4)
    assert refused("x = a\nf(x) = 1", body).span == Span("m.yaml", 2, 1, 4)
    assert refused("   (f(x) := 1)").span == Span("m.yaml", 1, 5, 4)


@pytest.mark.parametrize(
    ("value", "place"), [("12:30", (1, 0)), ("  12:30 ", (1, 2)), ("\n\n 12:30\n", (3, 1))]
)
def test_a_time_is_no_arithmetic(value: str, place: tuple[int, int]) -> None:
    found = refused(value)
    assert (found.code, found.message) == ("GS201", "`12:30` is a time or a date")
    assert found.help == "write the number that is meant; arithmetic has spaces, as in `12 - 3`"
    line, col = place
    assert found.span == Span("m.yaml", line, col + 1, 5)


def test_an_expression_knows_where_it_stands() -> None:
    assert parse_expression(" a + b", text(" a + b")).span == Span("m.yaml", 1, 2, 5)
