"""Modules to classes: which there are, what they take and keep, and the lines of their methods.

Every distinct module of the model is written; modules whose text is equal share a class, so a class is specialised exactly as
far as the spec's choices reach into it. Settings that decided structure, and settings that nobody passes, are literals; the
others are arguments, and those that `forward` reads are kept as attributes. Everything here is decided before the template
sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from getspec import ir
from getspec.emit.functions import HELPERS
from getspec.emit.initialise import init_lines
from getspec.emit.layers import LAYER_CLASSES, LAYER_TEXT
from getspec.emit.layout import WIDTH, fit, fit_def
from getspec.emit.printer import Printer, literal, shape_text
from getspec.ops.base import Tensor
from getspec.record import replaced
from getspec.sizes import Size

__all__ = ["ClassText", "FunctionText", "Names", "clean", "wrap", "write_classes"]


NOTE = "  # "
"""What stands between a line and its comment."""

FROZEN = ".requires_grad_(False)"


@dataclass(frozen=True)
class FunctionText:
    """A function of the generated file."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ClassText:
    """A class of the generated file; `lines` are whole, and `{name}` is not yet in them."""

    name: str
    doc: tuple[str, ...]
    signature: tuple[str, ...]
    init: tuple[str, ...]
    forward_signature: tuple[str, ...]
    forward: tuple[str, ...]
    init_weights: tuple[str, ...] = ()
    bare: frozenset[str] = frozenset()
    """Lines of `forward` that change a shape and do not show it."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two classes one: all but the shapes in comments."""
        forward = tuple(line.partition(NOTE)[0] for line in self.forward)
        return (self.doc, self.signature, self.init, self.forward_signature, forward)

    def joined(self, other: ClassText) -> ClassText | None:
        """One class for both, with the shapes that hold for both; None where they are two."""
        if self.key != other.key:
            return None
        bare = self.bare | other.bare
        lines = []
        for a, b in zip(self.forward, other.forward, strict=True):
            plain = a.partition(NOTE)[0]
            if NOTE in a and NOTE in b and a != b:
                bare |= {plain}
            lines.append(plain if plain in bare else max(a, b, key=len))
        return replace(self, forward=tuple(lines), bare=bare)


@dataclass
class Names:
    """The classes and functions written so far, under the names they got."""

    root: ir.Block
    passed: dict[str, set[str]]
    """For each definition, the settings that somebody passes."""
    classes: list[ClassText] = field(default_factory=list)
    functions: list[FunctionText] = field(default_factory=list)
    helpers: dict[str, None] = field(default_factory=dict)
    class_of: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    routine_of: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    values: dict[tuple[int, str], str] = field(default_factory=dict)
    """How a class spells the value that a weight of its own starts at."""
    told: set[str] = field(default_factory=set)
    """Functions whose callers say whether the model is in training."""
    letters: dict[str, None] = field(default_factory=dict)
    """Run-time sizes that comments mention."""

    def helper(self, name: str) -> None:
        self.helpers[name] = None

    def routine_call(self, p: Printer, call: ir.RoutineCall) -> str:
        name, settings = self.routine(call.routine)
        inputs = {declared.name for declared in call.routine.forward.inputs}
        args = [p(arg) for key, arg in call.args if key in inputs]
        args += [f"{key}={p(arg)}" for key, arg in call.args if key in settings]
        if name in self.told:
            args.append(f"training={p.training()}")
        return f"{name}({', '.join(args)})"

    def routine(self, routine: ir.Routine) -> tuple[str, tuple[str, ...]]:
        """The name of a function, and the settings it takes."""
        if id(routine) not in self.routine_of:
            writer = _Writer(self, routine.name, routine.settings, routine.lets, routine.structural)
            text, settings, told = writer.function(routine)
            name = self.admit(routine.name, text.lines, self.functions, lambda f: f.lines)
            if name is None:
                name = self.free(routine.name)
                lines = (text.lines[0].replace(routine.name, name, 1), *text.lines[1:])
                self.functions.append(FunctionText(name, lines))
            if told:
                self.told.add(name)
            self.routine_of[id(routine)] = (name, settings)
        return self.routine_of[id(routine)]

    def admit(self, stem: str, key: Any, known: list[Any], key_of: Any) -> str | None:
        """The name of an equal text that is there already."""
        for each in known:
            if each.name.startswith(stem) and key_of(each) == key:
                return str(each.name)
        return None

    def admit_class(self, stem: str, text: ClassText) -> str | None:
        """The name of a class of this kind that is there already, its comments completed."""
        for at, each in enumerate(self.classes):
            if each.name.startswith(stem) or each.name.endswith(stem):
                joined = each.joined(text)
                if joined is not None:
                    self.classes[at] = joined
                    return each.name
        return None

    def free(self, stem: str, hint: str = "") -> str:
        taken = FIXED_NAMES | {c.name for c in self.classes} | {f.name for f in self.functions}
        if stem not in taken:
            return stem
        if hint and f"{hint}{stem}" not in taken:
            return f"{hint}{stem}"
        number = 2
        while f"{stem}{number}" in taken:
            number += 1
        return f"{stem}{number}"

    def block(self, block: ir.Block) -> tuple[str, tuple[str, ...]]:
        """The class of a block, written if it is new, and the settings it takes."""
        if id(block) not in self.class_of:
            is_root = block is self.root
            writer = _Writer(self, block.type, block.settings, block.lets, block.structural)
            text, settings = writer.block(block, is_root=is_root)
            name = self.admit_class(block.type, text)
            if name is None:
                name = self.free(block.type, _hint(block, self.siblings(block)))
                self.classes.append(replace(text, name=name))
            self.class_of[id(block)] = (name, settings)
            self.blocks.append(block)
        return self.class_of[id(block)]

    blocks: list[ir.Block] = field(default_factory=list)

    def siblings(self, block: ir.Block) -> list[ir.Block]:
        return [other for other in self.blocks if other.type == block.type]


