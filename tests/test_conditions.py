"""Conditions made fewer: what is left out holds wherever the rest does, at every assignment of small sizes."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from getspec.algebra import Condition
from getspec.conditions import needed
from getspec.sizes import Poly, constant, symbol

NAMES = ("N", "d", "h", "p")
N, D, H, P = map(symbol, NAMES)
ONE = constant(1)
PARTS = (N, D, H, P, D.divide_floor(H), H.divide_floor(constant(2)), ONE, constant(2), N - ONE)
RANGES = (1, 2, 3, 4, 6), range(5), range(5), range(-1, 3)
SMALL = [dict(zip(NAMES, values, strict=True)) for values in product(*RANGES)]

sides = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from((_times(parts), sum(parts, constant(0))))
)
conditions = st.builds(Condition, st.sampled_from(("==", "<", "%")), sides, sides, st.booleans())
positive = st.sampled_from([Condition("<", each, ONE, False) for each in PARTS[:6]])
halves = st.builds(
    lambda k: Condition("==", H.divide_floor(constant(2)), constant(k), True), st.integers(0, 2)
)
divides = st.sampled_from([Condition("%", D, H, True), Condition("%", H, constant(2), True)])


def _times(parts: list[Poly]) -> Poly:
    total = ONE
    for part in parts:
        total = total * part
    return total


def met(found: list[Condition], values: dict[str, int]) -> bool:
    """Whether conditions hold; where one divides by zero, nothing is asked."""
    return all(each.met(values) for each in found)


@given(st.lists(st.one_of(positive, divides, halves, conditions), max_size=7))
@settings(max_examples=300)
def test_what_is_left_out_follows_from_the_rest(said: list[Condition]) -> None:
    kept = list(needed(said))
    for values in SMALL:
        with suppress(ZeroDivisionError):
            assert not met(kept, values) or met(said, values), (
                f"at {values}: {list(map(str, kept))}"
            )


def test_more_than_one_head_of_more_than_one_number_is_a_wider_row() -> None:
    said = [
        Condition("%", D, H, True),
        *(Condition("<", each, ONE, False) for each in (D, H)),
        *(Condition("==", each, ONE, False) for each in (H, D.divide_floor(H), D, N * D)),
        Condition("<", D.divide_floor(H), N * D, True),
        Condition("%", D, D.divide_floor(H), True),
    ]
    assert list(map(str, needed(said))) == ["h divides d", "h > 1", "d // h > 1"]


def test_what_is_said_of_one_size_is_a_range() -> None:
    halves = [N.divide_floor(constant(2**k)) for k in range(1, 4)]
    said = [
        Condition("==", halves[2], ONE, True),
        *(Condition("==", each, ONE, False) for each in halves[:2]),
        Condition("==", N, halves[0], False),
        Condition("<", N + constant(-1), constant(11), True),
        Condition("==", halves[0] * D, D, False),
        Condition("<", D, ONE, False),
    ]
    assert list(map(str, needed(said))) == ["N >= 8", "N <= 11", "d >= 1"]
