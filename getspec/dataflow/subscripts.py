"""Brackets behind a tensor: `x[:, 1:]`, `x[..., None]`, `x[mask]`.

What stands in them is kept twice: as it is written, for the generated code, and as sizes, for the rule in `ops.indexing`.
"""

from __future__ import annotations

from typing import Any

from getspec.dataflow.frame import Frame
from getspec.dataflow.wording import shown
from getspec.evaluate import Evaluator, NeedsIndex
from getspec.ir import Apply, Const, Expr, Name, Subscript, Varying
from getspec.ops.base import ShapeError, Tensor
from getspec.ops.indexing import NewAxis, Range, index
from getspec.sizes import Size
from getspec.syntax import Literal, Node, Slice

__all__ = ["subscript"]

REARRANGING = ("flatten", "reshape", "squeeze", "transpose", "unsqueeze")
"""Ops that leave a mask with the values it has."""


def subscript(
    evaluator: Evaluator, frame: Frame, node: Node, base: Expr, items: tuple[Node, ...]
) -> Subscript:
    items = _spread_ellipsis(base.value, items)
    if not items:
        raise frame.text.error("GS420", f"`...` stands for no axis of {base.value}", node.at)
    pairs = [_item(evaluator, item) for item in items]
    written = tuple(expr for expr, _ in pairs)
    fresh = frame.fresh()
    selected = _selected(frame, written) or Size.runtime(fresh)
    try:
        type = index(base.value, tuple(item for _, item in pairs), selected)
    except ShapeError as error:
        raise frame.mismatch(error.message, node, node, error.help) from None
    if any(fresh in length.value.symbols() for length in type.shape):
        frame.take(fresh)
    return Subscript(type, base, written)


def _spread_ellipsis(base: Tensor, items: tuple[Node, ...]) -> tuple[Node, ...]:
    """`...` as the whole axes that it stands for."""
    at = next((at for at, item in enumerate(items) if _is_literal(item, "...")), None)
    if at is None:
        return items
    given = sum(not _is_literal(item, None) for item in items) - 1
    whole = Slice(items[at].at, None, None, None)
    return (*items[:at], *(whole,) * max(base.rank - given, 0), *items[at + 1 :])


def _is_literal(node: Node, value: str | None) -> bool:
    return isinstance(node, Literal) and node.value == value


def _item(evaluator: Evaluator, node: Node) -> tuple[Any, Any]:
    """One item as it is written and as the rule takes it."""
    if isinstance(node, Slice):
        return _slice(evaluator, node)
    if _is_literal(node, None):
        return Const(None), NewAxis()
    expr = evaluator.expr(node)
    value = expr.value if isinstance(expr.value, Tensor) else _size(evaluator, node, expr)
    return expr, value


def _slice(evaluator: Evaluator, node: Slice) -> tuple[Any, Range]:
    start = None if node.start is None else evaluator.expr(node.start)
    stop = None if node.stop is None else evaluator.expr(node.stop)
    step = 1 if node.step is None else evaluator.whole(node.step, evaluator.expr(node.step).value)
    first = None if start is None else _size(evaluator, node, start)
    end = None if stop is None else _size(evaluator, node, stop)
    return (start, stop, step), Range(first, end, step)


def _size(evaluator: Evaluator, node: Node, expr: Expr) -> Size:
    if isinstance(expr.value, Varying):
        raise NeedsIndex
    if isinstance(expr.value, Size):
        return expr.value
    message = f"an index is an integer, this is {shown(expr.value)}"
    raise evaluator.error("GS420", message, node)


def _selected(frame: Frame, items: tuple[Any, ...]) -> Size | None:
    """How many elements a mask leaves, where its input declares it."""
    mask = items[0]
    while isinstance(mask, Apply) and mask.op in REARRANGING:
        mask = mask.args["x"]
    if isinstance(mask, Name) and mask.kind == "input":
        return frame.selects.get(mask.id)
    return None
