"""Divides a write into batches, and decides whether a written section replaces the stored one of its view."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgpack

from features.store.online_store import Value, ViewSchema, WriteCount, microseconds_of
from features.store.packed_row import VALUES_AT, Content, SchemaCodec, Sections, key_of

Changes = list[tuple[bytes, Content]]
"""Keys of customers with what is written, in the order of the keys."""


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


@contextmanager
def paused_collector() -> Iterator[None]:
    """Keep Python's collector of cycles from running in the block, which halves the time of a large write.

    A write makes many objects that are in no cycle. The collector would look at each of them several times.
    """
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()


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
        self._pack = msgpack.Packer().pack

    @property
    def count(self) -> WriteCount:
        """Rows written, unchanged, and left out because the store has newer ones."""
        return WriteCount(self._written, self._unchanged, self._older)

    def replace(self, sections: Sections, content: Content) -> bool:
        """Put the section of one view into a row, and return whether the row changed."""
        event_time = content[0]
        for known in self._known:
            if (stored := sections.get(known)) is None:
                continue
            stored_time, written, *_ = msgpack.unpackb(stored)
            if event_time < stored_time:
                self._older += 1
                return False
            # The bytes are compared, since 0.0 equals -0.0, and a number that is not a number does not equal itself.
            if (
                known == self._number
                and event_time == stored_time
                and stored == self._pack((event_time, written, *content[VALUES_AT:]))
            ):
                self._unchanged += 1
                return False
            del sections[known]
        sections[self._number] = self._pack(content)
        self._written += 1
        return True
