"""Two models compared in a document that people read: what they share, what differs, why, and what it costs.

Every figure is a sum over the counts and changes; no sentence knows the models, so it holds for any two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from getspec.emit.markdown import code, prose, table
from getspec.emit.text import percent
from getspec.passes.changes import CLASSES, Difference
from getspec.passes.comparison import (
    Cause,
    Flops,
    Pair,
    alike,
    causes,
    flops,
    nets,
    pairs,
    remembered,
)
from getspec.passes.count import Count, Row, count, tensors

__all__ = ["markdown"]

CONVENTION = "2 FLOPs per multiply-add, matrix products only, causal attention in full"
MEANING = {
    "INTERFACE": "callers",
    "STATE": "checkpoints",
    "SIZE": "sizes that no checkpoint shows",
    "GRAPH": "the function",
    "SOURCE": "how training starts, and names",
}
LEADING = 3
"""Causes that the summary names."""
DEPTH = 4
"""Levels of modules in tables and trees."""


# The document


@dataclass(frozen=True)
class _Compared:
    """A difference with all that the sections ask of it."""

    found: Difference
    a: Count
    b: Count
    names: tuple[str, str]
    rows: tuple[Pair, ...]
    shared: tuple[Pair, ...]
    causes: tuple[Cause, ...]
    work: Flops | None
    given: Mapping[str, int]

    @property
    def sides(self) -> tuple[tuple[str, Count], ...]:
        return tuple(zip(self.names, (self.a, self.b), strict=True))


def markdown(found: Difference, given: Mapping[str, int] | None = None) -> str:
    """The whole comparison."""
    a, b = count(found.a), count(found.b)
    rows = pairs(found, a, b)
    its = _Compared(
        found,
        a,
        b,
        _names(found),
        tuple(rows),
        tuple(pair for pair in alike(found, rows) if pair.a and pair.a.params),
        tuple(causes(found.changes)),
        flops(found, given or {}),
        given or {},
    )
    if found.identical:
        parts = [_head(its), _summary(its), _distribution(*its.sides[0])]
    else:
        parts = [
            _head(its),
            _summary(its),
            _overall(its),
            _shared(its),
            _components(its),
            *_repeated(its),
            _differences(its),
            _savings(its),
            _behaviour(found),
            *(_distribution(*side) for side in its.sides),
            _implications(its),
        ]
    return "\n\n".join(part for part in parts if part)


def _names(found: Difference) -> tuple[str, str]:
    """What both are called here: two versions of a model are told apart by their files."""
    a, b = found.a, found.b
    if a.name != b.name or a.file == b.file:
        return a.name, b.name
    folders = zip(*(side.file.split("/")[:-1] for side in (a, b)), strict=False)
    shared = takewhile(lambda pair: pair[0] == pair[1], folders)
    start = sum(len(folder) + 1 for folder, _ in shared)
    return a.file[start:], b.file[start:]


def _head(its: _Compared) -> str:
    names = dict.fromkeys(map(prose, its.names))
    lines = [f"# {' and '.join(names)}", ""]
    for name, model in zip(its.names, (its.found.a, its.found.b), strict=True):
        file = f" ({code(model.file)})" if name != model.file else ""
        summary = f": {prose(model.root.summary)}" if model.root.summary else ""
        lines.append(f"- **{prose(name)}**{file}{summary}")
    return "\n".join(dict.fromkeys(lines))


def _summary(its: _Compared) -> str:
    found = its.found
    a, b = map(prose, its.names)
    lines = ["## Summary", ""]
    if found.identical:
        return "\n".join(
            [*lines, f"The two are the same model. It has {found.total_a:,} parameters."]
        )
    if found.delta:
        more = f"{abs(found.delta):,} {'more' if found.delta > 0 else 'fewer'}"
        share = percent(found.delta, found.total_a)
        lines.append(
            f"- {b} has {found.total_b:,} parameters, {more} ({share}) than {a} with {found.total_a:,}."
        )
    else:
        lines.append(f"- Both have {found.total_a:,} parameters.")
    # A last one by itself is no list of smaller ones.
    named = LEADING if len(its.causes) > LEADING + 1 else LEADING + 1
    for cause in its.causes[:named]:
        lines.append(f"- {_codes(cause.paths)}: {prose(cause.words)} ({cause.sum}).")
    if rest := its.causes[named:]:
        total = sum(cause.delta for cause in rest)
        lines.append(f"- {len(rest)} smaller causes together: {total:+,}.")
    outer, inner = (sum(_size(pair) for pair in group) for group in _levels(its.shared))
    if outer:
        lines.append(f"- Components with the same tensors in both hold {outer:,} parameters.")
    if inner:
        lines.append(
            f"- Parts with the same tensors, in components that differ, hold {inner:,} parameters."
        )
    lines.append(f"- {_loads(found)}")
    return "\n".join(lines)


def _loads(found: Difference) -> str:
    if not found.of_class("STATE"):
        return "A checkpoint of one loads into the other as it is."
    if any(change.category == "STATE" for change in found.changes):
        if found.moves and found.rules()[1] is None:
            return "A checkpoint of one loads into the other once its tensors are renamed."
        return "A checkpoint of one does not load into the other."
    return "A checkpoint of one loads into the other, but they are called differently."


def _overall(its: _Compared) -> str:
    a, b, work = its.a, its.b, its.work
    lines = [("parameters", a.total, b.total)]
    if a.frozen or b.frozen:
        lines.append(("trainable", a.trainable, b.trainable))
        lines.append(("frozen", a.frozen, b.frozen))
    if a.buffers or b.buffers:
        lines.append(("elements of buffers", a.buffers, b.buffers))
    names = [sum(t.persistent for t in tensors(m.root)) for m in (its.found.a, its.found.b)]
    lines.append(("tensors in the state dict", names[0], names[1]))
    if work and work.alike and work.a.constant is not None and work.b.constant is not None:
        lines.append(("FLOPs of a forward pass", work.a.constant, work.b.constant))
    return f"## Overall\n\n{_beside(its, lines)}"


def _beside(its: _Compared, lines: Iterable[tuple[str, int, int]]) -> str:
    """Figures of both, and how far they are apart."""
    rows = [(name, f"{x:,}", f"{y:,}", _signed(y - x), percent(y - x, x)) for name, x, y in lines]
    return table(("", *its.names, "difference", "%"), rows, "<>>>>")


def _levels(shared: Iterable[Pair]) -> tuple[list[Pair], list[Pair]]:
    """The outermost components, and parts within others."""
    groups: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in shared:
        groups[pair.depth > 0].append(pair)
    return groups


def _size(pair: Pair) -> int:
    return pair.a.params if pair.a else 0


def _shared(its: _Compared) -> str:
    outer, inner = _levels(its.shared)
    parts = ["## Shared components"]
    if outer:
        parts.append(_held(its.found, outer, "component"))
    if inner:
        parts += [
            "Of components that differ, these parts are the same:",
            _held(its.found, inner, "part"),
        ]
    if not its.shared:
        parts.append("No part holds the same tensors in both.")
    return "\n\n".join(parts)


def _held(found: Difference, shared: Sequence[Pair], name: str) -> str:
    cells = [
        (code(pair.path), prose(pair.type), _params(pair.a), _notes(pair, found)) for pair in shared
    ]
    cells.append(("**total**", "", f"**{sum(map(_size, shared)):,}**", ""))
    return table((name, "type", "parameters", "what differs"), cells, "<<><")


def _notes(pair: Pair, found: Difference) -> str:
    words = [prose(c.words.partition(": ")[2]) for c in found.changes if pair.holds(c.path)]
    return "; ".join(dict.fromkeys(words)) or "nothing"


def _components(its: _Compared) -> str:
    outer, _ = _levels(its.shared)
    # What one side lacks is one row: its parts are in the tree of the other.
    alone = [pair for pair in its.rows if not (pair.a and pair.b)]
    shown = [
        pair
        for pair in its.rows
        if pair.depth < DEPTH - 1
        and pair not in outer
        # A list has no row of its own: what has its path may be a module of the other side.
        and not any(
            other.depth < pair.depth and other.holds(pair.path) for other in (*outer, *alone)
        )
    ]
    if not shown:
        return ""
    cells = [
        (_indented(pair), prose(pair.type), _params(pair.a), _params(pair.b), _signed(pair.delta))
        for pair in shown
    ]
    note = "Rows of one level add up to the row above them; all copies of a repeat are one row."
    listing = table(("component", "type", *its.names, "difference"), cells, "<<>>>")
    return f"## Components that differ\n\n{listing}\n\n{note}"


# Repeats


def _repeated(its: _Compared) -> Iterator[str]:
    """One copy of every outermost repeat: side by side where both have it, else with the others of its model."""
    outer: list[Pair] = []
    for pair in its.rows:
        if max(pair.repeats) > 1 and not (outer and outer[-1].holds(pair.path)):
            outer.append(pair)
    for pair in outer:
        if pair.a and pair.b and not any(other.holds(pair.path) for other in its.shared):
            yield _one_copy(its, pair)
    for side, name in enumerate(its.names):
        lone = [pair for pair in outer if (pair.b is None, pair.a is None)[side]]
        if lone:
            yield _copies(its, lone, side, name)


def _one_copy(its: _Compared, outer: Pair) -> str:
    cells = []
    for pair in _inside(its, outer):
        one, other = _each(pair, outer, 0), _each(pair, outer, 1)
        left = f"{one:,}" if pair.a else "-"
        right = f"{other:,}" if pair.b else "-"
        name = _indented(pair, outer.depth)
        cells.append((name, prose(pair.type), left, right, _signed(other - one)))
    times = " and ".join(str(n) for n in dict.fromkeys(outer.repeats))
    listing = table(("part", "type", *its.names, "difference"), cells, "<<>>>")
    return f"### One copy of {code(outer.path)} (of {times})\n\n{listing}"


def _copies(its: _Compared, lone: Iterable[Pair], side: int, model: str) -> str:
    cells = []
    for outer in lone:
        for pair in _inside(its, outer):
            first = pair is outer
            name = code(outer.path) if first else _indented(pair, outer.depth)
            copies = f"{outer.repeats[side]:,}" if first else ""
            cells.append((name, prose(pair.type), copies, f"{_each(pair, outer, side):,}"))
    listing = table(("part", "type", "copies", "parameters of one"), cells, "<<>>")
    return f"### Repeats that only {prose(model)} has\n\n{listing}"


def _inside(its: _Compared, outer: Pair) -> Iterator[Pair]:
    """A repeat and its parts, as deep as they are shown."""
    for pair in its.rows:
        if outer.holds(pair.path) and pair.depth < outer.depth + DEPTH - 1:
            yield pair


def _each(pair: Pair, outer: Pair, side: int) -> int:
    """Parameters of a part in one copy."""
    row = (pair.a, pair.b)[side]
    return row.params // outer.repeats[side] if row else 0


# Causes


def _differences(its: _Compared) -> str:
    if not its.causes:
        return ""
    total = its.found.delta
    cells = [
        (
            _codes(cause.paths),
            prose(cause.words),
            cause.sum,
            percent(cause.delta, total, sign=False),
        )
        for cause in its.causes
    ]
    cells.append(("**total**", "", f"**{total:+,}**", ""))
    head = ("where", "what", "parameters", "% of the difference")
    text = f"## Why the totals differ\n\n{table(head, cells, '<<>>')}"
    lines = [f"- {_codes(net.paths)}: {net.sum}" for net in nets(its.found.changes)]
    if lines:
        text += "\n\nComponents with several causes come to:\n\n" + "\n".join(lines)
    return text


def _savings(its: _Compared) -> str:
    """What either model does without."""
    a, b = map(prose, its.names)
    lines = []
    for name, other, sign in ((b, a, -1), (a, b, 1)):
        saved = [cause for cause in its.causes if cause.delta * sign > 0]
        if not saved:
            continue
        total = sum(abs(cause.delta) for cause in saved)
        text = f"- {name} does without {total:,} parameters of {other}"
        if len(saved) == 1:
            lines.append(f"{text}: {_codes(saved[0].paths)}.")
            continue
        parts = [f"{abs(cause.delta):,} at {_codes(cause.paths)}" for cause in saved[:LEADING]]
        if more := saved[LEADING:]:
            rest = sum(abs(cause.delta) for cause in more)
            parts.append(f"{rest:,} at {_plural(len(more), 'more place')}")
        lines.append(f"{text}: {'; '.join(parts)}.")
    return "\n".join(["## Savings", "", *lines]) if lines else ""


def _behaviour(found: Difference) -> str:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for change in sorted(found.changes, key=lambda c: CLASSES.index(c.category)):
        if not change.delta:
            parent, words = change.path.rpartition(".")[0], change.words.partition(": ")[2]
            groups.setdefault((change.category, parent, words), []).append(change.path)
    rows = [
        (category.lower(), _codes(paths), prose(words))
        for (category, _, words), paths in groups.items()
    ]
    if not rows:
        return ""
    used = dict.fromkeys(row[0].upper() for row in rows)
    note = "; ".join(f"{name.lower()}: {MEANING[name]}" for name in used)
    listing = table(("class", "where", "what"), rows, "<<<")
    return f"## Differences without parameters\n\n{listing}\n\nClasses: {note}."


def _distribution(name: str, found: Count) -> str:
    rows = [row for row in found.rows if row.depth < DEPTH and row.params]
    names = [f"{'  ' * row.depth}{_last(row.path)}" for row in rows]
    width = max(map(len, (found.model, *names)))
    digits = len(f"{found.total:,}")
    lines = [f"{found.model:<{width}}  {found.total:>{digits},}  100.00 %"]
    for label, row in zip(names, rows, strict=True):
        times = f"  x{row.repeat}" if row.repeat > 1 else ""
        share = f"{100 * row.params / found.total:6.2f} %"
        lines.append(f"{label:<{width}}  {row.params:>{digits},}  {share}{times}")
    body = "\n".join(lines)
    return f"## Where the parameters of {prose(name)} are\n\n```text\n{body}\n```"


# Costs


def _implications(its: _Compared) -> str:
    a, b = its.a, its.b
    trained = [4 * c.total + 12 * c.trainable for c in (a, b)]
    lines = [
        ("weights in float32, bytes", 4 * a.total, 4 * b.total),
        ("weights in bfloat16, bytes", 2 * a.total, 2 * b.total),
        ("training with Adam in float32, bytes", trained[0], trained[1]),
    ]
    if its.work and its.work.alike:
        kept = remembered(its.found, its.given)
        lines += [(f"{each.words}, bytes", each.a, each.b) for each in kept]
    note = (
        "Training holds weights, and gradients and two moments of what is trained; "
        "activations come on top."
    )
    return f"## Implications\n\n{_beside(its, lines)}\n\n{note}{_work(its)}"


def _work(its: _Compared) -> str:
    work = its.work
    if work is None:
        return ""
    lines = []
    sides = ((work.a, work.sizes_a), (work.b, work.sizes_b))
    for name, (total, sizes) in zip(its.names, sides, strict=True):
        value = f"{total.constant:,}" if total.constant is not None else code(str(total))
        place = f" {_at(sizes)}" if sizes else ""
        lines.append(f"- {prose(name)}: {value} FLOPs{place}")
    if work.known and work.alike:
        share = percent(work.delta, work.a.constant or 0)
        lines.append(f"- difference: {_signed(work.delta)} FLOPs ({share})")
    elif not work.known and work.alike:
        lines.append(f"- difference: {code(str(work.b - work.a))} FLOPs")
    return f"\n\nA forward pass ({CONVENTION}):\n\n" + "\n".join(lines)


def _at(sizes: Mapping[str, int]) -> str:
    return f"at {', '.join(f'{name} = {number:,}' for name, number in sizes.items())}"


# Cells


def _indented(pair: Pair, base: int = 0) -> str:
    return f"{'&nbsp;&nbsp;' * (pair.depth - base)}{code(_last(pair.path))}"


def _last(path: str) -> str:
    """The last part of a path, with the list it is in: `blocks.*`."""
    parts = path.split(".")
    at = len(parts) - 1
    while at > 0 and (parts[at] == "*" or parts[at].replace("-", "").isdigit()):
        at -= 1
    return ".".join(parts[at:])


def _params(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{row.params:,}" + (f" (x{row.repeat})" if row.repeat > 1 else "")


def _signed(delta: int) -> str:
    return f"{delta:+,}" if delta else "0"


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _codes(paths: Iterable[str]) -> str:
    return ", ".join(map(code, paths))
