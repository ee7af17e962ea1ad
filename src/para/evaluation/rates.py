"""Rates of episodes whose intervals know what the episodes share: the training that ran them, the place that was asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence

from para.evaluation.records import EpisodeError, EpisodeRecord
from para.evaluation.statistics import Rate, wilson_clustered


def rate_of(episodes: Sequence[EpisodeRecord], success: Callable[[EpisodeRecord], bool]) -> Rate:
    """The share of successes; its interval knows which episodes are of one training, and which of one place."""
    return wilson_clustered([success(r) for r in episodes], *clusterings(episodes))


def clusterings(episodes: Sequence[EpisodeRecord]) -> tuple[list[Hashable], list[Hashable]]:
    """The training and the place of each: what makes episodes alike."""
    return [training_key(r) for r in episodes], [place_of(r) for r in episodes]


def place_of(record: EpisodeRecord) -> Hashable:
    """What episodes share that ask the same place again, under another camera or by another policy: where both objects lie. Of
    LIBERO's own episodes each is its own: their few tasks are all that there are."""
    layout = record.condition.layout
    return (layout.bowl_xy, layout.plate_xy) if layout.official is None else record.condition.index


def training_key(record: EpisodeRecord | EpisodeError) -> tuple[str, int]:
    """(axis, training seed): episodes with the same one were run by one and the same training."""
    return record.condition.axis, training_seed(record.subject.policy)[1]


def training_seed(policy: str) -> tuple[str, int]:
    """``para_seed2`` -> ("para", 2): rows that differ in the training seed alone are one row of the table. A name without a
    seed is that of seed 0; a table that holds ``para`` and ``para_seed0``, too, is refused where it is made."""
    found = re.fullmatch(r"(.+?)_seed(\d+)", policy)
    return (found[1], int(found[2])) if found else (policy, 0)