def write_classes(model: ir.Model) -> Names:
    """Every class and function of the model's file, in the order a reader meets them."""
    names = Names(model.root, _passed(model.root))
    names.block(model.root)
    return names


def _passed(root: ir.Block) -> dict[str, set[str]]:
    """Settings that are given somewhere, by definition."""
    found: dict[str, set[str]] = {}
    seen: set[int] = set()
    waiting: list[ir.Module] = [root]
    while waiting:
        module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        if isinstance(module, ir.Block):
            statements = module.forward.statements if module.forward else ()
            starts = (weight.value for weight in module.own if weight.value is not None)
            for call in routine_calls((*statements, *starts)):
                given = {name for name, _ in call.args}
                found.setdefault(call.routine.name, set()).update(given)
                waiting_routine = [call.routine]
                while waiting_routine:
                    routine = waiting_routine.pop()
                    for inner in routine_calls(routine.forward.statements):
                        found.setdefault(inner.routine.name, set()).update(n for n, _ in inner.args)
                        waiting_routine.append(inner.routine)
        for _, _, member in module.children():
            if isinstance(member.module, ir.Block):
                found.setdefault(member.module.type, set()).update(member.args)
            waiting.append(member.module)
    return found


def routine_calls(
    statements: Iterable[ir.Statement | ir.Expr],
) -> Iterable[ir.RoutineCall]:
    """Every call of a function in some statements."""
    for expr in expressions(statements):
        if isinstance(expr, ir.RoutineCall):
            yield expr


def expressions(statements: Iterable[ir.Statement | ir.Expr]) -> Iterable[ir.Expr]:
    """Every expression in some statements, the outer before the inner."""
    waiting: list[Any] = list(statements)
    while waiting:
        item = waiting.pop(0)
        match item:
            case ir.Assign(_, value) | ir.Push(_, value):
                waiting.append(value)
            case ir.Return(values):
                waiting += values
            case ir.For(_, iterable, rounds):
                waiting += [iterable, *(s for _, _, body in rounds for s in body)]
            case tuple():
                waiting += [part for part in item if part is not None and not isinstance(part, int)]
            case ir.Expr():
                yield item
                waiting += _parts(item)


def _parts(expr: ir.Expr) -> list[Any]:
    match expr:
        case ir.Operation(_, _, operands):
            return list(operands)
        case ir.Group(_, _, items):
            return list(items)
        case ir.Apply(_, _, args):
            parts: list[Any] = []
            for arg in args.values():
                parts += arg.values() if isinstance(arg, Mapping) else [arg]
            return parts
        case ir.Call(_, target, _, args):
            return [target, *(arg for _, arg in args)]
        case ir.RoutineCall(_, _, args):
            return [arg for _, arg in args]
        case ir.Subscript(_, base, items):
            return [base, *items]
        case ir.Pick(_, base, index):
            return [base] if index is None else [base, index]
    return []


def _hint(block: ir.Block, others: list[ir.Block]) -> str:
    """A word that tells a variant of a class from the first one."""
    if not others:
        return ""
    first = others[0]
    for name, expr in block.settings.items():
        value, other = expr.value, first.settings[name].value
        if value == other or name not in block.structural:
            continue
        if isinstance(value, str):
            return _camel(value)
        if value is True:
            return _camel(name)
    for member in block.members:
        if member.name in first.absent:
            return _camel(member.name)
    for name in block.absent:
        if name not in first.absent:
            return f"No{_camel(name)}"
    for name, expr in block.settings.items():
        if expr.value is False and first.settings[name].value is True and name in block.structural:
            return f"No{_camel(name)}"
    return ""


def _camel(word: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in word.split("_") if part.isalnum())


