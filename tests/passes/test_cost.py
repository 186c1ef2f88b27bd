"""FLOPs: what adds up, what repeats, and what torch's own counter counts in random specs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, NAMES
from writing import load

import getspec
from getspec.cli import main
from getspec.ops import base
from getspec.ops.base import (
    ELEMENTWISE,
    FUNCTIONS,
    LAYERS,
    PRODUCTS,
    Layer,
    has_default,
    has_work,
)
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


REACHED = """\
getspec: 1
model: Net
config: {{depth: 5}}
inputs: {{x: "float[B, 4]"}}
components:
  first: {{type: linear, in_features: 4, out_features: 4}}
  layers: {{type: linear, in_features: 4, out_features: 4, repeat: depth}}
  last: {{type: linear, in_features: 4, out_features: 4}}
forward: |
  a = first(x)
  b = last(a)
{body}
"""
ONE = 2 * 4 * 4
"""FLOPs of a row in a linear layer of 4 by 4."""


def going_back(folder: Path, body: str) -> tuple[int, int, int]:
    """In products, what the three parts do in a backward pass of one row."""
    lines = "".join(f"  {line}\n" for line in body.strip().split("\n"))
    found = work(folder, REACHED.format(body=lines))
    parts = [found.below(path).backward.value for path in ("first", "layers", "last")]
    one, two, three = (poly.evaluate({"B": 1}) // ONE for poly in parts)
    return one, two, three


def test_what_no_output_depends_on_is_not_gone_back_through(tmp_path: Path) -> None:
    """The first layer is given data, and so has one product to go back through."""
    assert going_back(tmp_path, "return b") == (1, 0, 2)
    assert going_back(tmp_path, "return a") == (1, 0, 0)
    assert going_back(tmp_path, "return x") == (0, 0, 0)


def test_the_first_of_many_layers_is_given_data(tmp_path: Path) -> None:
    """It passes no gradient on, and those after it do; nothing else has a name in such a loop."""
    text = SPEC.partition("components:")[0].replace('ids: "int[B, N]"', 'x: "float[B, dim]"')
    text += """\
components:
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
forward: |
  for layer in layers:
    x = layer(x)
  return x
"""
    found = work(tmp_path, text, depth=5)
    assert found.total.backward == (5 + 4) * ONE * Size.runtime("B")


def test_what_has_no_derivative_ends_a_backward_pass(tmp_path: Path) -> None:
    assert going_back(tmp_path, "return a + zeros_like(b)") == (1, 0, 0)
    assert going_back(tmp_path, "return a + cast(argsort(b), float)") == (1, 0, 0)
    assert going_back(tmp_path, "return sign(b)") == (1, 0, 2), "its derivative is 0, which is one"
    assert going_back(tmp_path, "return b // 2.0") == (1, 0, 2)


def test_one_of_several_results_keeps_all_that_they_come_from(tmp_path: Path) -> None:
    assert going_back(tmp_path, "left, right = chunk(b, 2, dim=1)\nreturn right") == (1, 0, 2)
    assert going_back(tmp_path, "parts = [a, b]\nreturn parts[0]") == (1, 0, 0)
    assert going_back(tmp_path, "parts = [a] + [b]\nreturn parts[0]") == (1, 0, 0)
    assert going_back(tmp_path, "parts = [a] + [b]\nreturn parts[1]") == (1, 0, 2)


LOOP = """
for layer in layers:
  {body}
