"""A spec as one file: what `extends`, `set`, `--set` and `use` amount to, again a valid spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from getspec.source import scalar

if TYPE_CHECKING:
    from getspec.pipeline import Compiled

__all__ = ["dump", "resolved", "write"]

LIBRARY = ("blocks", "functions")


def resolved(compiled: Compiled) -> dict[str, Any]:
    """The data of the one file."""
    data = {k: v for k, v in compiled.document.data.items() if k not in ("use", "$schema")}
    for section in LIBRARY:
        parts = dict(data.get(section, {}))
        for library in compiled.libraries:
            for name, part in library.data.get(section, {}).items():
                parts.setdefault(name, part)
        data.pop(section, None)
        if parts:
            data[section] = parts
    sizes = {k: v for lib in compiled.libraries for k, v in lib.data.get("sizes", {}).items()}
    if sizes:
        data["sizes"] = {**sizes, **data.get("sizes", {})}
    return data


def write(compiled: Compiled) -> str:
    """The file, as a person would lay it out: text in blocks, small things on one line."""
    return dump(resolved(compiled))


def dump(data: dict[str, Any]) -> str:
    """Data as YAML 1.2 that reads back as itself."""
    text = yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        width=100,
        allow_unicode=True,
        default_flow_style=False,
    )
    assert isinstance(text, str)
    return text


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, with the quoting that YAML 1.2 needs."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    style = None if _reads_as_text(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _reads_as_text(value: str) -> bool:
    """Whether a plain scalar would come back as this very text."""
    from getspec.errors import SpecError

    try:
        return bool(scalar(value, "value") == value)
    except SpecError:
        return False


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    mantissa, sign, exponent = repr(value).partition("e")
    text = f"{mantissa}{'' if '.' in mantissa else '.0'}{sign}{exponent}"
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


def _mapping(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.MappingNode:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", value.items())
    is_file = "getspec" in value
    node.flow_style = _is_small(value) and not is_file
    return node


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
    node = dumper.represent_sequence("tag:yaml.org,2002:seq", value)
    node.flow_style = all(not isinstance(item, dict | list) for item in value)
    return node


def _is_small(value: dict[str, Any]) -> bool:
    flat = all(
        not isinstance(v, dict | str) or (isinstance(v, str) and "\n" not in v)
        for v in value.values()
    )
    return bool(value) and flat and len(str(value)) <= 84


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _float)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _list)
