"""The catalogue: what every diagnostic code means and what to do about it.

`getspec explain CODE` prints an entry, and the documentation is made from it. The text lives apart
from `errors`, which every command imports, and apart from the places that raise a code, because a
code is a promise to readers: it keeps its meaning when the check behind it moves.

    GS0xx  reading YAML            GS1xx  schema        GS2xx  names, expressions, config
    GS3xx  structure               GS4xx  dataflow and shapes
    GS5xx  expectations            GS6xx  output files

An entry is a title and an explanation: the cause, then what to do.
"""

from __future__ import annotations

__all__ = ["CODES"]

Entry = tuple[str, str]

READING: dict[str, Entry] = {
    "GS001": (
        "not UTF-8",
        "A spec is UTF-8 text, and this file has bytes that are not. The message gives the "
        "offset of the first one. Save the file as UTF-8, in most editors under 'Save with "
        "encoding'.",
    ),
    "GS002": (
        "forbidden character",
        "Control characters, Unicode line separators, byte-order marks inside the text and "
        "marks that change the direction of writing are refused, because what an editor shows "
        "would differ from what is read. Delete the character.",
    ),
    "GS003": (
        "tab",
        "YAML parsers disagree about tabs, so a spec has none at all, comments included. Indent "
        "with spaces; inside a string write `\\t` between double quotes.",
    ),
    "GS004": (
        "file too large",
        "A spec is at most 1 MiB. Move repeated structure into a block with `repeat`, or into "
        "files named under `use`.",
    ),
    "GS005": (
        "value too long",
        "One string is at most 65,536 characters. A `forward` that long wants to be several "
        "blocks.",
    ),
    "GS006": (
        "nested too deep",
        "Mappings and lists are nested at most 64 levels deep. Give the inner part a name as a "
        "block and refer to it.",
    ),
    "GS007": (
        "too many values",
        "A spec has at most 100,000 keys, values and list items. Write what repeats once, with "
        "`repeat`.",
    ),
    "GS010": (
        "not valid YAML",
        "The text breaks a rule of YAML at this place: mostly a missing quote, a missing "
        "bracket, or a line whose indentation matches no line above. Fix the first such error "
        "first; what follows it is often not an error.",
    ),
    "GS011": (
        "empty spec",
        "The file has no content, or only comments. Start it with `getspec: 1` and `model: Name`.",
    ),
    "GS012": (
        "not a mapping",
        "A spec is a mapping: lines of `key: value`. This file holds a list or a single value. "
        "Start it with `getspec: 1`.",
    ),
    "GS013": (
        "several documents",
        "A file holds one spec, and a line `---` or `...` starts another document. Split the "
        "file, or delete the line.",
    ),
    "GS014": (
        "YAML directive",
        "The only directive understood is `%YAML 1.2`, which is the default. Other versions "
        "read numbers and booleans differently, and tag directives have no use here. Delete the "
        "line.",
    ),
    "GS015": (
        "not one value",
        "A value on the command line is one YAML value on one line: a number, a word, a quoted "
        "string, `[a, b]` or `{a: 1}`. Write mappings with braces, and `null` for no value.",
    ),
    "GS020": (
        "duplicate key",
        "A mapping has the same key twice, and most YAML readers would silently keep the last "
        "one. Delete or rename one.",
    ),
    "GS021": (
        "key is not text",
        "Keys are names. A bare number, `true`, `null`, a list or a mapping is none. Put quotes "
        "around a key that only looks like a number.",
    ),
    "GS022": (
        "anchor or alias",
        "`&name` and `*name` are refused: a few lines of them can expand to gigabytes, and "
        "copies hide where a value comes from. Use a config value, a block, or `extends`.",
    ),
    "GS023": (
        "merge key",
        "`<<` is refused, as its order of precedence surprises people and YAML 1.2 dropped it. "
        "Use `extends`.",
    ),
    "GS024": (
        "tag",
        "`!tag` asks a YAML reader to build an object, and a spec holds data only. Delete the "
        "tag; quote a number that is meant as text. A value that starts with `!` needs quotes.",
    ),
    "GS025": (
        "bad escape",
        "A double-quoted string has an escape that YAML does not know, or one that makes a "
        "character no spec may hold: a control character other than `\\n` and `\\t`, half of a "
        "surrogate pair, a direction mark. Use single quotes for text with backslashes.",
    ),
    "GS030": (
        "leading zero",
        "YAML 1.1 reads `017` as 15 and YAML 1.2 as 17. Write the decimal number without zeros, "
        "`0o17` for octal, or quotes for text.",
    ),
    "GS031": (
        "integer too long",
        "Integers have at most 19 digits; no size in an architecture needs more. Check for a "
        "slip of the keyboard, or quote it if it is text.",
    ),
    "GS032": (
        "not a finite number",
        "Infinity and NaN are no sizes, rates or constants. Write the number that is meant; a "
        "mask value is an expression, not a constant. Quote it if it is text.",
    ),
    "GS090": (
        "cannot read the file",
        "The file is missing, may not be read, or is not a regular file: directories, pipes and "
        "devices are refused, as reading them may never end. Use `-` to read a spec from "
        "standard input.",
    ),
}

SCHEMA: dict[str, Entry] = {}

NAMES: dict[str, Entry] = {}

STRUCTURE: dict[str, Entry] = {}

DATAFLOW: dict[str, Entry] = {}

EXPECTATIONS: dict[str, Entry] = {}

OUTPUT: dict[str, Entry] = {}

CODES: dict[str, Entry] = {
    **READING,
    **SCHEMA,
    **NAMES,
    **STRUCTURE,
    **DATAFLOW,
    **EXPECTATIONS,
    **OUTPUT,
}
