"""The closed language of expressions and of `forward`: a subset of Python, parsed and never evaluated as Python.

`ast` is used as a tokenizer with a grammar; what it returns is walked once into frozen nodes, and a node kind that is not
listed is refused with the construct to use instead. Own parsing was refused because readers, editors and highlighters already
know this syntax; `eval` was refused because a spec may come from a stranger. Text is capped in length and depth before `ast`
sees it.

Every node holds `at`, its place inside the text it came from; `Text.span` turns that into a place in the YAML file.

    nodes           the language, as records
    parse           text to nodes, in one call
    limits, python  text to a tree of `ast`: what is too long or too deep, and what is no Python
    lines, expressions, statements
                    a tree of `ast` to nodes, with their places
    refused         what is not part of the language, and what to write instead
    mentions        the names in nodes
"""

from getspec.syntax.limits import MAX_BODY, MAX_DEPTH, MAX_EXPRESSION, MAX_INTEGER
from getspec.syntax.mentions import names
from getspec.syntax.nodes import (
    Append,
    Assign,
    At,
    Binary,
    Body,
    Call,
    Choice,
    Compare,
    Expression,
    For,
    If,
    Index,
    Items,
    Literal,
    Logic,
    Name,
    Node,
    Pop,
    Return,
    Slice,
    Statement,
    Text,
    Unary,
)
from getspec.syntax.operators import COMPARISON
from getspec.syntax.parse import parse_body, parse_expression

__all__ = [
    "COMPARISON",
    "MAX_BODY",
    "MAX_DEPTH",
    "MAX_EXPRESSION",
    "MAX_INTEGER",
    "Append",
    "Assign",
    "At",
    "Binary",
    "Body",
    "Call",
    "Choice",
    "Compare",
    "Expression",
    "For",
    "If",
    "Index",
    "Items",
    "Literal",
    "Logic",
    "Name",
    "Node",
    "Pop",
    "Return",
    "Slice",
    "Statement",
    "Text",
    "Unary",
    "names",
    "parse_body",
    "parse_expression",
]
