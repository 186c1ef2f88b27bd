"""Checkpoints, by their headers alone: which tensors a safetensors file holds, held against what a spec wants.

Only the header is read, so a checkpoint of any size is compared in milliseconds and without torch. A file may come from a
stranger: lengths are checked against the file before anything is allocated, offsets must tile the data without gap or
overlap, and a name may stand only once (the format's own library lets duplicates pass). Pickled checkpoints are refused,
because reading one runs code.

Format: https://github.com/huggingface/safetensors (8 bytes little-endian length, JSON header, data).
"""

from __future__ import annotations

import json
import os
import re
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO

from getspec.errors import UsageError, escape
from getspec.passes.count import Count
from getspec.rename import renamed

__all__ = ["Comparison", "Entry", "compare", "read_header"]

MAX_HEADER = 100_000_000
MAX_SHARDS = 10_000
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a checkpoint."""

    name: str
    dtype: str
    shape: tuple[int, ...]


def read_header(path: str | os.PathLike[str]) -> dict[str, Entry]:
    """The tensors of `model.safetensors`, or of all shards of `model.safetensors.index.json`.

    UsageError says what is wrong with a file that is damaged or hostile.
    """
    name = os.fspath(path)
    if name.endswith(".json"):
        return _sharded(Path(name))
    if name.endswith((".bin", ".pt", ".pth", ".ckpt")):
        help = "convert it to safetensors: reading a pickle runs code that is in it"
        raise UsageError(f"{escape(name)} is a pickled checkpoint", help)
    return _single(Path(name))


def _single(path: Path) -> dict[str, Entry]:
    raw, data = _raw_header(path)
    header = _mapping(path, raw, "its header")
    _check_metadata(path, header.pop("__metadata__", {}))
    entries = {}
    spans: list[tuple[int, int, str]] = []
    for name, value in header.items():
        entry, (begin, end) = _entry(path, name, value)
        entries[name] = entry
        spans.append((begin, end, name))
    _check_tiling(path, sorted(spans), data)
    return entries


def _raw_header(path: Path) -> tuple[bytes, int]:
    """The header's bytes, and how many bytes of data follow."""
    with _opened(path) as (file, size):
        prefix = file.read(8)
        if len(prefix) < 8:
            raise _damaged(path, "it is shorter than the 8 bytes that every file starts with")
        (length,) = struct.unpack("<Q", prefix)
        room = size - 8
        if length > room:
            raise _damaged(path, f"its header claims {length:,} bytes, and {room:,} bytes follow")
        if length > MAX_HEADER:
            limit = f"at most {MAX_HEADER:,} are read"
            raise _damaged(path, f"its header claims {length:,} bytes, and {limit}")
        return file.read(length), room - length


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file with its size, opened without waiting: a pipe nobody writes to cannot hang us."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"cannot read {path}: it is not a regular file", code="GS090")
            yield file, status.st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is not a path"
        raise UsageError(f"cannot read {path}: {reason}", code="GS090") from error


def _mapping(path: Path, raw: bytes, what: str) -> dict[str, Any]:
    """Text that must be one JSON mapping, in which no name stands twice."""
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once(path))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"{what} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise _damaged(path, f"{what} is not a mapping")
    return found


def _check_metadata(path: Path, found: Any) -> None:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise _damaged(path, "its `__metadata__` is not a mapping of texts")


def _once(path: Path) -> Any:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise _damaged(path, f"`{escape(name)}` stands twice in its header")
            found[name] = value
        return found

    return build


def _entry(path: Path, name: str, value: Any) -> tuple[Entry, tuple[int, int]]:
    shown = escape(name)
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"`{shown}` is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _damaged(path, f"`{shown}` has the unknown dtype {escape(str(dtype))}")
    if not _is_naturals(shape) or not _is_naturals(offsets) or len(offsets) != 2:
        raise _damaged(path, f"`{shown}` has a shape or offsets that are not lists of sizes")
    numel = 1
    for length in shape:
        numel *= length
        if numel >= 2**63:
            raise _damaged(path, f"`{shown}` has more than 2**63 elements")
    begin, end = offsets
    wanted, rest = divmod(numel * BITS[dtype], 8)
    if rest or end - begin != wanted:
        raise _damaged(
            path, f"`{shown}` is {wanted:,} bytes by its shape, {end - begin:,} by its offsets"
        )
    return Entry(name, dtype, tuple(shape)), (begin, end)


def _is_naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(v) is int and 0 <= v < 2**63 for v in value)


def _check_tiling(path: Path, spans: list[tuple[int, int, str]], data: int) -> None:
    """Tensors follow each other from the first byte of the data to the last."""
    at = 0
    for begin, end, name in spans:
        if begin != at:
            kind = "overlaps the one before it" if begin < at else "leaves a gap before it"
            raise _damaged(path, f"`{escape(name)}` {kind}")
        at = end
    if at != data:
        raise _damaged(path, f"its tensors take {at:,} bytes, and {data:,} are there")


