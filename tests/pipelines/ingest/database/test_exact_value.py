"""Values of every type arrive exactly, or their rows are in quarantine: from PostgreSQL and from MariaDB."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from installation.source_credential import SourceCredential
from tests.database_server import Server
from tests.pipelines.ingest.database.conftest import TableShop
from tests.pipelines.ingest.shop import Shop

UTC = datetime.UTC
ODD_TEXTS = ["0150", "1e5", "서울 'x' \\ \"y\"", "", " a "]
KEY = {"number": {"physical": "bigint", "primaryKey": True, "required": True}}


def wall(dice: random.Random) -> datetime.datetime:
    start, last = datetime.datetime(1971, 1, 1), datetime.datetime(2017, 12, 30)
    return start + datetime.timedelta(microseconds=dice.randrange((last - start) // datetime.timedelta(microseconds=1)))


def digits(dice: random.Random, whole: int, places: int) -> Decimal:
    sign = dice.choice(["", "-"])
    return Decimal(f"{sign}{dice.randrange(10**whole)}.{dice.randrange(10**places):0{places}d}")


# Name: type in the contract, in PostgreSQL and in MariaDB, and a random value.
TYPES: dict[str, tuple[str, str, str, Callable[[random.Random], Any]]] = {
    "exact": ("decimal(38,10)", "numeric(38,10)", "decimal(38,10)", lambda d: digits(d, 28, 10)),
    "tiny": ("decimal(38,20)", "numeric", "decimal(38,20)", lambda d: digits(d, 1, 20)),
    "large": ("bigint", "bigint", "bigint", lambda d: d.choice([2**63 - 1, -(2**63), 2**53 + 1, d.randrange(2**62)])),
    "code": ("string", "varchar(40)", "varchar(40)", lambda d: d.choice(ODD_TEXTS)),
    "ratio": ("double", "double precision", "double", lambda d: d.choice([0.1 + 0.2, 1e22, 5e-300, d.random() / 3])),
    "flag": ("boolean", "boolean", "boolean", lambda d: d.random() < 0.5),
    "day": ("date", "date", "date", lambda d: wall(d).date()),
    "wall": ("timestamp_ntz", "timestamp", "datetime(6)", wall),
    "instant": ("timestamp_ntz", "timestamptz", "timestamp(6) NULL", wall),
}  # fmt: skip
TEXTS = {
    "uuid": ("uuid", "uuid", "2d931510-d99f-494a-8c67-87feb05e1594"),
    "document": ("json", "json", '{"id": 12345678901234567890.123, "b": [1, null]}'),
}


@pytest.mark.parametrize("seed", range(3))
def test_random_values_arrive_exactly(shop: Shop, server: Server, reader: SourceCredential, seed: int) -> None:
    dice = random.Random(seed)
    place = 1 if server.kind == "postgresql" else 2
    server.run("SET time_zone = '+00:00'" if server.kind == "mysql" else "SET TIME ZONE 'UTC'")
    columns = ", ".join(f"{name} {types[place]}" for name, types in TYPES.items())
    server.run(f"CREATE TABLE sale (number bigint PRIMARY KEY, {columns})")
    truth = []
    for number in range(200):
        row = [None if dice.random() < 0.1 else types[3](dice) for types in TYPES.values()]
        server.run(f"INSERT INTO sale VALUES ({', '.join(['%s'] * (len(row) + 1))})", number, *row)
        truth.append((number, *row))
    contract = KEY | {name: {"physical": types[0]} for name, types in TYPES.items()}
    result = TableShop(shop, server, contract, {"deletions": "keep"}, reader).load()
    assert (result.rows_added, shop.quarantine("column", "reason")) == (200, [])
    found = shop.rows(("number", *TYPES))
    assert sorted(found, key=lambda row: row[0]) == [tuple(row) for row in truth]


def test_instants_become_the_shops_wall_time_and_wall_times_stay(
    shop: Shop, server: Server, reader: SourceCredential
) -> None:
    instant = "timestamptz" if server.kind == "postgresql" else "timestamp NULL"
    wall = "timestamp" if server.kind == "postgresql" else "datetime"
    server.run("SET time_zone = '+02:00'" if server.kind == "mysql" else "SET TIME ZONE 'Etc/GMT-2'")
    server.run(f"CREATE TABLE sale (number bigint PRIMARY KEY, instant {instant}, wall {wall})")
    server.run("INSERT INTO sale VALUES (1, '2017-03-26 01:30:00', '2017-03-26 01:30:00')")
    columns = KEY | {name: {"physical": "timestamp_ntz"} for name in ("instant", "wall")}
    zones = {"timeZone": "Asia/Seoul", "shopTimeZone": "Asia/Seoul", "deletions": "keep"}
    TableShop(shop, server, columns, zones, reader).load()
    assert shop.rows(("instant", "wall")) == [
        (datetime.datetime(2017, 3, 26, 8, 30), datetime.datetime(2017, 3, 26, 1, 30))
    ]


def test_identifiers_and_documents_arrive_as_text(shop: Shop, server: Server, reader: SourceCredential) -> None:
    place = 0 if server.kind == "postgresql" else 1
    server.run(
        f"CREATE TABLE sale (number bigint PRIMARY KEY, {', '.join(f'{n} {t[place]}' for n, t in TEXTS.items())})"
    )
    server.run("INSERT INTO sale VALUES (1, %s, %s)", *(types[2] for types in TEXTS.values()))
    columns = KEY | {name: {"physical": "string"} for name in TEXTS}
    TableShop(shop, server, columns, {"deletions": "keep"}, reader).load()
    assert shop.rows(tuple(TEXTS)) == [tuple(types[2] for types in TEXTS.values())]


def test_times_that_are_no_times_are_quarantined(shop: Shop, server: Server, reader: SourceCredential) -> None:
    odd = {
        "postgresql": [
            ("timestamptz", "infinity"), ("timestamptz", "0044-03-15 12:00:00+00 BC"), ("timestamp", "20000-01-01"),
            ("timestamp", "-infinity"), ("date", "infinity"), ("date", "0044-03-15 BC"), ("numeric", "NaN"),
        ],
        "mysql": [("datetime", "0000-00-00 00:00:00"), ("date", "0000-00-00"), ("date", "2017-02-00")],
    }[server.kind]  # fmt: skip
    kinds = {"timestamptz": "timestamp_ntz", "timestamp": "timestamp_ntz", "datetime": "timestamp_ntz", "date": "date"}
    for kind, value in odd:
        server.run("DROP TABLE IF EXISTS sale")
        server.run(f"CREATE TABLE sale (number bigint PRIMARY KEY, odd {kind})")
        server.run("INSERT INTO sale VALUES (1, %s)", value)
        server.run("INSERT INTO sale VALUES (2, NULL)")
        columns = KEY | {"odd": {"physical": kinds.get(kind, "decimal(12,2)")}}
        folder = Shop(shop.folder / str(odd.index((kind, value))))
        custom = {"deletions": "keep"} | ({"cursor": "odd"} if kind != "numeric" else {})
        result = TableShop(folder, server, columns, custom, reader).load()
        assert (result.refused, folder.rows(("number", "odd"))) == ((), [(2, None)]), value
        assert [column for (column,) in folder.quarantine("column")] == ["odd"], value
