"""Every difference is explained, and the deltas of the parts are the delta of the whole."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import RandomSpec, overridden, specs
from writing import BASE, load

import getspec
from getspec.errors import SpecError
from getspec.passes.changes import CLASSES, Change, Difference
from getspec.passes.count import tensors
from getspec.rename import renamed

CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "dim": st.integers(1, 6),
        "depth": st.integers(0, 4),
        "rate": st.sampled_from([0.0, 0.1, 0.5]),
        "flag": st.booleans(),
        "kind": st.sampled_from(["none", "tanh"]),
        "widths": st.lists(st.integers(1, 6), min_size=2, max_size=2),
    },
)


def compare(folder: Path, a: dict[str, Any], b: dict[str, Any]) -> Difference:
    return getspec.diff(load(folder, BASE, a or {"dim": 8}), load(folder, BASE, b or {"dim": 8}))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(CONFIGS, CONFIGS)
def test_the_parts_add_up(tmp_path: Path, a: dict[str, Any], b: dict[str, Any]) -> None:
    there, back = compare(tmp_path, a, b), compare(tmp_path, b, a)
    assert (
        sum(change.delta for change in there.changes)
        == there.delta
        == there.total_b - there.total_a
    )
    assert back.delta == -there.delta, "seen from the other side"
    assert {c.path for c in there.changes} == {c.path for c in back.changes}
    assert there.identical is (not there.changes)


@given(CONFIGS)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_model_equals_itself(tmp_path: Path, a: dict[str, Any]) -> None:
    assert compare(tmp_path, a, a).identical


CHANGES = {
    "depth: 2": ("depth: 5", [("layers.2-4", "added", 3 * 72)]),
    "flag: true": ("flag: false", [("layers.*", "changed", -16)]),
    "kind: tanh": ("kind: none", [("act", "changed", 0)]),
    "rate: 0.1": ("rate: 0.2", [("drop", "changed", 0)]),
    "[4, 8]": ("[4, 9]", [("outputs", "changed", 0), ("head", "changed", 9)]),
    "type: gelu, approximate: kind": ("type: silu, doc: no", [("act", "changed", 0)]),
    "return head(x)": ("return head(x) * 2", [("forward", "changed", 0)]),
}


@pytest.mark.parametrize("old", CHANGES)
def test_one_change_is_one_line(tmp_path: Path, old: str) -> None:
    new, expected = CHANGES[old]
    head = BASE.partition("expect:")[0]
    found = getspec.diff(load(tmp_path, head), load(tmp_path, head.replace(old, new)))
    assert [(c.path, c.kind, c.delta) for c in found.changes] == expected


def test_a_change_says_in_words_what_it_is(tmp_path: Path) -> None:
    (change,) = compare(tmp_path, {}, {"flag": False}).changes
    assert change.words.endswith("bias true -> false")
    assert (change.repeat, change.params_a, change.params_b) == (2, 144, 128)


def test_frozen_and_tied_are_differences(tmp_path: Path) -> None:
    head = BASE.partition("expect:")[0]
    frozen = head.replace(
        'out_features: "widths[1]"', 'out_features: "widths[1]", trainable: false'
    )
    found = getspec.diff(load(tmp_path, head), load(tmp_path, frozen))
    assert [change.path for change in found.changes] == ["head"]
    assert found.delta == 0, "frozen parameters are parameters"
    tied = head + "tie: {head.weight: extra}\n"
    tied = tied.replace(
        "  head:", "  extra: {type: parameter, shape: [8, dim], init: zeros, doc: x}\n  head:"
    )
    found = getspec.diff(load(tmp_path, head), load(tmp_path, tied))
    assert sum(change.delta for change in found.changes) == found.delta == 0


def test_json_is_the_contract(tmp_path: Path) -> None:
    found = compare(tmp_path, {}, {"depth": 3}).as_json()
    assert list(found) == ["schema_version", "a", "b", "delta", "percent", "identical", "changes"]
    assert found["delta"] == 72
    assert found["percent"] == round(100 * 72 / 216, 4)
    assert found["changes"][0]["kind"] == "added"


def test_what_changes_no_parameter_is_told_by_itself(tmp_path: Path) -> None:
    from getspec.emit.difference import difference_tree

    head = "getspec: 1\nmodel: Net\nconfig: {dim: 4}\ninputs: {x: 'float[B, dim]'}\nforward: |\n"
    found = getspec.diff(
        load(tmp_path, f"{head}  return x\n"), load(tmp_path, f"{head}  return x + x\n")
    )
    assert (found.delta, found.identical) == (0, False)
    assert "\n\nwithout parameters:\n  GRAPH  forward" in difference_tree(found)


# Classes

NET = """\
getspec: 1
model: Net
config: {dim: 8, heads: 2, slope: 0.1}
inputs: {x: "float[B, N, dim]"}
components:
  start: {type: parameter, shape: [dim], init: zeros}
  steps: {type: buffer, value: "slope * arange(dim, dtype=float32)"}
  norm: {type: layer_norm, dim: dim, eps: 1e-5}
  fc1: {type: linear, in_features: dim, out_features: 2 * dim}
  act: {type: gelu}
  fc2: {type: linear, in_features: 2 * dim, out_features: dim}
  mix: {type: Mix, dim: dim, heads: heads}
