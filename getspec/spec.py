"""What a user may write: the shape of a spec file, as pydantic models.

The models hold what every spec has in common. What a component takes beyond `type` is owned by its op or block, so those
keys pass through here and are checked against the op's fields or the block's `params` (`declare`); one pydantic model per
op was refused because building them costs more than the rest of a `count`.

Field descriptions are the user's documentation: `getspec schema` prints them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from getspec.errors import MAX_NOTES, Diagnostic, Diagnostics, Fix, nearest
from getspec.scalars import TRUE_OR_FALSE

if TYPE_CHECKING:
    from getspec.source import Document

__all__ = [
    "Block",
    "Claim",
    "Component",
    "File",
    "Function",
    "Input",
    "Output",
    "validate",
    "validated",
]


def _expression(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a number, a word or an expression is expected, this is {_kind(value)}")


def _setting(value: object) -> object:
    if (
        isinstance(value, list)
        and value
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    ):
        return value
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"a number, a word, true, false or a list of numbers is expected, this is {_kind(value)}"
    )


def _typed(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


def _kind(value: object) -> str:
    words = {dict: "a mapping", list: "a list", type(None): "empty", str: "a word"}
    return words.get(type(value), str(value).lower())


_SCALAR = ["integer", "number", "boolean", "string"]
Expr = Annotated[Any, PlainValidator(_expression), WithJsonSchema({"type": _SCALAR})]
Setting = Annotated[
    Any,
    PlainValidator(_setting),
    WithJsonSchema({"anyOf": [{"type": _SCALAR}, {"type": "array", "items": {"type": "number"}}]}),
]


class Section(BaseModel):
    """Settings that every part shares: unknown keys are errors, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


Shape = TypeVar("Shape", bound=Section)


class Output(Section):
    """A tensor that `forward` returns."""

    type: str = Field(description="dtype and axes: `float[B, N, dim]`; capitals are run-time sizes")
    doc: str | None = Field(None, description="what it is")


class Input(Output):
    """A tensor that `forward` takes."""

    below: Expr | None = Field(None, description="for ints: values are in [0, below)")
    selects: Expr | None = Field(None, description="for bools: how many values are True")
    repeat: Expr | None = Field(None, description="make it a list of this many tensors")
    index: str | None = Field(None, description="name of the position in the list, for its axes")


