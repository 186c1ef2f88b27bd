"""A validated file as declarations: every expression parsed, every name checked, nothing evaluated yet.

A declaration is symbolic: it knows that `qkv` is a linear of `3 * dim`, not that `dim` is 768. `elaborate` makes concrete
modules from it, once per distinct set of arguments, and `emit` prints it. The two halves of a definition, structure and
dataflow, meet here for the first time.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from getspec.errors import Diagnostics, Span, SpecError, escape, nearest
from getspec.ir import Init
from getspec.ops import FUNCTIONS, LAYERS
from getspec.ops.base import DTYPES, has_default
from getspec.record import Record
from getspec.reserved import MODULE_ATTRIBUTES, RESERVED
from getspec.syntax import (
    MAX_INTEGER as LIMIT,
)
from getspec.syntax import (
    Body,
    Expression,
    Text,
    names_of,
    parse_body,
    parse_expression,
)

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
    "check_types",
    "declare",
    "kind_of",
]

KINDS = ("int", "float", "bool", "str", "ints", "floats")
COMMON = ("type", "when", "repeat", "index", "pattern", "trainable", "init", "doc", "times")
SHARED: Mapping[str, tuple[Any, str]] = {
    "trainable": (bool, "true or false"),
    "persistent": (bool, "true or false"),
    "index": (str, "a name"),
    "doc": (str, "text"),
    "when": (bool | int | float | str, "an expression"),
    "repeat": (bool | int | float | str, "an expression"),
    "pattern": (list, "a list of components"),
}
"""Keys of components inside others, where no model of the schema has looked."""
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


class Setting(Record):
    """A setting of a block or an entry of a model's config."""

    name: str
    kind: str
    default: Any
    required: bool
    span: Span


class TensorDecl(Record):
    """A declared tensor type; `dims` are expressions over settings and run-time sizes."""

    name: str
    dtype: str
    dims: tuple[Expression, ...]
    below: Expression | None
    doc: str | None
    span: Span
    repeat: Expression | None = None
    index: str | None = None
    selects: Expression | None = None


class Declared(Record):
    name: str
    span: Span
    when: Expression | None
    trainable: bool
    doc: str | None
    at: Callable[..., Span]
    """The place of one of its keys, or with `key=False` of the value there."""


class LayerDecl(Declared):
    type: str
    args: dict[str, Expression]
    init: dict[str, Init]


class BlockDecl(Declared):
    type: str
    args: dict[str, Expression | tuple[Expression, ...]]


class ParameterDecl(Declared):
    shape: tuple[Expression, ...]
    init: Init
    value: Expression | None


class BufferDecl(Declared):
    shape: tuple[Expression, ...] | None
    dtype: str
    persistent: bool
    value: Expression | None
    init: Init | None


class SequenceDecl(Declared):
    items: tuple[Declaration, ...]
    named: bool


class StackDecl(Declared):
    """A list of components: `items` cycle, each standing `times` in a row, up to `count` in all."""

    count: Expression | None
    index: str | None
    items: tuple[tuple[int, Declaration], ...]


Declaration = LayerDecl | BlockDecl | ParameterDecl | BufferDecl | SequenceDecl | StackDecl


