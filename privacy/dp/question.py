"""Questions: statistics, privacy unit, bounds and cost. The fields are also the YAML keys of `bojagi dp query`."""

from __future__ import annotations

import hashlib
import json
import math
import re
from datetime import date, datetime, timedelta
from itertools import pairwise, product
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from privacy.dp.budget_account import BudgetAccount, Period, period_keys
from privacy.dp.sensitivity import MOST_UNITS, ContributionBounds

Statistic = Literal["count", "customers", "sum", "mean", "variance", "quantiles"]
Scalar = str | int | bool
# More cells than this may not fit into the memory of the process.
MOST_CELLS = 1_000_000
# Two centuries. A range is expanded day by day.
MOST_DAYS = 73_050
# Engines that count nanoseconds in 64 bits cannot truncate times outside the years 1678 to 2261.
FIRST_DAY, LAST_DAY = date(1700, 1, 1), date(2199, 12, 31)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Raised when the meaning of a question changes, so that stored answers with the old meaning are not returned.
SEMANTICS = 3


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(_Part):
    """A comparison of one column with literals. Null never meets it."""

    column: str
    operator: Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in"]
    value: Scalar | float | tuple[Scalar, ...]

    @model_validator(mode="after")
    def _value_fits(self) -> Condition:
        if isinstance(self.value, tuple) != (self.operator in ("in", "not in")):
            raise ValueError(f"operator {self.operator!r} does not fit the value {self.value!r}; use another operator")
        return self


def _plain_date(value: object) -> object:
    # A time with an offset falls on different dates in different zones, so the question must name the date.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value
    raise ValueError(f"expected a date like 2026-03-01, without a time; got {value!r}")


PlainDate = Annotated[date, BeforeValidator(_plain_date)]


class Days(_Part):
    """A public range of days, weeks (from Monday) or months; `last` is included."""

    first: PlainDate
    last: PlainDate
    step: Literal["day", "week", "month"] = "day"

    @model_validator(mode="after")
    def _is_a_range(self) -> Days:
        if not 0 <= (self.last - self.first).days < MOST_DAYS:
            raise ValueError(
                f"{self.first} to {self.last}: expected a range of 1 to {MOST_DAYS} days with first <= last"
            )
        if self.first < FIRST_DAY or self.last > LAST_DAY:
            raise ValueError(f"{self.first} to {self.last}: expected days from {FIRST_DAY} to {LAST_DAY}")
        return self

    def span(self) -> tuple[date, date]:
        """Return the first day of the first period, and the day after the last period."""
        days = [_start(self.first, self.step), _start(self.last, self.step)]
        # 31 days after the first of a month lies in the next month.
        following = {"day": 1, "week": 7, "month": 31}[self.step]
        return days[0], _start(days[1] + timedelta(days=following), self.step)

    def values(self) -> tuple[str, ...]:
        """Return the first day of each period in the range, as ISO dates."""
        days = (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))
        return tuple(sorted({_start(day, self.step).isoformat() for day in days}))


class Key(_Part):
    """A column to group by.

    Exactly one of: `values` (public), `days` (public; a date or time column), `edges` (public bins of a
    number: [e₀,e₁), [e₁,e₂) …; values outside are left out, or with `open_ends: true` counted in the first and the last
    bin), `private: true` (keys are found in the data, and only those that enough customers share are released). Rows
    where the key is null are left out.
    """

    column: str
    values: tuple[Scalar, ...] | None = None
    days: Days | None = None
    edges: tuple[float, ...] | None = None
    open_ends: bool = False
    private: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Key:
        kinds = [self.values is not None, self.days is not None, self.edges is not None, self.private]
        if sum(kinds) != 1:
            raise ValueError(f"key {self.column}: give one of values, days, edges or private: true")
        if self.open_ends and self.edges is None:
            raise ValueError(f"key {self.column}: open_ends needs edges")
        if self.edges is not None:
            is_finite = all(math.isfinite(edge) for edge in self.edges)
            if len(self.edges) < 2 or not is_finite or sorted(set(self.edges)) != list(self.edges):
                raise ValueError(f"key {self.column}: expected two or more finite edges in ascending order")
        if not self.private and not self.public_values():
            raise ValueError(f"key {self.column}: there is no value to group by; list at least one")
        return self

    def public_values(self) -> tuple[str, ...]:
        """Return all values of the key as text; bins as "[lower, upper)". Empty for a private key."""
        if self.days is not None:
            return self.days.values()
        if self.edges is not None:
            return tuple(f"[{low}, {high})" for low, high in pairwise(self.edges))
        return tuple(dict.fromkeys(str(value) for value in self.values or ()))


