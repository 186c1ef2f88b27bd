"""A validated file as declarations: every expression parsed, every name checked, nothing evaluated yet.

A declaration is symbolic: it knows that `qkv` is a linear of `3 * dim`, not that `dim` is 768. `elaborate` makes concrete
modules from it, once per distinct set of arguments, and `emit` prints it. The two halves of a definition, structure and
dataflow, meet here for the first time.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from getspec.errors import Diagnostics, Span, SpecError, escape, nearest
from getspec.ir import Init
from getspec.ops import FUNCTIONS, LAYERS
from getspec.ops.base import DTYPES, has_default
from getspec.reserved import MODULE_ATTRIBUTES, RESERVED
from getspec.syntax import Body, Expression, Text, parse_body, parse_expression

if TYPE_CHECKING:
    from getspec.source import Document, Path
    from getspec.spec import File

__all__ = [
    "BlockDecl",
    "BufferDecl",
    "Declaration",
    "Definition",
    "LayerDecl",
    "ParameterDecl",
    "SequenceDecl",
    "Setting",
    "StackDecl",
    "TensorDecl",
    "declare",
]

KINDS = ("int", "float", "bool", "str", "ints", "floats")
COMMON = ("type", "when", "repeat", "index", "pattern", "trainable", "init", "doc", "times")
SCHEMES: Mapping[str, int] = {
    "default": 0,
    "zeros": 0,
    "ones": 0,
    "constant": 1,
    "normal": 1,
    "trunc_normal": 1,
    "uniform": 2,
    "xavier_uniform": 0,
    "xavier_normal": 0,
    "kaiming_uniform": 0,
    "kaiming_normal": 0,
}


@dataclass(frozen=True)
class Setting:
    """A setting of a block or an entry of a model's config."""

    name: str
    kind: str
    default: Any
    required: bool
    span: Span


@dataclass(frozen=True)
class TensorDecl:
    """A declared tensor type; `dims` are expressions over settings and run-time sizes."""

    name: str
    dtype: str
    dims: tuple[Expression, ...]
    below: Expression | None
    doc: str | None
    span: Span
    repeat: Expression | None = None
    index: str | None = None


@dataclass(frozen=True)
class Declared:
    name: str
    span: Span
    when: Expression | None
    trainable: bool
    doc: str | None


@dataclass(frozen=True)
class LayerDecl(Declared):
    type: str
    args: dict[str, Expression]
    init: dict[str, Init]


@dataclass(frozen=True)
class BlockDecl(Declared):
    type: str
    args: dict[str, Expression | tuple[Expression, ...]]


@dataclass(frozen=True)
class ParameterDecl(Declared):
    shape: tuple[Expression, ...]
    init: Init


@dataclass(frozen=True)
class BufferDecl(Declared):
    shape: tuple[Expression, ...] | None
    dtype: str
    persistent: bool
    value: Expression | None
    init: Init | None


@dataclass(frozen=True)
class SequenceDecl(Declared):
    items: tuple[Declaration, ...]
    named: bool


@dataclass(frozen=True)
class StackDecl(Declared):
    """A list of components: `items` cycle, each standing `times` in a row, up to `count` in all."""

    count: Expression | None
    index: str | None
    items: tuple[tuple[int, Declaration], ...]


Declaration = LayerDecl | BlockDecl | ParameterDecl | BufferDecl | SequenceDecl | StackDecl


