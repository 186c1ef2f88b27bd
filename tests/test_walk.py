"""What nothing reads is left out of a dataflow, and what a later line depends on is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from writing import load

from getspec import ir
from getspec.passes.cost import cost
from getspec.walk import assigned, components, expressions, live, within

SPEC = """\
getspec: 1
model: Net
config: {dim: 4, wide: false, depth: 0}
inputs: {x: "float[B, dim]"}
components:
  fc: {type: linear, in_features: dim, out_features: dim}
  side: {type: linear, in_features: dim, out_features: dim}
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
forward: |
"""
BODIES = {
    "  y = side(x)\n  return fc(x)": "return fc",
    "  y = side(x)\n  z = tanh(y)\n  return fc(x)": "return fc",
    "  y = side(x)\n  if wide:\n    x = x + y\n  return fc(x)": "return fc",
    "  y = side(x)\n  for layer in layers:\n    x = layer(x) + y\n  return fc(x)": "return fc",
    "  a, b = chunk(fc(x), 2, dim=-1)\n  return b": "_ b = | return b",
    "  items = [side(x), fc(x)]\n  y = items.pop()\n  return items.pop()": "items = | _ = | return pop",
    "  items = []\n  items.append(side(x))\n  return fc(x)": "return fc",
    "  items = [fc(x)]\n  items.append(items.pop())\n  return x": "items = | Push | return x",
    "  items = [x, fc(x)]\n  other = []\n  other.append(items.pop())\n  return items.pop()": (
        "items = | other = | Push | return pop"
    ),
    "  _, b = chunk(fc(x), 2, dim=-1)\n  return _": "_ b = | return _",
    "  _, b = chunk(fc(x), 2, dim=-1)\n  return b + sum(_, -1, keepdim=True)": "_ b = | return +",
}


def said(statement: ir.Statement) -> str:
    match statement:
        case ir.Assign(targets):
            return f"{' '.join(targets)} ="
        case ir.Return((ir.Call(_, ir.Name(_, name)),)):
            return f"return {name}"
        case ir.Return((ir.Pick(),)):
            return "return pop"
        case ir.Return((ir.Name(_, name),)):
            return f"return {name}"
        case ir.Return():
            return "return +"
    return type(statement).__name__


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_what_nothing_reads_is_left_out(body: str, tmp_path: Path) -> None:
    forward = load(tmp_path, f"{SPEC}{body}\n", {}).model.root.forward
    assert forward is not None
    assert " | ".join(map(said, forward.statements)) == BODIES[body]


def test_it_costs_nothing_and_its_component_is_idle(tmp_path: Path) -> None:
    model = load(tmp_path, f"{SPEC}  y = side(x)\n  return fc(x)\n", {}).model
    assert str(cost(model).total.forward.value) == "32*B"
    assert "side" in model.root.unused


EVERYTHING = """\
getspec: 1
model: Net
config: {dim: 4, depth: 3}
inputs: {x: "float[B, dim]"}
components:
  gain: {type: parameter, shape: [dim], init: ones}
  fc: {type: linear, in_features: dim, out_features: dim}
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
  idle: {type: linear, in_features: dim, out_features: dim, repeat: depth}
functions:
  half:
    inputs: {v: "float[B, D]"}
    forward: |
      return v / 2
forward: |
  kept = []
  for layer in layers:
    a, b = chunk(layer(x), 2, dim=-1)
    unread = a * b
    for i in range(2):
      kept.append(a * i)
      x = x + i
    for i in range(2):
      unread = b - i
  y = half(fc(x) * gain)[:, 1:]
  return y, kept.pop(), cat([a, b], dim=-1)
"""


@pytest.fixture
def forward(tmp_path: Path) -> ir.Forward:
    made = load(tmp_path, EVERYTHING, {}).model.root.forward
    assert made is not None
    return made


def test_names_are_found_wherever_they_stand(forward: ir.Forward) -> None:
    """In loops within loops, in calls and brackets; `layer` is a name, and what it stands for is `layers`."""
    written, kept = forward.written, forward.statements
    names = {"kept", "layer", "a", "b", "i", "x", "y"}
    assert assigned(kept) == names
    assert assigned(written) == names | {"unread"}
    assert components(kept) == {"layers", "fc", "gain"}
    read = {expr.id for expr in expressions(kept) if isinstance(expr, ir.Name)}
    assert read == {"kept", "layers", "layer", "a", "b", "i", "x", "y", "fc", "gain"}


def test_an_expression_stands_before_what_it_is_made_of(forward: ir.Forward) -> None:
    (value,) = (
        s.value for s in forward.statements if isinstance(s, ir.Assign) and s.targets == ("y",)
    )
    found = [
        expr.id if isinstance(expr, ir.Name) else type(expr).__name__
        for expr in within(value)
        if not isinstance(expr, ir.Const)
    ]
    assert found == ["Subscript", "RoutineCall", "Apply", "Call", "fc", "x", "gain"]
    assert list(within({"one": value, "two": (3, None, "x")})) == list(within(value))


def test_a_loop_stays_for_what_is_read_of_it(forward: ir.Forward) -> None:
    """And goes where nothing is left in it, whatever stands beside it."""
    (written,) = (s for s in forward.written if isinstance(s, ir.For))
    (kept,) = (s for s in forward.statements if isinstance(s, ir.For))
    for _, _, body in written.rounds:
        assert list(map(said, body)) == ["a b =", "unread =", "For", "For"]
    for _, _, body in kept.rounds:
        assert list(map(said, body)) == ["a b =", "For"]
        (inner,) = (s for s in body if isinstance(s, ir.For))
        assert [list(map(said, each)) for _, _, each in inner.rounds] == [["Push", "x ="]] * 2
    for one, other in zip(written.rounds, kept.rounds, strict=True):
        assert one[:2] == other[:2], "as often, and over the same items"


def test_where_all_is_read_nothing_is_made_anew(forward: ir.Forward) -> None:
    """The same tuple, so that who asks again finds out for nothing."""
    assert live(forward.statements) is forward.statements
    assert list(map(said, live(forward.written))) == list(map(said, forward.statements))
    assert live(()) == ()
