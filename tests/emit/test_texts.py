"""Small texts of a generated file: docstrings and the branches of `init_weights`."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
SPEC = """\
getspec: 1
model: Net
summary: A net.
config: {vocab_size: 6, dim: 4}
inputs: {ids: "int[B]"}
init: {linear: {normal: 0.02}, embedding: {normal: 0.02}}
components:
  embed: {type: embedding, num_embeddings: vocab_size, embedding_dim: dim}
  part: {type: Part, dim: dim}
forward: |
  return part(embed(ids))
blocks:
  Part:
    summary: SUMMARY
    params: {dim: int}
    inputs: {x: "float[B, dim]"}
    components:
      proj: {type: linear, in_features: dim, out_features: dim, bias: false}
    forward: |
      return proj(x)
"""


def text(tmp_path: Path, summary: str) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.replace("SUMMARY", summary))
    return getspec.load(path).generate()


@pytest.mark.parametrize("length", range(80, 110))
def test_a_docstring_keeps_every_word(tmp_path: Path, length: int) -> None:
    summary = (WORDS + " " + WORDS)[:length].strip() + "."
    found = text(tmp_path, summary)
    doc = found.partition("class Part(nn.Module):")[2].split('"""')[1]
    assert " ".join(doc.split()) == summary
    assert max(map(len, found.split("# @generated")[0].split("\n"))) <= 100


def test_layers_that_start_alike_share_a_branch(tmp_path: Path) -> None:
    found = text(tmp_path, "A part.")
    assert found.count("std=0.02") == 1
    assert "if isinstance(module, nn.Embedding | nn.Linear):" in found
