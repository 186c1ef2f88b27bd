"""A difference as a tree for a terminal, with subtotals, and what costs no parameters below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from getspec.emit.text import painted, percent, table
from getspec.errors import escape
from getspec.passes.changes import CLASSES, Change, Difference
from getspec.passes.comparison import flops, remembered

if TYPE_CHECKING:
    from getspec.terminal import Look

__all__ = ["cost_lines", "difference_tree", "silent_rows", "tree_rows"]

MAX_WORDS = 160
"""How much is shown of a change; the JSON document has all of it."""


def difference_tree(found: Difference, depth: int | None = None, look: Look | None = None) -> str:
    """What changed as a tree with subtotals, to `depth` levels; equal changes of neighbours share a line."""
    lines = [*_head(found, look), ""]
    if found.identical:
        return "\n".join([*lines, "no difference"])
    rows = tree_rows(found, depth)
    if rows:
        lines += [*(table(rows, "<>>") if look is None else _tree(rows, look)), ""]
    silent = silent_rows(found)
    if silent:
        lines += [painted(look, "strong", "without parameters:")]
        lines += _silent_lines(silent, look)
    return "\n".join(lines).rstrip()


def tree_rows(found: Difference, depth: int | None = None) -> list[tuple[str, str, str]]:
    """What changes parameters: indented words, `12 x +768` where it repeats, and the sum."""
    root = _Branch("")
    for change in found.changes:
        root.add(change.path.split("."), change)
    rows: list[tuple[str, str, str]] = []
    _tree_rows(root, 0, rows, depth)
    return rows


def cost_lines(found: Difference, given: Mapping[str, int]) -> list[str]:
    """What differs in work and in bytes that are kept: figures where all run-time sizes are known, else closed forms."""
    work = flops(found, given)
    if work is None or found.identical:
        return []
    lines = []
    if work.known:
        places = dict.fromkeys(_at(sizes) for sizes in (work.sizes_a, work.sizes_b) if sizes)
        words = f"forward  {work.a.constant:,} -> {work.b.constant:,} FLOPs"
        share = percent(work.delta, work.a.constant or 0)
        lines.append(f"{words}  {work.delta:+,}  ({share})  {' and '.join(places)}".rstrip())
    elif work.a != work.b:
        lines += [f"forward  {work.a} FLOPs", f"      -> {work.b} FLOPs"]
    for kept in remembered(found, given):
        if kept.delta:
            share = percent(kept.delta, kept.a)
            lines.append(
                f"{kept.words}  {kept.a:,} -> {kept.b:,} bytes  {kept.delta:+,}  ({share})"
            )
    return lines


def _at(sizes: Mapping[str, int]) -> str:
    return f"at {', '.join(f'{name} = {number:,}' for name, number in sizes.items())}"


def _head(found: Difference, look: Look | None) -> list[str]:
    """Both models and the difference of their totals."""
    a, b = found.a, found.b
    difference = f"{found.delta:+,}  ({found.percent:+.2f} %)"
    if look is None:
        return [
            f"{a.name}  {found.total_a:,}  ({escape(a.file)})",
            f"{b.name}  {found.total_b:,}  ({escape(b.file)})",
            f"difference  {difference}",
        ]
    from getspec.terminal import short

    rows = [
        (escape(side.name), f"{total:,}", f"({short(total)})", escape(side.file))
        for side, total in ((a, found.total_a), (b, found.total_b))
    ]
    rows.append(
        (
            "difference",
            f"{found.delta:+,}",
            f"({'+' if found.delta > 0 else ''}{short(found.delta)})",
            f"{found.percent:+.2f} %",
        )
    )
    return look.table(rows, "<>><", styles=("strong", "", "quiet", "quiet"), spare=(2,))


def _tree(rows: Sequence[tuple[str, str, str]], look: Look) -> list[str]:
    """The rows of the tree: what is added in one colour, what goes in another, and where both stand in neither."""
    lines = look.table(rows, "<>>", styles=("", "quiet", ""), spare=(1,))
    tones = ["good" if row[2].startswith("+") else "bad" for row in rows]
    found = []
    for line, tone, (_, _, delta) in zip(lines, tones, rows, strict=True):
        start = line.rindex(delta)
        found.append(line[:start] + look.paint(tone, delta) + line[start + len(delta) :])
    return found


class _Branch:
    """A place in the tree: changes here, and branches below in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.changes: list[Change] = []
        self.children: dict[str, _Branch] = {}

    def add(self, path: list[str], change: Change) -> None:
        if not path:
            self.changes.append(change)
            return
        child = self.children.setdefault(path[0], _Branch(path[0]))
        child.add(path[1:], change)

    @property
    def delta(self) -> int:
        return sum(c.delta for c in self.changes) + sum(b.delta for b in self.children.values())

    @property
    def counts(self) -> bool:
        """Whether anything here changes a parameter."""
        return any(c.delta for c in self.changes) or any(b.counts for b in self.children.values())

    @property
    def repeat(self) -> int:
        first = next(iter(self.changes), None)
        return first.repeat if first else min(b.repeat for b in self.children.values())


