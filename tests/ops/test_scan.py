"""Linear recurrences: the shape rule, and what the generated file computes against a loop over positions."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory import kept, saved, typed

import getspec
from getspec.ops.base import SAVES, ShapeError, Size, Tensor
from getspec.ops.scan import linear_scan
from getspec.ops.storage import Policy, Tape

B, L = Size.runtime("B"), Size.runtime("L")
SPEC = """\
getspec: 1
model: Net
inputs: {decay: "float[B, 3, L]", x: "float[B, 3, L]"}
forward: |
  return linear_scan(decay, x, dim=DIM)
"""


def spec(tmp_path: Path, dim: int) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.replace("DIM", str(dim)))
    return getspec.load(path)


def test_it_keeps_the_type() -> None:
    x = Tensor("float32", (B, L, Size.of(4)))
    assert linear_scan(x, x, 1) == x


@pytest.mark.parametrize(
    ("decay", "x", "dim", "message", "argument"),
    [
        (
            typed(B, L),
            typed(B, L, dtype="float32"),
            1,
            "decay and x are of one type and shape, these are float[B, L] and float32[B, L]",
            "decay",
        ),
        (
            typed(B, 1),
            typed(B, L),
            1,
            "decay and x are of one type and shape, these are float[B, 1] and float[B, L]",
            "decay",
        ),
        (
            typed(B, L, dtype="int"),
            typed(B, L, dtype="int"),
            1,
            "linear_scan wants a float tensor, this is int[B, L]",
            "x",
        ),
        (
            typed(L),
            typed(L),
            0,
            "x wants a batch axis beside the one that is scanned, this is float[L]",
            None,
        ),
        (
            typed(B, L),
            typed(B, L),
            2,
            "dim 2 is out of range for float[B, L], which has 2 axes",
            "dim",
        ),
    ],
    ids=["dtypes differ", "shapes differ", "integers", "no batch axis", "no such axis"],
)
def test_it_refuses(decay: Tensor, x: Tensor, dim: int, message: str, argument: str | None) -> None:
    with pytest.raises(ShapeError) as caught:
        linear_scan(decay, x, dim)
    assert (caught.value.message, caught.value.argument) == (message, argument)


def test_either_axis_of_a_matrix_is_scanned() -> None:
    x = typed(B, L)
    assert [linear_scan(x, x, dim) for dim in (0, 1, -1, -2)] == [x] * 4


SIDES = {1: 0, 2: 2, 3: 3, 5: 5 + 2, 8: 8 + 4 + 2, 13: 13 + 6 + 3}
"""The positions of one side in all rounds, by the length that is scanned: 13, then 6, then 3, and 1 is no round."""
BELOW = {1: 0, 2: 1, 3: 1, 5: 2 + 1, 8: 4 + 2 + 1, 13: 6 + 3 + 1}
"""The positions that rounds get back from the rounds below them."""


@pytest.mark.parametrize("length", SIDES)
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_a_round_keeps_both_sides_and_what_the_round_below_gave(length: int, dim: int) -> None:
    """Where decays are not learnt they are all that is kept; where they alone are, x is kept beside them."""
    shape = [3, 7]
    shape.insert(dim, length)
    x = typed(*shape)
    for decays, values, positions in (
        (True, True, 2 * SIDES[length] + BELOW[length]),
        (True, False, 2 * SIDES[length] + BELOW[length]),
        (False, True, SIDES[length]),
        (False, False, 0),
    ):
        tape = Tape(Policy(), {})
        given = {"decay": tape.new(x, decays), "x": tape.new(x, values)}
        made = SAVES["linear_scan"](tape, x, **given, dim=Size.of(dim))
        amount = {"saved": str(positions * 3 * 7 * 4)} if positions else {}
        assert kept(tape) == {"state": str(3 * 7 * 4), **amount}
        assert saved(given["decay"]) == [positions > 0]
        grad = values or (decays and length > 1)
        assert (made.type, made.strides, made.grad) == (x, given["x"].strides, grad)


def test_one_position_is_what_it_was() -> None:
    tape = Tape(Policy(), {})
    decay, x = (tape.new(typed(3, 1, 7), grad=True) for _ in range(2))
    assert SAVES["linear_scan"](tape, x.type, decay=decay, x=x, dim=1).storage is x.storage


@pytest.mark.parametrize(("dtype", "each"), [("float", 2), ("float32", 4)])
def test_the_state_is_one_position_of_every_axis_beside(dtype: str, each: int) -> None:
    tape = Tape(Policy(itemsize=2), {"B": 2, "L": 6})
    x = typed(B, L, 5, dtype=dtype)
    SAVES["linear_scan"](tape, x, decay=tape.new(x), x=tape.new(x), dim=1)
    assert kept(tape) == {"state": f"{5 * each}*B"}


@pytest.mark.torch
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
@pytest.mark.parametrize("length", [1, 2, 5, 8, 13])
def test_it_equals_a_loop_and_so_do_its_gradients(tmp_path: Path, dim: int, length: int) -> None:
    import torch

    torch.manual_seed(length)
    model = spec(tmp_path, dim).build()
    given = [torch.rand(4, 3, length, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    decay, x = (tensor.movedim(dim, 0) for tensor in given)
    state = torch.zeros_like(x[0])
    steps = []
    for a, b in zip(decay, x, strict=True):
        state = a * state + b
        steps.append(state)
    looped, scanned = torch.stack(steps).movedim(0, dim), model(*given)
    torch.testing.assert_close(scanned, looped)
    weights = torch.randn_like(looped)
    grads = [
        torch.autograd.grad((y * weights).sum(), given, materialize_grads=True, allow_unused=True)
        for y in (scanned, looped)
    ]
    torch.testing.assert_close(*grads)


@pytest.mark.torch
def test_long_stretches_of_small_decays_stay_finite(tmp_path: Path) -> None:
    import torch

    x = torch.ones(1, 3, 5000)
    assert torch.equal(spec(tmp_path, 2).build()(torch.full_like(x, 1e-30), x), x)
