"""Patterns over named axes: the notation of einops (https://openreview.net/forum?id=oapKSVM2bcj) in its small core."""

from __future__ import annotations

from getspec.ops.base import ShapeError

__all__ = ["einsum_pattern", "rearrange_pattern"]

Group = tuple[str, ...]


def rearrange_pattern(pattern: str) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """`'b n (h k) -> b h n k'` as groups of axis names, left and right."""
    left, right = _sides(pattern)
    before, after = _groups(left), _groups(right)
    names_before = [axis for group in before for axis in group]
    names_after = [axis for group in after for axis in group]
    for names in (names_before, names_after):
        if len(set(names)) != len(names):
            raise ShapeError(
                f"an axis is named twice in one side of '{pattern}'", argument="pattern"
            )
    if set(names_before) != set(names_after):
        odd = ", ".join(sorted(set(names_before) ^ set(names_after)))
        raise ShapeError(f"axes {odd} stand on one side of '{pattern}' only", argument="pattern")
    return before, after


def einsum_pattern(pattern: str) -> tuple[tuple[Group, ...], Group]:
    """`'b i d, b j d -> b i j'` as axis names of each input and of the output."""
    left, right = _sides(pattern)
    inputs = tuple(tuple(part.split()) for part in left.split(","))
    output = tuple(right.split())
    known = {axis for axes in inputs for axis in axes}
    for axis in (*known, *output):
        if not axis.isidentifier():
            raise ShapeError(f"'{axis}' is not an axis name", argument="pattern")
    missing = [axis for axis in output if axis not in known]
    if missing:
        raise ShapeError(
            f"output axis '{missing[0]}' is in no input of '{pattern}'", argument="pattern"
        )
    if len(set(output)) != len(output) or any(len(set(axes)) != len(axes) for axes in inputs):
        raise ShapeError(f"an axis is named twice in one tensor of '{pattern}'", argument="pattern")
    if len(known) > 52:
        raise ShapeError("einsum has at most 52 axes", argument="pattern")
    return inputs, output


def _sides(pattern: str) -> tuple[str, str]:
    parts = pattern.split("->")
    if len(parts) != 2:
        raise ShapeError(
            f"'{pattern}' needs one `->`", help="'b n (h k) -> b h n k'", argument="pattern"
        )
    return parts[0], parts[1]


def _groups(side: str) -> tuple[Group, ...]:
    groups: list[Group] = []
    inside: list[str] | None = None
    for token in side.replace("(", " ( ").replace(")", " ) ").split():
        if token == "(" and inside is None:
            inside = []
        elif token == ")" and inside is not None:
            groups.append(tuple(inside))
            inside = None
        elif not token.isidentifier():
            raise ShapeError(f"'{token}' is not an axis name", argument="pattern")
        elif inside is None:
            groups.append((token,))
        else:
            inside.append(token)
    if inside is not None:
        raise ShapeError("a parenthesis is not closed", argument="pattern")
    return tuple(groups)