def _sharded(path: Path) -> dict[str, Entry]:
    """The tensors of every shard that an index names; the index and the shards must agree."""
    with _opened(path) as (file, size):
        if size > MAX_HEADER:
            raise _damaged(path, f"an index has at most {MAX_HEADER:,} bytes")
        raw = file.read(size)
    index = _mapping(path, raw, "the index")
    places = index.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(v, str) for v in places.values()):
        raise _damaged(path, "it has no `weight_map` of names to files")
    shards = sorted(set(places.values()))
    if len(shards) > MAX_SHARDS:
        raise _damaged(path, f"it names more than {MAX_SHARDS:,} files")
    found: dict[str, Entry] = {}
    for shard in shards:
        if shard in ("", ".", "..") or set(shard) & set("/\\:"):
            raise _damaged(path, f"`{escape(shard)}` is not the name of a file beside it")
        for name, entry in _single(path.parent / shard).items():
            if places.get(name) != shard:
                raise _damaged(
                    path, f"`{escape(name)}` is in {shard}, where the index does not place it"
                )
            found[name] = entry
    absent = [name for name in places if name not in found]
    if absent:
        raise _damaged(path, f"`{escape(absent[0])}` is not in {places[absent[0]]}")
    return found


def _damaged(path: Path, reason: str) -> UsageError:
    message = f"{escape(str(path))} is not a sound checkpoint: {reason}"
    return UsageError(message, "fetch or write the file again", "GS701")


# Comparing


@dataclass(frozen=True)
class Comparison:
    """Whether a checkpoint loads strictly: what the model misses, what it does not know, what has another shape."""

    checked: int
    missing: tuple[tuple[str, str | None], ...]
    """Names with the checkpoint's name that is most like it."""
    unexpected: tuple[str, ...]
    misshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def ok(self) -> bool:
        return not (self.missing or self.unexpected or self.misshaped)

    def as_json(self) -> dict[str, Any]:
        return {
            "schema_version": 1,
            "ok": self.ok,
            "checked": self.checked,
            "missing": [{"name": name, "nearest": near} for name, near in self.missing],
            "unexpected": list(self.unexpected),
            "misshaped": [
                {"name": name, "model": list(want), "checkpoint": list(have)}
                for name, want, have in self.misshaped
            ],
        }


def compare(
    count: Count, entries: Mapping[str, Entry], rules: Mapping[str, str] | None = None
) -> Comparison:
    """Hold a checkpoint's tensors against a model's state dict; one name of a tied group is enough.

    With `rules` (the spec's `rename`) a checkpoint may use the foreign names as well.
    """
    wanted = {t.name: t.shape for t in count.parameters()}
    wanted |= {t.name: t.shape for t in count.buffer_tensors() if t.persistent}
    aliases = _aliases(count)
    foreign, reason = renamed(wanted, rules or {})
    if reason:
        raise UsageError(f"the names cannot be mapped: {reason}")
    if sum(name in entries for name in foreign.values()) > sum(name in entries for name in wanted):
        wanted = {foreign[name]: shape for name, shape in wanted.items()}
        aliases = {foreign[n]: tuple(foreign[o] for o in others) for n, others in aliases.items()}
    missing = [
        name
        for name in wanted
        if name not in entries and not any(other in entries for other in aliases.get(name, ()))
    ]
    unexpected = [name for name in entries if name not in wanted]
    misshaped = [
        (name, shape, entries[name].shape)
        for name, shape in wanted.items()
        if name in entries and entries[name].shape != shape
    ]
    paired = _pairs(missing, unexpected, wanted, entries)
    return Comparison(
        checked=len(wanted),
        missing=tuple((name, paired.get(name)) for name in missing),
        unexpected=tuple(unexpected),
        misshaped=tuple(misshaped),
    )


def _aliases(count: Count) -> dict[str, tuple[str, ...]]:
    groups: dict[str, set[str]] = {}
    for pair in count.tied:
        merged = set(pair).union(*(groups.get(name, set()) for name in pair))
        for name in merged:
            groups[name] = merged
    return {name: tuple(sorted(group - {name})) for name, group in groups.items()}


def _pairs(
    missing: Iterable[str],
    unexpected: Iterable[str],
    wanted: Mapping[str, tuple[int, ...]],
    entries: Mapping[str, Entry],
) -> dict[str, str]:
    """For each missing tensor an unexpected one of its shape whose name ends most like it.

    Prefixes are what people rename; the numbers in a name say which layer it is of, so they are kept.
    """
    free: dict[tuple[tuple[int, ...], tuple[str, ...]], list[str]] = {}
    for name in unexpected:
        free.setdefault((entries[name].shape, _numbers(name)), []).append(name)
    found = {}
    for name in missing:
        candidates = free.get((wanted[name], _numbers(name)), [])
        best = max(candidates, key=lambda other: _shared_end(name, other), default=None)
        if best is not None and _shared_end(name, best) > 0:
            found[name] = best
            candidates.remove(best)
    return found


def _numbers(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[0-9]+", name))


def _shared_end(name: str, other: str) -> int:
    """How many segments two names have in common at their end."""
    pairs = zip(reversed(name.split(".")), reversed(other.split(".")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
