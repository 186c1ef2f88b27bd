"""`getspec gallery`: figures that others published, beside what the specs give for them.

A gallery is a YAML file of tables; a row names a spec, the figure as it was printed, and by an expression what is compared with
it. A figure agrees where ours rounds to it. Where it does not, the row states the residue, which has to be exact, and why: a
residue that is left out, wrong or no longer needed is an error, so nothing on the page can go stale.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from getspec.api import Spec, load
from getspec.emit.markdown import code, link, paragraph, prose
from getspec.errors import Span, SpecError, UsageError, meant
from getspec.library import leads_out
from getspec.ops.storage import Policy
from getspec.passes.activations import Activations, activations
from getspec.passes.cost import Cost, attention, cost, multiplied
from getspec.passes.count import locate
from getspec.passes.expect import Interval, figure
from getspec.passes.memory import PRECISIONS, memory
from getspec.sizes import Size
from getspec.syntax import Binary, Call, Literal, Name, Node, Text, Unary, parse_expression

__all__ = ["Row", "Table", "gallery", "markdown"]

UNITS: dict[str, int | Fraction] = {
    "parameters": 1,
    "FLOPs": 1,
    "MACs": 1,
    "bytes": 1,
    "ratio": 1,
    "%": Fraction(1, 100),
    "KB": 10**3,
    "GB": 10**9,
    "GFLOPs": 10**9,
    "TFLOPs": 10**12,
    "GMACs": 10**9,
}
"""What a printed figure counts, and in what; a rounded one is held against the exact value in the plain unit."""
SHARED = ("spec", "set", "shape", "value", "unit", "dtype", "attention")
"""What a table may say once for all its rows."""
TABLE = (*SHARED, "title", "source", "text", "rows")
ROW = (*SHARED, "name", "published", "residue", "because", "misprint")
QUANTITIES = (
    "params",
    "active",
    "flops",
    "backward",
    "attention_flops",
    "kv",
    "kept",
    "attention_kept",
    "memory",
)
"""What an expression may ask of a model, or by `quantity("path")` of a part of it."""
MAX_EXPONENT = 64
NUMBER: tuple[Any, str] = ((str, int, float), "a number or an expression")
KINDS: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(("title", "source", "text", "name", "because"), (str, "text")),
    **dict.fromkeys(("spec", "unit", "dtype", "attention"), (str, "a word")),
    **dict.fromkeys(("set", "shape"), (Mapping, "a mapping")),
    "rows": (list, "a list"),
    "misprint": (bool, "true or false"),
}
"""What a key holds; the others are figures."""


@dataclass(frozen=True)
class Row:
    """One figure. `published` is an interval, or of a formula the number it gives."""

    name: str
    spec: str
    sizes: Mapping[str, Any]
    """The row's own settings and run-time sizes."""
    printed: str
    unit: str
    expression: str
    value: Fraction
    published: Interval
    residue: Fraction | None
    because: str
    misprint: bool

    @property
    def difference(self) -> Fraction:
        return self.value - (self.published.low + self.published.high) / 2

    @property
    def problem(self) -> str | None:
        """Why the row does not stand as it is written."""
        agrees = self.value in self.published
        if self.residue is None:
            return None if agrees else f"the residue is {_number(self.difference)}"
        if agrees:
            return "the figure agrees, so there is no residue"
        if self.residue != self.difference:
            return f"the residue is {_number(self.difference)}, not {_number(self.residue)}"
        return None if self.because else "a residue needs `because`"

    def as_json(self) -> dict[str, Any]:
        """`ours` and `residue` in whole units, or as fractions in words."""
        return {
            "name": self.name,
            "spec": self.spec,
            "at": dict(self.sizes),
            "published": f"{self.printed} {self.unit}",
            "compared": self.expression,
            "ours": _exact(self.value),
            "residue": None if self.residue is None else _exact(self.residue),
            "because": self.because or None,
            "misprint": self.misprint,
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Table:
    """Figures of one source."""

    title: str
    source: str
    text: str
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        rows = [row.as_json() for row in self.rows]
        return {"title": self.title, "source": self.source, "text": self.text, "rows": rows}


def _exact(value: Fraction) -> int | str:
    return value.numerator if value.denominator == 1 else str(value)


def gallery(path: str) -> list[Table]:
    """Every table of a gallery, with our values."""
    from getspec.source import read

    data = read(path).data
    if list(data) != ["tables"] or not isinstance(data["tables"], list):
        raise UsageError(f"{path} is no gallery", "tables: [{title: .., source: .., rows: [..]}]")
    return [_table(each, path) for each in data["tables"]]


def _table(given: Mapping[str, Any], place: str) -> Table:
    place = _known(given, "title", TABLE, ("title", "source", "rows"), place)
    shared = {key: given[key] for key in SHARED if key in given}
    rows = []
    for row in given["rows"]:
        here = _known(row, "name", ROW, ("name",), place)
        # Sizes and settings of a row join those of its table; everything else stands in their place.
        both = {k: {**shared.get(k, {}), **row.get(k, {})} for k in ("set", "shape")}
        own = {**row.get("set", {}), **row.get("shape", {})}
        rows.append(_row({**shared, **row, **both}, own, here))
    return Table(given["title"], given["source"], given.get("text", "").strip(), tuple(rows))


def _known(
    given: Any, name: str, keys: tuple[str, ...], needed: tuple[str, ...], place: str
) -> str:
    """Check the keys of a table or row and the kinds of their values; the place, with its name."""
    if not isinstance(given, Mapping):
        raise UsageError(f"{place}: a mapping is expected here", f"it takes: {', '.join(keys)}")
    place = f"{place}: {given.get(name)}"
    for key in given:
        if key not in keys:
            help = meant(key, keys, f"it takes: {', '.join(keys)}")
            raise UsageError(f"{place}: unknown key `{key}`", help)
        kind, word = KINDS.get(key, NUMBER)
        if not isinstance(given[key], kind):
            raise UsageError(f"{place}: `{key}` is {word}")
    for key in needed:
        if key not in given:
            raise UsageError(f"{place}: `{key}` is missing")
    if not all(type(size) is int and size > 0 for size in given.get("shape", {}).values()):
        raise UsageError(f"{place}: `shape` holds sizes", "shape: {N: 1024}")
    return place


def _row(given: Mapping[str, Any], own: Mapping[str, Any], place: str) -> Row:
    for key in ("name", "spec", "value", "unit", "published"):
        if key not in given:
            raise UsageError(f"{place}: `{key}` is missing")
    if given["unit"] not in UNITS:
        raise UsageError(f"{place}: `{given['unit']}` is no unit", f"units: {', '.join(UNITS)}")
    measure = _measure(given, place)
    printed = f"{given['published']}"
    published = _printed(printed, UNITS[given["unit"]])
    if published is None:
        published = Interval(printed, measure.value(printed), Fraction(0))
    residue = measure.value(given["residue"]) if "residue" in given else None
    because = given.get("because", "")
    return Row(
        given["name"],
        given["spec"],
        own,
        printed,
        given["unit"],
        f"{given['value']}",
        measure.value(given["value"]),
        published,
        residue,
        because,
        given.get("misprint", False),
    )


def _printed(text: str, scale: int | Fraction) -> Interval | None:
    """`125M`, `3.14e23` or `118.64` in some unit; None if it is no figure but a formula."""
    mantissa, _, exponent = text.replace(",", "_").partition("e")
    found = figure(mantissa) if exponent.isdigit() or not exponent else None
    if found is None:
        return None
    times = Fraction(scale) * 10 ** int(exponent or 0)
    middle, margin = (found.low + found.high) / 2, Fraction(found.high - found.low) / 2
    if margin == 0 and times != 1:
        margin = Fraction(1, 2)
    return Interval(text, middle * times, margin * times)


def _measure(given: Mapping[str, Any], place: str) -> Measure:
    if leads_out(given["spec"]):
        raise UsageError(f"{place}: `{given['spec']}` is not below the current folder")
    spec = _load(given["spec"], json.dumps(given["set"], sort_keys=True))
    shape = {**spec.model.shape, **given["shape"]}
    dtype, attention = given.get("dtype", "bf16"), given.get("attention", "fused")
    if dtype not in PRECISIONS:
        raise UsageError(f"{place}: `{dtype}` is no precision", ", ".join(PRECISIONS))
    return Measure(spec, shape, dtype, attention, place)


@cache
def _load(path: str, settings: str) -> Spec:
    """A spec at some settings; as JSON they can be a key of the cache, lists and all."""
    return load(path, json.loads(settings))


@cache
def _cost(spec: Spec) -> Cost:
    return cost(spec.model)


@cache
def _attention(spec: Spec) -> Cost:
    return cost(spec.model, attention(multiplied))


@dataclass(frozen=True)
class Measure:
    """What expressions of a gallery mean for one spec: exact numbers, never floats."""

    spec: Spec
    shape: Mapping[str, int]
    dtype: str
    attention: str
    place: str

    def value(self, written: str | int) -> Fraction:
        """An expression over the config, the run-time sizes and QUANTITIES."""
        text = Text(f"{written}", lambda line, col, width: Span(self.place, line, col + 1, width))
        try:
            return self.number(parse_expression(written, text).node)
        except SpecError as error:
            raise UsageError(f"{self.place}: {error.diagnostics[0].message}") from None
        except ZeroDivisionError:
            raise UsageError(f"{self.place}: division by zero in `{written}`") from None

    def number(self, node: Node) -> Fraction:
        match node:
            case Literal(_, int(value)):
                return Fraction(value)
            case Name(_, id) if id in QUANTITIES:
                return self.quantity(id, "")
            case Name(_, id):
                return self.named(id)
            case Unary(_, "-", operand):
                return -self.number(operand)
            case Binary(_, op, left, right) if op in ARITHMETIC:
                return ARITHMETIC[op](self.number(left), self.number(right))
            case Call(_, Name(_, id), (Literal(_, str(path)),), ()) if id in QUANTITIES:
                return self.quantity(id, path)
        raise UsageError(f"{self.place}: only arithmetic of names and of {', '.join(QUANTITIES)}")

    def named(self, id: str) -> Fraction:
        known = {n: v for n, v in {**self.spec.config, **self.shape}.items() if type(v) is int}
        if id not in known:
            raise UsageError(
                f"{self.place}: unknown name `{id}`", f"names here: {', '.join(known)}"
            )
        return Fraction(known[id])

    def quantity(self, name: str, path: str) -> Fraction:
        if name == "memory":
            return self.addend(path)
        place = locate(self.spec.model.root, path)
        if place is None:
            raise UsageError(f"{self.place}: there is no `{path}` in {self.spec.name}")
        if name == "params":
            return Fraction(place.params * place.repeat)
        match name:
            case "active":
                return self.spec.count().total - self.at(self.kept.total("idle", path=path))
            case "flops":
                return self.at(_cost(self.spec).below(path).forward)
            case "backward":
                return self.at(_cost(self.spec).below(path).backward)
            case "attention_flops":
                work = _attention(self.spec).below(path)
                return self.at(work.forward + work.backward)
            case "kv":
                return self.at(self.kept.total("keys", path=path))
            case "kept":
                return self.at(self.kept.below(path))
        return self.at(self.kept.total("attention", path=path))

    @property
    def kept(self) -> Activations:
        policy = Policy(self.attention, PRECISIONS[self.dtype].parameter)
        return activations(self.spec.model, policy, self.shape)

    def addend(self, name: str) -> Fraction:
        """Bytes of one part of a training step's memory."""
        found = memory(
            self.spec.model, dtype=self.dtype, attention=self.attention, sizes=self.shape
        )
        parts = {addend.name: addend.bytes for addend in found.training}
        if name not in parts:
            raise UsageError(f"{self.place}: no `{name}` in memory", f"parts: {', '.join(parts)}")
        return self.at(parts[name])

    def at(self, size: Size) -> Fraction:
        missing = sorted(size.value.symbols() - self.shape.keys())
        if missing:
            raise UsageError(f"{self.place}: `{missing[0]}` has no number", "shape: {N: 1024}")
        return Fraction(size.value.evaluate(self.shape))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent not in range(MAX_EXPONENT + 1):
        raise UsageError(f"`**` takes a whole number up to {MAX_EXPONENT}, not {exponent}")
    return base ** int(exponent)


ARITHMETIC: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": _power,
}


