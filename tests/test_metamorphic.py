"""Changes to a spec that change nothing that counts, without running anything: names, files and lists are only spelling."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from committed import MODELS, NAMES
from hypothesis import note
from properties import for_all, written
from rewriting import Tree, bare, extracted, inlined, parts
from strategies import RandomSpec, call_block, dumped, listed, renamed, specs, split, turned
from unrolled import unrolled

from getspec import ir
from getspec.api import Spec, diff, load
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

    for_all(listed(), examples // 16, part, holds)


# A block inlined, a component taken out: of random specs and of the committed ones

Rewrite = Callable[[Tree, Spec, str, ir.Call], Tree | None]


def rewritten(
    tree: Tree,
    rewrite: Rewrite,
    path: Callable[[str, str], str],
    says: Callable[[str], None] = note,
) -> int:
    """Every rewriting of a spec is the same model: its counts, tensors, work, and what it computes from what."""
    tree = bare(tree)
    first = written(dumped(tree))
    done = 0
    for name, call in parts(tree, first):
        other = rewrite(tree, first, name, call)
        if other is None:
            continue
        done += 1
        text = dumped(other)
        says(f"`{name}` written in another way:\n{text}")
        second = written(text)
        assert totals(first) == totals(second)
        wanted = sorted((path(tensor, name), *facts) for tensor, *facts in tensors(first))
        assert wanted == sorted(tensors(second))
        assert cost(first.model).total == cost(second.model).total
        moved = unrolled(first.model, partial(path, name=name))
        assert moved == unrolled(second.model), f"`{name}` computes something else"
        found = diff(first, second)
        assert found.delta == 0
        assert {change.category for change in found.changes} <= {"STATE", "SOURCE", "GRAPH", "SIZE"}
    return done


def under(path: str, name: str) -> str:
    return path.replace(f"{name}.", f"{name}_", 1) if path.startswith(f"{name}.") else path


def inside(path: str, name: str) -> str:
    head, dot, rest = path.partition(".")
    return f"{name}.inner{dot}{rest}" if head == name else path


REWRITINGS = {"inlined": (inlined, under), "extracted": (extracted, inside)}
each_rewriting = pytest.mark.parametrize("rewriting", REWRITINGS)


@in_two
@each_rewriting
def test_random_specs_rewritten(rewriting: str, part: int, examples: int, folder: Path) -> None:
    done: list[int] = []

    def holds(spec: RandomSpec) -> None:
        done.append(rewritten(spec.tree, *REWRITINGS[rewriting]))

    for_all(specs(call_block), examples // 64, part, holds)
    assert sum(done) > len(done) / 10, "hardly any spec has a part that this is for"


@each_rewriting
def test_committed_specs_rewritten(
    rewriting: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    """Every fourth; with `--whole` all of them."""
    step = 1 if request.config.getoption("--whole") else 4
    done = {
        name: rewritten(resolved_tree(path), *REWRITINGS[rewriting], says=lambda text: None)
        for path, name in list(zip(MODELS, NAMES, strict=True))[::step]
    }
    assert sum(done.values()) > 30 // step, done


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_keys_of_committed_specs_in_another_order(path: Path, folder: Path) -> None:
    """The other way round, they are the same file to the last byte."""
    tree = resolved_tree(path)
    first, second = written(dumped(tree)), written(dumped(turned(tree)))
    assert second.generate() == first.generate()
    assert diff(first, second).identical


def resolved_tree(path: Path) -> Tree:
    """Of its claims, those about other files are left out."""
    tree: Tree = yaml.safe_load(load(path).resolve())
    tree["expect"] = [claim for claim in tree.get("expect", []) if "against" not in claim]
    return {key: value for key, value in tree.items() if value}
