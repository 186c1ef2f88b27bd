"""Formulas made shorter without a change of what they say, and with numbers put in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec.algebra import Condition, Scalar, atom
from getspec.sizes import Floor, Function, Poly, constant, symbol

__all__ = ["floors", "is_least", "is_name", "settled", "simplified"]


def simplified(poly: Poly, conditions: list[Condition]) -> tuple[Poly, tuple[Condition, ...]]:
    """A formula and its conditions with exact divisions taken out: `h*(d // h)` is d where h divides d."""
    exact: dict[Floor, None] = {}
    rest = []
    for each in conditions:
        floor = _exact(each)
        if floor is None:
            rest.append(each)
        else:
            exact[floor] = None
    least = {c.left for c in rest if is_least(c)}
    found = {Condition("%", _reduced(f.numerator, exact, f), f.divisor, True): None for f in exact}
    for each in rest:
        sides = [
            _reduced(side, exact) if isinstance(side, Poly) else side
            for side in (each.left, each.right)
        ]
        made = Condition(each.relation, sides[0], sides[1], each.holds)
        if sides[0] != sides[1] and (is_least(made) or not _always(made, least)):
            found[made] = None
    return _reduced(poly, exact), tuple(found)


def _exact(condition: Condition) -> Floor | None:
    """The division that a condition says leaves nothing."""
    left, right = condition.left, condition.right
    if not (condition.holds and isinstance(left, Poly) and isinstance(right, Poly)):
        return None
    if condition.relation == "%":
        match left.divide_floor(right).terms:
            case (((Floor() as part,), 1),) if part.numerator * right == left * part.divisor:
                return part
        return None
    if condition.relation != "==":
        return None
    for a, b in ((left, right), (right, left)):
        for part in floors(a):
            if a == part.divisor * atom(part) and b == part.numerator:
                return part
    return None


def _reduced(poly: Poly, exact: Mapping[Floor, None], but: Floor | None = None) -> Poly:
    """Each exact division that is multiplied by its divisor is its numerator."""
    for floor in exact:
        if floor == but or len(floor.divisor.terms) != 1:
            continue
        before, poly = poly, _taken_out(poly, floor)
        while poly != before:
            before, poly = poly, _taken_out(poly, floor)
    return poly


def _taken_out(poly: Poly, floor: Floor) -> Poly:
    parts, scale = floor.divisor.terms[0]
    total = constant(0)
    for monomial, coefficient in poly.terms:
        left = list(monomial)
        fits = floor in left and coefficient % scale == 0
        for part in (floor, *parts) if fits else ():
            if part not in left:
                fits = False
                break
            left.remove(part)
        if fits:
            total = total + Poly(((tuple(left), coefficient // scale),)) * floor.numerator
        else:
            total = total + Poly(((monomial, coefficient),))
    return total


def is_least(condition: Condition) -> bool:
    """Whether a condition says that one name is at least 1."""
    left, right = condition.left, condition.right
    one = isinstance(right, Poly) and right.constant == 1
    return condition.relation == "<" and not condition.holds and one and is_name(left)


def is_name(form: Poly | float) -> bool:
    return isinstance(form, Poly) and form == symbol(str(form))


def _always(condition: Condition, least: set[Poly | float]) -> bool:
    """Whether a minimum holds because names are at least 1, which other conditions say."""
    left, right = condition.left, condition.right
    if condition.relation != "<" or condition.holds:
        return False
    if not (isinstance(left, Poly) and isinstance(right, Poly)):
        return False
    total = constant(0)
    for monomial, coefficient in (left - right).terms:
        term = constant(coefficient)
        for part in monomial:
            above = _above(part, least)
            if above is None:
                return False
            term = term * above
        total = total + term
    return all(coefficient >= 0 for _, coefficient in total.terms)


def _above(part: Any, least: set[Poly | float]) -> Poly | None:
    """A name as 1 and what is above it, a floor of positive sides as 0 and what is above it."""
    if isinstance(part, str):
        known = part[0].isupper() or symbol(part) in least
        return symbol(part) + constant(1) if known else None
    return atom(part) if isinstance(part, Floor) and _positive(part, least) else None


def _positive(part: Floor, least: set[Poly | float]) -> bool:
    sides = (*part.numerator.terms, *part.divisor.terms)
    return all(
        c > 0 and all(isinstance(p, str) and _above(p, least) is not None for p in m)
        for m, c in sides
    )


def settled(form: Any, values: Mapping[str, Any]) -> Any:
    """A formula with numbers put in for some of its names: a polynomial in the others, or a float."""
    if not isinstance(form, Poly):
        return form
    if len(form.terms) == 1 and len(form.terms[0][0]) == 1 and form.terms[0][1] == 1:
        part = form.terms[0][0][0]
        if isinstance(part, str):
            found = values.get(part, form)
            return constant(found) if isinstance(found, int) else found
        return _settled_atom(part, values)
    total = constant(0)
    for monomial, coefficient in form.terms:
        term = constant(coefficient)
        for part in monomial:
            term = term * settled(Poly((((part,), 1),)), values)
        total = total + term
    return total


def _settled_atom(part: Function, values: Mapping[str, Any]) -> Any:
    if isinstance(part, Floor):
        sides = settled(part.numerator, values), settled(part.divisor, values)
        return sides[0].divide_floor(sides[1])
    assert isinstance(part, Scalar)
    made = Scalar(part.op, tuple(settled(each, values) for each in part.args))
    if made.symbols():
        return atom(made)
    number = made.evaluate({})
    return constant(number) if isinstance(number, int) else number


def floors(poly: Poly) -> list[Floor]:
    """The floor divisions in a polynomial, inner ones included."""
    found: list[Floor] = []
    for monomial, _ in poly.terms:
        for part in monomial:
            if isinstance(part, Floor):
                found += [*floors(part.numerator), *floors(part.divisor), part]
    return found
