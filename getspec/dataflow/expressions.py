"""Expressions of `forward`: what `evaluate` works out with numbers, and beyond it tensors, components and lists.

An operator or a call with a tensor in it is an op; everything else is left to `Evaluator`, so that arithmetic has one home.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec.dataflow.arguments import input_places, op_places
from getspec.dataflow.calls import (
    Given,
    apply_op,
    call_component,
    call_routine,
    callable_link,
)
from getspec.dataflow.frame import Frame, Silent
from getspec.dataflow.subscripts import subscript
from getspec.dataflow.wording import shown
from getspec.errors import SpecError, meant
from getspec.evaluate import SCALAR, UNKNOWN, Evaluator
from getspec.ir import Const, Expr, Link, Name, Operation, Pick, Stack
from getspec.ops import FUNCTIONS
from getspec.ops.base import DTYPES, Argument, Function, Tensor
from getspec.signature import inputs_of
from getspec.syntax import Call, Index, Node, Pop, names
from getspec.syntax import Name as NameNode

__all__ = ["FlowEvaluator"]

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
SIGNS = {"-": "negative", "~": "logical_not"}
MAX_LISTED = 12


class FlowEvaluator(Evaluator):
    """Types the expressions of one definition, whose names the frame holds."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame.scope, frame.text)
        self.frame = frame

    # Names and lists

    def pop(self, node: Pop) -> Pick:
        items = self.frame.items_of(node.name, node.at)
        if not items:
            raise self.error("GS410", f"`{node.name}` is empty here", node)
        base = self.frame.locals[node.name]
        self.frame.hold(node.name, items[:-1])
        return Pick(items[-1], base, None)

    def name(self, node: Node, id: str) -> Expr:
        found = self.frame.find(id)
        if found is UNKNOWN:
            raise Silent
        if found is None:
            raise self.unknown(node, id)
        if isinstance(found, Name) and found.kind == "weight":
            self.frame.used.add(id)
        return found

    def unknown(self, node: Node, id: str) -> SpecError:
        known = [*self.frame.locals, *self.scope.names]
        otherwise = f"names here: {', '.join(known[:MAX_LISTED]) or 'none'}"
        help = meant(id, [*self.frame.likely(known), "True", "False", *FUNCTIONS], otherwise)
        return self.error("GS210", f"unknown name `{id}`", node, help)

    def index(self, node: Node, base: Expr, items: tuple[Node, ...]) -> Expr:
        if isinstance(base.value, Tensor):
            return subscript(self, self.frame, node, base, items)
        if isinstance(base.value, Link):
            return self.pick(node, base, items)
        return super().index(node, base, items)

    def pick(self, node: Node, base: Expr, items: tuple[Node, ...]) -> Pick:
        """An item of a component list."""
        path, stack = base.value.path, base.value.member.module
        if not isinstance(stack, Stack):
            raise self.error("GS415", f"`{path}` is not a list", node)
        if len(items) != 1:
            raise self.error("GS415", "a component list has one axis", node)
        place = self.expr(items[0])
        at = self.whole(items[0], place.value)
        if not -len(stack) <= at < len(stack):
            raise self.error("GS209", f"item {at} of a list of {len(stack)}", items[0])
        at %= len(stack)
        return Pick(Link(f"{path}.{at}", stack.at(at)), base, place)

    # Operators and conditions

    def unary(self, node: Node, op: str, operand: Expr) -> Expr:
        if not isinstance(operand.value, Tensor):
            return super().unary(node, op, operand)
        if op not in SIGNS:
            raise self.error("GS413", f"`{op}` is not defined for tensors", node, "use ~")
        return self.operator(node, SIGNS[op], operand)

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

    def operator(self, node: Node, op: str, *operands: Expr) -> Expr:
        arguments = (argument.name for argument in FUNCTIONS[op].arguments)
        exprs = dict(zip(arguments, operands, strict=True))
        return apply_op(self.frame, node, FUNCTIONS[op], exprs, {})

    def truth(self, node: Node, value: Any) -> bool:
        if isinstance(value, Tensor):
            message = "a condition is known before run time, and this is a tensor"
            raise self.error("GS414", message, node, "use where(condition, a, b)")
        return super().truth(node, value)

    def by_position(self, test: Node, then: Node, otherwise: Node) -> Expr | None:
        """A loop of `forward` has no branches: rounds that differ are written out."""
        return None

    # Calls

    def call(
        self, node: Node, callee: Node, args: tuple[Node, ...], keywords: tuple[Any, ...]
    ) -> Expr:
        """A component before a function of the spec, that before a function of numbers, that before an op."""
        assert isinstance(node, Call)
        if isinstance(callee, Index):
            return self.component(node, self.expr(callee))
        assert isinstance(callee, NameNode)
        id, found = callee.id, self.frame.find(callee.id)
        if found is UNKNOWN or (found is not None and isinstance(found.value, Link)):
            return self.component(node, self.name(callee, id))
        if id in self.frame.routines.names():
            return self.routine(node, id)
        if id in SCALAR:
            return self.number_or_op(node, id)
        if id in FUNCTIONS:
            return self.op(node, FUNCTIONS[id], {})
        raise self.not_callable(callee, found)

    def number_or_op(self, node: Call, id: str) -> Expr:
        """`sqrt(64)` is a number, `sqrt(x)` a tensor."""
        exprs = [self.expr(arg) for arg in node.args]
        if id in FUNCTIONS and exprs and isinstance(exprs[0].value, Tensor):
            return self.op(node, FUNCTIONS[id], dict(zip(node.args, exprs, strict=True)))
        return self.scalar(node, id, tuple(exprs), node.keywords)

    def not_callable(self, callee: NameNode, found: Expr | None) -> SpecError:
        if found is not None:
            message = f"`{callee.id}` is {shown(found.value)} and cannot be called"
            return self.error("GS416", message, callee)
        names = {**self.scope.names, **self.frame.locals}
        links = self.frame.likely(id for id, e in names.items() if isinstance(e.value, Link))
        otherwise = "`getspec schema --ops` lists the ops"
        help = meant(callee.id, [*links, *self.frame.routines.names(), *FUNCTIONS], otherwise)
        message = f"`{callee.id}` is no component, function or op"
        return self.error("GS416", message, callee, help)

    def component(self, node: Call, target: Expr) -> Expr:
        link = callable_link(self.frame, node, target)
        declared = inputs_of(link.member.module)
        places = input_places(self.text, node, link.path, declared, node.keywords)
        return call_component(self.frame, node, target, self.given(places))

    def routine(self, node: Call, id: str) -> Expr:
        """A function of the spec: inputs by position or name, settings by name."""
        inputs, settings = self.frame.routines.settings_of(id)
        chosen = {name: value for name, value in node.keywords if name in settings}
        rest = tuple(each for each in node.keywords if each[0] not in settings)
        values = {name: self.expr(value) for name, value in chosen.items()}
        given = self.given(input_places(self.text, node, id, tuple(inputs), rest, settings))
        made = self.frame.routines.routine(
            id,
            {name: expr.value for name, expr in values.items()},
            lambda message, help=None: self.error("GS304", message, node, help),
        )
        for name in made.structural & set(chosen):
            self.scope.decide(names(chosen[name]))
        return call_routine(self.frame, node, made, given, values)

    def given(self, places: Mapping[str, Node]) -> Given:
        return {name: (self.expr(node), node) for name, node in places.items()}

    def op(self, node: Call, function: Function, known: Mapping[Node, Expr]) -> Expr:
        """`known` are the arguments that have been worked out already: doing so can take an item off a list."""
        places = op_places(self.text, node, function)
        exprs = {
            argument.name: self.argument(argument, places[argument.name], known)
            for argument in function.arguments
            if argument.name in places
        }
        return apply_op(self.frame, node, function, exprs, places)

    def argument(self, argument: Argument, place: Any, known: Mapping[Node, Expr]) -> Any:
        if argument.variadic == "*":
            return tuple(self.expr(node) for node in place)
        if argument.variadic == "**":
            return {name: self.expr(node) for name, node in place.items()}
        if argument.kind == "DType":
            if isinstance(place, NameNode) and place.id in DTYPES:
                return Const(place.id)
            help = meant(place.id, DTYPES) if isinstance(place, NameNode) else None
            message = f"`{argument.name}` is one of {', '.join(DTYPES)}"
            raise self.error("GS418", message, place, help)
        return known[place] if place in known else self.expr(place)
