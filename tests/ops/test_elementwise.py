"""Pointwise mathematics: shape rules, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from memory import kept, saved

import getspec
from getspec.ops import elementwise
from getspec.ops.base import FUNCTIONS, SAVES, ShapeError, Size, Tensor
from getspec.ops.elementwise import masked_scatter
from getspec.ops.storage import Held, Policy, Tape

B, M = Size.runtime("B"), Size.runtime("M")


def spec(tmp_path: Path, inputs: str, value: str) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(f"getspec: 1\nmodel: Net\ninputs: {{{inputs}}}\nforward: |\n  return {value}\n")
    return getspec.load(path)


def typed(dtype: str, *shape: Any) -> Tensor:
    return Tensor(dtype, tuple(each if isinstance(each, Size) else Size.of(each) for each in shape))


COLUMN, ROW = (B, 1), (1, 3)
"""Two shapes that broadcast to `(B, 3)`, each of which alone is another."""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The functions that are registered in a test, and no others."""
    registered: dict[str, Any] = {}
    monkeypatch.setattr("getspec.ops.base.FUNCTIONS", registered)
    return registered


def refusal(rule: Any, *args: Tensor) -> ShapeError:
    with pytest.raises(ShapeError) as caught:
        rule(*args)
    return caught.value


def test_arithmetic_promotes_and_broadcasts(made: dict[str, Any]) -> None:
    elementwise._arithmetic("plus", "+", "Sum.")
    elementwise._arithmetic("over", "/", "Quotient.", floats=True)
    plus, over = made["plus"], made["over"]
    assert (plus.name, plus.rule.__doc__) == ("plus", "Sum.")
    assert plus.reference == "NumPy broadcasting; written `a + b`"
    assert plus.rule(typed("int", *COLUMN), typed("float", *ROW)) == typed("float", B, 3)
    assert plus.rule(typed("int", *COLUMN), typed("int", *ROW)) == typed("int", B, 3)
    assert over.rule(typed("int", *COLUMN), typed("float", *ROW)) == typed("float", B, 3)
    for rule, dtype, sign in (
        (plus.rule, "bool", "+"),
        (over.rule, "bool", "/"),
        (over.rule, "int", "/"),
    ):
        a, b = typed(dtype, *COLUMN), typed(dtype, *ROW)
        found = refusal(rule, a, b)
        assert found.message == f"`{sign}` is not defined for {a} and {b}"
        assert found.help == "cast one side: cast(x, float)"


def test_a_comparison_is_true_or_false(made: dict[str, Any]) -> None:
    elementwise._comparison("below", "<", ordered=True)
    elementwise._comparison("same", "==", ordered=False)
    below, same = made["below"], made["same"]
    assert (below.name, below.rule.__doc__) == ("below", "Where a < b.")
    assert below.reference == "NumPy broadcasting; written `a < b`"
    assert below.rule(typed("int", *COLUMN), typed("float", *ROW)) == typed("bool", B, 3)
    assert same.rule(typed("bool", *COLUMN), typed("bool", *ROW)) == typed("bool", B, 3)
    for a, b in (("bool", "int"), ("int", "bool")):
        x, y = typed(a, *COLUMN), typed(b, *ROW)
        assert refusal(below.rule, x, y).message == f"`<` is not defined for {x} and {y}"


def test_logic_is_of_truths(made: dict[str, Any]) -> None:
    elementwise._logical("both", "&", "Where both.")
    both = made["both"]
    assert (both.name, both.rule.__doc__) == ("both", "Where both.")
    assert both.reference == "written `a & b`"
    assert both.rule(typed("bool", *COLUMN), typed("bool", *ROW)) == typed("bool", B, 3)
    for a, b in (("bool", "int"), ("int", "bool")):
        x, y = typed(a, *COLUMN), typed(b, *ROW)
        assert refusal(both.rule, x, y).message == f"`&` joins bool tensors, these are {x} and {y}"


