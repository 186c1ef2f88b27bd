"""Closed forms: equal to the numeric passes at every config that they cover, and honest about those that they do not."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, NAMES, ROOT
from properties import for_all
from strategies import RandomSpec, varied
from writing import write

from getspec import ir
from getspec.api import Spec, load
from getspec.elaborate import Elaborator
from getspec.emit.formula import conditions, document, latex, spelling
from getspec.errors import Diagnostics, UsageError
from getspec.ops.base import SAVES
from getspec.ops.storage import Policy
from getspec.passes.activations import activations, default_sizes
from getspec.passes.cost import cost
from getspec.passes.count import count, locate
from getspec.passes.formula import QUANTITIES, Formula, formula, parts, values_of
from getspec.passes.replay import SELECTED
from getspec.record import replaced
from getspec.sizes import Poly, constant

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
RATIOS = (1.0, 2.0, 2.5, 8 / 3, 4.0)
SHARE = 160
"""Each committed spec is tried at this part of `--examples` legal configs."""


def spec_of(name: str) -> Spec:
    return load(ROOT / "specs" / f"{name}.yaml")


def at(spec: Spec, config: Mapping[str, Any]) -> ir.Model | None:
    """The model at another config, without reading files again; None where it is not legal."""
    definitions = dict(spec.compiled.definitions)
    own = definitions[spec.name]
    settings = {n: replaced(s, default=config[n]) for n, s in own.settings.items()}
    problems = Diagnostics()
    root = Elaborator(definitions, problems).model(replaced(own, settings=settings))
    return None if root is None or problems.errors else ir.Model(spec.name, "", root, {}, {}, {})


def draws(spec: Spec, fixed: set[str]) -> Iterator[dict[str, Any]]:
    """Small configs near the tiny one, without an end; names that a formula fixes keep their values."""
    small = spec.compiled.file.tiny
    base = dict(spec.config)
    for name, value in small.items():
        same = not isinstance(value, list) or len(value) == len(base.get(name, ()))
        if name in base and name not in fixed and same:
            base[name] = value
    free = [n for n in base if n not in fixed and not isinstance(base[n], bool | str)]
    rng = random.Random(spec.name)
    while True:
        config = dict(base)
        for name in rng.sample(free, rng.randint(1, min(4, len(free)))):
            config[name] = drawn(rng, config[name])
        yield config


def drawn(rng: random.Random, value: Any) -> Any:
    if isinstance(value, list):
        return [drawn(rng, item) for item in value]
    if isinstance(value, int):
        return rng.choice(LENGTHS)
    return rng.choice(RATIOS) if value >= 1 else value


@pytest.mark.parametrize("name", NAMES)
def test_random_configs_evaluate_to_what_is_counted(name: str, examples: int) -> None:
    """A config that the closed forms cover is legal, and then they are right; most legal ones are covered."""
    spec = spec_of(name)
    found = {of: formula(spec.model, ".", of) for of in QUANTITIES}
    fixed = {n.partition("[")[0] for each in found.values() for n in each.fixed}
    number = max(examples // SHARE, 4)
    configs = draws(spec, fixed)
    tried = legal = covered = 0
    while legal < number:
        config = next(configs)
        tried += 1
        assert tried <= 10 * number, "hardly any config is legal"
        values = values_of(config)
        holds = all(each.met(values) for each in found.values())
        model = at(spec, config)
        if model is None:
            assert not holds, f"{config} is not legal, and the closed form says it is"
            continue
        legal += 1
        covered += holds
        if holds:
            sizes, counted = numbers(model, keys=found["kv"].poly != constant(0))
            for of, amount in counted.items():
                assert found[of].at({**values, **sizes}) == amount, f"{of} at {config}"
    print(f"{name}: {tried:,} configs drawn, {legal:,} legal, {covered:,} covered and equal")
    assert covered >= legal * 0.8, f"{covered} of {legal} legal configs are covered"


def numbers(model: ir.Model, *, keys: bool) -> tuple[dict[str, int], dict[str, int]]:
    """Some run-time sizes, and what the numeric passes find there; keys and values in elements."""
    work = cost(model).total.forward.value
    sizes = {name: 13 + 7 * at for at, name in enumerate(sorted(work.symbols()))}
    counted = count(model)
    found = {
        "params": counted.total,
        "trainable": counted.trainable,
        "flops": work.evaluate(sizes),
    }
    if keys:
        held = activations(model, Policy(itemsize=1))
        found["kv"] = held.total("keys").value.evaluate(sizes)
        found["cache"] = held.total("cache").value.evaluate(sizes)
    return sizes, found


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_every_module_has_a_closed_form(path: Path) -> None:
    spec = load(path)
    rows = spec.count().rows
    values = values_of(spec.config)
    for row in rows[:: max(len(rows) // 12, 1)]:
        place = locate(spec.model.root, row.path)
        if place is not None:
            assert formula(spec.model, row.path).at(values) == place.params, row.path


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_the_work_of_every_module_has_a_closed_form(path: Path) -> None:
    spec = load(path)
    work = cost(spec.model)
    sizes = {n: 13 + 7 * i for i, n in enumerate(sorted(work.total.forward.value.symbols()))}
    rows = [row for row in spec.count().rows if row.type != "parameter"]
    for row in rows[:: max(len(rows) // 8, 1)]:
        one = formula(spec.model, row.path, "flops").at({**values_of(spec.config), **sizes})
        whole = work.below(row.path).forward.value.evaluate(sizes)
        assert one * row.repeat == whole, row.path


# Activations


def kept(model: ir.Model, sizes: Mapping[str, int]) -> int:
    """Bytes that the numeric pass finds, with layouts decided at these run-time sizes."""
    found = activations(model, None, sizes)
    return found.at(found.saved)


def run_time(found: Formula) -> list[str]:
    """Names that are no names of the config, conditions included."""
    named = found.symbols().union(*(each.symbols() for each in found.conditions))
    return sorted(name for name in named if name[0].isupper())


@pytest.mark.parametrize("name", NAMES)
def test_random_configs_keep_what_is_counted(name: str, examples: int) -> None:
    """Bytes of activations: configs and run-time sizes that the closed form covers."""
    spec = spec_of(name)
    found = formula(spec.model, ".", "activations")
    number = max(examples // SHARE, 4)
    configs = draws(spec, {each.partition("[")[0] for each in found.fixed})
    rng = random.Random(name)
    usual = {**dict.fromkeys(run_time(found), SELECTED), **default_sizes(spec.model, {})}
    assert found.met({**values_of(spec.config), **usual}), "it covers the config it is made from"
    legal = covered = 0
    while legal < number:
        config = next(configs)
        values = values_of(config)
        drawn_sizes = {each: rng.choice((1, 2, 3, 5, 8, 13, 64, 97)) for each in usual}
        sizes = rng.choice((usual, drawn_sizes)) | {
            each: SELECTED for each in usual if each not in default_sizes(spec.model, {})
        }
        model = at(spec, config)
        holds = found.met({**values, **sizes})
        if model is None:
            assert not holds, f"{config} is not legal, and the closed form says it is"
            continue
        legal += 1
        covered += holds
        if holds:
            assert found.at({**values, **sizes}) == kept(model, sizes), (config, sizes)
    print(f"{name}: {legal:,} legal configs, {covered:,} covered and equal")
    assert covered >= legal * 0.2, f"{covered} of {legal} legal configs are covered"


def test_random_specs_keep_what_is_counted(examples: int, folder: Path) -> None:
    """A config and sizes that a closed form covers are legal, and then it is right; also where it was made at other sizes."""
    covered = Counter[bool]()

    def holds(drawn: tuple[RandomSpec, list[tuple[dict[str, Any], list[int]]]]) -> None:
        spec, trials = drawn
        first = load(write(folder, net=spec.text))
        usual = default_sizes(first.model, {})
        sizes_of = [usual, *(dict(zip(usual, lengths, strict=False)) for _, lengths in trials)]
        configs = [{}, *(config for config, _ in trials)]
        for made_at in sizes_of[:2]:
            found = formula(first.model, ".", "activations", made_at)
            for config, sizes in ((configs[0], made_at), *zip(configs, sizes_of, strict=True)):
                whole = {**first.config, **config}
                names = {**dict.fromkeys(run_time(found), SELECTED), **usual, **sizes}
                met = found.met({**values_of(whole), **names})
                assert met or config or sizes != made_at, "it covers what it is made from"
                covered[bool(config)] += met
                if met:
                    model = at(first, whole)
                    assert model is not None, f"{config} is not legal, and the formula covers it"
                    assert found.at({**values_of(whole), **names}) == kept(model, names), (
                        f"made at {made_at}, wrong at {config} and {sizes}"
                    )

    for_all(varied(), examples // 16, 0, holds)
    print(
        f"{covered[False] + covered[True]:,} covered and equal, {covered[True]:,} at other configs"
    )
    assert covered[True] > examples // 16, "hardly any other config was covered"


def test_activations_of_gpt2() -> None:
    """As one writes them: what a layer keeps, times layers; where nothing is dropped, it is another formula."""
    found = formula(spec_of("zoo/gpt2").model, ".", "activations")
    assert not found.fixed
    assert spelling(found) == (
        "4*N*(B*num_layers*(3*N*num_heads + 18*embed_dim + 4) + 3*B*embed_dim + 2*(B + 1))"
    )
    assert conditions(found) == [
        "num_heads divides embed_dim",
        "dropout_rate != 0",
        "N > 1",
        "B > 1",
        "num_heads > 1",
        "embed_dim // num_heads > 1",
    ]
    values = {**values_of(spec_of("zoo/gpt2").config), "B": 2, "N": 5}
    assert found.met(values)
    assert not found.met({**values, "dropout_rate": 0.0})
    assert not found.met({**values, "B": 1}), "one sequence may lie in memory otherwise"


@pytest.mark.parametrize("sizes", [{"B": 1, "N": 1}, {"B": 1, "N": 7}, {"B": 3, "N": 1}])
def test_activations_are_followed_at_the_sizes_asked_for(sizes: dict[str, int]) -> None:
    spec = spec_of("zoo/gpt2")
    found = formula(spec.model, ".", "activations", sizes)
    values = {**values_of(spec.config), **sizes}
    assert found.met(values)
    assert found.at(values) == kept(spec.model, sizes)


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_the_activations_of_every_module_have_a_closed_form(path: Path) -> None:
    spec = load(path)
    whole = activations(spec.model)
    rows = [row for row in spec.count().rows if row.type != "parameter"]
    for row in rows[:: max(len(rows) // 2, 1)]:
        try:
            found = formula(spec.model, row.path, "activations")
        except UsageError:  # not every copy keeps as much, of which there is a test below
            continue
        values = {**dict.fromkeys(found.symbols(), SELECTED), **values_of(spec.config)}
        values |= whole.sizes
        assert found.at(values) * row.repeat == whole.at(whole.below(row.path)), row.path


DROPPED = """
getspec: 1
model: Net
config: {dim: 8, depth: 4, rate: 0.1}
inputs: {x: "float[B, dim]"}
components:
  layers: {type: Part, repeat: depth, index: i, dim: dim, rate: "RATE"}
