"""`forward`, checked line by line: every value has a type before any code is written.

A definition is checked once per set of settings, over its own run-time names, and never again for each caller: a call only
fits the caller's sizes to those names. So work grows with what a spec says, not with how deep the model is. Loops are run
until the types stop changing and then folded.

Statements with an error are reported and stepped over; what they would have defined is unknown, and a use of it is silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from getspec.errors import Diagnostics, Note, Span, SpecError, nearest
from getspec.evaluate import SCALAR, Evaluator, NeedsIndex, Scope, described
from getspec.ir import (
    Apply,
    Assign,
    Call,
    Const,
    Expr,
    For,
    Forward,
    Group,
    Input,
    Link,
    Name,
    Operation,
    Pick,
    Push,
    Return,
    Routine,
    RoutineCall,
    Stack,
    Statement,
    Subscript,
    Varying,
)
from getspec.ops import FUNCTIONS
from getspec.ops.base import DTYPES, Argument, Function, ShapeError, Tensor
from getspec.ops.indexing import NewAxis, Range, index
from getspec.signature import inputs_of, outcome, spellings
from getspec.sizes import Size
from getspec.syntax import (
    Append,
    At,
    Body,
    Expression,
    If,
    Index,
    Items,
    Literal,
    Node,
    Pop,
    Slice,
    Text,
    names,
)
from getspec.syntax import Assign as AssignNode
from getspec.syntax import Call as CallNode
from getspec.syntax import For as ForNode
from getspec.syntax import Name as NameNode
from getspec.syntax import Return as ReturnNode
from getspec.syntax import Statement as StatementNode
from getspec.unify import bind, substituted

__all__ = ["Routines", "check", "constant", "fitted"]

OPERATORS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "//": "floor_divide",
    "%": "remainder",
    "**": "power",
    "@": "matmul",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "&": "logical_and",
    "|": "logical_or",
}
REARRANGING = ("flatten", "reshape", "squeeze", "transpose", "unsqueeze")
"""Ops that leave a mask with the values it has."""
MAX_ROUNDS = 4096
MAX_ROUNDS_IN_ALL = 16_384
"""Of all loops of a compilation: loops within loops multiply."""


class Routines(Protocol):
    """Where `forward` finds the functions of the spec."""

    def names(self) -> list[str]: ...

    def round(self) -> int:
        """Count a round of a loop; how many there were."""

    def settings_of(self, name: str) -> tuple[list[str], list[str]]:
        """Its inputs and its settings."""

    def routine(self, name: str, settings: Mapping[str, Any], where: Any) -> Routine: ...


class _Silent(Exception):
    """A value is unknown because of an error that was reported before."""


_UNKNOWN = Const("unknown")


def check(
    body: Body,
    scope: Scope,
    inputs: tuple[Input, ...],
    routines: Routines,
    problems: Diagnostics,
    *,
    names: tuple[str, ...] = (),
) -> tuple[Forward | None, set[str]]:
    """The dataflow with types, and the components it uses. Mistakes go to `problems`."""
    flow = _Flow(scope, body.text, routines, problems)
    for declared in inputs:
        flow.scope.names[declared.name] = Name(declared.type, declared.name, "input")
        if declared.span is not None:
            flow.origins[declared.name] = declared.type, declared.span
        if declared.selects is not None:
            flow.selects[declared.name] = declared.selects
        for length in (length for tensor in declared.tensors for length in tensor.shape):
            for symbol in sorted(length.value.symbols()):
                flow.scope.names.setdefault(symbol, Name(Size.runtime(symbol), symbol, "size"))
                flow.taken.add(symbol)
    before = len(problems.errors)
    statements = flow.block(body.statements)
    if flow.result is None and len(problems.errors) == before:
        last = body.statements[-1]
        problems.extend(
            flow.error(
                "GS407", "forward returns nothing", last.at, "end it with `return x`"
            ).diagnostics
        )
    if len(problems.errors) > before or flow.result is None:
        return None, flow.used
    return Forward(inputs, tuple(statements), flow.result, names), flow.used


def constant(
    expression: Expression, scope: Scope, routines: Routines, problems: Diagnostics
) -> Expr | None:
    """One expression of tensors outside `forward`: the value of a buffer."""
    flow = _Flow(scope, expression.text, routines, problems)
    try:
        return flow.expr(expression.node)
    except SpecError as error:
        problems.extend(error.diagnostics)
    except _Silent:
        pass
    return None


class _Flow(Evaluator):
    """Checks the statements of one definition."""

    def __init__(self, scope: Scope, text: Text, routines: Routines, problems: Diagnostics) -> None:
        super().__init__(scope, text)
        self.routines = routines
        self.problems = problems
        self.locals: dict[str, Expr] = {}
        self.used: set[str] = set()
        self.taken: set[str] = set()
        self.selects: dict[str, Size] = {}
        self.origins: dict[str, tuple[Any, Span]] = {}
        """What each name held last, and the line that made it."""
        self.result: Any = None
        self.returned = False

    # Statements

    def block(self, nodes: tuple[StatementNode, ...]) -> list[Statement]:
        done: list[Statement] = []
        for node in nodes:
            if self.returned:
                problem = self.error("GS408", "this is never reached", node.at, "delete it")
                self.problems.extend(problem.diagnostics)
                break
            try:
                done += self.statement(node)
            except SpecError as error:
                self.problems.extend(error.diagnostics)
                self.forget(node)
            except _Silent:
                self.forget(node)
        return done

    def forget(self, node: StatementNode) -> None:
        """What a broken statement would have defined is unknown from here on."""
        match node:
            case AssignNode(_, targets):
                self.locals.update(dict.fromkeys(targets, _UNKNOWN))
            case Append(_, name):
                self.locals[name] = _UNKNOWN
            case ForNode(_, targets, _, body):
                self.locals.update(dict.fromkeys(targets, _UNKNOWN))
                for inner in body:
                    self.forget(inner)
                self.returned = False
            case If(_, _, then, otherwise):
                for inner in (*then, *otherwise):
                    self.forget(inner)
            case ReturnNode():
                self.returned = True

    def statement(self, node: StatementNode) -> list[Statement]:
        match node:
            case AssignNode(_, targets, value, unpack, comment):
                return [self.assign(node, targets, value, unpack, comment)]
            case Append(_, name, value, comment):
                return [self.append(node, name, value, comment)]
            case ReturnNode(_, values, comment):
                items = tuple(self.expr(value) for value in values)
                self.returned = True
                self.result = items[0].value if len(items) == 1 else tuple(i.value for i in items)
                self.check_result(node, items)
                return [Return(items, comment)]
            case If(_, test, then, otherwise):
                return self.block(then if self.test(test) else otherwise)
            case ForNode():
                return [self.loop(node)]
        raise AssertionError(node)

    def check_result(self, node: ReturnNode, items: tuple[Expr, ...]) -> None:
        for value, item in zip(node.values, items, strict=True):
            for part in item.value if isinstance(item.value, tuple) else (item.value,):
                if not isinstance(part, Tensor):
                    message = f"forward returns tensors, this is {self.shown(part)}"
                    raise self.error("GS409", message, value)

    def assign(
        self,
        node: AssignNode,
        targets: tuple[str, ...],
        value: Node,
        unpack: bool,
        comment: tuple[str, ...],
    ) -> Assign:
        made = self.expr(value)
        for target in targets:
            self.check_target(node, target)
        if not unpack:
            self.set(targets[0], made)
            self.origins[targets[0]] = made.value, self.text.span(node.at)
            return Assign(targets, made, False, comment)
        if not isinstance(made.value, tuple):
            message = f"{self.shown(made.value)} cannot be unpacked into {len(targets)} names"
            raise self.error("GS410", message, value)
        if len(made.value) != len(targets):
            message = f"{len(made.value)} values for {_count(len(targets), 'name')}"
            raise self.error("GS410", message, node.at)
        for target, part in zip(targets, made.value, strict=True):
            self.locals[target] = Name(part, target, "local")
            self.origins[target] = part, self.text.span(node.at)
        return Assign(targets, made, True, comment)

    def set(self, target: str, made: Expr) -> None:
        value = made.value
        if isinstance(value, Size) and value.known is not None:
            value = Size.named(target, value.known) if not isinstance(made, Const) else value
        self.locals[target] = Name(value, target, "local")
        self.scope.roots.setdefault(target, frozenset())

    def check_target(self, node: AssignNode, target: str) -> None:
        if target.startswith("_") and target != "_":
            place = At(node.at.line, node.at.col, len(target))
            help = f"`{target.lstrip('_') or 'x'}`"
            raise self.error("GS104", f"`{target}`: names do not start with _", place, help)
        known = self.scope.names.get(target)
        if target in self.scope.names and not (isinstance(known, Name) and known.kind == "input"):
            what = "a component" if isinstance(known, Name) and known.kind == "weight" else "a name"
            message = f"`{target}` is {what} of the spec and cannot be assigned to"
            raise self.error("GS411", message, At(node.at.line, node.at.col, len(target)))
        if target in FUNCTIONS or target in SCALAR or target in self.routines.names():
            message = f"`{target}` is the name of an op"
            raise self.error(
                "GS411", message, At(node.at.line, node.at.col, len(target)), "choose another name"
            )

    def append(self, node: Append, name: str, value: Node, comment: tuple[str, ...]) -> Push:
        target = self.local_list(node.at, name)
        made = self.expr(value)
        self.locals[name] = Name((*target, made.value), name, "local")
        return Push(name, made, comment)

    def local_list(self, at: At, name: str) -> tuple[Any, ...]:
        found = self.locals.get(name)
        if found is _UNKNOWN:
            raise _Silent
        if found is None or not isinstance(found.value, tuple):
            raise self.error(
                "GS410", f"`{name}` is not a list made in this forward", at, f"{name} = []"
            )
        return found.value

    # Loops

    def loop(self, node: ForNode) -> For:
        iterable, items = self.items(node.iterable)
        if items and len(items[0][1]) != len(node.targets):
            number = len(items[0][1])
            message = f"{_count(number, 'value')} for {_count(len(node.targets), 'name')}"
            raise self.error("GS410", message, node.at)
        saved, used = dict(self.locals), set(self.used)
        try:
            rounds = list(self.rounds(node, items))
        except NeedsIndex:
            self.locals, self.used = saved, used
            rounds = list(self.rounds(node, self.spread(items)))
        return For(node.targets, iterable, tuple(rounds), node.comment)

    def rounds(
        self, node: ForNode, items: list[tuple[int, tuple[Expr, ...]]]
    ) -> Iterator[tuple[int, tuple[Expr, ...], tuple[Statement, ...]]]:
        """Each round once, and equal rounds in a row together."""
        total = 0
        for count, elements in items:
            left = count
            while left:
                total += 1
                if total > MAX_ROUNDS or self.routines.round() > MAX_ROUNDS_IN_ALL:
                    limit = MAX_ROUNDS if total > MAX_ROUNDS else MAX_ROUNDS_IN_ALL
                    message = f"more than {limit:,} rounds that differ"
                    raise self.error("GS412", message, node.at)
                before = self.types()
                for target, element in zip(node.targets, elements, strict=True):
                    self.locals[target] = self.element(target, element)
                errors = len(self.problems.errors)
                body = tuple(self.block(node.body))
                if self.returned:
                    message = "`return` stands at the end, not in a loop"
                    raise self.error("GS408", message, node.at)
                if len(self.problems.errors) > errors:
                    raise _Silent
                times = (
                    left if self.types(skip=node.targets) == _without(before, node.targets) else 1
                )
                yield times, _stretch(elements, count, count - left, times), body
                left -= times

    def element(self, target: str, element: Expr) -> Expr:
        if isinstance(element.value, Size | Varying):
            self.scope.roots.setdefault(target, frozenset())
            return Name(element.value, target, "index")
        return Name(element.value, target, "local")

    def types(self, skip: tuple[str, ...] = ()) -> dict[str, Any]:
        return {name: expr.value for name, expr in self.locals.items() if name not in skip}

    def items(self, node: Node) -> tuple[Expr, list[tuple[int, tuple[Expr, ...]]]]:
        """What a loop goes over: the expression to print, and runs of equal elements."""
        if isinstance(node, CallNode) and isinstance(node.callee, NameNode):
            match node.callee.id, node.args:
                case "range", args if 1 <= len(args) <= 3:
                    return self.numbers(node, args)
                case "reversed", (inner,):
                    expr, runs = self.items(inner)
                    turned = [(count, _turned(elements)) for count, elements in runs[::-1]]
                    return Operation(None, "reversed", (expr,)), turned
                case "enumerate", (inner,):
                    expr, runs = self.items(inner)
                    pairs = self.zipped([self.indices(sum(count for count, _ in runs)), runs])
                    return Operation(None, "enumerate", (expr,)), pairs
                case "zip", args if args:
                    parts = [self.items(arg) for arg in args]
                    lengths = [sum(count for count, _ in runs) for _, runs in parts]
                    if len(set(lengths)) > 1:
                        message = f"zip over lists of {_and(lengths)} items"
                        raise self.error("GS410", message, node)
                    exprs = tuple(expr for expr, _ in parts)
                    return Operation(None, "zip", exprs), self.zipped([runs for _, runs in parts])
        expr = self.expr(node)
        if isinstance(expr.value, Link) and isinstance(expr.value.member.module, Stack):
            return expr, self.stacked(expr.value)
        if isinstance(expr.value, tuple):
            return expr, [(1, (Const(value),)) for value in expr.value]
        message = f"{self.shown(expr.value)} is not a list"
        raise self.error("GS410", message, node, "loop over a component list, `range(n)` or a list")

    def numbers(
        self, node: Node, args: tuple[Node, ...]
    ) -> tuple[Expr, list[tuple[int, tuple[Expr, ...]]]]:
        exprs = tuple(self.expr(arg) for arg in args)
        bounds = [self.whole(arg, expr.value) for arg, expr in zip(args, exprs, strict=True)]
        try:
            numbers = range(*bounds)
        except ValueError:
            raise self.error("GS212", "range: the step is 0", node) from None
        if len(numbers) > MAX_ROUNDS:
            raise self.error("GS412", f"more than {MAX_ROUNDS:,} rounds", node)
        for arg in args:
            self.scope.decide(frozenset(names(arg)) & set(self.scope.roots))
        runs: list[tuple[int, tuple[Expr, ...]]] = [(1, (Const(Size.of(n)),)) for n in numbers]
        return Operation(None, "range", exprs), runs

    def indices(self, count: int) -> list[tuple[int, tuple[Expr, ...]]]:
        return [(1, (Const(Size.of(n)),)) for n in range(count)]

    def stacked(self, link: Link) -> list[tuple[int, tuple[Expr, ...]]]:
        stack = link.member.module
        assert isinstance(stack, Stack)
        return [
            (run.count, (Const(Link(f"{link.path}.{run.name}", run.member)),)) for run in stack.runs
        ]

    def zipped(
        self, parts: list[list[tuple[int, tuple[Expr, ...]]]]
    ) -> list[tuple[int, tuple[Expr, ...]]]:
        spread = [self.spread(runs) for runs in parts]
        return [
            (1, tuple(element for _, elements in row for element in elements))
            for row in zip(*spread, strict=True)
        ]

    def spread(
        self, runs: list[tuple[int, tuple[Expr, ...]]]
    ) -> list[tuple[int, tuple[Expr, ...]]]:
        return [
            (1, _stretch(elements, count, at, 1)) for count, elements in runs for at in range(count)
        ]

    # Expressions

    def expr(self, node: Node) -> Expr:
        if isinstance(node, Pop):
            items = self.local_list(node.at, node.name)
            if not items:
                raise self.error("GS410", f"`{node.name}` is empty here", node)
            base = self.locals[node.name]
            self.locals[node.name] = Name(items[:-1], node.name, "local")
            return Pick(items[-1], base, None)
        if isinstance(node, Items):
            parts = tuple(self.expr(item) for item in node.values)
            return Group(tuple(part.value for part in parts), node.kind, parts)
        return super().expr(node)

    def name(self, node: Node, id: str) -> Expr:
        found = self.locals.get(id) or self.scope.names.get(id)
        if found is _UNKNOWN:
            raise _Silent
        if found is None:
            known = [*self.locals, *self.scope.names]
            word = nearest(id, [*known, *FUNCTIONS])
            help = f"did you mean `{word}`?" if word else f"names here: {', '.join(known[:12])}"
            raise self.error("GS210", f"unknown name `{id}`", node, help)
        if isinstance(found, Name) and found.kind == "weight":
            self.used.add(id)
        return found

    def unary(self, node: Node, op: str, operand: Expr) -> Expr:
        if isinstance(operand.value, Tensor):
            op_name = {"-": "negative", "~": "logical_not"}.get(op)
            if op_name is None:
                raise self.error("GS413", f"`{op}` is not defined for tensors", node, "use ~")
            return self.run(node, FUNCTIONS[op_name], {"x": operand}, {"x": node})
        return super().unary(node, op, operand)

    def binary(self, node: Node, op: str, left: Expr, right: Expr) -> Expr:
        if isinstance(left.value, Tensor) or isinstance(right.value, Tensor):
            return self.operator(node, OPERATORS[op], left, right)
        if isinstance(left.value, tuple) and isinstance(right.value, tuple) and op == "+":
            return Operation(left.value + right.value, op, (left, right))
        return super().binary(node, op, left, right)

    def compare(self, node: Node, op: str, left: Expr, right: Expr) -> Expr:
        if isinstance(left.value, Tensor) or isinstance(right.value, Tensor):
            return self.operator(node, OPERATORS[op], left, right)
        return super().compare(node, op, left, right)

    def operator(self, node: Node, op: str, left: Expr, right: Expr) -> Expr:
        function = FUNCTIONS[op]
        first, second = (argument.name for argument in function.arguments)
        return self.run(node, function, {first: left, second: right}, {first: node, second: node})

    def truth(self, node: Node, value: Any) -> bool:
        if isinstance(value, Tensor):
            message = "a condition is known before run time, and this is a tensor"
            raise self.error("GS414", message, node, "use where(condition, a, b)")
        return super().truth(node, value)

    def by_position(self, test: Node, then: Node, otherwise: Node) -> Expr | None:
        """A loop of `forward` has no branches: rounds that differ are written out."""
        return None

    def index(self, node: Node, base: Expr, items: tuple[Node, ...]) -> Expr:
        if isinstance(base.value, Tensor):
            return self.subscript(node, base, items)
        if isinstance(base.value, Link) and isinstance(base.value.member.module, Stack):
            return self.pick(node, base, items)
        if isinstance(base.value, Link):
            raise self.error("GS415", f"`{base.value.path}` is not a list", node)
        return super().index(node, base, items)

    def pick(self, node: Node, base: Expr, items: tuple[Node, ...]) -> Expr:
        """An item of a component list."""
        link: Link = base.value
        stack = link.member.module
        assert isinstance(stack, Stack)
        if len(items) != 1:
            raise self.error("GS415", "a component list has one axis", node)
        place = self.expr(items[0])
        at = self.whole(items[0], place.value)
        if not -len(stack) <= at < len(stack):
            raise self.error("GS209", f"item {at} of a list of {len(stack)}", items[0])
        at %= len(stack)
        return Pick(Link(f"{link.path}.{at}", stack.at(at)), base, place)

    def subscript(self, node: Node, base: Expr, items: tuple[Node, ...]) -> Expr:
        exprs: list[Any] = []
        shaped: list[Any] = []
        ellipsis = _ellipsis(items)
        if ellipsis is not None:
            items = self.spread_ellipsis(base.value, items, ellipsis)
        for item in items:
            if isinstance(item, Slice):
                bounds = [None if b is None else self.expr(b) for b in (item.start, item.stop)]
                step = 1 if item.step is None else self.whole(item.step, self.expr(item.step).value)
                sizes = [None if b is None else self.as_size(item, b.value) for b in bounds]
                shaped.append(Range(sizes[0], sizes[1], step))
                exprs.append((*bounds, step))
            elif isinstance(item, Literal) and item.value is None:
                shaped.append(NewAxis())
                exprs.append(Const(None))
            else:
                expr = self.expr(item)
                if not isinstance(expr.value, Tensor):
                    self.as_size(item, expr.value)
                shaped.append(expr.value)
                exprs.append(expr)
        try:
            fresh = self.next_fresh()
            selected = self.selected(exprs) or Size.runtime(fresh)
            type = index(base.value, tuple(shaped), selected)
        except ShapeError as error:
            raise self.mismatch(error.message, node, node, error.help) from None
        if any(fresh in length.value.symbols() for length in type.shape):
            self.taken.add(fresh)
        return Subscript(type, base, tuple(exprs))

    def selected(self, items: list[Any]) -> Size | None:
        """How many elements a mask leaves, where its input declares it."""
        mask = items[0]
        while isinstance(mask, Apply) and mask.op in REARRANGING:
            mask = mask.args["x"]
        if isinstance(mask, Name) and mask.kind == "input":
            return self.selects.get(mask.id)
        return None

    def spread_ellipsis(self, base: Tensor, items: tuple[Node, ...], at: int) -> tuple[Node, ...]:
        taken = sum(not (isinstance(i, Literal) and i.value is None) for i in items) - 1
        full = Slice(items[at].at, None, None, None)
        return (*items[:at], *(full,) * max(base.rank - taken, 0), *items[at + 1 :])

    def as_size(self, node: Node, value: Any) -> Size:
        if isinstance(value, Size):
            return value
        if isinstance(value, Varying):
            raise NeedsIndex
        raise self.error("GS420", f"an index is an integer, this is {self.shown(value)}", node)

    def next_fresh(self) -> str:
        """A name for a size that only the data knows."""
        number = 1
        while (name := "S" if number == 1 else f"S{number}") in self.taken:
            number += 1
        return name

    # Calls

    def call(
        self, node: Node, callee: Node, args: tuple[Node, ...], keywords: tuple[Any, ...]
    ) -> Expr:
        if isinstance(callee, Index):
            return self.component(node, self.expr(callee), args, keywords)
        assert isinstance(callee, NameNode)
        found = self.locals.get(callee.id) or self.scope.names.get(callee.id)
        if found is not None and (found is _UNKNOWN or isinstance(found.value, Link)):
            return self.component(node, self.name(callee, callee.id), args, keywords)
        if callee.id in self.routines.names():
            return self.routine(node, callee, args, keywords)
        if callee.id in SCALAR and not self.for_tensors(callee.id, args):
            return super().call(node, callee, args, keywords)
        if callee.id in FUNCTIONS:
            return self.function(node, FUNCTIONS[callee.id], args, keywords)
        if found is not None:
            message = f"`{callee.id}` is {self.shown(found.value)} and cannot be called"
            raise self.error("GS416", message, callee)
        links = [n for n, e in self.scope.names.items() if isinstance(e.value, Link)]
        word = nearest(callee.id, [*links, *self.routines.names(), *FUNCTIONS])
        help = f"did you mean `{word}`?" if word else "`getspec schema --ops` lists the ops"
        raise self.error("GS416", f"`{callee.id}` is no component, function or op", callee, help)

    def for_tensors(self, id: str, args: tuple[Node, ...]) -> bool:
        """`sqrt(64)` is a number, `sqrt(x)` a tensor."""
        if id not in FUNCTIONS or not args:
            return False
        return isinstance(self.expr(args[0]).value, Tensor)

    def component(
        self, node: Node, target: Expr, args: tuple[Node, ...], keywords: tuple[Any, ...]
    ) -> Expr:
        if not isinstance(target.value, Link):
            raise self.error("GS416", f"{self.shown(target.value)} cannot be called", node)
        module = target.value.member.module
        path = target.value.path
        if isinstance(module, Stack):
            help = f"`for item in {path}: x = item(x)`, or `{path}[0](x)`"
            raise self.error("GS415", f"`{path}` is a list of components", node, help)
        declared = inputs_of(module)
        given = self.arguments(node, path, declared, args, keywords)
        places = {name: at for name, (_, at) in given.items()}
        tensors = {name: self.tensor(at, expr) for name, (expr, at) in given.items()}
        try:
            type, bindings = outcome(target.value.member, tensors, f"`{path}`")
        except ShapeError as error:
            at = places.get(error.argument or "", node)
            message = error.message if f"`{path}" in error.message else f"{path}: {error.message}"
            note = (f"`{path}` is declared here", target.value.member.span)
            raise self.mismatch(message, at, node, error.help, note) from None
        exprs = tuple((name, expr) for name, (expr, _) in given.items())
        return Call(self.adopted(type), target, module, exprs, bindings)

    def adopted(self, value: Any) -> Any:
        """Sizes that only the callee's data knew get a name of their own here."""
        renames: dict[str, Size] = {}
        for tensor in value if isinstance(value, tuple) else (value,):
            if not isinstance(tensor, Tensor):
                continue
            for length in tensor.shape:
                for symbol in sorted(length.value.symbols()):
                    if symbol not in self.taken and symbol not in renames:
                        name = self.next_fresh()
                        self.taken.add(name)
                        renames[symbol] = Size.runtime(name)
        return substituted(value, renames) if renames else value

    def arguments(
        self,
        node: Node,
        owner: str,
        declared: tuple[str, ...],
        args: tuple[Node, ...],
        keywords: tuple[Any, ...],
    ) -> dict[str, tuple[Expr, Node]]:
        if len(args) > len(declared):
            message = f"`{owner}` takes {_count(len(declared), 'input')}, {len(args)} are given"
            raise self.error("GS417", message, args[len(declared)])
        given: dict[str, Node] = dict(zip(declared, args, strict=False))
        for name, value in keywords:
            if name not in declared or name in given:
                reason = "is given twice" if name in given else "is not an input of it"
                word = nearest(name, declared)
                help = f"did you mean `{word}`?" if word and name not in declared else None
                raise self.error("GS417", f"`{owner}`: `{name}` {reason}", value, help)
            given[name] = value
        missing = [name for name in declared if name not in given]
        if missing:
            message = f"`{owner}` needs `{missing[0]}`; its inputs are {', '.join(declared)}"
            raise self.error("GS417", message, node)
        return {name: (self.expr(given[name]), given[name]) for name in declared}

    def tensor(self, node: Node, expr: Expr) -> Any:
        value = expr.value
        if isinstance(value, Tensor):
            return value
        if isinstance(value, tuple) and all(isinstance(item, Tensor) for item in value):
            return value
        raise self.error("GS418", f"a tensor is expected, this is {self.shown(value)}", node)

    def routine(
        self, node: Node, callee: NameNode, args: tuple[Node, ...], keywords: tuple[Any, ...]
    ) -> Expr:
        """A function of the spec: inputs by position or name, settings by name."""
        inputs, settings = self.routines.settings_of(callee.id)
        chosen = {name: value for name, value in keywords if name in settings}
        rest = tuple((name, value) for name, value in keywords if name not in settings)
        values = {}
        for name, value in chosen.items():
            values[name] = self.expr(value)
        given = self.arguments(node, callee.id, tuple(inputs), args, rest)
        made = self.routines.routine(
            callee.id,
            {name: expr.value for name, expr in values.items()},
            lambda message, help=None: self.error("GS304", message, node, help),
        )
        for name in made.structural & set(chosen):
            self.scope.decide(names(chosen[name]))
        tensors = {name: self.tensor(at, expr) for name, (expr, at) in given.items()}
        try:
            bindings = bind(made.forward.inputs, tensors, f"`{callee.id}`")
        except ShapeError as error:
            at = given[error.argument][1] if error.argument in given else node
            raise self.mismatch(error.message, at, node, error.help) from None
        bindings |= spellings(made.settings, made.lets, values)
        exprs = tuple((name, expr) for name, (expr, _) in given.items())
        type = self.adopted(substituted(made.forward.result, bindings))
        return RoutineCall(type, made, (*exprs, *values.items()), bindings)

    def function(
        self, node: Node, function: Function, args: tuple[Node, ...], keywords: tuple[Any, ...]
    ) -> Expr:
        places: dict[str, Any] = {}
        fixed = [a for a in function.arguments if not a.variadic]
        star = next((a for a in function.arguments if a.variadic == "*"), None)
        double = next((a for a in function.arguments if a.variadic == "**"), None)
        for at, arg in enumerate(args):
            if at < len(fixed) and not (star and at >= function.arguments.index(star)):
                places[fixed[at].name] = arg
            elif star:
                places.setdefault(star.name, []).append(arg)
            else:
                wanted = _count(len(fixed), "argument")
                message = f"`{function.name}` takes {wanted}, {len(args)} are given"
                raise self.error("GS417", message, arg, _usage(function))
        for name, value in keywords:
            if name in places:
                raise self.error("GS417", f"`{function.name}`: `{name}` is given twice", value)
            if name in (a.name for a in fixed):
                places[name] = value
            elif double:
                places.setdefault(double.name, {})[name] = value
            else:
                options = [a.name for a in fixed]
                word = nearest(name, options)
                help = f"did you mean `{word}`?" if word else f"it takes: {', '.join(options)}"
                raise self.error(
                    "GS417", f"`{function.name}` has no argument `{name}`", value, help
                )
        missing = [a.name for a in fixed if a.required and a.name not in places]
        if missing:
            message = f"`{function.name}` needs `{missing[0]}`"
            raise self.error("GS417", message, node, _usage(function))
        exprs = {
            argument.name: self.argument(argument, places[argument.name], function)
            for argument in function.arguments
            if argument.name in places
        }
        return self.run(node, function, exprs, places)

    def argument(self, argument: Argument, place: Any, function: Function) -> Any:
        if argument.variadic == "*":
            return tuple(self.expr(node) for node in place)
        if argument.variadic == "**":
            return {name: self.expr(node) for name, node in place.items()}
        if argument.kind == "DType":
            if isinstance(place, NameNode) and place.id in DTYPES:
                return Const(place.id)
            raise self.error("GS418", f"`{argument.name}` is one of {', '.join(DTYPES)}", place)
        return self.expr(place)

    def run(
        self, node: Node, function: Function, exprs: dict[str, Any], places: dict[str, Any]
    ) -> Expr:
        """Check the arguments' kinds and apply the op's own rule."""
        kinds = {argument.name: argument for argument in function.arguments}
        tensors = [e.value for e in _flat(exprs) if isinstance(e.value, Tensor)]
        values: dict[str, Any] = {}
        positional: tuple[Any, ...] = ()
        for name, expr in exprs.items():
            argument, place = kinds[name], places.get(name, node)
            if argument.variadic == "*":
                positional = tuple(
                    self.fitted(argument, e.value, n, tensors)
                    for e, n in zip(expr, place, strict=True)
                )
            elif argument.variadic == "**":
                values |= {
                    k: self.fitted(argument, e.value, place[k], tensors) for k, e in expr.items()
                }
            else:
                values[name] = self.fitted(argument, expr.value, place, tensors)
        try:
            if positional:
                leading = [values.pop(a.name) for a in function.arguments if a.name in values]
                type = function.rule(*leading, *positional)
            else:
                type = function.rule(**values)
        except ShapeError as error:
            at = places.get(error.argument or "", node)
            at = at if not isinstance(at, list | dict) else node
            named = error.message.startswith(function.name)
            message = error.message if named else f"{function.name}: {error.message}"
            raise self.mismatch(message, at, node, error.help) from None
        return Apply(type, function.name, exprs)

    def mismatch(
        self, message: str, at: Node, call: Node, help: str | None, *notes: Note
    ) -> SpecError:
        """Shapes that do not go together, with the lines that made the tensors."""
        (found,) = self.error("GS420", message, at, help).diagnostics
        made: list[Note] = []
        for name in sorted(names(call) & self.origins.keys()):
            value, span = self.origins[name]
            shown = isinstance(value, Tensor) and str(value) in message
            if shown and found.span and span.line != found.span.line:
                made.append((f"`{name}` is {value}, from here", span))
        return SpecError([replace(found, notes=(*made[:3], *notes))])

    def fitted(self, argument: Argument, value: Any, node: Any, tensors: list[Tensor]) -> Any:
        """A value as an argument of this kind; an error when it does not fit."""
        for kind in argument.kind.split(" | "):
            fit = _fit(kind, value, tensors)
            if fit is not _NO:
                return fit
        if isinstance(value, Varying):
            raise NeedsIndex
        wanted = _KINDS.get(argument.kind.split(" | ")[0], argument.kind)
        message = f"`{argument.name}` is {wanted}, this is {self.shown(value)}"
        raise self.error("GS418", message, node)

    def shown(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return f"a tensor {value}"
        if isinstance(value, Link):
            return f"the component `{value.path}`"
        return described(value)


_NO = object()
_KINDS = {
    "Tensor": "a tensor",
    "Size": "a size",
    "int": "an integer known before run time",
    "float": "a number",
    "str": "a word in quotes",
    "bool": "True or False",
    "tuple[Size, ...]": "a list of sizes",
    "tuple[int, ...]": "a list of integers",
    "tuple[Tensor, ...]": "a list of tensors",
}


def fitted(kind: str, value: Any, tensors: list[Tensor]) -> Any:
    """A value as an argument of one of these kinds, of a call that was checked."""
    found = (_fit(each, value, tensors) for each in kind.split(" | "))
    return next(each for each in found if each is not _NO)


def _fit(kind: str, value: Any, tensors: list[Tensor]) -> Any:
    match kind:
        case "Tensor":
            if isinstance(value, Tensor):
                return value
            number = isinstance(value, float | Size) and not isinstance(value, bool)
            return _scalar(value, tensors) if number and tensors else _NO
        case "Size":
            return value if isinstance(value, Size) else _NO
        case "int":
            return int(value) if isinstance(value, Size) and value.known is not None else _NO
        case "float":
            if isinstance(value, Varying):
                return 0.0
            if isinstance(value, Size) and value.known is not None:
                return float(int(value))
            return value if isinstance(value, float) else _NO
        case "str":
            return value if isinstance(value, str) else _NO
        case "bool":
            return value if isinstance(value, bool) else _NO
        case "DType":
            return value
        case "None":
            return None if value is None else _NO
        case "tuple[Size, ...]" | "tuple[int, ...]" | "tuple[Tensor, ...]":
            inner = kind[6:-6]
            items = [_fit(inner, v, []) for v in value] if isinstance(value, tuple) else [_NO]
            return _NO if any(item is _NO for item in items) else tuple(items)
    raise AssertionError(kind)


def _scalar(value: float | Size, tensors: list[Tensor]) -> Tensor:
    """A number among tensors takes their dtype, except that a float among integers is float32."""
    dtypes = {tensor.dtype for tensor in tensors}
    if isinstance(value, float):
        wide = "float32" if "float32" in dtypes or not dtypes & {"float"} else "float"
        return Tensor(wide, ())
    for dtype in ("float32", "float", "int"):
        if dtype in dtypes:
            return Tensor(dtype, ())
    return Tensor("int", ())


def _stretch(elements: tuple[Expr, ...], count: int, first: int, times: int) -> tuple[Expr, ...]:
    """Of a run of `count` equal components, the `times` from the `first`, under their own places."""
    if times == count:
        return elements
    return tuple(_placed(element, first, times) for element in elements)


def _placed(element: Expr, first: int, times: int) -> Expr:
    if not isinstance(element.value, Link):
        return element
    path, _, places = element.value.path.rpartition(".")
    start, _, end = places.partition("-")
    step = 1 if int(end) > int(start) else -1
    begin, last = int(start) + step * first, int(start) + step * (first + times - 1)
    name = str(begin) if times == 1 else f"{begin}-{last}"
    return Const(Link(f"{path}.{name}", element.value.member))


def _turned(elements: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """A run of components that is gone through from its end: `blocks.3-0`."""
    return tuple(
        Const(Link(_turned_path(element.value.path), element.value.member))
        if isinstance(element.value, Link)
        else element
        for element in elements
    )


def _turned_path(path: str) -> str:
    head, _, places = path.rpartition(".")
    start, dash, end = places.partition("-")
    return f"{head}.{end}{dash}{start}" if dash else path


def _ellipsis(items: tuple[Node, ...]) -> int | None:
    return next(
        (i for i, n in enumerate(items) if isinstance(n, Literal) and n.value == "..."), None
    )


def _flat(exprs: Mapping[str, Any]) -> Iterator[Expr]:
    for expr in exprs.values():
        if isinstance(expr, tuple):
            yield from expr
        elif isinstance(expr, Mapping):
            yield from expr.values()
        else:
            yield expr


def _without(types: dict[str, Any], skip: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in types.items() if name not in skip}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _usage(function: Function) -> str:
    shown = ", ".join(f"{a.variadic}{a.name}" for a in function.arguments)
    return f"{function.name}({shown})"


def _and(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))
