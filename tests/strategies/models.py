"""Whole models, and models changed in ways that change nothing, or only what is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drawing import Body, Library, Setting, Source, known
from hypothesis import strategies as st

from strategies.contracts import arguments, ends, simple
from strategies.definitions import definition, reusable, section
from strategies.text import dumped

__all__ = ["RandomSpec", "drawn", "overridden", "plain_loop_of", "reordered", "specs"]


@dataclass(frozen=True)
class RandomSpec:
    """A drawn spec: its tree, and the config entries that may be set to other values."""

    tree: dict[str, Any]
    free: tuple[Setting, ...] = field(compare=False)

    def __repr__(self) -> str:
        return f"\n{self.text}"

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


@st.composite
def overridden(draw: Any) -> tuple[RandomSpec, dict[str, Any]]:
    """A model, and other values for some of its config."""
    spec, source = draw(specs()), Source(draw)
    return spec, {s.name: s.another(source) for s in spec.free if source.flip()}


@st.composite
def reordered(draw: Any) -> tuple[RandomSpec, dict[str, Any], dict[str, Any]]:
    """A model, the same with keys in another order, and the same with components in another order."""
    spec = draw(specs())
    ordered = {"config", "let", "inputs", "params", "components", "layers", "tie"}
    shuffled = _shuffled(spec.tree, draw, ordered)
    components = spec.tree | {"components": _turned(spec.tree.get("components", {}), draw)}
    return spec, shuffled, {key: value for key, value in components.items() if value}


def _shuffled(value: Any, draw: Any, ordered: set[str], key: str = "") -> Any:
    """A tree with its keys in another order, but for mappings whose order means something."""
    if isinstance(value, list):
        return [_shuffled(item, draw, ordered) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {k: _shuffled(v, draw, ordered, k) for k, v in value.items()}
    return inner if key in ordered else _turned(inner, draw)


def _turned(value: dict[str, Any], draw: Any) -> dict[str, Any]:
    return {key: value[key] for key in draw(st.permutations(list(value)))}
