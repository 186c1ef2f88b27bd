"""One slip, one diagnostic: a share of what `bench/mutations.py` measures on 1,000 slips in the committed specs."""

from __future__ import annotations

import pytest
from mutants import KINDS, Judged, sample

NUMBER, SEED = 100, 7


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    """Slips of every kind that are refused; those that leave a legal spec are none that a compiler could find."""
    return [each for each in sample(NUMBER, SEED) if not each.legal]


def listed(found: list[Judged]) -> str:
    return "\n".join(f"{each.mutant}: {[str(error) for error in each.errors]}" for each in found)


def test_one_slip_gives_one_diagnostic(judged: list[Judged]) -> None:
    several = [each for each in judged if len(each.errors) > 1]
    assert len(several) <= NUMBER * 5 // 100, f"the cause once, no consequences:\n{listed(several)}"


def test_no_slip_gives_more_than_three(judged: list[Judged]) -> None:
    many = [each for each in judged if len(each.errors) > 3]
    assert not many, f"a wall of errors hides the one that counts:\n{listed(many)}"


def test_a_misspelt_key_is_mended_by_its_help(judged: list[Judged]) -> None:
    keys = [each for each in judged if each.mutant.kind == "key"]
    lost = [each for each in keys if not each.undone]
    assert len(lost) <= len(keys) * 5 // 100, f"carrying out the help undoes it:\n{listed(lost)}"


def test_a_misspelt_name_is_offered(judged: list[Judged]) -> None:
    names = [each for each in judged if each.mutant.kind == "name"]
    lost = [each for each in names if not each.suggested]
    assert len(lost) <= len(names) * 5 // 100, f"what was meant is named:\n{listed(lost)}"


def test_every_error_has_its_place(judged: list[Judged]) -> None:
    homeless = [each for each in judged if any(error.span is None for error in each.errors)]
    assert not homeless, f"file, line and column:\n{listed(homeless)}"


def test_all_kinds_of_slip_are_drawn(judged: list[Judged]) -> None:
    assert {each.mutant.kind for each in judged} == set(KINDS), "the share stands for the whole"
