"""Measure getspec against `import torch`, side by side: `nox -s bench`.

Each round runs every case once, each in a process of its own, so that load on the machine falls on
both sides of a ratio. A new figure is one `Row`. The exit status is 0 whatever the figures are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results.json"
MODELS = ("specs/pretrain.yaml", "specs/diffusion.yaml")

# ---------------------------------------------------------------------------------------- measuring


@dataclass(frozen=True)
class Case:
    """Something that takes time; `seconds` does it once, given an empty folder."""

    name: str
    seconds: Callable[[Path], float]


def cold(name: str, *arguments: str) -> Case:
    """A whole process, from its start to its end. `{folder}` is the empty folder."""

    def seconds(folder: Path) -> float:
        command = [argument.format(folder=folder) for argument in arguments]
        start = time.perf_counter()
        python(*command)
        return time.perf_counter() - start

    return Case(name, seconds)


def warm(name: str, code: str, *, spec: Callable[[], str] | None = None) -> Case:
    """Code in a process that has compiled another model already. `SPEC` is the path of `spec`."""

    def seconds(folder: Path) -> float:
        path = folder / "spec.yaml"
        if spec is not None:
            path.write_text(spec())
        return float(python("-c", WARM.format(first=MODELS[0], path=str(path), code=code)))

    return Case(name, seconds)


WARM = """
import time
import getspec
SPEC = {path!r}
getspec.load({first!r}).count()
start = time.perf_counter()
{code}
print(time.perf_counter() - start)
"""


def python(*arguments: str) -> str:
    """Run this interpreter from the root of the repository; returns its output."""
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True, env=ENVIRONMENT
    )
    return done.stdout


# Compiled bytecode is kept, as it is for people; torch's came with its wheel.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


# --------------------------------------------------------------------------------------------- rows


@dataclass(frozen=True)
class Row:
    """A figure: `case` as a ratio to `base`, or in seconds where there is no base."""

    case: Case
    base: Case | None
    target: float | None = None


def thousand_line_spec() -> str:
    """A spec of 1,000 lines: 39 blocks that all differ, one after the other."""
    numbers = range(39)
    lines = [
        *HEADER.splitlines(),
        "components:",
        *(f"  block{n}: {{type: Block{n}, dim: dim, num_heads: num_heads}}" for n in numbers),
        "forward: |",
        "  x = embed(tokens)",
        *(f"  x = block{n}(x)" for n in numbers),
        "  return head(norm(x))",
        "blocks:",
    ]
    at = lines.index("components:") + 1
    lines[at:at] = COMPONENTS.splitlines()
    for n in numbers:
        lines += BLOCK.format(n=n, hidden_dim=64 * (n + 1)).splitlines()
    assert len(lines) == 1000, len(lines)
    return "\n".join(lines) + "\n"


HEADER = """\
getspec: 1
model: ThousandLines
summary: Many blocks that all differ, so that nothing can be folded.
config:
  vocab_size: 1000
  dim: 256
  num_heads: 4
sizes:
  B: batch
  N: tokens
