"""`init_weights`: one method of the model that fills every parameter and buffer.

What most layers of a kind get is written once, by `isinstance`; what differs is named by its path, under a loop where it
repeats. It works on a model built on the meta device as well, so it leaves nothing to constructors: layers without a scheme
are reset to PyTorch's defaults, buffers are computed again, ties are made again.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from getspec import ir
from getspec.emit.comments import docstring
from getspec.emit.layers import LAYER_TEXT
from getspec.emit.layout import fit
from getspec.ops import LAYERS

if TYPE_CHECKING:
    from getspec.emit.classes import Names

__all__ = ["init_lines"]

Rules = tuple[Mapping[str, Mapping[str, ir.Init]], ...]
Schemes = tuple[tuple[str, ir.Init], ...]
Guarded = tuple[str, str]
"""A condition, or "" where there is none, and a line."""

DEFAULT = ir.Init("default")
RESET = DEFAULT
"""What a layer's own buffers get."""
MATRIX_SCHEMES = frozenset(("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"))


def init_lines(root: ir.Block, names: Names) -> tuple[str, ...]:
    """The method's lines, docstring included."""
    usual = _usual(root)
    lines = [*_ties(root, "self", root)]
    branches = list(_branches(usual, _lacking(root)))
    if branches:
        lines += ["for module in self.modules():", *_indented(branches)]
    lines += _exceptions(root, "self", (), usual, names)
    lines += _owners(root, "self", ())
    return (
        *(["    @torch.no_grad()"] if _sets_parameters(root) else []),
        "    def init_weights(self) -> Self:",
        *docstring(_scheme_line(usual, root), 8),
        *(laid for line in lines for laid in _laid(line)),
        "        return self",
    )


def _sets_parameters(module: ir.Module) -> bool:
    """Whether a value is copied into a parameter, which autograd must not see."""
    if any(weight.value is not None and weight.kind == "parameter" for weight in module.weights):
        return True
    return any(_sets_parameters(member.module) for _, _, member in module.children())


def _laid(line: str) -> list[str]:
    indent = len(line) - len(line.lstrip())
    head = line.endswith(":")
    return fit(line.strip().removesuffix(":"), 8 + indent, tail=":" if head else "")


# Which scheme a weight has


def schemes_of(member: ir.Member, leaf: ir.Leaf, rules: Rules) -> Schemes:
    """The scheme of each parameter: the member's own, else that of the nearest rule. Buffers are reset."""
    return tuple(
        (
            weight.name,
            _scheme(weight, member.init, leaf.type, rules) if weight.kind == "parameter" else RESET,
        )
        for weight in leaf.weights
    )


def _scheme(weight: ir.Weight, own: Mapping[str, ir.Init], type: str, rules: Rules) -> ir.Init:
    for source in (own, *(rule[type] for rule in rules if type in rule)):
        if weight.name in source:
            return source[weight.name]
        found = source.get("*")
        if found and not (found.scheme in MATRIX_SCHEMES and len(weight.shape) < 2):
            return found
    return DEFAULT


def _leaves(
    module: ir.Module, rules: Rules, times: int = 1
) -> Iterator[tuple[int, ir.Member, ir.Leaf, Rules]]:
    inner = (module.init, *rules) if isinstance(module, ir.Block) and module.init else rules
    for _, count, member in module.children():
        if isinstance(member.module, ir.Leaf):
            yield times * count, member, member.module, inner
        else:
            yield from _leaves(member.module, inner, times * count)


def _usual(root: ir.Block) -> dict[str, dict[str, ir.Init]]:
    """For each kind of layer, the scheme that most of its weights have."""
    votes: dict[str, dict[str, Counter[ir.Init]]] = {}
    for count, member, leaf, rules in _leaves(root, ()):
        for name, scheme in schemes_of(member, leaf, rules):
            box = votes.setdefault(leaf.type, {}).setdefault(name, Counter())
            box[scheme] += count
    return {
        type: {name: box.most_common(1)[0][0] for name, box in weights.items()}
        for type, weights in sorted(votes.items())
    }


def _lacking(root: ir.Block) -> frozenset[tuple[str, str]]:
    """(kind of layer, weight) that only some layers of the kind have."""
    held: dict[str, list[set[str]]] = {}
    for _, _, leaf, _ in _leaves(root, ()):
        held.setdefault(leaf.type, []).append({weight.name for weight in leaf.weights})
    return frozenset(
        (type, name)
        for type, sets in held.items()
        for name in {name for each in sets for name in each} - sets[0].intersection(*sets)
    )


