"""Proof that the count, the code and the executed module are one: the only module that imports torch.

Each check is a `Verdict`: what was compared, and whether it held. A check that raises is a failed check, not a crash. Models
are built on the meta device at full size, and run at the sizes of the spec's `tiny:`, or as they are where a spec has none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from getspec.api import Spec, load
from getspec.errors import GetspecError, UsageError, interrupted
from getspec.ir import Block, Input, Model, Module, Stack
from getspec.ops.base import Tensor as Type
from getspec.sizes import Size, bare

try:
    import torch
except ModuleNotFoundError as missing:
    if missing.name != "torch":
        raise
    raise UsageError(
        "`verify` runs models, and torch is not installed",
        "python -m pip install 'getspec[torch]'",
    ) from None

from getspec.verify_cost import (
    Failed,
    Trial,
    check_activations,
    check_flops,
    peak_memory,
)

__all__ = [
    "Device",
    "Verdict",
    "choose_device",
    "make_inputs",
    "redraw",
    "small_sizes",
    "tiny_config",
    "trial_at",
    "verify_spec",
]

FIRST_SIZE = 5
RUNNABLE = 300_000_000
"""Parameters up to which a model without `tiny:` is run at its own size."""


@dataclass(frozen=True)
class Device:
    """Where models run."""

    type: str
    name: str


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check."""

    model: str
    check: str
    ok: bool
    detail: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "check": self.check,
            "ok": self.ok,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
        }