class _Writer:
    """Writes one class or one function."""

    def __init__(
        self,
        names: Names,
        owner: str,
        settings: Mapping[str, ir.Expr],
        lets: Mapping[str, ir.Expr],
        structural: frozenset[str],
    ) -> None:
        self.names = names
        self.settings = settings
        self.lets = lets
        self.is_root = owner == names.root.type
        passed = names.passed.get(owner, set())
        self.fixed: dict[str, Any] = {}
        for name, expr in settings.items():
            unpassed = not self.is_root and name not in passed
            if name in structural or unpassed or not _argument_type(expr.value):
                self.fixed[name] = expr.value
        self.inside = Printer(names, in_forward=False, fixed=self.fixed)
        self.inside.constants = {}
        for name, expr in lets.items():
            if self.inside.settled(expr) or not _argument_type(expr.value):
                self.fixed[name] = expr.value

    # Functions

    def function(self, routine: ir.Routine) -> tuple[FunctionText, tuple[str, ...], bool]:
        """The text, the settings that it takes, and whether it is told if the model is in training."""
        forward = routine.forward
        body = _Body(self, forward, owner=None)
        lines = body.lines()
        needed = self.needed(body.printer)
        lets = [f"{name} = {self.plain(name)}" for name in self.lets if name in needed]
        settings = tuple(n for n in self.settings if n in needed and n not in self.fixed)
        args = [f"{declared.name}: {_input_type(declared)}" for declared in forward.inputs]
        args += [f"{name}: {_argument_type(self.settings[name].value)}" for name in settings]
        if body.printer.trains:
            args.append("training: bool")
        head = fit_def(routine.name, args, _returned_type(forward), 0)
        doc = _doc(routine.summary or routine.name, 4)
        inner = [line for let in lets for line in fit(let, 4)]
        text = FunctionText(routine.name, (*head, *doc, *inner, *lines))
        return text, settings, body.printer.trains

    def plain(self, name: str) -> str:
        return self.inside(self.lets[name])

    def needed(self, *printers: Printer) -> set[str]:
        """Settings and named values that were written, and those behind them."""
        found: set[str] = set()
        waiting = [name for printer in printers for name in printer.used]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            if name in self.lets and name not in self.fixed:
                probe = Printer(self.names, in_forward=False, fixed=self.fixed)
                probe(self.lets[name])
                waiting += probe.used
        return found

    # Classes

    def block(self, block: ir.Block, *, is_root: bool) -> tuple[ClassText, tuple[str, ...]]:
        members = [line for member in block.members for line in self.member(member)]
        weights = [line for weight in block.own for line in self.weight(weight)]
        body = _Body(self, block.forward, owner=block)
        forward = body.lines() if block.forward else ()
        for weight in block.own:
            if weight.value is not None:
                self.names.values[id(block), weight.name] = body.constant(weight.value)
        weights_text = init_lines(block, self.names) if is_root else ()
        needed = self.needed(self.inside, body.printer)
        kept = [name for name in (*self.settings, *self.lets) if name in body.printer.used]
        settings = tuple(n for n in self.settings if n in needed and n not in self.fixed)
        if is_root:
            settings = tuple(n for n in self.settings if n not in self.fixed)
        init = [*self.assignments(needed, kept), *weights, *members]
        init = [*self.constants(), *init]
        if is_root:
            init.append("        self.init_weights()")
        text = ClassText(
            name=block.type,
            doc=self.docs(block, is_root),
            signature=self.signature(settings, is_root),
            init=tuple(init),
            forward_signature=_forward_signature(block.forward),
            forward=tuple(forward),
            init_weights=weights_text,
            bare=frozenset(body.bare),
        )
        return text, settings

    def docs(self, block: ir.Block, is_root: bool) -> tuple[str, ...]:
        summary = block.summary or block.type
        if not is_root or block.forward is None:
            return tuple(_doc(summary, 4))
        takes = [f"{i.name} {self.shape(i.type)}" for i in block.forward.inputs]
        result = block.forward.result
        results = result if isinstance(result, tuple) else (result,)
        names = block.forward.names or [""] * len(results)
        gives = [f"{n} {self.shape(r)}".strip() for n, r in zip(names, results, strict=True)]
        lines = [*_listed(takes, "", 4), *_listed(gives, "-> ", 4)]
        return (f'    """{clean(summary)}', "", *lines, '    """')

    def shape(self, type: Tensor | tuple[Tensor, ...]) -> str:
        if isinstance(type, tuple):
            return f"[{', '.join(map(self.shape, type))}]"
        for length in type.shape:
            for symbol in sorted(length.value.symbols()):
                self.names.letters[symbol] = None
        values = {n: v.plain() for n, v in self.fixed.items() if isinstance(v, Size)}
        known = type.with_shape(tuple(length.substitute(values) for length in type.shape))
        return shape_text(known) if type.shape else "()"

    def signature(self, settings: tuple[str, ...], is_root: bool) -> tuple[str, ...]:
        args = ["self"]
        if is_root and settings:
            args.append("*")
        for name in settings:
            value = self.settings[name].value
            default = f" = {literal(value)}" if is_root else ""
            args.append(f"{name}: {_argument_type(value)}{default}")
        return tuple(fit_def("__init__", args, "None", 4))

    def assignments(self, needed: set[str], kept: list[str]) -> list[str]:
        """Named values, and what `forward` reads of the arguments."""
        lines: list[str] = []
        for name in self.settings:
            if name in kept and name not in self.fixed:
                lines.append(f"self.{name} = {name}")
        for name in self.lets:
            if name not in needed or name in self.fixed:
                continue
            inside = name in self.inside.used or self.behind(name, needed)
            if inside:
                lines.append(f"{name} = {self.plain(name)}")
            if name in kept:
                lines.append(f"self.{name} = {name if inside else self.plain(name)}")
        return [line for text in lines for line in fit(text, 8)]

    def constants(self) -> list[str]:
        """Lists that decided structure, named once for all that picks from them."""
        found = self.inside.constants or {}
        return [x for name, items in found.items() for x in fit(f"{name} = {literal(items)}", 8)]

    def behind(self, name: str, needed: set[str]) -> bool:
        """Whether another named value is made from this one."""
        for other in self.lets:
            if other in needed and other not in self.fixed and other != name:
                probe = Printer(self.names, in_forward=False, fixed=self.fixed)
                probe(self.lets[other])
                if name in probe.used:
                    return True
        return False

    def weight(self, weight: ir.Weight) -> list[str]:
        if weight.kind == "buffer":
            extra = "" if weight.persistent else ", persistent=False"
            shape = self.sizes(weight)
            dtype = {"int": ", dtype=torch.long", "bool": ", dtype=torch.bool"}.get(
                weight.dtype, ""
            )
            text = f'self.register_buffer("{weight.name}", torch.empty({shape}{dtype}){extra})'
            return fit(text, 8)
        extra = "" if weight.trainable else ", requires_grad=False"
        text = f"self.{weight.name} = nn.Parameter(torch.empty({self.sizes(weight)}){extra})"
        return fit(text, 8)

    def sizes(self, weight: ir.Weight) -> str:
        if weight.spelled is not None:
            return ", ".join(map(self.inside, weight.spelled)) or "()"
        return ", ".join(self.spelled(length) for length in weight.shape) or "()"

    def spelled(self, length: Size) -> str:
        """A length that an op worked out, in the names of this class."""
        symbols = length.spelled.symbols()
        if symbols <= set(self.settings) | set(self.lets) and not symbols & set(self.fixed):
            self.inside.used.update(dict.fromkeys(sorted(symbols)))
            return re.sub(r"(?<!\*)\*(?!\*)", " * ", str(length.spelled))
        return str(int(length))

    def member(self, member: ir.Member) -> list[str]:
        text = f"self.{member.name} = {self.made(member)}"
        if len(text) + 8 <= WIDTH or member.trainable:
            return fit(text, 8)
        made = text.removesuffix(FROZEN)
        return [*fit(made, 8), f"        self.{member.name}{FROZEN}"]

    def made(self, member: ir.Member) -> str:
        """The expression that makes a component."""
        frozen = "" if member.trainable else FROZEN
        match member.module:
            case ir.Leaf():
                return self.leaf(member) + frozen
            case ir.Block():
                return self.construct(member) + frozen
            case ir.Sequence(_, members):
                return self.sequence(members) + frozen
            case ir.Stack():
                return self.stack(member.module) + frozen
        raise AssertionError(member)

    def leaf(self, member: ir.Member) -> str:
        assert isinstance(member.module, ir.Leaf)
        op = member.module.op
        text = LAYER_TEXT[op.type]
        if text.cls in LAYER_CLASSES:
            self.names.helper(text.cls)
        args = [self.value(member, name, getattr(op, name)) for name in text.positional]
        for name, (keyword, default) in text.keywords.items():
            value = getattr(op, name)
            if name == "bias" and getattr(op, "affine", True) is False:
                continue
            if value != default or self.varies(member.args.get(name)):
                args.append(f"{keyword}={self.value(member, name, value)}")
        return f"{text.cls}({', '.join(args)})"

    def varies(self, expr: ir.Expr | None) -> bool:
        """Whether an argument of the class can change this value, which is a default only now."""
        return expr is not None and any(
            isinstance(part, ir.Name)
            and part.kind in ("setting", "let", "index")
            and part.id not in self.fixed
            for part in _tree(expr)
        )

    def value(self, member: ir.Member, name: str, value: Any) -> str:
        """A field as written, or as the literal it is where structure depends on it."""
        expr = member.args.get(name)
        if expr is None or isinstance(value, bool | str):
            return literal(value)
        return self.inside(expr)

    def construct(self, member: ir.Member) -> str:
        assert isinstance(member.module, ir.Block)
        name, settings = self.names.block(member.module)
        args = []
        for setting in settings:
            expr = member.args.get(setting)
            args.append(
                literal(member.module.settings[setting].value)
                if expr is None
                else self.inside(expr)
            )
        return f"{name}({', '.join(args)})"

    def sequence(self, members: tuple[ir.Member, ...]) -> str:
        items = [self.made(member) for member in members]
        if all(member.name.isdigit() for member in members):
            return f"nn.Sequential({', '.join(items)})"
        self.names.helper("OrderedDict")
        named = [f"{member.name}={item}" for member, item in zip(members, items, strict=True)]
        return f"nn.Sequential(OrderedDict({', '.join(named)}))"

    # Repeats

    def stack(self, stack: ir.Stack) -> str:
        if not stack.runs:
            return "nn.ModuleList()"
        texts = [self.made(run.member) for run in stack.runs]
        count = self.inside(stack.count)
        if len(stack) == 1 and isinstance(stack.count, ir.Const):
            return self.spelled_out(stack, texts)
        if len(set(texts)) == 1:
            return self.comprehension(stack, texts[0], count)
        choice = self.by_flag(stack, texts) or self.by_cycle(stack, texts)
        if choice:
            return self.comprehension(stack, choice, count, always=stack.index is None)
        return self.spelled_out(stack, texts)

    def placed(self, member: ir.Member) -> str:
        """The item of one position, which is written as the number it is."""
        self.inside.at_position = True
        text = self.made(member)
        self.inside.at_position = False
        return text

    def comprehension(
        self, stack: ir.Stack, element: str, count: str, *, always: bool = False
    ) -> str:
        variable = self.counter(stack) if always else "_"
        if stack.index and _mentions(element, stack.index):
            variable = stack.index
        return f"nn.ModuleList({element} for {variable} in range({count}))"

    def by_flag(self, stack: ir.Stack, texts: list[str]) -> str | None:
        """`A(...) if i == 0 else B(...)`, where one flag of the item tells its classes apart."""
        members = [run.member for run in stack.runs]
        if stack.index is None or len(set(texts)) != 2:
            return None
        for name, expr in members[0].args.items():
            values = [member.args[name].value for member in members if name in member.args]
            if not all(isinstance(v, bool) for v in values) or len(set(values)) != 2:
                continue
            yes = {text for text, v in zip(texts, values, strict=True) if v}
            no = {text for text, v in zip(texts, values, strict=True) if not v}
            if len(yes) == len(no) == 1:
                return f"{yes.pop()} if {self.inside(expr)} else {no.pop()}"
        return None

    def counter(self, stack: ir.Stack) -> str:
        """The position in a repeat: as the spec calls it, or a letter that nothing here has."""
        free = (name for name in "ijkn" if name not in self.settings and name not in self.lets)
        return stack.index or next(free, "position")

    def by_cycle(self, stack: ir.Stack, texts: list[str]) -> str | None:
        """`A(...) if i % 6 < 5 else B(...)`, for a pattern that the spec writes as one."""
        period = stack.pattern
        if period < 2 or len(stack) < period or isinstance(stack.count, ir.Const):
            return None
        whole = [t for t, run in zip(texts, stack.runs, strict=True) for _ in range(run.count)]
        if any(text != whole[at % period] for at, text in enumerate(whole)):
            return None
        variable = self.counter(stack)
        groups: list[tuple[int, str]] = []
        for at, text in enumerate(whole[:period]):
            if groups and groups[-1][1] == text:
                groups[-1] = (at + 1, text)
            else:
                groups.append((at + 1, text))
        parts = [f"{text} if {variable} % {period} < {end} else " for end, text in groups[:-1]]
        return "".join(parts) + groups[-1][1]

    def spelled_out(self, stack: ir.Stack, texts: list[str]) -> str:
        """A list, item by item; equal neighbours as one starred comprehension."""
        groups: list[list[Any]] = []
        for text, run in zip(texts, stack.runs, strict=True):
            if groups and groups[-1][0] == text:
                groups[-1][2] += run.count
            else:
                groups.append([text, run.start, run.count])
        items = []
        for text, start, count in groups:
            varies = stack.index is not None and _mentions(text, stack.index)
            if count == 1:
                items.append(self.placed(stack.at(start)) if varies else text)
            else:
                first = f"{start}, " if start and varies else ""
                bounds = f"{first}{start + count if varies else count}"
                variable = stack.index if varies else "_"
                items.append(f"*({text} for {variable} in range({bounds}))")
        return f"nn.ModuleList([{', '.join(items)}])"


