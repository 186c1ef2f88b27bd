"""Models of the libraries that define the zoo's architectures, at configurations in the words of our specs.

A `Reference` draws configurations (config names, and run-time sizes under their capital names) and builds the library's model
of one. Dropout is off, attention is the plain one wherever a library offers several, and no model has a padding token: that
the row of an embedding gets no gradient is a convention of training, not of the architecture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffusers
import enformer_pytorch
import timm
import torchvision
import transformers
from enformer_pytorch.modeling_enformer import exponential_linspace_int
from hypothesis.strategies import (
    DrawFn,
    SearchStrategy,
    composite,
    integers,
    lists,
    sampled_from,
)
from paper_dit import DiT
from torch import nn

Config = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """A library's implementation of one spec."""

    spec: str
    library: str
    configs: SearchStrategy[Config]
    build: Callable[[Config], nn.Module]
    alias: str | None = None
    """A submodule that only names other submodules once more."""

    def __str__(self) -> str:
        return f"{self.spec} in {self.library}"


# What configurations have in common

small = integers(1, 3)
"""Depths, batches and the like."""
several = integers(2, 4)
"""Batches that a batch norm can be trained on."""
positions = integers(2, 12)
odd_size = integers(3, 40)
"""Sizes that need to divide nothing."""
epsilons = sampled_from([1e-5, 1e-2])


@composite
def heads(draw: DrawFn, multiple: int = 1) -> tuple[int, int, int]:
    """(width, number of heads, width of each), where a head's width is a multiple."""
    num_heads = draw(integers(1, 4))
    head_dim = multiple * draw(integers(4 // multiple, 16 // multiple))
    return num_heads * head_dim, num_heads, head_dim


# Language models


@composite
def gpt2_configs(draw: DrawFn) -> Config:
    dim, num_heads, _ = draw(heads())
    length = draw(positions)
    return {
        "vocab_size": draw(odd_size),
        "max_positions": length + draw(integers(0, 4)),
        "embed_dim": dim,
        "num_layers": draw(small),
        "num_heads": num_heads,
        "B": draw(small),
        "N": length,
    }


def gpt2(config: Config) -> nn.Module:
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config["vocab_size"],
            n_positions=config["max_positions"],
            n_embd=config["embed_dim"],
            n_layer=config["num_layers"],
            n_head=config["num_heads"],
            resid_pdrop=config["dropout_rate"],
            embd_pdrop=config["dropout_rate"],
            attn_pdrop=config["dropout_rate"],
            bos_token_id=None,
            eos_token_id=None,
            attn_implementation="eager",
        )
    )


@composite
def bert_configs(draw: DrawFn) -> Config:
    dim, num_heads, _ = draw(heads())
    length = draw(positions)
    return {
        "vocab_size": draw(odd_size),
        "max_positions": length + draw(integers(0, 4)),
        "num_token_types": draw(small),
        "embed_dim": dim,
        "num_layers": draw(small),
        "num_heads": num_heads,
        "hidden_dim": draw(odd_size),
        "B": draw(small),
        "N": length,
    }


def bert(config: Config) -> nn.Module:
    return transformers.BertModel(
        transformers.BertConfig(
            vocab_size=config["vocab_size"],
            max_position_embeddings=config["max_positions"],
            type_vocab_size=config["num_token_types"],
            hidden_size=config["embed_dim"],
            num_hidden_layers=config["num_layers"],
            num_attention_heads=config["num_heads"],
            intermediate_size=config["hidden_dim"],
            hidden_dropout_prob=config["dropout_rate"],
            attention_probs_dropout_prob=config["dropout_rate"],
            pad_token_id=None,
            attn_implementation="eager",
        )
    )


@composite
def esm_configs(draw: DrawFn) -> Config:
    dim, num_heads, _ = draw(heads(multiple=2))
    vocab_size = draw(integers(8, 40))
    return {
        "vocab_size": vocab_size,
        "mask_token_id": draw(integers(0, vocab_size - 1)),
        "embed_dim": dim,
        "num_layers": draw(small),
        "num_heads": num_heads,
        "hidden_dim": draw(odd_size),
        "rope_theta": draw(sampled_from([10_000.0, 500.0])),
        "B": draw(small),
        "N": draw(integers(8, 16)),
    }


