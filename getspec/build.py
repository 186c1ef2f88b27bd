"""Generated text as a living module. What runs here is what `emit` wrote, never text of a spec."""

from __future__ import annotations

import linecache
import sys
from itertools import count
from types import ModuleType

from getspec.errors import UsageError

__all__ = ["execute"]

_numbers = count(1)


def execute(text: str, name: str) -> ModuleType:
    """The module; tracebacks and `inspect` see its lines. UsageError where torch is missing."""
    module = ModuleType(f"getspec_generated_{name}_{next(_numbers)}")
    file = f"<getspec {module.__name__}>"
    module.__file__ = file
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, file, "exec"), module.__dict__)
    except ModuleNotFoundError as error:
        del sys.modules[module.__name__]
        if error.name != "torch":
            raise
        help = "python -m pip install 'getspec[torch]'"
        raise UsageError("building a model needs torch, which is not installed", help) from None
    return module
