"""Frozen records: what `@dataclass(frozen=True, eq=False)` gives, at the price of the records that are made.

The compiler has some sixty node classes, and making dataclasses of them took longer than compiling a spec. Here a class gets
its `__init__` with its first record. A record is equal to itself only, like the node it is; values that are compared (a
tensor's type, a size) stay dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import get_annotations
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

__all__ = ["Record", "replaced"]


@dataclass_transform(frozen_default=True, eq_default=False)
class Record:
    """Fields are the annotations, in order, those of the base first."""

    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = get_annotations(cls)
        named = [name for name, kind in own.items() if not str(kind).startswith("ClassVar")]
        type.__setattr__(cls, "__match_args__", tuple(dict.fromkeys((*cls.__match_args__, *named))))
        type.__setattr__(cls, "__init__", _first)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__match_args__)
        return f"{type(self).__name__}({shown})"


def _first(self: Record, *args: Any, **kwargs: Any) -> None:
    """The `__init__` of a class that has no record yet."""
    kind = type(self)
    type.__setattr__(kind, "__init__", _written(kind))
    kind.__init__(self, *args, **kwargs)


def _written(kind: type[Record]) -> Callable[..., None]:
    """An `__init__` as one would write it; it goes around `__setattr__`, which refuses."""
    names = kind.__match_args__
    lines = [f"def __init__(self, {', '.join(names)}):", "    fields = self.__dict__"]
    lines += [f"    fields[{name!r}] = {name}" for name in names]
    made: dict[str, Any] = {}
    exec("\n".join(lines), made)
    init: Any = made["__init__"]
    init.__qualname__ = f"{kind.__qualname__}.__init__"
    init.__defaults__ = tuple(getattr(kind, name) for name in names if hasattr(kind, name))
    return cast("Callable[..., None]", init)


Kind = TypeVar("Kind", bound=Record)


def replaced(record: Kind, **changes: Any) -> Kind:
    """A copy with some fields changed."""
    values = {name: getattr(record, name) for name in type(record).__match_args__}
    return type(record)(**{**values, **changes})
