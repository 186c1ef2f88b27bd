"""What ops share: fields, arguments read from signatures, registries, and the rules of shapes and types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from getspec.ops import base
from getspec.ops.base import Function, ShapeError, Size, Tensor

B = Size.runtime("B")


def typed(dtype: str, *shape: Any) -> Tensor:
    return Tensor(dtype, tuple(each if isinstance(each, Size) else Size.of(each) for each in shape))


def refusal(rule: Callable[..., Any], *args: Any) -> tuple[str, str | None, str | None]:
    """Message, help and the argument at fault."""
    with pytest.raises(ShapeError) as caught:
        rule(*args)
    return caught.value.message, caught.value.help, caught.value.argument


def test_fields_say_kind_words_and_limits() -> None:
    assert base.size("a length") == (
        base.REQUIRED,
        {"kind": "int", "doc": "a length", "minimum": 1},
        "",
    )
    assert base.size("a length", minimum=0).metadata["minimum"] == 0
    assert base.integer(3, "a step") == (3, {"kind": "int", "doc": "a step", "minimum": 1}, "")
    assert base.integer(3, "a step", minimum=0).metadata["minimum"] == 0
    limits = {"minimum": 0.0, "below": float("inf")}
    assert base.number(0.5, "a rate") == (0.5, {"kind": "float", "doc": "a rate", **limits}, "")
    assert base.number(0.5, "a rate", minimum=0.1, below=1.0).metadata == {
        "kind": "float",
        "doc": "a rate",
        "minimum": 0.1,
        "below": 1.0,
    }
    assert base.flag(True, "a switch") == (True, {"kind": "bool", "doc": "a switch"}, "")
    words = {"kind": "str", "doc": "a word", "options": ("a", "b")}
    assert base.choice("a", ("a", "b"), "a word") == ("a", words, "")


def test_a_layer_is_a_frozen_record_of_its_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "LAYERS", made := {})

    class Thing(base.Layer):
        """A thing.

        And more of it.
        """

        width: Size = base.size("a width")
        bias: bool = base.flag(True, "a bias")

    thing: Any = base.layer("thing", reference="a paper")(Thing)
    assert made == {"thing": thing}
    assert (thing.type, thing.reference, thing.summary) == ("thing", "a paper", "A thing.")
    assert [(f.name, base.has_default(f)) for f in thing.fields] == [
        ("width", False),
        ("bias", True),
    ]
    one = thing(width=Size.of(3))
    assert (one.width, one.bias) == (3, True)
    assert one == thing(width=Size.of(3), bias=True)
    assert hash(one) == hash(thing(width=Size.of(3)))
    assert one != thing(width=Size.of(3), bias=False)
    with pytest.raises(TypeError, match=r"^thing needs width$"):
        thing()
    with pytest.raises(TypeError, match=r"^thing has no field depth$"):
        thing(width=Size.of(3), depth=2)
    with pytest.raises(AttributeError, match=r"^thing is frozen$"):
        one.width = 4


def test_arguments_are_read_from_a_signature() -> None:
    def rule(
        x: Tensor, dim: int = -1, mask: Tensor | None = None, *rest: Size, **named: Size
    ) -> Any:
        """A rule."""

    function = Function("rule", rule, "a paper")
    assert function.summary == "A rule."
    assert function.arguments == (
        ("x", "Tensor", True, None, ""),
        ("dim", "int", False, -1, ""),
        ("mask", "Tensor | None", False, None, ""),
        ("rest", "Size", False, None, "*"),
        ("named", "Size", False, None, "**"),
    )


@pytest.mark.parametrize(
    ("register", "table"),
    [
        ("products", "PRODUCTS"),
        ("counted", "COUNTED"),
        ("attends", "ATTENDS"),
        ("remembers", "REMEMBERS"),
        ("saves", "SAVES"),
    ],
)
def test_facts_of_an_op_are_kept_by_its_name(
    monkeypatch: pytest.MonkeyPatch, register: str, table: str
) -> None:
    monkeypatch.setattr(base, table, made := {})

    def rule() -> None: ...

    assert getattr(base, register)("thing")(rule) is rule
    assert made == {"thing": rule}


def test_a_function_is_kept_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "FUNCTIONS", made := {})

    def rule(x: Tensor) -> Tensor:
        return x

    assert base.function("thing", reference="a paper")(rule) is rule
    base.function("other", reference="a book", random=True, constant=True)(rule)
    kept = {key: (f.name, f.rule, f.reference, f.random, f.constant) for key, f in made.items()}
    assert kept == {
        "thing": ("thing", rule, "a paper", False, False),
        "other": ("other", rule, "a book", True, True),
    }


def test_axes_count_from_both_ends() -> None:
    x = typed("float", B, 3)
    assert [x.axis(dim) for dim in (-2, -1, 0, 1)] == [0, 1, 0, 1]
    assert x.axis(2, extra=1) == 2, "a place for one more axis"
    for dim in (-3, 2):
        message = f"dim {dim} is out of range for float[B, 3], which has 2 axes"
        assert refusal(x.axis, dim) == (message, None, "dim")


def test_shapes_broadcast_as_in_numpy() -> None:
    assert base.broadcast() == ()
    assert base.broadcast(typed("int", B, 1), typed("int", 3)) == (B, Size.of(3))
    assert base.broadcast(typed("int", 1), typed("int", 5, B)) == (Size.of(5), B)
    a, b = typed("int", B, 2), typed("int", 3)
    message = f"axis -1 is 2 in {a} and 3 in {b}; they do not broadcast"
    assert refusal(base.broadcast, a, b) == (message, None, None)


def test_the_wider_type_wins() -> None:
    order = ("bool", "int", "float", "float32")
    for at, narrow in enumerate(order):
        for wide in order[at:]:
            pair = typed(narrow), typed(wide)
            assert base.promote(*pair) == base.promote(*pair[::-1]) == wide


def test_what_an_input_must_be() -> None:
    ints, island = typed("int", B, 4), typed("float32", B, 4)
    base.require_float(island, "op")
    wanted = ("op wants a float tensor, this is int[B, 4]", "cast(x, float)", "x")
    assert refusal(base.require_float, ints, "op") == wanted
    base.require_model_float(typed("float", B), "op")
    wanted = ("op wants the model's float, this is float32[B, 4]", "cast(x, float)", "x")
    assert refusal(base.require_model_float, island, "op") == wanted
    base.require_last(island, Size.of(4), "dim")
    wanted_last = ("the last axis of float32[B, 4] is 4; dim is 5", None, "x")
    assert refusal(base.require_last, island, Size.of(5), "dim") == wanted_last
    wanted_last = ("the last axis of float[] is missing; dim is 5", None, "x")
    assert refusal(base.require_last, typed("float"), Size.of(5), "dim") == wanted_last


def test_a_probability_is_below_one() -> None:
    base.require_probability(0.0, "p")
    base.require_probability(0.99, "p")
    for p in (-0.1, 1.0):
        assert refusal(base.require_probability, p, "rate")[2] == "rate"
