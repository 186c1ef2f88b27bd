"""`getspec import --config`: field maps hold against the library's own fields, and no field is dropped."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import getspec
from getspec.cli import main
from getspec.errors import GetspecError, SpecError, UsageError
from getspec.imports import FieldMap, field_maps, import_config, read_names
from getspec.library import shipped

CONFIGS = Path(__file__).parent / "configs"
LIBRARY: dict[str, dict[str, Any]] = json.loads((CONFIGS / "library" / "totals.json").read_text())[
    "models"
]
TOTALS: dict[str, int] = {name: facts["total"] for name, facts in LIBRARY.items()}
FIELDS: dict[str, dict[str, Any]] = json.loads((CONFIGS / "library" / "fields.json").read_text())[
    "families"
]
MAPS = {found.model_type: found for _, found in field_maps()}
NESTED = {"rope_parameters": ("rope_theta", "rope_type")}
"""Fields that the library writes within another, and older files beside it."""
RESOLVED = {"num_key_value_heads", "head_dim", "num_decoder_layers"}
"""Fields that the library fills in from others when they are not given, so it shows no null."""


def config(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONFIGS / f"{name}.json").read_text())
    return found


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(data: Any) -> str:
        path = tmp_path / "config.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return str(path)

    return written


# Maps against the library


def library(family: str) -> dict[str, Any]:
    """Fields of the library's class with their defaults, nested ones beside the others."""
    fields = dict(FIELDS[family])
    for outer, inner in NESTED.items():
        fields |= {name: fields[outer][name] for name in inner if outer in fields}
    return fields


def read_by(found: FieldMap) -> set[str]:
    sources = [*found.config.values(), *found.equal.values(), *found.when_null.values()]
    return {name for source in (*sources, *found.training.values()) for name in read_names(source)}


def test_there_is_a_map_for_every_family() -> None:
    families = {"bert", "esm", "gpt2", "llama", "mistral", "mixtral", "t5", "vit", "whisper"}
    assert set(MAPS) == set(FIELDS) == families


@pytest.mark.parametrize("family", MAPS)
def test_the_map_fills_every_entry_it_names_and_reads_fields_that_exist(family: str) -> None:
    found, fields = MAPS[family], library(family)
    spec = getspec.load(shipped() / f"{found.spec}.yaml")
    assert set(found.config) == set(spec.config), "our side is every config entry of the spec"
    read = {*read_by(found), *found.training, *found.unfold, *found.defaults}
    assert read <= set(fields), "their side is a field of the library"


@pytest.mark.parametrize("family", MAPS)
def test_silence_means_what_the_library_means_by_it(family: str) -> None:
    found, fields = MAPS[family], library(family)
    needed = read_by(found) | set(found.training)
    for name in needed:
        default = fields[name]
        if name in RESOLVED:
            continue
        if name in found.defaults:
            assert found.defaults[name] == default, name
        else:
            assert found.training.get(name) == default, f"{name} needs a default"
    for name, wanted in found.fixed.items():
        if name in fields:
            silent = found.defaults.get(name, fields[name])
            assert silent == fields[name], name
            allowed = wanted if isinstance(wanted, list) else [wanted]
            assert name in found.defaults or fields[name] in allowed, f"{name} needs a default"


@pytest.mark.parametrize("family", MAPS)
def test_the_map_knows_every_field_of_the_library(family: str, write: Any) -> None:
    """What the library itself writes for its default model has no unknown field."""
    found = MAPS[family]
    allowed = {n: v[0] if isinstance(v, list) else v for n, v in found.fixed.items()}
    spoken = {**FIELDS[family], **{n: v for n, v in allowed.items() if n in FIELDS[family]}}
    if family == "esm":
        spoken |= {"vocab_size": 33, "mask_token_id": 32}
    if family in ("llama", "mistral"):
        assert spoken["head_dim"] == spoken["hidden_size"] // spoken["num_attention_heads"]
    assert import_config(write(spoken)).unknown == ()


# Files like the published ones


@pytest.mark.parametrize("name", sorted(TOTALS))
def test_a_config_has_the_library_s_total_and_names(name: str, tmp_path: Path) -> None:
    found = import_config(str(CONFIGS / f"{name}.json"), "Imported")
    assert found.unknown == ()
    assert (found.spec.name, found.spec.count().total) == ("Imported", TOTALS[name])
    aliases = {alias for alias, _ in found.spec.count().tied}
    parameters = [p for p in found.spec.count().parameters() if p.name not in aliases]
    lines = sorted(f"{p.name} {list(p.shape)}" for p in parameters)
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == LIBRARY[name]["names"]
    (tmp_path / "model.yaml").write_text(found.text)
    again = getspec.load(tmp_path / "model.yaml")
    assert again.count().total == TOTALS[name], "the text is the spec"
    assert (again.name, again.config) == (found.spec.name, found.spec.config)