forward: |
  for layer in layers:
    x = layer(x)
  return x
blocks:
  Part:
    params: {dim: int, rate: float}
    inputs: {x: "float[B, dim]"}
    components:
      fc: {type: linear, in_features: dim, out_features: dim}
    forward: |
      return x + drop_path(fc(x), rate)
"""


def test_a_rate_that_grows_with_the_position_is_zero_at_the_first_alone(folder: Path) -> None:
    path = write(folder, net=DROPPED.replace("RATE", "rate * i / max(depth - 1, 1)"))
    found = formula(load(path).model, ".", "activations")
    assert spelling(found) == "4*B*(depth - 1)*(dim + 1)"
    for depth in range(1, 8):
        other = load(path, {"depth": depth, "dim": 6})
        values = {**values_of(other.config), "B": 3}
        assert found.met(values)
        assert found.at(values) == kept(other.model, {"B": 3}), depth
    assert not found.met({"dim": 8, "depth": 4, "rate": 0.0, "B": 3})
    with pytest.raises(UsageError, match="not every copy"):
        formula(load(path).model, "layers.*", "activations")


@pytest.mark.parametrize("rate", ["rate + 0.01 * i", "rate * (2 - i)", "max(rate - 0.1 * i, 0.0)"])
def test_a_rate_that_follows_the_position_otherwise_fixes_the_length(
    folder: Path, rate: str
) -> None:
    path = write(folder, net=DROPPED.replace("RATE", rate).replace("depth: 4", "depth: 3"))
    found = formula(load(path).model, ".", "activations")
    assert found.fixed == {"depth": 3}
    covered = 0
    for number in (0.0, 0.1, 0.15, 0.3):
        values = {"dim": 6, "depth": 3, "rate": number, "B": 3}
        if found.met(values):
            covered += 1
            assert found.at(values) == kept(load(path, {"dim": 6, "rate": number}).model, {"B": 3})
    assert 0 < covered < 4


DROPPING = """
getspec: 1
model: Net
config: {dim: 8, depth: 4, rate: 0.1}
inputs: {x: "float[B, dim]"}
components:
  scale: {type: parameter, shape: [1], init: ones}
  layers: {type: dropout, repeat: depth, index: i, p: RATE}