class Definition(Record):
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
    sizes: Mapping[str, str] = MappingProxyType({})
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
        self.mentioned: set[str] = set()
        """Names that the expressions read so far use."""

    def key(self, *path: str | int) -> Span:
        return self.document.span((*self.path, *path), key=True)

    def value(self, *path: str | int) -> Span:
        return self.document.span((*self.path, *path))

    def below(self, path: Path) -> Callable[..., Span]:
        """Places under a path, looked up when an error asks for them."""
        return lambda *keys, key=True: self.document.span((*self.path, *path, *keys), key=key)

    def text(self, value: object, path: Path) -> Text:
        full = (*self.path, *path)
        return Text(
            str(value), lambda line, col, width: self.document.text_span(full, line, col, width)
        )

    def expression(self, value: Any, path: Path) -> Expression:
        return self.parsed(self.text(value, path))

    def parsed(self, text: Text) -> Expression:
        made = parse_expression(text.value, text)
        self.mentioned |= made.names
        return made

    # Names

    def class_name(self, name: str, path: Path = ()) -> None:
        span = self.value(*path) if path else self.key()
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]{0,63}", name):
            self.problems.error(
                "GS104",
                f"`{escape(name)}` is not a class name: letters and digits, a capital first",
                span,
                help=f"e.g. `{_class(name)}`",
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
        elif name in RESERVED and not (attribute and name == "self"):
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
        """One definition; what it declares and never reads is likely a slip."""
        before = len(self.problems.errors)
        made = self.made(kind, name, part)
        if made.body is not None and len(self.problems.errors) == before:
            read = self.mentioned | names_of(made.body)
            for section, found in (
                ("config" if kind == "model" else "params", made.settings),
                ("let", made.lets),
            ):
                for unread in [each for each in found if each not in read]:
                    message = f"nothing reads `{unread}`"
                    span, help = self.key(section, unread), "use it, or remove it"
                    self.problems.warning("GS405", message, span, help)
        return made

    def made(self, kind: str, name: str, part: Any) -> Definition:
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
        for number in value if isinstance(value, list) else (value,):
            if isinstance(number, int) and abs(number) >= LIMIT:
                self.problems.error("GS203", "integers are below 2**63", self.value(section, name))
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
        made: Expression | None = self.attempt(lambda: self.expression(value, ("let", name)))
        return made

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
            dim = self.attempt(partial(self.parsed, text))
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
        selects = None
        if decl.selects is not None:
            if match[1] != "bool":
                place = self.key(section, name, "selects")
                self.problems.error("GS103", "`selects` counts the True values of a bool", place)
            selects = self.attempt(
                lambda: self.expression(decl.selects, (section, name, "selects"))
            )
        return TensorDecl(
            name, match[1], tuple(dims), below, decl.doc, span, repeat, decl.index, selects
        )

    # Components

    def component(self, name: str, raw: Any) -> Declaration | None:
        span = self.key("components", name)
        self.name(name, span, attribute=True)
        data: dict[str, Any] = raw.model_dump(exclude_unset=True)
        declared: Declaration | None = self.attempt(
            lambda: self.part(name, data, ("components", name))
        )
        return declared

    def part(self, name: str, data: dict[str, Any], path: Path) -> Declaration | None:
        """One component; a repeat or a pattern around it makes a stack."""
        if not self.sound(data, path):
            return None
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
            message = f"`type` is a word, this is {_shown(kind)}"
            self.problems.error("GS103", message, self.value(*path, "type"), "type: linear")
            return None
        common: dict[str, Any] = {
            "name": name,
            "span": self.key(*path),
            "when": self.expression(data["when"], (*path, "when"))
            if data.get("when") is not None
            else None,
            "trainable": data.get("trainable", True),
            "doc": data.get("doc"),
            "at": self.below(path),
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

    def sound(self, data: dict[str, Any], path: Path) -> bool:
        """Whether the keys that all components share hold values of their kinds."""
        fine = True
        for key, (kind, words) in SHARED.items():
            value = data.get(key)
            if value is not None and not isinstance(value, kind):
                message = f"`{key}` is {words}, this is {_shown(value)}"
                self.problems.error("GS103", message, self.value(*path, key))
                fine = False
        return fine

    def fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in data.items() if key not in COMMON}

    def known_keys(
        self, data: dict[str, Any], path: Path, allowed: Iterable[str], what: str
    ) -> bool:
        fine = True
        for key in self.fields(data):
            if key not in allowed:
                word = nearest(key, [*allowed, *COMMON])
                help = (
                    f"did you mean `{word}`?"
                    if word
                    else f"it takes: {', '.join(allowed) or 'no settings'}"
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
        for at, dim in enumerate(dims if isinstance(dims, list) else ()):
            if isinstance(dim, dict | list | None):
                message = f"an axis is an integer or an expression, this is {_shown(dim)}"
                self.problems.error("GS103", message, self.value(*path, "shape", at))
                return None
        if not isinstance(dims, list):
            self.problems.error(
                "GS103",
                f"`shape` is a list of sizes, this is {_shown(dims)}",
                self.value(*path, "shape"),
                help="shape: [1, dim]",
            )
            return None
        return tuple(self.expression(dim, (*path, "shape", i)) for i, dim in enumerate(dims))

    def parameter(
        self, data: dict[str, Any], path: Path, common: dict[str, Any]
    ) -> Declaration | None:
        self.known_keys(data, path, ("shape", "value"), "a parameter")
        for key, example in (("shape", "shape: [dim]"), ("init", "init: zeros")):
            if key not in data and not (key == "init" and "value" in data):
                self.problems.error(
                    "GS102",
                    f"parameter `{common['name']}` needs `{key}`",
                    self.key(*path),
                    help=f"add `{example}`",
                )
                return None
        shape = self.shape(data, path)
        if "value" in data:
            return self.known_parameter(data, path, common, shape)
        init = self.init(data["init"], (*path, "init"))
        if init is not None and init.scheme == "default":
            message = "a parameter has no default to start from"
            self.problems.error("GS306", message, self.value(*path, "init"), help="init: zeros")
            return None
        return (
            None
            if shape is None or init is None
            else ParameterDecl(**common, shape=shape, init=init, value=None)
        )

    def known_parameter(
        self,
        data: dict[str, Any],
        path: Path,
        common: dict[str, Any],
        shape: tuple[Expression, ...] | None,
    ) -> Declaration | None:
        """A parameter that starts at a value which is worked out, as a table of sinusoids does."""
        if "init" in data:
            message = f"`{common['name']}` has both a `value` and an `init`"
            self.problems.error("GS306", message, self.key(*path, "init"), help="keep one of them")
        value = self.expression(data["value"], (*path, "value"))
        if shape is None:
            return None
        return ParameterDecl(**common, shape=shape, init=Init("default"), value=value)

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
                "GS103",
                f"`dtype` is one of {', '.join(DTYPES)}, this is {_shown(dtype)}",
                self.value(*path, "dtype"),
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
                    "GS103",
                    f"a layer is a mapping, this is {_shown(item)}",
                    self.value(*at),
                    help=f"{{type: {item}}}" if item in LAYERS else "{type: silu}",
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
                    "GS103",
                    f"`{name}` of `{kind}` is one value, this is {_shown(value)}",
                    self.value(*path, name),
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
                "`init` stands on layers and parameters; a block has rules of its own",
                self.key(*path, "init"),
                f"write rules in `{escape(kind)}`, e.g. `init: {{linear: zeros}}`",
            )
        args: dict[str, Expression | tuple[Expression, ...]] = {}
        for name, value in self.fields(data).items():
            if isinstance(value, list):
                args[name] = tuple(
                    self.expression(item, (*path, name, i)) for i, item in enumerate(value)
                )
            elif isinstance(value, dict | None):
                self.problems.error(
                    "GS103",
                    f"`{escape(name)}` is one value or a list, this is {_shown(value)}",
                    self.value(*path, name),
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
            for key in inner:
                if key not in ("doc", "times"):
                    message = f"`{escape(key)}` stands beside a `pattern`"
                    help = "put it into the items of the pattern"
                    self.problems.error("GS101", message, self.key(*path, key), help)
            if not data["pattern"]:
                help = "pattern: [{type: silu}, {type: gelu}]"
                self.problems.error("GS102", "the pattern is empty", self.key(*path), help)
            for place, item in enumerate(data["pattern"] or ()):
                if not isinstance(item, dict):
                    message = f"a part of a pattern is a mapping, this is {_shown(item)}"
                    span = self.value(*path, "pattern", place)
                    self.problems.error("GS103", message, span, "{type: silu}")
                    continue
                times = item.get("times", 1)
                at = (*path, "pattern", place)
                if isinstance(times, bool) or not isinstance(times, int) or times < 1:
                    message = f"`times` is a positive integer, this is {_shown(times)}"
                    self.problems.error("GS103", message, self.value(*at, "times"))
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
            at=self.below(path),
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
        known = SCHEMES.get(scheme) if isinstance(scheme, str) else None
        if isinstance(scheme, str) and known == len(args) and numeric:
            return Init(scheme, tuple(float(a) for a in args))
        if isinstance(scheme, str) and scheme in SCHEMES:
            wanted = ("no number", "one number", "a list of two numbers")[SCHEMES[scheme]]
            message = f"`{scheme}` takes {wanted}"
            help = ("init: zeros", "{normal: 0.02}", "{uniform: [-1, 1]}")[SCHEMES[scheme]]
        else:
            message = "this is not an initialisation scheme"
            word = nearest(str(scheme), list(SCHEMES)) if isinstance(scheme, str) else None
            help = "e.g. `zeros`, `xavier_uniform`, `{normal: 0.02}`, `{uniform: [-1, 1]}`"
            help = f"did you mean `{word}`?" if word else help
        self.problems.error("GS306", message, self.value(*path), help)
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


def check_types(library: Mapping[str, Definition], problems: Diagnostics) -> None:
    """Every `type` is known, once all files are read."""
    blocks = [name for name, definition in library.items() if definition.kind == "block"]
    waiting: list[Any] = [list(definition.components) for definition in library.values()]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, list | tuple):
            waiting = [*part, *waiting]
        elif isinstance(part, SequenceDecl | StackDecl):
            waiting = [*part.items, *waiting]
        elif isinstance(part, BlockDecl) and part.type not in blocks:
            word = nearest(part.type, [*LAYERS, *blocks, "parameter", "buffer", "sequential"])
            help = f"did you mean `{word}`?" if word else "name its library under `use:`"
            if part.type in FUNCTIONS:
                help = f"call it in `forward`: `{part.type}(...)`"
            message = f"`{escape(part.type)}` is no op and no block that this spec knows"
            problems.error("GS301", message, part.at("type", key=False), help)


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
    """A name like this one that is allowed."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lstrip("_0123456789")
    plain = plain[:60].rstrip("_")
    plain = "part" if len(plain) < 2 or not name.isascii() else plain
    taken = keyword.iskeyword(plain) or keyword.issoftkeyword(plain)
    return f"{plain}_" if taken or plain in MODULE_ATTRIBUTES | RESERVED else plain


def _class(name: str) -> str:
    """A class name like this one that is allowed."""
    words = re.findall(r"[A-Za-z0-9]+", name.lstrip("_0123456789"))
    return "".join(word[0].upper() + word[1:] for word in words)[:64] or "MyModel"


def _shown(value: Any) -> str:
    """A value of YAML in a message."""
    if isinstance(value, dict | list | None):
        return (
            "a mapping" if isinstance(value, dict) else "a list" if value is not None else "empty"
        )
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text[:40]}...`" if len(text) > 40 else f"`{text}`"


def _and(words: list[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
