"""The anchor of a store: number and digest of its last entry, kept in a small file apart from the store.

A store that ends before its anchor was restored from an older copy or cut off. A store that lacks the anchored entry
was written again. `require_anchored` finds both.

The file has two slots of equal length that are written in turn. So a write that a power failure interrupts spoils only
one slot. An anchor only moves forward. Stores commit first and advance their anchor afterwards. So after a crash the
anchor is behind by the entries of one flush, and the next change advances it.

Guarantee: with a key, each slot is sealed by HMAC-SHA256, so a valid anchor cannot be made without the key.
Not found: a store put back together with its own older anchor. Keep the anchor on other storage, and copies of it
elsewhere. A spoiled slot counts as an interrupted write only if the store has entries after the other slot.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from privacy.errors import PrivacyError
from privacy.storage.atomic_file import create_private
from privacy.storage.hash_chain import EMPTY, ChainHead
from privacy.storage.lock import file_lock

SLOT_BYTES = 256


class AnchorError(PrivacyError):
    """An anchor file is missing or unreadable, or was changed."""


class AnchorSealError(AnchorError):
    """An anchor file was sealed with another key, or changed without the key."""


class StoreBehindError(PrivacyError):
    """A store ends before its anchor, or lacks the anchored entry."""


class Anchored(NamedTuple):
    """The content of an anchor file: the anchored head, and whether the other slot is spoiled."""

    head: ChainHead
    has_spoiled_slot: bool


class AnchorFile:
    """An anchor in a file that only its owner may read. Safe under threads and processes."""

    def __init__(self, path: Path, key: bytes | None = None) -> None:
        """Name the file; it is opened when it is used.

        Args:
            path: the file, best on other storage than the store's.
            key: seals the anchor; None for an anchor that only detects accidents and old copies.
        """
        self.path = path
        self._key = key
        self._file = _OpenFile(path)
        # Caches the last bytes and their meaning: a process that waits for a flush reads a thousand times a second.
        self._last: tuple[bytes, Anchored] | None = None

    def read(self) -> Anchored | None:
        """Return the content of the newest valid slot; None if there is no file.

        Raises:
            AnchorSealError: no slot is sealed with this key.
            AnchorError: no slot is valid.
        """
        content = self._file.read(2 * SLOT_BYTES)
        if content is None:
            return None
        last = self._last
        if last is not None and last[0] == content:
            return last[1]
        slots = [content[:SLOT_BYTES], content[SLOT_BYTES:]]
        heads = [head for slot in slots if (head := self._parse(slot)) is not None]
        if not heads:
            if any(_fields(slot) is not None for slot in slots):
                raise AnchorSealError(
                    f"{self.path}: the anchor was changed, or sealed with another key. Restore the anchor and its key."
                )
            raise AnchorError(f"{self.path}: this is not an anchor file. Restore your copy of the anchor.")
        anchored = Anchored(max(heads, key=lambda head: head.number), len(heads) < len(slots))
        self._last = (content, anchored)
        return anchored

    def head(self) -> ChainHead:
        """Return the anchored head.

        Raises:
            AnchorError: the file is missing, unreadable, or sealed with another key.
        """
        anchored = self.read()
        if anchored is None:
            raise AnchorError(
                f"{self.path}: the anchor is missing. Restore your copy of the anchor; on a machine that is new "
                "to a shared database, run `bojagi database join`."
            )
        return anchored.head

    def create(self, head: ChainHead = EMPTY) -> None:
        """Create the file with this head; change nothing if there is one. Durable when this returns.

        Raises:
            OSError: the file cannot be created.
        """
        if create_private(self.path, 2 * self._format(head).decode()):
            flush_folder(self.path.parent)

    def advance(self, head: ChainHead, *, flushes: bool = True) -> None:
        """Move the anchor to `head`. Does nothing if the anchor is there or beyond.

        Args:
            head: the last entry of the store.
            flushes: whether the anchor is on the disk when this returns. False for a caller that calls `flush` itself;
                until then every process sees the new anchor, but a power failure may lose it.

        Raises:
            AnchorError: the file is missing or unreadable; it is never created again here.
        """
        if head.number <= self.head().number:
            return
        with file_lock(self.path):
            known = self.head()
            if head.number <= known.number:
                return
            first = self._parse(self._file.read(SLOT_BYTES) or b"")
            self._file.write(self._format(head), SLOT_BYTES if first == known else 0, flushes=flushes)

    def flush(self) -> None:
        """Flush the anchor to the disk; for use after `advance(…, flushes=False)`.

        Raises:
            AnchorError: the file is missing.
            OSError: the disk refused.
        """
        if not self._file.flush():
            raise AnchorError(f"{self.path}: the anchor file is missing. Restore it.")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _format(self, head: ChainHead) -> bytes:
        text = f"{head.number:020d} {head.digest}"
        return f"{text} {self._seal(text)}".encode().ljust(SLOT_BYTES, b"\n")

    def _parse(self, slot: bytes) -> ChainHead | None:
        """Return the head that a slot holds; None if the slot is spoiled or sealed with another key."""
        fields = _fields(slot)
        if fields is None:
            return None
        head = ChainHead(int(fields[0]), fields[1])
        return head if hmac.compare_digest(self._format(head), slot) else None

    def _seal(self, text: str) -> str:
        if self._key is None:
            return hashlib.sha256(text.encode()).hexdigest()
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def require_anchored(anchored: Anchored, end: ChainHead, digest_at: Callable[[int], str | None]) -> None:
    """Check that a store contains the anchored entry.

    Args:
        anchored: read before `end`, so that a store that others write to is never behind it.
        end: the last entry of the store.
        digest_at: returns the digest that the store has for an entry's number (0: the empty chain); None if there is no
            such entry.

    Raises:
        StoreBehindError: the store ends before the anchor, or lacks the anchored entry.
    """
    head = anchored.head
    if head.number > end.number:
        raise StoreBehindError(f"the store ends at entry {end.number}, but its anchor says {head.number}")
    found = end.digest if head.number == end.number else digest_at(head.number)
    if found != head.digest:
        raise StoreBehindError(f"entry {head.number} of the store is not the entry that its anchor records")
    if anchored.has_spoiled_slot and head.number == end.number:
        raise StoreBehindError(f"one slot of the anchor is spoiled, and the store ends at the other one, {end.number}")


def _fields(slot: bytes) -> tuple[str, str, str] | None:
    """Return number, digest and seal of a slot; None if the bytes do not have the form of a slot."""
    fields = slot.decode("ascii", "replace").split()
    return (fields[0], fields[1], fields[2]) if len(fields) == 3 and fields[0].isdigit() else None


class _OpenFile:
    """A file that stays open between uses, and is opened again if another file has taken its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptors: list[int] = []

    def read(self, size: int) -> bytes | None:
        """Return the first bytes of the file; None if there is no file."""
        descriptor = self._current()
        return None if descriptor is None else os.pread(descriptor, size, 0)

    def write(self, data: bytes, at: int, *, flushes: bool) -> None:
        """Write bytes at a position, and flush them to the disk if `flushes`."""
        descriptor = self._current()
        if descriptor is None:
            raise FileNotFoundError(self._path)
        os.pwrite(descriptor, data, at)
        if flushes:
            os.fdatasync(descriptor)

    def flush(self) -> bool:
        """Flush the file to the disk; return False if there is no file."""
        descriptor = self._current()
        if descriptor is None:
            return False
        os.fdatasync(descriptor)
        return True

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def __del__(self) -> None:
        self.close()

    def _current(self) -> int | None:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return None
        if not self._descriptors or not os.path.samestat(status, os.fstat(self._descriptors[-1])):
            # The former file stays open until `close`, because another thread may be reading it.
            self._descriptors.append(os.open(self._path, os.O_RDWR))
        return self._descriptors[-1]


def flush_folder(folder: Path) -> None:
    """Flush a folder's list of files to the disk, so that a file created in it survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
