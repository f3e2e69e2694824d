# SPDX-License-Identifier: Apache-2.0
"""A small decoder-only transformer over bytes, whose every parameter Rhumb's `Plan.model` counts."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from shape import HEAD_DIM, VOCAB_SIZE, Shape


class Norm(nn.Module):
    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(x, self.weight.shape, self.weight, None)


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        hidden = shape.hidden_size
        self.heads = hidden // HEAD_DIM
        self.attention_norm = Norm(hidden)
        self.query_key_value = nn.Linear(hidden, 3 * hidden, bias=False)
        self.attention_output = nn.Linear(hidden, hidden, bias=False)
        self.mlp_norm = Norm(hidden)
        self.up = nn.Linear(hidden, 4 * hidden, bias=False)
        self.down = nn.Linear(4 * hidden, hidden, bias=False)

    def forward(self, x: torch.Tensor, position_bias: torch.Tensor) -> torch.Tensor:
        x = x + self._attend(_with_previous(self.attention_norm(x)), position_bias)
        return x + self.down(functional.gelu(self.up(self.mlp_norm(x))))

    def _attend(self, x: torch.Tensor, position_bias: torch.Tensor) -> torch.Tensor:
        batch, length, hidden = x.shape
        heads = self.query_key_value(x).view(batch, length, 3, self.heads, HEAD_DIM).permute(2, 0, 3, 1, 4)
        query, key, value = (part.reshape(batch * self.heads, length, HEAD_DIM) for part in heads)
        bias = position_bias[:, :length, :length].repeat(batch, 1, 1)
        scores = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=1 / math.sqrt(HEAD_DIM))
        mixed = torch.bmm(scores.softmax(-1), value)
        return self.attention_output(mixed.view(batch, self.heads, length, HEAD_DIM).transpose(1, 2).reshape(x.shape))


class Decoder(nn.Module):
    """Logits of the next byte. Positions by ALiBi (Press et al. 2022, arXiv:2108.12409): no parameters."""

    def __init__(self, shape: Shape, seed: int) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(VOCAB_SIZE, shape.hidden_size)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.norm = Norm(shape.hidden_size)
        self.register_buffer("position_bias", _position_bias(shape.hidden_size // HEAD_DIM, shape.sequence_length))
        self._initialise(torch.Generator().manual_seed(seed))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.position_bias)
        return functional.linear(self.norm(x), self.embedding.weight)

    def loss(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy in nats a token; `tokens` has one more column than a sequence."""
        logits = self(tokens[:, :-1])
        return functional.cross_entropy(logits.reshape(-1, VOCAB_SIZE), tokens[:, 1:].reshape(-1))

    def _initialise(self, generator: torch.Generator) -> None:
        """Normal with a spread of 1/sqrt(inputs); what is added to the residual stream is made smaller by its depth."""
        depth_scale = 1 / math.sqrt(2 * self.shape.num_layers)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() < 2:
                    continue
                spread = 1 / math.sqrt(self.shape.hidden_size if "embedding" in name else weight.shape[1])
                if name.endswith(("attention_output.weight", "down.weight")):
                    spread *= depth_scale
                weight.normal_(0, spread, generator=generator)


def _with_previous(x: torch.Tensor) -> torch.Tensor:
    """Half of the channels as they are, half as they were a token before; no parameters.

    What follows which letter is then seen by one layer. Without it small models learn to attend to the last letters
    suddenly and late, and a law of their losses is of that moment.
    """
    half = x.shape[-1] // 2
    return torch.cat([x[..., :half], functional.pad(x[:, :-1, half:], (0, 0, 1, 0))], dim=-1)


def _position_bias(heads: int, length: int) -> torch.Tensor:
    """ALiBi's penalty of distance and the causal mask in one tensor, shape (heads, length, length)."""
    slopes = torch.tensor([2 ** (-8 * (head + 1) / heads) for head in range(heads)])
    distance = torch.arange(length)[:, None] - torch.arange(length)[None, :]
    bias = -slopes[:, None, None] * distance
    return bias.masked_fill(distance < 0, float("-inf"))