# Lines


def _branches(
    usual: Mapping[str, Mapping[str, ir.Init]], lacking: frozenset[tuple[str, str]]
) -> Iterator[str]:
    """`if isinstance(...)` for each kind of layer; those that keep PyTorch's defaults together."""
    plain = [t for t, weights in usual.items() if set(weights.values()) == {DEFAULT}]
    bodies: dict[tuple[Guarded, ...], list[str]] = {}
    for type, weights in usual.items():
        if type not in plain:
            bodies.setdefault(tuple(_filled(type, weights, lacking)), []).append(
                LAYER_TEXT[type].cls
            )
    word = "if"
    for body, alike in bodies.items():
        test = f"isinstance(module, {' | '.join(alike)})"
        guard, only = body[0]
        if len(body) == 1 and guard:
            test, body = f"{test} and {guard}", (("", only),)
        yield f"{word} {test}:"
        for guard, line in body:
            yield from (f"    if {guard}:", f"        {line}") if guard else (f"    {line}",)
        word = "elif"
    if plain:
        classes = sorted(LAYER_TEXT[type].cls for type in plain)
        test = classes[0] if len(classes) == 1 else " | ".join(classes)
        yield f"{word} isinstance(module, {test}):"
        yield "    module.reset_parameters()"


def _filled(
    type: str, weights: Mapping[str, ir.Init], lacking: frozenset[tuple[str, str]]
) -> Iterator[Guarded]:
    """What a branch does to each weight of one kind of layer, and under which condition."""
    if DEFAULT in weights.values():
        yield "", "module.reset_parameters()"
    for name, scheme in weights.items():
        if scheme != DEFAULT:
            target = f"module.{name}"
            may_lack = (name == "bias" and _may_lack_bias(type)) or (type, name) in lacking
            yield f"{target} is not None" if may_lack else "", _call(scheme, target)


def _may_lack_bias(type: str) -> bool:
    """Whether the layer takes a flag for its bias."""
    return any(declared.name == "bias" for declared in LAYERS[type].declared_fields())


def _call(init: ir.Init, target: str) -> str:
    args = [target]
    match init.scheme:
        case "normal" | "trunc_normal":
            args.append(f"std={_number(init.args[0])}")
        case "constant" | "uniform":
            args += map(_number, init.args)
    return f"nn.init.{init.scheme}_({', '.join(args)})"


def _number(value: float) -> str:
    from getspec.emit.printer import literal

    return literal(value)


def _exceptions(
    module: ir.Module,
    path: str,
    rules: Rules,
    usual: Mapping[str, Mapping[str, ir.Init]],
    names: Names,
) -> list[str]:
    """What the branches do not do, by path."""
    lines = [line for weight in module.weights for line in _own(module, weight, path, names)]
    inner = (module.init, *rules) if isinstance(module, ir.Block) and module.init else rules
    if isinstance(module, ir.Stack):
        return lines + _looped(
            module, path, lambda member, at: _member(member, at, inner, usual, names)
        )
    for _, _, member in module.children():
        lines += _member(member, _joined(path, member.name), inner, usual, names)
    return lines


def _member(
    member: ir.Member,
    path: str,
    rules: Rules,
    usual: Mapping[str, Mapping[str, ir.Init]],
    names: Names,
) -> list[str]:
    if isinstance(member.module, ir.Leaf):
        lines = []
        for name, scheme in schemes_of(member, member.module, rules):
            if scheme == usual[member.module.type][name]:
                continue
            if scheme == DEFAULT:
                return [f"{path}.reset_parameters()"]
            lines.append(_call(scheme, f"{path}.{name}"))
        return lines
    return _exceptions(member.module, path, rules, usual, names)


def _own(module: ir.Module, weight: ir.Weight, path: str, names: Names) -> list[str]:
    """A parameter or buffer of a block's own."""
    if isinstance(module, ir.Leaf):
        return []
    target = f"{path}.{weight.name}"
    if weight.value is not None:
        text = names.values[id(module), weight.name]
        if path != "self":
            text = text.replace("self.", f"{path}.")
        return [f"{target}.copy_({text})"]
    return [_call(weight.init, target)]


