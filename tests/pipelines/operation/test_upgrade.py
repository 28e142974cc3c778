"""The plan of an upgrade names what differs and changes nothing; the upgrade changes it once."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from installation.database import HEAD
from installation.settings import Settings, load_settings
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from tests.store_place import StorePlace


@pytest.fixture
def shared(postgres_place: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    assert postgres_place.server is not None
    made = load_settings(data_dir=tmp_path / "data", database=postgres_place.server.conninfo)
    monkeypatch.setenv("BOJAGI_DATA_DIR", str(made.data_dir))
    monkeypatch.setenv("BOJAGI_DATABASE", postgres_place.server.conninfo)
    return made


def test_parts_that_differ_are_planned_then_upgraded_once(shared: Settings) -> None:
    def plan() -> dict[str, list[str]]:
        done = CliRunner().invoke(app, ["upgrade", "--plan", "--json"])
        assert done.exit_code == 0, done.output
        return {part["part"]: part["changes"] for part in json.loads(done.stdout)}

    first = plan()
    assert first["database"] == []
    assert first["version"] == [f"note version {version('bojagi')}"]
    assert plan() == first
    assert CliRunner().invoke(app, ["upgrade"]).exit_code == 0
    assert not any(plan().values())
    assert "Nothing to change." in CliRunner().invoke(app, ["upgrade"]).stdout


def test_a_database_of_a_newer_version_hinders_the_upgrade(shared: Settings) -> None:
    assert shared.database is not None
    with psycopg.connect(shared.database.get_secret_value(), autocommit=True) as connection:
        connection.execute("UPDATE bojagi.alembic_version SET version_num = '9999'")
        try:
            for arguments in (["upgrade", "--plan"], ["upgrade"]):
                done = CliRunner().invoke(app, arguments)
                assert done.exit_code == ExitCode.REFUSED
                assert "9999, needs" in done.stdout
                assert "newer version" in done.output
        finally:
            connection.execute("UPDATE bojagi.alembic_version SET version_num = %s", (HEAD,))


def test_a_store_that_does_not_open_hinders_the_upgrade(tmp_path: Path) -> None:
    (tmp_path / "consent").mkdir()
    (tmp_path / "consent" / "consent.db").write_bytes(b"x" * 8192)
    done = CliRunner().invoke(app, ["upgrade", "--data", str(tmp_path)])
    assert done.exit_code == ExitCode.REFUSED
    assert "store consent" in done.output
    assert not (tmp_path / "operation").exists()
