"""Rules for foreign names: bijections that are checked, and the script that applies them."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import getspec
from getspec.checkpoint import Entry, compare
from getspec.cli import main
from getspec.errors import UsageError
from getspec.passes.count import tensors
from getspec.rename import broken_rule, converter, renamed

ROOT = Path(__file__).parents[1]
RENAMING = {
    "specs/pretrain.yaml": {
        "mask_token": "mask_token",
        "cls_token": "encoder.cls_token",
        "region_embed.embed.weight": "encoder.region_embed.proj.weight",
        "encoder.blocks.11.attn.q_bias": "encoder.blocks.11.attn.q_bias",
        "encoder.norm.bias": "encoder.norm.bias",
        "head_mask.bias": "encoder.head.bias",
    },
    "specs/get/finetune.yaml": {
        "cls_token": "cls_token",
        "region_embed.embed.weight": "region_embed.proj.weight",
        "encoder.blocks.11.attn.q_bias": "blocks.11.attn.q_bias",
        "encoder.norm.bias": "fc_norm.bias",
        "head_exp.head.bias": "head.bias",
    },
}
"""Specs with other names in their published checkpoints; how some of their tensors are called there."""
UPSTREAM = {
    "specs/pretrain.yaml": [
        ("encoder.head.", "head_mask."),
        ("encoder.region_embed", "region_embed"),
        ("region_embed.proj.", "region_embed.embed."),
        ("encoder.cls_token", "cls_token"),
    ],
    "specs/get/finetune.yaml": [
        ("blocks.", "encoder.blocks."),
        ("fc_norm.", "encoder.norm."),
        ("encoder.head.", "head_mask."),
        ("encoder.region_embed", "region_embed"),
        ("region_embed.proj.", "region_embed.embed."),
        ("encoder.cls_token", "cls_token"),
        ("head.", "head_exp.head."),
    ],
}
"""What upstream replaces in the names of those checkpoints, in this order, to load them."""


def names(path: str) -> list[str]:
    return [
        tensor.name for tensor in tensors(getspec.load(ROOT / path).model.root) if tensor.persistent
    ]


def rules_of(path: str) -> dict[str, str]:
    return getspec.load(ROOT / path).compiled.file.rename


# Committed rules


@pytest.mark.parametrize("path", RENAMING)
def test_committed_rules_give_the_published_names(path: str) -> None:
    found, reason = renamed(names(path), rules_of(path))
    assert reason is None
    assert {name: found[name] for name in RENAMING[path]} == RENAMING[path]


@pytest.mark.parametrize("path", UPSTREAM)
def test_what_upstream_replaces_leads_from_the_published_names_to_ours(path: str) -> None:
    found, _ = renamed(names(path), rules_of(path))
    for name, foreign in found.items():
        for old, new in UPSTREAM[path]:
            foreign = foreign.replace(old, new)
        assert foreign == name


def test_every_spec_that_renames_is_tested() -> None:
    files = [p for p in (ROOT / "specs").rglob("*.yaml") if "\nrename:" in p.read_text()]
    assert {str(p.relative_to(ROOT).as_posix()) for p in files} == set(RENAMING)


# Rules


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a", "b"),
        ("a.b", "c"),
        ("*", "x.*"),
        ("a.*.b.*", "*.c.*"),
        ("**", "model.**"),
        ("h.*.**", "layers.*.**"),
        ("a-b", "a_b"),
    ],
)
def test_rules_that_can_be_used(ours: str, theirs: str) -> None:
    assert broken_rule(ours, theirs) is None


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("", "b"),
        ("a", ""),
        ("a.", "b"),
        (".a", "b"),
        ("a..b", "b"),
        ("a b", "b"),
        ("a\n", "b"),
        ("a", "../b"),
        ("a[0]", "b"),
        ("a*", "b*"),
        ("***", "***"),
        ("(.+)", "b"),
        ("a.*", "b"),
        ("a", "b.*"),
        ("a.*", "b.**"),
        ("*.**", "**.*"),
        ("**.**", "**.**"),
    ],
)
def test_rules_that_cannot(ours: str, theirs: str) -> None:
    assert broken_rule(ours, theirs), f"{ours} -> {theirs}"


@pytest.mark.parametrize(
    ("rules", "given", "wanted"),
    [
        ({}, ["a"], ["a"]),
        ({"a": "b"}, ["a", "c"], ["b", "c"]),
        ({"a": "b", "b": "a"}, ["a", "b"], ["b", "a"]),
        (
            {"h.*.w": "layers.*.weight"},
            ["h.0.w", "h.10.w"],
            ["layers.0.weight", "layers.10.weight"],
        ),
        ({"x.*": "y.*"}, ["x.a", "x.a.b"], ["y.a", "x.a.b"]),
        ({"x.**": "y.**"}, ["x.a", "x.a.b", "x"], ["y.a", "y.a.b", "x"]),
        ({"*.a.*": "*.b.*"}, ["1.a.2"], ["1.b.2"]),
        ({"lm.w": "lm.w", "t.**": "**"}, ["lm.w", "t.h.0.w"], ["lm.w", "h.0.w"]),
        ({"h.0.w": "first", "h.*.w": "rest.*"}, ["h.0.w", "h.1.w"], ["first", "rest.1"]),
    ],
)
def test_names_follow_the_first_rule(
    rules: dict[str, str], given: list[str], wanted: list[str]
) -> None:
    found, reason = renamed(given, rules)
    assert (reason, list(found), list(found.values())) == (None, given, wanted)


@pytest.mark.parametrize(
    ("rules", "given", "reason"),
    [
        ({"a": "c", "b": "c"}, ["a", "b"], "`a` and `b` would both be `c`"),
        ({"a": "b"}, ["a", "b"], "`a` and `b` would both be `b`"),
        ({"z": "y"}, ["a"], "the rule `z` fits no tensor"),
        ({"h.*": "r.*", "h.0": "first"}, ["h.0", "h.1"], "the rule `h.0` fits no tensor"),
        ({"a.*": "o.*", "b.w": "o.g"}, ["a.w", "b.w"], "`o.g` does not lead back to `b.w`"),
        ({"t.**": "**"}, ["lm.w", "t.h.0.w"], "`lm.w` does not lead back to `lm.w`"),
    ],
)
def test_what_is_no_bijection_is_said(rules: dict[str, str], given: list[str], reason: str) -> None:
    assert (renamed(given, rules)[1] or "").startswith(reason)


SEGMENTS = st.sampled_from(["a", "b", "0", "1", "w"])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=4).map(".".join)
SIDES = st.lists(st.sampled_from(["a", "b", "0", "*", "**"]), min_size=1, max_size=4).map(".".join)


@settings(deadline=None, max_examples=300)
@given(st.lists(NAMES, unique=True, max_size=8), st.dictionaries(SIDES, SIDES, max_size=3))
def test_what_is_accepted_can_be_undone(given: list[str], rules: dict[str, str]) -> None:
    if any(broken_rule(*rule) for rule in rules.items()):
        return
    found, reason = renamed(given, rules)
    if reason is None:
        assert sorted(found) == sorted(given)
        assert len(set(found.values())) == len(given)
        namespace: dict[str, Any] = {"__name__": "script"}
        exec(converter("Net", "net.yaml", rules).replace("from safetensors", "# "), namespace)
        rename, theirs = namespace["rename"], namespace["RULES"]
        ours = [(b, a) for a, b in theirs]
        assert [rename(name, theirs) for name in given] == list(found.values())
        assert [rename(other, ours) for other in found.values()] == given


def test_many_stars_are_quick() -> None:
    rule = ".".join(["*"] * 40 + ["**", "end"])
    assert renamed([".".join(["a"] * 300)], {rule: rule})[1] == f"the rule `{rule}` fits no tensor"


# Comparing under rules


def test_a_checkpoint_may_use_either_names() -> None:
    count, rules = (
        getspec.load(ROOT / "specs/pretrain.yaml").count(),
        rules_of("specs/pretrain.yaml"),
    )
    ours = {t.name: Entry(t.name, "F32", t.shape) for t in count.parameters()}
    found, _ = renamed(ours, rules)
    theirs = {found[n]: Entry(found[n], "F32", e.shape) for n, e in ours.items()}
    assert compare(count, ours, rules).ok
    assert compare(count, theirs, rules).ok
    assert not compare(count, theirs).ok, "without rules the names are wrong"
    del theirs["encoder.head.bias"]
    assert compare(count, theirs, rules).missing == (("encoder.head.bias", None),)


def test_rules_that_do_not_fit_are_refused() -> None:
    count = getspec.load(ROOT / "specs/pretrain.yaml").count()
    with pytest.raises(UsageError, match="would both be"):
        compare(count, {}, {"cls_token": "x", "mask_token": "x"})


# The converter


def test_the_converter_is_written_once_and_formatted(tmp_path: Path) -> None:
    target = tmp_path / "convert.py"
    command = ["verify", str(ROOT / "specs/pretrain.yaml"), "--emit-converter", str(target)]
    assert main(command) == 0
    first = target.read_text()
    assert main(command) == 0
    assert target.read_text() == first
    for extra in (
        ["format", "--check", "--line-length", "100"],
        ["check", "--select", "E,F,I,B", "--line-length", "100"],
    ):
        run = [sys.executable, "-m", "ruff", *extra, "--isolated", str(target)]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    target.write_text(first + "# mine\n")
    assert main(command) == 2, "a file that was edited is somebody's"


def test_a_spec_without_rules_has_no_converter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "convert.py"
    command = ["verify", str(ROOT / "specs/diffusion.yaml"), "--emit-converter", str(target)]
    assert main(command) == 2
    assert "has no `rename`" in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize("spec", ['a"""b.yaml', "a\nb.yaml", "a\\x.yaml", "a{0}.yaml"])