def test_every_config_is_tested() -> None:
    told = {path.stem for path in CONFIGS.glob("*.json")}
    assert told == set(TOTALS) | set(CONTRADICTING)
    families = [config(name)["model_type"] for name in TOTALS]
    assert all(families.count(family) >= 2 for family in MAPS)


CONTRADICTING = {
    "llama-3.1-8b": ["rope_scaling"],
    "llama-3.2-1b-tied": ["tie_word_embeddings"],
    "mistral-7b-v0.1": ["sliding_window"],
    "t5-v1.1-base": ["feed_forward_proj", "tie_word_embeddings"],
}


@pytest.mark.parametrize("name", CONTRADICTING)
def test_every_contradiction_is_named(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        import_config(str(CONFIGS / f"{name}.json"))
    found = caught.value.diagnostics
    assert [d.code for d in found] == ["GS702"] * len(found)
    assert [d.message.split("`")[1] for d in found] == CONTRADICTING[name]
    assert all(d.span and d.span.file.endswith(".import.yaml") for d in found)


def test_the_config_of_the_spec_itself_changes_nothing(write: Any) -> None:
    found = import_config(
        write({**config("gpt2-medium"), "n_embd": 768, "n_layer": 12, "n_head": 12})
    )
    assert found.text == "getspec: 1\nextends: zoo/gpt2\nmodel: GPT2\n"


# One field at a time


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("gpt2-medium", {"n_inner": 4096}, None),
        (
            "gpt2-medium",
            {"n_inner": 2048},
            "`n_inner` is 2048, and 4096 (`4 * n_embd`) in the spec",
        ),
        (
            "gpt2-medium",
            {"scale_attn_weights": 1},
            "`scale_attn_weights` is 1, and true in the spec",
        ),
        ("gpt2-medium", {"n_layer": None}, "`n_layer` is missing or null"),
        ("gpt2-medium", {"n_layer": "24"}, "which is not of kind `int`"),
        ("gpt2-medium", {"n_layer": 2**63}, "`n_layer` has 2**63 or more"),
        ("gpt2-medium", {"n_layer": True}, "which is not of kind `int`"),
        ("gpt2-medium", {"n_layer": [24]}, "which is not of kind `int`"),
        ("gpt2-medium", {"n_layer": [[24]]}, "holds more than numbers and words"),
        ("gpt2-medium", {"n_head": 0}, ""),
        (
            "gpt2-medium",
            {"quantization_config": {"bits": 4}},
            "`quantization_config` is a mapping of 1",
        ),
        ("bert-base-chinese", {"is_decoder": True}, "`is_decoder` is true"),
        ("bert-base-chinese", {"pruned_heads": {"1": [0]}}, "`pruned_heads` is a mapping of 1"),
        ("bert-base-chinese", {"pruned_heads": {}}, None),
        ("llama-2-13b", {"num_key_value_heads": None}, None),
        ("llama-2-13b", {"head_dim": None}, None),
        ("llama-2-13b", {"head_dim": 128}, None),
        ("llama-2-13b", {"head_dim": None, "hidden_size": 5121}, "leaves a remainder"),
        ("llama-2-13b", {"rope_parameters": {"rope_theta": 10000, "rope_type": "default"}}, None),
        ("llama-2-13b", {"rope_parameters": {"rope_theta": 5}}, "and 5 in `rope_parameters`"),
        ("llama-2-13b", {"rope_parameters": {"rope_type": "yarn"}}, '`rope_type` is "yarn"'),
        ("llama-2-13b", {"rope_parameters": "yarn"}, "it holds fields"),
        ("llama-2-13b", {"rope_theta": 10000}, None),
        ("esm2-t30-150m", {"vocab_size": None}, "`vocab_size` is missing or null"),
        ("vit-large-patch16-224", {"num_labels": 1000}, None),
        (
            "vit-large-patch16-224",
            {"num_labels": 5},
            "`num_labels` is 5, and 1000 (`len(id2label)`)",
        ),
        ("whisper-base", {"decoder_ffn_dim": 2}, "`decoder_ffn_dim` is 2"),
    ],
)
def test_one_field(name: str, change: dict[str, Any], said: str | None, write: Any) -> None:
    path = write({**config(name), **change})
    if said is None:
        assert import_config(path).spec.count().total == TOTALS[name]
        return
    with pytest.raises(SpecError) as caught:
        import_config(path)
    assert said in caught.value.diagnostics[0].message


