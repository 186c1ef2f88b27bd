"""Properties of drawn values, and the specs that they compile."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import Phase, find, given, reject, settings
from hypothesis import seed as seeded
from hypothesis.database import InMemoryExampleDatabase, choices_to_bytes
from hypothesis.errors import Flaky, HypothesisException, NoSuchExample
from strategies import RandomSpec, Seeded, drawn, specs

from getspec.api import Spec, load

__all__ = ["for_all", "made_smaller", "written"]

SHRINKING = 20.0
"""Seconds for which a failing value is made smaller."""


def for_all(strategy: Any, number: int, part: int, holds: Callable[[Any], None]) -> None:
    """Run a property on `number` drawn values; each `part` has a seed of its own.

    A value for which it fails is made smaller for a while, then reported as it is: no others are tried any more.
    """
    failed: set[str] = set()
    end = 0.0

    def bounded(value: Any) -> None:
        nonlocal end
        key = repr(value)
        if failed and key not in failed and time.monotonic() > end:
            reject()
        try:
            holds(value)
        except HypothesisException:
            raise
        except Exception:
            end = end or time.monotonic() + SHRINKING
            failed.add(key)
            raise

    settings(max_examples=max(number, 1))(seeded(part)(given(strategy)(bounded)))()


def made_smaller(seed: int, holds: Callable[[RandomSpec], None]) -> RandomSpec:
    """A smaller spec that fails as that of a seed does; hypothesis goes on from its choices for a while."""
    source = Seeded(seed)
    smallest = drawn(source)
    failed = _failure(smallest, holds)
    assert failed is not None, f"the spec of seed {seed} fails no more"
    kept = InMemoryExampleDatabase()
    kept.save(b"it", choices_to_bytes(source.choices))
    end = time.monotonic() + SHRINKING

    def fails(spec: RandomSpec) -> bool:
        nonlocal smallest
        if time.monotonic() > end or _failure(spec, holds) is not failed:
            return False
        smallest = min(smallest, spec, key=lambda each: len(each.text))
        return True

    with suppress(NoSuchExample, Flaky):  # past its time nothing fails
        find(
            specs(),
            fails,
            settings=settings(derandomize=False, database=kept, phases=(Phase.reuse, Phase.shrink)),
            database_key=b"it",
        )
    return smallest


def _failure(spec: RandomSpec, holds: Callable[[RandomSpec], None]) -> type[Exception] | None:
    try:
        holds(spec)
    except Exception as error:
        return type(error)
    return None


def written(text: str, name: str = "drawn.yaml") -> Spec:
    """A spec's text, compiled from a file in the current folder."""
    Path(name).write_text(text, encoding="utf-8")
    return load(name)
