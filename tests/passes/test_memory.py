"""Memory by recipe: bytes per parameter, published caches, and what recomputing saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, NAMES, SPECS
from writing import load, write

import getspec
from getspec.cli import COST_CHOICES, main
from getspec.passes.memory import ATTENTIONS, OPTIMIZERS, PRECISIONS, RECOMPUTES, memory
from getspec.passes.ratio import ratio
from getspec.sizes import Size

ZOO = SPECS / "zoo"
each_model = pytest.mark.parametrize("path", MODELS, ids=NAMES)


def held(path: Path, **policy: Any) -> Any:
    return memory(getspec.load(path).model, **policy)


def bytes_of(addends: Any, *names: str) -> int:
    """The sum of the addends of some names, which take no run-time size."""
    return sum(int(addend.bytes) for addend in addends if addend.name in names)


STATES = ("parameters", "gradients", "float32 copy", "optimizer state")


@pytest.mark.parametrize(
    ("dtype", "optimizer", "each"),
    [
        ("fp32", "adamw", 16),
        ("fp32", "sgd", 12),
        ("bf16", "adamw", 8),
        ("bf16-mixed-16", "adamw", 16),
        ("bf16-mixed-18", "adamw", 18),
        ("bf16-mixed-20", "adamw", 20),
        ("bf16-mixed-16", "sgd", 12),
    ],
)
def test_bytes_per_parameter(dtype: str, optimizer: str, each: int) -> None:
    spec = getspec.load(ZOO / "gpt2.yaml")
    found = memory(spec.model, dtype=dtype, optimizer=optimizer)
    assert bytes_of(found.training, *STATES) == each * spec.count().total


SMALL = """\
getspec: 1
model: Net
inputs: {x: "float[B, 64]"}
components:
  fc: {type: linear, in_features: 64, out_features: 100}
  table: {type: buffer, value: "linspace(0, 1, 100)", dtype: float32}
forward: |
  return fc(x) + cast(table, float)
"""


@pytest.mark.parametrize(
    ("optimizer", "state"),
    [
        ("adafactor", 4 * (64 + 100 + 100)),
        ("adam-8bit", 2 * (6400 + 4 * 25) + 8 * 100),
    ],
)
def test_optimizer_state_by_hand(tmp_path: Path, optimizer: str, state: int) -> None:
    """A matrix of 100 x 64 and a vector of 100, which is too small for 8 bits."""
    found = memory(load(tmp_path, SMALL).model, optimizer=optimizer)
    assert bytes_of(found.training, "optimizer state") == state


def test_frozen_parameters_have_no_gradient_and_no_state(tmp_path: Path) -> None:
    frozen = SMALL.replace("out_features: 100}", "out_features: 100, trainable: false}")
    found = memory(load(tmp_path, frozen).model, dtype="bf16-mixed-20")
    names = {addend.name for addend in found.training}
    assert names == {"parameters", "buffers", "inputs", "outputs"}
    assert bytes_of(found.training, "parameters", "buffers") == 2 * 6500 + 4 * 100


@pytest.mark.parametrize(
    ("name", "each"), [("llama-3-8b", 131_072), ("llama-3-70b", 327_680), ("mixtral-8x7b", 131_072)]
)
def test_published_bytes_of_keys_and_values(name: str, each: int) -> None:
    """In bfloat16, of every layer: arXiv:2505.09343, table 1, and the models' own configurations."""
    found = held(ZOO / f"{name}.yaml", dtype="bf16")
    assert found.kv_per_token == each
    (cache,) = [a.bytes for a in found.inference if a.name == "keys and values"]
    assert str(cache.value) == f"{each}*B*N"


