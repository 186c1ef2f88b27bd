"""The language as data: JSON Schema for editors, and the list of ops for readers. Both are made from the code that checks.

The schema says what an editor can say of a single value: which keys there are, what kind each holds, what must be there. It
never refuses what the compiler takes. Names, sizes and dataflow are for `check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from getspec.emit.text import folded, painted, table
from getspec.ops import FUNCTIONS, LAYERS
from getspec.ops.base import DTYPES, has_default
from getspec.sizes import Size
from getspec.spec import File

if TYPE_CHECKING:
    from getspec.terminal import Look

__all__ = ["json_schema", "ops", "ops_text"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALAR = ["integer", "number", "boolean", "string"]
_KINDS: dict[str, list[str]] = {
    "int": ["integer", "string"],
    "float": ["number", "string"],
    "bool": ["boolean", "string"],
    "str": ["string"],
}
_TEXT = {"type": "string"}
_TENSOR = {
    "type": "string",
    "pattern": rf"^\s*({'|'.join(sorted(DTYPES))})\s*(\[[\s\S]*\])?\s*$",
}
_TYPES = {
    "parameter": "a tensor that is trained: `shape`, and `init` or `value`",
    "buffer": "a tensor that is not trained: `value`, or `shape` and `init`",
    "sequential": "components one after the other: `layers`",
}
_STORED: dict[str, dict[str, Any]] = {
    "parameter": {
        "properties": {
            "shape": {"type": "array", "items": {"type": _SCALAR}, "description": "its axes"},
            "value": {"type": _SCALAR, "description": "an expression that it starts at"},
        },
        "required": ["shape"],
        "anyOf": [{"required": ["init"]}, {"required": ["value"]}],
    },
    "buffer": {
        "properties": {
            "shape": {"type": "array", "items": {"type": _SCALAR}, "description": "its axes"},
            "value": {"type": _SCALAR, "description": "an expression that it holds"},
            "dtype": {"enum": list(DTYPES), "description": "float32 where it is not said"},
            "persistent": {"type": "boolean", "description": "whether the state dict has it"},
        },
        "anyOf": [{"required": ["value"]}, {"required": ["shape", "init"]}],
    },
    "sequential": {
        "properties": {
            "layers": {
                "description": "the components in order: a list, or a mapping that names them",
                "anyOf": [
                    {"type": "array", "items": {"$ref": "#/$defs/Component"}, "minItems": 1},
                    {
                        "type": "object",
                        "additionalProperties": {"$ref": "#/$defs/Component"},
                        "minProperties": 1,
                    },
                ],
            }
        },
        "required": ["layers"],
    },
}
"""What the types that are no ops may and must have; a test holds it against `declare`."""

_FLOW: dict[str, list[Any]] = {
    "summary": ["Pre-norm transformer encoder."],
    "let": [{"head_dim": "dim / num_heads"}],
    "inputs": [{"x": "float[B, N, dim]"}],
    "forward": ["return head(norm(x))\n"],
}
_PARTS: dict[str, list[Any]] = {
    **_FLOW,
    "sources": [["arXiv:1706.03762"]],
    "components": [{"norm": {"type": "layer_norm", "dim": "dim"}}],
    "init": [{"linear": {"weight": {"normal": 0.02}, "bias": "zeros"}}],
    "tie": [{"head.weight": "embed.weight"}],
}
EXAMPLES: Mapping[str, Mapping[str, list[Any]]] = {
    "File": {
        **_PARTS,
        "$schema": ["getspec.schema.json"],
        "getspec": [1],
        "model": ["TinyClassifier"],
        "config": [{"dim": 64, "num_heads": 4, "depth": 2}],
        "sizes": [{"B": "batch", "N": "tokens"}],
        "use": [["blocks/transformer.yaml"]],
        "outputs": [{"logits": "float[B, num_classes]"}],
        "blocks": [{"Mlp": {"params": {"dim": "int"}, "forward": "return x\n"}}],
        "functions": [{"double": {"inputs": {"x": "float[B]"}, "forward": "return 2 * x\n"}}],
        "expect": [[{"path": ".", "params": "124M", "source": "table 2"}]],
        "budget": [{"params": "<= 125M"}],
        "shape": [{"B": 1, "N": 1024}],
        "rename": [{"blocks.*.mlp.**": "layers.*.ffn.**"}],
        "tiny": [{"dim": 16, "num_heads": 2, "N": 5}],
        "extends": ["base.yaml"],
        "set": [{"num_layers": 24}],
        "remove": [["components.head"]],
    },
    "Block": {**_PARTS, "params": [{"dim": "int", "bias": True}]},
    "Function": {**_FLOW, "params": [{"dim": "int"}]},
    "Output": {"type": ["float[B, N, dim]"], "doc": ["one row for each token"]},
    "Input": {
        "type": ["float[B, N, dim]", "int[B, N]", "bool[B, N]"],
        "below": ["vocab_size"],
        "selects": ["M"],
        "repeat": ["num_levels"],
        "index": ["i"],
        "doc": ["tokens of a text"],
    },
    "Component": {
        "type": [],
        "when": ["num_classes > 0"],
        "repeat": ["depth"],
        "index": ["i"],
        "pattern": [[{"type": "LocalBlock", "times": 5}, {"type": "GlobalBlock"}]],
        "trainable": [False],
        "init": ["zeros", {"normal": 0.02}],
        "doc": ["a row for each position"],
    },
    "Claim": {
        "path": [".", "encoder.blocks.*"],
        "params": ["7.09M", 85_484_059],
        "trainable": ["7.09M"],
        "against": [{"spec": "pretrain.yaml", "path": "encoder"}],
        "delta": ["+43.3M"],
        "percent": [50.63],
        "source": ["arXiv:1706.03762, table 3"],
        "note": ["without embeddings"],
    },
    "Against": {"spec": ["pretrain.yaml"], "path": ["encoder"]},
    "Budget": {"params": ["<= 125M"], "flops": ["<= 2T"], "kv_per_token": ["<= 64KiB"]},
}
"""What an editor offers for each key; a test asks that each is legal there."""


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a spec file; a component's fields follow from its `type`."""
    schema = File.model_json_schema()
    properties = schema["properties"]
    properties["extends"] = {**_TEXT, "description": "the spec this one derives from"}
    properties["set"] = {"type": "object", "description": "values of the base to replace, by path"}
    properties["remove"] = {
        "type": "array",
        "items": _TEXT,
        "description": "paths of the base to leave out",
    }
    _complete_component(schema["$defs"]["Component"])
    for tensor in ("Input", "Output"):
        schema["$defs"][tensor]["properties"]["type"] |= _TENSOR
    of_bool = {"properties": {"type": {"pattern": r"^\s*bool\b"}}}
    schema["$defs"]["Input"]["dependentSchemas"] = {"selects": of_bool}
    for name, keys in EXAMPLES.items():
        described = (schema if name == "File" else schema["$defs"][name])["properties"]
        for key, examples in keys.items():
            if examples:
                described[key]["examples"] = examples
    return {"$schema": DIALECT, **_for_editors(schema), "title": "getspec"}


