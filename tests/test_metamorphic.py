"""Changes to a spec that change nothing that counts, without running anything: names, files and lists are only spelling."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import note
from properties import for_all, written
from strategies import RandomSpec, renamed, split, unrolled

from getspec.api import Spec
from getspec.passes.cost import cost

in_two = pytest.mark.parametrize("part", range(2))


def tensors(spec: Spec) -> list[tuple[str, tuple[int, ...], bool, str]]:
    """Every parameter and buffer, in order."""
    counted = spec.count()
    return [
        (tensor.name, tensor.shape, tensor.trainable, tensor.dtype)
        for tensor in (*counted.parameters(), *counted.buffer_tensors())
    ]


def totals(spec: Spec) -> tuple[int, int, int, int]:
    counted = spec.count()
    return counted.total, counted.trainable, counted.frozen, counted.buffers


@in_two
def test_a_component_by_another_name(part: int, examples: int, folder: Path) -> None:
    """The same tensors in the same order, of which the first part of the name is another."""

    def holds(case: tuple[RandomSpec, str, str, str]) -> None:
        spec, old, new, text = case
        note(f"With `{new}` for `{old}`:\n{text}")
        first, second = written(spec.text), written(text)
        assert totals(first) == totals(second)
        wanted = [(_moved(name, old, new), *facts) for name, *facts in tensors(first)]
        assert wanted == tensors(second)
        assert cost(first.model).total == cost(second.model).total

    for_all(renamed(), examples // 16, part, holds)


def _moved(name: str, old: str, new: str) -> str:
    head, dot, rest = name.partition(".")
    return f"{new if head == old else head}{dot}{rest}"


@in_two
def test_a_spec_in_two_files(part: int, examples: int, folder: Path) -> None:
    """A base and what extends it are the model that one file has, to the last byte."""

    def holds(case: tuple[RandomSpec, str, str]) -> None:
        spec, base, derived = case
        note(f"base.yaml:\n{base}")
        note(f"drawn.yaml:\n{derived}")
        whole = written(spec.text)
        Path("base.yaml").write_text(base, encoding="utf-8")
        parts = written(derived)
        assert parts.generate() == whole.generate()
        assert tensors(parts) == tensors(whole)

    for_all(split(), examples // 16, part, holds)


@in_two
def test_a_repeat_as_a_list(part: int, examples: int, folder: Path) -> None:
    """`repeat: 3` of a component is a pattern of three of it."""

    def holds(case: tuple[RandomSpec, str]) -> None:
        spec, text = case
        note(f"As lists:\n{text}")
        first, second = written(spec.text), written(text)
        assert totals(first) == totals(second)
        assert tensors(first) == tensors(second)
        assert cost(first.model).total == cost(second.model).total

    for_all(unrolled(), examples // 16, part, holds)
