"""What follows from one slip is one diagnostic, and two slips are two."""

from __future__ import annotations

from pathlib import Path

from writing import problems

from getspec.errors import MAX_NOTES, Diagnostic, Fix, Span
from getspec.mistakes import mistakes


def found(
    message: str, line: int, code: str = "GS210", help: str | None = None, file: str = "a.yaml"
) -> Diagnostic:
    return Diagnostic(code, message, Span(file, line, 1), help)


def lines(told: tuple[Diagnostic, ...]) -> list[int]:
    return [each.span.line for each in told if each.span]


def test_a_name_is_missed_once_in_a_file() -> None:
    uses = [found("unknown name `dim`", line) for line in (3, 5, 9)]
    (told,) = mistakes(uses)
    assert told.span == Span("a.yaml", 3, 1), "the first use"
    assert told.notes == (("also here", Span("a.yaml", 5, 1)), ("also here", Span("a.yaml", 9, 1)))


def test_a_name_is_one_whether_it_is_called_or_not() -> None:
    value, called = (
        found("unknown name `fc`", 3),
        found("`fc` is no component", 5, "GS416", Fix("x", "y")),
    )
    (told,) = mistakes([value, called])
    assert told.notes == (("`fc` is no component", Span("a.yaml", 5, 1)),), "in its own words"


def test_two_names_and_two_files_are_two() -> None:
    both = [found("unknown name `a`", 1), found("unknown name `b`", 2)]
    assert lines(mistakes(both)) == [1, 2]
    both = [found("unknown name `a`", 1), found("unknown name `a`", 2, file="b.yaml")]
    assert lines(mistakes(both)) == [1, 2], "a name is declared in a file"


def test_words_that_name_nothing_may_be_two_mistakes() -> None:
    both = [found("division by zero", line, "GS206") for line in (1, 2)]
    assert lines(mistakes(both)) == [1, 2]


def test_a_width_that_is_off_shows_in_every_layer() -> None:
    shapes = [
        found(f"{name}: the last axis of float[B, 4] is 4; in_features is 8", line, "GS420")
        for line, name in enumerate(("q_proj", "k_proj", "v_proj"), 1)
    ]
    assert lines(mistakes(shapes)) == [1], "but for whose input it is, the words are the same"


def test_the_same_diagnostic_is_said_once() -> None:
    one = found("anything", 1, "GS501")
    assert mistakes([one, one]) == mistakes([one]), "a block that is used at two sizes"


def test_many_places_are_counted() -> None:
    (told,) = mistakes([found("unknown name `a`", line) for line in range(1, 21)])
    assert len(told.notes) == MAX_NOTES + 1
    assert told.notes[-1] == (f"and at {19 - MAX_NOTES} more places", None)


def test_a_code_helps_where_a_place_does_not() -> None:
    (told,) = mistakes([found("x", 1, "GS411")])
    assert told.help == "choose another name"


def test_equal_mistakes_in_two_components_are_two(tmp_path: Path) -> None:
    spec = (
        "getspec: 1\nmodel: Net\ninputs: {x: 'float[B, 8]'}\ncomponents:\n"
        "  a: {type: linear, in_features: 8}\n  b: {type: linear, in_features: 8}\n"
        "forward: |\n  return b(a(x))\n"
    )
    assert len(problems(tmp_path, spec)) == 2, "both have to be mended"


DECLARED = """\
getspec: 1
model: Net
config: {dmi: 8}
inputs: {x: "float[B, 8]"}
components:
  a: {type: linear, in_features: dim, out_features: 8}
  b: {type: linear, in_features: dim, out_features: 8}
forward: |
  return b(a(x))
"""


def test_a_slip_in_a_declaration_is_found_there(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, DECLARED)
    assert told.message == "nothing reads `dmi`, and `dim` is declared nowhere"
    assert (told.span and told.span.line, told.help) == (3, "did you mean `dim`?"), "two read it"
    assert len(told.notes) == 2, "where it is read"


def test_with_one_use_the_slip_may_be_there(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, DECLARED.replace("in_features: dim", "in_features: 8", 1))
    assert (told.span and told.span.line, told.help) == (7, "did you mean `dmi`?")
    assert told.notes[0][0] == "`dmi` is declared here, and nothing reads it", "or here"


def test_a_slip_in_what_a_block_takes_is_found_there(tmp_path: Path) -> None:
    spec = (
        "getspec: 1\nmodel: Net\ninputs: {x: 'float[B, 8]'}\ncomponents:\n  a: {type: A, dim: 8}\n"
        "forward: |\n  return a(x)\nblocks:\n  A:\n    params: {dmi: int}\n    inputs: {x: 'float[B, 8]'}\n"
        "    components:\n      fc: {type: linear, in_features: dim, out_features: dim}\n"
        "    forward: |\n      return fc(x)\n"
    )
    (told,) = problems(tmp_path, spec)
    assert told.message == "nothing in `A` reads `dmi`, and `dim` is what it is given"
    assert (told.span and told.span.line, told.help) == (10, "did you mean `dim`?")
