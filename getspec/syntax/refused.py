"""What Python has and this language has not: each is refused in plain words, with what to write instead."""

from __future__ import annotations

import ast

__all__ = ["as_call", "refusal"]

# What is refused, and after the semicolon what to write instead.
REFUSED: dict[str, str] = {
    "Attribute": "attributes are not part of the language; call an op with the value instead: `f(x)`",
    "Lambda": "there is no lambda; write a named function under `functions:`",
    "ListComp": "there are no comprehensions; use a `for` loop over a component list or `range`",
    "GeneratorExp": "there are no comprehensions; use a `for` loop over a component list or `range`",
    "DictComp": "there are no comprehensions; use a `for` loop over a component list or `range`",
    "SetComp": "there are no comprehensions; use a `for` loop over a component list or `range`",
    "Dict": "there are no dictionaries; return a tuple and name its parts under `outputs:`",
    "Set": "there are no sets",
    "JoinedStr": "there are no f-strings",
    "Await": "there is no await",
    "Yield": "there is no yield",
    "NamedExpr": "there is no `:=`; assign on a line of its own",
    "Starred": "there is no unpacking with `*`; write the items out one by one",
    "While": "there is no `while`; loop over a component list or `range(n)`",
    "Import": "nothing can be imported; every op is known by name (`getspec schema --ops` lists them)",
    "ImportFrom": "nothing can be imported; every op is known by name (`getspec schema --ops` lists them)",
    "FunctionDef": "there is no `def`; write functions under `functions:` of the spec",
    "ClassDef": "there is no `class`; write components under `blocks:` of the spec",
    "Try": "there is no `try`; shapes are checked before any code is written",
    "With": "there is no `with`",
    "Assert": "there is no `assert`; state claims under `expect:`",
    "Global": "there are no global names",
    "Nonlocal": "there are no global names",
    "Delete": "there is no `del`",
    "Raise": "there is no `raise`",
    "Pass": "there is no `pass`; write the branch's statements, or leave the branch out",
    "Break": "there is no `break`; loops run over the whole list",
    "Continue": "there is no `continue`; put the rest of the body under `if`",
    "Match": "there is no `match`; use `if`",
    "AnnAssign": "types are inferred; leave the annotation out",
    "Return": "`return` needs a value; write `return x`",
    "Assign": "there is one `=` in an assignment; write two lines",
    "AugAssign": "only names can be assigned to; write `x = ...`",
    "For": "a `for` has no `else`; put it after the loop",
}


def refusal(kind: str) -> tuple[str, str | None]:
    """The message and the help for a kind of node that is not read."""
    words = REFUSED.get(kind, f"`{kind}` is not part of the language")
    message, _, help = words.partition("; ")
    return message, help or None


def as_call(method: ast.Attribute) -> str | None:
    """`x.softmax(-1)` as this language has it."""
    if isinstance(method.value, ast.Name) and method.value.id == "self":
        return f"write `{method.attr}(...)`"
    try:
        shown = ast.unparse(method.value)
    except RecursionError:
        return None
    plain = len(shown) <= 40 and "__" not in shown and "\n" not in shown
    return f"write `{method.attr}({shown}, ...)`" if plain else None
