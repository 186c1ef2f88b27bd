"""A validated file as declarations: every expression parsed, every name checked, nothing evaluated yet.

A declaration is symbolic: it knows that `qkv` is a linear of `3 * dim`, not that `dim` is 768. `elaborate` makes concrete
modules from it, once per distinct set of arguments, and `emit` prints it. The two halves of a definition, structure and
dataflow, meet here for the first time. Reading and evaluating in one walk was refused: a block would be parsed again, and
its mistakes found again, for every set of settings it is used with.

    declarations    what is read: frozen records
    place           where in the file a reader is, and where its mistakes go
    names           what may be a name
    definitions     models, blocks and functions
    settings, tensors, components, layers, stored, schemes
                    what stands in a definition, a reader for each
    keys            the keys that all components share
"""

from getspec.declare.declarations import (
    BlockDecl,
    BufferDecl,
    Declaration,
    Definition,
    LayerDecl,
    ParameterDecl,
    SequenceDecl,
    Setting,
    StackDecl,
    TensorDecl,
)
from getspec.declare.definitions import check_types, declare
from getspec.declare.keys import COMMON
from getspec.declare.schemes import SCHEMES
from getspec.declare.settings import KINDS, kind_of

__all__ = [
    "COMMON",
    "KINDS",
    "SCHEMES",
    "BlockDecl",
    "BufferDecl",
    "Declaration",
    "Definition",
    "LayerDecl",
    "ParameterDecl",
    "SequenceDecl",
    "Setting",
    "StackDecl",
    "TensorDecl",
    "check_types",
    "declare",
    "kind_of",
]
