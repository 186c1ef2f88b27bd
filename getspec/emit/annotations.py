"""What is wrong with specs, as GitHub shows it beside the lines, and as SARIF for tools that collect findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from getspec.codes import CODES
from getspec.errors import Diagnostic, Fix, escape

__all__ = ["github", "sarif", "unheard"]

SHOWN = 10
"""GitHub shows so many errors, and so many warnings, for a step and drops the rest without a word."""
LEVELS = ("error", "warning")
NOT_FILES = ("<stdin>", "--set")
PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")


def github(found: Sequence[Diagnostic]) -> list[str]:
    """Workflow commands, errors first; what would be dropped is counted in a notice."""
    lines = []
    for level in LEVELS:
        each = [diagnostic for diagnostic in found if diagnostic.severity == level]
        lines += [_command(diagnostic) for diagnostic in each[:SHOWN]]
        if len(each) > SHOWN:
            lines.append(f"::notice::and {len(each) - SHOWN} more of severity {level}, see the log")
    return lines


def _command(found: Diagnostic) -> str:
    properties = {}
    if found.span and found.span.file not in NOT_FILES:
        end = found.span.col + max(found.span.width, 1) - 1
        properties = {"file": found.span.file, "line": found.span.line, "endLine": found.span.line}
        properties |= {"col": found.span.col, "endColumn": end}
    properties["title"] = found.code
    fields = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    message = found.message + (f"\nhelp: {found.help}" if found.help else "")
    return f"::{found.severity} {fields}::{_data(message)}"


def _data(text: str) -> str:
    return escape(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def unheard(text: str) -> str:
    """Text for the log of a job, in which GitHub also takes `##[error]` for a command, wherever it stands in a line."""
    return text.replace("##[", "#\u200b#[")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def sarif(found: Iterable[Diagnostic], version: str) -> dict[str, Any]:
    """A SARIF 2.1.0 log; columns count Unicode characters."""
    results = [_result(diagnostic) for diagnostic in found]
    codes = sorted({result["ruleId"] for result in results})
    rules = [_rule(code) for code in codes]
    for result in results:
        result["ruleIndex"] = codes.index(result["ruleId"])
    driver = {"name": "getspec", "version": version, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def _rule(code: str) -> dict[str, Any]:
    title, explanation = CODES.get(code, (code, code))
    return {
        "id": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": explanation},
    }


def _result(found: Diagnostic) -> dict[str, Any]:
    text = found.message + (f" ({found.help})" if found.help else "")
    result: dict[str, Any] = {
        "ruleId": found.code,
        "level": found.severity if found.severity in LEVELS else "note",
        "message": {"text": text},
    }
    if found.span and found.span.file not in NOT_FILES:
        region = {
            "startLine": found.span.line,
            "startColumn": found.span.col,
            "endLine": found.span.line,
            "endColumn": found.span.col + max(found.span.width, 1),
        }
        place = {"artifactLocation": {"uri": _uri(found.span.file)}, "region": region}
        result["locations"] = [{"physicalLocation": place}]
        if isinstance(found.help, Fix):
            result["fixes"] = [_fix(found.help, place)]
    return result


def _fix(help: Fix, place: dict[str, Any]) -> dict[str, Any]:
    """What an editor can carry out."""
    change = {"deletedRegion": place["region"], "insertedContent": {"text": help.text}}
    changes = [{"artifactLocation": place["artifactLocation"], "replacements": [change]}]
    return {"description": {"text": str(help)}, "artifactChanges": changes}


def _uri(file: str) -> str:
    """A path as a reference: what is not plain is percent-encoded."""
    encoded = file.encode(errors="surrogateescape")  # as the name is on the disk
    return "".join(chr(each) if each in PLAIN else f"%{each:02X}" for each in encoded)
