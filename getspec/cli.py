"""The command line: arguments, printing, exit codes. The only module that prints.

    0 yes    1 the answer is no    2 usage, or a file that cannot be read or written    3 a bug of ours    130 interrupted

Data goes to standard output and everything else to standard error. argparse was kept because `--help` then costs what Python
costs; every command imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from getspec.errors import Diagnostic, SpecError, UsageError
    from getspec.terminal import Look

__all__ = ["main"]

YES, NO, USAGE, BUG, INTERRUPTED = 0, 1, 2, 3, 130
MAX_SHOWN = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    try:
        if argv is None:
            _speak()
        status = _status(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        _stop_printing(sys.stdout)
        return YES
    except OSError as error:
        _stop_printing(sys.stdout)
        report_usage_error(_refusal(error))
        return USAGE


def _status(words: Sequence[str]) -> int:
    try:
        arguments = parsed(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    return _run(arguments)


def _speak() -> None:
    """No character and no closed stream can end the program.

    ASCII becomes UTF-8, as in Python's own UTF-8 mode; other codes spell what they lack.
    """
    sys.stdout, sys.stderr = (stream or io.StringIO() for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            ascii_only = stream.encoding.lower() in ("ascii", "us-ascii", "ansi_x3.4-1968", "646")
            stream.reconfigure(encoding="utf-8" if ascii_only else None, errors="backslashreplace")


def _stop_printing(stream: Any) -> None:
    """What is left of the output goes nowhere, so that the interpreter does not fail at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _refusal(error: OSError) -> UsageError:
    """What the system would not do; it names a file, or leaves out that it was about the folder or the output."""
    from getspec.errors import UsageError

    reason = error.strerror or str(error)
    if error.filename is not None:
        return UsageError(f"cannot use {error.filename}: {reason}")
    if isinstance(error, FileNotFoundError):
        return UsageError("the current folder is gone", "`cd` into one that is there")
    return UsageError(f"cannot write to standard output: {reason}")


def _run(arguments: argparse.Namespace) -> int:
    from getspec.errors import GetspecError, SpecError, UsageError, interrupted

    _without_plugins()
    try:
        from getspec import commands

        if arguments.command != "verify":
            # One command compiles and exits: collecting what is about to be freed costs a tenth.
            gc.disable()
        return commands.COMMANDS[arguments.command](arguments)
    except SpecError as error:
        as_json = getattr(arguments, "json", False)
        report_spec_error(error, as_json=as_json, color=arguments.color)
        return USAGE if arguments.command == "diff" else NO
    except UsageError as error:
        as_json = getattr(arguments, "json", False)
        report_usage_error(error, as_json=as_json, color=arguments.color)
        return USAGE
    except (GetspecError, OSError):
        raise
    except Exception as error:
        if interrupted(error):
            raise KeyboardInterrupt from error
        return _bug()


