"""Saved bytes: committed specs and random ones against the hooks of autograd, module by module and to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, NAMES, SPECS
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import load

import getspec
from getspec.api import Spec
from getspec.ops.base import FUNCTIONS, LAYERS, SAVES, Layer
from getspec.ops.storage import Policy
from getspec.passes.activations import activations

each_model = pytest.mark.parametrize("path", MODELS, ids=NAMES)


def test_every_op_has_a_rule() -> None:
    assert set(FUNCTIONS) <= set(SAVES), "say beside the shape rule what the op keeps"
    silent = [name for name, op in LAYERS.items() if op.saves is Layer.saves]
    assert silent == [], "say in `saves` what the layer keeps"


def runs(spec: Spec, sizes: dict[str, int] | None = None) -> None:
    """In float32, and in bfloat16, where some kernels work in float32."""
    import torch
    from trials import trial

    from getspec.verify_cost import check_activations

    for dtype in (torch.float32, torch.bfloat16):
        assert "no rule" not in check_activations(trial(spec, sizes), dtype)


@pytest.mark.torch
@each_model
def test_committed_specs_keep_what_autograd_keeps(path: Path) -> None:
    """Fused attention on the CPU and eager attention on the meta device."""
    from trials import tiny

    runs(tiny(path))


@pytest.mark.torch
@pytest.mark.parametrize("part", range(4))
def test_random_specs_keep_what_autograd_keeps(part: int, examples: int, folder: Path) -> None:
    from proofs import forget
    from properties import for_all, written
    from strategies import RandomSpec, specs

    def holds(spec: RandomSpec) -> None:
        compiled = written(spec.text)
        runs(compiled)
        forget(compiled)

    for_all(specs(), examples // 32, part, holds)


OVERRIDES: dict[str, dict[str, list[Any]]] = {
    "diffusion": {"embed_dim": [8, 24], "num_heads": [1, 2, 4], "num_layers": [1, 3]},
    "zoo/gpt2": {"embed_dim": [8, 24], "num_heads": [1, 2, 4], "num_layers": [1, 3]},
    "zoo/llama-3-8b": {"num_layers": [1, 2, 4], "hidden_dim": [10, 32], "num_kv_heads": [1, 2]},
    "zoo/vit-b16": {"num_layers": [1, 3], "hidden_dim": [16, 20]},
}
"""Settings to draw from, beside the sizes of the inputs."""


@pytest.mark.torch
@pytest.mark.parametrize("name", OVERRIDES)
def test_other_settings_and_sizes_keep_what_autograd_keeps(name: str) -> None:
    from trials import tiny, trial

    from getspec.verify import small_sizes, tiny_config
    from getspec.verify_cost import check_flops

    path = SPECS / f"{name}.yaml"
    base = getspec.load(path)
    known = {key: st.sampled_from(values) for key, values in OVERRIDES[name].items()}
    lengths = {size: st.integers(1, 9) for size in small_sizes(tiny(path).model)}

    @settings(max_examples=5)
    @given(st.fixed_dictionaries(known), st.fixed_dictionaries(lengths))
    def holds(chosen: dict[str, Any], sizes: dict[str, int]) -> None:
        spec = getspec.load(path, set=tiny_config(base.model) | chosen)
        runs(spec, sizes)
        check_flops(trial(spec, sizes))

    holds()


# Without torch


STACK = """\
getspec: 1
model: Stack
config: {dim: 8, depth: 3, rate: 0.0}
inputs: {x: "float[B, N, dim]"}
components:
  stem: {type: linear, in_features: dim, out_features: dim}
  layers: {type: Residual, dim: dim, rate: rate, repeat: depth}
forward: |
  x = stem(x)
  for layer in layers:
    x = layer(x)
  return x
blocks:
  Residual:
    params: {dim: int, rate: float}
    inputs: {x: "float[B, N, dim]"}
    components:
      norm: {type: layer_norm, dim: dim}
      fc1: {type: linear, in_features: dim, out_features: 4 * dim}
      fc2: {type: linear, in_features: 4 * dim, out_features: dim}
    forward: |
      return x + dropout(fc2(gelu(fc1(norm(x)))), rate)
"""


def kept(folder: Path, **chosen: Any) -> Any:
    return activations(load(folder, STACK, chosen).model)


def test_by_hand(tmp_path: Path) -> None:
    """x, two statistics, the norm's output, and both sides of the gelu."""
    found = kept(tmp_path)
    assert (
        str(found.total("saved", path="layers.*").value) == f"{3 * 4 * (8 + 2 + 8 + 32 + 32)}*B*N"
    )
    assert found.saved == found.below("layers.*"), "the stem keeps its input, which is the model's"


@pytest.mark.parametrize("depth", [1, 2, 7, 12_000])
def test_n_layers_keep_n_times_what_one_keeps(tmp_path: Path, depth: int) -> None:
    one, many = kept(tmp_path, depth=1), kept(tmp_path, depth=depth)
    assert many.below("layers") == depth * one.below("layers")
    assert list(many.layers.values()) == list(one.layers.values())


def test_what_layers_are_given_counts_once(tmp_path: Path) -> None:
    """The input of each layer; the last output is nobody's input and is not kept."""
    found = kept(tmp_path)
    assert str(found.total("entered").value) == f"{3 * 4 * 8}*B*N"
    assert str(found.total("again").value) == f"{3 * 4 * 8}*B*N", "each norm keeps it"
    assert found.total("outside") == 0
    assert found.saved == found.total("again") + 3 * found.layers["layers.*"]


def test_a_mask_is_kept_where_dropout_has_a_rate(tmp_path: Path) -> None:
    without, with_it = kept(tmp_path), kept(tmp_path, rate=0.5)
    assert str((with_it.saved - without.saved).value) == f"{3 * 4 * 8}*B*N"


@each_model
def test_parts_add_up(path: Path) -> None:
    """What modules keep by themselves sums to the whole, and no more comes with depth than a layer each."""
    found = activations(getspec.load(path).model)
    parts = [amount for (_, what), amount in found.table.items() if what in ("saved", "attention")]
    assert sum(map(found.at, parts)) == found.at(found.saved)


def test_frozen_weights_keep_nothing_before_them(tmp_path: Path) -> None:
    """Without a gradient to the left, a frozen model keeps nothing."""
    text = STACK.replace(
        "out_features: dim}\n  layers", "out_features: dim, trainable: false}\n  layers"
    )
    frozen = text.replace("repeat: depth}", "repeat: depth, trainable: false}")
    assert activations(load(tmp_path, frozen).model).saved == 0


# Published forms


def test_a_layer_without_dropout_is_that_of_the_paper() -> None:
    """arXiv:2205.05198 without its dropout: 32 sbh, 4 as b for the fused kernel, 16 sb for float32 statistics."""
    spec = getspec.load(SPECS / "zoo" / "gpt2.yaml", set={"dropout_rate": 0.0})
    found = activations(spec.model, Policy(itemsize=2))
    (path,) = found.layers
    layers, h, a = 12, 768, 12
    assert str(found.below(path).value) == f"{layers * (32 * h + 4 * a + 16)}*B*N"
    assert str(found.layers[path].value) == f"{30 * h + 4 * a + 16}*B*N", "beside the input, 2 sbh"
