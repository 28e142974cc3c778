"""Plants values that stand nowhere else into landed files: names, phones, e-mails and numbers, in odd spellings.

Every confidential column of every source gets some, in rows that are sound and in rows that break the contract.
"""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agent_serving.collector.projection import Projection
from agent_serving.collector.received_event import SignalHeaders
from installation.contract.document import Column, Contract, Contracts
from privacy.protection.scan.needle import Needle

_FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x30, 0x3A)})
# Syllables that no name has.
_SYLLABLES = "뷁쏔걀쀍쐬꿿뗽릃쉛횷뙖쨟쪙챻퀭튫펧홣뮁슗"
Row = dict[str, Any]


def plant(landing: Path, contracts: Contracts, count: int = 1000, seed: int = 5) -> list[Needle]:
    """Add a file with canaries to every source that has confidential columns; return at least so many needles."""
    planter = _Planter(Random(seed))
    sources = [contract for contract in contracts.sources if contract.encrypted_columns]
    for contract in sources:
        if contract.collection:
            _collect(landing, contract)
    rows: dict[str, list[Row]] = {contract.name: [] for contract in sources}
    samples = {contract.name: cycle(_read(next(iter(_files(landing, contract))), contract)) for contract in sources}
    for number, contract in enumerate(cycle(sources)):
        if len(planter.needles) >= count:
            break
        is_broken = number // len(sources) % 4 == 3
        rows[contract.name].append(planter.row(next(samples[contract.name]), contract, is_broken))
    for contract in sources:
        _write(next(iter(_files(landing, contract))), contract, rows[contract.name])
    return planter.needles


class _Planter:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.needles: list[Needle] = []

    def row(self, sample: Row, contract: Contract, is_broken: bool) -> Row:
        row = dict(sample)
        for column in contract.encrypted_columns:
            header = next((name for name in column.headers if name in row), column.header)
            row[header] = self._value(column, is_broken)
        keys = [contract.column(name) for name in contract.primary_key]
        if keys and not any(key.is_confidential for key in keys):
            # A row of its own, not another version of the row that it is modelled on.
            text, number = str(row[keys[0].header]), len(self.needles)
            row[keys[0].header] = f"{text[:2]}{10**9 + number}" if keys[0].spark_type == "string" else 10**11 + number
        if is_broken:
            open_ones = [c for c in contract.columns if not c.is_confidential and c.header in row]
            judged = [c for c in open_ones if c.enum or c.spark_type != "string"] or open_ones
            row[judged[0].header] = "no such value"
        return row

    def _value(self, column: Column, is_broken: bool) -> Any:
        if column.spark_type == "bigint":
            return int(self._add("number", str(self.random.randrange(7_000_000_000, 8_000_000_000))))
        makers: dict[str, Callable[[], str]] = {
            "phone": self._phone, "email": self._email, "name": self._name,
            "member_no": lambda: self._add("member", f"M{self.random.randrange(10**8, 10**9)}"),
            "card_no": lambda: self._add("card", f"9410{self.random.randrange(10**11, 10**12)}"),
            "device_id": lambda: self._add("device", f"ck_{self.random.randbytes(8).hex()}"),
        }  # fmt: skip
        if column.token in makers:
            return makers[column.token]()
        if column.role == "direct":
            return f"{self._name()} {self._number()}"
        return f"문의: {self._name()}, {self._number()}, {self._phone()} {'!' if is_broken else ''}"

    def _add(self, kind: str, value: str, is_phone: bool = False) -> str:
        name = f"{kind} {len(self.needles)}"
        self.needles.append(Needle(name, value, "phone" if is_phone else "text"))
        return value

    def _name(self) -> str:
        name = self._add("name", "".join(self.random.sample(_SYLLABLES, 4)))
        return self.random.choice([name, unicodedata.normalize("NFD", name), f"{name[0]} {name[1:]}", f" {name}　"])

    def _phone(self) -> str:
        middle, last = self.random.randrange(2000, 9999), self.random.randrange(1000, 9999)
        self._add("phone", f"010-{middle}-{last}", is_phone=True)
        spelled = [f"010{middle}{last}", f"010-{middle}-{last}", f"+82 10 {middle} {last}", f"010.{middle}.{last}"]
        return self.random.choice([*spelled, spelled[1].translate(_FULL_WIDTH)])

    def _email(self) -> str:
        email = self._add("email", f"canary.{self.random.randbytes(5).hex()}@nowhere.example")
        return self.random.choice([email, email.upper(), f" {email}"])

    def _number(self) -> str:
        first, second = self.random.randrange(400101, 991231), self.random.randrange(1000000, 4999999)
        self._add("registration", f"{first}-{second}")
        return self.random.choice([f"{first}-{second}", f"{first}{second}", f"{first} {second}".translate(_FULL_WIDTH)])


def _collect(landing: Path, contract: Contract) -> None:
    """Land an event as the collector does; nobody simulates visitors of a collector."""
    message = {"type": "track", "event": "Product Viewed", "messageId": "e-1", "anonymousId": "v-1", "userId": "M1"}
    event = Projection(contract).event(message, datetime(2017, 5, 1, 12, tzinfo=UTC), SignalHeaders())
    assert contract.file is not None
    path = landing / contract.file.path.replace("*", "canary")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(event.line + b"\n")


def _files(landing: Path, contract: Contract) -> Iterator[Path]:
    assert contract.file is not None
    yield from sorted(landing.glob(contract.file.path))


def _read(path: Path, contract: Contract) -> list[Row]:
    form = contract.file
    assert form is not None
    if form.format == "parquet":
        return pq.ParquetFile(path).read_row_group(0).slice(0, 50).to_pylist()
    with path.open(encoding=form.codec, newline="") as file:
        if form.format == "jsonl":
            return [json.loads(line) for line in islice(file, 50)]
        return list(islice(csv.DictReader(file, delimiter=form.delimiter), 50))


def _write(beside: Path, contract: Contract, rows: list[Row]) -> None:
    form = contract.file
    assert form is not None
    path = beside.with_name(f"zz-canary{beside.suffix}")
    if form.format == "parquet":
        texts = _texts(rows)
        fields = [pa.field(f.name, pa.string()) if f.name in texts else f for f in pq.read_schema(beside)]
        told = [{k: str(v) if k in texts and v is not None else v for k, v in row.items()} for row in rows]
        pq.write_table(pa.Table.from_pylist(told, pa.schema(fields)), path)
        return
    with path.open("w", encoding=form.codec, errors="replace", newline="") as file:
        if form.format == "jsonl":
            file.writelines(json.dumps(row, ensure_ascii=bool(number % 2)) + "\n" for number, row in enumerate(rows))
            return
        writer = csv.DictWriter(file, list(rows[0]), delimiter=form.delimiter)
        writer.writeheader()
        writer.writerows(rows)


def _texts(rows: list[Row]) -> set[str]:
    return {name for row in rows for name, value in row.items() if isinstance(value, str)}
