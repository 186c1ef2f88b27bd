"""Views, copies and the strides of results, and what a tape counts: random strided tensors against numpy's and torch's own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory import kept, saved, typed

from getspec.ops.base import Size
from getspec.ops.storage import Held, Policy, Tape, Traced, sized
from getspec.sizes import noting, symbol

LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=4)
B = Size.runtime("B")


class Strided(NamedTuple):
    """How a tensor lies, in elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> Any:
        steps = [8 * stride for stride in self.strides]
        return np.lib.stride_tricks.as_strided(np.empty(2 * 4**4), self.shape, steps)

    def tensor(self) -> Any:
        import torch

        return torch.empty_strided(self.shape, self.strides, device="meta")


@st.composite
def strided(draw: st.DrawFn, shape: list[int] | None = None) -> Strided:
    """A tensor whose axes are permuted, cut and expanded at random; of a shape, where one is given."""
    wanted = draw(LENGTHS) if shape is None else shape
    order = draw(st.permutations(range(len(wanted))))
    stride = draw(st.sampled_from([1, 1, 1, 2]))
    expand = draw(st.sampled_from([False, False, True]))
    strides = [0] * len(wanted)
    for axis in reversed(order):
        strides[axis] = stride
        stride *= wanted[axis]
    if expand:
        strides[order[0]] = 0
    return Strided(tuple(wanted), tuple(strides))


def held(tape: Tape, x: Strided, grad: bool = False) -> Held:
    type = typed(*x.shape)
    return tape.view(tape.new(type, grad), type.shape, x.strides)


