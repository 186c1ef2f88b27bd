"""What is fuzzed, as functions of bytes that raise only where getspec has a bug.

Whatever the bytes are, the answer is a result or a `SpecError`; every problem in it has a place within its text and is shown
without a raw control character. Anything else that is raised is a finding. `run.py` feeds these functions to atheris, and
`tests/test_fuzz.py` runs them over the seeds and the corpus, without it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from getspec import source
from getspec.api import Spec
from getspec.errors import Diagnostic, Span, SpecError, render
from getspec.evaluate import Evaluator, NeedsIndex, Scope
from getspec.ir import Name, Varying
from getspec.library import Files
from getspec.passes.cost import cost
from getspec.pipeline import compile_spec
from getspec.sizes import Size
from getspec.source import Document
from getspec.spec import validate
from getspec.syntax import Text, parse_body, parse_expression
from getspec.text import is_forbidden

__all__ = ["TARGETS", "seeds"]

ROOT = Path(__file__).resolve().parent.parent
NAME = "m.yaml"

# ----------------------------------------------------------------------------------------- targets


def loader(data: bytes) -> None:
    """YAML to a validated file, under both of PyYAML's parsers, which agree to the last column."""
    fast, pure = (_read(data, each) for each in (source.FAST, source.PURE))
    if len(data) <= source.MAX_SECOND_READING:
        assert _comparable(fast) == _comparable(pure), "the parsers of PyYAML disagree"
    else:
        assert type(fast) is type(pure), "the parsers of PyYAML disagree"
    if isinstance(fast, Document):
        for text in _strings(fast.data):
            assert not is_forbidden(text), f"{text!a} holds a forbidden character"
        _answer(validate, fast)


def expression(data: bytes) -> None:
    """An expression of the structure half, parsed and worked out."""
    text = _as_read(data)
    lines = text.split("\n")
    parsed = _answer(parse_expression, text, _text(text), lines=lines)
    if parsed is not None:
        _answer(_evaluated, parsed, lines=lines)


def forward(data: bytes) -> None:
    """A `forward`, parsed by itself and, where that succeeds, compiled in a spec that has parts to call."""
    text = _as_read(data)
    body = _answer(parse_body, text, _text(text), lines=text.split("\n"))
    if body is not None:
        indented = "".join(f"  {line}\n" for line in text.split("\n"))
        compile_(FRAME.replace("  <forward>\n", indented).encode())


def compile_(data: bytes) -> None:
    """A whole spec: compiled, counted, its cost worked out, resolved, written as Python that parses."""
    compiled = _answer(compile_spec, "-", None, _Given(data))
    if compiled is None:
        return
    spec = Spec("-", {}, compiled)
    counted = spec.count()
    assert counted.total == counted.trainable + counted.frozen
    if compiled.model.root.forward is not None:
        cost(compiled.model)
    ast.parse(spec.generate())
    again = compile_spec("-", None, _Given(spec.resolve().encode()))
    assert Spec("-", {}, again).count().total == counted.total, "the resolved spec is another one"


TARGETS: dict[str, Callable[[bytes], None]] = {
    "loader": loader,
    "expression": expression,
    "forward": forward,
    "compile": compile_,
}

# ------------------------------------------------------------------------------------------- seeds


def seeds(target: str) -> Iterator[bytes]:
    """Inputs to start from: specs that are right and wrong, and what stands in them."""
    for path in _specs():
        data = path.read_bytes()
        if target in ("loader", "compile"):
            yield data
            continue
        try:
            tree = source.parse(data, path.name).data
        except SpecError:
            continue
        for text in _strings(tree):
            if (target == "forward") == ("\n" in text):
                yield text.encode()


def _specs() -> list[Path]:
    folders = ("tests/conformance", "specs")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.yaml"))]


