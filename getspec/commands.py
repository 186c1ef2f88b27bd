"""What each command does, on parsed arguments: load, ask, print, and say yes or no by the exit status."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from getspec.errors import Diagnostic, GetspecError, SpecError, UsageError, escape, nearest

if TYPE_CHECKING:
    from getspec.api import Spec
    from getspec.terminal import Look

__all__ = ["COMMANDS"]

YES, NO, USAGE = 0, 1, 2

Item = TypeVar("Item")


def _settings(arguments: Namespace) -> dict[str, Any]:
    from getspec.compose import parse_setting

    return dict(parse_setting(text) for text in arguments.settings)


def _load(path: str, settings: Mapping[str, Any]) -> Spec:
    from getspec.api import load

    return load(path, settings)


def _look(arguments: Namespace) -> Look | None:
    """How the terminal shows it; None for plain text."""
    from getspec.cli import look

    return look(sys.stdout, arguments.color)


def _print_json(document: Any) -> None:
    import json

    print(json.dumps(document, indent=2, allow_nan=False))


def _wrote(path: Path) -> None:
    print(f"wrote {escape(path.as_posix())}", file=sys.stderr)


def _files(named: list[str]) -> Iterator[tuple[str, Path]]:
    """Each spec with the place of its output: the same path, seen from `specs`."""
    for name in named:
        path = Path(name)
        if name != "-" and path.is_dir():
            found = [p for p in sorted(path.rglob("*.y*ml")) if _is_model(p)]
            if not found:
                help = "a spec has a `model:` line"
                raise UsageError(f"there are no specs in {name}", help, "GS090")
            yield from ((str(p), _module(p.relative_to(path))) for p in found)
        else:
            yield name, _output_of(path)


def _watched(items: Sequence[Item], name: Callable[[Item], str]) -> Iterator[Item]:
    """Each item, while a line on a terminal says which one is worked on."""
    from getspec.terminal import Progress

    with Progress(sys.stderr) as progress:
        for number, item in enumerate(items, 1):
            progress.show(f"{name(item)}, {number} of {len(items)}")
            yield item


def _is_model(path: Path) -> bool:
    """Libraries of blocks lie among the specs; they have no `model`."""
    from getspec.source import read_bytes

    try:
        text = read_bytes(str(path))
    except GetspecError:
        return True  # whoever compiles it says what is wrong
    return any(line.startswith((b"model:", b"extends:")) for line in text.splitlines())


def _output_of(path: Path) -> Path:
    if str(path) == "-":
        return Path("stdin.py")
    parts = Path(os.path.realpath(path)).parts
    if "specs" in parts[:-1]:
        at = len(parts) - 1 - parts[::-1].index("specs")
        return _module(Path(*parts[at + 1 :]))
    return _module(Path(path.name))


def _module(path: Path) -> Path:
    """`a/model.py` for `a/model.yaml` and `a/model.getspec.yaml`: a module has no dot in its name."""
    return path.with_name(f"{path.stem.removesuffix('.getspec')}.py")


def check(arguments: Namespace) -> int:
    """Every spec is checked, whatever the others are, those that cannot be read among them."""
    from getspec.cli import report
    from getspec.emit.annotations import unheard
    from getspec.emit.text import human, painted

    look = _look(arguments)
    settings = _settings(arguments)
    form = "json" if arguments.json else arguments.output_format
    results = []
    every: list[Diagnostic] = []
    valid, readable = True, True
    files = [path for path, _ in _files(arguments.specs)]
    for path in files:
        name, sources = path, dict[str, Sequence[str]]()
        try:
            spec = _load(path, settings)
            diagnostics, name = spec.warnings, spec.model.file
            sources = dict(spec.compiled.lines)
        except SpecError as error:
            diagnostics, sources = error.diagnostics, dict(error.sources)
        except UsageError as error:
            if error.code is None or len(files) == 1:
                raise
            diagnostics = (Diagnostic(error.code, error.message, help=error.help),)
            readable = False
        fine = not any(d.severity == "error" for d in diagnostics)
        valid = valid and fine
        results.append(
            {"spec": name, "valid": fine, "diagnostics": [d.as_json() for d in diagnostics]}
        )
        every += diagnostics
        if form in ("text", "github"):
            report(diagnostics, sources, arguments.color, unheard if form == "github" else str)
        if form == "text" and fine:
            total = spec.count().total
            word = painted(look, "good", "valid")
            print(f"{escape(name)}: {word}, {spec.name}, {total:,} parameters{human(look, total)}")
    if form == "json":
        _print_json({"schema_version": 1, "valid": valid, "specs": results})
    elif form == "sarif":
        from getspec.cli import version
        from getspec.emit.annotations import sarif

        _print_json(sarif(every, version()))
    elif form == "github":
        from getspec.emit.annotations import github

        print(*github(every), sep="\n", end="\n" if every else "")
    return (YES if valid else NO) if readable else USAGE


def count(arguments: Namespace) -> int:
    spec = _load(arguments.spec, _settings(arguments))
    found = spec.count()
    like = None
    if arguments.like is not None:
        from getspec.passes.conventions import params_like

        like = params_like(spec.model)
    if arguments.json:
        document = found.as_json(expanded=arguments.parameters)
        _print_json(document if like is None else {**document, "like": like.as_json()})
        return YES
    from getspec.emit import text

    look = _look(arguments)
    if arguments.parameters:
        print(text.tensor_table(found, look))
    else:
        print(text.count_table(found, arguments.depth, look))
    if like is not None:
        print("", *text.folded(like.text(), look), sep="\n")
    return YES


def cost(arguments: Namespace) -> int:
    from getspec.emit import cost as emit

    spec = _load(arguments.spec, _settings(arguments))
    words = {name: getattr(arguments, name) for name in emit.CHOICES}
    found = spec.cost(_shape(spec, arguments.shape), **words, like=arguments.like)
    if arguments.json:
        _print_json(found.as_json())
    elif arguments.markdown:
        print(emit.markdown(found, depth=arguments.depth))
    else:
        print(emit.text(found, arguments.depth, _look(arguments)))
    return YES


def _shape(spec: Spec, given: list[str]) -> dict[str, int]:
    """Run-time sizes: the spec's own, then those of the command line."""
    shape, known = dict(spec.model.shape), spec.run_time_sizes()
    for part in (word for text in given for word in text.split(",")):
        name, sign, number = part.strip().partition("=")
        if not sign or not number.strip().isdigit() or int(number) < 1:
            raise UsageError(f"`--shape {part}` is not a size", "--shape B=8,N=1024")
        if name not in known:
            raise UsageError(
                f"{spec.name} has no run-time size `{name}`", f"it has: {', '.join(sorted(known))}"
            )
        shape[name] = int(number)
    return shape


