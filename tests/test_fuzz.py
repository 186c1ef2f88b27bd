"""What fuzzing starts from holds: each target over its corpus and a share of its seeds, without a fuzzer.

`nox -s fuzz` goes on from there, with every seed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import targets
from targets import TARGETS, seeds

from getspec.errors import Diagnostic, Span, SpecError
from getspec.source import Document

CORPUS = Path(targets.__file__).parent / "corpus"
SHARE = 7
"""Every so many seeds are run; they are specs that other tests compile."""


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_answered(target: str) -> None:
    path = CORPUS / f"{target}.json"
    for text in json.loads(path.read_text(encoding="utf-8")):
        TARGETS[target](text.encode(errors="surrogateescape"))


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_are_answered(target: str) -> None:
    found = list(seeds(target))
    assert len(found) > 100, "fuzzing starts from what is right and what is wrong"
    for data in found[::SHARE]:
        TARGETS[target](data)


@pytest.mark.parametrize(
    ("problems", "finding"),
    [
        ((), "says nothing"),
        ((Diagnostic("GS010", "wrong"),), "has no place"),
        ((Diagnostic("oops", "wrong", Span("m.yaml", 1, 1)),), "is no code"),
        ((Diagnostic("GS010", "wrong", Span("m.yaml", 9, 1)),), "a line that is not there"),
        ((Diagnostic("GS010", "wrong", Span("m.yaml", 1, 9)),), "beyond its line"),
    ],
)
def test_a_refusal_that_is_no_answer_is_a_finding(
    problems: tuple[Diagnostic, ...], finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(document: Document) -> None:
        raise SpecError(problems, {document.name: document.lines})

    monkeypatch.setattr(targets, "validate", refuse)
    with pytest.raises(AssertionError, match=finding):
        targets.loader(b"a: 1\n")


def test_any_other_exception_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "validate", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        targets.loader(b"a: 1\n")


def test_the_corpus_is_small() -> None:
    size = sum(path.stat().st_size for path in CORPUS.glob("*.json"))
    assert size < 300_000
