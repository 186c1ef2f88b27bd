"""Reductions: the axes that are left, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from getspec.ops import reduce
from getspec.ops.base import ShapeError, Size, Tensor

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
