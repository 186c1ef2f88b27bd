"""Buffers with a value: the generated class computes them from its own arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec

SPEC = """\
getspec: 1
model: Net
config: {length: 4, scale: 2.0}
inputs: {x: "float[B, length]"}
components:
  ramp: {type: Ramp, length: length, scale: scale}
forward: |
  return ramp(x)
blocks:
  Ramp:
    params: {length: int, scale: float}
    inputs: {x: "float[B, length]"}
    components:
      table: {type: buffer, shape: [length], value: "scaled(arange(length, dtype=float32), scale=scale)"}
    forward: |
      return x + cast(table, float)
functions:
  scaled:
    params: {scale: 1.0}
    inputs: {x: "float32[N]"}
    forward: |
      return x * scale
"""


@pytest.mark.torch
def test_a_function_in_a_value_takes_its_settings_as_arguments(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    spec = getspec.load(path)
    for length, scale in [(4, 2.0), (3, 5.0)]:
        table = spec.build(length=length, scale=scale).ramp.table
        assert torch.equal(table, torch.arange(length) * scale)
