"""Noise that only training has: what is refused, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory import kept, saved, typed
from writing import load

from getspec.ops.base import FUNCTIONS, LAYERS, SAVES, ShapeError, Size, Tensor
from getspec.ops.storage import Policy, Tape
from getspec.passes.activations import activations

B = Size.runtime("B")
SPEC = """\
getspec: 1
model: Net
inputs: {{x: "float[B, 5]"}}
components:
  gain: {{type: parameter, shape: [1], init: ones}}
  drop: {{type: dropout, p: {p}}}
forward: |
  return drop(x * gain)
"""


def test_dropout_is_of_floats() -> None:
    drop = LAYERS["dropout"](p=0.5)
    x = Tensor("float", (B,))
    assert drop.infer(x) == x
    with pytest.raises(ShapeError, match=r"^dropout wants a float tensor, this is int\[B\]$"):
        drop.infer(Tensor("int", (B,)))


@pytest.mark.parametrize(("p", "bytes"), [(0.5, 5 * 4), (0.0, 0)])
def test_what_each_element_is_multiplied_by_is_kept(tmp_path: Path, p: float, bytes: int) -> None:
    """And nothing at a rate of zero."""
    found = activations(load(tmp_path, SPEC.format(p=p)).model)
    assert found.total("saved", path="drop") == bytes * B


X = typed(B, 3, 4)


@pytest.mark.parametrize("name", ["dropout", "drop_path"])
def test_noise_keeps_the_type(name: str) -> None:
    rule = FUNCTIONS[name].rule
    assert [rule(X, 0.0), rule(typed(B), 0.9)] == [X, typed(B)]
    for x, p, message, argument in (
        (X, 1.0, "a probability is in [0, 1), this is 1.0", "p"),
        (X, -0.1, "a probability is in [0, 1), this is -0.1", "p"),
        (typed(B, dtype="int"), 0.5, f"{name} wants a float tensor, this is int[B]", "x"),
    ):
        with pytest.raises(ShapeError) as caught:
            rule(x, p)
        assert (caught.value.message, caught.value.argument) == (message, argument)


def test_whole_samples_need_a_batch_of_them() -> None:
    with pytest.raises(ShapeError, match=r"^drop_path wants a batch axis$") as caught:
        FUNCTIONS["drop_path"].rule(typed(), 0.5)
    assert caught.value.argument == "x"
    assert FUNCTIONS["dropout"].rule(typed(), 0.5) == typed()


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize(("name", "factors"), [("dropout", "48*B"), ("drop_path", "4*B")])
def test_what_is_multiplied_by_is_as_large_as_what_is_dropped(
    name: str, factors: str, grad: bool
) -> None:
    """A number for each element, or for each sample; x itself is kept by neither."""
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(X, grad, strides=(1, 20, 5))
    made = SAVES[name](tape, X, x=x, p=0.5)
    assert (made.type, made.strides, made.grad) == (X, (1, 20, 5), grad)
    assert made.storage is not x.storage
    assert (kept(tape), saved(x, made)) == ({"saved": factors} if grad else {}, [False, False])
    assert SAVES[name](tape, X, x=x, p=0.0) is x, "nothing happens at a rate of zero"
    layer = LAYERS["dropout"](p=0.0)
    assert layer.saves(tape, X, x) is x


def test_noise_lies_as_what_it_falls_on() -> None:
    """So that the result does, also where an axis of it is repeated."""
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(X, strides=(1, 0, 5))
    assert SAVES["dropout"](tape, X, x=x, p=0.5).strides == (1, 5, 15)
