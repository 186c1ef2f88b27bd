"""How PyTorch spells each function op: one entry an op.

An entry takes the printer and the application and returns the text, or (text, binding strength) where that is not an atom.
`Applied` gives an entry its arguments by name; arguments that stand at their default need not be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from getspec import ir
from getspec.ops.base import Tensor
from getspec.ops.patterns import einsum_pattern, rearrange_pattern
from getspec.sizes import Size

if TYPE_CHECKING:
    from getspec.emit.printer import Printer

__all__ = ["FUNCTION_TEXT", "HELPERS", "Entry"]

Entry = Callable[["Printer", ir.Apply], Any]


def _value(expr: ir.Apply, name: str, default: Any = None) -> Any:
    """A compile-time argument's value."""
    arg = expr.args.get(name)
    return default if arg is None else arg.value


def _dim(value: Any) -> str:
    return str(int(value)) if isinstance(value, Size) else str(value)


def _pointwise(name: str) -> Entry:
    return lambda p, e: f"{name}({p(e.args['x'])})"


def _method(name: str) -> Entry:
    return lambda p, e: f"{p.atom(e.args['x'])}.{name}()"


def _gelu(p: Printer, e: ir.Apply) -> str:
    approximate = _value(e, "approximate", "none")
    extra = f', approximate="{approximate}"' if approximate != "none" else ""
    return f"F.gelu({p(e.args['x'])}{extra})"


def _softmax(p: Printer, e: ir.Apply) -> str:
    return f"{p.atom(e.args['x'])}.softmax({_dim(_value(e, 'dim', -1))})"


def _reduction(name: str) -> Entry:
    def text(p: Printer, e: ir.Apply) -> str:
        dim = _value(e, "dim")
        dims = f"({', '.join(map(_dim, dim))})" if isinstance(dim, tuple) else _dim(dim)
        keep = ", keepdim=True" if _value(e, "keepdim", False) else ""
        return f"{p.atom(e.args['x'])}.{name}({dims}{keep})"

    return text


def _along(name: str) -> Entry:
    return lambda p, e: f"{p.atom(e.args['x'])}.{name}({_dim(_value(e, 'dim'))})"


def _extreme(name: str, bound: str) -> Entry:
    """The larger or smaller of two tensors; beside a number, a bound."""

    def text(p: Printer, e: ir.Apply) -> str:
        a, b = sorted(e.args.values(), key=lambda arg: not isinstance(arg.value, Tensor))
        if isinstance(b.value, Tensor):
            return f"torch.{name}({p(e.args['a'])}, {p(e.args['b'])})"
        return f"{p.atom(a)}.clamp({bound}={p(b)})"

    return text


def _where(p: Printer, e: ir.Apply) -> str:
    return f"torch.where({', '.join(p(arg) for arg in e.args.values())})"


def _cast(p: Printer, e: ir.Apply) -> str:
    x = e.args["x"]
    dtype = _value(e, "dtype")
    if x.value.dtype == dtype:
        return p.atom(x)
    method = {"float32": "float", "int": "long", "bool": "bool"}.get(dtype)
    if method:
        return f"{p.atom(x)}.{method}()"
    return f"{p.atom(x)}.to({p.dtype()})"


def _joined(name: str) -> Entry:
    def text(p: Printer, e: ir.Apply) -> str:
        tensors = e.args["tensors"]
        items = p(tensors)
        if isinstance(tensors, ir.Group):
            parts = ", ".join(map(p, tensors.items))
            items = f"({parts},)" if len(tensors.items) == 1 else f"({parts})"
        return f"torch.{name}({items}, dim={_dim(_value(e, 'dim'))})"

    return text


def _chunk(p: Printer, e: ir.Apply) -> str:
    return f"{p.atom(e.args['x'])}.chunk({p(e.args['chunks'])}, dim={_dim(_value(e, 'dim'))})"


def _split(p: Printer, e: ir.Apply) -> str:
    return f"{p.atom(e.args['x'])}.split({p(e.args['sizes'])}, dim={_dim(_value(e, 'dim'))})"


