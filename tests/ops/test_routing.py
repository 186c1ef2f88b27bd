"""Routing: shape rules, and products of sorted rows against a loop over the rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import getspec
from getspec.ops.base import PRODUCTS, ShapeError, Tensor
from getspec.ops.routing import argsort, grouped_linear, one_hot, topk
from getspec.sizes import Size

SPEC = """\
getspec: 1
model: Net
config: {dim: 3, width: 5, num_groups: 4, top_k: 2}
inputs:
  x: float[T, dim]
  scores: float[T, num_groups]
outputs:
  y: float[T, top_k, width]
components:
  weight: {type: parameter, shape: [num_groups, width, dim], init: {normal: 1.0}}
forward: |
  best, chosen = topk(scores, top_k)
  order = argsort(flatten(chosen, 0))
  lengths = sum(one_hot(flatten(chosen, 0), num_groups), dim=0)
  y = grouped_linear(x[order // top_k], weight, lengths)
  y = rearrange(y[argsort(order)], "(t k) d -> t k d", k=top_k)
  return y * unsqueeze(best, -1)
"""
T, DIM, WIDTH, GROUPS = Size.runtime("T"), Size.of(3), Size.of(5), Size.of(4)
ROWS = Tensor("float", (T, DIM))
WEIGHT = Tensor("float", (GROUPS, WIDTH, DIM))
LENGTHS = Tensor("int", (GROUPS,))


def test_topk_gives_values_and_places() -> None:
    assert topk(ROWS, Size.of(2)) == (
        Tensor("float", (T, Size.of(2))),
        Tensor("int", (T, Size.of(2))),
    )
    assert topk(ROWS, Size.of(2), dim=0)[0] == Tensor("float", (Size.of(2), DIM))


def test_one_hot_adds_an_axis() -> None:
    assert one_hot(LENGTHS, Size.of(7)) == Tensor("int", (GROUPS, Size.of(7)))


def test_argsort_gives_places() -> None:
    assert argsort(ROWS) == Tensor("int", (T, DIM))


def test_grouped_linear_takes_rows_to_rows() -> None:
    assert grouped_linear(ROWS, WEIGHT, LENGTHS) == Tensor("float", (T, WIDTH))


def test_each_row_meets_one_matrix_however_many_there_are() -> None:
    (product,) = PRODUCTS["grouped_linear"](ROWS, WEIGHT, LENGTHS)
    assert product.flops == 2 * T * DIM * WIDTH


@pytest.mark.parametrize(
    "bad",
    [
        lambda: topk(ROWS, Size.of(4)),
        lambda: topk(ROWS, Size.of(0)),
        lambda: topk(ROWS, Size.runtime("K")),
        lambda: topk(Tensor("bool", (T,)), Size.of(1)),
        lambda: argsort(Tensor("bool", (T,))),
        lambda: argsort(ROWS, dim=2),
        lambda: one_hot(ROWS, Size.of(7)),
        lambda: grouped_linear(Tensor("float", (T, WIDTH)), WEIGHT, LENGTHS),
        lambda: grouped_linear(Tensor("float32", (T, DIM)), WEIGHT, LENGTHS),
        lambda: grouped_linear(ROWS, Tensor("float", (WIDTH, DIM)), LENGTHS),
        lambda: grouped_linear(ROWS, Tensor("float32", WEIGHT.shape), LENGTHS),
        lambda: grouped_linear(ROWS, WEIGHT, Tensor("int", (WIDTH,))),
        lambda: grouped_linear(ROWS, WEIGHT, Tensor("float", (GROUPS,))),
    ],
)
def test_what_does_not_fit_is_refused(bad: Callable[[], Any]) -> None:
    with pytest.raises(ShapeError):
        bad()


def built(tmp_path: Path) -> Any:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    torch.manual_seed(0)
    return getspec.load(path).build().double()


def row_by_row(model: Any, x: Any, scores: Any) -> Any:
    """The same without sorting: each row with a matrix of its own."""
    import torch

    best, chosen = scores.topk(2)
    rows = [
        torch.stack(
            [value * (model.weight[group] @ row) for value, group in zip(v, g, strict=True)]
        )
        for row, v, g in zip(x, best, chosen, strict=True)
    ]
    return torch.stack(rows)


@pytest.mark.torch
def test_rows_meet_the_matrices_that_they_chose(tmp_path: Path) -> None:
    import torch

    model = built(tmp_path)
    x = torch.randn(7, 3, dtype=torch.double, requires_grad=True)
    scores = torch.randn(7, 4, dtype=torch.double)
    scores[:, 1] = -10.0  # a group that no row chooses
    wanted = row_by_row(model, x, scores)
    found = model(x, scores)
    torch.testing.assert_close(found, wanted)
    upstream = torch.randn_like(found)
    grads = torch.autograd.grad(found, (x, model.weight), upstream)
    assert not grads[1][1].any()
    torch.testing.assert_close(grads, torch.autograd.grad(wanted, (x, model.weight), upstream))


@pytest.mark.torch
def test_equal_values_keep_their_order(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "net.yaml"
    path.write_text(
        "getspec: 1\nmodel: Net\ninputs: {x: 'float[B, N]'}\nforward: |\n  return argsort(x, dim=0)\n"
    )
    x = torch.randint(3, (50, 2)).float()
    assert torch.equal(getspec.load(path).build()(x), x.argsort(dim=0, stable=True))


@pytest.mark.torch
def test_flop_counter_sees_the_chosen_products_on_the_meta_device(tmp_path: Path) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = built(tmp_path).to("meta")
    inputs = [torch.empty(7, n, dtype=torch.double, device="meta") for n in (3, 4)]
    with FlopCounterMode(display=False) as counter:
        assert model(*inputs).shape == (7, 2, 5)
    assert counter.get_total_flops() == 2 * (7 * 2) * 3 * 5


@pytest.mark.slow
@pytest.mark.torch
def test_it_compiles_to_one_graph(tmp_path: Path) -> None:
    import torch

    model = built(tmp_path)
    x, scores = torch.randn(7, 3, dtype=torch.double), torch.randn(7, 4, dtype=torch.double)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    found = compiled(x, scores)
    torch.testing.assert_close(found, model(x, scores))
    wanted = torch.autograd.grad(model(x, scores).sum(), model.weight)
    torch.testing.assert_close(torch.autograd.grad(found.sum(), model.weight), wanted)
