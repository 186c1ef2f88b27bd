"""Foreign names for a model's tensors, as rules with `*` that must be a bijection.

    rename: {"encoder.blocks.*.attn.qkv.weight": "layers.*.attention.in_proj.weight"}

A rule maps our names on the left to a checkpoint's on the right; `*` is one segment, carried over in order, and `**` is one
segment or more. The first rule that fits a name is used; a name that no rule fits is the same in both. Regular expressions
and ordered substring replacements were refused, because only a rule that can be inverted can also be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from getspec.errors import escape

__all__ = ["Rules", "broken_rule", "converter", "fits", "renamed"]

Rules = Mapping[str, str]

SEGMENT = r"([A-Za-z0-9_-]+|\*\*?)"


def broken_rule(pattern: str, target: str) -> str | None:
    """Why a rule cannot be used."""
    for side in (pattern, target):
        if re.fullmatch(f"{SEGMENT}(\\.{SEGMENT})*", side) is None:
            return f"`{escape(side)}` is not a path of tensors, with `*` or `**` for whole segments"
        if _marks(side).count("**") > 1:
            return f"`{escape(side)}` has `**` more than once"
    if _marks(pattern) != _marks(target):
        return "both sides need the same `*` and `**`, in the same order"
    return None


def _marks(pattern: str) -> list[str]:
    return [part for part in pattern.split(".") if part in ("*", "**")]


def renamed(names: Iterable[str], rules: Rules) -> tuple[dict[str, str], str | None]:
    """Our names with the foreign ones, and why that is no bijection if it is none."""
    compiled = [(_regex(pattern), target, pattern) for pattern, target in rules.items()]
    found: dict[str, str] = {}
    used: set[str] = set()
    taken: dict[str, str] = {}
    for name in names:
        other = name
        for regex, target, pattern in compiled:
            match = regex.fullmatch(name)
            if match:
                other = _filled(target, match.groups())
                used.add(pattern)
                break
        if other in taken:
            return found, f"`{taken[other]}` and `{name}` would both be `{other}`"
        taken[other] = name
        found[name] = other
    back = [(_regex(target), pattern) for pattern, target in rules.items()]
    for name, other in found.items():
        if _first(other, back) != name:
            return found, f"`{other}` does not lead back to `{name}`: an earlier rule takes it"
    idle = [pattern for pattern in rules if pattern not in used]
    if idle:
        return found, f"the rule `{escape(idle[0])}` fits no tensor"
    return found, None


def fits(pattern: str, name: str) -> bool:
    """Whether a rule's left side is about a name."""
    return _regex(pattern).fullmatch(name) is not None


def _first(name: str, rules: list[tuple[re.Pattern[str], str]]) -> str:
    for regex, target in rules:
        match = regex.fullmatch(name)
        if match:
            return _filled(target, match.groups())
    return name


def _regex(pattern: str) -> re.Pattern[str]:
    parts = []
    for part in pattern.split("."):
        parts.append({"*": r"([^.]+)", "**": r"(.+)"}.get(part, re.escape(part)))
    return re.compile(r"\.".join(parts))


def _filled(target: str, groups: tuple[str, ...]) -> str:
    waiting = list(groups)
    return ".".join(waiting.pop(0) if p in ("*", "**") else p for p in target.split("."))


def converter(model: str, spec: str, rules: Rules) -> str:
    """A standalone script that renames a checkpoint's tensors, in either direction."""
    from getspec.emit.comments import clean
    from getspec.emit.printer import literal

    lines = "\n".join(f"    ({literal(a)}, {literal(b)})," for a, b in rules.items())
    return SCRIPT.format(model=model, spec=clean(spec), rules=lines)


SCRIPT = '''\
"""Rename the tensors of a checkpoint for {model}, or back.

Written by getspec from {spec}. Needs safetensors and torch.

    python convert.py foreign.safetensors ours.safetensors
    python convert.py --back ours.safetensors foreign.safetensors
"""

import argparse
import re

from safetensors.torch import load_file, save_file

RULES = [
{rules}
]


def rename(name: str, rules: list[tuple[str, str]]) -> str:
    """The first rule that fits; `*` is one segment, `**` any number."""
    for pattern, target in rules:
        parts = [
            {{"*": "([^.]+)", "**": "(.+)"}}.get(part, re.escape(part)) for part in pattern.split(".")
        ]
        match = re.fullmatch(r"\\.".join(parts), name)
        if match:
            found = iter(match.groups())
            return ".".join(next(found) if p in ("*", "**") else p for p in target.split("."))
    return name


def main() -> None:
    parser = argparse.ArgumentParser(description="Rename the tensors of a checkpoint.")
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--back", action="store_true", help="from our names to the foreign ones")
    options = parser.parse_args()
    rules = RULES if options.back else [(theirs, ours) for ours, theirs in RULES]
    tensors = load_file(options.source)
    renamed = {{rename(name, rules): tensor for name, tensor in tensors.items()}}
    if len(renamed) != len(tensors):
        raise SystemExit("two tensors would get one name")
    save_file(renamed, options.target)


if __name__ == "__main__":
    main()
'''
