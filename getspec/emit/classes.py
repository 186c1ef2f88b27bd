"""Modules to classes: which there are, under which names, in the order a reader meets them.

A definition is written when something first uses it, so what a class is made of stands above it. Every distinct module of the
model is written; where the text is there already, the name of that text is used. A word of what differs names a variant, and
a number does where no word is free.
"""

from __future__ import annotations

from getspec import ir
from getspec.emit.definitions import write_class, write_function
from getspec.emit.functions import HELPERS
from getspec.emit.layers import LAYER_CLASSES
from getspec.emit.printer import Printer, literal
from getspec.emit.scope import passed_settings
from getspec.emit.variants import ClassText, FunctionText, hint
from getspec.record import replaced

__all__ = ["Names", "write_classes"]

FIXED_NAMES = frozenset((*HELPERS, *LAYER_CLASSES))
"""Names that belong to fixed texts of the generated file."""


def write_classes(model: ir.Model) -> Names:
    """Every class and function of the model's file."""
    names = Names(model.root)
    names.block(model.root)
    return names


class Names:
    """The classes and functions written so far, under the names they got."""

    def __init__(self, root: ir.Block) -> None:
        self.root = root
        self.passed = passed_settings(root)
        """For each definition, the settings that somebody passes."""
        self.classes: list[ClassText] = []
        self.functions: list[FunctionText] = []
        self.helpers: dict[str, None] = {}
        """Fixed texts that the file needs."""
        self.letters: dict[str, None] = {}
        """Run-time sizes that comments mention."""
        self.values: dict[tuple[int, str], str] = {}
        """How a class spells the value that a weight of its own starts at."""
        self._class_of: dict[int, ClassText] = {}
        self._function_of: dict[int, FunctionText] = {}
        self._function_like: dict[tuple[object, ...], FunctionText] = {}
        self._first_of: dict[str, ir.Block] = {}
        """The block that each name of a block was first written for."""

    def helper(self, name: str) -> None:
        self.helpers[name] = None

    def block(self, block: ir.Block) -> ClassText:
        """The class of a block, written if it is new; for its name and the settings it takes."""
        if id(block) not in self._class_of:
            text = write_class(block, self)
            self._class_of[id(block)] = self._known_class(text) or self._new_class(text, block)
            self._first_of.setdefault(block.type, block)
        return self._class_of[id(block)]

    def _known_class(self, text: ClassText) -> ClassText | None:
        """A class of this kind that is there already, its comments completed."""
        for at, each in enumerate(self.classes):
            if each.name.startswith(text.name) or each.name.endswith(text.name):
                joined = each.joined(text)
                if joined is not None:
                    self.classes[at] = joined
                    return joined
        return None

    def _new_class(self, text: ClassText, block: ir.Block) -> ClassText:
        first = self._first_of.get(block.type)
        name = self._free(text.name, hint(block, first) if first else "")
        self.classes.append(replaced(text, name=name))
        return self.classes[-1]

    def routine(self, routine: ir.Routine) -> FunctionText:
        """The function of a routine, written if it is new; those of one name that are equal are one."""
        if id(routine) not in self._function_of:
            text = write_function(routine, self)
            known = self._function_like.get((text.name, text.key))
            self._function_of[id(routine)] = known or self._new_function(text)
        return self._function_of[id(routine)]

    def _new_function(self, text: FunctionText) -> FunctionText:
        function = replaced(text, name=self._free(text.name))
        self._function_like[text.name, text.key] = function
        self.functions.append(function)
        return function

    def routine_call(self, p: Printer, call: ir.RoutineCall) -> str:
        function = self.routine(call.routine)
        inputs = {declared.name for declared in call.routine.forward.inputs}
        args = [p(arg) for key, arg in call.args if key in inputs]
        args += [f"{key}={p(arg)}" for key, arg in call.args if key in function.settings]
        given = {key for key, _ in call.args}
        args += [  # what another call passes stands at its default here
            f"{key}={literal(call.routine.settings[key].value)}"
            for key in function.settings
            if key not in given
        ]
        if function.trains:
            args.append(f"training={p.training()}")
        return f"{function.name}({', '.join(args)})"

    def _free(self, stem: str, hint: str = "") -> str:
        """A name that nothing in the file has."""
        taken = FIXED_NAMES | {c.name for c in self.classes} | {f.name for f in self.functions}
        if stem in taken and f"{hint}{stem}" not in taken:
            return f"{hint}{stem}"
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem}{number}", number + 1
        return name
