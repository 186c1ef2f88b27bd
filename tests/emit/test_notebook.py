"""What a notebook shows: small, without scripts, with every word of a spec as text, for all committed models."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, NAMES, ROOT
from writing import load

import getspec

MAX_BYTES = 50_000
HOSTILE = """\
getspec: 1
model: Hostile
summary: '<script>alert(1)</script> & "more"'
config: {kind: "<img src=x onerror=alert(1)>", dim: 4}
inputs: {x: "float[B, dim]"}
components:
  fc: {type: linear, in_features: dim, out_features: dim, doc: "</style><script>"}
forward: |
  return fc(x)
"""


class Page(HTMLParser):
    """Elements that are opened and closed in order, and the text in them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += f"{data} "


def shown(found: Any) -> Page:
    html = found._repr_html_()
    assert type(html) is str
    assert len(html.encode()) < MAX_BYTES
    assert not re.search(r"https?:|url\(|@import|#[0-9a-f]{3}", html), "nothing is fetched or fixed"
    assert "&" not in html.partition("</style>")[0], "a style is read as it stands"
    page = Page(html)
    assert page.tags <= {
        *("style", "div", "strong", "small", "code", "p", "i"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert page.attributes <= {"class", "style", "scope"}
    return page


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_every_committed_model(path: Path) -> None:
    spec = getspec.load(path)
    total = f"{spec.count().total:,}"
    assert total in shown(spec).text
    assert total in shown(spec.count()).text
    assert total in shown(spec.cost()).text


def test_a_difference_is_the_tree_of_the_command() -> None:
    page = shown(getspec.diff(ROOT / "specs/pretrain.yaml", ROOT / "specs/diffusion.yaml"))
    for words in ("+43,282,944", "+50.63 %", "12 x +768", "+9,216", "INTERFACE", "norm1, norm2"):
        assert words in page.text
    same = getspec.diff(ROOT / "specs/pretrain.yaml", ROOT / "specs/pretrain.yaml")
    assert "no difference" in shown(same).text


def test_far_models_have_a_small_difference() -> None:
    shown(getspec.diff(ROOT / "specs/zoo/enformer.yaml", ROOT / "specs/zoo/ddpm-unet.yaml"))


def test_a_tree_that_is_large_is_shown_to_fewer_levels_and_says_so(tmp_path: Path) -> None:
    lines = ["getspec: 1", "model: Wide", 'inputs: {x: "float[B, 4]"}', "components:"]
    lines += [f"  a{n}: {{type: linear, in_features: 4, out_features: 4}}" for n in range(250)]
    lines += ["forward: |", "  y = x"] + [f"  y = y + a{n}(x)" for n in range(250)] + ["  return y"]
    spec = load(tmp_path, "\n".join(lines) + "\n")
    assert "170 more rows are not shown" in shown(spec.count()).text
    assert "170 more rows are not shown" in shown(spec.cost({"B": 2})).text


def test_words_of_a_spec_are_text(tmp_path: Path) -> None:
    spec = load(tmp_path, HOSTILE)
    assert "<script>alert(1)</script>" in shown(spec).text
    assert "onerror=alert(1)>" in shown(spec).text
    shown(spec.count())
    shown(spec.cost())
