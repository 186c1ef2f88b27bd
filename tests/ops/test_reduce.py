"""Reductions: the axes that are left, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from memory import saved, typed

from getspec.ops import reduce
from getspec.ops.base import SAVES, ShapeError, Size, Tensor
from getspec.ops.storage import Policy, Tape

B = Size.runtime("B")
X = Tensor("float", (B, Size.of(3), Size.of(4)))
INTS, TRUTHS = Tensor("int", X.shape), Tensor("bool", X.shape)


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One reduction of floats and one of numbers, and no other op."""
    made: dict[str, Any] = {}
    monkeypatch.setattr("getspec.ops.base.FUNCTIONS", made)
    reduce._reduction("middle", "The middle.", floats=True, spelled="median")
    reduce._reduction("total", "The total.", floats=False, spelled="sum")
    return made


def test_a_reduction_is_registered_under_its_name(rules: dict[str, Any]) -> None:
    shown = {name: (f.name, f.reference, f.rule.__doc__) for name, f in rules.items()}
    assert shown == {
        "middle": ("middle", "torch.median", "The middle."),
        "total": ("total", "torch.sum", "The total."),
    }


@pytest.mark.parametrize(
    ("dim", "kept", "gone"),
    [
        (0, (1, 3, 4), (3, 4)),
        (-1, (B, 3, 1), (B, 3)),
        ((1, 2), (B, 1, 1), (B,)),
        ((0, -1), (1, 3, 1), (3,)),
    ],
)
def test_axes_go_or_are_kept_as_one(
    rules: dict[str, Any], dim: Any, kept: tuple[Any, ...], gone: tuple[Any, ...]
) -> None:
    for function in rules.values():
        assert function.rule(X, dim).shape == gone
        assert function.rule(X, dim, keepdim=True).shape == kept


def test_what_cannot_be_reduced(rules: dict[str, Any]) -> None:
    middle, total = rules["middle"].rule, rules["total"].rule
    assert total(INTS, 0).dtype == "int"
    for rule, x, message, help in (
        (middle, INTS, f"middle wants a float tensor, this is {INTS}", "cast(x, float)"),
        (total, TRUTHS, f"total is not defined for {TRUTHS}", "cast(x, int)"),
    ):
        with pytest.raises(ShapeError) as caught:
            rule(x, 0)
        found = caught.value
        assert (found.message, found.help, found.argument) == (message, help, "x")


@pytest.mark.parametrize("running", [reduce.cumsum, reduce.cumprod])
def test_a_running_total_keeps_the_type(running: Any) -> None:
    assert [running(X, dim) for dim in (0, 2, -3)] == [X] * 3
    for x, dim, message in (
        (INTS, 0, f"{running.__name__} wants a float tensor, this is {INTS}"),
        (X, 3, f"dim 3 is out of range for {X}, which has 3 axes"),
    ):
        with pytest.raises(ShapeError) as caught:
            running(x, dim)
        assert caught.value.message == message


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize(
    ("op", "kept"),
    [("mean", 0), ("sum", 0), ("cumsum", 0), ("amax", 1), ("amin", 1), ("cumprod", 1)],
)
def test_what_depends_on_values_keeps_both_sides(op: str, kept: int, grad: bool) -> None:
    """A sum is spread evenly over what was summed; a largest value has to be found again."""
    tape, out = Tape(Policy(), {"B": 2}), typed(B, 4)
    x = tape.new(X, grad)
    made = SAVES[op](tape, out, x=x, dim=1)
    assert (made.type, made.strides, made.grad) == (out, (4, 1), grad)
    assert saved(x, made) == [bool(grad and kept)] * 2
