"""Expressions as Python text: literals mean what they meant, and parentheses stand where they are needed."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import load

from getspec.emit.printer import literal, shape_text
from getspec.ops.base import Tensor
from getspec.sizes import Size

# ---------------------------------------------------------------------------------------- literals

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple))


@given(values)
def test_a_literal_is_the_value_in_plain_letters(value: object) -> None:
    text = literal(value)
    assert text.isascii()
    assert text.isprintable()
    found = ast.literal_eval(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (Size.named("dim", 8), "8"),
        (-3, "-3"),
        (1e-6, "1e-6"),
        (1e-10, "1e-10"),
        (1e16, "1e16"),
        (1e22, "1e22"),
        (1.5e300, "1.5e300"),
        (0.1, "0.1"),
        ("tanh", '"tanh"'),
        ("it's", '"it\'s"'),
        ('a "b"', '"a \\"b\\""'),
        ("a\\'b", '"a\\\\\'b"'),
        ("é\n", '"\\xe9\\n"'),
        ((), "()"),
        ((1,), "(1,)"),
        ((1, (2.0, "x")), '(1, (2.0, "x"))'),
    ],
)
def test_how_a_literal_is_written(value: object, text: str) -> None:
    assert literal(value) == text


def test_what_is_no_value_has_no_literal() -> None:
    with pytest.raises(TypeError, match=r"no literal for \[1\]"):
        literal([1])


# ------------------------------------------------------------------------------------- expressions

SPEC = """\
getspec: 1
model: Net
config: {dim: 8, depth: 3, rate: 0.5, flag: true, widths: [8, 8]}
inputs: {x: "float[B, N, dim]", ids: "int[B, N]", mask: "bool[B, N]", y: "float[B, N, dim]"}
components:
  fc: {type: linear, in_features: dim, out_features: dim}
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
  token: {type: parameter, shape: [dim], init: zeros}
  drop: {type: dropout, p: rate}
forward: |
  z = drop(fc(where(unsqueeze(mask, -1), x, y)) + token + unsqueeze(cast(ids, float), -1))
  for layer in layers:
    z = layer(z)
  return EXPRESSION
"""


def printed(tmp_path: Path, expression: str) -> str:
    text = load(tmp_path, SPEC.replace("EXPRESSION", expression)).generate()
    ast.parse(text)
    *_, line = (line for line in text.split("\n") if line.startswith("        return "))
    return line.strip().removeprefix("return ").partition("  #")[0]


EXPRESSIONS = {
    "x + y": "x + y",
    "x + (y + z)": "x + (y + z)",
    "(x + y) + z": "x + y + z",
    "x - (y - z)": "x - (y - z)",
    "(x - y) - z": "x - y - z",
    "(x + y) * z": "(x + y) * z",
    "x + y * z": "x + y * z",
    "x / (y * z)": "x / (y * z)",
    "(x / y) * z": "x / y * z",
    "-x * y": "-x * y",
    "-(x * y)": "-(x * y)",
    "-(x + y)": "-(x + y)",
    "x - -y": "x - -y",
    "x ** 2": "x**2",
    "-(x ** 2)": "-(x**2)",
    "(-x) ** 2": "(-x) ** 2",
    "(x + y) ** 2": "(x + y) ** 2",
    "(x ** y) ** z": "(x**y) ** z",
    "x ** y ** z": "x ** y**z",
    "x ** -2": "x**-2",
    "x ** 0.5": "x**0.5",
    "2 * x": "2 * x",
    "-2 * x": "-2 * x",
    "x * rate": "x * self.rate",
    "x * (rate + 1)": "x * (self.rate + 1)",
    "x * (dim / 2)": "x * (self.dim // 2)",
    "x * (dim // 3)": "x * (self.dim // 3)",
    "x * sqrt(dim)": "x * math.sqrt(self.dim)",
    "x * log(rate)": "x * math.log(self.rate)",
    "x * min(dim, 3)": "x * min(self.dim, 3)",
    "x * int(rate * dim)": "x * int(self.rate * self.dim)",
    "x * int(rate)": "x * int(self.rate)",
    "x // 2": "torch.floor(x / 2)",
    "x * float(dim)": "x * float(self.dim)",
    "x * round(rate)": "x * round(self.rate)",
    "x * max(dim, len(widths))": "x * max(self.dim, len(self.widths))",
    "dropout(x, rate)": "F.dropout(x, self.rate, self.training)",
    "x * ceil_div(dim, 3)": "x * -(-self.dim // 3)",
    "x * ceil_div(dim + 1, 3 * dim)": "x * -(-(self.dim + 1) // (3 * self.dim))",
    "x * widths[1]": "x * self.widths[1]",
    "x[0]": "x[0]",
    "x[:, 0]": "x[:, 0]",
    "x[:, :, 0]": "x[..., 0]",
    "x[..., 0]": "x[..., 0]",
    "x[0, :, :]": "x[0]",
    "x[:, :, 1:3]": "x[..., 1:3]",
    "x[:, :, : dim // 2]": "x[..., : self.dim // 2]",
    "x[:, :, dim // 2 :]": "x[..., self.dim // 2 :]",
    "x[:, :, ::2]": "x[..., ::2]",
    "x[:, None]": "x[:, None]",
    "(x + y)[0]": "(x + y)[0]",
    "x @ transpose(y, 1, 2)": "x @ y.transpose(1, 2)",
    "x @ (transpose(y, 1, 2) @ z)": "x @ (y.transpose(1, 2) @ z)",
    "x == y": "x == y",
    "(x == y) & (x < z)": "(x == y) & (x < z)",
    "mask | (ids > 3)": "mask | (ids > 3)",
    "mask & (mask | mask)": "mask & (mask | mask)",
    "~mask": "~mask",
    "~(mask & mask)": "~(mask & mask)",
    "ids // 2": "ids // 2",
    "ids % 2": "ids % 2",
    "x if depth > 2 else y": "x",
    "[x, y]": "[x, y]",
    "(x, y)": "x, y",
    "x, (y, z)": "x, (y, z)",
    "x, (y,)": "x, (y,)",
    "x + fc(y)": "x + self.fc(y)",
    "layers[0](x)": "self.layers[0](x)",
    "x + token": "x + self.token",
    "x * B": "x * x.shape[0]",
    "x * (N - 1)": "x * (x.shape[1] - 1)",
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_how_an_expression_is_written(tmp_path: Path, expression: str) -> None:
    assert printed(tmp_path, expression) == EXPRESSIONS[expression]


POSITION = """\
getspec: 1
model: Net
config: {dim: 8, depth: 4}
inputs: {x: "float[B, dim]"}
components:
  layers: {type: Part, dim: dim, rate: RATE, index: i, repeat: depth}
