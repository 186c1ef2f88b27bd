"""Declarations to the compiled model: every expression worked out, every choice made.

A definition becomes one `Block` per distinct set of settings, whoever asks for it, so twelve equal layers are elaborated once.
A repeat whose position only changes numbers (a drop-path rate) is still one module; where the position decides structure
(`NeedsIndex`), each position is elaborated by itself and equal neighbours are folded again.

What a block is does not depend on where it stands. What depends on the place (frozen or not, which init rule is nearest) is
left on `Member` for the passes to fold over, so that equal blocks stay one object.

    blocks         a model or block from its definition, and the components in it
    repeats        one component many times, folded into runs
    routines       the functions of the spec, as `dataflow` asks for them
    forward        the dataflow of a definition, and what it promises to return
    instances      one result per definition and settings
    arguments      what a block is given
    layers         primitives and their fields
    weights        own parameters and buffers
    ties           two tensors that are one
    tensors        the types that inputs and outputs declare
    scopes         what names mean in a definition
    paths          weights by their dotted paths
    values         the kinds that values are of

Each room imports only rooms that stand below it. A part that cannot be made raises `SpecError`; who asked for it reports that
and goes on with its neighbours, so that mistakes that have nothing to do with each other come together.
"""

from getspec.elaborate.blocks import Elaborator
from getspec.elaborate.paths import weight_paths
from getspec.elaborate.values import to_value

__all__ = ["Elaborator", "to_value", "weight_paths"]
