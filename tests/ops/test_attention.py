"""Scaled dot-product attention: what the generated file computes in training and in evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec

SPEC = """\
getspec: 1
model: Net
config: {dim: 4, rate: 0.5}
inputs: {x: "float[B, N, dim]"}
components:
  scale: {type: parameter, shape: [1], init: ones}
forward: |
  h = unsqueeze(x, 1)
  return squeeze(sdpa(h, h, h * scale, dropout=RATE), 1)
"""


def spec(tmp_path: Path, rate: str) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.replace("RATE", rate))
    return getspec.load(path)


def test_a_rate_of_zero_leaves_no_trace(tmp_path: Path) -> None:
    assert "dropout_p" not in spec(tmp_path, "0.0").generate()


@pytest.mark.parametrize("rate", ["1.0", "-0.1"])
def test_a_rate_is_a_probability(tmp_path: Path, rate: str) -> None:
    with pytest.raises(getspec.SpecError, match="GS420"):
        spec(tmp_path, rate)


@pytest.mark.torch
def test_weights_are_dropped_in_training_only(tmp_path: Path) -> None:
    import torch

    model = spec(tmp_path, "rate").build(rate=0.25)
    torch.manual_seed(0)
    x = torch.randn(64, 1, 4)
    torch.testing.assert_close(model.eval()(x), x)
    ratio = model.train()(x) / x  # one key: its weight is dropped, or scaled by 1 / (1 - rate)
    kept = ratio.mean(-1) > 0.5
    torch.testing.assert_close(ratio[kept], torch.full_like(ratio[kept], 4 / 3))
    assert not ratio[~kept].any()
    assert 0 < kept.sum() < 64
