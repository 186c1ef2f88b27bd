"""Two texts have one form exactly when they compute the same from the same parts in the same order."""

from __future__ import annotations

import pytest

from getspec.passes.normal import names_in, normal


def form(text: str, **known: str) -> str:
    return normal(text, ["x"], known)


SAME = [
    ("y = f(x)\nreturn g(y)", "x = f(x)\nreturn g(x)"),
    ("a, b = chunk(x, 2)\nreturn a * b", "u, v = chunk(x, 2)\nreturn u * v"),
    ("for l in ls:\n  x = l(x)\nreturn x", "for layer in ls:\n  x = layer(x)\nreturn x"),
    (
        "for l in ls:\n  h = l(x)\n  x = f(h)\nreturn x",
        "for l in ls:\n  x = l(x)\n  x = f(x)\nreturn x",
    ),
    ("return f(x)  # a comment", "return f( x )"),
]
OTHER = [
    ("y = f(x)\nreturn g(y)", "y = f(x)\nreturn g(x)"),
    ("a, b = chunk(x, 2)\nreturn a - b", "b, a = chunk(x, 2)\nreturn a - b"),
    ("for l in ls:\n  y = l(x)\nreturn y", "for l in ls:\n  x = l(x)\nreturn x"),
    ("if flag:\n  x = f(x)\nreturn x", "if flag:\n  y = f(x)\nreturn x"),
    ("return f(x) + g(x)", "return g(x) + f(x)"),
    (
        "s = []\nfor l in ls:\n  s.append(l(x))\nreturn s",
        "s = []\nfor l in ls:\n  s.append(x)\nreturn s",
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_of_values_do_not_matter(one: str, other: str) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_is_computed_does(one: str, other: str) -> None:
    assert form(one) != form(other)


def test_parts_are_called_what_the_other_model_calls_them() -> None:
    assert form("return fc(x)", fc="dense") == form("return dense(x)")
    assert form("return fc(x)") != form("return dense(x)")


def test_every_name_that_is_used_is_found() -> None:
    assert names_in("y = f(x, dim)\nreturn y") == {"y", "f", "x", "dim"}
    assert names_in("") == set()
