"""The page about a spec: small, deterministic, inert, and its formulas count what getspec counts.

How the page behaves in a browser is not tested here: this needs none. `Tree` is what its script evaluates, read once more.
"""

from __future__ import annotations

import json
import math
import operator
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from committed import MODELS, NAMES, ROOT
from hostile.payloads import PLAIN, PRINTABLE, WORD
from hypothesis import given
from hypothesis import strategies as st
from passes.test_formula import at, draws, spec_of
from writing import load as written
from writing import write

from getspec.api import Spec, load
from getspec.cli import main
from getspec.emit.report import LIMIT, MARK, facts, page
from getspec.emit.report.highlight import python
from getspec.emit.report.treemap import Box, squarified
from getspec.errors import UsageError
from getspec.passes.count import count
from getspec.passes.formula import QUANTITIES, formula, values_of
from getspec.passes.memory import PRECISIONS, memory

SHARE = 400
"""Each committed spec is tried at this part of `--examples` legal configs."""

# ------------------------------------------------------------------------- formulas, as the page has them

RULES: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "/": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) else a / b,
    "min": min,
    "max": max,
    "int": int,
    "float": float,
    "round": round,
    "sqrt": math.sqrt,
    "log": math.log,
}
RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "%": lambda a, b: b != 0 and a % b == 0,
}


def value_of(tree: Any, values: Mapping[str, Any]) -> Any:
    """A polynomial of the page, or a float."""
    if not isinstance(tree, list):
        return tree
    total = 0
    for number, *factors in tree:
        term = int(number)
        for factor in factors:
            if isinstance(factor, str):
                term = term * values[factor]
            else:
                rule, *arguments = factor
                term = term * RULES[rule](*(value_of(each, values) for each in arguments))
        total = total + term
    return total


def holds(found: Mapping[str, Any], of: str, values: Mapping[str, Any]) -> bool:
    """Whether the page would show a number."""
    wanted = found["formulas"][of]
    if any(plain(value) != values[name] for name, value in wanted["fixed"].items()):
        return False
    conditions = [found["conditions"][place] for place in wanted["conditions"]]
    try:
        sides = [
            (RELATIONS[c["relation"]], value_of(c["left"], values), value_of(c["right"], values))
            for c in conditions
        ]
    except ArithmeticError:
        return False
    return [rule(a, b) for rule, a, b in sides] == [c["holds"] for c in conditions]


def plain(value: Any) -> Any:
    return int(value["int"]) if isinstance(value, dict) else value


def through_json(spec: Spec, shape: Mapping[str, int] | None = None) -> Any:
    return json.loads(json.dumps(facts(spec, shape or {})))


