"""Checked dataflow, run once more on tensors that know where they lie.

A loop is walked until a round finds memory as the one before it did, up to the names of storages; from there on every round
does the same, and one stands for all. Numbers that vary with the position matter only where they are zero: a rate of dropout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from getspec import ir
from getspec.ops.base import SAVES, Layer, Tensor
from getspec.ops.storage import Held, Storage, Tape
from getspec.passes.paths import folded, joined, trained
from getspec.passes.statements import Statements, loop_items
from getspec.signature import inputs_of, outcome
from getspec.sizes import Size
from getspec.unify import substituted

__all__ = ["Open", "Replay", "each", "summed", "tensors"]

ZERO = Size.of(0)
SELECTED = 33


class Open(dict[str, int]):
    """Sizes that only running can know (how many values a mask selects) are some number."""

    def __missing__(self, name: str) -> int:
        return SELECTED


class Replay(Statements):
    """Runs one definition's statements. `names` are its sizes in the model's; `numbers` its settings at this position."""

    def __init__(
        self,
        tape: Tape,
        block: ir.Block | None,
        forward: ir.Forward,
        names: Mapping[str, Size],
        trainable: bool,
        numbers: Mapping[str, float],
    ) -> None:
        self.tape = tape
        self.block = block
        self.forward = forward
        self.names = names
        self.trainable = trainable
        self.numbers = numbers
        self.position = 0

    def run(self, inputs: list[Any]) -> Any:
        given = [declared.name for declared in self.forward.inputs]
        self.locals = dict(zip(given, inputs, strict=True))
        self.statements(self.forward.statements)
        return self.result

    # Loops

    def loop(self, loop: ir.For) -> None:
        rows = loop_items(loop.iterable, self.expr)
        for count, elements, body in loop.rounds:
            row = next(rows)
            for target, element, item in zip(loop.targets, elements, row, strict=True):
                self.locals[target] = element.value if item is None else item
            for _ in range(count - 1):
                next(rows)
            for start, times in self.alike(elements, count):
                self.position = start
                self.rounds(times, body, loop.targets)

    def rounds(self, left: int, body: tuple[ir.Statement, ...], targets: tuple[str, ...]) -> None:
        while left:
            before, table = self.state(targets), dict(self.tape.table)
            self.statements(body)
            times = left if self.state(targets) == before else 1
            for key, amount in self.tape.table.items() if times > 1 else ():
                self.tape.table[key] = amount + (amount - table.get(key, ZERO)) * (times - 1)
            left -= times

    def state(self, targets: tuple[str, ...]) -> Any:
        """Memory as a round finds it; storages count by the order in which they are met."""
        met: dict[int, int] = {}
        kept = {name: value for name, value in self.locals.items() if name not in targets}
        return {name: _seen(value, met) for name, value in kept.items()}

    def alike(self, elements: tuple[ir.Expr, ...], count: int) -> Iterator[tuple[int, int]]:
        """(position, times): runs of rounds in which the same rates are zero."""
        links = [e.value for e in elements if isinstance(e.value, ir.Link)]
        arguments = [arg for link in links for arg in link.member.args.values()]
        varying = [arg for arg in arguments if _is_varying(arg)]
        positions = _positions(links[0], count) if links else [0] * count
        if not varying:
            yield positions[0], count
            return
        runs: list[tuple[list[bool], int, int]] = []
        for self.position in positions:
            zeros = [self.number(arg) == 0 for arg in varying]
            if runs and runs[-1][0] == zeros:
                runs[-1] = (zeros, runs[-1][1], runs[-1][2] + 1)
            else:
                runs.append((zeros, self.position, 1))
        yield from ((position, times) for _, position, times in runs)

    def number(self, expr: ir.Expr) -> Any:
        """A setting at this position of the repeat."""
        if not isinstance(expr.value, ir.Varying):
            return expr.value.known if isinstance(expr.value, Size) else expr.value
        match expr:
            case ir.Name(_, id, kind):
                return self.position if kind == "index" else self.numbers.get(id)
            case ir.Operation(_, op, operands):
                rule = NUMBERS.get(op)
                values = [self.number(part) for part in operands]
                return None if rule is None or None in values else rule(*values)
        return None

    # Expressions

    def expr(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Name(value, id, kind):
                return self.name(value, id, kind)
            case ir.Group(_, _, items):
                return tuple(map(self.expr, items))
            case ir.Operation(value, _, operands) if isinstance(value, tuple):
                return tuple(item for part in operands for item in self.expr(part))
            case ir.Pick():
                return self.pick(expr)
            case ir.Subscript(_, base, items):
                given = tuple(map(self.item, items))
                return self.op("index", expr.value, {"x": self.expr(base), "items": given})
            case ir.Apply():
                return self.op(expr.op, expr.value, self.arguments(expr))
            case ir.Call():
                return self.call(expr)
            case ir.RoutineCall():
                return self.routine(expr)
        return substituted(expr.value, self.names)

    def name(self, value: Any, id: str, kind: str) -> Any:
        if id in self.locals:
            return self.locals[id]
        if kind == "weight" and isinstance(value, Tensor) and self.block is not None:
            return self.weight(next(w for w in self.block.own if w.name == id), self.trainable)
        if isinstance(value, ir.Varying):
            return self.numbers.get(id)
        return substituted(value, self.names)

    def weight(self, weight: ir.Weight, trainable: bool) -> Held:
        """A parameter or buffer; a tied one is as trainable as its twin."""
        twin = self.tape.twins.get(joined(self.tape.path, weight.name))
        trains = trainable and weight.trainable and weight.kind == "parameter"
        return self.tape.given(Tensor(weight.dtype, weight.shape), trains if twin is None else twin)

    def pick(self, expr: ir.Pick) -> Any:
        if isinstance(expr.base.value, ir.Link):
            return expr.value
        items = self.expr(expr.base)
        if expr.index is None:
            assert isinstance(expr.base, ir.Name)
            self.locals[expr.base.id] = items[:-1]
            return items[-1]
        return items[int(expr.index.value)]

    def item(self, item: Any) -> Any:
        """An index as it is given to the rule: a tensor, a number, None, or (start, stop, step)."""
        if isinstance(item, tuple):
            return (*(None if b is None else self.expr(b) for b in item[:2]), item[2])
        return self.expr(item)

    def arguments(self, expr: ir.Apply) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, arg in expr.args.items():
            if isinstance(arg, tuple):
                found[name] = tuple(map(self.expr, arg))
            elif isinstance(arg, Mapping):
                found[name] = {key: self.expr(part) for key, part in arg.items()}
            else:
                found[name] = self.number(arg) if _is_varying(arg) else self.expr(arg)
        return found

    def op(self, name: str, out: Any, arguments: Mapping[str, Any]) -> Any:
        rule = SAVES.get(name)
        type = substituted(out, self.names)
        if rule is None:
            self.tape.unknown.add(name)
            grad = any(held.grad for value in arguments.values() for held in tensors(value))
            return each(type, lambda t: self.tape.new(t, grad))
        return rule(self.tape, type, **arguments)

    # Calls

    def call(self, expr: ir.Call) -> Any:
        link: ir.Link = expr.target.value
        assert self.block is not None
        args = [self.expr(arg) for _, arg in expr.args]
        names = {key: size.substitute(self.names) for key, size in expr.bindings.items()}
        numbers = {n: self.number(arg) for n, arg in link.member.args.items() if _is_varying(arg)}
        trainable = self.trainable and trained(self.block, link.path)
        outer = self.tape.path
        self.tape.path = joined(outer, folded(self.block, link.path))
        with self.layer(outer, args):
            made = self.member(link.member, args, expr.value, names, trainable, numbers)
        self.tape.path = outer
        return made

    @contextmanager
    def layer(self, outer: str, args: list[Any]) -> Iterator[None]:
        """Of a layer of a repeat, outermost ones only: what it is given, and the most that one keeps."""
        path = self.tape.path
        if _in_list(outer) or not _in_list(path):
            yield
            return
        self.tape.enter(*(held for arg in args for held in tensors(arg)))
        before, self.tape.inside = self.kept(path), True
        yield
        self.tape.inside = False
        kept, known = self.kept(path) - before, self.tape.layers.get(path)
        if known is None or self.tape.at(kept) > self.tape.at(known):
            self.tape.layers[path] = kept

    def kept(self, path: str) -> Size:
        """Bytes kept so far at a path and below, beside what its layers were given."""
        table = self.tape.table
        return summed(table, ("saved", "attention"), path) - summed(table, ("again",), path)

    def member(
        self,
        member: ir.Member,
        args: list[Any],
        out: Any,
        names: Mapping[str, Size],
        trainable: bool,
        numbers: Mapping[str, float],
    ) -> Any:
        trainable = trainable and member.trainable
        match member.module:
            case ir.Leaf() as leaf:
                return self.leaf(leaf, args, substituted(out, self.names), trainable, numbers)
            case ir.Block() as block:
                assert block.forward is not None
                return Replay(self.tape, block, block.forward, names, trainable, numbers).run(args)
            case ir.Sequence() as sequence:
                return self.sequence(sequence, args, trainable)
        raise AssertionError(member)

    def leaf(
        self,
        leaf: ir.Leaf,
        args: list[Any],
        out: Any,
        trainable: bool,
        numbers: Mapping[str, float],
    ) -> Any:
        weights = {w.name: self.weight(w, trainable) for w in leaf.weights}
        if type(leaf.op).saves is Layer.saves:
            self.tape.unknown.add(leaf.op.type)
            grad = any(held.grad for held in (*args, *weights.values()))
            return self.tape.new(out, grad)
        return leaf.op.saves(self.tape, out, *args, **weights)

    def sequence(self, sequence: ir.Sequence, args: list[Any], trainable: bool) -> Any:
        outer = self.tape.path
        for part in sequence.members:
            types = (_each_held(arg) for arg in args)
            given = dict(zip(inputs_of(part.module), types, strict=True))
            out, names = outcome(part, given, f"`{part.name}`")
            self.tape.path = joined(outer, part.name)
            numbers = {n: self.number(arg) for n, arg in part.args.items() if _is_varying(arg)}
            # Types here are in the model's sizes already.
            inside = Replay(self.tape, self.block, self.forward, {}, trainable, self.numbers)
            args = [inside.member(part, args, out, names, trainable, numbers)]
        self.tape.path = outer
        return args[0]

    def routine(self, expr: ir.RoutineCall) -> Any:
        given = dict(expr.args)
        order = [declared.name for declared in expr.routine.forward.inputs]
        args = [self.expr(given[name]) for name in order]
        names = {key: size.substitute(self.names) for key, size in expr.bindings.items()}
        return Replay(self.tape, None, expr.routine.forward, names, True, {}).run(args)


NUMBERS: dict[str, Any] = {
    "+": lambda *v: sum(v),
    "-": lambda *v: v[0] - v[1] if len(v) == 2 else -v[0],
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "min": min,
    "max": max,
    "int": int,
    "float": float,
    "round": round,
}
"""Arithmetic of numbers that vary with the position; what is not here leaves a rate open, which counts as not zero."""


def _is_varying(arg: Any) -> bool:
    return isinstance(arg, ir.Expr) and isinstance(arg.value, ir.Varying)


def _positions(link: ir.Link, count: int) -> list[int]:
    """Where in their list components stand that are called in turn: `blocks.0-11`, or `blocks.11-0`."""
    first, _, last = link.path.rpartition(".")[2].partition("-")
    start = int(first) if first.isdigit() else 0
    step = -1 if last.isdigit() and int(last) < start else 1
    return [start + step * at for at in range(count)]


def _in_list(path: str) -> bool:
    """Whether a path leads through a list of components."""
    return any(part == "*" or part.replace("-", "").isdigit() for part in path.split("."))


def each(type: Any, make: Any) -> Any:
    """Tensors of a type, or of a tuple of types."""
    if isinstance(type, tuple):
        return tuple(each(item, make) for item in type)
    return make(type)


def _each_held(value: Any) -> Any:
    return tuple(map(_each_held, value)) if isinstance(value, tuple) else value.type


def tensors(value: Any) -> Iterator[Held]:
    if isinstance(value, tuple):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, Held):
        yield value


def _seen(value: Any, met: dict[int, int]) -> Any:
    """A value without the identity of its storages."""
    if isinstance(value, tuple):
        return tuple(_seen(item, met) for item in value)
    if not isinstance(value, Held):
        return None
    storage: Storage = value.storage
    number = met.setdefault(id(storage), len(met))
    flags = (storage.counted, storage.saved, storage.entered, storage.outside)
    return (value.type, value.strides, value.grad, number, storage.bytes, flags)


def summed(table: Mapping[tuple[str, str], Size], what: tuple[str, ...], path: str) -> Size:
    """What a path and all below it have of some kinds; "" is the model."""
    found = [
        amount
        for (place, kind), amount in table.items()
        if kind in what and (not path or place == path or place.startswith(f"{path}."))
    ]
    return sum(found, ZERO)