inputs:
  tokens:
    type: int[B, N]
    below: vocab_size"""

COMPONENTS = """\
  embed:
    type: embedding
    num_embeddings: vocab_size
    embedding_dim: dim
  norm: {type: layer_norm, dim: dim}
  head: {type: linear, in_features: dim, out_features: vocab_size}"""

BLOCK = """\
  Block{n}:
    summary: Pre-norm attention and MLP.
    params:
      dim: int
      num_heads: int
      hidden_dim: {hidden_dim}
    let: {{head_dim: dim // num_heads}}
    inputs: {{x: "float[B, N, dim]"}}
    components:
      attn_norm: {{type: layer_norm, dim: dim}}
      qkv: {{type: linear, in_features: dim, out_features: 3 * dim}}
      proj: {{type: linear, in_features: dim, out_features: dim}}
      mlp_norm: {{type: layer_norm, dim: dim}}
      fc1: {{type: linear, in_features: dim, out_features: hidden_dim}}
      fc2: {{type: linear, in_features: hidden_dim, out_features: dim}}
    forward: |
      q, k, v = chunk(qkv(attn_norm(x)), 3, dim=-1)
      q = rearrange(q, 'b n (h k) -> b h n k', k=head_dim)
      k = rearrange(k, 'b n (h k) -> b h n k', k=head_dim)
      v = rearrange(v, 'b n (h k) -> b h n k', k=head_dim)
      y = rearrange(sdpa(q, k, v), 'b h n k -> b n (h k)')
      x = x + proj(y)
      return x + fc2(gelu(fc1(mlp_norm(x))))
"""


def count(layers: int) -> Case:
    return warm(
        f"load and count, {layers:,} layers",
        f"getspec.load({MODELS[1]!r}, set={{'num_layers': {layers}}}).count()",
    )


def cold_count(layers: int) -> Case:
    setting = f"num_layers={layers}"
    return cold(
        f"getspec count --set {setting}", "-m", "getspec", "count", MODELS[1], "--set", setting
    )


ZOO = """
import glob
import getspec
for path in sorted(glob.glob("specs/zoo/*.yaml")):
    if not path.endswith(".import.yaml"):
        spec = getspec.load(path)
        spec.count()
        spec.generate()
"""

LLAMA = "specs/zoo/llama-3-8b.yaml"


def cold_cost(layers: int) -> Case:
    setting = f"num_layers={layers}"
    return cold(f"getspec cost --set {setting}", "-m", "getspec", "cost", LLAMA, "--set", setting)


GPT2 = "specs/zoo/gpt2.yaml"
SWEEP = warm(
    "sweep 200,000 configurations",
    f"""
from getspec.passes.sweep import axis, wanted
from getspec.search import Search
ranges = ["num_layers=1:200", "num_heads=12,16", "embed_dim=48:24000:48"]
spec = getspec.load({GPT2!r})
names = [*spec.config, "params", "flops"]
where = wanted("params <= 1e9 and flops <= 2e12", names)
search = Search(spec, [axis(each) for each in ranges], {{"B": 1, "N": 1024}}, where)
assert search.size == 200_000
rows = sum(len(part) for _, part in search.rows())
""",
)
META = warm(
    "build 20 configurations on meta",
    f"""
import torch
model = getspec.load({GPT2!r}).module.GPT2
start = time.perf_counter()
with torch.device("meta"):
    for depth in range(20):
        total = sum(p.numel() for p in model(num_layers=depth + 1).parameters())
""",
)

TORCH = cold("import torch", "-c", "import torch")
THOUSAND_LINES = warm(
    "load and count 1,000 lines", "getspec.load(SPEC).count()", spec=thousand_line_spec
)

ROWS = [
    Row(TORCH, None),
    Row(cold("python -c pass", "-c", "pass"), TORCH),
    Row(cold("getspec --help", "-m", "getspec", "--help"), TORCH, 0.05),
    Row(cold("getspec count", "-m", "getspec", "count", MODELS[1]), TORCH, 0.15),
    Row(
        cold("getspec generate", "-m", "getspec", "generate", *MODELS, "--output", "{folder}"),
        TORCH,
        0.3,
    ),
    Row(THOUSAND_LINES, None, 0.060),
    Row(THOUSAND_LINES, TORCH),
    Row(count(12_000), count(12), 1.5),
    Row(cold_count(12_000), cold_count(12), 1.5),
    Row(cold("check, count and generate the zoo", "-c", ZOO), None, 3.0),
    Row(cold("getspec cost", "-m", "getspec", "cost", LLAMA, "--shape", "N=2048"), TORCH, 0.2),
    Row(cold_cost(12_000), cold_cost(12), 1.5),
    Row(cold("getspec formula", "-m", "getspec", "formula", LLAMA, "--of", "flops"), TORCH, 0.2),
    Row(SWEEP, None, 1.0),
    Row(SWEEP, META),
]

# ------------------------------------------------------------------------------------------ results

Times = dict[str, list[float]]


def measure(cases: list[Case], rounds: int) -> tuple[Times, dict[str, str]]:
    """Seconds of every case in every round, and why a case failed; a first round warms the caches.

    Every second round runs backwards, so that no case always follows the same one.
    """
    times: Times = {case.name: [] for case in cases}
    failed: dict[str, str] = {}
    for turn in range(rounds + 1):
        for case in reversed(cases) if turn % 2 else cases:
            if case.name in failed:
                continue
            try:
                with tempfile.TemporaryDirectory() as folder:
                    seconds = case.seconds(Path(folder))
            except subprocess.CalledProcessError as error:
                failed[case.name] = (error.stderr.strip().splitlines() or [str(error)])[-1]
            else:
                if turn > 0:
                    times[case.name].append(seconds)
    return times, failed


def result(row: Row, times: Times, failed: dict[str, str]) -> dict[str, Any]:
    """A row with its figures; without them if a side of it failed."""
    sides = [row.case] if row.base is None else [row.case, row.base]
    found: dict[str, Any] = {
        "case": row.case.name,
        "base": row.base and row.base.name,
        "unit": "s" if row.base is None else "ratio",
        "target": row.target,
    }
    reasons = [failed[side.name] for side in sides if side.name in failed]
    if reasons:
        return {**found, "ok": False if row.target else None, "failed": reasons[0]}
    for name, statistic in (("median", median), ("min", min)):
        values = [statistic(times[side.name]) for side in sides]
        found[f"{name}_s"] = [round(value, 6) for value in values]
        found[name] = round(values[0] if row.base is None else values[0] / values[1], 6)
    found["ok"] = None if row.target is None else found["median"] <= row.target
    return found


def environment(device: str) -> dict[str, Any]:
    """What the figures were measured on."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
    }
    try:
        return {**found, **json.loads(python("-c", TORCH_ENVIRONMENT, device))}
    except subprocess.CalledProcessError:
        return {**found, "torch": None, "device": "cpu"}


TORCH_ENVIRONMENT = """
import json, sys, torch
cuda = sys.argv[1] != "cpu" and torch.cuda.is_available()
device = torch.cuda.get_device_name() if cuda else "cpu"
print(json.dumps({"torch": torch.__version__, "device": device}))
"""


def peaks(device: str) -> list[dict[str, Any]]:
    """Measured peak memory over the prediction, where there is a device that says so."""
    found = json.loads(python("bench/peak.py")) if device != "cpu" else []
    return [{"device": device, **row} for row in found]


def memory_lines(rows: list[dict[str, Any]], device: str) -> list[str]:
    if not rows:
        return [f"peak memory of a training step: not measured, the device is {device}"]
    return [
        f"peak memory / prediction, {row['spec']} at {row['shape']}: {row['ratio']:.3f}  ({device})"
        for row in rows
    ]


def show(found: dict[str, Any]) -> str:
    """A row of the table."""
    name = found["case"] + (f" / {found['base']}" if found["base"] else "")
    verdict = {True: "ok", False: "MISS", None: ""}[found["ok"]]
    if "failed" in found:
        return f"{name:<74}  {verdict:<4}  failed: {found['failed']}"
    shown = [figure(found[key], found["unit"]) for key in ("median", "min", "target")]
    return f"{name:<74}  {'  '.join(shown)}  {verdict}".rstrip()


def figure(value: float | None, unit: str) -> str:
    if value is None:
        return " " * 11
    return f"{value * 1000:8.1f} ms" if unit == "s" else f"{value:8.3f} x "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--rounds", default=9, type=int)
    options = parser.parse_args()

    cases = {case.name: case for row in ROWS for case in (row.case, row.base) if case}
    times, failed = measure(list(cases.values()), options.rounds)
    results = [result(row, times, failed) for row in ROWS]
    about = environment(options.device)

    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'':<74}  {'median':>8}     {'min':>8}     {'target':>8}")
    print("\n".join(map(show, results)))
    memory = peaks(about["device"])
    print("\n".join(memory_lines(memory, about["device"])))
    document = {
        "schema_version": 1,
        **about,
        "rounds": options.rounds,
        "rows": results,
        "peak_memory": memory,
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
