from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from installation.contract.document import Contract, load_contracts
from installation.source_credential import SourceCredential
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.source_load import ingest_source
from tests.database_server import PASSWORD, Server, mysql_server, postgres_server
from tests.pipelines.ingest.shop import NOW, Shop, write_contract

SERVER = """\
servers:
  - server: shop
    type: {kind}
    host: 127.0.0.1
    port: {port}
    database: shop
    customProperties:
{custom}"""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def mysql() -> Iterator[Server]:
    with mysql_server() as server:
        yield server


@pytest.fixture(params=["postgres", "mysql"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each kind of server, with an empty database."""
    found: Server = request.getfixturevalue(request.param)
    found.run("DROP TABLE IF EXISTS sale")
    return found


@dataclass
class TableShop:
    """A source that is the table `sale` of a database. `credential` are those of the settings."""

    shop: Shop
    server: Server
    columns: dict[str, dict[str, Any]]
    custom: dict[str, Any] = field(default_factory=dict)
    credential: SourceCredential | None = None
    now: datetime.datetime = NOW
    table: str = "sale"
    port: int | None = None

    def contract(self) -> Contract:
        """Write and return the contract."""
        folder = self.shop.folder / "contracts"
        write_contract(folder, {name: dict(column) for name, column in self.columns.items()})
        path = folder / "source_sale.odcs.yaml"
        text = path.read_text("utf-8")
        start, end = text.index("servers:"), text.index("schema:\n")
        custom = "".join(
            f"      - {{property: {key}, value: {value}, vendor: bojagi}}\n"
            for key, value in {"timeZone": "UTC", **self.custom}.items()
        )
        servers = SERVER.format(kind=self.server.kind, port=self.port or self.server.port, custom=custom)
        text = f"{text[:start]}{servers}{text[end:]}".replace(
            "physicalType: file\n", f"physicalType: table\n    physicalName: {self.table}\n"
        )
        path.write_text(text, "utf-8")
        return load_contracts([folder]).source("sale")

    def load(self) -> LoadResult:
        """Load the table."""
        options = LoadOptions(
            time_zone="UTC", credentials={} if self.credential is None else {"shop": self.credential},
            reference_date=self.now.date(),
        )  # fmt: skip
        self.shop.contract = self.contract()
        shared = self.shop.lakehouse, self.shop.landing, self.shop.protection, lambda: self.now
        return ingest_source(self.shop.contract, *shared, options)

    def later(self, **delta: int) -> TableShop:
        """Move the clock on."""
        self.now += datetime.timedelta(**delta)
        return self


@pytest.fixture
def private_password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def reader(private_password: Path) -> SourceCredential:
    return SourceCredential(user="reader", password_file=private_password)
