"""Models changed in ways of which it is known what they change, mostly nothing."""

from __future__ import annotations

import re
from typing import Any

from drawing import Source
from hypothesis import strategies as st

from getspec.compose import SECTIONS
from strategies.models import RandomSpec, plain_loop_of, specs
from strategies.text import dumped

__all__ = ["listed", "overridden", "renamed", "reordered", "split", "turned", "varied"]

LENGTHS = (-1, 0, 1, 2, 3, 4, 5, 6, 8, 9, 16, 33, 64, 97)
RATES = (0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5)


ORDERED = frozenset(("config", "let", "inputs", "outputs", "params", "components", "layers", "tie"))
"""Sections whose order is that of arguments or of tensors."""


@st.composite
def overridden(draw: Any) -> tuple[RandomSpec, dict[str, Any]]:
    """A model, and other values for some of its config."""
    spec, source = draw(specs()), Source(draw)
    return spec, {s.name: s.another(source) for s in spec.free if source.flip()}


@st.composite
def varied(draw: Any) -> tuple[RandomSpec, list[tuple[dict[str, Any], list[int]]]]:
    """A model, and a few times other values for some of its config, legal or not, and lengths of the run time."""
    spec, source = draw(specs()), Source(draw)
    free = {setting.name: setting for setting in spec.free}

    def other(name: str, value: Any) -> Any:
        return free[name].another(source) if name in free and source.flip() else near(value)

    def near(value: Any) -> Any:
        """A value of the same kind, mostly small."""
        if isinstance(value, list):
            return [near(item) for item in value]
        if isinstance(value, bool | str):
            return value
        return source.pick(LENGTHS) if isinstance(value, int) else source.pick(RATES)

    trials = []
    for _ in range(4):
        config = spec.tree.get("config", {})
        chosen = {n: other(n, v) for n, v in config.items() if source.integer(0, 2) == 0}
        trials.append((chosen, [source.pick(LENGTHS[2:]) for _ in range(6)]))
    return spec, trials


@st.composite
def reordered(draw: Any) -> tuple[RandomSpec, dict[str, Any], dict[str, Any]]:
    """A model, the same with keys in another order, and the same with components in another order."""
    spec = draw(specs())
    shuffled = _shuffled(spec.tree, draw, ORDERED)
    components = spec.tree | {"components": _turned(spec.tree.get("components", {}), draw)}
    return spec, shuffled, {key: value for key, value in components.items() if value}


def _shuffled(value: Any, draw: Any, ordered: frozenset[str], key: str = "") -> Any:
    """A tree with its keys in another order, but for mappings whose order means something."""
    if isinstance(value, list):
        return [_shuffled(item, draw, ordered) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {k: _shuffled(v, draw, ordered, k) for k, v in value.items()}
    return inner if key in ordered else _turned(inner, draw)


def turned(value: Any, key: str = "") -> Any:
    """A tree with its keys the other way round, but for mappings whose order means something."""
    if isinstance(value, list):
        return [turned(item) for item in value]
    if not isinstance(value, dict):
        return value
    pairs = [(k, turned(v, k)) for k, v in value.items()]
    return dict(pairs if key in ORDERED else pairs[::-1])


def _turned(value: dict[str, Any], draw: Any) -> dict[str, Any]:
    return {key: value[key] for key in draw(st.permutations(list(value)))}


@st.composite
def renamed(draw: Any) -> tuple[RandomSpec, str, str, str]:
    """A model, one of its components' names, another name, and the text with that in its place."""
    spec = draw(specs().filter(lambda spec: "components" in spec.tree))
    old = draw(st.sampled_from(list(spec.tree["components"])))
    new = draw(st.sampled_from(("renamed", "a", "part_of_it")))
    tree = spec.tree | {"forward": re.sub(rf"\b{old}\b", new, spec.tree["forward"])}
    tree["components"] = {new if k == old else k: v for k, v in spec.tree["components"].items()}
    tree["tie"] = {
        _moved(name, old, new): _moved(of, old, new)
        for name, of in spec.tree.get("tie", {}).items()
    }
    return spec, old, new, dumped({key: value for key, value in tree.items() if value})


def _moved(path: str, old: str, new: str) -> str:
    return re.sub(rf"^{old}(?=\.|$)", new, path)


@st.composite
def split(draw: Any) -> tuple[RandomSpec, str, str]:
    """A model, and the texts of a base and of a spec that extends it into the same model.

    Each section is cut in two at some place. Of the config the base may say something else, which is then set right.
    """
    spec, source = draw(specs()), Source(draw)
    base: dict[str, Any] = {"getspec": 1, "model": "Base"}
    derived: dict[str, Any] = {"getspec": 1, "extends": "base.yaml", "model": spec.tree["model"]}
    for key, value in spec.tree.items():
        if key in derived:
            continue
        if key not in SECTIONS:
            source.pick((base, derived))[key] = value
            continue
        items = list(value.items())
        cut = source.integer(0, len(items))
        base |= {key: dict(items[:cut])} if cut else {}
        derived |= {key: dict(items[cut:])} if cut < len(items) else {}
    for setting in spec.free:
        if setting.name in base.get("config", {}) and source.flip():
            base["config"][setting.name] = setting.another(source)
            where = derived.setdefault(source.pick(("set", "config")), {})
            where[setting.name] = setting.value
    return spec, dumped(base), dumped(derived)


@st.composite
def listed(draw: Any) -> tuple[RandomSpec, str]:
    """A model with a stack of equal components, and its text with every such stack as a list."""
    spec, number = draw(specs(plain_loop_of)), draw(st.integers(1, 5))
    parts = spec.tree["components"]
    parts[list(parts)[-1]]["repeat"] = number
    blocks = {
        name: block | {"components": _listed(block["components"])}
        if "components" in block
        else block
        for name, block in spec.tree.get("blocks", {}).items()
    }
    tree = spec.tree | {"components": _listed(parts)} | ({"blocks": blocks} if blocks else {})
    return spec, dumped(tree)


def _listed(components: dict[str, Any]) -> dict[str, Any]:
    return {name: _explicit(declared) for name, declared in components.items()}


def _explicit(declared: dict[str, Any]) -> dict[str, Any]:
    """A stack without positions, item by item."""
    times = declared.get("repeat")
    if type(times) is not int or times == 0 or {"index", "pattern", "when"} & set(declared):
        return declared
    item = {key: value for key, value in declared.items() if key != "repeat"}
    return {"pattern": [item] * times}
