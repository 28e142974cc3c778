"""Draws columns of dates and times, in zones and forms of several countries and systems.

The true value of a time is the shop's wall time. The rules follow the contract vocabulary: a value's own zone comes
before the zone of its column, this before the zone of its file, this before the setting `time_zone`.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from bench.generated_file.cell import Cell, Column

SETTING_ZONE = "Asia/Seoul"
ZONES = ("Asia/Seoul", "UTC", "Europe/Berlin", "America/New_York", "+09:00", "-05:00", "Asia/Kolkata")
# Days on which the clocks change in Europe/Berlin and America/New_York.
CHANGES = (
    datetime.datetime(2017, 3, 26, 2), datetime.datetime(2017, 10, 29, 2), datetime.datetime(2016, 3, 27, 2),
    datetime.datetime(2017, 3, 12, 2), datetime.datetime(2017, 11, 5, 1), datetime.datetime(2016, 11, 6, 1),
)  # fmt: skip
FIRST, LAST = datetime.datetime(2012, 1, 1), datetime.datetime(2017, 12, 30)
UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
EXCEL_START = datetime.datetime(1899, 12, 30)
UNIX_START = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)


@dataclass(frozen=True)
class Zones:
    """The zones that a contract states: of its times and of the shop; None means the setting."""

    file: str | None = None
    shop: str | None = None

    @property
    def shop_zone(self) -> datetime.tzinfo:
        """Zone of the shop's wall time."""
        return read_zone(self.shop or SETTING_ZONE)


def read_zone(name: str) -> datetime.tzinfo:
    """Return the zone of an IANA name or an offset such as +09:00."""
    if name[0] not in "+-":
        return ZoneInfo(name)
    hours, minutes = name[1:].split(":")
    offset = datetime.timedelta(hours=int(hours), minutes=int(minutes))
    return datetime.timezone(offset if name[0] == "+" else -offset)


