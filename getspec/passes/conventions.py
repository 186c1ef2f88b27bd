"""The number that another tool or paper gives for the same model, and why it is not ours.

Tools are folds over the calls of ops, as work is: what a tool counts in general stands here, and where it treats an op
differently, the op says so beside its rule. Formulas of papers know parameters, tokens, and attention: how many calls, and
how wide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from getspec import ir
from getspec.errors import UsageError
from getspec.ops.base import ATTENDS, COUNTED, Layer, Product, Tensor
from getspec.passes.cost import Work, cost, multiplied
from getspec.passes.count import count, tensors
from getspec.sizes import Poly, Size, constant, product

__all__ = ["CONVENTIONS", "Convention", "Like", "Stack", "like", "params_like"]

ZERO = Size.of(0)
MACS, TRAINING = "forward MACs", "training FLOPs"


@dataclass(frozen=True)
class Stack:
    """What formulas of papers know of a model: as many tokens as `batch` times `length`, and layers of attention."""

    model: ir.Model
    params: int
    """Those that one token meets."""
    batch: Size
    length: Size
    calls: Size
    width: Size
    """Heads times their width, added up over all calls."""

    @property
    def tokens(self) -> Size:
        return self.batch * self.length


Op = Layer | ir.Block | str
Tool = Callable[[Op, Mapping[str, Any], tuple[Any, ...]], Size]
"""What a tool counts for one call."""
Paper = Callable[[Stack], Size]


@dataclass(frozen=True)
class Convention:
    """A way to count: what its number is of, where it is from, and why it differs from ours."""

    quantity: str
    source: str
    why: str
    tool: Tool | None = None
    paper: Paper | None = None
    attention: bool = False
    """Whether the formula is of layers of self-attention over all tokens."""


@dataclass(frozen=True)
class Like:
    """The number of a convention, and ours for the same quantity."""

    name: str
    quantity: str
    source: str
    number: Poly
    ours: Poly
    why: str

    def at(self, sizes: Mapping[str, int]) -> Like:
        """The same at some run-time sizes."""
        known = {name: constant(number) for name, number in sizes.items()}
        return replace(self, number=self.number.substitute(known), ours=self.ours.substitute(known))

    def text(self) -> str:
        """Both numbers and the reason, in one line."""
        return (
            f"like {self.name}  {_shown(self.number)} {self.quantity}; ours {_shown(self.ours)}: "
            f"{self.why} ({self.source})"
        )

    def as_json(self) -> dict[str, Any]:
        """Integers where all run-time sizes are known, polynomials in words where not."""
        return {
            "convention": self.name,
            "source": self.source,
            "quantity": self.quantity,
            "number": _plain(self.number),
            "ours": _plain(self.ours),
            "why": self.why,
        }


def _shown(poly: Poly) -> str:
    return str(poly) if poly.constant is None else f"{poly.constant:,}"


def _plain(poly: Poly) -> int | str:
    return str(poly) if poly.constant is None else poly.constant


def _macs(op: Op, args: Mapping[str, Any], many: tuple[Any, ...]) -> Size:
    """One for two FLOPs of a matrix product."""
    flops = sum((each.flops for each in multiplied(op, args, many)), ZERO)
    return ZERO if flops == 0 else flops.exactly(2)


def _parameters_once(op: Op, args: Mapping[str, Any], many: tuple[Any, ...]) -> Size:
    """The parameters of a layer for each item of the output's first axis, and functions not at all."""
    if isinstance(op, ir.Block):
        return _as_layer(op, args["result"])
    if not isinstance(op, Layer):
        return ZERO
    params = sum((product(weight.shape) for weight in op.parameters()), ZERO)
    return ZERO if params == 0 else op.infer(*args.values()).shape[0] * params


def _as_layer(block: ir.Block, result: Any) -> Size:
    """A block without layers is one to torchinfo, which goes by the names of its parameters."""
    if not isinstance(result, Tensor) or any(True for _ in block.children()):
        return ZERO
    found = ZERO
    for weight in block.own:
        if weight.kind == "parameter" and ("weight" in weight.name or "bias" in weight.name):
            first = 1 if weight.name in ("weight", "bias") else 2
            found += product(result.shape[:first]) * product(weight.shape)
    return found


def _6nd(stack: Stack) -> Size:
    return 6 * stack.params * stack.tokens


def _palm(stack: Stack) -> Size:
    """6N + 12 L H Q T for each token."""
    return _6nd(stack) + 12 * stack.width * stack.length * stack.tokens


def _megatron(stack: Stack) -> Size:
    """96 B s l h^2 (1 + s / 6h + V / 16 l h), without fractions."""
    if not stack.width.is_multiple_of(stack.calls):
        raise UsageError("the formula of megatron is of layers of one width")
    hidden, vocabulary = stack.width.exactly(int(stack.calls)), _vocabulary(stack.model)
    layers = 96 * hidden * stack.width + 16 * stack.length * stack.width
    return stack.tokens * (layers + 6 * hidden * vocabulary)


