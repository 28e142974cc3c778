"""Searches SQLite: every value of every table, without and with the write-ahead log. Writes no file.

Deleted values that were not overwritten are still in the file's pages, which `content` searches as bytes.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing

from privacy.protection.scan.content import ContentScan, UndecodedError

_WAL_HEADER = 32
_FRAME_HEADER = 24
# Bytes 18 and 19 of the file say which journal it uses. A database in memory cannot have a write-ahead log.
_JOURNAL = slice(18, 20)


def scan_database(data: bytes, log: bytes | None, scan: ContentScan, where: str, level: int) -> None:
    """Search a database without its write-ahead log and, if `log` is given, with it.

    Raises:
        UndecodedError: SQLite cannot read the database.
    """
    _scan_tables(data, scan, where, level)
    if log:
        _scan_tables(_with_log(data, log), scan, f"{where} with its log", level)


def _scan_tables(data: bytes, scan: ContentScan, where: str, level: int) -> None:
    readable = bytearray(data)
    readable[_JOURNAL] = b"\x01\x01"
    try:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(bytes(readable))
            database.text_factory = bytes
            tables = [
                name.decode() for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            for table in ["sqlite_master", *tables]:
                _scan_table(database, table, scan, where, level)
    except (sqlite3.Error, OverflowError) as error:
        raise UndecodedError(f"SQLite cannot read it: {type(error).__name__}") from error


def _scan_table(database: sqlite3.Connection, table: str, scan: ContentScan, where: str, level: int) -> None:
    quoted = '"' + table.replace('"', '""') + '"'
    cursor = database.execute(f"SELECT * FROM {quoted}")
    part = f"{where} table {table}"
    while rows := cursor.fetchmany(10_000):
        values = [value for row in rows for value in row if isinstance(value, bytes)]
        joined = b"\x01".join(values)
        scan.add(scan.matcher.in_bytes(joined), part)
        scan.scan_text(joined.decode("utf-8", "replace"), part, level)
        numbers = [value for row in rows for value in row if isinstance(value, int)]
        scan.add(scan.matcher.in_bytes(b"\x01".join(b"%d" % number for number in numbers)), part)
        for value in values:
            scan.unpack(value, part, level)


def _with_log(data: bytes, log: bytes) -> bytes:
    """Return the database with all pages of its write-ahead log written over it, committed or not."""
    if len(log) < _WAL_HEADER:
        return data
    (page_size,) = struct.unpack(">I", log[8:12])
    merged = bytearray(data)
    for start in range(_WAL_HEADER, len(log) - _FRAME_HEADER - page_size + 1, _FRAME_HEADER + page_size):
        (page,) = struct.unpack(">I", log[start : start + 4])
        content = log[start + _FRAME_HEADER : start + _FRAME_HEADER + page_size]
        if page == 0:
            continue
        missing = page * page_size - len(merged)
        if missing > 0:
            merged += bytes(missing)
        merged[(page - 1) * page_size : page * page_size] = content
    # The first page says how many pages there are, but the log may have added pages.
    merged[28:32] = struct.pack(">I", len(merged) // page_size)
    return bytes(merged)