def _expand(p: Printer, e: ir.Apply) -> str:
    shape, x = e.args["shape"], e.args["x"]
    lead = len(shape.value) - x.value.rank
    kept = [
        at >= lead and shape.value[at] == x.value.shape[at - lead] for at in range(len(shape.value))
    ]
    sizes = ["-1" if keep else _size_at(p, shape, at) for at, keep in enumerate(kept)]
    return f"{p.atom(x)}.expand({', '.join(sizes) or '()'})"


def _size_at(p: Printer, shape: ir.Expr, at: int) -> str:
    return p(shape.items[at]) if isinstance(shape, ir.Group) else f"{p.atom(shape)}[{at}]"


def _sizes(p: Printer, shape: ir.Expr, count: int) -> list[str]:
    return [_size_at(p, shape, at) for at in range(count)]


def _shape(p: Printer, shape: ir.Expr) -> str:
    """The sizes as arguments; a tensor without axes still wants an argument."""
    return ", ".join(_sizes(p, shape, len(shape.value))) or "()"


def _reshape(p: Printer, e: ir.Apply) -> str:
    return f"{p.atom(e.args['x'])}.reshape({_shape(p, e.args['shape'])})"


def _axes(name: str, *arguments: str) -> Entry:
    def text(p: Printer, e: ir.Apply) -> str:
        return f"{p.atom(e.args['x'])}.{name}({', '.join(_dim(_value(e, a)) for a in arguments)})"

    return text


def _permute(p: Printer, e: ir.Apply) -> str:
    return f"{p.atom(e.args['x'])}.permute({', '.join(map(_dim, _value(e, 'dims'))) or '()'})"


def _flatten(p: Printer, e: ir.Apply) -> str:
    start, end = _value(e, "start"), _value(e, "end", Size.of(-1))
    rank = e.args["x"].value.rank
    last = "" if int(end) % rank == rank - 1 else f", {_dim(end)}"
    return f"{p.atom(e.args['x'])}.flatten({_dim(start)}{last})"


def _rearrange(p: Printer, e: ir.Apply) -> str:
    """unflatten, then permute, then flatten: only the steps that are needed."""
    x: ir.Expr = e.args["x"]
    before, after = rearrange_pattern(_value(e, "pattern"))
    lengths: Mapping[str, ir.Expr] = e.args.get("lengths", {})
    text = p.atom(x)
    rank = len(before)
    for at in reversed(range(rank)):
        if len(before[at]) > 1:
            sizes = _group_sizes(p, before[at], lengths)
            text += f".unflatten({_from_end(at, rank)}, ({', '.join(sizes)}))"
        elif not before[at]:
            text += f".squeeze({at})"
    flat = [axis for group in before for axis in group]
    order = [flat.index(axis) for group in after for axis in group]
    text += _permutation(order)
    return text + _merges(after)


def _group_sizes(p: Printer, group: tuple[str, ...], lengths: Mapping[str, ir.Expr]) -> list[str]:
    open_axes = [axis for axis in group if axis not in lengths]
    given = [axis for axis in group if not isinstance(lengths.get(axis), ir.Const)]
    free = next(iter(open_axes or given), None)  # one length is left for torch to work out
    return ["-1" if axis == free else p(lengths[axis]) for axis in group]


def _from_end(at: int, rank: int) -> int:
    return -1 if at == rank - 1 else at


def _permutation(order: list[int]) -> str:
    moved = [at for at, axis in enumerate(order) if at != axis]
    if not moved:
        return ""
    if len(moved) == 2:
        return f".transpose({moved[0]}, {moved[1]})"
    return f".permute({', '.join(map(str, order))})"


def _merges(after: tuple[tuple[str, ...], ...]) -> str:
    text = ""
    starts: list[tuple[int, int]] = []
    at = 0
    for group in after:
        starts.append((at, len(group)))
        at += len(group)
    total = at
    for start, length in reversed(starts):
        if length > 1:
            end = start + length - 1
            text += f".flatten({start})" if end == total - 1 else f".flatten({start}, {end})"
            total -= length - 1
        elif length == 0:
            text += f".unsqueeze({start})"
            total += 1
    return text


def _einsum(p: Printer, e: ir.Apply) -> str:
    inputs, output = einsum_pattern(_value(e, "pattern"))
    letters = _letters([axis for axes in (*inputs, output) for axis in axes])
    sides = [",".join("".join(letters[a] for a in axes) for axes in inputs)]
    sides.append("".join(letters[axis] for axis in output))
    tensors = ", ".join(map(p, e.args["tensors"]))
    return f'torch.einsum("{sides[0]}->{sides[1]}", {tensors})'