def formula(arguments: Namespace) -> int:
    from getspec.emit import formula as emit
    from getspec.passes.count import locate
    from getspec.passes.formula import formula as closed
    from getspec.passes.formula import values_of

    spec = _load(arguments.spec, _settings(arguments))
    if locate(spec.model.root, arguments.path) is None:
        from getspec.emit.explain import no_such_place

        raise no_such_place(spec, arguments.path)
    sizes = _shape(spec, arguments.shape) if spec.model.root.forward else {}
    found = closed(spec.model, arguments.path, arguments.of, sizes)
    values = {**values_of(spec.config), **sizes}
    value = found.at(values) if found.symbols() <= values.keys() else None
    if arguments.json:
        _print_json(emit.document(found, value))
    elif arguments.latex:
        print(emit.latex_text(found))
    else:
        shown = {name: sizes[name] for name in sorted(found.symbols() & sizes.keys())}
        print(emit.text(found, value, shown, _look(arguments)))
    return YES


def gallery(arguments: Namespace) -> int:
    """Published figures beside ours; a row that does not stand as it is written is said."""
    from getspec.gallery import gallery as measured
    from getspec.gallery import markdown

    tables = measured(arguments.file)
    wrong = [(table, row) for table in tables for row in table.rows if row.problem]
    for table, row in wrong:
        place = escape(f"{arguments.file}: {table.title}: {row.name}")
        print(f"{place}: {row.problem}", file=sys.stderr)
    if arguments.json:
        _print_json({"schema_version": 1, "tables": [table.as_json() for table in tables]})
    elif not wrong:
        print(markdown(tables))
    return NO if wrong else YES


