"""What must hold of any compiled spec, as assertions that several tests share."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from trials import trial

from getspec import measure
from getspec.api import Spec
from getspec.ops import Tensor as Type
from getspec.passes.cost import cost
from getspec.verify import make_inputs, small_sizes

__all__ = [
    "assert_one_model",
    "assert_runs",
    "assert_same_tensors",
    "flat",
    "forget",
    "shapes",
]

TORCH_DTYPES = {
    "float": torch.float32,
    "float32": torch.float32,
    "int": torch.int64,
    "bool": torch.bool,
}


def forget(*specs: Spec) -> None:
    """Let go of what a spec executed: thousands of modules would stay in memory."""
    for spec in specs:
        module = spec.__dict__.pop("module", None)
        if module is not None:
            linecache.cache.pop(module.__file__ or "", None)
            sys.modules.pop(module.__name__, None)


def shapes(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def assert_one_model(spec: Spec, device: str, *, training: bool = False) -> None:
    """Count, cost, code and module are one: all of it seen in one execution.

    The same tensors, outputs as inferred, and module by module the FLOPs that torch counts, of attention step by step.
    """
    torch.manual_seed(0)
    module = spec.build().to(device).train(training)
    assert_same_tensors(spec, module)
    run = trial(spec)
    found = cost(spec.model, sizes=run.known)
    results: list[Any] = []
    module.register_forward_hook(lambda module, args, result: results.append(result))
    with measure.eager_attention():
        have, _ = measure.forward_flops(module, run.inputs(device), run.fold)
    assert_outputs(spec, list(flat(results)))
    wanted = {path: run.at(found.below(path).forward) for path in {"", *found.work, *have}}
    different = list(measure.differences(wanted, have))
    assert not different, f"FLOPs of {different[0]}"


def assert_same_tensors(spec: Spec, module: torch.nn.Module | None = None) -> None:
    """The count and the executed module hold the same tensors, to the last flag."""
    counted = spec.count()
    if module is None:
        with torch.device("meta"):
            module = spec.build()
    parameters = [
        (name, tuple(parameter.shape), parameter.requires_grad)
        for name, parameter in module.named_parameters(remove_duplicate=False)
    ]
    assert parameters == [(t.name, t.shape, t.trainable) for t in counted.parameters()]
    buffers = [(name, tuple(b.shape), b.dtype) for name, b in module.named_buffers()]
    assert buffers == [(t.name, t.shape, TORCH_DTYPES[t.dtype]) for t in counted.buffer_tensors()]
    kept = [name for name in module.state_dict() if name in dict(module.named_buffers())]
    assert kept == [t.name for t in counted.buffer_tensors() if t.persistent]
    distinct = list(module.parameters())
    assert sum(p.numel() for p in distinct) == counted.total
    assert sum(p.numel() for p in distinct if p.requires_grad) == counted.trainable
    assert counted.trainable + counted.frozen == counted.total
    assert sum(b.numel() for b in module.buffers()) == counted.buffers
    tensors = dict(module.named_parameters(remove_duplicate=False))
    assert all(tensors[a] is tensors[b] for a, b in counted.tied), "a tie does not hold"
    assert len(distinct) == len(tensors) - len(counted.tied)


def assert_runs(
    spec: Spec, device: str, *, training: bool = False, config: Mapping[str, Any] | None = None
) -> list[Any]:
    """The model runs at small sizes, and its outputs are of the types that were inferred."""
    lengths = small_sizes(spec.model)
    generator = torch.Generator().manual_seed(0)
    inputs = make_inputs(spec.model, lengths, device, generator)
    torch.manual_seed(0)
    module = spec.build(**(config or {})).to(device).train(training)
    with torch.no_grad():
        outputs = list(flat(module(*inputs)))
    assert_outputs(spec, outputs)
    return outputs


def assert_outputs(spec: Spec, outputs: list[torch.Tensor]) -> None:
    """They are of the types that were inferred."""
    forward = spec.model.root.forward
    assert forward is not None
    wanted = list(flat(forward.result))
    assert len(outputs) == len(wanted)
    known = small_sizes(spec.model)
    for output, type in zip(outputs, wanted, strict=True):
        assert_typed(output, type, known)


def assert_typed(output: torch.Tensor, type: Type, lengths: dict[str, int]) -> None:
    """A size that only the data knows is what the first tensor that has it says."""
    assert output.dtype == TORCH_DTYPES[type.dtype], f"{output.dtype} is inferred as {type}"
    for length, actual in zip(type.shape, output.shape, strict=True):
        for symbol in length.value.symbols() - set(lengths):
            lengths[symbol] = actual
        assert length.value.evaluate(lengths) == actual, f"{tuple(output.shape)} is not {type}"


def flat(value: Any) -> Iterator[Any]:
    """The items of tuples and lists within each other."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from flat(item)
    else:
        yield value
