"""Append-only logs whose entries form a hash chain, and the search for entries that were changed.

digest(n) = SHA-256(n, digest(n-1), content(n)), as text with a line break between the three; digest(0) = 64 zeros.

Guarantee: if the digest of entry n is known to be right, every change of the entries 1 … n is found, unless SHA-256 is
broken. A change alters, removes, inserts or reorders entries. The chain alone cannot show that its end was cut off or
that all of it was written again: the anchor (`anchor.py`) does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class ChainHead:
    """The last entry of a chain: its number (0 for an empty chain) and its digest, 64 hexadecimal digits."""

    number: int
    digest: str

    def next(self, content: str) -> ChainHead:
        """Return the head after an entry with this content is appended.

        >>> EMPTY.next("first").number
        1
        >>> EMPTY.next("first") == EMPTY.next("another")
        False
        """
        text = f"{self.number + 1}\n{self.digest}\n{content}"
        return ChainHead(self.number + 1, hashlib.sha256(text.encode()).hexdigest())


EMPTY = ChainHead(0, "0" * 64)


class ChainEntry(NamedTuple):
    """One stored entry: number, content, and the digest that was stored with it."""

    number: int
    content: str
    digest: str


@dataclass(frozen=True)
class ChainFault:
    """One fault of a log and the entry at which it was found.

    `kind`: altered, removed, reordered (found by the chain), truncated, anchor (found by the anchor), ledger (a release
    without a debit).
    """

    kind: str
    number: int
    message: str


def find_faults(
    entries: Iterable[ChainEntry],
    after: ChainHead = EMPTY,
    all_contents: Callable[[], Iterable[str]] = lambda: (),
) -> Iterator[ChainFault]:
    """Yield every place where the entries do not continue the chain, in order.

    Args:
        entries: in the order of their numbers.
        after: the entry before the first one; its digest is taken as right.
        all_contents: the contents of the whole log. Read only at a fault, to tell an entry that was moved from an entry
            that was altered; without them every such fault is "altered".

    >>> first = ChainEntry(1, "a", EMPTY.next("a").digest)
    >>> second = ChainEntry(2, "b", EMPTY.next("a").next("b").digest)
    >>> list(find_faults([first, second]))
    []
    >>> [fault.kind for fault in find_faults([first, second._replace(content="c")])]
    ['altered']
    >>> [fault.kind for fault in find_faults([second])]
    ['removed']
    """
    before = after
    for entry in entries:
        expected = before.number + 1
        if entry.number != expected:
            missing = f"{expected} is" if entry.number == expected + 1 else f"{expected} to {entry.number - 1} are"
            yield ChainFault("removed", expected, f"entry {missing} missing")
        elif before.next(entry.content).digest != entry.digest:
            yield _fault_at(before, entry, all_contents())
        before = ChainHead(entry.number, entry.digest)


def _fault_at(before: ChainHead, entry: ChainEntry, contents: Iterable[str]) -> ChainFault:
    number = entry.number
    if any(before.next(other).digest == entry.digest for other in contents if other != entry.content):
        return ChainFault("reordered", number, f"the content of entry {number} was swapped with another entry's")
    return ChainFault("altered", number, f"entry {number} or its digest was changed, or an entry before it")
