"""Why a number is what it is: the arithmetic of one tensor or module, with the lines of the spec that made it.

Also what an error code means; `getspec explain` takes either.
"""

from __future__ import annotations

import re
from textwrap import fill
from typing import TYPE_CHECKING, Any

from getspec import ir
from getspec.codes import CODES
from getspec.elaborate import weight_paths
from getspec.emit.text import table
from getspec.errors import UsageError, escape, nearest
from getspec.passes.count import Counter, Place, locate, placed
from getspec.sizes import Size

if TYPE_CHECKING:
    from getspec.api import Spec

__all__ = ["code", "code_text", "is_code", "place", "place_text"]


# Codes


def is_code(word: str) -> bool:
    return re.fullmatch(r"[Gg][Ss][0-9]{3}", word) is not None


def code(word: str) -> dict[str, Any]:
    """The catalogue's entry; UsageError for a code that does not exist."""
    found = CODES.get(word.upper())
    if found is None:
        known = nearest(word.upper(), CODES)
        raise UsageError(f"there is no code {word}", f"did you mean {known}?" if known else None)
    return {"schema_version": 1, "code": word.upper(), "title": found[0], "explanation": found[1]}


def code_text(entry: dict[str, Any]) -> str:
    return f"{entry['code']}: {entry['title']}\n\n{fill(entry['explanation'], 88)}"


# Places


def place(spec: Spec, path: str) -> dict[str, Any]:
    """One module or tensor of a spec: its count, the sum behind it, and where it was declared."""
    found = locate(spec.model.root, path)
    if found is None:
        known = nearest(path, [*weight_paths(spec.model.root), *_module_paths(spec.model.root)])
        help = (
            f"did you mean `{known}`?" if known else f"`getspec count {spec.path}` lists the paths"
        )
        raise UsageError(f"there is no `{escape(path)}` in {spec.name}", help)
    chain, weight = _chain(spec.model.root, path)
    module = chain[-1].module if chain else spec.model.root
    document: dict[str, Any] = {
        "schema_version": 1,
        "model": spec.name,
        "path": path,
        "type": weight.kind if weight else module.type,
        "params": found.params,
        "repeat": found.repeat,
        "total": found.params * found.repeat,
        "declared": [_declared(member) for member in chain],
    }
    if weight:
        document["shape"] = [int(length) for length in weight.shape]
        document["spelled"] = [str(length.spelled) for length in weight.shape]
        document["init"] = str(weight.init)
    else:
        document["parts"] = _parts(module, found)
    return document


def place_text(found: dict[str, Any]) -> str:
    title = f"{found['path']}  ({found['type']})" if found["path"] != "." else found["model"]
    lines = [title, ""]
    if "shape" in found:
        spelled = " x ".join(found["spelled"]) or "1"
        numbers = " x ".join(map(str, found["shape"])) or "1"
        lines.append(f"shape     [{', '.join(found['spelled'])}] = {found['shape']}")
        lines.append(f"elements  {spelled} = {numbers} = {found['params']:,}")
    else:
        if found["parts"]:
            rows = [(p["name"], p["type"], p["times"], f"{p['params']:,}") for p in found["parts"]]
            lines += [*table(rows, "<<>>"), ""]
        lines.append(f"parameters  {found['params']:,}")
    if found["repeat"] > 1:
        lines.append(f"copies    {found['repeat']}, {found['total']:,} in all")
    if found["declared"]:
        lines += ["", "declared"]
        lines += table(
            [(f"  {d['name']}", d["text"], d["place"]) for d in found["declared"]], "<<<"
        )
    return "\n".join(lines)


def _parts(module: ir.Module, found: Place) -> list[dict[str, Any]]:
    counter = Counter()
    rows = [
        {"name": weight.name, "type": weight.kind, "times": "", "params": weight.numel}
        for weight in module.weights
        if weight.kind == "parameter"
    ]
    for name, times, member in module.children():
        params = counter.numbers(member.module, True, frozenset()).params * times
        shown = f"x{times}" if times > 1 else ""
        rows.append({"name": name, "type": member.module.type, "times": shown, "params": params})
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
        return module.runs[0].member if part == "*" else module.at(int(part))
    return next(member for _, _, member in module.children() if member.name == part)


def _declared(member: ir.Member) -> dict[str, Any]:
    args = ", ".join(f"{name} = {_value(expr.value)}" for name, expr in member.args.items())
    return {
        "name": member.name,
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
