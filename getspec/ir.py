"""The compiled model: a tree of modules, and dataflow in which every expression knows its type.

Everything here is frozen and concrete. Repeats are folded (`Run.count`), equal modules are one object, and whatever had to be
decided has been. An expression keeps both what it is (`value`) and how the spec wrote it, so that a pass can add numbers up
while the emitter still prints `3 * dim`. A flat graph of nodes was refused: loops, names and blocks would be lost, and with
them code that people want to read.

Nothing here knows pydantic, YAML or PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from getspec.errors import Span
from getspec.ops.base import Layer, Tensor
from getspec.record import Record
from getspec.sizes import Size

__all__ = [
    "Apply",
    "Assign",
    "Block",
    "Call",
    "Const",
    "Expr",
    "For",
    "Forward",
    "Group",
    "Init",
    "Input",
    "Leaf",
    "Link",
    "Member",
    "Model",
    "Module",
    "Name",
    "Operation",
    "Pick",
    "Push",
    "Return",
    "Routine",
    "RoutineCall",
    "Run",
    "Sequence",
    "Stack",
    "Statement",
    "Subscript",
    "Tie",
    "Varying",
    "Weight",
]


class Init(NamedTuple):
    """How a tensor starts: a scheme of torch.nn.init and its numbers (normal: std; uniform: low, high)."""

    scheme: str
    args: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.scheme}({', '.join(map(str, self.args))})" if self.args else self.scheme


@dataclass(frozen=True, slots=True)
class Varying:
    """A number that depends on the position in a repeat and decides nothing about structure."""

    kind: str = "float"


# Expressions. `value` is a Tensor, a Size, a float, a bool, a str, None, Varying, a tuple of values, or a Link.


class Expr(Record):
    """Something `forward` or a field computes."""

    value: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """What it is made of: expressions, and None, tuples and mappings of them."""
        return ()


class Const(Expr):
    """A literal."""


class Name(Expr):
    """A name. `kind`: setting, let, index, size (run time), local, input, weight (own parameter or buffer)."""

    id: str
    kind: str


class Operation(Expr):
    """Compile-time arithmetic: an operator, or one of `min max len sqrt int float ceil_div round if`, or `[]`."""

    op: str
    operands: tuple[Expr, ...]

    @property
    def parts(self) -> tuple[Any, ...]:
        return self.operands


class Group(Expr):
    """A list or a tuple written out."""

    kind: str
    items: tuple[Expr, ...]

    @property
    def parts(self) -> tuple[Any, ...]:
        return self.items


class Apply(Expr):
    """A function op on its arguments; a variadic argument is a tuple of expressions or a mapping of them."""

    op: str
    args: Mapping[str, Any]

    @property
    def parts(self) -> tuple[Any, ...]:
        return (*self.args.values(),)


class Call(Expr):
    """A component called: `target` is a Name or a Pick whose value is a Link."""

    target: Expr
    module: Module
    args: tuple[tuple[str, Expr], ...]
    bindings: Mapping[str, Size]
    """The caller's sizes for the names that the module's own types use."""

    @property
    def parts(self) -> tuple[Any, ...]:
        return (self.target, *(arg for _, arg in self.args))


class RoutineCall(Expr):
    """A function of the spec called."""

    routine: Routine
    args: tuple[tuple[str, Expr], ...]
    bindings: Mapping[str, Size]

    @property
    def parts(self) -> tuple[Any, ...]:
        return tuple(arg for _, arg in self.args)


class Subscript(Expr):
    """A tensor indexed: items are Expr, or slices as (start, stop, step) of Expr or None."""

    base: Expr
    items: tuple[Any, ...]

    @property
    def parts(self) -> tuple[Any, ...]:
        return (self.base, *self.items)


class Pick(Expr):
    """An item of a tuple, a list or a component list, at a place known now; `index` is a Name, Const or "pop"."""

    base: Expr
    index: Expr | None

    @property
    def parts(self) -> tuple[Any, ...]:
        return (self.base, self.index)


# Statements


class Assign(Record):
    targets: tuple[str, ...]
    value: Expr
    unpack: bool = False
    comment: tuple[str, ...] = ()


class Push(Record):
    """An item appended to a list."""

    name: str
    value: Expr
    comment: tuple[str, ...] = ()


class Return(Record):
    values: tuple[Expr, ...]
    comment: tuple[str, ...] = ()


class For(Record):
    """A loop: each entry of `rounds` is (times, what the targets are, body) for equal rounds in a row."""

    targets: tuple[str, ...]
    iterable: Expr
    rounds: tuple[tuple[int, tuple[Expr, ...], tuple[Statement, ...]], ...]
    comment: tuple[str, ...] = ()


Statement = Assign | Push | Return | For


class Input(Record):
    """A tensor, or a list of them, that a definition takes. Axes are over the definition's names."""

    name: str
    type: Tensor | tuple[Tensor, ...]
    below: Size | None = None
    doc: str | None = None
    span: Span | None = None
    selects: Size | None = None
    """Of a bool: how many values are True."""
    axes: tuple[Expr, ...] = ()
    """Its lengths as written; of a list, those of one tensor, over its position."""
    index: str | None = None
    """What a list calls the position."""
    limits: tuple[Expr, ...] = ()
    """`below` and `selects` as written."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return self.type if isinstance(self.type, tuple) else (self.type,)


class Forward(Record):
    """Checked dataflow. `result` is what it returns: a value, or a tuple of them."""

    inputs: tuple[Input, ...]
    statements: tuple[Statement, ...]
    result: Any
    names: tuple[str, ...] = ()
    """Names of the outputs, where the spec gives them."""
    promised: tuple[tuple[Expr, ...], ...] = ()
    """Lengths of the outputs as the spec declares them."""
    written: tuple[Statement, ...] = ()
    """All statements, those too whose values nothing reads: every one has to be right for a config to be legal."""


# Modules


class Weight(Record):
    """A parameter (`kind` parameter) or a buffer of one module."""

    name: str
    shape: tuple[Size, ...]
    dtype: str = "float"
    kind: str = "parameter"
    init: Init = Init("default")
    persistent: bool = True
    value: Expr | None = None
    trainable: bool = True
    spelled: tuple[Expr, ...] | None = None

    @property
    def numel(self) -> int:
        total = 1
        for length in self.shape:
            total *= int(length)
        return total


class Module(Record):
    """A node of the tree; `type` is what the spec calls it."""

    type: str

    @property
    def weights(self) -> tuple[Weight, ...]:
        """Its own parameters, then its own buffers, in the order of the state dict."""
        return ()

    def children(self) -> Iterator[tuple[str, int, Member]]:
        """(name or range of names, how many, member), in the order of the state dict."""
        return iter(())


class Member(Record):
    """A module in its place: its name, the arguments as written, and what its declaration adds."""

    name: str
    module: Module
    args: Mapping[str, Expr]
    span: Span
    trainable: bool = True
    init: Mapping[str, Init] = MappingProxyType({})
    doc: str | None = None


class Leaf(Module):
    """A primitive layer."""

    op: Layer

    @cached_property
    def _weights(self) -> tuple[Weight, ...]:
        parameters = [Weight(w.name, w.shape, w.dtype) for w in self.op.parameters()]
        buffers = [Weight(w.name, w.shape, w.dtype, kind="buffer") for w in self.op.buffers()]
        return (*parameters, *buffers)

    @property
    def weights(self) -> tuple[Weight, ...]:
        return self._weights


class Tie(NamedTuple):
    """Two tensors that are one; `name` is the second name of `of`. Both are paths within the definition."""

    name: str
    of: str


class Block(Module):
    """An instance of a block or of the model: settings are concrete, members are elaborated."""

    settings: Mapping[str, Expr]
    """Every setting and named value, as a Name with its value."""
    lets: Mapping[str, Expr]
    """The named values as written."""
    structural: frozenset[str]
    """Settings that decided structure: the generated class does not take them as arguments."""
    own: tuple[Weight, ...]
    members: tuple[Member, ...]
    ties: tuple[Tie, ...]
    init: Mapping[str, Mapping[str, Init]]
    forward: Forward | None
    summary: str | None
    sources: tuple[str, ...]
    span: Span
    absent: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    """Members and parameters that `forward` does not use."""
    dataflow: str = ""
    """`forward` as the spec has it."""

    @property
    def weights(self) -> tuple[Weight, ...]:
        return self.own

    def children(self) -> Iterator[tuple[str, int, Member]]:
        return ((member.name, 1, member) for member in self.members)


class Sequence(Module):
    """Modules called one after the other, numbered or named."""

    members: tuple[Member, ...]

    def children(self) -> Iterator[tuple[str, int, Member]]:
        return ((member.name, 1, member) for member in self.members)


class Run(Record):
    """Equal modules in a row: `count` of them from position `start`."""

    start: int
    count: int
    member: Member

    @property
    def name(self) -> str:
        return str(self.start) if self.count == 1 else f"{self.start}-{self.start + self.count - 1}"


class Stack(Module):
    """A list of modules, folded into runs."""

    runs: tuple[Run, ...]
    count: Expr
    index: str | None
    pattern: int
    """How many declarations the repeat cycles through, with their `times`; 1 without a pattern."""
    alike: tuple[tuple[Member, Member], ...] = ()
    """Neighbours that are declared apart and came out equal, so that the second is in the run of the first."""

    def __len__(self) -> int:
        return sum(run.count for run in self.runs)

    def children(self) -> Iterator[tuple[str, int, Member]]:
        if len(self.runs) == 1 and self.runs[0].count > 1:
            run = self.runs[0]
            return iter((("*", run.count, run.member),))
        return ((run.name, run.count, run.member) for run in self.runs)

    def at(self, position: int) -> Member:
        for run in self.runs:
            if run.start <= position < run.start + run.count:
                return run.member
        raise IndexError(position)


class Link(Record):
    """What a component's name stands for in `forward`."""

    path: str
    member: Member


class Routine(Record):
    """A function of the spec at concrete settings."""

    name: str
    settings: Mapping[str, Expr]
    lets: Mapping[str, Expr]
    structural: frozenset[str]
    forward: Forward
    summary: str | None
    sources: tuple[str, ...] = ()
    dataflow: str = ""
    """`forward` as the spec has it."""


class Model(Record):
    """A compiled spec."""

    name: str
    file: str
    root: Block
    sizes: Mapping[str, str]
    """What each run-time size means, in words."""
    tiny: Mapping[str, Any]
    """A small configuration and small run-time sizes."""
    shape: Mapping[str, int]
    """Run-time sizes at which costs are quoted."""
