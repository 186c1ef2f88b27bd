"""The models in specs/."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
SPECS = ROOT / "specs"


def _is_model(path: Path) -> bool:
    """Whether a file is a model; libraries and field maps of imports are not."""
    if path.name.endswith(".import.yaml"):
        return False
    lines = path.read_text(encoding="utf-8").splitlines()
    return any(line.startswith(("model:", "extends:")) for line in lines)


MODELS = [path for path in sorted(SPECS.rglob("*.yaml")) if _is_model(path)]
NAMES = [path.relative_to(SPECS).with_suffix("").as_posix() for path in MODELS]
