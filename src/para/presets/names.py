"""Look-up of named presets with a helpful error."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def look_up(name: str, table: Mapping[str, T], kind: str) -> T:
    """`table[name]`, or a ValueError that says what there is and what was probably meant."""
    if name in table:
        return table[name]
    close = difflib.get_close_matches(name, table, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"no {kind} {name!r}.{hint} There are: {', '.join(table)}.")
