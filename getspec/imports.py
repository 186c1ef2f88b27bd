"""A library's `config.json` as a spec: the fields it has, in the words of a spec of the zoo.

What each field means is data, a `*.import.yaml` beside the spec it leads to: which of our config entries follow from which
fields, which fields must have which value for the spec to be the same model, and which say nothing about architecture. A
field that no list names is reported, never dropped: it may be the one that makes the model another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field

from getspec.api import Spec, load
from getspec.declare import kind_of
from getspec.elaborate import to_value
from getspec.errors import Diagnostic, Diagnostics, Span, SpecError, UsageError, escape, meant
from getspec.evaluate import SCALAR, Evaluator, Scope
from getspec.ir import Const
from getspec.library import display, shipped
from getspec.mistakes import mistakes
from getspec.sizes import bare
from getspec.source import Document, read, read_bytes
from getspec.spec import Expr, Section, validated
from getspec.syntax import Text, names, parse_expression

__all__ = ["FieldMap", "Imported", "field_maps", "import_config"]

Fields = dict[str, Any]


class CommonMap(Section):
    """What holds for the fields of every family."""

    getspec: int = Field(description="version of this language")
    fixed: dict[str, Any] = Field({}, description="values that every spec stands for")
    ignored: list[str] = Field([], description="fields that say nothing about the architecture")


class FieldMap(CommonMap):
    """How the fields of a library's config become a spec's."""

    model_type: str = Field(description="the value of `model_type` this is for")
    spec: str = Field(description="the spec of the zoo that it leads to")
    architectures: list[str] = Field(description="the library's class with the weights of the spec")
    config: dict[str, Expr] = Field(description="our config entry: expression over their fields")
    unfold: list[str] = Field([], description="fields that hold further fields")
    defaults: dict[str, Any] = Field({}, description="what a field is when the file leaves it out")
    when_null: dict[str, Expr] = Field({}, description="what a field follows from when it is null")
    equal: dict[str, Expr] = Field({}, description="fields that are null or equal to this, or else")
    training: dict[str, Expr] = Field(
        {}, description="values the spec stands for, where another changes the training alone"
    )


@dataclass(frozen=True)
class Imported:
    """The outcome: the spec's text, the compiled spec, and what was not understood."""

    text: str
    spec: Spec
    unknown: tuple[str, ...]
    """Fields that no list names."""
    notes: tuple[str, ...]
    """Sentences on what the config says and the spec does not."""


def import_config(path: str, model: str | None = None) -> Imported:
    """A spec that extends the zoo's for this `config.json`.

    `model` is the class name to give. UsageError: no JSON, or no such family. SpecError: a field contradicts the spec, or
    has a value no spec can have.
    """
    given = _read_config(path)
    document, found = _field_map(given, path)
    reader = _Reader(document, found, Path(path).name)
    values = reader.values(given)
    reader.check(values)
    notes = reader.notes(values)
    config = reader.config(values)
    base = load(shipped() / f"{found.spec}.yaml")
    reader.check_entries(config, base.config)
    changed = {name: value for name, value in config.items() if base.config.get(name) != value}
    renamed = {"model": model} if model else {}
    spec = load(shipped() / f"{found.spec}.yaml", set={**changed, **renamed})
    unknown = reader.unknown(given)
    notes = [f"`{escape(name)}` is not understood and may matter" for name in unknown] + notes
    return Imported(_text(found.spec, spec.name, changed, notes), spec, unknown, tuple(notes))


def _read_config(path: str) -> Fields:
    try:
        raw = read_bytes(path)
    except SpecError:
        raise UsageError(f"{path} is too large for the config.json of a model") from None
    try:
        data = json.loads(
            raw, object_pairs_hook=_once, parse_constant=_not_finite, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {escape(str(error))}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} is not the config.json of a model: it is no mapping")
    return data


def _once(pairs: list[tuple[str, Any]]) -> Fields:
    found: Fields = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"`{name}` stands twice")
        found[name] = value
    return found


