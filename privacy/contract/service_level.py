"""Reads the service levels (slaProperties) of a contract: retention, freshness and frequency."""

from __future__ import annotations

import math

from open_data_contract_standard.model import OpenDataContractStandard

from privacy.contract.yaml_source import Source

# Days per SLA unit. Retention is rounded up, so that "5 y" is never shorter than five calendar years.
_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "m": 30.4375, "y": 365.25}
FRESHNESS = ("freshness", "latency")
"""SLA properties that state the maximum age of the newest row."""
_UNITS = {
    "h": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
    "w": "w", "week": "w", "weeks": "w",
    "m": "m", "mo": "m", "month": "m", "months": "m",
    "y": "y", "yr": "y", "year": "y", "years": "y",
}  # fmt: skip


def read_days(standard: OpenDataContractStandard, names: tuple[str, ...], source: Source) -> float | None:
    """Return the value in days of the first SLA property with one of the names; None when there is none."""
    for index, entry in enumerate(standard.slaProperties or ()):
        if entry.property not in names:
            continue
        unit = _UNITS.get((entry.unit or "").lower())
        if isinstance(entry.value, int | float) and entry.value > 0 and unit:
            return float(entry.value) * _DAYS[unit]
        source.report(
            ("slaProperties", index),
            f"SLA property {entry.property!r} has an invalid value or unit",
            got=f"{entry.value!r} {entry.unit!r}",
            expected="a positive number and a unit h, d, w, m or y",
        )
    return None


def read_retention_days(standard: OpenDataContractStandard, source: Source) -> int | None:
    """Return the retention period in days, rounded up; None when the contract states none."""
    days = read_days(standard, ("retention",), source)
    return None if days is None else math.ceil(days)


def read_time_column(standard: OpenDataContractStandard, names: tuple[str, ...]) -> str | None:
    """Return the `element` column of the first SLA property with one of the names; None when there is none."""
    for entry in standard.slaProperties or ():
        if entry.property in names and entry.element:
            return entry.element.rpartition(".")[2]
    return None


def read_hours(standard: OpenDataContractStandard, names: tuple[str, ...], source: Source) -> float | None:
    """Return the value in hours of the first SLA property with one of the names; None when there is none."""
    days = read_days(standard, names, source)
    return None if days is None else days * 24
