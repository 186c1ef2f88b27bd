"""What SECURITY.md promises is held by tests that exist, and its limits are those of the code."""

from __future__ import annotations

import ast
import re

from committed import ROOT

from getspec import checkpoint, library, scalars, source, text
from getspec.cli import COMMANDS
from getspec.syntax import limits

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_promise_names_a_test_that_exists() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 5
    for row in rows:
        links = re.findall(r"\[`(\w+)`\]\(([^)]+)\)", row.split(" | ")[-1])
        assert links, f"no test holds: {row}"
        for name, file in links:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_every_command_is_promised_or_said_to_be_unsafe() -> None:
    promised = re.search(r"^Of (`check`.*?), and of everything", PAGE, re.DOTALL | re.MULTILINE)
    assert promised
    safe = set(re.findall(r"`(\w+)`", promised[1]))
    assert safe == set(COMMANDS) - {"verify"}


def test_the_limits_are_those_of_the_code() -> None:
    assert text.MAX_BYTES == 1 << 20
    for limit in (
        source.MAX_NODES,
        source.MAX_SCALAR,
        limits.MAX_EXPRESSION,
        limits.MAX_BODY,
        checkpoint.MAX_HEADER,
    ):
        assert f"{limit:,}" in PAGE
    for words in (
        f"{source.MAX_DEPTH} levels",
        f"{limits.MAX_DEPTH} levels",
        f"{scalars.MAX_DIGITS} digits",
        f"{library.MAX_DEPTH} files deep",
    ):
        assert words in PAGE