def _looped(stack: ir.Stack, path: str, lines_of: object) -> list[str]:
    """Lines for the items of a repeat: a loop where all are equal, else item by item."""
    assert callable(lines_of)
    stem = _singular(path.rpartition(".")[2])
    for number in itertools.count(1):
        variable = stem if number == 1 else f"{stem}{number}"
        runs = [(run, lines_of(run.member, variable)) for run in stack.runs]
        if not any(_loops_with(variable, lines) for _, lines in runs):
            break
    if not any(lines for _, lines in runs):
        return []
    if all(lines == runs[0][1] for _, lines in runs):
        return [f"for {variable} in {path}:", *_indented(runs[0][1])]
    found: list[str] = []
    for lines, group in itertools.groupby(runs, key=lambda each: each[1]):
        alike = [run for run, _ in group]
        start, stop = alike[0].start, alike[-1].start + alike[-1].count
        if lines and stop - start == 1:
            found += lines_of(alike[0].member, f"{path}[{start}]")
        elif lines:
            bounds = f"{start}:" if stop == len(stack) else f"{start or ''}:{stop}"
            found += [f"for {variable} in {path}[{bounds}]:", *_indented(lines)]
    return found


def _loops_with(variable: str, lines: list[str]) -> bool:
    """Whether a loop inside takes this name, and leaves another item under it."""
    return any(line.lstrip().startswith(f"for {variable} in ") for line in lines)


def _ties(module: ir.Module, path: str, root: ir.Block) -> list[str]:
    lines = []
    if isinstance(module, ir.Block):
        for tie in module.ties:
            lines.append(f"{_dotted(path, tie.name)} = {_dotted(path, tie.of)}")
    if isinstance(module, ir.Stack):
        return _looped(module, path, lambda member, at: _ties(member.module, at, root))
    for _, _, member in module.children():
        lines += _ties(member.module, _joined(path, member.name), root)
    return lines


def _owners(module: ir.Module, path: str, rules: Rules) -> list[str]:
    """A tied tensor starts as its owner says, whatever layer also holds it."""
    inner = (module.init, *rules) if isinstance(module, ir.Block) and module.init else rules
    if isinstance(module, ir.Stack):
        return _looped(module, path, lambda member, at: _owners(member.module, at, inner))
    lines = []
    for tie in module.ties if isinstance(module, ir.Block) else ():
        mine, other = (_scheme_at(module, p.split("."), inner) for p in (tie.of, tie.name))
        if mine is None or mine == other:
            continue
        owner = _dotted(path, tie.of)
        reset = f"{owner.rpartition('.')[0]}.reset_parameters()"
        lines.append(reset if mine == DEFAULT else _call(mine, owner))
    for _, _, member in module.children():
        lines += _owners(member.module, _joined(path, member.name), inner)
    return list(dict.fromkeys(lines))


def _scheme_at(module: ir.Module, path: list[str], rules: Rules) -> ir.Init | None:
    """The scheme of a layer's weight below a module; None for a parameter of a block's own."""
    head, *rest = path
    children = {m.name: m for _, _, m in module.children()}
    member = module.at(int(head)) if isinstance(module, ir.Stack) else children.get(head)
    if member is None:
        return None
    if isinstance(member.module, ir.Leaf):
        return dict(schemes_of(member, member.module, rules)).get(rest[0])
    block = member.module
    inner = (block.init, *rules) if isinstance(block, ir.Block) and block.init else rules
    return _scheme_at(block, rest, inner)


def _dotted(path: str, names: str) -> str:
    for part in names.split("."):
        path = _joined(path, part)
    return path


def _joined(path: str, name: str) -> str:
    return f"{path}[{name}]" if name.isdigit() else f"{path}.{name}"


def _singular(name: str) -> str:
    word = name.partition("[")[0]
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 2 else "item"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _scheme_line(usual: Mapping[str, Mapping[str, ir.Init]], root: ir.Block) -> str:
    """The scheme in one line: `Linear: xavier_uniform, bias zeros; the rest: PyTorch's defaults.`"""
    parts = []
    for type, weights in usual.items():
        if set(weights.values()) == {DEFAULT}:
            continue
        words = [
            f"{name} {init}" if name != "weight" else str(init)
            for name, init in weights.items()
            if init != DEFAULT or name in ("weight", "bias")
        ]
        parts.append(f"{LAYER_TEXT[type].cls.removeprefix('nn.')}: {', '.join(words)}")
    plain = any(set(weights.values()) == {DEFAULT} for weights in usual.values())
    if plain:
        parts.append("other layers: PyTorch's defaults" if parts else "Layers: PyTorch's defaults")
    return "; ".join(parts) + "." if parts else "Fill every parameter and buffer."
