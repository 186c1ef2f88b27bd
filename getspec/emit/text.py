"""Tables and trees as plain text, with no width that depends on a terminal; given a `Look`, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from getspec.errors import escape
from getspec.passes.count import Count

if TYPE_CHECKING:
    from getspec.checkpoint import Comparison
    from getspec.terminal import Look
    from getspec.verify import Verdict

__all__ = [
    "count_table",
    "folded",
    "human",
    "last_name",
    "painted",
    "patch",
    "percent",
    "table",
    "tensor_table",
    "verdict_line",
]

MAX_DIGITS = 9


def table(rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """Rows as aligned columns; `align` has `<` or `>` for each."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(align))]
    lines = []
    for row in rows:
        cells = [f"{c:{a}{w}}" for c, a, w in zip(row, align, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def percent(part: int, whole: int, *, sign: bool = True) -> str:
    """A share with two digits behind the point, or as many as it takes to be no zero."""
    if not whole:
        return "-"
    share = 100 * part / whole
    digits = 2
    while part and abs(share) < 0.5 * 10**-digits and digits < MAX_DIGITS:
        digits += 1
    return f"{share:{'+' if sign and part else ''},.{digits}f} %"


def painted(look: Look | None, style: str, text: str) -> str:
    """Text in a style, where somebody looks."""
    return text if look is None else look.paint(style, text)


def human(look: Look | None, number: int) -> str:
    """` (85.5M)`, to stand behind the full number where somebody looks."""
    if look is None or abs(number) < 1000:
        return ""
    from getspec.terminal import short

    return look.paint("quiet", f" ({short(number)})")


def folded(line: str, look: Look | None, indent: int = 0) -> list[str]:
    """A long line in the width of the terminal, or as it is."""
    if look is None or len(line) <= look.width:
        return [line]
    from textwrap import wrap

    return wrap(line, look.width, subsequent_indent=" " * indent)


def count_table(found: Count, depth: int | None = None, look: Look | None = None) -> str:
    """Modules as an indented tree; rows of one level add up to the row above them."""
    shown = [row for row in found.rows if depth is None or row.depth < depth]
    rows = [("", "type", "repeat", "params", "%")]
    for row in shown:
        name = last_name(row.path)
        share = f"{100 * row.params / found.total:.2f}" if found.total else "0"
        times = f"x{row.repeat}" if row.repeat > 1 else ""
        rows.append((f"{'  ' * row.depth}{name}", row.type, times, f"{row.params:,}", share))
    title = painted(look, "strong", found.model)
    lines = [f"{title}  {found.total:,} parameters{human(look, found.total)}", ""]
    if len(rows) > 1 and look is None:
        lines += [*table(rows, "<<>>>"), ""]
    elif len(rows) > 1 and look is not None:
        shares = [0.0, *(row.params / found.total if found.total else 0.0 for row in shown)]
        empty = [at for at, row in enumerate(shown, 1) if not row.params]
        styles = ("", "quiet", "quiet")
        made = look.table(
            rows, "<<>>>", styles=styles, head=True, bars=shares, spare=(1,), dull=empty
        )
        lines += [*made, ""]
    lines.append(f"total      {found.total:,}")
    if found.frozen:
        lines += [f"trainable  {found.trainable:,}", f"frozen     {found.frozen:,}"]
    if found.buffers:
        lines.append(f"buffers    {found.buffers:,}  (elements; not parameters)")
    for name, of in found.tied:
        lines.append(f"tied       {name} = {of}  (counted once)")
    return "\n".join(lines)


def last_name(path: str) -> str:
    """The last part of a path, with the list it is in: `blocks.*`."""
    parts = path.split(".")
    at = len(parts) - 1
    while at > 0 and (parts[at] == "*" or parts[at].replace("-", "").isdigit()):
        at -= 1
    return ".".join(parts[at:])


def tensor_table(found: Count, look: Look | None = None) -> str:
    """Every tensor of the state dict."""
    rows = [("name", "shape", "elements", "")]
    for tensor in (*found.parameters(), *found.buffer_tensors()):
        shape = f"[{', '.join(map(str, tensor.shape))}]"
        note = "buffer" if tensor.kind == "buffer" else "" if tensor.trainable else "frozen"
        rows.append((tensor.name, shape, f"{tensor.count:,}", note))
    if look is None:
        return "\n".join(table(rows, "<<><"))
    return "\n".join(look.table(rows, "<<><", styles=("", "quiet", "", "quiet"), head=True))


def patch(text: str, look: Look | None) -> str:
    """A unified diff, with what comes and what goes told apart."""
    if look is None:
        return text
    styles = {"+": "good", "-": "bad", "@": "quiet"}
    lines = text.split("\n")
    return "\n".join(look.paint(styles.get(line[:1], ""), line) for line in lines)


# Checkpoints


def comparison_text(found: Comparison, file: str, look: Look | None = None) -> str:
    """What keeps a checkpoint from loading strictly."""
    lines = []
    for name, near in found.missing:
        hint = f"  (the checkpoint has `{escape(near)}` of this shape)" if near else ""
        lines.append(f"{painted(look, 'bad', 'missing')}     {name}{hint}")
    word = painted(look, "bad", "unexpected")
    lines += [f"{word}  {escape(name)}" for name in found.unexpected]
    word = painted(look, "bad", "misshaped")
    for name, want, have in found.misshaped:
        lines.append(f"{word}   {name}: the model has {list(want)}, the checkpoint {list(have)}")
    if found.ok:
        word = painted(look, "good", "loads strictly")
        return f"{escape(file)} {word}: {found.checked} tensors"
    counts = f"{len(found.missing)} missing, {len(found.unexpected)} unexpected, "
    return "\n".join([*lines, f"{counts}{len(found.misshaped)} misshaped of {found.checked}"])


# Verification

NARROW = 24
"""Columns of a detail, however narrow the terminal is."""


def verdict_line(verdict: Verdict, look: Look | None = None) -> str:
    """`ok    MyModel  parameters  164 names and shapes`."""
    word = "ok  " if verdict.ok else "FAIL"
    start = f"  {verdict.model}  {verdict.check:<14}  "
    rest = f"{escape(verdict.detail)}  ({verdict.seconds:.1f} s)"
    if look is None:
        return f"{word}{start}{rest}"
    from textwrap import wrap

    room = look.width - len(word) - len(start)
    whole = rest.replace(" s)", "\0s)")  # a number stays beside its unit
    lines = [line.replace("\0", " ") for line in wrap(whole, max(room, NARROW))]
    margin = "\n" + " " * (len(word) + len(start))
    return look.paint("good" if verdict.ok else "bad", word) + start + margin.join(lines)
