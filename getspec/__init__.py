"""getspec: neural architectures declared in YAML, counted exactly, compiled to PyTorch.

    import getspec

    spec = getspec.load("specs/diffusion.yaml", set={"num_layers": 24})
    spec.count().total           # an exact integer, without torch
    text = spec.generate()       # the PyTorch module, as text
    model = spec.build()         # an instance of the generated class
    getspec.diff("specs/pretrain.yaml", "specs/diffusion.yaml").changes

Importing this module costs nothing: what a call needs is imported by the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from getspec.api import Spec, diff, load
    from getspec.errors import GetspecError, SpecError, UsageError

__all__ = ["GetspecError", "Spec", "SpecError", "UsageError", "diff", "load"]


def __getattr__(name: str) -> Any:
    if name in ("GetspecError", "SpecError", "UsageError"):
        from getspec import errors

        return getattr(errors, name)
    if name in __all__:
        from getspec import api

        return getattr(api, name)
    raise AttributeError(f"module 'getspec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
