"""Blocks and functions, called once."""

from __future__ import annotations

from typing import Any

from drawing import Body, Contract, Term, Value, known

from getspec.sizes import Size
from getspec.unify import substituted
from strategies.contracts import arguments, bound, ends, fitting
from strategies.functions import FUNCTION_RECIPES
from strategies.parts import call_sequential

__all__ = ["call_block", "call_routine"]


def call_block(body: Body) -> None:
    contracts = body.library.block_contracts
    if not contracts:
        return call_sequential(body)
    contract = body.source.pick(contracts)
    values = fitting(body, contract) or operands(body, contract)
    if values is None:
        return call_sequential(body)
    declared = {"type": contract.name, **arguments(body, contract)}
    if body.source.rarely():
        declared["trainable"] = False
    name = body.component(declared)
    result(body, contract, name, values, [])
    return None


def operands(body: Body, contract: Contract) -> list[Value] | None:
    """What a block takes, made from the stream: projected to its width, averaged, or counted."""
    x, width = body.stream, ends(contract)
    if known(x.type, -1) is None or width is None:
        return None
    entry = {
        "type": "linear",
        "in_features": body.spell(int(x.type.shape[-1])),
        "out_features": width,
    }
    text = f"{body.component(entry)}({body.ref(x)})"
    first = body.named(text, x.type.with_shape((*x.type.shape[:-1], Size.of(width))))
    made = []
    for _, wanted, _ in contract.inputs:
        if wanted.dtype == "int":
            lengths = body.lengths(first.type)[:2]
            made.append(body.call("zeros", lengths, dtype=Term("int", "int"), below=1))
        else:
            made.append(first if wanted.rank == 3 else body.call("mean", first, 1))
    return made if bound(body, contract, made) is not None else None


def call_routine(body: Body) -> None:
    contracts = body.library.function_contracts
    contract = body.source.pick(contracts) if contracts else None
    values = contract and fitting(body, contract)
    if not values:
        return FUNCTION_RECIPES["multiply"](body)
    given = arguments(body, contract)
    settings = [f"{name}={_quoted(body, value)}" for name, value in given.items()]
    result(body, contract, contract.name, values, settings)
    return None


def _quoted(body: Body, value: Any) -> str:
    """A setting's value within `forward`, where words need quotes."""
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return f'"{value}"' if value in ("none", "tanh") else str(value)


def result(
    body: Body, contract: Contract, callee: str, values: list[Value], settings: list[str]
) -> None:
    found = bound(body, contract, values)
    assert found is not None
    texts = [body.ref(value) for value in values]
    if body.source.rarely():
        texts[-1] = f"{contract.inputs[-1][0]}={texts[-1]}"
    text = f"{callee}({', '.join([*texts, *settings])})"
    types = substituted(contract.results, found)
    body.unpacked(text, types) if len(types) > 1 else body.named(text, types[0])
