# SPDX-License-Identifier: Apache-2.0
"""The architecture of a transformer of the ladder, as numbers."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict

HEAD_DIM = 32
VOCAB_SIZE = 256


@dataclasses.dataclass(frozen=True)
class Shape:
    """An architecture in the words of `Plan.model`: plain MLP of four widths, tied embeddings, norms without biases."""

    num_layers: int
    hidden_size: int
    sequence_length: int

    @property
    def name(self) -> str:
        return "l%d-h%d" % (self.num_layers, self.hidden_size)

    @property
    def param_count(self) -> int:
        """All parameters, embeddings included (TOTAL)."""
        hidden, layers = self.hidden_size, self.num_layers
        return VOCAB_SIZE * hidden + layers * (12 * hidden * hidden + 2 * hidden) + hidden

    def as_plan_model(self) -> Dict[str, Any]:
        """What `rhumb plan --arch` reads."""
        heads = self.hidden_size // HEAD_DIM
        return {
            "name": self.name,
            "num_layers": self.num_layers,
            "hidden_size": self.hidden_size,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "head_dim": HEAD_DIM,
            "ffn_hidden_size": 4 * self.hidden_size,
            "gated": False,
            "tied_embeddings": True,
            "vocab_size": VOCAB_SIZE,
            "sequence_length": self.sequence_length,
        }
