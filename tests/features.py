"""Which parts of the language a spec uses, and all the parts there are.

Both come from the compiler's own tables (sections, declarations, syntax nodes, operators, ops with their fields and arguments),
so what is added to the language is asked of the random specs, too. Only what takes part in a model is looked at: a block that
nothing calls proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from getspec import ir, spec, syntax
from getspec.api import Spec
from getspec.declare import declarations as made
from getspec.declare.schemes import SCHEMES
from getspec.declare.settings import KINDS
from getspec.evaluate import SCALAR
from getspec.ops import FUNCTIONS, LAYERS
from getspec.ops.base import DTYPES
from getspec.record import Record
from getspec.syntax.operators import BINARY, COMPARE, UNARY
from getspec.walk import expressions

__all__ = ["FEATURES", "WITHOUT_A_MODEL", "used"]

SECTIONS = {
    "model": spec.File,
    "block": spec.Block,
    "function": spec.Function,
    "component": spec.Component,
    "input": spec.Input,
}
LOOPS = ("a list", "a name", "range", "enumerate", "zip", "reversed")
TENSORS = {"@", "&", "|", "~"}
"""Operators that numbers do not have."""

OPTIONAL = {
    name: {f"op {name}({each.name})" for each in function.arguments if not each.required}
    for name, function in FUNCTIONS.items()
}
"""Arguments that an op need not be given."""

WITHOUT_A_MODEL = {
    "model.budget": "a limit, which makes no model",
    "model.expect": "claims, which make no model",
    "model.rename": "names in another's checkpoint",
    "model.shape": "sizes at which costs are quoted",
    "model.schema_": "for editors",
    "model.sources": "words",
    "model.use": "names of files, whose blocks and functions test_random_blocks draws one by one",
    "block.sources": "words",
}
"""What a random spec need not have, and why."""


# ------------------------------------------------------------------------------------------- all of them


def _features() -> Iterator[str]:
    for name, section in SECTIONS.items():
        yield from (f"{name}.{key}" for key in section.model_fields)
    for kind, layer in LAYERS.items():
        yield f"layer {kind}"
        yield from (f"layer {kind}.{field.name}" for field in layer.fields)
    for name in FUNCTIONS:
        yield f"op {name}"
        yield from sorted(OPTIONAL[name])
    for declared in (made.ParameterDecl, made.BufferDecl):
        own = set(declared.__annotations__)
        yield from (f"{_kind(declared)}.{key}" for key in own)
    yield from ("sequential by name", "sequential by number", "sequential in a sequential")
    yield from (
        "block in a block",
        "function in a function",
        "function in a block",
        "pattern.times",
    )
    yield from (f"setting {kind}" for kind in KINDS)
    yield from (f"input {dtype}" for dtype in DTYPES)
    yield from (f"buffer {dtype}" for dtype in DTYPES)
    yield from (f"init {scheme}" for scheme in SCHEMES)
    yield from (f"expression {each}" for each in _nodes(structure=True))
    yield from (f"forward {each}" for each in _nodes(structure=False))


def _nodes(*, structure: bool) -> Iterator[str]:
    """Kinds of nodes, with their operators."""
    signs = [*UNARY.values()]
    arithmetic = [*BINARY.values()]
    if structure:
        signs, arithmetic = ([s for s in each if s not in TENSORS] for each in (signs, arithmetic))
    yield from (f"literal {kind}" for kind in ("int", "float", "bool", "str"))
    yield from ("name", "x if y else z", "x[i]", "x and y", "x or y")
    yield from (f"{sign}x" for sign in signs)
    yield from (f"x {sign} y" for sign in (*arithmetic, *COMPARE.values()))
    yield from (f"{name}(..)" for name in SCALAR)
    if structure:
        return
    yield from ("literal None", "list", "tuple", "x[..., i]", "x[None]", "x[a, b]", "x[mask]")
    yield from ("x[a:]", "x[:b]", "x[::c]", "x.pop()", "x.append(y)", "x = y", "x, y = z")
    yield from ("return x", "return x, y", "if", "if else", "elif")
    yield from ("component(x)", "components[i](x)", "function(x)", "f(key=x)")
    yield from (f"for over {each}" for each in LOOPS)
    yield from ("for in a for", "if in a for")


def _kind(declared: Any) -> str:
    return str(declared.__name__).removesuffix("Decl").lower()


FEATURES: frozenset[str] = frozenset(_features())


# -------------------------------------------------------------------------------------- those of a spec


def used(compiled: Spec) -> set[str]:
    """The parts of the language that a compiled spec is made of."""
    found: set[str] = set()
    names = {compiled.model.name}
    seen: set[int] = set()
    for module in _modules(compiled.model.root, seen):
        names.add(module.type)
        if isinstance(module, ir.Leaf):
            found.add(f"layer {module.type}")
        elif isinstance(module, ir.Block) and module.forward is not None:
            _computed(module.forward, names, found, seen, "block")
    data = compiled.compiled.document.data
    for name in names:
        definition = compiled.compiled.definitions.get(name)
        if definition is not None:
            _definition(definition, found)
            written = data if definition.kind == "model" else data[f"{definition.kind}s"][name]
            _keys(definition.kind, written, found)
    return found


def _modules(module: ir.Module, seen: set[int]) -> Iterator[ir.Module]:
    if id(module) in seen:
        return
    seen.add(id(module))
    yield module
    for _, _, member in module.children():
        yield from _modules(member.module, seen)


def _computed(
    forward: ir.Forward, names: set[str], found: set[str], seen: set[int], where: str
) -> None:
    """Ops that are applied, with the arguments that they are given, and functions that are called."""
    for expr in expressions(forward.statements):
        if isinstance(expr, ir.Apply):
            found.add(f"op {expr.op}")
            found.update(OPTIONAL[expr.op] & {f"op {expr.op}({name})" for name in expr.args})
        elif isinstance(expr, ir.Call):
            found.add("forward component(x)")
        elif isinstance(expr, ir.RoutineCall):
            found |= {"forward function(x)", f"function in a {where}"}
            names.add(expr.routine.name)
            if id(expr.routine) not in seen:
                seen.add(id(expr.routine))
                _computed(expr.routine.forward, names, found, seen, "function")


def _keys(kind: str, data: Mapping[str, Any], found: set[str]) -> None:
    """Keys as they are written."""
    found.update(f"{kind}.{key}" for key in data)
    for declared in data.get("inputs", {}).values():
        found.update(
            f"input.{key}" for key in (declared if isinstance(declared, dict) else ["type"])
        )
    for declared in data.get("components", {}).values():
        found.update(f"component.{key}" for key in declared if key in spec.Component.model_fields)


def _definition(definition: made.Definition, found: set[str]) -> None:
    found.update(f"setting {setting.kind}" for setting in definition.settings.values())
    for declared in definition.inputs:
        found.add(f"input {declared.dtype}")
        _walk((declared.dims, declared.below, declared.repeat), found, "expression")
    _walk(tuple(definition.lets.values()), found, "expression")
    for rules in definition.init.values():
        found.update(f"init {init.scheme}" for init in rules.values())
    for part in definition.components:
        _declaration(part, found, definition.kind, "")
    if definition.body is not None:
        _statements(definition.body.statements, found, loops=0)
        _walk(definition.body.statements, found, "forward")


def _declaration(part: Any, found: set[str], kind: str, within: str) -> None:
    match part:
        case made.LayerDecl():
            found.update(f"layer {part.type}.{name}" for name in part.args)
            found.update(f"init {init.scheme}" for init in part.init.values())
        case made.BlockDecl() if kind == "block":
            found.add("block in a block")
        case made.ParameterDecl() | made.BufferDecl():
            given = {key for key in type(part).__annotations__ if getattr(part, key) is not None}
            if isinstance(part, made.BufferDecl):
                found.add(f"buffer {part.dtype}")
                given -= {"persistent"} if part.persistent else set()
            found.update(f"{_kind(type(part))}.{key}" for key in given)
            if part.init is not None:
                found.add(f"init {part.init.scheme}")
        case made.SequenceDecl():
            found.add(f"sequential by {'name' if part.named else 'number'}")
            found.update({f"sequential in a {within}"} & FEATURES)
            for item in part.items:
                _declaration(item, found, kind, "sequential")
        case made.StackDecl():
            for times, item in part.items:
                found.update({"pattern.times"} if times > 1 else ())
                _declaration(item, found, kind, "stack")
    own = {key: value for key, value in vars(part).items() if key not in ("items", "at", "init")}
    _walk(tuple(own.values()), found, "expression")


def _statements(statements: Iterable[Any], found: set[str], loops: int) -> None:
    """Forms of statements."""
    for statement in statements:
        match statement:
            case syntax.Assign():
                found.add("forward x, y = z" if statement.unpack else "forward x = y")
            case syntax.Append():
                found.add("forward x.append(y)")
            case syntax.Return():
                found.add(
                    "forward return x, y" if len(statement.values) > 1 else "forward return x"
                )
            case syntax.If(_, _, then, otherwise):
                found.add("forward if")
                found.update({"forward if in a for"} if loops else ())
                if otherwise:
                    found.add(
                        "forward elif" if isinstance(otherwise[0], syntax.If) else "forward if else"
                    )
                _statements((*then, *otherwise), found, loops)
            case syntax.For(_, _, iterable, body):
                found.add(f"forward for over {_iterable(iterable)}")
                found.update({"forward for in a for"} if loops else ())
                _statements(body, found, loops + 1)


def _iterable(node: Any) -> str:
    if isinstance(node, syntax.Call) and isinstance(node.callee, syntax.Name):
        return node.callee.id
    return "a name" if isinstance(node, syntax.Name) else "a list"


def _walk(part: Any, found: set[str], where: str) -> None:
    """Every node in something."""
    waiting = [part]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Record):
            if not isinstance(node, syntax.Text):
                found.update(f"{where} {form}" for form in _forms(node))
                waiting += vars(node).values()
        elif isinstance(node, dict):
            waiting += node.values()
        elif type(node) is tuple:
            waiting += node


def _forms(node: Any) -> Iterator[str]:
    match node:
        case syntax.Literal(_, value):
            if value != "...":
                yield f"literal {'None' if value is None else type(value).__name__}"
        case syntax.Name():
            yield "name"
        case syntax.Unary(_, op, _):
            yield f"{op}x"
        case syntax.Binary(_, op, _, _) | syntax.Compare(_, op, _, _):
            yield f"x {op} y"
        case syntax.Logic(_, op, _):
            yield f"x {op} y"
        case syntax.Choice():
            yield "x if y else z"
        case syntax.Items(_, kind, _):
            yield kind
        case syntax.Pop():
            yield "x.pop()"
        case syntax.Index(_, _, items):
            yield from _brackets(items)
        case syntax.Call(_, callee, _, keywords):
            if isinstance(callee, syntax.Index):
                yield "components[i](x)"
            elif callee.id in SCALAR:
                yield f"{callee.id}(..)"
            if keywords:
                yield "f(key=x)"


def _brackets(items: tuple[Any, ...]) -> Iterator[str]:
    if len(items) > 1:
        yield "x[a, b]"
    for item in items:
        match item:
            case syntax.Slice(_, start, stop, step):
                yield from (
                    f"x[{form}]"
                    for form, bound in (("a:", start), (":b", stop), ("::c", step))
                    if bound
                )
            case syntax.Literal(_, "..."):
                yield "x[..., i]"
            case syntax.Literal(_, None):
                yield "x[None]"
            case syntax.Compare():
                yield "x[mask]"
            case _:
                yield "x[i]"
