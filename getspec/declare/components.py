"""Components: one thing of a type, several in sequence, or a stack that repeats.

Only here does reading recurse: sequentials and stacks hold components. What holds no other is read by `layers` and `stored`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from getspec.declare.declarations import (
    BufferDecl,
    Declaration,
    ParameterDecl,
    SequenceDecl,
    StackDecl,
)
from getspec.declare.keys import are_known, are_sound, own, read_shared, shown
from getspec.declare.layers import read_block, read_layer
from getspec.declare.names import check_name
from getspec.declare.place import Place
from getspec.declare.stored import read_buffer, read_parameter
from getspec.errors import escape, meant
from getspec.ops import LAYERS

if TYPE_CHECKING:
    from getspec.spec import Component

__all__ = ["read_component"]

Data = dict[str, Any]
Reader = Callable[[Place, Data, Data], Declaration | None]

STACK_KEYS = ("repeat", "index", "pattern", "when", "trainable")
"""Keys that a stack has for itself, and its items do not inherit."""


def read_component(place: Place, name: str, written: Component) -> Declaration | None:
    """A component of a definition; its name becomes an attribute."""
    check_name(name, place.key, place.problems, attribute=True)
    given = written.model_fields_set
    own = {key: value for key, value in vars(written).items() if key in given}
    data = {**own, **(written.model_extra or {})}
    return place.attempt(lambda: _component(place, name, data))


def _component(place: Place, name: str, data: Data) -> Declaration | None:
    """One component; a repeat or a pattern around it makes a stack."""
    if not are_sound(place, data):
        return None
    if "repeat" in data or "pattern" in data:
        return _stack(place, name, data)
    if "index" in data:
        if _report_slip(place, name, data, "repeat"):
            return None
        place.error("GS101", "`index` belongs to a `repeat`", place.key("index"))
    kind = data.get("type")
    if kind is None:
        _report_no_type(place, name, data)
        return None
    if not isinstance(kind, str):
        message = f"`type` is a word, this is {shown(kind)}"
        place.error("GS103", message, place.value("type"), "type: linear")
        return None
    return _reader(kind)(place, data, read_shared(place, name, data))


def _report_no_type(place: Place, name: str, data: Data) -> None:
    """A component without a type, or with a slip in that key."""
    if any(_report_slip(place, name, data, wanted) for wanted in ("type", "pattern")):
        return
    if "forward" in data:
        help = "is the line `blocks:` missing above this?"
        place.error("GS102", "a block with a `forward` stands under `blocks`", place.key(), help)
        return
    place.error("GS102", f"component `{name}` needs a `type`", place.key(), "type: linear")


def _report_slip(place: Place, name: str, data: Data, wanted: str) -> bool:
    """Whether a key that is wanted is there with a slip in it, which is then reported."""
    for key in own(data):
        if help := meant(key, [wanted]):
            message = f"unknown key `{escape(key)}` in component `{escape(name)}`"
            place.error("GS101", message, place.key(key), help)
            return True
    return False


def _reader(kind: str) -> Reader:
    readers: Mapping[str, Reader] = {
        "parameter": read_parameter,
        "buffer": read_buffer,
        "sequential": _sequence,
    }
    return readers.get(kind, read_layer if kind in LAYERS else read_block)


def _is_module(declared: Declaration) -> bool:
    """Whether it can be called by whoever holds it: no tensor and no list."""
    return not isinstance(declared, ParameterDecl | BufferDecl | StackDecl)


# Sequentials


def _sequence(place: Place, data: Data, shared: Data) -> SequenceDecl | None:
    if not are_known(place, data, ("layers",), "a sequential"):
        return None
    layers = data.get("layers")
    if not isinstance(layers, list | dict) or not layers:
        help = "layers: [{type: silu}, {type: linear, ...}]"
        place.error("GS102", "a sequential needs `layers`", place.key(), help)
        return None
    items = tuple(_layers(place.inside("layers"), layers))
    return SequenceDecl(**shared, items=items, named=isinstance(layers, dict))


def _layers(place: Place, layers: list[Any] | Data) -> Iterator[Declaration]:
    """The parts of a sequential, by name or by number."""
    named = isinstance(layers, dict)
    pairs = layers.items() if isinstance(layers, dict) else enumerate(layers)
    for key, item in pairs:
        at = place.inside(key)
        if named:
            check_name(str(key), at.key, at.problems, attribute=True)
        if not isinstance(item, dict):
            known = isinstance(item, str) and item in LAYERS
            help = f"{{type: {item}}}" if known else "{type: silu}"
            at.error("GS103", f"a layer is a mapping, this is {shown(item)}", at.value(), help)
            continue
        declared = _component(at, str(key), item)
        if declared is None:
            continue
        if _is_module(declared):
            yield declared
        else:
            at.error("GS303", "a sequential holds layers and blocks only", at.key())


# Stacks


def _stack(place: Place, name: str, data: Data) -> StackDecl | None:
    """What repeats: one component, or the items of a pattern in turn."""
    index = data.get("index")
    if index is not None:
        check_name(index, lambda: place.value("index"), place.problems)
    count = place.optional(data.get("repeat"), "repeat")
    inner = {key: value for key, value in data.items() if key not in STACK_KEYS}
    if "pattern" in data:
        items = _pattern(place, inner, data["pattern"] or [])
    else:
        repeated = _component(place, "*", inner)
        items = [] if repeated is None else [(1, repeated)]
    if not items:
        return None
    if not all(_is_module(declared) for _, declared in items):
        message = "a repeat holds layers, blocks and sequentials only"
        place.error("GS303", message, place.key())
        return None
    return StackDecl(**read_shared(place, name, data), count=count, index=index, items=tuple(items))


def _pattern(place: Place, beside: Data, pattern: list[Any]) -> list[tuple[int, Declaration]]:
    """The items with how often each stands in a row; none if one of them is wrong."""
    for key in [key for key in beside if key not in ("doc", "times")]:
        message = f"`{escape(key)}` stands beside a `pattern`"
        place.error("GS101", message, place.key(key), "put it into the items of the pattern")
    if not pattern:
        help = "pattern: [{type: silu}, {type: gelu}]"
        place.error("GS102", "the pattern is empty", place.key(), help)
    items = []
    for number, item in enumerate(pattern):
        at = place.inside("pattern", number)
        if not isinstance(item, dict):
            message = f"a part of a pattern is a mapping, this is {shown(item)}"
            at.error("GS103", message, at.value(), "{type: silu}")
            continue
        if "when" in item:
            help = "give the whole component a `when`, or choose within a block"
            at.error("GS101", "a part of a pattern is always there", at.key("when"), help)
        times = item.get("times", 1)
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            message = f"`times` is a positive integer, this is {shown(times)}"
            at.error("GS103", message, at.value("times"))
            return []
        inner = {key: value for key, value in item.items() if key != "times"}
        declared = _component(at, str(number), inner)
        if declared is not None:
            items.append((times, declared))
    return items if len(items) == len(pattern) else []