def _letters(axes: list[str]) -> dict[str, str]:
    """A letter for each axis name: its own first letter where that is free."""
    found: dict[str, str] = {}
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for axis in dict.fromkeys(axes):
        wish = axis[0].lower() if axis[0].isalpha() else "a"
        free = [c for c in wish + wish.upper() + alphabet if c not in found.values()]
        found[axis] = free[0]
    return found


def _sdpa(p: Printer, e: ir.Apply) -> str:
    args = [p(e.args[name]) for name in ("q", "k", "v")]
    windowed = _value(e, "window") is not None
    if windowed:
        p.names.helper("window_attention")
        args.append(p(e.args["window"]))
    if _value(e, "mask") is not None:
        args.append(f"attn_mask={p(e.args['mask'])}")
    if _value(e, "causal", False) and not windowed:
        args.append("is_causal=True")
    if "dropout" in e.args and not _is_zero(e.args["dropout"]):
        args.append(f"dropout_p={p.at_least(e.args['dropout'], 2)} if {p.training()} else 0.0")
    if _value(e, "scale") is not None:
        args.append(f"scale={p(e.args['scale'])}")
    if e.args["q"].value.shape[1] != e.args["k"].value.shape[1]:
        args.append("enable_gqa=True")
    name = "window_attention" if windowed else "F.scaled_dot_product_attention"
    return f"{name}({', '.join(args)})"


def _masked_scatter(p: Printer, e: ir.Apply) -> str:
    return f"{p.atom(e.args['x'])}.masked_scatter({p(e.args['mask'])}, {p(e.args['source'])})"


def _layer_norm(p: Printer, e: ir.Apply) -> str:
    weight = p.atom(e.args["weight"])
    args = [p(e.args["x"]), f"{weight}.shape", weight, p(e.args["bias"])]
    if "eps" in e.args:
        args.append(p(e.args["eps"]))
    return f"F.layer_norm({', '.join(args)})"


def _pool(name: str) -> Entry:
    def text(p: Printer, e: ir.Apply) -> str:
        args = f"{p(e.args['x'])}, {p(e.args['kernel_size'])}, stride={p(e.args['stride'])}"
        if "padding" in e.args:
            args += f", padding={p(e.args['padding'])}"
        return f"F.{name}({args})"

    return text


def _interpolate(p: Printer, e: ir.Apply) -> str:
    mode = _value(e, "mode", "nearest")
    extra = f', mode="{mode}"' if mode != "nearest" else ""
    return f"F.interpolate({p(e.args['x'])}, scale_factor={p(e.args['scale_factor'])}{extra})"


def _pad(p: Printer, e: ir.Apply) -> str:
    pads = ", ".join(_sizes(p, e.args["pads"], len(e.args["pads"].value)))
    value = f", value={p(e.args['value'])}" if "value" in e.args else ""
    return f"F.pad({p(e.args['x'])}, ({pads}){value})"


def _arange(p: Printer, e: ir.Apply) -> str:
    dtype = ", dtype=torch.float32" if _value(e, "dtype", "int") == "float32" else ""
    return f"torch.arange({p(e.args['length'])}{dtype}{_on(p)})"


def _linspace(p: Printer, e: ir.Apply) -> str:
    args = ", ".join(p(e.args[name]) for name in ("start", "end", "steps"))
    return f"torch.linspace({args}, dtype=torch.float32{_on(p)})"


def _filled(name: str) -> Entry:
    def text(p: Printer, e: ir.Apply) -> str:
        sizes = _shape(p, e.args["shape"])
        dtype = _value(e, "dtype", "float")
        words = {"float32": "torch.float32", "int": "torch.long", "bool": "torch.bool"}
        return f"torch.{name}({sizes}, dtype={words.get(dtype) or p.dtype()}{_on(p)})"

    return text


def _on(p: Printer) -> str:
    device = p.device()
    return f", device={device}" if device else ""


def _like(name: str) -> Entry:
    return lambda p, e: f"torch.{name}({p(e.args['x'])})"


