"""Components and weights of a block as the lines of `__init__` that make them.

Torch's own layers come first: a layer that torch has is called as torch calls it, and the file holds a class of ours only
where torch has none. A field is written as the spec wrote it (`3 * dim`), unless structure depends on its value.
"""

from __future__ import annotations

import re
from typing import Any

from getspec import ir
from getspec.emit.layers import LAYER_CLASSES, LAYER_TEXT
from getspec.emit.layout import WIDTH, fit
from getspec.emit.printer import literal
from getspec.emit.repeats import repeat
from getspec.emit.scope import Scope
from getspec.sizes import Size
from getspec.walk import within

__all__ = ["Components"]

FROZEN = ".requires_grad_(False)"
TORCH_DTYPE = {"int": ", dtype=torch.long", "bool": ", dtype=torch.bool"}


class Components:
    """Writes what a block is made of, in the names of its class."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.names = scope.names
        self.printer = scope.inside

    def member(self, member: ir.Member) -> list[str]:
        """The lines that make one component."""
        text = f"self.{member.name} = {self.made(member)}"
        if len(text) + 8 <= WIDTH or member.trainable:
            return fit(text, 8)
        return [*fit(text.removesuffix(FROZEN), 8), f"        self.{member.name}{FROZEN}"]

    def made(self, member: ir.Member) -> str:
        """The expression that makes a component."""
        match member.module:
            case ir.Leaf(_, op):
                text = self.leaf(member, op)
            case ir.Block():
                text = self.construct(member, member.module)
            case ir.Sequence(_, members):
                text = self.sequence(members)
            case ir.Stack():
                text = repeat(
                    member.module, self.made, self.printer, {*self.scope.settings, *self.scope.lets}
                )
            case _:
                raise AssertionError(member)
        return text if member.trainable else text + FROZEN

    def leaf(self, member: ir.Member, op: Any) -> str:
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
        return any(
            isinstance(part, ir.Name)
            and part.kind in ("setting", "let", "index")
            and part.id not in self.scope.fixed
            for part in within(expr)
        )

    def value(self, member: ir.Member, name: str, value: Any) -> str:
        """A field as written, or as the literal it is where structure depends on it."""
        expr = member.args.get(name)
        if expr is None or isinstance(value, bool | str):
            return literal(value)
        return self.printer(expr)

    def construct(self, member: ir.Member, block: ir.Block) -> str:
        text = self.names.block(block)
        args = [
            self.printer(member.args[setting])
            if setting in member.args
            else literal(block.settings[setting].value)
            for setting in text.settings
        ]
        return f"{text.name}({', '.join(args)})"

    def sequence(self, members: tuple[ir.Member, ...]) -> str:
        items = [self.made(member) for member in members]
        if all(member.name.isdigit() for member in members):
            return f"nn.Sequential({', '.join(items)})"
        self.names.helper("OrderedDict")
        named = [f"{member.name}={item}" for member, item in zip(members, items, strict=True)]
        return f"nn.Sequential(OrderedDict({', '.join(named)}))"

    # Parameters and buffers of the block's own

    def weight(self, weight: ir.Weight) -> list[str]:
        sizes = ", ".join(self.lengths(weight)) or "()"
        if weight.kind == "buffer":
            tensor = f"torch.empty({sizes}{TORCH_DTYPE.get(weight.dtype, '')})"
            extra = "" if weight.persistent else ", persistent=False"
            return fit(f'self.register_buffer("{weight.name}", {tensor}{extra})', 8)
        extra = "" if weight.trainable else ", requires_grad=False"
        return fit(f"self.{weight.name} = nn.Parameter(torch.empty({sizes}){extra})", 8)

    def lengths(self, weight: ir.Weight) -> list[str]:
        if weight.spelled is not None:
            return list(map(self.printer, weight.spelled))
        return list(map(self.length, weight.shape))

    def length(self, length: Size) -> str:
        """A length that an op worked out, in the names of this class."""
        symbols = length.spelled.symbols()
        if not symbols <= self.scope.free:
            return str(int(length))
        self.printer.used.update(dict.fromkeys(sorted(symbols)))
        return re.sub(r"(?<!\*)\*(?!\*)", " * ", str(length.spelled))