class _Body:
    """Writes the statements of one `forward`."""

    def __init__(self, writer: _Writer, forward: ir.Forward | None, owner: ir.Block | None) -> None:
        self.writer = writer
        self.forward = forward
        self.owner = owner
        self.hoisted: dict[str, str] = {}
        self.printer = Printer(
            writer.names,
            in_forward=owner is not None,
            fixed=writer.fixed,
            sizes=self.size,
            dtype=self.dtype,
            device=self.device if forward and (forward.inputs or owner) else None,
        )
        self.indent = 8 if owner is not None else 4
        self.known: dict[str, Any] = {}
        self.assigned = _assigned(forward.statements) if forward else set()
        self.bare: set[str] = set()

    def lines(self) -> list[str]:
        assert self.forward is not None
        self.known = {declared.name: declared.type for declared in self.forward.inputs}
        statements = _live(self.forward.statements)
        body = [line for s in statements for line in self.statement(s, self.indent)]
        pad = " " * self.indent
        return [*(f"{pad}{name} = {text}" for name, text in self.hoisted.items()), *body]

    def constant(self, value: ir.Expr) -> str:
        """A value outside `forward`, where no input says on which device it is."""
        saved, self.printer.device = self.printer.device, None
        text = self.printer(value)
        self.printer.device = saved
        return text

    # What only run time has

    def size(self, symbol: str) -> str:
        """`x.shape[0]`, read before the input is assigned to."""
        assert self.forward is not None
        best = None
        for declared in self.forward.inputs:
            for name, axis, length in _axes_of(declared):
                if length == Size.runtime(symbol):
                    text = f"{name}.shape[{axis}]"
                    if declared.name not in self.assigned:
                        return text
                    best = best or text
        if best is None:
            best = self.solved(symbol)
        self.hoisted[symbol] = best
        return symbol

    def solved(self, symbol: str) -> str:
        """`x.shape[1] // 8` for an axis declared `8*H`."""
        assert self.forward is not None
        for declared in self.forward.inputs:
            for name, axis, length in _axes_of(declared):
                scale = self.scale(symbol, length)
                if scale:
                    return f"{name}.shape[{axis}] // {scale}"
                for monomial, factor in length.value.terms:
                    rest = length.value.terms
                    if monomial == (symbol,) and len(rest) == 1:
                        return f"{name}.shape[{axis}] // {factor}"
                    constant = sum(c for m, c in rest if m == ())
                    if monomial == (symbol,) and len(rest) == 2 and constant:
                        shift = f"{name}.shape[{axis}] - {constant}"
                        return shift if factor == 1 else f"({shift}) // {factor}"
        raise AssertionError(f"{symbol} is the axis of no input")

    def scale(self, symbol: str, length: Size) -> str | None:
        """`self.patch_size` for an axis declared `patch_size * H`: it follows the setting's value."""
        if len(length.spelled.terms) != 1:
            return None
        ((monomial, factor),) = length.spelled.terms
        others = [atom for atom in monomial if atom != symbol]
        named = {**self.writer.settings, **self.writer.lets}
        if factor != 1 or len(others) != 1 or len(monomial) != 2 or others[0] not in named:
            return None
        return self.printer.atom(ir.Name(named[others[0]].value, others[0], "let"))

    def device(self) -> str:
        assert self.forward is not None
        for declared in self.forward.inputs:
            if declared.name not in self.assigned:
                return f"{_first(declared)}.device"
        if self.forward.inputs:
            return f"{_first(self.forward.inputs[0])}.device"
        return f"{self.weight_path()}.device"

    def dtype(self) -> str:
        """The dtype the model runs in: that of a float input, or else of a weight."""
        assert self.forward is not None
        for declared in self.forward.inputs:
            if declared.tensors and declared.tensors[0].dtype == "float":
                return f"{_first(declared)}.dtype"
        return f"{self.weight_path()}.dtype"

    def weight_path(self) -> str:
        path = self.owner and _float_weight(self.owner)
        return f"self{path}" if path else "torch.get_default_dtype()".removesuffix(".dtype")

    # Statements

    def statement(self, statement: ir.Statement, indent: int) -> list[str]:
        pad = " " * indent
        comments = [f"{pad}# {clean(line)}" for line in statement.comment]
        match statement:
            case ir.Assign(targets, value, unpack):
                single = unpack and len(targets) == 1
                text = f"({targets[0]},) = " if single else f"{', '.join(targets)} = "
                note = self.note(targets, value)
                lines = self.noted(text + self.printer(value), indent, note)
                parts = value.value if unpack else (value.value,)
                self.known.update(zip(targets, parts, strict=True))
            case ir.Push(name, value):
                lines = fit(f"{name}.append({self.printer(value)})", indent)
            case ir.Return(values):
                lines = self.returned(values, indent)
            case ir.For():
                lines = self.loop(statement, indent)
        return [*comments, *lines]

    def returned(self, values: tuple[ir.Expr, ...], indent: int) -> list[str]:
        text = "return " + ", ".join(map(self.printer, values))
        note = self.note((), values[0]) if len(values) == 1 else ""
        return self.noted(text, indent, note)

    def noted(self, text: str, indent: int, note: str) -> list[str]:
        lines = fit(text, indent)
        if note and len(lines) == 1 and len(lines[0]) + len(note) + 4 <= WIDTH:
            return [f"{lines[0]}  # {note}"]
        if note:
            self.bare.add(lines[-1])
        return lines

    def note(self, targets: tuple[str, ...], expr: ir.Expr) -> str:
        """The shape, where it is not that of anything the line reads."""
        value = expr.value
        if isinstance(value, tuple) and value and all(part == value[0] for part in value):
            value = value[0]
        if not isinstance(value, Tensor) or not value.shape:
            return ""
        seen = [
            self.known[e.id] for e in _tree(expr) if isinstance(e, ir.Name) and e.id in self.known
        ]
        shapes = [t.shape for t in seen if isinstance(t, Tensor)]
        if value.shape in shapes or (not shapes and isinstance(expr, ir.Call)):
            return ""
        return self.writer.shape(value)

    def loop(self, loop: ir.For, indent: int) -> list[str]:
        saved = dict(self.known)
        bodies = self.bodies(loop, indent, saved)
        if not bodies:
            return []
        bodies = self.agreed(bodies)
        if all(body == bodies[0] for body in bodies):
            targets = ", ".join(loop.targets)
            head = f"for {targets} in {self.printer(loop.iterable)}"
            return [*fit(head, indent, tail=":"), *bodies[0]]
        return self.unrolled(loop, indent, saved)

    def bodies(self, loop: ir.For, indent: int, known: dict[str, Any]) -> list[list[str]]:
        """The lines of each round."""
        made = []
        for _, elements, statements in loop.rounds:
            self.known = dict(known)
            self.known.update((t, e.value) for t, e in zip(loop.targets, elements, strict=True))
            made.append([line for s in statements for line in self.statement(s, indent + 4)])
        return made

    def agreed(self, bodies: list[list[str]]) -> list[list[str]]:
        """Rounds that are one but for shapes: without the comments that hold for some of them only."""
        plain = [[line.partition(NOTE)[0] for line in body] for body in bodies]
        if any(body != plain[0] for body in plain):
            return bodies
        differ = {p for p, *lines in zip(plain[0], *bodies, strict=True) if len(set(lines)) > 1}
        self.bare |= differ
        lines = [p if p in differ else a for p, a in zip(plain[0], bodies[0], strict=True)]
        return [lines] * len(bodies)

    def unrolled(self, loop: ir.For, indent: int, known: dict[str, Any]) -> list[str]:
        """Rounds that differ, one after the other; equal ones in a row as a loop over a slice."""
        self.known = known
        lines: list[str] = []
        for times, elements, statements in loop.rounds:
            paths = [_element_text(self.printer, element) for element in elements]
            if times > 1:
                head = f"for {loop.targets[0]} in {_slice(paths[0])}:"
                lines.append(f"{' ' * indent}{head}")
                lines += [x for s in statements for x in self.statement(s, indent + 4)]
                continue
            self.printer.alias.update(zip(loop.targets, paths, strict=True))
            lines += [line for s in statements for line in self.statement(s, indent)]
            for target in loop.targets:
                self.printer.alias.pop(target, None)
        return lines


