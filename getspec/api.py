"""The Python interface: load a spec, then ask it things. Nothing here imports torch until a model is built."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from getspec.errors import Diagnostic, UsageError
from getspec.ir import Model
from getspec.passes.count import Count, count
from getspec.pipeline import Compiled, compile_spec

if TYPE_CHECKING:
    from getspec.emit.cost import CostTable
    from getspec.passes.changes import Difference

__all__ = ["Spec", "diff", "load"]


def load(
    path: str | os.PathLike[str],
    set: Mapping[str, Any] | None = None,
) -> Spec:
    """Compile the spec at `path`, with the values of `set` in place of its own.

    Keys of `set` are config names or dotted paths. SpecError lists everything that is wrong; UsageError
    means that a file cannot be read.
    """
    settings = {key: _plain(value) for key, value in (set or {}).items()}
    return Spec(os.fspath(path), settings, compile_spec(os.fspath(path), settings))


def diff(a: Spec | str | os.PathLike[str], b: Spec | str | os.PathLike[str]) -> Difference:
    """What differs between two specs; the changes' deltas add up to the delta of the totals."""
    from getspec.passes.diff import diff as compare

    first, second = (x if isinstance(x, Spec) else load(x) for x in (a, b))
    found = compare(first.model, second.model)
    _show_in_notebooks(type(found), "difference")
    return found


def _show_in_notebooks(kind: type, page: str) -> None:
    """Let a notebook show objects of the compiler, which itself knows nothing of pages."""

    def draw(found: Any) -> str:
        from getspec.emit import notebook

        shown: str = getattr(notebook, page)(found)
        return shown

    kind._repr_html_ = draw  # type: ignore[attr-defined]


_show_in_notebooks(Count, "count")


class Spec:
    """A compiled spec."""

    def __init__(self, path: str, settings: Mapping[str, Any], compiled: Compiled) -> None:
        self.path = path
        self.settings = dict(settings)
        self.compiled = compiled

    def __repr__(self) -> str:
        return f"<Spec {self.name} from {self.model.file}>"

    def _repr_html_(self) -> str:
        from getspec.emit import notebook

        return notebook.spec(self)

    @property
    def model(self) -> Model:
        """The compiled model: frozen, typed, folded."""
        return self.compiled.model

    @property
    def name(self) -> str:
        """The class name."""
        return self.model.name

    @property
    def config(self) -> dict[str, Any]:
        """The config with its values."""
        from getspec.sizes import Size

        def plain(value: Any) -> Any:
            if isinstance(value, tuple):
                return [plain(item) for item in value]
            return int(value) if isinstance(value, Size) else value

        return {name: plain(expr.value) for name, expr in self.model.root.settings.items()}

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What is odd but not wrong."""
        return self.compiled.warnings

    @cached_property
    def _count(self) -> Count:
        return count(self.model)

    def count(self) -> Count:
        """Exact parameter counts."""
        return self._count

    def run_time_sizes(self) -> set[str]:
        """Names of the lengths that are known at run time only: those of the inputs and of the spec's `shape`."""
        forward = self.model.root.forward
        inputs = forward.inputs if forward is not None else ()
        lengths = (n for declared in inputs for tensor in declared.tensors for n in tensor.shape)
        return {symbol for n in lengths for symbol in n.value.symbols()} | set(self.model.shape)

    def cost(
        self,
        shape: Mapping[str, int] | None = None,
        *,
        dtype: str = "fp32",
        optimizer: str = "adamw",
        recompute: str = "none",
        attention: str = "fused",
        causal: str = "full",
        like: str | None = None,
    ) -> CostTable:
        """FLOPs and memory, per module and in all, at run-time sizes: the spec's own `shape`, and `shape` over it.

        A size that neither gives stays a letter. The other words are those of `getspec cost --help`.
        """
        from getspec.emit.cost import measured

        sizes = {**self.model.shape, **(shape or {})}
        unknown = sorted(sizes.keys() - self.run_time_sizes())
        if unknown:
            known = ", ".join(sorted(self.run_time_sizes()))
            raise UsageError(f"{self.name} has no run-time size `{unknown[0]}`", f"it has: {known}")
        policy = {"dtype": dtype, "optimizer": optimizer, "recompute": recompute}
        policy |= {"attention": attention, "causal": causal}
        return measured(self.model, self._count, sizes, policy, like)

    def generate(self) -> str:
        """The PyTorch module as text; its last line seals it against edits."""
        from getspec.emit.torch import write
        from getspec.output import seal

        return seal(write(self.model, self._count.total))

    def resolve(self) -> str:
        """The spec as one file, in YAML: bases merged, overrides applied, libraries inside."""
        from getspec.emit.resolved import write

        return write(self.compiled)

    @cached_property
    def module(self) -> ModuleType:
        """The generated module, executed."""
        from getspec.build import execute

        return execute(self.generate(), self.name)

    def build(self, **config: Any) -> Any:
        """An instance of the generated class at any config; needs torch.

        Sizes go to the class's constructor. Where a choice decided structure, the whole config is compiled in.
        """
        unknown = [name for name in config if name not in self.config]
        if unknown:
            known = ", ".join(self.config)
            raise UsageError(f"{self.name} has no config `{unknown[0]}`", f"it has: {known}")
        if self.model.root.structural & set(config):
            return load(self.path, set={**self.settings, **config}).build()
        values = {n: tuple(v) if isinstance(v, list) else v for n, v in config.items()}
        return getattr(self.module, self.name)(**values)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
