"""Ties: two names of one tensor, so there is no chain of them, and none goes through a repeat that is folded."""

from __future__ import annotations

from getspec import ir
from getspec.declare import Definition
from getspec.elaborate.paths import find_weight, is_repeated, weight_paths
from getspec.errors import MAX_NOTES, Diagnostics, Span, SpecError, meant

__all__ = ["check_ties"]


def check_ties(definition: Definition, block: ir.Block, problems: Diagnostics) -> None:
    targets = {name: of for name, of, _, _ in definition.ties}
    differing: dict[str, list[tuple[str, Span]]] = {}
    for name, of, span, value in definition.ties:
        if of in targets:
            help = f"{name}: {targets[of]}" if targets[of] not in targets else None
            message = f"`{of}` is tied itself, and a tie names a tensor that is not"
            raise SpecError.of("GS307", message, span, help)
        tied, target = _weight(block, name, span), _weight(block, of, value)
        if tied.shape != target.shape:
            message = f"`{name}` is {_shown(tied)} and `{of}` is {_shown(target)}"
            differing.setdefault(of, []).append((message, span))
    for (message, span), *others in differing.values():
        notes = [(f"nor can these: {words}", place) for words, place in others]
        problems.error("GS307", f"{message}, so they cannot be one", span, notes=notes[:MAX_NOTES])


def _weight(block: ir.Block, path: str, span: Span) -> ir.Weight:
    if is_repeated(block, path):
        message = f"`{path}` is one of several equal layers, and a tie names one tensor"
        raise SpecError.of("GS307", message, span, "tie within the repeated block")
    weight = find_weight(block, path)
    if weight is None:
        known = list(weight_paths(block))
        help = meant(path, known, f"paths are as in the state dict: {', '.join(known[:6])}")
        raise SpecError.of("GS307", f"there is no tensor `{path}`", span, help)
    return weight


def _shown(weight: ir.Weight) -> str:
    return f"[{', '.join(map(str, weight.shape))}]"
