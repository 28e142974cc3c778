"""Decides whether a written section replaces the stored one of its view."""

from __future__ import annotations

from collections.abc import Sequence

from features.store.online_store import WriteCount
from features.store.packed_row import EVENT_TIME_BYTES, VALUES_AT, Sections


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
            time, stored_time = section[:EVENT_TIME_BYTES], stored[:EVENT_TIME_BYTES]
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
