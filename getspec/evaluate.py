"""Compile-time expressions: names and arithmetic, worked out exactly, with their spelling kept.

Python's own `eval` was refused because a spec may come from a stranger, and floats were refused for sizes: integers divide
exactly with `/` or fail with the remainder, `//` rounds down on purpose.

An expression that decides structure (a `when`, a repeat, a flag) is *decided*: the settings behind it are noted, and the
generated class does not take them as arguments. Deciding on a number that varies along a repeat raises `NeedsIndex`, and
`elaborate` then looks at every position by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from getspec.errors import Fix, SpecError, meant
from getspec.ir import Const, Expr, Group, Name, Operation, Pick, Varying
from getspec.sizes import Inexact, Size
from getspec.syntax import (
    COMPARISON,
    At,
    Binary,
    Call,
    Choice,
    Compare,
    Expression,
    Index,
    Items,
    Literal,
    Logic,
    Node,
    Pop,
    Text,
    Unary,
    names,
)
from getspec.syntax import Name as NameNode

__all__ = ["UNKNOWN", "Evaluator", "NeedsIndex", "Scope", "described"]

LIMIT = 2**63
TRUTH = dict.fromkeys(("true", "yes", "on"), "True") | dict.fromkeys(
    ("false", "no", "off"), "False"
)
"""Words for truth in YAML 1.1 and elsewhere."""
UNKNOWN = Const("unknown")
"""What a name holds after an error that was reported."""


class NeedsIndex(Exception):
    """Structure depends on the position in a repeat."""


class Scope:
    """What names mean in one definition, and which settings stand behind each."""

    def __init__(self, names: Mapping[str, Expr] | None = None) -> None:
        self.names: dict[str, Expr] = dict(names or {})
        self.roots: dict[str, frozenset[str]] = {}
        self.decided: set[str] = set()
        self.chosen: set[str] = set()
        """Names that chose one side of an expression, of which the other side is lost."""
        self.free: frozenset[str] = frozenset()
        """Positions in a repeat that floats may depend on without telling one copy from another."""

    def nested(self) -> Scope:
        """A scope within this one: names that are added stay in it, decisions are those of both."""
        inner = Scope(self.names)
        inner.roots, inner.decided = self.roots, self.decided
        return inner

    def setting(self, name: str, value: Any) -> None:
        self.names[name] = Name(named(name, value), name, "setting")
        self.roots[name] = frozenset((name,))

    def let(self, name: str, value: Any, used: frozenset[str]) -> None:
        self.names[name] = Name(named(name, value), name, "let")
        self.roots[name] = frozenset().union(*(self.roots.get(each, frozenset()) for each in used))

    def index(self, name: str, value: Any) -> None:
        self.names[name] = Name(named(name, value), name, "index")

    def decide(self, used: frozenset[str]) -> None:
        """Note that structure depends on these names."""
        known = (self.names.get(name) for name in used)
        if any(each is not None and isinstance(each.value, Varying) for each in known):
            raise NeedsIndex
        for name in used:
            self.decided |= self.roots.get(name, frozenset())


def _asks_position(expr: Expr) -> bool:
    """Whether a position in a repeat is named."""
    at = isinstance(expr, Name) and expr.kind == "index"
    return at or any(map(_asks_position, expr.parts))


def named(name: str, value: Any) -> Any:
    """The value as its name spells it."""
    if isinstance(value, Size) and value.known is not None:
        return Size.named(name, value.known)
    if isinstance(value, tuple):
        return tuple(named(f"{name}[{at}]", item) for at, item in enumerate(value))
    return value


class Evaluator:
    """Turns syntax into typed expressions. `text` is where the syntax stands, for errors."""

    def __init__(self, scope: Scope, text: Text) -> None:
        self.scope = scope
        self.text = text
        self.partial = False
        """Whether something is left out that would be asked at another position in a repeat."""

    # Ways in

    @classmethod
    def of(cls, scope: Scope, expression: Expression) -> Expr:
        """The expression, or its value where its text would not hold at every position in a repeat."""
        evaluator = cls(scope, expression.text)
        found = evaluator.expr(expression.node)
        if evaluator.partial and _asks_position(found):
            scope.chosen |= names(expression.node)
            scope.decide(names(expression.node))
            return Const(found.value)
        return found

    @classmethod
    def decided(cls, scope: Scope, expression: Expression) -> Any:
        """The value of an expression that structure depends on."""
        value = cls.of(scope, expression).value
        scope.decide(names(expression.node))
        if isinstance(value, Varying):
            raise NeedsIndex
        return value

    def error(self, code: str, message: str, node: Node | At, help: str | None = None) -> SpecError:
        return self.text.error(code, message, node if isinstance(node, At) else node.at, help)

    def expr(self, node: Node) -> Expr:
        rule = RULES.get(type(node))
        if rule is None:
            raise self.error("GS203", "this has no place in an expression", node)
        return rule(self, node)

    def literal(self, value: Any) -> Const:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return Const(Size.of(value) if whole else value)

    def choice(self, test: Node, then: Node, otherwise: Node) -> Expr:
        return self.by_position(test, then, otherwise) or self.one_side(test, then, otherwise)

    def items(self, kind: str, values: tuple[Node, ...]) -> Group:
        parts = tuple(self.expr(value) for value in values)
        return Group(tuple(part.value for part in parts), kind, parts)

    def pop(self, node: Pop) -> Expr:
        raise self.error("GS203", "this has no place in an expression", node)

    # Names

    def name(self, node: Node, id: str) -> Expr:
        found = self.scope.names.get(id)
        if found is None:
            raise self.unknown(node, id)
        if found is UNKNOWN:
            raise SpecError(())  # reported where it is made
        return found

    def unknown(self, node: Node, id: str) -> SpecError:
        known = {n: e for n, e in self.scope.names.items() if _is_plain(e.value)}
        alone = (
            self.text.value.strip() == id
        )  # YAML reads a value, and Python what is in an expression
        truth = ("true", "false") if alone else ("True", "False")
        help = meant(id, [*known, *truth], f"names here: {_listed(known)}")
        if id in TRUTH:
            help = Fix(f"write `{TRUTH[id]}`", TRUTH[id])
        return self.error("GS210", f"unknown name `{id}`", node, help)

    # Operators

    def unary(self, node: Node, op: str, operand: Expr) -> Expr:
        value = operand.value
        if op == "not":
            return Operation(not self.truth(node, value), op, (operand,))
        if isinstance(value, Varying):
            return Operation(value, op, (operand,))
        if not _is_number(value) or op == "~":
            raise self.error("GS205", f"`{op}` wants a number, this is {described(value)}", node)
        if isinstance(operand, Const) and op == "-":
            return Const(-value)
        return Operation(-value if op == "-" else value, op, (operand,))

    def binary(self, node: Node, op: str, left: Expr, right: Expr) -> Expr:
        return Operation(self.arithmetic(node, op, left.value, right.value), op, (left, right))

    def arithmetic(self, node: Node, op: str, left: Any, right: Any) -> Any:
        for value in (left, right):
            if not (_is_number(value) or isinstance(value, Varying)):
                message = f"`{op}` wants numbers, this is {described(value)}"
                raise self.error("GS205", message, node)
        if isinstance(left, Varying) or isinstance(right, Varying):
            whole = all(isinstance(v, Size) or v == Varying("int") for v in (left, right))
            return Varying("int" if whole and op != "/" else "float")
        try:
            if isinstance(left, Size) and isinstance(right, Size):
                made = _integer(op, left, right)
                return (
                    self.within(node, made) if isinstance(made, Size) else self.finite(node, made)
                )
            if op == "@" or op in "&|":
                raise self.error("GS205", f"`{op}` is for tensors", node)
            return self.finite(node, _float(op, _plain(left), _plain(right)))
        except ZeroDivisionError:
            raise self.error(
                "GS206",
                "division by zero",
                node,
                "divide by a number that is not 0; the positions of a repeat begin at 0",
            ) from None
        except Inexact:
            raise self.error(
                "GS206",
                f"{left} / {right} leaves a remainder{_remainder(left, right)}",
                node,
                "`//` rounds down",
            ) from None
        except (OverflowError, ValueError):
            raise self.error("GS207", "the result is too large", node) from None
        except TypeError:
            raise self.error("GS205", f"`{op}` is not for numbers like these", node) from None

    def within(self, node: Node, value: Size) -> Size:
        if value.known is not None and abs(value.known) >= LIMIT:
            raise self.error("GS207", "the result is not below 2**63", node)
        return value

    def finite(self, node: Node, value: float) -> float:
        if isinstance(value, complex) or not math.isfinite(value):
            raise self.error("GS207", "the result is not a finite number", node)
        return value

    def compare(self, node: Node, op: str, left: Expr, right: Expr) -> Expr:
        a, b = left.value, right.value
        if isinstance(a, Varying) or isinstance(b, Varying):
            raise NeedsIndex
        if isinstance(a, Size) and isinstance(b, Size) and op in ("==", "!="):
            return Operation((a == b) == (op == "=="), op, (left, right))
        for value in (a, b):
            if isinstance(value, Size) and value.known is None:
                message = f"`{value}` is known at run time only, so nothing can depend on it here"
                raise self.error("GS208", message, node)
        a, b = _plain(a), _plain(b)
        comparable = (
            (_is_float(a) and _is_float(b))
            or op in ("==", "!=")
            or (isinstance(a, str) and isinstance(b, str))
        )
        if not comparable:
            message = f"`{op}` cannot compare {described(left.value)} with {described(right.value)}"
            raise self.error("GS205", message, node)
        return Operation(COMPARISON[op](a, b), op, (left, right))

    def logic(self, op: str, values: tuple[Node, ...]) -> Expr:
        """Left to right, as far as needed: what is not reached need not make sense."""
        parts: list[Expr] = []
        for at, node in enumerate(values, 1):
            parts.append(self.expr(node))
            if self.truth(node, parts[-1].value) != (op == "and"):
                parts += self.at_other_positions(values, at)
                return Operation(op == "or", op, tuple(parts)) if len(parts) > 1 else parts[0]
        return Operation(op == "and", op, tuple(parts))

    def at_other_positions(self, values: tuple[Node, ...], reached: int) -> Iterator[Expr]:
        """What is not reached at this position in a repeat may be at another one, and stays for the loop to ask."""
        if any(map(self.asks_position, values)):
            try:
                for node in values[reached:]:
                    part = self.expr(node)
                    self.truth(node, part.value)
                    yield part
            except SpecError:
                self.partial = True

    def truth(self, node: Node, value: Any) -> bool:
        if isinstance(value, Varying):
            raise NeedsIndex
        if isinstance(value, bool):
            return value
        raise self.error("GS205", f"a condition is true or false, this is {described(value)}", node)

    def by_position(self, test: Node, then: Node, otherwise: Node) -> Expr | None:
        """A number that the position in a repeat chooses: both sides stay, for the loop to choose."""
        if not self.asks_position(test):
            return None
        found = self.expr(test)
        try:
            parts = (self.expr(then), found, self.expr(otherwise))
        except SpecError:  # the side that is not taken need not make sense
            self.partial = True
            return None
        if self.partial or not (_is_number(parts[0].value) and _is_number(parts[2].value)):
            self.partial = True
            return None
        value = parts[0 if self.truth(test, found.value) else 2].value
        return Operation(value, "if", parts)

    def asks_position(self, node: Node) -> bool:
        """Whether a position in a repeat is named."""
        known = (self.scope.names.get(name) for name in names(node))
        return any(isinstance(name, Name) and name.kind == "index" for name in known)

    def one_side(self, test: Node, then: Node, otherwise: Node) -> Expr:
        """The side that holds; nothing stays of the other."""
        chosen = then if self.test(test) else otherwise
        self.scope.chosen |= names(test)
        return self.expr(chosen)

    def test(self, node: Node) -> bool:
        """A condition that decides something now."""
        result = self.truth(node, self.expr(node).value)
        self.scope.decide(names(node))
        return result

    # Items and calls

    def index(self, node: Node, base: Expr, items: tuple[Node, ...]) -> Expr:
        if not isinstance(base.value, tuple) or len(items) != 1:
            message = f"{described(base.value)} has no items"
            if isinstance(base.value, tuple):
                message = f"{described(base.value)} has one axis, {len(items)} indices are given"
            raise self.error("GS205", message, node)
        place = self.expr(items[0])
        if isinstance(place.value, Varying):
            raise NeedsIndex
        at = self.whole(items[0], place.value)
        if not -len(base.value) <= at < len(base.value):
            message = f"item {at} of a list of {len(base.value)}"
            raise self.error("GS209", message, items[0])
        return Pick(base.value[at], base, place)

    def whole(self, node: Node, value: Any) -> int:
        if isinstance(value, Size) and value.known is not None:
            return value.known
        if isinstance(value, Varying):
            raise NeedsIndex
        raise self.error("GS205", f"an integer is expected, this is {described(value)}", node)

    def call(
        self, node: Node, callee: Node, args: tuple[Node, ...], keywords: tuple[Any, ...]
    ) -> Expr:
        assert isinstance(callee, NameNode | Index)
        id = callee.id if isinstance(callee, NameNode) else ""
        rule = SCALAR.get(id)
        if rule is None:
            help = meant(id, SCALAR, f"functions here: {', '.join(SCALAR)}")
            raise self.error("GS211", f"`{id}` is not a function of numbers", callee, help)
        return self.scalar(node, id, tuple(self.expr(arg) for arg in args), keywords)

    def scalar(self, node: Node, id: str, args: tuple[Expr, ...], keywords: Any = ()) -> Expr:
        values = [arg.value for arg in args]
        if any(isinstance(value, Varying) for value in values):
            kind = "int" if id in ("int", "round", "ceil_div", "min", "max") else "float"
            return Operation(Varying(kind), id, args)
        if keywords:
            raise self.error("GS212", f"`{id}` takes its arguments by position", node)
        try:
            value = SCALAR[id](*values)
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            wanted = f"`{id}` takes {_TAKES[id]}"
            given = ", ".join(described(value) for value in values) or "nothing"
            raise self.error("GS212", f"{wanted}; given: {given}", node) from None
        return Operation(self.within(node, value) if isinstance(value, Size) else value, id, args)


def _integer(op: str, left: Size, right: Size) -> Size | float:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left.exactly(right)
        case "//":
            if right == 0:
                raise ZeroDivisionError
            return left // right
    a, b = int(left), int(right)
    if op == "%":
        return Size.of(a % b)
    if op != "**":
        raise TypeError
    if b < 0:
        return _float("**", float(a), float(b))
    if abs(a) > 1 and b * math.log2(abs(a)) >= 63:
        raise OverflowError
    total = Size.of(1)
    if abs(a) <= 1:
        return Size.of(a**b)
    for _ in range(b):
        total = total * left
    return total


def _float(op: str, left: float, right: float) -> float:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "//":
            return left // right
        case "%":
            return left % right
    return float(left**right)


def _plain(value: Any) -> Any:
    """Sizes as the integers they are."""
    return int(value) if isinstance(value, Size) else value


def _numbers(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values or not all(_is_number(value) for value in values):
        raise TypeError
    return tuple(_plain(value) for value in values)


def _min(*values: Any) -> Any:
    plain = _numbers(values)
    return values[plain.index(min(plain))]


def _max(*values: Any) -> Any:
    plain = _numbers(values)
    return values[plain.index(max(plain))]


def _length(items: Any) -> Size:
    if not isinstance(items, tuple):
        raise TypeError
    return Size.of(len(items))


def _sqrt(value: Any) -> float:
    (number,) = _numbers((value,))
    return math.sqrt(number)


def _log(value: Any) -> float:
    (number,) = _numbers((value,))
    return math.log(number)


def _int(value: Any) -> Size:
    (number,) = _numbers((value,))
    return value if isinstance(value, Size) else Size.of(int(number))


def _round(value: Any) -> Size:
    (number,) = _numbers((value,))
    return Size.of(round(number))


def _to_float(value: Any) -> float:
    (number,) = _numbers((value,))
    return float(number)


def _ceil_div(value: Any, by: Any) -> Size:
    if not (isinstance(value, Size) and isinstance(by, Size)):
        raise TypeError
    if by == 0:
        raise ZeroDivisionError
    return -(-value // by)


RULES: Mapping[type[Node], Callable[[Evaluator, Any], Expr]] = {
    Literal: lambda self, node: self.literal(node.value),
    NameNode: lambda self, node: self.name(node, node.id),
    Unary: lambda self, node: self.unary(node, node.op, self.expr(node.operand)),
    Binary: lambda self, node: self.binary(
        node, node.op, self.expr(node.left), self.expr(node.right)
    ),
    Compare: lambda self, node: self.compare(
        node, node.op, self.expr(node.left), self.expr(node.right)
    ),
    Logic: lambda self, node: self.logic(node.op, node.values),
    Choice: lambda self, node: self.choice(node.test, node.then, node.otherwise),
    Items: lambda self, node: self.items(node.kind, node.values),
    Index: lambda self, node: self.index(node, self.expr(node.base), node.items),
    Call: lambda self, node: self.call(node, node.callee, node.args, node.keywords),
    Pop: lambda self, node: self.pop(node),
}

SCALAR: dict[str, Callable[..., Any]] = {
    "min": _min,
    "max": _max,
    "len": _length,
    "sqrt": _sqrt,
    "log": _log,
    "int": _int,
    "float": _to_float,
    "round": _round,
    "ceil_div": _ceil_div,
}


_TAKES: dict[str, str] = {
    "min": "one or more numbers",
    "max": "one or more numbers",
    "len": "one list",
    "sqrt": "one number that is not negative",
    "log": "one positive number",
    "int": "one number",
    "float": "one number",
    "round": "one number",
    "ceil_div": "two integers, the second not 0",
}


def described(value: Any) -> str:
    """A value in an error message."""
    match value:
        case bool():
            return str(value).lower()
        case Size():
            return f"the size {value}" if value.known is None else f"{value}"
        case str():
            return f"the word '{value}'"
        case None:
            return "None"
        case tuple():
            return f"a list of {len(value)}"
        case Varying():
            return "a number that varies along the repeat"
    return str(value)


def _remainder(left: Any, right: Any) -> str:
    a, b = _plain_known(left), _plain_known(right)
    return f" of {a % b}" if a is not None and b else ""


def _plain_known(value: Any) -> int | None:
    return value.known if isinstance(value, Size) else None


def _is_plain(value: Any) -> bool:
    """What an expression can use: not tensors and components."""
    return isinstance(value, Size | float | bool | str | tuple | Varying)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_float(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Size) or _is_float(value)


def _listed(found: Mapping[str, Any]) -> str:
    shown = list(found)[:12]
    return (", ".join(shown) + (", ..." if len(found) > 12 else "")) or "none"
