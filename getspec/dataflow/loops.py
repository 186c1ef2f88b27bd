"""What a loop of `forward` goes over, and its rounds, each kind of round checked once.

A component list is a few stretches of equal components. A round that leaves every name with the type it had is like all
rounds that follow it in the same stretch, so 12,000 layers are one round. Deciding this from the text of the body was
refused: only the types say whether a second round would differ from the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from getspec.dataflow.frame import Frame
from getspec.dataflow.wording import shown
from getspec.evaluate import Evaluator, NeedsIndex
from getspec.ir import Const, Expr, Link, Name, Operation, Stack, Statement, Varying
from getspec.record import Record
from getspec.sizes import Size
from getspec.syntax import Call, For, Node, names
from getspec.syntax import Name as NameNode

__all__ = ["Stretch", "iterated", "rounds"]

MAX_ROUNDS = 4096
MAX_ROUNDS_IN_ALL = 16_384
"""Of all loops of a compilation: loops within loops multiply."""

Body = Callable[[], tuple[Statement, ...]]
Round = tuple[int, tuple[Expr, ...], tuple[Statement, ...]]


class Stretch(Record):
    """Equal elements in a row; an element is one value for each target."""

    count: int
    element: tuple[Expr, ...]

    def part(self, first: int, times: int) -> tuple[Expr, ...]:
        """The element that stands for `times` of them, components under their own places."""
        if times == self.count:
            return self.element
        return tuple(_placed(expr, first, times) for expr in self.element)

    def turned(self) -> Stretch:
        """Gone through from its end: `blocks.3-0`."""
        return Stretch(self.count, tuple(map(_turned, self.element)))


# What a loop goes over


def iterated(evaluator: Evaluator, node: Node) -> tuple[Expr, list[Stretch]]:
    """The expression to print, and what it holds."""
    if isinstance(node, Call) and isinstance(node.callee, NameNode):
        match node.callee.id, node.args:
            case "range", args if 1 <= len(args) <= 3:
                return _range(evaluator, node)
            case ("reversed" | "enumerate" | "zip") as function, args:
                _refuse_nested(evaluator, function, args)
        match node.callee.id, node.args:
            case "reversed", (inner,):
                expr, stretches = iterated(evaluator, inner)
                return _named("reversed", expr), [each.turned() for each in stretches[::-1]]
            case "enumerate", (inner,):
                expr, stretches = iterated(evaluator, inner)
                places = _integers(range(_length(stretches)))
                return _named("enumerate", expr), _zipped(places, stretches)
            case "zip", (_, _, *_):
                return _zip(evaluator, node)
            case "zip", (_,):
                help = "loop over the list itself"
                raise evaluator.error("GS410", "`zip` wants two lists or more", node, help)
    return _listed(evaluator, node)


def _refuse_nested(evaluator: Evaluator, function: str, args: tuple[Node, ...]) -> None:
    """In Python, nothing but a list can be reversed, and what is nested makes tuples within tuples."""
    for arg in args:
        inner = arg.callee.id if isinstance(arg, Call) and isinstance(arg.callee, NameNode) else ""
        if inner in ("zip", "enumerate") or inner == function == "reversed":
            message = f"`{function}` goes over lists, and `{inner}(...)` is none"
            help = "go over the lists side by side: `zip(range(n), a, reversed(b))`"
            raise evaluator.error("GS410", message, arg, help)


def _listed(evaluator: Evaluator, node: Node) -> tuple[Expr, list[Stretch]]:
    expr = evaluator.expr(node)
    if isinstance(expr.value, Link) and isinstance(expr.value.member.module, Stack):
        path, runs = expr.value.path, expr.value.member.module.runs
        links = [(run.count, Link(f"{path}.{run.name}", run.member)) for run in runs]
        return expr, [Stretch(count, (Const(link),)) for count, link in links]
    if isinstance(expr.value, tuple):
        return expr, [Stretch(1, (Const(value),)) for value in expr.value]
    message = f"{shown(expr.value)} is not a list"
    help = "loop over a component list, `range(n)` or a list"
    raise evaluator.error("GS410", message, node, help)


def _range(evaluator: Evaluator, node: Call) -> tuple[Expr, list[Stretch]]:
    exprs = [evaluator.expr(arg) for arg in node.args]
    bounds = [evaluator.whole(arg, expr.value) for arg, expr in zip(node.args, exprs, strict=True)]
    try:
        numbers = range(*bounds)
    except ValueError:
        raise evaluator.error("GS212", "range: the step is 0", node) from None
    if len(numbers) > MAX_ROUNDS:
        raise evaluator.error("GS412", f"more than {MAX_ROUNDS:,} rounds", node)
    for arg in node.args:
        evaluator.scope.decide(names(arg))
    return _named("range", *exprs), _integers(numbers)


def _zip(evaluator: Evaluator, node: Call) -> tuple[Expr, list[Stretch]]:
    parts = [iterated(evaluator, arg) for arg in node.args]
    lengths = [_length(stretches) for _, stretches in parts]
    if len(set(lengths)) > 1:
        message = f"zip over lists of {' and '.join(map(str, lengths))} items"
        raise evaluator.error("GS410", message, node)
    exprs = [expr for expr, _ in parts]
    return _named("zip", *exprs), _zipped(*(stretches for _, stretches in parts))


def _named(function: str, *exprs: Expr) -> Operation:
    return Operation(None, function, exprs)


def _length(stretches: list[Stretch]) -> int:
    return sum(stretch.count for stretch in stretches)


def _integers(numbers: Iterable[int]) -> list[Stretch]:
    return [Stretch(1, (Const(Size.of(number)),)) for number in numbers]


def _zipped(*parts: list[Stretch]) -> list[Stretch]:
    """Lists side by side: an element has the values of each of theirs."""
    rows = zip(*map(_singly, parts), strict=True)
    return [Stretch(1, tuple(expr for each in row for expr in each.element)) for row in rows]


def _singly(stretches: list[Stretch]) -> list[Stretch]:
    return [Stretch(1, each.part(at, 1)) for each in stretches for at in range(each.count)]


def _placed(expr: Expr, first: int, times: int) -> Expr:
    """Of a run of components, the `times` from the `first`."""
    if not isinstance(expr.value, Link):
        return expr
    path, _, places = expr.value.path.rpartition(".")
    start, _, end = places.partition("-")
    step = 1 if int(end) > int(start) else -1
    begin, last = int(start) + step * first, int(start) + step * (first + times - 1)
    name = str(begin) if times == 1 else f"{begin}-{last}"
    return Const(Link(f"{path}.{name}", expr.value.member))


def _turned(expr: Expr) -> Expr:
    if not isinstance(expr.value, Link):
        return expr
    path, _, places = expr.value.path.rpartition(".")
    start, dash, end = places.partition("-")
    turned = f"{path}.{end}{dash}{start}" if dash else expr.value.path
    return Const(Link(turned, expr.value.member))


# Its rounds


def rounds(frame: Frame, node: For, stretches: list[Stretch], body: Body) -> tuple[Round, ...]:
    """Each round once, and equal rounds in a row together; where a position matters, every round."""
    held, used = dict(frame.locals), set(frame.used)
    try:
        return tuple(_folded(frame, node, stretches, body))
    except NeedsIndex:
        frame.locals, frame.used = held, used
        return tuple(_folded(frame, node, _singly(stretches), body))


def _folded(frame: Frame, node: For, stretches: list[Stretch], body: Body) -> Iterator[Round]:
    total = 0
    for stretch in stretches:
        done = 0
        while done < stretch.count:
            total += 1
            _limit(frame, node, total)
            before = frame.types(without=node.targets)
            _enter(frame, node, stretch)
            statements = body()
            same = frame.types(without=node.targets) == before
            times = stretch.count - done if same else 1
            yield times, stretch.part(done, times), statements
            done += times


def _limit(frame: Frame, node: For, total: int) -> None:
    in_all = frame.routines.round()
    for number, limit in ((total, MAX_ROUNDS), (in_all, MAX_ROUNDS_IN_ALL)):
        if number > limit:
            message = f"more than {limit:,} rounds that differ"
            raise frame.text.error("GS412", message, node.at)


def _enter(frame: Frame, node: For, stretch: Stretch) -> None:
    """Give the targets the values of a round."""
    for target, expr in zip(node.targets, stretch.element, strict=True):
        kind = "index" if isinstance(expr.value, Size | Varying) else "local"
        frame.locals[target] = Name(expr.value, target, kind)