def esm(config: Config) -> nn.Module:
    model = transformers.EsmForMaskedLM(
        transformers.EsmConfig(
            vocab_size=config["vocab_size"],
            mask_token_id=config["mask_token_id"],
            pad_token_id=0,
            hidden_size=config["embed_dim"],
            num_hidden_layers=config["num_layers"],
            num_attention_heads=config["num_heads"],
            intermediate_size=config["hidden_dim"],
            layer_norm_eps=1e-5,
            rope_theta=config["rope_theta"],
            position_embedding_type="rotary",
            token_dropout=True,
            emb_layer_norm_before=False,
            attn_implementation="eager",
        )
    )
    # The configuration has to name a padding token; the embedding need not.
    model.esm.embeddings.word_embeddings.padding_idx = None
    return model


@composite
def llama_configs(draw: DrawFn) -> Config:
    num_kv_heads, group = draw(small), draw(small)
    return {
        "vocab_size": draw(odd_size),
        "embed_dim": num_kv_heads * group * draw(integers(2, 8)),
        "hidden_dim": draw(odd_size),
        "num_layers": draw(small),
        "num_heads": num_kv_heads * group,
        "num_kv_heads": num_kv_heads,
        "head_dim": 2 * draw(integers(1, 6)),
        "rope_theta": draw(sampled_from([10_000.0, 500_000.0])),
        "norm_eps": draw(epsilons),
        "B": draw(small),
        "N": draw(positions),
    }


def decoder_fields(config: Config) -> Config:
    """What the configurations of Llama and of Mixtral share."""
    return {
        "vocab_size": config["vocab_size"],
        "hidden_size": config["embed_dim"],
        "intermediate_size": config["hidden_dim"],
        "num_hidden_layers": config["num_layers"],
        "num_attention_heads": config["num_heads"],
        "num_key_value_heads": config["num_kv_heads"],
        "head_dim": config["head_dim"],
        "rms_norm_eps": config["norm_eps"],
        "rope_parameters": {"rope_type": "default", "rope_theta": config["rope_theta"]},
        "pad_token_id": None,
        "attn_implementation": "eager",
    }


def llama(config: Config) -> nn.Module:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**decoder_fields(config)))


@composite
def mixtral_configs(draw: DrawFn) -> Config:
    num_experts = draw(integers(1, 5))
    experts = {"num_experts": num_experts, "top_k": draw(integers(1, num_experts))}
    return {**draw(llama_configs()), **experts}


def mixtral(config: Config) -> nn.Module:
    return transformers.MixtralForCausalLM(
        transformers.MixtralConfig(
            **decoder_fields(config),
            num_local_experts=config["num_experts"],
            num_experts_per_tok=config["top_k"],
            experts_implementation="eager",
        )
    )


@composite
def mamba_configs(draw: DrawFn) -> Config:
    return {
        "vocab_size": draw(odd_size),
        "hidden_size": draw(integers(8, 24)),
        "num_hidden_layers": draw(small),
        "state_size": draw(integers(1, 8)),
        "expand": draw(small),
        "conv_kernel": draw(integers(2, 5)),
        "time_step_rank": draw(integers(1, 6)),
        "layer_norm_epsilon": draw(epsilons),
        "B": draw(small),
        "L": draw(positions),
    }


def mamba(config: Config) -> nn.Module:
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "state_size", "expand")
    names += ("conv_kernel", "time_step_rank", "layer_norm_epsilon")
    return transformers.MambaForCausalLM(
        transformers.MambaConfig(**{name: config[name] for name in names})
    )


