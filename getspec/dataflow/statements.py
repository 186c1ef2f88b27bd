"""The statements of one `forward`, checked in order.

A statement with an error is reported and stepped over; what it would have defined is unknown, and a use of it is silent. So
one pass finds every mistake, and none that only follows from another.
"""

from __future__ import annotations

from typing import Any

from getspec.dataflow.expressions import FlowEvaluator
from getspec.dataflow.frame import Frame, Routines, Silent
from getspec.dataflow.loops import iterated, rounds
from getspec.dataflow.wording import counted, shown
from getspec.errors import Diagnostics, SpecError
from getspec.evaluate import SCALAR, Scope
from getspec.ir import (
    Assign,
    Const,
    Expr,
    For,
    Forward,
    Input,
    Name,
    Push,
    Return,
    Statement,
)
from getspec.ops import FUNCTIONS
from getspec.ops.base import Tensor
from getspec.sizes import Size
from getspec.syntax import Append, At, Body, Expression, If, Node
from getspec.syntax import Assign as AssignNode
from getspec.syntax import For as ForNode
from getspec.syntax import Return as ReturnNode
from getspec.syntax import Statement as StatementNode
from getspec.walk import components, live

__all__ = ["check", "constant"]


def check(
    body: Body,
    scope: Scope,
    inputs: tuple[Input, ...],
    routines: Routines,
    problems: Diagnostics,
    *,
    names: tuple[str, ...] = (),
) -> tuple[Forward | None, set[str], set[str]]:
    """The dataflow with types, the components it names, and those of them that only a value needs which nothing reads.

    Mistakes go to `problems`.
    """
    frame = Frame(scope, body.text, routines, body.names)
    frame.declare(inputs)
    checker = _Checker(frame, problems)
    before = len(problems.errors)
    statements = tuple(checker.block(body.statements))
    if not checker.returned and len(problems.errors) == before:
        last = body.statements[-1].at
        checker.report("GS407", "forward returns nothing", last, "end it with `return x`")
    if checker.result is None or len(problems.errors) > before:
        return None, frame.used, set()
    kept = live(statements)
    idle = set() if kept is statements else components(statements) - components(kept)
    made = Forward(inputs, kept, checker.result, names, written=statements)
    return made, frame.used, idle


def constant(
    expression: Expression, scope: Scope, routines: Routines, problems: Diagnostics
) -> Expr | None:
    """One expression of tensors outside `forward`: the value of a buffer."""
    try:
        return FlowEvaluator(Frame(scope, expression.text, routines)).expr(expression.node)
    except SpecError as error:
        problems.extend(error.diagnostics)
    except Silent:
        pass
    return None


