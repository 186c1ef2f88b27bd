"""Affine maps: their shapes, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory import typed
from writing import load

import getspec
from getspec.ops.base import COUNTED, LAYERS, PRODUCTS, ShapeError, Size, Tensor
from getspec.ops.linear import TransposedLinear, einsum, matmul
from getspec.passes.activations import activations

SPEC = """\
getspec: 1
model: Net
config: {dim: 3, width: 5}
inputs: {x: "float[B, dim]"}
components:
  proj: {type: transposed_linear, in_features: dim, out_features: width}
forward: |
  return proj(x)
"""


def test_a_transposed_linear_keeps_its_weight_as_in_by_out() -> None:
    op = TransposedLinear(in_features=Size.of(3), out_features=Size.of(5))
    shapes = {weight.name: tuple(map(int, weight.shape)) for weight in op.parameters()}
    assert shapes == {"weight": (3, 5), "bias": (5,)}
    batch = Size.runtime("B")
    made = op.infer(Tensor("float", (batch, Size.of(3))))
    assert made == Tensor("float", (batch, Size.of(5)))


@pytest.mark.parametrize("bad", [Tensor("float", (Size.of(5),)), Tensor("int", (Size.of(3),))])
def test_a_transposed_linear_refuses_other_inputs(bad: Tensor) -> None:
    op = TransposedLinear(in_features=Size.of(3), out_features=Size.of(5))
    with pytest.raises(ShapeError):
        op.infer(bad)


B = Size.runtime("B")


@pytest.mark.parametrize("name", ["linear", "transposed_linear"])
def test_an_affine_map_says_what_it_wants_and_does(name: str) -> None:
    op = LAYERS[name](in_features=Size.of(3), out_features=Size.of(5))
    assert op.infer(typed(B, 7, 3)) == typed(B, 7, 5)
    (product,) = op.products(typed(B, 7, 3))
    assert (product.flops, product.operands) == (2 * 7 * 3 * 5 * B, (("x",), ("weight",)))
    for bad, message in (
        (typed(3, dtype="int"), f"{name} wants the model's float, this is int[3]"),
        (typed(B, 4), "the last axis of float[B, 4] is 4; in_features is 3"),
    ):
        with pytest.raises(ShapeError) as caught:
            op.infer(bad)
        assert (caught.value.message, caught.value.argument) == (message, "x")


def test_a_product_of_matrices_broadcasts_and_is_work() -> None:
    a, b = typed(B, 1, 4, 6), typed(3, 6, 5)
    assert matmul(a, b) == typed(B, 3, 4, 5)
    (product,) = PRODUCTS["matmul"](a, b)
    assert (product.flops, product.operands) == (2 * 3 * 4 * 6 * 5 * B, (("a",), ("b",)))
    assert COUNTED["matmul"]("fvcore", a, b) == 4 * 6 * 5 * B, "it does not see the 3"
    assert COUNTED["matmul"]("torchinfo", a, b) is None


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (typed(4), typed(4, 2), "@ wants two axes on both sides, these are {a} and {b}"),
        (typed(2, 4), typed(4), "@ wants two axes on both sides, these are {a} and {b}"),
        (
            typed(2, 4),
            typed(4, 2, dtype="float32"),
            "@ wants two float tensors of one dtype, these are {a} and {b}",
        ),
        (
            typed(2, 4, dtype="int"),
            typed(4, 2, dtype="int"),
            "@ wants two float tensors of one dtype, these are {a} and {b}",
        ),
        (
            typed(2, 4, dtype="bool"),
            typed(4, 2, dtype="bool"),
            "@ wants two float tensors of one dtype, these are {a} and {b}",
        ),
        (
            typed(2, 4),
            typed(5, 4),
            "@ joins the last axis of {a} with the last but one of {b}: 4 is not 5",
        ),
    ],
)
def test_matrices_that_do_not_fit(a: Tensor, b: Tensor, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        matmul(a, b)
    assert caught.value.message == message.format(a=a, b=b)


@pytest.mark.parametrize(
    ("pattern", "tensors", "message", "argument"),
    [
        ("b d -> b", [typed(B, 3)] * 2, "the pattern has 1 inputs, 2 tensors are given", "pattern"),
        ("b d -> b", [typed(B)], "'b d' names 2 axes of float[B]", "pattern"),
        (
            "b d, d -> b",
            [typed(B, 3), typed(4)],
            "axis 'd' is 3 in one tensor and 4 in float[4]",
            None,
        ),
        (
            "b d, d -> b",
            [typed(B, 3), typed(3, dtype="float32")],
            "einsum wants float tensors of one dtype: float[B, 3], float32[3]",
            None,
        ),
        (
            "b d -> b",
            [typed(B, 3, dtype="int")],
            "einsum wants float tensors of one dtype: int[B, 3]",
            None,
        ),
    ],
)
def test_a_sum_that_does_not_fit(
    pattern: str, tensors: list[Tensor], message: str, argument: str | None
) -> None:
    with pytest.raises(ShapeError) as caught:
        einsum(pattern, *tensors)
    assert (caught.value.message, caught.value.argument) == (message, argument)


def test_a_sum_of_products_goes_from_left_to_right() -> None:
    """`c` is alone and summed before; what is 1 is not summed over; the last pair sums over nothing."""
    pattern = "b i c, i j, j k, b k -> b k"
    tensors = typed(B, 4, 9), typed(4, 5), typed(5, 6), typed(B, 6)
    assert einsum(pattern, *tensors) == typed(B, 6)
    first, second = PRODUCTS["einsum"](pattern, *tensors)
    assert (first.flops, first.operands) == (2 * 4 * 5 * B, (("0",), ("1",)))
    assert (second.flops, second.operands) == (2 * 5 * 6 * B, (("0", "1"), ("2",)))
    assert PRODUCTS["einsum"]("i j, j k -> i k", typed(4, 1), typed(1, 6)) == ()
    assert COUNTED["einsum"]("deepspeed", pattern, *tensors) == 0
    assert COUNTED["einsum"]("fvcore", pattern, *tensors) is None


CONTRACTED = """\
getspec: 1
model: Net
inputs: {{x: "float[B, 2, 3]", y: "float[B, 5, 3]", z: "float[B, 5, 7]"}}
components:
  gain: {{type: parameter, shape: [1], init: ones}}