class Measure(_Part):
    """A number column, clipped to [lower, upper] and counted in whole multiples of `resolution`.

    Rows where it is null or NaN are left out of the question; infinities are clipped.
    """

    column: str
    lower: float
    upper: float
    resolution: float = 0.01

    @model_validator(mode="after")
    def _bounded(self) -> Measure:
        numbers = (self.lower, self.upper, self.resolution)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"measure {self.column}: bounds must be finite; got {numbers}")
        if not self.lower < self.upper or self.resolution <= 0:
            raise ValueError(f"measure {self.column}: expected lower < upper and resolution > 0; got {numbers}")
        if max(abs(self.lower), abs(self.upper)) / self.resolution > MOST_UNITS:
            raise ValueError(f"measure {self.column}: over 2^31 steps of {self.resolution}; use a coarser resolution")
        return self


class Bounds(_Part):
    """Limits of one customer's contribution: at most `rows` rows, in at most `groups`, `rows_per_group` in each."""

    rows: int = 10
    groups: int | None = None
    rows_per_group: int | None = None

    def contribution(self, is_grouped: bool = True) -> ContributionBounds:
        """Return the bounds with defaults filled in: groups = rows, rows_per_group = 1; one group without keys."""
        if not is_grouped:
            return ContributionBounds(self.rows, 1, min(self.rows_per_group or self.rows, self.rows))
        groups = self.rows if self.groups is None else min(self.groups, self.rows)
        most = 1 if self.rows_per_group is None else min(self.rows_per_group, self.rows)
        return ContributionBounds(self.rows, groups, most)


