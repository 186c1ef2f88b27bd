"""Published figures against the specs: each is met, or differs by exactly what the gallery says."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from committed import ROOT

from getspec.cli import main
from getspec.gallery import Row, Table, gallery, markdown

SPEC = """
getspec: 1
model: Head
config: {dim: 8}
sizes: {B: batch}
inputs: {x: "float[B, dim]"}
components:
  proj: {type: linear, in_features: dim, out_features: 16}
forward: |
  return proj(x)
"""


@pytest.fixture(scope="module")
def tables() -> list[Table]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return gallery("docs/gallery.yaml")


def every(tables: list[Table]) -> list[Row]:
    return [row for table in tables for row in table.rows]


def test_every_published_figure_is_met_or_its_residue_is_exact(tables: list[Table]) -> None:
    for row in every(tables):
        assert row.problem is None, f"{row.name}: {row.problem}"
        assert (row.value in row.published) == (row.residue is None), row.name
        assert row.residue is None or (row.because and row.residue == row.difference), row.name


def test_there_are_many_and_each_once(tables: list[Table]) -> None:
    rows = [(table.title, row.name) for table in tables for row in table.rows]
    assert len(rows) == len(set(rows)) >= 60
    assert all(table.source for table in tables)


def test_known_misprints_are_marked(tables: list[Table]) -> None:
    marked = {table.title for table in tables for row in table.rows if row.misprint}
    assert {"GPT-3: parameters", "Chinchilla: FLOPs over 6ND"} <= marked


def test_the_page_shows_every_table(tables: list[Table]) -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert markdown(tables) in page


# A gallery of one row


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "head.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "gallery.yaml"


def row(one: Path, **given: object) -> Row:
    """The head has 8 x 16 + 16 = 144 parameters and does 256 FLOPs for a row."""
    keys = {"name": "Head", "spec": "head.yaml", "value": "params", "unit": "parameters", **given}
    lines = "".join(f"          {key}: {value}\n" for key, value in keys.items())
    table = f"tables:\n  - title: T\n    source: S\n    rows:\n      -\n{lines}"
    one.write_text(table)
    return gallery("gallery.yaml")[0].rows[0]


@pytest.mark.parametrize("published", ["144", "0.1K", "0.14K", "1.4e2", "dim * 18"])
def test_what_rounds_to_the_figure_agrees(one: Path, published: str) -> None:
    assert row(one, published=f'"{published}"').problem is None


@pytest.mark.parametrize("published", ["143", "0.2K", "0.15K", "1.5e2", "dim * 17"])
def test_what_does_not_is_a_problem(one: Path, published: str) -> None:
    assert "the residue is" in str(row(one, published=f'"{published}"').problem)


def test_a_residue_is_exact_needed_and_explained(one: Path) -> None:
    assert row(one, published=140, residue=4, because="why").problem is None
    assert row(one, published=140, residue="dim / 2", because="why").problem is None
    assert row(one, published=140, residue=5, because="why").problem == "the residue is 4, not 5"
    assert "because" in str(row(one, published=140, residue=4).problem)
    assert "agrees" in str(row(one, published=144, residue=0, because="why").problem)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("flops", 512),
        ("backward", 512),
        ("flops(\"proj\") / 2", 256),
        ('params("proj") - dim ** 2', 80),
        ("params / 10", Fraction(72, 5)),
        ("kept", 0),
        ("kv + attention_flops + attention_kept", 0),
        ('memory("parameters")', 288),
        ("active", 144),
    ],
)  # fmt: skip
def test_quantities(one: Path, value: str, found: int | Fraction) -> None:
    assert row(one, published=1, value=f"'{value}'", shape="{B: 2}").value == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"value": "parms"}, "unknown name `parms`"),
        ({"value": "flops"}, "`B` has no number"),
        ({"value": "'params(\"pro\")'"}, "there is no `pro` in Head"),
        ({"value": "'memory(\"pro\")'"}, "no `pro` in memory"),
        ({"value": "params / 0"}, "division by zero"),
        ({"value": "2 ** 65"}, "`**` takes a whole number up to 64, not 65"),
        ({"value": "params if dim else dim"}, "only arithmetic"),
        ({"unit": "apples"}, "`apples` is no unit"),
        ({"dtype": "fp12"}, "`fp12` is no precision"),
        ({"becuse": "x"}, "unknown key `becuse`"),
    ],
)
def test_what_is_wrong_is_said(
    one: Path, given: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from getspec.errors import UsageError

    with pytest.raises(UsageError) as error:
        row(one, **{"published": 1, **given})
    assert message in str(error.value)
    assert main(["gallery", "gallery.yaml"]) == 2
    assert message in capsys.readouterr().err


def test_the_command_says_which_row_is_wrong(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row(one, published=140)
    assert main(["gallery", "gallery.yaml"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "T: Head: the residue is 4" in err


def test_the_document_has_exact_numbers(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row(one, published=140, residue=4, because="why")
    assert main(["gallery", "gallery.yaml", "--json"]) == 0
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    (found,) = table["rows"]
    assert (found["ours"], found["residue"], found["problem"]) == (144, 4, None)
    row(one, published=1, value="params / 10")
    assert main(["gallery", "gallery.yaml", "--json"]) == 1, "the problem is in the document"
    (found,) = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    assert (found["ours"], found["problem"]) == ("72/5", "the residue is 13.4000")
