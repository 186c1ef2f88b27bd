"""The compiler in one screen: text -> tree -> file -> declarations -> model.

Each step is a plain function of the last one's result. All problems of a step are reported together; the next step runs only
on what is sound.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from getspec.compose import compose
from getspec.declare import Definition, check_types, declare, kind_of
from getspec.elaborate import Elaborator, to_value
from getspec.errors import Diagnostic, Diagnostics, Span, SpecError, meant
from getspec.ir import Block, Model
from getspec.library import Files
from getspec.mistakes import mistakes
from getspec.passes.count import tensors
from getspec.passes.expect import check_claims
from getspec.record import Record
from getspec.source import Document
from getspec.spec import File, validate

__all__ = ["Compiled", "compile_spec"]


class Compiled(Record):
    """A model, and what it came from."""

    model: Model
    file: File
    document: Document
    definitions: Mapping[str, Definition]
    libraries: tuple[Document, ...]
    origin: Path | None
    warnings: tuple[Diagnostic, ...]
    lines: Mapping[str, list[str]]
    """The text of every file that was read, by the name that spans use."""


@contextmanager
def _no_collection() -> Iterator[None]:
    """A compilation keeps nearly all it makes, none of it in cycles: searching it took a quarter of the time."""
    enabled = gc.isenabled()
    if enabled:
        gc.collect(1)  # what is young by now may be in cycles, and would become old unread below
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                # What was made becomes old unread; else the first allocation after this searches it all.
                gc.freeze()
                gc.unfreeze()
            gc.enable()


@_no_collection()
def compile_spec(
    path: str,
    settings: Mapping[str, Any] | None = None,
    files: Files | None = None,
    origin: Path | None = None,
) -> Compiled:
    """Compile the spec at `path` (`-` is standard input); SpecError holds every problem found.

    `files` reads it and what it uses, from the disk if not given; `origin` is the folder it counts as being in.
    """
    files = files or Files()
    problems = Diagnostics()
    if origin is None and path != "-":
        origin = Path(os.path.realpath(path)).parent
    try:
        document = compose(files.open(path), origin, files, settings or {})
        file = validate(document)
        library, libraries = _library(document, file, origin, files, problems)
        root = _model(document, file, library, problems)
        _tiny(document, file, root, problems)
        _claims(document, file, root, origin, files, problems)
        _renames(document, file, root, problems)
        tiny = {name: to_value(value) for name, value in file.tiny.items()}
        sizes = _sizes(library)
        model = Model(file.model or "", document.name, root, sizes, tiny, dict(file.shape))
        _budget(document, file, model, problems)
    except SpecError as error:
        raise SpecError(mistakes(error.diagnostics), {**files.lines, **error.sources}) from None
    warnings = mistakes(problems)
    return Compiled(model, file, document, library, libraries, origin, warnings, files.lines)


def _library(
    document: Document, file: File, origin: Path | None, files: Files, problems: Diagnostics
) -> tuple[dict[str, Definition], tuple[Document, ...]]:
    """Every definition the spec can use: its own, then those of the libraries it names.

    A library is read once in a compilation, though two specs of it may use it.
    """
    found: dict[str, Definition] = {}
    documents: list[Document] = []
    seen: set[Path] = set()
    own = declare(document, file, problems)
    waiting = [(document, file, origin, own)]
    while waiting:
        current, parsed, folder, definitions = waiting.pop(0)
        for name, definition in definitions.items():
            if name in found:
                note = ("the other is here", definition.span)
                problems.error(
                    "GS312", f"`{name}` is defined twice", found[name].span, "rename one", [note]
                )
            found.setdefault(name, definition)
        for at, reference in enumerate(parsed.use):
            span = current.span(("use", at))
            real, other = files.find(reference, folder, span)
            if real in seen:
                continue
            seen.add(real)
            library = validate(other)
            if library.model is not None:
                help = f"extends: {reference}"
                problems.error("GS313", f"`{reference}` is a model, not a library", span, help)
            documents.append(other)
            if real not in files.definitions:
                files.definitions[real] = declare(other, library, problems)
            waiting.append((other, library, real.parent, files.definitions[real]))
    check_types(found, problems, lambda names: files.libraries(names, origin))
    problems.raise_if_errors()
    return found, tuple(documents)


def _model(
    document: Document,
    file: File,
    library: Mapping[str, Definition],
    problems: Diagnostics,
    *,
    dataflow: bool = True,
) -> Block:
    if file.model is None:
        span = document.span(("getspec",), key=True)
        problems.error("GS105", "this is a library: it has no `model`", span, "model: MyModel")
        problems.raise_if_errors()
    elaborator = Elaborator(library, problems, dataflow=dataflow)
    root = elaborator.model(library[str(file.model)])
    problems.raise_if_errors()
    assert root is not None, "a model that is not made is an error that is reported"
    return root


def _claims(
    document: Document,
    file: File,
    root: Block,
    origin: Path | None,
    files: Files,
    problems: Diagnostics,
) -> None:
    """Published figures, which hold for the config as it stands in the spec."""

    roots: dict[Path, Block] = {}

    def other(reference: str, span: Span) -> Block:
        real, base = files.find(reference, origin, span)
        if real not in roots:
            composed = compose(base, real.parent, files, {})
            parsed = validate(composed)
            found = Diagnostics()
            library, _ = _library(composed, parsed, real.parent, files, found)
            roots[real] = _model(composed, parsed, library, found, dataflow=False)
        return roots[real]

    check_claims(document, file.expect, root, other, problems)
    problems.raise_if_errors()


def _budget(document: Document, file: File, model: Model, problems: Diagnostics) -> None:
    """Limits that the spec sets itself; what they need is imported for specs that have any."""
    limits = file.budget.model_dump(exclude_none=True) if file.budget else {}
    if limits:
        from getspec.passes.budget import check_budget

        check_budget(document, limits, model, problems)
        problems.raise_if_errors()


def _renames(document: Document, file: File, root: Block, problems: Diagnostics) -> None:
    """Rules for a foreign checkpoint's names are a bijection over the model's tensors."""
    if not file.rename:
        return
    from getspec.rename import broken_rule, renamed

    for pattern, target in file.rename.items():
        reason = broken_rule(pattern, target)
        if reason:
            problems.error("GS314", reason, document.span(("rename", pattern)))
    if file.rename and not problems.errors:
        names = [tensor.name for tensor in tensors(root) if tensor.persistent]
        _, reason = renamed(names, file.rename)
        if reason:
            span = document.span(("rename",), key=True)
            problems.error("GS315", f"`rename` is not one to one: {reason}", span)
    problems.raise_if_errors()


def _tiny(document: Document, file: File, root: Block, problems: Diagnostics) -> None:
    """The small configuration names config entries and run-time sizes, and keeps their kinds."""
    inputs = root.forward.inputs if root.forward else ()
    sizes = {
        symbol
        for declared in inputs
        for tensor in declared.tensors
        for length in (*tensor.shape, *([declared.selects] if declared.selects else []))
        for symbol in length.value.symbols()
    }
    for name, value in file.tiny.items():
        span = document.span(("tiny", name))
        if name in file.config:
            wanted = kind_of(file.config[name])
            if kind_of(value) not in (wanted, *(["int"] if wanted == "float" else [])):
                problems.error("GS308", f"`{name}` is of kind `{wanted}` in the config", span)
        elif name not in sizes:
            known = [*file.config, *sorted(sizes)]
            help = meant(name, known, f"it takes: {', '.join(known)}")
            key = document.span(("tiny", name), key=True)
            problems.error("GS101", f"`{name}` is no config entry and no run-time size", key, help)
        elif kind_of(value) != "int" or value < 1:
            problems.error("GS305", f"`{name}` is the length of an axis, at least 1", span)
    problems.raise_if_errors()


def _sizes(library: Mapping[str, Definition]) -> dict[str, str]:
    """What run-time sizes mean: the model's words over its libraries'."""
    words: dict[str, str] = {}
    for definition in reversed(list(library.values())):
        words.update(definition.sizes)
    return words
