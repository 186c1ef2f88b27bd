"""`sweep` and `solve`: many configurations of a spec by its closed forms, and those nearest to a size.

An axis whose value decides structure has a closed form for each of its values; all other axes share one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

from getspec.errors import SpecError, UsageError, meant
from getspec.passes.formula import Formula, formula, values_of
from getspec.passes.sweep import Axis, Sweep, prepared
from getspec.syntax import Node, names

if TYPE_CHECKING:
    from getspec.api import Spec
    from getspec.terminal import Progress

__all__ = ["Search", "around", "followed", "nearest_to"]

MAX_CONFIGURATIONS = 20_000_000
REACH = 8
"""How far from its present value a name is varied where no range is given: from 1/8 of it to 8 times."""


class Search:
    """The configurations of some axes. After `rows` is through, `sweeps` say what was skipped."""

    def __init__(
        self, spec: Spec, axes: Sequence[Axis], shape: Mapping[str, int], where: Node | None = None
    ) -> None:
        known = list(values_of(spec.config))
        for each in axes:
            if each.name not in known:
                help = meant(each.name, known, f"it has: {', '.join(known)}")
                raise UsageError(f"{spec.name} has no config `{each.name}`", help)
        repeated = [a.name for a in axes if sum(b.name == a.name for b in axes) > 1]
        if repeated:
            raise UsageError(f"`{repeated[0]}` is given twice")
        self.spec, self.shape, self.where = spec, shape, where
        self.quantities = _quantities(spec, shape, where)
        fixed = {n for found in self.formulas(spec).values() for n in found.fixed}
        self.outer = [each for each in axes if each.name in fixed]
        self.inner = [each for each in axes if each.name not in fixed]
        self.columns = (*(a.name for a in (*self.outer, *self.inner)), *self.quantities)
        self.sweeps: list[Sweep] = []
        self.refused = 0

    @property
    def size(self) -> int:
        return math.prod(len(each.values) for each in (*self.outer, *self.inner))

    def formulas(self, spec: Spec) -> dict[str, Formula]:
        """What is shown; the first of them also has the limits of what `forward` calls."""
        found = {of: formula(spec.model, ".", of) for of in self.quantities}
        if spec.model.root.forward is not None and "flops" not in found:
            called = formula(spec.model, ".", "flops")
            if called.fixed.keys() <= found["params"].fixed.keys():
                limits = (*found["params"].limits, *called.limits)
                found["params"] = replace(found["params"], limits=tuple(dict.fromkeys(limits)))
        return found

    def rows(self) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
        """How many configurations were tried, and the rows that are wanted of them, part by part."""
        inside = math.prod(len(each.values) for each in self.inner)
        for chosen in itertools.product(*(each.values for each in self.outer)):
            spec = self.at(dict(zip((a.name for a in self.outer), chosen, strict=True)))
            if spec is None:
                self.refused += inside
                yield inside, []
                continue
            values = {**values_of(spec.config), **self.shape}
            axes = self.inner or [Axis("_", (0,))]
            sweep = prepared(axes, self.formulas(spec), values, self.where)
            self.sweeps.append(sweep)
            part = inside // len(axes[0].values)
            for found in sweep.run():
                yield part, [(*chosen, *(row if self.inner else row[1:])) for row in found]

    def at(self, chosen: Mapping[str, Any]) -> Spec | None:
        """The spec at values that decide structure; None where it is not legal."""
        from getspec.api import load

        if not chosen:
            return self.spec
        settings = {**self.spec.settings}
        for name, value in chosen.items():
            if "[" in name:
                raise UsageError(
                    f"`{name}` decides structure", f"set the whole list in {self.spec.path}"
                )
            settings[name] = value
        try:
            return load(self.spec.path, settings)
        except SpecError:
            return None


def followed(search: Search, progress: Progress | None) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a search, part by part, while a line says how far it is."""
    done = 0
    for tried, found in search.rows():
        yield found
        done += tried
        if progress is not None:
            rate = done / max(progress.seconds, 1e-9)
            share = 100 * done / search.size
            progress.show(f"{share:3.0f} %  {done:,} of {search.size:,}  {rate:,.0f} a second")


def _quantities(spec: Spec, shape: Mapping[str, int], where: Node | None) -> tuple[str, ...]:
    """What there is to show: parameters, FLOPs where the run-time sizes are known, keys and values where asked for."""
    asked = names(where)
    found = ["params"]
    if spec.model.root.forward is not None:
        open_names = {n for n in formula(spec.model, ".", "flops").symbols() if n[0].isupper()}
        if open_names <= shape.keys() or "flops" in asked:
            found.append("flops")
        if "kv" in asked:
            found.append("kv")
    return tuple(found)


def nearest_to(
    search: Search, of: str, target: int, number: int, progress: Progress | None = None
) -> list[tuple[Any, ...]]:
    """The configurations whose quantity is nearest to a target, nearest first."""
    if search.size > MAX_CONFIGURATIONS:
        raise UsageError(
            f"{search.size:,} configurations are too many to try",
            "give ranges: --vary embed_dim=256:4096:64,num_layers=4:48",
        )
    at = search.columns.index(of)
    found = (row for part in followed(search, progress) for row in part)
    return nsmallest(number, found, key=lambda row: (abs(row[at] - target), row))


def around(spec: Spec, name: str, multiple: int) -> Axis:
    """The multiples of a step around a name's present value."""
    value = values_of(spec.config).get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        known = [n for n, v in values_of(spec.config).items() if type(v) is int]
        help = meant(name, known, f"integers of it: {', '.join(known)}")
        raise UsageError(f"{spec.name} has no integer `{name}` to vary", help)
    first = max(value // REACH // multiple, 1) * multiple
    last = max(value * REACH // multiple, 1) * multiple
    return Axis(name, range(first, last + 1, multiple))