def test_the_name_of_a_spec_cannot_break_the_converter(spec: str) -> None:
    compile(converter("Net", spec, {"a": "b"}), "convert.py", "exec")


@pytest.mark.torch
@pytest.mark.parametrize("path", RENAMING)
def test_the_converter_goes_both_ways_and_the_result_loads_strictly(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    monkeypatch.chdir(tmp_path)
    spec = getspec.load(ROOT / path)
    model = spec.build(**{k: v for k, v in spec.compiled.file.tiny.items() if k.islower()})
    ours = {name: torch.randn_like(value) for name, value in model.state_dict().items()}
    found, _ = renamed(ours, spec.compiled.file.rename)
    save_file({found[name]: value for name, value in ours.items()}, tmp_path / "theirs.safetensors")
    target = tmp_path / "convert.py"
    assert main(["verify", str(ROOT / path), "--emit-converter", str(target)]) == 0

    def convert(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [str(target), *arguments])
        runpy.run_path(str(target), run_name="__main__")

    convert("theirs.safetensors", "ours.safetensors")
    model.load_state_dict(load_file(tmp_path / "ours.safetensors"), strict=True)
    assert all(torch.equal(value, ours[name]) for name, value in model.state_dict().items())
    convert("--back", "ours.safetensors", "again.safetensors")
    again, first = (
        load_file(tmp_path / "again.safetensors"),
        load_file(tmp_path / "theirs.safetensors"),
    )
    assert set(again) == set(first)
    assert all(torch.equal(again[name], first[name]) for name in first)
    with pytest.raises(FileNotFoundError):
        convert("absent.safetensors", "new.safetensors")
