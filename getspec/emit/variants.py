"""The classes and functions of a file as text, and when two of them are one.

Modules whose text is equal share a class, however different the settings they came from. To compare settings was refused:
it gives a class for every choice that changes nothing, and needs to know which choices those are.
"""

from __future__ import annotations

from collections.abc import Iterator

from getspec import ir
from getspec.emit.comments import code
from getspec.emit.layout import fit_def
from getspec.record import Record, replaced

__all__ = ["ClassText", "FunctionText", "hint"]


class FunctionText(Record):
    """A function of the generated file."""

    name: str
    settings: tuple[str, ...]
    """The settings it takes, which are arguments after its inputs."""
    trains: bool
    """Whether its caller says if the model is in training."""
    args: tuple[str, ...]
    result: str
    body: tuple[str, ...]
    """What stands below `def`, the docstring first."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two functions one."""
        return (self.args, self.result, self.body)

    @property
    def lines(self) -> tuple[str, ...]:
        return (*fit_def(self.name, list(self.args), self.result, 0), *self.body)


class ClassText(Record):
    """A class of the generated file, in whole lines."""

    name: str
    settings: tuple[str, ...]
    """The settings it takes."""
    doc: tuple[str, ...]
    signature: tuple[str, ...]
    init: tuple[str, ...]
    forward_signature: tuple[str, ...]
    forward: tuple[str, ...]
    init_weights: tuple[str, ...] = ()
    bare: frozenset[str] = frozenset()
    """Lines of `forward` that change a shape and do not show it."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two classes one: all but the shapes in comments."""
        forward = tuple(map(code, self.forward))
        return (self.doc, self.signature, self.init, self.forward_signature, forward)

    def joined(self, other: ClassText) -> ClassText | None:
        """One class for both, with the shapes that hold for both; None where they are two."""
        if self.key != other.key:
            return None
        bare, lines = self.bare | other.bare, []
        for a, b in zip(self.forward, other.forward, strict=True):
            plain = code(a)
            if a != b and plain not in (a, b):
                bare |= {plain}
            lines.append(plain if plain in bare else max(a, b, key=len))
        return replaced(self, forward=tuple(lines), bare=bare)


def hint(block: ir.Block, first: ir.Block) -> str:
    """A word that tells a variant of a class from the first one."""
    return next(_differences(block, first), "")


def _differences(block: ir.Block, first: ir.Block) -> Iterator[str]:
    """What the variant chooses or has, and then what it lacks."""
    changed = {
        name: (expr.value, first.settings[name].value)
        for name, expr in block.settings.items()
        if name in block.structural and expr.value != first.settings[name].value
    }
    for name, (value, _) in changed.items():
        if isinstance(value, str) or value is True:
            yield _camel(name if value is True else value)
    yield from (_camel(member.name) for member in block.members if member.name in first.absent)
    yield from (f"No{_camel(name)}" for name in block.absent if name not in first.absent)
    yield from (f"No{_camel(name)}" for name, pair in changed.items() if pair == (False, True))


def _camel(word: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in word.split("_") if part.isalnum())
