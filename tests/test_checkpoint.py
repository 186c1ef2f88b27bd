"""Headers of checkpoints: what sound files hold, what unsound ones are answered, and what loads strictly."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import getspec
from getspec import checkpoint
from getspec.checkpoint import Entry, compare, read_header
from getspec.cli import main
from getspec.errors import UsageError

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "reference"
BYTES = {"F32": 4, "F16": 2, "I64": 8, "U8": 1, "BOOL": 1}
SPEC = """\
getspec: 1
model: Net
config: {vocab_size: 11, dim: 4, depth: 3}
inputs: {tokens: {type: "int[B, N]", below: vocab_size}}
components:
  embed: {type: embedding, num_embeddings: vocab_size, embedding_dim: dim}
  blocks: {type: linear, repeat: depth, in_features: dim, out_features: dim}
  scale: {type: buffer, shape: [dim], value: "ones([dim])"}
  table: {type: buffer, shape: [dim], value: "ones([dim])", persistent: false}
  head: {type: linear, in_features: dim, out_features: vocab_size, bias: false}
tie: {head.weight: embed.weight}
forward: |
  x = embed(tokens)
  for block in blocks:
    x = block(x)
  return head(x * scale + table)
"""
SHAPES = {
    "embed.weight": (11, 4),
    **{f"blocks.{i}.weight": (4, 4) for i in range(3)},
    **{f"blocks.{i}.bias": (4,) for i in range(3)},
    "head.weight": (11, 4),
    "scale": (4,),
}

Header = dict[str, Any]


def header_of(shapes: dict[str, tuple[int, ...]], dtype: str = "F32") -> Header:
    """Tensors one after another, as the format wants them."""
    found: Header = {}
    at = 0
    for name, shape in shapes.items():
        end = at + int(np.prod(shape, dtype=np.int64)) * BYTES[dtype]
        found[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    return found


def write(
    path: Path,
    header: Any,
    data: int | None = None,
    *,
    raw: bytes | None = None,
    claim: int | None = None,
) -> Path:
    """A file with this header and as many bytes of data as its offsets reach, or as said."""
    text = json.dumps(header).encode() if raw is None else raw
    if data is None:
        ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
        data = max(ends, default=0)
    length = len(text) if claim is None else claim
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", length) + text)
        file.truncate(8 + len(text) + data)
    return path


@pytest.fixture
def count(tmp_path: Path) -> Any:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return getspec.load(path).count()


def entries(shapes: dict[str, tuple[int, ...]]) -> dict[str, Entry]:
    return {name: Entry(name, "F32", shape) for name, shape in shapes.items()}


# Sound files


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name != "__metadata__"
)
ARRAYS = st.dictionaries(
    NAMES,
    st.tuples(
        st.sampled_from(["float32", "float16", "int64", "uint8", "bool"]),
        st.lists(st.integers(0, 3), max_size=3),
    ),
    max_size=6,
)


@settings(max_examples=60)
@given(arrays=ARRAYS, metadata=st.none() | st.dictionaries(NAMES, NAMES, min_size=1, max_size=2))
def test_what_the_library_writes_is_read(
    arrays: dict[str, tuple[str, list[int]]],
    metadata: dict[str, str] | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from safetensors.numpy import save_file

    path = tmp_path_factory.getbasetemp() / "written.safetensors"
    save_file({n: np.zeros(shape, dtype) for n, (dtype, shape) in arrays.items()}, path, metadata)
    words = {"float32": "F32", "float16": "F16", "int64": "I64", "uint8": "U8", "bool": "BOOL"}
    wanted = {n: Entry(n, words[dtype], tuple(shape)) for n, (dtype, shape) in arrays.items()}
    assert read_header(path) == wanted


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.safetensors")), ids=lambda path: path.name)
def test_committed_files_are_read_as_the_library_reads_them(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="np") as opened:
        wanted = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    assert {name: entry.shape for name, entry in read_header(path).items()} == wanted


def test_a_file_far_larger_than_memory_is_read_by_its_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", header_of({"w": (1_000_000, 1_000_000)}))
    assert path.stat().st_size > 4e12
    assert read_header(path)["w"].shape == (1_000_000, 1_000_000)


# Unsound files


def entry(**change: Any) -> Header:
    return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **change}}


def two(first: tuple[int, int], second: tuple[int, int]) -> Header:
    return {
        name: {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
        for name, (begin, end) in {"a": first, "b": second}.items()
    }


@pytest.mark.parametrize(
    ("header", "data", "said"),
    [
        (entry(dtype="F31"), 8, "unknown dtype"),
        (entry(dtype=["F32"]), 8, "unknown dtype"),
        (entry(dtype=None), 8, "unknown dtype"),
        (entry(shape=[-2]), 8, "not lists of sizes"),
        (entry(shape=[2.0]), 8, "not lists of sizes"),
        (entry(shape=[True, 2]), 8, "not lists of sizes"),
        (entry(shape=["2"]), 8, "not lists of sizes"),
        (entry(shape=2), 8, "not lists of sizes"),
        (entry(shape=[2**63]), 8, "not lists of sizes"),
        (entry(shape=[2**32, 2**32]), 8, "more than 2**63 elements"),
        (entry(shape=[2**62] * 1000), 8, "more than 2**63 elements"),
        (entry(shape=[3]), 8, "12 bytes by its shape, 8 by its offsets"),
        (entry(data_offsets=[8, 0]), 8, "8 bytes by its shape, -8 by its offsets"),
        (entry(data_offsets=[0, 8, 8]), 8, "not lists of sizes"),
        (entry(data_offsets=[0]), 8, "not lists of sizes"),
        (entry(data_offsets=[-8, 0]), 0, "not lists of sizes"),
        (entry(dtype="F4", shape=[3], data_offsets=[0, 1]), 1, "by its shape"),
        (entry(extra=1), 8, "not described by dtype, shape and data_offsets"),
        ({"w": {}}, 0, "not described by"),
        ({"w": None}, 0, "not described by"),
        ({"w": [1]}, 0, "not described by"),
        ({"__metadata__": {"a": 1}}, 0, "not a mapping of texts"),
        ({"__metadata__": ["a"]}, 0, "not a mapping of texts"),
        (entry(), 7, "its tensors take 8 bytes, and 7 are there"),
        (entry(), 9, "its tensors take 8 bytes, and 9 are there"),
        ({}, 1, "its tensors take 0 bytes, and 1 are there"),
        (two((0, 4), (3, 8)), 8, "`b` overlaps the one before it"),
        (two((0, 8), (0, 8)), 8, "`b` overlaps the one before it"),
        (two((0, 4), (5, 8)), 8, "`b` leaves a gap before it"),
        (two((1, 4), (4, 8)), 8, "`a` leaves a gap before it"),
    ],
)
def test_a_header_that_lies_is_said(header: Header, data: int, said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", header, data)
    with pytest.raises(UsageError) as caught:
        read_header(path)
    assert (caught.value.code, said in str(caught.value)) == ("GS701", True), str(caught.value)


TENSOR = b'{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "is not a mapping"),
        (b"null", "is not a mapping"),
        (b"\xff\xfe", "is not JSON"),
        ('{"a": 1}'.encode("utf-16"), "is not JSON"),
        (b'{"a": ' * 100_000, "is not JSON"),
        (b"[" * 1_000_000, "is not JSON"),
        (b'{"a":' + b"9" * 10_000 + b"}", "is not JSON"),
        (b'{"a":%b,"a":%b}' % (TENSOR, TENSOR), "`a` stands twice"),
        (
            b'{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}',
            "`dtype` stands twice",
        ),
        (b'{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,1]}}', "not lists of sizes"),
    ],
)
def test_a_header_that_is_none_is_said(raw: bytes, said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", None, 1, raw=raw)
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        read_header(path)
    assert caught.value.code == "GS701"


@pytest.mark.parametrize("claim", [1, 1000, 2**40, 2**63, 2**64 - 1])
def test_a_claimed_length_is_never_allocated(claim: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", entry(), 8, claim=claim)
    tracemalloc.start()
    with pytest.raises(UsageError, match="not a sound checkpoint"):
        read_header(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_header_beyond_the_limit_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "MAX_HEADER", 10)
    path = write(tmp_path / "a.safetensors", entry(), 8)
    with pytest.raises(UsageError, match="at most 10 are read"):
        read_header(path)


@pytest.mark.parametrize("length", range(8))
def test_a_file_too_short_for_a_length(length: int, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(bytes(length))
    with pytest.raises(UsageError, match="shorter than the 8 bytes"):
        read_header(path)


@pytest.mark.parametrize("name", ["model.bin", "model.pt", "model.pth", "model.ckpt"])
def test_pickles_are_refused_unread(name: str) -> None:
    with pytest.raises(UsageError, match="pickled") as caught:
        read_header(name)
    assert "runs code" in (caught.value.help or "")


@pytest.mark.parametrize("suffix", ["safetensors", "index.json"])
def test_what_is_no_regular_file_is_refused(suffix: str, tmp_path: Path) -> None:
    pipe, folder = tmp_path / f"pipe.{suffix}", tmp_path / f"folder.{suffix}"
    os.mkfifo(pipe)
    folder.mkdir()
    device = tmp_path / f"zero.{suffix}"
    device.symlink_to("/dev/zero")
    for path in (pipe, folder, device, tmp_path / f"absent.{suffix}", f"a\0.{suffix}"):
        with pytest.raises(UsageError, match="cannot read"):
            read_header(path)


SOUND = header_of({"a": (2, 3), "b.0.w": (4,), "b.1.w": (0,)})
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["F32", "F4", "BOOL", 0, 1, 8, 24]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


def answer(path: Path) -> dict[str, Entry] | UsageError:
    """What a file holds, or what is wrong with it; nothing else may happen."""
    try:
        return read_header(path)
    except UsageError as error:
        return error


@settings(max_examples=200)
@given(data=st.data())
def test_any_header_is_answered(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    header = json.loads(json.dumps(SOUND))
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from([*SOUND, "__metadata__", "\x1b", "new"]))
        key = data.draw(st.sampled_from(["dtype", "shape", "data_offsets", None]))
        junk = data.draw(JUNK)
        if key and isinstance(header.get(name), dict):
            header[name][key] = junk
        else:
            header[name] = junk
    path = write(tmp_path_factory.getbasetemp() / "any.safetensors", header, 40)
    found = answer(path)
    if isinstance(found, UsageError):
        assert str(found).isprintable()
    else:
        assert set(found) == set(header) - {"__metadata__"}


@settings(max_examples=200)
@given(at=st.integers(0, 200), with_=st.binary(min_size=1, max_size=4), cut=st.integers(0, 260))
def test_any_damage_is_answered(
    at: int, with_: bytes, cut: int, count_of: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "damaged.safetensors", SOUND)
    sound = path.read_bytes()
    path.write_bytes((sound[:at] + with_ + sound[at + len(with_) :])[: len(sound) - cut])
    found = answer(path)
    if isinstance(found, UsageError):
        assert found.code == "GS701"
    else:
        assert not compare(count_of, found).ok


@pytest.fixture(scope="session")
def count_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("spec") / "net.yaml"
    path.write_text(SPEC)
    return getspec.load(path).count()


# Shards


@pytest.fixture
def shards(tmp_path: Path) -> Callable[[dict[str, Any] | str], Path]:
    """Two shards, `one` with a and `two` with b, and an index of this map."""
    write(tmp_path / "one", header_of({"a": (2,)}))
    write(tmp_path / "two", header_of({"b": (3,)}))

    def index(places: dict[str, Any] | str) -> Path:
        path = tmp_path / "model.safetensors.index.json"
        text = places if isinstance(places, str) else json.dumps({"weight_map": places})
        path.write_text(text)
        return path

    return index


def test_shards_are_read_together(shards: Any) -> None:
    found = read_header(shards({"a": "one", "b": "two"}))
    assert {name: entry.shape for name, entry in found.items()} == {"a": (2,), "b": (3,)}


def test_shards_may_be_links_as_in_a_cache(shards: Any, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "two")
    assert set(read_header(shards({"a": "one", "b": "link"}))) == {"a", "b"}


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"a": "../one"}, "not the name of a file beside it"),
        ({"a": "/etc/passwd"}, "not the name of a file beside it"),
        ({"a": "x\\one"}, "not the name of a file beside it"),
        ({"a": "C:one"}, "not the name of a file beside it"),
        ({"a": ".."}, "not the name of a file beside it"),
        ({"a": "."}, "not the name of a file beside it"),
        ({"a": ""}, "not the name of a file beside it"),
        ({"a": "\x1b[31m/x"}, "`\\x1b[31m/x` is not the name of a file beside it"),
        ({"a": "one\0"}, "cannot read"),
        ({"a": "absent"}, "cannot read"),
        ({"a": "one", "b": "one"}, "`b` is not in one"),
        ({"a": "one", "b": "two", "c": "two"}, "`c` is not in two"),
        ({"a": "one", "c": "two"}, "`b` is in two, where the index does not place it"),
        ({"a": "two", "b": "one"}, "where the index does not place it"),
        ({"a": 1}, "no `weight_map`"),
        ({"a": None}, "no `weight_map`"),
        ('{"weight_map": []}', "no `weight_map`"),
        ("{}", "no `weight_map`"),
        ("[]", "is not a mapping"),
        ("[" * 100_000, "is not JSON"),
        ('{"weight_map": {"a": "one", "a": "two"}}', "`a` stands twice"),
        ("", "is not JSON"),
    ],
)
def test_an_index_that_lies_is_said(places: Any, said: str, shards: Any) -> None:
    with pytest.raises(UsageError) as caught:
        read_header(shards(places))
    assert said in str(caught.value)


def test_a_shard_that_is_damaged_is_named(shards: Any, tmp_path: Path) -> None:
    (tmp_path / "two").write_bytes(b"short")
    with pytest.raises(UsageError, match="two is not a sound checkpoint"):
        read_header(shards({"a": "one", "b": "two"}))


def test_shards_without_end_are_refused(shards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "MAX_SHARDS", 1)
    with pytest.raises(UsageError, match="more than 1 files"):
        read_header(shards({"a": "one", "b": "two"}))


# Comparing


def test_what_loads_strictly(count: Any) -> None:
    found = compare(count, entries(SHAPES))
    assert (found.ok, found.checked) == (True, len(SHAPES))


@pytest.mark.parametrize("dropped", ["embed.weight", "head.weight"])
def test_one_name_of_a_tied_group_is_enough(dropped: str, count: Any) -> None:
    assert compare(count, entries({n: s for n, s in SHAPES.items() if n != dropped})).ok


def test_no_name_of_a_tied_group_is_not(count: Any) -> None:
    left = {n: s for n, s in SHAPES.items() if n not in ("embed.weight", "head.weight")}
    assert [name for name, _ in compare(count, entries(left)).missing] == [
        "embed.weight",
        "head.weight",
    ]


def test_three_names_of_one_tensor() -> None:
    """Chains of ties are one group."""
    count = getspec.load(ROOT / "specs/zoo/t5-small.yaml").count()
    group = {name for pair in count.tied for name in pair}
    shapes = {t.name: t.shape for t in count.parameters()}
    assert len(group) > 2
    for kept in group:
        some = {n: s for n, s in shapes.items() if n not in group or n == kept}
        assert compare(count, entries(some)).ok, kept


def test_persistent_buffers_are_wanted_and_others_are_not(count: Any) -> None:
    without = entries({n: s for n, s in SHAPES.items() if n != "scale"})
    assert compare(count, without).missing == (("scale", None),)
    assert compare(count, entries({**SHAPES, "table": (4,)})).unexpected == ("table",)


@pytest.mark.parametrize("name", SHAPES)
def test_any_other_shape_is_said(name: str, count: Any) -> None:
    other = {**SHAPES, name: (*SHAPES[name], 1)}
    found = compare(count, entries(other))
    assert found.misshaped == ((name, SHAPES[name], other[name]),)
    assert (found.ok, found.missing, found.unexpected) == (False, (), ())


@pytest.mark.parametrize("change", ["model.{}", "module.net.{}", "{}"])
def test_missing_tensors_are_paired_with_what_they_were_renamed_to(change: str, count: Any) -> None:
    theirs = {
        change.format(name).replace("blocks.", "layers."): shape for name, shape in SHAPES.items()
    }
    found = compare(count, entries(theirs))
    assert dict(found.missing) == {
        name: change.format(name).replace("blocks.", "layers.")
        for name in SHAPES
        if change != "{}" or "blocks" in name
    }


def test_a_pair_has_one_shape_and_the_same_numbers(count: Any) -> None:
    shapes = {n: s for n, s in SHAPES.items() if n != "blocks.1.weight"}
    for other, shape in (("h.1.weight", (4, 5)), ("h.2.weight", (4, 4)), ("h.1.kernel", (4, 4))):
        found = compare(count, entries({**shapes, other: shape}))
        assert found.missing == (("blocks.1.weight", None),)
    found = compare(count, entries({**shapes, "h.1.weight": (4, 4), "g.1.weight": (4, 4)}))
    assert found.missing == (("blocks.1.weight", "h.1.weight"),)


def test_ten_thousand_strange_names_take_no_time(count: Any) -> None:
    strange = {f"layers.{i}.{'x' * 60}.weight": (4, 4) for i in range(10_000)}
    assert len(compare(count, entries(strange)).unexpected) == 10_000


def test_every_reference_s_names_load_strictly() -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from reference_data import references

    for name, reference in references("zoo").items():
        path = ROOT / "specs" / "zoo" / f"{name}.yaml"
        shapes = dict(reference.parameters) | {n: s for n, s, _ in reference.buffers}
        found = compare(getspec.load(path).count(), entries(shapes))
        assert found.ok, (name, found.missing[:3], found.unexpected[:3])


# The command


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(SPEC)
    write(tmp_path / "sound.safetensors", header_of(SHAPES))
    other = {n.replace("blocks.1.", "h.1."): s for n, s in SHAPES.items()} | {"scale": (5,)}
    write(tmp_path / "other.safetensors", header_of(other))
    return tmp_path


def test_the_command_says_what_loads(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "net.yaml", "--against", "sound.safetensors"]) == 0
    assert capsys.readouterr().out == f"sound.safetensors loads strictly: {len(SHAPES)} tensors\n"


def test_the_command_says_what_does_not(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "net.yaml", "--against", "other.safetensors"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "missing     blocks.1.weight  (the checkpoint has `h.1.weight` of this shape)",
        "missing     blocks.1.bias  (the checkpoint has `h.1.bias` of this shape)",
        "unexpected  h.1.weight",
        "unexpected  h.1.bias",
        "misshaped   scale: the model has [4], the checkpoint [5]",
        f"2 missing, 2 unexpected, 1 misshaped of {len(SHAPES)}",
    ]


def test_the_command_s_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "net.yaml", "--against", "other.safetensors", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1,
        "ok": False,
        "checked": len(SHAPES),
        "missing": [
            {"name": "blocks.1.weight", "nearest": "h.1.weight"},
            {"name": "blocks.1.bias", "nearest": "h.1.bias"},
        ],
        "unexpected": ["h.1.weight", "h.1.bias"],
        "misshaped": [{"name": "scale", "model": [4], "checkpoint": [5]}],
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["net.yaml", "--against", "absent.safetensors"], "cannot read absent.safetensors"),
        (["net.yaml", "--against", "net.yaml"], "error[GS701]"),
        (["net.yaml", "net.yaml", "--against", "sound.safetensors"], "belongs to one spec"),
    ],
)
def test_the_command_s_refusals(
    arguments: list[str], said: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_no_torch_is_needed(files: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['numpy'] = sys.modules['safetensors'] = None\n"
        "from getspec.cli import main\n"
        "sys.exit(main(['verify', 'net.yaml', '--against', 'sound.safetensors']))\n"
    )
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=files, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.torch
def test_what_loads_strictly_here_does_so_in_torch(files: Path) -> None:
    import torch
    from safetensors.torch import save_file

    spec = getspec.load("net.yaml")
    model = spec.build()
    state = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    save_file(state, "zeros.safetensors")
    assert compare(spec.count(), read_header("zeros.safetensors")).ok
    model.load_state_dict(state, strict=True)
    del state["scale"]
    save_file(state, "less.safetensors")
    assert not compare(spec.count(), read_header("less.safetensors")).ok
    with pytest.raises(RuntimeError, match="scale"):
        model.load_state_dict(state, strict=True)