@pytest.mark.parametrize("name", NAMES)
def test_trees_are_worth_what_the_numeric_passes_find(name: str, examples: int) -> None:
    """At random configs: the total and each row, wherever the page's conditions hold."""
    spec = spec_of(name)
    found = through_json(spec)
    covered = 0
    for config in islice(draws(spec, set()), max(examples // SHARE, 4)):
        model = at(spec, config)
        values = {**values_of(config), **{s["name"]: int(s["value"]) for s in found["sizes"]}}
        if model is None or not holds(found, "params", values):
            continue
        covered += 1
        counted = count(model)
        assert value_of(found["formulas"]["params"]["poly"], values) == counted.total, config
        assert value_of(found["formulas"]["trainable"]["poly"], values) == counted.trainable
        rows = {row.path: row for row in counted.rows}
        for row in found["rows"]:
            if row["formula"] is not None and row["path"] in rows:
                assert value_of(row["formula"], values) == rows[row["path"]].params, row["path"]
    print(f"{name}: {covered} configs covered")


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_at_the_specs_own_sizes_every_formula_holds(path: Path) -> None:
    """FLOPs and memory, too, and in bytes as `cost` has them."""
    spec = load(path)
    found = through_json(spec)
    shape = {size["name"]: int(size["value"]) for size in found["sizes"]}
    values = {**values_of(spec.config), **shape}
    worth = {}
    for of, each in found["formulas"].items():
        assert holds(found, of, values), of
        worth[of] = value_of(each["poly"], values)
    held = memory(spec.model, dtype="bf16-mixed-18")
    cost = spec.cost({name: n for name, n in shape.items() if name in spec.run_time_sizes()})
    assert worth["flops"] == cost.forward.evaluate(values)
    bytes_of = found["precisions"]["bf16-mixed-18"]
    one = int(bytes_of["parameter"])
    assert one * worth["kv"] == held.kv_per_token.value.evaluate(values)
    assert one * worth["cache"] == held.kept.total("cache").value.evaluate(values)
    kinds = ("parameters", "gradients", "float32 copy", "optimizer state")
    assert one * worth["params"] + int(bytes_of["trained"]) * worth["trainable"] == sum(
        addend.bytes.value.evaluate({}) for addend in held.training if addend.name in kinds
    )


def test_quantities_and_precisions_are_all_there() -> None:
    found = facts(spec_of("zoo/gpt2"), {})
    assert found["formulas"].keys() == QUANTITIES.keys()
    assert found["precisions"].keys() == PRECISIONS.keys()


def test_what_has_no_forward_says_why_its_work_is_not_known(tmp_path: Path) -> None:
    text = "getspec: 1\nmodel: Net\nconfig: {dim: 4}\ncomponents: {fc: {type: linear, in_features: dim, out_features: dim}}\n"
    spec = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        formula(spec.model, ".", "flops")
    found = facts(spec, {})
    assert found["formulas"]["flops"] == {"missing": caught.value.message}
    assert '<h2 id="cost-title">' not in page(spec)


def test_numbers_beyond_the_floats_stay_whole(tmp_path: Path) -> None:
    table = "components: {p: {type: parameter, shape: [dim], init: zeros}}"
    text = f"getspec: 1\nmodel: Net\nconfig: {{dim: 9007199254740993}}\n{table}\n"
    found = through_json(written(tmp_path, text))
    assert found["total"] == found["rows"][0]["params"] == "9007199254740993"
    assert found["config"] == [{"name": "dim", "value": {"int": "9007199254740993"}}]


# ------------------------------------------------------------------------------------------ the page


class Page(HTMLParser):
    """The elements of a page, each closed where it must be, and the text in its scripts."""

    VOID = ("meta", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} stands twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.inside:
            self.inside[self.open[-1]].append(data)

    def with_(self, name: str) -> list[str | None]:
        return [attrs[name] for _, attrs in self.elements if name in attrs]


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_every_page_is_small_and_well_formed(path: Path) -> None:
    spec = load(path)
    text = page(spec)
    assert text.startswith(MARK)
    assert text.isascii(), "it can be printed on any terminal"
    assert len(text.encode()) < LIMIT == 150 * 1024
    made = Page(text)
    ids = made.with_("id")
    assert len(ids) == len(set(ids)), "an id is given once"
    assert {f"#{each}" for each in ids} >= set(made.with_("href")), "links lead somewhere"
    assert set(made.with_("for")) <= set(ids)
    assert made.with_("data-path") == [row.path for row in spec.count().rows]
    assert {"params", "trainable", "flops", "kv", "cache", "memory"} <= set(made.with_("data-of"))
    assert {"reproduce", "theme", "data", "copy"} <= set(ids)
    assert json.loads(made.inside["script"][0]) == through_json(spec)


def test_each_number_has_a_field_and_a_slider() -> None:
    spec = spec_of("zoo/ddpm-unet")
    fields = [attrs for tag, attrs in Page(page(spec)).elements if tag == "input"]
    for kind in ("range", "number"):
        of_kind = [attrs for attrs in fields if attrs["type"] == kind]
        numbers = [n for n, v in values_of(spec.config).items() if not isinstance(v, bool | str)]
        assert [a["data-set"] for a in of_kind if "data-set" in a] == numbers
        assert [a["data-shape"] for a in of_kind if "data-shape" in a] == ["B", "H", "W"]


def test_the_largest_two_on_one_page_are_small_too() -> None:
    text = page(spec_of("zoo/enformer"), spec_of("zoo/ddpm-unet"))
    assert len(text.encode()) < LIMIT
    assert "DDPMUNet" in text


def test_two_specs_are_compared() -> None:
    text = page(spec_of("pretrain"), spec_of("diffusion"))
    assert "+43,282,944" in text
    assert "GETRegionDiffusion as areas" in text
    assert Page(text).elements


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else() -> None:
    text = page(spec_of("pretrain"), spec_of("diffusion"))
    made = Page(text)
    policy = next(a["content"] for _, a in made.elements if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for part in (made.inside["script"][1], made.inside["style"][0]):
        digest = b64encode(sha256(part.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(made.inside["script"]) == 2
    attributes = {name for _, attrs in made.elements for name in attrs}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {
        "style",
        "src",
    }
    script = made.inside["script"][1]
    assert not re.search(
        r"\beval\b|Function\(|innerHTML|outerHTML|document\.write|fetch|XMLHttp", script
    )


HOSTILE = """\
getspec: 1
model: Hostile
summary: WORDS
sources: [WORDS]
config: {kind: WORDS, dim: 4}
sizes: {B: WORDS}
inputs: {x: {type: "float[B, dim]", doc: WORDS}}
components:
  fc: {type: linear, in_features: dim, out_features: dim, doc: WORDS}
forward: |
  return fc(x)
"""


@pytest.mark.parametrize("name", PRINTABLE)
def test_text_of_a_spec_makes_no_element(name: str, tmp_path: Path) -> None:
    """Compared with a twin of ordinary words; comments of code may be of more lines."""
    pages = []
    for words in (PRINTABLE[name], PLAIN):
        spec = written(tmp_path, HOSTILE.replace("WORDS", json.dumps(words)))
        pages.append(Page(page(spec)))
    hostile, twin = (
        [(tag, set(attrs)) for tag, attrs in each.elements if attrs.get("class") != "c"]
        for each in pages
    )
    assert hostile == twin
    assert WORD in "".join(json.loads(pages[0].inside["script"][0])["summary"])
    assert pages[0].inside["script"][1] == pages[1].inside["script"][1], "no word is in the code"


def test_the_bytes_do_not_follow_the_hash_seed() -> None:
    words = ["specs/pretrain.yaml", "specs/diffusion.yaml", "--output", "-"]
    pages = {
        subprocess.run(
            [sys.executable, "-m", "getspec", "report", *words],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(pages) == 1
    assert pages.pop().startswith(MARK.encode())


# --------------------------------------------------------------------------------------- the command

NET = "getspec: 1\nmodel: Net\nconfig: {dim: 4}\ncomponents: {fc: {type: linear, in_features: dim, out_features: dim}}\n"


def test_only_a_report_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, net=NET)
    target = tmp_path / "net.html"
    assert main(["report", "net.yaml"]) == 0, "the page is named after the spec"
    assert main(["report", "net.yaml"]) == 0
    assert capsys.readouterr().err == "wrote net.html\nnet.html is current\n"
    assert main(["report", "net.yaml", "--set", "dim=5", "-o", "net.html"]) == 0
    assert '"total":"30"' in target.read_text()
    target.write_text("<p>mine</p>")
    assert main(["report", "net.yaml"]) == 2
    assert "GS601" in capsys.readouterr().err
    assert target.read_text() == "<p>mine</p>"
    assert main(["report", "net.yaml", "--force"]) == 0
    assert target.read_text().startswith(MARK)


def test_json_is_what_the_page_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "report",
        str(ROOT / "specs/zoo/gpt2.yaml"),
        "--shape",
        "B=3,N=7",
        "--set",
        "num_layers=2",
    ]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [size["value"] for size in found["sizes"]] == ["3", "7"]
    assert found["set"] == {"num_layers": "2"}
    assert main([*words, "--output", "-"]) == 0
    assert json.loads(Page(capsys.readouterr().out).inside["script"][0]) == found
    assert list(tmp_path.iterdir()) == []


def test_more_than_two_specs_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(MODELS[0])
    assert main(["report", spec, spec, spec]) == 2
    assert "a report is about one spec" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------- its pieces


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_areas_are_in_proportion_and_fill_the_box(sizes: list[int]) -> None:
    sizes = sorted(sizes, reverse=True)
    boxes = squarified(sizes, Box(3, 5, 960, 420))
    assert len(boxes) == len(sizes)
    for size, box in zip(sizes, boxes, strict=True):
        assert math.isclose(box.area, 960 * 420 * size / sum(sizes), rel_tol=1e-6)
        assert 3 - 1e-6 <= box.x <= box.x + box.width <= 963 + 1e-6
        assert 5 - 1e-6 <= box.y <= box.y + box.height <= 425 + 1e-6


@pytest.mark.parametrize("name", ["diffusion", "zoo/mamba-130m"])
def test_highlighted_code_is_the_code(name: str) -> None:
    code = spec_of(name).generate().rstrip("\n")
    assert python(code).striptags().split() == code.split()
    assert python(code).unescape() != code
    assert re.sub(r"</?span[^>]*>", "", python("x = 'a<b'  # c")) == "x = &#39;a&lt;b&#39;  # c"


def test_a_second_spec_is_played_with_too() -> None:
    spec, other = spec_of("pretrain"), spec_of("diffusion")
    found = facts(spec, {"R": 7}, other)
    alone = facts(other, {"R": 7})
    assert found["other"] == {name: alone[name] for name in found["other"]}
    assert {"formulas", "conditions", "config", "sizes"} <= found["other"].keys()
    assert facts(spec, {})["other"] is None


def test_only_numbers_can_be_played_with(tmp_path: Path) -> None:
    """Of the second spec, too: what is a word or a choice there has no slider."""
    layer = "components: {{fc: {{type: linear, in_features: dim, out_features: dim}}}}"
    text = f"getspec: 1\nmodel: {{}}\nconfig: {{{{dim: 4{{}}}}}}\n{layer}\n"
    (tmp_path / "a").mkdir()
    first = written(tmp_path / "a", text.format("One", ""))
    second = written(
        tmp_path, text.format("Two", ", kind: tanh, wide: true, rate: 0.5, widths: [2, 3]")
    )
    fields = re.findall(
        r'<input type="number" id="([^"]*)" data-set="([^"]*)"', page(first, second)
    )
    assert [name for _, name in fields] == ["dim", "rate", "widths[0]", "widths[1]"]
    assert len({id for id, _ in fields}) == len(fields)
