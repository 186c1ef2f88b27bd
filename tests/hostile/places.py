"""Every place of a spec that holds text, and every field that could, found in the models.

`SPEC` uses every field of the language at least once, and a test holds it against the pydantic models.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from getspec.spec import Against, Block, Budget, Claim, Component, File, Function, Input, Output

__all__ = [
    "DERIVED",
    "FILES",
    "MODELS",
    "SPEC",
    "Place",
    "fields_used",
    "keys",
    "places",
    "put",
    "save",
]

ATTENTION = """\
q, k, v = chunk(rearrange(qkv(x), "b n (h d) -> b h n d", h=num_heads), 3, dim=-1)
return proj(rearrange(sdpa(q, k, v, causal=True), "b h n d -> b n (h d)")) + shift
"""
FORWARD = """\
# tokens, then blocks
x = where(mask, token, x) + embed(ids) + cast(table, float)
for block in blocks:
  x = block(x)
for level in levels:
  x = x + level
if kind == "tanh":
  x = act(x)
return head(scaled(x, rate=rate))
"""
SPEC: dict[str, Any] = {
    "$schema": "getspec.schema.json",
    "getspec": 1,
    "model": "Net",
    "summary": "a summary of the model",
    "sources": ["a source", "another source"],
    "config": {
        "dim": 8,
        "depth": 2,
        "kind": "tanh",
        "label": "a word",
        "flag": True,
        "rate": 0.5,
        "widths": [4, 8],
    },
    "let": {"inner": "2 * dim"},
    "sizes": {"B": "batch", "N": "tokens"},
    "use": ["parts.yaml"],
    "inputs": {
        "x": "float[B, N, dim]",
        "mask": {"type": "bool[B, N, 1]", "doc": "where it is hidden"},
        "chosen": {"type": "bool[B, N]", "selects": "M", "doc": "some of them"},
        "ids": {"type": "int[B, N]", "below": "dim", "doc": "integers"},
        "levels": {"type": "float[B, N, dim]", "repeat": "depth", "index": "i", "doc": "several"},
    },
    "outputs": {"y": {"type": "float[B, N, dim]", "doc": "what comes out"}},
    "components": {
        "token": {"type": "parameter", "shape": [1, 1, "dim"], "init": {"normal": 0.02}},
        "table": {"type": "buffer", "value": "linspace(0, 1, dim)", "persistent": False},
        "embed": {"type": "embedding", "num_embeddings": "dim", "embedding_dim": "dim"},
        "blocks": {
            "repeat": "depth",
            "index": "at",
            "doc": "the stack",
            "pattern": [
                {"type": "Attention", "dim": "dim", "num_heads": 2, "doc": "an attention"},
                {"type": "Other", "dim": "dim"},
            ],
        },
        "act": {"type": "gelu", "approximate": "kind", "when": 'kind == "tanh"', "doc": "a curve"},
        "head": {
            "type": "sequential",
            "layers": [
                {"type": "linear", "in_features": "dim", "out_features": "inner"},
                {"type": "linear", "in_features": "inner", "out_features": "dim", "init": "zeros"},
            ],
            "trainable": False,
            "doc": "the last layers",
        },
        "twin": {"type": "embedding", "num_embeddings": "dim", "embedding_dim": "dim"},
    },
    "init": {"linear": {"weight": "xavier_uniform", "bias": "zeros"}},
    "tie": {"twin.weight": "embed.weight"},
    "forward": FORWARD,
    "blocks": {
        "Attention": {
            "summary": "a summary of a block",
            "sources": ["a source of a block"],
            "params": {"dim": "int", "num_heads": 2, "name": "plain"},
            "let": {"head_dim": "dim / num_heads"},
            "inputs": {"x": {"type": "float[B, N, dim]", "doc": "tokens of a block"}},
            "components": {
                "qkv": {
                    "type": "linear",
                    "in_features": "dim",
                    "out_features": "3 * num_heads * head_dim",
                    "doc": "three in one",
                },
                "proj": {"type": "linear", "in_features": "dim", "out_features": "dim"},
                "shift": {"type": "parameter", "shape": ["dim"], "init": "zeros"},
            },
            "init": {"linear": {"normal": 0.02}},
            "tie": {},
            "forward": ATTENTION,
        },
    },
    "functions": {
        "scaled": {
            "summary": "a summary of a function",
            "params": {"rate": "float"},
            "let": {"twice": "2 * rate"},
            "inputs": {"x": {"type": "float[B, N, D]", "doc": "of a function"}},
            "forward": "# a note\nreturn x * twice\n",
        },
    },
    "expect": [
        {
            "path": "head",
            "params": 280,
            "trainable": 0,
            "source": "where it is printed",
            "note": "how it is meant",
        },
        {
            "path": "head",
            "against": {"spec": "base.yaml", "path": "fc"},
            "delta": 208,
            "percent": 288.89,
            "source": "where it is printed too",
        },
    ],
    "budget": {"params": "<= 10K", "flops": "<= 1M", "kv_per_token": "<= 1KiB"},
    "shape": {"B": 1, "N": 4},
    "rename": {"embed.weight": "wte.weight"},
    "tiny": {"dim": 4, "depth": 2, "B": 2, "N": 3},
}
PARTS: dict[str, Any] = {
    "getspec": 1,
    "summary": "a library",
    "blocks": {
        "Other": {
            "summary": "a block of a library",
            "params": {"dim": "int"},
            "inputs": {"x": "float[B, N, dim]"},
            "components": {"fc": {"type": "linear", "in_features": "dim", "out_features": "dim"}},
            "forward": "return fc(x)\n",
        }
    },
}
BASE: dict[str, Any] = {
    "getspec": 1,
    "model": "Base",
    "summary": "a base",
    "config": {"dim": 8, "label": "a word"},
    "inputs": {"x": "float[B, dim]"},
    "components": {
        "fc": {"type": "linear", "in_features": "dim", "out_features": "dim", "doc": "a layer"},
        "more": {"type": "linear", "in_features": "dim", "out_features": "dim"},
    },
    "forward": "return fc(x)\n",
}
DERIVED: dict[str, Any] = {
    "getspec": 1,
    "extends": "base.yaml",
    "model": "Derived",
    "summary": "a derived model",
    "set": {"label": "another word", "components.fc.doc": "another layer"},
    "remove": ["components.more"],
}
FILES = {"parts.yaml": PARTS, "base.yaml": BASE}
MODELS = {
    "inputs": Input,
    "outputs": Output,
    "components": Component,
    "blocks": Block,
    "functions": Function,
}
"""What the entries of a section are."""

Path_ = tuple[str | int, ...]


class Place(NamedTuple):
    """Where text can be put: as the value at a path, as a new value there, or as a key in place of the last of the path."""

    path: Path_
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} {'.'.join(map(str, self.path))}"


def places(tree: dict[str, Any]) -> Iterator[Place]:
    """Every scalar and key of a tree, and every field of its models that it does not use there."""
    for path, node in _nodes((), tree):
        if isinstance(node, dict):
            for key in node:
                yield Place((*path, key), "key")
            for name in keys(_model(path)) if _model(path) else ():
                if name not in node:
                    yield Place((*path, name), "field")
        elif not isinstance(node, list):
            yield Place(path, "value")
            if isinstance(node, str) and "\n" in node:
                yield Place(path, "comment")
                yield Place(path, "line")


def _nodes(path: Path_, node: Any) -> Iterator[tuple[Path_, Any]]:
    yield path, node
    below = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in below:
        yield from _nodes((*path, key), value)


def _model(path: Path_) -> Any:
    """The pydantic model of a mapping."""
    if not path:
        return File
    if path == ("budget",):
        return Budget
    if path[0] == "expect":
        return Against if path[-1] == "against" else Claim
    if (
        len(path) > 1
        and path[-2] in MODELS
        and (len(path) == 2 or path[0] in ("blocks", "functions"))
    ):
        return MODELS[str(path[-2])]
    return Component if path[-2:-1] in (("pattern",), ("layers",)) else None


def keys(model: Any) -> list[str]:
    """What a model's fields are called in a spec."""
    return [field.alias or name for name, field in model.model_fields.items()]


