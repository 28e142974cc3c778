"""Holds one column of a contract: type, limits, data category, identifier role and purposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

Bound: TypeAlias = int | float | date | datetime
IdentifierRole: TypeAlias = Literal["direct", "quasi", "sensitive", "none"]

NegativeForm: TypeAlias = Literal["parentheses", "trailing"]
TimeUnit: TypeAlias = Literal["seconds", "milliseconds", "microseconds", "nanoseconds", "excel_days"]


@dataclass(frozen=True)
class Standardise:
    """The standard form into which values are converted. Only `unit` has options (vocabulary: `unitOptions`)."""

    rule: str
    options: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Impute:
    """The method by which nulls are imputed: `constant` (with `value`), `median` or `mode`."""

    method: str
    value: str | float | bool | None = None


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written as text. Empty fields mean the plain form: `1234.5`, `-1234.5`.

    `currency` lists signs and codes that may stand before or after a number. `negative` lists the forms of a negative
    number that are allowed beside a leading minus. `percent`: the values end in % and mean hundredths.
    """

    decimal: str = "."
    thousands: str = ""
    currency: tuple[str, ...] = ()
    negative: tuple[NegativeForm, ...] = ()
    percent: bool = False


@dataclass(frozen=True)
class Column:
    """One column as its contract declares it. `header` and `synonyms` are its names in landed files.

    `minimum` … `enum` are None when the contract sets no such limit.
    """

    name: str
    header: str
    logical_type: str
    spark_type: str
    category: str
    role: IdentifierRole = "none"
    synonyms: tuple[str, ...] = ()
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    partitioned: bool = False
    minimum: Bound | None = None
    maximum: Bound | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    date_format: str | None = None
    has_zone: bool = False
    """True when every value must state its zone."""
    time_zone: str | None = None
    """Zone of the values that state none; None means the zone of the source."""
    time_unit: TimeUnit | None = None
    year_pivot: int | None = None
    number_format: NumberFormat | None = None
    unit: str | None = None
    spellings: Mapping[str, str] = field(default_factory=dict)
    """The value meant by each other spelling, by the spelling's key (`privacy.contract.spelling`)."""
    absent_value: str | None = None
    """Value of a row whose file states none."""
    enum: tuple[str | int | float | bool, ...] | None = None
    purposes: tuple[str, ...] = ()
    token: str | None = None
    standardise: Standardise | None = None
    impute: Impute | None = None
    touchpoint_role: str | None = None
    hides_text: bool = False
    """True for text that bronze encrypts although it is not a direct identifier, such as free text with names."""
    quality: tuple[Mapping[str, Any], ...] = ()
    description: str = ""
    is_feature: bool = True
    """False for a column of a feature view that is not a feature. Without meaning in other tables."""
    window: str | None = None
    freshness_hours: float | None = None
    is_guess: bool = False
    narrows_purposes: bool = False
    line: int = 1

    @property
    def headers(self) -> tuple[str, ...]:
        """All headers that a landed file may use for the column, the current one first."""
        return (self.header, *self.synonyms)

    @property
    def token_name(self) -> str | None:
        """Name of the bronze column that holds the token (matching key); None when the column has no token."""
        return f"{self.name}_token" if self.token else None

    @property
    def flag_name(self) -> str:
        """Name of the bronze column that states whether an encrypted value passed its rules of severity warning."""
        return f"{self.name}_is_valid"

    @property
    def is_confidential(self) -> bool:
        """Whether bronze stores the values in encrypted form only."""
        return self.role == "direct" or self.hides_text

    @property
    def has_domain(self) -> bool:
        """Whether the contract limits the values beyond their type: bounds, length, pattern or enumeration."""
        limits = (self.minimum, self.maximum, self.min_length, self.max_length, self.pattern, self.enum)
        return any(limit is not None for limit in limits)
