"""Views, copies and the strides of results: random strided tensors against torch's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getspec.ops.base import Size, Tensor
from getspec.ops.storage import Held, Policy, Tape

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@st.composite
def strided(draw: st.DrawFn, shape: list[int] | None = None) -> Any:
    """A tensor whose axes are permuted, cut and expanded at random; of a shape, where one is given."""
    wanted = draw(LENGTHS) if shape is None else shape
    order = draw(st.permutations(range(len(wanted))))
    step = draw(st.sampled_from([1, 1, 1, 2]))
    expand = draw(st.sampled_from([False, False, True]))
    base = [wanted[axis] for axis in order]
    base[-1] *= step
    if expand:
        base[0] = 1
    made = torch.empty(base, device="meta")[..., ::step]
    back = [order.index(axis) for axis in range(len(order))]
    return made.permute(back).expand(wanted)


def held(tape: Tape, x: Any) -> Held:
    type = Tensor("float", tuple(map(Size.of, x.shape)))
    return tape.view(tape.new(type), type.shape, x.stride())


def matters(x: Any, strides: tuple[int, ...]) -> bool:
    """Equal strides, but for axes of length 1, which have no step."""
    return all(n == 1 or a == b for n, a, b in zip(x.shape, x.stride(), strides, strict=True))


@given(strided(), st.data())
def test_a_reshape_is_a_view_where_it_is_one_in_torch(x: Any, data: st.DataObject) -> None:
    total = x.numel()
    shape = []
    while total > 1 and len(shape) < 4:
        shape.append(data.draw(st.sampled_from([n for n in range(1, total + 1) if total % n == 0])))
        total //= shape[-1]
    shape.append(total)
    tape = Tape(Policy(), {})
    before = held(tape, x)
    after = tape.reshape(before, [Size.of(n) for n in shape])
    wanted = x.reshape(shape)
    same = wanted.untyped_storage()._cdata == x.untyped_storage()._cdata
    assert (after.storage is before.storage) == same
    assert matters(wanted, after.strides)


@pytest.mark.parametrize("shape", [[0], [4, 0, 3], [1, 0], [2, 0, 6]])
def test_a_reshape_of_nothing_is_a_view(shape: list[int]) -> None:
    x = torch.empty(3, 4, 2, device="meta")[:, 4:].transpose(0, 2)
    tape = Tape(Policy(), {})
    before = held(tape, x)
    wanted = x.reshape(shape)
    assert wanted.untyped_storage()._cdata == x.untyped_storage()._cdata
    assert tape.reshape(before, [Size.of(n) for n in shape]).storage is before.storage


@given(LENGTHS, st.data())
def test_an_elementwise_result_lies_as_in_torch(lengths: list[int], data: st.DataObject) -> None:
    tensors = [data.draw(strided(lengths)) for _ in range(data.draw(st.integers(1, 2)))]
    if data.draw(st.booleans()):
        small = [data.draw(st.sampled_from([1, n])) for n in lengths]
        tensors.append(
            torch.empty(small[data.draw(st.integers(0, len(small) - 1)) :], device="meta")
        )
    wanted = torch.neg(tensors[0]) if len(tensors) == 1 else sum(tensors[1:], tensors[0])
    tape = Tape(Policy(), {})
    made = held(tape, tensors[0])
    if len(tensors) == 1:
        made = tape.pointwise(made.type, made)
    for other in tensors[1:]:
        made = tape.pointwise(made.type, made, held(tape, other))
    assert matters(wanted, made.strides)


def test_a_storage_counts_once_however_it_is_saved() -> None:
    tape = Tape(Policy(), {"B": 2})
    x = tape.new(Tensor("float", (Size.runtime("B"), Size.of(6))), grad=True)
    tape.save(x, tape.view(x, x.shape[:1], (6,)))
    found = {what: str(amount.value) for (_, what), amount in tape.table.items()}
    assert found == {"saved": "24*B", "outside": "24*B"}, "saved twice, and in no repeated layer"


def test_parameters_and_inputs_do_not_count() -> None:
    tape = Tape(Policy(), {})
    weight = tape.given(Tensor("float", (Size.of(4), Size.of(6))), grad=True)
    tape.save(weight, tape.transpose(weight, 0, 1))
    assert tape.table == {}
