"""Diagnostics to mistakes: what follows from one slip is one diagnostic, with notes for the other places.

The steps of the compiler report what they find where they find it. A config entry that is gone is missed by every expression
that reads it, and a block that is used at two sizes is wrong at both; people have one thing to mend. Keeping such state in
every step was refused: each would need to know what the others have said.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable

from getspec.errors import MAX_NOTES, Diagnostic, Fix, Note

__all__ = ["mistakes"]

UNKNOWN = ("GS210", "GS416")
"""A name that nothing declares, as a value and as what is called; several that are like nothing lack one library."""
SAME_WORDS = re.compile("GS101|GS102|GS2..|GS301|GS304|GS305|GS4..")
"""Codes whose messages name what is wrong: where the words are the same, so is the mistake."""
WHOSE = re.compile(r"[\w.*-]+: ")
"""The component or op that a message begins with."""


def mistakes(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """One diagnostic for each mistake, in the order they were found."""
    once: dict[object, Diagnostic] = {}
    for each in found:
        once.setdefault((each.code, each.span or each.message), each)
    causes: dict[Hashable, list[Diagnostic]] = {}
    for each in once.values():
        causes.setdefault(_cause(each), []).append(each)
    return tuple(_with_help(_with_others(first, others)) for first, *others in causes.values())


def _with_help(found: Diagnostic) -> Diagnostic:
    """Where the place of an error tells no fix, its code does."""
    if found.help is not None:
        return found
    from getspec.codes import REMEDIES

    return found._replace(help=REMEDIES.get(found.code))


def _cause(found: Diagnostic) -> Hashable:
    """What two diagnostics of one mistake have in common."""
    file = found.span and found.span.file
    if found.code in UNKNOWN and (name := re.search("`(.*?)`", found.message)):
        strange = found.code == "GS416" and not isinstance(found.help, Fix)
        return UNKNOWN, file, found.help if strange else name[1]
    if SAME_WORDS.fullmatch(found.code):
        return found.severity, found.code, WHOSE.sub("", found.message, count=1), found.help
    return found.severity, found.code, found.span, found.message


def _with_others(first: Diagnostic, others: list[Diagnostic]) -> Diagnostic:
    """A diagnostic with a note for each other place of its mistake."""
    room = MAX_NOTES - len(first.notes)
    shown: list[Note] = [
        ("also here" if each.message == first.message else each.message, each.span)
        for each in others[:room]
    ]
    left = len(others) - len(shown)
    if left:
        shown.append((f"and at {left} more {'place' if left == 1 else 'places'}", None))
    return first._replace(notes=(*first.notes, *shown)) if shown else first