# The page


def markdown(tables: list[Table]) -> str:
    """Every table, and how many figures agree."""
    rows = [row for table in tables for row in table.rows]
    exact = sum(row.difference == 0 for row in rows)
    misprints = sum(row.misprint for row in rows)
    residues = sum(row.residue is not None for row in rows)
    lines = [
        f"{len(rows)} published figures: {exact} are met to the last digit, {len(rows) - exact - residues} more are what "
        f"ours rounds to, {residues} differ by a residue that is stated; {misprints} stand beside a misprint."
    ]
    for table in tables:
        lines += ["", f"## {prose(table.title)}", "", f"Source: {prose(table.source)}."]
        lines += ["", paragraph(table.text)] if table.text else []
        # An expression that all rows share is said once.
        shared = len({row.expression for row in table.rows}) == 1
        lines += ["", f"Compared with {code(table.rows[0].expression)}."] if shared else []
        head = ("model", "published", "ours", *(() if shared else ("compared",)), "residue")
        rule = ("---", "---:", "---:", *(() if shared else ("---",)), "---")
        body = [_cells(row, () if shared else (code(row.expression),)) for row in table.rows]
        lines += ["", *(f"| {' | '.join(cells)} |" for cells in (head, rule, *body))]
    return "\n".join(lines)