def _vocabulary(model: ir.Model) -> Size:
    """The length of the logits: as many as the values that a token may have."""
    assert model.root.forward is not None
    result, below = model.root.forward.result, model.root.forward.inputs[0].below
    first = result[0] if isinstance(result, tuple) else result
    if below is None or not isinstance(first, Tensor) or first.shape[-1] != below:
        raise UsageError(
            f"the formula of megatron is of models of language; {model.name} returns no logits"
        )
    return below


CONVENTIONS: dict[str, Convention] = {
    "fvcore": Convention(
        MACS,
        "fvcore 0.1.5, FlopCountAnalysis in eval mode, where they are called flops",
        "fused attention is 0; layer and group norms are 5 an element (4 without a weight), batch norm 2 (1), "
        "resizing images 1 or 4",
        tool=_macs,
    ),
    "torchinfo": Convention(
        MACS,
        "torchinfo 1.8.0, total_mult_adds",
        "parameters times the first axis of the output, convolutions at every position too: the axis of tokens is lost, "
        "biases, norms and tables count, and products of activations do not",
        tool=_parameters_once,
    ),
    "deepspeed": Convention(
        MACS,
        "DeepSpeed 0.19.8, flops profiler, MACs",
        "einsum is 0; all else is as here",
        tool=_macs,
    ),
    "palm": Convention(
        TRAINING,
        "arXiv:2204.02311, appendix B: 6N + 12 L H Q T a token",
        "every parameter is a product for each token: tables, biases and norms too; attention is exact where keys and "
        "values are equally wide",
        paper=_palm,
        attention=True,
    ),
    "megatron": Convention(
        TRAINING,
        "arXiv:2104.04473, section 5.1: 96 B s l h^2 (1 + s / 6h + V / 16lh)",
        "the forward pass of layers runs twice, as activations are recomputed; every layer has four matrices of "
        "h x h and two of h x 4h",
        paper=_megatron,
        attention=True,
    ),
    "6nd": Convention(
        TRAINING,
        "arXiv:2001.08361: 6 for every parameter and token",
        "attention is 0; every parameter is a product for each token: tables, biases and norms too",
        paper=_6nd,
    ),
}
"""By the word that `--like` takes."""


def like(model: ir.Model, name: str, work: Work, active: int) -> Like:
    """The number of a convention for a model that does some work; UsageError where it has none."""
    convention = CONVENTIONS[name]
    if convention.tool is not None:
        number = _folded(model, _counted(name, convention.tool))
    else:
        assert convention.paper is not None
        number = convention.paper(_stack(model, name, active, convention.attention))
    ours = _half(work.forward) if convention.quantity == MACS else work.forward + work.backward
    return Like(
        name, convention.quantity, convention.source, number.value, ours.value, convention.why
    )


def params_like(model: ir.Model) -> Like:
    """Parameters as torchinfo adds them up over layers."""
    found = [tensor.count for tensor in tensors(model.root) if tensor.kind == "parameter"]
    return Like(
        "torchinfo",
        "parameters",
        "torchinfo 1.8.0, total_params",
        constant(sum(found)),
        constant(count(model).total),
        "a tied one counts at each of its places",
    )


def _half(flops: Size) -> Size:
    return ZERO if flops == 0 else flops.exactly(2)


def _counted(name: str, general: Tool) -> Tool:
    """What a tool counts for a call: what the op says, or what the tool counts in general."""

    def counted(op: Op, args: Mapping[str, Any], many: tuple[Any, ...]) -> Size:
        special = None
        if isinstance(op, Layer):
            special = op.counted(name, *args.values())
        elif isinstance(op, str) and op in COUNTED:
            rule = COUNTED[op]
            special = rule(name, *args.values(), *many) if many else rule(name, **args)
        return general(op, args, many) if special is None else special

    return counted


def _folded(model: ir.Model, tool: Tool) -> Size:
    """What a tool counts, over all calls of a forward pass."""
    return cost(model, lambda *call: (Product(tool(*call), ()),)).total.forward


def _attention(of: Callable[[Size, Size], Size]) -> Tool:
    """Of each call of attention, something of its width and of that times its pairs of positions."""

    def measured(op: Op, args: Mapping[str, Any], many: tuple[Any, ...]) -> Size:
        rule = ATTENDS.get(op) if isinstance(op, str) else None
        return ZERO if rule is None else of(*rule(**args))

    return measured


def _stack(model: ir.Model, name: str, params: int, attention: bool) -> Stack:
    assert model.root.forward is not None
    inputs = model.root.forward.inputs
    first = inputs[0].tensors[0] if inputs else None
    if first is None or first.dtype != "int" or first.rank != 2:
        raise UsageError(
            f"the formula of {name} is of models of language; {model.name} does not start from a batch of tokens"
        )
    batch, length = first.shape
    calls = _folded(model, _attention(lambda width, pairs: Size.of(1)))
    width = _folded(model, _attention(lambda width, pairs: width))
    pairs = _folded(model, _attention(lambda width, pairs: pairs))
    if attention and (calls == 0 or pairs != width * batch * length * length):
        raise UsageError(
            f"the formula of {name} is of layers of self-attention over all tokens; those of {model.name} are others"
        )
    return Stack(model, params, batch, length, calls, width)
