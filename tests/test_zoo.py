"""Well-known architectures against the libraries that define them: state dicts and outputs."""

from __future__ import annotations

import pytest
from reference_data import answers, build_tiny, check_state_dict, references, specs

import getspec

REFERENCES = references("zoo")
SPECS = specs("zoo")
NAMES = sorted(set(SPECS) & set(REFERENCES))
RUNNABLE = [name for name in NAMES if REFERENCES[name].golden]
TOLERANCE = 1e-5
"""Of max|difference| over the standard deviation of the output."""


def test_every_reference_has_its_spec() -> None:
    assert set(REFERENCES) <= set(SPECS)


@pytest.mark.parametrize("name", NAMES)
def test_the_state_dict_is_the_reference_s(name: str) -> None:
    check_state_dict(getspec.load(SPECS[name]), REFERENCES[name])


@pytest.mark.torch
@pytest.mark.parametrize("name", RUNNABLE)
def test_golden_outputs_under_strict_loading(name: str) -> None:
    import torch

    spec, golden = getspec.load(SPECS[name]), REFERENCES[name].golden
    assert golden is not None
    model = build_tiny(spec)
    model.load_state_dict(golden.state, strict=True)
    with torch.no_grad():
        found, wanted = answers(spec, model, golden), golden.group("output")
    assert found, "the spec names no outputs"
    assert set(found) <= set(wanted), "outputs have the reference's names"
    for key, value in found.items():
        assert value.shape == wanted[key].shape, key
        if value.is_floating_point():
            worst = (value - wanted[key]).abs().max() / wanted[key].std()
            assert worst <= TOLERANCE, key
        else:
            assert torch.equal(value, wanted[key]), key
