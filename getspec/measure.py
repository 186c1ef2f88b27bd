"""What a model does and keeps when it runs, seen from outside: the witnesses for the cost passes.

FLOPs come from torch.utils.flop_counter, saved bytes from the hooks of autograd, peak memory from the CUDA allocator. Paths are
folded by the function that is passed in, so that copies of a repeat add up as they do in a count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

__all__ = [
    "backward_flops",
    "differences",
    "eager_attention",
    "forward_flops",
    "peak_bytes",
    "saved_bytes",
    "tensors",
]

Fold = Callable[[str], str]


def eager_attention() -> Any:
    """Attention step by step, with all its weights."""
    return sdpa_kernel(SDPBackend.MATH)


def forward_flops(module: nn.Module, inputs: list[Any], fold: Fold) -> tuple[dict[str, int], Went]:
    """FLOPs by path, everything below included, and what a backward pass can start from."""
    name = type(module).__name__
    went = Went(fold)
    with FlopCounterMode(display=False) as counter, went.through(module):
        outputs = module(*inputs)
    went.ends(outputs)
    found: Counter[str] = Counter({"": counter.get_total_flops()})
    for path, ops in counter.get_flop_counts().items():
        if path.startswith(f"{name}."):
            found[fold(path.removeprefix(f"{name}."))] += sum(ops.values())
    return dict(found), went


class Went:
    """Where each node of the graph that autograd built was made: in which module's own code.

    What hangs on a module's inputs was made before it, by whoever called it; what else hangs on its outputs, inside.
    """

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.path: dict[Any, str] = {}
        self.outputs: list[torch.Tensor] = []

    @contextmanager
    def through(self, module: nn.Module) -> Iterator[None]:
        with _calls(module, self.made):
            yield

    def made(self, path: str, value: Any) -> None:
        """All that a value hangs on, and that was not there before."""
        left = [tensor.grad_fn for tensor in tensors(value) if tensor.grad_fn is not None]
        while left:
            node = left.pop()
            if node is not None and node not in self.path:
                self.path[node] = self.fold(path)
                left += [before for before, _ in node.next_functions]

    def ends(self, value: Any) -> None:
        self.made("", value)
        self.outputs = [tensor for tensor in tensors(value) if tensor.requires_grad]


def backward_flops(went: Went) -> dict[str, int]:
    """FLOPs of a backward pass from all outputs, by the path whose own code they are of; the loss has none."""
    found: Counter[str] = Counter()
    with FlopCounterMode(display=False) as counter:
        now, before = "", 0

        def enter(path: str) -> None:
            nonlocal now, before
            total = counter.get_total_flops()
            found[now] += total - before
            now, before = path, total

        for node, path in went.path.items():
            node.register_prehook(lambda _, path=path: enter(path))
        if went.outputs:
            torch.stack([tensor.float().sum() for tensor in went.outputs]).sum().backward()
        enter("")
    return dict(found)


def saved_bytes(module: nn.Module, inputs: list[Any], fold: Fold) -> dict[str, int]:
    """Bytes that one forward pass keeps for the backward pass, by the module that kept them first.

    A storage counts once, and whole; parameters, buffers and inputs do not count.
    """
    known = [*module.parameters(), *module.buffers(), *tensors(inputs)]
    seen = {tensor.untyped_storage()._cdata for tensor in known}
    alive: list[
        torch.UntypedStorage
    ] = []  # or a later storage could get the address of a freed one
    found: Counter[str] = Counter()
    with _calls(module) as path:

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in seen:
                seen.add(storage._cdata)
                alive.append(storage)
                found[fold(path[-1])] += storage.nbytes()
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs = module(*inputs)
    del outputs
    return dict(found)


@contextmanager
def _calls(
    module: nn.Module, seen: Callable[[str, Any], None] = lambda path, value: None
) -> Iterator[list[str]]:
    """The paths of the modules that are running, the innermost last.

    Each input is `seen` with the path of the caller, each output with that of the module.
    """
    path = [""]

    def enter(name: str, inputs: Any) -> None:
        seen(path[-1], inputs)
        path.append(name)

    handles = []
    for name, part in module.named_modules():
        if name:
            before = part.register_forward_pre_hook(
                lambda _, args, named, name=name: enter(name, (*args, *named.values())),
                with_kwargs=True,
            )
            after = part.register_forward_hook(lambda _, args, out: seen(path.pop(), out))
            handles += [before, after]
    try:
        yield path
    finally:
        for handle in handles:
            handle.remove()


def peak_bytes(module: nn.Module, inputs: list[Any]) -> int:
    """The most that the CUDA allocator held in a training step with AdamW, from its second step on."""
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad])
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        outputs = [tensor for tensor in tensors(module(*inputs)) if tensor.requires_grad]
        torch.stack([tensor.float().mean() for tensor in outputs]).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
    return int(torch.cuda.max_memory_allocated())


def differences(wanted: Mapping[str, int], have: Mapping[str, int]) -> Iterator[str]:
    """Each path at which two tables differ, in words."""
    for path in sorted({*wanted, *have}):
        if wanted.get(path, 0) != have.get(path, 0):
            where = path or "the model itself"
            yield f"{where}: {wanted.get(path, 0):,} counted, {have.get(path, 0):,} measured"


def tensors(value: Any) -> list[torch.Tensor]:
    """Every tensor in a value, lists and tuples opened."""
    if isinstance(value, tuple | list):
        return [part for item in value for part in tensors(item)]
    return [value] if isinstance(value, torch.Tensor) else []
