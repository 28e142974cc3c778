"""The protocol of an online store and the values that it takes and returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any, NamedTuple, Protocol, TypeAlias

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Scalar: TypeAlias = int | float | str | bool | bytes | datetime
Value: TypeAlias = Scalar | list[Any] | None


class ValueKind(StrEnum):
    """Type of a stored value. A null is None in each of them, and a list has no nulls inside.

    A TIMESTAMP is an instant with its zone UTC, a WALL_TIME is a date and time without a zone. Both have microseconds.
    """

    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"
    BOOL = "bool"
    BYTES = "bytes"
    TIMESTAMP = "timestamp"
    WALL_TIME = "wall_time"
    INT32_LIST = "int32_list"
    INT64_LIST = "int64_list"
    FLOAT32_LIST = "float32_list"
    FLOAT64_LIST = "float64_list"
    STRING_LIST = "string_list"
    BOOL_LIST = "bool_list"
    BYTES_LIST = "bytes_list"
    TIMESTAMP_LIST = "timestamp_list"


@dataclass(frozen=True)
class ViewSchema:
    """Names and kinds of the features of one view, in the order of their values."""

    view: str
    columns: tuple[tuple[str, ValueKind], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(name for name, _ in self.columns)


class StoredView(NamedTuple):
    """Values of one view of one customer, in the order of `schema.columns`.

    `event_time_us` and `written_us` are microseconds since 1970 in UTC: when the values hold from, and when they were
    written to the store.
    """

    schema: ViewSchema
    event_time_us: int
    written_us: int
    values: list[Value]

    @property
    def event_time(self) -> datetime:
        """Instant from which the values hold."""
        return moment_of(self.event_time_us)

    def as_dict(self) -> dict[str, Value]:
        """Return the values by feature name."""
        return dict(zip(self.schema.names, self.values, strict=True))


StoredRow: TypeAlias = dict[str, StoredView]
"""What is stored of one customer, by view. A view without values is absent."""


Columns: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Names of features by view, in the order in which `OnlineStore.select` returns their values."""


class Absent(Enum):
    """The value of a feature that is not stored, in contrast to a stored null."""

    ABSENT = "absent"


class Selection(NamedTuple):
    """The selected values of one customer.

    `event_times_us` has one moment for each view of the columns, None for a view that is not stored. `values` has the
    values of all columns one after another, `ABSENT` where one is not stored. `is_whole` says that none is absent.
    """

    event_times_us: tuple[int | None, ...]
    values: Sequence[Any]
    is_whole: bool


@dataclass(frozen=True)
class WriteCount:
    """How many customers of a write were written, had the same values already, or have newer values in the store."""

    written: int = 0
    unchanged: int = 0
    older: int = 0

    def __add__(self, other: WriteCount) -> WriteCount:
        return WriteCount(self.written + other.written, self.unchanged + other.unchanged, self.older + other.older)


class OnlineStore(Protocol):
    """The rows of one project. Two projects in one place have nothing in common.

    Any number of threads and processes may read. Writes of several processes are executed one after another. Each
    customer has the row before or after a write, also when the writer is killed.
    """

    def read(self, customers: Sequence[str], views: Iterable[str] | None = None) -> list[StoredRow | None]:
        """Return the row of each customer, in their order; None for a customer of whom nothing is stored.

        Args:
            customers: customer ids.
            views: names of the views to return; None returns all.

        Raises:
            StoreError: the store cannot be read, or a row is damaged.
        """
        ...

    def select(self, customers: Sequence[str], columns: Columns) -> list[Selection | None]:
        """Return chosen values of each customer, in their order; None for a customer of whom nothing is stored.

        It returns the values of `read` in half the time.

        Raises:
            StoreError: the store cannot be read, or a row is damaged.
        """
        ...

    def write(
        self,
        schema: ViewSchema,
        customers: Sequence[str],
        event_times_us: Sequence[int],
        rows: Sequence[Sequence[Value]],
    ) -> WriteCount:
        """Write one view of many customers; return what changed.

        A row with an older event time than the stored one is left out. With the same event time, the later write wins.
        A row with the event time and the values that are stored already is not written.

        Args:
            schema: names and kinds of the features.
            customers: customer ids, one a row. For a customer named twice, the same rules decide.
            event_times_us: instant from which each row's values hold, in microseconds since 1970 in UTC.
            rows: values of each row, in the order of `schema.columns`.

        Raises:
            StoreError: a value is not of its kind, or the store cannot be written. Rows before it may be written.
        """
        ...

    def grouped(self) -> AbstractContextManager[None]:
        """Let the writes of one thread in a block share one flush to the disk; none of them counts if the block raises.

        A server flushes by its own settings, so there each write of the block counts at once.
        """
        ...

    def delete(self, customers: Sequence[str]) -> int:
        """Delete the rows of these customers; return how many existed. `compact` removes their bytes as well."""
        ...

    def drop(self, views: Iterable[str], customers: Sequence[str] | None = None) -> None:
        """Delete the values of whole views: of these customers, or of all (None)."""
        ...

    def compact(self) -> None:
        """Rewrite the files, so that no byte of a deleted or replaced value is left in them."""
        ...

    def customers(self) -> Iterable[str]:
        """Yield the customer ids of the store, in no particular order."""
        ...

    @property
    def generation(self) -> str:
        """Name of the files in use; another one after each compaction. Asking releases files that were replaced."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...


def microseconds_of(moment: datetime) -> int:
    """Return microseconds since 1970 in UTC. A moment without a zone counts as UTC, as in Feast.

    >>> microseconds_of(datetime(1970, 1, 1, 0, 0, 1))
    1000000
    """
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """Return the instant, with the zone UTC.

    >>> moment_of(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return EPOCH + timedelta(0, 0, microseconds)