def test_the_larger_of_two_is_of_one_type(made: dict[str, Any]) -> None:
    elementwise._extreme("larger", "The larger.")
    larger = made["larger"]
    assert (larger.name, larger.rule.__doc__) == ("larger", "The larger.")
    assert larger.reference == "torch.larger"
    assert larger.rule(typed("int", *COLUMN), typed("int", *ROW)) == typed("int", B, 3)
    for a, b in (("bool", "bool"), ("int", "float")):
        x, y = typed(a, *COLUMN), typed(b, *ROW)
        message = f"larger wants two tensors of one number type, these are {x} and {y}"
        assert refusal(larger.rule, x, y).message == message


def test_mathematics_of_floats(made: dict[str, Any]) -> None:
    elementwise._float_math("exp", "e to the x.")
    exp = made["exp"]
    assert (exp.name, exp.rule.__doc__, exp.reference) == ("exp", "e to the x.", "torch.exp")
    assert exp.rule(typed("float", B)) == typed("float", B)
    assert refusal(exp.rule, typed("int", B)).message.startswith("exp ")


def test_masked_scatter_keeps_the_type_of_x() -> None:
    x, mask = Tensor("float", (B, Size.of(3))), Tensor("bool", (B, Size.of(1)))
    assert masked_scatter(x, mask, Tensor("float", (M, Size.of(3)))) == x


FLOATS, INTS, TRUTHS = (typed(dtype, B, 3) for dtype in ("float", "int", "bool"))


