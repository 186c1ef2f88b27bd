"""The GET family against its reference implementation: state dicts, outputs, and a published comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reference_data import ROOT, answers, build_tiny, check_state_dict, references, specs

import getspec
from getspec.errors import SpecError

if TYPE_CHECKING:
    from torch import Tensor

REFERENCES = references("get")
SPECS = {
    "pretrain": ROOT / "specs" / "pretrain.yaml",
    "diffusion": ROOT / "specs" / "diffusion.yaml",
    **specs("get"),
}
TOLERANCE = {"diffusion": 5e-5, "diffusion-v2": 5e-5, "mlp": 2e-5, "distance-contact-map": 2e-5}
"""Of max|difference| over max|golden|, where the reference's own float32 noise is above 5e-6."""


def test_every_reference_has_its_spec() -> None:
    assert set(SPECS) == set(REFERENCES)


@pytest.mark.parametrize("name", SPECS)
def test_the_state_dict_is_the_reference_s(name: str) -> None:
    spec = getspec.load(SPECS[name])
    assert spec.name == REFERENCES[name].facts["class"]
    check_state_dict(spec, REFERENCES[name])


@pytest.mark.torch
@pytest.mark.parametrize("name", SPECS)
def test_golden_outputs_under_strict_loading(name: str) -> None:
    import json

    import torch

    spec, golden = getspec.load(SPECS[name]), REFERENCES[name].golden
    assert golden is not None
    model = build_tiny(spec)
    computed = {key: value.clone() for key, value in model.named_buffers()}
    model.load_state_dict(golden.state, strict=True)
    for key, value in golden.group("buffer").items():
        torch.testing.assert_close(computed[key], value, rtol=1e-6, atol=1e-6)
    with torch.no_grad():
        found = answers(spec, model, golden)
    assert list(found) == json.loads(golden.metadata["outputs_in_order"])
    for key, value in found.items():
        wanted = golden.group("output")[key]
        assert value.shape == wanted.shape, key
        if value.is_floating_point():
            worst = (value - wanted).abs().max() / wanted.abs().max()
            assert worst <= TOLERANCE.get(name, 5e-6), key
        else:
            assert torch.equal(value, wanted), key


def loss_of(name: str, found: dict[str, Tensor], golden: dict[str, Tensor]) -> Tensor:
    """What each model is trained with."""
    import torch.nn.functional as F

    motif, mask = golden["input.region_motif"], golden.get("input.mask")
    match name:
        case "pretrain":
            return F.mse_loss(found["x_masked"], motif[mask.squeeze(-1)])
        case "diffusion":
            return F.mse_loss(found["x_masked"] * mask, motif * mask)
        case "diffusion-v2":
            t, clean = golden["input.t"], motif[mask.squeeze(-1)]
            signal = golden["buffer.sqrt_alphas_cumprod"][t].unsqueeze(1)
            spread = golden["buffer.sqrt_one_minus_alphas_cumprod"][t].unsqueeze(1)
            noised = signal * clean + spread * golden["input.noise"]
            return F.mse_loss((noised - spread * found["predicted_noise"]) / (signal + 1e-8), clean)
        case "finetune-atac":
            target = golden["target.region_motif_last_channel"].unsqueeze(-1)
            return F.poisson_nll_loss(found["atpm"], target, log_input=False)
    return F.poisson_nll_loss(found["exp"], golden["target.exp_label"], log_input=False)


@pytest.mark.torch
@pytest.mark.parametrize(
    "name",
    [
        "pretrain",
        "diffusion",
        "diffusion-v2",
        "finetune",
        "finetune-atac",
        "finetune-positional",
    ],
)
def test_golden_gradients(name: str) -> None:
    """The same parameters get a gradient, and the same one."""
    spec, golden = getspec.load(SPECS[name]), REFERENCES[name].golden
    assert golden is not None
    model = build_tiny(spec)
    model.load_state_dict(golden.state, strict=True)
    loss_of(name, answers(spec, model, golden), golden.tensors).backward()
    wanted = golden.group("grad")
    found = {key: p.grad for key, p in model.named_parameters() if p.grad is not None}
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        assert (found[key] - value).abs().max() <= 1e-4 * value.abs().max(), key


@pytest.mark.torch
@pytest.mark.parametrize("rows", [0, 1, 10], ids=["none", "one", "all"])
def test_any_number_of_regions_can_be_masked(rows: int) -> None:
    import torch

    torch.manual_seed(0)
    mask = (torch.arange(10) < rows).view(2, 5, 1)
    motif, noise, t = torch.rand(2, 5, 7), torch.randn(rows, 7), torch.full((rows,), 100)
    pretrain = build_tiny(getspec.load(SPECS["pretrain"]))
    assert pretrain(motif, mask)[0].shape == (rows, 7)
    denoiser = build_tiny(getspec.load(SPECS["diffusion-v2"]))
    assert denoiser(motif, mask, t, noise)[0].shape == (rows, 7)


EQUAL_ATTENTION = """\
getspec: 1
extends: diffusion
expect:
  - path: encoder.blocks.*.attn
    against: {spec: pretrain, path: "encoder.blocks.*.attn"}
    delta: 0
    source: model comparison report
"""


def test_the_claim_that_both_attentions_are_equal_is_caught(tmp_path: Path) -> None:
    """The published comparison calls them "the same (2.36M)"; a bias of the keys sets them apart."""
    file = tmp_path / "claim.yaml"
    file.write_text(EQUAL_ATTENTION)
    with pytest.raises(SpecError) as caught:
        getspec.load(file)
    (problem,) = caught.value.diagnostics
    assert problem.code == "GS501"
    assert (problem.span.line, problem.span.col) == (6, 12), "the claim's own place"
    assert problem.message == (
        "`encoder.blocks.*.attn`: 2,362,368 against 2,361,600: +768 each, +9,216 over 12; "
        "the claim is 0"
    )
    assert problem.notes == (("the claim is from: model comparison report", None),)


def test_both_attentions_round_to_the_published_figure() -> None:
    """Rounded to three digits nobody sees the difference, which is how the claim came about."""
    for name in ("pretrain", "diffusion"):
        claims = getspec.load(SPECS[name]).compiled.file.expect
        assert ("encoder.blocks.*.attn", "2.36M") in [(c.path, c.params) for c in claims], name


def test_what_the_comparison_calls_shared_adds_up() -> None:
    shared = ("region_embed", "head_mask", "mask_token", "cls_token")
    for name in ("pretrain", "diffusion"):
        rows = {row.path: row.params for row in getspec.load(SPECS[name]).count().rows}
        assert sum(rows[path] for path in shared) == 437_275, name


def test_the_whole_difference_is_explained() -> None:
    """Four causes, the bias of the keys among them, leave no remainder of the 43,282,944."""
    difference = getspec.diff(SPECS["pretrain"], SPECS["diffusion"])
    causes = [787_968, 12 * 3_543_552, -12 * 3_072, 12 * 768]
    assert sum(causes) == 43_282_944
    assert sum(change.delta for change in difference.changes) == sum(causes)
