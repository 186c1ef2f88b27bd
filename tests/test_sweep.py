"""Sweeps and searches: what they list is what compiling each configuration by itself would say."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest
from committed import ROOT

from getspec.api import Spec, load
from getspec.cli import main
from getspec.errors import SpecError, UsageError
from getspec.passes.cost import cost
from getspec.passes.sweep import axis, number, wanted
from getspec.search import Search, around, nearest_to

GPT2 = str(ROOT / "specs" / "zoo" / "gpt2.yaml")
DDPM = str(ROOT / "specs" / "zoo" / "ddpm-unet.yaml")
SHAPE = {"B": 2, "N": 12}


@pytest.fixture(scope="module")
def gpt2() -> Spec:
    return load(GPT2)


def listed(search: Search) -> list[tuple[int, ...]]:
    return [row for _, part in search.rows() for row in part]


# What is listed


def test_every_row_is_what_compiling_it_says(gpt2: Spec) -> None:
    axes = [axis("embed_dim=24:96:24"), axis("num_layers=1:3"), axis("num_heads=2,3,5")]
    search = Search(gpt2, axes, SHAPE)
    rows = {row[:3]: row[3:] for row in listed(search)}
    refused = 0
    for dim in axes[0].values:
        for depth in axes[1].values:
            for heads in axes[2].values:
                setting = {"embed_dim": dim, "num_layers": depth, "num_heads": heads}
                try:
                    spec = load(GPT2, setting)
                except SpecError:
                    refused += 1
                    assert (dim, depth, heads) not in rows
                    continue
                flops = cost(spec.model).total.forward.value.evaluate(SHAPE)
                assert rows[dim, depth, heads] == (spec.count().total, flops)
    assert refused == sum(sum(each.skipped) for each in search.sweeps) == 12, "5 divides none"


def test_a_choice_of_structure_is_compiled_for_each_of_its_values() -> None:
    spec = load(DDPM)
    search = Search(spec, [axis("norm_num_groups=8,7"), axis("layers_per_block=1:2")], {})
    assert search.columns == ("layers_per_block", "norm_num_groups", "params")
    assert {row[0]: row[2] for row in listed(search)} == {
        depth: load(DDPM, {"layers_per_block": depth}).count().total for depth in (1, 2)
    }


def test_ratios_and_lists() -> None:
    spec = load(ROOT / "specs" / "diffusion.yaml")
    search = Search(spec, [axis("mlp_ratio=2.0,2.5"), axis("embed_dim=48:96:48")], {"B": 1, "R": 9})
    for ratio, dim, params, _ in listed(search):
        changed = load(spec.path, {"mlp_ratio": ratio, "embed_dim": dim})
        assert changed.count().total == params
    layers = Search(load(ROOT / "specs" / "zoo" / "resnet-50.yaml"), [axis("layers[2]=3:6:3")], {})
    assert [row[1] for row in listed(layers)][1] == 25_557_032


@pytest.mark.parametrize("call", ["drop(layer(x))", "dropout(layer(x), rate)"])
@pytest.mark.parametrize("shape", [{}, {"B": 2}], ids=["params", "params and FLOPs"])
def test_what_check_refuses_is_not_listed(call: str, shape: dict[str, int], tmp_path: Path) -> None:
    """A rate of 1 and a negative number of layers change no formula, and no model has them."""
    text = """\
getspec: 1
model: Net
config: {dim: 4, rate: 0.5, depth: 2}
inputs: {x: "float[B, dim]"}
components:
  drop: {type: dropout, p: rate}
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
forward: |
  for layer in layers:
    x = drop(layer(x))
  return x