@pytest.mark.parametrize(
    ("op", "given", "message", "help", "argument"),
    [
        (
            "masked_scatter",
            (FLOATS, typed("int", B, 1), typed("float", M)),
            "the mask is a bool tensor, this is int[B, 1]",
            None,
            "mask",
        ),
        (
            "masked_scatter",
            (FLOATS, typed("bool", B, 2), typed("float", M)),
            f"axis -1 is 3 in {FLOATS} and 2 in bool[B, 2]; they do not broadcast",
            None,
            None,
        ),
        (
            "masked_scatter",
            (FLOATS, typed("bool", M, B, 3), typed("float", M)),
            f"the mask bool[M, B, 3] does not broadcast to {FLOATS}",
            None,
            "mask",
        ),
        (
            "masked_scatter",
            (FLOATS, typed("bool", B, 1), typed("int", M)),
            f"source has the dtype of {FLOATS}, this is int[M]",
            None,
            "source",
        ),
        (
            "where",
            (INTS, FLOATS, FLOATS),
            f"the condition is a bool tensor, this is {INTS}",
            None,
            "condition",
        ),
        (
            "where",
            (TRUTHS, FLOATS, INTS),
            f"both branches have one dtype, these are {FLOATS} and {INTS}",
            None,
            None,
        ),
        ("logical_not", (INTS,), f"`~` inverts bool tensors, this is {INTS}", None, "x"),
        ("negative", (TRUTHS,), f"`-` is not defined for {TRUTHS}", "~x", "x"),
        ("abs", (TRUTHS,), f"abs is not defined for {TRUTHS}", None, "x"),
        ("sign", (TRUTHS,), f"sign is not defined for {TRUTHS}", None, "x"),
        (
            "cast",
            (FLOATS, "float64"),
            "dtype is one of float, float32, int, bool",
            None,
            "dtype",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong(
    op: str, given: tuple[Any, ...], message: str, help: str | None, argument: str | None
) -> None:
    with pytest.raises(ShapeError) as caught:
        FUNCTIONS[op].rule(*given)
    found = caught.value
    assert (found.message, found.help, found.argument) == (message, help, argument)


def test_signs_and_casts_keep_the_shape() -> None:
    for name in ("negative", "abs", "sign"):
        assert [FUNCTIONS[name].rule(x) for x in (FLOATS, INTS)] == [FLOATS, INTS]
    assert FUNCTIONS["logical_not"].rule(TRUTHS) == TRUTHS
    assert FUNCTIONS["cast"].rule(INTS, "bool") == TRUTHS
    where = FUNCTIONS["where"].rule
    assert where(typed("bool", 4, 1, 1), typed("int", *COLUMN), typed("int", *ROW)) == typed(
        "int", 4, B, 3
    )


# What is kept of operands a and b, and of the result, where a gradient has to reach a, b, or both.
# Of a number none is asked.
NOTHING = ""
KEPT = [
    ("add", NOTHING, NOTHING),
    ("subtract", NOTHING, NOTHING),
    ("multiply", "b", "a"),
    ("divide", "b", "a b"),
    ("floor_divide", "b", "a b"),
    ("remainder", NOTHING, "a b"),
    ("power", "a b made", "a b made"),
    ("maximum", "a b", "a b"),
    ("minimum", "a b", "a b"),
]


def two(first: bool, second: bool) -> tuple[Tape, dict[str, Held]]:
    """A tape and two operands that lie alike, column by column."""
    tape = Tape(Policy(), {"B": 5})
    return tape, {
        name: tape.new(FLOATS, grad, strides=(1, 5)) for name, grad in (("a", first), ("b", second))
    }


@pytest.mark.parametrize(("op", "for_a", "for_b"), KEPT)
def test_what_a_derivative_is_written_in_is_kept(op: str, for_a: str, for_b: str) -> None:
    for first, second in ((True, False), (False, True), (True, True), (False, False)):
        tape, given = two(first, second)
        made = SAVES[op](tape, FLOATS, **given)
        wanted = {*(for_a.split() if first else ()), *(for_b.split() if second else ())}
        held = {**given, "made": made}
        assert {name for name, x in held.items() if x.storage.saved} == wanted
        assert (made.type, made.strides, made.grad) == (FLOATS, (1, 5), first or second)


@pytest.mark.parametrize(
    ("op", "before", "after", "inverse"),
    [
        ("add", NOTHING, NOTHING, False),
        ("subtract", NOTHING, NOTHING, False),
        ("multiply", NOTHING, NOTHING, False),
        ("divide", NOTHING, NOTHING, True),
        ("floor_divide", NOTHING, NOTHING, True),
        ("remainder", NOTHING, NOTHING, False),
        ("power", "x made", "x", False),
        ("maximum", "x", "x", False),
        ("minimum", "x", "x", False),
    ],
)
@pytest.mark.parametrize("grad", [True, False])
def test_beside_a_number_less_is_kept(
    op: str, before: str, after: str, inverse: bool, grad: bool
) -> None:
    """Before x or after it; a number over x keeps what x is the inverse of, and an exponent needs the result."""
    for at, (names, also) in enumerate(((before, inverse), (after, False))):
        tape, given = two(grad, False)
        x = given["a"]
        made = SAVES[op](tape, FLOATS, *((2.0, x) if at == 0 else (x, 2.0)))
        assert (made.type, made.strides, made.grad) == (FLOATS, (1, 5), grad)
        held = {"x": x, "made": made}
        assert {name for name, y in held.items() if y.storage.saved} == (
            set(names.split()) if grad else set()
        )
        tensors = (len(names.split()) + also) * grad
        assert kept(tape) == ({"saved": f"{4 * 3 * tensors}*B"} if tensors else {})


@pytest.mark.parametrize(
    ("ops", "names"),
    [
        (["exp", "sqrt", "rsqrt"], "made"),
        (["log", "sin", "cos", "lgamma", "abs"], "a"),
        (["negative", "sign"], NOTHING),
    ],
)
@pytest.mark.parametrize("grad", [True, False])
def test_one_number_keeps_itself_or_what_became_of_it(
    ops: list[str], names: str, grad: bool
) -> None:
    for op in ops:
        tape, given = two(grad, False)
        made = SAVES[op](tape, FLOATS, x=given["a"])
        assert (made.type, made.strides, made.grad) == (FLOATS, (1, 5), grad)
        assert saved(given["a"], made) == [grad and names == "a", grad and names == "made"]


def test_truths_keep_nothing_and_have_no_gradient() -> None:
    for op in ("equal", "less", "greater_equal", "logical_and", "logical_or"):
        tape, given = two(True, True)
        made = SAVES[op](tape, TRUTHS, **given)
        assert (made.type, made.strides, made.grad, kept(tape)) == (TRUTHS, (1, 5), False, {})


@pytest.mark.parametrize("op", [*(op for op, _, _ in KEPT), "equal", "less_equal", "logical_or"])
def test_the_whole_operand_says_how_the_result_lies(op: str) -> None:
    """On whichever side it stands: a row that is repeated says nothing."""
    for whole, repeated in ("ab", "ba"):
        tape, given = two(True, True)
        given[repeated] = tape.new(typed("float", 3))
        made = SAVES[op](tape, FLOATS, **given)
        assert made.strides == given[whole].strides == (1, 5)


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (False, False)])
def test_a_choice_keeps_what_it_was_made_by(first: bool, second: bool) -> None:
    for op, condition, names in (
        ("where", "condition", "ab"),
        ("masked_scatter", "mask", ("x", "source")),
    ):
        tape, given = two(first, second)
        by = tape.new(TRUTHS, strides=(1, 5))
        operands = dict(zip(names, given.values(), strict=True))
        made = SAVES[op](tape, FLOATS, **{condition: by}, **operands)
        assert (made.type, made.grad) == (FLOATS, first or second)
        assert made.strides == ((1, 5) if op == "where" else (3, 1))
        assert saved(by, *given.values(), made) == [first or second, False, False, False]


@pytest.mark.parametrize(
    ("itemsize", "dtypes", "same"),
    [
        (4, ("float", "float32"), True),
        (2, ("float", "float32"), False),
        (2, ("float", "float"), True),
        (4, ("int", "float"), False),
        (4, ("bool", "bool"), True),
    ],
)
def test_a_cast_to_its_own_dtype_is_the_tensor_itself(
    itemsize: int, dtypes: tuple[str, str], same: bool
) -> None:
    tape = Tape(Policy(itemsize=itemsize), {"B": 5})
    for before, after in (dtypes, dtypes[::-1]):
        x = tape.new(FLOATS.with_dtype(before), grad=True, strides=(1, 5))
        made = SAVES["cast"](tape, FLOATS.with_dtype(after), x=x, dtype=after)
        assert (made.type, made.strides) == (FLOATS.with_dtype(after), (1, 5))
        assert (made.storage is x.storage) == same
        assert made.grad == (before.startswith("float") and after.startswith("float"))
        assert kept(tape) == {}


@pytest.mark.torch
def test_masked_scatter_fills_rows_in_order(tmp_path: Path) -> None:
    import torch

    inputs = 'x: "float[B, N, 3]", mask: "bool[B, N, 1]", source: "float[M, 3]"'
    model = spec(tmp_path, inputs, "masked_scatter(x, mask, source)").build()
    x, source = torch.randn(2, 4, 3), torch.randn(3, 3)
    mask = torch.tensor([[0, 1, 0, 1], [0, 0, 1, 0]], dtype=torch.bool).unsqueeze(-1)
    wanted = x.clone()
    wanted[mask.squeeze(-1)] = source
    assert torch.equal(model(x, mask, source), wanted)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("value", "text", "wanted"),
    [
        ("maximum(x, 1)", "x.clamp(min=1)", [1, 2, 3]),
        ("minimum(x, 2)", "x.clamp(max=2)", [0, 2, 2]),
        ("maximum(2, x)", "x.clamp(min=2)", [2, 2, 3]),
        ("maximum(x, y)", "torch.maximum(x, y)", [2, 2, 3]),
        ("minimum(y, x)", "torch.minimum(y, x)", [0, 2, 1]),
    ],
)
def test_an_extreme_beside_a_number_is_a_bound(
    tmp_path: Path, value: str, text: str, wanted: list[int]
) -> None:
    import torch

    made = spec(tmp_path, 'x: "int[N]", y: "int[N]"', f"{value}, y")
    assert text in made.generate()
    x, y = torch.tensor([0, 2, 3]), torch.tensor([2, 2, 1])
    assert made.build()(x, y)[0].tolist() == wanted


@pytest.mark.torch
@pytest.mark.parametrize(
    ("value", "wanted"),
    [("sign(x)", [-1.0, 0.0, 1.0]), ("lgamma(abs(x) + 3)", [1.7917595, 0.6931472, 1.7917595])],
    ids=["sign", "lgamma"],
)
def test_functions_of_one_number(tmp_path: Path, value: str, wanted: list[float]) -> None:
    import torch

    model = spec(tmp_path, 'x: "float[N]"', value).build()
    torch.testing.assert_close(model(torch.tensor([-1.0, 0.0, 1.0])), torch.tensor(wanted))


def test_sign_wants_numbers(tmp_path: Path) -> None:
    with pytest.raises(getspec.SpecError, match="sign is not defined for bool"):
        spec(tmp_path, 'x: "bool[N]"', "sign(x)")
