"""Parameters, to the last one: per module with repeats folded, or name by name as in the state dict.

A tied tensor counts once, under the name it is tied to. What is frozen, by itself or with a component around it, is told
apart. A module is counted once however often it repeats, so the work does not grow with depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from getspec import ir
from getspec.record import Record, replaced

__all__ = ["Count", "Counter", "Row", "Tensor", "count", "locate", "parts_of", "tensors"]

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Elements of parameters and buffers."""

    trainable: int = 0
    frozen: int = 0
    buffers: int = 0

    @property
    def params(self) -> int:
        return self.trainable + self.frozen

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(
            self.trainable + other.trainable,
            self.frozen + other.frozen,
            self.buffers + other.buffers,
        )

    def __mul__(self, times: int) -> Numbers:
        return Numbers(self.trainable * times, self.frozen * times, self.buffers * times)


class Row(Record):
    """A module in its place. `params` includes children and all `repeat` copies."""

    path: str
    type: str
    repeat: int
    params: int
    depth: int


class Tensor(Record):
    """A tensor of the state dict."""

    name: str
    shape: tuple[int, ...]
    count: int
    trainable: bool
    dtype: str
    kind: str
    persistent: bool


class Count(Record):
    """What a model holds. `total` is the number of distinct parameters."""

    model: str
    spec: str
    total: int
    trainable: int
    frozen: int
    buffers: int
    tied: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    root: ir.Block

    def parameters(self) -> Iterator[Tensor]:
        """Every parameter of the state dict, in its order; a tied one is as trainable as its twin."""
        found = [tensor for tensor in tensors(self.root) if tensor.kind == "parameter"]
        trainable = {tensor.name: tensor.trainable for tensor in found}
        trainable.update({name: trainable[of] for name, of in self.tied})
        return (replaced(tensor, trainable=trainable[tensor.name]) for tensor in found)

    def buffer_tensors(self) -> Iterator[Tensor]:
        """Every buffer, in order."""
        return (tensor for tensor in tensors(self.root) if tensor.kind == "buffer")

    def as_json(self, *, expanded: bool = False) -> dict[str, Any]:
        """The document of `count --json`."""
        document: dict[str, Any] = {
            "schema_version": 1,
            "model": self.model,
            "spec": self.spec,
            "total": self.total,
            "trainable": self.trainable,
            "frozen": self.frozen,
            "buffers": self.buffers,
            "tied": [list(pair) for pair in self.tied],
            "modules": [
                {"path": r.path, "type": r.type, "repeat": r.repeat, "params": r.params}
                for r in self.rows
            ],
        }
        if expanded:
            document["parameters"] = [
                {
                    "name": t.name,
                    "shape": list(t.shape),
                    "count": t.count,
                    "trainable": t.trainable,
                }
                for t in self.parameters()
            ]
            document["buffer_tensors"] = [
                {
                    "name": t.name,
                    "shape": list(t.shape),
                    "count": t.count,
                    "dtype": t.dtype,
                    "persistent": t.persistent,
                }
                for t in self.buffer_tensors()
            ]
        return document


def count(model: ir.Model) -> Count:
    """Count a compiled model."""
    counter = Counter()
    numbers = counter.numbers(model.root, True, frozenset())
    return Count(
        model=model.name,
        spec=model.file,
        total=numbers.params,
        trainable=numbers.trainable,
        frozen=numbers.frozen,
        buffers=numbers.buffers,
        tied=tuple((tie.name, tie.of) for tie in _ties(model.root, {})),
        rows=tuple(counter.rows(model.root, (), 1, True, frozenset())),
        root=model.root,
    )


