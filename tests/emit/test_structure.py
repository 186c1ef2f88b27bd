"""Repeats, choices and classes: what stays open in the generated file, and what is written once."""

from __future__ import annotations

from pathlib import Path

import pytest

import getspec

HEAD = """\
getspec: 1
model: Net
"""
UNEVEN = """\
config: {width: 4, wide: 6, depth: 3, last: 5, stride: 1}
inputs: {x: "float[B, width, N]"}
components:
  layers:
    type: conv1d
    repeat: depth
    index: i
    in_channels: width if i == 0 else wide
    out_channels: last if i == depth - 1 else wide
    kernel_size: 1
    stride: stride
forward: |
  for layer in layers:
    x = layer(x)
  return x
"""
ONE_SIDED = """\
config: {widths: [4, 6, 8], depth: 3, last: 5}
inputs: {x: "float[B, widths[0], N]"}
components:
  layers:
    type: conv1d
    repeat: depth
    index: i
    in_channels: widths[i]
    out_channels: widths[i + 1] if i < len(widths) - 1 else last
    kernel_size: 1
forward: |
  for layer in layers:
    x = layer(x)
  return x
"""
LEVELS = """\
config: {widths: [4, 8, 8], groups: 2}
let: {levels: len(widths)}
inputs: {x: "float[B, widths[0], 4 * H]"}
components:
  down:
    type: Down
    repeat: levels
    index: i
    in_width: widths[max(i - 1, 0)]
    width: widths[i]
    identity: widths[max(i - 1, 0)] == widths[i]
    last: i == levels - 1
    groups: groups
forward: |
  kept = []
  for block in down:
    x, skips = block(x)
    kept.append(skips)
  for block in down:
    skips = kept.pop()
  return x, skips[0]
blocks:
  Down:
    params: {in_width: int, width: int, identity: bool, last: bool, groups: int}
    inputs: {x: "float[B, width if identity else in_width, H]"}
    components:
      widen: {type: conv1d, when: not identity, in_channels: in_width, out_channels: width, kernel_size: 1}
      norm: {type: group_norm, num_groups: groups, num_channels: width}
      shrink: {type: conv1d, when: not last, in_channels: width, out_channels: width, kernel_size: 2, stride: 2}
    forward: |
      skips = [x]
      x = norm(x if identity else widen(x))
      skips.append(x)
      return x if last else shrink(x), skips
"""
FLAGGED = """\
config: {stem: 4, widths: [4, 8], depths: [2, 3]}
inputs: {x: "float[B, stem, 2 * H]"}
components:
  first: {type: Unit, repeat: "depths[0]", index: i, in_width: stem, width: "widths[0]", stride: 1, identity: i > 0}
  second: {type: Unit, repeat: "depths[1]", index: i, in_width: "widths[0]", width: "widths[1]", stride: 2, identity: i > 0}
forward: |
  for unit in first:
    x = unit(x)
  for unit in second:
    x = unit(x)
  return x
blocks:
  Unit:
    params: {in_width: int, width: int, stride: int, identity: bool}
    inputs: {x: "float[B, width if identity else in_width, H]"}
    components:
      norm: {type: batch_norm1d, num_features: width}
      proj: {type: conv1d, when: not identity, in_channels: in_width, out_channels: width, kernel_size: 1, stride: stride}
    forward: |
      return relu(norm(x if identity else proj(x)))
"""


def load(tmp_path: Path, text: str, **settings: object) -> getspec.Spec:
    path = tmp_path / "net.yaml"
    path.write_text(HEAD + text)
    return getspec.load(path, settings)


def same_state(spec: getspec.Spec, other: getspec.Spec, config: dict[str, object]) -> None:
    """The generated class of `spec` at another config is what that config compiles to."""
    made = getattr(spec.module, spec.name)(**config).state_dict()
    wanted = other.build().state_dict()
    assert [(n, t.shape) for n, t in made.items()] == [(n, t.shape) for n, t in wanted.items()]


