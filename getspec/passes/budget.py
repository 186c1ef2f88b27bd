"""Budgets held against the model: `params: "<= 125M"` is a promise that `check` keeps.

A limit is exact: 125M is 125,000,000 and one parameter more breaks it. (A claim under `expect` is different: there 7.09M is
whatever rounds to it.)
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from getspec.errors import Diagnostics
from getspec.passes.count import locate
from getspec.sizes import bare

if TYPE_CHECKING:
    from getspec.ir import Model
    from getspec.source import Document

__all__ = ["BYTES", "check_budget", "limit"]

SCALE = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12, "P": 10**15}
BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
ITEMSIZE = 2
"""Bytes of an element of a key or value: bfloat16."""
_LIMIT = re.compile(r"(?:<=\s*)?([0-9][0-9_]*)(?:\.([0-9]+))?\s*([KMGTPi]*B?)")


def limit(text: str | int, units: dict[str, int]) -> Fraction | None:
    """`<= 125M` as a number; None if it is no limit."""
    match = _LIMIT.fullmatch(str(text).strip())
    if match is None or match[3] not in units:
        return None
    decimals = match[2] or ""
    return (
        Fraction(int(match[1].replace("_", "") + decimals), 10 ** len(decimals)) * units[match[3]]
    )


def check_budget(
    document: Document, budget: dict[str, str | int], model: Model, problems: Diagnostics
) -> None:
    """Report each limit that is exceeded, or that cannot be looked at."""
    for name, text in budget.items():
        span = document.span(("budget", name))
        most = limit(text, BYTES if name == "kv_per_token" else SCALE)
        if most is None:
            example = "<= 64KiB" if name == "kv_per_token" else "<= 125M"
            problems.error("GS506", f"`{text}` is not a limit", span, f'{name}: "{example}"')
            continue
        if name == "params":
            found: int | str = _params(model)
        elif model.root.forward is None:
            found = "a spec without `forward` does no work"
        else:
            found = _flops(model) if name == "flops" else _kv_per_token(model)
        if isinstance(found, str):
            problems.error("GS506", f"`{name}` cannot be looked at: {found}", span)
        elif found > most:
            over = f"{found:,} {UNITS[name]} are more than {_shown(most)}"
            problems.error("GS505", over, span, "make the model smaller, or the budget larger")


UNITS = {"params": "parameters", "flops": "forward FLOPs", "kv_per_token": "bytes a token"}


def _shown(most: Fraction) -> str:
    return f"{int(most):,}" if most.denominator == 1 else f"{float(most):,}"


def _params(model: Model) -> int:
    place = locate(model.root, ".")
    assert place is not None
    return place.params


def _flops(model: Model) -> int | str:
    """At the run-time sizes that the spec quotes costs at."""
    from getspec.passes.cost import cost

    done = cost(model)
    work = done.total.forward.value
    if done.unknown:
        return f"it is not known what `{done.unknown[0]}` multiplies"
    missing = sorted(work.symbols() - model.shape.keys())
    if missing:
        return f"`shape` does not say what `{missing[0]}` is"
    return work.evaluate(model.shape)


def _kv_per_token(model: Model) -> int | str:
    from getspec.passes.formula import formula, values_of

    config = {name: bare(expr.value) for name, expr in model.root.settings.items()}
    found = formula(model, ".", "kv")
    missing = sorted(found.symbols() - values_of(config).keys())
    if missing:
        return f"it depends on the run-time size `{missing[0]}`"
    return ITEMSIZE * found.at(values_of(config))
