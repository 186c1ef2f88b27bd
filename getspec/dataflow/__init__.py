"""`forward`, checked line by line: every value has a type before any code is written.

A definition is checked once per set of settings, over its own run-time names, and never again for each caller: a call only
fits the caller's sizes to those names. So work grows with what a spec says, not with how deep the model is. Loops are run
until the types stop changing and then folded.

    statements     what each line defines; mistakes are reported and stepped over
    loops          what a loop goes over, and its rounds folded
    expressions    names, operators and brackets; numbers are left to `evaluate`
    subscripts     `x[:, 1:]`
    calls          the types that components, functions and ops return
    arguments      which argument of a call is meant for which input
    kinds          the kinds of values that ops take
    frame          what the names hold, which nearly all of these share
    wording        how messages speak of values

Each room imports only rooms that stand below it here. One class with everything was refused: nothing then says which parts of
its state a method uses.
"""

from getspec.dataflow.frame import Routines
from getspec.dataflow.kinds import fitted
from getspec.dataflow.statements import check, constant

__all__ = ["Routines", "check", "constant", "fitted"]
