"""Mutation testing with mutmut: `nox -s mutate -- [--files FILE ...] [--sample N | --all]`.

Each module is mutated and run against the tests that are about it (`GROUPS`), none of which needs torch. Where a module has
more mutants than the sample, a share of them is run that depends on the seed and on nothing else: a mutant's place in it is
the hash of what it changes, so that it stays in when others come or go. The sample takes an hour on two cores; `--all` runs
every one, overnight.

mutmut leaves a function alone that has a decorator, which here is every shape rule; `bare` writes those decorators as calls.
Methods with one (properties, for the most part) have no mutants.

The figures go to `results.json`, and `gate.py` judges them against `survivors.yaml`. The exit status is 1 if it objects.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from gate import Mutant, Outcome, figures, judge, read_survivors

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / ".mutants"
RESULTS = HERE / "results.json"
SURVIVORS = HERE / "survivors.yaml"
SEED = "getspec"
SAMPLE = 60
GIGABYTES = 6
"""A mutant that never stops asking for memory is stopped here."""

DEEPER = """import sys

sys.setrecursionlimit(5_000)  # mutmut calls every function through two of its own
"""
COPIED = ("tests", "specs", "docs", "generated", "fuzz", "bench", "README.md")

BAD = "tests/test_conformance.py::test_the_same_errors_come_from_the_python_interface"
GENERATED = "tests/mutation/committed_texts.py::test_a_module_is_what_is_generated"
DOCUMENTED = "tests/mutation/committed_texts.py::test_a_document_shows_what_commands_print"
FIGURES = [
    "tests/passes/test_activations.py",
    "tests/passes/test_memory.py",
    "tests/passes/test_cost.py",
    DOCUMENTED,
]
COSTS = ["tests/passes/test_cost.py", DOCUMENTED]
GROUPS: dict[str, list[str]] = {
    "getspec/scalars.py": ["tests/test_scalars.py"],
    "getspec/text.py": ["tests/test_text.py"],
    "getspec/yaml_syntax.py": ["tests/test_source.py", BAD],
    "getspec/source.py": ["tests/test_source.py", BAD],
    "getspec/sizes.py": ["tests/test_sizes.py"],
    "getspec/evaluate.py": ["tests/test_evaluate.py"],
    "getspec/walk.py": ["tests/test_walk.py"],
    "getspec/syntax/*.py": ["tests/test_syntax.py"],
    "getspec/passes/count.py": ["tests/passes/test_count.py"],
    "getspec/passes/cost.py": COSTS,
    "getspec/passes/statements.py": ["tests/passes/test_statements.py", *COSTS],
    "getspec/emit/comments.py": ["tests/emit/test_comments.py"],
    "getspec/emit/printer.py": ["tests/emit/test_printer.py", GENERATED],
    "getspec/ops/*.py": ["tests/ops", BAD, *FIGURES],
}
"""Modules, and the tests that hold them: those that mirror a module, and where it is about a whole spec, whole specs."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="nox -s mutate --", description=__doc__)
    parser.add_argument("--files", nargs="+", default=sorted({file for file, _ in modules()}))
    parser.add_argument("--sample", type=int, default=SAMPLE, help="how many mutants of a module")
    parser.add_argument("--all", action="store_true", help="every mutant")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    tests = dict(modules())
    complained = False
    for file in options.files:
        limit = None if options.all else options.sample
        try:
            outcomes, existing, seconds = run(file, tests[file], limit, options.processes)
        except RuntimeError as error:  # the other modules need not wait for this one
            print(error, flush=True)
            complained = True
            continue
        if not existing:
            print(f"{file}: nothing in it can be mutated", flush=True)
            continue
        keep(file, figures(outcomes, len(existing)), seconds, sampled=len(outcomes) < len(existing))
        write_unlisted(file, outcomes)
        for complaint in judge(outcomes, read_survivors(SURVIVORS), existing):
            print(complaint, flush=True)
            complained = True
    return 1 if complained else 0


def modules() -> list[tuple[str, list[str]]]:
    """Every module that is mutated, with its tests."""
    return [
        (path.relative_to(ROOT).as_posix(), tests)
        for pattern, tests in GROUPS.items()
        for path in sorted(ROOT.glob(pattern))
        if path.name != "__init__.py"
    ]


# --------------------------------------------------------------------------------------- one module


def run(
    file: str, tests: list[str], limit: int | None, processes: int, root: Path = ROOT
) -> tuple[list[Outcome], list[Mutant], float]:
    """Mutants of one module after their tests, all there are, and the seconds it took."""
    folder = prepared(file, tests, root)
    named = mutants(file, folder)
    chosen = sorted(named, key=lambda name: placed(named[name], name))[:limit]
    if not chosen:
        return [], [], 0.0
    start = time.monotonic()
    command = [shutil.which("mutmut", path=str(Path(sys.executable).parent)) or "mutmut", "run"]
    command += ["--max-children", str(processes), *chosen]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, preexec_fn=_bounded
    )
    meta = folder / "mutants" / f"{file}.meta"
    codes = json.loads(meta.read_text())["exit_code_by_key"] if meta.exists() else {}
    outcomes = [Outcome(named[name], codes.get(name)) for name in chosen]
    if all(outcome.exit_code is None for outcome in outcomes):
        (folder / "mutmut.log").write_text(done.stdout + done.stderr)
        raise RuntimeError(f"mutmut ran nothing of {file}; what it said is in {folder}/mutmut.log")
    return outcomes, list(named.values()), time.monotonic() - start


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30, GIGABYTES << 30))


