"""The typed environment in which random specs are drawn.

A `Body` is one definition (a model, a block, a function) while it is being written. It knows the type of every value it
has named, so whoever adds a line picks operands that fit, and the spec is legal by construction: whatever then fails is
a bug of the compiler. Types of results come from the ops' own rules; the witness against those rules is PyTorch, which
runs what was generated.

A setting is *free* when any value of its kind keeps the definition legal (a hidden width, a depth, a flag), so others may
pass what they like for it. The remaining ones decide shapes that later lines rely on, and keep the value they were drawn at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Any

from hypothesis import strategies as st

from getspec.evaluate import SCALAR
from getspec.ops import FUNCTIONS, Tensor
from getspec.reserved import MODULE_ATTRIBUTES, RESERVED
from getspec.sizes import Floor, Poly, Size

__all__ = [
    "Body",
    "Contract",
    "Library",
    "Seeded",
    "Setting",
    "Source",
    "Term",
    "Value",
    "divisors",
    "known",
    "sizes",
    "spelled",
]

SETTING_NAMES = ("dim", "hidden_dim", "num_heads", "depth", "width", "i", "ratio", "use_gate", "p")
LOCAL_NAMES = ("y", "h", "gate", "scale", "skip", "scores", "item", "module", "block", "out")
PART_NAMES = (
    "fc",
    "norm",
    "proj",
    "embed",
    "mlp",
    "blocks",
    "series",
    "layers",
    "head",
    "branches",
)


class Source:
    """Where choices come from; simple ones are small so that failures shrink to short specs."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self._draw = draw
        self._weights: dict[str, tuple[int, ...]] = {}

    def integer(self, low: int, high: int) -> int:
        return int(self._draw(st.integers(low, high)))

    def flip(self) -> bool:
        return bool(self._draw(st.booleans()))

    def favoured(self, table: str, items: Sequence[Any]) -> Any:
        """One of a table's items, by weights that are drawn once per spec.

        A spec that is full of a few things, and has none of others, reaches what an even mixture hardly ever does: after
        the generation policies of YARPGen (OOPSLA 2020).
        """
        if table not in self._weights:
            policy = self.integer(0, 99)
            rng = Random(f"{table} {policy}")
            drawn = tuple(rng.choice((0, 1, 1, 1, 4, 16)) if policy else 1 for _ in items)
            self._weights[table] = drawn if any(drawn) else (1,) * len(items)
        weights = self._weights[table]
        at = self.integer(1, sum(weights))
        return next(item for item, end in zip(items, accumulate(weights), strict=True) if at <= end)

    def rarely(self) -> bool:
        return self.integer(0, 4) == 4

    def pick(self, items: Sequence[Any]) -> Any:
        return items[self.integer(0, len(items) - 1)]

    def real(self) -> float:
        return float(self.pick((0.5, 0.1, 1.0, 2.0, 1e-6, 0.25, 1e-5, 3.0)))


class Seeded(Source):
    """Choices of one integer: the same number gives the same spec anywhere, and quickly.

    They are kept, so that whatever they led to can be made smaller (`properties`).
    """

    def __init__(self, seed: int) -> None:
        super().__init__(self._no_draw)
        self._rng = Random(seed)
        self.choices: list[int | bool] = []

    def integer(self, low: int, high: int) -> int:
        self.choices.append(made := low + int(self._rng.random() * (high - low + 1)))
        return made

    def flip(self) -> bool:
        self.choices.append(made := self._rng.random() < 0.5)
        return made

    def _no_draw(self, strategy: Any) -> Any:
        raise AssertionError("every choice is an integer or a flip")


@dataclass(frozen=True)
class Setting:
    """An entry of `config` or `params`: `use` says which values fit, and whether all of them do."""

    name: str
    use: str
    value: Any

    @property
    def free(self) -> bool:
        return self.use != "shape"

    @property
    def kind(self) -> str:
        if isinstance(self.value, bool):
            return "bool"
        if isinstance(self.value, list):
            return "ints" if all(isinstance(item, int) for item in self.value) else "floats"
        return {int: "int", float: "float", str: "str"}[type(self.value)]

    def another(self, source: Source) -> Any:
        """Some value that may stand in its place."""
        match self.use:
            case "width":
                return source.integer(1, 8)
            case "count":
                return source.integer(0, 3)
            case "flag":
                return source.flip()
            case "rate":
                return source.pick((0.0, 0.1, 0.5))
            case "word":
                return source.pick(("none", "tanh"))
            case "shares":
                return [2.0] * source.integer(1, 3)
        return self.value


