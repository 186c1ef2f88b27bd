"""What a page holds about a spec, as plain data.

Whole numbers are strings, as a page counts them with any number of digits; a number of JSON is a float. A polynomial is a list
of terms, a term its coefficient followed by its factors, and a factor a name or a function `[op, argument..]` of polynomials
and floats.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from getspec.algebra import Condition, Scalar
from getspec.emit.formula import conditions, spelling
from getspec.errors import UsageError
from getspec.passes.formula import Formula, formula, parts, values_of
from getspec.passes.memory import PRECISIONS
from getspec.sizes import Floor, Function, Poly, Smaller

if TYPE_CHECKING:
    from getspec.api import Spec

__all__ = ["facts", "poly"]

QUANTITIES = ("params", "trainable", "flops", "kv")
STATES = 2
"""Numbers that AdamW keeps of a trained parameter."""


def facts(spec: Spec, shape: Mapping[str, int]) -> dict[str, Any]:
    """Everything that the page shows or computes, at the spec's config."""
    counted = spec.count()
    found = {of: each for of in QUANTITIES if (each := _formula(spec, of)) is not None}
    values = values_of(spec.config)
    copies = parts(spec.model, "copies")[1]
    params = parts(spec.model)[1]
    sizes = _sizes(spec, found, shape)
    return {
        "schema_version": 1,
        "model": spec.name,
        "spec": spec.model.file,
        "summary": spec.compiled.file.summary or "",
        "sources": list(spec.compiled.file.sources),
        "total": counted.total,
        "config": [{"name": n, "value": number(v)} for n, v in values.items()],
        "set": {name: number(value) for name, value in spec.settings.items()},
        "sizes": [{"name": n, "value": str(v), "words": w} for n, v, w in sizes],
        "formulas": {of: _described(each) for of, each in found.items()},
        "precisions": {
            name: {
                "parameter": str(each.parameter),
                "trained": str(each.gradient + each.master + STATES * each.state),
                "recipe": each.recipe,
            }
            for name, each in PRECISIONS.items()
        },
        "rows": [
            {
                "path": row.path,
                "type": row.type,
                "depth": row.depth,
                "repeat": row.repeat,
                "params": row.params,
                "formula": poly(params[row.path]) if row.path in params else None,
                "copies": poly(copies[row.path]) if row.path in copies else None,
            }
            for row in counted.rows
        ],
    }


def _formula(spec: Spec, of: str) -> Formula | None:
    try:
        return formula(spec.model, ".", of)
    except UsageError:
        return None


def _sizes(
    spec: Spec, found: Mapping[str, Formula], shape: Mapping[str, int]
) -> list[tuple[str, int, str]]:
    """Run-time sizes of the formulas: what was asked for, else the spec's own, else the smallest that it runs at."""
    names = sorted({s for each in found.values() for s in each.symbols() if s[0].isupper()})
    known = {**spec.compiled.file.tiny, **spec.model.shape, **shape}
    return [(name, int(known.get(name, 1)), spec.model.sizes.get(name, "")) for name in names]


def _described(found: Formula) -> dict[str, Any]:
    return {
        "poly": poly(found.poly),
        "words": spelling(found),
        "fixed": {name: number(value) for name, value in found.fixed.items()},
        "conditions": [_condition(each) for each in found.conditions],
        "told": conditions(found),
    }


def _condition(each: Condition) -> list[Any]:
    return [each.relation, _side(each.left), _side(each.right), each.holds]


def _side(value: Poly | float) -> Any:
    return poly(value) if isinstance(value, Poly) else float(value)


def poly(value: Poly) -> list[Any]:
    """A polynomial as lists."""
    return [[str(factor), *map(_factor, monomial)] for monomial, factor in value.terms]


def _factor(part: str | Function) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, Floor):
        return ["//", poly(part.numerator), poly(part.divisor)]
    if isinstance(part, Smaller):
        return ["min", *map(poly, (part.a, part.b))]
    assert isinstance(part, Scalar)
    return [part.op, *map(_side, part.args)]


def number(value: Any) -> Any:
    """A value of a config: whole numbers as strings with a sign before them that no word has."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"int": str(value)}
    if isinstance(value, list | tuple):
        return [number(each) for each in value]
    return value
