"""What a model costs, as tables: rows are those of the parameter count, so both can be read side by side.

Every figure is exact. Where a run-time size is not given, a figure is the polynomial in it; where all are, an integer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from getspec import ir
from getspec.emit.text import folded, last_name, painted
from getspec.emit.text import table as aligned
from getspec.errors import UsageError
from getspec.ops.base import Tensor
from getspec.passes.cost import COUNTED, Cost, cost
from getspec.passes.count import Count, Row
from getspec.passes.memory import (
    ATTENTIONS,
    OPTIMIZERS,
    PRECISIONS,
    RECOMPUTES,
    Addend,
    Memory,
    memory,
)
from getspec.passes.ratio import Ratio, ratio
from getspec.sizes import Poly, Size, constant

if TYPE_CHECKING:
    from getspec.passes.conventions import Like
    from getspec.terminal import Look

__all__ = ["CostTable", "markdown", "quantity", "table", "text"]

FULL = (
    "FLOPs: 2 per multiply-add, matrix products only, causal attention in full; MACs: half of that"
)
HALF = (
    "FLOPs: 2 per multiply-add, matrix products only, causal attention HALVED; MACs: half of that"
)
KEPT = (
    "kept: bytes that the backward pass needs, each storage once, without parameters and inputs, "
    "before anything is recomputed"
)


@dataclass(frozen=True)
class CostRow:
    """A module: what it returns, holds, does and keeps, with everything below it and all its copies."""

    path: str
    type: str
    repeat: int
    depth: int
    shape: str
    params: int
    forward: Poly
    backward: Poly
    kept: Poly


@dataclass(frozen=True)
class CostTable:
    """The rows of a model, and the whole."""

    model: str
    spec: str
    sizes: Mapping[str, int]
    rows: tuple[CostRow, ...]
    total: CostRow
    memory: Memory
    ratio: Ratio | None
    policy: Mapping[str, str]
    """`dtype`, `optimizer`, `recompute`, `attention` and `causal`, as they were chosen."""
    no_work: tuple[str, ...] = ()
    """Ops of which it is not known what they multiply; with any, work is a lower bound."""
    like: Like | None = None
    """The number of another tool or paper, where it was asked for."""

    @property
    def forward(self) -> Poly:
        return self.total.forward

    @property
    def backward(self) -> Poly:
        return self.total.backward

    @property
    def note(self) -> str:
        return HALF if self.policy["causal"] == "half" else FULL

    def at(self, size: Size) -> Poly:
        """A size at the given run-time sizes."""
        return size.value.substitute(_constants(self.sizes))

    def _repr_html_(self) -> str:
        from getspec.emit import notebook

        return notebook.cost(self)

    def as_json(self) -> dict[str, Any]:
        """Integers where all run-time sizes are given, polynomials in words where not.

        `modules`: per module, copies included: `path`, `type`, `repeat`, `output`, `params`, `forward_flops`,
        `forward_macs`, `backward_flops`, `activation_bytes` (kept for the backward pass); the model's own stand beside
        `params`, and what its `forward` does beside its modules is a row `(forward)`, so that outermost rows add up.
        `lower_bound` is true where an op in `unknown_ops` has no rule for memory or FLOPs.

        `memory`: `policy` (the choices, and `recipes` in words); `training` and `inference`, each with `addends` (`name`,
        `bytes`, `recipe`) and `total_bytes`; `kv_cache_bytes_per_token`, `kv_cache_bytes`, `state_bytes`;
        `kv_uncounted_attentions` have a mask of their own, and whether they look back only is not known.

        `active_params`: those that one token meets. `six_nd`, for models of token sequences: `tokens`, `flops` (6ND),
        `training_flops`, and their difference as `attention_flops` and `other_flops`.

        `like`, where it was asked for: `convention`, `source`, `quantity`, `number`, `ours` for the same quantity (causal
        attention in full), and `why` they differ.
        """
        memory = self.memory
        return {
            "schema_version": 1,
            "model": self.model,
            "spec": self.spec,
            "shape": dict(self.sizes),
            "convention": self.note,
            "params": self.total.params,
            "active_params": memory.active,
            **_figures(self.total),
            "lower_bound": bool(memory.unknown or self.no_work),
            "unknown_ops": sorted({*memory.unknown, *self.no_work}),
            "modules": [
                {
                    "path": row.path,
                    "type": row.type,
                    "repeat": row.repeat,
                    "output": row.shape,
                    "params": row.params,
                    **_figures(row),
                }
                for row in self.rows
            ],
            "memory": {
                "policy": {**self.policy, "recipes": dict(memory.recipes)},
                "training": self._sum(memory.training),
                "inference": self._sum(memory.inference),
                "kv_uncounted_attentions": _number(self.at(memory.masked)),
                "kv_cache_bytes_per_token": _number(self.at(memory.kv_per_token)),
                "kv_cache_bytes": _number(self.at(memory.kept.total("cache"))),
                "state_bytes": _number(self.at(memory.kept.total("state"))),
            },
            "six_nd": self._six_nd(),
            **({} if self.like is None else {"like": self.like.as_json()}),
        }

    def _sum(self, addends: tuple[Addend, ...]) -> dict[str, Any]:
        return {
            "addends": [
                {"name": a.name, "bytes": _number(self.at(a.bytes)), "recipe": a.recipe}
                for a in addends
            ],
            "total_bytes": _number(self.at(_total(addends))),
        }

    def _six_nd(self) -> dict[str, Any] | None:
        if self.ratio is None:
            return None
        named = {
            "tokens": self.ratio.tokens,
            "flops": self.ratio.rule,
            "training_flops": self.ratio.training,
            "attention_flops": self.ratio.attention,
            "other_flops": self.ratio.others,
        }
        return {key: _number(self.at(size)) for key, size in named.items()}


def _figures(row: CostRow) -> dict[str, Any]:
    named = {
        "forward_flops": row.forward,
        "forward_macs": _macs(row.forward),
        "backward_flops": row.backward,
        "activation_bytes": row.kept,
    }
    return {key: _number(poly) for key, poly in named.items()}


def _number(poly: Poly) -> int | str:
    return str(poly) if poly.constant is None else poly.constant


def _macs(flops: Poly) -> Poly:
    return flops.divide_exactly(constant(2))


def _total(addends: tuple[Addend, ...]) -> Size:
    return sum((addend.bytes for addend in addends), Size.of(0))


def _constants(sizes: Mapping[str, int]) -> dict[str, Poly]:
    return {name: constant(number) for name, number in sizes.items()}


def measured(
    model: ir.Model,
    count: Count,
    sizes: Mapping[str, int],
    policy: Mapping[str, str],
    like: str | None = None,
) -> CostTable:
    """The cost of a model at some run-time sizes, under choices that are named by their words."""
    if model.root.forward is None:
        raise UsageError(f"{model.file} has no `forward`, so its work is not known")
    for name, words in CHOICES.items():
        if policy[name] not in words:
            raise UsageError(f"`{name}` is one of: {', '.join(words)}; this is `{policy[name]}`")
    chosen = {name: word for name, word in policy.items() if name != "causal"}
    held = memory(model, sizes=sizes, **chosen)
    done = cost(model, COUNTED[policy["causal"]], sizes)
    compared = ratio(model, done.total, held.active, policy["causal"])
    other = None
    if like is not None:
        from getspec.passes import conventions

        if like not in conventions.CONVENTIONS:
            known = ", ".join(conventions.CONVENTIONS)
            raise UsageError(f"there is no convention `{like}`", f"there are: {known}")
        in_full = cost(model, sizes=sizes).total
        other = conventions.like(model, like, in_full, held.active).at(sizes)
    return table(count, done, held, compared, sizes, policy, other)


CHOICES: Mapping[str, Collection[str]] = {
    "dtype": PRECISIONS,
    "optimizer": OPTIMIZERS,
    "recompute": RECOMPUTES,
    "attention": ATTENTIONS,
    "causal": COUNTED,
}
"""The words of a policy."""


def table(
    count: Count,
    cost: Cost,
    memory: Memory,
    ratio: Ratio | None,
    sizes: Mapping[str, int],
    policy: Mapping[str, str],
    like: Like | None = None,
) -> CostTable:
    """The cost of a model at some run-time sizes."""
    values = _constants(sizes)

    def row(row: Row, path: str) -> CostRow:
        work, kept = cost.below(path), memory.kept.below(path)
        figures = [size.value.substitute(values) for size in (work.forward, work.backward, kept)]
        shape = _shape(cost.shapes.get(path), values)
        return CostRow(row.path, row.type, row.repeat, row.depth, shape, row.params, *figures)

    rows = tuple(row(each, each.path) for each in count.rows)
    total = row(Row("", count.model, 1, count.total, 0), "")
    rows = (*rows, *_own(total, rows))
    whole = (count.model, count.spec, sizes, rows, total)
    return CostTable(*whole, memory, ratio, policy, cost.unknown, like)


def _own(total: CostRow, rows: Sequence[CostRow]) -> Iterator[CostRow]:
    """What the model's own `forward` does beside its modules, so that the outermost rows add up."""
    outer = [row for row in rows if row.depth == 0]
    figures = [
        getattr(total, name) - sum((getattr(row, name) for row in outer), constant(0))
        for name in ("forward", "backward", "kept")
    ]
    if any(figure.terms for figure in figures):
        yield CostRow(OWN, "", 1, 0, "", 0, *figures)


