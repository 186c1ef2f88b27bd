"""Tables: a vector for each integer, and the integers are what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from writing import load

from getspec.ops.base import LAYERS, ShapeError, Size, Tensor
from getspec.passes.activations import activations

B, N = Size.runtime("B"), Size.runtime("N")
TABLE = LAYERS["embedding"](num_embeddings=Size.of(7), embedding_dim=Size.of(4))
SPEC = """\
getspec: 1
model: Net
inputs: {{ids: "int[B, N]"}}
components:
  table: {{type: embedding, num_embeddings: 7, embedding_dim: 4, trainable: {trainable}}}
forward: |
  return tanh(table(ids + 1))
"""


def test_a_vector_for_each_integer() -> None:
    (weight,) = TABLE.parameters()
    assert (weight.name, weight.shape, weight.dtype) == ("weight", (7, 4), "float")
    assert TABLE.infer(Tensor("int", (B, N))) == Tensor("float", (B, N, Size.of(4)))
    with pytest.raises(ShapeError) as caught:
        TABLE.infer(Tensor("float", (B,)))
    assert caught.value.message == "embedding looks up integers, this is float[B]"
    assert caught.value.argument == "x"


@pytest.mark.parametrize(
    ("trainable", "integers", "vectors"), [("true", 8, 4 * 4), ("false", 0, 0)]
)
def test_integers_are_kept_for_a_table_that_is_trained(
    tmp_path: Path, trainable: str, integers: int, vectors: int
) -> None:
    """As is what comes of its vectors."""
    kept = activations(load(tmp_path, SPEC.format(trainable=trainable)).model)
    assert kept.total("saved") == (integers + vectors) * B * N
    assert kept.total("saved", path="table") == integers * B * N