@composite
def t5_configs(draw: DrawFn) -> Config:
    num_buckets = draw(integers(4, 16))
    return {
        "vocab_size": draw(odd_size),
        "embed_dim": draw(integers(4, 40)),
        "hidden_dim": draw(odd_size),
        "num_layers": draw(small),
        "num_decoder_layers": draw(small),
        "num_heads": draw(small),
        "head_dim": draw(integers(1, 12)),
        "num_buckets": num_buckets,
        "max_distance": num_buckets + draw(integers(1, 16)),
        "B": draw(small),
        "M": draw(integers(2, 40)),
        "N": draw(integers(2, 40)),
    }


def t5(config: Config) -> nn.Module:
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=config["vocab_size"],
            d_model=config["embed_dim"],
            d_kv=config["head_dim"],
            d_ff=config["hidden_dim"],
            num_layers=config["num_layers"],
            num_decoder_layers=config["num_decoder_layers"],
            num_heads=config["num_heads"],
            relative_attention_num_buckets=config["num_buckets"],
            relative_attention_max_distance=config["max_distance"],
            feed_forward_proj="relu",
            attn_implementation="eager",
        )
    )


@composite
def whisper_configs(draw: DrawFn) -> Config:
    # The library's sinusoids need two frequencies.
    num_heads, head_dim = draw(integers(1, 4)), 4 * draw(integers(1, 4))
    length = draw(positions)
    return {
        "vocab_size": draw(odd_size),
        "num_mel_bins": draw(integers(1, 12)),
        "embed_dim": num_heads * head_dim,
        "hidden_dim": draw(odd_size),
        "num_encoder_layers": draw(small),
        "num_decoder_layers": draw(small),
        "num_heads": num_heads,
        "max_source_positions": draw(integers(1, 16)),
        "max_target_positions": length + draw(integers(0, 4)),
        "B": draw(small),
        "N": length,
    }


def whisper(config: Config) -> nn.Module:
    return transformers.WhisperForConditionalGeneration(
        transformers.WhisperConfig(
            vocab_size=config["vocab_size"],
            num_mel_bins=config["num_mel_bins"],
            d_model=config["embed_dim"],
            encoder_layers=config["num_encoder_layers"],
            decoder_layers=config["num_decoder_layers"],
            encoder_attention_heads=config["num_heads"],
            decoder_attention_heads=config["num_heads"],
            encoder_ffn_dim=config["hidden_dim"],
            decoder_ffn_dim=config["hidden_dim"],
            max_source_positions=config["max_source_positions"],
            max_target_positions=config["max_target_positions"],
            pad_token_id=None,
            attn_implementation="eager",
        )
    )


# Images


@composite
def vit_configs(draw: DrawFn) -> Config:
    dim, num_heads, _ = draw(heads())
    patch_size = draw(integers(1, 8))
    return {
        "image_size": patch_size * draw(integers(1, 4)),
        "patch_size": patch_size,
        "num_channels": draw(small),
        "num_classes": draw(odd_size),
        "embed_dim": dim,
        "num_layers": draw(small),
        "num_heads": num_heads,
        "hidden_dim": draw(odd_size),
        "B": draw(small),
    }


def vit(config: Config) -> nn.Module:
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(
            image_size=config["image_size"],
            patch_size=config["patch_size"],
            num_channels=config["num_channels"],
            num_labels=config["num_classes"],
            hidden_size=config["embed_dim"],
            num_hidden_layers=config["num_layers"],
            num_attention_heads=config["num_heads"],
            intermediate_size=config["hidden_dim"],
            attn_implementation="eager",
        )
    )


@composite
def convnext_configs(draw: DrawFn) -> Config:
    return {
        "num_channels": draw(small),
        "patch_size": draw(integers(1, 4)),
        "hidden_sizes": draw(lists(integers(4, 20), min_size=4, max_size=4)),
        "depths": draw(lists(small, min_size=4, max_size=4)),
        "num_labels": draw(odd_size),
        "B": draw(small),
        "H": draw(integers(1, 2)),
        "W": draw(integers(1, 2)),
    }


