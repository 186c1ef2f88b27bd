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


PARAMETERS = """\
getspec: 1
model: Net
config: {length: 4, steps: 2}
inputs: {x: "float[B, length]"}
components:
  _rows:
    type: Rows
    repeat: 2
    length: length
    steps: steps
  fixed: {type: parameter, shape: [length], trainable: false, value: "arange(length, dtype=float32)"}
forward: |
  for row in _rows:
    x = row(x)
  return x + fixed
expect:
  - {path: ., params: 20, trainable: 16, source: a paper}
blocks:
  Rows:
    params: {length: int, steps: int}
    inputs: {x: "float[B, length]"}
    components:
      table:
        type: parameter
        shape: [steps, length]
        value: expand(log(1 + arange(length, dtype=float32)), [steps, length])
    forward: |
      return x + sum(table, 0)
"""


@pytest.mark.torch
def test_a_parameter_starts_at_its_value_and_is_trained(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(PARAMETERS)
    model = getspec.load(path).build(length=3, steps=5)
    rows = torch.arange(1.0, 4.0).log().expand(5, 3)
    assert list(model.state_dict()) == ["fixed", "_rows.0.table", "_rows.1.table"]
    for row in model._rows:
        assert torch.equal(row.table, rows)
        assert row.table.requires_grad
        row.table.data.zero_()
    assert torch.equal(model.fixed, torch.arange(3.0))
    assert not model.fixed.requires_grad
    model.init_weights()
    assert torch.equal(model._rows[1].table, rows)
