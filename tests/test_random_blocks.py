"""Every block and function of specs/ as a model of its own, at settings drawn at random.

What holds of random specs holds of them: the count, the code and the executed module are one model. `--examples N` scales
how often each is drawn.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import yaml
from committed import SPECS

from getspec.declare import declare
from getspec.errors import Diagnostics
from getspec.source import parse
from getspec.spec import validate

pytest.importorskip("torch")

from canonical import assert_canonical
from proofs import assert_runs, assert_same_tensors, forget
from wrapped import PARTS, Part, compiled, draw, uses

FILES = sorted({part.file for part in PARTS})


@pytest.mark.torch
@pytest.mark.parametrize("file", FILES)
def test_count_code_and_module_are_one(file: str, examples: int, device: str, folder: Path) -> None:
    """Same tensors, outputs as inferred, the same bytes again, and bytes that a formatter leaves alone."""
    texts: dict[str, str] = {}
    for part in PARTS:
        if part.file == file:
            for number in range(max(examples // 400, 1)):
                name = f"{part.definition.name}_{number}.py"
                texts[name] = proved(part, Random(f"{part} {number}"), device, number % 2 == 0)
    assert_canonical(texts, folder)


def proved(part: Part, random: Random, device: str, training: bool) -> str:
    """The generated file of one draw, of which everything that a compiled spec promises holds."""
    text, spec = draw(part, random)
    try:
        generated = spec.generate()
        assert compiled(text).generate() == generated, "compiling twice gives two files"
        assert_same_tensors(spec)
        assert_runs(spec, device, training=training)
    except Exception as error:
        error.add_note(f"The spec:\n{text}")
        raise
    finally:
        forget(spec)
    return generated


def test_every_block_and_function_is_drawn() -> None:
    """Those that a plain YAML reader finds in the files, and those that the committed models are made of."""
    drawn = {(part.file, part.definition.name) for part in PARTS}
    written = {
        (path.relative_to(SPECS).as_posix(), name)
        for path in SPECS.rglob("*.yaml")
        for section in ("blocks", "functions")
        for name in yaml.safe_load(path.read_text(encoding="utf-8")).get(section, {})
    }
    assert drawn == written
    assert set(uses()) <= drawn


def test_a_block_without_a_legal_draw_is_an_error(folder: Path) -> None:
    """Nothing is skipped in silence."""
    text = """\
getspec: 1
blocks:
  Never:
    params: {dim: int}
    inputs: {x: "float[B, dim]"}
    components:
      fc: {type: linear, in_features: dim + 1, out_features: dim}
    forward: |
      return fc(x)
"""
    document = parse(text, "never.yaml")
    (definition,) = declare(document, validate(document), Diagnostics()).values()
    Path("never.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match=r"no draw of `never\.yaml-Never` is legal in 50"):
        draw(Part("never.yaml", document.data, definition), Random(0))
