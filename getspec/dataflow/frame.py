"""What the names of one definition hold at a line of its `forward`.

Statements change the frame, expressions read it, and what types a call or brackets is given it whole: which sizes are
taken and where a tensor was made matter in all of them. The names of the spec stay in `scope` and are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from getspec.errors import Diagnostic, Note, Span, SpecError, meant
from getspec.evaluate import UNKNOWN, Scope
from getspec.ir import Expr, Input, Name, Routine
from getspec.ops.base import Tensor
from getspec.sizes import Size
from getspec.syntax import At, Node, Text, names
from getspec.unify import substituted

__all__ = ["Frame", "Routines", "Silent"]

MAX_NOTES = 3


class Silent(Exception):
    """A value is unknown because of an error that was reported before."""


class Routines(Protocol):
    """Where `forward` finds the functions of the spec."""

    def names(self) -> list[str]: ...

    def round(self) -> int:
        """Count a round of a loop; how many there were."""

    def settings_of(self, name: str) -> tuple[list[str], list[str]]:
        """Its inputs and its settings."""

    def routine(
        self, name: str, settings: Mapping[str, Any], error: Callable[..., SpecError]
    ) -> Routine: ...


class Frame:
    """The names of one definition; `text` is where its `forward` stands, for errors."""

    def __init__(
        self, scope: Scope, text: Text, routines: Routines, read: frozenset[str] = frozenset()
    ) -> None:
        self.scope = scope
        self.text = text
        self.read = read
        """Names that the text mentions."""
        self.routines = routines
        self.locals: dict[str, Expr] = {}
        self.used: set[str] = set()
        """Components and parameters that were mentioned."""
        self.selects: dict[str, Size] = {}
        """How many elements a mask leaves, where its input declares it."""
        self._taken: set[str] = set()
        self._origins: dict[str, tuple[Any, Span | At]] = {}

    # Names

    def declare(self, inputs: tuple[Input, ...]) -> None:
        for declared in inputs:
            self.scope.names[declared.name] = Name(declared.type, declared.name, "input")
            if declared.span is not None:
                self._origins[declared.name] = declared.type, declared.span
            if declared.selects is not None:
                self.selects[declared.name] = declared.selects
            for symbol in _symbols(declared.type):
                self.scope.names.setdefault(symbol, Name(Size.runtime(symbol), symbol, "size"))
                self._taken.add(symbol)

    def find(self, id: str) -> Expr | None:
        return self.locals.get(id) or self.scope.names.get(id)

    def likely(self, names: Iterable[str]) -> list[str]:
        """Names that a misspelt one may stand for, those first that nothing reads so far."""
        return sorted(names, key=lambda name: name in self.read)

    def hold(self, name: str, value: Any, at: At | None = None) -> None:
        """A name holds a value from here on; `at` is the statement that made it."""
        self.locals[name] = Name(value, name, "local")
        if at is not None:
            self._origins[name] = value, at

    def forget(self, *targets: str) -> None:
        self.locals.update(dict.fromkeys(targets, UNKNOWN))

    def items_of(self, name: str, at: At) -> tuple[Any, ...]:
        """The values of a list that can be changed here."""
        found = self.locals.get(name)
        if found is UNKNOWN:
            raise Silent
        if found is None or not isinstance(found.value, tuple):
            lists = [id for id, expr in self.locals.items() if isinstance(expr.value, tuple)]
            help = meant(name, [id for id in lists if id != name], f"{name} = []")
            message = f"`{name}` is not a list made in this forward"
            raise self.text.error("GS410", message, At(at.line, at.col, len(name)), help)
        return found.value

    def types(self, without: tuple[str, ...] = ()) -> dict[str, Any]:
        return {name: expr.value for name, expr in self.locals.items() if name not in without}

    # Sizes that only the data knows

    def fresh(self) -> str:
        """A name for such a size that is not taken."""
        number = 1
        while (name := "S" if number == 1 else f"S{number}") in self._taken:
            number += 1
        return name

    def take(self, name: str) -> None:
        self._taken.add(name)

    def adopted(self, value: Any) -> Any:
        """The result of a call: sizes that only the callee's data knew get a name of their own here."""
        renames: dict[str, Size] = {}
        for symbol in _symbols(value):
            if symbol not in self._taken and symbol not in renames:
                name = self.fresh()
                self.take(name)
                renames[symbol] = Size.runtime(name)
        return substituted(value, renames) if renames else value

    # Errors

    def mismatch(
        self, message: str, at: Node, call: Node, help: str | None, *notes: Note
    ) -> SpecError:
        """Shapes that do not go together, with the lines that made the tensors."""
        place, mentioned = self.text.span(at.at), names(call)
        made = [
            (f"`{name}` is {value}, from here", self.text.span(at) if isinstance(at, At) else at)
            for name, (value, at) in sorted(self._origins.items())
            if name in mentioned and isinstance(value, Tensor) and str(value) in message
        ]
        made = [(words, span) for words, span in made if span.line != place.line]
        return SpecError([Diagnostic("GS420", message, place, help, (*made[:MAX_NOTES], *notes))])


def _symbols(value: Any) -> list[str]:
    """The run-time names in the axes of a tensor or of several, in order."""
    tensors = value if isinstance(value, tuple) else (value,)
    lengths = [length for each in tensors if isinstance(each, Tensor) for length in each.shape]
    return [symbol for length in lengths for symbol in sorted(length.value.symbols())]
