"""What a policy makes of its instruction: words, learned from scratch, or the number of a known sentence.

The sentence becomes one vector. It modulates the neck of a pointing head (FiLM, Perez et al. 2018) and is appended to what
rivals are told. Without an instruction in a head's configuration nothing of this is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from para.heads.head import full_precision
from para.heads.position_embedding import time_positions


@dataclass(frozen=True)
class Words:
    """The sentence's words: embeddings and one layer of self-attention, trained with the policy."""

    vocabulary: tuple[str, ...] = ()
    """The words known, without capitals; taken from the demonstrations by `fitted`."""
    width: int = 32
    """Numbers of a word."""
    attention_heads: int = 4
    values: int = 64
    """Length of the sentence's vector."""
    unknown_share: float = 0.05
    """Share of words that training hides, so that a policy has learned what to do about a word it does not know."""

    def fitted(self, sentences: Iterable[str]) -> Words:
        """With every word of these sentences."""
        return replace(
            self, vocabulary=tuple(sorted({word for sentence in sentences for word in split_words(sentence)}))
        )

    def build(self) -> WordEncoder:
        """Sentences -> vectors. ValueError without a vocabulary."""
        if not self.vocabulary:
            raise ValueError("Words has no vocabulary: take it from demonstrations with `fitted`, or name the words")
        return WordEncoder(self)


@dataclass(frozen=True)
class TaskId:
    """Which of the known sentences it is, one-hot: a policy that cannot read."""

    sentences: tuple[str, ...] = ()
    """The sentences known; taken from the demonstrations by `fitted`."""

    @property
    def values(self) -> int:
        """Length of the sentence's vector."""
        return len(self.sentences)

    def fitted(self, sentences: Iterable[str]) -> TaskId:
        """With these sentences, in alphabetical order."""
        return replace(self, sentences=tuple(sorted(set(sentences))))

    def build(self) -> SentenceNumber:
        """Sentences -> vectors. ValueError without known sentences."""
        if not self.sentences:
            raise ValueError("TaskId knows no sentence: take them from demonstrations with `fitted`, or name them")
        return SentenceNumber(self)


Instruction = Words | TaskId


def split_words(sentence: str) -> list[str]:
    """Words and numbers of any script, without capitals and punctuation."""
    return re.findall(r"[^\W_]+", sentence.casefold())


class WordEncoder(nn.Module):
    """See `Words`."""

    def __init__(self, config: Words) -> None:
        super().__init__()
        self.config = config
        self.number = {word: i + 2 for i, word in enumerate(config.vocabulary)}
        width = config.width
        self.embedding = nn.Embedding(len(config.vocabulary) + 2, width)
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, config.attention_heads, batch_first=True)
        self.mix = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )
        self.out = nn.Linear(width, config.values)

    def forward(self, sentences: Sequence[str]) -> torch.Tensor:
        """B sentences -> (B, values) float32."""
        numbers = self._numbers(sentences)
        with full_precision(self.embedding.weight):
            x = self.embedding(numbers)
            x = x + time_positions(torch.arange(numbers.shape[1], device=x.device), x.shape[-1])
            empty = numbers == _NOTHING
            normed = self.norm(x)
            attended, _ = self.attention(normed, normed, normed, key_padding_mask=empty, need_weights=False)
            x = x + attended
            x = x + self.mix(x)
            # The most of each number over the words: one telling word among many common ones is not averaged away.
            return self.out(x.masked_fill(empty[..., None], -torch.inf).amax(1))

    def _numbers(self, sentences: Sequence[str]) -> torch.Tensor:
        rows = [[self.number.get(word, _UNKNOWN) for word in split_words(s)] or [_UNKNOWN] for s in sentences]
        length = max(map(len, rows))
        numbers = torch.tensor([row + [_NOTHING] * (length - len(row)) for row in rows])
        if self.training and self.config.unknown_share > 0:
            hidden = (torch.rand(numbers.shape) < self.config.unknown_share) & (numbers != _NOTHING)
            numbers = numbers.masked_fill(hidden, _UNKNOWN)
        return numbers.to(self.embedding.weight.device)


_NOTHING, _UNKNOWN = 0, 1
"""Numbers of the place after a sentence's end, and of a word outside the vocabulary."""


class SentenceNumber(nn.Module):
    """See `TaskId`."""

    def __init__(self, config: TaskId) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("rows", torch.eye(len(config.sentences)), persistent=False)

    def forward(self, sentences: Sequence[str]) -> torch.Tensor:
        """B sentences -> (B, values) float32. ValueError lists the known sentences."""
        known = self.config.sentences
        for sentence in sentences:
            if sentence not in known:
                listing = "\n  ".join(known)
                raise ValueError(f"the policy was taught no task {sentence!r}; it knows\n  {listing}")
        return self.rows[[known.index(sentence) for sentence in sentences]]


class Modulation(nn.Module):
    """FiLM: a vector scales and shifts the channels of a map. It begins as no change."""

    def __init__(self, values: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(values, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        """(B, C, rows, columns), (B, values) -> (B, C, rows, columns)."""
        scale, shift = self.linear(vector)[..., None, None].chunk(2, 1)
        return x * (1 + scale) + shift


def encoder(instruction: Instruction | None) -> WordEncoder | SentenceNumber | None:
    """Built where there is an instruction."""
    return None if instruction is None else instruction.build()