def test_a_default_of_the_library_can_contradict_the_spec(write: Any) -> None:
    data = config("esm2-t30-150m")
    del data["layer_norm_eps"]
    with pytest.raises(SpecError, match="`layer_norm_eps` is 1e-12, and 1e-05 in the spec"):
        import_config(write(data))


def test_unknown_fields_are_named_in_the_spec_too(write: Any) -> None:
    data = {**config("llama-2-13b"), "alibi": True, "a\nb: c": 1}
    data["rope_parameters"] = {"rope_theta": 10000.0, "beta": 1}
    found = import_config(write(data))
    assert found.unknown == ("a\nb: c", "alibi", "rope_parameters.beta")
    assert found.text.splitlines()[:3] == [
        "# `a\\nb: c` is not understood and may matter",
        "# `alibi` is not understood and may matter",
        "# `rope_parameters.beta` is not understood and may matter",
    ]


def test_what_changes_training_alone_is_a_note(write: Any) -> None:
    found = import_config(write({**config("gpt2-medium"), "attn_pdrop": 0.0}))
    said = "`attn_pdrop` is 0.0, in the spec 0.1: the same function, trained another way"
    assert (found.unknown, found.notes) == ((), (said,))


def test_another_head_is_a_note() -> None:
    (note,) = import_config(str(CONFIGS / "bert-base-chinese.json")).notes
    assert note == '`architectures` is "BertForMaskedLM"; the spec is BertModel'


def test_an_unknown_family_is_refused_with_the_nearest(write: Any) -> None:
    with pytest.raises(UsageError) as caught:
        import_config(write({"model_type": "gtp2"}))
    assert caught.value.help == "did you mean `gpt2`?"


@pytest.mark.parametrize("model", ["1x", "a b", "class", "import os", ""])
def test_a_name_that_no_class_can_have(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(CONFIGS / "distilgpt2.json")
    status = main(["import", "--config", file, "--model", model])
    assert status == (1 if model else 0)


# Hostile files


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "7",
        "{",
        '{"model_type": "gpt2", "n_embd": NaN}',
        '{"model_type": "gpt2", "n_embd": Infinity}',
        '{"model_type": "gpt2", "resid_pdrop": 1e999}',
        '{"model_type": "gpt2", "model_type": "bert"}',
        '{"model_type": "gpt2", "n_embd": 1' + "0" * 5000 + "}",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"model_type": ["gpt2"]}',
        '{"model_type": {"gpt2": 1}}',
        '{"model_type": null}',
        "{}",
        '{"x": "' + "x" * 2_000_000 + '"}',
        "\ufeff{}",
        "\x00",
    ],
    ids=range(19),
)
def test_what_is_no_config_is_a_usage_error(text: str, write: Any) -> None:
    with pytest.raises(UsageError):
        import_config(write(text))


def test_bytes_that_are_no_text_and_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    for path in (tmp_path / "bytes", tmp_path, tmp_path / "absent", Path("/dev/zero")):
        with pytest.raises(UsageError):
            import_config(str(path))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([0, -1, 2**31, 2**62, 2**63, 2**64, 10**30]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_value_of_any_field_is_answered(data: Any, write: Any) -> None:
    name = data.draw(st.sampled_from(sorted(TOTALS)))
    base = config(name)
    known = sorted({*base, *library(base["model_type"])} - {"model_type"})
    change = data.draw(st.dictionaries(st.sampled_from(known), JSON, min_size=1, max_size=3))
    with contextlib.suppress(GetspecError):
        found = import_config(write({**base, **change}))
        assert found.spec.count().total > 0


# The command


def test_the_command_writes_a_spec_that_checks(tmp_path: Path) -> None:
    target = tmp_path / "medium.yaml"
    file = str(CONFIGS / "gpt2-medium.json")
    assert main(["import", "--config", file, "--output", str(target), "--model", "Medium"]) == 0
    assert main(["check", str(target)]) == 0
    assert main(["import", "--config", file, "--output", str(target)]) == 2, "never overwritten"


def test_the_command_s_json(write: Any) -> None:
    path = write({**config("gpt2-medium"), "foo": 1})
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["import", "--config", path, "--json"]) == 0
    document = json.loads(printed.getvalue())
    assert document["total"] == TOTALS["gpt2-medium"]
    assert document["not_understood"] == ["foo"]
    assert set(document) == {"schema_version", "model", "total", "not_understood", "notes", "spec"}