def _not_finite(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _not_finite(text[:40])


# Which map


def field_maps() -> list[tuple[Document, FieldMap]]:
    """The maps that come with getspec, each checked."""
    files = sorted(shipped().glob("*/*.import.yaml"))
    documents = [read(file, display(str(file))) for file in files]
    return [(each, validated(FieldMap, each)) for each in documents if "model_type" in each.data]


def _common() -> CommonMap:
    file = shipped() / "zoo" / "common.import.yaml"
    return validated(CommonMap, read(file, display(str(file))))


def _field_map(fields: Fields, path: str) -> tuple[Document, FieldMap]:
    wanted = fields.get("model_type")
    maps = field_maps()
    for document, found in maps:
        if found.model_type == wanted:
            return document, found
    families = sorted(found.model_type for _, found in maps)
    help = meant(str(wanted), families, f"known families: {', '.join(families)}")
    raise UsageError(f"{path}: no spec is known for the model_type {_shown(wanted)}", help)


# Reading one config by its map


class _Reader:
    """One config under one map. Problems are named by the line of the map that they are against."""

    def __init__(self, document: Document, found: FieldMap, path: str) -> None:
        self.document, self.map, self.path = document, found, path
        self.common = _common()
        self.problems = Diagnostics()

    def values(self, given: Fields) -> Fields:
        """Every field with its value: unfolded, and the library's defaults where the file is silent."""
        flat = {name: value for name, value in given.items() if name not in self.map.unfold}
        for at, outer in enumerate(self.map.unfold):
            inner = given.get(outer)
            if inner is not None and not isinstance(inner, dict):
                self._contradicts(outer, f"is {_shown(inner)}; it holds fields", ("unfold", at))
                continue
            for name, value in (inner or {}).items():
                if name in flat and not _same(flat[name], value):
                    reason = f"is {_shown(flat[name])}, and {_shown(value)} in `{outer}`"
                    self._contradicts(name, reason, ("unfold", at))
                flat[name] = value
        values = {**self.map.defaults, **flat}
        for name, source in self.map.when_null.items():
            if values.get(name) is None:
                values[name] = self._evaluated(source, ("when_null", name), values)
        self._stop()
        return values

    def check(self, values: Fields) -> None:
        """Every field that has to have one value has it."""
        fixed = {**self.common.fixed, **self.map.fixed}
        for name, wanted in fixed.items():
            allowed = wanted if isinstance(wanted, list) else [wanted]
            if name in values and not any(_same(values[name], each) for each in allowed):
                words = " or ".join(map(_shown, allowed))
                reason = f"is {_shown(values[name])}, and {words} in the spec"
                self._contradicts(name, reason, ("fixed", name))
        for name, source in self.map.equal.items():
            place = ("equal", name)
            wanted = self._evaluated(source, place, values)
            if wanted is None or values.get(name) is None or _same(values[name], wanted):
                continue
            reason = f"is {_shown(values[name])}, and {_shown(wanted)} (`{source}`) in the spec"
            self._contradicts(name, reason, place)
        self._stop()

    def config(self, values: Fields) -> Fields:
        """Our config."""
        found = {
            name: self._evaluated(source, ("config", name), values)
            for name, source in self.map.config.items()
        }
        self._stop()
        return found

    def check_entries(self, config: Fields, base: Fields) -> None:
        """Every entry of the spec's config has a value of its kind; an integer is a float too."""
        for name in base.keys() - config.keys():
            message = f"`{name}` of `{self.map.spec}` has no value here"
            self.problems.error("GS102", message, self.document.span(("config",), key=True))
        for name, value in config.items():
            place = self.document.span(("config", name), key=True)
            if name not in base:
                message = f"`{self.map.spec}` has no config entry `{name}`"
                self.problems.error("GS101", message, place)
                continue
            wanted = kind_of(base[name])
            kind = "str" if isinstance(value, str) else kind_of(value)
            if kind == "int" and wanted == "float":
                config[name] = float(value)
            elif kind != wanted:
                message = (
                    f"{self.path} makes `{name}` {_shown(value)}, which is not of kind `{wanted}`"
                )
                self.problems.error("GS703", message, self.document.span(("config", name)))
        self._stop()

    def unknown(self, given: Fields) -> tuple[str, ...]:
        """Fields that nothing here reads."""
        found = self.map
        known = {*self.common.fixed, *self.common.ignored, *found.fixed, *found.ignored}
        known |= {*found.equal, *found.training, *found.unfold, *found.when_null}
        known |= {name for source in found.config.values() for name in read_names(source)}
        known |= {"model_type", "architectures"}
        inner = [
            f"{outer}.{name}"
            for outer in found.unfold
            for name in given.get(outer) or ()
            if name not in known
        ]
        return tuple(sorted([name for name in given if name not in known] + inner))

    def notes(self, values: Fields) -> list[str]:
        """What the config says beyond the spec, where the function of the model is the same."""
        notes = []
        classes = values.get("architectures")
        ours = self.map.architectures
        if isinstance(classes, list) and not any(_same(c, a) for c in classes for a in ours):
            shown = ", ".join(map(_shown, classes[:3]))
            notes.append(f"`architectures` is {shown}; the spec is {' or '.join(ours)}")
        for name, source in self.map.training.items():
            wanted = self._evaluated(source, ("training", name), values)
            if name in values and not _same(values[name], wanted):
                shown = f"`{name}` is {_shown(values[name])}, in the spec {_shown(wanted)}"
                notes.append(f"{shown}: the same function, trained another way")
        self._stop()
        return notes

    def _evaluated(self, source: Any, place: tuple[str | int, ...], values: Fields) -> Any:
        """An expression's value as JSON has it; None and a problem where there is none."""
        wanted = sorted(read_names(source))
        for name in wanted:
            reason = _unusable(values.get(name))
            if reason:
                message = f"{self.path}: `{name}` {reason}, and `{place[1]}` follows from it"
                self.problems.error("GS703", message, self.document.span(place))
                return None
        scope = Scope({name: Const(_value(values[name])) for name in wanted})
        text = Text(
            str(source), lambda line, col, width: self.document.text_span(place, line, col, width)
        )
        try:
            return bare(Evaluator.of(scope, parse_expression(source, text)).value)
        except SpecError as error:
            for d in error.diagnostics:
                self.problems.extend(
                    [Diagnostic(d.code, f"{self.path}: {d.message}", d.span, d.help)]
                )
            return None

    def _contradicts(self, name: str, reason: str, place: tuple[str | int, ...]) -> None:
        message = f"{self.path}: `{escape(name)}` {reason}"
        self.problems.error("GS702", message, self.document.span(place, key=True))

    def _stop(self) -> None:
        if self.problems.errors:
            raise SpecError(mistakes(self.problems), {self.document.name: self.document.lines})


def read_names(source: Any) -> frozenset[str]:
    """The fields that an expression of a map reads."""
    if not isinstance(source, str):
        return frozenset()
    text = Text(source, lambda line, col, width: Span("", line, col + 1, width))
    return names(parse_expression(source, text).node) - set(SCALAR)


# Values of JSON


def _same(found: Any, wanted: Any) -> bool:
    """Equality in which `true` is not 1."""
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _unusable(value: Any) -> str | None:
    """Why a value cannot stand in an expression."""
    if value is None:
        return "is missing or null"
    items = list(value) if isinstance(value, dict | list) else [value]
    if any(isinstance(item, dict | list) or item is None for item in items):
        return "holds more than numbers and words"
    if any(isinstance(item, int) and abs(item) >= 2**63 for item in items):
        return "has 2**63 or more"
    return None


def _value(value: Any) -> Any:
    """A mapping stands for its keys: of labels only their number is used."""
    return to_value(list(value) if isinstance(value, dict) else value)


def _shown(value: Any) -> str:
    """A value in a message, short whatever a file holds."""
    if isinstance(value, dict | list) and value:
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, int) and abs(value) >= 2**63:
        return "an integer beyond 2**63"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(spec: str, model: str, config: Fields, notes: Iterable[str]) -> str:
    from getspec.emit.resolved import dump

    data: dict[str, Any] = {"getspec": 1, "extends": spec, "model": model}
    if config:
        data["config"] = dict(config)
    return "".join(f"# {note}\n" for note in notes) + dump(data)
