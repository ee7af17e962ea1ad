"""Configuration dataclasses <-> JSON.

A configuration is a tree of frozen dataclasses, tuples and plain values. In JSON each dataclass carries its name under
``type``, so that a union field comes back as what it was.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """A configuration as JSON-able data."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if isinstance(value, dict):
        return {k: to_json(v) for k, v in value.items()}
    return value


def from_json(kind: type[T], data: Any, where: str = "config") -> T:
    """The configuration of type `kind` that `to_json` wrote. ValueError names the field that does not fit."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _from_union(kind, data, where)
    if origin is tuple:
        inner = typing.get_args(kind)
        if not isinstance(data, list):
            raise ValueError(f"{where}: expected a list, got {data!r}")
        kinds = [inner[0]] * len(data) if len(inner) == 2 and inner[1] is Ellipsis else list(inner)
        if len(kinds) != len(data):
            raise ValueError(f"{where}: expected {len(kinds)} values, got {len(data)}")
        return tuple(from_json(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, data)))
    if dataclasses.is_dataclass(kind):
        return _from_dataclass(kind, data, where)
    if origin is dict or kind in (Any, dict):
        return data
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(kind, type) and not isinstance(data, kind):
        raise ValueError(f"{where}: expected {kind.__name__}, got {data!r}")
    return data


def _from_union(kind: Any, data: Any, where: str) -> Any:
    members = typing.get_args(kind)
    if data is None and type(None) in members:
        return None
    named = {m.__name__: m for m in members if dataclasses.is_dataclass(m)}
    if isinstance(data, dict) and "type" in data:
        if not isinstance(data["type"], str) or data["type"] not in named:
            raise ValueError(f"{where}: unknown type {data['type']!r}; known are {sorted(named)}")
        return from_json(named[data["type"]], data, where)
    for member in members:
        if typing.get_origin(member) is tuple and isinstance(data, list):
            return from_json(member, data, where)
        if isinstance(member, type) and not dataclasses.is_dataclass(member) and isinstance(data, member):
            return data
    if float in members and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    raise ValueError(f"{where}: {data!r} fits none of {[getattr(m, '__name__', m) for m in members]}")


def _from_dataclass(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, dict) or data.get("type", kind.__name__) != kind.__name__:
        raise ValueError(f"{where}: expected a {kind.__name__}, got {data!r}")
    hints = typing.get_type_hints(kind)
    names = {f.name for f in dataclasses.fields(kind)}
    needed = {f.name for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING}
    if absent := sorted(needed - set(data)):
        raise ValueError(f"{where}: {kind.__name__} needs {absent[0]!r}")
    unknown = sorted(set(data) - names - {"type"})
    if unknown:
        raise ValueError(f"{where}: {kind.__name__} has no field {unknown[0]!r}; it has {sorted(names)}")
    return kind(**{k: from_json(hints[k], v, f"{where}.{k}") for k, v in data.items() if k != "type"})
