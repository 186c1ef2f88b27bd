"""`getspec init`: a spec to start from, which compiles as it stands, and the schema that editors complete it by.

The schema is a file beside the spec and no address: it then belongs to the getspec that wrote it, and needs no network.
"""

from __future__ import annotations

import json
from pathlib import Path

from getspec.declare.names import class_like
from getspec.errors import GetspecError, UsageError
from getspec.output import write_all
from getspec.reserved import RESERVED

__all__ = ["SCHEMA", "schema_text", "starter", "write_schema", "write_starter"]

SCHEMA = "getspec.schema.json"
TEMPLATE = Path(__file__).parent / "emit" / "templates" / "starter.yaml"


def starter(path: Path) -> str:
    """The text of a spec that is called by the name of its file."""
    name = class_like(path.name.partition(".")[0])
    name = f"{name}Model" if name in RESERVED else name
    text = TEMPLATE.read_text(encoding="utf-8")
    shown = path.name if path.name.isprintable() else "FILE"
    return text.replace("model: Classifier", f"model: {name}").replace("FILE", shown)


def write_starter(name: str) -> list[Path]:
    """Write the spec and, where there is none yet, the schema beside it; a file that exists is never touched."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = path.with_name(f"{path.name}.yaml")
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists", "getspec init another_name", "GS601")
    files = {path: starter(path)}
    schema = path.parent / SCHEMA
    if not schema.exists():
        files[schema] = schema_text()
    return write_all(files, force=True)


def schema_text() -> str:
    """The schema as the bytes of its file."""
    from getspec.emit.schema import json_schema

    return json.dumps(json_schema(), indent=2, allow_nan=False) + "\n"


def write_schema(path: Path) -> list[Path]:
    """Write the schema, over an older one but over nothing else."""
    if path.exists() and not _is_schema(path):
        raise UsageError(f"{path} exists, and is no schema of ours", "name another file", "GS601")
    return write_all({path: schema_text()}, force=True)


def _is_schema(path: Path) -> bool:
    from getspec.source import read_bytes

    try:
        found = json.loads(read_bytes(str(path)))
    except (GetspecError, ValueError):
        return False
    return isinstance(found, dict) and found.get("title") == "getspec"