class _Checker:
    """Checks the statements of one definition; `result` is what it returns."""

    def __init__(self, frame: Frame, problems: Diagnostics) -> None:
        self.frame = frame
        self.problems = problems
        self.evaluator = FlowEvaluator(frame)
        self.returned = False
        self.result: Any = None

    def error(self, code: str, message: str, at: At, help: str | None = None) -> SpecError:
        return self.frame.text.error(code, message, at, help)

    def report(self, code: str, message: str, at: At, help: str) -> None:
        self.problems.extend(self.error(code, message, at, help).diagnostics)

    def block(self, nodes: tuple[StatementNode, ...]) -> list[Statement]:
        done: list[Statement] = []
        for node in nodes:
            if self.returned:
                self.report("GS408", "this is never reached", node.at, "delete it")
                break
            try:
                done += self.statement(node)
            except SpecError as error:
                self.problems.extend(error.diagnostics)
                self.forget(node)
            except Silent:
                self.forget(node)
        return done

    def forget(self, node: StatementNode) -> None:
        """What a broken statement would have defined is unknown from here on."""
        match node:
            case AssignNode(_, targets):
                self.frame.forget(*targets)
            case Append(_, name):
                self.frame.forget(name)
            case ForNode(_, targets, _, body):
                self.frame.forget(*targets)
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
            case AssignNode():
                return [self.assign(node)]
            case Append():
                return [self.append(node)]
            case ReturnNode():
                return [self.returns(node)]
            case If(_, test, then, otherwise):
                return self.block(then if self.evaluator.test(test) else otherwise)
            case ForNode():
                return [self.loop(node)]

    def returns(self, node: ReturnNode) -> Return:
        items = tuple(self.evaluator.expr(value) for value in node.values)
        for value, item in zip(node.values, items, strict=True):
            self.check_returned(value, item.value)
        self.returned = True
        self.result = items[0].value if len(items) == 1 else tuple(item.value for item in items)
        return Return(items, node.comment)

    def check_returned(self, node: Node, value: Any) -> None:
        for part in value if isinstance(value, tuple) else (value,):
            if not isinstance(part, Tensor):
                message = f"forward returns tensors, this is {shown(part)}"
                raise self.error("GS409", message, node.at)

    # Assignments

    def assign(self, node: AssignNode) -> Assign:
        made = self.evaluator.expr(node.value)
        for target in node.targets:
            self.check_target(target, At(node.at.line, node.at.col, len(target)))
        parts = self.parts(node, made.value) if node.unpack else (_spelled(node.targets[0], made),)
        for target, part in zip(node.targets, parts, strict=True):
            self.frame.hold(target, part, node.at)
        if self.frame.read.isdisjoint(node.targets) and "_" not in node.targets:
            first = At(node.at.line, node.at.col, len(node.targets[0]))
            message = f"nothing reads `{node.targets[0]}`"
            self.problems.warning(
                "GS405", message, self.frame.text.span(first), "use it, or remove the line"
            )
        return Assign(node.targets, made, node.unpack, node.comment)

    def parts(self, node: AssignNode, value: Any) -> tuple[Any, ...]:
        """The values to unpack, one for each target."""
        wanted = counted(len(node.targets), "name")
        if not isinstance(value, tuple):
            message = f"{shown(value)} cannot be unpacked into {wanted}"
            raise self.error("GS410", message, node.value.at)
        if len(value) != len(node.targets):
            raise self.error("GS410", f"{len(value)} values for {wanted}", node.at)
        return value

    def check_target(self, target: str, at: At) -> None:
        if target.startswith("_") and target != "_":
            help = f"`{target.lstrip('_') or 'x'}`"
            raise self.error("GS104", f"`{target}`: names do not start with _", at, help)
        known = self.frame.scope.names.get(target)
        kind = known.kind if isinstance(known, Name) else ""
        if known is not None and kind != "input":
            what = "a component" if kind == "weight" else "a name"
            message = f"`{target}` is {what} of the spec and cannot be assigned to"
            raise self.error("GS411", message, at)
        if target in FUNCTIONS or target in SCALAR or target in self.frame.routines.names():
            message = f"`{target}` is the name of an op"
            raise self.error("GS411", message, at, "choose another name")

    def append(self, node: Append) -> Push:
        items = self.frame.items_of(node.name, node.at)
        made = self.evaluator.expr(node.value)
        self.frame.hold(node.name, (*items, made.value))
        return Push(node.name, made, node.comment)

    # Loops

    def loop(self, node: ForNode) -> For:
        iterable, stretches = iterated(self.evaluator, node.iterable)
        number = len(stretches[0].element) if stretches else len(node.targets)
        if number != len(node.targets):
            wanted = counted(len(node.targets), "name")
            raise self.error("GS410", f"{counted(number, 'value')} for {wanted}", node.at)
        done = rounds(self.frame, node, stretches, lambda: self.round(node))
        return For(node.targets, iterable, done, node.comment)

    def round(self, node: ForNode) -> tuple[Statement, ...]:
        errors = len(self.problems.errors)
        body = tuple(self.block(node.body))
        if self.returned:
            raise self.error("GS408", "`return` stands at the end, not in a loop", node.at)
        if len(self.problems.errors) > errors:
            raise Silent
        return body


def _spelled(target: str, made: Expr) -> Any:
    """A number that was worked out goes by its name from here on."""
    value = made.value
    if isinstance(value, Size) and value.known is not None and not isinstance(made, Const):
        return Size.named(target, value.known)
    return value