def _complete_component(component: dict[str, Any]) -> None:
    """What follows from `type`, and which keys go together."""
    known = {name: LAYERS[name].summary for name in sorted(LAYERS)} | _TYPES
    choices = [{"const": name, "description": summary} for name, summary in known.items()]
    described = component["properties"]
    described["type"]["anyOf"] = [*choices, *described["type"]["anyOf"]]
    described["pattern"]["anyOf"][0] = {
        "type": "array",
        "items": {"$ref": "#/$defs/Component", "properties": {"when": False}},
        "minItems": 1,
    }
    described["times"] = {
        "type": "integer",
        "minimum": 1,
        "description": "in a pattern: how many of it stand in a row",
        "examples": [5],
    }
    component["anyOf"] = [{"required": ["type"]}, {"required": ["pattern"]}]
    beside = ["pattern", "repeat", "index", "when", "trainable", "doc", "times"]
    component["dependentSchemas"] = {
        "index": {"anyOf": [{"required": ["repeat"]}, {"required": ["pattern"]}]},
        "pattern": {"propertyNames": {"enum": beside}},
    }
    component["allOf"] = [
        *(_fields_of(name) for name in sorted(LAYERS)),
        *(_only_if(name, then) for name, then in _STORED.items()),
    ]


def _for_editors(node: Any) -> Any:
    """A tensor may be written as its type alone: `x: float[B, N, dim]`. A default that is empty is not offered."""
    if isinstance(node, list):
        return [_for_editors(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node in ({"$ref": "#/$defs/Input"}, {"$ref": "#/$defs/Output"}):
        return {"anyOf": [_TENSOR, node]}
    return {
        key: _for_editors(value)
        for key, value in node.items()
        if key != "default" or isinstance(value, str | bool)
    }


def _only_if(name: str, then: dict[str, Any]) -> dict[str, Any]:
    """What holds for components of one type, and no key beside those that it takes."""
    shared = dict.fromkeys((*EXAMPLES["Component"], "times"), True)
    closed = {**then, "properties": {**shared, **then["properties"]}, "additionalProperties": False}
    return {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": closed}


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
    return _only_if(name, then)


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


def ops_text(look: Look | None = None) -> str:
    """The list of ops for a terminal."""
    found = ops()
    lines = [painted(look, "strong", "Layers (components; `type: ...`)"), ""]
    lines += _listed([(x["signature"], x["summary"]) for x in found["layers"]], look)
    lines += ["", painted(look, "strong", "Functions (called in `forward`)"), ""]
    lines += _listed([(x["signature"], x["summary"]) for x in found["functions"]], look)
    return "\n".join(lines)


def _listed(rows: list[tuple[str, str]], look: Look | None) -> list[str]:
    """Two columns; where they do not fit, the second stands below the first."""
    lines = table(rows, "<<")
    if look is None or max(map(len, lines)) <= look.width:
        return lines
    found = []
    for signature, summary in rows:
        found += folded(signature, look, 4)
        below = folded(f"    {summary}", look, 4)
        found += [look.paint("quiet", line) for line in below]
    return found
