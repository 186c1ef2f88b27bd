"""The page that `report` writes, as a browser has it: its numbers are those of the commands, at any setting."""

from __future__ import annotations

import random
import shlex
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from committed import SPECS
from hostile.payloads import PRINTABLE
from hostile.places import SPEC, Place, put, save
from playwright.sync_api import Page

import getspec
from getspec.cli import main
from getspec.errors import GetspecError
from getspec.passes.formula import formula
from getspec.passes.memory import PRECISIONS

NAMES = (
    "pretrain",
    "diffusion",
    "zoo/gpt2",
    "zoo/llama-3-8b",
    "zoo/resnet-50",
    "zoo/mixtral-8x7b",
    "zoo/enformer",
)
SETTINGS = 20
FIELD = 'input[type="number"]'


def written(folder: Path, *specs: Path) -> str:
    """The address of a new report."""
    target = folder / "report.html"
    assert main(["report", *map(str, specs), "-o", str(target)]) == 0
    return target.as_uri()


def spec_at(name: str) -> Path:
    return SPECS / f"{name}.yaml"


def figures(page: Page, whose: str = ":not([data-other])") -> dict[str, int | None]:
    """The live figures of the page; None where it says that it has none."""
    found: dict[str, int | None] = {}
    for node in page.query_selector_all(f".figures [data-of]{whose}"):
        text = node.get_attribute("data-value")
        found[str(node.get_attribute("data-of"))] = int(text) if text else None
        assert text or node.get_attribute("data-why"), "what is not known has a reason"
    return found


def fill(page: Page, values: dict[str, Any]) -> None:
    for name, value in values.items():
        key = "shape" if name[0].isupper() else "set"
        page.fill(f'{FIELD}[data-{key}="{name}"]', str(value))


