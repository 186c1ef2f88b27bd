"""Diagnostics to mistakes: what follows from one slip is one diagnostic, with notes for the other places.

The steps of the compiler report what they find where they find it. A config entry that is gone is missed by every expression
that reads it, and a block that is used at two sizes is wrong at both; people have one thing to mend. Keeping such state in
every step was refused: each would need to know what the others have said.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping

from getspec.errors import MAX_NOTES, Diagnostic, Fix, Note, Span

__all__ = ["mistakes"]

UNKNOWN = ("GS210", "GS416")
"""A name that nothing declares, as a value and as what is called; several that are like nothing lack one library."""
SAME_WORDS = re.compile("GS10[12] (block `|a block )|GS2|GS301|GS304|GS305|GS4")
"""Diagnostics of which two with the same words are one mistake, if the words name a thing: `division by zero` may be two."""
NAMED = re.compile(r"`|\[")
"""A name, or the type of a tensor."""
WHOSE = re.compile(r"[\w.*-]+: ")
"""The component or op that a message begins with."""


def mistakes(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """One diagnostic for each mistake, in the order they were found; warnings where there is no error.

    What is unused may be so because of an error, so it says no more than where a slip is.
    """
    once: dict[object, Diagnostic] = {}
    for each in found:
        once.setdefault((each.code, each.span or each.message), each)
    told = [each for each in once.values() if each.severity == "error"] or list(once.values())
    causes: dict[Hashable, list[Diagnostic]] = {}
    for each in told:
        causes.setdefault(_cause(each), []).append(each)
    unread = _unread(once.values())
    return tuple(_with_help(_told(group, unread)) for group in causes.values())


def _unread(found: Iterable[Diagnostic]) -> dict[tuple[str, str], Span]:
    """What is declared and read nowhere, by its file and name."""
    named = (
        (each.span, re.search("`(.*?)`", each.message)) for each in found if each.code == "GS405"
    )
    return {(span.file, name[1]): span for span, name in named if span and name}


def _told(group: list[Diagnostic], unread: Mapping[tuple[str, str], Span]) -> Diagnostic:
    """A mistake at its cause: of a name with two uses or more, the slip is in the declaration."""
    first, *others = group
    if first.code not in UNKNOWN or first.span is None or not isinstance(first.help, Fix):
        return _with_others(first, others)
    declared = unread.get((first.span.file, first.help.text))
    name = re.search("`(.*?)`", first.message)
    if declared is None or name is None:
        return _with_others(first, others)
    if not others:
        note = (f"`{first.help.text}` is declared here, and nothing reads it", declared)
        return first._replace(notes=(*first.notes, note))
    message = f"nothing reads `{first.help.text}`, and `{name[1]}` is declared nowhere"
    moved = Diagnostic("GS210", message, declared, Fix(f"did you mean `{name[1]}`?", name[1]))
    return _with_others(
        moved, [each._replace(message=f"`{name[1]}` is read here") for each in group]
    )


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
    if SAME_WORDS.match(f"{found.code} {found.message}") and NAMED.search(found.message):
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
