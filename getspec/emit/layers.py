"""How PyTorch spells each layer: its class, its positional arguments, and its keywords.

A keyword is written only where it differs from PyTorch's own default, which is why those defaults stand here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["LAYER_TEXT", "LayerText"]


@dataclass(frozen=True)
class LayerText:
    """A constructor: `cls(positional..., keyword=...)`. `keywords`: field -> (torch's keyword, torch's default)."""

    cls: str
    positional: tuple[str, ...] = ()
    keywords: dict[str, tuple[str, object]] = field(default_factory=dict)


_CONV = {
    "stride": ("stride", 1),
    "padding": ("padding", 0),
    "dilation": ("dilation", 1),
    "groups": ("groups", 1),
    "bias": ("bias", True),
}
_CHANNELS = ("in_channels", "out_channels", "kernel_size")

LAYER_TEXT: dict[str, LayerText] = {
    "conv1d": LayerText("nn.Conv1d", _CHANNELS, _CONV),
    "conv2d": LayerText("nn.Conv2d", _CHANNELS, _CONV),
    "dropout": LayerText("nn.Dropout", ("p",)),
    "embedding": LayerText("nn.Embedding", ("num_embeddings", "embedding_dim")),
    "gelu": LayerText("nn.GELU", (), {"approximate": ("approximate", "none")}),
    "group_norm": LayerText(
        "nn.GroupNorm",
        ("num_groups", "num_channels"),
        {"eps": ("eps", 1e-5), "affine": ("affine", True)},
    ),
    "layer_norm": LayerText(
        "nn.LayerNorm",
        ("dim",),
        {"eps": ("eps", 1e-5), "affine": ("elementwise_affine", True), "bias": ("bias", True)},
    ),
    "linear": LayerText("nn.Linear", ("in_features", "out_features"), {"bias": ("bias", True)}),
    "relu": LayerText("nn.ReLU"),
    "rms_norm": LayerText(
        "nn.RMSNorm", ("dim",), {"eps": ("eps", None), "affine": ("elementwise_affine", True)}
    ),
    "sigmoid": LayerText("nn.Sigmoid"),
    "silu": LayerText("nn.SiLU"),
    "softplus": LayerText("nn.Softplus"),
    "tanh": LayerText("nn.Tanh"),
}
