"""The dataflow as a diagram: components and what joins tensors as nodes, shapes on the edges, repeats folded.

An operation that only reshapes or scales one tensor is not drawn; one that brings several together is, and so is every matrix
product. A diagram that would be too large is drawn to fewer levels and, if even the outermost is, cut with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape as escaped
from typing import Any

from getspec import ir
from getspec.errors import escape
from getspec.ops.base import PRODUCTS, Tensor
from getspec.sizes import Size
from getspec.unify import substituted

__all__ = ["MAX_EDGES", "Graph", "graph", "mermaid", "svg"]

MAX_EDGES, MAX_CHARACTERS = 400, 48_000
"""GitHub draws 500 edges and 50,000 characters."""
REPEATED = re.compile(r" x[0-9]+$")
SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "cat": "concat"}


@dataclass(frozen=True)
class Node:
    """Something that makes a tensor. `kind`: input, output, parameter, component or operation."""

    label: str
    kind: str
    group: int
    path: str = ""


@dataclass
class Group:
    """What is drawn in one frame: the inside of a component, or the rounds of a loop."""

    label: str
    outer: int
    path: str = ""


@dataclass
class Graph:
    """Nodes, edges and frames, numbered in the order in which they come to be."""

    model: str
    depth: int
    nodes: list[Node] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    edges: list[tuple[int, int, str]] = field(default_factory=list)
    note: str = ""

    def node(self, label: str, kind: str, group: int, path: str = "") -> int:
        self.nodes.append(Node(label, kind, group, path))
        return len(self.nodes) - 1

    def edge(self, start: int, end: int, label: str) -> None:
        if (start, end, label) not in self.edges:
            self.edges.append((start, end, label))

    def as_json(self) -> dict[str, Any]:
        """Nodes and frames by their numbers; a `frame` that is null is the page itself."""
        return {
            "model": self.model,
            "depth": self.depth,
            "note": self.note or None,
            "nodes": [
                {"label": n.label, "kind": n.kind, "path": n.path, "frame": _outside(n.group)}
                for n in self.nodes
            ],
            "frames": [
                {"label": g.label, "path": g.path, "frame": _outside(g.outer)} for g in self.groups
            ],
            "edges": [{"from": a, "to": b, "shape": shape} for a, b, shape in self.edges],
        }


def _outside(group: int) -> int | None:
    return None if group < 0 else group


def graph(model: ir.Model, depth: int | None = None) -> Graph:
    """The diagram of a model whose dataflow is known, with `depth` levels of components opened."""
    made = _drawn(model, 3 if depth is None else depth)
    while made.depth > 1 and not _fits(made):
        made = _drawn(model, made.depth - 1)
        made.note = f"opened to level {made.depth}, to keep it readable"
    return made if _fits(made) else _cut(made)


def _cut(made: Graph) -> Graph:
    """As many of the first edges as fit, with the nodes that they join."""
    every = len(made.edges)
    kept = min(every, MAX_EDGES)
    while True:
        note = f"cut after {kept} edges; {every - kept} more are not drawn"
        edges = made.edges[:kept]
        joined = sorted({end for a, b, _ in edges for end in (a, b)})
        place = {old: new for new, old in enumerate(joined)}
        found = Graph(
            made.model,
            made.depth,
            [made.nodes[at] for at in joined],
            made.groups,
            [(place[a], place[b], label) for a, b, label in edges],
            note,
        )
        if not kept or _fits(found):
            return found
        kept = kept * 9 // 10


def _fits(made: Graph) -> bool:
    return len(made.edges) <= MAX_EDGES and len(mermaid(made)) <= MAX_CHARACTERS


def _drawn(model: ir.Model, depth: int) -> Graph:
    root = model.root
    assert root.forward is not None, "a spec without `forward` has no dataflow"
    made = Graph(model.name, depth)
    flow = _Flow(made, root, root.forward, {}, -1, "", depth)
    for declared in root.forward.inputs:
        node = made.node(declared.name, "input", -1)
        flow.values[declared.name] = _like(declared.type, (node,))
    result = flow.run()
    names = root.forward.names
    results = result if isinstance(result, list) else [result]
    types = root.forward.result if isinstance(result, list) else (root.forward.result,)
    for at, (value, type) in enumerate(zip(results, types, strict=False)):
        label = names[at] if len(names) == len(results) else "output" + (str(at) if at else "")
        node = made.node(label, "output", -1)
        flow.connect(value, node, type)
    return made


Sources = tuple[int, ...]
"""The nodes that a tensor comes from; a list of such facts for a list of tensors."""


def _like(type: Any, sources: Sources) -> Any:
    if isinstance(type, tuple):
        return [_like(item, sources) for item in type]
    return sources if isinstance(type, Tensor) else ()


def _nodes(value: Any) -> Sources:
    if isinstance(value, list):
        return tuple(dict.fromkeys(node for item in value for node in _nodes(item)))
    return value if isinstance(value, tuple) else ()


class _Flow:
    """Follows one definition's statements."""

    def __init__(
        self,
        made: Graph,
        block: ir.Block | None,
        forward: ir.Forward,
        names: Mapping[str, Size],
        group: int,
        path: str,
        depth: int,
    ) -> None:
        self.made, self.block, self.forward, self.names = made, block, forward, names
        self.group, self.path, self.depth = group, path, depth
        self.values: dict[str, Any] = {}
        self.weights: dict[str, int] = {}
        self.result: Any = ()

    def run(self) -> Any:
        self.statements(self.forward.statements)
        return self.result

    def statements(self, statements: Iterable[ir.Statement]) -> None:
        for statement in statements:
            match statement:
                case ir.Assign(targets, value, unpack):
                    given = self.expr(value)
                    if unpack:
                        items = given if isinstance(given, list) else [given] * len(targets)
                        self.values.update(zip(targets, items, strict=False))
                    else:
                        self.values[targets[0]] = given
                case ir.Push(name, value):
                    self.values[name] = [*self.values[name], self.expr(value)]
                case ir.Return(values):
                    made = [self.expr(value) for value in values]
                    self.result = made[0] if len(made) == 1 else made
                case ir.For():
                    self.loop(statement)

    def loop(self, loop: ir.For) -> None:
        """Equal rounds are drawn once, in a frame that says how many they are; those that use a list up, one by one."""
        for count, elements, body in _together(loop.rounds):
            left = count
            while left:
                lengths = self.lengths()
                for target, element in zip(loop.targets, elements, strict=True):
                    self.values[target] = self.expr(element)
                outer, frame = self.group, len(self.made.groups)
                self.made.groups.append(Group("", outer))
                self.group = frame
                first = len(self.made.nodes)
                self.statements(body)
                self.group = outer
                shrunk = any(len(self.values[name]) < n for name, n in lengths.items())
                times = 1 if shrunk else left
                self.grow(lengths, times)
                self.close(frame, outer, first, times)
                left -= times

    def grow(self, lengths: Mapping[str, int], times: int) -> None:
        """Lists that a round adds to, as all its repetitions leave them."""
        for name, before in lengths.items():
            items = self.values[name]
            self.values[name] = items[:before] + items[before:] * times

    def lengths(self) -> dict[str, int]:
        return {name: len(v) for name, v in self.values.items() if isinstance(v, list)}

    def close(self, frame: int, outer: int, first: int, times: int) -> None:
        """Name a loop's frame by its rounds; around one thing alone, the thing is named instead."""
        made = self.made
        nodes = [at for at in range(first, len(made.nodes)) if made.nodes[at].group == frame]
        frames = [at for at, g in enumerate(made.groups) if g.outer == frame and at > frame]
        sign = f" x{times}" if times > 1 else ""
        if times > 1 and len(nodes) + len(frames) > 1:
            made.groups[frame].label = f"repeated{sign}"
            return
        for at in nodes:
            node = made.nodes[at]
            made.nodes[at] = Node(f"{node.label}{sign}", node.kind, outer, node.path)
        for at in frames:
            made.groups[at].label += sign
            made.groups[at].outer = outer

    # Expressions

    def expr(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Name(value, id, kind):
                return self.name(value, id, kind)
            case ir.Group(_, _, items):
                return [self.expr(item) for item in items]
            case ir.Operation(value, _, operands) if isinstance(value, tuple):
                parts = [self.expr(part) for part in operands]
                return [
                    item for part in parts for item in (part if isinstance(part, list) else [part])
                ]
            case ir.Pick():
                return self.pick(expr)
            case ir.Subscript(_, base, items):
                given = [base, *(item for item in items if isinstance(item, ir.Expr))]
                return self.joined("select", expr.value, given)
            case ir.Apply():
                return self.apply(expr)
            case ir.Call():
                return self.call(expr)
            case ir.RoutineCall():
                return self.joined(
                    expr.routine.name, expr.value, [arg for _, arg in expr.args], True
                )
        return _like(expr.value, ())

    def name(self, value: Any, id: str, kind: str) -> Any:
        if id in self.values:
            return self.values[id]
        if kind == "weight" and isinstance(value, Tensor):
            if id not in self.weights:
                path = f"{self.path}.{id}" if self.path else id
                self.weights[id] = self.made.node(id, "parameter", self.group, path)
            return (self.weights[id],)
        return _like(value, ())

    def pick(self, expr: ir.Pick) -> Any:
        if isinstance(expr.base.value, ir.Link):
            return ()
        items = self.expr(expr.base)
        if not isinstance(items, list):
            return items
        if expr.index is None:
            if isinstance(expr.base, ir.Name):
                self.values[expr.base.id] = items[:-1]
            return items[-1]
        return items[int(expr.index.value)]

    def apply(self, expr: ir.Apply) -> Any:
        given: list[ir.Expr] = []
        for arg in expr.args.values():
            parts = arg if isinstance(arg, tuple) else [arg]
            given += [part for part in parts if isinstance(part, ir.Expr)]
        return self.joined(SIGNS.get(expr.op, expr.op), expr.value, given, expr.op in PRODUCTS)

    def joined(self, label: str, type: Any, given: list[ir.Expr], always: bool = False) -> Any:
        """What an operation returns: a node of its own where it brings tensors together."""
        values = [(self.expr(arg), arg.value) for arg in given]
        sources = _nodes([value for value, _ in values])
        if len(sources) < 2 and not (always and sources):
            return _like(type, sources)
        node = self.made.node(label, "operation", self.group)
        for value, shape in values:
            self.connect(value, node, shape)
        return _like(type, (node,))

    def connect(self, value: Any, node: int, type: Any) -> None:
        if isinstance(value, list):
            for item, inner in zip(value, type if isinstance(type, tuple) else (), strict=False):
                self.connect(item, node, inner)
            return
        for source in value:
            self.made.edge(source, node, self.shape(type))

    def shape(self, type: Any) -> str:
        if not isinstance(type, Tensor):
            return ""
        known = substituted(type, self.names)
        return f"({', '.join(str(length.value) for length in known.shape)})"

    def call(self, expr: ir.Call) -> Any:
        link: ir.Link = expr.target.value
        values = [(self.expr(arg), arg.value) for _, arg in expr.args]
        path = f"{self.path}.{link.path}" if self.path else link.path
        module = link.member.module
        name = _folded(link.path)
        if isinstance(module, ir.Block) and module.forward and self.depth > 1:
            return self.opened(expr, module, module.forward, f"{name}: {module.type}", path, values)
        node = self.made.node(f"{name}: {_type(module)}", "component", self.group, path)
        for value, type in values:
            self.connect(value, node, type)
        return _like(expr.value, (node,))

    def opened(
        self,
        expr: ir.Call,
        block: ir.Block,
        forward: ir.Forward,
        label: str,
        path: str,
        values: Any,
    ) -> Any:
        """The inside of a component, in a frame."""
        self.made.groups.append(Group(label, self.group, path))
        frame = len(self.made.groups) - 1
        names = {k: v.substitute(self.names) for k, v in expr.bindings.items()}
        inner = _Flow(self.made, block, forward, names, frame, path, self.depth - 1)
        inner.values = {
            name: value for (name, _), (value, _) in zip(expr.args, values, strict=True)
        }
        return inner.run()


Round = tuple[int, tuple[ir.Expr, ...], tuple[ir.Statement, ...]]


def _together(rounds: Iterable[Round]) -> list[Round]:
    """Rounds over equal components as one: those that differ in how a size is spelled are drawn alike."""
    found: list[Round] = []
    for count, elements, body in rounds:
        if found and _alike(found[-1][1], elements):
            found[-1] = (found[-1][0] + count, *found[-1][1:])
        else:
            found.append((count, elements, body))
    return found


def _alike(one: tuple[ir.Expr, ...], other: tuple[ir.Expr, ...]) -> bool:
    links = [(x.value, y.value) for x, y in zip(one, other, strict=True)]
    return all(
        isinstance(x, ir.Link) and isinstance(y, ir.Link) and x.member.module is y.member.module
        for x, y in links
    )


def _type(module: ir.Module) -> str:
    """What a component is; of a sequential, what it runs through."""
    if isinstance(module, ir.Sequence):
        return ", ".join(member.module.type for member in module.members)
    return module.type


def _folded(path: str) -> str:
    parts = [
        part for part in path.split(".") if not part.replace("-", "").isdigit() or "-" not in part
    ]
    return ".".join(parts)


# Mermaid

SHAPES = {
    "input": ('(["', '"])'),
    "output": ('(["', '"])'),
    "parameter": ('[/"', '"/]'),
    "component": ('["', '"]'),
    "operation": ('(("', '"))'),
}


def mermaid(made: Graph) -> str:
    """A Mermaid flowchart: quoted labels, no HTML."""
    lines = ["flowchart TB"]
    lines += _framed(made, -1, 1)
    lines += [
        f"    n{start} -->" + (f'|"{_quoted(label)}"| ' if label else " ") + f"n{end}"
        for start, end, label in made.edges
    ]
    if made.note:
        lines.append(f'    note["{_quoted(made.note)}"]')
    return "\n".join(lines)


def _framed(made: Graph, group: int, depth: int) -> Iterator[str]:
    indent = "    " * depth
    for at, node in enumerate(made.nodes):
        if node.group == group:
            start, end = SHAPES[node.kind]
            yield f"{indent}n{at}{start}{_quoted(node.label)}{end}"
    for at, frame in enumerate(made.groups):
        if frame.outer != group:
            continue
        inside = list(_framed(made, at, depth + 1))
        if inside:
            yield f'{indent}subgraph g{at}["{_quoted(frame.label)}"]'
            yield from inside
            yield f"{indent}end"


def _quoted(text: str) -> str:
    """Text within quotes; entities are Mermaid's own."""
    shown = escape(" ".join(text.split()))
    # The first one makes the signs that the others need.
    for sign, entity in (("#", "35"), ('"', "quot"), ("<", "lt"), (">", "gt"), ("`", "96")):
        shown = shown.replace(sign, f"#{entity};")
    return shown


# SVG

CHARACTER, SMALL, LINE, HEIGHT, GAP_X, GAP_Y, MARGIN = 7.2, 6.0, 11, 40, 24, 46, 20
STYLE = (
    "text{font:12px ui-monospace,monospace;fill:#1f2328}.s{font-size:10px;fill:#59636e}"
    "rect{fill:#f6f8fa;stroke:#818b98}.operation{fill:#fff8c5}.input,.output{fill:#ddf4ff}"
    ".parameter{fill:#fbefff}path{fill:none;stroke:#818b98}"
    "@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.s{fill:#9198a1}rect{fill:#151b23}"
    ".operation{fill:#3b2e00}.input,.output{fill:#0c2d6b}.parameter{fill:#3c1e70}}"
)


def svg(made: Graph, *, styled: bool = True) -> str:
    """A drawing that needs nothing else: layers from the inputs down. One that is not styled is for a page that has a style."""
    layers = _layers(made)
    rows: dict[int, list[int]] = {}
    for at, layer in enumerate(layers):
        rows.setdefault(layer, []).append(at)
    widths = [_width(node, made) for node in made.nodes]
    spans = {layer: sum(widths[at] + GAP_X for at in row) - GAP_X for layer, row in rows.items()}
    across = max([*spans.values(), 200.0])
    boxes: list[Box] = [(0, 0, 0)] * len(made.nodes)
    for layer, row in rows.items():
        x = MARGIN + (across - spans[layer]) / 2
        for at in row:
            boxes[at] = (x, MARGIN + layer * (HEIGHT + GAP_Y), widths[at])
            x += widths[at] + GAP_X
    tall = MARGIN * 2 + max(rows, default=0) * (HEIGHT + GAP_Y) + HEIGHT + (20 if made.note else 0)
    lines, right = _lines(made, boxes)
    parts = [*lines, *(_box(made, at, box) for at, box in enumerate(boxes))]
    if made.note:
        parts.append(f'<text class="s" x="{MARGIN}" y="{tall - 8:.0f}">{_xml(made.note)}</text>')
    wide = max(across + MARGIN, right) + MARGIN
    name = _xml(made.model)
    style = f"<style>{STYLE}</style>" if styled else ""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {tall:.0f}" '
        f'width="{wide:.0f}" height="{tall:.0f}" '
        f'role="img" aria-label="Dataflow of {name}"><title>{name}</title>{style}'
    )
    return "\n".join([head, *parts, "</svg>"])


