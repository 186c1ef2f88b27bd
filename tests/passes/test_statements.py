"""Statements gone through: what each round of a loop is given, and what is kept under each name."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from writing import load

from getspec import ir
from getspec.passes.statements import Statements, loop_items

SPEC = """\
getspec: 1
model: Net
inputs: {{x: "float[B, 4]"}}
components:
  layers: {{type: linear, in_features: 4, out_features: 4, repeat: 2}}
forward: |
  parts = [x, x + x]
  for {targets} in {iterable}:
    x = x + {used}
  return x
"""
TENSORS = {"parts": ("first", "second")}


def rounds(
    folder: Path, targets: str, iterable: str, used: str, wanted: int = 2
) -> list[tuple[Any, ...]]:
    """What the rounds of a loop are given, as many as are wanted."""
    text = SPEC.format(targets=targets, iterable=iterable, used=used)
    forward = load(folder, text).model.root.forward
    assert forward is not None
    (loop,) = (each for each in forward.statements if isinstance(each, ir.For))

    def kept(expr: ir.Expr) -> Any:
        assert isinstance(expr, ir.Name)
        return TENSORS[expr.id]

    return list(islice(loop_items(loop.iterable, kept), wanted))


@pytest.mark.parametrize(
    ("targets", "iterable", "used", "expected"),
    [
        ("i, part", "enumerate(parts)", "i * part", [(None, "first"), (None, "second")]),
        ("part, layer", "zip(parts, layers)", "layer(part)", [("first", None), ("second", None)]),
        ("layer, part", "zip(layers, parts)", "layer(part)", [(None, "first"), (None, "second")]),
        ("layer", "reversed(layers)", "layer(x)", [(None,), (None,)]),
        (
            "i, part, layer",
            "zip(range(2), parts, layers)",
            "i * layer(part)",
            [(None, "first", None), (None, "second", None)],
        ),
    ],
)
def test_a_round_is_given_what_is_kept_of_each_tensor(
    tmp_path: Path, targets: str, iterable: str, used: str, expected: list[tuple[Any, ...]]
) -> None:
    """And None for numbers and components, which a pass knows by other means."""
    assert rounds(tmp_path, targets, iterable, used) == expected


def test_a_list_forwards_and_backwards(tmp_path: Path) -> None:
    """Forwards first: a list without an end could not be turned round."""
    assert rounds(tmp_path, "part", "parts", "part") == [("first",), ("second",)]
    assert rounds(tmp_path, "part", "reversed(parts)", "part") == [("second",), ("first",)]


def test_a_list_ends_a_zip_with_components(tmp_path: Path) -> None:
    """Of components there is always one more."""
    found = rounds(tmp_path, "part, layer", "zip(parts, layers)", "layer(part)", wanted=3)
    assert found == [("first", None), ("second", None)]


class Shown(Statements):
    """Keeps how a name or an op came about."""

    def __init__(self) -> None:
        self.locals: dict[str, Any] = {"x": "x"}

    def expr(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Name(_, name):
                return self.locals[name]
            case ir.Group(_, _, items):
                return tuple(map(self.expr, items))
            case ir.Apply(value, op):
                return tuple(f"{op} {i}" for i in range(2)) if isinstance(value, tuple) else op
        raise AssertionError(expr)


def test_assigned_unpacked_and_pushed(tmp_path: Path) -> None:
    text = """\
getspec: 1
model: Net
inputs: {x: "float[B, 4]"}
forward: |
  kept = []
  y = tanh(x)
  a, b = chunk(y, 2, dim=1)
  kept.append(a)
  kept.append(b)
  return y, cat(kept, dim=1)
"""
    forward = load(tmp_path, text).model.root.forward
    assert forward is not None
    shown = Shown()
    shown.statements(forward.statements)
    assert shown.locals == {
        "x": "x",
        "y": "tanh",
        "a": "chunk 0",
        "b": "chunk 1",
        "kept": ("chunk 0", "chunk 1"),
    }
    assert shown.result == ("tanh", "cat"), "several results are a tuple"


def test_one_result_is_no_tuple(tmp_path: Path) -> None:
    text = """\
getspec: 1
model: Net
inputs: {x: "float[B, 4]"}
forward: |
  return x
"""
    forward = load(tmp_path, text).model.root.forward
    assert forward is not None
    shown = Shown()
    shown.statements(forward.statements)
    assert shown.result == "x"


def test_no_value_is_dropped_where_names_do_not_suffice() -> None:
    """A check refuses it earlier; were it ever wrong, a pass would not go on with half of the values."""
    pair = ir.Group(None, "tuple", (ir.Name(None, "x", "local"), ir.Name(None, "x", "local")))
    with pytest.raises(ValueError, match="zip"):
        Shown().statements((ir.Assign(("only",), pair, unpack=True),))
