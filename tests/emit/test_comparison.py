"""The comparison document: every figure of the published one, and sentences that hold for any two models."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from committed import ROOT, SPECS
from hypothesis import given, settings
from strategies import RandomSpec, specs
from writing import BASE, load

import getspec
from getspec.emit.comparison import markdown
from getspec.emit.text import percent
from getspec.passes.comparison import causes, flops, pairs, remembered
from getspec.passes.count import count

PRETRAIN, DIFFUSION = SPECS / "pretrain.yaml", SPECS / "diffusion.yaml"
PUBLISHED = [
    *("85,484,059", "128,767,003", "+43,282,944", "+50.63", "218,112", "217,627", "437,275"),
    *("787,968", "3,543,552", "42,522,624", "36,864", "+9,216", "85,046,784", "128,329,728"),
    *("7,087,104", "10,628,352", "2,361,600", "2,362,368", "1,769,472", "590,592", "2,360,064"),
]
SHARES = [
    *("99.49", "99.66", "99.05", "33.15", "66.29", "22.02", "44.01", "33.02"),
    *("0.61", "0.26", "0.25", "0.17"),
]


@pytest.fixture(scope="module")
def document() -> str:
    return markdown(getspec.diff(PRETRAIN, DIFFUSION), {"B": 1, "R": 200})


@pytest.mark.parametrize("figure", PUBLISHED)
def test_every_figure_of_the_published_comparison_is_there(figure: str, document: str) -> None:
    assert re.search(rf"(?<![\d,]){re.escape(figure)}(?![\d,])", document)


@pytest.mark.parametrize("share", SHARES)
def test_every_share_of_the_distribution_is_there(share: str, document: str) -> None:
    assert f" {share} %" in document


def test_the_committed_document_is_this_one() -> None:
    text = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    for figure in (*PUBLISHED, "437,275", "12 x +768 = +9,216", "12 x -3,072 = -36,864"):
        assert figure in text


def test_causes_add_up_and_the_weightiest_is_first() -> None:
    found = getspec.diff(PRETRAIN, DIFFUSION)
    every = causes(found.changes)
    assert sum(cause.delta for cause in every) == found.delta == 43_282_944
    assert [abs(c.delta) for c in every] == sorted((abs(c.delta) for c in every), reverse=True)
    assert [c.delta for c in every] == [42_522_624, 787_968, -36_864, 27_648, -18_432]


def test_work_is_compared_at_one_size() -> None:
    compared = getspec.diff(SPECS / "zoo" / "gpt2.yaml", SPECS / "zoo" / "gpt2-medium.yaml")
    found = flops(compared, {"B": 1, "N": 8})
    assert found is not None
    assert found.known
    assert found.alike
    assert found.delta == found.b.constant - found.a.constant > 0
    open_ = flops(compared, {})
    assert open_ is not None
    assert not open_.known, "a size that nobody gave stays a letter"


PAIRS = [
    ("zoo/gpt2", "zoo/gpt2-medium"),
    ("zoo/vit-b16", "zoo/dit-xl-2-paper"),
    ("zoo/llama-3-8b", "zoo/mixtral-8x7b"),
    ("zoo/resnet-18", "zoo/convnext-tiny"),
    ("get/finetune", "get/finetune-hic"),
    ("pretrain", "pretrain"),
]


def tables(text: str) -> list[list[list[str]]]:
    """Every table as rows of cells."""
    found: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            if not inside:
                found.append([])
            found[-1].append([cell.strip() for cell in cells])
        inside = line.startswith("|")
    return found


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_it_reads_as_well_for_any_two(a: str, b: str) -> None:
    found = getspec.diff(SPECS / f"{a}.yaml", SPECS / f"{b}.yaml")
    text = markdown(found)
    for table in tables(text):
        assert len({len(row) for row in table}) == 1, table[0]
    assert text.count("```") % 2 == 0
    assert f"{found.total_a:,}" in text
    assert "None" not in text
    assert not re.search(r"\n\n\n", text)
    if found.identical:
        assert "The two are the same model." in text


def test_no_sentence_is_about_certain_models(tmp_path: Path) -> None:
    head = BASE.partition("expect:")[0]
    text = markdown(
        getspec.diff(load(tmp_path, head), load(tmp_path, head, {"dim": 6, "depth": 4}))
    )
    assert "## Savings" in text
    for word in (
        "region",
        "motif",
        "diffusion",
        "timestep",
        "token",
        "attention",
        "norm",
        "encoder",
    ):
        assert not re.search(rf"\b{word}s?\b", text.replace("causal attention", ""), re.IGNORECASE)


def test_text_of_a_spec_is_no_markup(tmp_path: Path) -> None:
    head = BASE.partition("expect:")[0]
    one = head.replace("model: Base", "model: Base\nsummary: 'a | b <img> [x](y) *z*'")
    text = markdown(getspec.diff(load(tmp_path, one), load(tmp_path, head)))
    assert r"a \| b \<img> \[x](y) \*z\*" in text
    assert not re.search(r"(?<!\\)<", text)


def test_a_matrix_is_not_its_transpose(tmp_path: Path) -> None:
    """As many elements are not the same tensors."""
    one = (
        "getspec: 1\nmodel: One\ninputs: {x: 'float[B, 4]'}\ncomponents:\n"
        "  up: {type: linear, in_features: 4, out_features: 8, bias: false}\n"
        "  down: {type: linear, in_features: 8, out_features: 4, bias: false}\n"
        "forward: |\n  return down(up(x))\n"
    )
    other = one.replace("4, out_features: 8", "N").replace(
        "8, out_features: 4", "4, out_features: 8"
    )
    other = other.replace("in_features: N", "in_features: 8, out_features: 4").replace(
        "[B, 4]", "[B, 8]"
    )
    text = markdown(getspec.diff(load(tmp_path, one), load(tmp_path, other)))
    assert "No part holds the same tensors in both." in text


def test_what_components_that_differ_share_is_told_apart() -> None:
    text = markdown(
        getspec.diff(SPECS / "zoo" / "llama-3-8b.yaml", SPECS / "zoo" / "mixtral-8x7b.yaml")
    )
    assert (
        "| `model.layers.*.self_attn` | GroupedQueryAttention | 1,342,177,280 (x32) | nothing |"
        in text
    )


def test_a_list_in_the_place_of_a_module_is_shown(tmp_path: Path) -> None:
    one = (
        "getspec: 1\nmodel: One\ninputs: {x: 'float[B, 4]'}\ncomponents:\n"
        "  body: {type: linear, in_features: 4, out_features: 4}\n"
        "forward: |\n  return body(x)\n"
    )
    other = one.replace("4}", "4, repeat: 3}").replace(
        "  return body(x)", "  for b in body:\n    x = b(x)\n  return x"
    )
    text = markdown(getspec.diff(load(tmp_path, one), load(tmp_path, other)))
    assert "| `body` | linear | 20 | - | -20 |" in text
    assert "| `body.*` | linear | - | 60 (x3) | +60 |" in text


def test_two_versions_of_a_model_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(BASE)
    (tmp_path / "new.yaml").write_text(BASE.replace("depth: 2", "depth: 3", 1))
    text = markdown(getspec.diff(tmp_path / "old.yaml", tmp_path / "new.yaml"))
    assert text.startswith("# old.yaml and new.yaml\n")
    assert "| old.yaml | new.yaml | difference |" in text


def test_keys_and_values_that_are_not_known_are_no_zero() -> None:
    """T5's attention has a mask of its own: that nothing is cached is not known."""
    found = getspec.diff(SPECS / "zoo" / "t5-small.yaml", SPECS / "zoo" / "whisper-tiny.yaml")
    assert "kv_bytes_per_token" not in {kept.key for kept in remembered(found, {})}


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (1, 2, "+50.00 %"),
        (-1, 1_000_000, "-0.0001 %"),
        (0, 7, "0.00 %"),
        (7, 0, "-"),
        (70, 1, "+7,000.00 %"),
    ],
)
def test_a_small_share_is_no_zero(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words


@settings(max_examples=25)
@given(specs(), specs())
def test_rows_of_a_level_add_up_for_random_pairs(
    tmp_path_factory: pytest.TempPathFactory, a: RandomSpec, b: RandomSpec
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    found = getspec.diff(load(folder, a.text), load(folder, b.text))
    rows = pairs(found, count(found.a), count(found.b))
    outer = [pair.delta for pair in rows if pair.depth == 0]
    assert sum(outer) == found.delta == sum(cause.delta for cause in causes(found.changes))
    markdown(found)
