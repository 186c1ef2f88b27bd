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
from getspec.emit.comparison import causes, flops, markdown, pairs
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
    a, b = (getspec.load(SPECS / "zoo" / f"{name}.yaml").model for name in ("gpt2", "gpt2-medium"))
    found = flops(a, b, {"B": 1, "N": 8})
    assert found is not None
    assert found.known
    assert found.alike
    assert found.delta == found.b.constant - found.a.constant > 0
    open_ = flops(a, b, {})
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
