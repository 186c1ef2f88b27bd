"""What `forward` is said to return is Python, and is what it returns."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from writing import load

SPEC = """\
getspec: 1
model: Net
config: {dim: 4}
inputs: {x: "float[B, dim]"}
components:
  fc: {type: linear, in_features: dim, out_features: dim}
forward: |
  y = fc(x)
  ys = [x]
  ys.append(y)
  return RESULT
"""


@pytest.mark.parametrize(
    ("result", "hint"),
    [
        ("y", "Tensor"),
        ("x, y", "tuple[Tensor, Tensor]"),
        ("ys", "list[Tensor]"),
        ("y, ys", "tuple[Tensor, list[Tensor]]"),
        ("[x, y]", "list[Tensor]"),
        ("[]", "list[Tensor]"),
        ("y, ()", "tuple[Tensor, tuple[()]]"),
        ("y, (x, y)", "tuple[Tensor, tuple[Tensor, Tensor]]"),
    ],
)
def test_the_hint_of_a_result(tmp_path: Path, result: str, hint: str) -> None:
    tree = ast.parse(load(tmp_path, SPEC.replace("RESULT", result)).generate())
    (net,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    forward = net.body[-1]
    assert isinstance(forward, ast.FunctionDef)
    assert forward.returns is not None
    assert ast.unparse(forward.returns) == hint
