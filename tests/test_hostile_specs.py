"""Whatever a file says, the answer is a spec or an error with a place, soon.

Valid specs are broken at random: lines and tokens are deleted, doubled, moved and replaced, and expressions get random text.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from writing import BASE, write

import getspec
from getspec.errors import SpecError, UsageError, render

LIBRARY = """\
getspec: 1
model: Net
config: {dim: 8, depth: 4, num_heads: 2, rate: 0.1, kind: tanh, widths: [4, 8]}
sizes: {B: batch, N: tokens}
inputs:
  x: float[B, N, dim]
  mask: {type: "bool[B, N]", selects: M}
  ids: {type: "int[B, N]", below: dim}
outputs: {y: "float[B, N, dim]"}
components:
  token: {type: parameter, shape: [1, 1, dim], init: {normal: 0.02}}
  table: {type: buffer, value: "linspace(0, 1, dim)"}
  embed: {type: embedding, num_embeddings: dim, embedding_dim: dim}
  blocks:
    repeat: depth
    index: i
    pattern: [{type: Attention, dim: dim, num_heads: num_heads}, {type: Mlp, dim: dim, times: 2}]
  norm: {type: layer_norm, dim: dim, when: depth > 0}
  mlp:
    type: sequential
    layers:
      - {type: linear, in_features: dim, out_features: 4 * dim}
      - {type: gelu, approximate: kind}
      - {type: linear, in_features: 4 * dim, out_features: dim, init: zeros}
init: {linear: {weight: xavier_uniform, bias: zeros}}
forward: |
  # tokens, then blocks
  x = where(unsqueeze(mask, -1), token, x) + embed(ids) * cast(table, float)
  for block in blocks:
    x = x + block(x)
  if depth > 0:
    x = norm(x)
  return modulate(mlp(x), scale=1.5)
tiny: {dim: 4, depth: 2, B: 2, N: 3}
functions:
  modulate:
    params: {scale: float}
    inputs: {x: "float[B, N, D]"}
    forward: |
      return x * (1 + scale)
blocks:
  Attention:
    params: {dim: int, num_heads: int}
    let: {head_dim: dim / num_heads}
    inputs: {x: "float[B, N, dim]"}
    components:
      qkv: {type: linear, in_features: dim, out_features: 3 * dim, bias: false}
      proj: {type: linear, in_features: dim, out_features: dim}
    forward: |
      q, k, v = unbind(rearrange(qkv(x), "b n (s h k) -> s b h n k", s=3, h=num_heads, k=head_dim), 0)
      return proj(rearrange(sdpa(q, k, v), "b h n k -> b n (h k)"))
  Mlp:
    params: {dim: int}
    inputs: {x: "float[B, N, dim]"}
    components: {fc: {type: linear, in_features: dim, out_features: dim}}
    forward: |
      return fc(x)
"""
SPECS = (BASE, LIBRARY)
SECONDS = 5.0
PIECES = [
    "", " ", "-1", "0", "1e-6", "2**70", "9" * 19, "10**10**10", "1 / 0", "null", "~", "[]", "{}", "[[1]]", "{a: 1}", "true",
    "on", "'", '"', ":", ": ", "#", "- ", "|", ">", "&a", "*a", "<<", "!!int", "\t", "\0", "é", "\u2028", "(", ")", "[", "]",
    "dim", "x", "self", "__class__", "lambda: 0", "x.y", "x[0]", "x[:, None]", "x[..., -1]", "f(x)",
    "zip", "range(9)", "B", "N + 1",
    "for i in x:", "if x:", "return x", "while 1:", "del x", "not x", "~x", "a, b = x", "x = []", "x.append(x)", "x.pop()",
    "reversed(blocks)", "enumerate(blocks)", "blocks[0]", "blocks", "token", "table", "float", "int", "'b n -> n b'",
    "sequential", "parameter", "buffer", "linear", "Mlp", "Attention", "Net", "model", "repeat",
    "pattern", "when", "index", "i",
]  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A valid spec after a few random edits."""
    text = draw(st.sampled_from(SPECS))
    piece = st.one_of(st.sampled_from(PIECES), st.text(max_size=8))
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        match draw(st.integers(0, 7)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, line)
            case 2:
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], line
            case 3:
                lines.insert(at, " " * draw(st.integers(0, 8)) + draw(piece))
            case 4:
                lines[at] = " " * draw(st.integers(0, 8)) + line.lstrip()
            case _:
                words = line.split(" ")
                word = draw(st.integers(0, len(words) - 1))
                left = words[word][: draw(st.integers(0, len(words[word])))]
                words[word] = draw(st.sampled_from([draw(piece), left + draw(piece), left]))
                lines[at] = " ".join(words)
        text = "\n".join(lines)
    return text