def choose_device(wanted: str) -> Device:
    """`auto` takes CUDA where there is one; UsageError where the wanted device is missing."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no CUDA device here", "--device cpu")
    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        return Device("cuda", f"cuda ({torch.cuda.get_device_name()})")
    return Device("cpu", "cpu")


def verify_spec(
    spec: Spec,
    device: Device,
    file: Path | None = None,
    about: Callable[[str], None] = lambda check: None,
) -> Iterator[Verdict]:
    """Every check of one spec; `file` is where its generated module is kept. `about` hears what comes next."""
    session = _Session(spec, device, file)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("claims", session.claims),
        ("bytes", session.same_bytes),
        ("parameters", session.parameters),
        ("buffers", session.buffers),
        ("sharing", session.sharing),
        ("initialise", session.initialisation),
        ("forward", session.forward),
        ("backward", session.backward),
        ("flops", session.flops),
        ("activations", session.activations),
        *([("memory", session.memory)] if device.type == "cuda" else []),
        ("bfloat16", session.low_precision),
        ("compile", session.compilation),
    ]
    for name, check in checks:
        about(name)
        start = time.perf_counter()
        try:
            ok, detail = True, check()
        except Failed as failure:
            ok, detail = False, str(failure)
        except GetspecError:
            raise
        except Exception as error:
            if interrupted(error):
                raise KeyboardInterrupt from error
            ok, detail = False, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        yield Verdict(spec.name, name, ok, detail, time.perf_counter() - start)


# Small models


def tiny_config(model: Model) -> dict[str, Any]:
    """The config entries of `tiny:` as plain values."""
    return {name: bare(v) for name, v in model.tiny.items() if not name[0].isupper()}


def small_sizes(model: Model) -> dict[str, int]:
    """A small number for every run-time size that the inputs use; no two are equal by chance."""
    chosen: dict[str, int] = {}
    assert model.root.forward is not None
    symbols = [
        symbol
        for declared in model.root.forward.inputs
        for tensor in declared.tensors
        for length in tensor.shape
        for symbol in sorted(length.value.symbols())
    ]
    for at, symbol in enumerate(dict.fromkeys(symbols)):
        given = model.tiny.get(symbol)
        fallback = 2 if symbol == "B" else FIRST_SIZE + at
        chosen[symbol] = int(given) if isinstance(given, Size) else fallback
    return chosen


def make_inputs(
    model: Model, sizes: Mapping[str, int], device: str, generator: torch.Generator
) -> list[Any]:
    """Random tensors for `forward`, in order; drawn on the CPU so that devices agree."""
    assert model.root.forward is not None
    return [
        [_draw(declared, t, sizes, device, generator) for t in declared.tensors]
        if isinstance(declared.type, tuple)
        else _draw(declared, declared.type, sizes, device, generator)
        for declared in model.root.forward.inputs
    ]


def trial_at(spec: Spec, sizes: Mapping[str, int]) -> Trial:
    """A spec as it is, to be run at some sizes; at small ones where none is given."""
    return _trial(spec.model, small_sizes(spec.model) | dict(sizes), spec.build)


def _trial(model: Model, sizes: Mapping[str, int], make: Callable[[], torch.nn.Module]) -> Trial:
    def build() -> torch.nn.Module:
        torch.manual_seed(0)
        return make()

    def inputs(device: str) -> list[Any]:
        return make_inputs(model, sizes, device, torch.Generator().manual_seed(0))

    return Trial(model, sizes, build, inputs)


def _draw(
    declared: Input, type: Type, sizes: Mapping[str, int], device: str, generator: torch.Generator
) -> torch.Tensor:
    shape = [length.value.evaluate(sizes) for length in type.shape]
    if type.dtype == "bool" and declared.selects is not None:
        order = torch.rand(shape, generator=generator).flatten().argsort()
        return (order < declared.selects.value.evaluate(sizes)).view(shape).to(device)
    if type.dtype == "bool":
        drawn = torch.rand(shape, generator=generator) < 0.5
        drawn.view(-1)[:1] = True  # something is always selected
        return drawn.to(device)
    if type.dtype == "int":
        bound = 2 if declared.below is None else declared.below.value.evaluate(sizes)
        return torch.randint(0, bound, shape, generator=generator).to(device)
    return torch.randn(shape, generator=generator).to(device)


def redraw(module: torch.nn.Module, generator: torch.Generator, std: float = 0.2) -> None:
    """Move every parameter away from 0 and 1, or a bias or a norm could be wrong unseen."""
    with torch.no_grad():
        for parameter in module.parameters():
            drawn = torch.randn(parameter.shape, generator=generator) * std
            parameter.copy_(drawn.to(parameter.device, parameter.dtype))


# The checks


class _Session:
    """The checks of one spec on one device."""

    def __init__(self, spec: Spec, device: Device, file: Path | None) -> None:
        self.spec = spec
        self.device = device
        self.file = file
        self.cls = getattr(spec.module, spec.name)

    def generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(0)

    def small(self) -> torch.nn.Module:
        """The model at its small size, on the device, with redrawn weights, in eval mode."""
        config = tiny_config(self.spec.model)
        if not config and self.spec.count().total > RUNNABLE:
            raise Failed("too large to run here; give the spec a small configuration under `tiny:`")
        torch.manual_seed(0)
        module: torch.nn.Module = self.spec.build(**config)
        redraw(module, self.generator())
        return module.to(self.device.type).eval()

    def inputs(self) -> list[Any]:
        model = self.tiny_model()
        return make_inputs(model, small_sizes(model), self.device.type, self.generator())

    def tiny_model(self) -> Model:
        """The compiled model at the tiny configuration: its types are those of the small run."""
        config = tiny_config(self.spec.model)
        if not config:
            return self.spec.model
        return load(self.spec.path, {**self.spec.settings, **config}).model

    def on_meta(self) -> torch.nn.Module:
        with torch.device("meta"):
            module: torch.nn.Module = self.cls()
        return module

    def claims(self) -> str:
        """Claims are checked by the compiler, which would have refused the spec."""
        held = len(self.spec.compiled.file.expect)
        if self.spec.settings:
            return f"{held} published figures not checked, as `--set` changes the model"
        return f"{held} published figures hold" if held else "the spec makes no claims"

    def same_bytes(self) -> str:
        text = load(self.spec.path, self.spec.settings).generate()
        if text != self.spec.generate():
            raise Failed("compiling twice gave different files")
        if self.spec.settings or self.file is None or not self.file.is_file():
            return "the same file when compiled again"
        if self.file.read_text(encoding="utf-8") != text:
            raise Failed(f"{self.file.as_posix()} is not what the spec compiles to")
        return f"{self.file.as_posix()} is what the spec compiles to"

    def parameters(self) -> str:
        found = self.spec.count()
        wanted = [(t.name, t.shape, t.trainable) for t in found.parameters()]
        module = self.on_meta()
        have = [
            (name, tuple(p.shape), p.requires_grad)
            for name, p in module.named_parameters(remove_duplicate=False)
        ]
        _compare(wanted, have, "parameter")
        total = sum(parameter.numel() for parameter in module.parameters())
        if total != found.total:
            raise Failed(f"counted {found.total:,}, the module has {total:,}")
        return f"{len(wanted)} names, shapes and flags; {total:,} = {found.total:,}"

    def buffers(self) -> str:
        wanted = [(t.name, t.shape, t.dtype) for t in self.spec.count().buffer_tensors()]
        module = self.on_meta()
        have = [(name, tuple(b.shape), _dtype_word(b.dtype)) for name, b in module.named_buffers()]
        _compare(wanted, have, "buffer")
        kept = [t.name for t in self.spec.count().buffer_tensors() if t.persistent]
        parameters = {name for name, _ in module.named_parameters(remove_duplicate=False)}
        stored = [name for name in module.state_dict() if name not in parameters]
        if kept != stored:
            raise Failed(f"persistent buffers are {stored}, counted {kept}")
        return f"{len(wanted)} names, shapes and dtypes"

    def sharing(self) -> str:
        """Tied names are one tensor, and no other two names are."""
        found = self.spec.count()
        named = dict(self.on_meta().named_parameters(remove_duplicate=False))
        groups: dict[int, set[str]] = {}
        for name, parameter in named.items():
            groups.setdefault(id(parameter), set()).add(name)
        shared = {frozenset(group) for group in groups.values() if len(group) > 1}
        tied = _groups(found.tied)
        if shared != tied:
            raise Failed(f"the module shares {_sets(shared)}, the spec ties {_sets(tied)}")
        return f"{len(found.tied)} tied names"

    def initialisation(self) -> str:
        """meta, then memory, then `init_weights` gives what construction gives."""
        config = tiny_config(self.spec.model)
        if not config and self.spec.count().total > RUNNABLE:
            return "skipped: too large, and the spec has no `tiny:`"
        direct = self.spec.build(**config)
        torch.manual_seed(0)
        direct.init_weights()
        with torch.device("meta"):
            late = self.spec.build(**config)
        late = late.to_empty(device="cpu")
        torch.manual_seed(0)
        late.init_weights()
        ours, theirs = direct.state_dict(), late.state_dict()
        for name in ours:
            if not torch.equal(ours[name], theirs[name]):
                raise Failed(f"`{name}` differs between the two ways")
        return f"{len(ours)} tensors equal to those of a model built on the meta device"

    def forward(self) -> str:
        model = self.tiny_model()
        with torch.no_grad():
            outputs = self.small()(*self.inputs())
        assert model.root.forward is not None
        sizes = dict(small_sizes(model))
        wanted, have = _flat(model.root.forward.result), _flat(outputs)
        if len(wanted) != len(have):
            raise Failed(f"{len(have)} outputs, {len(wanted)} inferred")
        for at, (type, tensor) in enumerate(zip(wanted, have, strict=True)):
            _compare_shape(at, type, tensor, sizes)
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise Failed(f"output {at} is not finite")
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in have)
        return f"outputs {shapes} as inferred"

    def backward(self) -> str:
        module = self.small()
        outputs = [o for o in _flat(module(*self.inputs())) if o.requires_grad]
        if not outputs:
            return "no output depends on a trainable parameter"
        torch.stack([o.float().square().mean() for o in outputs]).sum().backward()
        unused = tuple(f"{path}." for path in _unused(self.spec.model.root))
        missing = [
            name
            for name, p in module.named_parameters()
            if p.requires_grad and p.grad is None and not f"{name}.".startswith(unused)
        ]
        if missing:
            raise Failed(f"no gradient reaches {', '.join(missing[:3])}")
        grads = [p.grad for p in module.parameters() if p.grad is not None]
        if not all(bool(torch.isfinite(grad).all()) for grad in grads):
            raise Failed("a gradient is not finite")
        return f"{len(grads)} gradients, all finite"

    def trial(self) -> Trial:
        """The small model, for the checks of what it costs."""
        config, model = tiny_config(self.spec.model), self.tiny_model()
        return _trial(model, small_sizes(model), lambda: self.spec.build(**config))

    def flops(self) -> str:
        return check_flops(self.trial())

    def activations(self) -> str:
        if not tiny_config(self.spec.model) and self.spec.count().total > RUNNABLE:
            return "skipped: too large, and the spec has no `tiny:`"
        return check_activations(self.trial())

    def memory(self) -> str:
        return str(peak_memory(self.trial()))

    def low_precision(self) -> str:
        module = self.small().to(torch.bfloat16)
        inputs = [_lowered(x) for x in self.inputs()]
        with torch.no_grad():
            outputs = _flat(module(*inputs))
        assert self.spec.model.root.forward is not None
        types = _flat(self.spec.model.root.forward.result)
        for at, (type, tensor) in enumerate(zip(types, outputs, strict=True)):
            wanted = torch.bfloat16 if type.dtype == "float" else None
            if wanted is not None and tensor.dtype != wanted:
                raise Failed(f"output {at} comes back as {tensor.dtype}")
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise Failed(f"output {at} is not finite")
        return "runs, and gives its inputs' precision back"

    def compilation(self) -> str:
        """`torch.compile` without a graph break; on the CPU its default code generator is left out."""
        module = self.small()
        inputs = self.inputs()
        backend = "inductor" if self.device.type == "cuda" else "aot_eager"
        torch._dynamo.reset()
        compiled = torch.compile(module, fullgraph=True, backend=backend)
        with torch.no_grad():
            eager, fast = _flat(module(*inputs)), _flat(compiled(*inputs))
        tolerance = 2e-3 if self.device.type == "cuda" else 1e-5
        for at, (a, b) in enumerate(zip(eager, fast, strict=True)):
            if a.is_floating_point():
                scale = max(float(a.abs().max()), 1e-6) if a.numel() else 1.0
                worst = float((a - b).abs().max()) / scale if a.numel() else 0.0
                if worst > tolerance:
                    raise Failed(f"output {at} moves by {worst:.1e} when compiled")
        return f"one graph ({backend}), the same outputs"


# Comparing


def _compare(wanted: list[Any], have: list[Any], what: str) -> None:
    for at, (want, found) in enumerate(zip(wanted, have, strict=False)):
        if want != found:
            raise Failed(f"{what} {at} is {_said(found)} in the module, {_said(want)} counted")
    if len(wanted) != len(have):
        raise Failed(f"{len(have)} {what}s in the module, {len(wanted)} counted")


def _said(facts: tuple[Any, ...]) -> str:
    name, *rest = facts
    return f"{name} {' '.join(map(str, rest))}"


def _compare_shape(at: int, type: Type, tensor: torch.Tensor, sizes: dict[str, int]) -> None:
    """Sizes that only the data knows take whatever the first tensor that has them has."""
    if len(type.shape) != tensor.dim():
        raise Failed(f"output {at} is {tuple(tensor.shape)}, inferred {type}")
    for length, actual in zip(type.shape, tensor.shape, strict=True):
        unknown = [s for s in length.value.symbols() if s not in sizes]
        if unknown:
            sizes[unknown[0]] = actual
        if length.value.evaluate(sizes) != actual:
            raise Failed(f"output {at} is {tuple(tensor.shape)}, inferred {type}")
    words = {"float": "float32"}
    if _dtype_word(tensor.dtype) != words.get(type.dtype, type.dtype):
        raise Failed(f"output {at} is {tensor.dtype}, inferred {type.dtype}")


def _dtype_word(dtype: torch.dtype) -> str:
    return {torch.int64: "int", torch.bool: "bool"}.get(dtype, str(dtype).removeprefix("torch."))


def _lowered(value: Any) -> Any:
    if isinstance(value, list):
        return [_lowered(item) for item in value]
    return value.to(torch.bfloat16) if value.is_floating_point() else value


def _flat(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [part for item in value for part in _flat(item)]
    return [value]


def _groups(tied: tuple[tuple[str, str], ...]) -> set[frozenset[str]]:
    """Pairs as groups of names."""
    groups: list[set[str]] = []
    for pair in tied:
        touching = [group for group in groups if group & set(pair)]
        merged = set(pair).union(*touching)
        groups = [group for group in groups if group not in touching] + [merged]
    return {frozenset(group) for group in groups}


def _sets(groups: set[frozenset[str]]) -> str:
    return "; ".join(" = ".join(sorted(group)) for group in sorted(groups, key=sorted)) or "nothing"


def _unused(module: Module, prefix: str = "") -> Iterator[str]:
    """Paths of the parts that the `forward` around them leaves alone."""
    if isinstance(module, Block):
        yield from (f"{prefix}{name}" for name in module.unused)
    if isinstance(module, Stack):
        for run in module.runs:
            for at in range(run.start, run.start + run.count):
                yield from _unused(run.member.module, f"{prefix}{at}.")
        return
    for name, _, member in module.children():
        yield from _unused(member.module, f"{prefix}{name}.")
