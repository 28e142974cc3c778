"""Holds the rules by which the values of one column are read, as its contract and the settings state them."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import cached_property

from installation.contract.document import Column, Contract
from installation.settings import DEFAULT_TIME_ZONE
from pipelines.ingest.load_option import LoadOptions
from privacy.contract.column import NumberFormat, TimeUnit
from privacy.contract.zone import read_zone

BIRTH_DATE = "pd:BirthDate"
# Kinds of matching keys, data categories and touchpoint roles whose values are codes: letters and digits that name a
# thing or a person, and in which surrounding spaces, invisible characters and full-width letters mean nothing.
CODE_TOKENS = frozenset({"member_no", "card_no", "device_id", "account_no"})
CODE_CATEGORIES = frozenset(
    {
        "pd:UID", "pd:Identifier", "pd:AccountIdentifier", "pd:OfficialID", "pd:Passport", "pd:PaymentCardNumber",
        "pd:CreditCardNumber", "pd:BankAccount", "pd:FinancialAccountNumber", "pd:VehicalLicenseNumber",
        "pd:DeviceBased", "pd:MACAddress", "pd:IPAddress", "pd:PostalCode",
    }
)  # fmt: skip
CODE_ROLES = frozenset({"event_id", "session_id", "product_id", "order_id", "store_id"})
# Text about a person that is an identifier but no code: it is stored as it arrived.
WORD_CATEGORIES = frozenset({"pd:Name", "pd:EmailAddress", "pd:PhysicalAddress", "pd:Username", "pd:Picture"})
WORD_TOKENS = frozenset({"name", "email"})
# Roles of columns whose numbers count or measure something, so that leading zeros only pad them.
MEASURE_ROLES = frozenset({"amount", "quantity", "dwell_seconds", "rating"})


@dataclass(frozen=True)
class ZoneRule:
    """The zones of a column. `source` is the zone of values that state none, `shop` the zone of the shop's wall time.

    `must_state` is true if every value must state its zone.
    """

    source: str = DEFAULT_TIME_ZONE
    shop: str = DEFAULT_TIME_ZONE
    must_state: bool = False

    @cached_property
    def source_zone(self) -> datetime.tzinfo:
        """The source's zone as Python reads it."""
        return read_zone(self.source)

    @cached_property
    def shop_zone(self) -> datetime.tzinfo:
        """The shop's zone as Python reads it."""
        return read_zone(self.shop)

    @property
    def is_one_zone(self) -> bool:
        """Whether a value without zone is already the shop's wall time."""
        return self.source == self.shop


@dataclass(frozen=True)
class ValueRule:
    """How the values of one column are read.

    Attributes:
        date_format: Java date format of dates and times in text; None means ISO 8601.
        zones: the zones of a time.
        time_unit: what a number in a time column counts; None means that a number is no time.
        year_pivot: two-digit years from this number on are 19yy, smaller ones 20yy.
        latest: last possible day of a birth date; None for other columns.
        number_format: how numbers are written as text; None means the plain form.
        keeps_zeros: whether an integer with leading zeros is refused, because it may be a code.
        is_identifier: whether numbers in a text column are identifiers, so that all their digits count.
        is_code: whether an identifier is a code, which is stored without spaces around it and invisible characters.
        pattern: pattern of the contract; an identifier that matches it is never taken for a damaged number.
    """

    date_format: str | None = None
    zones: ZoneRule = ZoneRule()
    time_unit: TimeUnit | None = None
    year_pivot: int | None = None
    latest: datetime.date | None = None
    number_format: NumberFormat | None = None
    keeps_zeros: bool = True
    is_identifier: bool = False
    is_code: bool = False
    pattern: str | None = None

    @cached_property
    def own_form(self) -> re.Pattern[str] | None:
        """The compiled pattern of the contract."""
        return re.compile(self.pattern) if self.pattern else None


PLAIN = ValueRule()
"""The rule of a column about which the contract states nothing."""


def value_rules(contract: Contract, options: LoadOptions, now: datetime.datetime) -> dict[str, ValueRule]:
    """Return the rule of each column by its name. `now` is the time of the load, in UTC without a zone."""
    file = contract.file
    shop = _arrow_zone((file.shop_time_zone if file else None) or options.time_zone)
    default = (file.time_zone if file else None) or options.time_zone
    today = now.replace(tzinfo=datetime.UTC).astimezone(read_zone(shop)).date()
    keys = {name for relationship in contract.relationships for name in relationship.columns} | {contract.subject_key}
    return {
        column.name: ValueRule(
            date_format=column.date_format,
            zones=ZoneRule(_arrow_zone(column.time_zone or default), shop, column.has_zone),
            time_unit=column.time_unit,
            year_pivot=column.year_pivot,
            latest=today if column.category == BIRTH_DATE else None,
            number_format=column.number_format,
            keeps_zeros=not is_measure(column),
            is_identifier=is_identifier(column, column.name in keys),
            is_code=is_code(column, column.name in keys),
            pattern=column.pattern,
        )
        for column in contract.columns
    }


def is_identifier(column: Column, names_other: bool = False) -> bool:
    """Return whether the values of a text column identify a person or a thing, so that every character counts.

    `names_other` is true for a key of another table and for the subject key.
    """
    return is_code(column, names_other) or column.token is not None or column.role == "direct"


def is_code(column: Column, names_other: bool = False) -> bool:
    """Return whether the values are codes: letters and digits without meaning in their spaces, width and case."""
    if column.category in WORD_CATEGORIES or column.token in WORD_TOKENS or column.hides_text:
        return False
    return (
        column.primary_key
        or column.unique
        or names_other
        or column.token in CODE_TOKENS
        or column.category in CODE_CATEGORIES
        or column.touchpoint_role in CODE_ROLES
    )


def is_measure(column: Column) -> bool:
    """Return whether the numbers of a column count or measure something, so that leading zeros only pad them."""
    return column.number_format is not None or column.unit is not None or column.touchpoint_role in MEASURE_ROLES


def _arrow_zone(name: str) -> str:
    """Return the name of a zone as Arrow knows it: offsets have a colon."""
    return f"{name[:3]}:{name[3:]}" if re.fullmatch(r"[+-]\d{4}", name) else name
