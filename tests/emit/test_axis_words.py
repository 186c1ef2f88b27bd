"""Run-time sizes in generated `forward` methods."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec

SPEC = """\
getspec: 1
model: Net
config: {patch: 4}
inputs: {x: "float[B, patch * N]"}
forward: |
  return reshape(x, [B, N, patch])
"""


@pytest.mark.torch
def test_a_size_follows_the_setting_that_its_axis_is_a_multiple_of(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    x = torch.arange(12.0).reshape(1, 12)
    for patch in (4, 3):
        assert torch.equal(getspec.load(path).build(patch=patch)(x), x.reshape(1, -1, patch))
