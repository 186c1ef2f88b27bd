"""Fitting actual tensors to declared ones: `x: float[B, N, dim]` given `float[B, R + 1, 768]` makes N equal to R + 1.

A declared axis is a polynomial over the definition's own run-time names. One unknown name in it is solved for exactly, which
is how `8*H` promises that an axis divides by 8; anything harder than one linear unknown is refused rather than guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec.ir import Input
from getspec.ops.base import ShapeError, Tensor
from getspec.sizes import Inexact, Poly, Size, constant

__all__ = ["bind", "substituted"]


def bind(inputs: tuple[Input, ...], actual: Mapping[str, Any], owner: str) -> dict[str, Size]:
    """The run-time names of a definition in terms of the caller; ShapeError names both axes."""
    inputs, actual = _listed(inputs, actual, owner)
    bound: dict[str, Size] = {}
    for declared in inputs:
        given = actual[declared.name]
        if declared.tensors[0].dtype != given.dtype:
            raise _mismatch(declared, given, owner, _dtype_help(declared, given))
        if declared.tensors[0].rank != given.rank:
            raise _mismatch(declared, given, owner)
    waiting = [
        (declared, axis, want, have)
        for declared in inputs
        for axis, (want, have) in enumerate(
            zip(declared.tensors[0].shape, actual[declared.name].shape, strict=True)
        )
    ]
    while waiting:
        later = []
        for each in waiting:
            if not _fit(*each[2:], bound, each, actual, owner):
                later.append(each)
        if len(later) == len(waiting):
            declared, axis, want, _ = waiting[0]
            raise ShapeError(
                f"axis {axis} of `{declared.name}` is declared {want.value}, and more than one "
                "name in it is unknown",
                argument=declared.name.partition("[")[0],
            )
        waiting = later
    return bound


def _listed(
    inputs: tuple[Input, ...], actual: Mapping[str, Any], owner: str
) -> tuple[tuple[Input, ...], dict[str, Tensor]]:
    """Lists of tensors as one input for each tensor."""
    flat: list[Input] = []
    given: dict[str, Tensor] = {}
    for declared in inputs:
        value = actual[declared.name]
        many = isinstance(declared.type, tuple)
        if many != isinstance(value, tuple) or (many and len(value) != len(declared.tensors)):
            wanted = f"a list of {len(declared.tensors)} tensors" if many else "one tensor"
            found = f"a list of {len(value)}" if isinstance(value, tuple) else f"{value}"
            message = f"`{declared.name}` of {owner} is {wanted}, this is {found}"
            raise ShapeError(message, argument=declared.name)
        for at, type in enumerate(declared.tensors):
            name = f"{declared.name}[{at}]" if many else declared.name
            flat.append(Input(name, type))
            given[name] = value[at] if many else value
    return tuple(flat), given


def _fit(
    want: Size,
    have: Size,
    bound: dict[str, Size],
    place: tuple[Input, int, Size, Size],
    actual: Mapping[str, Tensor],
    owner: str,
) -> bool:
    """Fit one axis; False when it has to wait for another axis to fix a name."""
    unknown = [name for name in want.value.symbols() if name not in bound]
    if len(unknown) > 1:
        return False
    declared, axis = place[:2]
    if not unknown:
        if substituted(want, bound) != have:
            raise _mismatch(declared, actual[declared.name], owner, axis=axis)
        return True
    name = unknown[0]
    try:
        bound[name] = _solve(want.value, have, name, bound)
    except Inexact:
        raise _mismatch(declared, actual[declared.name], owner, axis=axis) from None
    return True


def _solve(want: Poly, have: Size, name: str, bound: Mapping[str, Size]) -> Size:
    """The value of the one unknown name in `a*name + b == have`."""
    if want.terms == (((name,), 1),):
        return have
    scale, rest = constant(0), constant(0)
    for monomial, coefficient in want.terms:
        term = Poly(((monomial, coefficient),))
        if name not in term.symbols():
            rest = rest + term
        elif monomial.count(name) == 1 and all(isinstance(atom, str) for atom in monomial):
            others = tuple(atom for atom in monomial if atom != name)
            scale = scale + Poly(((others, coefficient),))
        else:
            raise Inexact
    by, known = Size(scale, scale).substitute(bound), Size(rest, rest).substitute(bound)
    return (have - known).exactly(by)


def substituted(value: Any, names: Mapping[str, Size]) -> Any:
    """A value with sizes of another definition put in: tensors and sizes, inside tuples too."""
    if isinstance(value, tuple):
        return tuple(substituted(item, names) for item in value)
    if isinstance(value, Tensor):
        return value.with_shape(length.substitute(names) for length in value.shape)
    return value.substitute(names) if isinstance(value, Size) else value


def _mismatch(
    declared: Input, given: Tensor, owner: str, help: str | None = None, axis: int | None = None
) -> ShapeError:
    where = ""
    if axis is not None:
        where = f": axis {axis} is {given.shape[axis]}, and {owner} wants {declared.tensors[0].shape[axis]}"
    elif declared.tensors[0].rank != given.rank:
        where = f": {given.rank} axes, and {owner} wants {declared.tensors[0].rank}"
    message = f"`{declared.name}` of {owner} is {declared.tensors[0]}, this is {given}{where}"
    return ShapeError(message, argument=declared.name.partition("[")[0], help=help)


def _dtype_help(declared: Input, given: Tensor) -> str | None:
    if declared.tensors[0].dtype == "bool" or given.dtype == "bool":
        return None
    return f"cast({declared.name}, {declared.tensors[0].dtype})"
