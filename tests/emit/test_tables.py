"""Tables and lines for a terminal, letter by letter."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from writing import load

from getspec.api import Spec
from getspec.checkpoint import Comparison
from getspec.emit.text import comparison_text, count_table, table, tensor_table, verdict_line

SPEC = """\
getspec: 1
model: Net
config: {dim: 30, depth: 3}
inputs: {ids: "int[B, N]"}
components:
  embed: {type: embedding, num_embeddings: 7, embedding_dim: dim}
  scale: {type: parameter, shape: [dim], init: ones, trainable: false}
  table: {type: buffer, value: "linspace(0, 1, dim)"}
  series:
    type: sequential
    layers:
      - {type: linear, in_features: dim, out_features: dim}
      - {type: gelu}
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
  head: {type: linear, in_features: dim, out_features: 7, bias: false}
tie: {head.weight: embed.weight}
forward: |
  x = series(embed(ids) * scale + cast(table, float))
  for layer in layers:
    x = layer(x)
  return head(x)
"""


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return load(tmp_path, SPEC)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [("a", "bb", ""), ("ccc", "d", "e"), ("", "", "")]
    assert table(rows, "<><") == ["a    bb", "ccc   d  e", ""]


def test_a_count(spec: Spec) -> None:
    assert count_table(spec.count()) == COUNT


def test_a_count_down_to_a_depth(spec: Spec) -> None:
    shown = count_table(spec.count(), 1)
    assert "series" in shown
    assert "series.0" not in shown
    assert "layers.*" in shown, "a list is no level"
    assert count_table(spec.count(), 0).split("\n")[:2] == ["Net  3,960 parameters", ""]
    assert "type" not in count_table(spec.count(), 0), "no rows, no head"


def test_tensors(spec: Spec) -> None:
    assert tensor_table(spec.count()) == TENSORS


COUNT = """\
Net  3,960 parameters

            type        repeat  params      %
scale       parameter               30   0.76
embed       embedding              210   5.30
series      sequential             930  23.48
  series.0  linear                 930  23.48
  series.1  gelu                     0   0.00
layers.*    linear          x3   2,790  70.45
head        linear                   0   0.00

total      3,960
trainable  3,930
frozen     30
buffers    30  (elements; not parameters)
tied       head.weight = embed.weight  (counted once)"""
TENSORS = """\
name             shape     elements
scale            [30]            30  frozen
embed.weight     [7, 30]        210
series.0.weight  [30, 30]       900
series.0.bias    [30]            30
layers.0.weight  [30, 30]       900
layers.0.bias    [30]            30
layers.1.weight  [30, 30]       900
layers.1.bias    [30]            30
layers.2.weight  [30, 30]       900
layers.2.bias    [30]            30
head.weight      [7, 30]        210
table            [30]            30  buffer"""

COMPARED = {
    (): "m.pt loads strictly: 3 tensors",
    ("missing",): "missing     a.weight  (the checkpoint has `b\\nc` of this shape)\n"
    "missing     z\n2 missing, 0 unexpected, 0 misshaped of 3",
    ("unexpected",): "unexpected  e\\x1b\n0 missing, 1 unexpected, 0 misshaped of 3",
    ("misshaped",): "misshaped   w: the model has [2, 3], the checkpoint [3, 2]\n"
    "0 missing, 0 unexpected, 1 misshaped of 3",
}


@pytest.mark.parametrize("wrong", COMPARED)
def test_a_comparison_with_a_checkpoint(wrong: tuple[str, ...]) -> None:
    problems = {
        "missing": (("a.weight", "b\nc"), ("z", None)),
        "unexpected": ("e\x1b",),
        "misshaped": (("w", (2, 3), (3, 2)),),
    }
    found = Comparison(
        checked=3, **{name: problems[name] if name in wrong else () for name in problems}
    )
    assert comparison_text(found, "m.pt") == COMPARED[wrong]


@pytest.mark.parametrize(
    ("ok", "check", "detail", "seconds", "line"),
    [
        (True, "outputs", "a\nb", 1.25, "ok    Net  outputs         a\\nb  (1.2 s)"),
        (False, "parameters", "3 differ", 0.04, "FAIL  Net  parameters      3 differ  (0.0 s)"),
    ],
)
def test_a_verdict(ok: bool, check: str, detail: str, seconds: float, line: str) -> None:
    verdict = SimpleNamespace(model="Net", check=check, ok=ok, detail=detail, seconds=seconds)
    assert verdict_line(verdict) == line  # type: ignore[arg-type]
