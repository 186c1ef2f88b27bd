"""Conditions that follow from others: what a reader of a formula need not be told.

A condition is left out only where the rest decides it for all integers. What divides a size is a factor of it, what is said of
a name alone is a range of it, and a polynomial in names that are at least some number is at least what it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import gcd
from typing import Any

from getspec.algebra import OPPOSITE, Condition, atom
from getspec.simplify import floors, is_least, is_name
from getspec.sizes import Floor, Poly, constant, symbol

__all__ = ["evident", "needed"]


def evident(condition: Condition, among: Iterable[Condition]) -> bool:
    """Whether a condition holds for all sizes of at least 1 that divide as others say."""
    left, right = condition.left, condition.right
    if condition.relation == "%" or not (isinstance(left, Poly) and isinstance(right, Poly)):
        return False
    parts = _parts(among)
    over, under = (_least_value(_in_parts(p, parts)) for p in (left - right, right - left))
    return _holds(condition, left == right, over, under)


def _holds(condition: Condition, same: bool, over: float, under: float) -> bool:
    """Whether a relation is certain where left is so much over right at the least, and under it."""
    relation = condition.relation if condition.holds else OPPOSITE[condition.relation]
    return {
        "==": same,
        "!=": max(over, under) >= 1,
        ">=": over >= 0,
        ">": over >= 1,
        "<=": under >= 0,
        "<": under >= 1,
    }[relation]


def _parts(among: Iterable[Condition]) -> dict[Any, tuple[Poly, Poly]]:
    """Of each name or division that something divides: the divisor, and a name for what is left."""
    found: dict[Any, tuple[Poly, Poly]] = {}
    for each in among:
        left, by = each.left, each.right
        if each.relation == "%" and each.holds and isinstance(left, Poly) and isinstance(by, Poly):
            factors = left.terms[0][0] if len(left.terms) == 1 and left.terms[0][1] == 1 else ()
            if len(factors) == 1 and left != by:
                found.setdefault(factors[0], (by, symbol(f"({left}) / ({by})")))
    return found


def _in_parts(poly: Poly, parts: Mapping[Any, tuple[Poly, Poly]]) -> Poly:
    total = constant(0)
    for monomial, coefficient in poly.terms:
        term = constant(coefficient)
        for part in monomial:
            if (known := _quotient(part, parts)) is not None:
                term = term * known
            elif part in parts:
                by, quotient = parts[part]
                term = term * by * quotient
            else:
                term = term * Poly((((part,), 1),))
        total = total + term
    return total


def _quotient(floor: Any, parts: Mapping[Any, tuple[Poly, Poly]]) -> Poly | None:
    for part, (by, quotient) in parts.items():
        if floor == Floor(Poly((((part,), 1),)), by):
            return quotient
    return None


def needed(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Conditions on sizes without those that follow from the others."""
    among, ranges = _enclosed(_ordered(map(_cancelled, conditions)))
    numbers = {_single(c.left): c.right for c in among if _is_number(c)}
    among = [c if _is_number(c) else _with(c, numbers) for c in among]
    known = _fixed_within(among, ranges)
    parts = _parts(sorted(among, key=lambda c: not is_name(c.right)))
    stated = _stated(among, parts) | _least_within(among, ranges)
    least = _left(stated, parts)
    strongest = _strongest(among)
    found = []
    for each in among:
        part, bound = _single(each.left), _bound(each)
        defines = each.relation == "%" and part in parts and parts[part][0] == each.right
        if _is_number(each) or defines:
            found.append(each)  # what follows is worked out from it
        elif bound is None:
            found += [] if _follows(_with(each, known), parts, least) else [each]
        elif strongest[bound[0]] is each and (
            part not in parts
            or _quotient(part, parts) is not None
            or not _follows(each, parts, stated)
        ):
            found.append(each)
    return tuple(found)


def _strongest(conditions: Iterable[Condition]) -> dict[Any, Condition]:
    """Of each name or division, the condition that says most of what it is at least."""
    found: dict[Any, tuple[int, Condition]] = {}
    for each in conditions:
        bound = _bound(each)
        if bound is not None and (bound[0] not in found or bound[1] > found[bound[0]][0]):
            found[bound[0]] = bound[1], each
    return {part: each for part, (_, each) in found.items()}


