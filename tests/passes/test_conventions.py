"""Numbers of other tools and papers: by hand where they are of one layer, and as published. tests/parity runs the tools."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from committed import MODELS, NAMES, SPECS
from writing import load

import getspec
from getspec.cli import LIKE, main
from getspec.errors import UsageError
from getspec.passes.conventions import CONVENTIONS, Like, like
from getspec.passes.cost import attention, cost, multiplied
from getspec.passes.memory import memory

GPT2 = SPECS / "zoo" / "gpt2.yaml"
B, N = 2, 1024

LAYERS = """\
getspec: 1
model: Net
inputs: {image: "float[B, 4, 6, 6]", other: "float[B, 8]"}
components:
  conv: {type: conv2d, in_channels: 4, out_channels: 6, kernel_size: 3}
  batch: {type: batch_norm2d, num_features: 6}
  linear: {type: linear, in_features: 4, out_features: 8}
  norm: {type: layer_norm, dim: 8}
  plain: {type: layer_norm, dim: 8, affine: false}
forward: |
  x = interpolate(batch(conv(image)), 2, mode="bilinear")
  x = plain(norm(linear(rearrange(x, "b c h (n w) -> b (c h n) w", w=4))))
  return einsum("b n d, b d -> b n", x @ ones([B, 8, 8]), other)
"""
CONV, LINEAR, PRODUCT, EINSUM = (
    4 * 4 * 6 * 4 * 9,  # at each of 4 x 4 places, 6 channels from 4 by 3 x 3
    6 * 8 * 2 * 4 * 8,  # (6 * 8 * 2) rows of 4 as 8
    6 * 8 * 2 * 8 * 8,
    6 * 8 * 2 * 8,
)
NORMS = 6 * 16 * 2 + 96 * 8 * (5 + 4)
RESIZED = 4 * 6 * 64

TOKENS = """\
getspec: 1
model: Tokens
inputs:
  ids: {type: "int[B, N]", below: 16}
  memory: "float[B, M, 8]"
components:
  embed: {type: embedding, num_embeddings: 16, embedding_dim: 8}
  head: {type: linear, in_features: 8, out_features: 16, bias: false}
forward: |
  x = embed(ids)
  q = rearrange(x, "b n (h k) -> b h n k", h=2)
  k = rearrange(KEYS, "b n (h k) -> b h n k", h=2)
  x = rearrange(sdpa(q, k, k), "b h n k -> b n (h k)")
  return RESULT
"""

BLOCK = """\
getspec: 1
model: Scaled
inputs: {x: "float[B, N, 3]"}
components:
  scale: {type: Scale}
forward: |
  return scale(scale(x))

blocks:
  Scale:
    params: {}
    inputs: {x: "float[B, N, 3]"}
    components:
      weight: {type: parameter, shape: [3], init: ones}
      bias_table: {type: parameter, shape: [5], init: zeros}
      gain: {type: parameter, shape: [3], init: ones}
    forward: |
      return x * weight * gain + mean(bias_table, 0)
