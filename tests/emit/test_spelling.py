"""Small matters of spelling in the generated file, where a formatter or a reader would stumble."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec

SPEC = """\
getspec: 1
model: Net
config: {dim: 8, bin_size: 4}
inputs: {x: "float[B, dim, bin_size * N]"}
components:
  twice: {type: Double}
  pool: {type: conv1d, in_channels: dim, out_channels: dim, kernel_size: 2, stride: 2}
forward: |
  x = pool(x)
  return twice(x) * dim ** -0.5 + (dim + 1) ** 2
blocks:
  Double:
    inputs: {x: "float[B, C, L]"}
    forward: |
      return x + x
"""


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return [line.strip() for line in getspec.load(path).generate().splitlines()]


def test_powers_of_names_and_numbers_stand_close(lines: list[str]) -> None:
    assert "return self.twice(x) * self.dim**-0.5 + (self.dim + 1) ** 2" in lines


def test_a_class_that_keeps_nothing_has_no_constructor(lines: list[str]) -> None:
    assert lines.count("super().__init__()") == 1
    assert "class Double(nn.Module):" in lines


def test_a_run_time_size_that_divides_is_shown_divided(lines: list[str]) -> None:
    assert "x = self.pool(x)  # (B, dim, 2*N)" in lines