return {result}
"""


def test_rounds_of_a_loop_are_gone_back_through_as_far_as_they_are_wanted(tmp_path: Path) -> None:
    """In a chain each round is wanted by the next; where a round starts anew, the last one is."""

    def after(body: str, result: str) -> tuple[int, int, int]:
        return going_back(tmp_path, LOOP.format(body=body, result=result))

    assert after("a = layer(a)", "a") == (1, 10, 0)
    assert after("a = layer(a)", "b") == (1, 0, 2)
    assert after("c = layer(a)", "c") == (1, 2, 0)
    assert after("c = layer(x)", "c") == (0, 1, 0)
    assert after("b = b + layer(a)", "b") == (1, 10, 2)
    assert after("a, b = b, layer(a)", "a") == (1, 4, 2), "of five rounds, two made what a is"
    assert after("a, b = b, layer(a)", "b") == (1, 6, 0)


def test_it_is_known_of_every_op_what_it_multiplies() -> None:
    """An op has products, or its file names it as elementwise, and not both."""
    ops = [*FUNCTIONS, *(kind(**_fields(kind)) for kind in LAYERS.values())]
    assert [op for op in ops if not has_work(op)] == []
    assert {*FUNCTIONS, *LAYERS} >= ELEMENTWISE
    assert ELEMENTWISE.isdisjoint(PRODUCTS)
    both = {n for n in ELEMENTWISE & set(LAYERS) if LAYERS[n].products is not Layer.products}
    assert both == set()


def _fields(kind: type[Layer]) -> dict[str, Any]:
    """Something for the fields that have to be given."""
    return {field.name: Size.of(1) for field in kind.fields if not has_default(field)}


def test_work_of_an_op_without_a_rule_is_a_lower_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The op is named, in text and in JSON; no formula leaves it out, and no budget passes over it."""
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.replace("head(x)", "head(tanh(x))") + 'budget: {flops: "<= 1T"}\n')
    asked = ["cost", str(path), "--shape", "B=1,N=1"]
    monkeypatch.setattr(base, "ELEMENTWISE", ELEMENTWISE - {"tanh"})
    assert main(["check", str(path)]) == 1
    assert "it is not known what `tanh` multiplies" in capsys.readouterr().err
    path.write_text(path.read_text().partition("budget")[0])
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "forward   >= 152 FLOPs" in said
    assert "no rule for FLOPs: tanh" in said
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["lower_bound"], document["unknown_ops"]) == (True, ["tanh"])
    assert main(["formula", str(path), "--of", "flops"]) == 2
    assert "tanh" in capsys.readouterr().err


def test_an_axis_that_nothing_shares_is_summed_before_a_product(tmp_path: Path) -> None:
    text = """\
getspec: 1
model: Net
inputs: {x: "float[B, N, 4]", y: "float[4]"}
forward: |
  return einsum("b n d, d -> b", x, y)
"""
    assert str(work(tmp_path, text).total.forward.value) == "8*B"


@pytest.mark.parametrize(("length", "flops"), [(1, 0), (3, 0), (4, 16), (7, 24)])
def test_a_product_over_an_axis_that_a_size_makes_one_is_none(
    length: int, flops: int, tmp_path: Path
) -> None:
    """torch multiplies elements there. Without sizes an axis is taken to be longer."""
    text = """\
getspec: 1
model: Net
inputs: {x: "float[B, 1, N]"}
components: {part: {type: Part}}
forward: |
  return part(x)
blocks:
  Part:
    inputs: {x: "float[B, 1, N]"}
    forward: |
      pooled = avg_pool1d(x, 1, 3)
      return einsum("b c n, n -> b", pooled, pooled[0, 0, :])
"""
    model = load(tmp_path, text, {}).model
    assert str(cost(model).total.forward) == "2*B*((N + 2) // 3)"
    assert cost(model, sizes={"B": 4, "N": length}).total.forward == flops