"""


def found(model: getspec.Spec, name: str) -> Like:
    active = memory(model.model).active
    return like(model.model, name, cost(model.model).total, active)


def of(folder: Path, name: str, text: str) -> Like:
    model = load(folder, text, {}).model
    return like(model, name, cost(model).total, 0)


def gpt2(name: str) -> int:
    number = found(getspec.load(GPT2), name).at({"B": B, "N": N}).number.constant
    assert number is not None
    return number


def test_the_command_line_offers_what_there_is() -> None:
    assert tuple(CONVENTIONS) == LIKE


class TestTools:
    def test_what_is_the_same_for_all(self, tmp_path: Path) -> None:
        ours = of(tmp_path, "fvcore", LAYERS).ours
        assert str(ours) == f"{CONV + LINEAR + PRODUCT + EINSUM}*B"

    def test_fvcore(self, tmp_path: Path) -> None:
        number = of(tmp_path, "fvcore", LAYERS).number
        assert str(number) == f"{CONV + LINEAR + PRODUCT + EINSUM + NORMS + RESIZED}*B"

    def test_torchinfo(self, tmp_path: Path) -> None:
        number = of(tmp_path, "torchinfo", LAYERS).number
        conv = 16 * (6 * 4 * 9 + 6)
        assert str(number) == f"{conv + 2 * 6 + (4 * 8 + 8) + 2 * 8}*B"

    def test_a_block_without_layers_is_a_layer_to_torchinfo(self, tmp_path: Path) -> None:
        """By the names of its parameters; twice, as it is called twice."""
        number = of(tmp_path, "torchinfo", BLOCK).number
        assert str(number) == f"{2 * 5}*B*N + {2 * 3}*B"

    def test_deepspeed(self, tmp_path: Path) -> None:
        number = of(tmp_path, "deepspeed", LAYERS).number
        assert str(number) == f"{CONV + LINEAR + PRODUCT}*B"

    def test_fvcore_does_not_see_fused_attention(self) -> None:
        attention = 12 * 2 * B * N * N * 768
        norms = 25 * 5 * B * N * 768
        ours = cost(getspec.load(GPT2).model).total.forward.value.evaluate({"B": B, "N": N}) // 2
        assert gpt2("fvcore") == ours - attention + norms


class TestPapers:
    def test_palm_is_the_number_of_nanogpt(self) -> None:
        """Its transformer_sizing notebook leaves out biases and the table of positions."""
        missing = 124_439_808 - 124_337_664 + 1024 * 768
        assert gpt2("palm") == B * (875_062_886_400 + 6 * N * missing)

    def test_megatron_as_it_is_printed(self) -> None:
        s, h, layers, V = N, 768, 12, 50257
        bracket = 1 + Fraction(s, 6 * h) + Fraction(V, 16 * layers * h)
        assert gpt2("megatron") == 96 * B * s * layers * h**2 * bracket

    def test_6nd(self) -> None:
        assert gpt2("6nd") == 6 * 124_439_808 * B * N

    def test_6nd_takes_the_experts_that_a_token_meets(self) -> None:
        model = getspec.load(SPECS / "zoo" / "mixtral-8x7b.yaml")
        number = found(model, "6nd").at({"B": 1, "N": 1}).number.constant
        assert number == 6 * 12_879_925_248

    @pytest.mark.parametrize("name", ["palm", "megatron", "6nd"])
    def test_no_number_without_tokens(self, name: str) -> None:
        model = getspec.load(SPECS / "zoo" / "vit-b16.yaml")
        with pytest.raises(UsageError, match="does not start from a batch of tokens"):
            found(model, name)

    @pytest.mark.parametrize("name", ["palm", "megatron"])
    def test_no_number_where_attention_is_not_over_the_tokens(
        self, tmp_path: Path, name: str
    ) -> None:
        own = TOKENS.replace("RESULT", "head(x)")
        assert of(tmp_path, name, own.replace("KEYS", "x")).number.constant != 0
        with pytest.raises(UsageError, match="self-attention over all tokens"):
            of(tmp_path, name, own.replace("KEYS", "memory"))

    def test_megatron_wants_logits(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="returns no logits"):
            of(tmp_path, "megatron", TOKENS.replace("RESULT", "x").replace("KEYS", "x"))


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_palm_is_6nd_and_attention(path: Path) -> None:
    """Of every model that it is of; attention as the cost pass adds it up, three times for a forward and a backward pass."""
    model = getspec.load(path)
    try:
        number = found(model, "palm").number
    except UsageError as refused:
        assert "the formula of palm" in refused.message  # noqa: PT017
        return
    attending = 3 * cost(model.model, attention(multiplied)).total.forward
    assert number == found(model, "6nd").number + attending.value


def test_the_line_and_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["cost", str(GPT2), "--shape", f"B={B},N={N}", "--like", "palm"]
    assert main(asked) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("like")]
    assert line.startswith(f"like palm  {gpt2('palm'):,} training FLOPs; ours ")
    assert main([*asked, "--markdown"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == line
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    said = document["like"]
    assert (said["convention"], said["number"]) == ("palm", gpt2("palm"))
    assert said["ours"] == document["forward_flops"] + document["backward_flops"]
    assert main([*asked[:-2], "--json"]) == 0
    assert "like" not in json.loads(capsys.readouterr().out)


def test_parameters_of_torchinfo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", str(GPT2), "--like", "torchinfo", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["total"] == document["like"]["ours"] == 124_439_808
    assert document["like"]["number"] == 124_439_808 + 50257 * 768
    assert main(["count", str(GPT2), "--like", "torchinfo"]) == 0
    assert "like torchinfo  163,037,184 parameters" in capsys.readouterr().out
