"""Small models that run, for tests of what they cost."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import getspec
from getspec.api import Spec
from getspec.verify import make_inputs, small_sizes, tiny_config
from getspec.verify_cost import Trial

__all__ = ["tiny", "trial"]


@cache
def tiny(path: Path) -> Spec:
    """The model at the small configuration that its spec names."""
    return getspec.load(path, set=tiny_config(getspec.load(path).model))


def trial(spec: Spec, sizes: dict[str, int] | None = None) -> Trial:
    """A compiled spec as `verify` runs it, at other sizes of the inputs where they are given."""
    import torch

    model = spec.model
    chosen = small_sizes(model) | (sizes or {})

    def inputs(device: str) -> list[Any]:
        return make_inputs(model, chosen, device, torch.Generator().manual_seed(0))

    return Trial(model, chosen, spec.build, inputs)