def fields_used(tree: dict[str, Any]) -> set[tuple[str, str]]:
    """The fields of models that a tree uses, by model and name."""
    return {
        (_model(path).__name__, name)
        for path, node in _nodes((), tree)
        if isinstance(node, dict) and _model(path)
        for name in node
    }


def put(tree: dict[str, Any], place: Place, text: str) -> dict[str, Any]:
    """A copy of the tree with text at a place."""
    made = copy.deepcopy(tree)
    *above, last = place.path
    parent: Any = made
    for part in above:
        parent = parent[part]
    match place.kind:
        case "key":
            items = list(parent.items())
            parent.clear()
            parent.update((text if key == last else key, value) for key, value in items)
        case "comment":
            parent[last] = f"# {text}\n{parent[last]}"
        case "line":
            parent[last] = f"{text}\n{parent[last]}"
        case _:
            parent[last] = text
    return made


def save(folder: Path, name: str, tree: dict[str, Any], *, escaped: bool = True) -> Path:
    """Write a tree as a file: JSON is YAML, one key a line. Controls are escapes, or stand in the file as they are."""
    for other, data in FILES.items():
        if other != name and not (folder / other).exists():
            (folder / other).write_text(json.dumps(data, indent=1), encoding="utf-8")
    text = json.dumps(tree, indent=1, ensure_ascii=escaped)
    if not escaped:
        for code in (*range(32), 0x7F):
            text = text.replace(f"\\u{code:04x}", chr(code))
        text = text.replace("\\r", "\r")
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path
