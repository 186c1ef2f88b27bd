"""The language as data: JSON Schema for editors, and the list of ops for readers. Both are made from the code that checks."""

from __future__ import annotations

from typing import Any

from getspec.emit.text import table
from getspec.ops import FUNCTIONS, LAYERS
from getspec.ops.base import has_default
from getspec.sizes import Size
from getspec.spec import File

__all__ = ["json_schema", "ops", "ops_text"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_KINDS: dict[str, list[str]] = {
    "int": ["integer", "string"],
    "float": ["number", "string"],
    "bool": ["boolean", "string"],
    "str": ["string"],
}


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a spec file; a component's fields follow from its `type`."""
    schema = File.model_json_schema()
    properties = schema["properties"]
    properties["$schema"] = {"type": "string", "description": "this schema, for editors"}
    properties["extends"] = {"type": "string", "description": "the spec this one derives from"}
    properties["set"] = {"type": "object", "description": "values of the base to replace, by path"}
    properties["remove"] = {
        "type": "array",
        "items": {"type": "string"},
        "description": "paths of the base to leave out",
    }
    component = schema["$defs"]["Component"]
    component["properties"]["type"]["examples"] = [*LAYERS, "parameter", "buffer", "sequential"]
    component["allOf"] = [_fields_of(name) for name in sorted(LAYERS)]
    return {"$schema": DIALECT, **_with_short_inputs(schema), "title": "getspec"}


def _with_short_inputs(node: Any) -> Any:
    """A tensor may be written as its type alone: `x: float[B, N, dim]`."""
    if isinstance(node, list):
        return [_with_short_inputs(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node == {"$ref": "#/$defs/Input"}:
        return {"anyOf": [{"type": "string"}, node]}
    return {key: _with_short_inputs(value) for key, value in node.items()}


def _fields_of(name: str) -> dict[str, Any]:
    """What a component of one op may and must have."""
    declared = LAYERS[name].declared_fields()
    properties: dict[str, Any] = {}
    for field in declared:
        properties[field.name] = {
            "type": _KINDS[field.metadata["kind"]],
            "description": field.metadata["doc"],
        }
        if "options" in field.metadata:
            properties[field.name]["examples"] = list(field.metadata["options"])
    then: dict[str, Any] = {"properties": properties}
    required = [field.name for field in declared if not has_default(field)]
    if required:
        then["required"] = required
    return {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": then}


def ops() -> dict[str, Any]:
    """Every op with its signature, one line on it, and where it is defined."""
    return {
        "schema_version": 1,
        "layers": [
            {
                "name": name,
                "signature": _layer_signature(name),
                "summary": LAYERS[name].summary,
                "reference": LAYERS[name].reference,
            }
            for name in sorted(LAYERS)
        ],
        "functions": [
            {
                "name": name,
                "signature": _function_signature(name),
                "summary": FUNCTIONS[name].summary,
                "reference": FUNCTIONS[name].reference,
            }
            for name in sorted(FUNCTIONS)
        ],
    }


def _layer_signature(name: str) -> str:
    parts = []
    for field in LAYERS[name].declared_fields():
        default = f" = {_shown(field.default)}" if has_default(field) else ""
        parts.append(f"{field.name}{default}")
    return f"{name}: {', '.join(parts)}" if parts else name


def _function_signature(name: str) -> str:
    parts = []
    for argument in FUNCTIONS[name].arguments:
        optional = not argument.required and not argument.variadic
        default = f"={_shown(argument.default)}" if optional else ""
        parts.append(f"{argument.variadic}{argument.name}{default}")
    return f"{name}({', '.join(parts)})"


def _shown(value: Any) -> str:
    if isinstance(value, Size):
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def ops_text() -> str:
    """The list of ops for a terminal."""
    found = ops()
    lines = ["Layers (components; `type: ...`)", ""]
    lines += table([(x["signature"], x["summary"]) for x in found["layers"]], "<<")
    lines += ["", "Functions (called in `forward`)", ""]
    lines += table([(x["signature"], x["summary"]) for x in found["functions"]], "<<")
    return "\n".join(lines)
