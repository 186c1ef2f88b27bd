"""`getspec init` gives a spec that compiles under any name, and never writes over anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import getspec
from getspec.cli import main
from getspec.starter import SCHEMA, schema_text, starter


def test_the_spec_and_the_schema_that_it_names_are_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "my-first_model"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [SCHEMA, "my-first_model.yaml"]
    said = capsys.readouterr()
    assert said.out == ""
    assert "next: getspec count my-first_model.yaml" in said.err
    spec = getspec.load("my-first_model.yaml")
    assert spec.name == "MyFirstModel"
    assert not spec.warnings
    text = Path("my-first_model.yaml").read_text()
    dialects = (f"# yaml-language-server: $schema={SCHEMA}\n", f"# $schema: {SCHEMA}\n")
    assert text.startswith("".join(dialects)), "VS Code reads the first, JetBrains the second"
    assert Path(SCHEMA).read_text() == schema_text()


def test_without_a_name_it_is_model(folder: Path) -> None:
    assert main(["init", "--json"]) == 0
    assert getspec.load("model.yaml").name == "Model"


@pytest.mark.parametrize("there", ["model.yaml", "model.yml"])
def test_what_exists_is_kept(there: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(there).write_text("mine")
    Path(SCHEMA).write_text("mine too")
    assert main(["init", there]) == 2
    assert f"{there} exists" in capsys.readouterr().err
    assert Path(there).read_text() == "mine"
    assert main(["init", "other"]) == 0
    assert Path(SCHEMA).read_text() == "mine too"
    said = f"kept {SCHEMA}, which is of another version: `getspec schema --output {SCHEMA}`"
    assert said in capsys.readouterr().err


@given(st.text(min_size=1, max_size=80).filter(lambda name: "/" not in name and "\0" not in name))
def test_any_name_gives_a_spec_that_compiles(name: str) -> None:
    from getspec.declare.names import CLASS_NAME
    from getspec.reserved import RESERVED
    from getspec.source import parse

    found = parse(starter(Path(f"{name}.yaml")), "starter").data["model"]
    assert CLASS_NAME.fullmatch(found)
    assert found not in RESERVED


@pytest.mark.parametrize("name", ["tensor.yaml", "nn", "F", "model.getspec.yaml", "42", "é"])
def test_names_that_are_taken_or_no_names(name: str, folder: Path) -> None:
    assert main(["init", name]) == 0
    (written,) = folder.glob("*.y*ml")
    assert getspec.load(written).count().total > 0
    assert main(["generate", str(written.name)]) == 0
    (module,) = (folder / "generated").iterdir()
    assert module.stem.count(".") == 0, "it can be imported"


# The schema as a file


def test_the_schema_is_written_checked_and_never_over_something_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["schema", "--output", SCHEMA]
    assert main([*words, "--check"]) == 1
    assert capsys.readouterr().out == f"{SCHEMA}: missing\n"
    assert main(words) == 0
    assert main([*words, "--check"]) == 0
    older = {**json.loads(schema_text()), "description": "an older one"}
    Path(SCHEMA).write_text(json.dumps(older))
    assert main([*words, "--check"]) == 1
    assert main(words) == 0, "an older schema is replaced"
    Path(SCHEMA).write_text("{}")
    assert main(words) == 2
    assert Path(SCHEMA).read_text() == "{}"
    assert main(["schema", "--check"]) == 2
