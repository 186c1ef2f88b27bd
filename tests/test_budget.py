"""Budgets: exact limits on what a model costs, kept by every compile."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from writing import problems, write

from getspec.api import load
from getspec.passes.budget import BYTES, SCALE, limit

NET = """
getspec: 1
model: Net
config: {dim: 8}
inputs: {x: "float[B, N, dim]"}
components:
  qkv: {type: linear, in_features: dim, out_features: 3 * dim}
  proj: {type: linear, in_features: dim, out_features: dim}
forward: |
  q, k, v = chunk(rearrange(qkv(x), "b n d -> b () n d"), 3, dim=-1)
  return proj(squeeze(sdpa(q, k, v, causal=True), 1))
shape: {B: 1, N: 4}
budget: {params: "<= 288", flops: "<= 2_560", kv_per_token: "<= 32"}
"""


def test_a_budget_that_is_just_met(folder: Path) -> None:
    load(write(folder, net=NET))


@pytest.mark.parametrize(
    ("limit", "smaller", "message"),
    [
        ("<= 288", "<= 287", "288 parameters are more than 287"),
        ("<= 2_560", "<= 2.559K", "2,560 forward FLOPs are more than 2,559"),
        ("<= 32", "<= 0.03KiB", "32 bytes a token are more than 30.72"),
    ],
)
def test_one_less_breaks_it(folder: Path, limit: str, smaller: str, message: str) -> None:
    found = problems(folder, NET.replace(limit, smaller))
    assert [(each.code, each.message) for each in found] == [("GS505", message)]


def test_settings_of_the_command_line_are_held_to_it(folder: Path) -> None:
    found = problems(folder, NET, {"dim": 16})
    assert {each.code for each in found} == {"GS505"}
    assert len(found) == 3


def test_a_derived_spec_has_a_budget_of_its_own(folder: Path) -> None:
    derived = "getspec: 1\nextends: net.yaml\nmodel: Wide\nconfig: {dim: 64}\n"
    load(write(folder, net=NET, wide=derived))


def test_limits_are_exact() -> None:
    assert limit("<= 125M", SCALE) == 125_000_000
    assert limit("7.09M", SCALE) == 7_090_000
    assert limit("<= 64KiB", BYTES) == 65_536
    assert limit("<= 0.1K", SCALE) == Fraction(100)
    for wrong in ("about 1K", "< 3", ">= 3", "<= -3", "<= 3KiB", "<= 3 parameters", ""):
        assert limit(wrong, SCALE) is None, wrong
