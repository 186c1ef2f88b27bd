"""Tables looked up by integer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from getspec.ops.base import Layer, ShapeError, Size, Tensor, Weight, elementwise, layer, size

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


@layer("embedding", reference="y = W[x] (torch.nn.Embedding)")
class Embedding(Layer):
    """Learned vector per integer."""

    num_embeddings: Size = size("number of rows; inputs are below it")
    embedding_dim: Size = size("length of each vector")

    def parameters(self) -> Iterator[Weight]:
        yield Weight("weight", (self.num_embeddings, self.embedding_dim))

    def infer(self, x: Tensor) -> Tensor:
        if x.dtype != "int":
            raise ShapeError(f"embedding looks up integers, this is {x}", argument="x")
        return Tensor("float", (*x.shape, self.embedding_dim))

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        if weights["weight"].grad:
            tape.save(inputs[0])
        return tape.new(out, weights["weight"].grad)


elementwise("embedding")
