"""DiT as its paper's code builds it, from timm's parts: no package ships that code.

What a block is made of, attention, perceptron and patch embedding, is timm's and the table of positions is diffusers'; the
rest is written from the paper and from the names of its checkpoints.
"""

from __future__ import annotations

import math

import torch
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from timm.layers import Mlp, PatchEmbed
from timm.models.vision_transformer import Attention
from torch import Tensor, nn


class TimestepEmbedder(nn.Module):
    """Cosines and sines of the timestep, then a perceptron."""

    def __init__(self, dim: int, frequency_dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(frequency_dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.half = frequency_dim // 2

    def forward(self, t: Tensor) -> Tensor:
        steps = torch.arange(self.half, dtype=torch.float32)
        # Timesteps are large, so that even the order of these roundings shows in the waves.
        freqs = torch.exp(-math.log(10000) * steps / self.half)
        angles = torch.outer(t.to(torch.float32), freqs)
        waves = torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)
        return self.mlp(waves.to(self.mlp[0].weight.dtype))


class LabelEmbedder(nn.Module):
    """A table of classes, with one row more for no class."""

    def __init__(self, num_classes: int, dim: int) -> None:
        super().__init__()
        self.embedding_table = nn.Embedding(num_classes + 1, dim)

    def forward(self, y: Tensor) -> Tensor:
        return self.embedding_table(y)


def modulated(norm: nn.Module, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return norm(x).addcmul(norm(x), scale[:, None]) + shift[:, None]


class Modulation(nn.Sequential):
    """As many vectors of the condition as are asked for."""

    def __init__(self, dim: int, parts: int) -> None:
        super().__init__(nn.SiLU(), nn.Linear(dim, parts * dim))


class Block(nn.Module):
    def __init__(self, dim: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.attn = Attention(dim, num_heads, qkv_bias=True)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.mlp = Mlp(dim, int(mlp_ratio * dim), act_layer=lambda: nn.GELU(approximate="tanh"))
        self.adaLN_modulation = Modulation(dim, 6)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        parts = self.adaLN_modulation(c).unflatten(1, (6, -1)).unbind(1)
        x = x + parts[2][:, None] * self.attn(modulated(self.norm1, x, parts[0], parts[1]))
        return x + parts[5][:, None] * self.mlp(modulated(self.norm2, x, parts[3], parts[4]))


class FinalLayer(nn.Module):
    def __init__(self, dim: int, out_features: int) -> None:
        super().__init__()
        self.norm_final = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.linear = nn.Linear(dim, out_features)
        self.adaLN_modulation = Modulation(dim, 2)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(c).unflatten(1, (2, -1)).unbind(1)
        return self.linear(modulated(self.norm_final, x, shift, scale))


class DiT(nn.Module):
    def __init__(
        self,
        *,
        input_size: int,
        patch_size: int,
        in_channels: int,
        hidden_size: int,
        depth: int,
        num_heads: int,
        mlp_ratio: float,
        num_classes: int,
        frequency_dim: int,
    ) -> None:
        super().__init__()
        self.side, self.patch_size, self.out_channels = input_size, patch_size, 2 * in_channels
        grid = input_size // patch_size
        table = get_2d_sincos_pos_embed(hidden_size, grid, base_size=grid, output_type="pt")
        table = table.to(torch.get_default_dtype())[None]
        self.pos_embed = nn.Parameter(table, requires_grad=False)
        self.x_embedder = PatchEmbed(input_size, patch_size, in_channels, hidden_size)
        self.t_embedder = TimestepEmbedder(hidden_size, frequency_dim)
        self.y_embedder = LabelEmbedder(num_classes, hidden_size)
        self.blocks = nn.ModuleList(Block(hidden_size, num_heads, mlp_ratio) for _ in range(depth))
        self.final_layer = FinalLayer(hidden_size, patch_size**2 * self.out_channels)

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        x = self.x_embedder(x) + self.pos_embed
        c = self.t_embedder(t) + self.y_embedder(y)
        for block in self.blocks:
            x = block(x, c)
        # A token holds a patch with its channels last; fold wants them first.
        p = self.patch_size
        patches = self.final_layer(x, c).unflatten(2, (p * p, self.out_channels))
        columns = patches.permute(0, 3, 2, 1).flatten(1, 2)
        return nn.functional.fold(columns, self.side, kernel_size=p, stride=p)