forward: |
  x = x * scale
  for layer in layers:
    x = layer(x)
  return x
"""


@pytest.mark.parametrize("text", [DROPPED, DROPPING])
def test_a_rate_is_a_probability_at_every_position(folder: Path, text: str) -> None:
    path = write(folder, net=text.replace("RATE", "rate * i"))
    found = formula(load(path).model, ".", "activations")
    assert found.met({"dim": 8, "depth": 10, "rate": 0.11, "B": 3})
    assert not found.met({"dim": 8, "depth": 11, "rate": 0.11, "B": 3}), "1.1 at the last one"


COUNTED = """
getspec: 1
model: Net
config: {dim: 8, depth: 5}
inputs: {x: "float[B, dim]"}
components:
  layers: {type: linear, repeat: depth, in_features: dim, out_features: dim}
forward: |
  for i, layer in enumerate(layers):
    x = layer(x) if i > 2 else x
  return x
"""


WIDENED = """
getspec: 1
model: Net
config: {dim: 8, ratio: 2.0}
inputs:
  x: "float[B, int(dim * ratio)]"
  levels: {type: "float[B, level + dim]", repeat: 2, index: level}
outputs: {y: "float[B, max(dim, 16)]"}
components:
  scale: {type: parameter, shape: [1], init: ones}
