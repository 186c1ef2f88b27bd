"""The cost passes held against a small model that runs: FLOPs and saved bytes, module by module.

FLOPs and eager attention are seen on the meta device, fused attention on the CPU. A mask that selects makes sizes depend on
data, which the meta device has not; such a model runs on the CPU in both cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from getspec import measure
from getspec.ir import Leaf, Model, Module
from getspec.ops.storage import Policy
from getspec.passes.activations import activations
from getspec.passes.cost import cost
from getspec.passes.memory import memory
from getspec.passes.paths import folded
from getspec.sizes import Size

__all__ = ["Failed", "Peak", "Trial", "check_activations", "check_flops", "peak_memory"]


class Failed(Exception):
    """A check does not hold; the message says what was found."""


@dataclass(frozen=True)
class Trial:
    """A model at a small size: its compiled form, its sizes, and how it and its inputs are made."""

    model: Model
    sizes: Mapping[str, int]
    build: Callable[[], torch.nn.Module]
    inputs: Callable[[str], list[Any]]

    @cached_property
    def where(self) -> str:
        """The device on which FLOPs are counted."""
        selects = activations(self.model).total("selects") != 0
        return "cpu" if selects else "meta"

    def made(
        self, device: str, dtype: torch.dtype = torch.float32
    ) -> tuple[torch.nn.Module, list[Any]]:
        """The module, in training mode, and inputs, on a device and in a precision."""
        with torch.device(device):
            module = self.build()
        return module.to(dtype), [_cast(x, dtype) for x in self.inputs(device)]

    @cached_property
    def known(self) -> Mapping[str, int]:
        """The sizes, and how many values the masks select."""
        masks = [x for x in measure.tensors(self.inputs("cpu")) if x.dtype == torch.bool]
        return _Selected(self.sizes, sum(int(mask.sum()) for mask in masks))

    def at(self, size: Size) -> int:
        return size.value.evaluate(self.known)

    def fold(self, path: str) -> str:
        return folded(self.model.root, path)


class _Selected(dict[str, int]):
    """Sizes; one that only the data knows is how many values the masks select."""

    def __init__(self, known: Mapping[str, int], selected: int) -> None:
        super().__init__(known)
        self.selected = selected

    def __missing__(self, name: str) -> int:
        return self.selected


def check_flops(trial: Trial) -> str:
    """Forward and backward, module by module; torch's counter is wrong going back through grouped convolutions."""
    work = cost(trial.model, sizes=trial.known)
    with measure.eager_attention():
        forward, went = measure.forward_flops(*trial.made(trial.where), trial.fold)
        backward = measure.backward_flops(went)
    paths = {"", *work.work, *forward}
    _none_differ({path: trial.at(work.below(path).forward) for path in paths}, forward, "forward")
    grouped = _grouped(trial.model.root)
    wanted = {path: trial.at(each.backward) for path, each in work.work.items()}
    for path in grouped:
        backward.pop(path, None)
        wanted.pop(path, None)
    _none_differ(wanted, backward, "backward")
    total = f"{forward['']:,} forward, {trial.at(work.total.backward):,} backward"
    note = f", but for backward of {len(grouped)} grouped convolutions" if grouped else ""
    return f"{total}; {len(paths)} modules equal on {trial.where}{note}"


def check_activations(trial: Trial, dtype: torch.dtype = torch.float32) -> str:
    """With fused attention on the CPU, with eager attention where FLOPs are counted."""
    said = []
    for attention, where in (("fused", "cpu"), ("eager", trial.where)):
        cpu = where == "cpu"
        kernels = Policy(attention, dtype.itemsize, channels_last=cpu, wide_statistics=not cpu)
        kept = activations(trial.model, kernels, trial.known)
        if kept.unknown:
            said.append(f"{attention}: no rule for {', '.join(kept.unknown)}")
            continue
        with measure.eager_attention() if attention == "eager" else nullcontext():
            have = measure.saved_bytes(*trial.made(where, dtype), trial.fold)
        wanted: dict[str, int] = {}
        for (path, what), amount in kept.table.items():
            if what in ("saved", "attention"):
                wanted[path] = wanted.get(path, 0) + trial.at(amount)
        _none_differ(wanted, have, attention)
        said.append(f"{sum(have.values()):,} bytes with {attention} attention on {where}")
    return f"{', '.join(said)}; each module equal"


@dataclass(frozen=True)
class Peak:
    """Bytes of a training step: the most that were held, and the sum of all addends."""

    measured: int
    predicted: int

    @property
    def ratio(self) -> float | None:
        return self.measured / self.predicted if self.predicted else None

    def __str__(self) -> str:
        ratio = "-" if self.ratio is None else f"{self.ratio:.3f}"
        return f"{self.measured:,} bytes measured / {self.predicted:,} predicted = {ratio}"

    def as_json(self) -> dict[str, int | float | None]:
        ratio = None if self.ratio is None else round(self.ratio, 6)
        return {"measured": self.measured, "predicted": self.predicted, "ratio": ratio}


def peak_memory(
    trial: Trial,
    device: str = "cuda",
    peak: Callable[[torch.nn.Module, list[Any]], int] = measure.peak_bytes,
) -> Peak:
    """A figure to look at, which cannot fail: allocators round, and kernels need room of their own."""
    held = memory(trial.model, sizes=trial.known)
    predicted = sum(trial.at(addend.bytes) for addend in held.training)
    return Peak(peak(*trial.made(device)), predicted)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, list):
        return [_cast(item, dtype) for item in value]
    return value.to(dtype) if value.is_floating_point() else value


def _none_differ(wanted: Mapping[str, int], have: Mapping[str, int], what: str) -> None:
    different = list(measure.differences(wanted, have))
    if different:
        more = f" and {len(different) - 1} more" if len(different) > 1 else ""
        raise Failed(f"{what}: {different[0]}{more}")


def _leaves(module: Module, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every layer by its folded path."""
    if isinstance(module, Leaf):
        yield path, module
    for name, _, member in module.children():
        yield from _leaves(member.module, f"{path}.{name}" if path else name)


def _grouped(module: Module) -> set[str]:
    """The paths of convolutions in several groups."""
    return {path for path, leaf in _leaves(module) if int(getattr(leaf.op, "groups", 1)) > 1}
