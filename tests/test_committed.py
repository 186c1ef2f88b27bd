"""Each model in specs/, run as people run models: forward, backward, bfloat16, compiled, and built on the meta device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, NAMES
from drawing import Source
from hypothesis import strategies as st

from getspec.api import Spec, diff, load
from getspec.errors import SpecError
from getspec.ir import Block, Init, Leaf, Member, Module

pytest.importorskip("torch")

import torch
from proofs import assert_runs, assert_same_tensors, flat, forget, shapes
from properties import for_all

from getspec.passes.count import placed
from getspec.verify import make_inputs, redraw, small_sizes, tiny_config

pytestmark = pytest.mark.torch
each_model = pytest.mark.parametrize("path", MODELS, ids=NAMES)


@cache
def tiny(path: Path) -> Spec:
    """The model at the small configuration that its spec names."""
    return load(path, set=tiny_config(load(path).model))


def build(path: Path, device: str) -> Any:
    """The tiny model in eval mode, its parameters away from 0 and 1."""
    torch.manual_seed(0)
    module = tiny(path).build()
    redraw(module, torch.Generator().manual_seed(0), std=0.2)
    return module.to(device).eval()


def inputs(path: Path, device: str) -> list[Any]:
    model = tiny(path).model
    return make_inputs(model, small_sizes(model), device, torch.Generator().manual_seed(0))


@each_model
def test_small_enough_to_run(path: Path) -> None:
    """A model that people train on many devices has a `tiny:` at which it runs anywhere."""
    assert tiny(path).count().total < 5_000_000, f"give {path.name} a smaller `tiny:`"


@each_model
def test_tensors_and_outputs(path: Path, device: str) -> None:
    assert_same_tensors(tiny(path))
    outputs = assert_runs(tiny(path), device)
    assert all(torch.isfinite(x).all() for x in outputs if x.is_floating_point())


@each_model
def test_every_parameter_gets_a_gradient(path: Path, device: str) -> None:
    """But for those that the spec does not use, and those that are frozen."""
    module = build(path, device)
    outputs = [x for x in flat(module(*inputs(path, device))) if x.requires_grad]
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(x.shape, generator=generator).to(device) for x in outputs]
    sum((x.float() * w).sum() for x, w in zip(outputs, weights, strict=True)).backward()
    unused = set(unused_parameters(tiny(path).model.root))
    unused -= {of for name, of in tiny(path).count().tied if name not in unused}
    for name, parameter in module.named_parameters():
        gets_one = parameter.requires_grad and name not in unused
        assert (parameter.grad is not None) == gets_one, name
        assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name


def unused_parameters(module: Module, prefix: str = "", unused: bool = False) -> Iterator[str]:
    """Names of parameters below a component that some `forward` leaves alone."""
    left = module.unused if isinstance(module, Block) else ()
    for weight in module.weights:
        if unused or weight.name in left:
            yield f"{prefix}{weight.name}"
    for name, member in placed(module):
        alone = unused or name in left
        yield from unused_parameters(member.module, f"{prefix}{name}.", alone)


@each_model
def test_bfloat16(path: Path, device: str) -> None:
    """A model in bfloat16 gives bfloat16 back, and nothing that is not a number."""
    module = build(path, device).to(torch.bfloat16)
    given = [lowered(x) for x in inputs(path, device)]
    with torch.no_grad():
        outputs = list(flat(module(*given)))
    forward = tiny(path).model.root.forward
    assert forward is not None
    for output, type in zip(outputs, flat(forward.result), strict=True):
        if type.dtype == "float":
            assert output.dtype == torch.bfloat16
        assert not output.is_floating_point() or torch.isfinite(output).all()


def lowered(value: Any) -> Any:
    if isinstance(value, list):
        return [lowered(item) for item in value]
    return value.to(torch.bfloat16) if value.is_floating_point() else value


@pytest.mark.slow
@each_model
def test_compiles_to_one_graph(path: Path, device: str) -> None:
    """Without a graph break; on the CPU without code generation, which takes minutes."""
    module, given = build(path, device), inputs(path, device)
    torch._dynamo.reset()
    backend = "inductor" if device == "cuda" else "aot_eager"
    compiled = torch.compile(module, fullgraph=True, backend=backend)
    with torch.no_grad():
        wanted, found = list(flat(module(*given))), list(flat(compiled(*given)))
    for a, b in zip(wanted, found, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-3 * float(a.float().abs().max()))


@each_model
def test_meta_then_memory_is_direct_construction(path: Path, device: str) -> None:
    """`to_empty` and `init_weights` under one seed leave nothing that construction would have set."""
    direct = tiny(path).build().to(device)
    with torch.device("meta"):
        late = tiny(path).build()
    late = late.to_empty(device=device)
    for module in (direct, late):
        torch.manual_seed(0)
        module.init_weights()
    wanted = {
        **dict(direct.named_parameters(remove_duplicate=False)),
        **dict(direct.named_buffers()),
    }
    found = {**dict(late.named_parameters(remove_duplicate=False)), **dict(late.named_buffers())}
    assert list(wanted) == list(found)
    for name, tensor in wanted.items():
        assert torch.equal(tensor, found[name]), name
    for name, of in tiny(path).count().tied:
        assert found[name] is found[of], f"{name} and {of} are two tensors after init_weights"


@each_model
def test_weights_start_as_the_spec_says(path: Path) -> None:
    """Constants exactly, bounds exactly, spreads within what their number of draws allows."""
    torch.manual_seed(0)
    module = tiny(path).build()
    named = dict(module.named_parameters(remove_duplicate=False))
    tied = {name for name, _ in tiny(path).count().tied}
    for name, scheme in schemes(tiny(path).model.root):
        if name not in tied and name not in {of for _, of in tiny(path).count().tied}:
            assert_scheme(name, named[name].detach(), scheme)


def schemes(
    module: Module, prefix: str = "", rules: tuple[Any, ...] = ()
) -> Iterator[tuple[str, Init]]:
    """The scheme of each parameter: its own, else that of the nearest rule for its layer."""
    inner = (module.init, *rules) if isinstance(module, Block) else rules
    for weight in module.weights:
        if weight.kind == "parameter" and not isinstance(module, Leaf):
            yield f"{prefix}{weight.name}", weight.init
    for name, member in placed(module):
        if isinstance(member.module, Leaf):
            for weight in member.module.weights:
                if weight.kind == "parameter":
                    yield f"{prefix}{name}.{weight.name}", chosen(weight, member, inner)
        else:
            yield from schemes(member.module, f"{prefix}{name}.", inner)


MATRICES = ("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal")


def chosen(weight: Any, member: Member, rules: tuple[Any, ...]) -> Init:
    for source in (member.init, *(rule.get(member.module.type, {}) for rule in rules)):
        if weight.name in source:
            return source[weight.name]
        every = source.get("*")
        if every and not (every.scheme in MATRICES and len(weight.shape) < 2):
            return every
    return Init("default")


def assert_scheme(name: str, tensor: Any, init: Init) -> None:
    number = tensor.numel()
    rough = 6 / math.sqrt(number)
    match init.scheme:
        case "zeros":
            assert (tensor == 0).all(), name
        case "ones":
            assert (tensor == 1).all(), name
        case "constant":
            assert (tensor == init.args[0]).all(), name
        case "uniform":
            assert tensor.min() >= init.args[0], name
            assert tensor.max() <= init.args[1], name
        case "normal" | "trunc_normal" if number >= 64:
            assert abs(tensor.std() / init.args[0] - 1) < rough, name
            assert abs(tensor.mean() / init.args[0]) < rough, name
        case "xavier_uniform":
            bound = math.sqrt(6 / sum(fans(tensor)))
            assert tensor.abs().max() <= bound, name
            assert number < 64 or tensor.abs().max() > 0.8 * bound, name


def fans(tensor: Any) -> tuple[int, int]:
    """Inputs and outputs that one unit of a matrix or a convolution has."""
    taps = math.prod(tensor.shape[2:])
    return tensor.shape[1] * taps, tensor.shape[0] * taps


# Overrides


@st.composite
def overrides(draw: Any, path: Path) -> dict[str, Any]:
    """The tiny configuration with some numbers made larger, and some flags turned."""
    source, values = Source(draw), {}
    for name, value in tiny(path).config.items():
        if isinstance(value, bool):
            values[name] = source.flip()
        elif isinstance(value, int):
            values[name] = value * source.integer(1, 3)
        elif isinstance(value, float):
            values[name] = value * source.pick((1.0, 0.5))
    return {name: values[name] for name in values if source.flip()}


@each_model
def test_overrides(path: Path, device: str, examples: int) -> None:
    """`--set` gives a sound model or a clear error, and `Model(**config)` gives that same model."""
    base = tiny(path)

    def holds(values: dict[str, Any]) -> None:
        settings = {**base.settings, **values}
        try:
            changed = load(path, set=settings)
        except SpecError:
            return
        assert changed.generate() == load(path, set=settings).generate()
        assert_same_tensors(changed)
        assert_runs(changed, device)
        found = diff(base, changed)
        assert sum(change.delta for change in found.changes) == found.delta
        sizes = {n: v for n, v in values.items() if n not in base.model.root.structural}
        again = load(path, set={**base.settings, **sizes})
        assert shapes(getattr(base.module, base.name)(**sizes)) == shapes(again.build())
        forget(changed, again)

    for_all(overrides(path), examples // 400, 0, holds)
