"""What a caller needs of a block or a function: values for its settings, and tensors that it takes."""

from __future__ import annotations

from typing import Any

from drawing import Body, Contract, Value, known

from getspec.ir import Input
from getspec.ops import ShapeError, Tensor
from getspec.sizes import Size
from getspec.unify import bind

__all__ = ["arguments", "bound", "ends", "fitting", "simple"]


def simple(contract: Contract) -> bool:
    """One input and one result, alike."""
    return len(contract.inputs) == 1 and contract.results == (contract.inputs[0][1],)


def ends(contract: Contract) -> int | None:
    return known(contract.inputs[0][1], -1)


def arguments(body: Body, contract: Contract) -> dict[str, Any]:
    """Values for a block's settings: of the same meaning where shapes rest on them, any where not."""
    given: dict[str, Any] = {}
    for setting in contract.settings:
        if setting.name in contract.defaults and body.source.flip():
            continue
        match setting.use:
            case "width":
                given[setting.name] = body.width()
            case "count":
                given[setting.name] = body.count()
            case "flag":
                given[setting.name] = body.flag()
            case "rate":
                given[setting.name] = body.rate()
            case "word":
                given[setting.name] = body.word()
            case "shares":
                given[setting.name] = [0.5] * body.source.integer(1, 3)
            case _ if setting.kind == "ints":
                given[setting.name] = [body.spell(item) for item in setting.value]
            case _:
                given[setting.name] = body.spell(setting.value)
    return given


def fitting(body: Body, contract: Contract) -> list[Value] | None:
    """Values of this body that a block or function takes, one for each input."""
    chosen: list[Value] = []
    for place, (_, wanted, below) in enumerate(contract.inputs):
        options = [v for v in body.values if _could_be(v, wanted, below)]
        while options:
            value = options.pop(body.source.integer(0, len(options) - 1))
            if bound(body, contract, [*chosen, value]) is not None:
                chosen.append(value)
                break
        if len(chosen) == place:
            return None
    return chosen


def _could_be(value: Value, wanted: Tensor, below: int | None) -> bool:
    within = below is None or (value.below is not None and value.below <= below)
    return value.type.dtype == wanted.dtype and value.type.rank == wanted.rank and within


def bound(body: Body, contract: Contract, values: list[Value]) -> dict[str, Size] | None:
    """What the contract's run-time names are here, or None where the values do not fit."""
    given = contract.inputs[: len(values)]
    declared = tuple(Input(name, type) for name, type, _ in given)
    actual = {name: v.type for (name, _, _), v in zip(given, values, strict=True)}
    try:
        found = bind(declared, actual, "it")
    except ShapeError:
        return None
    if any(not length.value.symbols() <= set(body.least) for length in found.values()):
        return None
    enough = all(
        body.shortest(found[name]) >= least
        for name, least in contract.least.items()
        if name in found
    )
    return found if enough else None