def convnext(config: Config) -> nn.Module:
    return transformers.ConvNextForImageClassification(
        transformers.ConvNextConfig(
            num_channels=config["num_channels"],
            patch_size=config["patch_size"],
            num_stages=4,
            hidden_sizes=config["hidden_sizes"],
            depths=config["depths"],
            num_labels=config["num_labels"],
        )
    )


@composite
def resnet_configs(draw: DrawFn, basic: bool) -> Config:
    """timm's stem has 64 channels, which no first stage of bottlenecks may keep as they are."""
    widths = integers(2, 32)
    first = 64 if basic else draw(widths.filter(lambda channels: 4 * channels != 64))
    return {
        "in_channels": draw(small),
        "channels": [first, *draw(lists(widths, min_size=3, max_size=3))],
        "stem_channels": 64,
        "layers": draw(lists(small, min_size=4, max_size=4)),
        "num_classes": draw(odd_size),
        "B": draw(several),
        "H": draw(integers(1, 2)),
        "W": draw(integers(1, 2)),
    }


def timm_resnet(config: Config) -> nn.Module:
    blocks = {1: timm.models.resnet.BasicBlock, 4: timm.models.resnet.Bottleneck}
    return timm.models.resnet.ResNet(
        blocks[config["expansion"]],
        config["layers"],
        num_classes=config["num_classes"],
        in_chans=config["in_channels"],
        channels=config["channels"],
    )


@composite
def torchvision_resnet_configs(draw: DrawFn) -> Config:
    """torchvision fixes the widths, so that these models are large."""
    return {
        "layers": draw(lists(integers(1, 2), min_size=4, max_size=4)),
        "num_classes": draw(odd_size),
        "B": draw(several),
        "H": 1,
        "W": draw(integers(1, 2)),
    }


def torchvision_resnet(config: Config) -> nn.Module:
    resnet = torchvision.models.resnet
    blocks = {1: resnet.BasicBlock, 4: resnet.Bottleneck}
    return resnet.ResNet(blocks[config["expansion"]], config["layers"], config["num_classes"])


# Diffusion


@composite
def unet_configs(draw: DrawFn) -> Config:
    num_groups, num_levels = draw(small), draw(integers(2, 4))
    # The first width is the number of sinusoids: even, of at least two frequencies.
    widths = draw(lists(integers(2, 5), min_size=num_levels, max_size=num_levels))
    widths[0] = 2 * widths[0]
    return {
        "in_channels": draw(small),
        "out_channels": draw(small),
        "block_out_channels": [num_groups * width for width in widths],
        "layers_per_block": draw(integers(1, 2)),
        "norm_num_groups": num_groups,
        "attention_level": draw(integers(0, num_levels - 1)),
        "B": draw(small),
        # A norm of two or three numbers alone is all rounding, so that a group has several places.
        "H": draw(integers(2, 3)),
        "W": draw(integers(2, 3)),
    }


