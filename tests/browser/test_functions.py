"""Functions of floats in a page: as Python has them to the last digit, or not at all."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from playwright.sync_api import Page

import getspec
from getspec.cli import main
from getspec.errors import GetspecError

SPEC = """\
getspec: 1
model: Net
config: {{dim: 12, ratio: 2.5, step: 0.3}}
components:
  fc: {{type: linear, in_features: dim, out_features: "{width}"}}
"""
SURE = (
    "int(dim // step)",
    "1 + int(dim % step * 100)",
    "round(dim * ratio)",
    "int(sqrt(dim) * 7)",
    "max(int(dim * step), 3)",
    "min(int(dim / step), int(ratio * 9))",
    "int(float(dim) / ratio) + 1",
)
UNSURE = ("int(ratio ** 1.5 * dim)", "int(log(dim) * 8)", "int(dim * 2.0 ** ratio)")
SETTINGS = 40


def opened(page: Page, folder: Path, width: str) -> Path:
    spec = folder / "net.yaml"
    spec.write_text(SPEC.format(width=width))
    target = folder / "report.html"
    assert main(["report", str(spec), "-o", str(target), "--force"]) == 0
    page.goto(target.as_uri())
    return spec


def total(page: Page) -> int | None:
    text = page.get_attribute('.figures [data-of="params"]', "data-value")
    return int(text) if text else None


@pytest.mark.parametrize("width", SURE)
def test_a_function_is_as_python_has_it(width: str, page: Page, reports: Path) -> None:
    spec = opened(page, reports, width)
    rng = random.Random(width)
    known = 0
    for _ in range(SETTINGS):
        chosen = {
            "dim": rng.choice([rng.randint(1, 30), rng.randint(1, 5000)]),
            "ratio": rng.choice([0.1, 0.5, 1.5, 2.5, 4.0, round(rng.uniform(0.1, 9), 3)]),
            "step": rng.choice([0.1, 0.2, 0.3, 0.7, 1.0, round(rng.uniform(0.01, 3), 3)]),
        }
        for name, value in chosen.items():
            page.fill(f'input[type="number"][data-set="{name}"]', str(value))
        try:
            counted = getspec.load(spec, set=chosen).count().total
        except GetspecError:
            assert total(page) is None, f"{chosen} is refused"
            continue
        assert total(page) == counted, chosen
        known += 1
    assert known > SETTINGS // 2, "most of these settings are legal"


@pytest.mark.parametrize("width", UNSURE)
def test_what_a_browser_may_round_otherwise_is_not_shown(
    width: str, page: Page, reports: Path
) -> None:
    opened(page, reports, width)
    page.fill('input[type="number"][data-set="dim"]', "13")
    assert total(page) is None
    assert "may round otherwise" in page.inner_text("#why")
