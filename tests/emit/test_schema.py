"""The JSON Schema agrees with the compiler: it takes every spec that is legal and refuses what is wrong in structure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cases import CASES, Case
from committed import SPECS
from hypothesis import given
from strategies import RandomSpec, specs

from getspec.declare.keys import COMMON
from getspec.emit.schema import EXAMPLES, json_schema
from getspec.errors import SpecError
from getspec.ops import LAYERS
from getspec.source import parse
from getspec.starter import SCHEMA, schema_text

FILE = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(FILE)
FILES = [path for path in SPECS.rglob("*.yaml") if not path.name.endswith(".import.yaml")]
BAD = [case for case in CASES if case.status == 1 and (case.folder / "spec.yaml").exists()]
STRUCTURAL = {"GS012", "GS101", "GS102", "GS103", "GS106"}
"""Codes of what is wrong with one value whatever the others are: keys and kinds."""
ELSEWHERE = {
    "schema/init-on-block": "whether a type is a block depends on what is declared",
    "E38-missing-key/missing-setting-of-block": "a block's settings are declared elsewhere",
    "E41-undefined-setting/unknown-setting-of-block": "a block's settings are declared elsewhere",
    "E41-undefined-setting/tiny-unknown": "what `tiny` may set is declared elsewhere",
    "schema/tiny-unknown-size": "what `tiny` may set is declared elsewhere",
}


def data(path: Path) -> Any:
    """The tree, or None where the text is no YAML of ours."""
    try:
        return parse(path.read_bytes(), path.name).data
    except SpecError:
        return None


def test_it_is_a_schema() -> None:
    VALIDATOR.check_schema(FILE)


def test_the_committed_file_is_current() -> None:
    committed = (SPECS / SCHEMA).read_text(encoding="utf-8")
    assert committed == schema_text(), f"getspec schema --output specs/{SCHEMA}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SPECS).as_posix())
def test_it_takes_every_committed_spec(path: Path) -> None:
    VALIDATOR.validate(data(path))


@given(specs())
def test_it_takes_random_legal_specs(spec: RandomSpec) -> None:
    VALIDATOR.validate(spec.tree)


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_it_refuses_what_is_wrong_in_structure(case: Case) -> None:
    tree = data(case.folder / "spec.yaml")
    if tree is None:
        return
    codes = {each["code"] for each in case.expected if each.get("file") == "spec.yaml"}
    refused = not VALIDATOR.is_valid(tree)
    if case.name in ELSEWHERE:
        assert not refused, ELSEWHERE[case.name]
    elif codes & STRUCTURAL:
        assert refused, codes


def definitions() -> dict[str, Any]:
    return {"File": FILE, **FILE["$defs"]}


@pytest.mark.parametrize("name", definitions())
def test_every_key_says_what_it_is_and_shows_a_value_that_is_legal(name: str) -> None:
    for key, schema in definitions()[name]["properties"].items():
        assert schema.get("description"), key
        offered = schema.get("examples") or schema.get("anyOf") or schema.get("enum")
        assert offered or key in ("budget",), key
        whole = {**schema, "$defs": FILE["$defs"]}
        for example in schema.get("examples", []):
            jsonschema.Draft202012Validator(whole).validate(example)


@pytest.mark.parametrize("name", definitions())
def test_examples_are_of_keys_that_exist(name: str) -> None:
    for key in EXAMPLES[name]:
        assert key in definitions()[name]["properties"], key


def test_an_editor_completes_every_type_with_its_meaning() -> None:
    offered = FILE["$defs"]["Component"]["properties"]["type"]["anyOf"]
    named = {each["const"]: each["description"] for each in offered if "const" in each}
    assert named.keys() == LAYERS.keys() | {"parameter", "buffer", "sequential"}
    assert all(named.values())
    assert {"type": "string"} in offered, "a block's name is a type too"


def test_components_share_the_keys_that_declare_reads() -> None:
    assert set(FILE["$defs"]["Component"]["properties"]) == set(COMMON)


def test_a_spec_may_name_its_schema(folder: Path) -> None:
    import getspec

    text = f"$schema: {SCHEMA}\ngetspec: 1\nmodel: Empty\n"
    Path("empty.yaml").write_text(text)
    spec = getspec.load("empty.yaml")
    assert "$schema" not in spec.resolve()
    VALIDATOR.validate(parse(text, "empty").data)
    Path("empty.yaml").write_text(text.replace(SCHEMA, "[1]"))
    with pytest.raises(SpecError, match=r"\$schema: a word or text is expected"):
        getspec.load("empty.yaml")
