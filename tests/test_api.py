"""The Python interface, as the README promises it."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

import getspec
from getspec.passes.cost import cost
from getspec.passes.formula import formula

ROOT = Path(__file__).resolve().parent.parent
DIFFUSION = ROOT / "specs" / "diffusion.yaml"


def test_load_takes_overrides_and_count_is_exact() -> None:
    assert getspec.load(DIFFUSION).count().total == 128_767_003
    deeper = getspec.load(DIFFUSION, set={"num_layers": 13}).count().total
    assert deeper == 128_767_003 + 10_628_352


def test_generate_is_a_module_of_the_models_name() -> None:
    text = getspec.load(DIFFUSION).generate()
    assert "class GETRegionDiffusion(nn.Module):" in text
    assert "import getspec" not in text


def test_diff_takes_specs_and_paths() -> None:
    a, b = ROOT / "specs" / "pretrain.yaml", getspec.load(DIFFUSION)
    assert getspec.diff(a, b).delta == 43_282_944
    assert getspec.diff(b, b).identical


def test_errors_are_exceptions_with_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("getspec: 1\nmodel: Bad\ncomponents:\n  a: {type: liner}\n  b: {type: nrm}\n")
    with pytest.raises(getspec.SpecError) as caught:
        getspec.load(path)
    assert len(caught.value.diagnostics) == 2
    with pytest.raises(getspec.UsageError):
        getspec.load(tmp_path / "missing.yaml")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, getspec; print(sorted({'torch', 'pydantic', 'yaml', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.torch
def test_build_gives_an_instance_at_any_size() -> None:
    import torch

    model = getspec.load(DIFFUSION).build(embed_dim=24, num_heads=3, num_layers=2, num_motif=7)
    assert type(model).__name__ == "GETRegionDiffusion"
    assert isinstance(model, torch.nn.Module)
    assert model.head_mask.weight.shape == (7, 24)
    assert len(model.encoder.blocks) == 2


@pytest.mark.torch
def test_build_compiles_structural_choices_in(tmp_path: Path) -> None:
    path = tmp_path / "flag.yaml"
    path.write_text(
        "getspec: 1\nmodel: Flag\nconfig: {dim: 4, with_bias: true}\n"
        'inputs: {x: "float[B, dim]"}\ncomponents:\n'
        "  fc: {type: linear, in_features: dim, out_features: dim, bias: with_bias}\n"
        "forward: |\n  return fc(x)\n"
    )
    spec = getspec.load(path)
    assert spec.build().fc.bias is not None
    small = spec.build(with_bias=False, dim=2)
    assert small.fc.bias is None
    assert small.fc.weight.shape == (2, 2)
    with pytest.raises(getspec.UsageError):
        spec.build(dimension=3)


def test_cost_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    from getspec.cli import main

    words = ["--dtype", "bf16", "--optimizer", "sgd", "--causal", "half", "--like", "palm"]
    path = str(ROOT / "specs" / "zoo" / "gpt2.yaml")
    assert main(["cost", path, "--shape", "B=2,N=64", *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    shape = {"B": 2, "N": 64}
    found = getspec.load(path).cost(
        shape, dtype="bf16", optimizer="sgd", causal="half", like="palm"
    )
    assert found.as_json() == document
    assert found.forward.constant == document["forward_flops"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"shape": {"Q": 1}}, "no run-time size `Q`"),
        ({"dtype": "fp16"}, "`dtype` is one of: fp32"),
        ({"causal": "none"}, "`causal` is one of: full, half"),
        ({"like": "guess"}, "no convention `guess`"),
    ],
)
def test_cost_says_which_words_there_are(words: dict, message: str) -> None:
    with pytest.raises(getspec.UsageError, match=message):
        getspec.load(DIFFUSION).cost(**words)


def test_without_a_forward_there_is_no_cost(tmp_path: Path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text("getspec: 1\nmodel: Names\n")
    with pytest.raises(getspec.UsageError, match="no `forward`"):
        getspec.load(path).cost()


@pytest.mark.parametrize("name", ["diffusion", "zoo/ddpm-unet", "zoo/t5-small", "zoo/mixtral-8x7b"])
def test_a_model_that_nobody_holds_is_freed(name: str) -> None:
    """Whoever compiles a hundred thousand specs needs the memory of one: nothing in a model leads back to it."""
    path = ROOT / "specs" / f"{name}.yaml"
    getspec.load(path).generate()  # what is imported and remembered on the way stays
    gc.disable()
    try:
        spec = getspec.load(path)
        spec.count()
        spec.generate()
        cost(spec.model)
        formula(spec.model, ".", "flops")
        held = [weakref.ref(spec), weakref.ref(spec.model.root), weakref.ref(spec.compiled)]
        del spec
        assert [each() for each in held] == [None, None, None]
    finally:
        gc.enable()


def test_garbage_of_others_is_found_between_models() -> None:
    class Loop:
        """Something that holds itself."""

        def __init__(self) -> None:
            self.me = self

    before = gc.get_threshold()
    gc.set_threshold(10**9)  # none is found by itself
    try:
        loop = weakref.ref(Loop())
        getspec.load(DIFFUSION)
        assert loop() is None, "what is young does not become old unread"
    finally:
        gc.set_threshold(*before)
