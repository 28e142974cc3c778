"""Opens the bytes of a landed file, decompressed. The first bytes tell the compression; the suffix does not.

A compressed file is read as a stream: nothing is extracted, and no temporary file is written.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.ingest.archive import DAMAGED, is_workbook, is_zip, open_member
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.size_limit import SizeLimit

MAGIC_BYTES = 512
BUFFER_BYTES = 1 << 18
# Parquet and Excel files are read at random positions, so a compressed one must fit in memory.
MEMORY_BYTES = 256 * 1024 * 1024
# Names of Arrow's codecs by the first bytes of a file.
CODECS = {b"\x1f\x8b\x08": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
# Formats that are refused by name, by their first bytes, with what to do.
LAND_ANEW = "land it uncompressed, or as .gz, .zip, .zst or .bz2"
FOREIGN = {
    b"7z\xbc\xaf\x27\x1c": f"the file is a 7-Zip archive; {LAND_ANEW}",
    b"Rar!\x1a\x07": f"the file is a RAR archive; {LAND_ANEW}",
    b"\xfd7zXZ\x00": f"the file is compressed with xz; {LAND_ANEW}",
    b"\x04\x22\x4d\x18": f"the file is compressed with LZ4; {LAND_ANEW}",
    b"\x1f\x9d": f"the file is compressed with compress (.Z); {LAND_ANEW}",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "the file is an old Excel workbook (.xls) or one with a password; "
    "save it as .xlsx without a password",
}
TAR_MAGIC = slice(257, 262)


def open_bytes(path: Path, member: str | None = None) -> io.BufferedReader[Any]:
    """Open a landed file for reading, decompressed by its first bytes; `member` names a file of a ZIP archive.

    An archive with one file can be opened without `member`.

    Raises:
        FileFaultError: the file cannot be opened, is an archive that is refused, or is compressed in a way that is not
            supported. Reading raises it too: for damaged or truncated data, and for data beyond the size limits.

    """
    try:
        start = read_start(path)
        if is_zip(start):
            return _inner(open_member(path, member))
        _refuse_foreign(start)
        codec = find_codec(start)
        if codec is None:
            return io.BufferedReader(io.FileIO(path), BUFFER_BYTES)
        stream = pa.CompressedInputStream(pa.OSFile(str(path)), codec)
        return _inner(_Decompressed(stream, SizeLimit(path.stat().st_size), f"the {codec} data is"))
    except OSError as error:
        raise FileFaultError(
            "unreadable", f"the file cannot be read: {error.strerror}; check its permissions"
        ) from error


def open_seekable(path: Path, member: str | None = None) -> Path | io.BytesIO:
    """Return what a reader of a binary format can open: the path, or the decompressed bytes in memory.

    Raises:
        FileFaultError: as `open_bytes`, or the decompressed file is larger than `MEMORY_BYTES`.

    """
    if member is None:
        start = read_start(path)
        _refuse_foreign(start)
        if find_codec(start) is None and (not is_zip(start) or is_workbook(path)):
            return path
    with open_bytes(path, member) as stream:
        content = stream.read(MEMORY_BYTES + 1)
    if len(content) > MEMORY_BYTES:
        reason = f"the file is larger than {MEMORY_BYTES >> 20} MiB when decompressed; land it uncompressed"
        raise FileFaultError("size", reason)
    return io.BytesIO(content)


def read_start(path: Path) -> bytes:
    """Return the first bytes of a file, by which its format is recognised.

    Raises:
        FileFaultError: the file cannot be read.

    """
    try:
        with path.open("rb") as file:
            return file.read(MAGIC_BYTES)
    except OSError as error:
        raise FileFaultError(
            "unreadable", f"the file cannot be read: {error.strerror}; check its permissions"
        ) from error


def unreadable(error: OSError) -> FileFaultError:
    """Return the fault of a file that the operating system does not let be read."""
    return FileFaultError("unreadable", f"the file cannot be read: {error.strerror}; check its permissions")


def find_codec(start: bytes) -> str | None:
    """Return Arrow's name of the compression that begins with these bytes; None for none."""
    if start.startswith(b"BZh") and start[4:10] != b"1AY&SY" and start[4:10] != b"\x17\x72\x45\x38\x50\x90":
        return None
    return next((codec for magic, codec in CODECS.items() if start.startswith(magic)), None)


def explain_foreign(path: Path) -> str | None:
    """Return what to do with a file in a format that is not read; None for other files and an unreadable one."""
    if path.suffix.lower() in (".xls", ".xlsb", ".ods"):
        return "workbooks of this kind are not read; save it as .xlsx"
    try:
        return _find_foreign(read_start(path))
    except FileFaultError:
        return None


def _find_foreign(start: bytes) -> str | None:
    if start[TAR_MAGIC] == b"ustar":
        return f"the file is a tar archive; {LAND_ANEW}"
    return next((reason for magic, reason in FOREIGN.items() if start.startswith(magic)), None)


def _refuse_foreign(start: bytes) -> None:
    reason = _find_foreign(start)
    if reason is not None:
        raise FileFaultError("format", reason)


def _inner(raw: io.RawIOBase) -> io.BufferedReader[Any]:
    """Buffer a decompressed stream; refuse it if what it holds is compressed again."""
    stream: io.BufferedReader[Any] = io.BufferedReader(raw, BUFFER_BYTES)
    try:
        start = stream.peek(MAGIC_BYTES)[:MAGIC_BYTES]
        _refuse_foreign(start)
        if find_codec(start) or (is_zip(start) and not _is_workbook_start(start)):
            raise FileFaultError("archive", "the file is compressed twice; land it compressed once")
    except BaseException:
        stream.close()
        raise
    return stream


def _is_workbook_start(start: bytes) -> bool:
    return b"[Content_Types].xml" in start or b"_rels/" in start or b"xl/" in start or b"docProps/" in start


class _Decompressed(io.RawIOBase):
    """Reads an Arrow stream of decompressed bytes; turns its errors into faults of the file."""

    def __init__(self, stream: pa.NativeFile, limit: SizeLimit, subject: str) -> None:
        self._stream = stream
        self._limit = limit
        self._subject = subject

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            count = int(self._stream.readinto(buffer))
        except DAMAGED as error:
            raise FileFaultError(
                "unreadable", f"{self._subject} damaged or cut off ({error}); send it again"
            ) from error
        self._limit.add(count)
        return count

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
