"""Stacks of components, and the loops over them that people write."""

from __future__ import annotations

from typing import Any

from drawing import Body, known, sizes

from strategies.parts import same_width

__all__ = ["stack"]


def stack(body: Body) -> None:
    """A repeated component and a loop over it, in one of the ways that people write."""
    x = body.stream
    if known(x.type, -1) is None:
        return
    body.source.pick(
        (plain_loop, counted_loop, paired_loop, picked, skips, pattern, pattern, widths, rounds)
    )(body)


def repeated(body: Body, count: Any, *, index: str | None = None) -> str:
    """A stack of components that return what they take."""
    declared = same_width(body, body.stream.type)
    if index:
        declared = numbered(body, declared, index)
    declared |= {"repeat": count} | ({"index": index} if index else {})
    if body.source.rarely():
        declared["trainable"] = False
    return body.component(declared)


def numbered(body: Body, declared: dict[str, Any], index: str) -> dict[str, Any]:
    """Let some field depend on the position."""
    settings = {c.name: c.settings for c in body.library.block_contracts}
    for setting in settings.get(declared["type"], ()):
        varied = {
            "width": f"{index} + 1",
            "flag": body.source.pick((f"{index} == 0", f"{index} % 2 == 0", f"{index} > 0")),
            "rate": f"0.1 * {index} / {f'({index} + 1)' if body.source.flip() else 8}",
        }
        if setting.use in varied and body.source.flip():
            declared[setting.name] = varied[setting.use]
    if declared["type"] in ("linear", "layer_norm") and body.source.flip():
        declared["bias"] = f"{index} != 1"
    return declared


def plain_loop(body: Body) -> None:
    index = body.name(("i", "j", "layer_index")) if body.source.flip() else None
    parts = repeated(body, body.count(), index=index)
    item = body.name(("block", "layer", "item"))
    over = f"reversed({parts})" if body.source.rarely() else parts
    body.line(f"for {item} in {over}:")
    residual = f"{body.stream.text} + " if body.source.flip() else ""
    body.line(f"  {body.stream.text} = {residual}{item}({body.ref(body.stream)})")


def counted_loop(body: Body) -> None:
    """`range` or `enumerate`, with a choice made at compile time inside."""
    parts = repeated(body, count := body.source.integer(1, 3))
    at, item, x = body.name(("i", "step")), body.name(("block", "layer")), body.ref(body.stream)
    if body.source.flip():
        body.line(f"for {at}, {item} in enumerate({parts}):")
        body.line(f"  {x} = {item}({x}) * ({at} + 1)")
    else:
        body.line(f"for {at} in range({body.spell(count)}):")
        body.line(f"  {x} = {parts}[{at}]({x})")
    if body.source.flip():
        body.line(f"  if {at} % 2 == 0:")
        body.line(f"    {x} = {x} * 0.5")


def paired_loop(body: Body) -> None:
    count = body.count()
    pair = [repeated(body, count), repeated(body, count)]
    a, b = body.name(("left", "block")), body.name(("right", "layer"))
    x = body.ref(body.stream)
    body.line(f"for {a}, {b} in zip({pair[0]}, {pair[1]}):")
    body.line(f"  {x} = {a}({x}) + {b}({x})")


def rounds(body: Body) -> None:
    """A loop in a loop: the same components several times."""
    parts = repeated(body, body.count())
    at, item, x = body.name(("i", "step")), body.name(("block", "layer")), body.ref(body.stream)
    body.line(f"for {at} in range({body.source.pick((2, '1, 3', '3, 0, -1'))}):")
    body.line(f"  for {item} in {parts}:")
    body.line(f"    {x} = {item}({x}) + {at}")


def picked(body: Body) -> None:
    """Items of a stack by their place."""
    parts = repeated(body, body.source.integer(1, 3))
    x = body.ref(body.stream)
    body.named(f"{parts}[{body.source.pick((0, -1))}]({x})", body.stream.type)
    item = body.name(("block", "layer"))
    body.line(f"for {item} in {parts}:")
    body.line(f"  {x} = {item}({x})")


def skips(body: Body) -> None:
    """What the way down leaves in a list, the way up takes from it."""
    count = body.count()
    down, up = repeated(body, count), repeated(body, count)
    kept, item, x = body.name(("skips", "kept")), body.name(("block",)), body.ref(body.stream)
    body.line(f"{kept} = []")
    body.line(f"for {item} in {down}:")
    body.line(f"  {x} = {item}({x})")
    body.line(f"  {kept}.append({x})")
    body.line(f"for {item} in {up}:")
    body.line(f"  {x} = {item}({x} + {kept}.pop())")


def pattern(body: Body) -> None:
    """A stack that cycles through several components."""
    items = [same_width(body, body.stream.type) for _ in range(body.source.integer(1, 3))]
    for item in items:
        if body.source.rarely():
            item["times"] = 2
    declared: dict[str, Any] = {"pattern": items}
    if body.source.flip():
        declared["repeat"] = body.source.integer(0, 6) if body.source.flip() else body.count()
    name, item = body.component(declared), body.name(("block", "layer"))
    x = body.ref(body.stream)
    body.line(f"for {item} in {name}:")
    body.line(f"  {x} = {item}({x})")


def widths(body: Body) -> None:
    """Layers whose widths come from a list."""
    lists = [s for s in body.of_use("shape") if s.kind == "ints" and len(s.value) > 1]
    if not lists:
        return plain_loop(body)
    chosen = body.source.pick(lists)
    index, count = body.name(("i", "level")), len(chosen.value) - 1
    declared = {
        "type": "linear",
        "repeat": f"len({chosen.name}) - 1" if body.source.flip() else count,
        "index": index,
        "in_features": f"{chosen.name}[{index}]",
        "out_features": f"{chosen.name}[{index} + 1]",
    }
    first, last = (
        body.stream.type.shape[:-1] + sizes(n) for n in (chosen.value[0], chosen.value[-1])
    )
    entry = {"type": "linear", "in_features": body.spell(int(body.stream.type.shape[-1]))}
    entry["out_features"] = f"{chosen.name}[0]"
    start = f"{body.component(entry)}({body.ref(body.stream)})"
    value = body.named(start, body.stream.type.with_shape(first))
    name, item = body.component(declared), body.name(("block", "layer"))
    body.line(f"for {item} in {name}:")
    body.line(f"  {value.text} = {item}({body.ref(value)})")
    value.type, value.used = value.type.with_shape(last), False
    return None
