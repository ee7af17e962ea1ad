"""Damaged copies of JSON documents."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any


def mutations(document: Any) -> Iterator[Any]:
    """Copies of a JSON document with one entry left out, or replaced by null, a word, a number or an empty list."""
    for path in _paths(document):
        for replacement in (_ABSENT, None, "word", -3.5, []):
            damaged = copy.deepcopy(document)
            at = damaged
            for key in path[:-1]:
                at = at[key]
            if replacement is _ABSENT:
                del at[path[-1]]
            else:
                at[path[-1]] = replacement
            yield damaged


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (key,)
        yield from ((key, *path) for path in _paths(value[key]))


_ABSENT = object()