forward: |
  for level in levels:
    x = x + mean(sigmoid(level), 1, keepdim=True)
  return tanh(x * scale)
"""


def test_lengths_of_inputs_and_outputs_follow_the_config_as_written(folder: Path) -> None:
    """Whatever functions they are written with; what is promised has to be kept for a config to be legal."""
    path = write(folder, net=WIDENED)
    found = formula(load(path).model, ".", "activations")
    assert spelling(found) == "8*B*int(dim*ratio)"
    assert not found.fixed
    for dim, ratio, legal in ((8, 2.0, True), (6, 16 / 6, True), (8, 2.5, False), (20, 1.0, True)):
        values = {"dim": dim, "ratio": ratio, "B": 3}
        assert found.met(values) == legal, values
        if legal:
            other = load(path, {"dim": dim, "ratio": ratio}).model
            assert found.at(values) == kept(other, {"B": 3}), values


def test_what_has_no_closed_form_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SAVES, "drop_path")
    model = load(write(folder, net=DROPPED.replace("RATE", "rate"))).model
    with pytest.raises(UsageError, match="it is not known what `drop_path` keeps"):
        formula(model, ".", "activations")


LIMITED = """
getspec: 1
model: Net
config: {dim: 8, other: 8, rate: 0.1}
let: {levels: int(log(other)) + 1}
inputs:
  x: "float[B, N, dim]"
  ids: {type: "int[B, N]", below: dim / 2}
outputs: {y: "float[B, N, dim]", z: "float[B, dim, (N + 2) // 3]"}
components:
  fc: {type: linear, in_features: dim, out_features: dim, bias: false}
  out: {type: linear, in_features: dim, out_features: other, bias: false}
  norm: {type: group_norm, num_groups: 4, num_channels: other, doc: of an older version}
  conv: {type: conv1d, in_channels: dim, out_channels: dim, kernel_size: 3, stride: STRIDE, padding: 1}
  drop: {type: dropout, p: rate}
tie: {out.weight: fc.weight}
forward: |
  return drop_path(drop(out(fc(x))), rate / 2), conv(transpose(x, 1, 2))
