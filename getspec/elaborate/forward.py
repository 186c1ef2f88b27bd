"""The dataflow of a definition: what it does is up to `dataflow`, what it promises is held to here.

`outputs` names what forward returns. A length that only the data decides has no name of its own, and takes the one that the
promise gives it.
"""

from __future__ import annotations

from getspec import ir
from getspec.dataflow import Routines, check
from getspec.declare import BufferDecl, Declaration, Definition
from getspec.elaborate.tensors import declared_tensor
from getspec.errors import Diagnostics, Note
from getspec.evaluate import Scope
from getspec.ops.base import Tensor
from getspec.record import replaced
from getspec.sizes import Size
from getspec.unify import substituted

__all__ = ["checked_forward"]


def checked_forward(
    definition: Definition,
    scope: Scope,
    inputs: tuple[ir.Input, ...],
    routines: Routines,
    problems: Diagnostics,
) -> tuple[ir.Forward | None, list[Declaration]]:
    """The typed dataflow, and the components that it leaves alone or needs for nothing."""
    if definition.body is None:
        return None, []
    names = tuple(declared.name for declared in definition.outputs)
    forward, used, idle = check(
        definition.body, scope.nested(), inputs, routines, problems, names=names
    )
    if forward is not None:
        forward = _promised(definition, scope, forward, problems)
        _warn_unused(_unused(definition, used), problems)
    return forward, _unused(definition, used - idle)


def _unused(definition: Definition, used: set[str]) -> list[Declaration]:
    """Components that forward does not use; a buffer may be kept for the checkpoint's sake."""
    return [
        declared
        for declared in definition.components
        if declared.name not in used and not isinstance(declared, BufferDecl)
    ]


def _warn_unused(unused: list[Declaration], problems: Diagnostics) -> None:
    for declared in unused:
        if declared.when is None and declared.doc is None:
            message = f"component `{declared.name}` is not used in forward"
            help = "use it, remove it, or say why in its `doc`"
            problems.warning("GS406", message, declared.span, help)


# Outputs


def _promised(
    definition: Definition, scope: Scope, forward: ir.Forward, problems: Diagnostics
) -> ir.Forward:
    """The dataflow with the result that `outputs` promises."""
    if not definition.outputs:
        return forward
    several = isinstance(forward.result, tuple)
    found = forward.result if several else (forward.result,)
    if len(found) != len(definition.outputs):
        message = f"forward returns {len(found)} values, outputs names {len(definition.outputs)}"
        span = definition.outputs[-1].span
        problems.error("GS421", message, span, None, _returned(definition))
        return forward
    known = _input_sizes(forward)
    names: dict[str, Size] = {}
    promised, written = [], []
    for declared, actual in zip(definition.outputs, found, strict=True):
        wanted, axes = declared_tensor(declared, scope)
        names.update(_named(wanted, actual, known))
        if substituted(actual, names) != wanted:
            message = f"`{declared.name}` is declared {wanted}, forward returns {actual}"
            problems.error("GS421", message, declared.span, None, _returned(definition))
        promised.append(wanted)
        written.append(axes)
    result = tuple(promised) if several else promised[0]
    return replaced(forward, result=result, promised=tuple(written))


def _input_sizes(forward: ir.Forward) -> set[str]:
    tensors = [tensor for declared in forward.inputs for tensor in declared.tensors]
    return {symbol for t in tensors for length in t.shape for symbol in length.value.symbols()}


def _named(wanted: Tensor, actual: Tensor, known: set[str]) -> dict[str, Size]:
    """What the promise calls a length that only the data decides."""
    names: dict[str, Size] = {}
    for want, have in zip(wanted.shape, actual.shape, strict=False):
        fresh = have.value.symbols() - known
        if len(want.value.symbols() - known) == len(fresh) == 1:
            names[next(iter(fresh))] = want
    return names


def _returned(definition: Definition) -> list[Note]:
    """Where forward returns."""
    assert definition.body is not None
    last = definition.body.statements[-1]
    return [("it is returned here", definition.body.text.span(last.at))]
