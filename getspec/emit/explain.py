"""Why a number is what it is: the arithmetic of one tensor or module, with the lines of the spec that made it."""

from __future__ import annotations

import re
from textwrap import fill
from typing import TYPE_CHECKING, Any

from getspec import ir
from getspec.elaborate import weight_paths
from getspec.emit.formula import conditions, spelling, wrapped
from getspec.emit.text import human, painted, table
from getspec.errors import UsageError, escape, meant
from getspec.passes.count import Counter, Place, locate, placed
from getspec.passes.formula import formula, names_at
from getspec.passes.symbols import sizes_of
from getspec.sizes import Size

if TYPE_CHECKING:
    from getspec.api import Spec
    from getspec.terminal import Look

__all__ = ["no_such_place", "place", "place_text"]

WIDTH = 99


def no_such_place(spec: Spec, path: str) -> UsageError:
    """The nearest path, for one that does not exist."""
    otherwise = f"`getspec count {spec.path}` lists the paths"
    help = meant(path, [*weight_paths(spec.model.root), *_module_paths(spec.model.root)], otherwise)
    return UsageError(f"there is no `{escape(path)}` in {spec.name}", help)


def place(spec: Spec, path: str, output: str = "generated code") -> dict[str, Any]:
    """One module or tensor of a spec: its count, the sum behind it, and where it was declared."""
    found = locate(spec.model.root, path)
    if found is None:
        raise no_such_place(spec, path)
    chain, weight = _chain(spec.model.root, path)
    module = chain[-1].module if chain else spec.model.root
    closed = formula(spec.model, path)
    document: dict[str, Any] = {
        "schema_version": 1,
        "model": spec.name,
        "path": path,
        "type": weight.kind if weight else module.type,
        "params": found.params,
        "repeat": found.repeat,
        "total": found.params * found.repeat,
        "formula": spelling(closed),
        "conditions": conditions(closed),
        "declared": [
            _declared(member, path) for member, path in zip(chain, _paths(chain), strict=True)
        ],
        "spec": _spec_line(spec, chain, weight),
        "generated": _generated(spec, chain, weight, output),
    }
    if weight:
        ties = dict(spec.count().tied)
        document["tied"] = ties.get(path)
        document["elements"] = weight.numel
        document["shape"] = [int(length) for length in weight.shape]
        document["spelled"] = [str(length.spelled) for length in weight.shape]
        document["where"] = _meanings(spec, path, weight)
        document["init"] = str(weight.init)
    else:
        document["parts"] = _parts(spec, path, module, found)
    if isinstance(module, ir.Block) and not weight:
        document["summary"] = module.summary
        document["sources"] = list(module.sources)
    return document


def place_text(found: dict[str, Any], look: Look | None = None) -> str:
    """The page: places first, then the arithmetic."""
    width = WIDTH if look is None else look.width
    name = found["model"] if found["path"] == "." else found["path"]
    kind = "" if found["path"] == "." else f"  ({found['type']})"
    title = _cut(f"{name}{kind}", width)
    lines = [painted(look, "strong", title[: len(name)]) + title[len(name) :], ""]
    if found.get("summary"):
        lines += [fill(escape(found["summary"]), min(width, 88)), ""]
    for source in found.get("sources", ()):
        lines.append(_cut(f"source      {escape(source)}", width))
    if found.get("sources"):
        lines.append("")
    places = [found["spec"], *found["generated"]]
    shown = [(escape(each["place"]), each["text"]) for each in places if each is not None]
    if shown:
        lines += [*_placed(shown, width, look), ""]
    lines += _shape(found) if "shape" in found else _table(found, width, look)
    if found["formula"] != str(found["params"]):
        first, *rest = wrapped(found["formula"], min(86, width - 13))
        lines += [f"formula     {first}", *(f"        {line}" for line in rest)]
    if found["repeat"] > 1:
        lines.append(f"copies      {found['repeat']:,}, {found['total']:,} in all")
    if len(found["declared"]) > 1:
        rows = [
            (each["place"], f"{each['path']}: {each['text']}")
            for each in found["declared"]
            if each["type"] != "stack"
        ]
        declared = _placed(rows, width - 2, look)
        lines += ["", painted(look, "strong", "declared"), *(f"  {line}" for line in declared)]
    return "\n".join(lines)


def _placed(rows: list[tuple[str, str]], width: int, look: Look | None) -> list[str]:
    """Places with what stands there; the place is small print."""
    across = max(len(place) for place, _ in rows)
    lines = [_cut(line, width) for line in table(rows, "<<")]
    return [painted(look, "quiet", line[:across]) + line[across:] for line in lines]


def _shape(found: dict[str, Any]) -> list[str]:
    """The shape of a tensor in names, and their product in numbers."""
    spelled = " x ".join(found["spelled"]) or "1"
    numbers = " x ".join(map(str, found["shape"])) or "1"
    lines = [f"shape       {spelled}"]
    lines += [f"            {word} {meaning}" for word, meaning in _where(found["where"])]
    equal = f" = {found['elements']:,}" if len(found["shape"]) != 1 else ""
    lines.append(f"elements    {numbers}{equal}")
    if found["tied"]:
        lines.append(f"tied        is {found['tied']}, and counts there")
    return lines


def _where(meanings: dict[str, list[str]]) -> list[tuple[str, str]]:
    lines = [" = ".join([name, *more]) for name, more in meanings.items()]
    return [("where" if at == 0 else "     ", line) for at, line in enumerate(lines)]


