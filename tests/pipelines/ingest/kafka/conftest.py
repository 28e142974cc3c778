from __future__ import annotations

import datetime
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from installation.contract.document import Contract, load_contracts
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.quarantine_replay import replay_quarantine
from pipelines.ingest.source_load import ingest_source
from tests.kafka_broker import Broker
from tests.pipelines.ingest.shop import NOW, Shop, write_contract

SERVER = """\
servers:
  - server: bus
    type: kafka
    host: {address}
    format: {format}
    customProperties:
{custom}"""
NUMBERS = itertools.count()


@dataclass
class TopicShop:
    """A source `sale` that is a topic of its own."""

    shop: Shop
    broker: Broker
    columns: dict[str, dict[str, Any]]
    custom: dict[str, Any] = field(default_factory=dict)
    format: str = "json"
    topic: str = field(default_factory=lambda: f"sale-{next(NUMBERS)}-{datetime.datetime.now(datetime.UTC):%H%M%S%f}")

    def contract(self) -> Contract:
        """Write and return the contract."""
        folder = self.shop.folder / "contracts"
        write_contract(folder, {name: dict(column) for name, column in self.columns.items()})
        path = folder / "source_sale.odcs.yaml"
        text = path.read_text("utf-8")
        start, end = text.index("servers:"), text.index("schema:\n")
        custom = "".join(
            f"      - {{property: {key}, value: {json.dumps(value)}, vendor: bojagi}}\n"
            for key, value in {"timeZone": "UTC", **self.custom}.items()
        )
        servers = SERVER.format(address=self.broker.address, format=self.format, custom=custom)
        text = f"{text[:start]}{servers}{text[end:]}".replace(
            "physicalType: file\n", f"physicalType: topic\n    physicalName: {self.topic}\n"
        )
        path.write_text(text, "utf-8")
        return load_contracts([folder]).source("sale")

    def load(self) -> LoadResult:
        """Load the topic."""
        return ingest_source(*self._shared(), lambda: NOW, LoadOptions(time_zone="UTC", reference_date=NOW.date()))

    def replay(self) -> LoadResult:
        """Replay the quarantine."""
        contract, lakehouse, _, protection = self._shared()
        options = LoadOptions(time_zone="UTC", reference_date=NOW.date())
        return replay_quarantine(contract, lakehouse, protection, lambda: NOW, options)

    def _shared(self) -> tuple[Contract, Any, Path, Any]:
        self.shop.contract = self.contract()
        return self.shop.contract, self.shop.lakehouse, self.shop.landing, self.shop.protection

    def send(self, *messages: bytes | None, partition: int = 0) -> None:
        """Send messages to a partition."""
        self.broker.send(self.topic, *messages, partition=partition)


@pytest.fixture
def topic(tmp_path: Path, broker: Broker, columns: dict[str, dict[str, Any]]) -> TopicShop:
    """A topic of two partitions, and the source that reads it."""
    made = TopicShop(Shop(tmp_path), broker, columns)
    broker.create_topic(made.topic, 2)
    return made


@pytest.fixture
def columns() -> dict[str, dict[str, Any]]:
    return {
        "sale_id": {"physical": "string", "primaryKey": True, "required": True},
        "phone": {"physical": "string", "token": "phone"},
        "amount": {"physical": "decimal(12,2)", "minimum": 0},
        "sold_at": {"physical": "timestamp_ntz", "required": True, "touchpointRole": "event_time"},
    }
