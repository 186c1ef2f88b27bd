"""Brackets: what a mask leaves, and how slices are written."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec
from getspec.errors import SpecError

MASKED = """\
getspec: 1
model: Net
inputs:
  x: float[B, N, 3]
  mask: {type: "bool[B, N, 1]", selects: M}
  bias: float[M, 3]
forward: |
  return x[squeeze(mask, -1)] + bias
"""


def spec(tmp_path: Path, text: str) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return getspec.load(path)


def test_a_mask_that_declares_its_count_leaves_that_many(tmp_path: Path) -> None:
    forward = spec(tmp_path, MASKED).model.root.forward
    assert forward is not None
    assert str(forward.result) == "float[M, 3]"


def test_a_mask_that_does_not_leaves_a_length_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        spec(tmp_path, MASKED.replace(", selects: M", ""))
    assert [problem.code for problem in caught.value.diagnostics] == ["GS420"]


@pytest.mark.parametrize("changed", ["~squeeze(mask, -1)", "squeeze(mask & mask, -1)"])
def test_another_mask_has_another_count(tmp_path: Path, changed: str) -> None:
    with pytest.raises(SpecError, match="GS420"):
        spec(tmp_path, MASKED.replace("squeeze(mask, -1)", changed))


def test_only_bools_select(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        spec(
            tmp_path, MASKED.replace("x: float[B, N, 3]", 'x: {type: "float[B, N, 3]", selects: M}')
        )
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line) == ("GS103", 4)


@pytest.mark.torch
def test_verify_draws_as_many_as_are_declared(tmp_path: Path) -> None:
    import torch

    from getspec.verify import make_inputs

    model = spec(tmp_path, MASKED).model
    for count in (0, 1, 4, 6):
        sizes = {"B": 2, "N": 3, "M": count}
        _, mask, bias = make_inputs(model, sizes, "cpu", torch.Generator().manual_seed(count))
        assert int(mask.sum()) == count == len(bias)


@pytest.mark.parametrize(
    ("spec_text", "python"),
    [
        ("x[:, 1:]", "x[:, 1:]"),
        ("x[:, :-1]", "x[:, :-1]"),
        ("x[:, :n]", "x[:, : self.n]"),
        ("x[:, n:]", "x[:, self.n :]"),
        ("x[:, ::2]", "x[:, ::2]"),
        ("x[:, n::2]", "x[:, self.n :: 2]"),
        ("x[:, 1:n + 1:2]", "x[:, 1 : self.n + 1 : 2]"),
    ],
)
def test_slices_are_spaced_as_the_formatter_does(
    tmp_path: Path, spec_text: str, python: str
) -> None:
    text = "getspec: 1\nmodel: Net\nconfig: {n: 3}\ninputs: {x: 'float[B, 8]'}\n"
    made = spec(tmp_path, f"{text}forward: |\n  return {spec_text}\n").generate()
    assert f"return {python}" in made