# Small pieces of text


def _live(statements: tuple[ir.Statement, ...]) -> tuple[ir.Statement, ...]:
    """Without values that nothing reads: what read them was left out by a choice or an empty loop."""
    read = {e.id for e in expressions(statements) if isinstance(e, ir.Name)}
    kept = _reading(statements, read)
    return kept if len(_flat(kept)) == len(_flat(statements)) else _live(kept)


def _reading(statements: tuple[ir.Statement, ...], read: set[str]) -> tuple[ir.Statement, ...]:
    kept: list[ir.Statement] = []
    for statement in statements:
        match statement:
            case ir.Assign(targets) if read.isdisjoint(targets):
                continue
            case ir.Push(name) if name not in read:
                continue
            case ir.For(_, _, rounds):
                inner = tuple((n, what, _reading(body, read)) for n, what, body in rounds)
                if any(body for _, _, body in inner):
                    kept.append(replaced(statement, rounds=inner))
            case _:
                kept.append(statement)
    return tuple(kept)


def _flat(statements: tuple[ir.Statement, ...]) -> list[ir.Statement]:
    inner = [b for s in statements if isinstance(s, ir.For) for _, _, b in s.rounds]
    return [*statements, *(each for body in inner for each in _flat(body))]


def _element_text(printer: Printer, element: ir.Expr) -> str:
    return printer(element)


