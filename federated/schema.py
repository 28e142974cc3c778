"""What a run may read at a site (`TableSchema`, `SiteTable`) and what may leave it in a round (`ArraySpec`)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from federated.errors import BadSetting, DataRefused, SchemaMismatch

Arrays = Mapping[str, NDArray[Any]]
Kind = Literal["number", "binary", "count"]


@dataclass(frozen=True)
class ArraySpec:
    """One array that may leave a site in a round: float64 values with |value| <= `bound`, sent in fixed point."""

    name: str
    shape: tuple[int, ...]
    bound: float

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Column:
    """A numeric column with public bounds: they come from its contract, never from the data of a site."""

    name: str
    kind: Kind = "number"
    lower: float = 0.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.lower) and np.isfinite(self.upper) and self.lower < self.upper):
            raise BadSetting(
                f"Column {self.name!r} needs finite bounds with lower < upper, got {self.lower}, {self.upper}."
            )


@dataclass(frozen=True)
class TableSchema:
    """The columns of every site's training table.

    Attributes:
        columns: the features in the order of `SiteTable.features`.
        target: the column to predict.
        rows_max: the greatest number of rows that one site may contribute; it bounds the sums that leave the site.
    """

    columns: tuple[Column, ...]
    target: Column
    rows_max: int = 1_000_000

    def __post_init__(self) -> None:
        names = [column.name for column in (*self.columns, self.target)]
        if len(set(names)) < len(names) or not self.columns:
            raise BadSetting(f"A schema needs at least one feature, and each name once. Got {', '.join(names)}.")
        if self.rows_max < 1:
            raise BadSetting(f"`rows_max` must be at least 1, got {self.rows_max}.")

    @property
    def names(self) -> list[str]:
        """Names of the features in order."""
        return [column.name for column in self.columns]

    @cached_property
    def lower(self) -> NDArray[np.float64]:
        """Lower bounds of the features."""
        return np.array([column.lower for column in self.columns], dtype=np.float64)

    @cached_property
    def upper(self) -> NDArray[np.float64]:
        """Upper bounds of the features."""
        return np.array([column.upper for column in self.columns], dtype=np.float64)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of names, kinds, bounds and `rows_max`: two ends with the same fingerprint read the same schema."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """Returns the schema as JSON that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> TableSchema:
        """Reads a schema that `to_json` wrote."""
        try:
            body = json.loads(text)
            columns = tuple(Column(**column) for column in body["columns"])
            return cls(columns, Column(**body["target"]), int(body["rows_max"]))
        except (ValueError, KeyError, TypeError) as error:
            raise SchemaMismatch(f"This is no schema of a training table: {error}") from None

    def scaled(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the features mapped from their public bounds to [-1, 1], so that every sum has a known bound."""
        middle, half = (self.upper + self.lower) / 2, (self.upper - self.lower) / 2
        scaled: NDArray[np.float64] = np.clip((features - middle) / half, -1.0, 1.0)
        return scaled


@dataclass(frozen=True)
class SiteTable:
    """The training rows of one site. It stays in the site's process.

    Attributes:
        features: float64, one row a training example, one column a feature of the schema; inside the bounds.
        target: float64, one value a row.
        customer: opaque customer id of each row, for contribution bounds only; it never leaves.
        is_checked: made by `of`, so it needs no further check.
    """

    schema: TableSchema
    features: NDArray[np.float64]
    target: NDArray[np.float64]
    customer: NDArray[Any]
    is_checked: bool = field(default=False, init=False, repr=False, compare=False)

    @classmethod
    def of(
        cls, schema: TableSchema, features: Sequence[Any] | NDArray[Any], target: Any, customer: Any = None
    ) -> SiteTable:
        """Checks a site's rows against the schema, clips them to its bounds and returns them as a table.

        Raises:
            SchemaMismatch: the number of columns differs.
            DataRefused: a value is missing or infinite, lengths differ, or there are more than `rows_max` rows.
        """
        x = np.asarray(features, dtype=np.float64)
        if x.size == 0:
            x = x.reshape(0, len(schema.columns))
        if x.ndim != 2 or x.shape[1] != len(schema.columns):
            raise SchemaMismatch(f"The table has shape {x.shape}; the schema has {len(schema.columns)} features.")
        y = np.asarray(target, dtype=np.float64)
        ids = np.arange(len(x)) if customer is None else np.asarray(customer)
        if len(x) > schema.rows_max:
            raise DataRefused(
                f"The table has more than {schema.rows_max} rows. Raise `rows_max` at every site, or sample."
            )
        if y.shape != (len(x),) or ids.shape != (len(x),):
            raise DataRefused(f"{len(x)} rows of features need as many targets and customer ids, one each.")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            bad = [name for i, name in enumerate(schema.names) if not np.isfinite(x[:, i]).all()]
            bad += [] if np.isfinite(y).all() else [schema.target.name]
            raise DataRefused(f"Missing or infinite values in {', '.join(bad)}. Fill them before training.")
        y = np.clip(y, schema.target.lower, schema.target.upper)
        return cls(schema, np.clip(x, schema.lower, schema.upper), y, ids)._checked()

    def _checked(self) -> SiteTable:
        object.__setattr__(self, "is_checked", True)
        return self

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: NDArray[Any]) -> SiteTable:
        """Returns the rows that a mask or an index selects."""
        part = replace(self, features=self.features[rows], target=self.target[rows], customer=self.customer[rows])
        return part._checked() if self.is_checked else part


class Site(Protocol):
    """A site's access to its own data. Real sites implement it over their feature store and their ledger."""

    @property
    def name(self) -> str:
        """Name of the site, as the reports show it."""
        ...

    def read(self, schema: TableSchema) -> SiteTable:
        """Reads the rows that may be used now: each call passes the consent filter again."""
        ...

    def debit(self, run: str, round_number: int, rho: float) -> None:
        """Debits the site's privacy ledger before a round's sum leaves; raises when the budget does not allow it.

        `run` names the run and its session: a round that is repeated after a failure releases another sum, so it costs
        again.
        """
        ...