forward: |
  h = norm(x + start) * cast(steps, float)
  h = fc2(act(fc1(h)))
  return x + mix(h)
blocks:
  Mix:
    params: {dim: int, heads: int}
    inputs: {y: "float[B, N, dim]"}
    components:
      qkv: {type: linear, in_features: dim, out_features: 3 * dim}
    forward: |
      q, k, v = unbind(rearrange(qkv(y), "b n (s h d) -> s b h n d", s=3, h=heads), 0)
      return rearrange(double(sdpa(q, k, v)), "b h n d -> b n (h d)")
functions:
  double:
    inputs: {x: "float[B, H, N, D]"}
    forward: |
      return x * 2
"""

Edit = tuple[str, str]


def against(folder: Path, *edits: Edit, text: str = NET) -> Difference:
    """A spec against itself with some text replaced."""
    changed = text
    for old, new in edits:
        assert old in changed
        changed = changed.replace(old, new)
    return getspec.diff(load(folder, text), load(folder, changed))


CLASSED: dict[str, tuple[str, str, list[Edit]]] = {
    "an input": (
        "INTERFACE",
        "inputs.m",
        [('inputs: {x: "float[B, N', 'inputs: {m: "float[B, dim]", x: "float[B, N')],
    ),
    "an output": ("INTERFACE", "outputs", [("return x + mix(h)", "return mean(x + mix(h), 1)")]),
    "a shape": (
        "STATE",
        "fc1",
        [("out_features: 2 * dim}", "out_features: 2 * dim, bias: false}")],
    ),
    "heads": ("SIZE", "mix.forward", [("heads: 2", "heads: 4")]),
    "frozen": (
        "SIZE",
        "fc1",
        [("out_features: 2 * dim}", "out_features: 2 * dim, trainable: false}")],
    ),
    "an epsilon": ("GRAPH", "norm", [("1e-5", "1e-6")]),
    "an activation": ("GRAPH", "act", [("gelu", "silu")]),
    "a connection": ("GRAPH", "forward", [("return x + mix(h)", "return h + mix(h)")]),
    "the value of a buffer": ("GRAPH", "steps", [("slope: 0.1", "slope: 0.2")]),
    "a function": ("GRAPH", "mix.forward", [("return x * 2", "return x * 3")]),
    "how a tensor starts": ("SOURCE", "start", [("init: zeros", "init: ones")]),
    "the name of a block": ("SOURCE", "mix", [("Mix", "Mixer")]),
}


@pytest.mark.parametrize("name", CLASSED)
def test_every_change_has_the_class_of_what_it_breaks(name: str, tmp_path: Path) -> None:
    category, path, edits = CLASSED[name]
    found = against(tmp_path, *edits)
    strictest = min(found.changes, key=lambda change: CLASSES.index(change.category))
    assert (strictest.category, strictest.path) == (category, path)
    assert found.of_class(category)
    stricter = CLASSES[: CLASSES.index(category)]
    assert not any(found.of_class(each) for each in stricter)


def test_a_tie_is_state_and_a_rate_that_varies_is_seen(tmp_path: Path) -> None:
    text = STACK.replace("return fc(x)", "return dropout(fc(x), rate)")
    text = text.replace("params: {dim: int}", "params: {dim: int, rate: float}")
    text = text.replace(
        "repeat: depth, dim: dim}", "repeat: depth, index: i, dim: dim, rate: top * i / depth}"
    )
    text = text.replace("depth: 3}", "depth: 3, top: 0.3}")
    found = against(tmp_path, ("top: 0.3", "top: 0.4"), text=text)
    assert [(c.path, c.words, c.category) for c in found.changes] == [
        ("blocks.*.rate", "rate: top 0.3 -> 0.4", "GRAPH")
    ]
    last = "  last: {type: linear, in_features: dim, out_features: dim}\nforward: |\n  for"
    text = STACK.replace("forward: |\n  for", last).replace(
        "return head(x)", "return last(head(x))"
    )
    found = against(
        tmp_path, ("blocks:\n  Part", "tie: {last.weight: head.weight}\nblocks:\n  Part"), text=text
    )
    assert {change.category for change in found.changes} == {"STATE"}
    assert found.delta == -16


SAME: dict[str, list[Edit]] = {
    "temporaries": [
        ("  h = norm", "  first = norm"),
        ("  h = fc2(act(fc1(h)))", "  second = fc2(act(fc1(first)))"),
        ("mix(h)", "mix(second)"),
    ],
    "inputs of a block": [("inputs: {y:", "inputs: {tokens:"), ("qkv(y)", "qkv(tokens)")],
    "run-time sizes": [("[B, N, dim]", "[Batch, Tokens, dim]")],
    "settings of a block": [
        ("params: {dim: int, heads: int}", "params: {dim: int, groups: int}"),
        ("heads: heads", "groups: heads"),
        ("h=heads", "h=groups"),
    ],
    "the order of keys": [
        ("config: {dim: 8, heads: 2, slope: 0.1}", "config: {slope: 0.1, heads: 2, dim: 8}")
    ],
}


@pytest.mark.parametrize("name", SAME)
def test_what_an_author_is_free_to_choose_is_no_difference(name: str, tmp_path: Path) -> None:
    assert against(tmp_path, *SAME[name]).changes == ()


# Renames and moves

PART = """\
blocks:
  Part:
    params: {dim: int}
    inputs: {x: "float[B, dim]"}
    components:
      fc: {type: linear, in_features: dim, out_features: dim}
    forward: |
      return fc(x)
