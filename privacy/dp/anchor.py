"""The anchor: how far the ledger had come, kept outside the ledger's file.

A ledger whose head is behind its anchor was restored from an older copy; one that does not contain the
anchored entry was replaced. Both are refused.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from privacy.dp.errors import LedgerDamaged

# Two slots, written in turn: a torn write can spoil one, never the one before it.
SLOT_BYTES = 128


@dataclass(frozen=True)
class Head:
    """The last entry of a ledger: its number (0 = empty) and its digest in hexadecimal."""

    seq: int
    digest: str


EMPTY = Head(0, "0" * 64)


class Anchor(Protocol):
    """Where a head is remembered: a file, the audit log, a service elsewhere. It only ever moves forward."""

    def read(self) -> Head | None:
        """The remembered head; None when nothing was ever remembered."""
        ...

    def advance(self, head: Head) -> None:
        """Remember `head`, durably, before this returns. The caller holds the ledger's settling lock."""
        ...


class FileAnchor:
    """An anchor in a small file, best on other storage than the ledger's."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        # The bytes read last and what they say: whoever waits for a flush looks a thousand times a second.
        self._seen: tuple[bytes, Head | None] = (b"", None)

    def read(self) -> Head | None:
        """The newest slot that is whole.

        Raises:
            LedgerDamaged: the file has content, and none of it is whole.
        """
        content = os.pread(self._file, 2 * SLOT_BYTES, 0)
        known, newest = self._seen
        if content == known:
            return newest
        heads = [head for at in (0, SLOT_BYTES) if (head := _parse(content[at : at + SLOT_BYTES]))]
        if content.strip(b"\0") and not heads:
            raise LedgerDamaged(f"The anchor {self.path} is unreadable; restore it, or examine the ledger by hand")
        newest = max(heads, key=lambda head: head.seq, default=None)
        self._seen = (content, newest)
        return newest

    def advance(self, head: Head) -> None:
        """Write the older slot and flush it. A head that is not ahead of the anchor changes nothing."""
        known = self.read()
        if known is not None and head.seq <= known.seq:
            return
        content = os.pread(self._file, 2 * SLOT_BYTES, 0)
        first = _parse(content[:SLOT_BYTES])
        at = SLOT_BYTES if first is not None and first == known else 0
        os.pwrite(self._file, _format(head), at)
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _format(head: Head) -> bytes:
    text = f"{head.seq:020d} {head.digest}"
    check = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text} {check}".encode().ljust(SLOT_BYTES, b"\n")


def _parse(slot: bytes) -> Head | None:
    fields = slot.decode("ascii", "replace").split()
    if len(fields) != 3 or not fields[0].isdigit():
        return None
    head = Head(int(fields[0]), fields[1])
    return head if _format(head) == slot else None
