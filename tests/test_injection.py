"""Hostile text in every string of the language stays text in everything that is written, or is refused at its place.

How it is set up is in `hostile`: a payload, a field, an output is one entry there.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hostile.payloads import CONTROLS, PAYLOADS, PLAIN, PRINTABLE
from hostile.places import DERIVED, SPEC, Place, fields_used, keys, places, put, save
from hostile.sinks import SINKS, WRITTEN, is_quiet, python, skeleton, workflow

import getspec
from getspec import spec as language
from getspec.cli import main
from getspec.emit.annotations import github, sarif, unheard
from getspec.errors import SpecError, render
from getspec.ops.base import LAYERS

ALL_AT_ONCE = " ".join(PRINTABLE.values())
TREES = {"net": SPEC, "derived": DERIVED}


def refused(folder: Path, tree: dict[str, Any], *, escaped: bool = True) -> SpecError | None:
    """Why a spec is refused, where it is; the refusal itself is inert in every form."""
    try:
        getspec.load(save(folder, "net.yaml", tree, escaped=escaped)).count()
    except SpecError as error:
        check_refusal(error)
        return error
    return None


def check_refusal(error: SpecError) -> None:
    assert error.diagnostics
    for each in error.diagnostics:
        assert each.span is not None, f"{each} has no place"
        shown = render(each, error.sources)
        assert is_quiet(shown), shown
        assert workflow(unheard(shown)) == []
    annotated = github(error.diagnostics)
    assert len(annotated) <= len(error.diagnostics) + 2
    assert len(workflow("\n".join(annotated))) == len(annotated)
    json.dumps([each.as_json() for each in error.diagnostics])
    assert len(sarif(error.diagnostics, "1")["runs"][0]["results"]) == len(error.diagnostics)


@cache
def accepting() -> dict[str, list[Place]]:
    """Places of each tree that take any words."""
    found: dict[str, list[Place]] = {}
    with pytest.MonkeyPatch.context() as patch, _scratch() as folder:
        patch.chdir(folder)
        for name, tree in TREES.items():
            found[name] = [p for p in places(tree) if not refused(folder, put(tree, p, PLAIN))]
    return found


def _scratch() -> Any:
    from tempfile import TemporaryDirectory

    class Folder(TemporaryDirectory):  # type: ignore[type-arg]
        def __enter__(self) -> Path:  # type: ignore[override]
            return Path(super().__enter__())

    return Folder()


# ------------------------------------------------------------------------------------ every place


def test_the_spec_uses_every_field_of_the_language() -> None:
    """So a field that is added to a model is attacked as soon as the spec uses it, and until then as one that it lacks."""
    models = [
        model
        for model in vars(language).values()
        if isinstance(model, type) and issubclass(model, language.BaseModel) and model.model_fields
    ]
    every = {(model.__name__, name) for model in models for name in keys(model)}
    missing = every - fields_used(SPEC)
    assert not missing, f"tests/hostile/places.py has no {sorted(missing)}"


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("part", range(4))
def test_every_place_refuses_a_payload_at_its_place_or_takes_it_as_text(
    name: str, part: int, folder: Path, whole: bool
) -> None:
    """All payloads at once in every place, and one of them by itself; with `--whole` each by itself."""
    tree = TREES[name]
    each = list(PAYLOADS.values())
    for at, place in list(enumerate(places(tree)))[part::4]:
        alone = each if whole else [each[at % len(each)]]
        for text in [ALL_AT_ONCE, *alone]:
            made = put(tree, place, text)
            error = refused(folder, made)
            if error is None:
                twin = f"# {PLAIN}" if text.startswith("#") else PLAIN  # a comment is one in code
                found, plain = (
                    getspec.load(save(folder, "net.yaml", t))
                    for t in (made, put(tree, place, twin))
                )
                assert python(found.generate()) == python(plain.generate()), f"{place}: {text!r}"
                assert yaml_of(found) == json.loads(json.dumps(yaml_of(found)))


def yaml_of(found: Any) -> Any:
    """A spec as one file reads back as what it was."""
    from getspec.emit.resolved import resolved
    from getspec.source import parse

    data = resolved(found.compiled)
    assert parse(found.resolve(), "resolved.yaml").data == data
    return data


def test_words_are_taken_where_people_write_words() -> None:
    """The test above would hold of a language that refuses everything."""
    taken = {str(place) for place in accepting()["net"]}
    for wanted in ("summary", "sources.0", "sizes.B", "config.label", "inputs.mask.doc"):
        assert f"value {wanted}" in taken
    for wanted in ("components.head.doc", "blocks.Attention.summary", "expect.0.note", "forward"):
        assert f"value {wanted}" in taken or f"comment {wanted}" in taken


@pytest.mark.parametrize("name", sorted(CONTROLS))
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "raw"])
def test_no_control_gets_into_a_spec(name: str, escaped: bool, folder: Path) -> None:
    """Whether it stands in the file or is made by an escape. (A line break is a space where YAML folds it.)"""
    made = put(SPEC, Place(("summary",), "value"), PAYLOADS[name])
    error = refused(folder, made, escaped=escaped)
    if name == "newline":
        assert error is None
    else:
        assert error is not None, name
        assert {each.code for each in error.diagnostics} <= {"GS002", "GS025"}


@pytest.mark.parametrize("type", LAYERS)
def test_every_field_of_an_op_refuses_a_payload(type: str, folder: Path) -> None:
    for declared in LAYERS[type].fields:
        made = put(SPEC, Place(("components", "twin"), "value"), "")
        made["components"]["twin"] = {"type": type, declared.name: ALL_AT_ONCE}
        error = refused(folder, made)
        assert error is not None, declared.name


# ------------------------------------------------------------------------------------- every sink


def arranged(folder: Path, shift: int | None) -> None:
    """The hostile spec and its twin: each place that takes words has a payload, a plain word, or another plain word."""
    each = list(PRINTABLE.values())
    for name, tree in TREES.items():
        hostile, plain = tree, tree
        for at, place in enumerate(accepting()[name]):
            if place.kind == "value":
                word = PLAIN if shift is None else each[(at + shift) % len(each)]
                hostile, plain = put(hostile, place, word), put(plain, place, f"{PLAIN} too")
        for at, place in enumerate(accepting()[name]):
            if place.kind == "comment":
                word = PLAIN if shift is None else each[(at + shift) % len(each)]
                hostile, plain = put(hostile, place, word), put(plain, place, f"{PLAIN} too")
        save(folder, f"{name}.yaml", hostile)
        save(folder, "plain.yaml" if name == "net" else f"plain-{name}.yaml", plain)


def said(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main(command.split(" "))
    out, err = capsys.readouterr()
    assert status in (0, 1), f"{command}: {err}"
    assert is_quiet(err), err
    return status, out, err


def answers(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[int, Any]]:
    """The status and the skeleton of what every sink says."""
    found = {}
    for command, kind in SINKS.items():
        status, out, err = said(command, capsys)
        found[command] = status, skeleton(kind, out)
        if kind == "github":
            assert workflow(out + err) == workflow(out)
    for name, kind in WRITTEN.items():
        found[name] = 0, skeleton(kind, (folder / name).read_text(encoding="utf-8"))
        (folder / name).unlink()
    return found


@pytest.fixture(scope="module")
def ordinary() -> dict[str, Any]:
    """What the sinks say about the spec with plain words; filled by the first test that asks."""
    return {}


SHIFTS = [
    pytest.param(shift, marks=() if shift % 4 == 0 else pytest.mark.everywhere)
    for shift in range(len(PRINTABLE))
]


@pytest.mark.parametrize("shift", SHIFTS)
def test_payloads_everywhere_change_no_output(
    shift: int, folder: Path, ordinary: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every payload has been in every place after as many shifts as there are payloads."""
    if not ordinary:
        arranged(folder, None)
        ordinary.update(answers(folder, capsys))
    arranged(folder, shift)
    for command, found in answers(folder, capsys).items():
        assert found == ordinary[command], command
