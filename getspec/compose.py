"""One spec out of several files: `extends`, `set`, `remove` and `--set`, on trees that remember where they come from.

The result is an ordinary document: every key and value keeps its place in the file that wrote it, so an error in a derived
spec points at the base where the base is wrong. Patches act on this tree, by path, and a path that does not exist is an
error; textual merging (YAML merge keys, templates) was refused because it cannot tell a typo from an addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from getspec.errors import Diagnostic, Fix, Span, SpecError, nearest
from getspec.library import MAX_DEPTH, Files
from getspec.source import Document, Mark, Path, scalar

__all__ = ["compose", "parse_setting"]

SECTIONS = (
    "config",
    "let",
    "sizes",
    "inputs",
    "outputs",
    "components",
    "init",
    "tie",
    "blocks",
    "functions",
)
COMMAND = "--set"
"""The name of the command line in a place; its lines are the settings."""
WHOLE = ("expect", "rename", "budget")
"""Claims and names of the base are not those of what is derived from it."""


def compose(
    document: Document, origin: FilePath | None, files: Files, settings: Mapping[str, Any]
) -> Document:
    """The spec with its bases under it and the settings of the command line on top."""
    merged = _extended(document, origin, files, [])
    if settings and "expect" in merged.data:
        # Published figures are about the spec as it stands.
        merged = _removed(merged, "expect", merged.span(("expect",), key=True))
    lines = [f"{path}={_written(value)}" for path, value in settings.items()]
    if lines:
        files.lines[COMMAND] = lines
    merged = replace(merged, others={**merged.others, COMMAND: lines})
    for number, (path, value) in enumerate(settings.items(), 1):
        start = len(path) + 2
        place = Span(COMMAND, number, start, max(len(lines[number - 1]) - start + 1, 1))
        span = Span(COMMAND, number, 1, max(len(path), 1))
        merged = _patched(merged, path, value, span, {(): Mark(None, place, "", start)})
    return merged


def _written(value: Any) -> str:
    """A value as the command line has it, on one line."""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value)


def parse_setting(text: str) -> tuple[str, Any]:
    """`path=value` of the command line."""
    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        span = Span(COMMAND, 1, 1, max(len(text), 1))
        problem = Diagnostic("GS015", "`--set` wants path=value", span, "--set num_layers=24")
        raise SpecError([problem], {COMMAND: [text]})
    return path.strip(), scalar(value, f"{COMMAND} {path.strip()}")


def _extended(
    document: Document, origin: FilePath | None, files: Files, chain: list[FilePath]
) -> Document:
    data = document.data
    if "extends" not in data:
        for key in ("set", "remove"):
            if key in data:
                slip = next((each for each in data if nearest(each, ["extends"])), None)
                if slip is not None:
                    help = Fix("did you mean `extends`?", "extends")
                    there = document.span((slip,), key=True)
                    raise _error("GS101", f"unknown key `{slip}` in the spec", there, help)
                span = document.span((key,), key=True)
                raise _error("GS310", f"`{key}` needs `extends`", span, "extends: base.yaml")
        return document
    span = document.span(("extends",))
    if not isinstance(data["extends"], str):
        raise _error("GS103", "`extends` is the path of a spec", span, "extends: base.yaml")
    real, base = files.find(data["extends"], origin, span)
    if real in chain:
        names = " -> ".join(path.name for path in (*chain[chain.index(real) :], real))
        raise _error("GS302", f"`extends` goes round in a circle: {names}", span)
    if len(chain) >= MAX_DEPTH:
        message = f"`extends` goes more than {MAX_DEPTH} files deep"
        raise _error("GS302", message, span, "extend a base further down")
    base = _extended(base, real.parent, files, [*chain, real])
    merged = _merged(base, document)
    for key, value in _mapping(document, "set").items():
        place: Path = ("set", key)
        marks = {path[2:]: mark for path, mark in _below(document, place)}
        merged = _patched(merged, key, value, document.span(place, key=True), marks)
    removals = data.get("remove", [])
    if not isinstance(removals, list):
        raise _error("GS103", "`remove` is a list of paths", document.span(("remove",)))
    for at, path in enumerate(removals):
        merged = _removed(merged, str(path), document.span(("remove", at)))
    return merged


def _mapping(document: Document, key: str) -> dict[str, Any]:
    value = document.data.get(key, {})
    if not isinstance(value, dict):
        raise _error("GS103", f"`{key}` is a mapping of paths to values", document.span((key,)))
    return value


def _merged(base: Document, child: Document) -> Document:
    """The base with the child's sections over it, key by key."""
    data = {key: value for key, value in base.data.items() if key not in WHOLE}
    marks = {path: base.marks[path] for path in base.marks if not path or path[0] in data}
    for key, value in child.data.items():
        if key in ("extends", "set", "remove"):
            continue
        if key in SECTIONS and isinstance(value, dict) and isinstance(data.get(key), dict):
            data[key] = {**data[key], **value}
            for name in value:
                _graft(marks, child, (key, name))
        else:
            data[key] = value
            _graft(marks, child, (key,))
    ordered = {key: data[key] for key in (*child.data, *base.data) if key in data}
    marks[()] = child.marks[()]
    return _document(child, base, ordered, marks)


