"""Closed forms of random legal specs, at other values of their config: equal to the numbers, or said not to hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed, settings
from strategies import RandomSpec, overridden

from getspec.api import Spec, load
from getspec.passes.cost import cost
from getspec.passes.formula import Formula, formula, values_of

PARTS = 4


def sizes_of(spec: Spec) -> dict[str, int]:
    """Some number for every run-time size."""
    work = cost(spec.model).total.forward.value
    return {name: 13 + 7 * at for at, name in enumerate(sorted(work.symbols()))}


def values(spec: Spec) -> dict[str, Any]:
    return {**values_of(spec.config), **sizes_of(spec)}


def holds_at(spec: Spec, found: dict[str, Formula]) -> bool:
    """Whether the formulas cover a config; where they do, they have to be right."""
    given = values(spec)
    if not all(each.met(given) for each in found.values()):
        return False
    assert found["params"].at(given) == spec.count().total
    work = cost(spec.model).total.forward.value
    assert found["flops"].at(given) == work.evaluate(sizes_of(spec))
    return True


@pytest.mark.parametrize("part", range(PARTS))
def test_a_formula_is_right_wherever_it_holds(part: int, examples: int, folder: Path) -> None:
    covered = []

    def holds(drawn: tuple[RandomSpec, dict[str, Any]]) -> None:
        random, other = drawn
        path = folder / "drawn.yaml"
        path.write_text(random.text, encoding="utf-8")
        spec = load(path)
        found = {of: formula(spec.model, ".", of) for of in ("params", "flops")}
        assert holds_at(spec, found), "a formula holds where it was made"
        covered.append(holds_at(load(path, other), found))

    number = max(examples // (8 * PARTS), 1)
    settings(max_examples=number)(seed(part)(given(overridden())(holds)))()
    assert sum(covered) > 0.3 * len(covered), "and it holds elsewhere, too"
