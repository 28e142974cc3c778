"""Divides a write into batches, and decides whether a written section replaces the stored one of its view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from features.store.online_store import Value, ViewSchema, WriteCount, microseconds_of
from features.store.packed_row import TIMES, VALUES_AT, SchemaCodec, Sections, key_of

Changes = list[tuple[bytes, bytes]]
"""Keys of customers with the sections that are written, in the order of the keys."""


def batches(
    schema: ViewSchema,
    customers: Sequence[str],
    event_times_us: Sequence[int],
    rows: Sequence[Sequence[Value]],
    clock: Callable[[], datetime],
    size: int,
) -> Iterator[Changes]:
    """Yield a write in batches, see `OnlineStore.write`. Rows of one customer keep their order.

    Raises:
        ValueRefused: a value is not of its kind, or a customer id cannot be stored.
    """
    codec, keys = SchemaCodec(schema), [key_of(customer) for customer in customers]
    for start in range(0, len(keys), size):
        part = slice(start, start + size)
        sections = codec.sections(event_times_us[part], microseconds_of(clock()), rows[part])
        yield sorted(zip(keys[part], sections, strict=True), key=lambda change: change[0])


def without(sections: Sections, numbers: set[int]) -> Sections:
    """Return the sections of a row except those of some schemas."""
    return {number: section for number, section in sections.items() if number not in numbers}


class Merge:
    """Puts sections of one schema into rows, and counts what happened."""

    def __init__(self, known: Sequence[int], number: int) -> None:
        """Begin the count.

        Args:
            known: numbers of all schemas of the view, its own included.
            number: number of the schema of the sections.
        """
        self._known = known
        self._number = number
        self._written = self._unchanged = self._older = 0

    @property
    def count(self) -> WriteCount:
        """Rows written, unchanged, and left out because the store has newer ones."""
        return WriteCount(self._written, self._unchanged, self._older)

    def replace(self, sections: Sections, section: bytes) -> bool:
        """Put a section into a row, and return whether the row changed."""
        for known in self._known:
            if (stored := sections.get(known)) is None:
                continue
            time, stored_time = TIMES.unpack_from(section)[0], TIMES.unpack_from(stored)[0]
            if time < stored_time:
                self._older += 1
                return False
            if known == self._number and time == stored_time and section[VALUES_AT:] == stored[VALUES_AT:]:
                self._unchanged += 1
                return False
            del sections[known]
        sections[self._number] = section
        self._written += 1
        return True
