"""Pointwise mathematics: shape rules, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec
from getspec.ops.base import ShapeError, Size, Tensor
from getspec.ops.elementwise import masked_scatter

B, M = Size.runtime("B"), Size.runtime("M")


def spec(tmp_path: Path, inputs: str, value: str) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(f"getspec: 1\nmodel: Net\ninputs: {{{inputs}}}\nforward: |\n  return {value}\n")
    return getspec.load(path)


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
