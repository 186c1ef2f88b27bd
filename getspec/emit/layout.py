"""Line breaks, in the one style of the generated files: what a formatter at 100 columns would leave alone.

A formatter as a dependency was refused because its releases change bytes; a test runs one over everything that is emitted.
Breaks follow three rules: at the brackets that end the line, first all on one line, then an item a line; at `for` in a
generator; before operators, within added parentheses, where a line does not end in brackets.
"""

from __future__ import annotations

from itertools import pairwise

__all__ = ["WIDTH", "fit", "fit_def", "split_top"]

WIDTH = 100
OPEN, CLOSE = "([{", ")]}"
LOOSEST_FIRST = (
    (" or ",),
    (" and ",),
    (" == ", " != ", " < ", " <= ", " > ", " >= "),
    (" | ",),
    (" & ",),
    (" + ", " - "),
    (" * ", " / ", " // ", " % ", " @ "),
    (" ** ",),
)


def fit(line: str, indent: int, *, tail: str = "") -> list[str]:
    """One statement as lines of at most 100 columns; `tail` (`:`, `,`) ends the last."""
    pad = " " * indent
    if len(pad) + len(line) + len(tail) <= WIDTH:
        return [f"{pad}{line}{tail}"]
    start = _last_group(line)
    if start is None or _chain(line) or len(_operators(_right(line))) > 2:
        return _parenthesised(line, indent, tail)
    head, body, close = line[: start + 1], line[start + 1 : -1], line[-1]
    if not body or len(pad) + len(head) > WIDTH:
        return _leading(line, indent, tail) or _parenthesised(line, indent, tail)
    return [f"{pad}{head}", *_body(body, indent + 4), f"{pad}{close}{tail}"]


def fit_def(name: str, args: list[str], result: str, indent: int) -> list[str]:
    """The first line of a function, or its lines: the arguments together, or one a line."""
    pad, joined = " " * indent, ", ".join(args)
    whole = f"{pad}def {name}({joined}) -> {result}:"
    if len(whole) <= WIDTH:
        return [whole]
    inner = f"{pad}    "
    middle = [f"{inner}{joined}"] if len(inner) + len(joined) <= WIDTH else []
    middle = middle or [f"{inner}{arg}," for arg in args]
    return [f"{pad}def {name}(", *middle, f"{pad}) -> {result}:"]


def _body(body: str, indent: int) -> list[str]:
    pad = " " * indent
    items = split_top(body, ", ")
    clauses = _generator(body)
    if clauses:
        element, rest = clauses
        if len(pad) + len(body) <= WIDTH:
            return [f"{pad}{body}"]
        return [*_element(element, indent), *fit(rest, indent)]
    if len(pad) + len(body) <= WIDTH and not body.endswith(","):
        return [f"{pad}{body}"]
    if len(items) == 1 and not body.endswith(","):
        return _item(body, indent)
    return [line for item in items for line in _item(item.rstrip(","), indent, tail=",")]


def _item(text: str, indent: int, *, tail: str = "") -> list[str]:
    """What stands within brackets: where it is too long, it breaks at its operators, or before its calls, as it is."""
    if indent + len(text) + len(tail) <= WIDTH:
        return [f"{' ' * indent}{text}{tail}"]
    sign, rest = _signed(text)
    first, *others = _operators(rest)
    if not others:
        first, *others = _calls(rest) or [rest]
    if not others:
        return fit(text, indent, tail=tail)
    *parts, last = (sign + first, *others)
    lines = [line for part in parts for line in _item(part, indent)]
    return [*lines, *_item(last, indent, tail=tail)]


def _signed(text: str) -> tuple[str, str]:
    """An operator that leads a line, and what it stands before."""
    sign, space, rest = text.partition(" ")
    signs = {each.strip() for group in LOOSEST_FIRST for each in group}
    return (sign + space, rest) if sign in signs else ("", text)


def _right(line: str) -> str:
    """What is assigned or returned."""
    at = _find_top(line, " = ")
    return line[at + 3 :] if at is not None else line.removeprefix("return ")


def _element(element: str, indent: int) -> list[str]:
    """What a generator yields; a choice that is too long goes one branch a line."""
    cuts = sorted([*_all_top(element, " if "), *_all_top(element, " else ")])
    if indent + len(element) <= WIDTH or not cuts:
        return fit(element, indent)
    parts = [element[a:b].strip() for a, b in pairwise([0, *cuts, len(element)])]
    return [line for part in parts for line in fit(part, indent)]


