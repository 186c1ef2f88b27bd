"""Weights by their dotted paths, as ties and people write them: `blocks.0.attn.qkv.weight`."""

from __future__ import annotations

from collections.abc import Iterator

from getspec import ir

__all__ = ["find_weight", "is_repeated", "weight_paths"]


def find_weight(module: ir.Module, path: str) -> ir.Weight | None:
    """The weight at a dotted path below a module."""
    head, _, rest = path.partition(".")
    if not rest:
        return next((weight for weight in module.weights if weight.name == head), None)
    if isinstance(module, ir.Stack):
        try:
            return find_weight(module.at(int(head)).module, rest)
        except (ValueError, IndexError):
            return None
    for _, _, member in module.children():
        if member.name == head:
            return find_weight(member.module, rest)
    return None


def weight_paths(module: ir.Module, prefix: str = "") -> Iterator[str]:
    """Paths of all weights below a module; of a repeat, those of its first position in each run."""
    for weight in module.weights:
        yield f"{prefix}{weight.name}"
    if isinstance(module, ir.Stack):
        for run in module.runs:
            yield from weight_paths(run.member.module, f"{prefix}{run.start}.")
        return
    for _, _, member in module.children():
        yield from weight_paths(member.module, f"{prefix}{member.name}.")


def is_repeated(module: ir.Module, path: str) -> bool:
    """Whether a path goes through a repeat that is folded."""
    head, _, rest = path.partition(".")
    if not isinstance(module, ir.Stack):
        return any(
            is_repeated(member.module, rest)
            for _, _, member in module.children()
            if member.name == head
        )
    runs = [
        run
        for run in module.runs
        if head.isdigit() and run.start <= int(head) < run.start + run.count
    ]
    return any(run.count > 1 or is_repeated(run.member.module, rest) for run in runs)
