"""Scaled dot-product attention: what the generated file computes in training and in evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import getspec
from getspec.ops.attention import sdpa
from getspec.ops.base import ShapeError, Tensor
from getspec.ops.storage import Policy
from getspec.passes.activations import activations
from getspec.sizes import Size

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


WINDOW = """\
getspec: 1
model: Net
config: {window: 3}
inputs: {q: "float[B, 4, N, 6]", k: "float[B, 2, N, 6]"}
components:
  scale: {type: parameter, shape: [1], init: ones}
forward: |
  return sdpa(q * scale, k, k, ARGUMENTS)
"""
INSIDE = "causal=True, window=window"


def windowed(tmp_path: Path, arguments: str) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(WINDOW.replace("ARGUMENTS", arguments))
    return getspec.load(path)


@pytest.mark.torch
def test_a_window_is_the_mask_that_it_stands_for(tmp_path: Path) -> None:
    """Keys of later places, and of those further back than the window, have no part in a result."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention as attention

    model = windowed(tmp_path, INSIDE).build()
    q, k = torch.randn(2, 4, 7, 6), torch.randn(2, 2, 7, 6)
    back = torch.arange(7)[:, None] - torch.arange(7)
    near = (back >= 0) & (back < 3)
    torch.testing.assert_close(model(q, k), attention(q, k, k, attn_mask=near, enable_gqa=True))


def test_a_window_ends_the_cache_and_not_what_a_token_needs(tmp_path: Path) -> None:
    """Key and value of a token, of two heads of six, in float32."""
    token = 2 * (6 + 6) * 4
    found = {a: activations(windowed(tmp_path, a).model) for a in ("causal=True", INSIDE)}
    assert {kept.total("keys") for kept in found.values()} == {Size.of(token)}
    cache = found[INSIDE].total("cache").value
    assert str(found["causal=True"].total("cache").value) == f"{token}*B*N"
    assert [cache.evaluate({"B": 5, "N": n}) for n in (1, 2, 3, 4, 99)] == [
        5 * token * n for n in (1, 2, 3, 3, 3)
    ]


@pytest.mark.parametrize("arguments", ["window=3", "causal=True, window=0"])
def test_a_window_is_of_causal_attention_and_sees_something(tmp_path: Path, arguments: str) -> None:
    with pytest.raises(getspec.SpecError, match="window"):
        windowed(tmp_path, arguments)


HEADS, KEYS = (2, 4, 5, 6), (2, 2, 7, 6)


def typed(shape: tuple[int, ...], dtype: str = "float") -> Tensor:
    return Tensor(dtype, tuple(map(Size.of, shape)))


@pytest.mark.parametrize(
    ("given", "message", "argument"),
    [
        ({"q": typed((2, 5, 6))}, "q wants axes [B, H, N, K], this is float[2, 5, 6]", "q"),
        ({"k": typed(KEYS, "int")}, "k wants the model's float, this is int[2, 2, 7, 6]", "k"),
        ({"q": typed((2, 4, 5, 8))}, "q has head_dim 8 and k has 6", "k"),
        ({"q": typed((2, 3, 5, 6))}, "2 key heads do not divide 3 query heads", "k"),
        (
            {"v": typed((2, 2, 8, 6))},
            "batch, heads and length disagree:"
            " q float[2, 4, 5, 6], k float[2, 2, 7, 6], v float[2, 2, 8, 6]",
            None,
        ),
        (
            {"mask": typed((5, 7), "bool"), "causal": True},
            "give either a mask or causal=True",
            "causal",
        ),
        (
            {"mask": typed((5, 7), "int")},
            "the mask is bool or the model's float, this is int[5, 7]",
            "mask",
        ),
        (
            {"mask": typed((3, 2, 4, 5, 7))},
            "the mask float[3, 2, 4, 5, 7] does not broadcast to the scores",
            "mask",
        ),
        ({"window": Size.of(3)}, "a window is of causal attention", "window"),
        ({"window": Size.of(0), "causal": True}, "a window of 0 sees nothing", "window"),
    ],
)
def test_a_refusal_names_the_culprit(
    given: dict[str, Any], message: str, argument: str | None
) -> None:
    arguments = {"q": typed(HEADS), "k": typed(KEYS), "v": typed(KEYS), **given}
    with pytest.raises(ShapeError) as caught:
        sdpa(**arguments)
    assert (caught.value.message, caught.value.argument) == (message, argument)


KEPT = """\
getspec: 1
model: Net
inputs: {q: "float[B, 4, N, 6]", k: "float[B, 2, N, 6]", mask: "bool[N, N]"}
components:
  scale: {type: parameter, shape: [1], init: ones}
forward: |
  return sdpa(q * scale, k * scale, k * scale ARGUMENTS)
"""
QUERY, KEY = 4 * 4 * 6, 4 * 2 * 6
"""Bytes of one token: four heads of six in float32, and two."""
FUSED = QUERY + 2 * KEY + QUERY + 4 * 4
"""Query, key, value and result, and one number for each row."""


@pytest.mark.parametrize(
    ("kernel", "arguments", "saved", "weights"),
    [
        ("fused", "", f"{FUSED}*B*N", "0"),
        ("fused", ", mask=mask", f"{FUSED}*B*N + 4*N**2", "0"),
        ("eager", "", f"{3 * QUERY}*B*N", f"{4 * 4}*B*N**2"),
        ("eager", ", mask=mask", f"{3 * QUERY}*B*N", f"{4 * 4}*B*N**2"),
    ],
)
def test_what_each_kernel_keeps(
    tmp_path: Path, kernel: str, arguments: str, saved: str, weights: str
) -> None:
    """The eager one has keys and values for each head of the queries, and every weight; a mask is added, and not kept."""
    path = tmp_path / "net.yaml"
    path.write_text(KEPT.replace(" ARGUMENTS", arguments))
    kept = activations(getspec.load(path).model, Policy(attention=kernel))
    assert str(kept.total("saved").value) == saved
    assert str(kept.total("attention").value) == weights
