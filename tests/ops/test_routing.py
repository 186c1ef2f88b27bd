"""Routing: shape rules, and products of sorted rows against a loop over the rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memory import kept, saved, typed

import getspec
from getspec.ops.base import COUNTED, PRODUCTS, SAVES, ShapeError, Tensor
from getspec.ops.routing import argsort, grouped_linear, one_hot, topk
from getspec.ops.storage import Policy, Tape
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
    for k, dim, shape in (
        (1, -1, (T, 4, 1)),
        (5, 2, (T, 4, 5)),
        (4, -2, (T, 4, 5)),
        (9, 0, (9, 4, 5)),
    ):
        values, places = topk(typed(T, 4, 5, dtype="float32"), Size.of(k), dim)
        assert (values, places) == (typed(*shape, dtype="float32"), typed(*shape, dtype="int"))


def test_one_hot_adds_an_axis() -> None:
    assert one_hot(LENGTHS, Size.of(7)) == Tensor("int", (GROUPS, Size.of(7)))


def test_argsort_gives_places() -> None:
    assert argsort(ROWS) == Tensor("int", (T, DIM))


def test_grouped_linear_takes_rows_to_rows() -> None:
    assert grouped_linear(ROWS, WEIGHT, LENGTHS) == Tensor("float", (T, WIDTH))


def test_each_row_meets_one_matrix_however_many_there_are() -> None:
    (product,) = PRODUCTS["grouped_linear"](ROWS, WEIGHT, LENGTHS)
    assert product.flops == 2 * T * DIM * WIDTH
    assert product.operands == (("x",), ("weight",))
    counted = COUNTED["grouped_linear"]
    given = {"x": ROWS, "weight": WEIGHT, "lengths": LENGTHS}
    assert (counted("fvcore", **given), counted("deepspeed", **given)) == (Size.of(0), None)


SHORT, WIDE = typed(T, WIDTH), typed(T, DIM, dtype="float32")
REFUSED: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: topk(ROWS, Size.of(4)), "the 4 largest of 3", "k"),
    (lambda: topk(ROWS, Size.of(0)), "the 0 largest of 3", "k"),
    (lambda: topk(ROWS, Size.runtime("K")), "the K largest of 3", "k"),
    (
        lambda: topk(ROWS, Size.of(2), dim=2),
        f"dim 2 is out of range for {ROWS}, which has 2 axes",
        "dim",
    ),
    (
        lambda: topk(typed(T, dtype="bool"), Size.of(1)),
        "topk is not defined for bool[T]",
        "x",
    ),
    (lambda: argsort(typed(T, dtype="bool")), "argsort is not defined for bool[T]", "x"),
    (lambda: argsort(ROWS, dim=2), f"dim 2 is out of range for {ROWS}, which has 2 axes", "dim"),
    (lambda: one_hot(ROWS, Size.of(7)), f"one_hot wants integers, this is {ROWS}", "x"),
    (
        lambda: grouped_linear(WEIGHT, WEIGHT, LENGTHS),
        f"x has 2 axes, this is {WEIGHT}",
        "x",
    ),
    (
        lambda: grouped_linear(ROWS, typed(WIDTH, DIM), LENGTHS),
        "weight has 3 axes, this is float[5, 3]",
        "weight",
    ),
    (
        lambda: grouped_linear(ROWS, WEIGHT, typed(GROUPS, 1, dtype="int")),
        "lengths has 1 axes, this is int[4, 1]",
        "lengths",
    ),
    (
        lambda: grouped_linear(WIDE, WEIGHT, LENGTHS),
        f"grouped_linear wants the model's float, this is {WIDE}",
        "x",
    ),
    (
        lambda: grouped_linear(ROWS, typed(4, 5, 3, dtype="float32"), LENGTHS),
        "the weight is of the model's float, this is float32[4, 5, 3]",
        "weight",
    ),
    (
        lambda: grouped_linear(ROWS, WEIGHT, typed(WIDTH, dtype="int")),
        f"lengths are 4 integers, one a group of {WEIGHT}, this is int[5]",
        "lengths",
    ),
    (
        lambda: grouped_linear(ROWS, WEIGHT, typed(GROUPS)),
        f"lengths are 4 integers, one a group of {WEIGHT}, this is float[4]",
        "lengths",
    ),
    (
        lambda: grouped_linear(SHORT, WEIGHT, LENGTHS),
        f"the last axis of {SHORT} is 5, that of {WEIGHT} is 3",
        "x",
    ),
]


@pytest.mark.parametrize(("bad", "message", "argument"), REFUSED)
def test_what_does_not_fit_is_refused(bad: Callable[[], Any], message: str, argument: str) -> None:
    with pytest.raises(ShapeError) as caught:
        bad()
    assert (caught.value.message, caught.value.argument) == (message, argument)


def test_what_would_sort_bools_is_offered() -> None:
    with pytest.raises(ShapeError) as caught:
        argsort(typed(T, dtype="bool"))
    assert caught.value.help == "cast(x, int)"


def tape() -> Tape:
    return Tape(Policy(), {"T": 6})


@pytest.mark.parametrize("grad", [True, False])
def test_the_largest_keep_where_they_stood(grad: bool) -> None:
    """Values and places are new; how many of how many are chosen is remembered."""
    for dim, shape, groups in ((-1, (T, 2), GROUPS), (1, (T, 2), GROUPS), (0, (2, 4), T)):
        memory = tape()
        x = memory.new(typed(T, 4), grad)
        out = typed(*shape), typed(*shape, dtype="int")
        values, places = SAVES["topk"](memory, out, x=x, k=Size.of(2), dim=Size.of(dim))
        assert (values.type, places.type) == out
        assert (values.grad, places.grad, memory.chosen) == (grad, False, {groups: 2})
        assert saved(x, values, places) == [False, False, grad]
    memory = tape()
    SAVES["topk"](memory, out, x=memory.new(typed(T, 9)), k=Size.of(3))
    assert memory.chosen == {Size.of(9): 3}, "along the last axis where none is named"


@pytest.mark.parametrize("grad", [True, False])
def test_an_order_is_kept_with_the_sorted_values(grad: bool) -> None:
    memory = tape()
    x, out = memory.new(ROWS, grad), typed(T, DIM, dtype="int")
    made = SAVES["argsort"](memory, out, x=x)
    assert (made.type, made.grad, saved(x, made)) == (out, False, [False, grad])
    assert kept(memory) == ({"saved": f"{3 * 8}*T"} if grad else {})


def test_one_hot_keeps_nothing() -> None:
    memory, out = tape(), typed(T, 7, dtype="int")
    made = SAVES["one_hot"](memory, out, x=memory.new(typed(T, dtype="int")), num_classes=7)
    assert (made.type, made.strides, kept(memory)) == (out, (7, 1), {})


@pytest.mark.parametrize(("rows", "weights"), [(True, True), (True, False), (False, True)])
def test_a_product_of_groups_keeps_all_that_it_is_given(rows: bool, weights: bool) -> None:
    memory = tape()
    x, lengths = memory.new(ROWS, rows), memory.new(LENGTHS)
    weight, out = memory.new(WEIGHT, weights), typed(T, WIDTH)
    made = SAVES["grouped_linear"](memory, out, x=x, weight=weight, lengths=lengths)
    assert (made.type, made.grad) == (out, True)
    assert saved(x, weight, lengths, made) == [True, True, True, False]


@pytest.mark.parametrize(
    ("chosen", "idle"), [({}, "0"), ({4: 1}, "45"), ({4: 3}, "15"), ({5: 1}, "0")]
)
def test_a_row_leaves_the_groups_idle_that_it_does_not_enter(
    chosen: dict[int, int], idle: str
) -> None:
    """As many matrices of 5 times 3 as were not chosen out of 4; where nothing was, none is idle."""
    memory = tape()
    memory.chosen.update({Size.of(groups): Size.of(few) for groups, few in chosen.items()})
    given = {"x": memory.new(ROWS), "weight": memory.new(WEIGHT), "lengths": memory.new(LENGTHS)}
    made = SAVES["grouped_linear"](memory, typed(T, WIDTH), **given)
    assert (kept(memory), made.grad) == ({"idle": idle}, False)


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
