"""Specs rewritten so that the model stays what it is: a block inlined into its caller, a component taken out into a block."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from drawing import spelled

from getspec import ir
from getspec.api import Spec
from getspec.declare.settings import kind_of
from getspec.ops.base import Tensor
from getspec.sizes import Size
from getspec.walk import expressions

__all__ = ["Tree", "bare", "extracted", "inlined", "parts"]

Tree = dict[str, Any]
WORDS = ("type", "doc", "init", "dtype", "index")
"""Keys of components whose values are no expressions."""
BESIDE = ("expect", "rename", "budget", "init")
"""What names paths or starting values, and has no part in a count or in the dataflow."""
STACKED = {"repeat", "when", "pattern", "index"}


def bare(tree: Tree) -> Tree:
    """A spec without what a rewriting would have to rename."""
    kept = {key: value for key, value in tree.items() if key not in BESIDE}
    blocks = {
        name: {key: value for key, value in block.items() if key != "init"}
        for name, block in kept.get("blocks", {}).items()
    }
    return kept | ({"blocks": blocks} if blocks else {})


def parts(tree: Tree, spec: Spec) -> Iterator[tuple[str, ir.Call]]:
    """Components of the model itself that stand once in its `forward`, with their call."""
    assert spec.model.root.forward is not None
    calls: dict[str, list[ir.Call]] = {}
    for expr in expressions(spec.model.root.forward.statements):
        if isinstance(expr, ir.Call) and isinstance(expr.target, ir.Name):
            calls.setdefault(expr.target.id, []).append(expr)
    written = [
        node.id for node in ast.walk(ast.parse(tree["forward"])) if isinstance(node, ast.Name)
    ]
    for name, declared in tree.get("components", {}).items():
        if len(calls.get(name, ())) == written.count(name) == 1 and not STACKED & set(declared):
            yield name, calls[name][0]


# ------------------------------------------------------------------------------------------------ inline


def inlined(tree: Tree, spec: Spec, name: str, call: ir.Call) -> Tree | None:
    """The block that a component is, written out in the model; `name.fc` is `name_fc` then."""
    declared = tree["components"][name]
    block = tree.get("blocks", {}).get(declared["type"])
    if block is None or "forward" not in block or name.startswith("_"):
        return None
    body = ast.parse(block["forward"]).body
    names = _names(block, body)
    moved = {each: f"{name}_{each}" for each in names}
    if set(moved.values()) & _mentioned(tree) or _bound(block) & set(moved):
        return None
    lengths = {n: _length(length) for n, length in call.bindings.items() if n not in moved}
    hoisted = {
        f"{name}_{key}": _renamed(part, moved) | ({"trainable": False} if _frozen(declared) else {})
        for key, part in block.get("components", {}).items()
    }
    components: Tree = {}
    for key, part in tree["components"].items():
        components |= hoisted if key == name else {key: part}
    own = spec.config.keys() | tree.get("let", {}).keys()
    settings = {
        moved[key]: _given(declared, key, default, own)
        for key, default in block.get("params", {}).items()
    }
    lets = {moved[key]: _renamed(value, moved) for key, value in block.get("let", {}).items()}
    tie = {_dotted(a, name): _dotted(b, name) for a, b in tree.get("tie", {}).items()}
    tie |= {f"{name}_{a}": f"{name}_{b}" for a, b in block.get("tie", {}).items()}
    made = tree | {
        "let": {**tree.get("let", {}), **settings, **lets},
        "components": components,
        "tie": tie,
        "forward": _written_out(tree["forward"], name, list(block["inputs"]), body, moved, lengths),
    }
    return {key: value for key, value in made.items() if value}


def _names(block: Tree, body: list[ast.stmt]) -> set[str]:
    assigned = {
        node.id
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    sections = ("params", "let", "inputs", "components")
    return assigned | {name for section in sections for name in block.get(section, {})}


def _mentioned(tree: Tree) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", repr(tree)))


def _bound(part: Any) -> set[str]:
    """Names of positions, which shadow."""
    if isinstance(part, list):
        return {name for each in part for name in _bound(each)}
    if not isinstance(part, dict):
        return set()
    own = {part["index"]} if isinstance(part.get("index"), str) else set()
    return own | {name for each in part.values() for name in _bound(each)}


def _frozen(declared: Tree) -> bool:
    return declared.get("trainable") is False


def _renamed(part: Any, moved: Mapping[str, str], key: str = "") -> Any:
    """Expressions with other names."""
    if isinstance(part, dict):
        return {k: _renamed(v, moved, k) for k, v in part.items()}
    if isinstance(part, list):
        return [_renamed(each, moved) for each in part]
    if not isinstance(part, str) or key in WORDS:
        return part
    name = r"[A-Za-z_]\w*\b(?!\s*=(?!=))"  # the name of an argument is not meant
    return re.sub(name, lambda found: moved.get(found[0], found[0]), part)


def _given(declared: Tree, key: str, default: Any, known: Any) -> Any:
    """The value of a setting as an expression of the caller."""
    value = declared.get(key, default)
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, str) and value.isidentifier() and value not in known:
        return f'"{value}"'  # a word
    return value


def _dotted(path: str, name: str) -> str:
    return re.sub(rf"^{name}\.", f"{name}_", path)


def _length(length: Size) -> str:
    return str(length.known) if length.known is not None else f"({spelled(length.value)})"


def _written_out(
    text: str,
    name: str,
    inputs: list[str],
    body: list[ast.stmt],
    moved: Mapping[str, str],
    lengths: Mapping[str, str],
) -> str:
    """`forward` with the statements of a block before the one that calls it."""
    tree = ast.parse(text)
    call = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    )
    words = dict(moved) | dict(lengths)
    lines = [
        f"{moved[given]} = {ast.unparse(arg)}"
        for given, arg in [
            *zip(inputs, call.args, strict=False),
            *((k.arg, k.value) for k in call.keywords),
        ]
        if given is not None
    ]
    *before, last = (_Words(words).visit(statement) for statement in body)
    assert isinstance(last, ast.Return)
    assert last.value is not None
    values = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
    results = [f"{name}_result{at}" for at, _ in enumerate(values)]
    lines += [ast.unparse(statement) for statement in before]
    lines += [f"{r} = {ast.unparse(value)}" for r, value in zip(results, values, strict=True)]
    whole = f"({', '.join(results)})" if len(results) > 1 else results[0]
    _insert(tree.body, call, ast.parse("\n".join(lines)).body, ast.parse(whole, mode="eval").body)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


class _Words(ast.NodeTransformer):
    """Names as other expressions."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.words:
            return node
        made = ast.parse(self.words[node.id], mode="eval").body
        return ast.Name(made.id, node.ctx) if isinstance(made, ast.Name) else made


