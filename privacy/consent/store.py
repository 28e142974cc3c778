"""The consent store: append-only, safe for several processes, on PostgreSQL also of several machines.

Triggers refuse every change and deletion of a record, also by other programs. Only `erase`, the erasure of persons,
removes records: its transaction takes the triggers off and puts them back. A read sees everything that was committed
before it. Readers in other processes compare `sequence`, the number of the last record, to find new records.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from privacy.consent.errors import ConsentError
from privacy.consent.purpose import Taxonomy
from privacy.consent.record import ConsentRecord
from privacy.consent.rows import DECISIVE, MEMBERSHIP_SCHEMA, RECORD_SCHEMA, as_record, as_row
from privacy.consent.state import EVERY_PURPOSE
from privacy.storage.database import AMONG, CONFLICTS, DATABASE_ERRORS, open_database, transaction

if TYPE_CHECKING:
    from privacy.storage.database import Place

_COLUMNS = tuple(RECORD_SCHEMA.names)
_MOMENTS = ("effective_at", "recorded_at", "expires_at")
_BATCH = 50_000
_BETWEEN, _NULL = "\x1f", "\x1e"
"""Control characters that stand between joined values, and for a missing one."""
_LAST = 2**63 - 1
"""The greatest sequence number that a database can assign."""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS record (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  {", ".join(f"{c} {'INTEGER' if c == 'age_years' else 'TEXT'}" for c in _COLUMNS)},
  UNIQUE (record_id)
);
CREATE INDEX IF NOT EXISTS record_subject ON record (subject_id);
CREATE INDEX IF NOT EXISTS record_unread ON record (record_id) WHERE state = 'unread';
CREATE TABLE IF NOT EXISTS membership (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, subject_id TEXT NOT NULL, customer_id TEXT, from_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS membership_subject ON membership (subject_id);
CREATE INDEX IF NOT EXISTS membership_customer ON membership (customer_id);
CREATE TABLE IF NOT EXISTS taken (source TEXT PRIMARY KEY, state TEXT NOT NULL);
"""
_TRIGGERS = tuple(
    (f"{table}_{verb}", f"BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'consent is append-only'); END")
    for table in ("record", "membership")
    for verb in ("UPDATE", "DELETE")
)
_NOTE = "INSERT INTO taken VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET state = excluded.state"
_CREATE_TRIGGERS = tuple(f"CREATE TRIGGER IF NOT EXISTS {name} {body};" for name, body in _TRIGGERS)


