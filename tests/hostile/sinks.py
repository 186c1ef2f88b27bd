"""Everything that getspec prints or writes about a spec, and what it looks like when text in it stayed text.

A sink is a command line on `net.yaml` (the hostile spec), `plain.yaml` (its twin) and what else `test_injection` puts beside
them, and the language that it answers in. Each language has a *skeleton*: what is left of an output without its text. The
skeleton must be that of the twin's output.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import tokenize
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import yaml

__all__ = ["SINKS", "SKELETONS", "WRITTEN", "is_quiet", "skeleton"]

SINKS: dict[str, str] = {
    "check net.yaml": "text",
    "check net.yaml --json": "json",
    "check net.yaml --output-format github": "github",
    "check net.yaml --output-format sarif": "json",
    "count net.yaml": "text",
    "count net.yaml --json": "json",
    "count net.yaml --parameters": "text",
    "cost net.yaml": "text",
    "cost net.yaml --json": "json",
    "cost net.yaml --markdown": "markdown",
    "cost net.yaml --like fvcore": "text",
    "diagram net.yaml": "mermaid",
    "diagram net.yaml --format svg": "svg",
    "diff plain.yaml net.yaml": "text",
    "diff plain.yaml net.yaml --json": "json",
    "diff plain.yaml net.yaml --format markdown": "markdown",
    "explain net.yaml": "text",
    "explain net.yaml --json": "json",
    "explain net.yaml blocks.0.qkv.weight": "text",
    "formula net.yaml": "text",
    "formula net.yaml --json": "json",
    "formula net.yaml --latex": "latex",
    "generate net.yaml --stdout": "python",
    "generate net.yaml --check": "text",
    "generate net.yaml --diff": "text",
    "report net.yaml -o made/net.html": "text",
    "report net.yaml --json": "json",
    "report net.yaml --output -": "html",
    "report plain.yaml net.yaml --output -": "html",
    "resolve net.yaml": "yaml",
    "resolve net.yaml --json": "json",
    "solve net.yaml --params 1K --vary dim=2:8:2 --csv": "csv",
    "sweep net.yaml --set dim=2:8:2 --csv": "csv",
    "sweep net.yaml --set dim=2:8:2 --json": "json",
    "verify net.yaml --emit-converter made/convert.py": "text",
}
"""Command lines and the language of what they print."""

WRITTEN = {"made/convert.py": "python", "made/net.html": "html"}
"""Files that these write, and the language that they are in."""

CONTROL = re.compile(
    "[^\\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def is_quiet(text: str) -> bool:
    """Whether nothing in a text drives a terminal or turns the direction of writing."""
    return CONTROL.search(text) is None


def python(text: str) -> Any:
    """The tree without the values of strings, docstrings among them; read as UTF-8 whatever a comment says."""
    assert tokenize.detect_encoding(io.BytesIO(text.encode()).readline)[0] == "utf-8"
    assert "\t" not in text
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = "text"
    return ast.dump(tree)


def markdown(text: str) -> list[tuple[str, ...]]:
    """Blocks, links, images, HTML and emphasis, as CommonMark and GitHub's tables see them; text and quoted code aside."""
    from markdown_it import MarkdownIt

    found = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        found.append((token.type, token.tag, *sorted(token.attrs)))
        for inner in token.children or ():
            if inner.type not in ("text", "code_inline", "softbreak"):
                found.append((inner.type, inner.tag, *sorted(inner.attrs)))
    return found


def svg(text: str) -> list[tuple[str, ...]]:
    """Elements and the names of their attributes."""
    return [(each.tag, *sorted(each.attrib)) for each in ElementTree.fromstring(text).iter()]


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *sorted(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment",))


def html(text: str) -> list[tuple[str, ...]]:
    """Elements and the names of their attributes; code that is quoted within words aside."""
    parser = _Elements()
    parser.feed(text)
    parser.close()
    return [each for each in parser.found if each not in (("code",), ("/code",))]


def mermaid(text: str) -> list[str]:
    """Statements without their labels; a label is between quotes and holds none."""
    lines = [re.sub(r'"[^"]*"', '""', line) for line in text.splitlines()]
    for line in lines:
        assert line.count('"') in (0, 2), line
    return lines


def structure(data: Any) -> Any:
    """Keys, lengths and kinds of JSON."""
    if isinstance(data, dict):
        return {key: structure(value) for key, value in data.items()}
    if isinstance(data, list):
        return [structure(item) for item in data]
    return type(data).__name__


def comma_separated(text: str) -> list[list[str]]:
    """The kind of every cell; no cell of a sheet is a formula."""
    rows = list(csv.reader(io.StringIO(text)))
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "@", "+", "\t")), cell
        assert not cell.startswith("-") or re.fullmatch(r"-[0-9.e+-]+", cell), cell
    return [
        [("number" if re.fullmatch(r"-?[0-9.]+", cell) else "word") for cell in row] for row in rows
    ]


def workflow(text: str) -> list[str]:
    """What GitHub takes for commands in a log: `::name ..::`, spaces before it aside, and `##[name]` anywhere."""
    found = []
    for line in text.splitlines():
        if re.match(r"\s*::", line):
            found.append(re.sub(r"::.*", "", line.strip()[2:]))
        else:
            assert "##[" not in line, line
    return found


def latex(text: str) -> list[str]:
    """Commands and braces."""
    return re.findall(r"\\[a-zA-Z]+|[{}]", text)


SKELETONS: dict[str, Callable[[str], Any]] = {
    "csv": comma_separated,
    "github": workflow,
    "html": html,
    "json": lambda text: structure(json.loads(text)),
    "latex": latex,
    "markdown": markdown,
    "mermaid": mermaid,
    "python": python,
    "svg": svg,
    "text": lambda text: None,
    "yaml": lambda text: structure(yaml.safe_load(text)),
}


def skeleton(language: str, text: str) -> Any:
    """What is left of an output without its text."""
    assert is_quiet(text), CONTROL.search(text)
    return SKELETONS[language](text)
