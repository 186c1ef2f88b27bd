"""The closed language of expressions and of `forward`: a subset of Python, parsed and never evaluated as Python.

`ast` is used as a tokenizer with a grammar; what it returns is walked once into the frozen nodes below, and a node kind
that is not listed is refused with the construct to use instead. Own parsing was refused because readers, editors and
highlighters already know this syntax; `eval` was refused because a spec may come from a stranger. Text is capped in
length and depth before `ast` sees it.

Every node holds `at`, its place inside the text it came from; `Text.span` turns that into a place in the YAML file.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from getspec.errors import Diagnostic, Span, SpecError
from getspec.record import Record

__all__ = [
    "Append",
    "Assign",
    "Binary",
    "Body",
    "Call",
    "Choice",
    "Compare",
    "Expression",
    "For",
    "If",
    "Index",
    "Items",
    "Literal",
    "Logic",
    "Name",
    "Node",
    "Pop",
    "Return",
    "Slice",
    "Statement",
    "Text",
    "Unary",
    "names",
    "names_of",
    "parse_body",
    "parse_expression",
]

MAX_EXPRESSION = 2_000
MAX_BODY = 64 * 1024
MAX_DEPTH = 50
MAX_INTEGER = 2**63
_ADVISED = re.compile(r"[0-9][A-Za-z_]|\\")


class At(NamedTuple):
    """A place inside one text: 1-based line, 0-based column, width in characters."""

    line: int
    col: int
    width: int


class Text(Record):
    """A piece of source text and the way back to its file."""

    value: str
    locate: Callable[[int, int, int], Span]

    def span(self, at: At) -> Span:
        return self.locate(at.line, at.col, at.width)

    def error(self, code: str, message: str, at: At, help: str | None = None) -> SpecError:
        return SpecError([Diagnostic(code, message, self.span(at), help)])


class Literal(Record):
    at: At
    value: int | float | bool | str | None


class Name(Record):
    at: At
    id: str


class Unary(Record):
    at: At
    op: str
    operand: Node


class Binary(Record):
    at: At
    op: str
    left: Node
    right: Node


class Compare(Record):
    at: At
    op: str
    left: Node
    right: Node


class Logic(Record):
    at: At
    op: str
    values: tuple[Node, ...]


class Choice(Record):
    at: At
    test: Node
    then: Node
    otherwise: Node


class Call(Record):
    """`callee(args, key=value)`; the callee is a name, or an item of a component list: `layers[0](x)`."""

    at: At
    callee: Name | Index
    args: tuple[Node, ...]
    keywords: tuple[tuple[str, Node], ...]


class Slice(Record):
    at: At
    start: Node | None
    stop: Node | None
    step: Node | None


class Index(Record):
    at: At
    base: Node
    items: tuple[Node, ...]


class Items(Record):
    """A list `[a, b]` or a tuple `(a, b)`."""

    at: At
    kind: str
    values: tuple[Node, ...]


class Pop(Record):
    """`name.pop()`: the last item of a list, taken off it."""

    at: At
    name: str


Node = (
    Literal | Name | Unary | Binary | Compare | Logic | Choice | Call | Slice | Index | Items | Pop
)


class Assign(Record):
    at: At
    targets: tuple[str, ...]
    value: Node
    unpack: bool
    comment: tuple[str, ...] = ()


class Append(Record):
    at: At
    name: str
    value: Node
    comment: tuple[str, ...] = ()


class Return(Record):
    at: At
    values: tuple[Node, ...]
    comment: tuple[str, ...] = ()


class For(Record):
    at: At
    targets: tuple[str, ...]
    iterable: Node
    body: tuple[Statement, ...]
    comment: tuple[str, ...] = ()


class If(Record):
    at: At
    test: Node
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    comment: tuple[str, ...] = ()


Statement = Assign | Append | Return | For | If


class Expression(Record):
    """One expression of the structure half, with the text it stands in."""

    node: Node
    text: Text
    names: frozenset[str] = frozenset()
    """Every name in it."""

    @property
    def span(self) -> Span:
        return self.text.span(self.node.at)


class Body(Record):
    """The statements of one `forward`."""

    statements: tuple[Statement, ...]
    text: Text


def parse_expression(value: int | float | bool | str | None, text: Text) -> Expression:
    """A YAML scalar as an expression: numbers stand for themselves, strings are parsed."""
    if not isinstance(value, str):
        if isinstance(value, int) and abs(value) >= MAX_INTEGER:
            raise text.error("GS203", "integers are below 2**63", At(1, 0, len(text.value)))
        return Expression(Literal(At(1, 0, max(len(text.value), 1)), value), text)
    source = value.strip()
    if not source:
        raise text.error("GS201", "an expression is expected here, the value is empty", At(1, 0, 1))
    try:
        node, used = _expression(value)
    except SpecError:
        node = _read_expression(value, text)  # again, for an error at the right place
        used = names(node)
    return Expression(node, text, used)


@lru_cache(maxsize=4096)
def _expression(value: str) -> tuple[Node, frozenset[str]]:
    """Nodes hold places within their text only, so equal texts share them."""
    text = Text(value, lambda line, col, width: Span("", line, col, width))
    node = _read_expression(value, text)
    return node, names(node)


def _read_expression(value: str, text: Text) -> Node:
    source = value.strip()
    _guard(value, text, MAX_EXPRESSION)
    lead = len(value) - len(value.lstrip())
    tree = _python(source, text, "eval", shift=lead)
    assert isinstance(tree, ast.Expression)
    return _Reader(text, source, lead).node(tree.body, 0)


def parse_body(value: str, text: Text) -> Body:
    """The `forward` block as statements; comments on their own line stay with the next statement."""
    if not value.strip():
        raise text.error("GS401", "forward is empty", At(1, 0, 1), "write at least `return x`")
    _guard(value, text, MAX_BODY)
    tree = _python(value, text, "exec")
    assert isinstance(tree, ast.Module)
    reader = _Reader(text, value)
    statements = reader.block(tree.body)
    return Body(statements, text)


def names(node: Node | None) -> frozenset[str]:
    """Every name an expression mentions, callees included."""
    found: set[str] = set()
    _collect(node, found)
    return frozenset(found)


def names_of(body: Body) -> frozenset[str]:
    """Every name that the statements of a `forward` mention."""
    found: set[str] = set()
    waiting = list(body.statements)
    while waiting:
        match waiting.pop():
            case Assign(_, _, value) | Append(_, _, value):
                _collect(value, found)
            case Return(_, values):
                for value in values:
                    _collect(value, found)
            case For(_, _, iterable, inner):
                _collect(iterable, found)
                waiting += inner
            case If(_, test, then, otherwise):
                _collect(test, found)
                waiting += [*then, *otherwise]
    return frozenset(found)


def _collect(node: Node | None, found: set[str]) -> None:
    match node:
        case Name(_, name):
            found.add(name)
        case Unary(_, _, operand):
            _collect(operand, found)
        case Binary(_, _, left, right) | Compare(_, _, left, right):
            _collect(left, found)
            _collect(right, found)
        case Logic(_, _, values) | Items(_, _, values):
            for value in values:
                _collect(value, found)
        case Choice(_, test, then, otherwise):
            for part in (test, then, otherwise):
                _collect(part, found)
        case Call(_, callee, args, keywords):
            _collect(callee, found)
            for part in (*args, *(value for _, value in keywords)):
                _collect(part, found)
        case Slice(_, start, stop, step):
            for bound in (start, stop, step):
                _collect(bound, found)
        case Index(_, base, items):
            _collect(base, found)
            for item in items:
                _collect(item, found)
        case Pop(_, name):
            found.add(name)


_MANY_SIGNS = re.compile(rf"(?:[-+~] *){{{MAX_DEPTH + 1}}}")


def _guard(value: str, text: Text, limit: int) -> None:
    """Length and nesting, before `ast` can run out of stack."""
    if len(value) > limit:
        raise text.error(
            "GS202", f"{len(value):,} characters; at most {limit:,} are read", At(1, 0, 1)
        )
    for number, row in enumerate(value.split("\n"), 1):
        if len(row) > MAX_EXPRESSION:
            message = f"a line of {len(row):,} characters; at most {MAX_EXPRESSION:,} are read"
            raise text.error("GS202", message, At(number, 0, 1))
    if sum(map(value.count, "([{")) <= MAX_DEPTH and not _MANY_SIGNS.search(value):
        return
    depth, operators, line, col = 0, 0, 1, 0
    for character in value:
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        operators = operators + 1 if character in "-+~" else (operators if character == " " else 0)
        if depth > MAX_DEPTH or operators > MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH}"
            raise text.error("GS202", message, At(line, col, 1), "split it into named steps")
        line, col = (line + 1, 0) if character == "\n" else (line, col + 1)


def _parsed(source: str, mode: str) -> ast.AST:
    """What Python merely advises against, `1if x` or `"\\d"`, is no news to the writer of a spec."""
    if not _ADVISED.search(source):
        return ast.parse(source, mode=mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, mode=mode)


def _python(source: str, text: Text, mode: str, shift: int = 0) -> ast.AST:
    code = "GS201" if mode == "eval" else "GS402"
    try:
        return _parsed(source, mode)
    except SyntaxError as error:
        line = error.lineno or 1
        col = max((error.offset or 1) - 1, 0) + (shift if line == 1 else 0)
        end = (error.end_offset or 0) - 1 + (shift if line == 1 else 0)
        width = end - col if error.end_lineno == line and end > col else 1
        last = len(source.split("\n"))
        if line > last:
            line, col = last, len(source.split("\n")[-1])
        message = _plain(error.msg or "not an expression")
        raise text.error(code, message, At(line, col, width)) from None
    except (RecursionError, MemoryError, ValueError):
        raise text.error("GS202", "nested too deeply to read", At(1, 0, 1)) from None


def _plain(message: str) -> str:
    """Python's own words on a syntax error, without advice that does not hold in this language."""
    if "invalid syntax" in message:
        return "this is not a valid expression here"
    head = re.split(r"\. (?:Perhaps|Did you mean|Maybe)", message)[0]
    return head.replace("cannot assign to", "cannot assign to the")


