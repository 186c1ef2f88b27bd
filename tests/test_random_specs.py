"""Properties of random legal specs: the count, the cost, the code and the executed module are one model.

`--examples N` scales how many are drawn. The main property draws each spec from a seed of its own, from `--seed` on, and writes
what it found into `--records FOLDER`; the others run in parts with seeds of their own, so that all cores share them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from canonical import assert_canonical
from chunks import is_recorded, proved
from drawing import Body
from features import used
from hypothesis import note
from hypothesis import strategies as st
from properties import for_all, written
from strategies import (
    FUNCTION_RECIPES,
    LAYER_RECIPES,
    RandomSpec,
    call_layer,
    dumped,
    overridden,
    plain_loop_of,
    reordered,
    specs,
)

from getspec.api import diff, load
from getspec.ir import Apply, Block, Leaf, Module
from getspec.ops import FUNCTIONS, LAYERS

pytest.importorskip("torch")

from proofs import (
    assert_one_model,
    assert_runs,
    assert_same_tensors,
    forget,
    shapes,
)

from getspec.walk import expressions

pytestmark = pytest.mark.torch
FINDINGS = sorted((Path(__file__).parent / "findings").glob("*.yaml"))
in_two = pytest.mark.parametrize("part", range(2))


def test_count_code_and_module_are_one(
    seeds: range, device: str, folder: Path, records: Path | None
) -> None:
    """Same tensors, FLOPs and outputs, for some the same bytes again, and bytes that a formatter leaves alone."""
    if is_recorded(records, seeds):
        pytest.skip("these seeds are recorded")
    texts: dict[str, str] = {}

    def holds(spec: RandomSpec) -> set[str]:
        compiled = written(spec.text)
        text = compiled.generate()
        if len(texts) % 8 == 0:
            assert written(spec.text).generate() == text, "compiling twice gives two files"
        try:
            assert_one_model(compiled, device, training=len(texts) % 2 == 0)
        finally:
            forget(compiled)
        texts[f"drawn_{len(texts) % 400}.py"] = text
        return used(compiled)

    chunk = proved(seeds, holds)
    chunk.record(records)
    assert not chunk.mismatches, chunk.report()
    assert_canonical(texts, folder)


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_what_was_found_stays_mended(path: Path, device: str) -> None:
    """Specs that once were a mismatch, made small."""
    for training in (False, True):
        assert_one_model(load(path), device, training=training)


def test_every_op_can_be_drawn() -> None:
    """A new op needs a recipe, or no random spec would ever use it."""
    missing = sorted(set(LAYERS) - set(LAYER_RECIPES))
    assert not missing, f"add {', '.join(missing)} to LAYER_RECIPES in tests/strategies/layers.py"
    missing = sorted(set(FUNCTIONS) - set(FUNCTION_RECIPES))
    assert not missing, (
        f"add {', '.join(missing)} to FUNCTION_RECIPES in tests/strategies/functions.py"
    )


@pytest.mark.parametrize("op", sorted(LAYER_RECIPES))
def test_layers(op: str, device: str, folder: Path) -> None:
    """Each layer, within specs that have it in any case."""
    each_runs(lambda body: call_layer(body, op), device, lambda root: op in _layers(root))


@pytest.mark.parametrize("op", sorted(FUNCTION_RECIPES))
def test_functions(op: str, device: str, folder: Path) -> None:
    """Each function op, within specs that call it in any case."""
    each_runs(FUNCTION_RECIPES[op], device, lambda root: op in _functions(root))


def each_runs(recipe: Callable[[Body], Any], device: str, has_it: Callable[[Block], bool]) -> None:
    def holds(spec: RandomSpec) -> None:
        compiled = written(spec.text)
        assert has_it(compiled.model.root), "the recipe drew something else"
        assert_same_tensors(compiled)
        assert_runs(compiled, device)
        forget(compiled)

    for_all(specs(recipe), 4, 0, holds)


def _layers(module: Module) -> set[str]:
    if isinstance(module, Leaf):
        return {module.op.type}
    return {kind for _, _, member in module.children() for kind in _layers(member.module)}


def _functions(root: Block) -> set[str]:
    assert root.forward is not None
    return {e.op for e in expressions(root.forward.statements) if isinstance(e, Apply)}


@in_two
def test_key_order_changes_nothing(part: int, examples: int, folder: Path) -> None:
    """Keys of a file, of a component or of a definition may stand in any order; parts may, for the count."""

    def holds(case: tuple[RandomSpec, dict[str, Any], dict[str, Any]]) -> None:
        spec, keys, components = case
        compiled = written(spec.text)
        note(f"Keys in another order:\n{dumped(keys)}")
        assert written(dumped(keys)).generate() == compiled.generate()
        note(f"Components in another order:\n{dumped(components)}")
        other = written(dumped(components)).count()
        counted = compiled.count()
        assert (other.total, other.trainable, other.buffers) == (
            counted.total,
            counted.trainable,
            counted.buffers,
        )
        names = [{t.name for t in each.parameters()} for each in (counted, other)]
        assert names[0] == names[1]

    for_all(reordered(), examples // 16, part, holds)


@in_two
def test_repeats_count_as_often_as_they_stand(part: int, examples: int, folder: Path) -> None:
    """n repeats count n times one."""

    def holds(case: tuple[RandomSpec, int]) -> None:
        spec, number = case
        name = list(spec.tree["components"])[-1]
        totals = {}
        for times in (0, 1, number):
            spec.tree["components"][name]["repeat"] = times
            counted = written(spec.text).count()
            totals[times] = counted.total
        assert totals[number] - totals[0] == number * (totals[1] - totals[0])
        rows = [
            row.params for row in counted.rows if row.path == f"{name}.{'*' if number > 1 else 0}"
        ]
        assert rows == [totals[number] - totals[0]]

    cases = st.tuples(specs(plain_loop_of), st.integers(1, 40))
    for_all(cases, examples // 16, part, holds)


@in_two
def test_resolved_specs_compile_to_the_same_bytes(part: int, examples: int, folder: Path) -> None:
    def holds(spec: RandomSpec) -> None:
        compiled = written(spec.text)
        text = compiled.generate()
        note(f"Resolved:\n{compiled.resolve()}")
        resolved = written(compiled.resolve())
        assert resolved.generate() == text
        assert resolved.resolve() == compiled.resolve()

    for_all(specs(), examples // 16, part, holds)


@in_two
def test_differences_add_up(part: int, examples: int, folder: Path) -> None:
    """Of two models that have nothing to do with each other too; a model does not differ from itself."""

    def holds(pair: tuple[RandomSpec, RandomSpec]) -> None:
        a, b = (written(spec.text) for spec in pair)
        found = diff(a, b)
        assert found.delta == b.count().total - a.count().total
        assert sum(change.delta for change in found.changes) == found.delta
        assert diff(a, a).identical

    for_all(st.tuples(specs(), specs()), examples // 16, part, holds)


@in_two
def test_overrides(part: int, examples: int, device: str, folder: Path) -> None:
    """`--set` and `Model(**config)` give the same model, and the difference to the first adds up."""

    def holds(case: tuple[RandomSpec, dict[str, Any]]) -> None:
        spec, values = case
        base = written(spec.text)
        changed = load("drawn.yaml", set=values)
        assert_same_tensors(changed)
        assert_runs(changed, device)
        found = diff(base, changed)
        assert sum(change.delta for change in found.changes) == found.delta
        sizes = {n: v for n, v in values.items() if n not in base.model.root.structural}
        built = getattr(base.module, base.name)(**sizes)
        again = load("drawn.yaml", set=sizes)
        assert shapes(built) == shapes(again.build())
        forget(base, changed, again)

    for_all(overridden(), examples // 8, part, holds)