"""


@pytest.mark.parametrize(
    ("stride", "config", "legal"),
    [
        ("dim - 5", {"rate": 0.99}, True),
        ("dim - 5", {"rate": 1.0}, False),
        ("dim - 5", {"rate": -0.1}, False),
        ("dim - 5", {"dim": 4, "other": 4}, False),  # strides decide lengths, at N = 1 alone not
        ("3", {"dim": 12, "other": 12}, True),
        ("3", {"dim": 12}, False),  # weights that are one have one shape
        ("3", {"dim": 10, "other": 10}, False),  # of a component that is never called
        ("3", {"dim": 7, "other": 7}, False),  # a bound that is no integer
        ("3", {"dim": 0, "other": 0}, False),
    ],
)
def test_a_config_that_is_covered_is_legal(
    folder: Path, stride: str, config: dict[str, Any], legal: bool
) -> None:
    spec = load(write(folder, net=LIMITED.replace("STRIDE", stride)))
    found = formula(spec.model, ".", "activations")
    whole = {**spec.config, **config}
    assert (at(spec, whole) is not None) == legal, "as the compiler has it"
    for tokens in (1, 2, 64):
        values = {**values_of(whole), "B": 64, "N": tokens}
        assert legal or not found.met(values), tokens
    assert found.met({**values_of(whole), "B": 64, "N": 68}) == legal
    assert "rate" not in " ".join(conditions(found)).replace("rate != 0", ""), "nobody is told"


def test_a_loop_that_counts_its_rounds_fixes_the_length(folder: Path) -> None:
    found = formula(load(write(folder, net=COUNTED)).model, ".", "activations")
    assert found.fixed == {"depth": 5}


# What a person would write


def test_gpt2_as_its_paper_has_it() -> None:
    spec = spec_of("zoo/gpt2")
    params, flops = formula(spec.model), formula(spec.model, ".", "flops")
    assert spelling(params) == (
        "embed_dim*(num_layers*(12*embed_dim + 13) + vocab_size + max_positions + 2)"
    )
    assert spelling(flops) == "2*B*N*embed_dim*(2*num_layers*(N + 6*embed_dim) + vocab_size)"
    assert params.at(
        {**spec.config, "num_layers": 96, "embed_dim": 12288, "max_positions": 2048}
    ) == (174_604_259_328), "GPT-3"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_the_formula(name: str) -> None:
    """The text is an expression of Python; run-time sizes and config as names, it gives the number."""
    spec = spec_of(name)
    for of in ("params", "flops"):
        found = formula(spec.model, ".", of)
        values = values_of(spec.config)
        sizes = {n: 13 + 7 * at for at, n in enumerate(sorted(found.symbols() - values.keys()))}
        names = {**spec.config, **sizes, "__builtins__": {"int": int, "round": round}}
        written = eval(spelling(found), names)
        assert written == found.at({**values, **sizes}), of


SPELLED = {
    "zoo/llama-3-8b": "2*B*N*(num_layers*(embed_dim*(2*head_dim*(num_heads + num_kv_heads) + 3*hidden_dim)"
    " + 2*N*num_heads*head_dim) + vocab_size*embed_dim)",
    "zoo/vit-b16": "2*B*embed_dim*(2*num_layers*((image_size // patch_size)**2 + 1)*(2*embed_dim + hidden_dim"
    " + (image_size // patch_size)**2 + 1) + image_size**2*num_channels + num_classes)",
    "get/mlp": "2*B*R*(hidden_dim1*(num_motif + hidden_dim2) + hidden_dim2*output_dim)",
}


@pytest.mark.parametrize("name", SPELLED)
def test_work_is_written_by_layers(name: str) -> None:
    """Repeats in front, common factors out, and a class token as one more than the patches."""
    assert spelling(formula(spec_of(name).model, ".", "flops")) == SPELLED[name]


def test_parameters_are_written_by_layers() -> None:
    assert spelling(formula(spec_of("zoo/bert-base-uncased").model)) == (
        "num_layers*(embed_dim*(4*embed_dim + 2*hidden_dim + 9) + hidden_dim)"
        " + embed_dim*(vocab_size + max_positions + num_token_types + embed_dim + 3)"
    )


def test_conditions_that_any_size_meets_are_not_told() -> None:
    """Two divide a head, so it is not 1; a patch divides an image, so it is no larger."""
    llama, vit = (
        formula(spec_of(n).model, ".", "flops") for n in ("zoo/llama-3-8b", "zoo/vit-b16")
    )
    assert conditions(llama) == ["2 divides head_dim", "num_kv_heads divides num_heads"]
    assert conditions(vit) == ["patch_size divides image_size", "num_heads divides embed_dim"]


def test_keys_and_values_of_grouped_queries() -> None:
    spec = spec_of("zoo/llama-3-8b")
    found = formula(spec.model, ".", "kv")
    assert spelling(found) == "2*num_layers*num_kv_heads*head_dim"
    assert 2 * found.at(spec.config) == 131_072, "bytes a token in bfloat16, as published"


def test_a_ratio_stays_in_the_formula() -> None:
    spec = spec_of("diffusion")
    found = formula(spec.model, "encoder.blocks.*.mlp.fc1.weight")
    assert spelling(found) == "embed_dim*int(mlp_ratio*embed_dim)"
    assert found.at({**spec.config, "mlp_ratio": 8 / 3, "embed_dim": 100}) == 100 * 266


def test_exact_divisions_are_taken_out_and_become_conditions() -> None:
    spec = spec_of("zoo/gpt2")
    found = formula(spec.model, ".", "flops")
    assert "//" not in spelling(found)
    assert found.met({**spec.config, "num_heads": 16})
    assert not found.met({**spec.config, "num_heads": 10}), "10 does not divide 768"


def test_a_number_that_both_sides_of_a_division_share_is_taken_out(folder: Path) -> None:
    """Of qkv in one matrix: 3*dim in 3*num_heads parts are dim in num_heads."""
    text = """
