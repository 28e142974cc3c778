"""Finds which JSON types the fields of a file's objects have. Ingest keeps all values as text, which hides the type."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class JsonKinds:
    """How often each JSON type occurs: text, integer, number, boolean, list, texts (a list of texts) and object."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def names(self) -> frozenset[str]:
        """The types that occur."""
        return frozenset(self.counts)


class _Integer(str):
    __slots__ = ()


_DECODER = json.JSONDecoder(parse_int=_Integer)


def read_kinds(text: str, is_document: bool, is_whole: bool, rows: int) -> dict[str, JsonKinds]:
    """Return the types by field, of at most `rows` objects; broken lines are left out. Null is no type."""
    found: dict[str, JsonKinds] = {}
    objects = _document_objects(text) if is_document else _line_objects(text, is_whole)
    for record, _ in zip(objects, range(rows), strict=False):
        for header, value in record.items():
            kinds = found.setdefault(header, JsonKinds())
            if value is not None:
                kinds.counts[_kind(value)] += 1
    return found


def _line_objects(text: str, is_whole: bool) -> Iterator[dict[str, Any]]:
    lines = text.split("\n")
    for line in lines if is_whole else lines[:-1]:
        if line.strip():
            yield from _objects([line])


def _objects(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    for text in texts:
        try:
            value = _DECODER.decode(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _document_objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of an array, or objects over several lines; a text that ends early gives the first ones."""
    position = text.index("[") + 1 if text.lstrip().startswith("[") else 0
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, _Integer):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "texts" if all(type(item) is str for item in value) else "list"
    return "object"
