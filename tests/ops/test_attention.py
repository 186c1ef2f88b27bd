"""Scaled dot-product attention: what the generated file computes in training and in evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from memory import kept, saved

import getspec
from getspec.ops.attention import sdpa
from getspec.ops.base import ATTENDS, COUNTED, PRODUCTS, REMEMBERS, SAVES, ShapeError, Tensor
from getspec.ops.storage import Held, Policy, Tape
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
    stays = ratio.mean(-1) > 0.5
    torch.testing.assert_close(ratio[stays], torch.full_like(ratio[stays], 4 / 3))
    assert not ratio[~stays].any()
    assert 0 < stays.sum() < 64


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
    assert {each.total("keys") for each in found.values()} == {Size.of(token)}
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
    ("kernel", "arguments", "bytes", "weights"),
    [
        ("fused", "", f"{FUSED}*B*N", "0"),
        ("fused", ", mask=mask", f"{FUSED}*B*N + 4*N**2", "0"),
        ("eager", "", f"{3 * QUERY}*B*N", f"{4 * 4}*B*N**2"),
        ("eager", ", mask=mask", f"{3 * QUERY}*B*N", f"{4 * 4}*B*N**2"),
    ],
)
def test_what_each_kernel_keeps(
    tmp_path: Path, kernel: str, arguments: str, bytes: str, weights: str
) -> None:
    """The eager one has keys and values for each head of the queries, and every weight; a mask is added, and not kept."""
    path = tmp_path / "net.yaml"
    path.write_text(KEPT.replace(" ARGUMENTS", arguments))
    found = activations(getspec.load(path).model, Policy(attention=kernel))
    assert str(found.total("saved").value) == bytes
    assert str(found.total("attention").value) == weights


VALUES = (2, 2, 7, 3)
GIVEN = {"q": typed(HEADS), "k": typed(KEYS), "v": typed(VALUES)}


@pytest.mark.parametrize(
    ("given", "message", "argument", "help"),
    [
        (
            {"k": typed(KEYS, "float32")},
            "k wants the model's float, this is float32[2, 2, 7, 6]",
            "k",
            "cast(k, float)",
        ),
        (
            {"v": typed(VALUES, "bool")},
            "v wants the model's float, this is bool[2, 2, 7, 3]",
            "v",
            "cast(v, float)",
        ),
        ({"v": typed((2, 7, 3))}, "v wants axes [B, H, N, K], this is float[2, 7, 3]", "v", None),
        ({"k": typed((7, 6))}, "k wants axes [B, H, N, K], this is float[7, 6]", "k", None),
        (
            {"q": typed((3, 4, 5, 6))},
            "batch, heads and length disagree:"
            " q float[3, 4, 5, 6], k float[2, 2, 7, 6], v float[2, 2, 7, 3]",
            None,
            None,
        ),
        ({"dropout": 1.0}, "a probability is in [0, 1), this is 1.0", "dropout", None),
        (
            {"window": Size.of(3), "mask": typed((5, 7))},
            "a window is of causal attention",
            "window",
            "causal=True, or a mask without a window",
        ),
    ],
)
def test_a_refusal_says_what_would_do(
    given: dict[str, Any], message: str, argument: str | None, help: str | None
) -> None:
    with pytest.raises(ShapeError) as caught:
        sdpa(**{**GIVEN, **given})
    found = caught.value
    assert (found.message, found.argument, found.help) == (message, argument, help)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"causal": True, "window": Size.of(1)},
        {"dropout": 0.5, "scale": 2.0},
        {"mask": typed((5, 7), "bool")},
        {"mask": typed((2, 4, 5, 7))},
        {"mask": typed((1, 7))},
        {"k": typed((2, 4, 7, 6)), "v": typed((2, 4, 7, 3))},
    ],
)
def test_each_query_gets_a_value(given: dict[str, Any]) -> None:
    assert sdpa(**{**GIVEN, **given}) == typed((2, 4, 5, 3))


def test_work_and_memory_of_what_is_attended() -> None:
    """Scores of 4 heads of 5 queries with 7 keys each, twice; what is remembered is that of the 2 heads of keys."""
    for causal in (False, True):
        scores, average = PRODUCTS["sdpa"](**GIVEN, causal=causal, dropout=0.5)
        assert (scores.flops, average.flops) == (2 * 2 * 4 * 5 * 7 * 6, 2 * 2 * 4 * 5 * 7 * 3)
        assert scores.operands == (("q",), ("k",))
        assert average.operands == (("q", "k"), ("v",))
        assert (scores.causal, average.causal) == (causal, causal)
    assert not any(product.causal for product in PRODUCTS["sdpa"](**GIVEN))
    assert COUNTED["sdpa"]("fvcore", **GIVEN) == 0
    assert COUNTED["sdpa"]("deepspeed", **GIVEN) is None
    assert ATTENDS["sdpa"](**GIVEN) == (4 * 6, 4 * 6 * 2 * 5 * 7)
    remembers = REMEMBERS["sdpa"]
    assert remembers(**GIVEN) == (0, 0)
    assert remembers(**GIVEN, causal=True) == (2 * (6 + 3), 2 * 7)
    assert remembers(**GIVEN, causal=True, window=Size.of(3)) == (2 * (6 + 3), 2 * 3)


def held(
    policy: Policy, grads: Iterable[str] = "", **types: Tensor
) -> tuple[Tape, dict[str, Held]]:
    """A tape and what attention is given; a gradient has to reach those that are named, as `"qk"` names two."""
    tape, named = Tape(policy, {}), tuple(grads)
    return tape, {name: tape.new(x, name in named) for name, x in types.items()}


SAME = {"q": typed(HEADS), "k": typed(KEYS), "v": typed(KEYS)}
OUT = typed(HEADS)


@pytest.mark.parametrize("grads", [["q"], ["k"], ["v"], ["mask"], []])
def test_the_fused_kernel_keeps_what_it_is_given_and_a_number_for_each_row(
    grads: list[str],
) -> None:
    """If a gradient has to reach anything; a mask that has to be learnt is what it refuses."""
    tape, given = held(Policy(), grads, **SAME, mask=typed((5, 7)))
    made = SAVES["sdpa"](tape, OUT, **given)
    assert (made.type, made.grad) == (OUT, bool(grads))
    fused = bool(grads) and grads != ["mask"]
    assert kept(tape).get("attention") == ("1120" if grads == ["mask"] else None)
    assert saved(*given.values())[3] == fused
    assert saved(made) == [fused]
    if fused:
        assert saved(*given.values()) == [True] * 4
        elements = 2 * 4 * 5 * 6 + 2 * (2 * 2 * 7 * 6) + 5 * 7 + 2 * 4 * 5 * 6 + 2 * 4 * 5
        assert kept(tape) == {"saved": str(4 * elements)}


def test_a_window_is_kept_as_a_mask_of_numbers() -> None:
    """One for each pair of places, beside what is kept without it; a mask of truths becomes one as well."""
    plain, pairs = 4 * (2 * 2 * 4 * 5 * 6 + 2 * (2 * 2 * 7 * 6) + 2 * 4 * 5), 4 * 5 * 7
    for given, bytes in (
        ({}, plain),
        ({"causal": True, "window": Size.of(3)}, plain + pairs),
        ({"mask": typed((5, 7), "bool")}, plain + pairs),
    ):
        tape, tensors = held(Policy(), "qkv", **SAME)
        mask = {"mask": tape.new(given.pop("mask"))} if "mask" in given else {}
        SAVES["sdpa"](tape, OUT, **tensors, **mask, **given)
        assert kept(tape)["saved"] == str(bytes)
        assert saved(*mask.values()) == [False] * len(mask)


@pytest.mark.parametrize(
    ("changed", "fused"),
    [
        ({}, True),
        ({"dropout": 0.5}, False),
        ({"v": typed(VALUES)}, False),
        ({"mask": typed((1, 5, 7))}, False),
        ({"mask": typed((1, 1, 5, 7))}, True),
        ({"mask": typed((7,))}, False),
    ],
)
def test_the_fused_kernel_is_for_plain_attention(changed: dict[str, Any], fused: bool) -> None:
    """Of keys as wide as values, without dropout, under a mask of two axes or four; the other keeps all weights."""
    tensors = {**SAME, **{k: v for k, v in changed.items() if isinstance(v, Tensor)}}
    tape, given = held(Policy(), "qkv", **tensors)
    rate = {"dropout": changed["dropout"]} if "dropout" in changed else {}
    made = SAVES["sdpa"](tape, sdpa(**tensors), **given, **rate)
    assert (made.type, made.grad) == (sdpa(**tensors), True)
    weights = 4 * 2 * 4 * 5 * 7
    assert kept(tape).get("attention") == (None if fused else str(weights * (3 if rate else 1)))


def test_rows_that_are_not_packed_are_not_fused() -> None:
    for name in SAME:
        tape, given = held(Policy(), "qkv", **SAME)
        shape = given[name].type
        _, h, n, k = map(int, shape.shape)
        given[name] = tape.new(shape, True, strides=(h * n * k, n * k, 1, n))
        SAVES["sdpa"](tape, OUT, **given)
        assert "attention" in kept(tape)


@pytest.mark.parametrize(
    ("grads", "weights", "matrices"),
    [("q", 1, "k"), ("k", 1, "q"), ("v", 1, ""), ("qkv", 1, "qkv"), ("", 0, "")],
)
def test_the_eager_kernel_goes_step_by_step(grads: str, weights: int, matrices: str) -> None:
    """Scores keep scaled queries for keys and the other way about, and are kept as weights; values are kept for the weights.

    Keys and values are copied for each head of the queries, which is what is kept of them.
    """
    tape, given = held(Policy(attention="eager"), grads, **SAME)
    made = SAVES["sdpa"](tape, OUT, **given)
    assert (made.type, made.grad) == (OUT, bool(grads))
    assert saved(*given.values(), made) == [False] * 4
    told = kept(tape)
    assert told.get("attention", "0") == str(weights * 4 * 2 * 4 * 5 * 7)
    query, key = 4 * 2 * 4 * 5 * 6, 4 * 2 * 4 * 7 * 6
    wanted = {"q": key + key, "k": query + key, "v": 0, "qkv": query + 2 * key, "": 0}[grads]
    assert told.get("saved", "0") == str(wanted)


def test_notes_of_attention() -> None:
    """A token of two heads of keys and values; a mask over pairs of places may hide what is later."""
    for given, told in (
        ({"causal": True}, {"keys": "72", "cache": str(72 * 2 * 7)}),
        ({"causal": True, "window": Size.of(3)}, {"keys": "72", "cache": str(72 * 2 * 3)}),
        ({}, {}),
    ):
        tape, tensors = held(Policy(), "", **GIVEN)
        SAVES["sdpa"](tape, typed((2, 4, 5, 3)), **tensors, **given)
        assert kept(tape) == told
    square = {"q": typed(KEYS), "k": typed(KEYS), "v": typed(KEYS)}
    for mask, tensors, masked in (
        ((7, 7), square, True),
        ((2, 1, 7, 7), square, True),
        ((1, 7), square, False),
        ((7,), square, False),
        ((5, 7), SAME, False),
    ):
        tape, tensors = held(Policy(), "", **tensors, mask=typed(mask, "bool"))
        SAVES["sdpa"](tape, tensors["q"].type, **tensors)
        assert kept(tape) == ({"masked": "1"} if masked else {})
