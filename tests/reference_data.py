"""What the real implementations are: names, shapes and figures, and what small models of them answer.

`<name>.json` holds facts of the whole model and `<name>.safetensors` a small model of it: its weights, inputs and outputs.
Where they come from is in the README beside each set.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import getspec

if TYPE_CHECKING:
    from torch import Tensor, nn

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "reference"
DTYPES = {"int64": "int"}


@dataclass(frozen=True)
class Reference:
    """The facts of one model."""

    name: str
    facts: dict[str, Any]
    file: Path

    @property
    def parameters(self) -> list[tuple[str, tuple[int, ...]]]:
        """Name and shape in the order of the state dict; a tied tensor under its first name only."""
        return [(name, tuple(shape)) for name, shape in self.facts["params"]]

    @property
    def frozen(self) -> set[str]:
        return set(self.facts.get("frozen", self.facts.get("frozen_params", [])))

    @property
    def trainable(self) -> int:
        return (
            self.facts["trainable_params"]
            if "trainable_params" in self.facts
            else self.facts["total"]
        )

    @property
    def total(self) -> int:
        """Distinct parameters, frozen ones among them."""
        return self.facts.get("total_params") or self.facts["total_with_frozen"]

    @property
    def tied(self) -> set[tuple[str, str]]:
        """(first name, other name) of each pair that is one tensor."""
        return {(first, other) for first, other in self.facts.get("tied", [])}

    @property
    def buffers(self) -> list[tuple[str, tuple[int, ...], str]]:
        """Name, shape and dtype of what the state dict holds beside parameters."""
        return [
            (name, tuple(shape), DTYPES.get(dtype, dtype))
            for name, shape, dtype, persistent in self.facts["buffers"]
            if persistent
        ]

    @property
    def golden(self) -> Golden | None:
        file = self.file.with_suffix(".safetensors")
        return Golden(self, file) if file.exists() else None


@dataclass(frozen=True)
class Golden:
    """A small model that was run. Needs torch."""

    reference: Reference
    file: Path

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        from safetensors.torch import load_file

        return load_file(self.file)

    @cached_property
    def metadata(self) -> dict[str, str]:
        from safetensors import safe_open

        with safe_open(self.file, framework="pt") as opened:
            return opened.metadata()

    def group(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names start with a word and a dot, without it."""
        start = f"{prefix}."
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}

    @property
    def state(self) -> dict[str, Tensor]:
        """The state dict: weights under all their names, and persistent buffers."""
        weights = self.group("param")
        aliases = {other: weights[first] for first, other in self.reference.tied}
        kept = {name for name, _, _ in self.reference.buffers}
        buffers = {name: value for name, value in self.group("buffer").items() if name in kept}
        return {**weights, **aliases, **buffers}


def references(folder: str) -> dict[str, Reference]:
    """Every model of a folder, by name."""
    files = sorted((FOLDER / folder).glob("*.json"))
    return {file.stem: Reference(file.stem, json.loads(file.read_text()), file) for file in files}


def specs(folder: str) -> dict[str, Path]:
    """Every spec of a folder of specs/, by name."""
    return {file.stem: file for file in sorted((ROOT / "specs" / folder).glob("*.yaml"))}


def check_state_dict(spec: getspec.Spec, reference: Reference) -> None:
    """Names, shapes, order, ties, frozen flags, persistent buffers and totals are the reference's."""
    count = spec.count()
    aliases = {name for name, _ in count.tied}
    parameters = [p for p in count.parameters() if p.name not in aliases]
    assert [(p.name, p.shape) for p in parameters] == reference.parameters
    assert {(of, name) for name, of in count.tied} == reference.tied
    assert {p.name for p in parameters if not p.trainable} == reference.frozen
    kept = [b for b in count.buffer_tensors() if b.persistent]
    assert [(b.name, b.shape, b.dtype) for b in kept] == reference.buffers
    assert (count.total, count.trainable) == (reference.total, reference.trainable)
    assert count.total == sum(prod(shape) for _, shape in reference.parameters), "facts add up"


def build_tiny(spec: getspec.Spec) -> nn.Module:
    """The generated class at the spec's `tiny:` config, in eval mode."""
    from getspec.verify import tiny_config

    assert spec.model.tiny, "the spec has no small configuration under `tiny:`"
    return spec.build(**tiny_config(spec.model)).eval()


def answers(spec: getspec.Spec, model: nn.Module, golden: Golden) -> dict[str, Tensor]:
    """What the model returns for the golden inputs, by the names the spec gives."""
    forward = spec.model.root.forward
    assert forward is not None
    given = golden.group("input")
    assert {declared.name for declared in forward.inputs} == set(given)
    returned = model(**given)
    returned = returned if isinstance(returned, tuple) else (returned,)
    return dict(zip(forward.names, returned, strict=True))