"""
    path = tmp_path / "net.yaml"
    path.write_text(text.replace("drop(layer(x))", call))
    rates, depths = (0, 0.25, 1), (-1, 0, 2)
    search = Search(load(path), [axis("rate=0,0.25,1"), axis("depth=-1,0,2")], shape)
    assert [row[:2] for row in listed(search)] == [
        (rate, depth) for rate in rates for depth in depths if is_legal(path, rate, depth)
    ]


def is_legal(path: Path, rate: float, depth: int) -> bool:
    try:
        load(path, set={"rate": rate, "depth": depth})
    except SpecError:
        return False
    return True


def test_where_filters_and_python_is_never_asked(gpt2: Spec) -> None:
    where = wanted("params <= 0.2B and not flops > 3e11 or num_layers == 96", names(gpt2))
    search = Search(gpt2, [axis("num_layers=12:96:12")], {"B": 1, "N": 1024}, where)
    assert [row[0] for row in listed(search)] == [12, 96]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "params.real",
        "[params]",
        "params if 1 else 2",
        "parms < 3",
        "params <",
        "2 ** 9 ** 9 < params",
    ],
)
def test_where_takes_comparisons_of_known_names_only(gpt2: Spec, text: str) -> None:
    with pytest.raises(UsageError, match="--where"):
        wanted(text, names(gpt2))


def names(spec: Spec) -> list[str]:
    return [*spec.config, "params", "flops"]


def test_two_hundred_thousand_configurations_take_less_than_a_second(gpt2: Spec) -> None:
    axes = [axis("num_layers=1:200"), axis("num_heads=12,16"), axis("embed_dim=48:24000:48")]
    search = Search(gpt2, axes, {"B": 1, "N": 1024}, wanted("params <= 1e8", names(gpt2)))
    start = time.process_time()
    found = len(listed(search))
    assert search.size == 200_000
    assert found > 0
    assert time.process_time() - start < 1.0, "ten times what it takes"


# Ranges and numbers


def test_ranges_have_both_their_ends() -> None:
    assert list(axis("n=8:32:8").values) == [8, 16, 24, 32]
    assert axis("n=4, 2.5,true").values == (4, 2.5, True)
    for wrong in ("n", "n=", "n=1:2:0", "n=5:1", "n=a:b", "n=1:2:3:4", "n=nan", "n=1:9999999"):
        with pytest.raises(UsageError):
            axis(wrong)


def test_numbers_as_people_write_them() -> None:
    assert [number(text) for text in ("350M", "1.5B", "64KiB", "2e12", "124_439_808")] == [
        350_000_000,
        1_500_000_000,
        65_536,
        2_000_000_000_000,
        124_439_808,
    ]
    with pytest.raises(UsageError):
        number("many")


def test_names_that_are_not_there(gpt2: Spec) -> None:
    with pytest.raises(UsageError, match="no config `embed_dims`"):
        Search(gpt2, [axis("embed_dims=1:2")], {})
    with pytest.raises(UsageError, match="twice"):
        Search(gpt2, [axis("num_layers=1:2"), axis("num_layers=3")], {})
    with pytest.raises(UsageError, match="no integer `dropout_rate`"):
        around(gpt2, "dropout_rate", 1)


# Searches


def test_the_nearest_configurations_are_the_nearest_of_all(gpt2: Spec) -> None:
    axes = [around(gpt2, "embed_dim", 64), around(gpt2, "num_layers", 1)]
    target = 355_000_000
    found = nearest_to(Search(gpt2, axes, {}), "params", target, 5)
    off = sorted(abs(row[2] - target) for row in listed(Search(gpt2, axes, {})))
    assert [abs(row[2] - target) for row in found] == off[:5]


# The command line


def test_a_sweep_as_csv_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["sweep", GPT2, "--set", "num_layers=6:12:6", "--set", "num_heads=12,7"]
    assert main([*command, "--csv"]) == 0
    printed = capsys.readouterr()
    rows = list(csv.reader(io.StringIO(printed.out)))
    assert rows == [
        ["num_layers", "num_heads", "params"],
        ["6", "12", "81912576"],
        ["12", "12", "124439808"],
    ]
    assert "2 skipped: num_heads does not divide 768" in printed.err
    assert "\r" not in printed.err, "progress is for terminals"
    assert main([*command, "--json", "--shape", "N=1024", "--sort", "params", "--descending"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page["rows"][0] == [12, 12, 124_439_808, 291_648_307_200]
    assert page["shape"] == {"B": 1, "N": 1024}
    assert page["skipped"] == {"num_heads does not divide 768": 2}


def test_a_search_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    vary = ["--vary", "embed_dim=512:1024:64,num_layers=6:36", "--limit", "2"]
    assert main(["solve", GPT2, "--params", "124M", *vary, "--set", "num_heads=8"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["embed_dim", "num_layers", "params", "off", "by"]
    assert len(shown) == 3


def test_nothing_found_is_no(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", GPT2, "--set", "num_layers=6", "--where", "params < 1"]) == 1
    assert main(["sweep", GPT2]) == 2
    assert main(["sweep", GPT2, "--set", "num_layers=6", "--where", "flops < 1"]) == 2
    assert "--shape N=1024" in capsys.readouterr().err