def _cancelled(condition: Condition) -> Condition:
    """A condition without what both sides add, and without a number that divides them."""
    left, right = condition.left, condition.right
    if condition.relation == "%" or not (isinstance(left, Poly) and isinstance(right, Poly)):
        return condition
    terms = (left - right).terms
    by = gcd(*(coefficient for _, coefficient in terms)) or 1
    sides = [Poly(tuple((m, abs(c) // by) for m, c in terms if sign * c > 0)) for sign in (1, -1)]
    return Condition(condition.relation, sides[0], sides[1], condition.holds)


def _is_number(condition: Condition) -> bool:
    """Whether a condition says of one name which number it is."""
    right = condition.right
    told = condition.relation == "==" and condition.holds and is_name(condition.left)
    return told and isinstance(right, Poly) and right.constant is not None


def _with(condition: Condition, known: Mapping[Any, Any]) -> Condition:
    """A condition with what is known put in."""
    left, right = (
        _put(side, known) if isinstance(side, Poly) else side
        for side in (condition.left, condition.right)
    )
    return Condition(condition.relation, left, right, condition.holds)


def _put(poly: Poly, known: Mapping[Any, Any]) -> Poly:
    total = constant(0)
    for monomial, coefficient in poly.terms:
        term = constant(coefficient)
        for part in monomial:
            term = term * known.get(part, Poly((((part,), 1),)))
        total = total + term
    return total


WIDEST = 1 << 12
"""Ranges of a size that are gone through number by number."""


def _enclosed(conditions: list[Condition]) -> tuple[list[Condition], dict[str, range]]:
    """What is said of one name alone as a range of it, where a division of it is known to be some number."""
    ranges: dict[str, range] = {}
    for name in sorted(frozenset().union(*(each.symbols() for each in conditions))):
        alone = [each for each in conditions if each.symbols() == {name}]
        within = next(filter(None, map(_range, alone)), None)
        if within is None:
            continue
        numbers = [n for n in within if all(each.met({name: n}) for each in alone)]
        if numbers and numbers == list(range(numbers[0], numbers[-1] + 1)):
            ranges[name] = range(numbers[0], numbers[-1] + 1)
            ends = (
                Condition("<", symbol(name), constant(numbers[0]), False),
                Condition(">", symbol(name), constant(numbers[-1]), False),
            )
            conditions = [*ends, *(each for each in conditions if each not in alone)]
    return conditions, ranges


def _range(condition: Condition) -> range | None:
    """Where the division of a name by a number is what a condition says."""
    part, number = _single(condition.left), condition.right
    if not (condition.relation == "==" and condition.holds and isinstance(number, Poly)):
        return None
    if not isinstance(part, Floor) or not is_name(part.numerator) or number.constant is None:
        return None
    by = part.divisor.constant
    if by is None or not 0 < by <= WIDEST:
        return None
    return range(number.constant * by, (number.constant + 1) * by)


def _within(
    conditions: list[Condition], ranges: Mapping[str, range]
) -> Iterator[tuple[Any, list[int]]]:
    """What each division of a name with a range is in it."""
    forms = [side for each in conditions for side in (each.left, each.right)]
    for part in {part for form in forms if isinstance(form, Poly) for part in floors(form)}:
        for name in part.symbols() & ranges.keys():
            if part.symbols() == {name}:
                yield part, [part.evaluate({name: n}) for n in ranges[name]]


def _least_within(conditions: list[Condition], ranges: Mapping[str, range]) -> dict[Any, int]:
    return {part: min(numbers) for part, numbers in _within(conditions, ranges)}


def _fixed_within(conditions: list[Condition], ranges: Mapping[str, range]) -> dict[Any, Poly]:
    """Divisions that are one number all over a range."""
    return {
        part: constant(numbers[0])
        for part, numbers in _within(conditions, ranges)
        if len(set(numbers)) == 1
    }


def _ordered(conditions: Iterable[Condition]) -> list[Condition]:
    """One condition for all that is said of two sizes: what is neither equal nor less is more."""
    said: dict[tuple[Poly, Poly], list[Condition]] = {}
    rest = []
    for each in conditions:
        left, right = each.left, each.right
        if each.relation == "%" or not (isinstance(left, Poly) and isinstance(right, Poly)):
            rest.append(each)
        elif (right, left) in said or (left.constant is not None and (left, right) not in said):
            relation = TURNED[each.relation]
            said.setdefault((right, left), []).append(Condition(relation, right, left, each.holds))
        else:
            said.setdefault((left, right), []).append(each)
    exact = _parts(rest)
    positive = {_single(c.left) for found in said.values() for c in found if is_least(c)}
    for (left, right), found in said.items():
        relations = {c.relation if c.holds else OPPOSITE[c.relation] for c in found}
        part = _single(left)
        named = part in positive or (isinstance(part, str) and part[0].isupper())
        if right.constant == 1 and (named or _quotient(part, exact) is not None):
            relations.add(">=")
        strict = relations & {"<", ">", "!="}
        signs = {sign for each in relations for sign in "<>" if sign in each.strip("!")}
        if "==" in relations or len(signs) != 1:
            rest += found
        elif strict:
            rest.append(Condition(signs.pop(), left, right, True))
        else:
            rest.append(Condition("<" if signs == {">"} else ">", left, right, False))
    return rest


TURNED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _bound(condition: Condition) -> tuple[Any, int] | None:
    """The name or division of which a condition says that it is at least a number, and that number."""
    left, right = condition.left, condition.right
    relation = condition.relation if condition.holds else OPPOSITE.get(condition.relation, "%")
    if not (isinstance(left, Poly) and isinstance(right, Poly)):
        return None
    if relation in ("<", "<="):
        left, right, relation = right, left, TURNED[relation]
    number, part = right.constant, _single(left)
    if part is None or number is None or relation not in (">", ">="):
        return None
    return part, number + 1 if relation == ">" else number


def _single(form: Poly | float) -> Any:
    """The one name or division that a formula is."""
    match form:
        case Poly((((part,), 1),)):
            return part
    return None


def _stated(
    conditions: Iterable[Condition], parts: Mapping[Any, tuple[Poly, Poly]]
) -> dict[Any, int]:
    """What names and divisions are said to be at least."""
    found: dict[Any, int] = {}
    for each in conditions:
        bound = _bound(each)
        if bound is not None:
            part, number = bound
            known = _quotient(part, parts)
            key = part if known is None else _single(known)
            found[key] = max(number, found.get(key, number))
    return found


def _left(stated: Mapping[Any, int], parts: Mapping[Any, tuple[Poly, Poly]]) -> dict[Any, int]:
    """The same, and 1 for what is left of a positive size that something positive divides."""
    found = dict(stated)
    for _ in parts:
        for part, (by, quotient) in parts.items():
            if found.get(part, 0) >= 1 and _least_value(by, found) >= 1:
                found.setdefault(_single(quotient), 1)
    return found


def _follows(
    condition: Condition, parts: Mapping[Any, tuple[Poly, Poly]], least: Mapping[Any, int]
) -> bool:
    """Whether a condition holds for all names that are at least what is said of them."""
    left, right = condition.left, condition.right
    if not (isinstance(left, Poly) and isinstance(right, Poly)):
        return False
    for _ in parts:
        left, right = _in_parts(left, parts), _in_parts(right, parts)
    over, under = (_least_value(side, least) for side in (left - right, right - left))
    if condition.relation == "%":
        if condition.holds:
            return _least_value(right, least) >= 1 and left._quotient(right) is not None
        return under >= 1 and _least_value(left, least) >= 1
    return _holds(condition, left == right, over, under)


def _least_value(poly: Poly, least: Mapping[Any, int] | None = None) -> float:
    """A number that a polynomial is never below, if its names are at least 1 and its divisions at least 0."""
    total = constant(0)
    for monomial, coefficient in poly.terms:
        term = constant(coefficient)
        for part in monomial:
            if least is not None and part in least:
                term = term * (Poly((((part,), 1),)) + constant(least[part]))
            elif isinstance(part, str) and (least is None or part[0].isupper()):
                term = term * (symbol(part) + constant(1))
            elif isinstance(part, Floor) and _grows(part):
                term = term * atom(part)
            else:
                return float("-inf")
        total = total + term
    if any(coefficient < 0 for monomial, coefficient in total.terms if monomial):
        return float("-inf")
    return sum(coefficient for monomial, coefficient in total.terms if not monomial)


def _grows(floor: Floor) -> bool:
    """Whether a division is of sums of names."""
    sides = (*floor.numerator.terms, *floor.divisor.terms)
    return all(c > 0 and all(isinstance(part, str) for part in m) for m, c in sides)
