"""One mistake, one diagnostic: how getspec answers 1,000 slips in the committed specs. `nox -s bench` runs it.

Slips are drawn from a seed (`tests/mutants.py`). One that leaves a legal spec is no mistake that a compiler could find: it is
counted apart, and another one is drawn. The exit status is 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "mutations.json"
sys.path.insert(0, str(ROOT / "tests"))

from mutants import KINDS, Judged, sample  # noqa: E402

TARGETS = {"one": 0.95, "at most three": 1.0, "undone": 0.95}
"""Shares of all slips with one diagnostic and with at most three; of slips in a key, those whose help leads back."""


def figures(judged: list[Judged]) -> dict[str, Any]:
    """How one kind of slip is answered."""
    refused = [each for each in judged if not each.legal]
    sizes = Counter(len(each.errors) for each in refused)
    found: dict[str, Any] = {
        "refused": len(refused),
        "legal": len(judged) - len(refused),
        "diagnostics": {str(size): sizes[size] for size in sorted(sizes)},
        "one": share(sizes[1], len(refused)),
        "at most three": share(sum(sizes[size] for size in (1, 2, 3)), len(refused)),
    }
    if all(each.is_typo for each in refused):
        found["undone"] = share(sum(each.undone for each in refused), len(refused))
        found["suggested"] = share(sum(each.suggested for each in refused), len(refused))
    return found


def share(part: int, whole: int) -> float:
    return round(part / max(whole, 1), 4)


def missed(table: dict[str, dict[str, Any]]) -> list[str]:
    """Targets that are not met."""
    reached = {**table["all"], "undone": table["key"]["undone"]}
    return [name for name, target in TARGETS.items() if reached[name] < target]


def show(kind: str, row: dict[str, Any]) -> str:
    counts = ", ".join(f"{number} x {size}" for size, number in row["diagnostics"].items())
    shares = "  ".join(f"{row[key]:7.1%}" if key in row else " " * 7 for key in COLUMNS)
    return f"{kind:<6}  {row['refused']:>5}  {row['legal']:>5}  {shares}  {counts}"


COLUMNS = ("one", "at most three", "undone", "suggested")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--number", default=1000, type=int, help="slips that are refused")
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument(
        "--list", action="store_true", help="print slips that are not answered well"
    )
    options = parser.parse_args()

    judged = list(sample(options.number, options.seed))
    table = {kind: figures([j for j in judged if j.mutant.kind == kind]) for kind in KINDS}
    table["all"] = figures(judged)
    print("slip    refused legal      one   <= 3  undone  offered  diagnostics")
    print("\n".join(show(kind, row) for kind, row in table.items()))
    if options.list:
        report(judged)
    misses = missed(table)
    document = {"schema_version": 1, "seed": options.seed, "targets": TARGETS, "rows": table}
    RESULTS.write_text(json.dumps({**document, "missed": misses}, indent=2) + "\n")
    return 1 if misses else 0


def report(judged: list[Judged]) -> None:
    for each in judged:
        vague = each.is_typo and not each.suggested
        if not each.legal and (len(each.errors) > 1 or vague):
            print(f"\n{each.mutant}")
            for error in each.errors:
                print(f"    {error}  help: {error.help}")


if __name__ == "__main__":
    raise SystemExit(main())
