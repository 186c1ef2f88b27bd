"""Properties of drawn values, and the specs that they compile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, reject, seed, settings
from hypothesis.errors import HypothesisException

from getspec.api import Spec, load

__all__ = ["for_all", "written"]

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

    settings(max_examples=max(number, 1))(seed(part)(given(strategy)(bounded)))()


def written(text: str, name: str = "drawn.yaml") -> Spec:
    """A spec's text, compiled from a file in the current folder."""
    Path(name).write_text(text, encoding="utf-8")
    return load(name)
