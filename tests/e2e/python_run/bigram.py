# SPDX-License-Identifier: Apache-2.0
"""A language model that any Python trains in seconds: the next letter from the last one, through a few hidden numbers."""

from __future__ import annotations

import math
import random
from typing import Iterator, List, Tuple

ALPHABET = "abcdefghijklmnopqrstuvwxyz .,'"
VOCAB_SIZE = len(ALPHABET)

Gradient = List[List[float]]


def read_tokens(text: str) -> List[int]:
    """Letters regardless of case; what is no letter of the alphabet is a blank."""
    places = {letter: place for place, letter in enumerate(ALPHABET)}
    return [places.get(letter, places[" "]) for letter in text.lower()]


class Bigram:
    """Logits of the next letter are `output` times the last letter's row of `embedding`; no biases."""

    def __init__(self, hidden_size: int, seed: int) -> None:
        generator = random.Random(seed)
        self.hidden_size = hidden_size
        self.embedding = [[generator.gauss(0, 0.3) for _ in range(hidden_size)] for _ in range(VOCAB_SIZE)]
        self.output = [[generator.gauss(0, 0.3) for _ in range(hidden_size)] for _ in range(VOCAB_SIZE)]

    @property
    def param_count(self) -> int:
        return 2 * VOCAB_SIZE * self.hidden_size

    def loss_and_gradients(self, pairs: List[Tuple[int, int]]) -> Tuple[float, Gradient, Gradient]:
        """Mean cross-entropy in nats a token over (last, next), and its gradients by embedding and output."""
        by_embedding = [[0.0] * self.hidden_size for _ in range(VOCAB_SIZE)]
        by_output = [[0.0] * self.hidden_size for _ in range(VOCAB_SIZE)]
        loss = 0.0
        for last, following in pairs:
            hidden = self.embedding[last]
            chances = _softmax([sum(a * b for a, b in zip(row, hidden)) for row in self.output])
            loss -= math.log(chances[following])
            for token, chance in enumerate(chances):
                error = (chance - (token == following)) / len(pairs)
                row, gradient = self.output[token], by_output[token]
                for i in range(self.hidden_size):
                    by_embedding[last][i] += error * row[i]
                    gradient[i] += error * hidden[i]
        return loss / len(pairs), by_embedding, by_output

    def loss(self, pairs: List[Tuple[int, int]]) -> float:
        total = 0.0
        for last, following in pairs:
            hidden = self.embedding[last]
            total -= math.log(_softmax([sum(a * b for a, b in zip(row, hidden)) for row in self.output])[following])
        return total / len(pairs)

    def descend(self, by_embedding: Gradient, by_output: Gradient, rate: float) -> None:
        for parameters, gradients in ((self.embedding, by_embedding), (self.output, by_output)):
            for row, gradient in zip(parameters, gradients):
                for i, value in enumerate(gradient):
                    row[i] -= rate * value


def pairs_of(tokens: List[int]) -> List[Tuple[int, int]]:
    return list(zip(tokens, tokens[1:]))


def micro_batches(tokens: List[int], count: int, seed: int) -> Iterator[List[Tuple[int, int]]]:
    """`count` pairs at a time, drawn at random."""
    generator = random.Random(seed)
    pairs = pairs_of(tokens)
    while True:
        yield [generator.choice(pairs) for _ in range(count)]


def square_norm(*gradients: Gradient) -> float:
    return sum(value * value for gradient in gradients for row in gradient for value in row)


def mean_of(first: Gradient, second: Gradient) -> Gradient:
    return [[(a + b) / 2 for a, b in zip(*rows)] for rows in zip(first, second)]


def _softmax(logits: List[float]) -> List[float]:
    top = max(logits)
    powers = [math.exp(logit - top) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]