"""
STACK = f"""\
getspec: 1
model: Net
config: {{dim: 4, depth: 3}}
inputs: {{x: "float[B, dim]"}}
components:
  blocks: {{type: Part, repeat: depth, dim: dim}}
  head: {{type: linear, in_features: dim, out_features: dim}}
forward: |
  for block in blocks:
    x = block(x)
  return head(x)
{PART}"""


def test_a_component_under_another_name_is_one_change(tmp_path: Path) -> None:
    (change,) = against(tmp_path, ("fc1", "up_proj")).changes
    assert (change.path, change.kind, change.category) == ("fc1", "changed", "STATE")
    assert (change.before, change.after, change.words) == ("fc1", "up_proj", "fc1: renamed up_proj")
    assert (change.params_a, change.params_b, change.delta) == (144, 144, 0)


def test_the_nearest_name_is_taken_among_equal_parts(tmp_path: Path) -> None:
    more = "  gate: {type: linear, in_features: dim, out_features: 2 * dim}\n  act:"
    text = NET.replace("  act:", more).replace("fc1(h)", "fc1(h) * gate(h)")
    found = against(tmp_path, ("gate", "gate_proj"), ("fc1", "fc1_proj"), text=text)
    assert {(c.before, c.after) for c in found.changes} == {
        ("fc1", "fc1_proj"),
        ("gate", "gate_proj"),
    }


def test_what_is_renamed_and_changed_is_told_inside(tmp_path: Path) -> None:
    text = NET.replace("      qkv: {", "      norm: {type: layer_norm, dim: dim}\n      qkv: {")
    text = text.replace("qkv(y)", "qkv(norm(y))")
    edits = [("mix", "mixer"), ("3 * dim}", "3 * dim, bias: false}")]
    found = against(tmp_path, *edits, text=text)
    assert [(c.path, c.words, c.delta) for c in found.changes] == [
        ("mix", "mix: renamed mixer", 0),
        ("mix.qkv", "qkv: bias true -> false", -24),
    ]
    assert found.delta == -24


def test_a_part_that_moves_is_one_change(tmp_path: Path) -> None:
    found = against(
        tmp_path,
        ("  norm: {type: layer_norm, dim: dim, eps: 1e-5}\n", ""),
        ("norm(x + start)", "(x + start)"),
        ("      qkv: {", "      norm: {type: layer_norm, dim: dim, eps: 1e-5}\n      qkv: {"),
        ("qkv(y)", "qkv(norm(y))"),
    )
    moved = [change for change in found.changes if change.renamed]
    assert [(c.before, c.after, c.words) for c in moved] == [
        ("norm", "mix.norm", "norm: moved to mix.norm")
    ]
    assert found.delta == sum(change.delta for change in found.changes) == 0
    assert found.rules() == ({"mix.norm.**": "norm.**"}, None)


def test_a_layer_put_among_numbered_ones_moves_the_rest(tmp_path: Path) -> None:
    fc = "{type: linear, in_features: dim, out_features: dim}"
    head = "getspec: 1\nmodel: Net\nconfig: {dim: 4}\ninputs: {x: 'float[B, dim]'}\ncomponents:\n"
    text = f"{head}  mlp: {{type: sequential, layers: [{fc}, {{type: gelu}}, {fc}]}}\n"
    text += "forward: |\n  return mlp(x)\n"
    found = against(
        tmp_path, ("{type: gelu}, ", "{type: gelu}, {type: dropout, p: 0.1}, "), text=text
    )
    assert {(c.words, c.category, c.delta) for c in found.changes} == {
        ("2: added, dropout", "GRAPH", 0),
        ("2: renamed 3", "STATE", 0),
    }
    assert found.rules() == ({"mlp.3.**": "mlp.2.**"}, None)


def test_rules_turn_one_state_dict_into_the_other(tmp_path: Path) -> None:
    edits = [("  blocks: {", "  layers: {"), ("in blocks", "in layers"), ("fc", "dense")]
    found = against(tmp_path, *edits, text=STACK)
    rules, reason = found.rules()
    assert reason is None
    theirs, broken = renamed([tensor.name for tensor in tensors(found.b.root)], rules)
    assert broken is None
    assert theirs["layers.2.dense.weight"] == "blocks.2.fc.weight"
    assert sorted(theirs.values()) == sorted(tensor.name for tensor in tensors(found.a.root))


def test_there_are_no_rules_where_tensors_differ(tmp_path: Path) -> None:
    longer = against(tmp_path, ("head", "out"), ("depth: 3", "depth: 4"), text=STACK)
    assert "has nothing for `blocks.3.fc.weight`" in str(longer.rules()[1])
    wider = against(tmp_path, ("dim: 4", "dim: 5"), text=STACK)
    assert "have the shapes [4, 4] and [5, 5]" in str(wider.rules()[1])


# Both ways


def seen(changes: tuple[Change, ...]) -> list[tuple[object, ...]]:
    return sorted(
        (c.kind, c.category, str(c.before), str(c.after), c.repeat, c.params_a, c.params_b)
        for c in changes
    )


def mirrored(changes: tuple[Change, ...]) -> list[tuple[object, ...]]:
    """Changes as they are seen from the other side."""
    kinds = {"added": "removed", "removed": "added", "changed": "changed"}
    return sorted(
        (kinds[c.kind], c.category, str(c.after), str(c.before), c.repeat, c.params_b, c.params_a)
        for c in changes
    )


def read(folder: str, name: str, spec: RandomSpec) -> getspec.Spec:
    path = Path(folder) / f"{name}.yaml"
    path.write_text(spec.text, encoding="utf-8")
    return getspec.load(path)


@settings(max_examples=60)
@given(specs(), specs())
def test_random_pairs_add_up_and_mirror_each_other(a: RandomSpec, b: RandomSpec) -> None:
    with TemporaryDirectory() as folder:
        one, other = read(folder, "a", a), read(folder, "b", b)
    there, back = getspec.diff(one, other), getspec.diff(other, one)
    assert sum(change.delta for change in there.changes) == there.delta
    assert there.delta == other.count().total - one.count().total
    assert mirrored(there.changes) == seen(back.changes)


@settings(max_examples=30)
@given(specs())
def test_a_random_spec_that_is_read_twice_is_one(spec: RandomSpec) -> None:
    with TemporaryDirectory() as folder:
        one, other = read(folder, "a", spec), read(folder, "b", spec)
    assert getspec.diff(one, other).changes == ()


def without_defaults(text: str) -> list[str]:
    """Code without its header and the defaults of its config."""
    lines = text.partition("import torch")[2].splitlines()
    kept = [line for line in lines if not line.startswith("# @generated")]
    signature = re.compile(r"    def __init__\(self, \*|        self, \*|        \w+: ")
    default = re.compile(r" = (\([^)]*\)|[^,()]+)(?=[,)]|$)")
    return [default.sub("", line) if signature.match(line) else line for line in kept]


@settings(max_examples=40)
@given(overridden())
def test_settings_that_change_the_code_are_seen(case: tuple[RandomSpec, dict[str, Any]]) -> None:
    spec, values = case
    with TemporaryDirectory() as folder:
        one = read(folder, "a", spec)
        try:
            other = getspec.load(Path(folder) / "a.yaml", set=values)
        except SpecError:
            return
    if not getspec.diff(one, other).changes:
        assert without_defaults(one.generate()) == without_defaults(other.generate())


def test_a_function_in_a_value_is_the_same_in_two_files(tmp_path: Path) -> None:
    """What a buffer is worth may come from a function, which stands in some file."""
    text = """\
