"""The count is the sum of what the state dict lists, folded or written out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writing import BASE, load

from getspec.api import Spec
from getspec.passes.count import locate, parts_of, tensors

TIED = """\
getspec: 1
model: Tied
config: {vocab: 11, dim: 8, depth: 3}
inputs: {ids: "int[B, N]"}
components:
  embed: {type: embedding, num_embeddings: vocab, embedding_dim: dim}
  scale: {type: parameter, shape: [dim], init: ones, trainable: false}
  table: {type: buffer, value: "linspace(0, 1, dim)"}
  blocks: {type: Inner, dim: dim, repeat: depth, trainable: false}
  head: {type: linear, in_features: dim, out_features: vocab, bias: false}
tie: {head.weight: embed.weight}
forward: |
  x = embed(ids) * scale + cast(table, float)
  for block in blocks:
    x = block(x)
  return head(x)
blocks:
  Inner:
    params: {dim: int}
    inputs: {x: "float[B, N, dim]"}
    components:
      fc1: {type: linear, in_features: dim, out_features: dim}
      fc2: {type: linear, in_features: dim, out_features: dim}
    tie: {fc2.weight: fc1.weight}
    forward: |
      return fc2(fc1(x))
"""


@pytest.fixture
def tied(tmp_path: Path) -> Spec:
    return load(tmp_path, TIED)


def test_every_number_by_hand(tied: Spec) -> None:
    found = tied.count()
    assert found.trainable == 11 * 8, "the head is the embedding"
    assert found.frozen == 8 + 3 * (64 + 8 + 8), "frozen by itself, and with what is around it"
    assert found.total == found.trainable + found.frozen
    assert found.buffers == 8
    pairs = [("head.weight", "embed.weight")]
    pairs += [(f"blocks.{i}.fc2.weight", f"blocks.{i}.fc1.weight") for i in range(3)]
    assert sorted(found.tied) == sorted(pairs)


def test_rows_include_children_and_repeats(tied: Spec) -> None:
    rows = {row.path: row for row in tied.count().rows}
    assert rows["blocks.*"].repeat == 3
    assert rows["blocks.*"].params == 240
    assert rows["blocks.*.fc2"].params == 3 * 8, "its weight counts at the first name"
    assert rows["head"].params == 0
    assert rows["scale"].params == 8


def test_names_are_those_of_the_state_dict(tied: Spec) -> None:
    names = [each.name for each in tensors(tied.model.root)]
    assert names[:4] == ["scale", "table", "embed.weight", "blocks.0.fc1.weight"]
    assert names[-1] == "head.weight"
    assert len(names) == len(set(names)) == 3 + 3 * 4 + 1
    trainable = {each.name for each in tensors(tied.model.root) if each.trainable}
    assert trainable == {"embed.weight", "head.weight"}


def test_json_has_integers(tied: Spec) -> None:
    found = tied.count().as_json(expanded=True)
    assert found["schema_version"] == 1
    assert [type(found[key]) for key in ("total", "trainable", "frozen", "buffers")] == [int] * 4
    listed = {each["name"]: each["count"] for each in found["parameters"]}
    unique = sum(listed.values()) - sum(listed[name] for name, _ in tied.count().tied)
    assert unique == found["total"], "the list and the total are one claim"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(1, 9), st.integers(0, 6), st.booleans(), st.integers(1, 9))
def test_n_repeats_count_n_times_one(
    tmp_path: Path, dim: int, depth: int, flag: bool, width: int
) -> None:
    given = {"dim": dim, "depth": depth, "flag": flag, "widths": [1, width]}
    found = load(tmp_path, BASE, given).count()
    assert found.total == depth * (dim * dim + dim * flag) + dim * width + width
    assert sum(each.count for each in tensors(found.root)) == found.total


@pytest.mark.parametrize(
    ("path", "params", "repeat"),
    [
        (".", 336, 1),
        ("blocks", 240, 1),
        ("blocks.*", 80, 3),
        ("blocks.1", 80, 1),
        ("blocks.1.fc2", 8, 1),
        ("blocks.*.fc1.weight", 64, 3),
        ("head", 0, 1),
        ("head.weight", 0, 1),
        ("scale", 8, 1),
    ],
)
def test_places(tied: Spec, path: str, params: int, repeat: int) -> None:
    found = locate(tied.model.root, path)
    assert found is not None
    assert (found.params, found.repeat) == (params, repeat)


@pytest.mark.parametrize(
    "path", ["x", "blocks.3", "blocks.-1", "head.weight.x", "blocks.*.fc3", "embed.", "..", "*"]
)
def test_places_that_do_not_exist(tied: Spec, path: str) -> None:
    assert locate(tied.model.root, path) is None


def rows(spec: Spec) -> list[tuple[str, str, int, int, int]]:
    """The rows as tuples: path, type, copies, parameters of all copies, depth."""
    return [(r.path, r.type, r.repeat, r.params, r.depth) for r in spec.count().rows]


def test_rows_one_by_one(tied: Spec) -> None:
    assert rows(tied) == [
        ("scale", "parameter", 1, 8, 0),
        ("embed", "embedding", 1, 88, 0),
        ("blocks.*", "Inner", 3, 240, 0),
        ("blocks.*.fc1", "linear", 3, 216, 1),
        ("blocks.*.fc2", "linear", 3, 24, 1),
        ("head", "linear", 1, 0, 0),
    ]


PARTED = """\
getspec: 1
model: Parted
config: {dim: 4}
inputs: {x: "float[B, dim]"}
components:
  layers:
    repeat: 5
    index: i
    type: Part
    dim: dim
    wide: i > 2
