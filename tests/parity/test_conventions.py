"""`--like` against the tools themselves: fvcore and torchinfo look at the generated code at the sizes of `tiny`.

Every number is the tool's to the integer, but for the differences that are pinned here, each with its reason.
"""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from committed import MODELS, NAMES

import getspec
from getspec.passes.conventions import Like, like, params_like
from getspec.passes.cost import cost
from getspec.verify import make_inputs, small_sizes, tiny_config

fvcore = pytest.importorskip("fvcore.nn")
torchinfo = pytest.importorskip("torchinfo")

each_model = pytest.mark.parametrize("name", NAMES)

FVCORE = {
    # An einsum that sums over nothing is elementwise, 0 here; fvcore takes half of what NumPy estimates, which is a multiply
    # an element, and of larger numbers it reads four digits.
    "get/finetune-hic": 400,
}
PARAMETERS = {
    # Of a tied table that is never called itself, its layer is not seen.
    "zoo/t5-small": -96 * 48,
    "zoo/t5-large": -96 * 48,
}
OPEN = {
    # How many values a mask selects, only running can know.
    "pretrain",
}


class Model:
    """The class that is generated for a spec, at its small configuration, and inputs of it."""

    def __init__(self, name: str) -> None:
        path = MODELS[NAMES.index(name)]
        self.spec = getspec.load(path, set=tiny_config(getspec.load(path).model))
        self.sizes = small_sizes(self.spec.model)
        self.module = self.spec.build().eval()
        generator = torch.Generator().manual_seed(0)
        self.inputs: list[Any] = make_inputs(self.spec.model, self.sizes, "cpu", generator)

    def like(self, tool: str) -> Like:
        return like(self.spec.model, tool, cost(self.spec.model).total, 0).at(self.sizes)


@each_model
def test_fvcore_counts_what_it_is_said_to_count(name: str) -> None:
    model = Model(name)
    number = model.like("fvcore").number.constant
    assert (number is None) == (name in OPEN)
    if number is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = fvcore.FlopCountAnalysis(model.module, tuple(model.inputs))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        counted = analysis.tracer_warnings("none").total()
    assert counted - number == FVCORE.get(name, 0)


@each_model
def test_torchinfo_counts_what_it_is_said_to_count(name: str) -> None:
    model = Model(name)
    number = model.like("torchinfo").number.constant
    assert (number is None) == (name in OPEN)
    found = torchinfo.summary(model.module, input_data=model.inputs, verbose=0, mode="eval")
    params = params_like(model.spec.model).number.constant
    assert params is not None
    assert found.total_params - params == PARAMETERS.get(name, 0)
    if number is not None:
        assert found.total_mult_adds == number
