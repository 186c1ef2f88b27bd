"""Expressions as Python text, with as few parentheses as the reader needs.

One printer serves `__init__`, where names are arguments, and `forward`, where they are attributes; it notes which names it
wrote, so that a class takes and keeps what it uses and nothing else. Every literal of a spec reaches the file through
`literal`, which can only write numbers, words and tuples of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from getspec import ir
from getspec.emit.functions import FUNCTION_TEXT
from getspec.ops.base import Tensor
from getspec.sizes import Floor, Poly, Size

if TYPE_CHECKING:
    from getspec.emit.classes import Names

__all__ = ["ATOM", "Printer", "literal", "shape_text"]

# Binding strength, weakest first.
TUPLE, CHOICE, OR, AND, NOT, COMPARE, BITOR, BITAND, SUM, PRODUCT, SIGN, POWER, ATOM = range(13)

LEVEL = {
    "or": OR,
    "and": AND,
    "|": BITOR,
    "&": BITAND,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "//": PRODUCT,
    "%": PRODUCT,
    "@": PRODUCT,
    "**": POWER,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), COMPARE),
}
OPERATOR_OF = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "remainder": "%",
    "power": "**",
    "matmul": "@",
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "logical_and": "&",
    "logical_or": "|",
}
SIMPLE = re.compile(r"-?[\w.]+")
"""Operands that `**` binds to without spaces, as ruff lays it out."""

Text = tuple[str, int]
LONGEST_AXIS = 40


def literal(value: Any) -> str:
    """A value of a spec as Python source."""
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, Size):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = repr(value)
        return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    if isinstance(value, str):
        single = ascii('"' + value)[2:-1]  # which Python puts in single quotes, for the double one
        return '"' + single.replace("\\'", "'").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        items = ", ".join(map(literal, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    raise TypeError(f"no literal for {value!r}")


class Printer:
    """Prints the expressions of one definition. `self_names` is where settings are attributes."""

    def __init__(self, names: Names, *, in_forward: bool, fixed: Mapping[str, Any]) -> None:
        self.names = names
        self.in_forward = in_forward
        self.fixed = fixed
        self.used: dict[str, None] = {}
        """Settings and named values that were written."""
        self.constants: dict[str, Any] | None = None
        """Lists that are fixed, where the text can name them first and then pick from them."""
        self.positions: dict[str, int] = {}
        """Positions in repeats that are written as the numbers they are, by the names that count."""
        self.alias: dict[str, str] = {}
        """Text for loop variables of a loop that is written out."""
        self.trains = False
        """Whether something written asks if the model is in training."""
        self.module = ""
        """How an expression refers to the module it belongs to; `self.` unless nested."""

    def __call__(self, expr: ir.Expr) -> str:
        return self.text(expr)[0]

    def size(self, symbol: str) -> str:
        """A size that only run time knows."""
        return symbol

    def dtype(self) -> str:
        """The dtype that new tensors get."""
        return "torch.get_default_dtype()"

    def device(self) -> str | None:
        """The device that new tensors go to, where anything says so."""
        return None

    def at_least(self, expr: ir.Expr, level: int) -> str:
        """The text, in parentheses if it binds less strongly."""
        text, strength = self.text(expr)
        return text if strength >= level else f"({text})"

    def training(self) -> str:
        """Whether the model is in training; a function is told so by its caller."""
        self.trains = True
        return "self.training" if self.in_forward else "training"

    def signed(self, expr: ir.Expr) -> str:
        """What follows a sign: a power stands in parentheses, `-(x**2)`, as formatters write it."""
        text, strength = self.text(expr)
        return text if strength == ATOM else f"({text})"

    def atom(self, expr: ir.Expr) -> str:
        return self.at_least(expr, ATOM)

    def text(self, expr: ir.Expr) -> Text:
        match expr:
            case ir.Const():
                return self.const(expr.value)
            case ir.Name():
                return self.name(expr)
            case ir.Operation():
                return self.operation(expr)
            case ir.Group():
                return self.group(expr)
            case ir.Pick():
                return self.pick(expr)
            case ir.Subscript():
                return f"{self.atom(expr.base)}[{self.items(expr)}]", ATOM
            case ir.Call():
                args = ", ".join(self(arg) for _, arg in expr.args)
                return f"{self.atom(expr.target)}({args})", ATOM
            case ir.RoutineCall():
                return self.names.routine_call(self, expr), ATOM
            case ir.Apply():
                return self.apply(expr)
        raise AssertionError(expr)

    def const(self, value: Any) -> Text:
        if isinstance(value, ir.Link):
            return self.link(value.path), ATOM
        negative = isinstance(value, float | Size) and _number(value) < 0
        return literal(value), SIGN if negative else ATOM

    def link(self, path: str) -> str:
        head, *rest = path.split(".")
        return f"self.{head}" + "".join(f"[{part}]" for part in rest)

    def name(self, expr: ir.Name) -> Text:
        id = expr.id
        if id in self.alias:
            return self.alias[id], ATOM
        if expr.kind in ("setting", "let"):
            if id in self.fixed:
                return self.known(id, self.fixed[id])
            self.used[id] = None
            return (f"self.{id}" if self.in_forward else id), ATOM
        if expr.kind == "weight":
            return f"self.{id}", ATOM
        if expr.kind == "size":
            return self.size(id), ATOM
        if expr.kind == "index" and id in self.positions:
            return self.const(Size.of(self.positions[id]))
        if expr.kind == "index":
            self.used[id] = None
        return id, ATOM

    def known(self, id: str, value: Any) -> Text:
        """A setting that the class does not take: the value it has, or a list that stands above."""
        if isinstance(value, tuple) and self.constants is not None:
            self.constants[id] = value
            return id, ATOM
        return self.const(value)

    # Arithmetic before run time

    def operation(self, expr: ir.Operation) -> Text:
        op, operands = expr.op, expr.operands
        if self.settled(expr) and any(map(self.replaced, operands)):
            return self.const(expr.value)
        if op == "if":
            then, test = (self.at_least(part, OR) for part in operands[:2])
            return f"{then} if {test} else {self.at_least(operands[2], CHOICE)}", CHOICE
        if op in (
            "min",
            "max",
            "len",
            "int",
            "float",
            "round",
            "range",
            "reversed",
            "zip",
            "enumerate",
        ):
            return self.function(op, operands), ATOM
        if op in ("sqrt", "log"):
            return f"math.{op}({self(operands[0])})", ATOM
        if op == "ceil_div":
            top, by = self.at_least(operands[0], SIGN), self.at_least(operands[1], POWER)
            return f"-(-{top} // {by})", SIGN
        if op == "not":
            return f"not {self.at_least(operands[0], NOT)}", NOT
        if op == "+" and len(operands) == 1:
            return self.text(operands[0])
        if len(operands) == 1:
            return f"{op}{self.signed(operands[0])}", SIGN
        if op in ("and", "or"):
            rest = [part for part in operands if not self.settled(part)]
            if not rest or any(part.value is (op == "or") for part in operands if part not in rest):
                return self.const(expr.value)
            if len(rest) == 1:
                return self.text(rest[0])
            parts = [self.at_least(part, LEVEL[op] + 1) for part in rest]
            return f" {op} ".join(parts), LEVEL[op]
        whole = all(isinstance(part.value, Size) for part in operands)
        return self.infix("//" if op == "/" and whole else op, *operands)

    def settled(self, expr: ir.Expr) -> bool:
        """Whether an integer or a condition is the same for every instance of the class."""
        if not isinstance(expr.value, Size | bool | tuple):
            return False
        match expr:
            case ir.Const():
                return True
            case ir.Name():
                return self.replaced(expr)
            case ir.Operation(_, op, operands):
                lists = op != "len" and any(isinstance(part.value, tuple) for part in operands)
                return not lists and all(map(self.settled, operands))
        return False

    def replaced(self, expr: ir.Expr) -> bool:
        """Whether something stands for a name of the spec that the class does not have."""
        match expr:
            case ir.Name(_, id, kind):
                return id in self.fixed or (kind == "index" and id in self.positions)
            case ir.Operation(_, _, operands):
                return any(map(self.replaced, operands))
        return False

    def function(self, op: str, operands: tuple[ir.Expr, ...]) -> str:
        args = ", ".join(map(self, operands))
        return f"{op}({args}, strict=True)" if op == "zip" else f"{op}({args})"

    def infix(self, op: str, left: ir.Expr, right: ir.Expr) -> Text:
        level = LEVEL[op]
        a = self.at_least(left, level + (op == "**" or level == COMPARE))
        b = self.at_least(right, SIGN if op == "**" else level + 1)
        tight = op == "**" and all(SIMPLE.fullmatch(side) for side in (a, b))
        return f"{a}**{b}" if tight else f"{a} {op} {b}", level

    def group(self, expr: ir.Group) -> Text:
        items = ", ".join(map(self, expr.items))
        if expr.kind == "list":
            return f"[{items}]", ATOM
        return (f"({items},)" if len(expr.items) == 1 else f"({items})"), ATOM

    def pick(self, expr: ir.Pick) -> Text:
        if expr.index is None:
            return f"{self.atom(expr.base)}.pop()", ATOM
        return f"{self.atom(expr.base)}[{self(expr.index)}]", ATOM

    # Tensors

    def items(self, expr: ir.Subscript) -> str:
        parts = [self.item(item) for item in expr.items]
        full = next((i for i, part in enumerate(parts) if part != ":"), len(parts))
        rank = expr.base.value.rank
        if full > 1 and len(parts) == rank and "None" not in parts:
            parts = ["...", *parts[full:]]
        while len(parts) > 1 and parts[-1] == ":":
            parts.pop()
        return ", ".join(parts)

    def item(self, item: Any) -> str:
        if isinstance(item, tuple):
            start, stop, step = item
            bounds = [self(bound) if bound is not None else "" for bound in (start, stop)]
            stride = f":{step}" if step != 1 else ""
            if not all(re.fullmatch(r"-?\w*", bound) for bound in bounds):
                bounds = [
                    f"{bounds[0]} " if bounds[0] else "",
                    f" {bounds[1]}" if bounds[1] else "",
                ]
                if stride:
                    stride = f" : {step}" if bounds[1] else f": {step}"
            return ":".join(bounds) + stride
        return self(item)

    def apply(self, expr: ir.Apply) -> Text:
        sign = OPERATOR_OF.get(expr.op)
        if expr.op == "floor_divide" and expr.value.dtype != "int":
            # torch has no derivative of `//`.
            return f"torch.floor({self.infix('/', *expr.args.values())[0]})", ATOM
        if sign:
            return self.infix(sign, *expr.args.values())
        if expr.op == "negative":
            return f"-{self.signed(expr.args['x'])}", SIGN
        if expr.op == "logical_not":
            return f"~{self.signed(expr.args['x'])}", SIGN
        made = FUNCTION_TEXT[expr.op](self, expr)
        return made if isinstance(made, tuple) else (made, ATOM)


def shape_text(type: Tensor) -> str:
    """`(B, N, 3*dim)`: the axes as a reader of the class knows them."""
    axes = [_axis(length) for length in type.shape]
    return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"


def _axis(length: Size) -> str:
    """The size as spelled, unless that is long or keeps a division which a run-time size does not need."""
    needless = _divides(length.spelled) and length.known is None and not _divides(length.value)
    long = len(str(length.spelled)) > LONGEST_AXIS and length.known is None
    return str(length.value if needless or long else length.spelled)


def _divides(poly: Poly) -> bool:
    return any(isinstance(atom, Floor) for monomial, _ in poly.terms for atom in monomial)


def _number(value: Any) -> float:
    return (value.known or 0) if isinstance(value, Size) else value