def sweep(arguments: Namespace) -> int:
    from getspec.emit import sweep as emit
    from getspec.passes.formula import values_of
    from getspec.passes.sweep import axis, wanted
    from getspec.search import Search, followed
    from getspec.terminal import Progress

    spec = _load(arguments.spec, {})
    axes = [axis(text) for text in arguments.settings]
    if not axes:
        raise UsageError("a sweep needs a range", "--set embed_dim=256:4096:64")
    shape = _batch(spec, _shape(spec, arguments.shape) if spec.model.root.forward else {})
    where = None
    if arguments.where:
        where = wanted(arguments.where, [*values_of(spec.config), "params", "flops", "kv"])
    search = Search(spec, axes, shape, where)
    key = _column(arguments.sort, search.columns)
    stream = arguments.csv and key is None
    if stream:
        sys.stdout.write(emit.comma_separated(search.columns, []))
    rows: list[tuple[Any, ...]] = []
    kept = 0
    with Progress(sys.stderr) as progress:
        for found in followed(search, progress):
            kept += len(found)
            if stream:
                progress.clear()
                sys.stdout.write(emit.comma_separated((), found))
            else:
                rows += found
    if key is not None:
        rows.sort(key=lambda row: row[key], reverse=arguments.descending)
    if arguments.json:
        _print_json(emit.document(search, rows))
    elif arguments.csv and not stream:
        sys.stdout.write(emit.comma_separated(search.columns, rows))
    elif not arguments.csv:
        print(emit.text(search.columns, rows[: arguments.limit], _look(arguments)))
        if len(rows) > arguments.limit:
            more = len(rows) - arguments.limit
            print(f"... and {more:,} more; --limit or --csv shows them", file=sys.stderr)
    if not arguments.json:
        print(emit.summary(search, kept), file=sys.stderr)
    return YES if kept else NO


def _column(name: str | None, columns: Sequence[str]) -> int | None:
    """The place of the column to sort by."""
    if name is not None and name not in columns:
        raise UsageError(f"there is no column `{name}`", f"there are: {', '.join(columns)}")
    return None if name is None else columns.index(name)


def _batch(spec: Spec, shape: dict[str, int]) -> dict[str, int]:
    """A size that the spec calls its batch is 1 where nobody says otherwise."""
    single = {name: 1 for name, word in spec.model.sizes.items() if word == "batch"}
    return {**single, **shape}


def solve(arguments: Namespace) -> int:
    from getspec.emit import sweep as emit
    from getspec.passes.sweep import axis, number
    from getspec.search import Search, around, nearest_to
    from getspec.terminal import Progress

    spec = _load(arguments.spec, _settings(arguments))
    shape = _batch(spec, _shape(spec, arguments.shape) if spec.model.root.forward else {})
    steps: dict[str, int] = {}
    for text in arguments.multiple:
        name, _, value = text.partition("=")
        if not value.isdigit() or int(value) < 1:
            raise UsageError(f"`--multiple {text}` is not a step", "--multiple embed_dim=64")
        steps[name] = int(value)
    axes = [
        axis(text) if "=" in text else around(spec, text.strip(), steps.get(text.strip(), 1))
        for text in arguments.vary.split(",")
    ]
    unknown = sorted(steps.keys() - {each.name for each in axes})
    if unknown:
        raise UsageError(f"`{unknown[0]}` is not varied", f"--vary {arguments.vary},{unknown[0]}")
    of = "params" if arguments.params else "flops"
    search = Search(spec, axes, shape)
    if of not in search.columns:
        raise UsageError("the FLOPs depend on run-time sizes", "--shape N=1024")
    target = number(arguments.params or arguments.flops)
    with Progress(sys.stderr) as progress:
        rows = nearest_to(search, of, target, arguments.limit, progress)
    if arguments.json:
        _print_json(emit.document(search, rows))
    elif arguments.csv:
        sys.stdout.write(emit.comma_separated(search.columns, rows))
    else:
        print(emit.off_by(search.columns, rows, of, target, _look(arguments)))
        print(emit.summary(search, len(rows)), file=sys.stderr)
    return YES if rows else NO


