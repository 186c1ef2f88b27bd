"""What only run time has, read off the inputs: the size of an axis, the dtype, the device.

Nothing of this is passed to `forward`: a size stands in the shape of some input, and an input or a weight says where tensors
live. A size is read in place while its input keeps its name, and at the top of the method where the input is assigned to.
"""

from __future__ import annotations

from collections.abc import Iterator

from getspec import ir
from getspec.emit.printer import Printer
from getspec.emit.scope import Scope
from getspec.sizes import Size
from getspec.walk import assigned

__all__ = ["RunTime"]


class RunTime(Printer):
    """A printer for one `forward` (or function, which has no owner), with answers about run time."""

    def __init__(self, scope: Scope, forward: ir.Forward, owner: ir.Block | None) -> None:
        super().__init__(scope.names, in_forward=owner is not None, fixed=scope.fixed)
        self.scope = scope
        self.inputs = forward.inputs
        self.weight = owner and _float_weight(owner)
        """The path of some weight of the owner."""
        self.assigned = assigned(forward.statements)
        self.hoisted: dict[str, str] = {}
        """Sizes that are read at the top."""
        self.placed = bool(forward.inputs or self.weight)
        """Whether anything says on which device tensors are."""

    def constant(self, value: ir.Expr) -> str:
        """A value outside `forward`, where no input says on which device it is."""
        saved, self.placed = self.placed, False
        text = self(value)
        self.placed = saved
        return text

    def dtype(self) -> str:
        """The dtype the model runs in: that of a float input, or else of a weight."""
        for declared in self.inputs:
            if declared.tensors and declared.tensors[0].dtype == "float":
                return f"{_first(declared)}.dtype"
        return f"self{self.weight}.dtype" if self.weight else "torch.get_default_dtype()"

    def device(self) -> str | None:
        if not self.placed:
            return None
        kept = [declared for declared in self.inputs if declared.name not in self.assigned]
        source = next(iter((*kept, *self.inputs)), None)
        return f"{_first(source) if source else f'self{self.weight}'}.device"

    # Sizes

    def size(self, symbol: str) -> str:
        """`x.shape[0]`, read before the input is assigned to."""
        length = Size.runtime(symbol)
        places = [(name, text) for name, text, axis in self._axes() if axis == length]
        for name, text in places:
            if name not in self.assigned:
                return text
        self.hoisted[symbol] = places[0][1] if places else self._solved(symbol)
        return symbol

    def _axes(self) -> Iterator[tuple[str, str, Size]]:
        """Every axis of an input: the input's name, the text of its length, the length."""
        for declared in self.inputs:
            for at, tensor in enumerate(declared.tensors):
                text = f"{declared.name}[{at}]" if _is_list(declared) else declared.name
                for axis, length in enumerate(tensor.shape):
                    yield declared.name, f"{text}.shape[{axis}]", length

    def _solved(self, symbol: str) -> str:
        for _, text, length in self._axes():
            found = self._scaled(symbol, text, length) or _inverted(symbol, text, length)
            if found:
                return found
        raise AssertionError(f"{symbol} is the axis of no input")

    def _scaled(self, symbol: str, text: str, length: Size) -> str | None:
        """`x.shape[1] // self.patch_size` for an axis declared `patch_size * H`: it follows the setting's value."""
        if len(length.spelled.terms) != 1:
            return None
        ((monomial, factor),) = length.spelled.terms
        others = [atom for atom in monomial if atom != symbol]
        named = {**self.scope.settings, **self.scope.lets}
        if factor != 1 or len(others) != 1 or len(monomial) != 2 or others[0] not in named:
            return None
        by = self.atom(ir.Name(named[others[0]].value, others[0], "let"))
        return f"{text} // {by}"


def _inverted(symbol: str, text: str, length: Size) -> str | None:
    """`x.shape[1] // 8` for an axis declared `8*H`, `x.shape[1] - 1` for `H + 1`."""
    terms = dict(length.value.terms)
    factor, constant = terms.pop((symbol,), 0), terms.pop((), 0)
    if not factor or terms:
        return None
    if not constant:
        return f"{text} // {factor}"
    shift = f"{text} - {constant}"
    return shift if factor == 1 else f"({shift}) // {factor}"


def _is_list(declared: ir.Input) -> bool:
    return isinstance(declared.type, tuple)


def _first(declared: ir.Input) -> str:
    """A tensor of the input."""
    return f"{declared.name}[0]" if _is_list(declared) else declared.name


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