_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_MASK: dict[type[ast.operator], str] = {ast.BitAnd: "&", ast.BitOr: "|"}
# What is refused, and after the semicolon what to write instead.
_REFUSED: dict[str, str] = {
    "Attribute": "attributes are not part of the language; call an op with the value instead: `f(x)`",
    "Lambda": "there is no lambda; write a named function under `functions:`",
    "ListComp": "there are no comprehensions; use a `for` loop over a component list or `range`",
    "GeneratorExp": "there are no comprehensions; use a `for` loop over a component list or `range`",
    "DictComp": "there are no comprehensions; use a `for` loop over a component list or `range`",
    "SetComp": "there are no comprehensions; use a `for` loop over a component list or `range`",
    "Dict": "there are no dictionaries; return a tuple and name its parts under `outputs:`",
    "Set": "there are no sets",
    "JoinedStr": "there are no f-strings",
    "Await": "there is no await",
    "Yield": "there is no yield",
    "NamedExpr": "there is no `:=`; assign on a line of its own",
    "Starred": "there is no unpacking with `*`; write the items out one by one",
    "While": "there is no `while`; loop over a component list or `range(n)`",
    "Import": "nothing can be imported; every op is known by name (`getspec schema --ops` lists them)",
    "ImportFrom": "nothing can be imported; every op is known by name (`getspec schema --ops` lists them)",
    "FunctionDef": "there is no `def`; write functions under `functions:` of the spec",
    "ClassDef": "there is no `class`; write components under `blocks:` of the spec",
    "Try": "there is no `try`; shapes are checked before any code is written",
    "With": "there is no `with`",
    "Assert": "there is no `assert`; state claims under `expect:`",
    "Global": "there are no global names",
    "Nonlocal": "there are no global names",
    "Delete": "there is no `del`",
    "Raise": "there is no `raise`",
    "Pass": "there is no `pass`; write the branch's statements, or leave the branch out",
    "Break": "there is no `break`; loops run over the whole list",
    "Continue": "there is no `continue`; put the rest of the body under `if`",
    "Match": "there is no `match`; use `if`",
    "AnnAssign": "types are inferred; leave the annotation out",
    "Return": "`return` needs a value; write `return x`",
    "Assign": "there is one `=` in an assignment; write two lines",
    "AugAssign": "only names can be assigned to; write `x = ...`",
    "For": "a `for` has no `else`; put it after the loop",
}


