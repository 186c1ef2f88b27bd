"""Two models compared in a document that people read: what they share, what differs, why, and what it costs.

Every figure is a sum over the counts and changes; no sentence knows the models, so it holds for any two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from getspec import ir
from getspec.emit.markdown import code, prose, table
from getspec.passes.changes import CLASSES, Change, Difference
from getspec.passes.cost import cost
from getspec.passes.count import Count, Row, count, tensors
from getspec.passes.memory import memory
from getspec.sizes import Poly, constant

__all__ = ["Cause", "Flops", "causes", "flops", "flops_line", "markdown"]

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


# Facts


@dataclass(frozen=True)
class Flops:
    """The work of a forward pass of both models: integers where all run-time sizes are given."""

    sizes_a: Mapping[str, int]
    sizes_b: Mapping[str, int]
    a: Poly
    b: Poly

    @property
    def alike(self) -> bool:
        """Whether what both have a size for has one size."""
        common = self.sizes_a.keys() & self.sizes_b.keys()
        return all(self.sizes_a[name] == self.sizes_b[name] for name in common)

    @property
    def known(self) -> bool:
        return self.a.constant is not None and self.b.constant is not None

    @property
    def delta(self) -> int:
        assert self.a.constant is not None
        assert self.b.constant is not None
        return self.b.constant - self.a.constant


def flops(a: ir.Model, b: ir.Model, given: Mapping[str, int]) -> Flops | None:
    """The FLOPs of both at the run-time sizes of their specs, with the given ones over them."""
    if a.root.forward is None or b.root.forward is None:
        return None
    found = []
    for model in (a, b):
        total = cost(model).total.forward.value
        sizes = {n: v for n, v in {**model.shape, **given}.items() if n in total.symbols()}
        found.append((sizes, total.substitute({n: constant(v) for n, v in sizes.items()})))
    (sizes_a, work_a), (sizes_b, work_b) = found
    return Flops(sizes_a, sizes_b, work_a, work_b)


def flops_line(found: Flops) -> str:
    """`forward  34,000,000 -> 35,000,000 FLOPs  +1,000,000  (+2.94 %)  at B = 1, N = 200`."""
    places = list(dict.fromkeys(_at(sizes) for sizes in (found.sizes_a, found.sizes_b)))
    share = percent(found.delta, found.a.constant or 0)
    work = f"{found.a.constant:,} -> {found.b.constant:,} FLOPs"
    return f"forward  {work}  {found.delta:+,}  ({share})  {' and '.join(filter(None, places))}".rstrip()


def bytes_line(words: str, a: int, b: int) -> str:
    """`keys and values of one token in float32  73,728 -> 98,304 bytes  +24,576  (+33.33 %)`."""
    return f"{words}  {a:,} -> {b:,} bytes  {b - a:+,}  ({percent(b - a, a)})"


def _at(sizes: Mapping[str, int]) -> str:
    words = ", ".join(f"{name} = {number:,}" for name, number in sizes.items())
    return f"at {words}" if words else ""


@dataclass(frozen=True)
class Cause:
    """Equal changes of neighbours: one reason for a difference in parameters."""

    paths: tuple[str, ...]
    words: str
    repeat: int
    delta: int

    @property
    def sum(self) -> str:
        """`12 x -3,072 = -36,864`."""
        if self.repeat > 1 and self.delta % self.repeat == 0:
            return f"{self.repeat} x {self.delta // self.repeat:+,} = {self.delta:+,}"
        return f"{self.delta:+,}"


def causes(changes: Iterable[Change]) -> list[Cause]:
    """Why the totals differ, the weightiest first; the deltas add up to the difference."""
    groups: dict[tuple[str, str, int, int], list[Change]] = {}
    for change in changes:
        if change.delta:
            parent = change.path.rpartition(".")[0]
            words = change.words.partition(": ")[2]
            groups.setdefault((parent, words, change.repeat, change.delta), []).append(change)
    found = [
        Cause(tuple(c.path for c in group), words, repeat, sum(c.delta for c in group))
        for (_, words, repeat, _), group in groups.items()
    ]
    return sorted(found, key=lambda cause: -abs(cause.delta))


@dataclass(frozen=True)
class Pair:
    """One place of both models; a side that does not have it is None."""

    path: str
    depth: int
    a: Row | None
    b: Row | None

    @property
    def delta(self) -> int:
        return (self.b.params if self.b else 0) - (self.a.params if self.a else 0)

    @property
    def type(self) -> str:
        kinds = dict.fromkeys(row.type for row in (self.a, self.b) if row)
        return " / ".join(kinds)

    @property
    def repeats(self) -> tuple[int, int]:
        return (self.a.repeat if self.a else 1, self.b.repeat if self.b else 1)


def pairs(found: Difference, a: Count, b: Count) -> list[Pair]:
    """The rows of both counts side by side, in an order that keeps the tree; what was renamed is one row."""
    moved = sorted(((new, old) for old, new, _ in found.moves), key=lambda move: -len(move[0]))

    def called(path: str) -> str:
        for new, old in moved:
            if path == new or path.startswith(f"{new}."):
                return old + path[len(new) :]
        return path

    first = {row.path: row for row in a.rows}
    second = {called(row.path): row for row in b.rows}
    order = _tree_order(first, second)
    rows = [(path, first.get(path), second.get(path)) for path in order]
    return [
        Pair(path, known.depth, one, other)
        for path, one, other in rows
        if (known := one or other) is not None
    ]


def _tree_order(first: Mapping[str, Row], second: Mapping[str, Row]) -> list[str]:
    """Rows only one side has stand after what comes before them there, within their parent."""
    order = list(first)
    known = set(order)
    before: str | None = None
    for path in second:
        if path not in known:
            at = 0
            if before is not None:
                at = order.index(before) + 1
                parent = _parent(path)
                while at < len(order) and parent != before and order[at].startswith(f"{before}."):
                    at += 1
            order.insert(at, path)
            known.add(path)
        before = path
    return order


def _parent(path: str) -> str:
    """The row that a row is in; positions of a repeat belong to the name before them."""
    return path.rpartition(".")[0]


# The document


def markdown(found: Difference, given: Mapping[str, int] | None = None) -> str:
    """The whole comparison."""
    a, b = count(found.a), count(found.b)
    rows = pairs(found, a, b)
    work = flops(found.a, found.b, given or {})
    parts = [
        _head(found),
        _summary(found, rows),
        _overall(found, a, b, work),
        _shared(found, rows),
        _components(found, rows),
        *_repeated(found, rows),
        _differences(found),
        _savings(found),
        _behaviour(found),
        _distribution(a),
        _distribution(b),
        _implications(found, a, b, work, given or {}),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(found: Difference) -> str:
    lines = [f"# {prose(found.a.name)} and {prose(found.b.name)}"]
    for model in (found.a, found.b):
        summary = f": {prose(model.root.summary)}" if model.root.summary else ""
        lines.append(f"- **{prose(model.name)}** ({code(model.file)}){summary}")
    return "\n".join([lines[0], "", *lines[1:]])


def _summary(found: Difference, rows: Sequence[Pair]) -> str:
    a, b = found.a.name, found.b.name
    lines = ["## Summary", ""]
    if found.identical:
        return "\n".join([*lines, "The two are the same model."])
    if found.delta:
        more = f"{abs(found.delta):,} {'more' if found.delta > 0 else 'fewer'}"
        share = percent(found.delta, found.total_a)
        lines.append(
            f"- {prose(b)} has {found.total_b:,} parameters, {more} ({share}) than {prose(a)} with "
            f"{found.total_a:,}."
        )
    else:
        lines.append(f"- Both have {found.total_a:,} parameters.")
    every = causes(found.changes)
    for cause in every[:LEADING]:
        lines.append(f"- {_codes(cause.paths)}, {prose(cause.words)}: {cause.sum}.")
    rest = every[LEADING:]
    if rest:
        total = sum(cause.delta for cause in rest)
        lines.append(f"- {_plural(len(rest), 'smaller cause')} together: {total:+,}.")
    alike = sum(pair.a.params for pair in _alike(rows) if pair.a)
    if alike:
        lines.append(f"- Components with the same tensors in both hold {alike:,} parameters.")
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


def _overall(found: Difference, a: Count, b: Count, work: Flops | None) -> str:
    lines = [("parameters", a.total, b.total), ("trainable", a.trainable, b.trainable)]
    if a.frozen or b.frozen:
        lines.append(("frozen", a.frozen, b.frozen))
    if a.buffers or b.buffers:
        lines.append(("elements of buffers", a.buffers, b.buffers))
    names = [sum(t.persistent for t in tensors(model.root)) for model in (found.a, found.b)]
    lines.append(("tensors in the state dict", names[0], names[1]))
    if work and work.known and work.a.constant is not None and work.b.constant is not None:
        lines.append(("FLOPs of a forward pass", work.a.constant, work.b.constant))
    rows = [(name, f"{x:,}", f"{y:,}", f"{y - x:+,}", percent(y - x, x)) for name, x, y in lines]
    head = ("", found.a.name, found.b.name, "difference", "%")
    return "## Overall\n\n" + table(head, rows, "<>>>>")


def _alike(rows: Sequence[Pair]) -> list[Pair]:
    """Outermost components with the same kinds of parts and as many parameters in both models."""
    outer = [pair for pair in rows if pair.depth == 0]
    return [pair for pair in outer if pair.a and pair.b and _same_below(pair, rows)]


def _same_below(pair: Pair, rows: Sequence[Pair]) -> bool:
    below = [row for row in rows if row.path == pair.path or row.path.startswith(f"{pair.path}.")]
    return all(row.a and row.b and not row.delta for row in below)


def _shared(found: Difference, rows: Sequence[Pair]) -> str:
    alike = [pair for pair in _alike(rows) if pair.a and pair.a.params]
    title = "## Shared components\n\n"
    if not alike:
        return f"{title}No outermost component holds the same in both."
    cells = [
        (code(pair.path), prose(pair.type), f"{pair.a.params:,}", _notes(pair.path, found))
        for pair in alike
        if pair.a
    ]
    total = sum(pair.a.params for pair in alike if pair.a)
    cells.append(("**total**", "", f"**{total:,}**", ""))
    return title + table(("component", "type", "parameters", "what differs"), cells, "<<><")


def _notes(path: str, found: Difference) -> str:
    words = [
        prose(c.words.partition(": ")[2])
        for c in found.changes
        if c.path == path or c.path.startswith(f"{path}.")
    ]
    return "; ".join(words) or "nothing"


def _components(found: Difference, rows: Sequence[Pair]) -> str:
    alike = {pair.path for pair in _alike(rows)}
    # What one side lacks is one row: its parts are in the tree of the other.
    alone = {pair.path for pair in rows if not (pair.a and pair.b)}
    shown = [
        pair
        for pair in rows
        if pair.depth < DEPTH - 1
        and pair.path not in alike
        and not any(pair.path.startswith(f"{path}.") for path in alike | alone)
    ]
    if not shown:
        return ""
    head = ("component", "type", found.a.name, found.b.name, "difference")
    cells = [
        (_indented(pair), prose(pair.type), _params(pair.a), _params(pair.b), _signed(pair.delta))
        for pair in shown
    ]
    note = "Rows of one level add up to the row above them; all copies of a repeat are one row."
    return f"## Components that differ\n\n{table(head, cells, '<<>>>')}\n\n{note}"


def _repeated(found: Difference, rows: Sequence[Pair]) -> list[str]:
    """One copy of every outermost repeat, part by part."""
    parts = []
    done: list[str] = []
    for pair in rows:
        if max(pair.repeats) == 1 or any(pair.path.startswith(f"{path}.") for path in done):
            continue
        done.append(pair.path)
        if pair.a and pair.b and pair.repeats[0] == pair.repeats[1] and _same_below(pair, rows):
            continue
        parts.append(_one_copy(found, pair, rows))
    return parts


def _one_copy(found: Difference, outer: Pair, rows: Sequence[Pair]) -> str:
    inside = [
        pair
        for pair in rows
        if (pair.path == outer.path or pair.path.startswith(f"{outer.path}."))
        and pair.depth < outer.depth + DEPTH - 1
    ]

    def each(row: Row | None, side: int) -> int:
        return row.params // outer.repeats[side] if row else 0

    cells = []
    for pair in inside:
        one, other = each(pair.a, 0), each(pair.b, 1)
        left = f"{one:,}" if pair.a else "-"
        right = f"{other:,}" if pair.b else "-"
        name = _indented(pair, outer.depth)
        cells.append((name, prose(pair.type), left, right, _signed(other - one)))
    copies = [n for n, row in zip(outer.repeats, (outer.a, outer.b), strict=True) if row]
    times = " and ".join(str(n) for n in dict.fromkeys(copies))
    head = ("part", "type", found.a.name, found.b.name, "difference")
    return f"### One copy of {code(outer.path)} (of {times})\n\n{table(head, cells, '<<>>>')}"


def _differences(found: Difference) -> str:
    every = causes(found.changes)
    if not every:
        return ""
    cells = [
        (
            _codes(cause.paths),
            prose(cause.words),
            cause.sum,
            percent(cause.delta, found.delta, sign=False),
        )
        for cause in every
    ]
    cells.append(("**total**", "", f"**{found.delta:+,}**", ""))
    head = ("where", "what", "parameters", "% of the difference")
    text = f"## Why the totals differ\n\n{table(head, cells, '<<>>')}"
    nets = _nets(found.changes)
    if nets:
        lines = [f"- {code(path)}: {_net_words(path, found, delta)}" for path, delta in nets]
        text += "\n\nComponents with several causes come to:\n\n" + "\n".join(lines)
    return text


def _nets(changes: Iterable[Change]) -> list[tuple[str, int]]:
    """Places whose causes partly cancel, with what remains of them."""
    inside: dict[str, list[Change]] = {}
    for change in changes:
        parts = change.path.split(".")
        for end in range(1, len(parts)):
            if change.delta:
                inside.setdefault(".".join(parts[:end]), []).append(change)
    found = []
    for path, below in inside.items():
        deltas = [change.delta for change in below]
        # A list whose causes are all in its items says nothing that these do not.
        heads = {change.path[len(path) + 1 :].partition(".")[0] for change in below}
        if len(heads) > 1 and min(deltas) < 0 < max(deltas):
            found.append((path, sum(deltas)))
    return found


def _net_words(path: str, found: Difference, delta: int) -> str:
    below = [c for c in found.changes if c.path.startswith(f"{path}.") and c.delta]
    repeat = min(change.repeat for change in below)
    return Cause((path,), "", repeat, delta).sum


def _savings(found: Difference) -> str:
    """What either model does without."""
    lines = []
    for name, sign in ((found.b.name, -1), (found.a.name, 1)):
        saved = [cause for cause in causes(found.changes) if cause.delta * sign > 0]
        if saved:
            total = sum(abs(cause.delta) for cause in saved)
            parts = ", ".join(
                f"{abs(cause.delta):,} at {_codes(cause.paths)}" for cause in saved[:LEADING]
            )
            more = len(saved) - LEADING
            rest = f" and {_plural(more, 'more place')}" if more > 0 else ""
            lines.append(
                f"- {prose(name)} does without {total:,} parameters of the other: {parts}{rest}."
            )
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


def _distribution(found: Count) -> str:
    rows = [row for row in found.rows if row.depth < DEPTH and row.params]
    names = [f"{'  ' * row.depth}{_last(row.path)}" for row in rows]
    width = max((len(name) for name in names), default=0)
    digits = len(f"{found.total:,}")
    lines = [f"{found.model:<{max(width, len(found.model))}}  {found.total:>{digits},}  100.00 %"]
    width = max(width, len(found.model))
    for name, row in zip(names, rows, strict=True):
        times = f"  x{row.repeat}" if row.repeat > 1 else ""
        share = f"{100 * row.params / found.total:6.2f} %"
        lines.append(f"{name:<{width}}  {row.params:>{digits},}  {share}{times}")
    body = "\n".join(lines)
    return f"## Where the parameters of {prose(found.model)} are\n\n```text\n{body}\n```"


def _implications(
    found: Difference, a: Count, b: Count, work: Flops | None, given: Mapping[str, int]
) -> str:
    trained = [4 * c.total + 12 * c.trainable for c in (a, b)]
    lines = [
        ("weights in float32, bytes", 4 * a.total, 4 * b.total),
        ("weights in bfloat16, bytes", 2 * a.total, 2 * b.total),
        ("training with Adam in float32, bytes", trained[0], trained[1]),
        *((f"{words}, bytes", x, y) for _, words, x, y in remembered(found, given)),
    ]
    rows = [(name, f"{x:,}", f"{y:,}", f"{y - x:+,}", percent(y - x, x)) for name, x, y in lines]
    text = "## Implications\n\n"
    text += table(("", found.a.name, found.b.name, "difference", "%"), rows, "<>>>>")
    text += "\n\nTraining holds weights, and gradients and two moments of what is trained; activations come on top."
    return text + _work(found, work)


def remembered(found: Difference, given: Mapping[str, int]) -> Iterator[tuple[str, str, int, int]]:
    """Bytes that both keep, under a key and in words, where all sizes are given and every op says what it keeps."""
    if found.a.root.forward is None or found.b.root.forward is None:
        return
    kept: list[int | None] = []
    keys: list[int | None] = []
    for model in (found.a, found.b):
        sizes = {**model.shape, **given}
        held = memory(model, sizes=sizes)
        values = {name: constant(number) for name, number in sizes.items()}
        saved = held.kept.saved.value.substitute(values).constant
        kept.append(None if held.unknown else saved)
        keys.append(held.kv_per_token.value.substitute(values).constant)
    if kept[0] is not None and kept[1] is not None:
        words = "activations kept for the backward pass in float32"
        yield "activation_bytes", words, kept[0], kept[1]
    if keys[0] is not None and keys[1] is not None and any(keys):
        yield "kv_bytes_per_token", "keys and values of one token in float32", keys[0], keys[1]


def _work(found: Difference, work: Flops | None) -> str:
    if work is None:
        return ""
    lines = []
    sides = ((found.a, work.a, work.sizes_a), (found.b, work.b, work.sizes_b))
    for model, total, sizes in sides:
        value = f"{total.constant:,}" if total.constant is not None else code(str(total))
        place = f" {_at(sizes)}" if sizes else ""
        lines.append(f"- {prose(model.name)}: {value} FLOPs{place}")
    if work.known and work.alike:
        share = percent(work.delta, work.a.constant or 0)
        lines.append(f"- difference: {work.delta:+,} FLOPs ({share})")
    elif not work.known and not work.sizes_a and not work.sizes_b:
        lines.append(f"- difference: {code(str(work.b - work.a))} FLOPs")
    return f"\n\nA forward pass ({CONVENTION}):\n\n" + "\n".join(lines)


# Cells


def percent(part: int, whole: int, *, sign: bool = True) -> str:
    if not whole:
        return "-"
    share = 100 * part / whole
    return f"{share:+.2f} %" if sign else f"{share:.2f} %"


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
