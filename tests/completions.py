"""`python tests/completions.py` writes the completion scripts again, from the parser, by shtab.

They are committed, so that printing one needs neither shtab nor a parser of all commands.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import shtab

from getspec.cli import SHELLS, _parser

FOLDER = Path(__file__).resolve().parent.parent / "getspec" / "completions"
FILES = ("SPEC", "A B", "FILE", "DIR", "CODE|SPEC")
"""What stands for a path in the help."""


def script(shell: str) -> str:
    """The completion script of one shell."""
    parser = _parser()
    for action in _actions(parser):
        if action.metavar in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    text = shtab.complete(parser, shell)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found: list[argparse.Action] = []
    for action in parser._actions:
        found.append(action)
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                found += _actions(each)
    return found


if __name__ == "__main__":
    for shell in SHELLS:
        (FOLDER / f"getspec.{shell}").write_text(script(shell), encoding="utf-8")
