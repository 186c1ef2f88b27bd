"""Blocks: what a definition makes of its settings, and the components it is made of.

Weights and members become names in the order they are declared, so that a value can use the weights above it. One that is wrong
does not keep those below it from being checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec import ir
from getspec.declare import (
    BlockDecl,
    BufferDecl,
    Declaration,
    Definition,
    LayerDecl,
    ParameterDecl,
    SequenceDecl,
    StackDecl,
)
from getspec.elaborate.arguments import arguments, expressions, setting_values
from getspec.elaborate.forward import checked_forward
from getspec.elaborate.instances import Instances
from getspec.elaborate.layers import layer
from getspec.elaborate.repeats import Repeats
from getspec.elaborate.routines import Functions
from getspec.elaborate.scopes import is_present, named_values, settings_scope
from getspec.elaborate.tensors import declared_inputs
from getspec.elaborate.ties import check_ties
from getspec.elaborate.values import to_value
from getspec.elaborate.weights import buffer, parameter
from getspec.errors import Diagnostics, SpecError
from getspec.evaluate import UNKNOWN, Scope
from getspec.ops.base import Tensor
from getspec.record import replaced

__all__ = ["Elaborator"]


class Elaborator:
    """Makes modules from definitions. Mistakes go to `problems`, each once.

    Counts need structure alone: without `dataflow`, no `forward` is looked at.
    """

    def __init__(
        self, library: Mapping[str, Definition], problems: Diagnostics, *, dataflow: bool = True
    ) -> None:
        self.library = library
        self.dataflow = dataflow
        self.problems = problems
        self.instances = Instances(library, problems)
        self.functions = Functions(self.instances)

    def model(self, definition: Definition) -> ir.Block | None:
        settings = {name: to_value(s.default) for name, s in definition.settings.items()}
        return self.instances.one(definition, settings, definition.span, self.block)

    def block(self, definition: Definition, settings: Mapping[str, Any]) -> ir.Block:
        errors = len(self.problems.errors)
        scope = settings_scope(settings)
        held = dict(scope.names)
        lets = named_values(definition, scope)
        inputs = declared_inputs(definition, scope, self.problems)
        weights, members, absent = self.components(definition, scope)
        forward, unused = (
            checked_forward(definition, scope, inputs, self.functions, self.problems)
            if self.dataflow
            else (None, [])
        )
        block = ir.Block(
            type=definition.name,
            settings=held,
            lets=lets,
            structural=frozenset(scope.decided),
            own=tuple(weights),
            members=tuple(members),
            ties=tuple(ir.Tie(name, of) for name, of, _, _ in definition.ties),
            init=definition.init,
            forward=forward,
            summary=definition.summary,
            sources=definition.sources,
            span=definition.span,
            absent=tuple(absent),
            unused=tuple(d.name for d in unused if d.name not in absent),
            dataflow=definition.body.text.value if definition.body else "",
        )
        if len(self.problems.errors) == errors:  # a width that is off shows in ties as well
            check_ties(definition, block, self.problems)
        return block

    def components(
        self, definition: Definition, scope: Scope
    ) -> tuple[list[ir.Weight], list[ir.Member], list[str]]:
        """Own weights, buffers last; members; and the names of what is absent."""
        made: list[ir.Weight | ir.Member | None] = []
        absent: list[str] = []
        for declared in definition.components:
            if not is_present(declared, scope):
                absent.append(declared.name)
                continue
            component = self.problems.attempt(self.component, declared, scope)
            scope.names[declared.name] = UNKNOWN if component is None else _name(component)
            made.append(component)
        if None in made:
            raise SpecError(())  # reported by `attempt`
        weights = [each for each in made if isinstance(each, ir.Weight)]
        weights.sort(key=lambda weight: weight.kind == "buffer")
        return weights, [each for each in made if isinstance(each, ir.Member)], absent

    def component(self, declared: Declaration, scope: Scope) -> ir.Weight | ir.Member:
        match declared:
            case ParameterDecl():
                return parameter(declared, scope, self.functions, self.problems)
            case BufferDecl():
                return buffer(declared, scope, self.functions, self.problems)
        return self.member(declared, scope)

    def member(self, declared: Declaration, scope: Scope) -> ir.Member:
        match declared:
            case LayerDecl():
                return layer(declared, scope, self.problems)
            case BlockDecl():
                return self.use(declared, scope)
            case SequenceDecl():
                return self.sequence(declared, scope)
            case StackDecl():
                return Repeats(self.instances, self.member).stack(declared, scope)
        raise AssertionError(declared)

    def use(self, declared: BlockDecl, scope: Scope) -> ir.Member:
        """A block in its place."""
        definition = self.library[declared.type]
        args = arguments(declared, definition, scope, self.problems)
        values = setting_values(definition, args)
        block = self.instances.one(definition, values, declared.span, self.block)
        if block is None:
            raise SpecError(())  # reported where it is defined
        for name in block.structural & set(args):
            for expression in expressions(declared.args[name]):
                scope.decide(expression.names)
        return ir.Member(declared.name, block, args, declared.span, declared.trainable)

    def sequence(self, declared: SequenceDecl, scope: Scope) -> ir.Member:
        members: list[ir.Member] = []
        for item in declared.items:
            if is_present(item, scope):
                member = self.member(item, scope)
                name = member.name if declared.named else str(len(members))
                members.append(replaced(member, name=name))
        if not members:
            message = f"`{declared.name}` has no layers"
            raise SpecError.of("GS303", message, declared.span)
        made = ir.Sequence("sequential", tuple(members))
        return ir.Member(declared.name, made, {}, declared.span, declared.trainable)


def _name(made: ir.Weight | ir.Member) -> ir.Name:
    """A component as `forward` sees it."""
    if isinstance(made, ir.Weight):
        return ir.Name(Tensor(made.dtype, made.shape), made.name, "weight")
    return ir.Name(ir.Link(made.name, made), made.name, "weight")