getspec: 1
model: Net
inputs: {x: "float[B, 4]"}
components:
  table: {type: buffer, value: "waves(arange(4), rate=2)"}
forward: |
  return x * table
functions:
  waves:
    params: {rate: int}
    inputs: {positions: "int[N]"}
    forward: |
      return sin(cast(positions, float32) * rate)
"""
    paths = [tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml")]
    for path in paths:
        path.write_text(text.replace("sin", "cos") if path.stem == "c" else text, encoding="utf-8")
    assert getspec.diff(paths[0], paths[1]).identical
    assert [change.category for change in getspec.diff(paths[0], paths[2]).changes] == ["GRAPH"]


OUTER = """\
getspec: 1
model: Outer
config: {dim: 4}
blocks:
  Part:
    params: {dim: int}
    inputs: {x: "float[B, dim]"}
    components:
      one: {type: linear, in_features: dim, out_features: dim, bias: false}
      two: {type: linear, in_features: dim, out_features: dim}
    forward: |
      return two(silu(one(x)))
  Body:
    params: {dim: int}
    inputs: {x: "float[B, dim]"}
    components:
      parts: {type: Part, repeat: 3, dim: dim}
      norm: {type: layer_norm, dim: dim}
    forward: |
      for part in parts:
        x = part(x)
      return norm(x)