def _shape(type: Any, values: Mapping[str, Poly]) -> str:
    if not isinstance(type, Tensor):
        return ""
    axes = [_axis(length, values) for length in type.shape]
    return f"({', '.join(axes)})"


def _axis(length: Size, values: Mapping[str, Poly]) -> str:
    return str(length.value.substitute(values))


def quantity(poly: Poly) -> str:
    """`123.4 G`, or the polynomial where a size is open."""
    number = poly.constant
    if number is None:
        return str(poly)
    for unit, scale in (("P", 10**15), ("T", 10**12), ("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if number >= scale:
            return f"{number / scale:.4g} {unit}"
    return str(number)


def size_of(poly: Poly) -> str:
    """`12.34 MiB`, or the polynomial where a size is open."""
    number = poly.constant
    if number is None:
        return str(poly)
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if number >= 1 << power:
            return f"{number / (1 << power):.4g} {unit}"
    return f"{number} B"


OWN = "(forward)"
"""In the place of a path: the model's own statements."""
HEAD = (
    "",
    "type",
    "repeat",
    "output",
    "params",
    "forward FLOPs",
    "MACs",
    "backward FLOPs",
    "kept",
)


def _cells(found: CostTable, depth: int | None) -> list[tuple[str, ...]]:
    signs = tuple(">= " if unknown else "" for unknown in (found.no_work, found.memory.unknown))
    cells = []
    for row in found.rows:
        if depth is None or row.depth < depth:
            name = f"{'  ' * row.depth}{last_name(row.path)}"
            repeat = f"x{row.repeat}" if row.repeat > 1 else ""
            cells.append((name, row.type, repeat, row.shape, *_numbers(row, *signs)))
    return [*cells, ("total", "", "", "", *_numbers(found.total, *signs))]


def _numbers(row: CostRow, work_sign: str, kept_sign: str) -> tuple[str, ...]:
    work = (row.forward, _macs(row.forward), row.backward)
    figures = (f"{work_sign}{quantity(each)}" for each in work)
    return (f"{row.params:,}", *figures, kept_sign + size_of(row.kept))


def _human(look: Look | None, flops: int) -> str:
    """The figure as the table has it, where somebody looks."""
    short = quantity(constant(flops))
    return "" if look is None or short == str(flops) else look.paint("quiet", f" ({short})")


SPARE = (6, 1, 3, 7, 2, 8)
"""Columns of `HEAD` that a narrow terminal leaves out, the first one first."""


def text(found: CostTable, depth: int | None = None, look: Look | None = None) -> str:
    """The table for a terminal, and what training and inference take in memory."""
    sizes = ", ".join(f"{name} = {number}" for name, number in found.sizes.items())
    title = painted(look, "strong", found.model) + (f"  at {sizes}" if sizes else "")
    lines = [title, "", *_table(found, depth, look), ""]
    forward, backward = found.forward.constant, found.backward.constant
    if forward is not None and backward is not None:
        both, sign = forward + backward, ">= " if found.no_work else ""
        lines.append(f"forward   {sign}{forward:,} FLOPs{_human(look, forward)}")
        lines.append(f"training  {sign}{both:,} FLOPs a step{_human(look, both)}")
    for line in (*_ratio_lines(found), *_like_lines(found)):
        lines += folded(line, look, 10)
    lines.append("")
    lines += [*_memory_lines(found, look), ""]
    lines += _notes([found.note, KEPT], look)
    return "\n".join([*lines, *_missing(found)])


def _missing(found: CostTable) -> Iterator[str]:
    """Which ops make the figures lower bounds."""
    for what, ops, part in (
        ("FLOPs", found.no_work, "multiplies"),
        ("memory", found.memory.unknown, "keeps"),
    ):
        if ops:
            yield f"no rule for {what}: {', '.join(ops)}; what it {part} is missing"


def _table(found: CostTable, depth: int | None, look: Look | None) -> list[str]:
    """The modules; on a terminal with bars for shares of the forward FLOPs, and without columns that do not fit."""
    rows = [HEAD, *_cells(found, depth)]
    if look is None:
        return aligned(rows, "<<><>>>>>")
    shown = [row for row in found.rows if depth is None or row.depth < depth]
    whole = found.forward.constant
    shares = None
    if whole:
        shares = [0.0, *((row.forward.constant or 0) / whole for row in shown), 0.0]
    idle = [at for at, row in enumerate(shown, 1) if row.forward.constant == 0 and not row.params]
    styles = ("", "quiet", "quiet", "quiet")
    align = "<<><>>>>>"
    lines = look.table(
        rows, align, styles=styles, head=True, last=True, bars=shares, spare=SPARE, dull=idle
    )
    kept = look.fitting(rows, align, SPARE)
    gone = [name for at, name in enumerate(HEAD) if at not in kept]
    if gone:
        note = f"{look.width} columns have no room for: {', '.join(gone)}"
        note += "" if whole is not None else "; `--shape` gives numbers for the formulas"
        lines += ["", *_notes([note], look)]
    return lines


def _notes(notes: Sequence[str], look: Look | None) -> Iterator[str]:
    """What the figures mean, in small print."""
    for note in notes:
        yield from (painted(look, "quiet", line) for line in folded(note, look))


def _memory_lines(found: CostTable, look: Look | None) -> Iterator[str]:
    policy, memory = found.policy, found.memory
    words = ", ".join(f"{policy[key]}" for key in ("dtype", "optimizer"))
    chosen = f"{words}, recompute {policy['recompute']}, attention {policy['attention']}"
    at_least = ">= " if memory.unknown else ""
    for title, rest, addends in (
        ("memory of a training step", f"  ({chosen})", memory.training),
        ("memory of inference", "", memory.inference),
    ):
        rows = [(f"  {a.name}", size_of(found.at(a.bytes)), a.recipe) for a in addends]
        total = at_least + size_of(found.at(_total(addends)))
        rows.append(("  total", total, ""))
        yield painted(look, "strong", title) + painted(look, "quiet", rest)
        if look is None:
            yield from aligned(rows, "<><")
        else:
            yield from look.table(
                rows, "<><", styles=("", "", "quiet"), last=True, bars=_parts(found, addends)
            )
    if policy["attention"] == "fused" and memory.kept.total("attention") != 0:
        line = f"fused attention  {memory.recipes['attention']}"
        yield from folded(line, look, 17)
    if memory.masked != 0:
        yield (
            f"keys and values  not counted for {memory.masked.value} attentions with a mask of their own: "
            "whether they look back only is not known"
        )
    if memory.kv_per_token != 0:
        yield f"keys and values  {memory.kv_per_token.value.constant:,} bytes a token"
    if memory.active != found.total.params:
        yield f"active           {memory.active:,} of {found.total.params:,} parameters a token"


def _parts(found: CostTable, addends: tuple[Addend, ...]) -> list[float] | None:
    """Each addend's share of the sum, where all sizes are known."""
    each = [found.at(addend.bytes).constant for addend in addends]
    known = [number for number in each if number is not None]
    total = sum(known)
    return (
        [number / total for number in known] + [0.0] if len(known) == len(each) and total else None
    )


def _ratio_lines(found: CostTable) -> Iterator[str]:
    """How far 6ND is off, where every size is known."""
    if found.ratio is None:
        return
    named = (found.ratio.training, found.ratio.rule, found.ratio.attention, found.ratio.others)
    exact, rule, attention, others = (found.at(size).constant for size in named)
    if exact is None or not rule or attention is None or others is None:
        return
    parts = f"attention {attention / rule:+.1%}, parameters not multiplied once a token {others / rule:+.1%}"
    yield f"6ND       {rule:,} FLOPs; exact / 6ND = {exact / rule:.4f}: {parts}"


def _like_lines(found: CostTable) -> Iterator[str]:
    if found.like is not None:
        yield found.like.text()


def markdown(found: CostTable, depth: int | None = None) -> str:
    """The table as people paste it."""
    rows = [_escaped(row) for row in _cells(found, depth)]
    head = ("module", *HEAD[1:])
    rule = ("---", "---", "---:", "---", *("---:",) * 5)
    lines = [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
    for name, addends in (
        ("training", found.memory.training),
        ("inference", found.memory.inference),
    ):
        cells = [(a.name, size_of(found.at(a.bytes)), a.recipe) for a in addends]
        cells.append(("total", size_of(found.at(_total(addends))), ""))
        lines += ["", f"| {name} | bytes | recipe |", "| --- | ---: | --- |"]
        lines += [f"| {' | '.join(_escaped(row))} |" for row in cells]
    notes = [f"{found.note}. {KEPT}.", *_missing(found), *_like_lines(found)]
    return "\n".join([*lines, "", "\n\n".join(notes)])


def _escaped(row: Sequence[str]) -> tuple[str, ...]:
    first = row[0].lstrip()
    indent = "&nbsp;&nbsp;" * ((len(row[0]) - len(first)) // 2)
    cells = (indent + first, *row[1:])
    return tuple(cell.replace("*", r"\*").replace("_", r"\_").replace("|", r"\|") for cell in cells)
