"""What a primitive is, and the two registries of them.

An op owns its facts side by side: fields or arguments, parameter shapes, shape rule, and a reference. Passes fold over
those facts and never name an op; only `emit/torch` knows how PyTorch spells one. A big table per pass was refused: ops
grow much faster than passes, and a new op should be one place.

- A `Layer` is a component with fields and state: `{type: linear, in_features: 8, out_features: 8}`.
- A `Function` is called in `forward`. Its shape rule is a plain Python function whose signature is the op's signature:
  the annotation of an argument says what may be passed (`Tensor`, `Size`, `int`, `float`, `str`, `bool`, `DType`, ...).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, cast, dataclass_transform

from getspec.record import Record
from getspec.sizes import Size

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape

__all__ = [
    "DTYPES",
    "FUNCTIONS",
    "LAYERS",
    "DType",
    "Function",
    "Layer",
    "Product",
    "ShapeError",
    "Size",
    "Tensor",
    "Weight",
    "attends",
    "broadcast",
    "choice",
    "counted",
    "elementwise",
    "flag",
    "function",
    "has_work",
    "integer",
    "layer",
    "number",
    "products",
    "remembers",
    "saves",
    "size",
]

DType = str
DTYPES: tuple[DType, ...] = ("float", "float32", "int", "bool")
"""`float` is the dtype the model runs in (float32, bfloat16, ...); `float32` is an island that stays float32."""


class ShapeError(Exception):
    """A rule of an op does not hold; the caller knows the place. `argument` names the culprit, where there is one."""

    def __init__(
        self, message: str, *, help: str | None = None, argument: str | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.help, self.argument = message, help, argument


@dataclass(frozen=True, slots=True)
class Tensor:
    """The type of a tensor: dtype and shape."""

    dtype: DType
    shape: tuple[Size, ...]

    @property
    def rank(self) -> int:
        return len(self.shape)

    def axis(self, dim: int, *, extra: int = 0) -> int:
        """`dim` as a non-negative axis; ShapeError when the tensor has no such axis."""
        rank = self.rank + extra
        if not -rank <= dim < rank:
            new = f", and a new one goes from {-rank} to {rank - 1}" if extra else ""
            message = f"dim {dim} is out of range for {self}, which has {self.rank} axes{new}"
            raise ShapeError(message, argument="dim")
        return dim % rank

    def with_shape(self, shape: Iterable[Size]) -> Tensor:
        return Tensor(self.dtype, tuple(shape))

    def with_dtype(self, dtype: DType) -> Tensor:
        return Tensor(dtype, self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


class Weight(NamedTuple):
    """A parameter or buffer that a layer brings: its name in the state dict, shape and dtype."""

    name: str
    shape: tuple[Size, ...]
    dtype: DType = "float"


class Product(NamedTuple):
    """One product of matrices inside an op: its work, and what it multiplies.

    `flops` counts two per multiply-add. Each operand names inputs or weights; the backward pass costs the same work again for
    every operand that a gradient has to reach.
    """

    flops: Size
    operands: tuple[tuple[str, ...], ...]
    causal: bool = False
    """Whether a causal mask hides half of it."""


# Layers


REQUIRED: Any = object()


class Field(NamedTuple):
    """A field of a layer, as its class declares it. (Dataclasses would cost a tenth of a cold `count`.)"""

    default: Any
    metadata: dict[str, Any]
    name: str = ""


class Layer:
    """A primitive component, registered with `@layer`: a frozen record of its fields, given by name."""

    fields: ClassVar[tuple[Field, ...]] = ()
    type: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]] = ("x",)

    def parameters(self) -> Iterator[Weight]:
        """Trainable tensors, in the order of the state dict."""
        return iter(())

    def buffers(self) -> Iterator[Weight]:
        """Persistent tensors that are not trained."""
        return iter(())

    def check(self) -> None:
        """Relations between fields; raises ShapeError with `argument` set to the field."""

    def products(self, *inputs: Tensor) -> tuple[Product, ...]:
        """Matrix products; a layer that has none is named as `elementwise`."""
        return ()

    def counted(self, tool: str, *inputs: Tensor) -> Size | None:
        """What another tool counts for it, where that is not what the tool counts for layers in general."""
        return None

    def saves(self, tape: Tape, out: Tensor, *inputs: Held, **weights: Held) -> Held:
        """Runs in memory: keeps what the backward pass needs, and says where the output lies."""
        raise NotImplementedError

    def infer(self, x: Tensor) -> Tensor:
        """The output's type."""
        raise NotImplementedError

    def __init__(self, **values: Any) -> None:
        for declared in self.fields:
            value = values.pop(declared.name, declared.default)
            if value is REQUIRED:
                raise TypeError(f"{self.type} needs {declared.name}")
            self.__dict__[declared.name] = value
        if values:
            raise TypeError(f"{self.type} has no field {next(iter(values))}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self.type} is frozen")

    def __eq__(self, other: object) -> bool:
        return self.__class__ is other.__class__ and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.type, *vars(self).values()))

    @classmethod
    def declared_fields(cls) -> tuple[Field, ...]:
        return cls.fields


