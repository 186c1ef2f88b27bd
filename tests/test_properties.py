"""What the properties themselves do when one fails."""

from __future__ import annotations

from typing import Any

import properties
import pytest
from hypothesis import strategies as st
from strategies import RandomSpec


def test_a_failure_is_made_smaller() -> None:
    def holds(value: int) -> None:
        assert value < 1000

    with pytest.raises(AssertionError, match=r"assert 1000 < 1000"):
        properties.for_all(st.integers(0, 10**6), 100, 0, holds)


def test_but_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its time the first failure is reported, and no other value is tried."""
    monkeypatch.setattr(properties, "SHRINKING", -1.0)
    failures: list[int] = []

    def holds(value: int) -> None:
        failures.extend([value] if value >= 1000 else [])
        assert value < 1000

    with pytest.raises(AssertionError, match=r"assert \d+ < 1000"):
        properties.for_all(st.integers(0, 10**6), 100, 0, holds)
    assert len(set(failures)) == 1


def test_a_failure_prints_the_spec() -> None:
    """As a file that can be pasted, also where the spec is a part of what was drawn."""
    tree: dict[str, Any] = {"getspec": 1, "model": "Drawn", "forward": "y = x\nreturn y\n"}

    def holds(case: tuple[RandomSpec, int]) -> None:
        raise AssertionError("it does not hold")

    with pytest.raises(AssertionError) as caught:
        properties.for_all(st.tuples(st.just(RandomSpec(tree, ())), st.integers()), 5, 0, holds)
    notes = "\n".join(caught.value.__notes__)
    assert "\ngetspec: 1\nmodel: Drawn\nforward: |\n  y = x\n  return y\n" in notes