def _is_zero(rate: ir.Expr) -> bool:
    """Whether a rate is 0 for good: no argument can change it."""
    return isinstance(rate, ir.Const) and float(rate.value) == 0.0


def _dropout(p: Printer, e: ir.Apply) -> str:
    if _is_zero(e.args["p"]):
        return p.atom(e.args["x"])
    return f"F.dropout({p(e.args['x'])}, {p(e.args['p'])}, {p.training()})"


def _drop_path(p: Printer, e: ir.Apply) -> str:
    if _is_zero(e.args["p"]):
        return p.atom(e.args["x"])
    p.names.helper("drop_path")
    return f"drop_path({p(e.args['x'])}, {p(e.args['p'])}, {p.training()})"


def _linear_scan(p: Printer, e: ir.Apply) -> str:
    p.names.helper("linear_scan")
    x = e.args["x"]
    axis = x.value.axis(int(_value(e, "dim")))
    if axis == 1:
        return f"linear_scan({p(e.args['decay'])}, {p(x)})"
    decay, moved = (f"{p.atom(arg)}.transpose({axis}, 1)" for arg in (e.args["decay"], x))
    return f"linear_scan({decay}, {moved}).transpose({axis}, 1)"


def _topk(p: Printer, e: ir.Apply) -> str:
    dim = _dim(_value(e, "dim", -1))
    extra = f", dim={dim}" if dim != "-1" else ""
    return f"{p.atom(e.args['x'])}.topk({p(e.args['k'])}{extra})"


def _argsort(p: Printer, e: ir.Apply) -> str:
    dim = _dim(_value(e, "dim", -1))
    extra = f"dim={dim}, " if dim != "-1" else ""
    return f"{p.atom(e.args['x'])}.argsort({extra}stable=True)"


def _grouped_linear(p: Printer, e: ir.Apply) -> str:
    p.names.helper("grouped_linear")
    return f"grouped_linear({', '.join(p(e.args[name]) for name in ('x', 'weight', 'lengths'))})"


FUNCTION_TEXT: dict[str, Entry] = {
    "abs": _method("abs"),
    "amax": _reduction("amax"),
    "amin": _reduction("amin"),
    "arange": _arange,
    "argsort": _argsort,
    "avg_pool1d": _pool("avg_pool1d"),
    "avg_pool2d": _pool("avg_pool2d"),
    "cast": _cast,
    "cat": _joined("cat"),
    "chunk": _chunk,
    "cos": _method("cos"),
    "cumprod": _along("cumprod"),
    "cumsum": _along("cumsum"),
    "drop_path": _drop_path,
    "dropout": _dropout,
    "einsum": _einsum,
    "exp": _pointwise("torch.exp"),
    "expand": _expand,
    "flatten": _flatten,
    "gelu": _gelu,
    "grouped_linear": _grouped_linear,
    "interpolate": _interpolate,
    "layer_norm": _layer_norm,
    "lgamma": _method("lgamma"),
    "linear_scan": _linear_scan,
    "linspace": _linspace,
    "log": _pointwise("torch.log"),
    "masked_scatter": _masked_scatter,
    "max_pool1d": _pool("max_pool1d"),
    "max_pool2d": _pool("max_pool2d"),
    "maximum": _extreme("maximum", "min"),
    "mean": _reduction("mean"),
    "minimum": _extreme("minimum", "max"),
    "one_hot": lambda p, e: f"F.one_hot({p(e.args['x'])}, {p(e.args['num_classes'])})",
    "ones": _filled("ones"),
    "ones_like": _like("ones_like"),
    "pad": _pad,
    "permute": _permute,
    "rearrange": _rearrange,
    "relu": _pointwise("F.relu"),
    "reshape": _reshape,
    "rsqrt": _method("rsqrt"),
    "sdpa": _sdpa,
    "sigmoid": _pointwise("torch.sigmoid"),
    "sign": _method("sign"),
    "silu": _pointwise("F.silu"),
    "sin": _method("sin"),
    "softmax": _softmax,
    "softplus": _pointwise("F.softplus"),
    "split": _split,
    "sqrt": _method("sqrt"),
    "squeeze": _axes("squeeze", "dim"),
    "stack": _joined("stack"),
    "sum": _reduction("sum"),
    "tanh": _pointwise("torch.tanh"),
    "topk": _topk,
    "transpose": _axes("transpose", "dim0", "dim1"),
    "unbind": _axes("unbind", "dim"),
    "unsqueeze": _axes("unsqueeze", "dim"),
    "where": _where,
    "zeros": _filled("zeros"),
    "zeros_like": _like("zeros_like"),
}

