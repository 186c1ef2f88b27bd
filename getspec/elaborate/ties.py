"""Ties: two names of one tensor, so there is no chain of them, and none goes through a repeat that is folded."""

from __future__ import annotations

from getspec import ir
from getspec.declare import Definition
from getspec.elaborate.paths import find_weight, is_repeated, weight_paths
from getspec.errors import Diagnostics, Span, SpecError, nearest

__all__ = ["check_ties"]


def check_ties(definition: Definition, block: ir.Block, problems: Diagnostics) -> None:
    targets = {name: of for name, of, _ in definition.ties}
    for name, of, span in definition.ties:
        if of in targets:
            help = f"{name}: {targets[of]}" if targets[of] not in targets else None
            message = f"`{of}` is tied itself, and a tie names a tensor that is not"
            raise SpecError.of("GS307", message, span, help)
        tied, target = _weight(block, name, span), _weight(block, of, span)
        if tied.shape != target.shape:
            message = f"`{name}` is {_shown(tied)} and `{of}` is {_shown(target)}"
            problems.error("GS307", f"{message}, so they cannot be one", span)


def _weight(block: ir.Block, path: str, span: Span) -> ir.Weight:
    if is_repeated(block, path):
        message = f"`{path}` is one of several equal layers, and a tie names one tensor"
        raise SpecError.of("GS307", message, span, "tie within the repeated block")
    weight = find_weight(block, path)
    if weight is None:
        word = nearest(path, weight_paths(block))
        help = f"did you mean `{word}`?" if word else None
        raise SpecError.of("GS307", f"there is no tensor `{path}`", span, help)
    return weight


def _shown(weight: ir.Weight) -> str:
    return f"[{', '.join(map(str, weight.shape))}]"
