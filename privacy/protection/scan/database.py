"""Looks into SQLite: every value of every table, as committed and as its write-ahead log has it; writes no file.

What was deleted and not yet overwritten lies in the pages, which `content` looks at as bytes.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing

from privacy.protection.scan.content import Look, UndecodedError

_WAL_HEADER = 32
_FRAME_HEADER = 24
# Bytes 18 and 19 of the file: which journal it was written with. A database in memory has no write-ahead log.
_JOURNAL = slice(18, 20)


def look_into_database(data: bytes, log: bytes | None, look: Look, where: str, level: int) -> None:
    """Look into a database as it is without its write-ahead log, and with it.

    Raises:
        UndecodedError: it is no whole database.
    """
    _look_into(data, look, where, level)
    if log:
        _look_into(_with_log(data, log), look, f"{where} with its log", level)


def _look_into(data: bytes, look: Look, where: str, level: int) -> None:
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
                _look_into_table(database, table, look, where, level)
    except (sqlite3.Error, OverflowError) as error:
        raise UndecodedError(f"SQLite says {error}") from error


def _look_into_table(database: sqlite3.Connection, table: str, look: Look, where: str, level: int) -> None:
    quoted = '"' + table.replace('"', '""') + '"'
    cursor = database.execute(f"SELECT * FROM {quoted}")
    place = f"{where} table {table}"
    while rows := cursor.fetchmany(10_000):
        values = [value for row in rows for value in row if isinstance(value, bytes)]
        joined = b"\x01".join(values)
        look.note(look.matcher.in_bytes(joined), place)
        look.text(joined.decode("utf-8", "replace"), place, level)
        numbers = [value for row in rows for value in row if isinstance(value, int)]
        look.note(look.matcher.in_bytes(b"\x01".join(b"%d" % number for number in numbers)), place)
        for value in values:
            look.unpack(value, place, level)


def _with_log(data: bytes, log: bytes) -> bytes:
    """The database with all pages of its write-ahead log laid over it, committed or not."""
    if len(log) < _WAL_HEADER:
        return data
    (page_size,) = struct.unpack(">I", log[8:12])
    laid = bytearray(data)
    for start in range(_WAL_HEADER, len(log) - _FRAME_HEADER - page_size + 1, _FRAME_HEADER + page_size):
        (page,) = struct.unpack(">I", log[start : start + 4])
        content = log[start + _FRAME_HEADER : start + _FRAME_HEADER + page_size]
        if page == 0:
            continue
        missing = page * page_size - len(laid)
        if missing > 0:
            laid += bytes(missing)
        laid[(page - 1) * page_size : page * page_size] = content
    # The first page says how many pages there are; a log that grew the file knows better.
    laid[28:32] = struct.pack(">I", len(laid) // page_size)
    return bytes(laid)
