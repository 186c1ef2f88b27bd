"""Functions of a spec: their variants, and what they ask of run time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import getspec

HEAD = """\
getspec: 1
model: Net
"""
MODES = """\
inputs: {x: "float[B, 4]"}
components: {f: {type: linear, in_features: 4, out_features: 4}}
forward: |
  x = e(f(x), mode="a")
  x = e(x, mode="b")
  return e(x, mode="c")
functions:
  e:
    params: {mode: str}
    inputs: {x: "float[B, D]"}
    forward: |
      if mode == "a":
        x = x + 1.0
      else:
        x = x + 2.0
      return x
"""
COUNTED = """\
inputs: {t: "int[B]"}
components: {f: {type: linear, in_features: 1, out_features: 4}}
forward: |
  return f(column(t))
functions:
  column:
    inputs: {t: "int[B]"}
    forward: |
      return cast(t[:, None], float)
"""
NOTHING = """\
inputs: {x: "float[B, 4]"}
components: {offset: {type: Offset}}
forward: |
  return x + offset()
blocks:
  Offset:
    inputs: {}
    forward: |
      return ones([4])
"""
SCALARS = """\
inputs: {x: "float[B]"}
forward: |
  total = sum(x, 0)
  return reshape(total, []) + expand(total, []) + permute(total, []) + zeros([]) + ones([])
"""


def made(tmp_path: Path, text: str) -> getspec.Spec:
    (tmp_path / "net.yaml").write_text(HEAD + text, encoding="utf-8")
    return getspec.load(tmp_path / "net.yaml")


def test_each_variant_has_a_name_of_its_own_and_equal_ones_are_one(tmp_path: Path) -> None:
    text = made(tmp_path, MODES).generate()
    assert re.findall(r"^def (.*)$", text, re.M) == [
        "e(x: Tensor) -> Tensor:",
        "e2(x: Tensor) -> Tensor:",
    ]
    *_, forward = text.split("def forward")
    assert re.findall(r"\be\d*(?=\()", forward) == ["e", "e2", "e2"]


@pytest.mark.torch
def test_the_dtype_of_what_has_no_float_input_is_the_default(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    out = made(tmp_path, COUNTED).build()(torch.tensor([1, 2]))
    assert out.dtype == torch.get_default_dtype()
    assert out.shape == (2, 4)


@pytest.mark.torch
def test_what_has_neither_inputs_nor_weights_runs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    assert torch.equal(made(tmp_path, NOTHING).build()(torch.ones(2, 4)), torch.full((2, 4), 2.0))


@pytest.mark.torch
def test_shapes_without_axes_run(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    assert made(tmp_path, SCALARS).build()(torch.ones(2)) == 7