forward: |
  return einsum({arguments})
"""


@pytest.mark.parametrize(
    ("arguments", "elements", "rank"),
    [
        ("'b i d, b j d -> b i j', x * gain, y * gain", 2 * 3 + 5 * 3, 3),
        ("'b i d, b j d -> j i b', x * gain, y * gain", 2 * 3 + 5 * 3, 3),
        (
            "'b i d, b j d, b j k -> b i k', x * gain, y * gain, z * gain",
            2 * 3 + 5 * 3 + 2 * 5 + 5 * 7,
            3,
        ),
        ("'b i d, b j d -> b i d j', x * gain, y * gain", 2 * 3 + 5 * 3, 4),
        ("'b i d, b j k -> b i j', x * gain, z * gain", 2 + 5, 3),
    ],
)
def test_factors_of_a_sum_are_kept(
    tmp_path: Path, arguments: str, elements: int, rank: int
) -> None:
    """In float32, those that come in between as well; an axis of one factor alone is summed before."""
    model = load(tmp_path, CONTRACTED.format(arguments=arguments)).model
    assert model.root.forward is not None
    assert model.root.forward.result.rank == rank
    assert activations(model).total("saved") == 4 * elements * B


def test_a_product_copies_a_factor_whose_rows_do_not_follow_one_another(tmp_path: Path) -> None:
    """What `tanh` keeps is kept apart from it: `d` lies between `i` and `j`, and is summed over."""
    text = """\
getspec: 1
model: Net
inputs: {x: "float[B, 2, 3, 4]", y: "float[B, 3, 5]"}
components:
  gain: {type: parameter, shape: [1], init: ones}
forward: |
  return einsum("b i d j, b d k -> b i j k", tanh(x * gain), y * gain)
"""
    kept = activations(load(tmp_path, text).model).total("saved")
    assert kept == 4 * (2 * (2 * 3 * 4) + 3 * 5) * B


@pytest.mark.torch
def test_a_transposed_linear_runs(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    model = getspec.load(path).build(width=4)
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(2, 3)
    assert model.proj.weight.shape == (3, 4)
    torch.testing.assert_close(model(x), x @ model.proj.weight + model.proj.bias)


@pytest.mark.torch
def test_a_transposed_linear_starts_as_a_linear_of_its_fan_in(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    torch.manual_seed(0)
    model = getspec.load(path).build(dim=100, width=64)
    for parameter in model.parameters():
        assert 0.09 < parameter.abs().max() <= 0.1
        torch.nn.init.zeros_(parameter)
    model.init_weights()
    assert all(parameter.abs().max() > 0.09 for parameter in model.parameters())
