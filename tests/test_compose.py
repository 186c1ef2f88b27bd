"""`extends`, `set`, `remove` and `--set`: typed patches on a tree that remembers its places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writing import BASE, load, problems, write

import getspec
from getspec.compose import parse_setting
from getspec.errors import SpecError

CHILD = "getspec: 1\nextends: base\nmodel: Child\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("compose"), base=BASE).parent


def derived(folder: Path, more: str, **given: Any) -> getspec.Spec:
    return load(folder, CHILD + more, given)


def test_a_child_is_its_base_under_another_name(folder: Path) -> None:
    child, base = derived(folder, ""), getspec.load(folder / "base.yaml")
    assert child.name == "Child"
    assert getspec.diff(base, child).identical
    assert child.config == base.config


def test_sections_are_merged_key_by_key(folder: Path) -> None:
    child = derived(folder, "config: {depth: 3, classes: 4}\ncomponents:\n  act: {type: silu}\n")
    assert child.config["depth"] == 3
    assert child.config["dim"] == 8, "what is not named stays"
    assert [change.path for change in getspec.diff(folder / "base.yaml", child).changes] == [
        "layers.2",
        "act",
    ]


def test_a_forward_is_replaced_whole(folder: Path) -> None:
    child = derived(folder, "forward: |\n  return head(x)\n")
    assert "layers" not in child.model.root.dataflow


def test_set_and_remove(folder: Path) -> None:
    child = derived(
        folder,
        "set: {depth: 5, components.head.out_features: 3}\nremove: [components.drop, config.rate]\n"
        "forward: |\n  for layer in layers:\n    x = act(layer(x))\n  return head(x)\n",
    )
    assert child.count().total == 5 * 72 + 27
    assert "rate" not in child.config


def test_an_item_of_a_list_is_set_by_its_number(folder: Path) -> None:
    assert derived(folder, "set: {config.widths.1: 16}\n").config["widths"] == [4, 16]


def test_claims_are_not_inherited(folder: Path) -> None:
    derived(folder, "set: {config.widths.1: 16}\n")
    (found,) = problems(folder, BASE.replace("[4, 8]", "[4, 16]"))
    assert found.code == "GS501", "in the base itself the claim would fail"


def test_bases_of_bases(folder: Path) -> None:
    write(folder, middle="getspec: 1\nextends: base\nmodel: Middle\nset: {depth: 3}\n")
    top = load(folder, "getspec: 1\nextends: middle\nmodel: Top\nset: {dim: 4}\n")
    assert (top.config["depth"], top.config["dim"]) == (3, 4)


def test_an_error_in_a_base_points_into_the_base(folder: Path) -> None:
    write(folder, broken=BASE.replace("in_features: dim", "in_features: dmi"))
    found = problems(folder, "getspec: 1\nextends: broken\nmodel: Child\n")
    assert {each.code for each in found} == {"GS210"}
    assert all(each.span and each.span.file.endswith("broken.yaml") for each in found)


def test_an_error_in_a_patch_points_at_the_patch(folder: Path) -> None:
    (found,) = problems(folder, CHILD + "set: {components.head.in_features: dmi}\n")
    assert found.code == "GS210"
    assert found.span is not None
    assert found.span.file.endswith("spec.yaml")
    assert (found.span.line, found.span.col, found.span.width) == (4, 36, 3)


# The command line


SETTINGS: dict[str, Any] = {
    "dim": 16,
    "depth": 0,
    "rate": 0.25,
    "flag": False,
    "kind": "none",
    "widths": [1, 2],
}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_kind_of_entry_can_be_set(folder: Path, name: str) -> None:
    spec = getspec.load(folder / "base.yaml", set={name: SETTINGS[name]})
    assert spec.config[name] == SETTINGS[name]


def test_an_integer_may_stand_for_a_float(folder: Path) -> None:
    rate = getspec.load(folder / "base.yaml", set={"rate": 0}).config["rate"]
    assert type(rate) is float
    assert rate == 0.0


WRONG: dict[str, tuple[str, Any]] = {
    "a float for an integer": ("dim", 8.0),
    "a word for an integer": ("dim", "8"),
    "a boolean for an integer": ("dim", True),
    "an integer for a boolean": ("flag", 1),
    "an integer for a word": ("kind", 3),
    "a boolean for a float": ("rate", True),
    "a list for an integer": ("dim", [8]),
    "an integer for a list": ("widths", 8),
    "nothing": ("dim", None),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_entry_keeps_its_kind(folder: Path, what: str) -> None:
    name, value = WRONG[what]
    with pytest.raises(SpecError) as caught:
        getspec.load(folder / "base.yaml", set={name: value})
    (found,) = caught.value.diagnostics
    assert found.code == "GS308"
    assert found.span is not None
    assert found.span.file == "--set"
    line = caught.value.sources["--set"][found.span.line - 1]
    assert found.span.col == len(name) + 2, "the caret is under the value"
    assert line.startswith(f"{name}=")


def test_what_stands_on_the_command_line_has_places(folder: Path) -> None:
    given = {"depth": 3, "components.head.in_features": "2 * dmi"}
    with pytest.raises(SpecError) as caught:
        getspec.load(folder / "base.yaml", set=given)
    (found,) = caught.value.diagnostics
    assert str(found.span) == "--set:2:33", "the second setting, at the name"
    assert found.help == "did you mean `dim`?"


@pytest.mark.parametrize(
    ("path", "help"),
    [
        ("dmi", "did you mean `config.dim`?"),
        ("components.hed", "did you mean `components.head`?"),
        ("components.head.bias", "components.head has: type, in_features, out_features"),
        ("config.dim.size", "config.dim has no parts"),
        ("config.widths.9", "config.widths has no parts"),
        ("", None),
    ],
)
def test_a_path_that_does_not_exist(folder: Path, path: str, help: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        getspec.load(folder / "base.yaml", set={path: 3})
    (found,) = caught.value.diagnostics
    assert found.code == "GS311"
    assert help is None or found.help == help


def test_parse_setting() -> None:
    assert parse_setting("dim=8") == ("dim", 8)
    assert parse_setting(" dim = 1e-6 ") == ("dim", 1e-6)
    assert parse_setting("kind=on") == ("kind", "on"), "the same rules as in a file"
    assert parse_setting("widths=[1, 2]") == ("widths", [1, 2])
    assert parse_setting("text=a=b") == ("text", "a=b")
    for wrong in ("dim", "=3", "", "dim=", "dim=[1"):
        with pytest.raises(SpecError):
            parse_setting(wrong)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "dim": st.integers(1, 9),
            "depth": st.integers(0, 4),
            "rate": st.floats(0, 0.9),
            "flag": st.booleans(),
            "kind": st.sampled_from(["none", "tanh"]),
            "widths": st.lists(st.integers(1, 9), min_size=2, max_size=3),
        },
    )
)
def test_what_is_resolved_is_a_spec_that_means_the_same(
    folder: Path, given: dict[str, Any]
) -> None:
    spec = getspec.load(folder / "base.yaml", set=given)
    again = load(folder, spec.resolve())
    assert again.config == spec.config == {**getspec.load(folder / "base.yaml").config, **given}
    assert again.count().as_json() | {"spec": ""} == spec.count().as_json() | {"spec": ""}
    assert getspec.diff(spec, again).identical
    assert again.resolve() == spec.resolve(), "resolving twice changes nothing"
