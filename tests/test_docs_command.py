"""`docs` fills marked regions with what commands print, and touches nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from committed import ROOT, SPECS

from getspec.cli import main

SPEC = (
    "getspec: 1\nmodel: One\ncomponents:\n  fc: {type: linear, in_features: 4, out_features: 4}\n"
)
START, END = "<!-- getspec: count one.yaml -->", "<!-- /getspec -->"


@pytest.fixture
def page(folder: Path) -> Path:
    (folder / "one.yaml").write_text(SPEC)
    path = folder / "page.md"
    path.write_text(f"# Title\n\n{START}\nold\n{END}\n\nrest\n")
    return path


def failure(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    before = path.read_bytes()
    assert main(["docs", path.name]) == 2
    assert path.read_bytes() == before, "nothing is written"
    return capsys.readouterr().err


def test_a_region_is_filled_and_then_current(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["docs", "page.md", "--check"]) == 1
    assert capsys.readouterr().out == "page.md: stale\n"
    assert "old" in page.read_text(), "`--check` writes nothing"
    assert main(["docs", "page.md"]) == 0
    text = page.read_text()
    assert text.startswith(f"# Title\n\n{START}\n```text\nOne  20 parameters\n")
    assert text.endswith(f"total      20\n```\n{END}\n\nrest\n")
    assert main(["docs", "page.md", "--check"]) == 0


def test_what_is_stale_is_a_document_too(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", ".", "--check", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found == {"schema_version": 1, "stale": ["page.md"], "current": 0}
    assert main(["docs", ".", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"schema_version": 1, "written": ["page.md"], "current": 0}


def test_a_change_of_the_spec_makes_it_stale(page: Path) -> None:
    main(["docs", "page.md"])
    (page.parent / "one.yaml").write_text(SPEC.replace("out_features: 4", "out_features: 5"))
    assert main(["docs", ".", "--check"]) == 1


def test_line_ends_of_the_file_are_kept(page: Path) -> None:
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    main(["docs", "page.md"])
    assert page.read_bytes().count(b"\n") == page.read_bytes().count(b"\r\n") > 10


def test_each_line_end_is_kept_where_a_file_has_both(page: Path) -> None:
    page.write_bytes(f"a\r\n{START}\n{END}\nb\r\n".encode())
    assert main(["docs", "page.md"]) == 0
    text = page.read_bytes()
    assert text.count(b"\r\n") == 2
    assert b"One  20 parameters\n" in text


def test_a_region_in_a_list_stays_in_it(page: Path) -> None:
    page.write_text(f"- item\n\n  {START}\n  {END}\n\n- two\n")
    assert main(["docs", "page.md"]) == 0
    lines = page.read_text().splitlines()
    assert "  ```text" in lines
    assert all(line.startswith(("- ", "  ")) for line in lines if line)
    assert main(["docs", "page.md", "--check"]) == 0


@pytest.mark.parametrize("start", ["\ufeff" + START, START.replace(" ", ""), f"<!--  {START[5:]}"])
def test_a_mark_is_known_however_it_is_written(start: str, page: Path) -> None:
    """A region that is passed over is one that goes stale."""
    start = start.replace("countone", "count one")
    page.write_text(f"{start}\nold\n<!--/getspec-->\n", encoding="utf-8")
    assert main(["docs", "page.md", "--check"]) == 1
    assert main(["docs", "page.md"]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"{start}\n```text\nOne  20 parameters\n")


def test_an_example_in_a_list_is_an_example(page: Path) -> None:
    text = f"- item\n  - more\n\n    ```md\n    {START}\n    old\n    {END}\n    ```\n"
    page.write_text(text)
    assert main(["docs", "page.md"]) == 0
    assert page.read_text() == text


def test_a_region_within_a_code_block_is_an_example(page: Path) -> None:
    page.write_text(f"````markdown\n{START}\nold\n{END}\n````\n")
    assert main(["docs", "page.md", "--check"]) == 0


LANGUAGES = {
    "count one.yaml --json": "```json",
    "generate one.yaml --stdout": "```python",
    "generate one.yaml --class One": "```python",
    "resolve one.yaml": "```yaml",
    "schema --ops": "```text",
    "diff one.yaml one.yaml --format markdown": "# One",
}


@pytest.mark.parametrize("command", LANGUAGES)
def test_what_is_markdown_stays_so_and_the_rest_is_fenced(command: str, page: Path) -> None:
    page.write_text(f"<!-- getspec: {command} -->\n{END}\n")
    assert main(["docs", "page.md"]) == 0
    assert page.read_text().splitlines()[1] == LANGUAGES[command]


def test_a_fence_is_longer_than_any_inside(page: Path) -> None:
    (page.parent / "one.yaml").write_text(SPEC + "summary: 'has ```` in it'\n")
    page.write_text(f"<!-- getspec: explain one.yaml -->\n{END}\n")
    main(["docs", "page.md"])
    assert page.read_text().splitlines()[1] == "`````text"


WRONG = {
    f"text\n{START}\n": "page.md:2: this region has no end",
    f"{START}\n{START}\n{END}\n": "page.md:2: the region before it has no end",
    f"a\n\n{END}\n": "page.md:3: this ends a region that has no beginning",
    f"<!-- getspec: cuont one.yaml -->\n{END}\n": "page.md:1: `cuont` is no command that a document can show",
    f"<!-- getspec: verify one.yaml -->\n{END}\n": "page.md:1: `verify` is no command",
    f"<!-- getspec: generate one.yaml -->\n{END}\n": "page.md:1: `generate` writes files",
    f"<!-- getspec: diff one.yaml one.yaml --emit-converter=x -->\n{END}\n": "page.md:1: `--emit-converter` writes",
    f"<!-- getspec: diff one.yaml one.yaml --emit-conv=x -->\n{END}\n": "page.md:1: `--emit-converter` writes",
    f"<!-- getspec: count - -->\n{END}\n": "page.md:1: a document has no standard input",
    f"<!-- getspec: count 'one.yaml -->\n{END}\n": "page.md:1: `count 'one.yaml` is not a command",
    f"<!-- getspec: count ../one.yaml -->\n{END}\n": "page.md:1: `../one.yaml` is not below the current folder",
    f"<!-- getspec: check one.yaml /etc/passwd -->\n{END}\n": "page.md:1: `/etc/passwd` is not below",
    f"<!-- getspec: diff a /etc/passwd 0 0 /dev/null 0 0 -->\n{END}\n": "page.md:1: `diff` compares two specs",
    f"\n<!-- getspec: count two.yaml -->\n{END}\n": "page.md:2: cannot read two.yaml",
    f"<!-- getspec: count bad.yaml -->\n{END}\n": "page.md:1: bad.yaml:4:",
    f"<!-- getspec: count one.yaml --no-such -->\n{END}\n": "page.md:1: `count one.yaml --no-such` fails",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_with_its_line(
    text: str, page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (page.parent / "bad.yaml").write_text(SPEC.replace("out_features", "out_featurs"))
    page.write_text(text)
    assert WRONG[text] in failure(page, capsys)


def test_one_bad_region_keeps_every_file_as_it_was(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (page.parent / "other.md").write_text(f"{START}\n")
    before = page.read_text()
    assert main(["docs", "page.md", "other.md"]) == 2
    assert page.read_text() == before


# The documents of this repository


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("root")
def test_the_documents_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "docs", "README.md", "--check"]) == 0, capsys.readouterr().out


def test_every_spec_of_the_zoo_has_a_page_and_the_index_names_it() -> None:
    from committed import NAMES

    pages = ROOT / "docs" / "zoo"
    names = {name.removeprefix("zoo/") for name in NAMES if name.startswith("zoo/")}
    assert names == {path.stem for path in pages.glob("*.md")} - {"README"}
    index = (pages / "README.md").read_text(encoding="utf-8")
    for name in names:
        assert f"- [{name}]({name}.md)\n" in index
        text = (pages / f"{name}.md").read_text(encoding="utf-8")
        assert f"../../specs/zoo/{name}.yaml" in text
        assert "```mermaid\nflowchart" in text


def test_hooks_name_commands_that_exist() -> None:
    import re

    import yaml

    from getspec.cli import parsed

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["getspec-check", "getspec-generate"]
    for hook in hooks:
        words = hook["entry"].split()
        assert words[0] == "getspec"
        files = [] if hook.get("pass_filenames") is False else ["specs/pretrain.yaml"]
        assert parsed([*words[1:], *files]).command == words[1]
        assert re.search(hook["files"], "specs/zoo/a.yaml")
        assert re.search(hook["files"], "models/a.getspec.yaml")
    check = hooks[0]
    seen = [p.relative_to(ROOT).as_posix() for p in SPECS.rglob("*.yaml")]
    chosen = [
        p for p in seen if re.search(check["files"], p) and not re.search(check["exclude"], p)
    ]
    from committed import MODELS

    assert sorted(chosen) == sorted(p.relative_to(ROOT).as_posix() for p in MODELS)
