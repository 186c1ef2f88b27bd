"""Live parity: every architecture of the zoo against the library that defines it, at random small configurations.

    nox -s parity                                 # all of them
    nox -s parity -- -k gpt2 --configurations 50  # more of one

For each configuration that hypothesis draws, the library's model and the class that getspec generates are both built. Then

- parameters have the same names, shapes, order and dtypes; the same ones are tied and the same ones are frozen; persistent
  buffers have the same names, shapes and dtypes, and all that is not trained starts with the same values;
- the library's weights and buffers, redrawn away from 0 and 1, load with `strict=True`;
- in eval mode, outputs agree to 1e-5 of their standard deviation, and the gradients of one scalar, a random sum of all
  outputs, to 1e-4 of the largest entry of each tensor (or of a hundredth of the model's largest entry, for gradients that are
  zero but for rounding);
- in training mode, models with batch norms give the same outputs and keep the same running statistics;
- in float64, with what a model keeps in float32 widened on both sides, outputs agree to 1e-12 and gradients to 1e-10: the
  formulas are the same, and so is every epsilon.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import torch
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from references import REFERENCES, Config, Reference
from torch import Tensor, nn

import getspec
from getspec.verify import make_inputs, small_sizes

SPECS = Path(__file__).parents[2] / "specs" / "zoo"
# Their authors published sizes and counts, no code: `expect:` holds the counts, and there is nothing to run beside them.
UNPUBLISHED = {"gpt3-175b", "megatron", "palm-540b"}
SIZES_ALONE = {"getspec", "extends", "model", "summary", "config", "expect", "tiny"}
"""What a spec may say that has the structure of the one it extends."""


@dataclass(frozen=True)
class Tolerance:
    """How far apart numbers may be, in units of their scale."""

    output: float
    gradient: float
    floor: float
    """The least scale of a gradient, as a fraction of the model's largest entry."""


FLOAT32 = Tolerance(output=1e-5, gradient=1e-4, floor=1e-2)
FLOAT64 = Tolerance(output=1e-12, gradient=1e-10, floor=1e-4)


@pytest.mark.parametrize("reference", REFERENCES, ids=str)
def test_a_library_s_model(
    reference: Reference, configurations: int, record_property: Callable[[str, object], None]
) -> None:
    seen: list[Config] = []
    worst: dict[str, float] = defaultdict(float)

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
        if drawn not in seen:  # a failure is run once more
            seen.append(drawn)
        config = {name: value for name, value in drawn.items() if not name[0].isupper()}
        sizes = {name: value for name, value in drawn.items() if name[0].isupper()}
        spec = getspec.load(SPECS / f"{reference.spec}.yaml", set=config)
        check_state_dict(spec.build(), reference.build(spec.config), reference.alias)
        found = {"float32": Pair(spec, reference, sizes).compare(FLOAT32)}
        with wide_floats():
            found["float64"] = Pair(spec, reference, sizes).compare(FLOAT64)
        for dtype, differences in found.items():
            for of, difference in differences.items():
                worst[f"{dtype} {of}"] = max(worst[f"{dtype} {of}"], difference)

    agrees()
    assert len(seen) == configurations, "as many different ones as were asked for"
    record_property("parity", {"configurations": len(seen), **worst})


def test_every_spec_is_compared() -> None:
    """By itself, as the spec that it extends by sizes alone, or not at all where no reference was ever published."""
    compared = {reference.spec for reference in REFERENCES}
    assert not UNPUBLISHED & compared, "a spec with a reference has no excuse"
    for path in sorted(SPECS.glob("*.yaml")):
        if not path.name.endswith(".import.yaml"):
            assert structure(path) in compared | UNPUBLISHED, path.name


def structure(path: Path) -> str:
    """The name of the spec that has the structure of this one."""
    document = yaml.safe_load(path.read_text())
    if "extends" in document and document.keys() <= SIZES_ALONE:
        return structure(SPECS.parent / f"{document['extends']}.yaml")
    return path.stem


# State dicts


def check_state_dict(ours: nn.Module, theirs: nn.Module, alias: str | None) -> None:
    """Names, shapes, order, dtypes, ties, frozen flags, and the values of what is not trained."""
    mine, its = named_parameters(ours), named_parameters(theirs, alias)
    assert described(mine) == described(its), "parameters in their order"
    assert ties(mine) == ties(its)
    frozen = {name for name, parameter in mine.items() if not parameter.requires_grad}
    assert frozen == {name for name, parameter in its.items() if not parameter.requires_grad}

    found, wanted = ours.state_dict(), library_state(theirs, alias)
    buffers = {name: value for name, value in found.items() if name not in mine}
    others = {name: value for name, value in wanted.items() if name not in its}
    assert sorted(described(buffers)) == sorted(described(others)), "persistent buffers"
    for name in [*frozen, *buffers]:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-5, atol=1e-5, msg=name)


def named_parameters(module: nn.Module, alias: str | None = None) -> dict[str, nn.Parameter]:
    """Parameters under all their names, but not under those that a submodule repeats."""
    named = module.named_parameters(remove_duplicate=False)
    return {name: parameter for name, parameter in named if name.split(".")[0] != alias}


def library_state(module: nn.Module, alias: str | None) -> dict[str, Tensor]:
    """The state dict without what a submodule repeats."""
    state = module.state_dict()
    kept = {name: value for name, value in state.items() if name.split(".")[0] != alias}
    assert {id(value) for value in module.parameters()} == {
        id(value) for value in named_parameters(module, alias).values()
    }, "what is left out has another name"
    return kept


