"""Whole models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drawing import Body, Library, Setting, Source, known
from hypothesis import strategies as st

from strategies.contracts import arguments, ends, simple
from strategies.definitions import definition, reusable, section
from strategies.text import dumped

__all__ = ["RandomSpec", "drawn", "plain_loop_of", "specs"]


@dataclass(frozen=True)
class RandomSpec:
    """A drawn spec: its tree, and the config entries that may be set to other values."""

    tree: dict[str, Any]
    free: tuple[Setting, ...] = field(compare=False)

    def __repr__(self) -> str:
        return f"\n{self.text}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How hypothesis prints it: as a file, to be pasted into one."""
        printer.text(repr(self))

    @property
    def text(self) -> str:
        return dumped(self.tree)


@st.composite
def specs(draw: Any, first: Callable[[Body], None] | None = None) -> RandomSpec:
    """A whole model; `first` is something its `forward` does in any case."""
    return drawn(Source(draw), first)


def drawn(source: Source, first: Callable[[Body], None] | None = None) -> RandomSpec:
    """A whole model, from the inside out."""
    library = Library(source)
    for _ in range(source.integer(0, 2)):
        reusable(library, "function", 0)
    for nesting in range(source.integer(0, 3)):
        reusable(library, "block", nesting)
    body, _ = definition(library, "model", 2, first)
    lengths = {name: least + source.integer(0, 2) for name, least in body.least.items()}
    tree: dict[str, Any] = {
        "getspec": 1,
        "model": "Drawn",
        "summary": "A model drawn at random.",
        "config": {s.name: s.value for s in body.settings.values()},
        **section(body),
        "blocks": library.blocks,
        "functions": library.functions,
        "tiny": lengths,
    }
    free = tuple(s for s in body.settings.values() if s.free)
    return RandomSpec({key: value for key, value in tree.items() if value}, free)


def plain_loop_of(body: Body) -> None:
    """A stack of equal components as the last component, and a loop over it."""
    width = known(body.stream.type, -1)
    assert width is not None
    contracts = [c for c in body.library.block_contracts if simple(c) and ends(c) == width]
    declared: dict[str, Any] = {"type": "layer_norm", "dim": width}
    if contracts:
        contract = body.source.pick(contracts)
        declared = {"type": contract.name, **arguments(body, contract)}
    name, item, x = body.component({**declared, "repeat": 1}), body.name(("block",)), body.stream
    body.line(f"for {item} in {name}:")
    body.line(f"  {x.text} = {item}({body.ref(x)})")