def matters(shape: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Equal strides, but for axes of length 1, which have no step."""
    return all(n == 1 or x == y for n, x, y in zip(shape, a, b, strict=True))


def elements(x: Any) -> tuple[int, ...]:
    return tuple(stride // 8 for stride in x.strides)


@st.composite
def shapes(draw: st.DrawFn, total: int) -> list[int]:
    """Up to five lengths that have a product."""
    shape = []
    while total > 1 and len(shape) < 4:
        shape.append(draw(st.sampled_from([n for n in range(1, total + 1) if total % n == 0])))
        total //= shape[-1]
    return [*shape, total]


# ------------------------------------------------------------------------------------------- views


@given(strided(), st.data())
def test_a_reshape_is_a_view_where_the_strides_allow_it(x: Strided, data: st.DataObject) -> None:
    array = x.array()
    shape = data.draw(shapes(array.size))
    tape = Tape(Policy(), {})
    before = held(tape, x, grad=True)
    after = tape.reshape(before, [Size.of(n) for n in shape])
    wanted = array.reshape(shape)
    assert (after.type, after.grad) == (typed(*shape), True)
    assert (after.storage is before.storage) == np.may_share_memory(wanted, array)
    assert matters(wanted.shape, after.strides, elements(wanted))


@given(strided(), st.data())
def test_axes_are_moved_added_and_repeated_without_a_copy(x: Strided, data: st.DataObject) -> None:
    array, rank = x.array(), len(x.shape)
    axes = st.integers(0, rank - 1)
    order = data.draw(st.permutations(range(rank)))
    a, b, new = data.draw(axes), data.draw(axes), data.draw(st.integers(0, rank))
    lead = data.draw(st.lists(st.integers(1, 3), max_size=2))
    large = [*lead, *(data.draw(st.integers(1, 3)) if n == 1 else n for n in x.shape)]
    tape = Tape(Policy(), {})
    before = held(tape, x, grad=True)
    for found, wanted in (
        (tape.permute(before, order), array.transpose(order)),
        (tape.transpose(before, a, b), array.swapaxes(a, b)),
        (tape.unsqueeze(before, new), np.expand_dims(array, new)),
        (tape.expand(before, [Size.of(n) for n in large]), np.broadcast_to(array, large)),
    ):
        assert found.type == typed(*wanted.shape)
        assert (found.storage, found.grad) == (before.storage, True)
        assert matters(wanted.shape, found.strides, elements(wanted))


@given(strided())
def test_contiguous_is_what_numpy_calls_so(x: Strided) -> None:
    tape = Tape(Policy(), {})
    assert tape.is_contiguous(held(tape, x)) == x.array().flags.c_contiguous


def test_a_new_tensor_lies_in_rows_also_where_it_is_empty() -> None:
    tape = Tape(Policy(), {"B": 5})
    assert tape.new(typed(B, 3, 4)).strides == (12, 4, 1)
    assert tape.new(typed(3, 0, 4)).strides == (4, 4, 1)
    assert tape.new(typed()).strides == ()
    assert tape.new(typed(B, 3), strides=(1, 5)).strides == (1, 5)


def test_an_empty_tensor_is_a_view_of_itself_under_every_shape() -> None:
    tape = Tape(Policy(), {})
    x = tape.new(typed(2, 0, 3), strides=(1, 6, 2))
    made = tape.reshape(x, [Size.of(n) for n in (3, 4, 0)])
    assert (made.strides, made.storage) == ((4, 1, 1), x.storage)


# ------------------------------------------------------------------------------ elementwise results


@pytest.mark.parametrize(
    ("shape", "operands", "strides"),
    [
        ((2, 3, 4), [((2, 3, 4), (12, 4, 1))], (12, 4, 1)),
        ((2, 3, 4), [((2, 3, 4), (1, 8, 2))], (1, 8, 2)),
        ((2, 3, 4), [((2, 3, 4), (24, 8, 2))], (12, 4, 1)),
        ((2, 3, 4), [((2, 3, 4), (2, 16, 4))], (1, 8, 2)),
        ((2, 3, 4), [((2, 3, 4), (0, 1, 3))], (12, 1, 3)),
        ((2, 3), [((2, 3), (3, 1)), ((2, 3), (1, 2))], (3, 1)),
        ((2, 3), [((2, 3), (1, 2)), ((2, 3), (3, 1))], (1, 2)),
        ((2, 3), [((2, 3), (1, 2)), ((3,), (1,))], (1, 2)),
        ((2, 3), [((3,), (1,)), ((2, 1), (1, 1))], (3, 1)),
        ((2, 3), [((2, 1), (1, 1)), ((2, 3), (1, 2))], (1, 2)),
        ((2, 3), [((1, 3), (3, 1)), ((2, 3), (1, 2))], (1, 2)),
        ((2, 3), [((), ()), ((2, 3), (1, 2))], (1, 2)),
        ((1, 3), [((1, 3), (7, 1))], (3, 1)),
        ((2, 2), [((2, 2), (1, 1))], (2, 1)),
        ((2, 1, 3), [((1, 3), (1, 1)), ((2, 1, 1), (1, 1, 1))], (3, 1, 1)),
    ],
)
def test_a_result_lies_as_its_operands_do_but_packed(
    shape: tuple[int, ...],
    operands: list[tuple[tuple[int, ...], tuple[int, ...]]],
    strides: tuple[int, ...],
) -> None:
    """The first that says which of two axes is the outer one decides; one that repeats an axis says nothing of it."""
    tape = Tape(Policy(), {})
    given = [held(tape, Strided(*each)) for each in operands]
    made = tape.pointwise(typed(*shape), *given, 2.0)
    assert (made.type, made.grad, kept(tape)) == (typed(*shape), False, {})
    assert matters(shape, made.strides, strides), f"{made.strides}, and {strides} wanted"


def test_a_gradient_passes_if_it_has_to_reach_an_operand() -> None:
    tape = Tape(Policy(), {})
    for first, second in ((True, False), (False, True), (False, False)):
        a, b = (tape.new(typed(2), grad) for grad in (first, second))
        assert tape.pointwise(a.type, a, b).grad == (first or second)
        assert not tape.pointwise(a.type.with_dtype("int"), a, b).grad, "integers have none"
        made = tape.times(a.type, a, b)
        assert (made.grad, saved(a, b, made)) == (first or second, [second, first, False])
    x = tape.new(typed(2), grad=True)
    assert (tape.scaled(x).grad, saved(x)) == (True, [False])


@pytest.mark.parametrize(("itemsize", "copied"), [(4, False), (2, True)])
def test_a_wide_island_is_a_copy_unless_the_model_is_wide(itemsize: int, copied: bool) -> None:
    tape = Tape(Policy(itemsize=itemsize), {})
    x = tape.new(typed(2, 3), grad=True, strides=(1, 2))
    wide = tape.widened(x)
    back = tape.narrowed(x.type, wide)
    for before, made, dtype in ((x, wide, "float32"), (wide, back, "float")):
        assert (made.type, made.strides) == (typed(2, 3, dtype=dtype), (1, 2))
        assert (made.grad, made.storage is not before.storage) == (True, copied)


@pytest.mark.parametrize(
    ("strides", "policy", "last"),
    [
        ((24, 8, 4, 1), Policy(), False),
        ((24, 1, 6, 3), Policy(), True),
        ((24, 1, 6, 3), Policy(channels_last=False), False),
        ((24, 2, 6, 3), Policy(), False),
    ],
)
def test_channels_that_lie_next_to_each_other_stay_so(
    strides: tuple[int, ...], policy: Policy, last: bool
) -> None:
    tape = Tape(policy, {})
    out = typed(5, 7, 2, 3)
    made = tape.resampled(out, held(tape, Strided((5, 3, 4, 2), strides), grad=True))
    assert (made.type, made.grad) == (out, True)
    assert made.strides == ((42, 1, 21, 7) if last else (42, 6, 3, 1))


def test_what_lies_both_ways_lies_in_rows() -> None:
    """One channel is first and last, and so are channels of single places."""
    tape = Tape(Policy(), {})
    for shape in ((5, 1, 4, 2), (5, 3, 1, 1)):
        made = tape.resampled(typed(5, 7, 2, 3), tape.new(typed(*shape)))
        assert made.strides == (42, 6, 3, 1)
    signal = tape.new(typed(5, 3, 4), strides=(12, 1, 3))
    assert tape.resampled(typed(5, 3, 2), signal).strides == (6, 2, 1)


# ------------------------------------------------------------------------------ products of matrices


@pytest.mark.parametrize(
    ("a", "b", "out"),
    [
        ((2, 3), (3, 5), (2, 5)),
        ((4, 2, 3), (3, 5), (4, 2, 5)),
        ((7, 4, 2, 3), (3, 5), (7, 4, 2, 5)),
        ((4, 2, 3), (4, 3, 5), (4, 2, 5)),
        ((7, 4, 2, 3), (7, 4, 3, 5), (7, 4, 2, 5)),
    ],
)
@pytest.mark.parametrize(("left", "right"), [(True, True), (True, False), (False, True)])
def test_a_product_keeps_each_factor_for_the_others_gradient(
    a: tuple[int, ...], b: tuple[int, ...], out: tuple[int, ...], left: bool, right: bool
) -> None:
    tape = Tape(Policy(), {})
    one, other = tape.new(typed(*a), left), tape.new(typed(*b), right)
    made = tape.matmul(one, other)
    assert (made.type, made.grad) == (typed(*out), True)
    assert saved(one, other, made) == [right, left, False]
    assert made.strides == tape.new(made.type).strides


@pytest.mark.parametrize(
    ("a", "b", "elements"),
    [
        ((1, 4, 2, 3), (7, 4, 3, 5), (7 * 4 * 6, 7 * 4 * 15)),
        ((4, 2, 3), (7, 1, 3, 5), (7 * 4 * 6, 7 * 4 * 15)),
        ((2, 3), (7, 4, 3, 5), (6, 7 * 4 * 15)),
        ((1, 2, 3), (4, 3, 5), (6, 4 * 15)),
    ],
)
def test_a_factor_that_part_of_a_batch_shares_is_copied(
    a: tuple[int, ...], b: tuple[int, ...], elements: tuple[int, int]
) -> None:
    """And the copy is kept, of as many matrices as there are pairs; one that all of it shares is kept once."""
    tape = Tape(Policy(), {})
    made = tape.matmul(tape.new(typed(*a), grad=True), tape.new(typed(*b), grad=True))
    assert made.type == typed(*np.broadcast_shapes(a[:-2], b[:-2]), 2, 5)
    assert kept(tape) == {"saved": str(4 * sum(elements))}


@pytest.mark.parametrize(
    ("x_grad", "weight_grad", "bias_grad"),
    [(True, True, None), (True, False, False), (False, True, True), (False, False, True)],
)
def test_rows_meet_a_matrix(x_grad: bool, weight_grad: bool, bias_grad: bool | None) -> None:
    """A bias is added and keeps nothing; where neither side is learnt neither is kept."""
    tape = Tape(Policy(), {})
    x, weight = tape.new(typed(4, 2, 3), x_grad), tape.new(typed(5, 3), weight_grad)
    bias = None if bias_grad is None else tape.new(typed(5), bias_grad)
    out = typed(4, 2, 5)
    made = tape.linear(out, x, weight, bias)
    assert (made.type, made.grad) == (out, x_grad or weight_grad or bool(bias_grad))
    assert saved(x, weight, made) == [weight_grad, x_grad, False]
    nothing = tape.new(typed(4, 2, 3)), tape.new(typed(5, 3))
    assert not tape.linear(out, *nothing).grad


def test_rows_that_do_not_follow_one_another_are_copied_first() -> None:
    for shape, strides, copied in (((4, 2, 3), (3, 12, 1), True), ((4, 3), (1, 4), False)):
        tape = Tape(Policy(), {})
        x = tape.new(typed(*shape), strides=strides)
        tape.linear(typed(*shape[:-1], 5), x, tape.new(typed(5, 3), grad=True))
        assert saved(x) == [not copied]
        assert kept(tape) == {"saved": str(4 * int(np.prod(shape)))}


# ----------------------------------------------------------------------------------- what is counted


@pytest.mark.parametrize(
    ("dtype", "bytes"), [("float", "6*B"), ("float32", "12*B"), ("int", "24*B"), ("bool", "3*B")]
)
def test_a_storage_has_the_bytes_of_its_elements(dtype: str, bytes: str) -> None:
    tape = Tape(Policy(itemsize=2), {"B": 5})
    assert str(tape.new(typed(B, 3, dtype=dtype)).storage.bytes.value) == bytes
    assert tape.new(typed(B, 3, dtype=dtype), grad=True).grad == dtype.startswith("float")


def test_a_storage_counts_once_however_it_is_saved() -> None:
    tape = Tape(Policy(), {"B": 2})
    x = tape.new(typed(B, 6), grad=True)
    tape.save(x, tape.view(x, x.shape[:1], (6,)))
    found = {what: str(amount.value) for (_, what), amount in tape.table.items()}
    assert found == {"saved": "24*B", "outside": "24*B"}, "saved twice, and in no repeated layer"


def test_parameters_and_inputs_do_not_count() -> None:
    tape = Tape(Policy(), {})
    weight = tape.given(typed(4, 6), grad=True)
    assert (weight.type, weight.strides, weight.grad) == (typed(4, 6), (6, 1), True)
    tape.save(weight, tape.transpose(weight, 0, 1))
    tape.enter(weight)
    assert tape.table == {}
    x = tape.new(typed(2))
    tape.save(weight, x, what="attention")
    assert kept(tape) == {"attention": "8"}, "what comes after it does"


def test_amounts_are_told_by_path_and_added_up() -> None:
    tape = Tape(Policy(), {}, path="a")
    tape.save(tape.new(typed(2)), tape.new(typed(3)))
    tape.path = "b"
    tape.save(tape.new(typed(1)))
    told = {key: int(amount) for key, amount in tape.table.items() if key[1] == "saved"}
    assert told == {("a", "saved"): 20, ("b", "saved"): 4}


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (["enter", "enter"], {"entered": 8}),
        (["save", "enter"], {"saved": 8, "outside": 8}),
        (["enter", "save"], {"entered": 8, "saved": 8}),
        (["enter", "in", "save"], {"entered": 8, "saved": 8, "again": 8}),
        (["in", "save"], {"saved": 8}),
        (["in", "save", "out", "save"], {"saved": 8, "outside": 8}),
        (["in", "save", "enter"], {"saved": 8, "entered": 8}),
        (["enter", "in", "save", "save"], {"entered": 8, "saved": 8, "again": 8}),
        (["enter", "in", "save", "out", "save"], {"entered": 8, "saved": 8, "again": 8}),
    ],
)
def test_what_a_layer_is_given_is_told_apart_from_what_is_kept_beside(
    steps: list[str], told: dict[str, int]
) -> None:
    """A storage is saved once, entered once, and outside only where it is saved there and no layer was given it before."""
    tape = Tape(Policy(), {})
    x = tape.new(typed(2), grad=True)
    for step in steps:
        if step in ("in", "out"):
            tape.inside = step == "in"
        else:
            getattr(tape, step)(x)
    assert {what: int(amount) for (_, what), amount in tape.table.items()} == told


# ----------------------------------------------------------------------- integers that know their formula


NUMBERS = st.integers(0, 6)


@given(NUMBERS, NUMBERS, st.booleans())
def test_a_traced_integer_is_that_integer(a: int, b: int, plain: bool) -> None:
    """Beside a number, or beside another one."""
    x, y = Traced(a, symbol("n")), b if plain else Traced(b, symbol("m"))
    assert (x == y, x < y, x > y) == (a == b, a < b, a > b)
    assert (x.value, (x * y).value, (y * x).value) == (a, a * b, a * b)
    assert hash(x) == hash(Traced(a, symbol("n")))
    if b:
        assert x % y == a % b


def test_a_traced_integer_remembers_how_it_was_made() -> None:
    x, y = Traced(6, symbol("n")), Traced(4, symbol("m"))
    for made, shown in (
        (x, "6 (n)"),
        (x * 3, "18 (3*n)"),
        (3 * x, "18 (3*n)"),
        (x * y, "24 (m*n)"),
    ):
        assert str(made.size) == str(sized(made)) == shown
    assert str(sized(5)) == "5"


@pytest.mark.parametrize(
    ("decide", "noted"),
    [
        (lambda x, y: x == y, "6 (n) == 4 (m): False"),
        (lambda x, y: x < y, "6 (n) < 4 (m): False"),
        (lambda x, y: x > y, "4 (m) < 6 (n): True"),
        (lambda x, y: x > 5, "5 < 6 (n): True"),
        (lambda x, y: x == 6, "6 (n) == 6: True"),
        (lambda x, y: x % y, "6 (n) % 4 (m): False"),
        (lambda x, y: x % 3, "6 (n) % 3: True"),
        (lambda x, y: x * y, None),
    ],
)
def test_what_is_decided_by_looking_at_it_is_noted(decide: Any, noted: str | None) -> None:
    seen: list[str] = []
    with noting(lambda relation, a, b, holds: seen.append(f"{a} {relation} {b}: {holds}")):
        decide(Traced(6, symbol("n")), Traced(4, symbol("m")))
    assert seen == ([] if noted is None else [noted])


# --------------------------------------------------------------------------------------- against torch


@pytest.mark.torch
@given(strided(), st.data())
def test_a_reshape_is_a_view_where_it_is_one_in_torch(x: Strided, data: st.DataObject) -> None:
    tensor = x.tensor()
    shape = data.draw(shapes(tensor.numel()))
    tape = Tape(Policy(), {})
    before = held(tape, x)
    after = tape.reshape(before, [Size.of(n) for n in shape])
    wanted = tensor.reshape(shape)
    same = wanted.untyped_storage()._cdata == tensor.untyped_storage()._cdata
    assert (after.storage is before.storage) == same
    assert matters(wanted.shape, after.strides, wanted.stride())


@pytest.mark.torch
@pytest.mark.parametrize("shape", [[0], [4, 0, 3], [1, 0], [2, 0, 6]])
def test_a_reshape_of_nothing_is_a_view(shape: list[int]) -> None:
    x = Strided((2, 0, 3), (1, 2, 8))
    tensor, tape = x.tensor(), Tape(Policy(), {})
    before = held(tape, x)
    wanted = tensor.reshape(shape)
    assert wanted.untyped_storage()._cdata == tensor.untyped_storage()._cdata
    assert tape.reshape(before, [Size.of(n) for n in shape]).storage is before.storage


@pytest.mark.torch
@given(LENGTHS, st.data())
def test_an_elementwise_result_lies_as_in_torch(lengths: list[int], data: st.DataObject) -> None:
    import torch

    given = [data.draw(strided(lengths)) for _ in range(data.draw(st.integers(1, 2)))]
    if data.draw(st.booleans()):
        small = [data.draw(st.sampled_from([1, n])) for n in lengths]
        small = small[data.draw(st.integers(0, len(small) - 1)) :]
        given.append(Strided(tuple(small), torch.empty(small, device="meta").stride()))
    tensors = [each.tensor() for each in given]
    wanted = torch.neg(tensors[0]) if len(tensors) == 1 else sum(tensors[1:], tensors[0])
    tape = Tape(Policy(), {})
    made = held(tape, given[0])
    if len(given) == 1:
        made = tape.pointwise(made.type, made)
    for other in given[1:]:
        made = tape.pointwise(made.type, made, held(tape, other))
    assert matters(wanted.shape, made.strides, wanted.stride())
