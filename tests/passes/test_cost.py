"""FLOPs: what adds up, what repeats, and what torch's own counter counts in random specs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, NAMES
from writing import load

import getspec
from getspec.passes.cost import cost
from getspec.sizes import Size

each_model = pytest.mark.parametrize("path", MODELS, ids=NAMES)

SPEC = """\
getspec: 1
model: Net
config: {dim: 4, depth: 3}
inputs: {ids: "int[B, N]"}
components:
  embed: {type: embedding, num_embeddings: 7, embedding_dim: dim}
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
  head: {type: linear, in_features: dim, out_features: 7, bias: false}
forward: |
  x = embed(ids)
  for layer in layers:
    x = x + layer(x)
  return head(x)
"""


def work(folder: Path, text: str, **chosen: Any) -> Any:
    return cost(load(folder, text, chosen).model)


def test_by_hand(tmp_path: Path) -> None:
    found = work(tmp_path, SPEC)
    assert str(found.below("layers.*").forward.value) == f"{3 * 2 * 4 * 4}*B*N"
    assert str(found.total.forward.value) == f"{3 * 2 * 4 * 4 + 2 * 4 * 7}*B*N"
    assert found.total.backward == 2 * found.total.forward


@pytest.mark.parametrize("depth", [1, 2, 12_000])
def test_n_layers_do_n_times_what_one_does(tmp_path: Path, depth: int) -> None:
    one, many = (work(tmp_path, SPEC, depth=n) for n in (1, depth))
    assert many.below("layers").forward == depth * one.below("layers").forward


@each_model
def test_parts_add_up(path: Path) -> None:
    found = cost(getspec.load(path).model)
    forward = sum((each.forward for each in found.work.values()), Size.of(0))
    assert forward == found.total.forward == found.below("").forward


def test_a_frozen_layer_still_passes_the_gradient_on(tmp_path: Path) -> None:
    """Its weight costs nothing going back, its input does, and what comes before it is trained."""
    frozen = SPEC.replace("repeat: depth}", "repeat: depth, trainable: false}")
    found = work(tmp_path, frozen)
    assert found.below("layers.*").backward == found.below("layers.*").forward


def test_a_twin_of_a_frozen_weight_is_frozen(tmp_path: Path) -> None:
    tied = SPEC.replace("embedding_dim: dim}", "embedding_dim: dim, trainable: false}")
    tied += "tie: {head.weight: embed.weight}\n"
    found = work(tmp_path, tied)
    assert found.below("head").backward == found.below("head").forward


LIST = """\
getspec: 1
model: Net
inputs: {x: "float[B, 4]"}
components:
  stem: {type: linear, in_features: 4, out_features: 4}
  heads: {type: linear, in_features: 4, out_features: 4, repeat: 2}
forward: |
  parts = [stem(x), x]
  y = x
  for part, head in zip(parts, heads):
    y = y + head(part)
  return y
"""


def test_tensors_of_a_list_keep_their_gradients_in_a_loop(tmp_path: Path) -> None:
    """The first head passes a gradient on to the stem, the second has nobody to pass it to."""
    found = work(tmp_path, LIST)
    assert found.below("heads.*").backward == 3 * 2 * 4 * 4 * Size.runtime("B")


def test_an_axis_that_nothing_shares_is_summed_before_a_product(tmp_path: Path) -> None:
    text = """\
getspec: 1
model: Net
inputs: {x: "float[B, N, 4]", y: "float[4]"}
forward: |
  return einsum("b n d, d -> b", x, y)
"""
    assert str(work(tmp_path, text).total.forward.value) == "8*B"


@pytest.mark.torch
@each_model
def test_committed_specs_do_what_the_counter_counts(path: Path) -> None:
    """Forward by module and backward as a whole."""
    from trials import tiny, trial

    from getspec.verify_cost import check_flops

    assert "modules equal" in check_flops(trial(tiny(path)))


@pytest.mark.torch
@pytest.mark.parametrize("part", range(2))
def test_random_specs_do_what_the_counter_counts(part: int, examples: int, folder: Path) -> None:
    """Forward, by module; what no output depends on is not run backward by torch, and is not looked at."""
    from proofs import forget
    from properties import for_all, written
    from strategies import RandomSpec, specs
    from trials import trial

    from getspec import measure

    def holds(spec: RandomSpec) -> None:
        compiled = written(spec.text)
        run, found = trial(compiled), cost(compiled.model)
        with measure.eager_attention():
            have = measure.forward_flops(*run.made(run.where), run.fold)[0]
        paths = {"", *found.work, *have}
        wanted = {path: run.at(found.below(path).forward) for path in paths}
        assert list(measure.differences(wanted, have)) == []
        forget(compiled)

    for_all(specs(), examples // 32, part, holds)