class Component(BaseModel):
    """Something that `forward` can call or read: an op, a block, a parameter, a buffer, a sequence or a stack."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, defer_build=True)

    type: str | None = Field(
        None, description="an op (`linear`), a block's name, `parameter`, `buffer` or `sequential`"
    )
    when: Expr | None = Field(None, description="the component exists only where this is true")
    repeat: Expr | None = Field(
        None, description="make a list of this many, to loop over in `forward`"
    )
    index: str | None = Field(None, description="name of the position 0, 1, ... inside a repeat")
    pattern: list[dict[str, Any]] | None = Field(
        None, description="components that a repeat cycles through"
    )
    trainable: bool = Field(True, description="false freezes every parameter inside")
    init: Any = Field(None, description="a scheme (`zeros`, `{normal: 0.02}`) or one per weight")
    doc: str | None = Field(None, description="what it is for")


class Function(Section):
    """Dataflow without parameters, that several blocks can call."""

    summary: str | None = Field(None, description="one line: the idea in the field's words")
    params: dict[str, Setting] = Field(
        {}, description="settings: a kind (`int`, `float`, `bool`, `str`) or a default"
    )
    let: dict[str, Expr] = Field({}, description="named values worked out from the settings")
    inputs: dict[str, Annotated[Input, BeforeValidator(_typed)]] = Field(
        description="tensors it takes, in order"
    )
    forward: str = Field(description="the dataflow, as a `|` block")


class Block(Section):
    """A reusable component: settings, parts and dataflow."""

    summary: str | None = Field(None, description="one line: the idea in the field's words")
    sources: list[str] = Field([], description="papers or pages that define it")
    params: dict[str, Setting] = Field(
        {}, description="settings: a kind (`int`, `float`, `bool`, `str`) or a default"
    )
    let: dict[str, Expr] = Field({}, description="named values worked out from the settings")
    inputs: dict[str, Annotated[Input, BeforeValidator(_typed)]] = Field(
        {}, description="tensors it takes, in order"
    )
    components: dict[str, Component] = Field(
        {}, description="its parts; the key is attribute and state-dict name"
    )
    init: dict[str, Any] = Field({}, description="schemes by layer type, for everything inside")
    tie: dict[str, str] = Field({}, description="weights that are one: `head.weight: embed.weight`")
    forward: str | None = Field(None, description="the dataflow, as a `|` block")


class Against(Section):
    """The other side of a claim that compares."""

    spec: str = Field(description="the other spec, relative to this one")
    path: str = Field(".", description="what to compare with in it")


class Claim(Section):
    """A published figure, checked at every compile; `7.09M` means whatever rounds to it."""

    path: str = Field(description="a component or tensor, `.` for the model, `*` for every repeat")
    params: int | str | None = Field(
        None, description="its parameters: an integer, or a rounded figure such as 7.09M"
    )
    trainable: int | str | None = Field(None, description="those of them that are trained")
    against: Against | None = Field(None, description="compare with another spec")
    delta: int | str | None = Field(None, description="parameters here minus parameters there")
    percent: float | int | None = Field(None, description="delta as a percentage of the other side")
    source: str = Field(description="where the figure is published")
    note: str | None = Field(None, description="how it is meant")


class Budget(Section):
    """What the model may cost at most; `check` fails where it costs more."""

    params: int | str | None = Field(None, description="parameters: `<= 125M`")
    flops: int | str | None = Field(None, description="FLOPs of a forward pass at `shape`: `<= 2T`")
    kv_per_token: int | str | None = Field(
        None, description="bytes of keys and values for each token in bfloat16: `<= 64KiB`"
    )


class File(Section):
    """A spec (with `model`) or a library of blocks (without)."""

    schema_: str | None = Field(
        None, alias="$schema", description="where editors find the JSON Schema of specs"
    )
    getspec: Literal[1] = Field(description="version of this language")
    model: str | None = Field(None, description="class name of the model")
    summary: str | None = Field(None, description="one line: the model and its ideas")
    sources: list[str] = Field([], description="papers and code it follows")
    config: dict[str, Setting] = Field(
        {}, description="the sizes and choices of the model, with their defaults"
    )
    let: dict[str, Expr] = Field({}, description="named values worked out from the config")
    sizes: dict[str, str] = Field({}, description="what each run-time size means: `B: batch`")
    use: list[str] = Field(
        [], description="libraries of blocks, relative to this file or shipped with getspec"
    )
    inputs: dict[str, Annotated[Input, BeforeValidator(_typed)]] = Field(
        {}, description="tensors `forward` takes, in order"
    )
    outputs: dict[str, Annotated[Output, BeforeValidator(_typed)]] = Field(
        {}, description="names and types of what it returns"
    )
    components: dict[str, Component] = Field(
        {}, description="the parts; the key is attribute and state-dict name"
    )
    init: dict[str, Any] = Field({}, description="schemes by layer type, for everything inside")
    tie: dict[str, str] = Field({}, description="weights that are one: `head.weight: embed.weight`")
    forward: str | None = Field(None, description="the dataflow, as a `|` block")
    blocks: dict[str, Block] = Field({}, description="reusable components")
    functions: dict[str, Function] = Field({}, description="reusable dataflow without parameters")
    expect: list[Claim] = Field([], description="published figures this spec must reproduce")
    budget: Budget | None = Field(None, description="what the model may cost at most")
    shape: dict[str, int] = Field(
        {}, description="run-time sizes at which costs are quoted: `{B: 1, N: 1024}`"
    )
    rename: dict[str, str] = Field(
        {}, description="names in a foreign checkpoint: `blocks.*.mlp.**: layers.*.ffn.**`"
    )
    tiny: dict[str, Setting] = Field(
        {},
        description="a small configuration, and run-time sizes, at which `verify` runs the model",
    )


def validate(document: Document) -> File:
    """The file as models; SpecError with every structural mistake at its place."""
    return validated(File, document)


def validated(model: type[Shape], document: Document) -> Shape:
    """A document as one of the models."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = Diagnostics(_mistakes(document, list(_details(document, error))))
        problems.raise_if_errors()
        raise AssertionError("pydantic refused the file and named no reason") from error


