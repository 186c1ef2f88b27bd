"""How PyTorch spells each layer: its class, its positional arguments, and its keywords.

A keyword is written only where it differs from PyTorch's own default, which is why those defaults stand here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["LAYER_CLASSES", "LAYER_TEXT", "LayerText"]


@dataclass(frozen=True)
class LayerText:
    """A constructor: `cls(positional..., keyword=...)`. `keywords`: field -> (torch's keyword, torch's default)."""

    cls: str
    positional: tuple[str, ...] = ()
    keywords: Mapping[str, tuple[str, object]] = field(default_factory=dict)


_CONV = {
    "stride": ("stride", 1),
    "padding": ("padding", 0),
    "dilation": ("dilation", 1),
    "groups": ("groups", 1),
    "bias": ("bias", True),
}
_POOL = {"stride": ("stride", None), "padding": ("padding", 0)}
_BATCH_NORM = {
    "eps": ("eps", 1e-5),
    "momentum": ("momentum", 0.1),
    "affine": ("affine", True),
}
_CHANNELS = ("in_channels", "out_channels", "kernel_size")

LAYER_TEXT: dict[str, LayerText] = {
    "avg_pool1d": LayerText("nn.AvgPool1d", ("kernel_size",), _POOL),
    "avg_pool2d": LayerText("nn.AvgPool2d", ("kernel_size",), _POOL),
    "batch_norm1d": LayerText("nn.BatchNorm1d", ("num_features",), _BATCH_NORM),
    "batch_norm2d": LayerText("nn.BatchNorm2d", ("num_features",), _BATCH_NORM),
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
    "max_pool1d": LayerText("nn.MaxPool1d", ("kernel_size",), _POOL),
    "max_pool2d": LayerText("nn.MaxPool2d", ("kernel_size",), _POOL),
    "relu": LayerText("nn.ReLU"),
    "rms_norm": LayerText(
        "nn.RMSNorm", ("dim",), {"eps": ("eps", None), "affine": ("elementwise_affine", True)}
    ),
    "sigmoid": LayerText("nn.Sigmoid"),
    "silu": LayerText("nn.SiLU"),
    "softplus": LayerText("nn.Softplus"),
    "tanh": LayerText("nn.Tanh"),
    "transposed_linear": LayerText("TransposedLinear", ("in_features", "out_features")),
}

LAYER_CLASSES: dict[str, str] = {
    "TransposedLinear": '''\
class TransposedLinear(nn.Module):
    """Affine map whose weight is stored as (in_features, out_features)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.empty(out_features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = self.weight.shape[0] ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.T, self.bias)
''',
}
"""Classes of the generated file for layers that torch lacks, by name."""