def _slice(path: str) -> str:
    """Several items of a list, from the place of each: `self.blocks[2-4]` is `self.blocks[2:5]`."""
    base, _, places = path.rstrip("]").rpartition("[")
    first, last = map(int, places.split("-"))
    if first < last:
        return f"{base}[{first}:{last + 1}]"
    return f"reversed({base}[{last}:{first + 1}])"


def _tree(expr: ir.Expr) -> Iterable[ir.Expr]:
    return expressions([ir.Return((expr,))])


def _axes_of(declared: ir.Input) -> Iterable[tuple[str, int, Size]]:
    """Every axis of an input, with the text of the tensor it belongs to."""
    for at, tensor in enumerate(declared.tensors):
        name = f"{declared.name}[{at}]" if isinstance(declared.type, tuple) else declared.name
        for axis, length in enumerate(tensor.shape):
            yield name, axis, length


def _first(declared: ir.Input) -> str:
    return f"{declared.name}[0]" if isinstance(declared.type, tuple) else declared.name


def _assigned(statements: Iterable[ir.Statement]) -> set[str]:
    found: set[str] = set()
    for statement in statements:
        match statement:
            case ir.Assign(targets):
                found.update(targets)
            case ir.For(targets, _, rounds):
                found.update(targets)
                for _, _, body in rounds:
                    found |= _assigned(body)
    return found


