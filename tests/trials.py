"""Small models that run, for tests of what they cost."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import getspec
from getspec.api import Spec
from getspec.verify import tiny_config
from getspec.verify_cost import Trial

__all__ = ["tiny", "trial"]


@cache
def tiny(path: Path) -> Spec:
    """The model at the small configuration that its spec names."""
    return getspec.load(path, set=tiny_config(getspec.load(path).model))


def trial(spec: Spec, sizes: dict[str, int] | None = None) -> Trial:
    """A compiled spec as `verify` runs it, at other sizes of the inputs where they are given."""
    from getspec.verify import trial_at

    return trial_at(spec, sizes or {})