def _without_plugins() -> None:
    """What plugins of pydantic are installed changes nothing that a command says, and must not change how soon.

    Told to use none, pydantic still imports `importlib.metadata` to be able to look for them, which a cold `count` would
    notice. A module that finds none stands in for the one that looks; asked for anything else, it makes way.
    """
    name = "pydantic.plugin._loader"

    def make_way(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(name) is finder:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    finder = ModuleType(name, "No plugins.")
    vars(finder).update(get_plugins=tuple, __getattr__=make_way)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.modules.setdefault(name, finder)


def _bug() -> int:
    import traceback

    from getspec.errors import escape_line

    for line in traceback.format_exc().splitlines():
        _say(escape_line(line))
    _say("error: this is a bug in getspec, not in your spec; please report the lines above")
    return BUG


# Printing


def report_spec_error(error: SpecError, *, as_json: bool = False, color: str = "auto") -> None:
    """What is wrong with a spec: for people on stderr, for tools on stdout."""
    if as_json:
        import json

        diagnostics = [diagnostic.as_json() for diagnostic in error.diagnostics]
        print(json.dumps({"schema_version": 1, "diagnostics": diagnostics}, indent=2))
        return
    report(error.diagnostics, error.sources, color)


def report(
    diagnostics: Sequence[Diagnostic],
    sources: Any,
    color: str = "auto",
    shown: Callable[[str], str] = str,
) -> None:
    """Diagnostics as a page each, each as `shown`, and one line that sums them up."""
    from getspec.errors import render

    seen = look(sys.stderr, color)
    for diagnostic in diagnostics[:MAX_SHOWN]:
        page = (
            render(diagnostic, sources)
            if seen is None
            else render(diagnostic, sources, paint=seen.paint, width=seen.width)
        )
        _say(f"{shown(page)}\n")
    if len(diagnostics) > MAX_SHOWN:
        _say(f"... and {len(diagnostics) - MAX_SHOWN} more\n")
    errors = sum(d.severity == "error" for d in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [_plural(errors, "error")] if errors else []
    parts += [_plural(warnings, "warning")] if warnings else []
    if parts:
        _say(", ".join(parts))


def report_usage_error(error: UsageError, *, as_json: bool = False, color: str = "auto") -> None:
    """What is wrong with the command line or the disk; tools find it where they find the rest."""
    if as_json:
        import json

        from getspec.errors import Diagnostic

        found = {**Diagnostic("", error.message, help=error.help).as_json(), "code": error.code}
        print(json.dumps({"schema_version": 1, "diagnostics": [found]}, indent=2))
    word = f"error[{error.code}]" if error.code else "error"
    seen = look(sys.stderr, color)
    _say(f"{word if seen is None else seen.paint('bad', word)}: {error}")
    if error.help:
        from getspec.errors import escape

        _say(f"  help: {escape(error.help)}")


def _say(text: str) -> None:
    """To stderr; where nobody can hear it, the exit status still says it."""
    try:
        print(text, file=sys.stderr)
    except OSError:
        _stop_printing(sys.stderr)


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def look(stream: Any, color: str) -> Look | None:
    """How a terminal shows what goes to a stream; None for a file or a pipe, which gets plain text unless colour is asked for.

    `--color` counts most, then NO_COLOR, then FORCE_COLOR.
    """
    forced = color == "always"
    if color == "auto" and not os.environ.get("NO_COLOR"):
        forced = bool(os.environ.get("FORCE_COLOR"))
    live = stream.isatty() and os.environ.get("TERM") != "dumb"
    if not (live or forced):
        return None
    from getspec.terminal import Look

    colored = forced or (color == "auto" and not os.environ.get("NO_COLOR"))
    return Look(color=colored, width=_columns(stream), unicode=_unicode(stream))


def _unicode(stream: Any) -> bool:
    """Whether a stream shows more than ASCII. Python writes UTF-8 in the C locale too, but those who ask for C mean ASCII."""
    asked = os.environ.get("LC_ALL") or os.environ.get("LANG")
    return (stream.encoding or "").lower() in ("utf-8", "utf8") and asked not in ("C", "POSIX")


# Arguments


class _Formatter(argparse.HelpFormatter):
    """argparse's, without the module it asks for the width of a terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns(sys.stdout) - 2)

    def add_arguments(self, actions: Any) -> None:
        super().add_arguments(actions)
        self._action_max_length += self._indent_increment  # which is forgotten for subcommands


def _columns(stream: Any) -> int:
    given = os.environ.get("COLUMNS", "")
    try:
        return (
            int(given) if given.isdigit() else os.get_terminal_size(stream.fileno()).columns or 80
        )
    except (OSError, ValueError):
        return 80


class _Parser(argparse.ArgumentParser):
    """argparse, with our exit status and a suggestion for a mistyped command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, formatter_class=_Formatter)

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse's own drops what cannot be written."""
        (file or sys.stderr).write(message)

    def error(self, message: str) -> NoReturn:
        from getspec.errors import escape, nearest

        if "invalid choice: " in message:
            word = message.split("'")[1]
            known = nearest(word, COMMANDS)
            message = f"there is no command `{word}`" + (
                f"; did you mean `{known}`?" if known else ""
            )
        self.print_usage(sys.stderr)
        _say(f"error: {escape(message)}")
        raise SystemExit(USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="getspec",
        description="Neural architectures declared in YAML: checked, counted exactly, compiled to PyTorch.",
        epilog="`getspec COMMAND --help` explains a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (summary, add) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=_sentence(summary))
        add(command)
        _color(command)
    return parser


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of one command; the parsers of the others are not made for it."""
    if not words or words[0] not in COMMANDS:
        return _parser().parse_args(words)
    summary, add = COMMANDS[words[0]]
    command = _Parser(prog=f"getspec {words[0]}", description=_sentence(summary))
    add(command)
    _color(command)
    return command.parse_args(words[1:], argparse.Namespace(command=words[0]))


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def version() -> str:
    """The version that is installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("getspec")
    except PackageNotFoundError:
        return "(not installed)"


class _Version(argparse.Action):
    def __call__(self, *_: Any) -> None:
        print(f"getspec {version()}")
        raise SystemExit(YES)


def _spec(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    if many:
        help = "spec files, or folders of them; `-` is standard input"
        parser.add_argument("specs", nargs="+", metavar="SPEC", help=help)
    else:
        parser.add_argument("spec", metavar="SPEC", help="a spec file; `-` is standard input")
    _common(parser)


def _set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        dest="settings",
        help="override a config entry, or any value by its path",
    )


def _common(parser: argparse.ArgumentParser) -> None:
    _set(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON document")


def _color(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--color",
        default="auto",
        choices=("auto", "always", "never"),
        help="colour and bars: on a terminal (auto), in pipes too, or no colour",
    )


def _check(parser: argparse.ArgumentParser) -> None:
    _spec(parser, many=True)
    parser.add_argument(
        "--output-format",
        default="text",
        choices=("text", "json", "github", "sarif"),
        help="how findings are printed: for people, or for CI",
    )


def _count(parser: argparse.ArgumentParser) -> None:
    _spec(parser)
    parser.add_argument(
        "--parameters", action="store_true", help="list every tensor of the state dict"
    )
    _depth(parser, "show N levels of modules")
    parser.add_argument("--like", choices=("torchinfo",), help="the total of another tool, too")


def _depth(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--depth", type=_level, metavar="N", help=help)


def _level(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`--depth` is at least 1, this is {text!r}")
    return int(text)


def _shape(parser: argparse.ArgumentParser, rest: str) -> None:
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="N=1024,B=8",
        help=f"run-time sizes (default: the spec's `shape`; {rest})",
    )


def _formula(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a spec file; `-` is standard input")
    parser.add_argument(
        "path", nargs="?", default=".", metavar="PATH", help="a component or tensor of the spec"
    )
    _common(parser)
    parser.add_argument(
        "--of",
        default="params",
        choices=("params", "trainable", "flops", "kv", "cache", "activations"),
        help="parameters (default) or those that are trained, FLOPs of a forward pass, keys and values of a token (kv) or of "
        "all (cache), or bytes of activations",
    )
    _shape(parser, "without it there is no number beside the formula")
    parser.add_argument("--latex", action="store_true", help="print the formula in LaTeX")


def _sweep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a spec file; `-` is standard input")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=FIRST:LAST:STEP",
        dest="settings",
        help="values of a config entry: a range with both ends, or 8,16,32",
    )
    parser.add_argument(
        "--where", metavar="CONDITION", help='keep these: "params <= 1e9 and flops <= 2T"'
    )
    parser.add_argument("--sort", metavar="COLUMN", help="sort by a column, upwards")
    parser.add_argument("--descending", action="store_true", help="sort downwards")
    _shape(parser, "the batch is 1")
    _listed(parser)


def _solve(parser: argparse.ArgumentParser) -> None:
    _spec(parser)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--params", metavar="350M", help="parameters to come close to")
    target.add_argument("--flops", metavar="2T", help="FLOPs of a forward pass to come close to")
    parser.add_argument(
        "--vary",
        required=True,
        metavar="NAMES",
        help="config entries to vary: embed_dim,num_layers, or embed_dim=256:4096:64,num_layers",
    )
    parser.add_argument(
        "--multiple",
        action="append",
        default=[],
        metavar="NAME=STEP",
        help="vary a name in steps: embed_dim=64",
    )
    _shape(parser, "the batch is 1")
    _listed(parser, json=False)


def _listed(parser: argparse.ArgumentParser, *, json: bool = True) -> None:
    parser.add_argument("--csv", action="store_true", help="print every row as CSV")
    if json:
        parser.add_argument("--json", action="store_true", help="print a JSON document")
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="rows of the table (default: 20)"
    )


def _generate(parser: argparse.ArgumentParser) -> None:
    _spec(parser, many=True)
    parser.add_argument(
        "--output", default="generated", metavar="DIR", help="where to (default: generated)"
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that were edited by hand"
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is not current"
    )
    mode.add_argument("--diff", action="store_true", help="write nothing; print what would change")
    mode.add_argument("--stdout", action="store_true", help="print the code")
    mode.add_argument("--class", metavar="NAME", dest="only", help="print the code of one class")


def _cost(parser: argparse.ArgumentParser) -> None:
    _spec(parser)
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="N=1024,B=8",
        help="run-time sizes (default: the spec's `shape`; a size it leaves out stays a letter)",
    )
    _depth(parser, "show N levels of modules")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--like", choices=LIKE, help="the number of another tool or paper, too")
    for option, words, meaning in COST_CHOICES:
        parser.add_argument(option, choices=words, default=words[0], help=f"{meaning} ({words[0]})")


LIKE = ("fvcore", "torchinfo", "deepspeed", "palm", "megatron", "6nd")
"""Whose number can be asked for; a test holds them against the table of passes/conventions.py."""

COST_CHOICES = (
    (
        "--dtype",
        ("fp32", "bf16", "bf16-mixed-16", "bf16-mixed-18", "bf16-mixed-20"),
        "precision; of mixed ones the number is bytes per parameter with adamw",
    ),
    ("--optimizer", ("adamw", "sgd", "adam-8bit", "adafactor"), "whose state is held"),
    ("--recompute", ("none", "selective", "full"), "what is worked out again going backward"),
    ("--attention", ("fused", "eager"), "whether attention holds all its weights"),
    ("--causal", ("full", "half"), "how FLOPs of causal attention count"),
)
"""Option, its words with the default first, and what it says; a test holds them against the tables of passes/memory.py."""


def _verify(parser: argparse.ArgumentParser) -> None:
    _spec(parser, many=True)
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda"),
        help="where models run (auto: CUDA where there is one)",
    )
    parser.add_argument(
        "--against",
        metavar="FILE",
        help="only compare with a checkpoint's header: model.safetensors or its index.json (no torch)",
    )
    parser.add_argument(
        "--emit-converter",
        metavar="FILE",
        help="write a script that renames a foreign checkpoint by the spec's `rename` (no torch)",
    )


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.usage = "getspec diff [options] A B\n       getspec diff [options] A --set PATH=VALUE"
    parser.add_argument(
        "specs",
        nargs="+",
        metavar="A B",
        help="spec files, or revisions of them: HEAD~1:specs/a.yaml; also what git gives a diff driver",
    )
    _common(parser)
    parser.add_argument("--exit-code", action="store_true", help="exit 1 if they differ")
    parser.add_argument(
        "--fail-on",
        type=str.upper,
        choices=("INTERFACE", "STATE", "SIZE", "GRAPH", "SOURCE"),
        help="exit 1 if a change of this class or a stricter one exists (INTERFACE is the strictest)",
    )
    parser.add_argument(
        "--format",
        default="text",
        choices=("text", "json", "markdown"),
        help="markdown is a whole document",
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="N=1024,B=8",
        help="run-time sizes at which FLOPs are compared (default: the specs' `shape`)",
    )
    _depth(parser, "show N levels of modules in the text")
    parser.add_argument(
        "--emit-converter",
        metavar="FILE",
        help="write a script that turns a checkpoint of A into one of B, where only names differ",
    )


def _diagram(parser: argparse.ArgumentParser) -> None:
    _spec(parser)
    parser.add_argument(
        "--format", default="mermaid", choices=("mermaid", "svg"), help="what to draw with"
    )
    _depth(parser, "open N levels of components")


def _report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "specs", nargs="+", metavar="SPEC", help="a spec, or two that the page also compares"
    )
    _common(parser)
    _shape(parser, "else what it runs at")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="the page (default: the spec's name with .html); `-` is standard output",
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite a file that is no report of ours"
    )