def generate(arguments: Namespace) -> int:
    from getspec.output import diff as difference
    from getspec.output import state, write_all

    settings = _settings(arguments)
    files: dict[Path, str] = {}
    for path, output in _watched(list(_files(arguments.specs)), lambda each: each[0]):
        text = _load(path, settings).generate()
        if arguments.only:
            print(_class(text, arguments.only), end="")
        elif arguments.stdout:
            print(text, end="")
        target = Path(arguments.output) / output
        for other in files:
            if other.as_posix().lower() == target.as_posix().lower():
                both = " and ".join(sorted({other.as_posix(), target.as_posix()}))
                help = "rename one of them, as not every disk tells capitals from small letters"
                raise UsageError(f"two specs would be written to {both}", help, "GS602")
        files[target] = text
    if arguments.stdout or arguments.only:
        return YES
    if arguments.check or arguments.diff:
        stale = {p.as_posix(): state(p, t) for p, t in files.items() if state(p, t) != "current"}
        if arguments.json:
            _print_json({"schema_version": 1, "current": not stale, "files": stale})
        for target_name, found in stale.items():
            if arguments.check and not arguments.json:
                print(f"{escape(target_name)}: {found}")
            if arguments.diff:
                from getspec.emit.text import patch

                changed = difference(Path(target_name), files[Path(target_name)])
                sys.stdout.write(patch(changed, _look(arguments)))
        if not stale and not arguments.json:
            print(f"{len(files)} current", file=sys.stderr)
        return NO if stale and arguments.check else YES
    written = write_all(files, force=arguments.force)
    if arguments.json:
        names = [path.as_posix() for path in written]
        _print_json({"schema_version": 1, "written": names, "current": len(files) - len(written)})
        return YES
    for target in written:
        _wrote(target)
    if len(written) < len(files):
        print(f"{len(files) - len(written)} already current", file=sys.stderr)
    return YES


def _class(text: str, name: str) -> str:
    """One class of a generated module."""
    classes = {
        part.partition("(")[0].removeprefix("class "): part
        for part in text.split("\n\n\n")
        if part.startswith("class ")
    }
    if name not in classes:
        known = nearest(name, classes)
        help = f"did you mean `{known}`?" if known else f"it has: {', '.join(classes)}"
        raise UsageError(f"the module has no class `{name}`", help)
    return f"{classes[name]}\n"


def verify(arguments: Namespace) -> int:
    if arguments.against or arguments.emit_converter:
        return _checkpoint(arguments)
    from getspec.emit.text import painted, verdict_line
    from getspec.terminal import Progress

    with _uninterrupted():
        from getspec.verify import choose_device, verify_spec

    settings, look = _settings(arguments), _look(arguments)
    device = choose_device(arguments.device)
    if not arguments.json:
        print(f"device: {device.name}")
    results = []
    files = list(_files(arguments.specs))
    with Progress(sys.stderr) as progress:
        for number, (path, output) in enumerate(files, 1):
            place = f"{path}, {number} of {len(files)}"
            progress.show(f"{place}: compiling")
            spec = _load(path, settings)

            def about(check: str, place: str = place) -> None:
                progress.show(f"{place}: {check}, {progress.seconds:.0f} s in all")

            for verdict in verify_spec(spec, device, Path("generated") / output, about):
                results.append(verdict)
                progress.clear()
                if not arguments.json:
                    print(verdict_line(verdict, look), flush=True)
    failed = [verdict for verdict in results if not verdict.ok]
    if arguments.json:
        checks = [verdict.as_json() for verdict in results]
        _print_json(
            {"schema_version": 1, "device": device.name, "ok": not failed, "checks": checks}
        )
    else:
        word = painted(look, "bad" if failed else "good", f"{len(failed)} failed")
        print(f"{len(results) - len(failed)} checks passed, {word}")
    return NO if failed else YES


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold an interrupt back until the end: one that comes while torch is imported aborts the process from its C++."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _checkpoint(arguments: Namespace) -> int:
    """What `verify` does without torch: compare a checkpoint's header, write a converter."""
    from getspec.checkpoint import compare, read_header
    from getspec.emit.text import comparison_text

    if len(arguments.specs) > 1:
        raise UsageError("a checkpoint belongs to one spec")
    spec = _load(arguments.specs[0], _settings(arguments))
    if arguments.emit_converter:
        _write_converter(spec, Path(arguments.emit_converter))
    if not arguments.against:
        return YES
    found = compare(spec.count(), read_header(arguments.against), spec.compiled.file.rename)
    if arguments.json:
        _print_json(found.as_json())
    else:
        print(comparison_text(found, arguments.against, _look(arguments)))
    return YES if found.ok else NO


