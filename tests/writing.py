"""Small specs for tests of the compiler's parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import getspec
from getspec.api import Spec
from getspec.errors import Diagnostic, SpecError

__all__ = ["BASE", "load", "problems", "write"]

BASE = """\
getspec: 1
model: Base
config: {dim: 8, depth: 2, rate: 0.1, flag: true, kind: tanh, widths: [4, 8]}
inputs: {x: "float[B, dim]"}
components:
  layers: {type: linear, in_features: dim, out_features: dim, bias: flag, repeat: depth}
  act: {type: gelu, approximate: kind}
  drop: {type: dropout, p: rate}
  head: {type: linear, in_features: dim, out_features: "widths[1]"}
forward: |
  for layer in layers:
    x = drop(act(layer(x)))
  return head(x)
expect:
  - {path: head, params: 72, source: this test}
"""


def write(folder: Path, **files: str) -> Path:
    """Write `name.yaml` for each; the path of the last one."""
    path = folder
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str, set: Mapping[str, Any] | None = None) -> Spec:
    return getspec.load(write(folder, spec=text), set=set)


def problems(folder: Path, text: str, set: Mapping[str, Any] | None = None) -> list[Diagnostic]:
    """What is wrong with a spec, which must be wrong."""
    with pytest.raises(SpecError) as caught:
        load(folder, text, set)
    return list(caught.value.diagnostics)