def _details(document: Document, error: ValidationError) -> Iterator[Any]:
    """pydantic's findings, where a value that fits no branch of a union is one."""
    seen = set()
    for detail in error.errors(include_url=False, include_context=False):
        path = tuple(detail["loc"])
        own = detail["type"] in ("missing", "extra_forbidden")
        if not own and path not in document.marks and path[:-1] in document.marks:
            detail["loc"], detail["type"] = path[:-1], "union"
        if (place := (detail["loc"], detail["type"])) not in seen:
            seen.add(place)
            yield detail


def _mistakes(document: Document, details: list[Any]) -> Iterator[Diagnostic]:
    """One diagnostic for each mistake: findings that have one cause are put together."""
    nameless: dict[tuple[Any, ...], Diagnostic] = {}
    strange: dict[object, Any] = {}
    misspelt = {(loc[:-1], _meant(document, loc)) for loc in _extra(details)}
    foreign = {loc[:-1] for loc in _extra(details) if _is_tensor(loc) and not _meant(document, loc)}
    for detail in details:
        path, kind = tuple(detail["loc"]), detail["type"]
        if (at := _nameless_at(document, path)) is not None:
            nameless.setdefault(path[:at], _nameless(document, path[: at + 1]))
        elif path[:-1] in foreign:
            strange.setdefault(path[:-2], []).append(detail)
        elif kind == "missing" and (path[:-1], path[-1]) in misspelt:
            continue  # it is there, with a slip in it
        elif kind == "extra_forbidden" and _meant(document, path) is None:
            same = (
                path[:-1] if path[:1] not in (("blocks",), ("functions",)) else (path[0], path[-1])
            )
            strange.setdefault(same, []).append(detail)
        else:
            yield _diagnostic(document, detail)
    for group in strange.values():
        first, *others = sorted(group, key=lambda each: each["type"] != "extra_forbidden")
        found = _diagnostic(document, first)
        places = [document.span(tuple(each["loc"]), key=True) for each in others]
        keys = [str(each["loc"][-1]) for each in others]
        pairs = dict.fromkeys(zip(keys, places, strict=True))
        notes = tuple((f"nor `{key}`", span) for key, span in pairs)
        yield found._replace(notes=notes[:MAX_NOTES])
    yield from nameless.values()


def _extra(details: list[Any]) -> Iterator[tuple[Any, ...]]:
    for detail in details:
        if detail["type"] == "extra_forbidden":
            yield tuple(detail["loc"])


def _meant(document: Document, path: tuple[str | int, ...]) -> str | None:
    """The key that a misspelt one stands for: rather one that is not there yet."""
    known = _keys_at(path[:-1])
    free = [key for key in known if (*path[:-1], key) not in document.marks]
    return nearest(str(path[-1]), [*free, *known])


def _is_tensor(path: tuple[str | int, ...]) -> bool:
    """Whether a path is that of a key of an input or output."""
    return len(path) > 2 and path[-3] in ("inputs", "outputs")


NAMED: dict[str, type[BaseModel]] = {"blocks": Block, "functions": Function}


