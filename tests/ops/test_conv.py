"""Convolutions: which inputs they refuse and in which words, what they multiply, and what a stream of them keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from memory import saved, typed
from writing import load

from getspec.ops.base import LAYERS, ShapeError, Size, Tensor
from getspec.ops.storage import Policy, Tape
from getspec.passes.activations import activations

B, L = Size.runtime("B"), Size.runtime("L")


def layer(type: str, **fields: Any) -> Any:
    sizes = {name: Size.of(value) for name, value in fields.items() if value is not False}
    return LAYERS[type](**{**fields, **sizes})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((B, Size.of(4)), "conv1d wants 3 axes, this is float[B, 4]"),
        ((B, Size.of(5), L), "axis 1 of float[B, 5, L] is 5; in_channels is 4"),
        ((B, Size.of(4), Size.of(2)), "an axis of 2 is shorter than the kernel's reach"),
    ],
)
def test_an_input_that_does_not_fit(shape: tuple[Size, ...], message: str) -> None:
    conv = layer("conv1d", in_channels=4, out_channels=6, kernel_size=3)
    with pytest.raises(ShapeError) as caught:
        conv.infer(Tensor("float", shape))
    assert (caught.value.message, caught.value.argument) == (message, "x")


@pytest.mark.parametrize(("name", "sizes"), [("in_channels", (4, 6)), ("out_channels", (6, 4))])
def test_groups_divide_channels(name: str, sizes: tuple[int, int]) -> None:
    conv = layer("conv2d", in_channels=sizes[0], out_channels=sizes[1], kernel_size=1, groups=3)
    with pytest.raises(ShapeError) as caught:
        conv.check()
    assert caught.value.message == f"groups = 3 does not divide {name} = 4"
    assert caught.value.argument == "groups"


def test_work_and_what_it_is_a_product_of() -> None:
    """4 channels in 2 groups, to 6 with kernels of 3 by 3; padding keeps the length, a stride of 2 halves it."""
    conv = layer(
        "conv2d", in_channels=4, out_channels=6, kernel_size=3, padding=1, stride=2, groups=2
    )
    x = Tensor("float", (B, Size.of(4), Size.of(8), Size.of(10)))
    assert conv.infer(x) == Tensor("float", (B, Size.of(6), Size.of(4), Size.of(5)))
    (product,) = conv.products(x)
    assert product.flops == 2 * 6 * 4 * 5 * (4 // 2) * 9 * B
    assert product.operands == (("x",), ("weight",))


def test_a_kernel_that_fits_once_makes_one() -> None:
    conv = layer("conv1d", in_channels=4, out_channels=6, kernel_size=3, dilation=2)
    for length, found in ((5, 1), (6, 2)):
        x = Tensor("float", (B, Size.of(4), Size.of(length)))
        assert conv.infer(x) == Tensor("float", (B, Size.of(6), Size.of(found)))


@pytest.mark.parametrize("learnt", ["x", "weight", "bias", None])
def test_input_and_kernel_are_kept_for_each_other(learnt: str | None) -> None:
    """Nothing where nothing is learnt; channels that lie next to each other go on doing so, under a policy that lets them."""
    conv = layer("conv2d", in_channels=4, out_channels=6, kernel_size=3)
    type = typed(2, 4, 8, 9)
    last, packed = (288, 1, 36, 4), (288, 72, 9, 1)
    for strides, policy, made in (
        (last, Policy(), (252, 1, 42, 6)),
        (last, Policy(channels_last=False), (252, 42, 7, 1)),
        (packed, Policy(), (252, 42, 7, 1)),
    ):
        tape = Tape(policy, {})
        x = tape.new(type, learnt == "x", strides=strides)
        weights = {
            w.name: tape.new(Tensor("float", w.shape), learnt == w.name) for w in conv.parameters()
        }
        out = conv.saves(tape, conv.infer(type), x, **weights)
        assert (out.type, out.strides, out.grad) == (typed(2, 6, 6, 7), made, bool(learnt))
        assert saved(x, *weights.values(), out) == [bool(learnt), bool(learnt), False, False]


@pytest.mark.parametrize(("bias", "weights"), [(True, 6 * 4 * 3 + 6), (False, 6 * 4 * 3)])
def test_torchinfo_counts_weights_at_every_position(bias: bool, weights: int) -> None:
    conv = layer("conv1d", in_channels=4, out_channels=6, kernel_size=3, bias=bias)
    x = Tensor("float", (B, Size.of(4), Size.of(9)))
    assert conv.counted("torchinfo", x) == weights * 7 * B
    assert conv.counted("fvcore", x) is None, "others count products"


@pytest.mark.parametrize(("padding", "kept"), [(6, 4 * 6 * 4), (3, 0)])
def test_a_causal_convolution_keeps_as_many_places_as_it_reaches_back(
    tmp_path: Path, padding: int, kept: int
) -> None:
    """4 channels in float32; with less padding it sees no more than it is given, and keeps nothing."""
    text = f"""\
getspec: 1
model: Net
inputs: {{x: "float[B, 4, 20]"}}
components:
  conv: {{type: conv1d, in_channels: 4, out_channels: 4, kernel_size: 4, dilation: 2, padding: {padding}}}
forward: |
  return conv(x)
"""
    assert activations(load(tmp_path, text).model).total("state") == kept * B
