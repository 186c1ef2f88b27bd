"""Random configs, written by the library and imported here: the same tensors under the same names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from getspec.imports import import_config

NUMBERS = st.integers(1, 4)


def decoder(draw: Any) -> dict[str, Any]:
    kv = draw(NUMBERS)
    return {
        "vocab_size": draw(st.integers(8, 40)),
        "num_attention_heads": (heads := kv * draw(NUMBERS)),
        "num_key_value_heads": kv,
        "hidden_size": heads * 2 * draw(NUMBERS),
        "head_dim": draw(st.sampled_from([None, 2, 8])),
        "intermediate_size": draw(st.integers(3, 20)),
        "num_hidden_layers": draw(NUMBERS),
        "rms_norm_eps": draw(st.sampled_from([1e-5, 1e-6])),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": draw(st.sampled_from([1e4, 5e5])),
        },
    }


def encoder(draw: Any) -> dict[str, Any]:
    heads = draw(NUMBERS)
    return {
        "num_attention_heads": heads,
        "hidden_size": heads * 2 * draw(NUMBERS),
        "intermediate_size": draw(st.integers(3, 20)),
        "num_hidden_layers": draw(NUMBERS),
    }


def text(draw: Any) -> dict[str, Any]:
    sizes = {"vocab_size": draw(st.integers(8, 40)), "type_vocab_size": draw(NUMBERS)}
    return {**encoder(draw), **sizes, "max_position_embeddings": draw(st.integers(4, 20))}


def image(draw: Any) -> dict[str, Any]:
    patch = draw(NUMBERS)
    sizes = {
        "patch_size": patch,
        "image_size": patch * draw(NUMBERS),
        "num_channels": draw(NUMBERS),
    }
    return {**encoder(draw), **sizes, "num_labels": draw(st.integers(2, 6))}


def protein(draw: Any) -> dict[str, Any]:
    return {
        **encoder(draw),
        "vocab_size": draw(st.integers(8, 40)),
        "mask_token_id": draw(st.integers(1, 7)),
        "pad_token_id": 1,
        "position_embedding_type": "rotary",
        "token_dropout": True,
        "emb_layer_norm_before": False,
        "layer_norm_eps": 1e-5,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def gpt2(draw: Any) -> dict[str, Any]:
    heads = draw(NUMBERS)
    return {
        "vocab_size": draw(st.integers(8, 40)),
        "n_positions": draw(st.integers(4, 20)),
        "n_embd": heads * draw(NUMBERS),
        "n_head": heads,
        "n_layer": draw(NUMBERS),
        "resid_pdrop": draw(st.sampled_from([0.0, 0.1])),
    }


def t5(draw: Any) -> dict[str, Any]:
    return {
        "vocab_size": draw(st.integers(8, 40)),
        "d_model": draw(st.integers(2, 16)),
        "d_ff": draw(st.integers(2, 16)),
        "d_kv": draw(NUMBERS),
        "num_heads": draw(NUMBERS),
        "num_layers": draw(NUMBERS),
        "num_decoder_layers": draw(st.none() | NUMBERS),
        "relative_attention_num_buckets": 4 * draw(NUMBERS),
        "relative_attention_max_distance": draw(st.integers(32, 64)),
    }


def whisper(draw: Any) -> dict[str, Any]:
    heads, hidden = draw(NUMBERS), draw(st.integers(2, 16))
    return {
        "vocab_size": 51_865,
        "num_mel_bins": draw(NUMBERS),
        "d_model": heads * 2 * draw(st.integers(2, 4)),
        "encoder_attention_heads": heads,
        "decoder_attention_heads": heads,
        "encoder_ffn_dim": hidden,
        "decoder_ffn_dim": hidden,
        "encoder_layers": draw(NUMBERS),
        "decoder_layers": draw(NUMBERS),
        "max_source_positions": draw(st.integers(2, 9)),
        "max_target_positions": draw(st.integers(2, 9)),
    }


def experts(draw: Any) -> dict[str, Any]:
    count = draw(NUMBERS)
    chosen = draw(st.integers(1, count))
    return {**decoder(draw), "num_local_experts": count, "num_experts_per_tok": chosen}


FAMILIES = {
    "BertModel": text,
    "EsmForMaskedLM": protein,
    "GPT2LMHeadModel": gpt2,
    "LlamaForCausalLM": decoder,
    "MistralForCausalLM": lambda draw: {**decoder(draw), "sliding_window": None},
    "MixtralForCausalLM": experts,
    "T5ForConditionalGeneration": t5,
    "ViTForImageClassification": image,
    "WhisperForConditionalGeneration": whisper,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_an_imported_config_has_the_library_s_tensors(
    name: str, configurations: int, tmp_path: Path
) -> None:
    cls = getattr(transformers, name)

    @settings(max_examples=configurations, deadline=None, database=None, derandomize=True)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        config = cls.config_class(**FAMILIES[name](data.draw), architectures=[name])
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config.to_dict()))
        found = import_config(str(path))
        assert found.unknown == ()
        with torch.device("meta"):
            model = cls(config)
        wanted = [(n, tuple(p.shape)) for n, p in model.named_parameters()]
        count = found.spec.count()
        aliases = {alias for alias, _ in count.tied}
        assert [(p.name, p.shape) for p in count.parameters() if p.name not in aliases] == wanted

    check()
