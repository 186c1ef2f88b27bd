"""Frozen records: what `@dataclass(frozen=True, eq=False)` gives, at the price of the records that are made.

The compiler has some sixty node classes, and making dataclasses of them took longer than compiling a spec. Here a class gets
its `__init__` with its first record. A record is equal to itself only, like the node it is; values that are compared (a
tensor's type, a size) stay dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import get_annotations
from types import CodeType, FunctionType
from typing import Any, ClassVar, TypeVar, dataclass_transform

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
    """`def __init__(self, x, y)` for the fields of a class."""
    names = kind.__match_args__
    code = _template(len(names))
    named = {_field(at): name for at, name in enumerate(names)}
    code = code.replace(
        co_varnames=tuple(named.get(name, name) for name in code.co_varnames),
        co_consts=tuple(named.get(value, value) for value in code.co_consts),
        co_qualname=f"{kind.__qualname__}.__init__",
    )
    defaults = tuple(getattr(kind, name) for name in names if hasattr(kind, name))
    return FunctionType(code, {}, "__init__", defaults)


@cache
def _template(number: int) -> CodeType:
    """What sets so many fields, to be given their names: compiling it for each class would be a fiftieth of a `count`.

    It goes around `__setattr__`, which refuses.
    """
    fields = [_field(at) for at in range(number)]
    lines = [f"def __init__(self, {', '.join(fields)}):", "    values = self.__dict__"]
    lines += [f"    values[{field!r}] = {field}" for field in fields]
    made: dict[str, Any] = {}
    exec("\n".join(lines), made)
    code: CodeType = made["__init__"].__code__
    return code


def _field(at: int) -> str:
    return f"_{at}"


Kind = TypeVar("Kind", bound=Record)


def replaced(record: Kind, **changes: Any) -> Kind:
    """A copy with some fields changed."""
    values = {name: getattr(record, name) for name in type(record).__match_args__}
    return type(record)(**{**values, **changes})
