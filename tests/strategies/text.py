"""Trees as YAML."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["dumped"]


def dumped(tree: dict[str, Any]) -> str:
    """The tree as YAML, with `forward` in blocks."""
    return str(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=10_000))


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: Any, value: str) -> Any:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