@pytest.mark.parametrize(("name", "calls"), [("gpt2", 0), ("vit-b16", 0), ("t5-small", 12)])
def test_a_mask_of_ones_own_is_no_silent_zero(
    name: str, calls: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether a bias over pairs of positions hides what is later, nobody has said."""
    path = str(ZOO / f"{name}.yaml")
    assert held(ZOO / f"{name}.yaml").masked == calls
    assert (f"not counted for {calls} attentions" in run(capsys, path)) == (calls > 0)


def test_recurrent_state_does_not_grow_with_length() -> None:
    found = held(ZOO / "mamba-130m.yaml")
    assert found.kv_per_token == 0
    (state,) = [a.bytes for a in found.inference if a.name == "recurrent state"]
    inner, states, taps, layers = 1536, 16, 4, 24
    assert state == layers * 4 * inner * (states + taps - 1) * Size.runtime("B")


def test_active_parameters_of_experts() -> None:
    found = held(ZOO / "mixtral-8x7b.yaml")
    assert found.active == 12_879_925_248, "router, attention, tables, and 2 of 8 experts"


@each_model
def test_recomputing_keeps_less(path: Path) -> None:
    sizes = dict.fromkeys(("B", "N", "R", "L", "M"), 64)
    totals = []
    for recompute in RECOMPUTES:
        found = held(path, recompute=recompute, attention="eager", sizes=sizes)
        names = ("activations", "inputs of layers")
        totals.append(sum(found.kept.at(a.bytes) for a in found.training if a.name in names))
    none, selective, full = totals
    assert none >= selective >= 0
    assert none >= full >= 0


def test_full_recomputing_keeps_the_input_of_each_layer() -> None:
    """2 sbh a layer in bfloat16: arXiv:2205.05198, section 5."""
    found = held(ZOO / "gpt2.yaml", dtype="bf16", recompute="full")
    (inputs,) = [a.bytes for a in found.training if a.name == "inputs of layers"]
    assert str(inputs.value) == f"{12 * 2 * 768}*B*N"


def test_selective_recomputing_leaves_out_what_is_quadratic() -> None:
    found = held(ZOO / "gpt2.yaml", recompute="selective")
    (kept,) = [a.bytes for a in found.training if a.name == "activations"]
    assert all(monomial.count("N") < 2 for monomial, _ in kept.value.terms)


def test_six_nd_and_why_it_is_off() -> None:
    from getspec.passes.cost import COUNTED, cost

    spec = getspec.load(ZOO / "llama-3-8b.yaml")
    found = held(ZOO / "llama-3-8b.yaml")
    full, half = (
        ratio(spec.model, cost(spec.model, rule).total, found.active, way)
        for way, rule in COUNTED.items()
    )
    assert full is not None
    assert half is not None
    table_and_norms = 128_256 * 4096 + (2 * 32 + 1) * 4096
    assert full.others == -6 * table_and_norms * full.tokens
    assert full.attention == 2 * half.attention
    assert full.training - half.training == half.attention
    assert str(full.attention.value) == f"{3 * 4 * 32 * 4096}*B*N**2"


# The command


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["cost", *arguments]) == 0
    return capsys.readouterr().out


def test_the_choices_of_the_command_are_the_recipes() -> None:
    words = {option: tuple(choices) for option, choices, _ in COST_CHOICES}
    assert words["--dtype"] == tuple(PRECISIONS)
    assert words["--optimizer"] == tuple(OPTIMIZERS)
    assert words["--recompute"] == tuple(RECOMPUTES)
    assert words["--attention"] == tuple(ATTENTIONS)


def test_json_has_integers_that_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(ZOO / "llama-3-8b.yaml")
    document = json.loads(run(capsys, path, "--shape", "B=2,N=128", "--dtype", "bf16", "--json"))
    assert document["lower_bound"] is False
    for part in ("training", "inference"):
        memory = document["memory"][part]
        assert memory["total_bytes"] == sum(addend["bytes"] for addend in memory["addends"])
    assert document["memory"]["kv_cache_bytes"] == 2 * 128 * 131_072
    outer = [row for row in document["modules"] if "." not in row["path"]]
    for figure in ("forward_flops", "backward_flops", "activation_bytes", "params"):
        assert document[figure] == sum(row[figure] for row in outer), figure
    six = document["six_nd"]
    assert six["training_flops"] == six["flops"] + six["attention_flops"] + six["other_flops"]


OUTSIDE = """\
getspec: 1
model: Net
inputs: {x: "float[B, N, 4]"}
components:
  w: {type: parameter, shape: [4, 6], init: ones}
  fc: {type: linear, in_features: 6, out_features: 6}
forward: |
  y = x @ w
  return relu(fc(y)) @ transpose(y, 1, 2)
"""


@each_model
def test_outermost_rows_add_up(path: Path) -> None:
    adds_up(getspec.load(path))


def test_what_the_model_does_itself_has_a_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, net=OUTSIDE)
    adds_up(getspec.load(path))
    assert "\n(forward)  " in run(capsys, str(path), "--shape", "B=1,N=2")


def adds_up(spec: Any) -> None:
    found = spec.cost()
    outer = [row for row in found.rows if row.depth == 0]
    for figure in ("forward", "backward", "kept"):
        whole = getattr(found.total, figure)
        assert sum((getattr(row, figure) for row in outer), Size.of(0).value) == whole, figure
    assert sum(row.params for row in outer) == found.total.params


def test_causal_attention_halves_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(ZOO / "gpt2.yaml")
    found = [
        json.loads(run(capsys, path, "--shape", "B=1,N=64", "--causal", way, "--json"))
        for way in ("full", "half")
    ]
    attention = 12 * 2 * 2 * 64 * 64 * 768
    assert found[0]["forward_flops"] - found[1]["forward_flops"] == attention // 2
    assert found[0]["backward_flops"] - found[1]["backward_flops"] == attention
    assert "HALVED" in found[1]["convention"]
    assert "HALVED" not in found[0]["convention"]


def test_text_and_markdown_name_every_addend(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(ZOO / "gpt2.yaml")
    for arguments in ([], ["--markdown"]):
        shown = run(capsys, path, "--shape", "B=1,N=64", *arguments)
        for name in (
            "parameters",
            "gradients",
            "optimizer state",
            "activations",
            "keys and values",
        ):
            assert name in shown
        assert "MiB" in shown


def test_an_op_without_a_rule_is_never_a_silent_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from getspec.ops.base import SAVES

    monkeypatch.delitem(SAVES, "tanh")
    text = SMALL.replace("return fc(x)", "return tanh(fc(x))")
    path = str(write(tmp_path, spec=text))
    shown = run(capsys, path, "--shape", "B=2")
    assert ">= " in shown
    assert "no rule for memory: tanh" in shown
    document = json.loads(run(capsys, path, "--json"))
    assert (document["lower_bound"], document["unknown_ops"]) == (True, ["tanh"])
