"""The statements of a `forward` as lines, each with the shape it makes where that is news to the reader.

A loop stays a loop where all its rounds have the same lines. Where they differ it is written out, equal rounds in a row as a
loop over a slice; a loop with conditions on its position was refused, since a model never takes both branches.
"""

from __future__ import annotations

from typing import Any

from getspec import ir
from getspec.emit.comments import clean, code, noted
from getspec.emit.layout import WIDTH, fit
from getspec.emit.runtime import RunTime
from getspec.emit.scope import Scope
from getspec.ops.base import Tensor
from getspec.walk import within

__all__ = ["Body"]

NO_DATAFLOW = ir.Forward((), (), None)


class Body:
    """Writes the statements of one `forward`, or of a function, which has no owner."""

    def __init__(
        self, scope: Scope, forward: ir.Forward | None, owner: ir.Block | None = None
    ) -> None:
        self.scope = scope
        self.forward = forward or NO_DATAFLOW
        self.printer = RunTime(scope, self.forward, owner)
        self.indent = 4 if owner is None else 8
        self.known: dict[str, Any] = {each.name: each.type for each in self.forward.inputs}
        """What each name holds at this point."""
        self.bare: set[str] = set()
        """Lines that change a shape and do not show it."""

    def lines(self) -> list[str]:
        body = self.block(self.forward.statements, self.indent)
        pad = " " * self.indent
        return [*(f"{pad}{name} = {text}" for name, text in self.printer.hoisted.items()), *body]

    def block(self, statements: tuple[ir.Statement, ...], indent: int) -> list[str]:
        return [line for each in statements for line in self.statement(each, indent)]

    def statement(self, statement: ir.Statement, indent: int) -> list[str]:
        comments = [f"{' ' * indent}# {clean(line)}" for line in statement.comment]
        match statement:
            case ir.Assign():
                lines = self.assignment(statement, indent)
            case ir.Push(name, value):
                lines = fit(f"{name}.append({self.printer(value)})", indent)
            case ir.Return(values):
                text = f"return {', '.join(map(self.printer, values))}"
                lines = self.noted(text, indent, self.note(values[0]) if len(values) == 1 else "")
            case ir.For():
                lines = self.loop(statement, indent)
        return [*comments, *lines]

    def assignment(self, statement: ir.Assign, indent: int) -> list[str]:
        targets, value = statement.targets, statement.value
        single = statement.unpack and len(targets) == 1
        left = f"({targets[0]},)" if single else ", ".join(targets)
        note = self.note(value)
        lines = self.noted(f"{left} = {self.printer(value)}", indent, note)
        parts = value.value if statement.unpack else (value.value,)
        self.known.update(zip(targets, parts, strict=True))
        return lines

    # Shapes

    def note(self, expr: ir.Expr) -> str:
        """The shape, where it is not that of anything the line reads."""
        value = expr.value
        if isinstance(value, tuple) and value and all(part == value[0] for part in value):
            value = value[0]
        if not isinstance(value, Tensor) or not value.shape:
            return ""
        read = [self.known.get(e.id) for e in within(expr) if isinstance(e, ir.Name)]
        shapes = [type.shape for type in read if isinstance(type, Tensor)]
        if value.shape in shapes or (not shapes and isinstance(expr, ir.Call)):
            return ""
        return self.scope.shape(value)

    def noted(self, text: str, indent: int, note: str) -> list[str]:
        """A statement with its shape, where both fit on one line."""
        lines = fit(text, indent)
        if not note:
            return lines
        if len(lines) == 1 and len(noted(lines[0], note)) <= WIDTH:
            return [noted(lines[0], note)]
        self.bare.add(lines[-1])
        return lines

    # Loops

    def loop(self, loop: ir.For, indent: int) -> list[str]:
        before = self.known
        bodies = self.agreed([self.round(each, loop, before, indent) for each in loop.rounds])
        if not bodies:
            return []
        if any(body != bodies[0] for body in bodies):
            self.known = dict(before)
            return self.unrolled(loop, indent)
        head = f"for {', '.join(loop.targets)} in {self.printer(loop.iterable)}"
        return [*fit(head, indent, tail=":"), *bodies[0]]

    def round(self, each: Any, loop: ir.For, before: dict[str, Any], indent: int) -> list[str]:
        """The lines of one round, from what was known before the loop."""
        _, elements, statements = each
        values = (element.value for element in elements)
        self.known = {**before, **dict(zip(loop.targets, values, strict=True))}
        return self.block(statements, indent + 4)

    def agreed(self, bodies: list[list[str]]) -> list[list[str]]:
        """Rounds that are one but for shapes: without the comments that hold for some of them only."""
        plain = [list(map(code, body)) for body in bodies]
        if any(body != plain[0] for body in plain):
            return bodies
        differ = {code(alike[0]) for alike in zip(*bodies, strict=True) if len(set(alike)) > 1}
        self.bare |= differ
        return [[code(line) if code(line) in differ else line for line in body] for body in bodies]

    def unrolled(self, loop: ir.For, indent: int) -> list[str]:
        """Rounds that differ, one after the other; equal ones in a row as a loop over a slice."""
        lines: list[str] = []
        for times, elements, statements in loop.rounds:
            paths = list(map(self.printer, elements))
            if times > 1:
                lines.append(f"{' ' * indent}for {loop.targets[0]} in {_slice(paths[0])}:")
                lines += self.block(statements, indent + 4)
                continue
            self.printer.alias.update(zip(loop.targets, paths, strict=True))
            lines += self.block(statements, indent)
            for target in loop.targets:
                self.printer.alias.pop(target, None)
        return lines


def _slice(path: str) -> str:
    """Several items of a list, from the place of each: `self.blocks[2-4]` is `self.blocks[2:5]`."""
    base, _, places = path.rstrip("]").rpartition("[")
    first, last = map(int, places.split("-"))
    if first < last:
        return f"{base}[{first}:{last + 1}]"
    return f"reversed({base}[{last}:{first + 1}])"