def _parenthesised(line: str, indent: int, tail: str) -> list[str]:
    """`x = a + b` over several lines: parentheses around the right side, operators first."""
    for lead in (" = ", "return "):
        at = _find_top(line, lead)
        if at is None:
            continue
        left, right = line[: at + len(lead)], line[at + len(lead) :]
        pad = " " * indent
        inner = " " * (indent + 4)
        if right.startswith("(") and len(_operators(right)) == 2:
            found = _leading(line, indent, tail)
            if found:
                return found
        if len(inner) + len(right) <= WIDTH:
            return [f"{pad}{left}(", f"{inner}{right}", f"{pad}){tail}"]
        parts = _chain(line) or _operators(right)
        if len(parts) > 1:
            lines = [line for part in parts for line in _item(part, indent + 4)]
            return [f"{pad}{left}(", *lines, f"{pad}){tail}"]
    return [f"{' ' * indent}{line}{tail}"]


def _leading(line: str, indent: int, tail: str) -> list[str]:
    """`x = (a + b) * c` broken within the first brackets that cannot stay whole; empty if none can help."""
    groups = _groups(line)
    for at, (opening, closing) in enumerate(groups):
        last = at + 1 == len(groups)
        reach = len(line) + len(tail) if last else groups[at + 1][0] + 1
        body, rest = line[opening + 1 : closing], line[closing:]
        if indent + reach <= WIDTH or not body:
            continue
        if indent + max(opening + 1, len(rest) + len(tail)) > WIDTH:
            return []
        pad = " " * indent
        return [f"{pad}{line[: opening + 1]}", *_body(body, indent + 4), f"{pad}{rest}{tail}"]
    return []


def _groups(line: str) -> list[tuple[int, int]]:
    """Where the outermost brackets open and close, those of the names that are assigned to aside."""
    at = _find_top(line, " = ")
    found: list[tuple[int, int]] = []
    depth, opening, quote = 0, 0, ""
    for place in range(0 if at is None else at + 3, len(line)):
        char = line[place]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in OPEN:
            opening = opening if depth else place
            depth += 1
        elif char in CLOSE:
            depth -= 1
            if not depth:
                found.append((opening, place))
    return found


def _chain(line: str) -> list[str]:
    """`value.f(...).g(...)` cut before its calls, where it is all that stands on the right."""
    at = _find_top(line, " = ")
    right = line[at + 3 :] if at is not None else line.removeprefix("return ")
    if at is None and right == line:
        return []
    if len(_operators(right)) > 1 or len(split_top(right, ", ")) > 1:
        return []
    return _calls(right)


def _calls(text: str) -> list[str]:
    """An operand cut before the methods that are called on what a call returns, where there are several."""
    dots = [
        at
        for at in _all_top(text, ".")
        if text[at + 1 :].partition("(")[0].isidentifier() and "(" in text[at:]
    ]
    calls = [dot for dot in dots if text[dot - 1] in CLOSE]
    if len(calls) < 2:
        return []
    bounds = [0, *calls, len(text)]
    return [text[a:b] for a, b in pairwise(bounds)]


def _operators(text: str) -> list[str]:
    """The operands of the loosest operator, each but the first led by its operator."""
    for group in LOOSEST_FIRST:
        cuts = sorted(at for sign in group for at in _all_top(text, sign))
        if cuts:
            bounds = [0, *(cut + 1 for cut in cuts), len(text)]
            return [text[a:b].strip() for a, b in pairwise(bounds)]
    return [text]


def _generator(body: str) -> tuple[str, str] | None:
    at = _find_top(body, " for ")
    return None if at is None else (body[:at], body[at + 1 :])


def _last_group(line: str) -> int | None:
    """Where the brackets open that close at the very end of the line."""
    if not line or line[-1] not in CLOSE:
        return None
    stack: list[int] = []
    quote = ""
    start = None
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in OPEN:
            stack.append(at)
        elif char in CLOSE:
            start = stack.pop()
    return start


def split_top(text: str, separator: str) -> list[str]:
    """The text cut at a separator outside all brackets and strings."""
    cuts = _all_top(text, separator)
    bounds = [-len(separator), *cuts, len(text)]
    return [text[a + len(separator) : b] for a, b in pairwise(bounds)]


def _find_top(text: str, word: str) -> int | None:
    return next(iter(_all_top(text, word)), None)


def _all_top(text: str, word: str) -> list[int]:
    found: list[int] = []
    depth, quote = 0, ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
            continue
        if depth == 0 and text.startswith(word, at):
            found.append(at)
        if char in "\"'":
            quote = char
        elif char in OPEN:
            depth += 1
        elif char in CLOSE:
            depth -= 1
    return found
