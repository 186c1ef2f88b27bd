"""Normalisation: the state that batch norms keep, and layer norm with given weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from memory import kept, saved, typed

import getspec
from getspec.ops import FUNCTIONS, LAYERS
from getspec.ops.base import COUNTED, SAVES, ShapeError, Size, Tensor
from getspec.ops.storage import Policy, Tape
from getspec.passes.activations import activations

B, H, W = Size.runtime("B"), Size.runtime("H"), Size.runtime("W")
FOUR = Size.of(4)

BATCH_NORM = """\
getspec: 1
model: Net
config: {channels: 4, eps: 1e-5, momentum: 0.1}
inputs: {x: "float[B, channels, H, W]"}
components:
  norm: {type: batch_norm2d, num_features: channels, eps: eps, momentum: momentum}
  plain: {type: batch_norm1d, num_features: channels, affine: false}
forward: |
  x = norm(x)
  return x, plain(flatten(x, 2))
"""
LAYER_NORM = """\
getspec: 1
model: Net
config: {dim: 4, eps: 1e-5}
inputs: {x: "float[B, N, dim]"}
components:
  weight: {type: parameter, shape: [dim], init: ones}
  bias: {type: parameter, shape: [dim], init: zeros}
forward: |
  return layer_norm(x, weight, bias), layer_norm(x, weight, bias, eps=eps)
