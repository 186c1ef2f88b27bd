"""What a model computes, without a trace of how it was written: blocks, functions and loops opened, names gone.

Every value is the digest of what made it: an op, a layer by its path, a parameter, and the digests of its operands. Two models
whose results have the same digests compute the same from the same tensors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from getspec import ir
from getspec.ops.base import Tensor
from getspec.passes.statements import Statements, loop_items
from getspec.signature import inputs_of, outcome
from getspec.sizes import Size

__all__ = ["unrolled"]

Path = Callable[[str], str]


def unrolled(model: ir.Model, path: Path = str) -> Any:
    """The digests of what a model returns; `path` says what a tensor's or layer's path stands for."""
    forward = model.root.forward
    assert forward is not None
    names = {declared.name: declared.name for declared in forward.inputs}
    several = {
        d.name: tuple(f"{d.name} {at}" for at, _ in enumerate(d.tensors)) for d in forward.inputs
    }
    lists = {d.name: isinstance(d.type, tuple) for d in forward.inputs}
    given = {name: several[name] if lists[name] else names[name] for name in names}
    return _Opened(model.root, "", {}, path).run(forward, given)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


class _Opened(Statements):
    """One call of a definition, at a path of the model and at its caller's sizes."""

    def __init__(
        self, block: ir.Module | None, prefix: str, names: Mapping[str, Size], path: Path
    ) -> None:
        self.block, self.prefix, self.names, self.path = block, prefix, names, path

    def run(self, forward: ir.Forward, given: Mapping[str, Any]) -> Any:
        self.locals = dict(given)
        self.statements(forward.statements)
        return self.result

    def at(self, path: str) -> str:
        return self.path(f"{self.prefix}{path}")

    def plain(self, value: Any) -> Any:
        """A number or word, in the sizes of the model."""
        if isinstance(value, Size):
            return str(value.substitute(self.names).value)
        if isinstance(value, tuple):
            return tuple(map(self.plain, value))
        return "varies" if isinstance(value, ir.Varying) else value

    def loop(self, loop: ir.For) -> None:
        rows = loop_items(loop.iterable, self.expr)
        for times, elements, body in loop.rounds:
            for at in range(times):
                for target, element, item in zip(loop.targets, elements, next(rows), strict=True):
                    self.locals[target] = self.element(element.value, at) if item is None else item
                self.statements(body)

    def element(self, value: Any, at: int) -> Any:
        """What a loop variable is in one of several equal rounds."""
        if not isinstance(value, ir.Link):
            return self.plain(value)
        stem, _, places = value.path.rpartition(".")
        start, dash, end = places.partition("-")
        step = 1 if not dash or int(end) > int(start) else -1
        return ir.Link(f"{stem}.{int(start) + step * at}", value.member)

    def expr(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Name(_, id) if id in self.locals:
                return self.locals[id]
            case ir.Name(Tensor(), id):
                return _digest("weight", self.at(id))
            case ir.Group(_, _, items):
                return tuple(map(self.expr, items))
            case ir.Operation(tuple(), _, operands):
                return tuple(item for part in operands for item in self.expr(part))
            case ir.Pick(ir.Link()):
                return expr.value
            case ir.Pick(_, base, index):
                return self.pick(base, index)
            case ir.Subscript(_, base, items):
                return _digest("[]", self.expr(base), *map(self.item, items))
            case ir.Apply(value, op, args):
                made = _digest(op, *(sorted((name, self.item(arg)) for name, arg in args.items())))
                return self.parts(made, value)
            case ir.Call():
                return self.call(expr)
            case ir.RoutineCall(_, routine, args, bindings):
                given = {name: self.expr(arg) for name, arg in args}
                given = {d.name: given[d.name] for d in routine.forward.inputs}
                return _Opened(None, "", self.within(bindings), self.path).run(
                    routine.forward, given
                )
        return self.plain(expr.value)

    def item(self, part: Any) -> Any:
        """An argument, an index or the bounds of a slice."""
        if isinstance(part, tuple):
            return tuple(map(self.item, part))
        if isinstance(part, Mapping):
            return tuple(sorted((name, self.item(each)) for name, each in part.items()))
        return self.expr(part) if isinstance(part, ir.Expr) else part

    def pick(self, base: ir.Expr, index: ir.Expr | None) -> Any:
        items = self.expr(base)
        if index is None:
            assert isinstance(base, ir.Name)
            self.locals[base.id] = items[:-1]
            return items[-1]
        return items[int(index.value)]

    def parts(self, made: str, value: Any) -> Any:
        """An op that returns several tensors."""
        if isinstance(value, tuple):
            return tuple(_digest(made, at) for at, _ in enumerate(value))
        return made

    def within(self, bindings: Mapping[str, Size]) -> dict[str, Size]:
        return {name: length.substitute(self.names) for name, length in bindings.items()}

    def call(self, expr: ir.Call) -> Any:
        target = expr.target
        link = self.locals.get(target.id) if isinstance(target, ir.Name) else None
        link = link or target.value
        given = tuple(self.expr(arg) for _, arg in expr.args)
        types = tuple(arg.value for _, arg in expr.args)
        return self.member(link.path, link.member, given, types, expr.bindings, expr.value)

    def member(
        self,
        path: str,
        member: ir.Member,
        given: tuple[Any, ...],
        types: tuple[Any, ...],
        bindings: Mapping[str, Size],
        value: Any,
    ) -> Any:
        match member.module:
            case ir.Leaf(op=op):
                fields = sorted((name, self.plain(each)) for name, each in vars(op).items())
                return self.parts(_digest(op.type, fields, self.at(path), given), value)
            case ir.Block(forward=ir.Forward() as forward):
                names = [declared.name for declared in forward.inputs]
                inner = _Opened(
                    member.module, f"{self.prefix}{path}.", self.within(bindings), self.path
                )
                return inner.run(forward, dict(zip(names, given, strict=True)))
            case ir.Sequence(members=members):
                for part in members:
                    named = dict(zip(inputs_of(part.module), types, strict=True))
                    result, inside = outcome(part, named, f"`{part.name}`")
                    place = f"{path}.{part.name}"
                    given = (self.member(place, part, given, types, inside, result),)
                    types = (result,)
                return given[0]
        raise AssertionError(member.module)