LAYERS: dict[str, type[Layer]] = {}

_Class = TypeVar("_Class", bound=type)


def size(doc: str, *, minimum: int = 1) -> Any:
    """A required integer field: a length of an axis."""
    return Field(REQUIRED, {"kind": "int", "doc": doc, "minimum": minimum})


def integer(default: int, doc: str, *, minimum: int = 1) -> Any:
    """An integer field with a default."""
    return Field(Size.of(default), {"kind": "int", "doc": doc, "minimum": minimum})


def number(default: float, doc: str, *, minimum: float = 0.0, below: float = float("inf")) -> Any:
    """A float field: `minimum <= value < below`."""
    limits = {"minimum": minimum, "below": below}
    return Field(default, {"kind": "float", "doc": doc, **limits})


def flag(default: bool, doc: str) -> Any:
    """A boolean field; it decides structure."""
    return Field(default, {"kind": "bool", "doc": doc})


def choice(default: str, options: tuple[str, ...], doc: str) -> Any:
    """A field that takes one of a few words; it decides structure."""
    return Field(default, {"kind": "str", "doc": doc, "options": options})


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(size, integer, number, flag, choice),
)
def layer(name: str, *, reference: str) -> Callable[[_Class], _Class]:
    """Register a layer under the word that a spec's `type:` uses."""

    def register(cls: _Class) -> _Class:
        made: Any = cls
        declared = {n: f for n, f in vars(cls).items() if isinstance(f, Field)}
        made.fields = tuple(f._replace(name=n) for n, f in declared.items())
        made.type, made.reference = name, reference
        made.summary = (inspect.getdoc(cls) or "").split("\n")[0]
        LAYERS[name] = made
        return cast(_Class, made)

    return register


def has_default(declared: Field) -> bool:
    return declared.default is not REQUIRED


# Functions


class Argument(NamedTuple):
    """One argument of a function op."""

    name: str
    kind: str
    required: bool
    default: Any
    variadic: str = ""
    """`*` or `**` for the arguments that collect the rest."""


class Function(Record):
    """A primitive that `forward` calls."""

    name: str
    rule: Callable[..., Tensor | tuple[Tensor, ...]]
    reference: str
    random: bool = False
    constant: bool = False
    """Whether no value of its arguments has a part in the result: no gradient passes."""

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.rule) or "").split("\n")[0]

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        return tuple(map(_argument, inspect.signature(self.rule).parameters.values()))

    @cached_property
    def leading(self) -> tuple[str, ...]:
        """The arguments that may be given by position, one each."""
        before = takewhile(lambda argument: not argument.variadic, self.arguments)
        return tuple(argument.name for argument in before)

    @cached_property
    def collecting(self) -> Mapping[str, str]:
        """The arguments that collect the rest, by their stars."""
        return {each.variadic: each.name for each in self.arguments if each.variadic}


def _argument(parameter: inspect.Parameter) -> Argument:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    variadic = {int(kind): star for kind, star in stars.items()}.get(int(parameter.kind), "")
    required = parameter.default is parameter.empty and not variadic
    default = None if parameter.default is parameter.empty else parameter.default
    return Argument(parameter.name, str(parameter.annotation), required, default, variadic)


_Rule = TypeVar("_Rule", bound=Callable[..., Any])

FUNCTIONS: dict[str, Function] = {}
PRODUCTS: dict[str, Callable[..., tuple[Product, ...]]] = {}
"""The matrix products of function ops."""
ELEMENTWISE: set[str] = set()
"""Ops without a matrix product, layers and functions; one that is neither here nor has products makes FLOPs a lower bound."""


def elementwise(*names: str) -> None:
    """Say that ops multiply no matrices."""
    ELEMENTWISE.update(names)


def has_work(op: Layer | str) -> bool:
    """Whether it is known what an op multiplies."""
    if isinstance(op, str):
        return op in PRODUCTS or op in ELEMENTWISE
    return type(op).products is not Layer.products or op.type in ELEMENTWISE


