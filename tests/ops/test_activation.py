"""Nonlinearities: what they refuse, and what a list of them registers."""

from __future__ import annotations

import pytest
from memory import saved

from getspec.ops import activation
from getspec.ops.base import FUNCTIONS, LAYERS, SAVES, ShapeError, Size, Tensor
from getspec.ops.storage import Policy, Tape

B = Size.runtime("B")
FLOATS, INTS = Tensor("float", (B, Size.of(4))), Tensor("int", (B, Size.of(4)))
NAMES = ["gelu", "silu", "relu", "tanh", "sigmoid", "softplus"]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_keeps_the_type_and_refuses_integers_in_its_own_name(name: str) -> None:
    layer = LAYERS[name]()
    assert layer.infer(FLOATS) == FLOATS
    with pytest.raises(ShapeError, match=f"^{name} "):
        layer.infer(INTS)


@pytest.mark.parametrize("name", [*NAMES, "softmax"])
def test_a_function_keeps_the_type_and_refuses_integers_in_its_own_name(name: str) -> None:
    rule = FUNCTIONS[name].rule
    assert rule(FLOATS) == FLOATS
    with pytest.raises(ShapeError, match=f"^{name} "):
        rule(INTS)


def test_what_has_no_rule_of_its_own_is_registered_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getspec.ops.base.FUNCTIONS", made := {})
    activation._pointwise("swish", "arXiv:1710.05941", "x * sigmoid(x).")
    assert list(made) == ["swish"]
    function = made["swish"]
    assert (function.name, function.reference) == ("swish", "arXiv:1710.05941")
    assert function.rule.__doc__ == "x * sigmoid(x)."
    assert function.rule(FLOATS) == FLOATS
    with pytest.raises(ShapeError, match=r"^swish "):
        function.rule(INTS)


def test_gelu_has_two_forms() -> None:
    assert activation.gelu(FLOATS, approximate="tanh") == FLOATS
    with pytest.raises(ShapeError, match="approximate is 'none' or 'tanh', not 'erf'") as caught:
        activation.gelu(FLOATS, approximate="erf")
    assert caught.value.argument == "approximate"


def test_softmax_is_along_an_axis() -> None:
    assert [activation.softmax(FLOATS, dim) for dim in (0, 1, -2)] == [FLOATS] * 3
    with pytest.raises(ShapeError, match=r"^dim 2 is out of range for float\[B, 4\]"):
        activation.softmax(FLOATS, 2)


ARGUMENT, RESULT = ["gelu", "silu", "softplus"], ["relu", "tanh", "sigmoid", "softmax"]


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("name", [*ARGUMENT, *RESULT])
def test_one_side_is_kept(name: str, grad: bool) -> None:
    """The result where the derivative is written in terms of it, else the argument; by layer and function alike."""
    runs = [SAVES[name]]
    if name in LAYERS:
        runs.append(lambda tape, out, x: LAYERS[name]().saves(tape, out, x))
    for run in runs:
        tape = Tape(Policy(), {"B": 2})
        x = tape.new(FLOATS, grad, strides=(1, 2))
        made = run(tape, FLOATS, x=x)
        assert (made.type, made.grad, made.storage is x.storage) == (FLOATS, grad, False)
        assert made.strides == ((4, 1) if name == "softmax" else (1, 2)), "it lies as x does"
        assert saved(x, made) == [grad and name in ARGUMENT, grad and name in RESULT]
