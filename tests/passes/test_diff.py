"""Every difference is explained, and the deltas of the parts are the delta of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writing import BASE, load

import getspec
from getspec.passes.diff import Difference

CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "dim": st.integers(1, 6),
        "depth": st.integers(0, 4),
        "rate": st.sampled_from([0.0, 0.1, 0.5]),
        "flag": st.booleans(),
        "kind": st.sampled_from(["none", "tanh"]),
        "widths": st.lists(st.integers(1, 6), min_size=2, max_size=2),
    },
)


def compare(folder: Path, a: dict[str, Any], b: dict[str, Any]) -> Difference:
    return getspec.diff(load(folder, BASE, a or {"dim": 8}), load(folder, BASE, b or {"dim": 8}))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONFIGS, CONFIGS)
def test_the_parts_add_up(tmp_path: Path, a: dict[str, Any], b: dict[str, Any]) -> None:
    there, back = compare(tmp_path, a, b), compare(tmp_path, b, a)
    assert sum(change.delta for change in there.changes) == there.delta == there.total_b - there.total_a
    assert back.delta == -there.delta, "seen from the other side"
    assert {c.path for c in there.changes} == {c.path for c in back.changes}
    assert there.identical is (not there.changes)


@given(CONFIGS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_model_equals_itself(tmp_path: Path, a: dict[str, Any]) -> None:
    assert compare(tmp_path, a, a).identical


CHANGES = {
    "depth: 2": ("depth: 5", [("layers.2-4", "added", 3 * 72)]),
    "flag: true": ("flag: false", [("layers.*", "changed", -16)]),
    "kind: tanh": ("kind: none", [("act", "changed", 0)]),
    "rate: 0.1": ("rate: 0.2", [("drop", "changed", 0)]),
    "[4, 8]": ("[4, 9]", [("head", "changed", 9)]),
    "type: gelu, approximate: kind": ("type: silu, doc: no", [("act", "changed", 0)]),
    "return head(x)": ("return head(x) * 2", [("forward", "changed", 0)]),
}


@pytest.mark.parametrize("old", CHANGES)
def test_one_change_is_one_line(tmp_path: Path, old: str) -> None:
    new, expected = CHANGES[old]
    head = BASE.partition("expect:")[0]
    found = getspec.diff(load(tmp_path, head), load(tmp_path, head.replace(old, new)))
    assert [(c.path, c.kind, c.delta) for c in found.changes] == expected


def test_a_change_says_in_words_what_it_is(tmp_path: Path) -> None:
    (change,) = compare(tmp_path, {}, {"flag": False}).changes
    assert change.words.endswith("bias true -> false")
    assert (change.repeat, change.params_a, change.params_b) == (2, 144, 128)


def test_frozen_and_tied_are_differences(tmp_path: Path) -> None:
    head = BASE.partition("expect:")[0]
    frozen = head.replace('out_features: "widths[1]"', 'out_features: "widths[1]", trainable: false')
    found = getspec.diff(load(tmp_path, head), load(tmp_path, frozen))
    assert [change.path for change in found.changes] == ["head"]
    assert found.delta == 0, "frozen parameters are parameters"
    tied = head + "tie: {head.weight: extra}\n"
    tied = tied.replace("  head:", "  extra: {type: parameter, shape: [8, dim], init: zeros, doc: x}\n  head:")
    found = getspec.diff(load(tmp_path, head), load(tmp_path, tied))
    assert sum(change.delta for change in found.changes) == found.delta == 0


def test_json_is_the_contract(tmp_path: Path) -> None:
    found = compare(tmp_path, {}, {"depth": 3}).as_json()
    assert list(found) == ["schema_version", "a", "b", "delta", "percent", "identical", "changes"]
    assert found["delta"] == 72
    assert found["percent"] == round(100 * 72 / 216, 4)
    assert found["changes"][0]["kind"] == "added"