def _nameless_at(document: Document, path: tuple[str | int, ...]) -> int | None:
    """Where in a path the keys of a definition or component stand in the place of its name."""
    if len(path) > 1 and path[0] in NAMED and path[1] in NAMED[str(path[0])].model_fields:
        return 1
    for at in range(len(path) - 1):
        if path[at] == "components" and (*path[: at + 1], "type") in document.marks:
            return at + 1  # no component can have this name
    return None


def _nameless(document: Document, path: tuple[str | int, ...]) -> Diagnostic:
    kind = {"blocks": "block", "functions": "function"}.get(str(path[-2]), "component")
    message = f"`{path[-1]}` is a key of a {kind}, and here stands the name of one"
    span = document.span(path, key=True)
    return Diagnostic("GS102", message, span, f"write the {kind}'s name above, and indent this")


def _diagnostic(document: Document, detail: Any) -> Diagnostic:
    path = tuple(detail["loc"])
    kind: str = detail["type"]
    where = ".".join(map(str, path[:-1])) or "the spec"
    if kind == "extra_forbidden":
        word = _meant(document, path)
        help = f"keys here: {', '.join(_keys_at(path[:-1]))}"
        if path[-1] in Block.model_fields and path[:1] == ("functions",):
            help = "a function has no parts; a block, under `blocks`, has"
        help = Fix(f"did you mean `{word}`?", word) if word else help
        return Diagnostic(
            "GS101", f"unknown key `{path[-1]}` in {where}", document.span(path, key=True), help
        )
    if kind == "missing":
        return Diagnostic(
            "GS102",
            f"{where} needs the key `{path[-1]}`",
            document.span(path[:-1], key=True),
            "add `getspec: 1`" if path == ("getspec",) else f"add `{path[-1]}: ...`",
        )
    if path == ("getspec",):
        return Diagnostic(
            "GS106",
            "this version reads `getspec: 1`",
            document.span(path),
            Fix("write `getspec: 1`", "1"),
        )
    place = ".".join(map(str, path))
    given = str(detail["input"])
    word = TRUE_OR_FALSE.get(given) or nearest(given, ("true", "false"))
    word = word if kind == "bool_type" else None
    fix = Fix(f"write `{word}`", word) if word else _EXAMPLES.get(kind)
    if kind == "model_type" and path[-2:-1] in (("components",), ("inputs",), ("outputs",)):
        fix = "{type: linear, ...}" if path[-2] == "components" else "float[B, dim]"
    return Diagnostic("GS103", f"{place}: {_wanted(kind, detail)}", document.span(path), fix)


_EXAMPLES = {
    "dict_type": "write lines of `key: value` below it",
    "list_type": "write a list: `[a, b]`",
    "string_type": "write text; quote a number that is meant as text",
}
_WANTED = {
    "string_type": "a word or text is expected",
    "bool_type": "true or false is expected",
    "int_type": "an integer is expected",
    "dict_type": "a mapping is expected",
    "list_type": "a list is expected",
    "model_type": "a mapping is expected",
    "union": "a number or a figure is expected",
}


def _wanted(kind: str, detail: Any) -> str:
    if kind in ("value_error",):
        return str(detail["msg"]).removeprefix("Value error, ")
    value = detail.get("input")
    this = _kind(value) if isinstance(value, dict | list | None) else _quoted(value)
    return f"{_WANTED.get(kind, detail['msg'])}, this is {this}"


def _quoted(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text[:40]}...`" if len(text) > 40 else f"`{text}`"


def _keys_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys that the models allow at a place."""
    model: Any = File
    names = {"blocks": Block, "functions": Function, "components": Component}
    names |= {"inputs": Input, "outputs": Output, "expect": Claim, "against": Against}
    names |= {"budget": Budget}
    for part in path:
        model = names.get(str(part), model)
    composing = ["extends", "set", "remove"] if model is File else []
    return [
        *(name for name, field in model.model_fields.items() if field.alias is None),
        *composing,
    ]