def _table(found: dict[str, Any], width: int, look: Look | None) -> list[str]:
    """The parts of a module, which add up to it."""
    whole = f"parameters  {found['params']:,}{human(look, found['params'])}"
    if not found["parts"]:
        return [whole]
    rows = [
        (p["name"], p["type"], p["times"], f"{p['params']:,}", _short(p["formula"]))
        for p in found["parts"]
    ]
    if look is not None:
        styles = ("", "quiet", "quiet")
        return [*look.table(rows, "<<>><", styles=styles, spare=(4, 1)), "", whole]
    return [*(_cut(line, width) for line in table(rows, "<<>><")), "", whole]


def _short(text: str) -> str:
    return text if len(text) <= 40 else ""


def _cut(line: str, width: int = WIDTH) -> str:
    return line if len(line) <= width else f"{line[: width - 3]}..."


def _meanings(spec: Spec, path: str, weight: ir.Weight) -> dict[str, list[str]]:
    """What each name of a shape is in the config, and its value."""
    meant = dict(sizes_of(names_at(spec.model, path)))
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(s for n in weight.shape for s in sorted(n.spelled.symbols())):
        size = meant.get(name)
        if size is not None:
            words = [str(size.spelled), str(int(size))]
            found[name] = [word for word in dict.fromkeys(words) if word != name]
    return found


def _spec_line(
    spec: Spec, chain: list[ir.Member], weight: ir.Weight | None
) -> dict[str, str] | None:
    """The line of a spec that declares a component, or a definition's own tensor."""
    owner = chain[-1].module if chain else spec.model.root
    span = chain[-1].span if chain else spec.model.root.span
    if weight is not None and isinstance(owner, ir.Block):
        declared = spec.compiled.definitions[owner.type].components
        span = next((each.span for each in declared if each.name == weight.name), span)
    lines = spec.compiled.lines.get(span.file)
    text = lines[span.line - 1].strip() if lines and span.line <= len(lines) else ""
    return {"place": str(span), "text": text}


def _generated(
    spec: Spec, chain: list[ir.Member], weight: ir.Weight | None, output: str
) -> list[dict[str, str]]:
    """The lines of the generated class that make a component and use it."""
    name, owner = _attribute(spec, chain, weight)
    if name is None or spec.model.root.forward is None:
        return []
    lines = spec.generate().splitlines()
    inside = False
    made: list[dict[str, str]] = []
    word = re.compile(rf"\bself\.{name}\b")
    for number, line in enumerate(lines, 1):
        if line.startswith("class "):
            inside = re.match(rf"class {owner}\b", line) is not None
        if inside and word.search(line) and len(made) < 2:
            made.append({"place": f"{output}:{number}", "text": line.strip()})
    return made


def _attribute(
    spec: Spec, chain: list[ir.Member], weight: ir.Weight | None
) -> tuple[str | None, str]:
    """The attribute that a place is, or is in, and the block whose class has it."""
    owner: ir.Block = spec.model.root
    name: str | None = None
    for member in chain:
        if name is None:
            name = member.name
        if isinstance(member.module, ir.Block) and member is not chain[-1]:
            owner, name = member.module, None
    last = chain[-1].module if chain else owner
    if weight is not None and isinstance(last, ir.Block):
        return weight.name, last.type
    return name, owner.type


def _parts(spec: Spec, path: str, module: ir.Module, found: Place) -> list[dict[str, Any]]:
    counter = Counter()
    prefix = "" if path == "." else f"{path}."
    rows = [
        {"name": weight.name, "type": weight.kind, "times": "", "params": weight.numel}
        for weight in module.weights
        if weight.kind == "parameter"
    ]
    for name, times, member in module.children():
        params = counter.numbers(member.module, True, frozenset()).params * times
        shown = f"x{times}" if times > 1 else ""
        rows.append({"name": name, "type": member.module.type, "times": shown, "params": params})
    for row in rows:
        one = locate(spec.model.root, f"{prefix}{row['name']}")
        row["formula"] = spelling(formula(spec.model, f"{prefix}{row['name']}")) if one else ""
    return rows


def _chain(root: ir.Block, path: str) -> tuple[list[ir.Member], ir.Weight | None]:
    """The members on the way to a path, and the weight at its end if it is one."""
    chain: list[ir.Member] = []
    module: ir.Module = root
    for part in [] if path in (".", "") else path.split("."):
        weight = next((w for w in module.weights if w.name == part), None)
        if weight is not None:
            return chain, weight
        member = _next(module, part)
        chain.append(member)
        module = member.module
    return chain, None


def _next(module: ir.Module, part: str) -> ir.Member:
    if isinstance(module, ir.Stack):
        return module.runs[0].member if part == "*" else module.at(int(part.partition("-")[0]))
    return next(member for _, _, member in module.children() if member.name == part)


def _paths(chain: list[ir.Member]) -> list[str]:
    """The names on the way, a position with the name of its list: `blocks.*`."""
    names = [member.name for member in chain]
    for at, member in enumerate(chain[:-1]):
        if isinstance(member.module, ir.Stack):
            names[at + 1] = f"{member.name}.{names[at + 1]}"
    return names


def _declared(member: ir.Member, path: str) -> dict[str, Any]:
    args = ", ".join(f"{name} = {_value(expr.value)}" for name, expr in member.args.items())
    return {
        "name": member.name,
        "path": path,
        "type": member.module.type,
        "text": f"{member.module.type}({args})" if args else member.module.type,
        "place": str(member.span),
    }


def _value(value: Any) -> str:
    if isinstance(value, Size):
        return str(value)
    if isinstance(value, ir.Varying):
        return "varies"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _module_paths(module: ir.Module, prefix: str = "") -> list[str]:
    found = []
    for name, member in placed(module):
        found.append(f"{prefix}{name}")
        found += _module_paths(member.module, f"{prefix}{name}.")
        if len(found) > 2000:
            break
    return found