def _as_call(method: ast.Attribute) -> str | None:
    """`x.softmax(-1)` as this language has it."""
    if isinstance(method.value, ast.Name) and method.value.id == "self":
        return f"write `{method.attr}(...)`"
    try:
        shown = ast.unparse(method.value)
    except RecursionError:
        return None
    plain = len(shown) <= 40 and "__" not in shown and "\n" not in shown
    return f"write `{method.attr}({shown}, ...)`" if plain else None


class _Reader:
    """Walks one `ast` tree into nodes, with places in characters and refusals in plain words."""

    def __init__(self, text: Text, source: str, shift: int = 0) -> None:
        self.text = text
        self.lines = source.split("\n")
        self.shift = shift

    def at(self, tree: ast.expr | ast.stmt | ast.keyword) -> At:
        line = tree.lineno
        col = self._characters(line, tree.col_offset)
        if tree.end_lineno == line and tree.end_col_offset is not None:
            width = self._characters(line, tree.end_col_offset) - col
        else:
            width = len(self.lines[line - 1].rstrip()) - col
        return At(line, col + (self.shift if line == 1 else 0), max(width, 1))

    def _characters(self, line: int, offset: int) -> int:
        text = self.lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))

    def refuse(self, tree: ast.expr | ast.stmt) -> SpecError:
        kind = type(tree).__name__
        words = _REFUSED.get(kind, f"`{kind}` is not part of the language")
        message, _, help = words.partition("; ")
        return self.text.error("GS403", message, self.at(tree), help or None)

    # Expressions

    def node(self, tree: ast.expr, depth: int) -> Node:
        if depth > 4 * MAX_DEPTH:
            raise self.text.error("GS202", "nested too deeply to read", self.at(tree))
        method = getattr(self, f"_{type(tree).__name__}", None)
        if method is None:
            raise self.refuse(tree)
        node: Node = method(tree, depth + 1)
        return node

    def _Constant(self, tree: ast.Constant, depth: int) -> Node:
        value = tree.value
        if value is Ellipsis:
            return Literal(self.at(tree), "...")
        if value is not None and not isinstance(value, bool | int | float | str):
            raise self.text.error(
                "GS203", f"{value!a} is not a value of this language", self.at(tree)
            )
        if isinstance(value, int) and not isinstance(value, bool) and value >= MAX_INTEGER:
            raise self.text.error("GS203", "integers are below 2**63", self.at(tree))
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            raise self.text.error("GS203", "infinite numbers are not values here", self.at(tree))
        return Literal(self.at(tree), value)

    def _Name(self, tree: ast.Name, depth: int) -> Node:
        return Name(self.at(tree), self._ascii(tree.id, tree))

    def _ascii(self, name: str, tree: ast.expr) -> str:
        if not name.isascii():
            raise self.text.error("GS204", f"name {name!a} is not ASCII", self.at(tree))
        return name

    def _UnaryOp(self, tree: ast.UnaryOp, depth: int) -> Node:
        ops: dict[type[ast.unaryop], str] = {
            ast.USub: "-",
            ast.UAdd: "+",
            ast.Not: "not",
            ast.Invert: "~",
        }
        return Unary(self.at(tree), ops[type(tree.op)], self.node(tree.operand, depth))

    def _BinOp(self, tree: ast.BinOp, depth: int) -> Node:
        op = _BINARY.get(type(tree.op)) or _MASK.get(type(tree.op))
        if op is None:
            raise self.text.error(
                "GS403", "bit shifts and xor are not part of the language", self.at(tree)
            )
        return Binary(self.at(tree), op, self.node(tree.left, depth), self.node(tree.right, depth))

    def _Compare(self, tree: ast.Compare, depth: int) -> Node:
        op = _COMPARE.get(type(tree.ops[0]))
        if op is None or len(tree.ops) > 1:
            message = "a comparison is one of ==, !=, <, <=, >, >="
            raise self.text.error("GS403", message, self.at(tree), "join several with `and`")
        return Compare(
            self.at(tree), op, self.node(tree.left, depth), self.node(tree.comparators[0], depth)
        )

    def _BoolOp(self, tree: ast.BoolOp, depth: int) -> Node:
        op = "and" if isinstance(tree.op, ast.And) else "or"
        return Logic(self.at(tree), op, tuple(self.node(value, depth) for value in tree.values))

    def _IfExp(self, tree: ast.IfExp, depth: int) -> Node:
        parts = (self.node(part, depth) for part in (tree.test, tree.body, tree.orelse))
        return Choice(self.at(tree), *parts)

    def _List(self, tree: ast.List, depth: int) -> Node:
        return Items(self.at(tree), "list", tuple(self.node(item, depth) for item in tree.elts))

    def _Tuple(self, tree: ast.Tuple, depth: int) -> Node:
        return Items(self.at(tree), "tuple", tuple(self.node(item, depth) for item in tree.elts))

    def _Subscript(self, tree: ast.Subscript, depth: int) -> Node:
        index = tree.slice
        items = index.elts if isinstance(index, ast.Tuple) else [index]
        parts = tuple(self.node(item, depth) for item in items)
        return Index(self.at(tree), self.node(tree.value, depth), parts)

    def _Slice(self, tree: ast.Slice, depth: int) -> Node:
        bounds = (tree.lower, tree.upper, tree.step)
        return Slice(self.at(tree), *(None if b is None else self.node(b, depth) for b in bounds))

    def _Call(self, tree: ast.Call, depth: int) -> Node:
        match tree:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="pop"), args=[]):
                return Pop(self.at(tree), name)
        if isinstance(tree.func, ast.Attribute):
            message = "methods are not part of the language"
            raise self.text.error("GS403", message, self.at(tree.func), _as_call(tree.func))
        callee = self.node(tree.func, depth)
        if not isinstance(callee, Name | Index):
            raise self.text.error(
                "GS403", "only components, functions and ops can be called", self.at(tree.func)
            )
        keywords = []
        for keyword in tree.keywords:
            if keyword.arg is None:
                message = "there is no unpacking with `**`"
                help = "write the arguments out one by one"
                raise self.text.error("GS403", message, self.at(keyword), help)
            keywords.append((keyword.arg, self.node(keyword.value, depth)))
        args = tuple(self.node(arg, depth) for arg in tree.args)
        return Call(self.at(tree), callee, args, tuple(keywords))

    # Statements

    def block(self, trees: list[ast.stmt]) -> tuple[Statement, ...]:
        return tuple(self.statement(tree) for tree in trees)

    def statement(self, tree: ast.stmt) -> Statement:
        comment = self._comment_above(tree.lineno)
        match tree:
            case ast.Assign(targets=[target]):
                names, unpack = self._targets(target)
                return Assign(self.at(tree), names, self.node(tree.value, 0), unpack, comment)
            case ast.AugAssign(target=ast.Name(id=name)):
                left = self.node(tree.target, 0)
                op = _BINARY.get(type(tree.op)) or _MASK.get(type(tree.op), "+")
                value = Binary(self.at(tree), op, left, self.node(tree.value, 0))
                return Assign(self.at(tree), (name,), value, False, comment)
            case ast.Return(value=value) if value is not None:
                values = value.elts if isinstance(value, ast.Tuple) else [value]
                return Return(self.at(tree), tuple(self.node(v, 0) for v in values), comment)
            case ast.For(orelse=[]):
                names, _ = self._targets(tree.target)
                return For(
                    self._head(tree), names, self.node(tree.iter, 0), self.block(tree.body), comment
                )
            case ast.If():
                then, otherwise = self.block(tree.body), self.block(tree.orelse)
                return If(self._head(tree), self.node(tree.test, 0), then, otherwise, comment)
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item]
                )
            ):
                return Append(self.at(tree), name, self.node(item, 0), comment)
            case ast.Expr(value=value):
                message = "the result of this expression is not used"
                raise self.text.error(
                    "GS404", message, self.at(value), "assign it to a name, or remove it"
                )
        raise self.refuse(tree)

    def _head(self, tree: ast.For | ast.If) -> At:
        at = self.at(tree)
        width = len(self.lines[at.line - 1].rstrip()) - at.col
        return At(at.line, at.col, max(width, 1))

    def _targets(self, tree: ast.expr) -> tuple[tuple[str, ...], bool]:
        if isinstance(tree, ast.Name):
            return (self._ascii(tree.id, tree),), False
        if isinstance(tree, ast.Tuple | ast.List) and all(
            isinstance(e, ast.Name) for e in tree.elts
        ):
            return tuple(self._ascii(e.id, e) for e in tree.elts if isinstance(e, ast.Name)), True
        message = "only names can be assigned to"
        raise self.text.error("GS403", message, self.at(tree), "write `x = ...` or `a, b = ...`")

    def _comment_above(self, line: int) -> tuple[str, ...]:
        found: list[str] = []
        number = line - 2
        while number >= 0 and self.lines[number].lstrip().startswith("#"):
            found.append(self.lines[number].strip().lstrip("#").strip())
            number -= 1
        return tuple(reversed(found))


ARITHMETIC: dict[str, Callable[..., object]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "%": operator.mod,
}
COMPARISON: dict[str, Callable[..., bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