def test_a_choice_by_position_is_left_to_the_loop(tmp_path: Path) -> None:
    text = load(tmp_path, UNEVEN).generate()
    assert "width if i == 0 else wide" in text
    assert "last if i == depth - 1 else wide" in text
    assert "for i in range(depth)" in text


@pytest.mark.torch
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_choice_holds_at_other_lengths(tmp_path: Path, depth: int) -> None:
    config = {"width": 3, "wide": 7, "depth": depth, "last": 2, "stride": 2}
    same_state(load(tmp_path, UNEVEN), load(tmp_path, UNEVEN, **config), config)


def test_a_choice_with_one_side_fixes_the_length(tmp_path: Path) -> None:
    """`widths[3]` does not exist, so the last layer cannot be written with both sides."""
    spec = load(tmp_path, ONE_SIDED)
    assert "depth" in spec.model.root.structural
    assert "nn.Conv1d(widths[2], last, 1)" in spec.generate()
    assert load(tmp_path, ONE_SIDED, depth=2).count().total == 4 * 6 + 6 + 6 * 8 + 8


@pytest.mark.torch
def test_a_setting_at_torch_s_default_still_counts(tmp_path: Path) -> None:
    layer = load(tmp_path, UNEVEN).module.Net(stride=3).layers[0]
    assert layer.stride == (3,)


def test_a_list_that_decides_structure_is_named_once(tmp_path: Path) -> None:
    text = load(tmp_path, LEVELS).generate()
    assert text.count("(4, 8, 8)") == 1
    assert "widths = (4, 8, 8)" in text
    assert "widths[max(" not in text, "a known place is a number"


def test_lists_of_any_length_are_lists(tmp_path: Path) -> None:
    text = load(tmp_path, LEVELS).generate()
    assert "def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:" in text


def test_rounds_that_differ_in_shape_only_are_one_loop(tmp_path: Path) -> None:
    text = load(tmp_path, LEVELS).generate()
    assert "for block in self.down:" in text
    assert "self.down[" not in text


@pytest.mark.torch
def test_structure_and_sizes_change_together(tmp_path: Path) -> None:
    import torch

    spec = load(tmp_path, LEVELS)
    model = spec.build(widths=[3, 6, 9], groups=3)
    assert [name for name, _ in model.named_children()] == ["down"]
    x, first = model(torch.randn(2, 3, 8))
    assert x.shape == (2, 9, 2)
    assert first.shape == (2, 3, 8)


def test_equal_code_is_one_class_whatever_shapes_it_meets(tmp_path: Path) -> None:
    text = load(tmp_path, FLAGGED).generate()
    classes = [line for line in text.splitlines() if line.startswith("class ")]
    assert classes == [
        "class Unit(nn.Module):",
        "class IdentityUnit(nn.Module):",
        "class Net(nn.Module):",
    ]
    assert "# (B, width, " in text, "the shape that one of the two shows"


@pytest.mark.torch
def test_flags_by_position_hold_at_other_lengths(tmp_path: Path) -> None:
    config = {"stem": 3, "widths": (5, 6), "depths": (1, 4)}
    other = load(tmp_path, FLAGGED, stem=3, widths=[5, 6], depths=[1, 4])
    same_state(load(tmp_path, FLAGGED), other, config)


def test_a_repeat_of_nothing_fixes_its_length(tmp_path: Path) -> None:
    """What stands there was never made, so the module has no parameter that could ask for more of it."""
    text = """\
getspec: 1
model: Net
config: {dim: 4, depth: 0}
inputs: {x: "float[B, dim]"}
components:
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
forward: |
  for layer in layers:
    x = layer(x)
  return x
"""
    path = tmp_path / "net.yaml"
    path.write_text(text, encoding="utf-8")
    for depth in (0, 2):
        spec = getspec.load(path, set={"depth": depth})
        assert ("depth" in spec.model.root.structural) == (depth == 0)
        assert ("depth: int" in spec.generate()) == (depth > 0)
