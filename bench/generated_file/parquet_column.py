"""Draws columns of Parquet files: each kind of value in the physical types that real systems write."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa

from bench.generated_file.cell import Cell, Column
from bench.generated_file.text_form import cell_of, letters_of
from bench.generated_file.time_form import (
    SECOND,
    SETTING_ZONE,
    UNITS,
    UNIX_START,
    Zones,
    draw_local,
    loaded_as,
    wall_time,
)

MICROSECOND = datetime.timedelta(microseconds=1)
EPOCH = datetime.datetime(1970, 1, 1)
EXACT = 2**53


def typed(value: Any, native: Any, *, is_sound: bool = True, token: str | None = None) -> Cell:
    """Return a cell with its value in the column's physical type."""
    return Cell((value,) if is_sound else (), "", "", native, is_sound, token)


def identifier(rng: Random, name: str) -> Column:
    """Return identifiers as text, dictionary, integer or floating-point number; as text they must stay exact."""
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.int64(), pa.uint64()]
    kind = rng.choice([*kinds, pa.float64(), pa.float64(), pa.decimal128(20, 0), pa.int32()])

    def draw(rng: Random) -> Cell:
        if pa.types.is_floating(kind):
            number = rng.randrange(10**5, EXACT)
            if rng.random() < 0.03:
                # Above 2⁵³ neighbouring identifiers have become one number.
                return typed(None, float(rng.randrange(EXACT * 2, EXACT * 4) | 1), is_sound=False)
            return typed(str(number), float(number), token=str(number))
        if pa.types.is_decimal(kind):
            number = rng.randrange(10**5, 10**19)
            return typed(str(number), Decimal(number), token=str(number))
        if pa.types.is_integer(kind):
            number = rng.randrange(10**5, 2**31 if kind == pa.int32() else 2**63)
            return typed(str(number), number, token=str(number))
        text = f"{rng.randrange(10**9):010d}"
        return typed(text, text, token=text)

    custom = {"token": "member_no"} if rng.random() < 0.4 else {}
    return Column(name, "identifier", str(kind), "string", "string", draw, custom=custom, arrow_type=kind)


def integer(rng: Random, name: str) -> Column:
    """Return integers of several widths, or as floating-point numbers, or as text."""
    kind = rng.choice([pa.int64(), pa.int32(), pa.int8(), pa.uint16(), pa.float64(), pa.string(), pa.decimal128(12, 0)])
    size = 2**7 if kind == pa.int8() else 2**16 if kind == pa.uint16() else 10**6

    def draw(rng: Random) -> Cell:
        number = rng.randrange(size)
        if kind == pa.float64() and rng.random() < 0.03:
            return typed(None, number + 0.5, is_sound=False)
        native = {pa.string(): str(number), pa.float64(): float(number)}.get(kind, number)
        return typed(number, Decimal(number) if pa.types.is_decimal(kind) else native)

    return Column(name, "integer", str(kind), "integer", rng.choice(["bigint", "int"]), draw, arrow_type=kind)


def decimal(rng: Random, name: str) -> Column:
    """Return exact decimals, also as floating-point numbers and as text."""
    kind = rng.choice([pa.decimal128(12, 2), pa.decimal128(18, 4), pa.float64(), pa.string(), pa.int64()])

    def draw(rng: Random) -> Cell:
        cents = rng.randrange(-(10**7), 10**9)
        if kind == pa.int64():
            cents = cents // 100 * 100
        value = Decimal(cents).scaleb(-2)
        if kind == pa.float64():
            if rng.random() < 0.03:
                return typed(None, float(value) + 0.003, is_sound=False)
            return typed(value, cents / 100)
        if kind == pa.string():
            return typed(value, str(value))
        return typed(value, int(value) if kind == pa.int64() else value)

    return Column(name, "decimal", str(kind), "number", "decimal(14,2)", draw, arrow_type=kind)


def boolean(rng: Random, name: str) -> Column:
    """Return booleans, also as text."""
    kind = rng.choice([pa.bool_(), pa.string()])

    def draw(rng: Random) -> Cell:
        value = rng.random() < 0.5
        return typed(value, value if kind == pa.bool_() else str(value).lower())

    return Column(name, "boolean", str(kind), "boolean", "boolean", draw, arrow_type=kind)


def date(rng: Random, name: str) -> Column:
    """Return dates as days, as milliseconds, as times at midnight and as text."""
    kind = rng.choice([pa.date32(), pa.date64(), pa.timestamp("us"), pa.timestamp("ms"), pa.string()])

    def draw(rng: Random) -> Cell:
        value = datetime.date(1931, 1, 1) + datetime.timedelta(days=rng.randrange(31_000))
        if pa.types.is_timestamp(kind):
            moment = datetime.datetime.combine(value, datetime.time())
            if rng.random() < 0.03:
                return typed(None, moment + 3600 * SECOND, is_sound=False)
            return typed(value, moment)
        return typed(value, value.isoformat() if kind == pa.string() else value)

    return Column(name, "date", str(kind), "date", "date", draw, arrow_type=kind)


