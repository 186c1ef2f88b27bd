"""The report as text: what it holds, how large it is, and what it never does."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, ROOT
from hypothesis import given
from hypothesis import strategies as st

import getspec
from getspec.algebra import RULES, Scalar
from getspec.cli import main
from getspec.emit.report import MARK, facts, page
from getspec.emit.report.highlight import python
from getspec.emit.report.treemap import Box, squarified
from getspec.passes.formula import values_of

NAMES = [path.relative_to(ROOT / "specs").with_suffix("").as_posix() for path in MODELS]
LARGEST = 150 * 1024


def evaluated(terms: list[Any], values: dict[str, Any]) -> Any:
    """A polynomial of the page, as its script evaluates it."""
    total: Any = 0
    for number, *parts in terms:
        product: Any = int(number)
        for part in parts:
            product *= values[part] if isinstance(part, str) else function(part, values)
        total += product
    return total


def function(part: list[Any], values: dict[str, Any]) -> Any:
    op, *given_ = part
    return RULES[op](*(evaluated(x, values) if isinstance(x, list) else x for x in given_))


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_a_report_of_every_spec_is_small_and_says_what_count_says(path: Path) -> None:
    spec = getspec.load(path)
    text = page(spec)
    assert len(text.encode()) < LARGEST
    assert text.startswith(MARK)
    found = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])  # type: ignore[index]
    assert found == facts(spec, {})
    values = values_of(spec.config)
    assert evaluated(found["formulas"]["params"]["poly"], values) == spec.count().total
    assert evaluated(found["formulas"]["trainable"]["poly"], values) == spec.count().trainable
    for row in found["rows"]:
        if row["formula"] is not None:
            assert evaluated(row["formula"], values) == row["params"], row["path"]


class Elements(HTMLParser):
    """The elements of a page with the names of their attributes, and what loads something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *sorted(name for name, _ in attrs)))
        self.links += [str(v) for name, v in attrs if name in ("src", "href", "action", "data")]


def test_nothing_is_loaded_and_nothing_can_be() -> None:
    text = page(getspec.load(ROOT / "specs" / "diffusion.yaml"))
    assert all(link.startswith("#") for link in Elements(text).links)
    assert "default-src 'none'" in text
    assert not re.search(r"\son\w+=", text), "no handler stands in an attribute"
    assert "eval(" not in text
    assert "innerHTML" not in text


def test_it_is_the_same_every_time() -> None:
    path = ROOT / "specs" / "pretrain.yaml"
    assert page(getspec.load(path)) == page(getspec.load(path))


def test_only_a_report_is_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["report", str(ROOT / "specs" / "pretrain.yaml"), "-o", "page.html"]
    Path("page.html").write_text("mine")
    assert main(words) == 2
    assert Path("page.html").read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    assert main([*words, "--set", "num_layers=2"]) == 0
    assert main([*words, "--set", "num_layers=2"]) == 0
    assert "is current" in capsys.readouterr().err


def test_a_third_spec_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(ROOT / "specs" / "pretrain.yaml")
    assert main(["report", spec, spec, spec]) == 2
    assert "getspec report A B" in capsys.readouterr().err


def test_a_spec_without_a_forward_has_a_page(folder: Path) -> None:
    Path("net.yaml").write_text(
        "getspec: 1\nmodel: Net\nconfig: {dim: 8}\n"
        "components: {fc: {type: linear, in_features: dim, out_features: dim}}\n"
    )
    assert "data-of" in page(getspec.load("net.yaml"))


@given(st.lists(st.integers(1, 10**6), max_size=12), st.integers(1, 900), st.integers(1, 900))
def test_areas_are_in_proportion_and_inside(sizes: list[int], width: int, height: int) -> None:
    sizes.sort(reverse=True)
    boxes = squarified(sizes, Box(0, 0, width, height))
    assert len(boxes) == len(sizes)
    for size, box in zip(sizes, boxes, strict=True):
        assert box.area == pytest.approx(size / sum(sizes) * width * height, rel=1e-6)
        assert box.x >= -1e-6
        assert box.x + box.width <= width + 1e-6
        assert box.y + box.height <= height + 1e-6


def test_marked_code_is_the_code() -> None:
    code = 'def f(x):  # "(B, N)" <b>\n    """A & b."""\n    return f"{x}"\n'
    shown = python(code)
    text = re.sub(r"<[^>]*>", "", shown)
    for sign, entity in (("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("&", "&amp;")):
        text = text.replace(entity, sign)
    assert text == code
    assert '<span class="k">def</span>' in shown


def test_a_window_is_a_formula_of_the_page(folder: Path) -> None:
    Path("net.yaml").write_text(
        'getspec: 1\nmodel: Net\nconfig: {dim: 8, window: 4}\ninputs: {x: "float[B, 2, N, dim]"}\n'
        "forward: return sdpa(x, x, x, causal=True, window=window)\n"
    )
    spec = getspec.load("net.yaml")
    assert "data-of" in page(spec)
    work = facts(spec, {})["formulas"]["flops"]["poly"]
    values = {"B": 2, "N": 9, "dim": 8, "window": 4}
    assert evaluated(work, values) == spec.cost({"B": 2, "N": 9}).forward.constant


def test_an_atom_of_every_kind_is_written() -> None:
    """A formula may be made of any of them, so a new one has to be known to the page."""
    from getspec.emit.report.facts import poly
    from getspec.sizes import Floor, Function, Poly, Smaller, symbol

    atoms = [Floor(symbol("a"), symbol("b")), Smaller(symbol("a"), symbol("b"))]
    every = {e.__name__ for e in Function.__subclasses__() if ".emit." not in e.__module__}
    assert {type(each).__name__ for each in atoms} | {"Scalar"} == every
    values = {"a": 7, "b": 2}
    for each in (*atoms, Scalar("round", (symbol("a"),))):
        assert evaluated(poly(Poly((((each,), 3),))), values) == 3 * each.evaluate(values)