"""


def load(tmp_path: Path, text: str) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return getspec.load(path)


def test_a_batch_norm_keeps_running_statistics() -> None:
    op = LAYERS["batch_norm2d"](num_features=FOUR)
    assert [weight.name for weight in op.parameters()] == ["weight", "bias"]
    kept = [(weight.name, weight.shape, weight.dtype) for weight in op.buffers()]
    assert kept == [
        ("running_mean", (FOUR,), "float"),
        ("running_var", (FOUR,), "float"),
        ("num_batches_tracked", (), "int"),
    ]


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        ("batch_norm2d", (B, FOUR, H)),
        ("batch_norm2d", (B, H, FOUR, W)),
        ("batch_norm1d", (B, FOUR, H, W)),
        ("batch_norm1d", (B, Size.of(5))),
    ],
)
def test_a_batch_norm_refuses_other_shapes(op: str, shape: tuple[Size, ...]) -> None:
    with pytest.raises(ShapeError):
        LAYERS[op](num_features=FOUR).infer(Tensor("float", shape))


def test_layer_norm_wants_vectors_of_the_last_axis() -> None:
    rule, vector = FUNCTIONS["layer_norm"].rule, typed(4)
    for dtype in ("float", "float32"):
        x = typed(B, H, 4, dtype=dtype)
        assert rule(x, typed(4, dtype=dtype), typed(4, dtype=dtype)) == x
    x = typed(B, H, 4)
    whole = "is a vector of the dtype of float[B, H, 4], not"
    for bad, message, argument in (
        (typed(5), "the last axis of float[B, H, 4] is 4; the length of {name} is 5", "x"),
        (typed(4, dtype="float32"), f"{{name}} {whole} float32[4]", None),
        (typed(1, 4), f"{{name}} {whole} float[1, 4]", None),
    ):
        for name, given in (("weight", (bad, vector)), ("bias", (vector, bad))):
            with pytest.raises(ShapeError) as caught:
                rule(x, *given)
            found = (caught.value.message, caught.value.argument)
            assert found == (message.format(name=name), argument or name)
    with pytest.raises(ShapeError, match=r"^layer_norm wants a float tensor, this is int\[4\]$"):
        rule(typed(4, dtype="int"), typed(4, dtype="int"), typed(4, dtype="int"))


@pytest.mark.parametrize("learnt", ["x", "weight", "bias", None])
def test_given_weights_are_kept_beside_the_statistics(learnt: str | None) -> None:
    """Two numbers for each row of 4, in float32; nothing where nothing is learnt."""
    tape = Tape(Policy(itemsize=2), {"B": 5, "H": 7})
    given = {
        name: tape.new(typed(*shape), grad=name == learnt)
        for name, shape in (("x", (B, H, 4)), ("weight", (4,)), ("bias", (4,)))
    }
    made = SAVES["layer_norm"](tape, given["x"].type, **given)
    assert (made.type, made.strides, made.grad) == (given["x"].type, (28, 4, 1), bool(learnt))
    assert saved(*given.values(), made) == [bool(learnt)] * 3 + [False]
    rows = f"{4 * 2 + 2 * 4}*B*H + {2 * 4 * 2}"
    assert kept(tape) == ({"saved": rows} if learnt else {})


@pytest.mark.parametrize(
    ("type", "fields", "names"),
    [
        ("layer_norm", {"dim": FOUR}, ["weight", "bias"]),
        ("layer_norm", {"dim": FOUR, "bias": False}, ["weight"]),
        ("layer_norm", {"dim": FOUR, "affine": False}, []),
        ("rms_norm", {"dim": FOUR}, ["weight"]),
        ("rms_norm", {"dim": FOUR, "affine": False}, []),
        ("group_norm", {"num_groups": Size.of(2), "num_channels": FOUR}, ["weight", "bias"]),
        ("group_norm", {"num_groups": Size.of(2), "num_channels": FOUR, "affine": False}, []),
        ("batch_norm1d", {"num_features": FOUR, "affine": False}, []),
    ],
)
def test_what_a_norm_learns(type: str, fields: dict[str, Any], names: list[str]) -> None:
    learnt = list(LAYERS[type](**fields).parameters())
    assert [(weight.name, weight.shape) for weight in learnt] == [(name, (FOUR,)) for name in names]


CHANNELS = {"num_groups": Size.of(2), "num_channels": FOUR}


@pytest.mark.parametrize(
    ("type", "fields", "x", "message"),
    [
        (
            "layer_norm",
            {"dim": FOUR},
            Tensor("float", (B, Size.of(5))),
            "the last axis of float[B, 5] is 5; dim is 4",
        ),
        (
            "rms_norm",
            {"dim": FOUR},
            Tensor("float", (B, Size.of(5))),
            "the last axis of float[B, 5] is 5; dim is 4",
        ),
        (
            "group_norm",
            CHANNELS,
            Tensor("float", (B, Size.of(5))),
            "group_norm wants 4 channels on axis 1, this is float[B, 5]",
        ),
        (
            "group_norm",
            CHANNELS,
            Tensor("float", (FOUR,)),
            "group_norm wants 4 channels on axis 1, this is float[4]",
        ),
        (
            "batch_norm1d",
            {"num_features": FOUR},
            Tensor("float", (B, Size.of(5))),
            "batch_norm1d wants 2 or 3 axes, 4 channels on axis 1; this is float[B, 5]",
        ),
    ],
)
def test_a_norm_says_what_it_wants(
    type: str, fields: dict[str, Any], x: Tensor, message: str
) -> None:
    for given, said in (
        (x, message),
        (Tensor("int", x.shape), f"{type} wants the model's float, this is int{str(x)[5:]}"),
    ):
        with pytest.raises(ShapeError) as caught:
            LAYERS[type](**fields).infer(given)
        assert (caught.value.message, caught.value.argument) == (said, "x")


def test_groups_divide_channels() -> None:
    with pytest.raises(ShapeError, match=r"^3 groups do not divide 4 channels$") as caught:
        LAYERS["group_norm"](num_groups=Size.of(3), num_channels=FOUR).check()
    assert caught.value.argument == "num_groups"


@pytest.mark.parametrize(("affine", "layer", "batch"), [(True, 5, 2), (False, 4, 1)])
def test_fvcore_counts_operations_of_a_norm(affine: bool, layer: int, batch: int) -> None:
    x, elements = Tensor("float", (B, FOUR)), 4 * B
    norms = [
        (LAYERS["layer_norm"](dim=FOUR, affine=affine), layer),
        (LAYERS["group_norm"](**CHANNELS, affine=affine), layer),
        (LAYERS["batch_norm1d"](num_features=FOUR, affine=affine), batch),
    ]
    for op, each in norms:
        assert op.counted("fvcore", x) == each * elements
        assert op.counted("torchinfo", x) is None
    assert COUNTED["layer_norm"]("fvcore", x=x) == 5 * elements


KEPT = """\
getspec: 1
model: Net
inputs: {{x: "float[B, 4, 10]"}}
components:
  scale: {{type: parameter, shape: [1], init: ones}}
  norm: {{{norm}, affine: false}}