getspec: 1
model: Net
config: {dim: 8, num_heads: 2}
inputs: {x: "float[B, N, 3 * dim]"}
forward: |
  q, k, v = unbind(rearrange(x, "b n (t h k) -> t b h n k", t=3, h=num_heads), 0)
  return sdpa(q, k, v, causal=True)
"""
    found = formula(load(write(folder, net=text)).model, ".", "kv")
    assert spelling(found) == "2*dim"
    assert conditions(found) == ["num_heads divides dim"]


def test_latex_and_json() -> None:
    spec = spec_of("zoo/llama-3-8b")
    found = formula(spec.model, "model.layers.*.mlp")
    assert latex(found) == r"3\,\mathit{embed\_dim}\,\mathit{hidden\_dim}"
    page = document(found, 176_160_768)
    assert page["terms"] == [{"coefficient": 3, "factors": {"embed_dim": 1, "hidden_dim": 1}}]
    assert page["value"] == 3 * 4096 * 14336


def test_nothing_is_written_as_0() -> None:
    found = formula(spec_of("zoo/resnet-50").model, ".", "kv")
    assert document(found, 0)["formula"] == latex(found) == "0"


# Repeats

HEAD = """
getspec: 1
model: Net
config: {dim: 8, depth: 7}
inputs: {x: "float[B, dim]"}
"""
PATTERN = """
components:
  layers:
    repeat: depth
    pattern:
      - {type: Wide, dim: dim, times: 2}
      - {type: Narrow, dim: dim}
forward: |
  for layer in layers:
    x = layer(x)
  return x
blocks:
  Wide:
    params: {dim: int}
    inputs: {x: "float[B, dim]"}
    components:
      fc: {type: linear, in_features: dim, out_features: 5 * dim}
      out: {type: linear, in_features: 5 * dim, out_features: dim}
    forward: |
      return out(fc(x))
  Narrow:
    params: {dim: int}
    inputs: {x: "float[B, dim]"}
    components:
      fc: {type: linear, in_features: dim, out_features: dim, bias: false}
    forward: |
      return fc(x)
"""
FLAG = """
components:
  layers: {type: Part, repeat: depth, index: i, dim: dim, first: CONDITION}
forward: |
  for layer in layers:
    x = layer(x)
  return x
blocks:
  Part:
    params: {dim: int, first: bool}
    inputs: {x: "float[B, dim]"}
    components:
      fc: {type: linear, in_features: dim, out_features: dim}
      more: {type: linear, in_features: dim, out_features: dim, when: first}
    forward: |
      x = fc(x)
      return more(x) if first else x
"""
BY_POSITION = """
components:
  layers:
    type: sequential
    repeat: depth
    index: i
    layers:
      - {type: linear, in_features: dim, out_features: 2 ** i * dim}
      - {type: linear, in_features: 2 ** i * dim, out_features: dim}
forward: |
  for layer in layers:
    x = layer(x)
  return x