def drawn(rng: random.Random, spec: getspec.Spec, names: list[str]) -> dict[str, Any]:
    """Some of the fields with other values; most of them fit together."""
    config = spec.config
    values: dict[str, Any] = {}
    for name in rng.sample(names, min(len(names), rng.randint(1, 3))):
        known = config.get(name, 8)
        if isinstance(known, float):
            values[name] = round(known * rng.choice([0.5, 1.5, 2]), 4)
        else:
            values[name] = max(
                rng.choice([known * 2, known // 2, known + 1, rng.randint(1, 64)]), 1
            )
    return values


def wanted(spec: getspec.Spec, sizes: dict[str, int]) -> dict[str, int]:
    """What the passes find at one setting, without formulas of config names."""
    counted = spec.count()
    precision = PRECISIONS["fp32"]
    trained = precision.gradient + precision.master + 2 * precision.state
    work = spec.cost({k: v for k, v in sizes.items() if k in spec.run_time_sizes()})
    forward = work.forward.evaluate(sizes)
    keys, cache = work.memory.kv_per_token, work.memory.kept.total("cache")
    memory = counted.total * precision.parameter + counted.trainable * trained
    return {
        "params": counted.total,
        "trainable": counted.trainable,
        "flops": forward,
        "kv": keys.value.evaluate(sizes),
        "cache": cache.value.evaluate(sizes),
        "memory": memory,
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_the_commands(name: str, page: Page, reports: Path) -> None:
    path = spec_at(name)
    page.goto(written(reports, path))
    fields = page.query_selector_all(FIELD)
    config = [str(n) for field in fields if (n := field.get_attribute("data-set"))]
    config = [each for each in config if "[" not in each]
    shape = [str(n) for field in fields if (n := field.get_attribute("data-shape"))]
    initial = {each: page.input_value(f'{FIELD}[data-shape="{each}"]') for each in shape}
    rng = random.Random(name)
    spec = getspec.load(path)
    known = 0
    for number in range(SETTINGS):
        page.click('[type="reset"]')
        page.wait_for_timeout(20)
        chosen = {} if number == 0 else drawn(rng, spec, config)
        sizes = {s: int(initial[s]) if number == 0 else rng.randint(1, 50) for s in shape}
        fill(page, {**sizes, **chosen})
        found = figures(page)
        try:
            there = getspec.load(path, set=chosen)
        except GetspecError:
            assert None in found.values(), (
                f"{chosen} is refused, and the page says that it does not fit"
            )
            continue
        if found["params"] is None:
            model = formula(spec.model)
            assert not model.met({**spec.config, **chosen}), f"{chosen} has a closed form"
            continue
        known += 1
        expected = wanted(there, sizes)
        for of, value in found.items():
            assert value is None or value == expected[of], f"{of} at {chosen} and {sizes}"
        assert page.inner_text("#reproduce").startswith("getspec count ")
        rows = {
            str(row.get_attribute("data-path")): cell.get_attribute("data-value")
            for row in page.query_selector_all("#tree tbody tr")
            if (cell := row.query_selector('[data-of="params"]'))
        }
        for row in there.count().rows:
            if rows.get(row.path):
                assert int(str(rows[row.path])) == row.params, f"{row.path} at {chosen}"
    assert known >= SETTINGS // 3, "a page that refuses everything shows nothing"


def test_the_line_below_reproduces_a_setting(
    page: Page, reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page.goto(written(reports, spec_at("zoo/gpt2")))
    fill(page, {"embed_dim": 960, "num_layers": 7, "dropout_rate": 0.5})
    total = figures(page)["params"]
    words = shlex.split(page.inner_text("#reproduce"))
    assert words[0] == "getspec"
    capsys.readouterr()
    assert main([*words[1:2], str(spec_at("zoo/gpt2")), *words[3:]]) == 0
    assert f"{total:,} parameters" in capsys.readouterr().out


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "specs", [("diffusion",), ("pretrain", "diffusion"), ("zoo/mixtral-8x7b",)]
)
def test_everybody_can_use_it(
    specs: tuple[str, ...], scheme: Any, width: int, page: Page, reports: Path
) -> None:
    """axe finds nothing, and the page is no wider than the window."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(written(reports, *map(spec_at, specs)))
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = Axe().run(page).response["violations"]
    shown = [(each["id"], [node["html"][:90] for node in each["nodes"]][:3]) for each in found]
    assert shown == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_keyboard_is_enough(page: Page, reports: Path) -> None:
    page.goto(written(reports, spec_at("zoo/gpt2")))
    before = figures(page)["params"]
    page.focus('input[type="range"][data-set="num_layers"]')
    page.keyboard.press("ArrowRight")
    assert page.input_value(f'{FIELD}[data-set="num_layers"]') == "13"
    assert figures(page)["params"] != before
    page.focus("#theme")
    page.keyboard.press("Enter")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.focus(".treemap a")
    page.keyboard.press("Enter")
    assert page.url.rpartition("#")[2].startswith("r"), "an area leads to its row"


def test_what_is_missing_or_broken_is_said(page: Page, reports: Path) -> None:
    page.goto(written(reports, spec_at("zoo/gpt2")))
    fill(page, {"embed_dim": 770})
    assert figures(page)["params"] is None
    assert "num_heads" in page.inner_text("#why")
    fill(page, {"embed_dim": ""})
    assert "embed_dim: a number is missing" in page.inner_text("#why")
    page.click('[type="reset"]')
    page.wait_for_timeout(50)
    assert figures(page)["params"] == getspec.load(spec_at("zoo/gpt2")).count().total


def test_two_specs_are_compared(page: Page, reports: Path) -> None:
    page.goto(written(reports, spec_at("pretrain"), spec_at("diffusion")))
    text = page.inner_text("#comparison")
    for number in ("128,767,003", "85,484,059", "43,282,944", "50.63 %", "42,522,624", "9,216"):
        assert number in text


@pytest.mark.parametrize(
    ("first", "second", "changed", "only"),
    [
        ("pretrain", "diffusion", {"embed_dim": 384, "num_layers": 7, "R": 33}, {}),
        ("zoo/gpt2", "zoo/llama-3-8b", {"num_layers": 5, "N": 77}, {"num_kv_heads": 16}),
        ("zoo/llama-3-8b", "zoo/gpt2", {"vocab_size": 999}, {"dropout_rate": 0.5}),
    ],
)
def test_two_specs_move_together(
    first: str,
    second: str,
    changed: dict[str, int],
    only: dict[str, Any],
    page: Page,
    reports: Path,
) -> None:
    """What is changed is changed in both; `only` is a config name of the second alone; the rest stays as each spec has it."""
    page.goto(written(reports, spec_at(first), spec_at(second)))
    initial = {
        str(field.get_attribute("data-shape")): int(str(field.get_attribute("value")))
        for field in page.query_selector_all(f"{FIELD}[data-shape]")
    }
    for chosen in ({}, changed, {**changed, **only}):
        fill(page, chosen)
        sizes = {n: int(chosen.get(n, value)) for n, value in initial.items()}
        config = {n: value for n, value in chosen.items() if n not in initial}
        for name, mine, whose in (
            (first, {n: v for n, v in config.items() if n not in only}, ":not([data-other])"),
            (second, config, "[data-other]"),
        ):
            expected = wanted(getspec.load(spec_at(name), set=mine), sizes)
            assert figures(page, whose) == expected, f"{name} at {mine} and {sizes}"
    words = shlex.split(page.inner_text("#reproduce-other"))
    settings = words[words.index("--set") + 1 :: 2]
    assert words[0] == "getspec"
    assert sorted(settings) == sorted(f"{n}={v}" for n, v in config.items())


def test_paper_has_everything_open(page: Page, reports: Path) -> None:
    page.goto(written(reports, spec_at("diffusion")))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every((each) => each.open)")


def test_hostile_words_stay_words(page: Page, reports: Path, monkeypatch: Any) -> None:
    """Words of a stranger are shown as they are: nothing runs, and no element comes of them."""
    monkeypatch.chdir(reports)
    words = " ".join(PRINTABLE.values())
    tree, plain = SPEC, SPEC
    for path in (("summary",), ("sources", 0), ("sizes", "B"), ("config", "label")):
        tree = put(tree, Place(path, "value"), words)
        plain = put(plain, Place(path, "value"), "plain words")
    counts = []
    for each in (tree, plain):
        page.goto(written(reports, save(reports, "net.yaml", each)))
        counts.append(page.evaluate("document.querySelectorAll('*').length"))
    assert counts[0] == counts[1]
    page.goto(written(reports, save(reports, "net.yaml", tree)))
    assert words in page.inner_text(".lead")
