"""Models, blocks and functions.

A definition is read whatever is wrong in it, so that all mistakes come together: each reader reports its own and returns
nothing, and what it would have made is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from getspec.declare.components import read_component
from getspec.declare.declarations import (
    BlockDecl,
    Declaration,
    Definition,
    SequenceDecl,
    StackDecl,
)
from getspec.declare.names import check_class_name, check_name
from getspec.declare.place import Place
from getspec.declare.schemes import read_init_rules
from getspec.declare.settings import read_entry, read_setting
from getspec.declare.tensors import read_tensor
from getspec.errors import MAX_NOTES, Diagnostics, Fix, escape, meant
from getspec.ops import FUNCTIONS, LAYERS
from getspec.record import replaced
from getspec.syntax import Body, Expression, parse_body

if TYPE_CHECKING:
    from getspec.source import Document
    from getspec.spec import Block, File, Function

__all__ = ["check_types", "declare"]

Read = TypeVar("Read")


def declare(document: Document, file: File, problems: Diagnostics) -> dict[str, Definition]:
    """The definitions of one file by name; the model is under its class name. Mistakes go to `problems`."""
    found: dict[str, Definition] = {}
    for name, block in file.blocks.items():
        place = Place(document, ("blocks", name), problems)
        check_class_name(name, place.key(), problems)
        found[name] = _definition(place, "block", name, block)
    for name, function in file.functions.items():
        place = Place(document, ("functions", name), problems)
        check_name(name, place.key, problems)
        if name in FUNCTIONS:
            message = f"`{name}` is the name of an op"
            place.error("GS104", message, place.key(), "choose another name")
        found[name] = _definition(place, "function", name, function)
    if file.model is not None:
        place = Place(document, (), problems)
        check_class_name(file.model, place.value("model"), problems)
        found[file.model] = _definition(place, "model", file.model, file)
    return found


def _definition(place: Place, kind: str, name: str, part: Block | Function | File) -> Definition:
    before = len(place.problems.errors)
    made = _read(place, kind, name, part)
    if made.body is None or len(place.problems.errors) > before:
        return made
    read = place.mentioned | made.body.names
    _warn_unread(place, made, read)
    return replaced(made, unread=frozenset({*made.settings, *made.lets} - read))


def _read(place: Place, kind: str, name: str, part: Any) -> Definition:
    section, setting = ("config", read_entry) if kind == "model" else ("params", read_setting)
    settings = _each(place, section, part, setting)
    lets = _each(place, "let", part, _let)
    inputs = _each(place, "inputs", part, read_tensor)
    outputs = _each(place, "outputs", part, read_tensor)
    components: dict[str, Declaration] = _each(place, "components", part, read_component)
    _check_unique(place, part, (section, "let", "inputs", "components"))
    ties = _section(part, "tie")
    return Definition(
        kind=kind,
        name=name,
        summary=part.summary,
        settings=settings,
        lets=lets,
        inputs=tuple(inputs.values()),
        outputs=tuple(outputs.values()),
        components=tuple(components.values()),
        init=read_init_rules(place.inside("init"), _section(part, "init")),
        ties=tuple(
            (name, of, place.key("tie", name), place.value("tie", name))
            for name, of in ties.items()
        ),
        body=_body(place.inside("forward"), part.forward),
        span=place.value("model") if kind == "model" else place.key(),
        sizes=_section(part, "sizes"),
        sources=tuple(getattr(part, "sources", ())),
    )


def _section(part: Any, name: str) -> Mapping[str, Any]:
    """A section, empty where this kind of definition has none."""
    found: Mapping[str, Any] = getattr(part, name, {})
    return found


def _each(
    place: Place, section: str, part: Any, read: Callable[[Place, str, Any], Read | None]
) -> dict[str, Read]:
    """What a section declares, less what is wrong."""
    found = {}
    for name, written in _section(part, section).items():
        made = read(place.inside(section, name), name, written)
        if made is not None:
            found[name] = made
    return found


def _let(place: Place, name: str, value: Any) -> Expression | None:
    in_function = place.path[:1] == ("functions",)
    check_name(name, place.key, place.problems, attribute=not in_function)
    return place.attempt(lambda: place.expression(value))


def _body(place: Place, text: str | None) -> Body | None:
    if text is None:
        return None
    mark = place.mark()
    if mark is not None and mark.style == ">":
        message = "`>` folds the lines of forward into one"
        place.error("GS401", message, place.value(), Fix("write `forward: |`", "|"))
        return None
    return place.attempt(lambda: parse_body(text, place.text(text)))


def _check_unique(place: Place, part: Any, sections: Iterable[str]) -> None:
    """Settings, named values, inputs and components share one namespace in `forward`."""
    seen: dict[str, str] = {}
    for section in sections:
        for name in _section(part, section):
            first = seen.setdefault(name, section)
            if first != section:
                message = f"`{name}` stands in both {first} and {section}"
                note = ("the first is here", place.key(first, name))
                place.error("GS107", message, place.key(section, name), notes=[note])


def _warn_unread(place: Place, made: Definition, read: Iterable[str]) -> None:
    """What a definition declares and never reads is likely a slip."""
    section = "config" if made.kind == "model" else "params"
    for key, found in ((section, made.settings), ("let", made.lets)):
        for name in found:
            if name in read:
                continue
            span, message = place.key(key, name), f"nothing reads `{name}`"
            base = [o for o in found if place.key(key, o).file != span.file]
            others = [
                o for o in base if _letters(o) != _letters(name)
            ]  # `dim2` is no slip for `dim1`
            if help := meant(name, others):
                place.error("GS405", f"{message}, and the base has no such entry", span, help)
            else:
                place.problems.warning("GS405", message, span, "use it, or remove it")


def _letters(name: str) -> str:
    return name.rstrip("0123456789")


def check_types(
    library: Mapping[str, Definition],
    problems: Diagnostics,
    homes: Callable[[list[str]], list[str]],
) -> None:
    """Every `type` is known, once all files are read. `homes` finds libraries that define some names."""
    blocks = {name: None for name, made in library.items() if made.kind == "block"}
    known = ["parameter", "buffer", "sequential", *LAYERS, *blocks]
    strange: dict[str, list[BlockDecl]] = {}
    for definition in library.values():
        for part in _blocks_in(definition.components):
            if part.type in blocks:
                _check_no_init(part, problems)
                continue
            span, help = part.at("type", key=False), meant(part.type, known)
            if part.type in FUNCTIONS:
                help = f"call it in `forward`: `{part.type}(...)`"
            if help is None:
                strange.setdefault(span.file, []).append(part)
            else:
                message = f"`{escape(part.type)}` is no op and no block that this spec knows"
                problems.error("GS301", message, span, help)
    for parts in strange.values():
        _report_strange(parts, problems, homes)


def _report_strange(
    parts: list[BlockDecl], problems: Diagnostics, homes: Callable[[list[str]], list[str]]
) -> None:
    """Types of one file that are like nothing known: most likely their library is not named."""
    names = list(dict.fromkeys(part.type for part in parts))
    files = homes(names)
    help = f"use: [{', '.join(files)}]" if files else "name its library under `use:`"
    first, *others = parts
    message = f"`{escape(first.type)}` is no op and no block that this spec knows"
    notes = [(f"nor is `{escape(part.type)}`", part.at("type", key=False)) for part in others]
    problems.error("GS301", message, first.at("type", key=False), help, notes[:MAX_NOTES])


def _check_no_init(part: BlockDecl, problems: Diagnostics) -> None:
    if part.has_init:
        message = "`init` stands on layers and parameters; a block has rules of its own"
        help = f"write rules in `{part.type}`, e.g. `init: {{linear: zeros}}`"
        problems.error("GS101", message, part.at("init"), help)


def _blocks_in(components: Iterable[Declaration]) -> Iterator[BlockDecl]:
    """Uses of blocks, those within sequentials and stacks too."""
    for part in components:
        if isinstance(part, BlockDecl):
            yield part
        elif isinstance(part, SequenceDecl):
            yield from _blocks_in(part.items)
        elif isinstance(part, StackDecl):
            yield from _blocks_in(item for _, item in part.items)
