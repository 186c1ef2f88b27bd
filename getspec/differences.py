"""`getspec diff`: two files, two revisions of one, or the files that git hands to an external diff driver."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getspec.errors import GetspecError, SpecError, UsageError, escape, escape_line
from getspec.passes.changes import Difference
from getspec.passes.diff import diff
from getspec.record import replaced

if TYPE_CHECKING:
    from getspec.api import Spec
    from getspec.ir import Model
    from getspec.terminal import Look

__all__ = ["run"]

YES, NO, USAGE = 0, 1, 2
FROM_GIT = (7, 9)
"""How many arguments git gives: path, then file, hash and mode of both sides; for a renamed file, its name and a note too."""


def run(arguments: Namespace, settings: Mapping[str, Any]) -> int:
    """The command, on parsed arguments."""
    if len(arguments.specs) in FROM_GIT:
        return _driver(arguments)
    found = diff(*_models(arguments, settings))
    shape = _shape(arguments.shape, found)
    if arguments.json or arguments.format == "json":
        print(json.dumps(_document(found, shape), indent=2, allow_nan=False))
    elif arguments.format == "markdown":
        from getspec.emit.comparison import markdown

        print(markdown(found, shape))
    else:
        from getspec.cli import look

        print(_text(found, shape, arguments.depth, look(sys.stdout, arguments.color)))
    if arguments.emit_converter and not _converter(found, Path(arguments.emit_converter)):
        return NO
    stopped = arguments.fail_on and found.of_class(arguments.fail_on)
    return NO if stopped or (arguments.exit_code and not found.identical) else YES


def _models(arguments: Namespace, settings: Mapping[str, Any]) -> tuple[Model, Model]:
    """Two specs, or one as it is and with what `--set` says."""
    match arguments.specs:
        case [a, b]:
            return _load(a, settings).model, _load(b, settings).model
        case [only] if settings:
            model = _load(only, settings).model
            words = " ".join(f"--set {each}" for each in arguments.settings)
            return _load(only, {}).model, replaced(model, file=f"{model.file} {words}")
    raise UsageError(
        "`diff` compares two specs, or one with itself under `--set`",
        "getspec diff A B, or getspec diff A --set PATH=VALUE",
    )


def _load(argument: str, settings: Mapping[str, Any]) -> Spec:
    """A spec from a file or from a revision of it."""
    from getspec.api import Spec, load
    from getspec.pipeline import compile_spec
    from getspec.revision import committed, is_revision

    if not is_revision(argument):
        return load(argument, settings)
    path, files = committed(argument)
    return Spec(argument, settings, compile_spec(path, settings, files))


def _shape(given: list[str], found: Difference) -> dict[str, int]:
    """Run-time sizes of the command line."""
    shape: dict[str, int] = {}
    for part in (word for text in given for word in text.split(",")):
        name, sign, number = part.strip().partition("=")
        if not sign or not number.strip().isdigit() or int(number) < 1:
            raise UsageError(f"`--shape {part}` is not a size", "--shape B=8,N=1024")
        shape[name.strip()] = int(number)
    if shape:
        from getspec.passes.cost import cost

        models = [model for model in (found.a, found.b) if model.root.forward]
        known = {s for model in models for s in cost(model).total.forward.value.symbols()}
        known |= {s for model in models for s in model.shape}
        for name in shape:
            if name not in known:
                have = f"they have: {', '.join(sorted(known))}"
                raise UsageError(f"neither model has a run-time size `{name}`", have)
    return shape


def _text(
    found: Difference,
    shape: Mapping[str, int],
    depth: int | None = None,
    look: Look | None = None,
) -> str:
    from getspec.emit.difference import cost_lines, difference_tree

    costs = cost_lines(found, shape)
    return "\n".join([difference_tree(found, depth, look), *([""] if costs else []), *costs])


def _document(found: Difference, shape: Mapping[str, int]) -> dict[str, Any]:
    from getspec.passes.comparison import flops, remembered

    document = found.as_json()
    work = flops(found, shape)
    if work and work.known:
        sides = {"a": work.a.constant, "b": work.b.constant, "delta": work.delta}
        shapes = {"shape_a": dict(work.sizes_a), "shape_b": dict(work.sizes_b)}
        document["forward_flops"] = {**sides, **shapes}
    for kept in remembered(found, shape):
        document[kept.key] = {"a": kept.a, "b": kept.b, "delta": kept.delta}
    return document


# Converters


def _converter(found: Difference, target: Path) -> bool:
    """Write the script that turns a checkpoint of a into one of b, where tensors only changed their names."""
    from getspec.output import seal, write_all
    from getspec.rename import converter

    rules, reason = found.rules()
    if reason:
        print(f"no converter: {reason}", file=sys.stderr)
        return False
    if not rules:
        print("no converter is needed: the tensors have the same names", file=sys.stderr)
        return True
    write_all(
        {target: seal(converter(found.b.name, found.b.file, rules))},
        instead="name another file, or remove this one",
    )
    print(f"wrote {escape(target.as_posix())}", file=sys.stderr)
    return True


# git


def _driver(arguments: Namespace) -> int:
    """What git prints for one file. It always succeeds: git gives up where a driver fails."""
    from getspec.cli import look

    name, old, _, _, new, _, _, *moved = arguments.specs
    print(escape(f"getspec diff {name}" + (f" -> {moved[0]}" if moved else "")))
    texts = [_bytes(path) for path in (old, new)]
    if not all(map(_is_model, texts)):
        _plain(name, *texts)
        return YES
    try:
        places = (Path(name), Path(moved[0] if moved else name))
        a, b = (_in_place(p, place) for p, place in zip((old, new), places, strict=True))
        shown = look(sys.stdout, arguments.color)
        print(_text(diff(a.model, b.model), {}, arguments.depth, shown))
    except GetspecError as error:
        print(f"not compared: {_first(error)}")
        _plain(name, *texts)
    return YES


def _in_place(file: str, place: Path) -> Spec:
    """A copy of a spec, compiled as if it lay where git has it."""
    from getspec.api import Spec
    from getspec.library import Files
    from getspec.pipeline import compile_spec

    class Copy(Files):
        def open(self, path: str, name: str | None = None) -> Any:
            return super().open(path, place.as_posix() if path == file else name)

    origin = Path(os.path.realpath(place)).parent
    return Spec(place.as_posix(), {}, compile_spec(file, None, Copy(), origin))


def _first(error: GetspecError) -> str:
    return str(error.diagnostics[0]) if isinstance(error, SpecError) else str(error)


def _bytes(path: str) -> bytes:
    """git says /dev/null for a side that is not there."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _is_model(text: bytes) -> bool:
    return any(line.startswith((b"model:", b"extends:")) for line in text.splitlines())


def _plain(name: str, old: bytes, new: bytes) -> None:
    from difflib import unified_diff

    before, after = (text.decode(errors="replace").splitlines() for text in (old, new))
    for line in unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm=""):
        print(escape_line(line))
