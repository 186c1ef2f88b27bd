"""The gate of mutation testing lets nothing through: each way in which a run can be worse than it looks is planted here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from gate import Mutant, Outcome, figures, judge, read_survivors

ONE = Mutant("getspec/a.py", "f", "return a + b", "return a - b")
TWO = Mutant("getspec/a.py", "f", "return a < b", "return a <= b")
KILLED, SURVIVED, NO_TESTS, TIMEOUT, CRASH = 1, 0, 33, 36, -11


def run(**codes: int) -> list[Outcome]:
    """Twenty mutants that are killed, and some that end otherwise."""
    dead = [Outcome(Mutant("getspec/a.py", f"g{at}", "1", "2"), KILLED) for at in range(20)]
    named = {"one": ONE, "two": TWO}
    return dead + [Outcome(named[name], code) for name, code in codes.items()]


def complaints(outcomes: list[Outcome], known: list[Mutant]) -> list[str]:
    return list(judge(outcomes, known, [outcome.mutant for outcome in outcomes]))


def test_all_killed_is_good() -> None:
    assert complaints(run(one=KILLED), []) == []


@pytest.mark.parametrize("code", [SURVIVED, NO_TESTS, TIMEOUT, CRASH, 3, 2])
def test_only_a_failing_test_kills(code: int) -> None:
    (found,) = complaints(run(one=code), [])
    assert found.startswith("lives and is not listed: getspec/a.py, f")
    assert "+ return a - b" in found, "the change is shown"


def test_a_planted_survivor_is_seen_beside_listed_ones() -> None:
    (found,) = complaints(run(one=SURVIVED, two=SURVIVED), [ONE])
    assert TWO.becomes in found


def test_a_survivor_that_is_listed_once_may_live_once() -> None:
    outcomes = [*run(one=SURVIVED), Outcome(ONE, SURVIVED)]
    assert len(complaints(outcomes, [ONE])) == 1
    assert complaints(outcomes, [ONE, ONE]) == []


def test_a_listed_survivor_that_is_killed_leaves_the_list() -> None:
    (found,) = complaints(run(one=KILLED), [ONE])
    assert found.startswith("listed as living, and killed now")


def test_a_listed_survivor_that_is_gone_leaves_the_list() -> None:
    (found,) = complaints(run(), [ONE])
    assert found.startswith("listed, and there is no such mutant")


def test_the_list_of_other_modules_is_left_alone() -> None:
    assert complaints(run(), [ONE._replace(file="getspec/b.py")]) == []


def test_what_was_not_in_the_sample_is_not_judged() -> None:
    outcomes = run()
    existing = [*(outcome.mutant for outcome in outcomes), ONE]
    assert list(judge(outcomes, [ONE], existing)) == []


def test_listed_survivors_count_against_the_score() -> None:
    """Otherwise a long list would make any score."""
    outcomes = [Outcome(ONE, SURVIVED)] * 3 + run()
    (found,) = complaints(outcomes, [ONE] * 3)
    assert found == "getspec/a.py: 20 of 23 killed, which is below 90%"


def test_figures_hide_nothing() -> None:
    outcomes = [*run(one=TIMEOUT, two=NO_TESTS), Outcome(ONE, SURVIVED), Outcome(ONE, CRASH)]
    assert figures(outcomes, 100) == {
        "mutants": 100,
        "run": 24,
        "killed": 20,
        "no tests": 1,
        "survived": 1,
        "suspicious": 1,
        "timeout": 1,
        "score": 0.8333,
    }


def test_a_survivor_without_a_reason_is_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "survivors.yaml"
    path.write_text('getspec/a.py: [{function: f, was: a, becomes: b, reason: ""}]')
    with pytest.raises(ValueError, match="why does it live"):
        read_survivors(path)


def test_the_committed_list_is_read() -> None:
    found = read_survivors(Path(__file__).parent / "survivors.yaml")
    assert all((Path(__file__).parents[2] / mutant.file).exists() for mutant in found)


def test_a_decorator_is_written_as_a_call() -> None:
    """In the order in which Python applies them, and with nothing else changed."""
    from run import bare

    module = """\
made = []
def named(name, *, twice=False):
    return lambda f: made.append((name, twice, f(2))) or f


@named("outer")
@named(
    "inner",  # the first to be applied
    twice=True,
)
def one(x):
    \"\"\"Kept.\"\"\"
    return x + 1
@named("two")
def two(x):
    return x * 3


def three(x):
    @named("within")
    def four(x):
        return x
    return four
"""
    shown = bare(module)
    found = []
    for text in (module, shown):
        names: dict[str, Any] = {}
        exec(text, names)
        found.append((names["made"], names["one"](1), names["one"].__doc__, names["two"](1)))
    assert found[0] == found[1]
    assert found[0][0] == [("inner", True, 3), ("outer", False, 3), ("two", False, 6)]
    assert shown.count("\n@") == 0 < module.count("\n@")


def test_a_survivor_planted_in_a_project_is_found(tmp_path: Path) -> None:
    """The whole way, through mutmut: of two functions one has a test that looks away, and a decorator."""
    if shutil.which("mutmut") is None:
        pytest.skip("runs where mutmut is installed: nox -s mutate")
    from run import run as run_mutants

    package, tests = tmp_path / "planted", tmp_path / "tests"
    package.mkdir()
    tests.mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "planted"\nversion = "1"\n')
    (package / "__init__.py").write_text("")
    (package / "sums.py").write_text(
        "from functools import cache\n\n\n"
        "def held(a, b):\n    return a + b\n\n\n"
        "@cache\ndef missed(a, b):\n    return a + b\n"
    )
    (tests / "test_sums.py").write_text(
        "from planted.sums import held, missed\n\n\n"
        "def test_held():\n    assert held(2, 3) == 5\n\n\n"
        "def test_missed():\n    assert missed(2, 0) == 2\n"
    )
    outcomes, existing, _ = run_mutants(
        "planted/sums.py", ["tests/test_sums.py"], None, 1, root=tmp_path
    )
    found = list(judge(outcomes, [], existing))
    assert {outcome.mutant.function: outcome.status for outcome in outcomes} == {
        "held": "killed",
        "missed": "survived",
    }
    assert [line.partition(":")[0] for line in found] == [
        "planted/sums.py",
        "lives and is not listed",
    ]