def prepared(file: str, tests: list[str], root: Path) -> Path:
    """An empty folder in which mutmut finds the project, and is told what to mutate and run."""
    folder = root / ".mutants" / file.removesuffix(".py").replace("/", ".")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    package = file.partition("/")[0]
    present = [name for name in (package, *COPIED) if (root / name).exists()]
    for name in present:
        if name != package:
            (folder / name).symlink_to(root / name)
    shutil.copytree(root / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / file).write_text(bare((root / file).read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "conftest.py").write_text(DEEPER)
    settings = {
        "source_paths": [package],
        "only_mutate": [file],
        "also_copy": ["conftest.py", *(name for name in present if name not in (package, "tests"))],
        "pytest_add_cli_args": [
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore::pytest.PytestConfigWarning",
        ],
        "pytest_add_cli_args_test_selection": [*tests, "-m", "not torch"],
        # Tests begin in a process that ran none: what a cache holds was not made by the mutant.
        "process_isolation": "forkserver",
        "timeout_constant": 3.0,
        "timeout_multiplier": 4.0,
        "use_git_change_detection": False,
        "track_dependencies": False,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text("\n".join([text, "[tool.mutmut]", *lines, ""]))
    return folder


def bare(text: str) -> str:
    """A module whose functions have no decorators: `@saves("x")` above `f` is `f = saves("x")(f)` below it.

    The same module to Python, and to mutmut one whose rules can be mutated, after which they are registered as before.
    """
    lines = text.split("\n")
    for each in reversed(ast.parse(text).body):
        if isinstance(each, ast.FunctionDef) and each.decorator_list:
            calls = [
                f"{each.name} = ({ast.unparse(decorator)})({each.name})"
                for decorator in reversed(each.decorator_list)
            ]
            lines[each.end_lineno : each.end_lineno] = ["", "", *calls]
            del lines[each.decorator_list[0].lineno - 1 : each.lineno - 1]
    return "\n".join(lines)


def mutants(file: str, folder: Path) -> dict[str, Mutant]:
    """Every mutant of a module by mutmut's name for it."""
    os.chdir(folder)  # where mutmut looks for its settings
    from mutmut.mutation.file_mutation import mutate_file_contents

    made = mutate_file_contents(file, (folder / file).read_text(encoding="utf-8"))
    lines = made.code.split("\n")
    module = file.removesuffix(".py").replace("/", ".")
    spans = made.line_span_by_function_name

    def body(name: str) -> list[str]:
        span = spans[name]
        return [line.strip() for line in lines[span.start - 1 : span.end]]

    found: dict[str, Mutant] = {}
    for name in made.mutant_names:
        original = name.rpartition("_")[0]
        was, becomes = changed(body(f"{original}_orig"), body(name))
        function = original.removesuffix("__mutmut")[2:].replace("ǁ", ".")
        found[f"{module}.{name}"] = Mutant(file, function, was, becomes)
    return found


def changed(before: list[str], after: list[str]) -> tuple[str, str]:
    """The lines that differ, without the `def`, which has another name in every mutant."""
    before, after = (
        [line for line in lines if "__mutmut" not in line] for lines in (before, after)
    )
    pairs = list(difflib.ndiff(before, after))
    was = [line[2:] for line in pairs if line.startswith("- ")]
    becomes = [line[2:] for line in pairs if line.startswith("+ ")]
    return " ".join(was), " ".join(becomes)


def placed(mutant: Mutant, name: str) -> str:
    """A mutant's place in the sample."""
    return hashlib.sha256("\0".join((SEED, *mutant, name)).encode()).hexdigest()


# -------------------------------------------------------------------------------------- what is kept


def keep(file: str, found: dict[str, Any], seconds: float, *, sampled: bool) -> None:
    """The figures of one module, beside those of the others."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"modules": {}}
    known["modules"][file] = {**found, "sampled": sampled, "seconds": round(seconds)}
    known["modules"] = dict(sorted(known["modules"].items()))
    every = known["modules"].values()
    totals = {name: sum(each[name] for each in every) for name in ("mutants", "run", "killed")}
    known["total"] = {**totals, "score": round(totals["killed"] / max(totals["run"], 1), 4)}
    RESULTS.write_text(json.dumps(known, indent=2) + "\n")
    others = {
        name: number for name, number in found.items() if name not in ("mutants", "run", "score")
    }
    shown = ", ".join(f"{name} {number:,}" for name, number in others.items())
    print(
        f"{file}: {found['run']:,} of {found['mutants']:,} mutants, {shown}:"
        f" {found['score']:.1%} in {seconds:,.0f} s",
        flush=True,
    )


def write_unlisted(file: str, outcomes: list[Outcome]) -> None:
    """The survivors that nobody listed, ready to be listed once no test can be found."""
    known = read_survivors(SURVIVORS)
    fresh = []
    for outcome in outcomes:
        if outcome.killed:
            continue
        if outcome.mutant in known:
            known.remove(outcome.mutant)
            continue
        _, function, was, becomes = outcome.mutant
        entry = {"function": function, "was": was, "becomes": becomes, "reason": ""}
        fresh.append(entry | ({"reason": outcome.status} if outcome.status != "survived" else {}))
    path = WORK / (file.removesuffix(".py").replace("/", ".") + ".unlisted.yaml")
    path.unlink(missing_ok=True)
    if fresh:
        fresh.sort(key=lambda entry: (entry["function"], entry["was"]))
        path.write_text(
            yaml.safe_dump({file: fresh}, sort_keys=False, width=10_000, allow_unicode=True)
        )


if __name__ == "__main__":
    sys.exit(main())