class Question(_Part):
    """A request for one release: statistics of one data set by group, for one purpose, at one cost."""

    dataset: str
    purpose: str
    unit: str = "customer_id"
    statistics: Annotated[tuple[Statistic, ...], Field(min_length=1)]
    rho: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    group_by: tuple[Key, ...] = ()
    measure: Measure | None = None
    where: tuple[Condition, ...] = ()
    bounds: Bounds = Bounds()
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    # δ for finding private keys; not spent if there are none.
    delta: Annotated[float, Field(gt=0, lt=0.01)] = 1e-6
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.25, 0.5, 0.75)
    quantile_bins: Annotated[int, Field(ge=2, le=1024)] = 64
    top: Annotated[int, Field(ge=1)] | None = None
    # The stored answer is given again, free of charge, within the same day, month or year (UTC), or for ever.
    repeat: Period = "day"
    # Whether to release every prefix of group_by as well (total, first key, …), with sums that agree.
    rollup: bool = False

    @property
    def account(self) -> BudgetAccount:
        """The budget account that is charged."""
        return BudgetAccount(self.dataset, self.purpose, self.unit)

    @model_validator(mode="after")
    def _answerable(self) -> Question:
        self.contribution()
        if self.needs_measure and self.measure is None:
            raise ValueError(f"{', '.join(self.statistics)}: the measure is missing; name it with lower and upper")
        if len(set(self.statistics)) != len(self.statistics):
            raise ValueError("a statistic is named twice; keep one of them")
        if self.rollup and (set(self.statistics) != {"count"} or self.is_private or not self.group_by):
            raise ValueError(
                "rollup needs the single statistic count and public keys; change these, or leave rollup out"
            )
        if self.top is not None and not {"count", "customers", "sum"} & set(self.statistics[:1]):
            raise ValueError("top orders by the first statistic; expected count, customers or sum there")
        if self.unit in {key.column for key in self.group_by} | {c.column for c in self.where}:
            raise ValueError(f"{self.unit} is the privacy unit; remove it from group_by and where")
        columns = [key.column for key in self.group_by]
        if len(set(columns)) != len(columns):
            raise ValueError("a column is twice in group_by; keep one of them")
        if math.prod(len(key.public_values()) or 1 for key in self.group_by) > MOST_CELLS:
            raise ValueError(f"the keys make more than {MOST_CELLS} cells; use fewer or coarser keys")
        if self.is_private and any(not key.private for key in self.group_by):
            raise ValueError("private and public keys cannot be mixed; make all keys private or all public")
        if self.is_private and "quantiles" in self.statistics:
            raise ValueError("quantiles need public keys: name the key's values")
        if "quantiles" in self.statistics and self.measure is not None:
            self._require_distinct_bins()
        return self

    def _require_distinct_bins(self) -> None:
        try:
            self.bin_key()
        except ValidationError as error:
            assert self.measure is not None
            raise ValueError(
                f"measure {self.measure.column}: the range {self.measure.lower} to {self.measure.upper} is too narrow "
                f"for {self.quantile_bins} bins of quantiles; widen it, or use fewer quantile_bins"
            ) from error

    @property
    def needs_measure(self) -> bool:
        """Whether any statistic needs the measure."""
        return bool({"sum", "mean", "variance", "quantiles"} & set(self.statistics))

    def columns(self) -> frozenset[str]:
        """Return every column that the question reads."""
        measured = {self.measure.column} if self.measure is not None else set()
        return frozenset({self.unit, *(k.column for k in self.group_by), *(c.column for c in self.where), *measured})

    def shape(self) -> tuple[object, ...]:
        """Return the parts that decide the exact aggregates. Questions of equal shape can share a bounded view."""
        counted = (self.dataset, self.purpose, self.unit, self.where, self.group_by)
        return (*counted, self.measure, self.contribution())

    def bin_key(self) -> Key:
        """Return the bins of the quantiles. The first and the last also contain everything beyond the bounds."""
        assert self.measure is not None
        lower, upper, bins = self.measure.lower, self.measure.upper, self.quantile_bins
        inner = [lower + (upper - lower) * place / bins for place in range(1, bins)]
        return Key(column=self.measure.column, edges=(lower, *inner, upper), open_ends=True)

    def contribution(self) -> ContributionBounds:
        """Return the bounds of one customer's contribution."""
        return self.bounds.contribution(bool(self.group_by))

    def bin_contribution(self) -> ContributionBounds:
        """Return the bounds of one customer's contribution to the bins of quantiles, which are groups as well."""
        return self.bounds.contribution()

    @property
    def is_private(self) -> bool:
        """Whether keys are found in the data."""
        return any(key.private for key in self.group_by)

    def cells(self) -> list[tuple[str, ...]]:
        """Return every combination of public key values; one empty tuple without keys."""
        return list(product(*(key.public_values() for key in self.group_by)))

    def period(self, now: datetime) -> str:
        """Return the period in which the answer is given again, such as "day 2026-11-29"."""
        return period_keys(now)[self.repeat]

    def hash(self, period: str, scope: str = "") -> str:
        """Return the question's id in the ledger: SHA-256 of its canonical form, the period and the scope of the rows.

        It does not depend on the data: whether a repeated question is free would otherwise reveal whether a row or a
        consent has changed.
        """
        form = self.model_dump(mode="json")
        text = json.dumps([SEMANTICS, period, scope, form], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _start(day: date, step: str) -> date:
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day