"""


def followed(path: Path, lengths: range) -> Formula:
    """The formulas of a spec, held against the numbers for several lengths of its repeat."""
    spec = load(path)
    params, flops = formula(spec.model), formula(spec.model, ".", "flops")
    for depth in lengths:
        other = load(path, {"depth": depth})
        values = {**values_of(other.config), "B": 5}
        assert all(each.met(values) for each in (params, flops)), depth
        assert params.at(values) == other.count().total, depth
        assert flops.at(values) == cost(other.model).total.forward.value.evaluate({"B": 5}), depth
    return params


def test_a_pattern_counts_by_floor_divisions(folder: Path) -> None:
    found = followed(write(folder, net=HEAD + PATTERN), range(1, 12))
    assert not found.fixed
    assert "depth" in found.symbols()


def test_a_repeat_shorter_than_its_pattern_fixes_the_length(folder: Path) -> None:
    """What comes next in it was never elaborated."""
    path = write(folder, net=(HEAD + PATTERN).replace("depth: 7", "depth: 2"))
    for of in ("params", "flops", "activations"):
        assert formula(load(path).model, ".", of).fixed == {"depth": 2}, of


EQUAL = """
getspec: 1
model: Net
config: {dim: 8, depth: 6, wide: 16, narrow: 16, early: 0.1, late: 0.1}
inputs: {x: "float[B, dim]"}
components:
  layers:
    repeat: depth
    pattern:
      - {type: Part, dim: dim, hidden: wide}
      - {type: Part, dim: dim, hidden: narrow}
      - {type: dropout, p: early}
      - {type: dropout, p: late}
forward: |
  for layer in layers:
    x = layer(x)
  return x
blocks:
  Part:
    params: {dim: int, hidden: int}
    inputs: {x: "float[B, dim]"}
    components:
      fc: {type: linear, in_features: dim, out_features: hidden}
      out: {type: linear, in_features: hidden, out_features: dim}
    forward: |
      return out(fc(x))
"""


@pytest.mark.parametrize("of", ["params", "flops", "activations"])
def test_items_of_a_pattern_that_are_equal_by_chance_keep_their_values(
    folder: Path, of: str
) -> None:
    found = formula(load(write(folder, net=EQUAL)).model, ".", of)
    apart = {"wide": 16, "narrow": 16, "early": 0.1, "late": 0.1}
    assert found.fixed.items() >= apart.items()


def test_a_pattern_with_a_flag_of_the_position_counts_by_both(folder: Path) -> None:
    text = (HEAD + FLAG).replace("CONDITION", "i > 0")
    one = "{type: Part, repeat: depth, index: i, dim: dim, first: i > 0}"
    two = "{type: linear, in_features: dim, out_features: dim}"
    item = one.replace("repeat: depth, index: i, ", "")
    text = text.replace(one, f"{{repeat: depth, index: i, pattern: [{item}, {two}]}}")
    for depth in (2, 3, 7):
        path = write(folder, net=text.replace("depth: 7", f"depth: {depth}"))
        spec = load(path)
        for other in range(1, 9):
            made = load(path, {"depth": other})
            values = {**values_of(made.config), "B": 5}
            number = {"params": made.count().total, "activations": kept(made.model, {"B": 5})}
            for of in number:
                found = formula(spec.model, ".", of)
                assert not found.met(values) or found.at(values) == number[of], (depth, other, of)


@pytest.mark.parametrize("condition", ["i == 0", "i > 1", "i % 3 == 1", "i == 0 or i % 2 == 1"])
def test_flags_of_the_position_count_exactly(folder: Path, condition: str) -> None:
    text = (HEAD + FLAG).replace("CONDITION", condition)
    found = followed(write(folder, net=text), range(3, 12))
    assert not found.fixed
    assert "depth" in found.symbols()


def test_a_last_layer_that_differs_fixes_the_length(folder: Path) -> None:
    text = (HEAD + FLAG).replace("CONDITION", "i == depth - 1")
    found = formula(load(write(folder, net=text)).model)
    assert found.fixed == {"depth": 7}
    assert "depth" not in found.symbols()
    assert found.met({"dim": 9, "depth": 7})
    assert not found.met({"dim": 9, "depth": 8})


def test_sizes_of_the_position_fix_the_length(folder: Path) -> None:
    spec = load(write(folder, net=HEAD + BY_POSITION))
    found = formula(spec.model, ".", "flops")
    assert found.fixed == {"depth": 7}
    assert found.at({"dim": 8, "B": 3}) == cost(spec.model).total.forward.value.evaluate({"B": 3})


LISTED = """
getspec: 1
model: Net
config: {widths: [8, 8, 8, 8]}
inputs: {x: "float[B, widths[0]]"}
components:
  layers:
    type: sequential
    repeat: len(widths) - 1
    index: i
    layers: [{type: linear, in_features: "widths[i]", out_features: "widths[i + 1]"}, {type: relu}]
forward: |
  for layer in layers:
    x = layer(x)
  return x
