"""Pages of long lists: which rows are shown, cut on the server."""

from __future__ import annotations

from dataclasses import dataclass

from agent_serving.console.visit import Visit

ROWS = 50
_MOST_PAGES = 100_000


@dataclass(frozen=True)
class Paging:
    """The page of a list that is shown. `first` and `last` count from 0; `last` is not included."""

    number: int
    pages: int
    found: int
    first: int
    last: int


def paging_of(visit: Visit, found: int, rows: int = ROWS, name: str = "page") -> Paging:
    """Return the page that the address asks for, by its parameter `name`. A number beyond the list is the last page."""
    text = visit.query(name, 6)
    pages = max(1, -(-found // rows))
    number = min(max(1, int(text) if text.isascii() and text.isdigit() else 1), pages, _MOST_PAGES)
    return Paging(number, pages, found, (number - 1) * rows, min(number * rows, found))