def local_time(rng: Random, name: str, zones: Zones) -> Column:
    """Return times without a zone: wall time of the file's zone. Some are out of range."""
    unit = rng.choice(["s", "ms", "us", "ns"])
    own = rng.choice([None, None, None, "UTC", "Europe/Berlin"])
    stated = own or zones.file or SETTING_ZONE
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]

    def draw(rng: Random) -> Cell:
        local = draw_local(rng, has_microseconds=unit in ("us", "ns"))
        number = (local - EPOCH) // MICROSECOND * per_second // 10**6
        if unit == "ns":
            number += rng.randrange(1000)
        elif rng.random() < 0.03:
            return typed(None, number * 1000, is_sound=False)
        accepted = loaded_as(local, stated, zones)
        return Cell(accepted, "", "", number, bool(accepted))

    return Column(
        name, "time", f"local {unit}", "timestamp", "timestamp_ntz", draw,
        options={"defaultTimezone": own} if own else {}, arrow_type=pa.timestamp(unit),
    )  # fmt: skip


def instant(rng: Random, name: str, zones: Zones) -> Column:
    """Return times with a zone, which become the shop's wall time."""
    unit, zone = rng.choice(["ms", "us", "ns"]), rng.choice(["UTC", "Asia/Seoul", "America/New_York", "+02:00"])
    per_second = {"ms": 10**3, "us": 10**6, "ns": 10**9}[unit]

    def draw(rng: Random) -> Cell:
        moment = draw_local(rng, has_microseconds=unit != "ms").replace(tzinfo=datetime.UTC)
        return typed(wall_time(moment, zones.shop_zone), (moment - UNIX_START) // MICROSECOND * per_second // 10**6)

    return Column(
        name, "time", f"instant {unit} {zone}", "timestamp", "timestamp_ntz", draw, arrow_type=pa.timestamp(unit, zone)
    )


def epoch(rng: Random, name: str, zones: Zones, *, is_stated: bool) -> Column:
    """Return integers that count units since 1970. Without a stated unit they must not become times."""
    unit = rng.choice(list(UNITS))
    kind = rng.choice([pa.int64(), pa.int64(), pa.float64()]) if unit in ("seconds", "milliseconds") else pa.int64()

    def draw(rng: Random) -> Cell:
        moment = draw_local(rng).replace(tzinfo=datetime.UTC)
        number = int((moment - UNIX_START) / SECOND) * UNITS[unit]
        native = float(number) if kind == pa.float64() else number
        return Cell((wall_time(moment, zones.shop_zone),), "", "", native, is_stated)

    return Column(
        name, "time", f"epoch {unit} {kind}", "timestamp", "timestamp_ntz", draw,
        custom={"timeUnit": unit} if is_stated else {}, arrow_type=kind, is_stated=is_stated,
    )  # fmt: skip


def text(rng: Random, name: str) -> Column:
    """Return free text."""
    kind = rng.choice([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])

    def draw(rng: Random) -> Cell:
        written = "t" + "".join(rng.choice(letters_of("UTF-8") + '\n\t",; 0') for _ in range(rng.randint(1, 12)))
        return cell_of(written)

    return Column(name, "text", str(kind), "string", "string", draw, arrow_type=kind)


def nested(rng: Random, name: str) -> Column:
    """Return structs and lists for a text column: they become JSON with the same types."""
    kind = rng.choice([pa.list_(pa.int64()), pa.struct([("sku", pa.string()), ("qty", pa.int64())])])

    def draw(rng: Random) -> Cell:
        value: Any = [rng.randrange(99) for _ in range(rng.randint(1, 3))]
        if pa.types.is_struct(kind):
            value = {"sku": f"0{rng.randrange(999)}", "qty": rng.randrange(9)}
        # The file may be refused instead: the draft of a nested field asks for a decision.
        return Cell((value,), "", json.dumps(value), value, is_sound=False)

    return Column(name, "nested", str(kind), "string", "string", draw, arrow_type=kind)


def makers(zones: Zones, *, is_stated: bool) -> list[Callable[[Random, str], Column]]:
    """Return the functions that draw a column; each takes the generator and the name."""
    return [
        identifier, identifier, integer, decimal, boolean, date, text,
        lambda rng, name: local_time(rng, name, zones),
        lambda rng, name: local_time(rng, name, zones),
        lambda rng, name: instant(rng, name, zones),
        lambda rng, name: epoch(rng, name, zones, is_stated=is_stated),
    ]  # fmt: skip
