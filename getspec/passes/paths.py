"""Where a component stands in the tree of modules, under the names that counts have for it."""

from __future__ import annotations

from collections.abc import Iterator

from getspec import ir

__all__ = ["folded", "joined", "trained", "twins"]


def joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def folded(module: ir.Module, path: str) -> str:
    """The path of a component with repeats folded, as counts have it."""
    return ".".join(name for name, _ in _along(module, path))


def trained(module: ir.Module, path: str) -> bool:
    """Whether nothing on the way to a component is frozen, lists included."""
    return all(member.trainable for _, member in _along(module, path))


def twins(module: ir.Module, path: str = "", trainable: bool = True) -> Iterator[tuple[str, bool]]:
    """Every tied tensor, by its folded path, and whether the one it is tied to is trained."""
    for tie in module.ties if isinstance(module, ir.Block) else ():
        owner, _, name = tie.name.rpartition(".")
        place = joined(path, folded(module, owner))
        twin, _, weight = tie.of.rpartition(".")
        held = [module, *(member.module for _, member in _along(module, twin))][-1]
        trains = next(w.trainable for w in held.weights if w.name == weight)
        yield joined(place, name), trainable and trains and trained(module, twin)
    for name, _, member in module.children():
        yield from twins(member.module, joined(path, name), trainable and member.trainable)


def _along(module: ir.Module, path: str) -> Iterator[tuple[str, ir.Member]]:
    """The members on the way to a component, under the names that counts have for them."""
    for part in path.split(".") if path else ():
        name, member = _step(module, part)
        yield name, member
        module = member.module


def _step(module: ir.Module, part: str) -> tuple[str, ir.Member]:
    first = part.partition("-")[0]
    if isinstance(module, ir.Stack) and first.isdigit():
        for run, (name, _, member) in zip(module.runs, module.children(), strict=True):
            if run.start <= int(first) < run.start + run.count:
                return name, member
    for name, _, member in module.children():
        if name == part:
            return name, member
    raise AssertionError(f"{part} is no part of {module.type}")
