"""One more thing that `forward` does: an op, a call, a stack, a choice, brackets, a list, arithmetic."""

from __future__ import annotations

from drawing import Body, known, sizes

from getspec.sizes import Size
from strategies.calls import call_block, call_routine
from strategies.functions import FUNCTION_RECIPES
from strategies.layers import LAYER_RECIPES, call_layer
from strategies.parts import call_sequential, same_width
from strategies.stacks import stack
from strategies.weights import buffer, joined, tie, unused

__all__ = ["statement"]


def choice(body: Body) -> None:
    """A compile-time `if`: a part that is there for one value of a flag."""
    tests = body.tests()
    x = body.stream
    if not tests or known(x.type, -1) is None:
        return
    test = body.source.pick(tests)
    if test.isidentifier() and body.source.rarely():
        test = f"{test} == True"
    name = body.component({**same_width(body, x.type), "when": test})
    body.line(f"if {test}:")
    body.line(f"  {x.text} = {name}({body.ref(x)})")
    if body.source.rarely():
        body.line(f"elif {body.source.pick(tests)}:")
        body.line(f"  {x.text} = {x.text} - 0.5")
    if body.source.flip():
        body.line("else:")
        body.line(f"  {x.text} = {x.text} * 0.5")


def chosen(body: Body) -> None:
    """A choice within an expression: a number, or a tensor."""
    tests, x = body.tests(), body.ref(body.stream)
    if tests:
        test = body.source.pick(tests)
        form = body.source.pick(("{x} * (2.0 if {test} else 0.5)", "{x} + 1 if {test} else {x}"))
        body.update(form.format(x=x, test=test))
    shares = body.of_use("shares")
    if shares:
        body.update(f"{x} * {body.source.pick(shares).name}[{body.source.pick((0, -1))}]")


def index(body: Body) -> None:
    """What brackets do."""
    x = body.floats(rank=1)
    axis = body.source.integer(0, x.type.rank - 1)
    length = x.type.shape[axis]
    lead = ":, " * axis
    shortest = body.shortest(length) if length.value.symbols() <= set(body.least) else 0
    forms: list[tuple[str, tuple[Size, ...]]] = [("None", (Size.of(1), length))]
    if shortest >= 1:
        forms += [("0", ()), ("-1", ()), ("::2", ((length + 1) // 2,)), (":", (length,))]
    if shortest >= 2:
        forms += [("1:", (length - 1,)), (":-1", (length - 1,)), (":1", sizes(1))]
    if axis == x.type.rank - 1:
        lead = body.source.pick((lead, "..., "))
    text, lengths = body.source.pick(forms)
    shape = (*x.type.shape[:axis], *lengths, *x.type.shape[axis + 1 :])
    if text == "None":
        lead = ":, " * axis
    body.named(f"{body.ref(x)}[{lead}{text}]", x.type.with_shape(shape))


def lists(body: Body) -> None:
    """A list written out, added to, and read."""
    x = body.stream
    if body.source.rarely():
        item = body.name(("item", "each"))
        body.line(f"for {item} in [{body.ref(x)}, {x.text} * 0.5]:")
        body.line(f"  {x.text} = {x.text} + {item}")
    name = body.name(("parts", "kept"))
    body.line(f"{name} = [{body.ref(x)}]")
    body.line(f"{name}.append({x.text} * 2.0)")
    if body.source.flip():
        body.update(f"{name}[0] + {name}[-1]")
    else:
        body.update(f"{name}.pop() + {name}[len({name}) - 1]")


def nested_expression(body: Body) -> None:
    """Arithmetic in one line, deep enough for brackets and for line breaks."""
    x = body.ref(body.stream)
    text = x
    for _ in range(body.source.integer(1, 9)):
        form = body.source.pick(
            (
                "{0} + {1}",
                "{1} - {0}",
                "{1} - ({0})",
                "({0}) * 2.0",
                "-({0} + 1)",
                "({0}) / ({1} + 2)",
                "relu({0})",
                "where({1} > 0, {0}, {1})",
                "({0}) ** 2",
                "-({0}) ** 2",
                "softmax({0}, dim=-1)",
                "({0}) * int(2.5) - float(1)",
                "(+0.5) * ({0}) + round(1.4)",
            )
        )
        text = form.format(text, x)
    body.update(text)


LAYERED = (
    call_sequential,
    *(stack,) * 6,
    *(call_block,) * 4,
    call_routine,
    *(choice,) * 2,
    chosen,
    index,
    tie,
    lists,
    joined,
    buffer,
    unused,
    nested_expression,
)


PLAIN = (call_routine, chosen, index, lists, nested_expression)


LAYERS, FUNCTIONS = sorted(LAYER_RECIPES), sorted(FUNCTION_RECIPES)


def statement(body: Body) -> None:
    """One more thing that `forward` does."""
    if body.kind == "function":
        if body.source.flip():
            FUNCTION_RECIPES[body.source.favoured("functions", FUNCTIONS)](body)
        else:
            body.source.favoured("plain", PLAIN)(body)
        return
    match body.source.favoured("statements", ("layer", "function", "layered", "layered")):
        case "layer":
            call_layer(body, body.source.favoured("layers", LAYERS))
        case "function":
            FUNCTION_RECIPES[body.source.favoured("functions", FUNCTIONS)](body)
        case _:
            body.source.favoured("layered", LAYERED)(body)
