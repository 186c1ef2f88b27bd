"""Blocks and functions of specs/, each as a model of its own, at settings drawn at random.

The model takes what the definition takes and calls it once. Settings are drawn by kind, and where the compiler refuses
them (heads that do not divide a width) drawn again, ever closer to how the committed specs use the definition.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from committed import MODELS, SPECS
from strategies import dumped

import getspec
from getspec.api import Spec
from getspec.declare import Definition, Setting, declare
from getspec.errors import Diagnostics, SpecError
from getspec.ir import Block, Expr, Module, Routine, RoutineCall, Varying
from getspec.library import Files
from getspec.pipeline import compile_spec
from getspec.sizes import Size
from getspec.source import read
from getspec.spec import validate
from getspec.verify import tiny_config
from getspec.walk import expressions, within

__all__ = ["PARTS", "Part", "compiled", "draw", "uses"]

WIDTHS = (1, 2, 3, 4, 6, 8, 12, 24)
"""Most divide some other, as heads do a width and groups do channels."""
RATES = (0.1, 0.25, 0.5, 1.0)
LONGEST = 5
"""Of a run-time axis. A setting called `max_...` bounds one, and is never drawn below it."""
REACHES = ("kernel_size", "patch_size", "length")
"""Settings that say over how many positions something reaches."""
ATTEMPTS, BLIND = 50, 15
"""How often settings are drawn, and how often of that without a look at the committed uses."""
FILES = Files()
"""What has been read of specs/, which no test changes."""


@dataclass(frozen=True, eq=False)
class Part:
    """A block or a function, and the file that defines it."""

    file: str
    data: Mapping[str, Any]
    definition: Definition

    def __str__(self) -> str:
        return f"{self.file}-{self.definition.name}"

    @property
    def declared(self) -> Mapping[str, Any]:
        """The definition as the file has it."""
        found: Mapping[str, Any] = self.data[f"{self.definition.kind}s"][self.definition.name]
        return found

    def model(self, settings: Mapping[str, Any], given: set[str], tiny: Mapping[str, int]) -> str:
        """The text of a model that calls the part; what is not `given` it leaves at its default."""
        name = self.definition.name
        library = {"use": [self.file]}
        if {"model", "extends"} & set(self.data):  # not a library: its definitions are copied
            library = {key: self.data.get(key) for key in ("use", "blocks", "functions")}
        inputs = self.inputs(settings)
        tree: dict[str, Any] = {
            "getspec": 1,
            "model": "Drawn",
            "summary": f"A model that is `{name}` of {self.file}.",
            "config": settings,
            "let": self.declared.get("let"),
            **library,
            "inputs": inputs,
            "tiny": tiny,
        }
        named = [setting for setting in settings if setting in given]
        if self.definition.kind == "function":
            tree["forward"] = self.forward(name, [*inputs, *(f"{each}={each}" for each in named)])
        else:
            tree["components"] = {"part": {"type": name, **{each: each for each in named}}}
            tree["forward"] = self.forward("part", list(inputs))
        return dumped({key: value for key, value in tree.items() if value})

    def inputs(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What the part takes. Integers without a bound stay below every size, as they may look up a table."""
        inputs = dict(self.declared.get("inputs") or {"x": "float[B]"})
        sizes = [value for value in settings.values() if type(value) is int]
        for name, declared in inputs.items():
            if isinstance(declared, str) and declared.startswith("int["):
                inputs[name] = {"type": declared, "below": min([*sizes, LONGEST])}
        return inputs

    def forward(self, callee: str, arguments: list[str]) -> str:
        """One call. A model returns tensors only, so of a list that it gives the two ends are returned."""
        if self.definition.body is None:
            return f"return {', '.join(arguments)}\n"
        call = f"{callee}({', '.join(arguments)})"
        lines = ast.parse(self.declared["forward"]).body
        assigned = [line for line in lines if isinstance(line, ast.Assign)]
        lists = {
            ast.unparse(line.targets[0]) for line in assigned if isinstance(line.value, ast.List)
        }
        last = lines[-1]
        assert isinstance(last, ast.Return)
        assert last.value is not None
        names = ast.unparse(last.value).strip("()").split(", ")
        if lists.isdisjoint(names):
            return f"return {call}\n"
        results = [f"{name}[0], {name}[-1]" if name in lists else name for name in names]
        return f"{', '.join(names)} = {call}\nreturn {', '.join(results)}\n"

    def lengths(self, settings: Mapping[str, Any], random: Random) -> dict[str, int]:
        """Run-time sizes, long enough for what reaches over several positions: a kernel, a patch, a crop."""
        reach = max((settings[name] for name in REACHES if name in settings), default=0)
        more = {"N": reach, "H": max(reach, 2), "W": max(reach, 2)}
        return {axis: random.randint(1, LONGEST) + more.get(axis, 0) for axis in self.axes()}

    def axes(self) -> list[str]:
        """The run-time sizes of its inputs."""
        names = {
            name for tensor in self.definition.inputs for dim in tensor.dims for name in dim.names
        }
        return sorted(name for name in names if name[0].isupper()) or ["B"]