RICH = """\
getspec: 1
model: Net
config: {dim: 4, depth: 5}
inputs: {x: "float[B, N, dim]", y: "float[B, N, dim]"}
components:
  gain: {type: parameter, shape: [dim, dim], init: ones}
  cold: {type: parameter, shape: [dim, dim], init: ones, trainable: false}
  stem:
    type: sequential
    layers:
      - {type: linear, in_features: dim, out_features: 3 * dim}
      - {type: gelu}
      - {type: Inner, dim: 3 * dim, trainable: false}
      - {type: linear, in_features: 3 * dim, out_features: dim}
  down: {type: linear, in_features: dim, out_features: dim, repeat: depth}
  up: {type: Inner, dim: dim, repeat: depth, trainable: false}
  head: {type: linear, in_features: dim, out_features: dim, bias: false}
tie: {head.weight: cold}
forward: |
  skips = []
  z = y @ gain @ cold
  for layer in down:
    z = layer(z)
    skips.append(z)
  z = mixed(x, z) + mixed(y, x)
  for layer in up:
    z = layer(z) + skips.pop()
  a, b = split(stem(x), [2, 2], dim=-1)
  return head(z), a @ transpose(b, 1, 2), down[0](x), einsum("b n d, b m d -> b n m", x, y)
functions:
  mixed:
    inputs: {a: "float[B, N, D]", b: "float[B, N, D]"}
    forward: |
      return a @ transpose(b, 1, 2) @ b
blocks:
  Inner:
    params: {dim: int}
    inputs: {x: "float[B, N, dim]"}
    components: {fc: {type: linear, in_features: dim, out_features: dim}}
    forward: |
      return fc(x)
"""
WORK = {
    "": ("44*B*N**2 + 64*B*N", "32*B*N**2 + 64*B*N"),
    "down.*": ("192*B*N", "352*B*N"),
    "up.*": ("0", "0"),
    "up.*.fc": ("160*B*N", "160*B*N"),
    "stem": ("0", "0"),
    "stem.0": ("96*B*N", "96*B*N"),
    "stem.1": ("0", "0"),
    "stem.2": ("0", "0"),
    "stem.2.fc": ("288*B*N", "288*B*N"),
    "stem.3": ("96*B*N", "192*B*N"),
    "head": ("32*B*N", "32*B*N"),
}
"""By hand. `down[0]` is called once more, on an input that has no gradient; what is frozen, or tied to what is frozen, passes a
gradient on and has none; `mixed` does twice what it does, and going back only where its second argument has a gradient."""


def test_each_part_by_hand(tmp_path: Path) -> None:
    found = work(tmp_path, RICH)
    shown = {path: (str(w.forward.value), str(w.backward.value)) for path, w in found.work.items()}
    assert shown == WORK
    assert (found.model, found.spec) == ("Net", "spec.yaml")
    shapes = {path: str(type) for path, type in found.shapes.items()}
    assert set(shapes) == set(WORK) - {""}
    assert shapes["stem.0"] == "float[B, N, 12 (3*dim)]"
    assert found.below("stem").forward == found.below("stem.0").forward * 5
    assert found.below("up").forward == found.below("up.*.fc").forward


@pytest.mark.torch
def test_each_part_as_the_counter_counts(tmp_path: Path) -> None:
    from trials import trial

    from getspec.verify_cost import check_flops

    assert "modules equal" in check_flops(trial(load(tmp_path, RICH)))


@pytest.mark.torch
@each_model
def test_committed_specs_do_what_the_counter_counts(path: Path) -> None:
    """Forward and backward, by module."""
    from trials import tiny, trial

    from getspec.verify_cost import check_flops

    assert "modules equal" in check_flops(trial(tiny(path)))


@pytest.mark.torch
@pytest.mark.parametrize("part", range(2))
def test_random_specs_do_what_the_counter_counts(part: int, examples: int, folder: Path) -> None:
    """Forward and backward, by module; backward without grouped convolutions, which torch counts too often."""
    from proofs import forget
    from properties import for_all, written
    from strategies import RandomSpec, specs
    from trials import trial

    from getspec.verify_cost import check_flops

    def holds(spec: RandomSpec) -> None:
        compiled = written(spec.text)
        check_flops(trial(compiled))
        forget(compiled)

    for_all(specs(), examples // 32, part, holds)
