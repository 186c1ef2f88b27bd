"""A definition from its settings to its `return`, and blocks and functions made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drawing import Body, Contract, Library, Value, known, spelled

from getspec.ops import Tensor
from getspec.sizes import Size
from strategies.operands import spelled_out
from strategies.statements import statement

__all__ = ["definition", "inputs", "reusable", "section"]


def settle(body: Body) -> None:
    """The settings and named values of a definition."""
    source = body.source
    width = source.pick((4, 6, 4, 1, 8, 3))  # often the same, so that blocks fit each other
    body.setting("shape", width)
    for use, value in (
        ("width", source.integer(1, 8)),
        ("count", source.integer(0, 3)),
        ("flag", source.flip()),
        ("rate", 0.1),
        ("word", "tanh"),
    ):
        if source.flip():
            body.setting(use, value)
    if source.rarely():
        body.setting("shape", [source.integer(1, 6) for _ in range(source.integer(1, 4))])
    if source.rarely():
        body.setting("shares", [source.pick((0.5, 0.25, 2.0)) for _ in range(source.integer(1, 3))])
    if source.flip():
        value = source.integer(1, 8)
        text = body.spell(value)
        body.lets[body.name(("inner_dim", "head_dim", "mid_dim"))] = (text, value, False)
    if body.of_use("width") and source.flip():
        text = body.width()
        body.lets[body.name(("hidden", "expanded"))] = (text, 0, True)


def take(
    body: Body,
    pool: tuple[str, ...],
    dtype: str,
    axes: list[tuple[Any, Size]],
    below: int | None = None,
    doc: str | None = None,
    selects: str | None = None,
) -> Value:
    """One input of the definition."""
    name = body.name(pool)
    type = Tensor(dtype, tuple(length for _, length in axes))
    text = f"{dtype}[{', '.join(str(text) for text, _ in axes)}]"
    declared: Any = text
    if below is not None or doc is not None or selects is not None:
        declared = {"type": text} | ({"below": body.spell(below)} if below else {})
        declared |= {"doc": doc} if doc else {}
        declared |= {"selects": selects} if selects else {}
    body.inputs[name] = declared
    body.signature.append((name, type, below))
    value = Value(name, type, below)
    body.values.append(value)
    return value


def inputs(body: Body) -> None:
    """The tensors a definition takes: a sequence, which it transforms, and perhaps others."""
    source = body.source
    width = next(s.value for s in body.of_use("shape") if s.kind == "int")
    body.least = {"B": 1, "N": 2}
    batch, length = ("B", Size.runtime("B")), ("N", Size.runtime("N"))
    if body.kind == "function":
        body.least["D"] = 1
        last: tuple[Any, Size] = (
            ("D", Size.runtime("D")) if source.flip() else (width, Size.of(width))
        )
    else:
        last = (body.spell(width), Size.of(width))
    if source.rarely() and body.kind == "model":
        double = source.pick((("2 * N", length[1] * 2), ("N + 1", length[1] + 1)))
        body.stream = take(body, ("x", "tokens"), "float", [batch, double, last])
    else:
        body.stream = take(body, ("x", "tokens"), "float", [batch, length, last])
    body.stream.used = True
    if source.rarely():
        take(body, ("c", "cond", "t"), "float", [batch, last])
    if source.rarely():
        take(
            body,
            ("ids", "positions"),
            "int",
            [batch, length],
            below=source.integer(2, 8),
            doc="which",
        )
    if source.rarely() and body.kind == "model":
        masked(body, take(body, ("mask",), "bool", [batch, length], selects="N"))
    elif source.rarely() and body.kind == "model":
        take(body, ("mask",), "bool", [batch, length])
    if source.rarely():
        take(body, ("times", "angles"), source.pick(("float32", "float")), [batch, length])
    if source.rarely() and body.kind == "model":
        body.least |= {"H": 2, "W": 2}
        channels = source.integer(1, 4)
        axes = [batch, (body.spell(channels), Size.of(channels))]
        axes += [
            (f"{2} * {n}", Size.runtime(n) * 2) if source.flip() else (n, Size.runtime(n))
            for n in "HW"
        ]
        take(body, ("image",), "float", axes)
    if source.rarely() and body.kind == "model":
        several(body, batch)


def masked(body: Body, mask: Value) -> None:
    """As many positions as the mask is said to select."""
    x = body.stream
    if x.type.shape[:2] == mask.type.shape:
        type = x.type.with_shape((Size.runtime("N"), *x.type.shape[2:]))
        body.named(f"{body.ref(x)}[{body.ref(mask)}]", type)


def several(body: Body, batch: tuple[Any, Size]) -> None:
    """An input that is a list of tensors."""
    number = body.source.integer(1, 3)
    name, place = body.name(("features", "levels")), body.name(("level",))
    varied = body.source.flip()
    body.inputs[name] = {
        "type": f"float[B, {place} + 1]" if varied else "float[B, 3]",
        "repeat": number,
        "index": place,
    }
    item, x = body.name(("feature", "item")), body.stream.text
    body.line(f"for {item} in {name}:")
    body.line(f"  {x} = {x} + mean({item}, [0, 1])")


def parameters(body: Body) -> tuple[dict[str, Any], frozenset[str]]:
    """`params` of a block or function: some with a default, some with a kind."""
    drawn = {}
    defaults = set()
    for setting in body.settings.values():
        if setting.use != "word" and body.source.flip():
            drawn[setting.name] = setting.kind
        else:
            drawn[setting.name] = setting.value
            defaults.add(setting.name)
    return drawn, frozenset(defaults)


def definition(
    library: Library, kind: str, nesting: int, first: Callable[[Body], None] | None = None
) -> tuple[Body, tuple[Tensor, ...]]:
    """A body with its lines, and what it returns."""
    body = Body(library, kind=kind, nesting=nesting)
    settle(body)
    inputs(body)
    for _ in range(body.source.integer(1, body.source.favoured("lines", (6, 6, 3, 12)))):
        statement(body)
    if first:
        first(body)
    extra = [
        v for v in body.values if spelled_out(body, v.type) and v is not body.stream and not v.used
    ]
    extra = extra[: body.source.integer(0, 2)] if body.source.flip() else []
    for value in extra:
        value.used = True
    body.absorb(every=first is not None)
    results = [body.stream, *extra]
    if body.kind == "model" and body.source.rarely() and known(body.stream.type, -1):
        text = f"{body.stream.text}[{body.stream.text}[:, :, 0] > 0]"
        body.line(f"selected = {text}")
        results.append(
            Value(
                "selected",
                body.stream.type.with_shape((Size.runtime("S"), body.stream.type.shape[-1])),
            )
        )
    if body.kind == "model" and body.source.flip():
        promise(body, results)
    texts = [value.text for value in results]
    body.line("return " + (", ".join(texts) if len(texts) > 1 else f"tanh({texts[0]})"))
    if body.kind != "function" and body.source.flip():
        body.init = body.source.pick(
            (
                {"linear": "xavier_uniform"},
                {
                    "linear": {"weight": {"normal": 0.02}, "bias": "zeros"},
                    "embedding": {"normal": 1.0},
                },
                {"layer_norm": "ones", "linear": {"trunc_normal": 0.02}},
                {"conv1d": "kaiming_normal", "linear": {"bias": {"constant": 0.5}}},
                {"linear": "xavier_normal", "conv2d": "kaiming_uniform", "layer_norm": "default"},
            )
        )
    return body, tuple(value.type for value in results)


def promise(body: Body, results: list[Value]) -> None:
    """Say what is returned, and what its axes mean."""
    for at, value in enumerate(results):
        lengths = [spelled(length.value) for length in value.type.shape]
        body.outputs[f"output{at}"] = f"{value.type.dtype}[{', '.join(lengths)}]"
    body.words["B"] = "batch"


def section(body: Body, **sections: Any) -> dict[str, Any]:
    """The parts of a definition that are not empty."""
    parts = {
        "let": {name: text for name, (text, _, _) in body.lets.items()},
        "sizes": body.words,
        "inputs": body.inputs,
        "outputs": body.outputs,
        "components": body.components,
        "init": body.init,
        "tie": body.ties,
        **sections,
    }
    return {key: value for key, value in parts.items() if value} | {"forward": body.text()}


def reusable(library: Library, kind: str, nesting: int) -> None:
    """One more block or function."""
    body, results = definition(library, kind, nesting)
    stem = library.source.pick(("Block", "Layer", "Unit") if kind == "block" else ("mix", "rotate"))
    number, name = 2, stem
    while name in body.taken or name in library.names:
        name, number = f"{stem}{number}", number + 1
    params, defaults = parameters(body)
    parts = section(body, params=params, summary=f"A {kind} drawn at random.")
    inputs = tuple(body.signature)
    if len(inputs) < len(body.inputs):
        return
    contract = Contract(name, tuple(body.settings.values()), defaults, inputs, results, body.least)
    if kind == "block":
        library.blocks[name] = parts
        library.block_contracts.append(contract)
    else:
        library.functions[name] = parts
        library.function_contracts.append(contract)
