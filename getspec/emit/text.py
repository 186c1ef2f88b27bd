"""Tables and trees for a terminal: plain text, aligned, with no width that depends on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from getspec.errors import escape
from getspec.passes.count import Count

if TYPE_CHECKING:
    from getspec.checkpoint import Comparison
    from getspec.verify import Verdict

__all__ = ["count_table", "table", "tensor_table", "verdict_line"]


def table(rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """Rows as aligned columns; `align` has `<` or `>` for each."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(align))]
    lines = []
    for row in rows:
        cells = [f"{c:{a}{w}}" for c, a, w in zip(row, align, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def count_table(found: Count, depth: int | None = None) -> str:
    """Modules as an indented tree; rows of one level add up to the row above them."""
    rows = [("", "type", "repeat", "params", "%")]
    for row in found.rows:
        if depth is not None and row.depth >= depth:
            continue
        name = _name(row.path, found)
        share = f"{100 * row.params / found.total:.2f}" if found.total else "0"
        times = f"x{row.repeat}" if row.repeat > 1 else ""
        rows.append((f"{'  ' * row.depth}{name}", row.type, times, f"{row.params:,}", share))
    lines = [f"{found.model}  {found.total:,} parameters", ""]
    if len(rows) > 1:
        lines += [*table(rows, "<<>>>"), ""]
    lines.append(f"total      {found.total:,}")
    if found.frozen:
        lines += [f"trainable  {found.trainable:,}", f"frozen     {found.frozen:,}"]
    if found.buffers:
        lines.append(f"buffers    {found.buffers:,}  (elements; not parameters)")
    for name, of in found.tied:
        lines.append(f"tied       {name} = {of}  (counted once)")
    return "\n".join(lines)


def _name(path: str, found: Count) -> str:
    """The last part of a path, with the list it is in: `blocks.*`."""
    parts = path.split(".")
    at = len(parts) - 1
    while at > 0 and (parts[at] == "*" or parts[at].replace("-", "").isdigit()):
        at -= 1
    return ".".join(parts[at:])


def tensor_table(found: Count) -> str:
    """Every tensor of the state dict."""
    rows = [("name", "shape", "elements", "")]
    for tensor in (*found.parameters(), *found.buffer_tensors()):
        shape = f"[{', '.join(map(str, tensor.shape))}]"
        note = "buffer" if tensor.kind == "buffer" else "" if tensor.trainable else "frozen"
        rows.append((tensor.name, shape, f"{tensor.count:,}", note))
    return "\n".join(table(rows, "<<><"))


# Checkpoints


def comparison_text(found: Comparison, file: str) -> str:
    """What keeps a checkpoint from loading strictly."""
    lines = []
    for name, near in found.missing:
        hint = f"  (the checkpoint has `{escape(near)}` of this shape)" if near else ""
        lines.append(f"missing     {name}{hint}")
    lines += [f"unexpected  {escape(name)}" for name in found.unexpected]
    for name, want, have in found.misshaped:
        lines.append(f"misshaped   {name}: the model has {list(want)}, the checkpoint {list(have)}")
    if found.ok:
        return f"{escape(file)} loads strictly: {found.checked} tensors"
    counts = f"{len(found.missing)} missing, {len(found.unexpected)} unexpected, "
    return "\n".join([*lines, f"{counts}{len(found.misshaped)} misshaped of {found.checked}"])


# Verification


def verdict_line(verdict: Verdict) -> str:
    """`ok    MyModel  parameters  164 names and shapes`."""
    word = "ok  " if verdict.ok else "FAIL"
    detail = escape(verdict.detail)
    return f"{word}  {verdict.model}  {verdict.check:<14}  {detail}  ({verdict.seconds:.1f} s)"