def _parts() -> Iterator[Part]:
    for path in sorted(SPECS.rglob("*.yaml")):
        file = path.relative_to(SPECS).as_posix()
        document = read(path, file)
        data = dict(document.data)
        document.data = {key: data[key] for key in ("blocks", "functions") if key in data}
        if path.name.endswith(".import.yaml") or not document.data:
            continue
        document.data["getspec"] = 1
        for definition in declare(document, validate(document), Diagnostics()).values():
            yield Part(file, data, definition)


PARTS = tuple(_parts())
"""Every block and function that some file of specs/ defines."""


# Settings


def draw(part: Part, random: Random) -> tuple[str, Spec]:
    """A model of the part that compiles, and its text; AssertionError where none is found."""
    refusal: SpecError | None = None
    for attempt in range(ATTEMPTS):
        settings = _settings(part, random, attempt)
        given = {
            each.name
            for each in part.definition.settings.values()
            if each.required or settings[each.name] != each.default
        }
        text = part.model(settings, given, part.lengths(settings, random))
        try:
            return text, compiled(text)
        except SpecError as error:
            refusal = error
    raise AssertionError(
        f"no draw of `{part}` is legal in {ATTEMPTS}, the last:\n{text}\n{refusal}"
    )


def compiled(text: str) -> Spec:
    """A text, compiled from a file in the current folder; libraries are read once."""
    Path("drawn.yaml").write_text(text, encoding="utf-8")
    return Spec("drawn.yaml", {}, compile_spec("drawn.yaml", files=FILES))


def _settings(part: Part, random: Random, attempt: int) -> dict[str, Any]:
    """Values by kind; in later attempts those of a committed use, of which some are replaced, and at last none."""
    known = uses().get((part.file, part.definition.name), [])
    drawn = {
        name: _value(setting, [use[name] for use in known], random)
        for name, setting in part.definition.settings.items()
    }
    if attempt < BLIND or not known:
        return drawn
    kept = random.choice(known)
    often = 0.3 if attempt < ATTEMPTS - 10 else 0.0
    return {name: drawn[name] if random.random() < often else kept[name] for name in drawn}


def _value(setting: Setting, used: list[Any], random: Random) -> Any:
    """Some value of the setting's kind, or its default; words are those of the committed uses."""
    if not setting.required and random.random() < 0.5:
        return setting.default
    match setting.kind:
        case "int":
            least = LONGEST if setting.name.startswith("max_") else 1
            return random.choice([width for width in WIDTHS if width >= least])
        case "float":
            return random.choice(RATES)
        case "bool":
            return random.random() < 0.5
        case "ints":
            return random.choices(WIDTHS[:4], k=random.randint(1, 4))
    return random.choice(used or [setting.default])


# How committed specs use them


@cache
def uses() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The settings at which committed models, in their small configuration, have each definition."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for path in MODELS:
        spec = getspec.load(path)
        spec = getspec.load(path, set=tiny_config(spec.model))
        for made in _definitions(spec.model.root):
            definition = spec.compiled.definitions[
                made.type if isinstance(made, Block) else made.name
            ]
            if definition.kind == "model":
                continue
            settings = {name: _plain(made.settings[name].value) for name in definition.settings}
            known = found[definition.span.file.removeprefix("specs/"), definition.name]
            if settings not in known:
                known.append(settings)
    return found


def _plain(value: Any) -> Any:
    """A setting's value as a spec writes it; a number that varies with the position is some rate."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Varying):
        return RATES[0]
    return int(value) if isinstance(value, Size) else value


def _definitions(module: Module) -> Iterator[Block | Routine]:
    """Every block and function that a module is made of."""
    if isinstance(module, Block):
        yield module
        yield from _routines(within(tuple(weight.value for weight in module.own)))
        if module.forward is not None:
            yield from _routines(expressions(module.forward.statements))
    for _, _, member in module.children():
        yield from _definitions(member.module)


def _routines(found: Iterable[Expr]) -> Iterator[Routine]:
    for expr in found:
        if isinstance(expr, RoutineCall):
            yield expr.routine
            yield from _routines(expressions(expr.routine.forward.statements))