def _write_converter(spec: Spec, target: Path) -> None:
    from getspec.output import seal, write_all
    from getspec.rename import converter

    if not spec.compiled.file.rename:
        raise UsageError(f"{spec.path} has no `rename`", "rename: {ours: theirs}")
    text = converter(spec.name, spec.model.file, spec.compiled.file.rename)
    write_all({target: seal(text)}, instead="name another file, or remove this one")
    _wrote(target)


def diff(arguments: Namespace) -> int:
    from getspec.differences import run

    return run(arguments, _settings(arguments))


def diagram(arguments: Namespace) -> int:
    from getspec.emit import diagram as emit

    spec = _load(arguments.spec, _settings(arguments))
    if spec.model.root.forward is None:
        raise UsageError(f"{spec.path} has no `forward`, so there is no dataflow to draw")
    made = emit.graph(spec.model, arguments.depth)
    if arguments.json:
        _print_json({"schema_version": 1, "spec": spec.model.file, **made.as_json()})
    else:
        print(emit.svg(made) if arguments.format == "svg" else emit.mermaid(made))
    return YES


def report(arguments: Namespace) -> int:
    """A page about a spec, or about two; what stands there and is no report of ours is left alone."""
    from getspec.emit import report as emit
    from getspec.output import write_over

    if len(arguments.specs) > 2:
        raise UsageError("a report is about one spec, or compares two", "getspec report A B")
    spec, *others = (_load(name, _settings(arguments)) for name in arguments.specs)
    other = others[0] if others else None
    shape = _shape(spec, arguments.shape) if arguments.shape else {}
    if arguments.json:
        _print_json(emit.facts(spec, shape, other))
        return YES
    text = emit.page(spec, other, shape)
    if arguments.output == "-":
        print(text, end="")
        return YES
    target = Path(arguments.output or f"{_output_of(Path(arguments.specs[0])).stem}.html")
    if write_over(target, text, emit.MARK, force=arguments.force):
        _wrote(target)
    else:
        print(f"{escape(target.as_posix())} is current", file=sys.stderr)
    return YES


def docs(arguments: Namespace) -> int:
    """Marked regions of documents, filled or checked; nothing is written if one of them cannot be."""
    from getspec.documents import filled, markdown_files
    from getspec.output import write_all

    named = list(markdown_files(arguments.files))
    texts = {path: filled(path) for path in _watched(named, Path.as_posix)}
    stale = {path: new for path, (old, new) in texts.items() if old != new}
    if not arguments.check:
        write_all(stale, force=True)
    if arguments.json:
        names = [path.as_posix() for path in stale]
        found = {"stale" if arguments.check else "written": names}
        _print_json({"schema_version": 1, **found, "current": len(texts) - len(names)})
    else:
        for path in stale:
            if arguments.check:
                print(f"{escape(path.as_posix())}: stale")
            else:
                _wrote(path)
    return NO if stale and arguments.check else YES


