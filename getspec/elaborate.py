"""Declarations to the compiled model: every expression worked out, every choice made.

A definition becomes one `Block` per distinct set of settings, whoever asks for it, so twelve equal layers are elaborated once.
A repeat whose position only changes numbers (a drop-path rate) is still one module; where the position decides structure
(`NeedsIndex`), each position is elaborated by itself and equal neighbours are folded again.

What a block is does not depend on where it stands. What depends on the place (frozen or not, which init rule is nearest) is
left on `Member` for the passes to fold over, so that equal blocks stay one object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from getspec import ir
from getspec.dataflow import check, constant
from getspec.declare import (
    BlockDecl,
    BufferDecl,
    Declaration,
    Definition,
    LayerDecl,
    ParameterDecl,
    SequenceDecl,
    Setting,
    StackDecl,
    TensorDecl,
)
from getspec.errors import Diagnostics, Note, Span, SpecError, nearest
from getspec.evaluate import Evaluator, NeedsIndex, Scope, described
from getspec.ops import LAYERS
from getspec.ops.base import ShapeError, Tensor
from getspec.record import replaced
from getspec.sizes import Size
from getspec.syntax import Expression, Literal
from getspec.unify import substituted

__all__ = ["Elaborator", "find_weight", "to_value", "weight_paths"]

MAX_REPEAT = 1_000_000
MAX_DEPTH = 64
MAX_POSITIONS = 20_000
MAX_POSITIONS_IN_ALL = 60_000
"""Of all repeats of a compilation: repeats within repeats multiply."""
VALUES = ("GS206", "GS207", "GS209", "GS305", "GS308", "GS420", "GS421")
"""Codes whose cause may be the values that a block is given."""


class _Broken(Exception):
    """A part could not be made; why is already reported."""


class Elaborator:
    """Makes modules from definitions. Mistakes go to `problems`, each once."""

    def __init__(self, library: Mapping[str, Definition], problems: Diagnostics) -> None:
        self.library = library
        self.problems = problems
        self.functions = [name for name, d in library.items() if d.kind == "function"]
        self.made: dict[tuple[str, Any], ir.Block | ir.Routine | None] = {}
        self.open: list[str] = []
        self.rounds = 0
        self.parts = 0

    # Definitions

    def model(self, definition: Definition) -> ir.Block | None:
        settings = {name: to_value(s.default) for name, s in definition.settings.items()}
        return self.block(definition, settings, definition.span)

    def block(
        self, definition: Definition, settings: Mapping[str, Any], span: Span
    ) -> ir.Block | None:
        made = self.once(definition, settings, span, self.new_block)
        assert made is None or isinstance(made, ir.Block)
        return made

    def once(
        self,
        definition: Definition,
        settings: Mapping[str, Any],
        span: Span,
        make: Callable[[Definition, Mapping[str, Any]], Any],
    ) -> Any:
        """The instance at these settings, made at most once."""
        key = (definition.name, tuple((n, _key(v)) for n, v in settings.items()))
        if key in self.made:
            return self.made[key]
        if definition.name in self.open:
            chain = " -> ".join([*self.open[self.open.index(definition.name) :], definition.name])
            self.problems.error("GS302", f"`{definition.name}` contains itself: {chain}", span)
            return None
        if len(self.open) >= MAX_DEPTH:
            self.problems.error("GS302", f"blocks are nested deeper than {MAX_DEPTH}", span)
            return None
        self.open.append(definition.name)
        before = len(self.problems.errors)
        seen = len(self.problems)
        try:
            made = make(definition, settings)
        except _Broken:
            made = None
        finally:
            self.open.pop()
        if definition.kind == "block":
            self.problems.annotate(seen, VALUES, (_usage(definition, settings), span))
        if len(self.problems.errors) > before:
            made = None
        self.made[key] = made
        return made

    def scope(self, definition: Definition, settings: Mapping[str, Any]) -> Scope:
        scope = Scope()
        for name, value in settings.items():
            scope.setting(name, value)
            if isinstance(value, bool | str):
                scope.decided.add(name)
        return scope

    def lets(self, definition: Definition, scope: Scope) -> dict[str, ir.Expr]:
        """The named values, in the order they stand; each sees those above it."""
        made: dict[str, ir.Expr] = {}
        for name, expression in definition.lets.items():
            expr = self.evaluated(expression, scope)
            if expr is None:
                raise _Broken
            made[name] = expr
            scope.let(name, expr.value, expression.names)
        return made

    def new_block(self, definition: Definition, settings: Mapping[str, Any]) -> ir.Block | None:
        scope = self.scope(definition, settings)
        lets = self.lets(definition, scope)
        inputs = self.inputs(definition, scope)
        scope_names = dict(scope.names)
        weights: list[ir.Weight] = []
        members: list[ir.Member] = []
        absent: list[str] = []
        broken = False
        for declared in definition.components:
            if not self.present(declared, scope):
                absent.append(declared.name)
            elif isinstance(declared, ParameterDecl | BufferDecl):
                weight = self.weight(declared, scope, weights)
                if weight is not None:
                    weights.append(weight)
                    scope.names[declared.name] = _weight_name(weight)
                broken = broken or weight is None
            else:
                member = self.member(declared, scope)
                if member is not None:
                    members.append(member)
                    link = ir.Link(declared.name, member)
                    scope.names[declared.name] = ir.Name(link, declared.name, "weight")
                broken = broken or member is None
        if broken:
            raise _Broken
        weights.sort(key=lambda weight: weight.kind == "buffer")
        forward, used = self.forward(definition, scope, inputs)
        block = ir.Block(
            type=definition.name,
            settings={n: e for n, e in scope_names.items() if n in settings},
            lets=lets,
            structural=frozenset(scope.decided),
            own=tuple(weights),
            members=tuple(members),
            ties=tuple(ir.Tie(a, b) for a, b, _ in definition.ties),
            init=definition.init,
            forward=forward,
            summary=definition.summary,
            sources=definition.sources,
            span=definition.span,
            absent=tuple(absent),
            unused=tuple(d.name for d in self.unused(definition, used) if d.name not in absent),
            dataflow=definition.body.text.value if definition.body else "",
        )
        self.check_ties(definition, block)
        return block

    def present(self, declared: Declaration, scope: Scope) -> bool:
        if declared.when is None:
            return True
        when = declared.when
        value = self.attempt(lambda: Evaluator.decided(scope, when))
        if isinstance(value, bool):
            return value
        if value is not None:
            message = f"`when` is true or false, this is {described(value)}"
            self.problems.error("GS205", message, when.span)
        raise _Broken

    def inputs(self, definition: Definition, scope: Scope) -> tuple[ir.Input, ...]:
        made = []
        for declared in definition.inputs:
            type: Any = self.tensors(declared, scope)
            below = declared.below and self.evaluated(declared.below, scope)
            bound = below.value if below and isinstance(below.value, Size) else None
            selects = None
            if declared.selects is not None:
                selects = self.axis(declared.selects, self.sized(scope))
            made.append(ir.Input(declared.name, type, bound, declared.doc, declared.span, selects))
        return tuple(made)

    def tensors(self, declared: TensorDecl, scope: Scope) -> Tensor | tuple[Tensor, ...]:
        """A declared tensor, or the tensors of a declared list."""
        if declared.repeat is None:
            return self.tensor(declared, scope)
        repeat = declared.repeat
        count = self.attempt(lambda: Evaluator.decided(scope, repeat))
        if not isinstance(count, Size) or count.known is None or not 0 <= count.known <= 4096:
            if count is not None:
                message = f"`repeat` is an integer from 0 to 4,096, this is {described(count)}"
                self.problems.error("GS305", message, repeat.span)
            raise _Broken
        made = []
        for position in range(count.known):
            inner = Scope(scope.names)
            inner.roots, inner.decided = scope.roots, scope.decided
            if declared.index is not None:
                inner.index(declared.index, Size.of(position))
            made.append(self.tensor(declared, inner))
        return tuple(made)

    def tensor(self, declared: TensorDecl, scope: Scope) -> Tensor:
        """A declared type; names that start with a capital are run-time sizes."""
        inner = self.sized(scope)
        return Tensor(declared.dtype, tuple(self.axis(each, inner) for each in declared.dims))

    def sized(self, scope: Scope) -> Scope:
        """A scope of its own, which `axis` adds run-time sizes to."""
        inner = Scope(scope.names)
        inner.roots = scope.roots
        return inner

    def axis(self, expression: Expression, scope: Scope) -> Size:
        """A length in a declared type."""
        for name in sorted(expression.names):
            if name[:1].isupper() and name not in scope.names:
                scope.names[name] = ir.Name(Size.runtime(name), name, "size")
        expr = self.attempt(lambda: Evaluator.of(scope, expression))
        if expr is None:
            raise _Broken
        if isinstance(expr.value, ir.Varying):
            raise NeedsIndex
        if not isinstance(expr.value, Size):
            message = f"an axis is an integer, this is {described(expr.value)}"
            self.problems.error("GS205", message, expression.span)
            raise _Broken
        if expr.value.known is not None and expr.value.known < 1:
            message = f"an axis of length {expr.value}"
            self.problems.error("GS305", message, expression.span, "lengths are at least 1")
            raise _Broken
        return expr.value

    def forward(
        self, definition: Definition, scope: Scope, inputs: tuple[ir.Input, ...]
    ) -> tuple[ir.Forward | None, set[str]]:
        """The checked dataflow, and the components it uses."""
        if definition.body is None:
            return None, {declared.name for declared in definition.components}
        outputs = tuple(tensor.name for tensor in definition.outputs)
        inner = Scope(scope.names)
        inner.roots, inner.decided = scope.roots, scope.decided
        forward, used = check(
            definition.body, inner, inputs, _Functions(self), self.problems, names=outputs
        )
        if forward is not None:
            forward = self.named_outputs(definition, scope, forward)
            self.warn_unused(definition, used)
        return forward, used

    def named_outputs(
        self, definition: Definition, scope: Scope, forward: ir.Forward
    ) -> ir.Forward:
        """What `outputs:` promises is what forward returns; sizes of the data get its names."""
        if not definition.outputs:
            return forward
        found = forward.result if isinstance(forward.result, tuple) else (forward.result,)
        if len(found) != len(definition.outputs):
            message = (
                f"forward returns {len(found)} values, outputs names {len(definition.outputs)}"
            )
            span = definition.outputs[-1].span
            self.problems.error("GS421", message, span, None, _returned(definition))
            return forward
        known = {
            symbol
            for declared in forward.inputs
            for tensor in declared.tensors
            for length in tensor.shape
            for symbol in length.value.symbols()
        }
        renames: dict[str, Size] = {}
        for declared, actual in zip(definition.outputs, found, strict=True):
            wanted = self.tensor(declared, scope)
            for want, have in zip(wanted.shape, actual.shape, strict=False):
                fresh = have.value.symbols() - known
                if len(want.value.symbols() - known) == 1 and len(fresh) == 1:
                    renames[next(iter(fresh))] = want
            if substituted(actual, renames) != wanted:
                message = f"`{declared.name}` is declared {wanted}, forward returns {actual}"
                notes = _returned(definition)
                self.problems.error("GS421", message, declared.span, None, notes)
        promised = tuple(self.tensor(declared, scope) for declared in definition.outputs)
        whole = isinstance(forward.result, tuple)
        return replaced(forward, result=promised if whole else promised[0])

    def warn_unused(self, definition: Definition, used: set[str]) -> None:
        for declared in self.unused(definition, used):
            if declared.when is None and declared.doc is None:
                self.problems.warning(
                    "GS406",
                    f"component `{declared.name}` is not used in forward",
                    declared.span,
                    "use it, remove it, or say why in its `doc`",
                )

    def unused(self, definition: Definition, used: set[str]) -> list[Declaration]:
        """Components that forward leaves alone; a buffer may be kept for the checkpoint's sake."""
        return [
            declared
            for declared in definition.components
            if declared.name not in used and not isinstance(declared, BufferDecl)
        ]

    def check_ties(self, definition: Definition, block: ir.Block) -> None:
        targets = {name: of for name, of, _ in definition.ties}
        for name, of, span in definition.ties:
            if of in targets:
                further = targets[of]
                help = f"{name}: {further}" if further not in targets else None
                message = f"`{of}` is tied itself, and a tie names a tensor that is not"
                self.problems.error("GS307", message, span, help)
                return
            shapes = []
            for path in (name, of):
                if _repeated(block, path):
                    message = f"`{path}` is one of several equal layers, and a tie names one tensor"
                    self.problems.error("GS307", message, span, "tie within the repeated block")
                    return
                weight = find_weight(block, path)
                if weight is None:
                    word = nearest(path, list(weight_paths(block)))
                    help = f"did you mean `{word}`?" if word else None
                    self.problems.error("GS307", f"there is no tensor `{path}`", span, help)
                    return
                shapes.append(weight)
            if shapes[0].shape != shapes[1].shape:
                sizes = [f"[{', '.join(map(str, w.shape))}]" for w in shapes]
                message = f"`{name}` is {sizes[0]} and `{of}` is {sizes[1]}, so they cannot be one"
                self.problems.error("GS307", message, span)

    # Components

    def member(self, declared: Declaration, scope: Scope) -> ir.Member | None:
        try:
            return self.made_member(declared, scope)
        except SpecError as error:
            self.problems.extend(error.diagnostics)
        except _Broken:
            pass
        return None

    def made_member(self, declared: Declaration, scope: Scope) -> ir.Member | None:
        match declared:
            case LayerDecl():
                return self.leaf(declared, scope)
            case BlockDecl():
                return self.use(declared, scope)
            case SequenceDecl():
                return self.sequence(declared, scope)
            case StackDecl():
                return self.stack(declared, scope)
        raise AssertionError(declared)

    def leaf(self, declared: LayerDecl, scope: Scope) -> ir.Member:
        cls = LAYERS[declared.type]
        values: dict[str, Any] = {}
        args: dict[str, ir.Expr] = {}
        fine = True
        for spec in cls.declared_fields():
            if spec.name not in declared.args:
                continue
            expression = declared.args[spec.name]
            expr = self.field(declared.type, spec.name, spec.metadata, expression, scope)
            fine = fine and expr is not None
            if expr is not None:
                args[spec.name] = expr
                values[spec.name] = expr.value
        if not fine:
            raise _Broken
        op = cls(**values)
        try:
            op.check()
        except ShapeError as error:
            at = declared.args.get(error.argument or "")
            span = at.span if at else declared.span
            self.problems.error("GS305", f"{declared.name}: {error.message}", span, error.help)
            raise _Broken from None
        init = self.leaf_init(declared, op)
        leaf = ir.Leaf(declared.type, op)
        return ir.Member(declared.name, leaf, args, declared.span, declared.trainable, init)

    def leaf_init(self, declared: LayerDecl, op: Any) -> dict[str, ir.Init]:
        known = [weight.name for weight in op.parameters()]
        for name in declared.init:
            if name != "*" and name not in known:
                message = f"`{declared.type}` has no weight `{name}` here"
                word = nearest(name, known)
                help = f"did you mean `{word}`?" if word else f"it has: {', '.join(known)}"
                self.problems.error("GS306", message, declared.at("init", name), help)
                raise _Broken
        return dict(declared.init)

    def field(
        self,
        type: str,
        name: str,
        facts: Mapping[str, Any],
        expression: Expression,
        scope: Scope,
    ) -> ir.Expr | None:
        """A field of a layer: of the right kind and within its limits."""
        kind = facts["kind"]
        if kind == "str":
            return self.word(type, name, facts, expression, scope)
        expr = self.evaluated(expression, scope)
        if expr is None:
            return None
        if kind == "bool" or (kind == "int" and isinstance(expr.value, ir.Varying)):
            scope.decide(expression.names)
        value = expr.value
        reason = _misfit(kind, value)
        if reason:
            help = _remedy(kind, value, expression)
            self.problems.error("GS308", f"`{name}` of `{type}` {reason}", expression.span, help)
            return None
        if isinstance(value, Size) and kind == "float":
            return type_as_float(expr)
        number = value.known if isinstance(value, Size) else value
        low, high = facts.get("minimum"), facts.get("below")
        if isinstance(number, int | float) and not isinstance(number, bool):
            if number < (low if low is not None else number):
                message = f"`{name}` of `{type}` is at least {low}, this is {number}"
                self.problems.error("GS305", message, expression.span)
                return None
            if high is not None and number >= high:
                message = f"`{name}` of `{type}` is below {high}, this is {number}"
                self.problems.error("GS305", message, expression.span)
                return None
        return expr

    def word(
        self,
        type: str,
        name: str,
        facts: Mapping[str, Any],
        expression: Expression,
        scope: Scope,
    ) -> ir.Expr | None:
        """A choice: one of the op's words, or a setting that holds one."""
        options = facts["options"]
        text = expression.text.value.strip()
        if text in options:
            return ir.Const(text)
        if text in scope.names:
            scope.decide(frozenset((text,)))
            text = scope.names[text].value
            if text in options:
                return ir.Const(text)
        word = nearest(str(text), options)
        help = f"did you mean `{word}`?" if word else None
        message = f"`{name}` of `{type}` is one of {', '.join(options)}"
        self.problems.error("GS308", message, expression.span, help)
        return None

    def use(self, declared: BlockDecl, scope: Scope) -> ir.Member:
        """A block in its place."""
        definition = self.library[declared.type]
        args, values = self.settings(declared, definition, scope)
        block = self.block(definition, values, declared.span)
        if block is None:
            raise _Broken
        for name in block.structural & set(args):
            used = declared.args[name]
            for expression in used if isinstance(used, tuple) else (used,):
                scope.decide(expression.names)
        return ir.Member(declared.name, block, args, declared.span, declared.trainable)

    def settings(
        self, declared: BlockDecl, definition: Definition, scope: Scope
    ) -> tuple[dict[str, ir.Expr], dict[str, Any]]:
        args: dict[str, ir.Expr] = {}
        fine = True
        for name, expression in declared.args.items():
            setting = definition.settings.get(name)
            if setting is None:
                options = list(definition.settings)
                word = nearest(name, options)
                known = ", ".join(options) or "no settings"
                help = f"did you mean `{word}`?" if word else f"it takes: {known}"
                message = f"block `{definition.name}` has no setting `{name}`"
                self.problems.error("GS101", message, declared.at(name), help)
                fine = False
                continue
            expr = self.argument(setting, expression, scope)
            fine = fine and expr is not None
            if expr is not None:
                args[name] = expr
        missing = [
            n for n, s in definition.settings.items() if s.required and n not in declared.args
        ]
        if missing and fine:
            message = f"block `{definition.name}` needs {_and(missing)}"
            self.problems.error("GS102", message, declared.span, f"add `{missing[0]}: ...`")
            fine = False
        if not fine:
            raise _Broken
        values = {
            name: args[name].value if name in args else to_value(setting.default)
            for name, setting in definition.settings.items()
        }
        return args, values

    def argument(
        self, setting: Setting, expression: Expression | tuple[Expression, ...], scope: Scope
    ) -> ir.Expr | None:
        """A value for a setting of a block, of the setting's kind."""
        if isinstance(expression, tuple):
            parts = [self.evaluated(each, scope) for each in expression]
            made = [part for part in parts if part is not None]
            if len(made) < len(parts):
                return None
            expr: ir.Expr = ir.Group(tuple(p.value for p in made), "list", tuple(made))
            span = expression[0].span if expression else setting.span
        else:
            span = expression.span
            text = expression.text.value.strip()
            if setting.kind == "str" and text not in scope.names:
                return ir.Const(text)
            found = self.attempt(lambda: Evaluator.of(scope, expression))
            if found is None:
                return None
            expr = found
            varying = isinstance(expr.value, ir.Varying) and setting.kind != "float"
            if setting.kind in ("bool", "str") or varying:
                scope.decide(expression.names)
        reason = _misfit(setting.kind, expr.value)
        if reason:
            help = _remedy(setting.kind, expr.value, expression)
            self.problems.error("GS308", f"`{setting.name}` {reason}", span, help)
            return None
        if setting.kind == "float":
            assert not isinstance(expression, tuple)
            return _as_float(expr, expression, scope)
        return expr

    def sequence(self, declared: SequenceDecl, scope: Scope) -> ir.Member:
        members: list[ir.Member] = []
        for part in declared.items:
            if not self.present(part, scope):
                continue
            member = self.member(part, scope)
            if member is None:
                raise _Broken
            name = member.name if declared.named else str(len(members))
            members.append(replaced(member, name=name))
        if not members:
            self.problems.error("GS303", f"`{declared.name}` has no layers", declared.span)
            raise _Broken
        made = ir.Sequence("sequential", tuple(members))
        return ir.Member(declared.name, made, {}, declared.span, declared.trainable)

    # Repeats

    def stack(self, declared: StackDecl, scope: Scope) -> ir.Member:
        total = sum(times for times, _ in declared.items)
        if declared.count is None:
            count: ir.Expr = ir.Const(Size.of(total))
        else:
            count = Evaluator.of(scope, declared.count)
        number = self.repeat(declared, count, scope)
        runs: list[ir.Run] = []
        if number and len(declared.items) == 1:
            runs = self.uniform(declared, number, scope)
        elif number:
            runs = self.positions(declared, number, scope)
        made = ir.Stack("stack", tuple(runs), count, declared.index, total)
        return ir.Member(declared.name, made, {}, declared.span, declared.trainable)

    def repeat(self, declared: StackDecl, count: ir.Expr, scope: Scope) -> int:
        value = count.value
        span = declared.count.span if declared.count else declared.span
        if isinstance(value, ir.Varying):
            raise NeedsIndex
        if not isinstance(value, Size) or value.known is None:
            message = f"`repeat` is an integer, this is {described(value)}"
            self.problems.error("GS305", message, span)
            raise _Broken
        if not 0 <= value.known <= MAX_REPEAT:
            message = f"`repeat` is {value}; from 0 to {MAX_REPEAT:,} is possible"
            self.problems.error("GS305", message, span)
            raise _Broken
        several = len(declared.items) > 1 and declared.count is not None
        if several:
            scope.decide(frozenset())
        return value.known

    def uniform(self, declared: StackDecl, number: int, scope: Scope) -> list[ir.Run]:
        """One declaration: try it for all positions at once, then each by itself."""
        try:
            member = self.at(declared, 0, ir.Varying("int"), scope)
            if declared.index is not None and number > 1:
                self.exact(declared, 0, number - 1, scope)
            return [ir.Run(0, number, member)] if member else []
        except NeedsIndex:
            return self.positions(declared, number, scope)

    def exact(self, declared: StackDecl, place: int, position: int, scope: Scope) -> None:
        """The last position with its own numbers, so that a rate that grows too large is found."""
        inner = Scope(scope.names)
        inner.roots, inner.decided = scope.roots, scope.decided
        assert declared.index is not None
        inner.index(declared.index, Size.of(position))
        self.member(declared.items[place][1], inner)

    def positions(self, declared: StackDecl, number: int, scope: Scope) -> list[ir.Run]:
        if number > MAX_POSITIONS:
            message = f"at most {MAX_POSITIONS:,} positions that differ"
            self.problems.error("GS305", message, declared.span)
            raise _Broken
        cycle = [place for place, (times, _) in enumerate(declared.items) for _ in range(times)]
        runs: list[ir.Run] = []
        shared: dict[int, ir.Member] = {}
        for position in range(number):
            place = cycle[position % len(cycle)]
            member = shared.get(place)
            if member is None:
                self.parts += 1
                if self.parts > MAX_POSITIONS_IN_ALL:
                    message = f"at most {MAX_POSITIONS_IN_ALL:,} positions that differ, in all"
                    self.problems.error("GS305", message, declared.span)
                    raise _Broken
                member = self.at(declared, place, Size.of(position), scope)
                if member is None:
                    raise _Broken
                if declared.index is None:
                    shared[place] = member
            if runs and _same(runs[-1].member, member):
                last = runs[-1]
                runs[-1] = ir.Run(last.start, last.count + 1, last.member)
            else:
                runs.append(ir.Run(position, 1, member))
        if declared.index is not None and len(runs) > 1:
            self.exact(declared, cycle[(number - 1) % len(cycle)], number - 1, scope)
            self.decide_length(declared, scope)
        return runs

    def decide_length(self, declared: StackDecl, scope: Scope) -> None:
        """Positions that differ fix the length too, unless one flag of the item tells them apart.

        `has_bias: i == 0` can be written as a condition for any length; what a block makes of an
        integer position cannot.
        """
        flags, others = 0, 0
        for _, item in declared.items:
            assert isinstance(item, LayerDecl | BlockDecl | SequenceDecl)
            for name, expression in getattr(item, "args", {}).items():
                used = expression if isinstance(expression, tuple) else (expression,)
                if not any(declared.index in e.names for e in used):
                    continue
                type = getattr(item, "type", "")
                definition = self.library.get(type)
                setting = definition.settings.get(name) if definition else None
                if setting is not None and setting.kind == "bool":
                    flags += 1
                elif setting is not None and any(
                    name in block.structural
                    for block in self.made.values()
                    if isinstance(block, ir.Block) and block.type == type
                ):
                    others += 1
        if declared.count is not None and (others or flags > 1):
            scope.decide(declared.count.names)

    def at(self, declared: StackDecl, place: int, index: Any, scope: Scope) -> ir.Member | None:
        """The component of one position."""
        inner = Scope(scope.names)
        inner.roots, inner.decided = scope.roots, scope.decided
        if declared.index is not None:
            inner.index(declared.index, index)
            if isinstance(index, Size):
                inner.free = frozenset((declared.index,))
        item = declared.items[place][1]
        try:
            member = self.member(item, inner)
        except NeedsIndex:
            if not inner.free:
                raise
            inner.free = frozenset()
            member = self.member(item, inner)
        if member is None:
            raise _Broken
        if declared.index in inner.chosen and declared.count is not None:
            scope.decide(declared.count.names)  # no loop can make this choice again
        return member

    # Weights

    def weight(
        self, declared: ParameterDecl | BufferDecl, scope: Scope, above: list[ir.Weight]
    ) -> ir.Weight | None:
        try:
            if isinstance(declared, BufferDecl):
                return self.buffer(declared, scope, above)
            exprs = self.shape(declared.shape, scope)
        except SpecError as error:
            self.problems.extend(error.diagnostics)
            return None
        except _Broken:
            return None
        shape = tuple(expr.value for expr in exprs)
        value = None
        if declared.value is not None:
            value = self.constant_tensor(declared.value, scope, above)
            if value is None or not self.same_shape(declared, shape, value.value):
                return None
        return ir.Weight(
            declared.name,
            shape,
            init=declared.init,
            value=value,
            trainable=declared.trainable,
            spelled=exprs,
        )

    def shape(self, dims: Iterable[Expression], scope: Scope) -> tuple[ir.Expr, ...]:
        made = []
        for expression in dims:
            expr = Evaluator.of(scope, expression)
            if isinstance(expr.value, ir.Varying):
                raise NeedsIndex
            if not isinstance(expr.value, Size) or expr.value.known is None:
                message = f"an axis is an integer, this is {described(expr.value)}"
                self.problems.error("GS308", message, expression.span)
                raise _Broken
            if not 1 <= expr.value.known < 2**63:
                message = f"an axis of length {expr.value}; lengths are at least 1"
                self.problems.error("GS305", message, expression.span)
                raise _Broken
            made.append(expr)
        return tuple(made)

    def buffer(
        self, declared: BufferDecl, scope: Scope, above: list[ir.Weight]
    ) -> ir.Weight | None:
        exprs = None if declared.shape is None else self.shape(declared.shape, scope)
        shape = None if exprs is None else tuple(expr.value for expr in exprs)
        value = None
        dtype = declared.dtype
        if declared.value is not None:
            value = self.constant_tensor(declared.value, scope, above)
            if value is None:
                return None
            made: Tensor = value.value
            if shape is not None and not self.same_shape(declared, shape, made):
                return None
            shape, dtype = made.shape, made.dtype
        assert shape is not None
        return ir.Weight(
            declared.name,
            shape,
            dtype,
            kind="buffer",
            init=declared.init or ir.Init("default"),
            persistent=declared.persistent,
            value=value,
            trainable=False,
            spelled=exprs,
        )

    def same_shape(
        self, declared: ParameterDecl | BufferDecl, shape: tuple[Size, ...], made: Tensor
    ) -> bool:
        """Whether a value has the shape that is declared beside it; an error where it has not."""
        if made.shape == shape:
            return True
        message = f"the value is {made}, the shape [{', '.join(map(str, shape))}]"
        self.problems.error("GS421", message, declared.span)
        return False

    def constant_tensor(
        self, expression: Expression, scope: Scope, above: list[ir.Weight]
    ) -> ir.Expr | None:
        """The value of a buffer or parameter, from numbers and the tensors above it."""
        inner = Scope(scope.names)
        inner.roots, inner.decided = scope.roots, scope.decided
        before = len(self.problems.errors)
        expr = constant(expression, inner, _Functions(self), self.problems)
        if expr is None or len(self.problems.errors) > before:
            return None
        if isinstance(expr.value, Tensor):
            return expr
        message = f"the value is a tensor, this is {described(expr.value)}"
        self.problems.error("GS418", message, expression.span)
        return None

    # Errors

    def evaluated(self, expression: Expression, scope: Scope) -> ir.Expr | None:
        """The value of an expression; None when it has none, which is reported."""
        found: ir.Expr | None = self.attempt(lambda: Evaluator.of(scope, expression))
        return found

    def attempt(self, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except SpecError as error:
            self.problems.extend(error.diagnostics)
            return None


class _Functions:
    """The functions of the spec, as `dataflow` asks for them."""

    def __init__(self, elaborator: Elaborator) -> None:
        self.elaborator = elaborator

    def names(self) -> list[str]:
        return self.elaborator.functions

    def round(self) -> int:
        self.elaborator.rounds += 1
        return self.elaborator.rounds

    def settings_of(self, name: str) -> tuple[list[str], list[str]]:
        definition = self.elaborator.library[name]
        return [tensor.name for tensor in definition.inputs], list(definition.settings)

    def routine(
        self, name: str, settings: Mapping[str, Any], error: Callable[..., SpecError]
    ) -> ir.Routine:
        definition = self.elaborator.library[name]
        values: dict[str, Any] = {}
        for key, setting in definition.settings.items():
            if key not in settings and setting.required:
                raise error(f"function `{name}` needs `{key}`", f"{name}(..., {key}=...)")
            value = settings[key] if key in settings else to_value(setting.default)
            reason = _misfit(setting.kind, value)
            if reason:
                raise error(f"`{key}` of `{name}` {reason}")
            if setting.kind == "float" and isinstance(value, Size):
                value = float(int(value))
            values[key] = value
        made = self.elaborator.once(definition, values, definition.span, self.make)
        if made is None:
            raise SpecError(())
        assert isinstance(made, ir.Routine)
        return made

    def make(self, definition: Definition, settings: Mapping[str, Any]) -> ir.Routine | None:
        elaborator = self.elaborator
        scope = elaborator.scope(definition, settings)
        lets = elaborator.lets(definition, scope)
        held = {name: scope.names[name] for name in settings}
        inputs = elaborator.inputs(definition, scope)
        forward, _ = elaborator.forward(definition, scope, inputs)
        if forward is None:
            return None
        return ir.Routine(
            definition.name,
            held,
            lets,
            frozenset(scope.decided),
            forward,
            definition.summary,
            definition.sources,
            definition.body.text.value if definition.body else "",
        )


# Paths


def find_weight(module: ir.Module, path: str) -> ir.Weight | None:
    """The weight at a dotted path below a module."""
    head, _, rest = path.partition(".")
    if not rest:
        return next((weight for weight in module.weights if weight.name == head), None)
    if isinstance(module, ir.Stack):
        try:
            return find_weight(module.at(int(head)).module, rest)
        except (ValueError, IndexError):
            return None
    for _, _, member in module.children():
        if member.name == head:
            return find_weight(member.module, rest)
    return None


def weight_paths(module: ir.Module, prefix: str = "") -> Iterable[str]:
    """Paths of all weights below a module; of a repeat, those of its first position in each run."""
    for weight in module.weights:
        yield f"{prefix}{weight.name}"
    if isinstance(module, ir.Stack):
        for run in module.runs:
            yield from weight_paths(run.member.module, f"{prefix}{run.start}.")
        return
    for _, _, member in module.children():
        yield from weight_paths(member.module, f"{prefix}{member.name}.")


def _repeated(module: ir.Module, path: str) -> bool:
    """Whether a path goes through a repeat that is folded."""
    head, _, rest = path.partition(".")
    if isinstance(module, ir.Stack):
        runs = [
            run
            for run in module.runs
            if head.isdigit() and run.start <= int(head) < run.start + run.count
        ]
        return any(run.count > 1 or _repeated(run.member.module, rest) for run in runs)
    return any(_repeated(m.module, rest) for _, _, m in module.children() if m.name == head)


# Values


def _as_float(expr: ir.Expr, expression: Expression, scope: Scope) -> ir.Expr:
    """A float field; one that only follows the position in a repeat is left open."""
    if scope.free & expression.names:
        return replaced(expr, value=ir.Varying("float"))
    return type_as_float(expr) if isinstance(expr.value, Size) else expr


def type_as_float(expr: ir.Expr) -> ir.Expr:
    """An integer where a float is wanted: `rate: 1` is 1.0."""
    if isinstance(expr, ir.Const):
        return ir.Const(float(int(expr.value)))
    return ir.Operation(float(int(expr.value)), "float", (expr,))


def to_value(literal: Any) -> Any:
    """A literal of YAML as a value."""
    if isinstance(literal, bool):
        return literal
    if isinstance(literal, int):
        return Size.of(literal)
    if isinstance(literal, tuple | list):
        return tuple(to_value(item) for item in literal)
    return literal


def _key(value: Any) -> Any:
    """What makes two settings equal; 1, 1.0 and true are three different values."""
    if isinstance(value, tuple):
        return tuple(map(_key, value))
    if isinstance(value, Size):
        return ("size", value.value)
    return (type(value).__name__, value)


def _misfit(kind: str, value: Any) -> str | None:
    """Why a value is not of a kind."""
    if isinstance(value, ir.Varying):
        if kind in ("float",):
            return None
        raise NeedsIndex
    number = isinstance(value, Size | float) and not isinstance(value, bool)
    fits = {
        "int": isinstance(value, Size) and value.known is not None,
        "float": number and not (isinstance(value, Size) and value.known is None),
        "bool": isinstance(value, bool),
        "str": isinstance(value, str),
        "ints": isinstance(value, tuple) and all(isinstance(v, Size) for v in value),
        "floats": isinstance(value, tuple) and all(isinstance(v, Size | float) for v in value),
    }
    if fits[kind]:
        return None
    words = {
        "int": "is an integer",
        "float": "is a number",
        "bool": "is true or false",
        "str": "is a word",
        "ints": "is a list of integers",
        "floats": "is a list of numbers",
    }
    return f"{words[kind]}, this is {described(value)}"


def _remedy(kind: str, value: Any, expression: Expression | tuple[Expression, ...]) -> str | None:
    """What to write instead of a value that is not of its kind, where that is plain."""
    if isinstance(expression, tuple) or kind != "int" or not isinstance(value, float):
        return None
    if isinstance(expression.node, Literal):
        return f"write `{int(value)}`" if value.is_integer() else None
    return f"`int({expression.text.value.strip()})` if it is to be cut"


def _same(left: ir.Member, right: ir.Member) -> bool:
    """Two positions of a repeat that are one run."""
    if left is right:
        return True
    if isinstance(left.module, ir.Block | ir.Leaf):
        equal = (
            left.module is right.module
            if isinstance(left.module, ir.Block)
            else isinstance(right.module, ir.Leaf) and left.module.op == right.module.op
        )
        return equal and left.trainable == right.trainable and left.init == right.init
    if isinstance(left.module, ir.Sequence) and isinstance(right.module, ir.Sequence):
        a, b = left.module.members, right.module.members
        return len(a) == len(b) and all(map(_same, a, b))
    return False


def _usage(definition: Definition, settings: Mapping[str, Any]) -> str:
    """`used here with dim = 8`, for errors that depend on the values of settings."""
    known = [f"{n} = {v.known}" for n, v in settings.items() if isinstance(v, Size)]
    return f"`{definition.name}` is used here" + (f", with {', '.join(known)}" if known else "")


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(f"`{w}`" for w in words[:-1]), f"`{words[-1]}`"]))


def _returned(definition: Definition) -> list[Note]:
    """Where forward returns."""
    assert definition.body is not None
    last = definition.body.statements[-1]
    return [("it is returned here", definition.body.text.span(last.at))]


def _weight_name(weight: ir.Weight) -> ir.Name:
    return ir.Name(Tensor(weight.dtype, weight.shape), weight.name, "weight")
