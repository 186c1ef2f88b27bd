"""A digest of everything that getspec prints about some specs: `python tests/outputs.py [--pure] SPEC..`, a line for each.

What was said on a stream is taken as bytes, in the stream's own encoding. `--pure` hides the C parser of PyYAML, as where it
is built without libyaml.
"""

from __future__ import annotations

import hashlib
import io
import sys
from contextlib import redirect_stderr, redirect_stdout

OF_ANY_SPEC = ("check {0}", "check {0} --output-format json")
COMMANDS = (
    *OF_ANY_SPEC,
    "count {0}",
    "count {0} --parameters --json",
    "cost {0}",
    "cost {0} --json",
    "cost {0} --markdown",
    "formula {0}",
    "formula {0} --of flops --json",
    "generate {0} --stdout",
    "diagram {0}",
    "diagram {0} --json",
    "diagram {0} --format svg",
    "resolve {0}",
    "explain {0} .",
    "diff {0} {1}",
    "diff {0} {1} --json",
    "diff {0} {1} --format markdown",
    "report {0} {1} --output -",
    "report {0} --json",
)
OF_NO_SPEC = ("schema", "schema --ops", "explain GS206", "completion bash", "completion fish")


def said(words: list[str]) -> str:
    """The exit status and the digests of both streams."""
    from getspec.cli import main

    streams = [
        io.TextIOWrapper(io.BytesIO(), encoding=real.encoding, errors=real.errors)
        for real in (sys.stdout, sys.stderr)
    ]
    sys.argv = ["getspec", *words]  # as a program, which sees to its streams
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        try:
            status = main()
        except SystemExit as stop:
            status = stop.code
    digests = []
    for stream in streams:
        stream.flush()
        digests.append(hashlib.sha256(stream.buffer.getvalue()).hexdigest()[:16])  # type: ignore[attr-defined]
    return f"{status} {' '.join(digests)}"


def run(specs: list[str]) -> None:
    right = [spec for spec in specs if spec.startswith("specs/")]
    for spec in specs:
        for command in COMMANDS if spec in right else OF_ANY_SPEC:
            words = command.format(
                spec, right[right.index(spec) - 1] if spec in right else ""
            ).split()
            print(f"{' '.join(words)}: {said(words)}")
    for command in OF_NO_SPEC:
        print(f"{command}: {said(command.split())}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--pure"]:
        arguments = arguments[1:]
        for name in ("yaml._yaml", "_yaml"):
            sys.modules[name] = None  # type: ignore[assignment]
        import yaml

        assert not yaml.__with_libyaml__, "the C parser is still there"
    run(arguments)
