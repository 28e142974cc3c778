"""Reads the whole lines that are appended to the segments of a source, each once, also when a segment is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from installation.collector.segment import OPEN, SEALED, open_segments, sealed_segments

GROUP_BYTES = 1 << 18
"""Most bytes of a group; several times the longest line."""


class LogTail:
    """Follows the segments of one folder, from the end that they have at the first look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, int] = {name: path.stat().st_size for name, path in self._segments()}

    def groups(self) -> Iterator[list[bytes]]:
        """Yield the new lines in groups, the oldest segment first.

        A group counts as read when the next one is asked for: what failed before that is yielded again.
        """
        present = dict(self._segments())
        for name, path in present.items():
            while data := self._new_lines(name, path):
                yield data.splitlines()
                self._read[name] = self._read.get(name, 0) + len(data)
        for name in self._read.keys() - present.keys():
            del self._read[name]

    def _segments(self) -> list[tuple[str, Path]]:
        """Return the segments by the part of their name that sealing keeps."""
        # Open ones first: one that is sealed between both looks is then listed once more, and not missed.
        opened = [(path.name.removeprefix(OPEN), path) for path in open_segments(self._folder)]
        sealed = [(path.name.removeprefix(SEALED), path) for path in sealed_segments(self._folder)]
        return sorted({**dict(opened), **dict(sealed)}.items())

    def _new_lines(self, name: str, path: Path) -> bytes:
        """Return whole lines that follow those that were read; nothing if there are none, or the segment is gone."""
        for one in (path, path.with_name(f"{SEALED}{name}")):
            try:
                with one.open("rb") as file:
                    file.seek(self._read.get(name, 0))
                    data = file.read(GROUP_BYTES)
            except FileNotFoundError:
                continue
            return data[: data.rfind(b"\n") + 1]
        return b""
