"""Records: frozen nodes with the manners of a dataclass."""

from __future__ import annotations

import pytest

from getspec.record import Record, replaced


class Point(Record):
    """Two numbers, one with a default."""

    x: int
    y: int = 7


class Named(Point):
    """A point with a name; the fields of the base come first."""

    name: str = ""


def test_fields_are_given_by_position_or_by_name() -> None:
    assert (Point(1, 2).x, Point(1, y=2).y, Point(x=1).y) == (1, 2, 7)
    assert Named(1, 2, "a").name == Named(1, name="a").name == "a"


def test_patterns_take_them_apart() -> None:
    match Named(1, 2, "a"):
        case Named(x, y, name):
            assert (x, y, name) == (1, 2, "a")


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1,), {"x": 1})]
)
def test_what_does_not_fit_is_refused(args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point"):
        Point(*args, **kwargs)


def test_a_record_is_frozen_and_equal_to_itself_only() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]
    assert point == point
    assert point != Point(1)


def test_a_copy_changes_some_fields() -> None:
    assert repr(replaced(Named(1, name="a"), y=3)) == "Named(x=1, y=3, name='a')"
