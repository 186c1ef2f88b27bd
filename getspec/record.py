"""Frozen records: what `@dataclass(frozen=True, eq=False)` gives, without writing and compiling code for each class.

The compiler has some sixty node classes, and making dataclasses of them took longer than compiling a spec. A record is
equal to itself only, like the node it is; values that are compared (a tensor's type, a size) stay dataclasses.
"""

from __future__ import annotations

from inspect import get_annotations
from typing import Any, ClassVar, TypeVar, dataclass_transform

__all__ = ["Record", "replaced"]


@dataclass_transform(frozen_default=True, eq_default=False)
class Record:
    """Fields are the annotations, in order, those of the base first."""

    __match_args__: ClassVar[tuple[str, ...]] = ()
    _names: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        own = get_annotations(cls)
        named = [name for name, kind in own.items() if not str(kind).startswith("ClassVar")]
        names = tuple(dict.fromkeys((*cls.__match_args__, *named)))
        type.__setattr__(cls, "__match_args__", names)
        cls._names = frozenset(names)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = self.__match_args__
        self.__dict__.update(zip(names, args))  # noqa: B905 - the length is looked at below
        if kwargs or len(args) != len(names):
            self.__complete(len(args), kwargs)

    def __complete(self, given: int, kwargs: dict[str, Any]) -> None:
        """Values by keyword; a default stays on the class until it is asked for."""
        kind, names = type(self), self.__match_args__
        if given + len(kwargs) == len(names):
            self.__dict__.update(kwargs)
            if self.__dict__.keys() == self._names:
                return
        if given > len(names):
            raise TypeError(f"{kind.__name__} takes {len(names)} values, {given} given")
        rest = names[given:]
        wrong = [name for name in kwargs if name not in rest]
        if wrong:
            raise TypeError(f"{kind.__name__} has no field {wrong[0]}, or has it twice")
        missing = [name for name in rest if name not in kwargs and not hasattr(kind, name)]
        if missing:
            raise TypeError(f"{kind.__name__} needs {missing[0]}")
        self.__dict__.update(kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__match_args__)
        return f"{type(self).__name__}({shown})"


Kind = TypeVar("Kind", bound=Record)


def replaced(record: Kind, **changes: Any) -> Kind:
    """A copy with some fields changed."""
    values = {name: getattr(record, name) for name in type(record).__match_args__}
    return type(record)(**{**values, **changes})
