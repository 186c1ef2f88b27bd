"""Peak memory of a training step against what is predicted of it, as JSON: needs a CUDA device.

Without one there is nothing to measure, and the list is empty.
"""

from __future__ import annotations

import json

import torch

import getspec
from getspec.verify import trial_at
from getspec.verify_cost import peak_memory

SIZES = {
    "specs/diffusion.yaml": {"B": 8, "R": 900},
    "specs/zoo/gpt2.yaml": {"B": 4, "N": 1024},
    "specs/zoo/vit-b16.yaml": {"B": 32},
    "specs/zoo/resnet-50.yaml": {"B": 32, "H": 7, "W": 7},
}
"""Specs at the sizes of a small training run, in float32 with AdamW."""


def rows() -> list[dict[str, object]]:
    found = []
    for path, sizes in SIZES.items() if torch.cuda.is_available() else ():
        peak = peak_memory(trial_at(getspec.load(path), sizes))
        torch.cuda.empty_cache()
        found.append({"spec": path, "shape": sizes, **peak.as_json()})
    return found


if __name__ == "__main__":
    print(json.dumps(rows()))
