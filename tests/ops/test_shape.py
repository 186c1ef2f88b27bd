"""Moving, joining and cutting axes: shape rules, and what the generated file computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from memory import kept, saved, typed

import getspec
from getspec.ops import FUNCTIONS
from getspec.ops.base import SAVES, ShapeError, Size, Tensor
from getspec.ops.storage import Policy, Tape
from getspec.sizes import noting

SPEC = """\
getspec: 1
model: Net
config: {left: 2}
inputs: {x: "float[B, 3, N]"}
components:
  unused: {type: parameter, shape: [1], init: zeros, doc: a model has parameters}
forward: |
  return pad(x, [left, 1]), pad(x, [-1, 0, 1, 2], value=0.5)
"""


def test_padding_counts_from_the_last_axis() -> None:
    length = Size.runtime("N")
    x = Tensor("float", (Size.runtime("B"), Size.of(3), length))
    pad = FUNCTIONS["pad"].rule
    assert pad(x, (0, 1)) == x.with_shape((*x.shape[:2], length + 1))
    assert pad(x, (-2, 0, 1, 2)) == x.with_shape((x.shape[0], Size.of(6), length - 2))
    for bad in ((), (1,), (0,) * 8, (0, 0, -3, 0)):
        with pytest.raises(ShapeError):
            pad(x, bad)


B = Size.runtime("B")
X = typed(B, 3, 4)


def test_axes_are_split_and_merged_by_name() -> None:
    rearrange = FUNCTIONS["rearrange"].rule
    assert rearrange(typed(B, 12), "b (h k) -> b h k", h=Size.of(3)) == typed(B, 3, 4)
    assert rearrange(typed(B, 12), "b (h k) -> k (h b)", k=Size.of(3)) == typed(3, 4 * B)
    assert rearrange(typed(B, 12), "b (h k) -> b h k", h=Size.of(3), k=Size.of(4)) == typed(B, 3, 4)
    assert rearrange(typed(B, 12), "b c -> c b", c=Size.of(12)) == typed(12, B)


REFUSED: list[tuple[str, dict[str, Any], str, str | None, str | None]] = [
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b -> b"},
        "the pattern has 1 axes on the left, float[B, 12] has 2",
        None,
        "pattern",
    ),
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b c -> c b", "d": Size.of(2)},
        "'d' is not an axis of the pattern",
        None,
        "d",
    ),
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b (h k) -> b h k"},
        "the lengths of 'h' and 'k' cannot both be worked out",
        "give h=...",
        None,
    ),
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b (h k) -> b h k", "h": Size.of(5)},
        "an axis of 12 does not split into (h k): 5 does not divide it",
        None,
        None,
    ),
    (
        "rearrange",
        {"x": typed(B, 12), "pattern": "b (h k) -> b h k", "h": Size.of(3), "k": Size.of(5)},
        "(h k) is 15, the axis is 12",
        None,
        None,
    ),
    ("cat", {"tensors": (), "dim": 0}, "cat wants at least one tensor", None, "tensors"),
    (
        "stack",
        {"tensors": (typed(B), typed(B, dtype="int")), "dim": 0},
        "stack wants one dtype, these are float[B] and int[B]",
        None,
        "tensors",
    ),
    ("stack", {"tensors": (), "dim": 0}, "stack wants at least one tensor", None, "tensors"),
    (
        "stack",
        {"tensors": (typed(B), typed(B), typed(4)), "dim": 0},
        "stack wants one shape, these are float[B] and float[4]",
        None,
        "tensors",
    ),
    (
        "stack",
        {"tensors": (typed(B),), "dim": 2},
        "dim 2 is out of range for float[B], which has 1 axes, and a new one goes from -2 to 1",
        None,
        "dim",
    ),
    (
        "cat",
        {"tensors": (typed(B), typed(B, dtype="int")), "dim": 0},
        "cat wants one dtype, these are float[B] and int[B]",
        None,
        "tensors",
    ),
    (
        "cat",
        {"tensors": (typed(B, 3), typed(B)), "dim": 0},
        "cat wants tensors of one rank, these are float[B, 3] and float[B]",
        None,
        "tensors",
    ),
    (
        "cat",
        {"tensors": (X, typed(B, 2, 5)), "dim": 1},
        f"cat along axis 1: axis 2 is 4 in {X} and 5 in float[B, 2, 5]",
        None,
        None,
    ),
    ("chunk", {"x": X, "chunks": 0, "dim": 1}, "0 parts", None, "chunks"),
    (
        "chunk",
        {"x": X, "chunks": 2, "dim": -2},
        f"axis 1 of {X} does not cut into 2 equal parts",
        None,
        "chunks",
    ),
    (
        "split",
        {"x": X, "sizes": (Size.of(1), Size.of(3)), "dim": 1},
        f"the parts add up to 4, axis 1 of {X} is 3",
        None,
        "sizes",
    ),
    (
        "unbind",
        {"x": X, "dim": 0},
        f"axis 0 of {X} has no length known before run time",
        None,
        "dim",
    ),
    (
        "expand",
        {"x": X, "shape": (Size.of(3), Size.of(4))},
        f"{X} has more axes than the target shape",
        None,
        "shape",
    ),
    (
        "expand",
        {"x": X, "shape": (B, Size.of(6), Size.of(4))},
        "an axis of 3 does not expand to 6",
        None,
        "shape",
    ),
    (
        "reshape",
        {"x": X, "shape": (B, Size.of(11))},
        f"{X} has 12*B elements, the new shape 11*B",
        None,
        "shape",
    ),
    (
        "permute",
        {"x": X, "dims": (0, 1, -2)},
        f"(0, 1, -2) does not name each axis of {X} once",
        None,
        "dims",
    ),
    (
        "unsqueeze",
        {"x": X, "dim": 4},
        f"dim 4 is out of range for {X}, which has 3 axes, and a new one goes from -4 to 3",
        None,
        "dim",
    ),
    ("flatten", {"x": X, "start": 2, "end": -2}, "axis 2 comes after axis 1", None, "start"),
    ("squeeze", {"x": X, "dim": -2}, f"axis 1 of {X} is 3, not 1", None, "dim"),
    ("pad", {"x": X, "pads": ()}, f"0 lengths are no pairs for the axes of {X}", None, "pads"),
    ("pad", {"x": X, "pads": (1,)}, f"1 lengths are no pairs for the axes of {X}", None, "pads"),
    (
        "pad",
        {"x": X, "pads": (0,) * 8},
        f"8 lengths are no pairs for the axes of {X}",
        None,
        "pads",
    ),
    (
        "pad",
        {"x": X, "pads": (0, 0, -2, -1)},
        f"axis -2 of {X} would be 0 long",
        None,
        "pads",
    ),
]

TWO, THREE, FOUR = Size.of(2), Size.of(3), Size.of(4)


@pytest.mark.parametrize(
    ("op", "given", "shape"),
    [
        ("cat", {"tensors": (X,), "dim": 1}, (B, 3, 4)),
        ("cat", {"tensors": (X, typed(B, 1, 4), typed(B, B, 4)), "dim": 1}, (B, B + 4, 4)),
        ("cat", {"tensors": (X, X), "dim": -1}, (B, 3, 8)),
        ("stack", {"tensors": (X, X), "dim": 0}, (2, B, 3, 4)),
        ("stack", {"tensors": (X, X), "dim": 1}, (B, 2, 3, 4)),
        ("stack", {"tensors": (X,), "dim": -1}, (B, 3, 4, 1)),
        ("expand", {"x": typed(B, 1, 4), "shape": (B, THREE, FOUR)}, (B, 3, 4)),
        ("expand", {"x": typed(1, 4), "shape": (TWO, B, FOUR)}, (2, B, 4)),
        ("expand", {"x": X, "shape": (B, THREE, FOUR)}, (B, 3, 4)),
        ("reshape", {"x": X, "shape": (THREE, 4 * B)}, (3, 4 * B)),
        ("transpose", {"x": X, "dim0": 0, "dim1": 2}, (4, 3, B)),
        ("transpose", {"x": X, "dim0": -1, "dim1": 1}, (B, 4, 3)),
        ("permute", {"x": X, "dims": (2, 0, -2)}, (4, B, 3)),
        ("flatten", {"x": X, "start": 1}, (B, 12)),
        ("flatten", {"x": X, "start": 0, "end": 1}, (3 * B, 4)),
        ("flatten", {"x": X, "start": 1, "end": 1}, (B, 3, 4)),
        ("unsqueeze", {"x": X, "dim": 1}, (B, 1, 3, 4)),
        ("unsqueeze", {"x": X, "dim": -1}, (B, 3, 4, 1)),
        ("unsqueeze", {"x": X, "dim": -4}, (1, B, 3, 4)),
        ("squeeze", {"x": typed(B, 1, 4), "dim": 1}, (B, 4)),
        ("squeeze", {"x": typed(B, 1), "dim": -1}, (B,)),
        ("pad", {"x": X, "pads": (-3, 0)}, (B, 3, 1)),
        ("pad", {"x": X, "pads": (1, 2, 3, 4, 5, 6)}, (B + 11, 10, 7)),
    ],
)
def test_axes_are_joined_swapped_and_merged(
    op: str, given: dict[str, Any], shape: tuple[Any, ...]
) -> None:
    assert FUNCTIONS[op].rule(**given) == typed(*shape)


@pytest.mark.parametrize(
    ("op", "given", "shapes", "strides"),
    [
        ("chunk", {"chunks": 2, "dim": -1}, [(B, 3, 2)] * 2, (12, 4, 1)),
        ("chunk", {"chunks": 1, "dim": 1}, [(B, 3, 4)], (12, 4, 1)),
        ("chunk", {"chunks": 3, "dim": 1}, [(B, 1, 4)] * 3, (12, 4, 1)),
        ("split", {"sizes": (Size.of(1), TWO), "dim": 1}, [(B, 1, 4), (B, 2, 4)], (12, 4, 1)),
        ("split", {"sizes": (THREE, Size.of(1)), "dim": -1}, [(B, 3, 3), (B, 3, 1)], (12, 4, 1)),
        ("unbind", {"dim": 1}, [(B, 4)] * 3, (12, 1)),
        ("unbind", {"dim": -1}, [(B, 3)] * 4, (12, 4)),
    ],
)
def test_an_axis_is_cut(
    op: str, given: dict[str, Any], shapes: list[tuple[Any, ...]], strides: tuple[int, ...]
) -> None:
    """Into views that lie in it as it lies."""
    parts = FUNCTIONS[op].rule(X, **given)
    assert parts == tuple(typed(*shape) for shape in shapes)
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(X, grad=True)
    for part, made in zip(parts, SAVES[op](tape, parts, x=x, **given), strict=True):
        assert (made.type, made.strides) == (part, strides)
        assert (made.storage, made.grad) == (x.storage, True)
    assert kept(tape) == {}


@pytest.mark.parametrize(
    ("op", "given", "strides"),
    [
        ("expand", {"shape": (TWO, B, THREE, FOUR)}, (0, 12, 4, 1)),
        ("reshape", {"shape": (B, Size.of(12))}, (12, 1)),
        ("flatten", {"start": 0, "end": 1}, (4, 1)),
        ("transpose", {"dim0": 0, "dim1": -1}, (1, 4, 12)),
        ("permute", {"dims": (-1, 0, 1)}, (1, 12, 4)),
        ("unsqueeze", {"dim": -1}, (12, 4, 1, 1)),
        ("unsqueeze", {"dim": 1}, (12, 12, 4, 1)),
        ("unsqueeze", {"dim": -4}, (60, 12, 4, 1)),
    ],
)
def test_a_view_holds_on_to_its_storage(
    op: str, given: dict[str, Any], strides: tuple[int, ...]
) -> None:
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(X, grad=True)
    out = FUNCTIONS[op].rule(X, **given)
    made = SAVES[op](tape, out, x=x, **given)
    assert (made.type, made.strides, made.grad) == (out, strides, True)
    assert (made.storage, kept(tape)) == (x.storage, {})


@pytest.mark.parametrize(
    ("pattern", "strides"),
    [
        ("b t d -> d b t", (1, 12, 4)),
        ("b t d -> (b t) d", (4, 1)),
        ("b t d -> (b t d)", (1,)),
        ("b t (h k) -> (b t) (h k)", (4, 1)),
        ("b t (h k) -> h b t k", (2, 12, 4, 1)),
        ("b t d -> b () t d", (12, 12, 4, 1)),
    ],
)
def test_a_pattern_is_a_view_where_what_it_merges_lies_side_by_side(
    pattern: str, strides: tuple[int, ...]
) -> None:
    tape = Tape(Policy(), {"B": 5})
    x, lengths = tape.new(X, grad=True), {"h": TWO} if "h" in pattern else {}
    out = FUNCTIONS["rearrange"].rule(X, pattern, **lengths)
    made = SAVES["rearrange"](tape, out, x=x, pattern=pattern, lengths=lengths)
    assert (made.type, made.strides, made.grad) == (out, strides, True)
    assert (made.storage, kept(tape)) == (x.storage, {})


def test_every_axis_is_split_and_every_pair_merged() -> None:
    tape = Tape(Policy(), {})
    x, lengths = tape.new(typed(6, 4)), {"a": TWO, "c": TWO}
    for after, shape, strides in (
        ("a b c d", (2, 3, 2, 2), (12, 4, 2, 1)),
        ("(a b) (c d)", (6, 4), (4, 1)),
        ("(a c) (b d)", (4, 6), (6, 1)),
    ):
        pattern = f"(a b) (c d) -> {after}"
        assert FUNCTIONS["rearrange"].rule(x.type, pattern, **lengths) == typed(*shape)
        made = SAVES["rearrange"](tape, typed(*shape), x=x, pattern=pattern, lengths=lengths)
        assert (made.type, made.strides) == (typed(*shape), strides)


def test_what_is_spelled_alike_or_as_one_expands_whatever_names_are() -> None:
    """Only what is 1 by the value of a name depends on that value; and 2 is no 1."""
    looked: list[Any] = []
    one, expand = Size.named("one", 1), FUNCTIONS["expand"].rule
    wanted = (B, THREE, FOUR)
    with noting(lambda *note: looked.append(note)):
        assert expand(typed(B, 1, 4), wanted) == X
        assert looked == []
        assert expand(typed(B, one, 4), wanted) == X
        assert looked
    with pytest.raises(ShapeError, match=r"^an axis of 2 does not expand to 3$"):
        expand(typed(B, 2, 4), wanted)


def test_an_axis_of_one_goes_with_its_stride() -> None:
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(typed(B, 1, 4), strides=(4, 7, 1))
    for dim in (1, -2):
        made = SAVES["squeeze"](tape, typed(B, 4), x=x, dim=dim)
        assert (made.type, made.strides, made.storage) == (typed(B, 4), (4, 1), x.storage)


@pytest.mark.parametrize(
    ("op", "given", "shape"),
    [
        ("rearrange", {"pattern": "b t d -> t (b d)"}, (3, 4 * B)),
        ("rearrange", {"pattern": "b t d -> (t b) d", "lengths": {}}, (3 * B, 4)),
        ("rearrange", {"pattern": "b t d -> b (d t)"}, (B, 12)),
    ],
)
def test_what_does_not_follow_one_another_is_merged_by_a_copy(
    op: str, given: dict[str, Any], shape: tuple[Any, ...]
) -> None:
    tape = Tape(Policy(), {"B": 5})
    x = tape.new(X, grad=True)
    made = SAVES[op](tape, typed(*shape), x=x, **given)
    assert (made.type, made.grad, kept(tape)) == (typed(*shape), True, {})
    assert made.storage is not x.storage


@pytest.mark.parametrize("op", ["cat", "stack", "pad"])
def test_what_is_joined_or_padded_is_copied(op: str) -> None:
    """A gradient passes if it has to reach one of them; nothing is kept."""
    for first, second in ((True, False), (False, True), (False, False)):
        tape = Tape(Policy(), {"B": 5})
        tensors = tuple(tape.new(X, grad, strides=(1, 5, 15)) for grad in (first, second))
        given = {"x": tensors[0], "pads": (1, 0)} if op == "pad" else {"tensors": tensors, "dim": 0}
        made = SAVES[op](tape, typed(B, 2, 4), **given)
        assert (made.type, made.strides) == (typed(B, 2, 4), (8, 4, 1))
        assert made.grad == (first or (second and op != "pad"))
        assert (saved(*tensors, made), kept(tape)) == ([False] * 3, {})


@pytest.mark.parametrize(("op", "given", "message", "help", "argument"), REFUSED)
def test_what_does_not_fit_is_said(
    op: str, given: dict[str, Any], message: str, help: str | None, argument: str | None
) -> None:
    with pytest.raises(ShapeError) as caught:
        FUNCTIONS[op].rule(**given)
    found = caught.value
    assert (found.message, found.help, found.argument) == (message, help, argument)


@pytest.mark.torch
def test_the_generated_file_pads(tmp_path: Path) -> None:
    import torch
    import torch.nn.functional as F

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    x = torch.randn(2, 3, 5)
    zeros, halves = getspec.load(path).build(left=4)(x)
    torch.testing.assert_close(zeros, F.pad(x, (4, 1)))
    torch.testing.assert_close(halves, F.pad(x, (-1, 0, 1, 2), value=0.5))
