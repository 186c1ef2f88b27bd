"""Findings as CI shows them: GitHub's commands are escaped as it reads them, and SARIF is what its schema asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from writing import problems

from getspec.cli import main
from getspec.emit.annotations import github, sarif
from getspec.errors import Diagnostic, Fix, Span

GOOD = (
    "getspec: 1\nmodel: One\ncomponents:\n  fc: {type: linear, in_features: 4, out_features: 4}\n"
)
BAD = GOOD.replace("out_features", "out_featurs")


def found(message: str, file: str = "a.yaml", severity: str = "error") -> Diagnostic:
    return Diagnostic("GS101", message, Span(file, 3, 5, 4), severity=severity)


def test_a_workflow_command_names_the_place() -> None:
    assert github([found("wrong")]) == [
        "::error file=a.yaml,line=3,endLine=3,col=5,endColumn=8,title=GS101::wrong"
    ]


def test_what_would_end_a_command_is_escaped() -> None:
    (line,) = github([found("50 % of\r\n::error::x", "a,b:c%.yaml")])
    assert "file=a%2Cb%3Ac%25.yaml," in line
    assert line.endswith("::50 %25 of%0D%0A::error::x")
    assert "\n" not in line


def test_more_than_github_shows_is_counted() -> None:
    lines = github([found(str(n), severity="warning") for n in range(13)] + [found("first")])
    assert lines[0].startswith("::error ")
    assert sum(line.startswith("::warning ") for line in lines) == 10
    assert lines[-1] == "::notice::and 3 more of severity warning, see the log"


def test_a_problem_of_the_command_line_has_no_file() -> None:
    (line,) = github([found("wrong", "--set")])
    assert line == "::error title=GS101::wrong"
    assert "locations" not in sarif([found("wrong", "<stdin>")], "1")["runs"][0]["results"][0]


def test_a_sarif_log_has_what_the_schema_requires(tmp_path: Path) -> None:
    log = sarif(problems(tmp_path, BAD), "0.1.0")
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("getspec", "0.1.0")
    assert run["results"]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["artifactLocation"]["uri"])
        region = place["region"]
        assert 1 <= region["startLine"] == region["endLine"]
        assert 1 <= region["startColumn"] < region["endColumn"]
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]


def test_names_of_files_are_references() -> None:
    (result,) = sarif([found("x", "a b/ü.yaml")], "1")["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20b/%C3%BC.yaml"


def test_a_sarif_log_has_fixes_that_can_be_carried_out() -> None:
    span = Span("spec.yaml", 6, 3, 4)
    mended = Diagnostic("GS210", "x", span, Fix("did you mean `dim`?", "dim"))
    plain, fixed = sarif([found("x", "a.yaml"), mended], "1")["runs"][0]["results"]
    assert "fixes" not in plain, "words are no fix"
    ((change,),) = (fix["artifactChanges"] for fix in fixed["fixes"])
    (replacement,) = change["replacements"]
    assert replacement["insertedContent"] == {"text": "dim"}
    assert replacement["deletedRegion"] == fixed["locations"][0]["physicalLocation"]["region"]


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
@pytest.mark.parametrize(("text", "status"), [(GOOD, 0), (BAD, 1)])
def test_check_prints_every_form(
    form: str, text: str, status: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "one.yaml").write_text(text)
    assert main(["check", "one.yaml", "--output-format", form]) == status
    out = capsys.readouterr().out
    if form == "github":
        assert out.startswith("::error file=one.yaml,line=4") is bool(status)
    elif form == "text":
        assert ("valid" in out) is not bool(status)
    else:
        document = json.loads(out)
        results = document["runs"][0]["results"] if form == "sarif" else document["specs"]
        assert bool(results) is (form == "json" or bool(status))