HELPERS: dict[str, str] = {
    "grouped_linear": '''\
@torch.library.custom_op("getspec::grouped_linear", mutates_args=())
def grouped_linear(x: Tensor, weight: Tensor, lengths: Tensor) -> Tensor:
    """Each row of x times the matrix of its group; groups follow one another, lengths[g] rows each.

    An op of its own, because only the data knows the lengths: torch.compile and the meta device
    see static shapes, and no product is computed that no row asks for.
    """
    groups = zip(x.split(lengths.tolist()), weight, strict=True)
    return torch.cat([F.linear(rows, matrix) for rows, matrix in groups])


@torch.library.custom_op("getspec::grouped_linear_grad", mutates_args=())
def grouped_linear_grad(x: Tensor, grad: Tensor, lengths: Tensor) -> Tensor:
    """Gradient of each group's matrix, from the rows of the group."""
    counts = lengths.tolist()
    groups = zip(grad.split(counts), x.split(counts), strict=True)
    return torch.stack([outputs.T @ inputs for outputs, inputs in groups])


def grouped_linear_backward(
    ctx: torch.autograd.function.FunctionCtx, grad: Tensor
) -> tuple[Tensor | None, Tensor | None, None]:
    """Gradients of the rows and of the matrices, where they are asked for."""
    x, weight, lengths = ctx.saved_tensors
    rows, matrices, _ = ctx.needs_input_grad
    grad_x = grouped_linear(grad, weight.mT, lengths) if rows else None
    return grad_x, grouped_linear_grad(x, grad, lengths) if matrices else None, None


grouped_linear.register_fake(lambda x, weight, lengths: x.new_empty(x.shape[0], weight.shape[1]))
grouped_linear_grad.register_fake(
    lambda x, grad, lengths: x.new_empty(lengths.shape[0], grad.shape[1], x.shape[1])
)
grouped_linear.register_autograd(
    grouped_linear_backward,
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)
for op in (torch.ops.getspec.grouped_linear, torch.ops.getspec.grouped_linear_grad):
    if op not in flop_registry:  # for torch.utils.flop_counter.FlopCounterMode
        register_flop_formula(op)(lambda x, y, lengths, **_: 2 * x[0] * x[1] * y[1])
''',
    "linear_scan": '''\
def linear_scan(decay: Tensor, x: Tensor) -> Tensor:
    """h[t] = decay[t] * h[t-1] + x[t] along axis 1: join neighbours, scan half as many, fill in."""
    length = x.shape[1]
    if length == 1:
        return x
    last = length - length % 2
    joined = x[:, 1::2] + decay[:, 1::2] * x[:, :last:2]
    odd = linear_scan(decay[:, 1::2] * decay[:, :last:2], joined)
    even = x[:, 2::2] + decay[:, 2::2] * odd[:, : (length - 1) // 2]
    h = torch.empty_like(x)
    h[:, 0], h[:, 1::2], h[:, 2::2] = x[:, 0], odd, even
    return h
''',
    "window_attention": '''\
def window_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    window: int,
    dropout_p: float = 0.0,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Causal attention that sees `window` places, its own the last of them."""
    queries, keys = (torch.arange(x.shape[2], device=x.device) for x in (q, k))
    back = queries[:, None] - keys
    near = (back >= 0) & (back < window)
    return F.scaled_dot_product_attention(
        q, k, v, attn_mask=near, dropout_p=dropout_p, scale=scale, enable_gqa=enable_gqa
    )
''',
    "drop_path": '''\
def drop_path(x: Tensor, p: float, training: bool) -> Tensor:
    """Stochastic depth: drop whole samples with probability p in training, scale the rest."""
    if p == 0.0 or not training:
        return x
    keep = x.new_empty(x.shape[0], *(1,) * (x.dim() - 1)).bernoulli_(1 - p)
    return x * keep / (1 - p)
''',
}
"""Functions of the generated file for ops that torch lacks, by name."""