def _layers(made: Graph) -> list[int]:
    """One below the lowest node that something comes from; nodes are in the order of the dataflow."""
    layers = [0] * len(made.nodes)
    for start, end, _ in sorted(made.edges, key=lambda edge: edge[1]):
        if start < end:
            layers[end] = max(layers[end], layers[start] + 1)
    return layers


def _width(node: Node, made: Graph) -> float:
    longest = max(len(node.label), len(_where(node, made)) * 0.85)
    return max(longest * CHARACTER + 20, 48)


def _where(node: Node, made: Graph) -> str:
    """The frames that a node is in, with how often they repeat."""
    names = []
    at = node.group
    while at >= 0:
        name, _, kind = made.groups[at].label.partition(":")
        times = REPEATED.search(kind)
        names.append(name + (times[0] if times else ""))
        at = made.groups[at].outer
    return ".".join(reversed([name for name in names if name]))


Box = tuple[float, float, float]
"""Left, top and width of a node; all are of one height."""


def _lines(made: Graph, boxes: list[Box]) -> tuple[list[str], float]:
    """Curves down to the next layer, and round what lies between on the right; how far right they reach."""
    down: list[tuple[int, int, str]] = []
    long: list[tuple[int, int, str]] = []
    for edge in made.edges:
        apart = boxes[edge[1]][1] - boxes[edge[0]][1]
        (down if apart <= HEIGHT + GAP_Y else long).append(edge)
    taken: list[tuple[float, float, float]] = [(y, y + HEIGHT, x + w) for x, y, w in boxes]
    labels: list[tuple[float, float, float]] = []
    parts = []
    for start, end, label in down:
        (left1, top1, wide1), (left2, y2, wide2) = boxes[start], boxes[end]
        x1, y1, x2 = left1 + wide1 / 2, top1 + HEIGHT, left2 + wide2 / 2
        bend = (y2 - y1) / 2
        curve = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"
        head = f"M{x2 - 3:.0f} {y2 - 6:.0f}L{x2:.0f} {y2:.0f}L{x2 + 3:.0f} {y2 - 6:.0f}"
        x = (x1 + x2) / 2 + 4
        parts.append(f'<path d="{curve}{head}"/>{_label(x, (y1 + y2) / 2, label, labels)}')
        taken.append((y1, y2, x + len(label) * SMALL))
    # Those that go round the least are the innermost.
    for start, end, label in sorted(long, key=lambda edge: boxes[edge[1]][1] - boxes[edge[0]][1]):
        (left1, top1, wide1), (left2, top2, wide2) = boxes[start], boxes[end]
        x1, y1, x2, y2 = left1 + wide1, top1 + HEIGHT / 2, left2 + wide2, top2 + HEIGHT / 2
        lane = max(right for top, low, right in taken if top < y2 and low > y1) + GAP_X
        # Half way, such a curve is at three quarters of how far its handles are out.
        out = (lane - (x1 + x2) / 8) * 4 / 3
        curve = f"M{x1:.0f} {y1:.0f}C{out:.0f} {y1:.0f} {out:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
        head = f"M{x2 + 6:.0f} {y2 - 3:.0f}L{x2:.0f} {y2:.0f}L{x2 + 6:.0f} {y2 + 3:.0f}"
        text = _label(lane + 4, (y1 + y2) / 2, label, labels)
        parts.append(f'<path d="{curve}{head}"/>{text}')
        taken.append((y1, y2, lane + 4 + len(label) * SMALL))
    return parts, max((right for _, _, right in taken), default=0)


def _label(x: float, y: float, label: str, others: list[tuple[float, float, float]]) -> str:
    """The shape beside a curve, below what stands there already."""
    if not label:
        return ""
    end = x + len(label) * SMALL
    while any(x < b and end > a and abs(y - at) < LINE for a, b, at in others):
        y += LINE
    others.append((x, end, y))
    return f'<text class="s" x="{x:.0f}" y="{y:.0f}">{_xml(label)}</text>'


def _box(made: Graph, at: int, box: Box) -> str:
    node, (x, y, width) = made.nodes[at], box
    where = _where(node, made)
    middle = x + width / 2
    lower = 17 if where else 25
    lines = (
        f'<text x="{middle:.0f}" y="{y + lower:.0f}" text-anchor="middle">{_xml(node.label)}</text>'
    )
    if where:
        lines += f'<text class="s" x="{middle:.0f}" y="{y + 32:.0f}" text-anchor="middle">{_xml(where)}</text>'
    return (
        f'<rect class="{node.kind}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}" rx="6"/>'
        f"{lines}"
    )


def _xml(text: str) -> str:
    return escaped(escape(text))
