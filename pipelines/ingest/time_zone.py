"""Converts times to the shop's wall time.

A value that states its zone is an instant. A value without zone is the wall time of the source's zone; where that is
the shop's zone, it stays as it is. Otherwise it becomes an instant, and the instant becomes the shop's wall time.

When clocks are set forward, an hour of wall time does not exist; when they are set back, an hour occurs twice. A wall
time in either hour of the source's zone names no single instant, so it is refused: loading it would be a guess that is
wrong by an hour in some rows. The source states an offset to have them loaded.
"""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.cast_result import CastColumn, Mask, collect, is_valid, keep, sound, to_mask
from pipelines.ingest.time_format import TextTime
from pipelines.ingest.value_fault import Fault, ValueFaultError
from pipelines.ingest.value_rule import ZoneRule

RULE = "time_zone"
NO_ZONE: Fault = (RULE, "has no zone, and the contract states that every value has one")
TIME_OF_DAY: Fault = (
    "type",
    "a time within the day (after conversion to the shop's zone): state logicalType timestamp, or send dates",
)
IMPLAUSIBLE: Fault = ("plausible_date", "implausible date: outside the calendar")
_MICROSECONDS = pa.timestamp("us")
_MIDNIGHT = datetime.time()
# Microseconds from 1970 to 1902 and to 2037. Arrow does not know the rules by which clocks change in later years, and
# takes the zones of earlier years from another table than Python.
FIRST_ARROW, END_ARROW = -2_145_916_800_000_000, 2_114_380_800_000_000


def gap(zone: str) -> Fault:
    """Return the fault of a wall time that the zone's clocks skip."""
    return RULE, f"does not exist in {zone}: clocks were set forward; export the times with their offset"


def overlap(zone: str) -> Fault:
    """Return the fault of a wall time that the zone's clocks show twice."""
    return RULE, f"occurs twice in {zone}: clocks were set back; export the times with their offset"


def shop_time(moment: TextTime, zones: ZoneRule, target: pa.DataType) -> datetime.datetime | datetime.date:
    """Return one time as the target type holds it: shop wall time, an instant in UTC, or a day.

    Raises:
        ValueFaultError: the time has no zone but must have one, names no single instant, or is within the day although
            the target is a day.

    """
    try:
        converted = _convert(moment, zones, target)
    except OverflowError as error:
        raise ValueFaultError(*IMPLAUSIBLE) from error
    if not pa.types.is_date(target):
        return converted
    if converted.time() != _MIDNIGHT:
        raise ValueFaultError(*TIME_OF_DAY)
    return converted.date()


def _convert(moment: TextTime, zones: ZoneRule, target: pa.DataType) -> datetime.datetime:
    zone, wall = moment.zone, moment.wall
    if zone is None:
        if pa.types.is_date(target):
            # A day in a calendar belongs to no zone.
            return wall
        if zones.must_state:
            raise ValueFaultError(*NO_ZONE)
        if zones.is_one_zone and target.tz is None:
            return wall
        zone = zones.source_zone
        early, late = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if early.utcoffset() != late.utcoffset():
            returned = early.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None)
            raise ValueFaultError(*(overlap if returned == wall else gap)(zones.source))
    instant = wall.replace(tzinfo=zone).astimezone(datetime.UTC)
    if not pa.types.is_date(target) and target.tz is not None:
        return instant
    return instant.astimezone(zones.shop_zone).replace(tzinfo=None)


def shop_times(values: pa.Array, zones: ZoneRule, target: pa.DataType) -> CastColumn:
    """Return a column of times in the target type, as `shop_time` does for single ones.

    `values` are timestamps in microseconds within the years 1 to 9999: wall times, or instants if their type has a
    zone.
    """
    is_conversion = values.type.tz is not None or not zones.is_one_zone
    if is_conversion and not _is_in_arrows_years(values):
        return _one_by_one(values, zones, target)
    if pa.types.is_date(target):
        walls = values if values.type.tz is None else _wall_times(values, zones.shop)
        at_midnight = to_mask(pc.equal(walls, pc.floor_temporal(walls, unit="day")))
        days = keep(walls, at_midnight, TIME_OF_DAY)
        return CastColumn(days.values.cast(target, safe=False), days.codes, days.faults)
    if values.type.tz is not None:
        return sound(values.cast(target) if target.tz else _wall_times(values, zones.shop))
    if zones.must_state:
        return keep(values.cast(target), np.zeros(len(values), np.bool_), NO_ZONE)
    if zones.is_one_zone and target.tz is None:
        return sound(values)
    instants = _localise(values, zones.source)
    result = instants.values.cast(target) if target.tz else _wall_times(instants.values, zones.shop)
    return CastColumn(result, instants.codes, instants.faults)


def _is_in_arrows_years(values: pa.Array) -> bool:
    extremes = pc.min_max(values.cast(pa.int64()))
    return not extremes["min"].is_valid or (
        FIRST_ARROW <= extremes["min"].as_py() <= extremes["max"].as_py() < END_ARROW
    )


def _one_by_one(values: pa.Array, zones: ZoneRule, target: pa.DataType) -> CastColumn:
    encoded = values.dictionary_encode()
    zone = None if values.type.tz is None else datetime.UTC
    results: list[datetime.date | None] = []
    faults = []
    for position, moment in enumerate(encoded.dictionary.cast(_MICROSECONDS).to_pylist()):
        try:
            results.append(shop_time(TextTime(moment, zone), zones, target))
        except ValueFaultError as error:
            results.append(None)
            faults.append((position, error.fault))
    distinct = collect(results, faults, target)
    return CastColumn(distinct.values.take(encoded.indices), distinct.taken(encoded.indices), distinct.faults)


def _wall_times(instants: pa.Array, zone: str) -> pa.Array:
    return pc.local_timestamp(instants.cast(pa.timestamp("us", zone)))


def _localise(walls: pa.Array, zone: str) -> CastColumn:
    """Return the instants of wall times; those that name no single instant are null and marked."""
    early, late = (
        pc.assume_timezone(walls, zone, ambiguous=choice, nonexistent=choice) for choice in ("earliest", "latest")
    )
    is_single: Mask = to_mask(pc.equal(early, late)) | ~is_valid(walls)
    if is_single.all():
        return sound(early)
    is_twice = to_mask(pc.equal(pc.local_timestamp(early), walls))
    single = keep(early, is_single | is_twice, gap(zone))
    return keep(single.values, is_single, overlap(zone)).after(single)
