"""Peak memory against the prediction, with a stub where a CUDA device would be asked."""

from __future__ import annotations

from typing import Any

import pytest
from committed import SPECS

pytest.importorskip("torch")

import torch
from trials import tiny, trial

from getspec.measure import peak_bytes
from getspec.passes.memory import memory
from getspec.verify_cost import Peak, peak_memory

pytestmark = pytest.mark.torch


def test_the_prediction_is_the_sum_of_all_addends() -> None:
    run = trial(tiny(SPECS / "zoo" / "gpt2.yaml"))
    met: list[tuple[torch.nn.Module, list[Any]]] = []

    def device(module: torch.nn.Module, inputs: list[Any]) -> int:
        met.append((module, inputs))
        return 1_000_000

    found = peak_memory(run, "cpu", device)
    addends = memory(run.model, sizes=run.known).training
    assert found == Peak(1_000_000, sum(run.at(addend.bytes) for addend in addends))
    ((module, inputs),) = met
    assert module.training
    assert [x.shape for x in inputs] == [x.shape for x in run.inputs("cpu")]


def test_a_ratio_is_printed_and_kept() -> None:
    assert str(Peak(3_000, 2_000)) == "3,000 bytes measured / 2,000 predicted = 1.500"
    assert Peak(3_000, 2_000).as_json() == {"measured": 3_000, "predicted": 2_000, "ratio": 1.5}
    assert Peak(3, 0).ratio is None


def test_the_peak_is_that_of_a_step_whose_optimizer_has_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The allocator's peak is forgotten before each of two steps, and read after the second."""
    run = trial(tiny(SPECS / "zoo" / "gpt2.yaml"))
    said: list[str] = []
    for name in ("reset_peak_memory_stats", "synchronize", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda name=name: said.append(name) or 7)
    module, inputs = run.made("cpu")
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    assert peak_bytes(module, inputs) == 7
    step = ["reset_peak_memory_stats", "synchronize"]
    assert said == [*step, *step, "max_memory_allocated"]
    assert all(not torch.equal(before[name], p) for name, p in module.named_parameters())
