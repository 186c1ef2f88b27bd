"""Fuzz getspec with atheris: `nox -s fuzz -- --minutes N [--target NAME] [--keep]`.

Each target runs in a process of its own, from the committed corpus and the seeds of the repository. A finding is written to
`fuzz/findings/` and the target goes on without it for the time that is left. The exit status is 1 if anything was found.
`--keep` adds what reaches new code to the committed corpus, the smallest inputs first, within its share of `CORPUS_BYTES`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / ".fuzz"
FINDINGS = HERE / "findings"
DICTIONARY = HERE / "getspec.dict"
NAMES = ("loader", "expression", "forward", "compile")

CORPUS_BYTES = 60_000
"""At most this much is kept for a target."""
LONGEST = {"loader": 4_096, "expression": 2_100, "forward": 4_096, "compile": 4_096}
SECONDS = 5
"""An input that takes more of the processor's time is a finding; instrumented code is slow."""
HANGS = 120
"""Seconds by the clock after which an input is given up: the machine may be busy with other things."""
MEGABYTES = 2_048


def main() -> int:
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2, help="for each target")
    parser.add_argument("--target", choices=NAMES, action="append", help="all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="add to the committed corpus")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.child:
        fuzz(options.child, rest)
        return 0
    if rest:
        parser.error(f"unknown: {' '.join(rest)}")
    found = 0
    for target in options.target or NAMES:
        found += search(target, options.minutes * 60, options.seed)
        if options.keep:
            keep(target)
    return min(found, 1)


# ------------------------------------------------------------------------------- the whole of a run


def search(target: str, seconds: float, seed: int) -> int:
    """Fuzz one target for some time; the number of findings."""
    folder = plant(target)
    FINDINGS.mkdir(exist_ok=True)
    known = set(FINDINGS.glob(f"{target}-*"))
    end, executions, covered = time.monotonic() + seconds, 0, []
    while (left := int(end - time.monotonic())) > 0:
        output = child(
            target,
            f"-max_total_time={left}",
            f"-seed={seed}",
            f"-artifact_prefix={FINDINGS}/{target}-",
            str(folder),
        )
        executions += last(r"number_of_executed_units: (\d+)", output) or last(r"#(\d+)\s", output)
        covered += [int(number) for number in re.findall(r" ft: (\d+)", output)]
        if not set(FINDINGS.glob(f"{target}-*")) - known:
            break
        seed += 1
        if len(set(FINDINGS.glob(f"{target}-*")) - known) >= 20:
            break
    found = len(set(FINDINGS.glob(f"{target}-*")) - known)
    spent = seconds - max(0.0, end - time.monotonic())
    features = f"{covered[0]:,} -> {max(covered):,}" if covered else "none"
    print(
        f"{target}: {executions:,} executions in {spent:,.0f} s, {executions / spent:,.0f}/s,"
        f" features {features}, findings {found}",
        flush=True,
    )
    return found


def plant(target: str) -> Path:
    """A working folder with the seeds and the committed corpus in it."""
    sys.path.insert(0, str(ROOT))
    from targets import seeds

    folder = WORK / target
    folder.mkdir(parents=True, exist_ok=True)
    inputs = {*seeds(target), *committed(target)}
    for number, data in enumerate(sorted(inputs)):
        if len(data) <= LONGEST[target]:
            (folder / f"seed-{number:05}").write_bytes(data)
    return folder


def child(target: str, *options: str) -> str:
    """Run the fuzzer in another process, which it ends; what it printed."""
    command = [sys.executable, __file__, "--child", target, *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if "Uncaught Python exception" in done.stdout:
        print(done.stdout.partition("Uncaught Python exception")[2].strip()[-1_500:], flush=True)
    return done.stdout + done.stderr


def last(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


# ----------------------------------------------------------------------------------------- corpus


def committed(target: str) -> list[bytes]:
    """The corpus in the repository: a list of texts, bytes that are no UTF-8 as surrogates."""
    path = HERE / "corpus" / f"{target}.json"
    texts = json.loads(path.read_text()) if path.exists() else []
    return [text.encode(errors="surrogateescape") for text in texts]


def keep(target: str) -> None:
    """Write the corpus again: the few inputs that reach what the seeds do not."""
    from targets import seeds

    fresh, old = WORK / f"{target}-kept", WORK / f"{target}-seeds"
    for folder in (fresh, old):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
    for number, data in enumerate(seeds(target)):
        (old / str(number)).write_bytes(data)
    child(target, "-merge=1", str(old), str(WORK / target))
    before = {path.read_bytes() for path in old.iterdir()} & set(seeds(target))
    reached = {path.read_bytes() for path in old.iterdir()} - before
    kept, size = [], 0
    for data in sorted(reached, key=lambda data: (len(data), data)):
        text = data.decode(errors="surrogateescape")
        size += len(json.dumps(text)) + 2
        if size > CORPUS_BYTES:
            break
        kept.append(text)
    path = HERE / "corpus" / f"{target}.json"
    path.write_text(json.dumps(sorted(kept), indent=0) + "\n")
    print(f"{target}: {len(kept)} inputs kept, {path.stat().st_size:,} bytes", flush=True)


# ---------------------------------------------------------------------------------- within a child


def fuzz(target: str, options: list[str]) -> None:
    """Hand the process over to libFuzzer."""
    import atheris

    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["getspec"]):
        from targets import TARGETS

    pieces = dictionary()

    def answered_soon(data: bytes) -> None:
        start = time.process_time()
        TARGETS[target](data)
        assert time.process_time() - start < SECONDS, "an answer comes soon"

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        choose = random.Random(seed)
        if choose.random() < 0.5:
            return bytes(atheris.Mutate(data, limit))
        return edited(data, choose, pieces)[:limit]

    again = WORK / f"{target}.sh"  # libFuzzer runs itself again to merge
    again.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" --child {target} "$@"\n')
    again.chmod(0o755)
    arguments = [
        str(again),
        f"-dict={DICTIONARY}",
        f"-max_len={LONGEST[target]}",
        f"-timeout={HANGS}",
        f"-report_slow_units={HANGS}",
        f"-rss_limit_mb={MEGABYTES}",
        "-print_final_stats=1",
        *options,
    ]
    atheris.Setup(arguments, answered_soon, custom_mutator=mutate)
    atheris.Fuzz()


def dictionary() -> list[bytes]:
    """The words of the dictionary."""
    words = re.findall(r'^"(.*)"$', DICTIONARY.read_text(), re.MULTILINE)
    return [word.encode().decode("unicode_escape").encode("latin-1") for word in words]


def edited(data: bytes, choose: random.Random, pieces: list[bytes]) -> bytes:
    """A text after an edit that a person could make: a line moved, a word replaced or put in."""
    lines = data.split(b"\n")
    at = choose.randrange(len(lines))
    match choose.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[choose.randrange(len(lines))])
        case 2:
            other = choose.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = b" " * choose.randrange(9) + lines[at].lstrip()
        case _:
            words = re.split(rb"(\W)", lines[at])
            words[choose.randrange(len(words))] = choose.choice(pieces)
            lines[at] = b"".join(words)
    return b"\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
