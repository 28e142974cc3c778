"""Reads the whole lines that are appended to the segments of a source, each once, also when a segment is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from installation.collector.segment import OPEN, SEALED, open_segments, sealed_segments


class LogTail:
    """Follows the segments of one folder, from the end that they have at the first look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, int] = {name: path.stat().st_size for name, path in self._segments()}

    def lines(self) -> Iterator[bytes]:
        """Yield the new lines, the oldest segment first."""
        present = dict(self._segments())
        for name, path in present.items():
            yield from self._new_lines(name, path)
        for name in self._read.keys() - present.keys():
            del self._read[name]

    def _segments(self) -> list[tuple[str, Path]]:
        """Return the segments by the part of their name that sealing keeps."""
        # Open ones first: one that is sealed between both looks is then listed once more, and not missed.
        opened = [(path.name.removeprefix(OPEN), path) for path in open_segments(self._folder)]
        sealed = [(path.name.removeprefix(SEALED), path) for path in sealed_segments(self._folder)]
        return sorted({**dict(opened), **dict(sealed)}.items())

    def _new_lines(self, name: str, path: Path) -> Iterator[bytes]:
        done = self._read.get(name, 0)
        for one in (path, path.with_name(f"{SEALED}{name}")):
            try:
                with one.open("rb") as file:
                    file.seek(done)
                    data = file.read()
                break
            except FileNotFoundError:
                continue
        else:
            return
        whole = data.rfind(b"\n") + 1
        self._read[name] = done + whole
        yield from data[:whole].splitlines()