"""


def test_positions_that_are_equal_by_chance_stay_apart(folder: Path) -> None:
    path = write(folder, net=LISTED)
    spec = load(path)
    found = {of: formula(spec.model, ".", of) for of in ("params", "flops")}
    other = load(path, {"widths": [3, 5, 7, 9]})
    values = {**values_of(other.config), "B": 2}
    assert all(each.met(values) for each in found.values())
    assert found["params"].at(values) == other.count().total == 3 * 5 + 5 * 7 + 7 * 9 + 21
    assert found["flops"].at(values) == 2 * 2 * (3 * 5 + 5 * 7 + 7 * 9)
    assert not found["params"].met(values_of({"widths": [3, 5, 7]})), "a list of another length"


def test_a_layer_that_is_called_again_works_again(folder: Path) -> None:
    text = (
        HEAD
        + """
components:
  layers: {type: linear, repeat: depth, in_features: dim, out_features: dim}
forward: |
  for layer in layers:
    x = layer(x)
  for _ in range(3):
    x = layers[0](x)
  return x
"""
    )
    spec = load(write(folder, net=text))
    assert spelling(formula(spec.model, ".", "flops")) == "2*B*dim**2*(depth + 3)"
    assert spelling(formula(spec.model, "layers.0", "flops")) == "8*B*dim**2", (
        "once and three times"
    )


def test_no_closed_form_without_forward(folder: Path) -> None:
    text = "getspec: 1\nmodel: Net\nconfig: {n: 3}\ncomponents:\n  fc: {type: linear, in_features: n, out_features: n}\n"
    spec = load(write(folder, net=text))
    assert spelling(formula(spec.model)) == "n*(n + 1)"
    with pytest.raises(UsageError, match="no `forward`"):
        formula(spec.model, ".", "flops")


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_every_row_of_a_count_has_a_closed_form(path: Path) -> None:
    spec = load(path)
    rows = spec.count().rows
    work = cost(spec.model)
    sizes = {n: 13 + 7 * i for i, n in enumerate(sorted(work.total.forward.value.symbols()))}
    values = {**values_of(spec.config), **sizes}
    at = {of: _evaluated(parts(spec.model, of)[1], values) for of in ("params", "copies", "flops")}
    assert at["params"] == {row.path: row.params for row in rows}
    assert at["copies"] == {row.path: row.repeat for row in rows}
    done = {row.path: work.below(row.path).forward.value.evaluate(sizes) for row in rows}
    assert {path: at["flops"].get(path, 0) for path in done} == done


def _evaluated(rows: Mapping[str, Poly], values: Mapping[str, Any]) -> dict[str, int]:
    return {path: poly.evaluate(values) for path, poly in rows.items()}


@pytest.mark.parametrize("name", NAMES)
def test_rows_follow_a_config_as_the_count_does(name: str, examples: int) -> None:
    spec = spec_of(name)
    whole, rows = parts(spec.model)
    fixed = {each.partition("[")[0] for each in whole.fixed}
    for config in islice(draws(spec, fixed), max(examples // SHARE // 2, 2)):
        model = at(spec, config)
        if model is not None and whole.met(values_of(config)):
            found = _evaluated(rows, values_of(config))
            counted = {row.path: row.params for row in count(model).rows}
            assert _over_positions(found) == _over_positions(counted), config


def _over_positions(rows: Mapping[str, int]) -> dict[str, int]:
    """All positions of a repeat together: how they fold follows its length."""
    found: dict[str, int] = {}
    for path, number in rows.items():
        place = re.sub(r"(?<=\.)(\d+(-\d+)?|\*)(?=\.|$)", "*", path)
        found[place] = found.get(place, 0) + number
    return {place: number for place, number in found.items() if number}


def test_a_window_is_as_much_as_is_remembered(folder: Path) -> None:
    """Of more tokens than it is long, all but the last ones are forgotten."""
    text = """
getspec: 1
model: Net
config: {dim: 8, reach: 4}
inputs: {x: "float[B, 2, N, dim]"}
forward: |
  return sdpa(x, x, x, causal=True, window=reach)
"""
    found = formula(load(write(folder, spec=text)).model, ".", "cache")
    assert spelling(found) == "4*B*dim*min(N, reach)"
    assert r"\min\left(N, \mathit{reach}\right)" in latex(found)
    for tokens, kept in ((3, 3), (4, 4), (100, 4)):
        assert found.at({"B": 5, "N": tokens, "dim": 8, "reach": 4}) == 5 * 2 * 16 * kept
