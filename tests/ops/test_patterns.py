"""Patterns over named axes: what they mean, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from getspec.ops.base import ShapeError
from getspec.ops.patterns import einsum_pattern, rearrange_pattern


def test_a_pattern_is_groups_of_names_on_both_sides() -> None:
    before, after = rearrange_pattern("b n (h k) -> (b n) h () k")
    assert before == (("b",), ("n",), ("h", "k"))
    assert after == (("b", "n"), ("h",), (), ("k",))


def test_a_sum_has_inputs_and_an_output() -> None:
    assert einsum_pattern("b i d, b j d -> b i j") == (
        (("b", "i", "d"), ("b", "j", "d")),
        ("b", "i", "j"),
    )
    names = [f"a{n}" for n in range(52)]
    assert einsum_pattern(f"{' '.join(names)} -> ") == ((tuple(names),), ())


@pytest.mark.parametrize(
    ("read", "pattern", "message"),
    [
        (rearrange_pattern, "a b", "'a b' needs one `->`"),
        (rearrange_pattern, "a -> b -> c", "'a -> b -> c' needs one `->`"),
        (rearrange_pattern, "a a -> a", "an axis is named twice in one side of 'a a -> a'"),
        (rearrange_pattern, "a -> a a", "an axis is named twice in one side of 'a -> a a'"),
        (
            rearrange_pattern,
            "a c b -> b d",
            "axes a, c, d stand on one side of 'a c b -> b d' only",
        ),
        (rearrange_pattern, "a (b -> a b", "a parenthesis is not closed"),
        (rearrange_pattern, "a) -> a", "')' is not an axis name"),
        (rearrange_pattern, "((a) b) -> a b", "'(' is not an axis name"),
        (rearrange_pattern, "a 1 -> a", "'1' is not an axis name"),
        (einsum_pattern, "a b", "'a b' needs one `->`"),
        (einsum_pattern, "a, 2 -> a", "'2' is not an axis name"),
        (einsum_pattern, "a -> a, b", "'a,' is not an axis name"),
        (einsum_pattern, "a -> b", "output axis 'b' is in no input of 'a -> b'"),
        (einsum_pattern, "a -> a a", "an axis is named twice in one tensor of 'a -> a a'"),
        (einsum_pattern, "a, b b -> a", "an axis is named twice in one tensor of 'a, b b -> a'"),
        (
            einsum_pattern,
            f"{' '.join(f'a{n}' for n in range(53))} -> a0",
            "einsum has at most 52 axes",
        ),
    ],
)
def test_a_mistake_in_a_pattern(read: Callable[[str], Any], pattern: str, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        read(pattern)
    assert (caught.value.message, caught.value.argument) == (message, "pattern")


def test_a_pattern_without_an_arrow_is_shown_one() -> None:
    with pytest.raises(ShapeError) as caught:
        rearrange_pattern("a")
    assert caught.value.help == "'b n (h k) -> b h n k'"
