"""How tensors start: a scheme of torch.nn.init and its numbers, for one tensor, the weights of a layer, or a type of layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from getspec.declare.place import Place
from getspec.errors import MAX_NOTES, escape, meant
from getspec.ir import Init
from getspec.ops import LAYERS

__all__ = ["SCHEMES", "read_init", "read_init_rules", "read_weight_inits"]

SCHEMES: Mapping[str, int] = {
    "default": 0,
    "zeros": 0,
    "ones": 0,
    "constant": 1,
    "normal": 1,
    "trunc_normal": 1,
    "uniform": 2,
    "xavier_uniform": 0,
    "xavier_normal": 0,
    "kaiming_uniform": 0,
    "kaiming_normal": 0,
}
"""How many numbers each takes."""

NUMBERS = ("no number", "one number", "a list of two numbers")
EXAMPLES = ("init: zeros", "{normal: 0.02}", "{uniform: [-1, 1]}")


def read_init(place: Place, value: Any) -> Init | None:
    """The scheme of one tensor: `zeros`, `{normal: 0.02}`, `{uniform: [-1, 1]}`."""
    scheme, numbers = _written(value)
    numeric = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    if scheme is not None and SCHEMES.get(scheme) == len(numbers) and numeric:
        return Init(scheme, tuple(float(number) for number in numbers))
    message, help = _refusal(scheme)
    strange = scheme is not None and scheme not in SCHEMES
    span = place.key(scheme) if scheme and strange and isinstance(value, dict) else place.value()
    place.error("GS306", message, span, help)
    return None


def _written(value: Any) -> tuple[str | None, list[Any]]:
    if isinstance(value, str):
        return value, []
    if not isinstance(value, dict) or len(value) != 1:
        return None, []
    scheme, numbers = next(iter(value.items()))
    return scheme, numbers if isinstance(numbers, list) else [numbers]


def _refusal(scheme: str | None) -> tuple[str, str | None]:
    """What is wrong, and what to write."""
    if scheme is not None and scheme in SCHEMES:
        count = SCHEMES[scheme]
        return f"`{scheme}` takes {NUMBERS[count]}", EXAMPLES[count]
    help = "e.g. `zeros`, `xavier_uniform`, `{normal: 0.02}`, `{uniform: [-1, 1]}`"
    return "this is not an initialisation scheme", meant(scheme or "", SCHEMES, help)


def read_weight_inits(place: Place, value: Any) -> dict[str, Init]:
    """One scheme per weight of a layer, or one for them all, under `*`."""
    if value is None:
        return {}
    if isinstance(value, dict) and all(isinstance(each, str | dict) for each in value.values()):
        found = {name: read_init(place.inside(name), scheme) for name, scheme in value.items()}
    else:
        found = {"*": read_init(place, value)}
    return {name: scheme for name, scheme in found.items() if scheme is not None}


def _is_component(value: Any) -> bool:
    return isinstance(value, dict) and "type" in value


def read_init_rules(place: Place, rules: Mapping[str, Any]) -> dict[str, dict[str, Init]]:
    """Schemes by type of layer, for everything inside a definition."""
    found = {}
    components = [kind for kind, value in rules.items() if _is_component(value)]
    if components:
        notes = [(f"so does `{escape(kind)}`", place.key(kind)) for kind in components[1:]]
        message = f"`{escape(components[0])}` has a `type`, and stands under `init`"
        missing = "is the line `components:` missing above this?"
        place.error("GS306", message, place.key(components[0]), missing, notes[:MAX_NOTES])
    for kind, value in rules.items():
        if kind in LAYERS:
            found[kind] = read_weight_inits(place.inside(kind), value)
            continue
        if kind in components:
            continue
        help = meant(kind, LAYERS, "rules are by layer type: `init: {linear: xavier_uniform}`")
        place.error("GS306", f"`{escape(kind)}` is not a layer type", place.key(kind), help)
    return found
