"""What a file declares, as frozen records: symbolic, with the place of everything that can still be wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from getspec.errors import Span
from getspec.ir import Init
from getspec.record import Record
from getspec.syntax import Body, Expression

__all__ = [
    "BlockDecl",
    "BufferDecl",
    "Declaration",
    "Declared",
    "Definition",
    "LayerDecl",
    "ParameterDecl",
    "SequenceDecl",
    "Setting",
    "StackDecl",
    "TensorDecl",
]


class Setting(Record):
    """A setting of a block or an entry of a model's config."""

    name: str
    kind: str
    default: Any
    required: bool
    span: Span
    value: Span | None = None
    """Where its default or its kind stands."""


class TensorDecl(Record):
    """A declared tensor type; `dims` are expressions over settings and run-time sizes."""

    name: str
    dtype: str
    dims: tuple[Expression, ...]
    below: Expression | None
    doc: str | None
    span: Span
    repeat: Expression | None = None
    index: str | None = None
    selects: Expression | None = None


class Declared(Record):
    """What all components have."""

    name: str
    when: Expression | None
    trainable: bool
    doc: str | None
    at: Callable[..., Span]
    """The place of one of its keys, or with `key=False` of the value there."""

    @property
    def span(self) -> Span:
        """Where it is declared."""
        return self.at()


class LayerDecl(Declared):
    type: str
    args: dict[str, Expression]
    init: dict[str, Init]


class BlockDecl(Declared):
    type: str
    args: dict[str, Expression | tuple[Expression, ...]]
    has_init: bool = False
    """Rules that stand where a block takes none; an error once it is known to be a block."""


class ParameterDecl(Declared):
    shape: tuple[Expression, ...]
    init: Init
    value: Expression | None


class BufferDecl(Declared):
    shape: tuple[Expression, ...] | None
    dtype: str
    persistent: bool
    value: Expression | None
    init: Init | None


class SequenceDecl(Declared):
    items: tuple[Declaration, ...]
    named: bool


class StackDecl(Declared):
    """A list of components: `items` cycle, each standing `times` in a row, up to `count` in all."""

    count: Expression | None
    index: str | None
    items: tuple[tuple[int, Declaration], ...]


Declaration = LayerDecl | BlockDecl | ParameterDecl | BufferDecl | SequenceDecl | StackDecl


class Definition(Record):
    """A model, a block or a function."""

    kind: str
    name: str
    summary: str | None
    settings: dict[str, Setting]
    lets: dict[str, Expression]
    inputs: tuple[TensorDecl, ...]
    outputs: tuple[TensorDecl, ...]
    components: tuple[Declaration, ...]
    init: dict[str, dict[str, Init]]
    ties: tuple[tuple[str, str, Span, Span], ...]
    """Two paths, and where each stands."""
    body: Body | None
    span: Span
    unread: frozenset[str] = frozenset()
    """Settings and named values that it declares and never reads."""
    sizes: Mapping[str, str] = MappingProxyType({})
    sources: tuple[str, ...] = ()
