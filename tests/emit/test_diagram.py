"""Diagrams: every component is there once, repeats are folded, and text of a spec stays text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from committed import MODELS, NAMES, SPECS
from writing import load

import getspec
from getspec.cli import main
from getspec.emit.diagram import MAX_EDGES, graph, mermaid, svg

PAIR = """\
getspec: 1
model: Pair
config: {dim: 4, depth: 3}
inputs: {x: "float[B, N, dim]", y: "float[B, N, dim]"}
components:
  token: {type: parameter, shape: [1, 1, dim], init: zeros}
  blocks: {type: Part, repeat: depth, dim: dim}
  head: {type: linear, in_features: dim, out_features: 2}
forward: |
  x = cat([expand(token, [B, 1, dim]), x], dim=1)
  for block in blocks:
    x = x + block(x)
  return head(x[:, 1:] * y)
blocks:
  Part:
    params: {dim: int}
    inputs: {x: "float[B, M, dim]"}
    components:
      norm: {type: layer_norm, dim: dim}
      mlp: {type: sequential, layers: [{type: linear, in_features: dim, out_features: dim}, {type: silu}]}
    forward: |
      return mlp(norm(x))
"""


def drawn(folder: Path, text: str, depth: int | None = None) -> str:
    return mermaid(graph(load(folder, text).model, depth))


def arrows(text: str) -> list[tuple[str, str, str]]:
    """Edges by the labels of their ends."""
    labels = dict(re.findall(r'^ *(n\d+)[\[(/]+"(.*)"[\])/]+$', text, re.MULTILINE))
    found = re.findall(r'^ *(n\d+) -->(?:\|"(.*)"\|)? (n\d+)$', text, re.MULTILINE)
    return [(labels[start], shape, labels[end]) for start, shape, end in found]


def test_edges_carry_the_shapes_of_the_outermost_caller(tmp_path: Path) -> None:
    text = drawn(tmp_path, PAIR)
    assert arrows(text) == [
        ("token", "(B, 1, 4)", "concat"),
        ("x", "(B, N, 4)", "concat"),
        ("concat", "(B, N + 1, 4)", "norm: layer_norm"),
        ("norm: layer_norm", "(B, N + 1, 4)", "mlp: linear, silu"),
        ("concat", "(B, N + 1, 4)", "+"),
        ("mlp: linear, silu", "(B, N + 1, 4)", "+"),
        ("+", "(B, N, 4)", "*"),
        ("y", "(B, N, 4)", "*"),
        ("*", "(B, N, 4)", "head: linear"),
        ("head: linear", "(B, N, 2)", "output"),
    ]


def test_the_document_says_what_the_drawing_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pair.yaml").write_text(PAIR)
    assert main(["diagram", str(tmp_path / "pair.yaml"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    labels = [node["label"] for node in found["nodes"]]
    edges = [(labels[e["from"]], e["shape"], labels[e["to"]]) for e in found["edges"]]
    assert edges == arrows(drawn(tmp_path, PAIR))
    outer, within = found["frames"]
    assert (outer["label"], outer["frame"]) == ("repeated x3", None)
    assert (within["path"], within["frame"]) == ("blocks.0-2", 0)
    inside = [node["label"] for node in found["nodes"] if node["frame"] == 1]
    assert "norm: layer_norm" in inside
    assert "head: linear" not in inside
    assert (found["schema_version"], found["model"], found["note"]) == (1, "Pair", None)


def test_a_repeat_is_drawn_once_however_long_it_is(tmp_path: Path) -> None:
    short, long = (drawn(tmp_path, PAIR.replace("depth: 3", f"depth: {n}")) for n in (3, 500))
    assert 'subgraph g0["repeated x3"]' in short
    assert short.replace("x3", "x500") == long


def test_depth_opens_components(tmp_path: Path) -> None:
    assert "blocks: Part" in drawn(tmp_path, PAIR, 1)
    assert "mlp" not in drawn(tmp_path, PAIR, 1)
    assert "mlp: linear, silu" in drawn(tmp_path, PAIR, 2)


def test_lists_lead_to_what_takes_their_items(tmp_path: Path) -> None:
    text = PAIR.partition("forward")[0].replace("  head:", "  last: {type: silu}\n  head:")
    text += (
        "forward: |\n  kept = []\n  for block in blocks:\n    x = block(x)\n    kept.append(x)\n"
        "  return head(last(kept[0]) + kept[2] + y)\n" + "blocks:" + PAIR.partition("\nblocks:")[2]
    )
    found = arrows(
        drawn(
            tmp_path,
            text.replace("  token: {type: parameter, shape: [1, 1, dim], init: zeros}\n", ""),
            1,
        )
    )
    assert ("blocks: Part x3", "(B, N, 4)", "last: silu") in found
    assert ("blocks: Part x3", "(B, N, 4)", "+") in found


@pytest.mark.parametrize("path", MODELS, ids=NAMES)
def test_every_committed_model_fits_where_it_is_shown(path: Path) -> None:
    model = getspec.load(path).model
    made = graph(model)
    text = mermaid(made)
    assert len(made.edges) <= MAX_EDGES
    assert len(text) < 50_000
    assert not re.search(r"<[a-z/]", text), "no HTML"
    ids = set(re.findall(r"^ *(n\d+)[\[(]", text, re.MULTILINE))
    ends = {
        end for a, b in re.findall(r"(n\d+) -->.* ?(n\d+)$", text, re.MULTILINE) for end in (a, b)
    }
    assert ends <= ids
    assert text.count("subgraph ") == len(re.findall(r"^ *end$", text, re.MULTILINE))
    ElementTree.fromstring(svg(made))


def test_a_diagram_that_is_too_large_says_what_is_left_out(tmp_path: Path) -> None:
    lines = ["getspec: 1", "model: Wide", 'inputs: {x: "float[B, 4]"}', "components:"]
    lines += [f"  a{n}: {{type: linear, in_features: 4, out_features: 4}}" for n in range(250)]
    lines += ["forward: |"] + [f"  x = x + a{n}(x)" for n in range(250)] + ["  return x"]
    made = graph(load(tmp_path, "\n".join(lines) + "\n").model)
    assert len(made.edges) == MAX_EDGES
    assert made.note.startswith("cut after 400 edges; ")
    assert made.note in mermaid(made)
    assert made.note in svg(made)


def test_what_is_cut_leaves_no_lone_nodes_and_fits_by_its_characters_too(tmp_path: Path) -> None:
    names = [f"{'layer_' * 9}{n}" for n in range(390)]
    size = f"{'N' * 40}"
    lines = ["getspec: 1", "model: Long", f'inputs: {{x: "float[B, {size}, 4]"}}', "components:"]
    lines += [f"  {name}: {{type: linear, in_features: 4, out_features: 4}}" for name in names]
    lines += ["forward: |"] + [f"  x = {name}(x)" for name in names] + ["  return x"]
    made = graph(load(tmp_path, "\n".join(lines) + "\n").model)
    assert len(mermaid(made)) < 50_000
    assert 0 < len(made.edges) < 390
    assert {end for a, b, _ in made.edges for end in (a, b)} == set(range(len(made.nodes)))
    assert (
        made.note
        == f"cut after {len(made.edges)} edges; {391 - len(made.edges)} more are not drawn"
    )


def test_a_drawing_says_how_often_a_part_repeats() -> None:
    assert ">transformer.h x12<" in svg(graph(getspec.load(SPECS / "zoo" / "gpt2.yaml").model))


def test_shapes_do_not_stand_on_each_other() -> None:
    for path in MODELS:
        text = svg(graph(getspec.load(path).model))
        found = re.findall(r'<text class="s" x="(\d+)" y="(\d+)">(\([^<]*)<', text)
        places = [(int(x), int(x) + 6 * len(label), int(y)) for x, y, label in found]
        for at, (left, right, y) in enumerate(places):
            assert not any(
                left < b - 1 and right > a + 1 and abs(y - other) < 9 for a, b, other in places[:at]
            ), (path.name, found[at])


def test_text_of_a_spec_is_no_markup(tmp_path: Path) -> None:
    made = graph(load(tmp_path, PAIR).model)
    made.node('a "b" <script>`#`', "component", -1)
    assert "a #quot;b#quot; #lt;script#gt;#96;#35;#96;" in mermaid(made)
    text = svg(made)
    assert "<script" not in text
    root = ElementTree.fromstring(text)
    assert any(t.text == 'a "b" <script>`#`' for t in root.iter("{http://www.w3.org/2000/svg}text"))
    assert not re.search(r"(href|src|url\()", text), "it needs nothing else"
