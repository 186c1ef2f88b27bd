"""A block as a class, and a function of the spec as a function: what it takes, what it keeps, its docstring and its lines.

A class takes what its text uses and keeps what `forward` reads, so both are known only when everything else is written. The
model's own class takes every setting that did not decide structure, with its value as the default.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from getspec import ir
from getspec.emit.body import Body
from getspec.emit.comments import clean, docstring, listed
from getspec.emit.components import Components
from getspec.emit.hints import argument_type, input_args, returned_type
from getspec.emit.initialise import init_lines
from getspec.emit.layout import fit, fit_def
from getspec.emit.printer import literal
from getspec.emit.scope import Scope
from getspec.emit.variants import ClassText, FunctionText

if TYPE_CHECKING:
    from getspec.emit.classes import Names

__all__ = ["write_class", "write_function"]


def write_function(routine: ir.Routine, names: Names) -> FunctionText:
    scope = Scope(names, routine.name, routine)
    body = Body(scope, routine.forward)
    lines = body.lines()
    needed = scope.needed(body.printer)
    lets = [f"{name} = {scope.plain(name)}" for name in scope.lets if name in needed]
    settings = _settings(scope, needed)
    args = [*input_args(routine.forward), *_setting_args(scope, settings)]
    trains = body.printer.trains
    return FunctionText(
        name=routine.name,
        settings=settings,
        trains=trains,
        args=(*args, "training: bool") if trains else tuple(args),
        result=returned_type(routine.forward),
        body=(*docstring(routine.summary or routine.name, 4), *_laid(lets, 4), *lines),
    )


def write_class(block: ir.Block, names: Names) -> ClassText:
    """The class, which its block's own classes and functions stand before."""
    scope = Scope(names, block.type, block)
    made = _made(block, Components(scope))
    body = Body(scope, block.forward, block)
    forward = body.lines()
    names.values.update(_starting_values(block, body))
    init_weights = init_lines(block, names) if scope.is_root else ()
    needed = scope.needed(scope.inside, body.printer)
    settings = _settings(scope, scope.free if scope.is_root else needed)
    kept = _assignments(scope, needed, body.printer.used)
    init = [*_constants(scope), *kept, *made]
    return ClassText(
        name=block.type,
        settings=settings,
        doc=_doc(block, scope),
        signature=_signature(scope, settings),
        init=(*init, "        self.init_weights()") if scope.is_root else tuple(init),
        forward_signature=_forward_signature(block.forward),
        forward=tuple(forward),
        init_weights=init_weights,
        bare=frozenset(body.bare),
    )


def _made(block: ir.Block, components: Components) -> list[str]:
    """The lines that make its own weights and its components, in the order of the state dict."""
    members = [line for member in block.members for line in components.member(member)]
    return [*(line for weight in block.own for line in components.weight(weight)), *members]


def _starting_values(block: ir.Block, body: Body) -> dict[tuple[int, str], str]:
    return {
        (id(block), weight.name): body.printer.constant(weight.value)
        for weight in block.own
        if weight.value is not None
    }


# What it takes


def _settings(scope: Scope, needed: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in scope.settings if name in needed and name in scope.free)


def _setting_args(scope: Scope, settings: tuple[str, ...]) -> list[str]:
    return [f"{name}: {argument_type(scope.settings[name].value)}" for name in settings]


def _signature(scope: Scope, settings: tuple[str, ...]) -> tuple[str, ...]:
    args = _setting_args(scope, settings)
    if scope.is_root and settings:
        values = [literal(scope.settings[name].value) for name in settings]
        args = ["*", *(f"{arg} = {value}" for arg, value in zip(args, values, strict=True))]
    return tuple(fit_def("__init__", ["self", *args], "None", 4))


def _forward_signature(forward: ir.Forward | None) -> tuple[str, ...]:
    if forward is None:
        return ()
    return tuple(fit_def("forward", ["self", *input_args(forward)], returned_type(forward), 4))


# What it keeps


def _assignments(scope: Scope, needed: set[str], kept: Container[str]) -> list[str]:
    """Named values, and what `forward` reads of the arguments."""
    lines = [f"self.{name} = {name}" for name in _settings(scope, kept)]
    for name in scope.lets:
        if name not in needed or name in scope.fixed:
            continue
        local = name in scope.inside.used or _is_behind(name, scope, needed)
        if local:
            lines.append(f"{name} = {scope.plain(name)}")
        if name in kept:
            lines.append(f"self.{name} = {name if local else scope.plain(name)}")
    return _laid(lines, 8)


def _is_behind(name: str, scope: Scope, needed: set[str]) -> bool:
    """Whether another named value is made from this one."""
    others = [let for let in scope.lets if let in needed and let in scope.free and let != name]
    return any(name in scope.reads(other) for other in others)


def _constants(scope: Scope) -> list[str]:
    """Lists that decided structure, named once for all that picks from them."""
    found = scope.inside.constants or {}
    return _laid([f"{name} = {literal(items)}" for name, items in found.items()], 8)


def _laid(texts: list[str], indent: int) -> list[str]:
    return [line for text in texts for line in fit(text, indent)]


# What it says


def _doc(block: ir.Block, scope: Scope) -> tuple[str, ...]:
    """The summary; for the model, what it takes and gives as well."""
    summary = block.summary or block.type
    if not scope.is_root or block.forward is None:
        return tuple(docstring(summary, 4))
    takes = [item for each in block.forward.inputs for item in _takes(each, scope)]
    lines = [*listed(takes, "", 4), *listed(_gives(block.forward, scope), "-> ", 4)]
    return (f'    """{clean(summary)}', "", *lines, '    """')


def _takes(declared: ir.Input, scope: Scope) -> list[str]:
    """An input and its shape; a list of tensors may be broken between them."""
    if not isinstance(declared.type, tuple):
        return [f"{declared.name} {scope.shape(declared.type)}"]
    items = scope.shapes(declared.type) or [""]
    items[0] = f"{declared.name} [{items[0]}"
    items[-1] += "]"
    return items


def _gives(forward: ir.Forward, scope: Scope) -> list[str]:
    results = forward.result if isinstance(forward.result, tuple) else (forward.result,)
    names = forward.names or [""] * len(results)
    return [f"{n} {scope.shape(r)}".strip() for n, r in zip(names, results, strict=True)]
