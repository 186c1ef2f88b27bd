"""Formulas are worked out by the rules of the language: what they evaluate to is what a spec would say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from getspec import ir
from getspec.algebra import Algebra, Condition, Real, Scalar, atom, symbolic
from getspec.elaborate import to_value
from getspec.errors import Span, SpecError
from getspec.evaluate import Evaluator, Scope
from getspec.simplify import settled, simplified
from getspec.sizes import Poly, Size, constant, symbol
from getspec.syntax import Text, parse_expression

EXPRESSIONS = [
    "3 * a + b ** 2 - 1",
    "a / b",
    "a // b",
    "a % b + 1",
    "ceil_div(a, b)",
    "int(r * a)",
    "int(2.5 * a) + round(a / (b + 0.5))",
    "max(a, b) * min(a, 3)",
    "int(sqrt(a)) + int(log(a + 1))",
    "a if b > 2 else b",
    "c[0] * c[1] + len(c)",
    "c[-1] // c[0]",
    "-a + 2 ** (b - b + 3)",
    "int(r * a / b) // 2 * 2",
    "256 * ((int(2 * 4 * a / 3) + 255) // 256)",
    "r * a + 0.5",
    "float(a) / b",
    "a ** b % 7",
]


def config(rng: random.Random) -> dict[str, Any]:
    lengths = [rng.randint(1, 40) for _ in range(2)]
    return {"a": rng.randint(1, 60), "b": rng.randint(1, 9), "r": rng.uniform(0.3, 9), "c": lengths}


def evaluated(text: str, values: dict[str, Any]) -> tuple[ir.Expr | None, frozenset[str]]:
    """An expression as a spec has it, None where it is an error; and the names that chose a side of it."""
    scope = Scope()
    for name, value in values.items():
        scope.setting(name, to_value(value))
    where = Text(text, lambda line, col, width: Span("test", line, col + 1, width))
    try:
        return Evaluator.of(scope, parse_expression(text, where)), frozenset(scope.decided)
    except SpecError:
        return None, frozenset()


def number(value: Any) -> Any:
    return int(value) if isinstance(value, Size) else value


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_formula_evaluates_to_what_the_language_says(text: str, examples: int) -> None:
    rng = random.Random(text)
    tried = 0
    for _ in range(max(examples // 16, 100)):
        here, there = config(rng), config(rng)
        made, fixed = evaluated(text, here)
        if made is None:
            continue
        there |= {name: here[name] for name in fixed}
        other, _ = evaluated(text, there)
        algebra = Algebra()
        names = {n: symbolic(n, to_value(v), fixed) for n, v in here.items()}
        found = algebra.value(made, names)
        form = found.spelled if isinstance(found, Size) else found.form
        assert number(found.value if isinstance(found, Real) else found) == number(made.value)
        flat = {"a": there["a"], "b": there["b"], "r": there["r"]}
        flat |= {f"c[{at}]": item for at, item in enumerate(there["c"])}
        if all(condition.met(flat) for condition in algebra.conditions):
            tried += 1
            assert other is not None, "an error would have broken a condition"
            assert form.evaluate(flat) == number(other.value)
            whole = settled(form, flat)
            assert number(whole.constant if isinstance(whole, Poly) else whole) == number(
                other.value
            )
    assert tried > 1


def test_fixed_names_are_their_values() -> None:
    assert symbolic("a", Size.of(3), frozenset({"a"})).spelled == constant(3)
    assert symbolic("c", (Size.of(3), Size.of(4)), frozenset())[1].spelled == symbol("c[1]")
    assert symbolic("flag", True, frozenset()) is True


def test_conditions_in_words() -> None:
    a, b = symbol("a"), symbol("b")
    assert str(Condition("%", a, b, True)) == "b divides a"
    assert str(Condition("%", a, b, True).opposite()) == "b does not divide a"
    assert str(Condition("<", a, constant(3), False)) == "a >= 3"
    assert not Condition("%", a, b, True).met({"a": 7, "b": 2})
    assert not Condition("%", a, b, True).met({"a": 7, "b": 0})


def test_exact_divisions_are_taken_out_of_formulas() -> None:
    dim, heads = Size.named("dim", 8), Size.named("heads", 4)
    head_dim = dim // heads
    exact = Condition("%", dim.spelled, heads.spelled, True)
    poly, kept = simplified((3 * heads * head_dim * dim).spelled, [exact])
    assert str(poly) == "3*dim**2"
    assert kept == (exact,)
    equal = Condition("==", (heads * head_dim).spelled, dim.spelled, True)
    assert simplified(poly, [equal])[1] == (exact,), "two ways to say the same"


def test_minimums_that_follow_from_others_are_dropped() -> None:
    a, b, one = symbol("a"), symbol("b"), constant(1)
    name, both = Condition("<", a, one, False), Condition("<", a + b, one, False)
    assert simplified(a, [name, both])[1] == (name, both), "b may be anything"
    least = Condition("<", b, one, False)
    assert simplified(a, [name, least, both])[1] == (name, least)


def test_atoms_are_substituted_and_folded() -> None:
    made = atom(Scalar("int", (atom(Scalar("*", (2.5, symbol("a")))),)))
    assert isinstance(made, Poly)
    assert made.evaluate({"a": 3}) == 7
    assert settled(made + symbol("b"), {"a": 3}) == symbol("b") + constant(7)
    assert str(made) == "int(2.5 * a)"