def _float_weight(module: ir.Module) -> str | None:
    """The path of some weight in the model's dtype."""
    for weight in module.weights:
        if weight.dtype == "float":
            return f".{weight.name}"
    if isinstance(module, ir.Stack):
        path = _float_weight(module.runs[0].member.module) if module.runs else None
        return path and f"[0]{path}"
    for _, _, member in module.children():
        path = _float_weight(member.module)
        if path:
            inner = f"[{member.name}]" if member.name.isdigit() else f".{member.name}"
            return inner + path
    return None


def _argument_type(value: Any) -> str | None:
    """The annotation of an argument; None for what is always a literal."""
    if isinstance(value, Size):
        return "int"
    if isinstance(value, float) or (isinstance(value, ir.Varying) and value.kind == "float"):
        return "float"
    if isinstance(value, tuple):
        inner = {_argument_type(item) for item in value}
        if inner <= {"int", "float"}:
            return f"tuple[{'float' if 'float' in inner else 'int'}, ...]"
    return None


def _forward_signature(forward: ir.Forward | None) -> tuple[str, ...]:
    if forward is None:
        return ()
    args = ["self", *(f"{declared.name}: {_input_type(declared)}" for declared in forward.inputs)]
    return tuple(fit_def("forward", args, _returned_type(forward), 4))


