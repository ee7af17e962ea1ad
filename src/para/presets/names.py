"""Look-up of named presets with a helpful error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


def look_up(name: str, table: Mapping[str, T], kind: str, besides: Iterable[str] = ()) -> T:
    """`table[name]`, or a ValueError that says what there is and what was probably meant, which may be one of many names
    `besides` that are too many to list."""
    if name in table:
        return table[name]
    close = difflib.get_close_matches(name, (*table, *besides), 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"no {kind} {name!r}.{hint} There are: {', '.join(table)}.")
