"""Declarations: names, keys and kinds are checked at their place, all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writing import BASE, load, problems

from getspec.declare import SCHEMES, kind_of
from getspec.errors import Diagnostic, SpecError
from getspec.reserved import MODULE_ATTRIBUTES, RESERVED

NET = """\
getspec: 1
model: Net
config: {dim: 8}
inputs: {x: "float[B, dim]"}
components:
  NAME: {type: linear, in_features: dim, out_features: dim, doc: kept}
forward: |
  return x
"""


def named(folder: Path, name: str) -> list[Diagnostic]:
    """What is wrong with a component of this name."""
    try:
        load(folder, NET.replace("NAME", f'"{name}"'))
    except SpecError as error:
        return list(error.diagnostics)
    return []


@pytest.mark.parametrize("name", sorted(MODULE_ATTRIBUTES))
def test_attributes_of_a_module_are_no_names(tmp_path: Path, name: str) -> None:
    (found,) = named(tmp_path, name)
    assert found.code == "GS104"
    assert f"`{name}`" in found.message


@pytest.mark.parametrize("name", sorted(RESERVED - {"self"}))
def test_names_of_the_generated_file_are_taken(tmp_path: Path, name: str) -> None:
    assert [found.code for found in named(tmp_path, name)] == ["GS104"]


IDENTIFIER = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789_"


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(alphabet=IDENTIFIER + "-. éﬁ", min_size=1, max_size=12))
def test_a_name_is_refused_with_one_that_is_allowed(tmp_path: Path, name: str) -> None:
    for found in named(tmp_path, name):
        if found.code == "GS107":
            continue
        assert found.code == "GS104"
        assert found.help is not None
        suggested = found.help.split("`")[1]
        assert named(tmp_path, suggested) == [] or suggested in ("x", "dim"), (
            "the help can be pasted"
        )


def test_all_mistakes_come_together(tmp_path: Path) -> None:
    text = BASE.replace("flag: true", "class: 1, Up: 2").replace("type: dropout", "type: dropuot")
    text = text.replace("approximate: kind", "approximat: kind")
    found = problems(tmp_path, text)
    assert sorted(each.code for each in found) == ["GS101", "GS104", "GS104", "GS301"]


def test_what_follows_from_a_mistake_is_not_another(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, BASE.replace("in_features: dim", "in_features: dmi", 1))
    assert found.code == "GS210", "the component is unknown after this, and forward is silent on it"


@pytest.mark.parametrize("layers", ["[[1, 2]]", "[null]", "[silu]", "{a: [1]}", "{a: 3}"])
def test_a_layer_of_a_sequential_is_a_mapping(tmp_path: Path, layers: str) -> None:
    act = f"act: {{type: sequential, layers: {layers}}}"
    (found,) = problems(tmp_path, BASE.replace("act: {type: gelu, approximate: kind}", act))
    assert found.code == "GS103"
    assert found.message.startswith("a layer is a mapping")


# Warnings


def codes(folder: Path, text: str) -> list[tuple[str, str]]:
    return [(found.code, found.message) for found in load(folder, text).warnings]


def test_a_good_spec_has_no_warnings(tmp_path: Path) -> None:
    assert codes(tmp_path, BASE) == []


def test_an_entry_that_nothing_reads(tmp_path: Path) -> None:
    text = BASE.replace("rate: 0.1", "rate: 0.1, width: 4")
    assert codes(tmp_path, text) == [("GS405", "nothing reads `width`")]


def test_a_named_value_that_nothing_reads(tmp_path: Path) -> None:
    text = BASE.replace("inputs:", "let: {middle: dim / 2}\ninputs:")
    assert codes(tmp_path, text) == [("GS405", "nothing reads `middle`")], "dim is read by it"


def test_a_setting_of_a_block_that_nothing_reads(tmp_path: Path) -> None:
    block = (
        'blocks:\n  Same:\n    params: {dim: int}\n    inputs: {x: "float[B, D]"}\n'
        "    forward: |\n      return x\n"
    )
    assert codes(tmp_path, BASE + block) == [("GS405", "nothing reads `dim`")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('inputs: {x: "float[B, dim]"}', 'inputs: {x: "float[B, width]"}'),
        ("inputs: {x:", 'inputs: {ids: {type: "int[B]", below: width}, x:'),
        ("repeat: depth", "repeat: depth, when: width > 0"),
        ("return head(x)", "return head(x) * width"),
        ("  for layer in layers:", "  if width > 2:\n    x = x * 2\n  for layer in layers:"),
        (
            "  for layer in layers:",
            "  for i in range(width):\n    x = x + i\n  for layer in layers:",
        ),
    ],
)
def test_every_place_that_reads_counts(tmp_path: Path, old: str, new: str) -> None:
    text = BASE.replace("dim: 8", "dim: 8, width: 8").replace(old, new, 1)
    assert codes(tmp_path, text) == []


def test_a_component_that_forward_never_calls(tmp_path: Path) -> None:
    text = BASE.replace("drop(act(layer(x)))", "act(layer(x))")
    assert codes(tmp_path, text) == [("GS406", "component `drop` is not used in forward")]
    kept = text.replace("p: rate", "p: rate, doc: kept for the checkpoint")
    assert codes(tmp_path, kept) == [], "a doc says that it is meant"


def test_an_error_hides_what_it_may_have_left_unused(tmp_path: Path) -> None:
    found = problems(tmp_path, BASE.replace("drop(act", "dorp(act"))
    assert [each.code for each in found] == ["GS416"]


# Kinds


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (8, "int"),
        (8.0, "float"),
        (True, "bool"),
        ("tanh", "str"),
        ("10_000", "int"),
        ([1, 2], "ints"),
        ([1, 2.5], "floats"),
    ],
)
def test_the_kind_of_a_literal(value: object, kind: str) -> None:
    assert kind_of(value) == kind


@pytest.mark.parametrize("scheme", SCHEMES)
def test_initialisation_schemes(tmp_path: Path, scheme: str) -> None:
    numbers = {0: "", 1: "0.5", 2: "[-1, 1]"}[SCHEMES[scheme]]
    good = f"{{{scheme}: {numbers}}}" if numbers else scheme
    load(tmp_path, BASE.replace("bias: flag", f"bias: flag, init: {good}"))
    wrong = f"{{{scheme}: [1, 2, 3]}}"
    (found,) = problems(tmp_path, BASE.replace("bias: flag", f"bias: flag, init: {wrong}"))
    assert found.code == "GS306"


# Places


def test_errors_in_forward_point_at_the_token(tmp_path: Path) -> None:
    text = BASE.replace("  return head(x)", "  # 日本語 é\n  y = 'é日'\n  return head(x) + yy")
    (found,) = problems(tmp_path, text.replace("  y = 'é日'\n", "  y = x  # é\n"))
    line = text.splitlines().index("  return head(x) + yy") + 1
    assert found.span is not None
    assert (found.span.line, found.span.col, found.span.width) == (line, 20, 2)


@pytest.mark.parametrize("written", ["dmi", "'dmi'", '"dmi"', "3 * dmi", "'3 * dmi'", "  dmi  "])
def test_errors_in_expressions_point_at_the_token(tmp_path: Path, written: str) -> None:
    text = BASE.replace("in_features: dim", f"in_features: {written}", 1)
    (found,) = problems(tmp_path, text)
    assert found.span is not None
    assert (found.span.line, found.span.width) == (6, 3)
    assert found.span.col == text.splitlines()[5].index("dmi") + 1