class ConsentStore:
    """Appends and reads records and memberships. One object per thread; any number of processes."""

    def __init__(self, place: Place, taxonomy: Taxonomy) -> None:
        """Open the store in a file, or on a server. A file is created if there is none, for its owner only.

        Raises:
            ConsentError: it cannot be opened or is not a consent store.
        """
        self.path = place
        self._taxonomy = taxonomy
        try:
            self._db = open_database(place, _SCHEMA + "\n".join(_CREATE_TRIGGERS), "consent")
            if isinstance(place, Path):
                known = {row[1] for row in self._db.execute("PRAGMA table_info(record)")}
                for column in (name for name in _COLUMNS if name not in known):  # a store of an earlier version
                    self._db.execute(f"ALTER TABLE record ADD COLUMN {column} TEXT")
        except (OSError, *DATABASE_ERRORS) as error:
            raise ConsentError(f"{place}: cannot be opened as a consent store: {error}. Restore the store.") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def append(self, records: Iterable[ConsentRecord]) -> int:
        """Add records, all or none, and return how many. They are on the disk when this returns.

        Raises:
            ConsentError: a record's identifier is in the store already.
            UnknownPurposeError: a record names no purpose of the taxonomy.
        """
        rows = []
        for record in records:
            if record.purpose != EVERY_PURPOSE:
                self._taxonomy[record.purpose]
            row = as_row(record)
            rows.append([_text(row[column]) for column in _COLUMNS])
        marks = ", ".join("?" * len(_COLUMNS))
        with transaction(self._db):
            try:
                self._db.executemany(f"INSERT INTO record ({', '.join(_COLUMNS)}) VALUES ({marks})", rows)
            except CONFLICTS as error:
                raise ConsentError(
                    f"{self.path}: refused {len(rows)} records ({error}). A record is stored once: leave out "
                    "those that are in the store already, as `bojagi consent import` does."
                ) from error
        return len(rows)

    def assign(self, subject_id: str, customer_id: str | None, from_at: datetime) -> None:
        """Add the membership of a source person in a customer from a moment on; None: it then has no customer."""
        self.assign_all([(subject_id, customer_id, from_at)])

    def assign_all(self, rows: Iterable[tuple[str, str | None, datetime]]) -> None:
        """Add memberships, all or none: source person, customer (None for none), moment from which it counts."""
        values = [(subject, customer, _text(from_at)) for subject, customer, from_at in rows]
        with transaction(self._db):
            self._db.executemany("INSERT INTO membership (subject_id, customer_id, from_at) VALUES (?, ?, ?)", values)

    def erase(self, subjects: Collection[str], customers: Collection[str]) -> int:
        """Delete the records and memberships of source persons, and these customers' ids; return the records deleted.

        The deleted bytes are overwritten, see `Database.erasing`. Sequence numbers stay, so readers in other processes
        go on. A reader that is busy for longer than a moment keeps SQLite's log from being emptied; the verification
        then finds the bytes.
        """
        whom, ids = json.dumps(list(subjects)), json.dumps(list(customers))
        with self._db.erasing("record", "membership"):
            count = self._db.execute(f"DELETE FROM record WHERE subject_id {AMONG}", (whom,)).rowcount
            self._db.execute(f"DELETE FROM membership WHERE subject_id {AMONG}", (whom,))
            self._db.execute(f"UPDATE membership SET customer_id = NULL WHERE customer_id {AMONG}", (ids,))
        return int(count)

    def taken(self, source: str) -> str | None:
        """Return the state that a source had at its last complete import; None when it was never imported."""
        row = self._db.execute("SELECT state FROM taken WHERE source = ?", (source,)).fetchone()
        return None if row is None else str(row[0])

    def note_taken(self, source: str, state: str) -> None:
        """Store the state of a source whose records were imported completely."""
        self.note_all_taken({source: state})

    def note_all_taken(self, states: Mapping[str, str]) -> None:
        """Store the states of sources whose records were imported completely."""
        with transaction(self._db):
            self._db.executemany(_NOTE, states.items())

    def has(self, record_id: str) -> bool:
        """Return whether there is a record with this identifier."""
        return self._db.execute("SELECT 1 FROM record WHERE record_id = ?", (record_id,)).fetchone() is not None

    def knows(self, identifier: str) -> bool:
        """Return whether a record or a membership names this customer or source person."""
        query = (
            "SELECT EXISTS (SELECT 1 FROM record WHERE subject_id = ?) OR "
            "EXISTS (SELECT 1 FROM membership WHERE subject_id = ?) OR "
            "EXISTS (SELECT 1 FROM membership WHERE customer_id = ?)"
        )
        return bool(self._db.execute(query, (identifier,) * 3).fetchone()[0])

    def record(self, record_id: str) -> ConsentRecord | None:
        """Return the record with this identifier; None when there is none."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM record WHERE record_id = ?"
        row = self._db.execute(query, (record_id,)).fetchone()
        return None if row is None else as_record(dict(zip(_COLUMNS, row, strict=True)))

    def sequence(self) -> tuple[int, int]:
        """Return the numbers of the last record and of the last membership; they only grow. 0 when there is none."""
        last = ", ".join(f"(SELECT coalesce(max(sequence), 0) FROM {table})" for table in ("record", "membership"))
        row = self._db.execute(f"SELECT {last}").fetchone()
        return int(row[0]), int(row[1])

    def data_version(self) -> tuple[int, int]:
        """Return numbers that change when this or another connection has written, see `Database`."""
        return self._db.data_version()

    def is_replaced(self) -> bool:
        """Return whether another store, or none, is in the place of the opened one, see `Database`."""
        return self._db.is_replaced()

    def records_of(self, subjects: Iterable[str]) -> list[ConsentRecord]:
        """Return the records of source persons, in the order of recording."""
        where, values = _where(subjects, _LAST)
        query = f"SELECT {', '.join(_COLUMNS)} FROM record {where} ORDER BY sequence"
        return [as_record(dict(zip(_COLUMNS, row, strict=True))) for row in self._db.execute(query, values)]

    def open_unread(self) -> list[ConsentRecord]:
        """Return the unread records that no other record of the same source person names as superseded."""
        columns = ", ".join(f"u.{column}" for column in _COLUMNS)
        query = (
            f"SELECT {columns} FROM record u WHERE u.state = 'unread' AND NOT EXISTS (SELECT 1 FROM record c "
            "WHERE c.supersedes = u.record_id AND c.subject_id = u.subject_id AND c.controller = u.controller "
            "AND c.record_id <> u.record_id AND c.state <> 'unread') ORDER BY u.sequence"
        )
        return [as_record(dict(zip(_COLUMNS, row, strict=True))) for row in self._db.execute(query)]

    def other_controllers(self, controller: str) -> list[tuple[str, int, int, datetime]]:
        """Return each other controller in the records: its name, its records, their source persons, first record."""
        query = (
            "SELECT controller, count(*), count(DISTINCT subject_id), min(recorded_at) FROM record "
            "WHERE controller <> ? GROUP BY controller ORDER BY 2 DESC, 1"
        )
        return [
            (str(n), int(k), int(p), datetime.fromisoformat(t)) for n, k, p, t in self._db.execute(query, (controller,))
        ]

    def customers_of(self, subjects: Iterable[str]) -> dict[str, str | None]:
        """Return the customer that each source person belongs to now; those without a membership are left out."""
        where, values = _where(subjects, _LAST)
        query = f"SELECT subject_id, customer_id FROM membership {where} ORDER BY from_at, sequence"
        return dict(self._db.execute(query, values).fetchall())

    def subjects_of(self, customer_id: str) -> list[str]:
        """Return the source persons that ever belonged to a customer, and the customer's own identifier."""
        return self.subjects_of_all((customer_id,))

    def subjects_of_all(self, customers: Collection[str]) -> list[str]:
        """Return the source persons that ever belonged to one of the customers, and the customers' own identifiers."""
        query = f"SELECT DISTINCT subject_id FROM membership WHERE customer_id {AMONG}"
        rows = self._db.execute(query, (json.dumps(list(customers)),))
        return sorted({*customers, *(row[0] for row in rows)})

    def former_customers(self, among: Iterable[str] | None = None) -> set[str]:
        """Return the customers whose source persons all belong to other customers by now, such as merged ones.

        Args:
            among: only these customers; None examines all.
        """
        named = f"customer_id {AMONG}" if among is not None else "customer_id IS NOT NULL"
        query = (
            f"SELECT customer_id FROM membership WHERE {named} EXCEPT SELECT customer_id FROM (SELECT customer_id, "
            "row_number() OVER (PARTITION BY subject_id ORDER BY from_at DESC, sequence DESC) AS place FROM membership "
            f"WHERE subject_id IN (SELECT subject_id FROM membership WHERE {named})) AS ranked WHERE place = 1"
        )
        values = () if among is None else (json.dumps(list(among)),) * 2
        return {row[0] for row in self._db.execute(query, values)}

    def members_of(self, customer_id: str) -> list[str]:
        """Return the source persons that belong to a customer now.

        A customer that was merged into another one has none any more: then those that belonged to it. Its own
        identifier when no source person ever belonged to it.
        """
        return self.members_of_all((customer_id,))[customer_id]

    def members_of_all(self, customers: Collection[str]) -> dict[str, list[str]]:
        """Return for each customer the source persons that belong to it, see `members_of`."""
        query = f"SELECT DISTINCT customer_id, subject_id FROM membership WHERE customer_id {AMONG}"
        ever: dict[str, list[str]] = {customer: [] for customer in customers}
        for customer, subject in self._db.execute(query, (json.dumps(list(customers)),)):
            ever[customer].append(subject)
        owner_of = self.customers_of({subject for subjects in ever.values() for subject in subjects})
        return {
            customer: sorted([one for one in subjects if owner_of[one] == customer] or subjects) or [customer]
            for customer, subjects in ever.items()
        }

    def changed_since(self, sequence: tuple[int, int]) -> set[str]:
        """Return the source persons with newer records or memberships, and their present and former customers.

        Newer: after `sequence`, the numbers of a record and of a membership.
        """
        subjects = " UNION ".join(
            f"SELECT subject_id FROM {table} WHERE sequence > ?" for table in ("record", "membership")
        )
        owners = f"SELECT customer_id FROM membership WHERE subject_id IN ({subjects})"
        found = self._db.execute(f"{subjects} UNION {owners}", (*sequence, *sequence))
        return {row[0] for row in found if row[0] is not None}

    def subjects(self) -> pa.Array:
        """Return every source person that has a record, once."""
        rows = self._db.execute("SELECT DISTINCT subject_id FROM record").fetchall()
        return pa.array([row[0] for row in rows], pa.string())

    def record_table(self, subjects: Iterable[str] | None = None, up_to: int = _LAST) -> pa.Table:
        """Return records as a table of `RECORD_SCHEMA`, in the order of recording.

        Args:
            subjects: only records of these source persons; None returns those of all.
            up_to: only records up to this sequence number.
        """
        if subjects is None:
            return self._all_records(_COLUMNS, up_to)
        where, values = _where(subjects, up_to)
        query = f"SELECT {', '.join(_COLUMNS)} FROM record {where} ORDER BY sequence"
        return self._table(query, values, RECORD_SCHEMA)

    def decisive_table(self, up_to: int = _LAST) -> pa.Table:
        """Return all records up to a sequence number, only the columns that decide (`DECISIVE`)."""
        return self._all_records(DECISIVE, up_to)

    def _all_records(self, columns: tuple[str, ...], up_to: int) -> pa.Table:
        """Return all records in the order of recording, read in blocks.

        The database joins the values of a block, and Arrow splits them. So no value becomes a Python object, and
        reading takes a third of the time that single rows take.
        """
        join = self._db.join_function
        joined = ", ".join(f"{join}(coalesce(CAST({c} AS TEXT), '{_NULL}'), '{_BETWEEN}')" for c in columns)
        rows = "FROM record WHERE sequence > ? AND sequence <= ? ORDER BY sequence"
        block = f"FROM (SELECT {', '.join(columns)} {rows}) AS block"
        schema = pa.schema([RECORD_SCHEMA.field(column) for column in columns])
        last = min(self.sequence()[0], up_to)
        tables = [schema.empty_table()]
        for low in range(0, last, _BATCH):
            ends: list[object] = [low, min(low + _BATCH, last)]
            count, *texts = self._db.execute(f"SELECT count(*), {joined} {block}", ends).fetchone()
            if count == 0:
                continue
            split = [_split(text, field) for text, field in zip(texts, schema, strict=True)]
            if all(len(column) == count for column in split):
                tables.append(pa.table(split, schema=schema))
            else:  # a text contains the character that separates values
                tables.append(self._table(f"SELECT {', '.join(columns)} {rows}", ends, schema))
        return pa.concat_tables(tables)

    def membership_table(self, subjects: Iterable[str] | None = None, up_to: int = _LAST) -> pa.Table:
        """Return memberships as a table of `MEMBERSHIP_SCHEMA`; of several from one moment, the last stored.

        Args:
            subjects: only memberships of these source persons; None returns those of all.
            up_to: only memberships up to this sequence number.
        """
        where, values = _where(subjects, up_to)
        query = (
            "SELECT subject_id, customer_id, from_at FROM membership WHERE sequence IN (SELECT max(sequence) FROM "
            f"membership {where} GROUP BY subject_id, from_at) ORDER BY subject_id, from_at"
        )
        return self._table(query, values, MEMBERSHIP_SCHEMA)

    def _table(self, query: str, values: list[object], schema: pa.Schema) -> pa.Table:
        plain = pa.schema([pa.field(f.name, pa.int32() if f.type == pa.int32() else pa.string()) for f in schema])
        cursor = self._db.execute(query, values)
        batches = []
        while rows := cursor.fetchmany(_BATCH):
            columns = [pa.array(c, f.type) for c, f in zip(zip(*rows, strict=True), plain, strict=True)]
            batches.append(pa.record_batch(columns, schema=plain))
        return pa.Table.from_batches(batches, schema=plain).cast(schema)


def _split(text: str, field: pa.Field) -> pa.Array:
    values = pc.split_pattern(pa.array([text], pa.string()), _BETWEEN).flatten()
    if field.nullable:
        values = pc.if_else(pc.equal(values, _NULL), pa.scalar(None, pa.string()), values)
    return values.cast(field.type)


def _where(subjects: Iterable[str] | None, up_to: int) -> tuple[str, list[object]]:
    if subjects is None:
        return "WHERE sequence <= ?", [up_to]
    return f"WHERE sequence <= ? AND subject_id {AMONG}", [up_to, json.dumps(list(subjects))]


def _text(value: object) -> object:
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value