forward: |
  for layer in layers:
    x = layer(x)
  return x
blocks:
  Part:
    params: {dim: int, rate: float}
    inputs: {x: "float[B, dim]"}
    components:
      drop: {type: dropout, p: rate}
    forward: |
      return drop(x)
"""
RATES = {
    "0.1 if i > 1 else 0.2": "0.1 if i > 1 else 0.2",
    "0.1 if not i > 1 else 0.2": "0.1 if not i > 1 else 0.2",
    "0.1 if not (i > 1 and i < 3) else 0.2": "0.1 if not (i > 1 and i < 3) else 0.2",
    "0.1 if not (not i > 1) else 0.2": "0.1 if not not i > 1 else 0.2",
    "0.1 if i < 1 or i > 1 and i < 3 else 0.2": "0.1 if i < 1 or i > 1 and i < 3 else 0.2",
    "0.1 if (i < 1 or i > 1) and i < 3 else 0.2": "0.1 if (i < 1 or i > 1) and i < 3 else 0.2",
    "0.1 if i < 1 else (0.2 if i < 2 else 0.3)": "0.1 if i < 1 else 0.2 if i < 2 else 0.3",
    "(0.1 if i < 1 else 0.2) / 2": "(0.1 if i < 1 else 0.2) / 2",
    "0.1 if i > 0 and dim > 4 else 0.2": "0.1 if i > 0 and dim > 4 else 0.2",
}


@pytest.mark.parametrize("rate", RATES)
def test_how_a_condition_on_the_position_is_written(tmp_path: Path, rate: str) -> None:
    text = load(tmp_path, POSITION.replace("RATE", rate)).generate()
    assert f"Part({RATES[rate]}) for i in range(" in " ".join(text.split()), text


# ------------------------------------------------------------------------------------------ shapes


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((), "()"),
        ((Size.runtime("B"),), "(B,)"),
        ((Size.runtime("B"), Size.named("dim", 8)), "(B, dim)"),
        ((Size.runtime("B"), 3 * Size.named("dim", 8)), "(B, 3*dim)"),
        ((Size.runtime("N").exactly(1) // 2,), "(N // 2,)"),
        (((Size.runtime("N") * 4) // 2,), "(2*N,)"),
    ],
)
def test_a_shape_is_written_as_a_reader_knows_it(shape: tuple[Size, ...], text: str) -> None:
    assert shape_text(Tensor("float", shape)) == text


def test_a_long_spelling_gives_way_to_the_value() -> None:
    names = [Size.named(f"a_long_name_{at}", 2) for at in range(4)]
    size = Size.runtime("N") * math.prod(names[1:], start=names[0])
    assert shape_text(Tensor("float", (size,))) == "(16*N,)"


FUNCTION = """\
getspec: 1
model: Net
inputs: {x: "float[B, 4]"}
functions:
  noisy:
    inputs: {x: "float[B, D]"}
    forward: |
      return dropout(x, 0.5)
forward: |
  return noisy(x)
"""


def test_a_function_is_told_whether_the_model_trains(tmp_path: Path) -> None:
    text = load(tmp_path, FUNCTION).generate()
    assert "F.dropout(x, 0.5, training)" in text
    assert "noisy(x, training=self.training)" in text
