"""Expressions of `ast` to nodes: a method for each kind that the language has, and a refusal for every other."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from getspec.syntax.limits import MAX_DEPTH, MAX_INTEGER
from getspec.syntax.lines import Lines
from getspec.syntax.nodes import (
    Binary,
    Call,
    Choice,
    Compare,
    Index,
    Items,
    Literal,
    Logic,
    Name,
    Node,
    Pop,
    Slice,
    Unary,
)
from getspec.syntax.operators import BINARY, COMPARE, UNARY
from getspec.syntax.refused import as_call

__all__ = ["ExpressionReader"]


class ExpressionReader:
    """Reads the expressions of one text."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.at, self.error = lines.at, lines.error
        self.mentioned: set[str] = set()
        """Names that were read so far, those of lists that are popped included."""

    def node(self, tree: ast.expr, depth: int = 0) -> Node:
        if depth > 4 * MAX_DEPTH:
            raise self.error("GS202", "nested too deeply to read", tree)
        method = READERS.get(type(tree))
        if method is None:
            raise self.lines.refuse(tree)
        node: Node = method(self, tree, depth + 1)
        return node

    def name(self, tree: ast.Name) -> str:
        if not tree.id.isascii():
            raise self.error("GS204", f"the name `{tree.id}` is not ASCII", tree)
        return tree.id

    def operator(self, tree: ast.BinOp | ast.AugAssign) -> str:
        op = BINARY.get(type(tree.op))
        if op is None:
            raise self.error("GS403", "bit shifts and xor are not part of the language", tree)
        return op

    def _nodes(self, trees: list[ast.expr], depth: int) -> tuple[Node, ...]:
        return tuple(self.node(tree, depth) for tree in trees)

    def _Constant(self, tree: ast.Constant, depth: int) -> Node:
        value = tree.value
        if value is Ellipsis:
            return Literal(self.at(tree), "...")
        if value is not None and not isinstance(value, bool | int | float | str):
            raise self.error("GS203", f"{value!a} is not a value of this language", tree)
        if isinstance(value, int) and value >= MAX_INTEGER:
            raise self.error("GS203", "integers are below 2**63", tree)
        if value == float("inf"):
            raise self.error("GS203", "infinite numbers are not values here", tree)
        return Literal(self.at(tree), value)

    def _Name(self, tree: ast.Name, depth: int) -> Node:
        self.mentioned.add(tree.id)
        return Name(self.at(tree), self.name(tree))

    # Operators

    def _UnaryOp(self, tree: ast.UnaryOp, depth: int) -> Node:
        return Unary(self.at(tree), UNARY[type(tree.op)], self.node(tree.operand, depth))

    def _BinOp(self, tree: ast.BinOp, depth: int) -> Node:
        op, left = self.operator(tree), self.node(tree.left, depth)
        return Binary(self.at(tree), op, left, self.node(tree.right, depth))

    def _Compare(self, tree: ast.Compare, depth: int) -> Node:
        op = COMPARE.get(type(tree.ops[0]))
        if op is None or len(tree.ops) > 1:
            message = "a comparison is one of ==, !=, <, <=, >, >="
            raise self.error("GS403", message, tree, "join several with `and`")
        left, right = self.node(tree.left, depth), self.node(tree.comparators[0], depth)
        return Compare(self.at(tree), op, left, right)

    def _BoolOp(self, tree: ast.BoolOp, depth: int) -> Node:
        op = "and" if isinstance(tree.op, ast.And) else "or"
        return Logic(self.at(tree), op, self._nodes(tree.values, depth))

    def _IfExp(self, tree: ast.IfExp, depth: int) -> Node:
        return Choice(self.at(tree), *self._nodes([tree.test, tree.body, tree.orelse], depth))

    # Lists and their items

    def _List(self, tree: ast.List, depth: int) -> Node:
        return Items(self.at(tree), "list", self._nodes(tree.elts, depth))

    def _Tuple(self, tree: ast.Tuple, depth: int) -> Node:
        return Items(self.at(tree), "tuple", self._nodes(tree.elts, depth))

    def _Subscript(self, tree: ast.Subscript, depth: int) -> Node:
        index = tree.slice
        items = self._nodes(index.elts if isinstance(index, ast.Tuple) else [index], depth)
        return Index(self.at(tree), self.node(tree.value, depth), items)

    def _Slice(self, tree: ast.Slice, depth: int) -> Node:
        bounds = (tree.lower, tree.upper, tree.step)
        return Slice(self.at(tree), *(None if b is None else self.node(b, depth) for b in bounds))

    # Calls

    def _Call(self, tree: ast.Call, depth: int) -> Node:
        match tree:
            case ast.Call(ast.Attribute(ast.Name(name), "pop"), args=[], keywords=[]):
                self.mentioned.add(name)
                return Pop(self.at(tree), name)
        callee = self._callee(tree.func, depth)
        keywords = tuple(self._keyword(keyword, depth) for keyword in tree.keywords)
        return Call(self.at(tree), callee, self._nodes(tree.args, depth), keywords)

    def _callee(self, tree: ast.expr, depth: int) -> Name | Index:
        if isinstance(tree, ast.Attribute):
            message = "methods are not part of the language"
            raise self.error("GS403", message, tree, as_call(tree))
        callee = self.node(tree, depth)
        if not isinstance(callee, Name | Index):
            message = "only components, functions and ops can be called"
            raise self.error("GS403", message, tree)
        return callee

    def _keyword(self, tree: ast.keyword, depth: int) -> tuple[str, Node]:
        if tree.arg is None:
            message = "there is no unpacking with `**`"
            raise self.error("GS403", message, tree, "write the arguments out one by one")
        return tree.arg, self.node(tree.value, depth)


READERS: Mapping[type[ast.expr], Callable[..., Node]] = {
    kind: method
    for name, method in vars(ExpressionReader).items()
    if isinstance(kind := getattr(ast, name[1:], None), type)
}
"""The method that bears the name of each kind."""