class Counter:
    """Adds modules up, each once. `tied` are the tensors below that count elsewhere."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, bool, frozenset[Path]], Numbers] = {}

    def numbers(self, module: ir.Module, trainable: bool, tied: frozenset[Path]) -> Numbers:
        """One copy of a module."""
        key = (id(module), trainable, tied)
        if key not in self.known:
            self.known[key] = self._numbers(module, trainable, with_ties(module, tied))
        return self.known[key]

    def _numbers(self, module: ir.Module, trainable: bool, tied: frozenset[Path]) -> Numbers:
        total = sum((_weight(w, trainable, tied) for w in module.weights), Numbers())
        for name, times, member in module.children():
            inner = below(tied, name)
            total += self.numbers(member.module, trainable and member.trainable, inner) * times
        return total

    def rows(
        self, module: ir.Module, path: Path, repeat: int, trainable: bool, tied: frozenset[Path]
    ) -> Iterator[Row]:
        """The modules below one, the outer before the inner; lists have no row of their own."""
        tied = with_ties(module, tied)
        depth = len([part for part in path if not _is_position(part)])
        for weight in module.weights:
            if weight.kind == "parameter":
                params = _weight(weight, trainable, tied).params * repeat
                yield Row(_dotted((*path, weight.name)), "parameter", repeat, params, depth)
        for name, times, member in module.children():
            place, copies = (*path, name), repeat * times
            inner, open_ = below(tied, name), trainable and member.trainable
            if not isinstance(member.module, ir.Stack):
                params = self.numbers(member.module, open_, inner).params * copies
                level = depth - isinstance(module, ir.Stack)
                yield Row(_dotted(place), member.module.type, copies, params, level)
            if not isinstance(member.module, ir.Leaf):  # below a layer there are no rows
                yield from self.rows(member.module, place, copies, open_, inner)


def _weight(weight: ir.Weight, trainable: bool, tied: frozenset[Path]) -> Numbers:
    if weight.kind == "buffer":
        return Numbers(buffers=weight.numel)
    if (weight.name,) in tied:
        return Numbers()
    if trainable and weight.trainable:
        return Numbers(trainable=weight.numel)
    return Numbers(frozen=weight.numel)


def with_ties(module: ir.Module, tied: frozenset[Path]) -> frozenset[Path]:
    """The tied tensors below a module: those known, and those that it ties itself."""
    if not isinstance(module, ir.Block) or not module.ties:
        return tied
    return tied | {tuple(tie.name.split(".")) for tie in module.ties}


def below(tied: frozenset[Path], name: str) -> frozenset[Path]:
    """Tied paths as a child sees them."""
    if not tied:
        return tied
    return frozenset(path[1:] for path in tied if path[0] == name and len(path) > 1)


def _ties(module: ir.Module, known: dict[int, tuple[ir.Tie, ...]]) -> tuple[ir.Tie, ...]:
    """Every pair of names below a module; a module without any is looked at once."""
    if id(module) not in known:
        own = module.ties if isinstance(module, ir.Block) else ()
        inner = [
            ir.Tie(f"{name}.{tie.name}", f"{name}.{tie.of}")
            for name, member in _tied(module, known)
            for tie in _ties(member.module, known)
        ]
        known[id(module)] = (*own, *inner)
    return known[id(module)]


def _tied(
    module: ir.Module, known: dict[int, tuple[ir.Tie, ...]]
) -> Iterator[tuple[str, ir.Member]]:
    """The children that have ties, a repeat written out only then."""
    if any(_ties(member.module, known) for _, _, member in module.children()):
        yield from placed(module)


def placed(module: ir.Module) -> Iterator[tuple[str, ir.Member]]:
    """Every child by its real name: a repeat is written out."""
    if isinstance(module, ir.Stack):
        for run in module.runs:
            for position in range(run.start, run.start + run.count):
                yield str(position), run.member
    else:
        for name, _, member in module.children():
            yield name, member


def tensors(module: ir.Module, prefix: str = "", trainable: bool = True) -> Iterator[Tensor]:
    """Every tensor below a module under its full name, in the order of the state dict."""
    for weight in module.weights:
        yield Tensor(
            name=f"{prefix}{weight.name}",
            shape=tuple(int(length) for length in weight.shape),
            count=weight.numel,
            trainable=trainable and weight.trainable and weight.kind == "parameter",
            dtype="float32" if weight.dtype == "float" else weight.dtype,
            kind=weight.kind,
            persistent=weight.persistent,
        )
    for name, member in placed(module):
        yield from tensors(member.module, f"{prefix}{name}.", trainable and member.trainable)


class Place(Record):
    """What a path names: parameters of one copy, how many are trained, and how many copies there are."""

    params: int
    repeat: int
    trainable: int


def locate(root: ir.Block, path: str) -> Place | None:
    """The module or parameter at a path; `*` is every copy of a repeat, `.` the model."""
    counter = Counter()
    parts = [] if path in (".", "") else path.split(".")
    module: ir.Module = root
    tied: frozenset[Path] = frozenset()
    repeat, trainable = 1, True
    for at, part in enumerate(parts):
        tied = with_ties(module, tied)
        weight = next((w for w in module.weights if w.name == part), None)
        if weight is not None and at == len(parts) - 1:
            numbers = _weight(weight, trainable, tied)
            return Place(numbers.params, repeat, numbers.trainable)
        found = _child(module, part)
        if found is None:
            return None
        times, member = found
        repeat *= times
        trainable = trainable and member.trainable
        tied = below(tied, part)
        module = member.module
    numbers = counter.numbers(module, trainable, tied)
    return Place(numbers.params, repeat, numbers.trainable)


def parts_of(root: ir.Block, path: str) -> tuple[list[str], list[str]]:
    """How far a path that `locate` does not find leads, and what could come next."""
    reached: list[str] = []
    module: ir.Module = root
    for part in path.split("."):
        found = _child(module, part)
        if found is None or len(reached) == path.count("."):
            break
        reached.append(part)
        module = found[1].module
    names = [weight.name for weight in module.weights] + [n for n, _, _ in module.children()]
    return reached, names


def _child(module: ir.Module, part: str) -> tuple[int, ir.Member] | None:
    if isinstance(module, ir.Stack) and part.isdigit():
        return (1, module.at(int(part))) if int(part) < len(module) else None
    if isinstance(module, ir.Stack) and part == "*":
        same = {id(run.member.module) for run in module.runs}
        return (len(module), module.runs[0].member) if len(same) == 1 else None
    return next(((n, m) for name, n, m in module.children() if name == part), None)


def _is_position(part: str) -> bool:
    return part == "*" or part.replace("-", "").isdigit()


def _dotted(path: Path) -> str:
    return ".".join(path)
