"""A contract that is drafted from a table passes the check once confirmed, and loads the table."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from installation.contract.document import load_contracts
from installation.source_credential import SourceCredential
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from pipelines.contracts.check import check_contracts
from pipelines.contracts.database_draft import draft_table, read_address
from pipelines.contracts.file_sample import DraftError
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.source_load import ingest_source
from tests.database_server import Server
from tests.pipelines.ingest.shop import NOW, Shop

TABLE = """
CREATE TABLE sale (line_no bigint, order_no varchar(20), member_no varchar(20), price numeric(12,2), sold_at {time},
  updated_at {instant}, note varchar(100), PRIMARY KEY (order_no, line_no))
"""


@pytest.fixture
def address(server: Server) -> str:
    kinds = ("timestamp", "timestamptz") if server.kind == "postgresql" else ("datetime(6)", "timestamp(6) NULL")
    server.run(TABLE.format(time=kinds[0], instant=kinds[1]))
    for number in range(40):
        moments = f"2017-03-{number % 28 + 1:02d} 10:00:00.{number:06d}", "2017-04-01 00:00:00"
        values = (number % 2, f"{number // 2:04d}", f"M{number % 7:09d}", f"{number}.50", *moments, None)
        server.run(f"INSERT INTO sale VALUES ({', '.join(['%s'] * 7)})", *values)
    return f"{server.kind}://reader@127.0.0.1:{server.port}/shop"


def test_a_drafted_contract_passes_the_check_and_loads_every_row(
    address: str, shop: Shop, reader: SourceCredential
) -> None:
    origin, user = read_address(address, "sale", "backoffice")
    assert user == "reader"
    options = LoadOptions(time_zone="UTC", credentials={"backoffice": reader})
    drafted, text = draft_table(origin, reader, None, options)
    assert drafted.primary_key == ("order_no", "line_no")
    assert "property: cursor, value: updated_at" in text
    assert not any(f"M{number:09d}" in text for number in range(7))
    folder = shop.folder / "drafted"
    folder.mkdir()
    (folder / "source_sale.odcs.yaml").write_text(text, "utf-8")
    assert [str(fault) for fault in check_contracts([folder]).faults] == []
    contract = load_contracts([folder]).source("sale")
    result = ingest_source(contract, shop.lakehouse, shop.landing, shop.protection, lambda: NOW, options)
    assert (result.faults, result.rows_added) == ((), 40)
    assert {row[0] for row in shop.rows(("order_no",))} == {f"{number:04d}" for number in range(20)}


def test_the_command_drafts_from_an_address(address: str, private_password: Path, tmp_path: Path) -> None:
    secret = f'{{"shop": {{"user": "reader", "password_file": "{private_password}"}}}}'
    environment = {"BOJAGI_SOURCE_CREDENTIALS": secret, "BOJAGI_DATA_DIR": str(tmp_path / "data")}
    command = ["contracts", "init", address, "--table", "sale", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, command, env=environment)
    assert done.exit_code == 0, done.output
    assert "with 7 columns" in done.stdout
    assert (tmp_path / "source_sale.odcs.yaml").exists()
    missing = CliRunner().invoke(app, [*command[:4], "sales"], env=environment)
    assert missing.exit_code == ExitCode.USAGE
    assert "There is no table shop" in missing.stderr
    secret = CliRunner().invoke(app, ["contracts", "init", address.replace("reader@", "reader:pw@"), "--table", "sale"])
    assert secret.exit_code == ExitCode.USAGE
    assert "contains a password" in secret.stderr


@pytest.mark.parametrize(
    ("address", "table"),
    [
        ("oracle://a@b/c", "t"), ("postgresql://a@b", "t"), ("postgresql:///shop", "t"), ("mysql://a@b/c", None),
        ("mysql://a@b:many/c", "t"),
    ],
)  # fmt: skip
def test_an_incomplete_address_is_refused(address: str, table: str | None) -> None:
    with pytest.raises(DraftError, match="not fully named"):
        read_address(address, table, None)
