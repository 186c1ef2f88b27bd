"""Whether a mutation run is good enough: what was killed, what lives, and whether each survivor is accounted for.

Only a test that fails kills. A mutant that times out, crashes the interpreter or is reached by no test counts as one that
lives. `survivors.yaml` lists every mutant that is known to live, one by one, each with a reason; the list may not be too
short (a new survivor is a missing test) nor too long (a survivor that is killed now leaves it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

__all__ = ["NEEDED", "Mutant", "Outcome", "figures", "judge", "read_survivors"]

NEEDED = 0.9
"""The share of mutants that tests must kill, in every module; those that no test can kill are among them."""

KILLED = 1
STATUS = {
    0: "survived",
    5: "no tests",
    33: "no tests",
    24: "timeout",
    -24: "timeout",
    36: "timeout",
    152: "timeout",
    255: "timeout",
    -9: "timeout",
}
"""What pytest's and mutmut's exit codes mean; every other one is suspicious, a crash for instance."""


class Mutant(NamedTuple):
    """A change to one function, told by the lines that it changes, so that it keeps its name when others move."""

    file: str
    function: str
    was: str
    becomes: str


@dataclass(frozen=True)
class Outcome:
    """A mutant after its tests ran."""

    mutant: Mutant
    exit_code: int | None

    @property
    def killed(self) -> bool:
        return self.exit_code == KILLED

    @property
    def status(self) -> str:
        if self.exit_code is None:
            return "not run"
        return "killed" if self.killed else STATUS.get(self.exit_code, "suspicious")


def figures(outcomes: Iterable[Outcome], total: int) -> dict[str, Any]:
    """The figures of one module, of whose `total` mutants these were run."""
    found = Counter(outcome.status for outcome in outcomes)
    run = found.total()
    others = {status: found[status] for status in sorted({*found, "survived"} - {"killed"})}
    killed = found["killed"]
    return {
        "mutants": total,
        "run": run,
        "killed": killed,
        **others,
        "score": round(killed / run, 4),
    }


def judge(
    outcomes: Iterable[Outcome],
    known: Iterable[Mutant],
    existing: Iterable[Mutant],
    needed: float = NEEDED,
) -> Iterator[str]:
    """What is wrong with a run. `existing` are all mutants of the modules that were run, sampled or not."""
    outcomes = list(outcomes)
    for file in sorted({outcome.mutant.file for outcome in outcomes}):
        of_file = [outcome for outcome in outcomes if outcome.mutant.file == file]
        killed = sum(outcome.killed for outcome in of_file)
        if killed < needed * len(of_file):
            yield f"{file}: {killed} of {len(of_file)} killed, which is below {needed:.0%}"
    listed = Counter(known)
    lives = Counter(outcome.mutant for outcome in outcomes if not outcome.killed)
    dead = Counter(outcome.mutant for outcome in outcomes if outcome.killed)
    for mutant, times in lives.items():
        if times > listed[mutant]:
            yield f"lives and is not listed: {_shown(mutant)}"
    present = Counter(existing)
    files = {mutant.file for mutant in present}
    for mutant, times in listed.items():
        if times > present[mutant] and mutant.file in files:
            yield f"listed, and there is no such mutant: {_shown(mutant)}"
        elif dead[mutant] and times > present[mutant] - dead[mutant]:
            yield f"listed as living, and killed now: {_shown(mutant)}"


def _shown(mutant: Mutant) -> str:
    return f"{mutant.file}, {mutant.function}\n    - {mutant.was}\n    + {mutant.becomes}"


def read_survivors(path: Path) -> list[Mutant]:
    """The mutants of `survivors.yaml`; one without a reason is no entry."""
    found = []
    for file, entries in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
        for entry in entries:
            if not str(entry.get("reason") or "").strip():
                raise ValueError(f"{path.name}: {file}, {entry['function']}: why does it live?")
            found.append(Mutant(file, entry["function"], entry["was"], entry["becomes"]))
    return found
