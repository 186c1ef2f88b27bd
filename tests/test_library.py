"""Files that a spec names: found beside it or among the shipped ones, and never outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from writing import write

import getspec
from getspec.errors import Diagnostic, Span, SpecError, UsageError
from getspec.library import Files, display, shipped

SECRET = "getspec: 1\nblocks: {Secret: {summary: do not print}}\n"
SPAN = Span("spec.yaml", 1, 1)


def find(reference: str, origin: Path) -> Path:
    return Files().find(reference, origin, SPAN)[0]


def refused(reference: str, origin: Path) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        find(reference, origin)
    (found,) = caught.value.diagnostics
    assert found.code == "GS309"
    assert "do not print" not in str(caught.value.sources), "nothing of a foreign file is shown"
    return found


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    write(tmp_path, **{"outside": SECRET, "specs/near": SECRET, "specs/parts/deep": SECRET})
    return tmp_path / "specs"


def test_files_beside_the_spec(origin: Path) -> None:
    assert find("near.yaml", origin) == (origin / "near.yaml").resolve()
    assert find("near", origin) == (origin / "near.yaml").resolve(), "the ending may be left out"
    assert find("parts/deep.yaml", origin) == (origin / "parts" / "deep.yaml").resolve()


def test_shipped_files(origin: Path) -> None:
    known = next(iter(sorted((shipped() / "blocks").glob("*.yaml"))))
    assert find(f"blocks/{known.name}", origin) == known.resolve()
    write(origin, **{f"blocks/{known.stem}": SECRET})
    beside = (origin / "blocks" / known.name).resolve()
    assert find(f"blocks/{known.name}", origin) == beside, "the spec's own folder comes first"


@pytest.mark.parametrize(
    "reference",
    [
        "../outside.yaml",
        "parts/../../outside.yaml",
        "/etc/passwd",
        "/etc/passwd.yaml",
        "parts\\deep.yaml",
        "..",
        ".",
        "",
        "/",
        "C:\\specs\\a.yaml",
    ],
)
def test_what_leaves_the_folder(origin: Path, reference: str) -> None:
    refused(reference, origin)


@pytest.mark.parametrize(
    "reference", ["a\0b", "near.yaml\0", "x" * 5000, "x/" * 3000, "~/near", "$HOME/near"]
)
def test_strange_paths(origin: Path, reference: str) -> None:
    refused(reference, origin)


def test_links_are_followed_and_stay_inside(origin: Path) -> None:
    (origin / "inside.yaml").symlink_to(origin / "near.yaml")
    assert find("inside.yaml", origin) == (origin / "near.yaml").resolve()
    (origin / "escape.yaml").symlink_to(origin.parent / "outside.yaml")
    assert "leads out" in refused("escape.yaml", origin).message
    (origin / "folder").symlink_to(origin.parent)
    assert "leads out" in refused("folder/outside.yaml", origin).message


def test_a_link_to_itself(origin: Path) -> None:
    (origin / "ring.yaml").symlink_to("ring.yaml")
    refused("ring.yaml", origin)


def test_a_pipe_never_hangs(origin: Path) -> None:
    os.mkfifo(origin / "pipe.yaml")
    assert "not a file" in refused("pipe.yaml", origin).message


def test_a_folder(origin: Path) -> None:
    (origin / "folder.yaml").mkdir()
    assert "not a file" in refused("folder.yaml", origin).message


def test_a_missing_file_suggests_the_nearest(origin: Path) -> None:
    assert refused("naer.yaml", origin).help == "did you mean `near.yaml`?"
    assert refused("parts/depe", origin).help == "did you mean `parts/deep`?"


def test_a_spec_that_escapes_prints_no_foreign_line(origin: Path) -> None:
    (origin / "escape.yaml").symlink_to(origin.parent / "outside.yaml")
    spec = write(origin, spec="getspec: 1\nmodel: Net\nuse: [escape.yaml]\n")
    with pytest.raises(SpecError) as caught:
        getspec.load(spec)
    assert list(caught.value.sources) == [display(str(spec))]


def test_each_file_is_read_once(origin: Path) -> None:
    files = Files()
    first = files.find("near.yaml", origin, SPAN)[1]
    assert files.find("near", origin, SPAN)[1] is first


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_the_spec_itself_is_a_regular_file(tmp_path: Path, make) -> None:
    make(tmp_path / "spec.yaml")
    with pytest.raises(UsageError) as caught:
        getspec.load(tmp_path / "spec.yaml")
    assert caught.value.code == "GS090"


def test_paths_are_shown_without_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert display("specs/a.yaml") == "specs/a.yaml"
    assert display(str(tmp_path / "a.yaml")) == "a.yaml"
    assert display("-") == "<stdin>"
    known = next(iter(sorted((shipped() / "blocks").glob("*.yaml"))))
    assert display(str(known)) == f"specs/blocks/{known.name}"
    assert display("/elsewhere/a.yaml") == "a.yaml"
