"""What nothing reads is left out of a dataflow, and what a later line depends on is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from writing import load

from getspec import ir
from getspec.passes.cost import cost

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


@pytest.mark.parametrize("body", BODIES)
def test_what_nothing_reads_is_left_out(body: str, tmp_path: Path) -> None:
    forward = load(tmp_path, f"{SPEC}{body}\n", {}).model.root.forward
    assert forward is not None
    assert " | ".join(map(said, forward.statements)) == BODIES[body]


def test_it_costs_nothing_and_its_component_is_idle(tmp_path: Path) -> None:
    model = load(tmp_path, f"{SPEC}  y = side(x)\n  return fc(x)\n", {}).model
    assert str(cost(model).total.forward.value) == "32*B"
    assert "side" in model.root.unused