def wall_time(instant: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime:
    """Return the wall time of an instant in a zone, without the zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def readings(local: datetime.datetime, zone: datetime.tzinfo) -> list[datetime.datetime]:
    """Return the instants that a wall time can mean: none in a gap, two in an overlap, else one."""
    found = []
    for fold in (0, 1):
        instant = local.replace(tzinfo=zone, fold=fold).astimezone(datetime.UTC)
        if wall_time(instant, zone) == local and instant not in found:
            found.append(instant)
    return found


def loaded_as(local: datetime.datetime, stated: str, zones: Zones) -> tuple[datetime.datetime, ...]:
    """Return what a wall time of the stated zone may be loaded as; empty if it names no single instant.

    The rule of `pipelines.ingest.time_zone`: a wall time of the shop's own zone stays as it is; another one is refused
    in the hours that the zone's clocks skip or show twice.
    """
    if stated == (zones.shop or SETTING_ZONE):
        return (local,)
    possible = readings(local, read_zone(stated))
    return (wall_time(possible[0], zones.shop_zone),) if len(possible) == 1 else ()


def draw_local(rng: Random, *, has_microseconds: bool = False) -> datetime.datetime:
    """Return a wall time; one of ten is near a change of clocks."""
    if rng.random() < 0.1:
        moment = rng.choice(CHANGES) + rng.randrange(-5400, 9000) * SECOND
    else:
        moment = FIRST + rng.randrange(int((LAST - FIRST) / SECOND)) * SECOND
    return moment.replace(microsecond=rng.randrange(10**6)) if has_microseconds else moment


@dataclass(frozen=True)
class TimeForm:
    """A form of zone-less text: its Java format (None: ISO 8601), how it is written, and the precision it keeps."""

    java: str | None
    write: Callable[[datetime.datetime], str]
    step: datetime.timedelta = SECOND
    custom: dict[str, Any] = field(default_factory=dict)


def _formatted(java: str, pattern: str, step: datetime.timedelta = SECOND, **custom: Any) -> TimeForm:
    return TimeForm(java, lambda moment: moment.strftime(pattern), step, custom)


MINUTE, DAY = 60 * SECOND, datetime.timedelta(days=1)
TIMES = (
    TimeForm(None, lambda moment: moment.isoformat(" ")),
    TimeForm(None, lambda moment: moment.isoformat("T")),
    _formatted("yyyy-MM-dd HH:mm:ss", "%Y-%m-%d %H:%M:%S"),
    _formatted("yyyy-MM-dd'T'HH:mm:ss", "%Y-%m-%dT%H:%M:%S"),
    _formatted("yyyy/MM/dd HH:mm:ss", "%Y/%m/%d %H:%M:%S"),
    _formatted("yyyy.MM.dd HH:mm", "%Y.%m.%d %H:%M", MINUTE),
    _formatted("yyyyMMddHHmmss", "%Y%m%d%H%M%S"),
    _formatted("dd.MM.yyyy HH:mm:ss", "%d.%m.%Y %H:%M:%S"),
    _formatted("dd/MM/yyyy HH:mm", "%d/%m/%Y %H:%M", MINUTE),
    _formatted("MM/dd/yyyy hh:mm:ss a", "%m/%d/%Y %I:%M:%S %p"),
    _formatted("MM/dd/yyyy hh:mm a", "%m/%d/%Y %I:%M %p", MINUTE),
    _formatted("dd.MM.yy HH:mm", "%d.%m.%y %H:%M", MINUTE, yearPivot=70),
    _formatted("dd-MMM-yyyy HH:mm:ss", "%d-%b-%Y %H:%M:%S"),
    TimeForm(
        "d.M.yyyy H:mm", lambda moment: f"{moment.day}.{moment.month}.{moment.year} {moment.hour}:{moment:%M}", MINUTE
    ),
    TimeForm(
        "M/d/yy h:mm a",
        lambda moment: f"{moment.month}/{moment.day}/{moment:%y} {moment.hour % 12 or 12}:{moment:%M %p}",
        MINUTE,
        {"yearPivot": 50},
    ),
)
DATES = (
    TimeForm(None, lambda moment: moment.strftime("%Y-%m-%d"), DAY),
    _formatted("yyyy-MM-dd", "%Y-%m-%d", DAY),
    _formatted("yyyyMMdd", "%Y%m%d", DAY),
    _formatted("yyyy.MM.dd", "%Y.%m.%d", DAY),
    _formatted("dd.MM.yyyy", "%d.%m.%Y", DAY),
    _formatted("MM/dd/yyyy", "%m/%d/%Y", DAY),
    _formatted("dd/MM/yy", "%d/%m/%y", DAY, yearPivot=30),
    _formatted("EEE, dd MMM yyyy", "%a, %d %b %Y", DAY),
    TimeForm("d.M.yyyy", lambda moment: f"{moment.day}.{moment.month}.{moment.year}", DAY),
    TimeForm("yyyy년 MM월 dd일", lambda moment: f"{moment:%Y}년 {moment:%m}월 {moment:%d}일", DAY),
)


def local_time_column(rng: Random, name: str, zones: Zones, *, is_plain: bool = False) -> Column:
    """Return a column of times without a zone, in the zone of the column, the file or the setting."""
    form = rng.choice(TIMES[:3] if is_plain else TIMES)
    own = None if is_plain or rng.random() < 0.8 else rng.choice(ZONES)
    stated = own or zones.file or SETTING_ZONE
    options = {key: value for key, value in (("format", form.java), ("defaultTimezone", own)) if value}

    def draw(rng: Random) -> Cell:
        local = draw_local(rng)
        local -= (local - FIRST) % form.step
        text = form.write(local)
        accepted = loaded_as(local, stated, zones)
        return Cell(accepted, text, json.dumps(text), text, is_sound=bool(accepted))

    return Column(
        name, "time", f"local {form.java}", "timestamp", "timestamp_ntz", draw, options=options, custom=form.custom,
        arrow_type=pa.string(),
    )  # fmt: skip


def _offset_text(instant: datetime.datetime, rng: Random) -> str:
    minutes = rng.choice([0, 0, 540, -300, 330, 60, 120, -480, 345])
    local = wall_time(instant, datetime.timezone(datetime.timedelta(minutes=minutes)))
    sign, size = "+-"[minutes < 0], abs(minutes)
    forms = [f"{sign}{size // 60:02d}:{size % 60:02d}", f"{sign}{size // 60:02d}{size % 60:02d}"]
    if minutes == 0:
        forms += ["Z", "Z", "Z", "+00"]
    text = local.isoformat(rng.choice("T "))
    if not local.microsecond:
        text += rng.choice(["", "", ".0", ".000", ".000000"])
    elif local.microsecond % 1000 == 0:
        text = text[:-3]
    elif rng.random() < 0.3:
        # Nanoseconds are cut off, never rounded.
        text += f"{rng.randrange(1000):03d}"
    return text + rng.choice(forms)


def zoned_time_column(rng: Random, name: str, zones: Zones) -> Column:
    """Return a column of times that state their own zone."""
    precision = rng.choice(["seconds", "milliseconds", "microseconds"])
    has_option = rng.random() < 0.5

    def draw(rng: Random) -> Cell:
        instant = draw_local(rng, has_microseconds=precision == "microseconds").replace(tzinfo=datetime.UTC)
        if precision == "milliseconds":
            instant = instant.replace(microsecond=rng.randrange(1000) * 1000)
        text = _offset_text(instant, rng)
        return Cell((wall_time(instant, zones.shop_zone),), text, json.dumps(text), text)

    return Column(
        name, "time", f"zoned {precision}", "timestamp", "timestamp_ntz", draw,
        options={"timezone": True} if has_option else {}, arrow_type=pa.string(),
    )  # fmt: skip


def epoch_column(rng: Random, name: str, zones: Zones, *, is_stated: bool = True) -> Column:
    """Return a column of numbers that count seconds, milliseconds, microseconds or nanoseconds since 1970."""
    unit = rng.choice(list(UNITS))
    is_whole = rng.random() < 0.5

    def draw(rng: Random) -> Cell:
        instant = draw_local(rng).replace(tzinfo=datetime.UTC)
        parts = 0 if unit == "seconds" or is_whole else rng.randrange(min(UNITS[unit], 10**6))
        micro = parts * (10**6 // min(UNITS[unit], 10**6)) if parts else 0
        instant = instant.replace(microsecond=micro)
        number = int((instant - UNIX_START) / SECOND) * UNITS[unit] if not micro else (
            ((instant - UNIX_START) // datetime.timedelta(microseconds=1)) * UNITS[unit] // 10**6
        )  # fmt: skip
        text = str(number)
        token = text if rng.random() < 0.5 else json.dumps(text)
        return Cell((wall_time(instant, zones.shop_zone),), text, token, number, is_sound=is_stated)

    return Column(
        name, "time", f"epoch {unit}", "timestamp", "timestamp_ntz", draw,
        custom={"timeUnit": unit} if is_stated else {}, arrow_type=pa.int64(), is_stated=is_stated,
    )  # fmt: skip


def excel_column(rng: Random, name: str, zones: Zones, *, is_date: bool = False, is_stated: bool = True) -> Column:
    """Return a column of Excel's serial numbers: days since 1899-12-30, as wall time of the file's zone."""
    stated = zones.file or SETTING_ZONE

    def draw(rng: Random) -> Cell:
        local = draw_local(rng)
        if is_date:
            local = datetime.datetime.combine(local.date(), datetime.time())
            number = (local - EXCEL_START).days
            return Cell((local.date(),), str(number), str(number), number, is_sound=is_stated)
        serial = (local - EXCEL_START) / DAY
        text = str(int(serial)) if serial == int(serial) else repr(serial)
        accepted = loaded_as(local, stated, zones)
        return Cell(accepted, text, text, serial, is_sound=is_stated and bool(accepted))

    kind, spark_type = ("date", "date") if is_date else ("time", "timestamp_ntz")
    return Column(
        name, kind, "excel_days", "date" if is_date else "timestamp", spark_type, draw,
        custom={"timeUnit": "excel_days"} if is_stated else {}, arrow_type=pa.int32() if is_date else pa.float64(),
        is_stated=is_stated,
    )  # fmt: skip


def date_column(rng: Random, name: str, encoding: str, *, is_plain: bool = False) -> Column:
    """Return a column of dates in one form, some of them before 1970."""
    while True:
        form = rng.choice(DATES[:2] if is_plain else DATES)
        try:
            form.write(FIRST).encode(encoding)
        except UnicodeEncodeError:
            continue
        break
    first = datetime.date(1931, 1, 1)
    days = (datetime.date(2017, 12, 30) - first).days

    def draw(rng: Random) -> Cell:
        value = first + datetime.timedelta(days=rng.randrange(days))
        text = form.write(datetime.datetime.combine(value, datetime.time()))
        return Cell((value,), text, json.dumps(text, ensure_ascii=False), value)

    return Column(
        name, "date", f"{form.java}", "date", "date", draw, options={"format": form.java} if form.java else {},
        custom=form.custom, arrow_type=pa.date32(),
    )  # fmt: skip