def _input_type(declared: ir.Input) -> str:
    return "list[Tensor]" if isinstance(declared.type, tuple) else "Tensor"


def _returned_type(forward: ir.Forward) -> str:
    """What `forward` returns; lists that it made, of any length, are `list[Tensor]`."""
    last = forward.statements[-1]
    if not isinstance(last, ir.Return):
        return _result_type(forward.result)
    types = [
        "list[Tensor]" if _is_list(value, forward.statements) else _result_type(value.value)
        for value in last.values
    ]
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def _is_list(value: ir.Expr, statements: Iterable[ir.Statement]) -> bool:
    """Whether this is a list of tensors that the statements began with brackets."""
    if not isinstance(value.value, tuple) or not all(isinstance(x, Tensor) for x in value.value):
        return False
    return isinstance(value, ir.Name) and any(
        isinstance(each, ir.Assign)
        and value.id in each.targets
        and isinstance(each.value, ir.Group)
        and each.value.kind == "list"
        for each in statements
    )


def _result_type(result: Any) -> str:
    if isinstance(result, tuple):
        return f"tuple[{', '.join(map(_result_type, result))}]"
    return "Tensor"


def _doc(summary: str, indent: int) -> list[str]:
    pad = " " * indent
    text = clean(summary)
    if indent + len(text) + 6 <= WIDTH:
        return [f'{pad}"""{text}"""']
    # Narrower by the closing quotes, so that there is a second line: a formatter joins them to one.
    return [*wrap(f'"""{text}', indent, width=WIDTH - 3), f'{pad}"""']


def wrap(text: str, indent: int, hang: int = 0, width: int = WIDTH) -> list[str]:
    from textwrap import wrap

    pad = " " * indent
    return wrap(
        text, width, initial_indent=pad, subsequent_indent=pad + " " * hang, break_long_words=False
    )


def _listed(items: list[str], lead: str, indent: int) -> list[str]:
    """Items with commas, never broken inside; what follows the first line hangs under it."""
    lines, pad = [], " " * indent + lead
    current = pad
    for at, item in enumerate(items):
        word = item + ("," if at < len(items) - 1 else "")
        if current.strip() and len(current) + len(word) + 1 > WIDTH and current != pad:
            lines.append(current.rstrip())
            current = " " * (indent + len(lead))
        current += word + " "
    return [*lines, current.rstrip()]


def clean(text: str) -> str:
    """Free text that cannot leave a docstring or a comment: printable, on one line, no quotes."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat.replace("\\", "/").replace('"', "'")


def _mentions(text: str, name: str) -> bool:
    import re

    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def _replaced(text: str, name: str | None, by: str) -> str:
    import re

    return re.sub(rf"\b{re.escape(name)}\b", by, text) if name else text


FIXED_NAMES = frozenset((*HELPERS, *LAYER_CLASSES))
"""Names that belong to fixed texts of the generated file."""
