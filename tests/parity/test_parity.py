"""Live parity: every architecture of the zoo against the library that defines it, at random small configurations.

    nox -s parity                        # all of them; `-- -k gpt2` for one
    nox -s parity -- --configurations 50

For each configuration that hypothesis draws, the library's model and the class that getspec generates are both built. Then

- parameters have the same names, shapes, order and dtypes; the same ones are tied and the same ones are frozen; persistent
  buffers are the same; what is fixed rather than drawn (frozen tables, buffers) starts with the same values;
- the library's weights and buffers, redrawn away from 0 and 1, load with `strict=True`;
- outputs agree to 1e-5 of their standard deviation, and the gradients of one scalar, a random sum of all outputs, to 1e-4 of
  the largest entry of each tensor (or of a thousandth of the model's largest, for those that are zero but for rounding);
- in float64, with the float32 islands of both sides widened too, both agree to 1e-9: the formulas are the same, not just near.

The dtypes of the islands are what the float32 run cannot see; the golden tests and `verify` hold those.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from references import REFERENCES, Config, Reference
from torch import Tensor, nn

import getspec
from getspec.verify import make_inputs, small_sizes

SPECS = Path(__file__).parents[2] / "specs" / "zoo"
FLOAT32 = {"output": 1e-5, "gradient": 1e-4, "floor": 1e-3}
FLOAT64 = {"output": 1e-9, "gradient": 1e-9, "floor": 1e-6}


@pytest.mark.parity
@pytest.mark.parametrize("name", REFERENCES)
def test_a_library_s_model(
    name: str, configurations: int, record_property: Callable[[str, object], None]
) -> None:
    reference = REFERENCES[name]
    path = SPECS / f"{name.split()[0]}.yaml"
    worst: dict[str, float] = defaultdict(float)
    seen: list[Config] = []

    @settings(
        max_examples=configurations,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(reference.configs)
    def agrees(drawn: Config) -> None:
        seen.append(drawn)
        spec = getspec.load(path, set={k: v for k, v in drawn.items() if not k[0].isupper()})
        sizes = {k: v for k, v in drawn.items() if k[0].isupper()}
        check_state_dict(reference.build(spec.config), spec.build(), reference)
        for key, value in compare(spec, reference, sizes, FLOAT32).items():
            worst[f"float32 {key}"] = max(worst[f"float32 {key}"], value)
        with wide_floats():
            for key, value in compare(spec, reference, sizes, FLOAT64).items():
                worst[f"float64 {key}"] = max(worst[f"float64 {key}"], value)

    agrees()
    assert len(seen) >= configurations, "hypothesis drew every configuration that was asked for"
    record_property("parity", {"library": reference.library, "configurations": len(seen), **worst})


def test_every_spec_has_a_reference() -> None:
    """Of its own, or that of the spec which it extends by sizes alone."""
    for path in sorted(SPECS.glob("*.yaml")):
        if not path.name.endswith(".import.yaml"):
            assert base(path).stem in REFERENCES, path.name


def base(path: Path) -> Path:
    """The spec that has the structure of this one."""
    from getspec.library import Files

    document = Files().open(str(path)).value
    extends = document.get("extends")
    same_structure = set(document) <= {"getspec", "extends", "model", "summary", "config", "expect", "tiny"}
    return base(SPECS / f"{Path(extends).stem}.yaml") if extends and same_structure else path


# The state dict


def check_state_dict(theirs: nn.Module, ours: nn.Module, reference: Reference) -> None:
    """Names, shapes, order, dtypes, ties, frozen flags and starting values of what is fixed."""
    state = library_state(theirs, reference)
    found = ours.state_dict()
    parameters, wanted = named_parameters(ours), named_parameters(theirs, reference.alias)
    assert [(k, p.shape, p.dtype) for k, p in parameters.items()] == [
        (k, p.shape, p.dtype) for k, p in wanted.items()
    ]
    buffers, wanted_buffers = found.keys() - parameters.keys(), state.keys() - wanted.keys()
    assert {(k, found[k].shape, found[k].dtype) for k in buffers} == {
        (k, state[k].shape, state[k].dtype) for k in wanted_buffers
    }
    assert ties(parameters) == ties(wanted)
    frozen = {k for k, p in parameters.items() if not p.requires_grad}
    assert frozen == {k for k, p in wanted.items() if not p.requires_grad}
    for name in sorted(frozen | buffers):
        torch.testing.assert_close(found[name], state[name], rtol=1e-5, atol=1e-5, msg=name)


def named_parameters(module: nn.Module, alias: str | None = None) -> dict[str, nn.Parameter]:
    """Parameters under all their names, but not under those of a submodule that is an alias."""
    named = dict(module.named_parameters(remove_duplicate=False))
    return {name: p for name, p in named.items() if name.split(".")[0] != alias}


def ties(parameters: dict[str, nn.Parameter]) -> set[frozenset[str]]:
    """The groups of names of one tensor."""
    groups: dict[int, set[str]] = defaultdict(set)
    for name, parameter in parameters.items():
        groups[id(parameter)].add(name)
    return {frozenset(names) for names in groups.values() if len(names) > 1}


def library_state(module: nn.Module, reference: Reference) -> dict[str, Tensor]:
    """The state dict without an alias, which names nothing that has no other name."""
    state = module.state_dict()
    kept = {name: t for name, t in state.items() if name.split(".")[0] != reference.alias}
    pointers = {t.data_ptr() for t in kept.values()}
    assert all(t.data_ptr() in pointers for t in state.values()), "an alias is no more than that"
    return kept


# Outputs and gradients


def compare(
    spec: getspec.Spec, reference: Reference, sizes: dict[str, int], tolerance: dict[str, float]
) -> dict[str, float]:
    """The worst difference of outputs and of gradients, both within what is tolerated."""
    generator = torch.Generator().manual_seed(0)
    theirs = reference.build(spec.config).eval()
    redraw(theirs, generator)
    ours = spec.build().eval()
    ours.load_state_dict(library_state(theirs, reference), strict=True)
    forward = spec.model.root.forward
    assert forward is not None
    inputs = make_inputs(spec.model, {**small_sizes(spec.model), **sizes}, "cpu", generator)
    inputs = [x.to(torch.float32) if x.is_floating_point() else x for x in inputs]
    given = dict(zip([declared.name for declared in forward.inputs], inputs, strict=True))

    wanted = library_outputs(theirs(**given), forward.names)
    returned = ours(*inputs)
    found = returned if isinstance(returned, tuple) else (returned,)
    output = 0.0
    for name, a, b in zip(forward.names, found, wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), name
        output = max(output, (difference := distance(a, b, spread(b))))
        assert difference <= tolerance["output"], f"{name} differs by {difference:.2g}"

    gradients(found, sizes)
    gradients(wanted, sizes)
    mine, its = named_parameters(ours), named_parameters(theirs, reference.alias)
    assert {k for k, p in mine.items() if p.grad is None} == {
        k for k, p in its.items() if p.grad is None
    }
    known = {k: p.grad for k, p in its.items() if p.grad is not None}
    floor = tolerance["floor"] * max(float(g.abs().max()) for g in known.values())
    gradient = 0.0
    for name, b in known.items():
        a = mine[name].grad
        assert a is not None
        gradient = max(gradient, (difference := distance(a, b, max(float(b.abs().max()), floor))))
        assert difference <= tolerance["gradient"], f"gradient of {name}: {difference:.2g}"
    return {"output": output, "gradient": gradient}


def redraw(module: nn.Module, generator: torch.Generator) -> None:
    """Matrices that keep the scale of what they are applied to; vectors and buffers away from 0 and 1."""
    with torch.no_grad():
        for parameter in module.parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                parameter.copy_(drawn * max(parameter[0].numel(), 4) ** -0.5)
            else:
                parameter.copy_(0.6 + 0.2 * drawn)
        for name, buffer in module.state_dict().items():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
            elif name.endswith("num_batches_tracked"):
                buffer.fill_(7)


def library_outputs(returned: object, names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """What a library's model returns, under the spec's names where it names anything."""
    if isinstance(returned, Tensor):
        return (returned,)
    return tuple(returned[name] for name in names)


def gradients(outputs: tuple[Tensor, ...], sizes: dict[str, int]) -> None:
    """Run backward from one random sum of all outputs."""
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(x.shape, generator=generator).to(x.dtype) for x in outputs]
    sum((w * x).sum() for w, x in zip(weights, outputs, strict=True)).backward()


def spread(x: Tensor) -> float:
    """The standard deviation, or the size of a number that stands alone."""
    x = x.detach()
    return float(x.std() if x.numel() > 1 else x.abs().max())


def distance(a: Tensor, b: Tensor, scale: float) -> float:
    """The largest difference, in units of a scale. NaN is as far as can be."""
    largest = float((a - b).detach().abs().max())
    return largest / scale if largest == largest else float("inf")


@contextlib.contextmanager
def wide_floats() -> Iterator[None]:
    """Float64 throughout: as the default, and wherever a model asks for float32."""
    with (
        mock.patch.object(torch, "float32", torch.float64),
        mock.patch.object(torch, "float", torch.float64),
        mock.patch.object(Tensor, "float", Tensor.double),
    ):
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(default)
