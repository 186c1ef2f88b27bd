"""A library's `config.json` as a spec: the fields it has, in the words of a spec of the zoo.

What each field means is data, a `*.import.yaml` beside the spec it leads to: which of our config entries follow from which
fields, which fields must have which value for the spec to be the same model, and which say nothing about architecture. A
field that no list names is reported, never dropped: it may be the one that makes the model another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from getspec.api import Spec, load
from getspec.elaborate import to_value
from getspec.errors import Diagnostic, Diagnostics, SpecError, UsageError, escape, nearest
from getspec.evaluate import Evaluator, Scope
from getspec.ir import Const
from getspec.library import display, shipped
from getspec.sizes import Size
from getspec.source import Document, read
from getspec.spec import Expr, Section, validated
from getspec.syntax import Text, names, parse_expression

__all__ = ["Imported", "import_config"]

MAX_CONFIG = 1 << 20


class FieldMap(Section):
    """How the fields of a library's config become a spec's."""

    getspec: int = Field(description="version of this language")
    model_type: list[str] = Field(description="values of `model_type` this is for")
    spec: str = Field(description="the spec of the zoo that it leads to")
    config: dict[str, Expr] = Field(description="our config entry: expression over their fields")
    defaults: dict[str, Any] = Field({}, description="what a field is when the file leaves it out")
    fixed: dict[str, Any] = Field({}, description="values, or lists of them, that the spec stands for")
    ignored: list[str] = Field([], description="fields that say nothing about the architecture")


@dataclass(frozen=True)
class Imported:
    """The outcome: the spec's text, what was not understood, and the compiled spec."""

    text: str
    unknown: tuple[str, ...]
    spec: Spec


def import_config(path: str, model: str | None = None) -> Imported:
    """A spec that extends the zoo's for this `config.json`.

    `model` is the class name to give. UsageError: no JSON, or no such family. SpecError: a field contradicts the spec, or
    has a value no spec can have.
    """
    fields = _read_config(path)
    document, found = _field_map(fields, path)
    problems = Diagnostics()
    values = {**found.defaults, **fields}
    for name, wanted in found.fixed.items():
        _check_fixed(document, path, name, wanted, values.get(name), problems)
    config = _config(document, found, values, path, problems)
    problems.raise_if_errors({document.name: document.lines})
    base = load(shipped() / f"{found.spec}.yaml")
    changed = {name: value for name, value in config.items() if base.config.get(name) != value}
    spec = load(shipped() / f"{found.spec}.yaml", set=changed)
    known = {*found.fixed, *found.ignored, *_common(), "model_type"}
    known |= {n for e in found.config.values() for n in _names(e)}
    unknown = tuple(sorted(name for name in fields if name not in known))
    return Imported(_text(found.spec, model or base.name, changed), unknown, spec)


def _read_config(path: str) -> dict[str, Any]:
    try:
        raw = Path(path).read_bytes()
        data = json.loads(raw) if len(raw) <= MAX_CONFIG else None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", code="GS090") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} is not the config.json of a model")
    return data


def _maps() -> dict[str, Path]:
    return {path.name: path for path in sorted(shipped().glob("**/*.import.yaml"))}


def _field_map(fields: Mapping[str, Any], path: str) -> tuple[Document, FieldMap]:
    wanted = fields.get("model_type")
    families: list[str] = []
    for file in _maps().values():
        document = read(file, display(str(file)))
        if "spec" not in document.data:
            continue
        found = validated(FieldMap, document)
        if wanted in found.model_type:
            return document, found
        families += found.model_type
    word = nearest(str(wanted), families)
    help = f"did you mean `{word}`?" if word else f"known families: {', '.join(sorted(families))}"
    raise UsageError(f"{path}: no spec is known for the model_type {escape(repr(wanted))}", help)


def _common() -> list[str]:
    """Fields of every family that are not about architecture."""
    path = _maps().get("common.import.yaml")
    return list(read(path).data["ignored"]) if path else []


def _check_fixed(
    document: Document, path: str, name: str, wanted: Any, found: Any, problems: Diagnostics
) -> None:
    allowed = wanted if isinstance(wanted, list) else [wanted]
    if found is None and None not in allowed:
        return
    if found not in allowed or isinstance(found, bool) != any(isinstance(a, bool) for a in allowed):
        words = " or ".join(json.dumps(value) for value in allowed)
        message = f"{path}: `{name}` is {json.dumps(found)[:60]}; the spec is the model with {words}"
        problems.error("GS702", message, document.span(("fixed", name), key=True))


def _config(
    document: Document,
    found: FieldMap,
    values: Mapping[str, Any],
    path: str,
    problems: Diagnostics,
) -> dict[str, Any]:
    scope = Scope({name: Const(_value(value)) for name, value in values.items()})
    config: dict[str, Any] = {}
    for name, source in found.config.items():
        place = ("config", name)
        text = Text(str(source), lambda line, col, width, at=place: document.text_span(at, line, col, width))
        missing = sorted(n for n in _names(source) if n not in values)
        if missing:
            message = f"{path} has no `{missing[0]}`, which `{name}` follows from"
            problems.error("GS703", message, document.span(place))
            continue
        try:
            config[name] = _plain(Evaluator.of(scope, parse_expression(source, text)).value)
        except SpecError as error:
            problems.extend(
                Diagnostic(d.code, f"{path}: {d.message}", d.span, d.help) for d in error.diagnostics
            )
    return config


def _names(expression: Any) -> frozenset[str]:
    if not isinstance(expression, str):
        return frozenset()
    text = Text(expression, lambda line, col, width: (_ for _ in ()).throw(AssertionError))
    return names(parse_expression(expression, text).node) - {"min", "max", "int", "float", "len"}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_value, value))
    return to_value(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, Size) else value


def _text(spec: str, model: str, config: Mapping[str, Any]) -> str:
    from getspec.emit.resolved import dump

    data: dict[str, Any] = {"getspec": 1, "extends": spec, "model": model}
    if config:
        data["config"] = dict(config)
    return dump(data)
