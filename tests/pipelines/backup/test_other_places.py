"""The same backup and restore with object stores, with PostgreSQL, by Dagster's jobs, and by the real commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from installation.backup.creation import make_backup, open_vaults
from installation.backup.place import BackupError
from installation.backup.restoration import AliveError, RestorePlan
from installation.backup_settings import BackupSettings
from installation.errors import SettingsError
from installation.installation import Installation
from installation.object_store.place import store
from pipelines.backup.recovery import recover, verify_backup
from pipelines.defs.backup import VERIFICATION, backup_jobs
from pipelines.defs.build import build_definitions
from pipelines.erasure.backup_store import BackupStore
from tests.object_store import ObjectStore, object_store
from tests.pipelines.backup.conftest import Clock, lose, reopened, with_backup
from tests.pipelines.backup.test_recovery import changed_rows, consent, entry, erase, failed, rows_of, use
from tests.pipelines.erasure.small_market import build, land, load, open_market
from tests.pipelines.erasure.test_erasure import residues
from tests.store_place import StorePlace

KEPT_TABLES = {"bronze": ("crm_customer", "delivery"), "silver": ("identifier",), "gold": ("customer_demographic",)}
"""The tables in buckets: one of each kind of edit, because every request to the server of the test takes long."""


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as running:
        yield running


def test_everything_in_buckets_is_backed_up_and_restored(market: Installation, server: ObjectStore) -> None:
    shop, copies, vault = (f"{name}-{os.urandom(6).hex()}" for name in ("shop", "copies", "vault"))
    for name in (shop, copies, vault):
        server.new_bucket(name, keeps_versions=name != shop)
    settings, options = market.settings, server.options
    for layer, kept in KEPT_TABLES.items():
        for folder in (Path(settings.lakehouse_root) / layer).iterdir():
            if folder.name not in kept:
                shutil.rmtree(folder)
    store(Path(settings.lakehouse_root), f"s3://{shop}/lakehouse", options)
    store(settings.landing_dir, f"s3://{shop}/landing", options)
    assert settings.backup is not None
    places = {"place": f"s3://{copies}/bojagi", "secrets_place": f"s3://{vault}/bojagi"}
    changes = {
        "lakehouse_root": f"s3://{shop}/lakehouse", "landing_root": f"s3://{shop}/landing", "storage_options": options,
        "backup": settings.backup.model_copy(update=places),
    }  # fmt: skip
    with Installation(settings.model_copy(update=changes), market.clock) as remote:
        use(remote)
        old = make_backup(remote)
        subject = erase(remote)
        found = BackupStore(remote).verify([subject])
        assert (found.residues, found.unverifiable) == ((), ()), "also in former versions of objects"
        before, others = rows_of(remote), rows_of(remote, has_legal_fields=False)
    with pytest.raises(AliveError, match="never overwrites"):
        recover(remote.settings, RestorePlan(old.id))
    lose(remote)
    for key in server.keys(shop):
        server.client.delete_object(Bucket=shop, Key=key)
    recovery = recover(remote.settings, RestorePlan(old.id))
    assert failed(recovery.checks) == []
    with reopened(remote) as restored:
        assert rows_of(restored, has_legal_fields=False) == others, "the erasure after the backup was repeated"
        assert recovery.rows_lost == changed_rows(before, rows_of(restored))
        assert residues(restored, subject) == set()
        assert verify_backup(restored).is_whole


def test_a_store_that_refuses_the_credentials_is_named(market: Installation, server: ObjectStore) -> None:
    assert market.settings.backup is not None
    changes = {"place": "s3://there-is-none/bojagi", "storage_options": server.options}
    settings = market.settings.model_copy(update={"backup": market.settings.backup.model_copy(update=changes)})
    with Installation(settings, market.clock) as one, pytest.raises(BackupError, match="there-is-none does not exist"):
        make_backup(one)


@pytest.fixture
def shared_market(tmp_path: Path, postgres_place: StorePlace) -> Iterator[Installation]:
    """The small market with its stores in PostgreSQL."""
    assert postgres_place.server is not None
    settings = with_backup(
        open_market(tmp_path / "shared").settings, tmp_path, database=SecretStr(postgres_place.server.conninfo)
    )
    with Installation(settings, Clock()) as installation:
        land(settings.landing_dir)
        load(installation)
        build(installation)
        use(installation)
        yield installation


def statement(conninfo: str, sql: str) -> None:
    import psycopg

    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sql)


def test_stores_in_postgresql_are_restored_into_an_empty_database(
    shared_market: Installation, postgres_place: StorePlace
) -> None:
    assert postgres_place.server is not None
    assert shared_market.settings.backup is not None
    conninfo = postgres_place.server.conninfo
    lost, scratch = (f"{name}_{os.urandom(6).hex()}" for name in ("lost", "scratch"))
    for name in (lost, scratch):
        statement(conninfo, f"CREATE DATABASE {name}")
    old = make_backup(shared_market)
    with pytest.raises(SettingsError, match="scratch_database"):
        verify_backup(shared_market)
    subject = erase(shared_market)
    before, others = rows_of(shared_market), rows_of(shared_market, has_legal_fields=False)
    lose(shared_market)
    with pytest.raises(BackupError, match="never overwrites"):
        recover(shared_market.settings, RestorePlan())
    backup = shared_market.settings.backup.model_copy(
        update={"scratch_database": SecretStr(f"{conninfo} dbname={scratch}")}
    )
    changes = {"database": SecretStr(f"{conninfo} dbname={lost}"), "backup": backup}
    settings = shared_market.settings.model_copy(update=changes)
    recovery = recover(settings, RestorePlan(old.id))
    assert failed(recovery.checks) == []
    with Installation(settings, Clock()) as restored:
        assert rows_of(restored, has_legal_fields=False) == others
        assert recovery.rows_lost == changed_rows(before, rows_of(restored))
        assert residues(restored, subject) == set()
        restored.audit_log.append(entry())
        restored.consent_store.append([consent("r2")])
        assert load(restored) == 0
        make_backup(restored)
        for _ in range(2):
            assert verify_backup(restored).is_whole, "also a second time, in the same scratch database"
    for name in (lost, scratch):
        statement(conninfo, f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_in_use_is_never_taken_for_a_scratch_one(
    shared_market: Installation, postgres_place: StorePlace
) -> None:
    assert shared_market.settings.backup is not None
    make_backup(shared_market)
    backup = shared_market.settings.backup.model_copy(update={"scratch_database": shared_market.settings.database})
    with (
        Installation(shared_market.settings.model_copy(update={"backup": backup})) as one,
        pytest.raises(BackupError, match="Name an empty database"),
    ):
        verify_backup(one)
    assert shared_market.consent_store.has("r1")


def test_dagster_has_the_jobs_and_a_damaged_backup_fails_one(market: Installation) -> None:
    found = build_definitions(market)
    names = {one.name for one in found.schedules or ()}
    assert {"daily_backup_schedule", "hourly_backup_schedule", "verify_backup_schedule"} <= names
    jobs = backup_jobs(market)
    assert jobs["daily_backup"].execute_in_process().success
    assert jobs["hourly_backup"].execute_in_process().success
    assert jobs[VERIFICATION].execute_in_process().success
    secrets = open_vaults(market.settings).secrets
    secrets.place.delete(secrets.place.names("chunk")[0])
    assert not jobs[VERIFICATION].execute_in_process(raise_on_error=False).success
    without = build_definitions(Installation(market.settings.model_copy(update={"backup": None})))
    assert "verify_backup_schedule" not in {one.name for one in without.schedules or ()}


@pytest.mark.slow
def test_a_market_runs_on_after_a_total_loss(tmp_path: Path) -> None:
    """The main job, `bojagi backup`, a total loss, `bojagi restore`, and the main job again: every check is green."""
    data = tmp_path / "data"
    backup = BackupSettings(
        place=str(tmp_path / "place"), secrets_place=str(tmp_path / "vault"), key_file=tmp_path / "backup.key"
    )
    environment = {**os.environ, "BOJAGI_BACKUP": backup.model_dump_json(exclude_none=True)}

    def bojagi(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines.cli", *arguments, "--data", str(data)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    simulate = [sys.executable, "-m", "pipelines.cli", "simulate", "--households", "20", "--out", str(data)]
    subprocess.run(simulate, check=True, capture_output=True)
    first = bojagi("run", "--json")
    assert first.returncode == 0, first.stderr
    made = bojagi("backup", "--json")
    assert made.returncode == 0, made.stderr
    assert bojagi("restore").returncode == 6, "an installation is there"
    data.rename(tmp_path / "lost")

    restored = bojagi("restore", "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["is_whole"]
    again = bojagi("run", "--json")
    assert again.returncode == 0, again.stderr
    for done in map(json.loads, (first.stdout, again.stdout)):
        assert done["quality"]["failed"] == 0
        assert done["tables"]["finished"] == done["tables"]["all"]
    assert json.loads(again.stdout)["tables"]["up_to_date"] > 60, "the restored tables are as they were built"
    audited = bojagi("audit", "verify")
    assert audited.returncode == 0, audited.stderr
    listed = json.loads(bojagi("backup", "list", "--json").stdout)
    assert {one["part"] for one in listed} == {"tables", "stores"}
