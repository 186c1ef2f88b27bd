"""Statements of `ast` to nodes."""

from __future__ import annotations

import ast

from getspec.syntax.expressions import ExpressionReader
from getspec.syntax.limits import MAX_DEPTH
from getspec.syntax.lines import Lines
from getspec.syntax.nodes import Append, Assign, Binary, For, If, Return, Statement

__all__ = ["StatementReader"]


class StatementReader:
    """Reads the statements of one text; comments on lines of their own stay with the next statement."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.expressions = ExpressionReader(lines)
        self.node = self.expressions.node

    def block(self, trees: list[ast.stmt], depth: int = 0) -> tuple[Statement, ...]:
        """Lines of one indentation; each `elif` is a level, though it is not indented."""
        if depth > MAX_DEPTH:
            message, help = f"nested deeper than {MAX_DEPTH}", "split it into functions"
            raise self.lines.error("GS202", message, trees[0], help)
        return tuple(self.statement(tree, depth + 1) for tree in trees)

    def statement(self, tree: ast.stmt, depth: int) -> Statement:
        at = self.lines.at(tree)
        comment = self.lines.comment_above(tree.lineno)
        match tree:
            case ast.Assign(targets=[target]):
                names, unpack = self._targets(target)
                return Assign(at, names, self.node(tree.value), unpack, comment)
            case ast.AugAssign(target=ast.Name(id=name)):
                op = self.expressions.operator(tree)
                value = Binary(at, op, self.node(tree.target), self.node(tree.value))
                return Assign(at, (name,), value, False, comment)
            case ast.Return(value=ast.Tuple(elts=[_, *_] as values)):
                return Return(at, tuple(map(self.node, values)), comment)
            case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Tuple):
                return Return(at, (self.node(value),), comment)
            case ast.Expr():
                return self._append(tree, comment)
            case ast.For(orelse=[]):
                return self._for(tree, depth, comment)
            case ast.If():
                return self._if(tree, depth, comment)
        raise self.lines.refuse(tree)

    def _for(self, tree: ast.For, depth: int, comment: tuple[str, ...]) -> For:
        names, _ = self._targets(tree.target)
        iterable, body = self.node(tree.iter), self.block(tree.body, depth)
        return For(self.lines.head(tree), names, iterable, body, comment)

    def _if(self, tree: ast.If, depth: int, comment: tuple[str, ...]) -> If:
        then, otherwise = self.block(tree.body, depth), self.block(tree.orelse, depth)
        return If(self.lines.head(tree), self.node(tree.test), then, otherwise, comment)

    def _append(self, tree: ast.Expr, comment: tuple[str, ...]) -> Append:
        """`name.append(item)`, the one expression that is a statement."""
        match tree.value:
            case ast.Call(ast.Attribute(ast.Name(name), "append"), args=[item], keywords=[]):
                return Append(self.lines.at(tree), name, self.node(item), comment)
        message = "the result of this expression is not used"
        help = "assign it to a name, or remove it"
        raise self.lines.error("GS404", message, tree.value, help)

    def _targets(self, tree: ast.expr) -> tuple[tuple[str, ...], bool]:
        """The names that are assigned to, and whether a value is unpacked into them."""
        parts = tree.elts if isinstance(tree, ast.Tuple | ast.List) else [tree]
        named = [part for part in parts if isinstance(part, ast.Name)]
        if len(named) < len(parts):
            message, help = "only names can be assigned to", "write `x = ...` or `a, b = ...`"
            raise self.lines.error("GS403", message, tree, help)
        return tuple(map(self.expressions.name, named)), not isinstance(tree, ast.Name)