PLACES = [
    "in_features: dim",
    "repeat: depth",
    "below: dim",
    "selects: M",
    "when: depth > 0",
    "dim / num_heads",
    "shape: [1, 1, dim]",
]
"""Expressions of the second spec."""
PATHS = ["dim", "depth", "widths", "config.dim", "components.head.in_features", "forward"]
VALUES = st.one_of(
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.booleans(),
    st.none(),
    st.lists(st.integers(), max_size=3),
)
DOUBLED = "x = x + x\n" + "      x = cat([x, x], dim=1)\n" * 60 + "      return x"
NESTED = "for i in range(4096):\n        for j in range(4096):\n          x = x + i\n      return x"


def refusals(path: Path, **how: Any) -> SpecError | UsageError | None:
    """What is raised on purpose; anything else is a bug and goes on."""
    try:
        getspec.load(path, **how).count()
    except (SpecError, UsageError) as error:
        return error
    return None


def answer(path: Path) -> str:
    """Load a file; whatever comes out is an answer, and an error can be shown."""
    started = time.process_time()
    error = refusals(path)
    assert time.process_time() - started < SECONDS, "an answer comes soon"
    if error is None:
        return "valid"
    assert isinstance(error, SpecError), "the file itself can be read"
    assert error.diagnostics, "an error says what is wrong"
    for each in error.diagnostics:
        assert each.span is not None, f"{each} has no place"
        shown = render(each, error.sources.get(each.span.file))
        assert all(char.isprintable() or char == "\n" for char in shown)
    return "refused"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def test_the_specs_are_valid_before_they_are_broken(folder: Path) -> None:
    for text in SPECS:
        assert answer(write(folder, spec=text)) == "valid"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken())
@example(LIBRARY.replace("depth: 4", "depth: 1000000"))
@example(LIBRARY.replace("repeat: depth", "repeat: 20000"))
@example(LIBRARY.replace("dim: 8", "dim: " + "9" * 18))
@example(LIBRARY.replace("return fc(x)", "return " + "fc(" * 49 + "x" + ")" * 49))
@example(LIBRARY.replace("return fc(x)", DOUBLED))
@example(LIBRARY.replace("return fc(x)", NESTED))
def test_broken_specs_are_refused_in_peace(folder: Path, text: str) -> None:
    path = folder / "spec.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    answer(path)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(PLACES),
    st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES), max_size=5).map(" ".join)),
)
def test_random_text_as_an_expression(folder: Path, place: str, text: str) -> None:
    key, sign, _ = place.partition(": ")
    quoted = "'" + text.replace("'", "''") + "'"
    new = f"{key}: [{quoted}]" if "shape" in place else f"{key}{sign}{quoted}" if sign else quoted
    path = folder / "spec.yaml"
    path.write_bytes(LIBRARY.replace(place, new, 1).encode("utf-8", "surrogatepass"))
    answer(path)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=12), st.booleans()
)
def test_random_text_as_a_forward(folder: Path, pieces: list[str], lines: bool) -> None:
    body = ("\n  " if lines else " ").join(pieces)
    body = f"  {body}\n  return head(x)".replace("\r", " ")
    answer(write(folder, spec=BASE.replace("  return head(x)", body)))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200))
def test_random_bytes(folder: Path, data: bytes) -> None:
    path = folder / "spec.yaml"
    path.write_bytes(data)
    assert answer(path) != "valid"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.sampled_from(PATHS), st.text(max_size=12)), VALUES)
def test_random_settings(folder: Path, name: str, value: object) -> None:
    error = refusals(write(folder, base=BASE), set={name: value})
    if error is not None:
        assert isinstance(error, SpecError)
        assert all(each.span is not None for each in error.diagnostics)
