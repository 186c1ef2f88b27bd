"""Fitting a caller's tensors to declared ones: what fits is solved exactly, and what does not names both axes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getspec.ir import Input
from getspec.ops.base import ShapeError, Tensor
from getspec.sizes import Size
from getspec.unify import bind, substituted

B, N, M = (Size.runtime(name) for name in "BNM")


def tensor(*shape: Size | int, dtype: str = "float") -> Tensor:
    return Tensor(dtype, tuple(map(Size.of, shape)))


def fit(declared: Tensor, given: Tensor) -> dict[str, Size]:
    return bind((Input("x", declared),), {"x": given}, "`Net`")


def refused(declared: Tensor, given: Tensor) -> str:
    with pytest.raises(ShapeError) as caught:
        fit(declared, given)
    assert caught.value.argument == "x", "the culprit is named, for the caret"
    return caught.value.message


lengths = st.integers(1, 40)


@given(lengths, lengths, st.integers(1, 9), st.integers(0, 9))
def test_what_is_bound_gives_the_actual_shape(b: int, n: int, scale: int, more: int) -> None:
    declared, actual = tensor(B, scale * N + more, B), tensor(b, scale * n + more, b)
    bound = fit(declared, actual)
    assert substituted(declared, bound) == actual
    assert bound["N"] == n


@given(lengths, st.integers(2, 9))
def test_a_declared_multiple_promises_that_it_divides(n: int, scale: int) -> None:
    if n % scale:
        assert f"is {n}" in refused(tensor(scale * N), tensor(n))
    else:
        assert fit(tensor(scale * N), tensor(n))["N"] == n // scale


@given(lengths, lengths)
def test_one_name_is_one_size(a: int, b: int) -> None:
    if a == b:
        assert fit(tensor(N, N), tensor(a, b)) == {"N": Size.of(a)}
    else:
        assert f"axis 1 is {b}" in refused(tensor(N, N), tensor(a, b))


@given(lengths, lengths)
def test_axes_wait_for_each_other(b: int, n: int) -> None:
    """`B*N` is fitted once `B` is known from a later axis."""
    bound = fit(tensor(B * N, B), tensor(b * n, b))
    assert bound == {"B": Size.of(b), "N": Size.of(n)}


def test_names_are_solved_in_the_caller_s_words() -> None:
    assert fit(tensor(B, N), tensor(M, 2 * M + 1)) == {"B": M, "N": 2 * M + 1}


def test_a_product_of_unknowns_is_refused() -> None:
    with pytest.raises(ShapeError, match="more than one name"):
        fit(tensor(B * N), tensor(12))


def test_a_mismatch_shows_both_types() -> None:
    dim = Size.named("dim", 8)
    message = refused(tensor(B, dim), tensor(3, 4))
    assert message == (
        "`x` of `Net` is float[B, 8 (dim)], this is float[3, 4]: axis 1 is 4, and `Net` wants 8 (dim)"
    )


def test_ranks_and_dtypes() -> None:
    assert refused(tensor(B, N), tensor(3)).endswith("1 axes, and `Net` wants 2")
    with pytest.raises(ShapeError) as caught:
        fit(tensor(B), tensor(3, dtype="float32"))
    assert caught.value.help == "cast(x, float)"
    with pytest.raises(ShapeError) as caught:
        fit(tensor(B, dtype="bool"), tensor(3))
    assert caught.value.help is None, "no cast makes a mask of numbers"


def test_lists_of_tensors() -> None:
    declared = Input("xs", (tensor(B, 4), tensor(B, 8)))
    good = (tensor(3, 4), tensor(3, 8))
    assert bind((declared,), {"xs": good}, "`Net`") == {"B": Size.of(3)}
    for wrong in (good[:1], tensor(3, 4), (tensor(3, 4), tensor(2, 8))):
        with pytest.raises(ShapeError):
            bind((declared,), {"xs": wrong}, "`Net`")
    with pytest.raises(ShapeError, match="one tensor"):
        bind((Input("x", tensor(B)),), {"x": (tensor(3),)}, "`Net`")


def test_substitution_reaches_into_results() -> None:
    result = (tensor(B, N), (tensor(N),))
    assert substituted(result, {"N": Size.of(5)}) == (tensor(B, 5), (tensor(5),))
    assert substituted("word", {"N": Size.of(5)}) == "word"
