"""The online store of a fleet: a Redis or Valkey server that many machines share.

    bojagi:features:PROJECT:row:CUSTOMER     the packed row of a customer
    bojagi:features:PROJECT:schema           hash of the schemas by number

A write reads the rows of a batch, changes them and writes them in one transaction. The server refuses the transaction
if a row has changed meanwhile, and the batch is done again. So each customer has the row before or after a write. Redis
Cluster is not supported, since it refuses transactions over several of its parts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, TypeVar, cast

from redis import Redis
from redis.exceptions import RedisError, ResponseError, WatchError

from features.store.errors import StoreDamaged, StoreError, StoreUnavailable
from features.store.merge import Changes, Merge, batches, without
from features.store.online_store import Columns, Selection, StoredRow, Value, ViewSchema, WriteCount
from features.store.packed_row import (
    KEY_ENCODING,
    KEY_LIMIT,
    Sections,
    checked_project,
    key_of,
    pack_row,
    unpack_row,
)
from features.store.schema_book import SchemaBook, text_of
from privacy.clock import utc_now

# Rows of one command. More would make other clients of the server wait.
_BATCH = 1_000
_TIMEOUT_SECONDS = 5
# A deletion promises that the server's files are rewritten within this time.
_COMPACTION_SECONDS = 60
_POLL_SECONDS = 0.05
_Read = TypeVar("_Read")


class RedisStore:
    """An online store of one project on a server, see `OnlineStore`. Threads may share it."""

    def __init__(self, url: str, project: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Connect to the server.

        Args:
            url: `redis://` or `rediss://` (TLS), with user, password, host, port and number of the database.
            project: name of the project.
            clock: returns the time of a write.

        Raises:
            StoreUnavailable: the URL is not one of Redis, or the server does not answer.
            ValueRefused: the name of the project has other characters than a-z, 0-9, `_` and `-`.
        """
        self._prefix = f"bojagi:features:{checked_project(project)}:".encode()
        self._clock = clock
        try:
            self._client: Any = Redis.from_url(
                url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
            )
        except ValueError as error:
            raise StoreUnavailable("The URL of the online store must begin with redis:// or rediss://.") from error
        settings = self._client.connection_pool.connection_kwargs
        self._reporting = _Reporting(f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}")
        self._book = SchemaBook({})
        with self._reporting:
            self._client.ping()

    @property
    def generation(self) -> str:
        """The same name always: readers hold no files of the server."""
        return "redis"

    def read(self, customers: Sequence[str], views: Iterable[str] | None = None) -> list[StoredRow | None]:
        """Return the row of each customer, in their order; None for a customer of whom nothing is stored."""
        wanted = None if views is None else tuple(views)
        return self._read(customers, lambda book: book.reader(wanted))

    def select(self, customers: Sequence[str], columns: Columns) -> list[Selection | None]:
        """Return chosen values of each customer, see `OnlineStore.select`."""
        return self._read(customers, lambda book: book.selector(columns))

    def write(
        self,
        schema: ViewSchema,
        customers: Sequence[str],
        event_times_us: Sequence[int],
        rows: Sequence[Sequence[Value]],
    ) -> WriteCount:
        """Write one view of many customers, see `OnlineStore.write`. Each 1,000 rows are one transaction."""
        count, number = WriteCount(), None
        for changes in batches(schema, customers, event_times_us, rows, self._clock, _BATCH):
            with self._reporting:
                number = self._number(schema) if number is None else number
                count += self._merge(schema, number, changes)
        return count

    def grouped(self) -> AbstractContextManager[None]:
        """Return a block that changes nothing, see `OnlineStore.grouped`."""
        return nullcontext()

    def delete(self, customers: Sequence[str]) -> int:
        """Delete the rows of these customers; return how many existed. `compact` removes their bytes as well."""
        keys, deleted = iter([self._row_key(key_of(customer)) for customer in customers]), 0
        with self._reporting:
            while batch := list(islice(keys, _BATCH)):
                deleted += self._client.delete(*batch)
        return deleted

    def drop(self, views: Iterable[str], customers: Sequence[str] | None = None) -> None:
        """Delete the values of whole views: of these customers, or of all (None)."""
        with self._reporting:
            dropped = self._schemas().numbers_of(tuple(views))
            keys = self._keys() if customers is None else iter([key_of(customer) for customer in customers])
            while batch := list(islice(keys, _BATCH)):
                self._change(batch, lambda rows: {key: without(row, dropped) for key, row in rows.items() if row})

    def compact(self) -> None:
        """Let the server rewrite its files, so that no byte of a deleted or replaced value is left in them.

        Raises:
            StoreUnavailable: the server refuses, fails, or needs more than 60 seconds.
        """
        with self._reporting:
            until = time.monotonic() + _COMPACTION_SECONDS
            if self._client.info("persistence")["aof_enabled"]:
                self._rewrite(self._client.bgrewriteaof, "aof_last_bgrewrite_status", until)
            # A server that keeps no snapshots must not write one because of this.
            if self._client.config_get("save").get("save"):
                self._rewrite(self._client.bgsave, "rdb_last_bgsave_status", until)

    def _read(
        self, customers: Sequence[str], reader_of: Callable[[SchemaBook], Callable[[Sections], _Read]]
    ) -> list[_Read | None]:
        """Return what a reader made from the schemas returns for the sections of each customer."""
        keys = [name.encode(*KEY_ENCODING) for name in customers]
        with self._reporting:
            packed = {key: row for key, row in self._packed(key for key in keys if 0 < len(key) <= KEY_LIMIT) if row}
            sections = {key: unpack_row(key, row) for key, row in packed.items()}
            if not all(map(self._book.has_all, sections.values())):
                self._book = self._schemas()
                if not all(map(self._book.has_all, sections.values())):
                    raise StoreDamaged("A row of the online store names an unknown schema. Materialise again.")
        row_of = reader_of(self._book)
        return [row_of(sections[key]) if key in sections else None for key in keys]

    def customers(self) -> Iterator[str]:
        """Yield the customer ids of the store, in no particular order. Some may be yielded twice."""
        with self._reporting:
            for key in self._keys():
                yield key.decode(*KEY_ENCODING)

    def close(self) -> None:
        """Close the connections. A later read or write opens them anew."""
        self._client.close()

    def destroy(self) -> None:
        """Remove everything of the project from the server."""
        with self._reporting:
            keys = self._client.scan_iter(self._prefix + b"*", count=_BATCH)
            while batch := list(islice(keys, _BATCH)):
                self._client.delete(*batch)
        self._book = SchemaBook({})

    def _row_key(self, key: bytes) -> bytes:
        return self._prefix + b"row:" + key

    def _keys(self) -> Iterator[bytes]:
        # The name of a project has no character that is special in a pattern.
        prefix = self._row_key(b"")
        return (key.removeprefix(prefix) for key in self._client.scan_iter(prefix + b"*", count=_BATCH))

    def _packed(self, keys: Iterable[bytes], client: Any = None) -> Iterator[tuple[bytes, bytes | None]]:
        keys = iter(keys)
        while batch := list(islice(keys, _BATCH)):
            rows = (client or self._client).mget([self._row_key(key) for key in batch])
            yield from zip(batch, rows, strict=True)

    def _schemas(self) -> SchemaBook:
        return SchemaBook(self._texts())

    def _texts(self) -> dict[int, bytes]:
        return {int(number): text for number, text in self._client.hgetall(self._prefix + b"schema").items()}

    def _number(self, schema: ViewSchema) -> int:
        """Return the number of a schema, which is added if it is new."""
        text = text_of(schema)
        while True:
            self._book = SchemaBook(known := self._texts())
            for number, found in known.items():
                if found == text:
                    return number
            # Fails if another process has taken the number.
            self._client.hsetnx(self._prefix + b"schema", str(max(known, default=0) + 1), text)

    def _merge(self, schema: ViewSchema, number: int, changes: Changes) -> WriteCount:
        # Another process may have added a schema of this view since the last batch.
        known = self._schemas().numbers[schema.view]
        merge = Merge(known, number)

        def apply(rows: dict[bytes, Sections]) -> dict[bytes, Sections]:
            nonlocal merge
            merge = Merge(known, number)
            return {key: rows[key] for key, section in changes if merge.replace(rows[key], section)}

        self._change(list(dict.fromkeys(key for key, _ in changes)), apply)
        return merge.count

    def _change(self, keys: list[bytes], apply: Callable[[dict[bytes, Sections]], dict[bytes, Sections]]) -> None:
        """Replace rows by what `apply` makes of them, in one transaction; a row without sections is deleted."""
        while True:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.watch(*map(self._row_key, keys))
                stored = {key: unpack_row(key, row) if row else {} for key, row in self._packed(keys, pipe)}
                changed = apply(stored)
                pipe.multi()
                if kept := {self._row_key(key): pack_row(key, row) for key, row in changed.items() if row}:
                    pipe.mset(kept)
                if emptied := [self._row_key(key) for key, row in changed.items() if not row]:
                    pipe.delete(*emptied)
                try:
                    pipe.execute()
                    return
                except WatchError:
                    continue

    def _rewrite(self, start: Callable[[], Any], status: str, until: float) -> None:
        """Start a rewrite of a file and wait for its end. One that is running already may have the deleted rows."""
        self._wait(until)
        while True:
            try:
                start()
                break
            except ResponseError as error:
                if "in progress" not in str(error) and "already" not in str(error):
                    raise
                self._wait(until)
        if self._wait(until)[status] != "ok":
            raise StoreUnavailable("The server of the online store could not rewrite its files; see its log.")

    def _wait(self, until: float) -> dict[str, Any]:
        running = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
        while any((state := self._client.info("persistence"))[name] for name in running):
            if time.monotonic() > until:
                raise StoreUnavailable(f"The server of the online store rewrote no file in {_COMPACTION_SECONDS} s.")
            time.sleep(_POLL_SECONDS)
        return cast("dict[str, Any]", state)


class _Reporting:
    """Turns errors of the server inside a `with` block into errors of the store."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, (RedisError, OSError)) and not isinstance(error, StoreError):
            # The kind only: a message of the server may repeat an argument.
            raise StoreUnavailable(
                f"The Redis server of the online store at {self._place} cannot be used ({type(error).__name__}). "
                "Check that it runs and accepts the user of the connection."
            ) from error
