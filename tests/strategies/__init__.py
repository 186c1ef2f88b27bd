"""Random legal specs, for hypothesis.

`specs()` draws whole models: blocks within blocks, functions, stacks with and without positions, patterns, sequentials,
choices, ties, frozen parts, buffers, and every op. Two tables say how each op is drawn, and a test holds them against the
registries: `LAYER_RECIPES` (layers.py) for components, `FUNCTION_RECIPES` (functions.py) for what `forward` calls. A new op
needs an entry in one of them.

From the inside out: `operands` finds what an op can take; `layers`, `functions` and `weights` draw ops and tensors;
`contracts`, `parts`, `calls` and `stacks` put components together; `statements` picks among all of these; `definitions` and
`models` draw what holds them; `changes` draws models that are changed; `text` writes them as YAML.
"""

from drawing import Seeded

from strategies.calls import call_block
from strategies.changes import listed, overridden, renamed, reordered, split, turned, varied
from strategies.functions import FUNCTION_RECIPES
from strategies.layers import LAYER_RECIPES, call_layer
from strategies.models import RandomSpec, drawn, plain_loop_of, specs
from strategies.text import dumped

__all__ = [
    "FUNCTION_RECIPES",
    "LAYER_RECIPES",
    "RandomSpec",
    "Seeded",
    "call_block",
    "call_layer",
    "drawn",
    "dumped",
    "listed",
    "overridden",
    "plain_loop_of",
    "renamed",
    "reordered",
    "specs",
    "split",
    "turned",
    "varied",
]
