"""Pointwise mathematics: shape rules, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import getspec
from getspec.ops import elementwise
from getspec.ops.base import ShapeError, Size, Tensor
from getspec.ops.elementwise import masked_scatter

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


@pytest.mark.parametrize(
    ("mask", "source", "culprit"),
    [
        (Tensor("int", (B, Size.of(1))), Tensor("float", (M,)), "mask"),
        (Tensor("bool", (B, Size.of(2))), Tensor("float", (M,)), None),
        (Tensor("bool", (M, B, Size.of(3))), Tensor("float", (M,)), "mask"),
        (Tensor("bool", (B, Size.of(1))), Tensor("int", (M,)), "source"),
    ],
    ids=["int mask", "mask of another length", "mask of more axes", "int source"],
)
def test_masked_scatter_refuses(mask: Tensor, source: Tensor, culprit: str | None) -> None:
    with pytest.raises(ShapeError) as caught:
        masked_scatter(Tensor("float", (B, Size.of(3))), mask, source)
    assert caught.value.argument == culprit


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