def resolve(arguments: Namespace) -> int:
    spec = _load(arguments.spec, _settings(arguments))
    if arguments.json:
        from getspec.emit.resolved import resolved

        _print_json(resolved(spec.compiled))
    else:
        print(spec.resolve(), end="")
    return YES


def schema(arguments: Namespace) -> int:
    from getspec.emit import schema as emit

    if arguments.output:
        return _schema_file(Path(arguments.output), arguments.check)
    if arguments.check:
        raise UsageError("`--check` looks at a file", "--output getspec.schema.json --check")
    if not arguments.ops:
        _print_json(emit.json_schema())
    elif arguments.json:
        _print_json(emit.ops())
    else:
        print(emit.ops_text(_look(arguments)))
    return YES


def _schema_file(path: Path, only_check: bool) -> int:
    from getspec.output import state
    from getspec.starter import schema_text, write_schema

    if only_check:
        found = state(path, schema_text())
        if found != "current":
            print(f"{path.as_posix()}: {'missing' if found == 'missing' else 'stale'}")
        return YES if found == "current" else NO
    for written in write_schema(path):
        print(f"wrote {written.as_posix()}", file=sys.stderr)
    return YES


def init(arguments: Namespace) -> int:
    from getspec.output import state
    from getspec.starter import SCHEMA, schema_text, write_starter

    written = [path.as_posix() for path in write_starter(arguments.name)]
    schema = Path(written[0]).parent / SCHEMA
    if len(written) == 1 and state(schema, schema_text()) != "current":
        again = f"`getspec schema --output {schema.as_posix()}` renews it"
        print(f"kept {schema.as_posix()}, which is of another version: {again}", file=sys.stderr)
    if arguments.json:
        _print_json({"schema_version": 1, "written": written})
        return YES
    for name in written:
        print(f"wrote {name}", file=sys.stderr)
    print(f"next: getspec count {written[0]}", file=sys.stderr)
    return YES


def completion(arguments: Namespace) -> int:
    script = Path(__file__).parent / "completions" / f"getspec.{arguments.shell}"
    print(script.read_text(encoding="utf-8"), end="")
    return YES


def explain(arguments: Namespace) -> int:
    from getspec.emit import codes

    if arguments.path is None and codes.is_code(arguments.what):
        entry = codes.code(arguments.what)
        if arguments.json:
            _print_json(entry)
        else:
            text = (
                codes.markdown(entry)
                if arguments.markdown
                else codes.code_text(entry, _look(arguments))
            )
            print(text)
        return YES
    if arguments.markdown:
        raise UsageError("`--markdown` writes pages of error codes", "explain GS --markdown")
    from getspec.emit import explain as emit

    spec = _load(arguments.what, _settings(arguments))
    found = emit.place(spec, arguments.path or ".", f"generated/{_output_of(Path(arguments.what))}")
    if arguments.json:
        _print_json(found)
    else:
        print(emit.place_text(found, _look(arguments)))
    return YES


def import_(arguments: Namespace) -> int:
    """A spec for somebody's config; what it does not understand is said."""
    from getspec.imports import import_config

    found = import_config(arguments.config, arguments.model)
    for note in found.notes:
        print(f"warning: {note}", file=sys.stderr)
    if arguments.json:
        document = {
            "schema_version": 1,
            "model": found.spec.name,
            "total": found.spec.count().total,
            "not_understood": list(found.unknown),
            "notes": list(found.notes),
            "spec": found.text,
        }
        _print_json(document)
    elif arguments.output:
        from getspec.output import write_new

        write_new(Path(arguments.output), found.text)
        _wrote(Path(arguments.output))
    else:
        print(found.text, end="")
    return YES


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "check": check,
    "cost": cost,
    "completion": completion,
    "count": count,
    "diagram": diagram,
    "diff": diff,
    "docs": docs,
    "explain": explain,
    "formula": formula,
    "gallery": gallery,
    "generate": generate,
    "import": import_,
    "init": init,
    "report": report,
    "resolve": resolve,
    "schema": schema,
    "solve": solve,
    "sweep": sweep,
    "verify": verify,
}