def _insert(
    statements: list[ast.stmt], call: ast.Call, lines: list[ast.stmt], result: ast.expr
) -> None:
    for at, statement in enumerate(statements):
        if not any(node is call for node in ast.walk(statement)):
            continue
        for inner in (getattr(statement, "body", []), getattr(statement, "orelse", [])):
            if any(node is call for each in inner for node in ast.walk(each)):
                return _insert(inner, call, lines, result)
        statements[at : at + 1] = [*lines, _Replaced(call, result).visit(statement)]
        return None
    raise AssertionError("the call is in no statement")


class _Replaced(ast.NodeTransformer):
    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if node is self.old:
            return self.new
        made = self.generic_visit(node)
        assert isinstance(made, ast.expr)
        return made


# ----------------------------------------------------------------------------------------------- extract


def extracted(tree: Tree, spec: Spec, name: str, call: ir.Call) -> Tree | None:
    """The component as the only part of a block of its own; `name.weight` is `name.inner.weight` then."""
    if any(not isinstance(arg.value, Tensor) for _, arg in call.args):
        return None
    declared = tree["components"][name]
    names = _mentioned(declared)
    root = spec.model.root
    known = {**root.settings, **root.lets}
    settings = {key: expr.value for key, expr in known.items() if key in names}
    kinds = {key: kind_of(_plain(value)) for key, value in settings.items()}
    lengths: dict[str, str] = {}
    inputs = {
        each: f"{arg.value.dtype}[{', '.join(_axis(n, lengths) for n in arg.value.shape)}]"
        for each, arg in call.args
    }
    block = {
        "params": kinds,
        "inputs": inputs,
        "components": {"inner": declared},
        "forward": f"return inner({', '.join(inputs)})\n",
    }
    part = {"type": "Extracted", **{key: key for key in kinds}}
    if "Extracted" in _mentioned(tree) or set(kinds) & {"type", "inner", *inputs}:
        return None
    tie = {_inner(a, name): _inner(b, name) for a, b in tree.get("tie", {}).items()}
    made = tree | {
        "blocks": {**tree.get("blocks", {}), "Extracted": {k: v for k, v in block.items() if v}},
        "components": {k: part if k == name else v for k, v in tree["components"].items()},
        "tie": tie,
    }
    return {key: value for key, value in made.items() if value}


def _inner(path: str, name: str) -> str:
    return re.sub(rf"^{name}\.", f"{name}.inner.", path)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, Size) else value


def _axis(length: Size, known: dict[str, str]) -> str:
    """A number, or a name of the block's own for what only run time knows."""
    if length.known is not None:
        return str(length.known)
    if re.fullmatch(r"(\d+ \* )?[A-Z]\w*", spelled(length.value)):
        return spelled(length.value)  # a multiple may have to be one
    return known.setdefault(spelled(length.value), f"L{len(known)}")
