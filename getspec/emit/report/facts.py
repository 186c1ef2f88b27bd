"""What a page holds about a spec, as plain data.

Whole numbers are strings, as a page counts them with any number of digits; a number of JSON is a float. A polynomial is a list
of terms, a term its coefficient followed by its factors, and a factor a name or a function `[op, argument..]` of polynomials
and floats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from getspec.algebra import Condition, Scalar
from getspec.emit.formula import conditions, spelling
from getspec.errors import UsageError
from getspec.passes.formula import Formula, formula, parts, values_of
from getspec.passes.memory import PRECISIONS
from getspec.sizes import Floor, Function, Poly, Smaller, constant

if TYPE_CHECKING:
    from getspec.api import Spec

__all__ = ["QUANTITIES", "facts", "poly"]

QUANTITIES = ("params", "trainable", "flops", "kv", "cache")
STATES = 2
"""Numbers that AdamW keeps of a trained parameter."""


PLAYED = ("model", "spec", "total", "config", "set", "sizes", "conditions", "formulas")
"""What a page has of the spec that it compares with."""


def facts(spec: Spec, shape: Mapping[str, int], other: Spec | None = None) -> dict[str, Any]:
    """Everything that the page computes with, at the spec's config.

    `formulas` has an entry for each quantity: its `poly`, the values at which it is `fixed` and the places of the `conditions`
    under which it holds, or in `missing` why there is none. Bytes follow from `precisions`: `parameter` for each parameter and
    each element of keys and values, `trained` more for each parameter that is trained with AdamW. `other` has the same of a
    second spec, but for its rows.
    """
    found = {of: _formula(spec, of) for of in QUANTITIES}
    known = [each for each in found.values() if isinstance(each, Formula)]
    needed = list(dict.fromkeys(each for one in known for each in _needs(one)))
    return {
        "schema_version": 1,
        "model": spec.name,
        "spec": spec.model.file,
        "summary": spec.compiled.file.summary or "",
        "sources": list(spec.compiled.file.sources),
        "total": str(spec.count().total),
        "config": [
            {"name": name, "value": number(value)} for name, value in values_of(spec.config).items()
        ],
        "set": {name: json.dumps(value) for name, value in spec.settings.items()},
        "sizes": [
            {
                "name": name,
                "value": str(size),
                "given": name in spec.run_time_sizes(),
                "words": spec.model.sizes.get(name, ""),
            }
            for name, size in _sizes(spec, known, shape)
        ],
        "conditions": [_condition(each) for each in needed],
        "formulas": {of: _described(each, needed) for of, each in found.items()},
        "precisions": {
            name: {
                "parameter": str(each.parameter),
                "trained": str(each.gradient + each.master + STATES * each.state),
                "recipe": each.recipe,
            }
            for name, each in PRECISIONS.items()
        },
        "rows": _rows(spec),
        "other": None if other is None else _played(facts(other, shape)),
    }


def _played(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in PLAYED}


def _rows(spec: Spec) -> list[dict[str, Any]]:
    """The rows of a count, each with how many copies there are and what they hold together."""
    copies = parts(spec.model, "copies")[1]
    params = parts(spec.model)[1]
    return [
        {
            "path": row.path,
            "type": row.type,
            "depth": row.depth,
            "repeat": str(row.repeat),
            "params": str(row.params),
            "copies": poly(copies[row.path]) if row.path in copies else None,
            "formula": poly(params[row.path]) if row.path in params else None,
        }
        for row in spec.count().rows
    ]


def _formula(spec: Spec, of: str) -> Formula | UsageError:
    try:
        return formula(spec.model, ".", of)
    except UsageError as missing:
        return missing


def _sizes(
    spec: Spec, found: Sequence[Formula], shape: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    """Run-time sizes of the formulas: what was asked for, else the spec's own, else the smallest that it runs at."""
    names: set[str] = set()
    for each in found:
        names |= each.symbols().union(*(c.symbols() for c in _needs(each)))
    known = {**spec.compiled.file.tiny, **spec.model.shape, **shape}
    for name in sorted(names - values_of(spec.config).keys()):
        yield name, int(known.get(name, 1))


def _described(found: Formula | UsageError, needed: Sequence[Condition]) -> dict[str, Any]:
    if isinstance(found, UsageError):
        return {"missing": found.message}
    return {
        "poly": poly(found.poly),
        "words": spelling(found),
        "fixed": {name: number(value) for name, value in found.fixed.items()},
        "conditions": [needed.index(each) for each in _needs(found)],
        "told": conditions(found),
    }


def _needs(found: Formula) -> tuple[Condition, ...]:
    """What has to hold: where the formula does, and for the config to be legal at all."""
    return (*found.conditions, *found.limits)


def _condition(each: Condition) -> dict[str, Any]:
    return {
        "words": str(each),
        "relation": each.relation,
        "left": _side(each.left),
        "right": _side(each.right),
        "holds": each.holds,
        "run_time": any(name[0].isupper() for name in each.symbols()),
    }


def _side(value: Poly | float) -> Any:
    if isinstance(value, Poly):
        return poly(value)
    return poly(constant(value)) if isinstance(value, int) else value


def poly(value: Poly) -> list[Any]:
    """A polynomial as lists."""
    return [[str(factor), *map(_factor, monomial)] for monomial, factor in value.terms]


def _factor(part: str | Function) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, Floor):
        return ["//", poly(part.numerator), poly(part.divisor)]
    if isinstance(part, Smaller):
        return ["min", poly(part.a), poly(part.b)]
    assert isinstance(part, Scalar)
    return [part.op, *map(_side, part.args)]


def number(value: Any) -> Any:
    """A value of a config: a whole number is an object, so that it is no word and no float."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"int": str(value)}
    return value