def _cells(row: Row, compared: tuple[str, ...]) -> tuple[str, ...]:
    sizes = ", ".join(f"{name}={value}" for name, value in row.sizes.items())
    model = link(row.name, _link(row.spec)) + (f" {code(sizes)}" if sizes else "")
    return (model, _published(row), _ours(row), *compared, _residue(row))


def _published(row: Row) -> str:
    if row.printed.isdigit():
        return f"{int(row.printed):,} {row.unit}"
    formula = _printed(row.printed, 1) is None
    unit = "" if row.unit == "ratio" else row.unit
    return f"{code(row.printed) if formula else row.printed} {unit}".strip()


def _ours(row: Row) -> str:
    return f"{float(100 * row.value):.2f} %" if row.unit == "%" else _number(row.value)


def _link(spec: str) -> str:
    """Pages lie in a folder beside that of the specs."""
    return f"../{spec}"


def _residue(row: Row) -> str:
    mark = "misprint: " if row.misprint else ""
    if row.residue is not None:
        sign = "" if row.residue < 0 else "+"
        return f"{sign}{_number(row.residue)}: {mark}{prose(row.because)}"
    found = "0" if row.difference == 0 else "rounds to it"
    return f"{found}; {mark}{prose(row.because)}" if row.because else found


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return f"{value.numerator:,}"
    return f"{float(value):,.4f}"