def _tree_rows(
    branch: _Branch, depth: int, rows: list[tuple[str, str, str]], deepest: int | None
) -> None:
    leaves: dict[tuple[str, int, int], list[str]] = {}
    for name, child in sorted(branch.children.items(), key=lambda item: -abs(item[1].delta)):
        if not child.counts:
            continue
        name, child = _shortened(name, child)
        if not any(below.counts for below in child.children.values()):
            for change in child.changes:
                if change.delta or change.renamed:
                    words = change.words.partition(": ")[2]
                    leaves.setdefault((words, change.repeat, change.delta), []).append(name)
            continue
        _flush(leaves, depth, rows)
        rows.append(
            (f"{'  ' * depth}{name}", _times(child.delta, child.repeat), f"{child.delta:+,}")
        )
        if deepest is None or depth + 1 < deepest:
            _tree_rows(child, depth + 1, rows, deepest)
    _flush(leaves, depth, rows)


def _shortened(name: str, branch: _Branch) -> tuple[str, _Branch]:
    """A chain of single branches on one line: `blocks.*`."""
    while not any(change.delta for change in branch.changes):
        live = [child for child in branch.children.values() if child.counts]
        if len(live) != 1 or len(branch.children) != 1:
            break
        branch = live[0]
        name = f"{name}.{branch.name}"
    return name, branch


def _flush(
    leaves: dict[tuple[str, int, int], list[str]], depth: int, rows: list[tuple[str, str, str]]
) -> None:
    for (words, repeat, delta), names in leaves.items():
        total = delta * len(names)
        rows.append(
            (f"{'  ' * depth}{', '.join(names)}: {words}", _times(total, repeat), f"{total:+,}")
        )
    leaves.clear()


def _times(delta: int, repeat: int) -> str:
    return f"{repeat} x {delta // repeat:+,}" if repeat > 1 and delta % repeat == 0 else ""


def silent_rows(found: Difference) -> list[tuple[str, str]]:
    """What changes no parameter: class and words, strictest first; equal changes of neighbours share a row."""
    merged: dict[tuple[str, str, str], list[str]] = {}
    silent = [change for change in found.changes if change.delta == 0]
    for change in sorted(silent, key=lambda change: CLASSES.index(change.category)):
        parent, _, name = change.path.rpartition(".")
        words = change.words.partition(": ")[2]
        merged.setdefault((change.category, parent, words), []).append(name)
    return [
        (category, f"{f'{parent}.' if parent else ''}{', '.join(names)}: {_cut(words)}")
        for (category, parent, words), names in merged.items()
    ]


def _silent_lines(rows: Sequence[tuple[str, str]], look: Look | None) -> Iterator[str]:
    width = max(len(category) for category, _ in rows)
    for category, line in rows:
        if look is None:
            yield f"  {category:<{width}}  {line}"
            continue
        first, *rest = wrap(line, max(look.width - width - 4, 24)) or [""]
        yield f"  {look.paint(TONES[category], f'{category:<{width}}')}  {first}"
        yield from (f"  {' ' * width}  {more}" for more in rest)


TONES = {"INTERFACE": "bad", "STATE": "bad", "SIZE": "warn", "GRAPH": "warn", "SOURCE": "quiet"}


def _cut(words: str) -> str:
    return escape(words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 3]}...")
