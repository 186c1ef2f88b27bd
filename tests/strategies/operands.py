"""Values that an op can take, found among those that a definition has or made from its stream."""

from __future__ import annotations

from drawing import Body, Term, Value, known

from getspec.ops import Tensor
from getspec.sizes import Size

__all__ = [
    "image",
    "integers",
    "last_known",
    "long",
    "long_image",
    "shaped",
    "some_float",
    "spelled_out",
    "swapped",
    "window",
]


def _ends_known(type: Tensor) -> bool:
    return type.dtype == "float" and type.rank > 0 and known(type, -1) is not None


def _channels_first(type: Tensor, *ranks: int) -> bool:
    return type.dtype == "float" and type.rank in ranks and known(type, 1) is not None


def some_float(body: Body) -> tuple[Value]:
    return (body.floats(),)


def last_known(body: Body) -> tuple[Value]:
    return (body.source.pick(body.having(_ends_known)),)


def swapped(body: Body) -> tuple[Value]:
    """[B, C, L]: something that has it, or the stream with its last two axes swapped."""
    found = body.having(lambda type: _channels_first(type, 3))
    if found and body.source.flip():
        return (body.source.pick(found),)
    return (body.call("transpose", body.stream, 1, 2),)


def image(body: Body) -> tuple[Value]:
    """[B, C, H, W]: something that has it, or the swapped stream with one more axis."""
    found = body.having(lambda type: _channels_first(type, 4))
    if found:
        return (body.source.pick(found),)
    return (body.call("unsqueeze", body.call("transpose", body.stream, 1, 2), -1),)


def integers(body: Body) -> tuple[Value]:
    """Integers with a bound, for a table to look up."""
    found = [value for value in body.values if value.below is not None and value.type.rank]
    if found and body.source.flip():
        return (body.source.pick(found),)
    length = body.source.integer(1, 5)
    return (body.call("arange", Term(str(body.spell(length)), Size.of(length)), below=length),)


def long(body: Body) -> tuple[Value]:
    """[B, C, L] with more than one value per channel, as statistics in training want it."""
    return (body.call("transpose", body.stream, 1, 2),)


def long_image(body: Body) -> tuple[Value]:
    return (body.call("unsqueeze", *long(body), -1),)


def window(body: Body) -> tuple[int, int, int]:
    """Kernel, stride and padding of a pooling, which leaves at least one position."""
    kernel = body.source.integer(1, 3)
    return kernel, body.source.integer(1, 3), kernel // 2


def shaped(body: Body) -> list[Value]:
    """Values whose every length can be written by names this definition has."""
    return body.having(lambda type: spelled_out(body, type), None)


def spelled_out(body: Body, type: Tensor) -> bool:
    """Whether run-time names of this definition say every length."""
    return all(length.value.symbols() <= set(body.least) for length in type.shape)
