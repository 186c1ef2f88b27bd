"""docs/reliability.md: every figure in it comes from a result file, and is filled in between two marks.

    <!-- result: random_specs -->
    <!-- /result -->

    python tests/reliability.py [--check]

A section is a result file and the few lines here that make Markdown of it. Where the file is missing, the region says so.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from committed import ROOT
from features import FEATURES, WITHOUT_A_MODEL

__all__ = ["DOCUMENT", "SECTIONS", "filled"]

DOCUMENT = ROOT / "docs" / "reliability.md"
REGION = re.compile(r"(<!-- result: (\w+) -->\n).*?(<!-- /result -->)", re.DOTALL)

Lines = Callable[[Any], Iterable[str]]


@dataclass(frozen=True)
class Section:
    """Where a result is kept, the command that makes it, and its Markdown."""

    file: str
    command: str
    lines: Lines

    def text(self, root: Path) -> str:
        path = root / self.file
        if not path.exists():
            return f"Not run: `{self.command}` writes `{self.file}`.\n"
        found = json.loads(path.read_text(encoding="utf-8"))
        return "".join(f"{line}\n" for line in self.lines(found))


SECTIONS: dict[str, Section] = {}


def section(file: str, command: str) -> Callable[[Lines], Lines]:
    """Register a section under the name of the function that writes it."""

    def register(lines: Lines) -> Lines:
        SECTIONS[lines.__name__] = Section(file, command, lines)
        return lines

    return register


def filled(text: str, root: Path = ROOT) -> str:
    """A document with every region as its result has it."""
    return REGION.sub(lambda found: found[1] + SECTIONS[found[2]].text(root) + found[3], text)


def table(head: tuple[str, str], rows: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    yield f"| {head[0]} | {head[1]} |"
    yield "| --- | ---: |"
    for name, value in rows:
        yield f"| {name} | {value:,} |" if isinstance(value, int) else f"| {name} | {value} |"


# --------------------------------------------------------------------------------------------- sections


@section(
    "tests/results/random_specs.json",
    "nox -s verify -- --examples 100000 --records FOLDER; python tests/chunks.py FOLDER",
)
def random_specs(found: Any) -> Iterator[str]:
    chunks = found["chunks"]
    total, seconds = (sum(chunk[key] for chunk in chunks) for key in ("examples", "seconds"))
    mismatches = [each for chunk in chunks for each in chunk["mismatches"]]
    drawn, wanted = found["features"], FEATURES - set(WITHOUT_A_MODEL)
    rarest = sorted((drawn[name], name) for name in wanted if name in drawn)[:5]
    yield from table(
        ("random specs against torch", ""),
        [
            ("specs", total),
            ("of them distinct, chunk by chunk", sum(chunk["distinct"] for chunk in chunks)),
            ("mismatches", len(mismatches)),
            ("seeds", ", ".join(_stretches(chunks))),
            ("hours, all processes together", f"{seconds / 3600:.2f}"),
            ("specs a second and process", f"{total / seconds:.1f}"),
            ("parts of the language", len(wanted)),
            ("of them drawn", len(wanted & set(drawn))),
            ("versions", ", ".join(f"{k} {v}" for k, v in found["versions"].items())),
        ],
    )
    for each in mismatches:
        yield f"\nSeed {each['seed']}: {each['error'].splitlines()[0]}"
    yield ""
    yield "Found so, and mended:"
    yield ""
    for path in sorted((ROOT / "tests" / "findings").glob("*.yaml")):
        yield f"- `{path.stem}`: {yaml.safe_load(path.read_text(encoding='utf-8'))['summary']}"
    yield ""
    rare = ", ".join(f"`{name}` ({number:,})" for number, name in rarest)
    yield f"Rarest of what is drawn, with the number of specs that have it: {rare}."
    missing = sorted(wanted - set(drawn))
    if missing:
        yield f"\nNever drawn: {', '.join(f'`{name}`' for name in missing)}."
    yield ""
    yield "<details><summary>How many specs use each part of the language</summary>"
    yield ""
    yield from table(
        ("part", "specs"), ((f"`{_escaped(n)}`", drawn.get(n, 0)) for n in sorted(wanted))
    )
    yield ""
    yield "</details>"


@section("bench/mutations.json", "nox -s mutations")
def slips(found: Any) -> Iterator[str]:
    yield "| slip | refused | still legal | one diagnostic | at most three | the right fix |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for name, row in found["rows"].items():
        shares = [row.get(key) for key in ("one", "at most three", "undone")]
        cells = " | ".join("" if share is None else f"{100 * share:.1f} %" for share in shares)
        yield f"| {name} | {row['refused']:,} | {row['legal']:,} | {cells} |"
    yield f"\nSeed {found['seed']}. The right fix is one that a program carried out and that gave the spec back."


@section("tests/mutation/results.json", "nox -s mutate")
def mutants(found: Any) -> Iterator[str]:
    modules = found["modules"]
    yield "| module | mutants | run | killed |"
    yield "| --- | ---: | ---: | ---: |"
    for name, row in modules.items():
        yield f"| `{name}` | {row['mutants']:,} | {row['run']:,} | {100 * row['score']:.1f} % |"
    ran, killed = (sum(row[key] for row in modules.values()) for key in ("run", "killed"))
    every = sum(row["mutants"] for row in modules.values())
    yield f"| all | {every:,} | {ran:,} | {100 * killed / ran:.1f} % |"


@section("tests/results/faults.json", "nox -s faults")
def faults(found: Any) -> Iterator[str]:
    kinds = list(found)
    yield f"| command | {' | '.join(kinds)} | torn | left over |"
    yield f"| --- |{' ---: |' * (len(kinds) + 2)}"
    names = list(found[kinds[0]])
    for title, wanted in (*((f"`{name}`", [name]) for name in names), ("all", names)):
        points = [sum(found[kind][name]["points"] for name in wanted) for kind in kinds]
        bad = [
            sum(found[kind][name][key] for kind in kinds for name in wanted)
            for key in ("torn", "left")
        ]
        yield f"| {title} | {' | '.join(f'{number:,}' for number in (*points, *bad))} |"
    every = sum(row["points"] for names in found.values() for row in names.values())
    yield f"\n{every:,} faults in all."


def _escaped(name: str) -> str:
    """A pipe would end the cell of a table."""
    return name.replace("|", r"\|")


def _stretches(chunks: list[dict[str, Any]]) -> Iterator[str]:
    """Seeds in a row."""
    start = end = chunks[0]["first"]
    for chunk in [*chunks, {"first": -1, "examples": 0}]:
        if chunk["first"] != end:
            yield f"{start:,} to {end - 1:,}"
            start = chunk["first"]
        end = chunk["first"] + chunk["examples"]


def main() -> int:
    old = DOCUMENT.read_text(encoding="utf-8")
    new = filled(old)
    if "--check" not in sys.argv:
        DOCUMENT.write_text(new, encoding="utf-8")
    elif new != old:
        print(f"{DOCUMENT.relative_to(ROOT)} is stale: python tests/reliability.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
