"""Dataflow without the names that its author was free to choose, so that two of them can be compared.

Every value gets a number when it is assigned: two texts that compute the same from the same parts in the same order are equal
whatever their temporaries are called and however often one name is used again. Loops and branches say which values they
replace. Comparing text, or the parsed text, was refused because a renamed temporary is then a change of the model.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

__all__ = ["names_in", "normal"]


def normal(text: str, inputs: Iterable[str], known: Mapping[str, str]) -> str:
    """The form of a `forward`; `known` says what other names stand for, as a component's name in the other model."""
    if not text:
        return ""
    form = _Form(known)
    for name in inputs:
        form.assign(name)
    return "\n".join(form.statements(ast.parse(text).body))


def names_in(text: str) -> set[str]:
    """Every name that a `forward` mentions."""
    return {node.id for node in ast.walk(ast.parse(text or "")) if isinstance(node, ast.Name)}


class _Form:
    """Numbers values in the order in which they are made."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known
        self.now: dict[str, str] = {}
        self.made = 0

    def assign(self, name: str) -> str:
        self.now[name] = f"%{self.made}"
        self.made += 1
        return self.now[name]

    def statements(self, body: Iterable[ast.stmt]) -> list[str]:
        return [line for statement in body for line in self.statement(statement)]

    def statement(self, statement: ast.stmt) -> list[str]:
        match statement:
            case ast.Assign(targets=[target], value=value):
                given = self.expr(value)
                return [f"{self.target(target)} = {given}"]
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                given = f"{self.now.get(name, name)} {ast.dump(op)} {self.expr(value)}"
                return [f"{self.assign(name)} = {given}"]
            case ast.For(target=target, iter=iterable, body=body):
                return self.loop(target, iterable, body)
            case ast.If(test=test, body=body, orelse=orelse):
                return self.branch(test, body, orelse)
        return [self.expr(statement)]

    def target(self, target: ast.expr) -> str:
        if isinstance(target, ast.Name):
            return self.assign(target.id)
        if isinstance(target, ast.Tuple | ast.List):
            return f"({', '.join(map(self.target, target.elts))})"
        return self.expr(target)

    def loop(self, target: ast.expr, iterable: ast.expr, body: list[ast.stmt]) -> list[str]:
        over = self.expr(iterable)
        head = f"for {self.target(target)} in {over}"
        before = dict(self.now)
        inside = self.statements(body)
        # What the next round sees in place of what this one saw.
        carried = [f"{old} <- {self.now[n]}" for n, old in before.items() if self.now[n] != old]
        return [head, *inside, f"end {sorted(carried)}"]

    def branch(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> list[str]:
        head = f"if {self.expr(test)}"
        before = dict(self.now)
        then = self.statements(body)
        first, self.now = self.now, dict(before)
        other = self.statements(orelse)
        joined = []
        second = dict(self.now)
        for name in dict.fromkeys([*first, *second]):
            either = first.get(name), second.get(name)
            if either[0] != either[1]:
                joined.append(f"{self.assign(name)} = {either}")
        return [head, *then, "else", *other, "end", *joined]

    def expr(self, node: ast.AST) -> str:
        return ast.dump(_Named(self).visit(ast.parse(ast.unparse(node))))


class _Named(ast.NodeTransformer):
    """Names as what they stand for."""

    def __init__(self, form: _Form) -> None:
        self.form = form

    def visit_Name(self, node: ast.Name) -> ast.Name:
        found = self.form.now.get(node.id) or self.form.known.get(node.id, node.id)
        return ast.Name(found, node.ctx)
