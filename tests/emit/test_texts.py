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


AFFINE = """\
getspec: 1
model: Net
summary: A net.
config: {dim: 4}
inputs: {x: "float[B, dim]"}
init: {layer_norm: ones}
components:
  norm: {type: layer_norm, dim: dim, bias: false}
  plain: {type: layer_norm, dim: dim, affine: false}
forward: |
  return plain(norm(x))
"""


def test_one_condition_within_another_is_one_line(tmp_path: Path) -> None:
    (path := tmp_path / "net.yaml").write_text(AFFINE)
    found = getspec.load(path).generate()
    assert "if isinstance(module, nn.LayerNorm) and module.weight is not None:" in found


LEVELS = """\
getspec: 1
model: Net
summary: A net.
config: {dim: 4, depth: DEPTH}
inputs:
  levels: {type: "float[B, SHAPE, H, W]", repeat: depth, index: i}
forward: |
  return levels[0], levels[-1]
"""


def documented(tmp_path: Path, depth: int, shape: str) -> list[str]:
    """The lines that say what a model takes and gives."""
    path = tmp_path / "net.yaml"
    path.write_text(LEVELS.replace("DEPTH", str(depth)).replace("SHAPE", shape))
    doc = getspec.load(path).generate().partition("class Net(nn.Module):")[2].split('"""')[1]
    return [line.strip() for line in doc.splitlines()[2:] if line.strip()]


def test_equal_shapes_of_a_list_are_written_once(tmp_path: Path) -> None:
    assert documented(tmp_path, 1, "dim")[0] == "levels [(B, dim, H, W)]"
    shapes = "levels [(B, 1, H, W), 8 x (B, dim, H, W)]"
    assert documented(tmp_path, 9, "1 if i == 0 else dim")[0] == shapes


def test_a_long_list_of_shapes_is_broken_between_them(tmp_path: Path) -> None:
    *takes, _ = documented(tmp_path, 12, "dim if i % 2 == 0 else 1")
    assert len(takes) > 1
    assert max(map(len, takes)) <= 96
    assert " ".join(takes).count("(B, ") == 12
    assert all(line.endswith(",") for line in takes[:-1])