FRAME = """\
getspec: 1
model: Net
config: {dim: 8, depth: 2, num_heads: 2, rate: 0.1, flag: true, widths: [4, 8]}
sizes: {B: batch, N: tokens}
inputs:
  x: float[B, N, dim]
  mask: {type: "bool[B, N]", selects: M}
  ids: {type: "int[B, N]", below: dim}
components:
  token: {type: parameter, shape: [1, 1, dim], init: zeros}
  table: {type: buffer, value: "linspace(0, 1, dim)"}
  embed: {type: embedding, num_embeddings: dim, embedding_dim: dim}
  fc: {type: linear, in_features: dim, out_features: dim}
  norm: {type: layer_norm, dim: dim}
  layers: {type: linear, in_features: dim, out_features: dim, repeat: depth}
  blocks: {type: Block, dim: dim, repeat: depth}
functions:
  modulate:
    params: {scale: float}
    inputs: {x: "float[B, N, D]"}
    forward: |
      return x * (1 + scale)
blocks:
  Block:
    params: {dim: int}
    inputs: {x: "float[B, N, dim]"}
    components: {proj: {type: linear, in_features: dim, out_features: dim}}
    forward: |
      return x + proj(x)
forward: |
  <forward>
"""
"""A spec that waits for its `forward`."""

# ------------------------------------------------------------------------------------ what is held


class _Given(Files):
    """Files of a compilation whose spec is given as bytes; shipped files are read once for all."""

    shipped: ClassVar[dict[Path, Document]] = {}

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data

    def open(self, path: str, name: str | None = None) -> Document:
        if path != "-":
            return super().open(path, name)
        document = source.parse(self.data, NAME)
        self.lines[document.name] = document.lines
        return document

    def load(self, real: Path, path: Path) -> Document:
        if real not in self.shipped:
            self.shipped[real] = super().load(real, path)
        self.lines[self.shipped[real].name] = self.shipped[real].lines
        return self.shipped[real]


def _answer(step: Callable[..., Any], *given: Any, lines: list[str] | None = None) -> Any:
    """What a step makes; None where it refuses, after a look at what it says."""
    try:
        return step(*given)
    except SpecError as error:
        _check_all(error, error.sources if lines is None else {NAME: lines})
    except NeedsIndex:
        assert step is _evaluated, "a position was asked for outside of an expression"
    return None


def _check_all(error: SpecError, sources: dict[str, Any]) -> None:
    assert error.diagnostics, "a refusal says nothing"
    for each in error.diagnostics:
        _check(each, sources)


def _check(found: Diagnostic, sources: dict[str, Any]) -> None:
    """A problem has a code and a place in its file, and is shown without control characters."""
    assert re.fullmatch(r"GS\d{3}", found.code), f"{found.code} is no code"
    spans = [found.span, *(span for _, span in found.notes if span is not None)]
    for span in spans:
        assert span is not None, f"{found} has no place"
        text = sources.get(span.file)
        if text is not None:
            assert 1 <= span.line <= len(text), f"{found} is at a line that is not there"
            assert 1 <= span.col <= len(text[span.line - 1]) + 1, f"{found} is beyond its line"
            assert span.width >= 1, f"{found} has no width"
    shown = render(found, sources)
    assert all(char.isprintable() or char == "\n" for char in shown), "a raw control character"
    assert len(shown) < 10_000, "a page that nobody reads"


def _read(data: bytes, parser: Any) -> Document | SpecError:
    """A document, or why it is refused."""
    try:
        return source.parse(data, NAME, loader=parser)
    except SpecError as error:
        _check_all(error, error.sources)
        return error


def _comparable(read: Document | SpecError) -> Any:
    if isinstance(read, SpecError):
        return read.diagnostics
    return repr(read.data), dict(read.marks)


def _strings(node: Any) -> Iterator[str]:
    """Every key and every text of a tree."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part


def _as_read(data: bytes) -> str:
    """Bytes as text that a document can hold: the loader lets no control character through."""
    text = data.decode(errors="ignore")
    return "".join(char for char in text if not is_forbidden(char)) if is_forbidden(text) else text


def _text(value: str) -> Text:
    return Text(value, lambda line, col, width: Span(NAME, line, col + 1, width))


def _scope() -> Scope:
    made = Scope()
    for name, number in {"dim": 8, "depth": 3, "num_heads": 2}.items():
        made.setting(name, Size.of(number))
    for name, value in {"rate": 0.1, "flag": True, "kind": "tanh", "none": None}.items():
        made.setting(name, value)
    made.setting("widths", (Size.of(4), Size.of(8)))
    made.index("i", Varying("int"))
    made.names["N"] = Name(Size.runtime("N"), "N", "size")
    return made


def _evaluated(parsed: Any) -> Any:
    """The value of an expression; `NeedsIndex` is how it asks for a position in a repeat."""
    return Evaluator.of(_scope(), parsed)
