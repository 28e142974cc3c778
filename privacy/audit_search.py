"""Searches the audit log from its newest entry back, a bounded number of entries at a time.

A search reads the stored text of at most `EXAMINED` entries, whatever the size of the log, and says where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from privacy.audit import AuditEntry, AuditLog, field_text

EXAMINED = 50_000
"""Entries that one search examines."""
FIELDS = ("who", "role", "purpose", "table", "action", "outcome", "subject")
_SKEW = timedelta(hours=1)
"""How far the clocks of machines that write one log may differ."""


@dataclass(frozen=True)
class AuditSearch:
    """What is searched; an empty text or None leaves a condition out.

    `subject`: the pseudonym of a customer in the log. `since` is included, `until` is not.
    """

    who: str = ""
    role: str = ""
    purpose: str = ""
    table: str = ""
    action: str = ""
    outcome: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class AuditPage:
    """Entries with their numbers, the newest first.

    `below`: the search goes on with the entries below this number; None when everything was examined. `size`: entries
    of the log.
    """

    entries: tuple[tuple[int, AuditEntry], ...]
    below: int | None
    size: int


def search_audit_log(log: AuditLog, search: AuditSearch, below: int | None = None, rows: int = 50) -> AuditPage:
    """Return the next entries that a search finds.

    A day is found by halving the log, so an entry that was written more than an hour after its time is not found.

    Args:
        log: the log.
        search: the conditions; all must hold.
        below: only entries with a smaller number, as the page before said; None begins at the newest.
        rows: at most so many entries.
    """
    size = log.size()
    end = size + 1 if search.until is None else _first_at(log, search.until + _SKEW, size)
    start = 1 if search.since is None else _first_at(log, search.since - _SKEW, size)
    upper = min(end, below or end)
    least = max(start, upper - EXAMINED)
    texts = [field_text(name, value) for name in FIELDS if (value := getattr(search, name))]
    found: list[tuple[int, AuditEntry]] = []
    while len(found) < rows:
        read = log.newest(texts, upper, least, rows)
        found += [(number, entry) for number, entry in read if _is_within(entry.at, search)]
        if len(read) < rows:
            upper = least
            break
        upper = read[-1][0]
    if len(found) > rows:
        found = found[:rows]
        upper = found[-1][0]
    return AuditPage(tuple(found), upper if upper > start else None, size)


def _is_within(at: datetime, search: AuditSearch) -> bool:
    return (search.since is None or at >= search.since) and (search.until is None or at < search.until)


def _first_at(log: AuditLog, moment: datetime, size: int) -> int:
    """Return the number of the first entry at a moment or later; the number after the last, if there is none."""
    low, high = 1, size + 1
    while low < high:
        middle = (low + high) // 2
        found = log.newest((), middle + 1, middle, 1)
        if found and found[0][1].at < moment:
            low = middle + 1
        else:
            high = middle
    return low
