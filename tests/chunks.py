"""Random specs in chunks, each spec from a seed of its own, and what was found about each chunk.

    python tests/chunks.py RECORDS

puts the records of a run together, as the result that docs/reliability.md is written from.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from committed import ROOT
from properties import made_smaller
from strategies import RandomSpec, Seeded, drawn

__all__ = ["Chunk", "is_recorded", "proved"]

RESULT = Path(__file__).parent / "results" / "random_specs.json"
MADE_SMALLER = 2
"""How many mismatches of a chunk are made smaller, which takes a while for each."""


@dataclass
class Chunk:
    """What was found about the specs of some seeds in a row."""

    first: int
    examples: int
    distinct: int = 0
    seconds: float = 0.0
    mismatches: list[dict[str, Any]] = field(default_factory=list)
    features: Counter[str] = field(default_factory=Counter)
    specs: str = ""
    """Digest of all texts: the same seeds give the same specs anywhere, as long as the strategies stay as they are."""
    compiler: str = ""
    """Digest of the compiler's own sources."""

    def report(self) -> str:
        """The first mismatch, with a spec that can be pasted into a file."""
        first = self.mismatches[0]
        seeds = ", ".join(str(each["seed"]) for each in self.mismatches[:20])
        return f"seeds {seeds}: {first['error']}\n{first['spec']}"

    def record(self, folder: Path | None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = _path(folder, self.first, self.examples)
            path.with_suffix(".part").write_text(json.dumps(vars(self)), encoding="utf-8")
            path.with_suffix(".part").replace(path)


def _path(folder: Path, first: int, examples: int) -> Path:
    return folder / f"{first:09}-{first + examples - 1:09}.json"


def is_recorded(folder: Path | None, seeds: range) -> bool:
    return folder is not None and _path(folder, seeds.start, len(seeds)).exists()


def proved(seeds: range, holds: Callable[[RandomSpec], Iterable[str]]) -> Chunk:
    """Every spec of a chunk; `holds` returns the parts of the language that it uses."""
    chunk = Chunk(seeds.start, len(seeds))
    digest, texts = hashlib.sha256(), set()
    start = time.perf_counter()
    for seed in seeds:
        spec = drawn(Seeded(seed))
        texts.add(text := spec.text)
        digest.update(text.encode())
        try:
            chunk.features.update(holds(spec))
        except Exception as error:
            if len(chunk.mismatches) < MADE_SMALLER:
                spec = made_smaller(seed, holds)
            reason = f"{type(error).__name__}: {error}"
            chunk.mismatches.append({"seed": seed, "error": reason[:2000], "spec": spec.text})
    chunk.seconds = round(time.perf_counter() - start, 1)
    chunk.distinct, chunk.specs, chunk.compiler = len(texts), digest.hexdigest()[:12], compiler()
    return chunk


@cache
def compiler() -> str:
    """One digest over the sources of getspec, as they are when it is first asked for."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "getspec").rglob("*.*")):
        if path.suffix in (".py", ".j2"):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


# ------------------------------------------------------------------------------------------ the result


def put_together(folder: Path) -> dict[str, Any]:
    """All chunks of a run as one result."""
    chunks = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
    ]
    features: Counter[str] = Counter()
    for chunk in chunks:
        features.update(chunk.pop("features"))
    versions = {"python": platform.python_version(), "torch": _torch()}
    return {"versions": versions, "chunks": chunks, "features": dict(sorted(features.items()))}


def _torch() -> str:
    import torch

    return str(torch.__version__)


def text_of(result: dict[str, Any]) -> str:
    """A line for each chunk and each feature, to be read in a diff."""
    lines = []
    for key, value in result.items():
        if isinstance(value, list):
            rows = ",\n".join(f"  {json.dumps(row)}" for row in value)
            lines.append(f'"{key}": [\n{rows}\n ]')
        else:
            lines.append(f'"{key}": {json.dumps(value, indent=1)}')
    return "{" + ",\n ".join(lines) + "}\n"


if __name__ == "__main__":
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text_of(put_together(Path(sys.argv[1]))), encoding="utf-8")