@dataclass(eq=False)
class Value:
    """A named tensor: how `forward` writes it, its type, and a bound where it holds integers."""

    text: str
    type: Tensor
    below: int | None = None
    used: bool = False


@dataclass(frozen=True)
class Term:
    """An argument of an op that is no tensor: how it is written, and what it is."""

    text: str
    value: Any


@dataclass(frozen=True)
class Contract:
    """What a caller has to know of a block or a function."""

    name: str
    settings: tuple[Setting, ...]
    defaults: frozenset[str]
    inputs: tuple[tuple[str, Tensor, int | None], ...]
    results: tuple[Tensor, ...]
    least: dict[str, int]
    """The shortest each run-time axis may be."""


@dataclass
class Library:
    """The blocks and functions drawn so far."""

    source: Source
    blocks: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)
    block_contracts: list[Contract] = field(default_factory=list)
    function_contracts: list[Contract] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return {*self.blocks, *self.functions}


def known(type: Tensor, axis: int) -> int | None:
    """The length of an axis, where it is known before run time."""
    return type.shape[axis].known if type.rank else None


def sizes(*lengths: int) -> tuple[Size, ...]:
    return tuple(map(Size.of, lengths))


class Body:
    """One definition while it is being drawn."""

    def __init__(self, library: Library, *, kind: str, nesting: int) -> None:
        self.source = library.source
        self.library = library
        self.kind = kind
        self.nesting = nesting
        self.settings: dict[str, Setting] = {}
        self.lets: dict[str, tuple[str, int, bool]] = {}
        self.least: dict[str, int] = {}
        self.words: dict[str, str] = {}
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, str] = {}
        self.signature: list[tuple[str, Tensor, int | None]] = []
        self.components: dict[str, Any] = {}
        self.ties: dict[str, str] = {}
        self.init: dict[str, Any] = {}
        self.values: list[Value] = []
        self.lines: list[str] = []
        self.indent = 0
        self.taken: set[str] = {*FUNCTIONS, *SCALAR, *RESERVED, *library.names}
        self.stream = Value("", Tensor("float", ()))

    # Names

    def name(self, pool: Sequence[str]) -> str:
        """A name that nothing here has yet."""
        stem = self.source.pick(pool)
        number, name = 2, stem
        while name in self.taken or name in MODULE_ATTRIBUTES:
            name, number = f"{stem}{number}", number + 1
        self.taken.add(name)
        return name

    def setting(self, use: str, value: Any) -> Setting:
        made = Setting(self.name(SETTING_NAMES), use, value)
        self.settings[made.name] = made
        return made

    def component(self, declared: dict[str, Any]) -> str:
        name = self.name(PART_NAMES)
        self.components[name] = declared
        return name

    def of_use(self, use: str) -> list[Setting]:
        return [setting for setting in self.settings.values() if setting.use == use]

    # Numbers

    def integers(self, *, free: bool) -> list[tuple[str, int]]:
        """Expressions that are integers by themselves: settings, items of lists, named values."""
        found = []
        for s in self.settings.values():
            if s.kind == "int" and s.use in (("width",) if free else ("shape",)):
                found.append((s.name, s.value))
            if s.kind == "ints" and s.use == "shape" and not free:
                found += [(f"{s.name}[{at}]", item) for at, item in enumerate(s.value)]
                found.append((f"len({s.name})", len(s.value)))
        return found + [(n, v) for n, (_, v, loose) in self.lets.items() if loose == free]

    def spell(self, value: int) -> Any:
        """An expression that is `value`: the number itself, or arithmetic on names."""
        names = self.integers(free=False)
        if not names or self.source.flip():
            return value
        name, number = self.source.pick(names)
        forms = [f"{name} * {value} // {number}" if number else None]
        if value == number:
            forms += [name, name, name, f"({name})", f"min({name}, {value})", f"+{name}"]
            forms += [f"-(0 - {name})", f"int(float({name}))", f"round({name} * 1.0)"]
            forms += [f"{name} if {name} {self.source.pick(('> 0', '>= 1'))} else {name} + 1"]
        if value > number:
            forms += [f"{name} + {value - number}", f"max({name}, {value})"]
        if value < number:
            forms += [f"{name} - {number - value}", f"{name} % {number - value} + {value}"]
            if (number % (number - value)) != 0:
                forms.pop()
        if number and value % number == 0:
            forms += [f"{value // number} * {name}", f"{name} * {value // number}"]
        if value and number % value == 0:
            forms.append(f"{name} / {number // value}")
        if number > value > 0 and -(-number // 2) == value:
            forms.append(f"ceil_div({name}, 2)")
        return self.source.pick([form for form in forms if form])

    def width(self) -> Any:
        """An integer of at least 1, whatever the free settings are."""
        names = self.integers(free=True)
        number = self.source.integer(1, 4)
        if not names or self.source.rarely():
            return number
        name, _ = self.source.pick(names)
        forms = (
            name,
            f"{number} * {name}",
            f"{name} + {number}",
            f"max({name} // {number}, 1)",
            f"max({name} - {number}, 1)",
            f"ceil_div({name}, {number})",
            f"{name} ** 2 % 8 + 1",
            f"int({name} * 1.5)",
            f"round({name} * 1.5)",
            f"{name} if {name} > {number} else {number}",
            f"int(log({name})) + {number}",
            f"max({name}, {number}) * ({name} + 1)",
        )
        return self.source.pick(forms)

    def count(self) -> Any:
        """How often something repeats: any number from 0."""
        settings = self.of_use("count")
        if settings and not self.source.rarely():
            name = self.source.pick(settings).name
            return self.source.pick((name, name, name, f"{name} + 1", f"2 * {name}"))
        return self.source.integer(0, 3)

    def flag(self) -> Any:
        """True, false, or a setting that is."""
        if self.source.flip():
            tests = [
                *self.tests(),
                *(text for s in self.of_use("width") for text in _compared(s.name)),
            ]
            if tests:
                return self.source.pick(tests)
        return self.source.flip()

    def tests(self) -> list[str]:
        """Conditions on settings that are flags or words."""
        flags = [setting.name for setting in self.of_use("flag")]
        words = [setting.name for setting in self.of_use("word")]
        found = [*flags, *flags, *(f"not {flag}" for flag in flags)]
        found += [f'{word} == "tanh"' for word in words]
        return found + [f"{a} {op} {b}" for op in ("and", "or") for a in flags for b in found[-2:]]

    def rate(self) -> Any:
        """A probability below 1, whatever the free settings are."""
        settings = self.of_use("rate")
        if settings and self.source.flip():
            name = self.source.pick(settings).name
            return self.source.pick((name, f"{name} / 2", f"{name} * 0.5"))
        return self.source.pick((0.1, 0.0, 0.5))

    def word(self) -> str:
        """How GELU is computed."""
        settings = self.of_use("word")
        if settings and self.source.flip():
            return str(self.source.pick(settings).name)
        return str(self.source.pick(("none", "tanh")))

    def shortest(self, length: Size) -> int:
        """The least an axis can be at run time."""
        return int(length.value.evaluate(self.least))

    # Lines

    def line(self, text: str) -> None:
        self.lines.append("  " * self.indent + text)

    def ref(self, value: Value) -> str:
        value.used = True
        return value.text

    def named(self, text: str, type: Tensor, below: int | None = None) -> Value:
        """Assign an expression to a new name."""
        value = Value(self.name(LOCAL_NAMES), type, below)
        self.line(f"{value.text} = {text}")
        self.values.append(value)
        return value

    def unpacked(self, text: str, types: Sequence[Tensor]) -> list[Value]:
        """Assign the parts of a tuple to new names."""
        made = [Value(self.name(LOCAL_NAMES), type) for type in types]
        comma = "," if len(made) == 1 else ""
        self.line(f"{', '.join(value.text for value in made)}{comma} = {text}")
        self.values += made
        return made

    def call(self, op: str, *args: Any, below: int | None = None, **keywords: Any) -> Value:
        """Apply a function op, and name the result."""
        return self.named(*self.applied(op, *args, **keywords), below)

    def applied(self, op: str, *args: Any, **keywords: Any) -> tuple[str, Any]:
        """A function op on arguments: how it is written, and its type by the op's own rule."""
        texts = [self.written(arg) for arg in args]
        texts += [f"{name}={self.written(arg)}" for name, arg in keywords.items()]
        plain = {name: _plain(arg) for name, arg in keywords.items()}
        type = FUNCTIONS[op].rule(*map(_plain, args), **plain)
        return f"{op}({', '.join(texts)})", type

    def written(self, arg: Any) -> str:
        if isinstance(arg, Value):
            return self.ref(arg)
        if isinstance(arg, Term):
            return arg.text
        if isinstance(arg, tuple):
            return f"({', '.join(map(self.written, arg))}{',' if len(arg) == 1 else ''})"
        if isinstance(arg, list):
            return f"[{', '.join(map(self.written, arg))}]"
        return f'"{arg}"' if isinstance(arg, str) else repr(arg)

    def infix(self, op: str, sign: str, left: Value, right: Value | Term) -> Value:
        """Apply an operator, and name the result."""
        type = FUNCTIONS[op].rule(_plain(left), _plain(right))
        sides = [self.written(left), self.written(right)]
        if isinstance(right, Term) and right.value.rank == 0 and op in ("add", "multiply"):
            sides = sides[::-1] if self.source.flip() else sides
        return self.named(f"{sides[0]} {sign} {sides[1]}", type)

    # Operands

    def having(self, fits: Callable[[Tensor], bool], dtype: str | None = "float") -> list[Value]:
        return [v for v in self.values if dtype in (None, v.type.dtype) and fits(v.type)]

    def floats(self, rank: int = 0) -> Value:
        """Some float tensor of at least this many axes; the stream always is one of three."""
        return self.source.pick(self.having(lambda type: type.rank >= rank))

    def any_tensor(self) -> Value:
        return self.source.pick(self.values)

    def bools(self) -> Value:
        found = self.having(lambda type: True, "bool")
        if found and self.source.flip():
            return self.source.pick(found)
        x = self.floats()
        return self.named(f"{self.ref(x)} > 0", x.type.with_dtype("bool"))

    def axis(self, type: Tensor) -> int:
        return self.source.integer(-type.rank, type.rank - 1)

    def lengths(self, type: Tensor) -> list[Term]:
        """The lengths of a shape, as `forward` can write them."""
        return [self.length(length) for length in type.shape]

    def length(self, length: Size) -> Term:
        number = length.known
        text = spelled(length.value) if number is None else str(self.spell(number))
        return Term(text, length)

    # The end

    def absorb(self, *, every: bool) -> None:
        """Let what nothing used take part in the stream: every value, or all but one now and then that nothing reads."""
        for value in [v for v in self.values if not v.used and v is not self.stream]:
            if not every and self.source.rarely():
                continue
            text = self.ref(value)
            if value.type.dtype != "float":
                text = f"cast({text}, float)"
            if value.type.rank:
                axes = list(range(value.type.rank))
                text = f"mean({text}, {axes if len(axes) > 1 else axes[0]})"
            self.update(f"{self.ref(self.stream)} + {text}")

    def update(self, text: str) -> None:
        """The stream's next value, of the same type."""
        self.line(f"{self.stream.text} = {text}")
        self.stream.used = False

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def _plain(arg: Any) -> Any:
    """An argument as a rule takes it."""
    match arg:
        case Value():
            return arg.type
        case Term():
            return arg.value
        case list() | tuple():
            return tuple(map(_plain, arg))
    return arg


def spelled(poly: Poly) -> str:
    """A length over run-time names as `forward` writes it."""
    terms = [_product(monomial, factor) for monomial, factor in poly.terms]
    return " + ".join(terms) or "0"


def _product(monomial: tuple[Any, ...], factor: int) -> str:
    atoms = [atom if isinstance(atom, str) else f"({_floor(atom)})" for atom in monomial]
    return " * ".join(atoms if factor == 1 and atoms else [str(factor), *atoms])


def _floor(atom: Floor) -> str:
    return f"({spelled(atom.numerator)}) // ({spelled(atom.divisor)})"


def _compared(name: str) -> Sequence[str]:
    return (f"{name} < 4", f"{name} <= 2", f"{name} > 3", f"{name} >= 5", f"{name} != 1")


def divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]