inputs: {x: "float[B, dim]"}
components:
  body: {type: Body, dim: dim}
  head: {type: linear, in_features: dim, out_features: 2}
forward: |
  return head(body(x))
"""


def rewritten(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


RENAMED = (
    ("  body: {", "  bodies: {"),
    ("body(x)", "bodies(x)"),
    ("parts: {", "layers: {"),
    ("in parts", "in layers"),
    ("one: {", "first: {"),
    ("one(x)", "first(x)"),
)


def test_what_changed_is_found_though_all_around_it_has_other_names(tmp_path: Path) -> None:
    """The new part stands where the old model would have it, so that the body's changes add up to its own difference."""
    new = (
        "      two: {",
        "      gain: {type: rms_norm, dim: dim}\n      two: {",
    )
    text = rewritten(
        OUTER, *RENAMED, new, ("two(silu", "two(gain(silu"), ("first(x)))", "first(x))))")
    )
    found = getspec.diff(load(tmp_path, OUTER), load(tmp_path, text))
    words = {change.path: change.words for change in found.changes if change.category == "STATE"}
    assert words == {
        "body": "body: renamed bodies",
        "body.parts": "parts: renamed layers",
        "body.parts.*.one": "one: renamed first",
        "body.parts.*.gain": "gain: added, rms_norm 4",
    }
    assert found.delta == sum(c.delta for c in found.changes if c.path.startswith("body.")) == 12


MOVED = (
    ("      norm: {type: layer_norm, dim: dim}\n", ""),
    ("return norm(x)", "return x"),
    ("  head: {", "  norm: {type: layer_norm, dim: dim}\n  head: {"),
    ("  body: {", "  bodies: {"),
    ("head(body(x))", "head(norm(bodies(x)))"),
)


@pytest.mark.parametrize("turned", [False, True])
def test_rules_lead_back_where_a_part_leaves_one_that_is_renamed(
    turned: bool, tmp_path: Path
) -> None:
    sides = [load(tmp_path, text) for text in (OUTER, rewritten(OUTER, *MOVED))]
    found = getspec.diff(*(reversed(sides) if turned else sides))
    assert found.delta == 0
    assert found.rules()[1] is None, "one state dict is the other under other names"


def test_a_size_that_only_one_side_has_is_no_change_of_the_others(tmp_path: Path) -> None:
    """The second input keeps its type though the input before it took another size with it."""
    one = OUTER.replace(
        'inputs: {x: "float[B, dim]"}\ncomp',
        'inputs: {y: "int[B, M]", x: "float[B, dim]", z: "int[B, N]"}\ncomp',
    )
    other = one.replace('y: "int[B, M]", ', "")
    assert one != other
    found = getspec.diff(load(tmp_path, one), load(tmp_path, other))
    assert [change.path for change in found.changes] == ["inputs.y"]


def test_comments_are_not_quoted_as_changes(tmp_path: Path) -> None:
    one = OUTER.replace(
        "  return head(body(x))", "  # Why it is so.\n  return head(body(x))  # and so"
    )
    other = OUTER.replace("head(body(x))", "head(body(x)) * 2")
    (change,) = getspec.diff(load(tmp_path, one), load(tmp_path, other)).changes
    assert (change.before, change.after) == ("`return head(body(x))`", "`return head(body(x)) * 2`")