def described(tensors: Mapping[str, Tensor]) -> list[tuple[str, tuple[int, ...], str]]:
    return [(name, tuple(value.shape), str(value.dtype)) for name, value in tensors.items()]


def ties(parameters: Mapping[str, nn.Parameter]) -> set[frozenset[str]]:
    """The groups of names of one tensor."""
    groups: dict[int, set[str]] = defaultdict(set)
    for name, parameter in parameters.items():
        groups[id(parameter)].add(name)
    return {frozenset(names) for names in groups.values() if len(names) > 1}


# Outputs and gradients


class Pair:
    """The generated model and the library's, with the same weights and the same inputs."""

    def __init__(self, spec: getspec.Spec, reference: Reference, sizes: Mapping[str, int]) -> None:
        forward = spec.model.root.forward
        assert forward is not None
        generator = torch.Generator().manual_seed(0)
        self.alias = reference.alias
        self.theirs = reference.build(spec.config).eval()
        redraw(self.theirs, generator)
        self.ours = spec.build().eval()
        self.ours.load_state_dict(library_state(self.theirs, self.alias), strict=True)
        drawn = make_inputs(spec.model, {**small_sizes(spec.model), **sizes}, "cpu", generator)
        self.inputs = [x.to(torch.float32) if x.is_floating_point() else x for x in drawn]
        self.arguments = [declared.name for declared in forward.inputs]
        self.outputs = forward.names

    def compare(self, tolerance: Tolerance) -> dict[str, float]:
        """The worst difference of an output and of a gradient; both are within the tolerance."""
        ours, theirs = self.run()
        output = check_outputs(ours, theirs, tolerance)
        backward(ours)
        backward(theirs)
        gradient = check_gradients(
            named_parameters(self.ours), named_parameters(self.theirs, self.alias), tolerance
        )
        if any(name.endswith("running_mean") for name in self.ours.state_dict()):
            output = max(output, self.compare_training(tolerance))
        return {"output": output, "gradient": gradient}

    def run(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What both models return, by the names that the spec gives."""
        ours = self.ours(*self.inputs)
        theirs = self.theirs(**dict(zip(self.arguments, self.inputs, strict=True)))
        ours = ours if isinstance(ours, tuple) else (ours,)
        theirs = [theirs] if isinstance(theirs, Tensor) else [theirs[n] for n in self.outputs]
        named = [dict(zip(self.outputs, values, strict=True)) for values in (ours, theirs)]
        return named[0], named[1]

    def compare_training(self, tolerance: Tolerance) -> float:
        """The worst difference of an output in training mode; running statistics agree too."""
        self.ours.train()
        self.theirs.train()
        worst = check_outputs(*self.run(), tolerance)
        kept = dict(self.theirs.named_buffers())
        for name, buffer in self.ours.named_buffers():
            scale = max(float(kept[name].abs().max()), 1.0)
            assert distance(buffer, kept[name], scale) <= tolerance.output, name
        return worst


def redraw(module: nn.Module, generator: torch.Generator) -> None:
    """Matrices that keep the scale of what they act on; vectors and statistics away from 0 and 1."""
    with torch.no_grad():
        for parameter in module.parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                parameter.copy_(drawn * max(parameter[0].numel(), 4) ** -0.5)
            else:
                parameter.copy_(0.6 + 0.2 * drawn)
        for name, buffer in module.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
            elif name.endswith("num_batches_tracked"):
                buffer.fill_(7)


def check_outputs(
    ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: Tolerance
) -> float:
    worst = 0.0
    for name, wanted in theirs.items():
        found = ours[name]
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), name
        spread = wanted.std() if wanted.numel() > 1 else wanted.abs().max()
        worst = max(worst, difference := distance(found, wanted, float(spread.detach())))
        assert difference <= tolerance.output, f"{name} differs by {difference:.2g}"
    return worst


def backward(outputs: Mapping[str, Tensor]) -> None:
    """Gradients of one random sum of all outputs."""
    generator = torch.Generator().manual_seed(1)
    drawn = {name: torch.randn(x.shape, generator=generator) for name, x in outputs.items()}
    torch.stack([(drawn[name] * x).sum() for name, x in outputs.items()]).sum().backward()


def check_gradients(
    ours: Mapping[str, nn.Parameter], theirs: Mapping[str, nn.Parameter], tolerance: Tolerance
) -> float:
    wanted = {name: p.grad for name, p in theirs.items() if p.grad is not None}
    assert {name for name, p in ours.items() if p.grad is not None} == wanted.keys()
    largest = {name: float(gradient.abs().max()) for name, gradient in wanted.items()}
    floor = tolerance.floor * max(largest.values())
    worst = 0.0
    for name, gradient in wanted.items():
        found = ours[name].grad
        assert found is not None
        worst = max(worst, difference := distance(found, gradient, max(largest[name], floor)))
        assert difference <= tolerance.gradient, f"gradient of {name} differs by {difference:.2g}"
    return worst


def distance(a: Tensor, b: Tensor, scale: float) -> float:
    """The largest difference, in units of a scale; infinite where something is not a number."""
    largest = float((a - b).detach().abs().max())
    return largest / scale if largest == largest else float("inf")


@contextlib.contextmanager
def wide_floats() -> Iterator[None]:
    """Float64 throughout: as the default, and wherever a model asks for float32."""
    default = torch.get_default_dtype()
    with (
        mock.patch.object(torch, "float32", torch.float64),
        mock.patch.object(torch, "float", torch.float64),
        mock.patch.object(Tensor, "float", Tensor.double),
    ):
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(default)