forward: |
  return norm(x * scale)
"""
NARROW, WIDE, FLOAT = Policy(itemsize=2, wide_statistics=False), Policy(itemsize=2), Policy()


@pytest.mark.parametrize(
    ("norm", "rows", "wide"),
    [
        ("type: layer_norm, dim: 10", "4*B", True),
        ("type: group_norm, num_groups: 2, num_channels: 4", "2*B", False),
        ("type: batch_norm1d, num_features: 4", "4", True),
    ],
    ids=["layer_norm", "group_norm", "batch_norm1d"],
)
def test_a_norm_keeps_its_input_and_two_numbers_for_each_group(
    tmp_path: Path, norm: str, rows: str, wide: bool
) -> None:
    """In float32 where a policy has statistics wide; those of a group norm are of the model's own float."""
    model = load(tmp_path, KEPT.format(norm=norm)).model
    groups = {"4*B": 4 * B, "2*B": 2 * B, "4": FOUR}[rows]
    saved = {policy: activations(model, policy).total("saved") for policy in (FLOAT, WIDE, NARROW)}
    assert saved[FLOAT] == 40 * 4 * B + 2 * 4 * groups
    assert saved[NARROW] == 40 * 2 * B + 2 * 2 * groups
    assert saved[WIDE] == 40 * 2 * B + 2 * (4 if wide else 2) * groups


@pytest.mark.parametrize("itemsize", [4, 2])
def test_a_norm_by_its_square_keeps_a_number_for_each_row(tmp_path: Path, itemsize: int) -> None:
    """Beside its input, all in float32, into which it is copied where the model's own float is narrower."""
    model = load(tmp_path, KEPT.format(norm="type: rms_norm, dim: 10")).model
    assert activations(model, Policy(itemsize=itemsize)).total("saved") == (40 + 4) * 4 * B


@pytest.mark.torch
def test_the_generated_file_tracks_batches(tmp_path: Path) -> None:
    import torch
    from torch import nn

    model = load(tmp_path, BATCH_NORM).build(eps=0.5, momentum=0.25)
    first, second = nn.BatchNorm2d(4, eps=0.5, momentum=0.25), nn.BatchNorm1d(4, affine=False)
    x = torch.randn(2, 4, 3, 5) * 2 + 1
    for mode in (True, False):
        found = model.train(mode)(x)
        wanted = first.train(mode)(x)
        torch.testing.assert_close(found[0], wanted)
        torch.testing.assert_close(found[1], second.train(mode)(wanted.flatten(2)))
    torch.testing.assert_close(model.norm.state_dict(), first.state_dict())
    assert list(model.plain.state_dict()) == list(second.state_dict())


@pytest.mark.torch
def test_initialisation_resets_the_statistics(tmp_path: Path) -> None:
    import torch

    spec = load(tmp_path, BATCH_NORM)
    with torch.device("meta"):
        model = spec.build()
    model = model.to_empty(device="cpu").init_weights()
    torch.testing.assert_close(model.state_dict(), spec.build().state_dict())


@pytest.mark.torch
def test_the_generated_file_normalises_with_given_weights(tmp_path: Path) -> None:
    import torch
    import torch.nn.functional as F

    model = load(tmp_path, LAYER_NORM).build(eps=0.5)
    with torch.no_grad():
        model.weight.normal_()
        model.bias.normal_()
    x = torch.randn(2, 3, 4)
    usual, wide = model(x)
    torch.testing.assert_close(usual, F.layer_norm(x, (4,), model.weight, model.bias))
    torch.testing.assert_close(wide, F.layer_norm(x, (4,), model.weight, model.bias, 0.5))
