"""What `forward` may say, where that is more than the sum of its ops."""

from __future__ import annotations

from pathlib import Path

from writing import load, problems

HEAD = """\
getspec: 1
model: Net
inputs: {x: "float[B, 4]"}
"""


def test_an_item_is_taken_off_a_list_once(tmp_path: Path) -> None:
    """`sqrt` is a function of numbers and an op; finding out which must not pop twice."""
    text = HEAD + "forward: |\n  xs = [x, x[:, 1:]]\n  y = sqrt(xs.pop())\n  return xs.pop() + y\n"
    (found,) = problems(tmp_path, text)
    assert found.code == "GS420"
    assert "4 in float[B, 4] and 3 in float[B, 3]" in found.message, (
        "the last item first, then the one left"
    )


def test_calls_within_calls_are_worked_out_once(tmp_path: Path) -> None:
    """A call that is worked out twice at each of these depths would be worked out 2**40 times."""
    depth = 40
    text = HEAD + f"forward: |\n  return x * {'sqrt(' * depth}16.0{')' * depth}\n"
    assert load(tmp_path, text).count().total == 0


def test_a_broken_function_is_reported_once_for_all_its_callers(tmp_path: Path) -> None:
    text = """\
getspec: 1
model: Net
inputs: {x: "float[B, 4]"}
functions:
  half: {inputs: {x: "float[B, 4]"}, forward: "return x + nothing"}
blocks:
  First: {inputs: {x: "float[B, 4]"}, forward: "return half(x)"}
  Second: {inputs: {x: "float[B, 4]"}, forward: "return half(x)"}
components:
  first: {type: First}
  second: {type: Second}
forward: |
  return second(first(x))
"""
    assert [found.code for found in problems(tmp_path, text)] == ["GS210"]