def _docs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="Markdown files, or folders of them"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is not current"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON document")


def _gallery(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a YAML file of tables of published figures")
    parser.add_argument("--json", action="store_true", help="print a JSON document")


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="CODE|SPEC",
        help="an error code such as GS104, `GS` for all, or a spec file",
    )
    parser.add_argument("path", nargs="?", metavar="PATH", help="a component or tensor of the spec")
    parser.add_argument("--markdown", action="store_true", help="the page of a code as Markdown")
    _common(parser)


def _schema(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ops", action="store_true", help="list the ops instead")
    parser.add_argument("--output", metavar="FILE", help="where to write the schema")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if FILE is not current"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON document")


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        default="model.yaml",
        metavar="FILE",
        help="the spec to write (default: model.yaml); its name is the model's",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON document")


SHELLS = ("bash", "fish", "zsh")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="whose script to print")


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", required=True, metavar="FILE", help="a Hugging Face config.json"
    )
    parser.add_argument("--model", metavar="NAME", help="the class name to give")
    parser.add_argument(
        "--output", metavar="FILE", help="where to write the spec (default: print it)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON document")


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "check": ("say whether specs are valid, and what is wrong with them", _check),
    "cost": ("say what a model costs: FLOPs, MACs and parameters per module", _cost),
    "completion": ("print a script that lets a shell complete commands", _completion),
    "count": ("count parameters exactly", _count),
    "diagram": ("draw the dataflow, with shapes", _diagram),
    "diff": ("explain the difference between two specs, to the last parameter", _diff),
    "docs": ("fill marked regions of Markdown files with what commands print", _docs),
    "explain": ("explain an error code, or one component or tensor of a spec", _explain),
    "formula": ("print parameters or FLOPs as a formula in the config", _formula),
    "gallery": ("hold published figures against the specs, and print them as Markdown", _gallery),
    "generate": ("compile specs to PyTorch", _generate),
    "import": ("turn a Hugging Face config.json into a spec", _import),
    "init": ("write a spec to start from", _init),
    "report": ("write a page with the figures, drawings and code of a spec, to play with", _report),
    "resolve": ("print a spec as one file, with everything it extends and uses", _spec),
    "schema": ("print the JSON Schema of specs, or the list of ops", _schema),
    "solve": ("list the configurations nearest to a number of parameters or FLOPs", _solve),
    "sweep": ("list configurations by their closed forms, as many as you like", _sweep),
    "verify": ("prove counts, shapes and code against the executed model", _verify),
}