forward: |
  for layer in layers:
    x = layer(x)
  return x
blocks:
  Part:
    params: {dim: int, wide: bool}
    inputs: {x: "float[B, dim]"}
    components:
      gain: {type: parameter, shape: [dim], init: ones}
      series:
        type: sequential
        layers:
          - {type: linear, in_features: dim, out_features: dim, bias: wide}
          - {type: gelu}
    forward: |
      return series(x * gain)
"""


def test_rows_of_a_list_whose_items_differ(tmp_path: Path) -> None:
    """Runs of equal copies have a row each, and what is in a list is one level below it, not two."""
    assert rows(load(tmp_path, PARTED)) == [
        ("layers.0-2", "Part", 3, 60, 0),
        ("layers.0-2.gain", "parameter", 3, 12, 1),
        ("layers.0-2.series", "sequential", 3, 48, 1),
        ("layers.0-2.series.0", "linear", 3, 48, 2),
        ("layers.0-2.series.1", "gelu", 3, 0, 2),
        ("layers.3-4", "Part", 2, 48, 0),
        ("layers.3-4.gain", "parameter", 2, 8, 1),
        ("layers.3-4.series", "sequential", 2, 40, 1),
        ("layers.3-4.series.0", "linear", 2, 40, 2),
        ("layers.3-4.series.1", "gelu", 2, 0, 2),
    ]


def test_the_whole_document(tied: Spec) -> None:
    found = tied.count()
    document = found.as_json()
    assert document == {
        "schema_version": 1,
        "model": "Tied",
        "spec": "spec.yaml",
        "total": 336,
        "trainable": 88,
        "frozen": 248,
        "buffers": 8,
        "tied": [
            ["head.weight", "embed.weight"],
            *([f"blocks.{i}.fc2.weight", f"blocks.{i}.fc1.weight"] for i in range(3)),
        ],
        "modules": [
            {"path": row.path, "type": row.type, "repeat": row.repeat, "params": row.params}
            for row in found.rows
        ],
    }
    expanded = found.as_json(expanded=True)
    assert expanded["parameters"][0] == {
        "name": "scale",
        "shape": [8],
        "count": 8,
        "trainable": False,
    }
    assert expanded["parameters"][-1] == {
        "name": "head.weight",
        "shape": [11, 8],
        "count": 88,
        "trainable": True,
    }
    assert expanded["buffer_tensors"] == [
        {"name": "table", "shape": [8], "count": 8, "dtype": "float32", "persistent": True}
    ]
    assert set(expanded) - set(document) == {"parameters", "buffer_tensors"}


def test_a_tied_tensor_is_as_trainable_as_its_twin(tmp_path: Path) -> None:
    text = TIED.replace("embedding_dim: dim}", "embedding_dim: dim, trainable: false}")
    found = load(tmp_path, text).count()
    assert {each.name for each in found.parameters() if each.trainable} == set()
    assert (found.trainable, found.frozen) == (0, 336)


@pytest.mark.parametrize(
    ("path", "trainable"),
    [(".", 88), ("", 88), ("embed", 88), ("embed.weight", 88), ("scale", 0), ("blocks", 0),
     ("blocks.*", 0), ("blocks.0.fc1.bias", 0), ("head.weight", 0)],
)  # fmt: skip
def test_how_much_of_a_place_is_trained(tied: Spec, path: str, trainable: int) -> None:
    found = locate(tied.model.root, path)
    assert found is not None
    assert found.trainable == trainable


def test_copies_that_differ_are_no_one_place(tmp_path: Path) -> None:
    root = load(tmp_path, PARTED).model.root
    assert locate(root, "layers.*") is None
    first, last = locate(root, "layers.0"), locate(root, "layers.4")
    assert first is not None
    assert last is not None
    assert (first.params, last.params) == (20, 24)
    assert locate(root, "layers.5") is None


@pytest.mark.parametrize(
    ("path", "reached", "names"),
    [
        ("x", [], ["scale", "table", "embed", "blocks", "head"]),
        ("blocks.9", ["blocks"], ["*"]),
        ("blocks.*.fc3", ["blocks", "*"], ["fc1", "fc2"]),
        ("blocks.1.fc3.weight", ["blocks", "1"], ["fc1", "fc2"]),
        ("head.bias", ["head"], ["weight"]),
        ("blocks.*.fc1", ["blocks", "*"], ["fc1", "fc2"]),
    ],
)
def test_how_far_a_path_leads(tied: Spec, path: str, reached: list[str], names: list[str]) -> None:
    assert parts_of(tied.model.root, path) == (reached, names)