def unet(config: Config) -> nn.Module:
    levels = range(len(config["block_out_channels"]))
    attends = [level == config["attention_level"] for level in levels]
    return diffusers.UNet2DModel(
        in_channels=config["in_channels"],
        out_channels=config["out_channels"],
        block_out_channels=config["block_out_channels"],
        layers_per_block=config["layers_per_block"],
        norm_num_groups=config["norm_num_groups"],
        down_block_types=["AttnDownBlock2D" if here else "DownBlock2D" for here in attends],
        up_block_types=["AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attends)],
        attention_head_dim=None,
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-6,
    )


@composite
def diffusers_dit_configs(draw: DrawFn) -> Config:
    patch_size = draw(small)
    return {
        "num_attention_heads": draw(small),
        "attention_head_dim": 4 * draw(integers(1, 4)),
        "in_channels": draw(small),
        "out_channels": draw(small),
        "num_layers": draw(small),
        "sample_size": patch_size * draw(integers(1, 4)),
        "patch_size": patch_size,
        "num_embeds_ada_norm": draw(integers(1, 12)),
        "norm_eps": draw(epsilons),
        "B": draw(small),
    }


def diffusers_dit(config: Config) -> nn.Module:
    names = ("num_attention_heads", "attention_head_dim", "in_channels", "out_channels")
    names += ("num_layers", "sample_size", "patch_size", "num_embeds_ada_norm", "norm_eps")
    return diffusers.DiTTransformer2DModel(**{name: config[name] for name in names})


@composite
def dit_configs(draw: DrawFn) -> Config:
    patch_size = draw(small)
    num_heads, head_dim = draw(small), 4 * draw(integers(1, 4))
    return {
        "input_size": patch_size * draw(integers(1, 4)),
        "patch_size": patch_size,
        "in_channels": draw(small),
        "hidden_size": num_heads * head_dim,
        "depth": draw(small),
        "num_heads": num_heads,
        "mlp_ratio": draw(sampled_from([1.0, 2.5, 4.0])),
        "num_classes": draw(integers(1, 12)),
        "frequency_dim": 2 * draw(integers(1, 16)),
        "B": draw(small),
    }


def dit(config: Config) -> nn.Module:
    return DiT(**{name: value for name, value in config.items() if name != "class_dropout_prob"})


# Sequences to profiles


@composite
def enformer_configs(draw: DrawFn) -> Config:
    num_heads, num_stages = draw(small), draw(integers(3, 4))
    dim = num_heads * 6 * draw(integers(1, 3)) * (1 if num_heads == 2 else 2)
    widths = [dim // 2, *exponential_linspace_int(dim // 2, dim, num_stages - 1)]
    # The library crops as many bins at both ends.
    target_length, margin = draw(integers(4, 8)), draw(integers(0, 3))
    return {
        "widths": widths,
        "depth": draw(small),
        "heads": num_heads,
        "attn_dim_key": draw(integers(1, 8)),
        "target_length": target_length,
        "human_tracks": draw(integers(4, 9)),
        "mouse_tracks": draw(integers(4, 9)),
        "dropout_rate": 0.0,
        "attn_dropout": 0.0,
        "pos_dropout": 0.0,
        "B": draw(several),
        "N": target_length + 2 * margin,
    }


def enformer(config: Config) -> nn.Module:
    names = ("depth", "heads", "attn_dim_key", "target_length")
    names += ("dropout_rate", "attn_dropout", "pos_dropout")
    return enformer_pytorch.Enformer(
        enformer_pytorch.EnformerConfig(
            **{name: config[name] for name in names},
            dim=config["widths"][-1],
            num_downsamples=len(config["widths"]),
            dim_divisible_by=1,
            output_heads={"human": config["human_tracks"], "mouse": config["mouse_tracks"]},
        )
    )


REFERENCES = [
    Reference("bert-base-uncased", "transformers", bert_configs(), bert),
    Reference("convnext-tiny", "transformers", convnext_configs(), convnext),
    Reference("ddpm-unet", "diffusers", unet_configs(), unet),
    Reference("dit-xl-2", "diffusers", diffusers_dit_configs(), diffusers_dit),
    Reference("dit-xl-2-paper", "parts of timm", dit_configs(), dit),
    Reference("enformer", "enformer-pytorch", enformer_configs(), enformer, alias="_trunk"),
    Reference("esm2-8m", "transformers", esm_configs(), esm),
    Reference("gpt2", "transformers", gpt2_configs(), gpt2),
    Reference("llama-3-8b", "transformers", llama_configs(), llama),
    Reference("mamba-130m", "transformers", mamba_configs(), mamba),
    Reference("mixtral-8x7b", "transformers", mixtral_configs(), mixtral),
    Reference("resnet-18", "timm", resnet_configs(basic=True), timm_resnet),
    Reference("resnet-50", "timm", resnet_configs(basic=False), timm_resnet),
    Reference("resnet-50", "torchvision", torchvision_resnet_configs(), torchvision_resnet),
    Reference("t5-small", "transformers", t5_configs(), t5),
    Reference("vit-b16", "transformers", vit_configs(), vit),
    Reference("whisper-tiny", "transformers", whisper_configs(), whisper),
]