def _graft(marks: dict[Path, Mark], child: Document, path: Path) -> None:
    for old in [p for p in marks if p[: len(path)] == path]:
        del marks[old]
    marks.update(_below(child, path))


def _below(document: Document, path: Path) -> list[tuple[Path, Mark]]:
    return [(p, document.marks[p]) for p in document.marks if p[: len(path)] == path]


def _document(
    top: Document, base: Document, data: dict[str, Any], marks: Mapping[Path, Mark]
) -> Document:
    others = {**base.others, base.name: base.lines, **top.others}
    return replace(top, data=data, marks=marks, others=others)


# Patches


def _patched(
    document: Document, path: str, value: Any, span: Span, marks: Mapping[Path, Mark]
) -> Document:
    """The document with one existing value replaced."""
    place = _resolve(document, path, span)
    old = _at(document.data, place)
    if place[0] == "config":
        value = _same_kind(path, old, value, marks[()].value)
    data = _replaced(document.data, place, value)
    kept: dict[Path, Mark] = {
        p: document.marks[p] for p in document.marks if p[: len(place)] != place
    }
    for below, mark in marks.items():
        kept[(*place, *below)] = mark
    key = document.marks[place].key
    kept[place] = Mark(key, kept[place].value, kept[place].style, kept[place].text_col)
    return replace(document, data=data, marks=kept)


def _removed(document: Document, path: str, span: Span) -> Document:
    place = _resolve(document, path, span)
    data = _replaced(document.data, place, _GONE)
    marks = {p: document.marks[p] for p in document.marks if p[: len(place)] != place}
    return replace(document, data=data, marks=marks)


_GONE = object()


def _resolve(document: Document, path: str, span: Span) -> Path:
    """A dotted path in the tree; a bare word is a config entry."""
    parts = path.split(".")
    if len(parts) == 1 and path not in document.data:
        parts = ["config", path]
    place: list[str | int] = []
    node: Any = document.data
    for at, part in enumerate(parts):
        if isinstance(node, dict) and part in node:
            place.append(part)
            node = node[part]
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            place.append(int(part))
            node = node[int(part)]
        else:
            raise _no_such_path(path, parts[at:], node, place, span)
    return tuple(place)


def _no_such_path(
    path: str, rest: list[str], node: Any, place: list[str | int], span: Span
) -> SpecError:
    part, *further = rest
    options = list(node) if isinstance(node, dict) else []
    where = ".".join(map(str, place)) or "the spec"
    word = nearest(part, options)
    if word:
        meant = ".".join(map(str, [*place, word, *further]))
        help: str = Fix(f"did you mean `{meant}`?", meant)
    else:
        help = f"{where} has: {', '.join(options[:12])}" if options else f"{where} has no parts"
    return _error("GS311", f"there is no `{path}`: {where} has no `{part}`", span, help)


def _same_kind(path: str, old: Any, value: Any, span: Span) -> Any:
    """A config entry keeps its kind; an integer may stand for a float."""
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(old, list) and isinstance(value, list):
        return value
    if type(old) is not type(value):
        words = {
            int: "an integer",
            float: "a number",
            bool: "true or false",
            str: "a word",
            list: "a list",
        }
        wanted = words.get(type(old), "another kind of value")
        raise _error("GS308", f"`{path}` is {wanted}, this is {_kind(value)}", span)
    return value


def _kind(value: Any) -> str:
    if isinstance(value, dict | list | None):
        return (
            "a mapping" if isinstance(value, dict) else "a list" if value is not None else "empty"
        )
    return f"`{_written(value)}`"


def _at(data: Any, place: Path) -> Any:
    for part in place:
        data = data[part]
    return data


def _replaced(data: Any, place: Path, value: Any) -> Any:
    if not place:
        return value
    head, rest = place[0], place[1:]
    if isinstance(data, list):
        items = list(data)
        assert isinstance(head, int)
        items[head] = _replaced(items[head], rest, value)
        return [item for item in items if item is not _GONE]
    changed = {k: (_replaced(v, rest, value) if k == head else v) for k, v in data.items()}
    return {k: v for k, v in changed.items() if v is not _GONE}


def _error(code: str, message: str, span: Span, help: str | None = None) -> SpecError:
    return SpecError([Diagnostic(code, message, span, help)])