def products(name: str) -> Callable[[_Rule], _Rule]:
    """Register what an op multiplies: a function of the same arguments as its shape rule."""

    def register(rule: _Rule) -> _Rule:
        PRODUCTS[name] = rule
        return rule

    return register


COUNTED: dict[str, Callable[..., Size | None]] = {}
"""What other tools count for function ops, where that is not what they count for functions in general."""


def counted(name: str) -> Callable[[_Rule], _Rule]:
    """Register what tools count: a function of a tool's name and the arguments of the op's shape rule."""

    def register(rule: _Rule) -> _Rule:
        COUNTED[name] = rule
        return rule

    return register


ATTENDS: dict[str, Callable[..., tuple[Size, Size]]] = {}
"""Of ops that are attention: the width of all query heads together, and that times the pairs of positions."""


def attends(name: str) -> Callable[[_Rule], _Rule]:
    """Register an op as attention: a function of the same arguments as its shape rule."""

    def register(rule: _Rule) -> _Rule:
        ATTENDS[name] = rule
        return rule

    return register


REMEMBERS: dict[str, Callable[..., tuple[Size, Size]]] = {}
"""Elements that a function op has to keep of each token for the tokens after it, and of how many tokens; an op that is not
here keeps none."""


def remembers(name: str) -> Callable[[_Rule], _Rule]:
    """Register what an op keeps of a token: a function of the same arguments as its shape rule."""

    def register(rule: _Rule) -> _Rule:
        REMEMBERS[name] = rule
        return rule

    return register


SAVES: dict[str, Callable[..., Any]] = {}
"""What running a function op does to memory; an op that is not here makes a total a lower bound."""


def saves(*names: str) -> Callable[[_Rule], _Rule]:
    """Register what ops do to memory: a function of a tape, the output's type, and the op's arguments by name."""

    def register(rule: _Rule) -> _Rule:
        SAVES.update(dict.fromkeys(names, rule))
        return rule

    return register


def function(
    name: str, *, reference: str, random: bool = False, constant: bool = False
) -> Callable[[_Rule], _Rule]:
    """Register a shape rule under the name that `forward` calls."""

    def register(rule: _Rule) -> _Rule:
        FUNCTIONS[name] = Function(name, rule, reference, random, constant)
        return rule

    return register


# Rules that many ops share


def broadcast(*tensors: Tensor) -> tuple[Size, ...]:
    """The common shape under NumPy broadcasting; ShapeError names both axes."""
    rank = max((tensor.rank for tensor in tensors), default=0)
    shape: list[Size] = []
    for back in range(rank, 0, -1):
        chosen, owner = Size.of(1), tensors[0]
        for tensor in tensors:
            if tensor.rank < back:
                continue
            length = tensor.shape[-back]
            # What is spelled alike or as 1 comes first: it holds whatever the names are.
            if length.is_alike(chosen) or length.is_alike(1):
                continue
            if chosen.is_alike(1) or chosen == 1:
                chosen, owner = length, tensor
            elif length not in (chosen, Size.of(1)):
                raise ShapeError(
                    f"axis -{back} is {chosen} in {owner} and {length} in {tensor}; they do not broadcast"
                )
        shape.append(chosen)
    return tuple(shape)


def promote(*tensors: Tensor) -> DType:
    """The dtype of an arithmetic result: bool < int < float < float32."""
    order = ("bool", "int", "float", "float32")
    return max((tensor.dtype for tensor in tensors), key=order.index)


def require_float(x: Tensor, what: str) -> None:
    if x.dtype not in ("float", "float32"):
        raise ShapeError(
            f"{what} wants a float tensor, this is {x}", help="cast(x, float)", argument="x"
        )


def require_model_float(x: Tensor, what: str) -> None:
    """Layers hold weights in the model's dtype, so a float32 island must be left first."""
    if x.dtype != "float":
        raise ShapeError(
            f"{what} wants the model's float, this is {x}", help="cast(x, float)", argument="x"
        )


def require_last(x: Tensor, length: Size, what: str) -> None:
    if not x.shape or x.shape[-1] != length:
        last = x.shape[-1] if x.shape else "missing"
        raise ShapeError(f"the last axis of {x} is {last}; {what} is {length}", argument="x")


def require_probability(p: float, argument: str) -> None:
    if not 0 <= p < 1:
        raise ShapeError(f"a probability is in [0, 1), this is {p}", argument=argument)