@dataclass(frozen=True)
class Definition:
    """A model, a block or a function."""

    kind: str
    name: str
    summary: str | None
    settings: dict[str, Setting]
    lets: dict[str, Expression]
    inputs: tuple[TensorDecl, ...]
    outputs: tuple[TensorDecl, ...]
    components: tuple[Declaration, ...]
    init: dict[str, dict[str, Init]]
    ties: tuple[tuple[str, str, Span], ...]
    body: Body | None
    span: Span
    sizes: dict[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


def declare(document: Document, file: File, problems: Diagnostics) -> dict[str, Definition]:
    """The definitions of one file by name; the model is under its class name. Mistakes go to `problems`."""
    found: dict[str, Definition] = {}
    for name, block in file.blocks.items():
        reader = _Reader(document, ("blocks", name), problems)
        reader.class_name(name)
        found[name] = reader.definition("block", name, block)
    for name, function in file.functions.items():
        reader = _Reader(document, ("functions", name), problems)
        reader.name(name, reader.key())
        if name in FUNCTIONS:
            problems.error(
                "GS104", f"`{name}` is the name of an op", reader.key(), help="choose another name"
            )
        found[name] = reader.definition("function", name, function)
    if file.model is not None:
        reader = _Reader(document, (), problems)
        reader.class_name(file.model, ("model",))
        found[file.model] = reader.definition("model", file.model, file)
    return found


class _Reader:
    """Reads one definition; `path` is where it stands in the file."""

    def __init__(self, document: Document, path: Path, problems: Diagnostics) -> None:
        self.document, self.path, self.problems = document, path, problems

    def key(self, *path: str | int) -> Span:
        return self.document.span((*self.path, *path), key=True)

    def value(self, *path: str | int) -> Span:
        return self.document.span((*self.path, *path))

    def text(self, value: object, path: Path) -> Text:
        full = (*self.path, *path)
        return Text(
            str(value), lambda line, col, width: self.document.text_span(full, line, col, width)
        )

    def expression(self, value: Any, path: Path) -> Expression:
        return parse_expression(value, self.text(value, path))

    # Names

    def class_name(self, name: str, path: Path = ()) -> None:
        span = self.value(*path) if path else self.key()
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]{0,63}", name):
            self.problems.error(
                "GS104",
                f"`{escape(name)}` is not a class name: letters and digits, a capital first",
                span,
            )
        elif name in RESERVED:
            self.problems.error(
                "GS104",
                f"`{name}` is taken by the generated file",
                span,
                help="choose another name",
            )

    def name(self, name: str, span: Span, *, attribute: bool = False) -> None:
        """Names become Python identifiers and state-dict segments, so they are checked here, once."""
        reason = None
        if not name.isascii():
            reason = "is not ASCII; Python would fold it into another name"
        elif not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            reason = "is not an identifier: letters, digits and _, no digit first"
        elif len(name) > 64:
            reason = "is longer than 64 characters"
        elif name.startswith("__"):
            reason = "starts with two underscores"
        elif keyword.iskeyword(name) or keyword.issoftkeyword(name):
            reason = "is a keyword of Python"
        elif name in RESERVED:
            reason = "is taken by the generated file"
        elif attribute and name in MODULE_ATTRIBUTES:
            reason = "is an attribute of torch.nn.Module"
        if reason:
            self.problems.error(
                "GS104",
                f"the name `{escape(name)}` {reason}",
                span,
                help=f"rename it, e.g. `{_safe(name)}`",
            )

    def unique(self, groups: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Settings, named values, inputs and components share one namespace in `forward`."""
        seen: dict[str, str] = {}
        for section, names in groups:
            for name in names:
                if name in seen:
                    self.problems.error(
                        "GS107",
                        f"`{name}` stands in both {seen[name]} and {section}",
                        self.key(section, name),
                        notes=(("the first is here", self.key(seen[name], name)),),
                    )
                seen.setdefault(name, section)

    # Definitions

    def definition(self, kind: str, name: str, part: Any) -> Definition:
        settings_key = "config" if kind == "model" else "params"
        raw_settings: dict[str, Any] = part.config if kind == "model" else part.params
        settings = {
            key: self.setting(settings_key, key, value, kind) for key, value in raw_settings.items()
        }
        lets = {
            key: e for key, value in part.let.items() if (e := self.let(key, value)) is not None
        }
        inputs = [
            t
            for key, decl in part.inputs.items()
            if (t := self.tensor("inputs", key, decl)) is not None
        ]
        outputs = []
        for key, decl in getattr(part, "outputs", {}).items():
            tensor = self.tensor("outputs", key, decl)
            if tensor is not None:
                outputs.append(tensor)
        raw_components: dict[str, Any] = getattr(part, "components", {})
        components = [
            c for key, raw in raw_components.items() if (c := self.component(key, raw)) is not None
        ]
        self.unique(
            [
                (settings_key, raw_settings),
                ("let", part.let),
                ("inputs", part.inputs),
                ("components", raw_components),
            ]
        )
        return Definition(
            kind=kind,
            name=name,
            summary=part.summary,
            settings=settings,
            lets=lets,
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            components=tuple(components),
            init=self.init_rules(getattr(part, "init", {})),
            ties=tuple((a, b, self.key("tie", a)) for a, b in getattr(part, "tie", {}).items()),
            body=self.body(part.forward),
            span=self.value("model") if kind == "model" else self.key(),
            sizes=getattr(part, "sizes", {}),
            sources=tuple(getattr(part, "sources", ())),
        )

    def setting(self, section: str, name: str, value: Any, kind: str) -> Setting:
        span = self.key(section, name)
        self.name(name, span)
        if name[:1].isupper():
            self.problems.error(
                "GS104",
                f"`{name}`: settings start in lower case, capitals are run-time sizes",
                span,
                help=f"`{name.lower()}`",
            )
        if kind != "model" and isinstance(value, str) and value in KINDS:
            return Setting(name, value, None, True, span)
        return Setting(
            name, kind_of(value), tuple(value) if isinstance(value, list) else value, False, span
        )

    def let(self, name: str, value: Any) -> Expression | None:
        self.name(name, self.key("let", name))
        return self.attempt(lambda: self.expression(value, ("let", name)))

    def attempt(self, make: Any) -> Any:
        try:
            return make()
        except SpecError as error:
            self.problems.extend(error.diagnostics)
            return None

    def body(self, text: str | None) -> Body | None:
        if text is None:
            return None
        mark = self.document.marks.get((*self.path, "forward"))
        if mark is not None and mark.style == ">":
            self.problems.error(
                "GS401",
                "`>` folds the lines of forward into one",
                self.value("forward"),
                help="write `forward: |`",
            )
            return None
        body: Body | None = self.attempt(lambda: parse_body(text, self.text(text, ("forward",))))
        return body

    def tensor(self, section: str, name: str, decl: Any) -> TensorDecl | None:
        self.name(name, self.key(section, name))
        path: Path = (section, name)
        if (*self.path, *path, "type") in self.document.marks:
            path = (*path, "type")
        span = self.value(*path)
        match = re.fullmatch(r"\s*([a-z0-9]+)\s*(\[(.*)\])?\s*", decl.type, re.DOTALL)
        if match is None or match[1] not in DTYPES:
            word = match and nearest(match[1], DTYPES)
            help = (
                f"did you mean `{word}[...]`?"
                if word
                else f"write `float[B, N, dim]`; dtypes: {', '.join(DTYPES)}"
            )
            self.problems.error(
                "GS103", f"`{escape(decl.type)}` is not a tensor type", span, help=help
            )
            return None
        dims: list[Expression] = []
        start = match.start(3)
        for part in _split_commas(match[3] or ""):
            lead = len(part) - len(part.lstrip())
            offset, full = start + lead, (*self.path, *path)
            text = Text(part.strip(), _located(self.document, full, offset))
            dim = self.attempt(lambda text=text: parse_expression(text.value, text))  # type: ignore[misc]
            if dim is None:
                return None
            dims.append(dim)
            start += len(part) + 1
        below = (
            None
            if decl.below is None
            else self.attempt(lambda: self.expression(decl.below, (section, name, "below")))
        )
        repeat = None
        if decl.repeat is not None:
            repeat = self.attempt(lambda: self.expression(decl.repeat, (section, name, "repeat")))
        if decl.index is not None:
            self.name(decl.index, self.value(section, name, "index"))
        return TensorDecl(name, match[1], tuple(dims), below, decl.doc, span, repeat, decl.index)

    # Components

    def component(self, name: str, raw: Any) -> Declaration | None:
        span = self.key("components", name)
        self.name(name, span, attribute=True)
        if name.startswith("_"):
            self.problems.error(
                "GS104",
                f"`{name}`: component names do not start with _",
                span,
                help=f"`{name.lstrip('_')}`",
            )
        data = {key: value for key, value in raw.model_dump(exclude_unset=True).items()}
        declared: Declaration | None = self.attempt(
            lambda: self.part(name, data, ("components", name))
        )
        return declared

    def part(self, name: str, data: dict[str, Any], path: Path) -> Declaration | None:
        """One component; a repeat or a pattern around it makes a stack."""
        if "repeat" in data or "pattern" in data:
            return self.stack(name, data, path)
        for key in ("index",):
            if key in data:
                self.problems.error("GS101", f"`{key}` belongs to a `repeat`", self.key(*path, key))
        kind = data.get("type")
        if kind is None:
            self.problems.error(
                "GS102", f"component `{name}` needs a `type`", self.key(*path), help="type: linear"
            )
            return None
        if not isinstance(kind, str):
            self.problems.error("GS103", "`type` is a word", self.value(*path, "type"))
            return None
        common: dict[str, Any] = {
            "name": name,
            "span": self.key(*path),
            "when": self.expression(data["when"], (*path, "when"))
            if data.get("when") is not None
            else None,
            "trainable": data.get("trainable", True),
            "doc": data.get("doc"),
        }
        if kind == "parameter":
            return self.parameter(data, path, common)
        if kind == "buffer":
            return self.buffer(data, path, common)
        if kind == "sequential":
            return self.sequence(data, path, common)
        if kind in LAYERS:
            return self.layer(kind, data, path, common)
        return self.block(kind, data, path, common)

    def fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in data.items() if key not in COMMON}

    def known_keys(
        self, data: dict[str, Any], path: Path, allowed: Iterable[str], what: str
    ) -> bool:
        fine = True
        for key in self.fields(data):
            if key not in allowed:
                word = nearest(key, list(allowed))
                help = (
                    f"did you mean `{word}`?"
                    if word
                    else f"it takes: {', '.join(allowed) or 'nothing'}"
                )
                self.problems.error(
                    "GS101",
                    f"unknown key `{escape(key)}` in {what}",
                    self.key(*path, key),
                    help=help,
                )
                fine = False
        return fine

    def shape(self, data: dict[str, Any], path: Path) -> tuple[Expression, ...] | None:
        dims = data.get("shape")
        if not isinstance(dims, list):
            self.problems.error(
                "GS103",
                "`shape` is a list of sizes",
                self.value(*path, "shape"),
                help="shape: [1, dim]",
            )
            return None
        return tuple(self.expression(dim, (*path, "shape", i)) for i, dim in enumerate(dims))

    def parameter(
        self, data: dict[str, Any], path: Path, common: dict[str, Any]
    ) -> Declaration | None:
        self.known_keys(data, path, ("shape",), "a parameter")
        for key, example in (("shape", "shape: [dim]"), ("init", "init: zeros")):
            if key not in data:
                self.problems.error(
                    "GS102",
                    f"parameter `{common['name']}` needs `{key}`",
                    self.key(*path),
                    help=f"add `{example}`",
                )
                return None
        shape, init = self.shape(data, path), self.init(data["init"], (*path, "init"))
        if init is not None and init.scheme == "default":
            message = "a parameter has no default to start from"
            self.problems.error("GS306", message, self.value(*path, "init"), help="init: zeros")
            return None
        return (
            None
            if shape is None or init is None
            else ParameterDecl(**common, shape=shape, init=init)
        )

    def buffer(
        self, data: dict[str, Any], path: Path, common: dict[str, Any]
    ) -> Declaration | None:
        self.known_keys(data, path, ("shape", "dtype", "persistent", "value"), "a buffer")
        shape = self.shape(data, path) if "shape" in data else None
        value = self.expression(data["value"], (*path, "value")) if "value" in data else None
        init = self.init(data["init"], (*path, "init")) if "init" in data else None
        if value is None and (shape is None or init is None):
            self.problems.error(
                "GS102",
                f"buffer `{common['name']}` needs a `value`, or a `shape` and an `init`",
                self.key(*path),
                help="value: linspace(0, 1, n)",
            )
            return None
        dtype = data.get("dtype", "float32")
        if dtype not in DTYPES:
            self.problems.error(
                "GS103", f"dtype is one of {', '.join(DTYPES)}", self.value(*path, "dtype")
            )
            return None
        return BufferDecl(
            **common,
            shape=shape,
            dtype=dtype,
            persistent=data.get("persistent", True) is not False,
            value=value,
            init=init,
        )

    def sequence(
        self, data: dict[str, Any], path: Path, common: dict[str, Any]
    ) -> Declaration | None:
        self.known_keys(data, path, ("layers",), "a sequential")
        layers = data.get("layers")
        if not isinstance(layers, list | dict) or not layers:
            self.problems.error(
                "GS102",
                "a sequential needs `layers`",
                self.key(*path),
                help="layers: [{type: silu}, {type: linear, ...}]",
            )
            return None
        pairs = (
            list(layers.items())
            if isinstance(layers, dict)
            else [(str(i), item) for i, item in enumerate(layers)]
        )
        items: list[Declaration] = []
        for place, (name, item) in enumerate(pairs):
            at: Path = (*path, "layers", name if isinstance(layers, dict) else place)
            if isinstance(layers, dict):
                self.name(name, self.key(*at), attribute=True)
            if not isinstance(item, dict):
                self.problems.error(
                    "GS103", "a layer is a mapping", self.value(*at), help="{type: silu}"
                )
                continue
            declared = self.part(name, item, at)
            if isinstance(declared, ParameterDecl | BufferDecl | StackDecl):
                self.problems.error(
                    "GS303", "a sequential holds layers and blocks only", self.key(*at)
                )
            elif declared is not None:
                items.append(declared)
        return SequenceDecl(**common, items=tuple(items), named=isinstance(layers, dict))

    def layer(
        self, kind: str, data: dict[str, Any], path: Path, common: dict[str, Any]
    ) -> Declaration | None:
        declared = {f.name: f for f in LAYERS[kind].declared_fields()}
        fine = self.known_keys(data, path, tuple(declared), f"`{kind}`")
        missing = [name for name, f in declared.items() if name not in data and not has_default(f)]
        if missing and fine:
            self.problems.error(
                "GS102",
                f"`{kind}` needs {_and(missing)}",
                self.key(*path),
                help=f"add `{missing[0]}: ...`",
            )
        if missing or not fine:
            return None
        args: dict[str, Expression] = {}
        for name, value in self.fields(data).items():
            if isinstance(value, list | dict | None):
                self.problems.error(
                    "GS103", f"`{name}` of `{kind}` is one value", self.value(*path, name)
                )
                return None
            args[name] = self.expression(value, (*path, name))
        init = self.weight_inits(data.get("init"), (*path, "init"))
        return LayerDecl(**common, type=kind, args=args, init=init)

    def block(
        self, kind: str, data: dict[str, Any], path: Path, common: dict[str, Any]
    ) -> Declaration | None:
        """A block's arguments; whether the block exists and takes them is known once all files are read."""
        if "init" in data:
            self.problems.error(
                "GS101",
                "`init` stands on layers and parameters, or as rules of a block",
                self.key(*path, "init"),
            )
        args: dict[str, Expression | tuple[Expression, ...]] = {}
        for name, value in self.fields(data).items():
            if isinstance(value, list):
                args[name] = tuple(
                    self.expression(item, (*path, name, i)) for i, item in enumerate(value)
                )
            elif isinstance(value, dict | None):
                self.problems.error(
                    "GS103", f"`{escape(name)}` is one value or a list", self.value(*path, name)
                )
            else:
                args[name] = self.expression(value, (*path, name))
        return BlockDecl(**common, type=kind, args=args)

    def stack(self, name: str, data: dict[str, Any], path: Path) -> Declaration | None:
        index = data.get("index")
        if index is not None:
            self.name(index, self.value(*path, "index"))
        count = (
            self.expression(data["repeat"], (*path, "repeat"))
            if data.get("repeat") is not None
            else None
        )
        inner = {
            key: value
            for key, value in data.items()
            if key not in ("repeat", "index", "pattern", "when", "trainable")
        }
        items: list[tuple[int, Declaration]] = []
        if "pattern" in data:
            self.known_keys(inner, path, (), "a pattern; its components stand inside")
            for place, item in enumerate(data["pattern"] or ()):
                times = item.get("times", 1)
                at = (*path, "pattern", place)
                if isinstance(times, bool) or not isinstance(times, int) or times < 1:
                    self.problems.error(
                        "GS103", "`times` is a positive integer", self.value(*at, "times")
                    )
                    return None
                declared = self.part(
                    str(place), {k: v for k, v in item.items() if k != "times"}, at
                )
                if declared is not None:
                    items.append((times, declared))
            if len(items) != len(data["pattern"] or ()) or not items:
                return None
        else:
            declared = self.part("*", inner, path)
            if declared is None:
                return None
            items.append((1, declared))
        for _, declared in items:
            if isinstance(declared, ParameterDecl | BufferDecl | StackDecl):
                self.problems.error(
                    "GS303", "a repeat holds layers, blocks and sequentials only", self.key(*path)
                )
                return None
        return StackDecl(
            name=name,
            span=self.key(*path),
            when=self.expression(data["when"], (*path, "when"))
            if data.get("when") is not None
            else None,
            trainable=data.get("trainable", True),
            doc=data.get("doc"),
            count=count,
            index=index,
            items=tuple(items),
        )

    # Initialisation

    def init(self, value: Any, path: Path) -> Init | None:
        scheme, args = (value, []) if isinstance(value, str) else (None, [])
        if isinstance(value, dict) and len(value) == 1:
            scheme, numbers = next(iter(value.items()))
            args = numbers if isinstance(numbers, list) else [numbers]
        numeric = all(isinstance(a, int | float) and not isinstance(a, bool) for a in args)
        if scheme in SCHEMES and len(args) == SCHEMES[scheme] and numeric:
            return Init(scheme, tuple(float(a) for a in args))
        word = nearest(str(scheme), list(SCHEMES)) if scheme not in SCHEMES else None
        help = (
            f"did you mean `{word}`?"
            if word
            else "e.g. `zeros`, `xavier_uniform`, `{normal: 0.02}`, `{uniform: [-1, 1]}`"
        )
        self.problems.error(
            "GS306", "this is not an initialisation scheme", self.value(*path), help=help
        )
        return None

    def weight_inits(self, value: Any, path: Path) -> dict[str, Init]:
        """`zeros` for every weight, or one scheme per weight."""
        if value is None:
            return {}
        if isinstance(value, dict) and not set(value) & set(SCHEMES):
            found = {name: self.init(scheme, (*path, name)) for name, scheme in value.items()}
            return {name: scheme for name, scheme in found.items() if scheme is not None}
        scheme = self.init(value, path)
        return {} if scheme is None else {"*": scheme}

    def init_rules(self, rules: Mapping[str, Any]) -> dict[str, dict[str, Init]]:
        found = {}
        for kind, value in rules.items():
            if kind not in LAYERS:
                word = nearest(kind, list(LAYERS))
                help = (
                    f"did you mean `{word}`?"
                    if word
                    else "rules are by layer type: `init: {linear: xavier_uniform}`"
                )
                self.problems.error(
                    "GS306",
                    f"`{escape(kind)}` is not a layer type",
                    self.key("init", kind),
                    help=help,
                )
                continue
            found[kind] = self.weight_inits(value, ("init", kind))
        return found


def kind_of(value: Any) -> str:
    """The kind of a literal setting."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list | tuple):
        return "ints" if all(isinstance(item, int) for item in value) else "floats"
    if isinstance(value, str) and re.fullmatch(r"[0-9]+(_[0-9]+)*", value):
        return "int"
    return {int: "int", float: "float"}.get(type(value), "str")


def _located(document: Document, path: Path, offset: int) -> Any:
    return lambda line, col, width: document.text_span(
        path, line, col + (offset if line == 1 else 0), width
    )


def _split_commas(text: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current] if current.strip() or parts else []


def _safe(name: str) -> str:
    plain = re.sub(r"[^a-z0-9_]", "", name.lower().lstrip("_0123456789")) or "part"
    return (
        f"{plain[:60]}_"
        if keyword.iskeyword(plain) or plain in MODULE_ATTRIBUTES or plain in RESERVED
        else plain
    )


def _and(words: list[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
