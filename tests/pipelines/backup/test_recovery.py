"""After a total loss everything is back; erased persons are not; and without secrets nothing new is made."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from installation.backup import creation
from installation.backup.creation import make_backup, open_vaults
from installation.backup.place import BackupError
from installation.backup.restoration import AliveError, RestorePlan
from installation.backup.secrets_choice import Secrets
from installation.backup.vault import Part, Vault
from installation.backup.verification import check_installation
from installation.errors import SettingsError
from installation.installation import Installation
from installation.rights.data_keys import DataKeys
from pipelines.backup.recovery import recover, verify_backup
from pipelines.erasure.backup_store import BackupStore
from pipelines.erasure.delta_history import find_tables
from pipelines.erasure.lakehouse_store import LakehouseStore
from pipelines.erasure.landing_store import LandingStore
from pipelines.erasure.legal_record import kept_columns
from pipelines.erasure.subject_lookup import find_subject
from privacy.audit import AuditEntry
from privacy.consent.record import ConsentRecord
from privacy.errors import PrivacyError
from privacy.protection.data_key import KEY_ID_BYTES
from privacy.rights.subject import Subject
from privacy.rights.subject_store import OutcomeKind
from tests.pipelines.backup.conftest import lose, reopened
from tests.pipelines.erasure.small_market import HANEUL, build, load

TECHNICAL = ("_loaded_at", "_load_id")


def rows_of(market: Installation, *, has_legal_fields: bool = True) -> dict[str, list[str]]:
    """Every row of every table, without the technical columns, in a fixed order.

    `has_legal_fields`: False leaves out the encrypted fields that the law keeps.
    """
    sources = () if has_legal_fields else market.contracts.sources
    left_out = {one.table: kept_columns(one) for one in sources}
    root = market.lakehouse.root
    tables = {location.removeprefix(f"{root}/") for location in find_tables(root, market.settings.storage_options)} - {
        "_bojagi/claim"
    }
    return {
        name: sorted(
            repr({k: v for k, v in row.items() if k not in (*TECHNICAL, *left_out.get(name, ()))})
            for row in market.lakehouse.rows(name).to_pylist()
        )
        for name in tables
    }


def entry(who: str = "tester") -> AuditEntry:
    at = datetime(2017, 6, 1).astimezone()
    return AuditEntry(at=at, who=who, role="analyst", purpose="analytics", action="read", table="gold/customer_360")


def consent(record_id: str) -> ConsentRecord:
    return ConsentRecord(
        record_id=record_id, subject_id=HANEUL, controller="Bojagi Mart", purpose="analytics", notice_version="1",
        notice_language="ko", jurisdiction="KR", method="web_form", state="given", effective_at=datetime(2017, 1, 1),
        recorded_at=datetime(2017, 1, 1), age_years=37, evidence_hash="0" * 64, asked="separately",
    )  # fmt: skip


def use(market: Installation) -> None:
    """Write to the stores that a market in use has."""
    market.audit_log.append(entry())
    market.consent_store.append([consent("r1")])
    assert market.pseudonym_key
    assert market.release_registry()


def erase(market: Installation) -> Subject:
    subject = find_subject(market, HANEUL)
    stores = (LakehouseStore(market), LandingStore(market), DataKeys(market), BackupStore(market))
    stores[0].suppress([subject])
    for store in stores:
        assert store.erase([subject]).kind is OutcomeKind.DONE
    return subject


def changed_rows(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, int]:
    """The number of rows of each table that were not so before."""
    counts = {table: len([row for row in rows if row not in before[table]]) for table, rows in after.items()}
    return {table: count for table, count in counts.items() if count}


def failed(checks: object) -> list[str]:
    return [check.name for check in checks if not check.holds]  # type: ignore[attr-defined]


def test_a_total_loss_is_undone(market: Installation) -> None:
    use(market)
    before = rows_of(market)
    make_backup(market)
    lose(market)
    recovery = recover(market.settings, RestorePlan())
    assert failed(recovery.checks) == []
    assert recovery.is_whole
    with reopened(market) as restored:
        assert rows_of(restored) == before
        assert restored.audit_log.verify() == []
        assert [one.action for _, one in restored.audit_log.entries()][-1] == "restore"
        assert restored.consent_store.has("r1")
        assert restored.open_key_store().status().data_keys > 0
        assert load(restored) == 0, "the landed files count as loaded, as before the loss"


def test_only_changes_are_written_again(market: Installation) -> None:
    use(market)
    first = make_backup(market)
    assert first.new_chunks > 20
    assert make_backup(market).new_chunks == 0
    market.audit_log.append(entry())
    report = make_backup(market)
    assert 0 < report.new_chunks <= 5
    assert report.removed > 0, "the former secrets are deleted"


def test_an_erasure_reaches_landed_files_and_keys_in_the_backups(
    market: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_backup(market)
    subject = find_subject(market, HANEUL)
    assert BackupStore(market).verify([subject]).residues == (), (
        "the landed files are as in use: their store finds them"
    )

    # The negative control: without the deletion of former landed files the identifiers are found.
    with monkeypatch.context() as kept:
        kept.setattr(Vault, "prune", lambda *_: 0)
        erase(market)
        assert BackupStore(market).verify([subject]).residues
        secrets = open_vaults(market.settings).secrets
        assert len(secrets.ids(Part.SECRETS)) == 2

    outcome = BackupStore(market).erase([subject])
    assert any("until 2017-07-01" in sentence for sentence in outcome.remaining)
    found = BackupStore(market).verify([subject])
    assert found.residues == ()
    assert found.unverifiable == ()
    assert len(open_vaults(market.settings).secrets.ids(Part.SECRETS)) == 1


def test_a_place_that_cannot_be_written_keeps_an_erasure_open(market: Installation) -> None:
    make_backup(market)
    shutil.rmtree(Path(market.settings.backup.secrets_place))  # type: ignore[union-attr]
    Path(market.settings.backup.secrets_place).write_text("no folder")  # type: ignore[union-attr]
    with pytest.raises(BackupError):
        BackupStore(market).erase([find_subject(market, HANEUL)])


USES: dict[str, Callable[[Installation], object]] = {
    "audit log": lambda one: one.audit_log,
    "matching keys": lambda one: one.tokenizer,
    "data keys": lambda one: one.open_key_store(),
    "erased persons": lambda one: one.open_suppression(),
    "pseudonyms": lambda one: one.pseudonym_key,
    "releases": lambda one: one.release_registry(),
    "a load": load,
    "a table": build,
}


def is_refused(act: Callable[[Installation], object], installation: Installation) -> bool:
    try:
        act(installation)
    except PrivacyError:
        return True
    return False


def test_without_the_secrets_nothing_makes_new_ones(market: Installation) -> None:
    use(market)
    assert market.suppression is not None
    make_backup(market)
    lose(market)
    recovery = recover(market.settings, RestorePlan(secrets=Secrets.KEEP))
    assert recovery.checks == ()
    assert not recovery.is_whole
    for name, act in USES.items():
        with reopened(market) as restored:
            assert is_refused(act, restored), f"{name} works without the secrets"
    made = [path.name for path in market.settings.secret_dir.rglob("*") if not path.name.endswith(".lock")]
    assert made == []

    # The negative control: an installation that is new makes them.
    with Installation(market.settings.model_copy(update={"data_dir": market.settings.data_dir / "new"})) as new:
        USES["matching keys"](new)


def test_a_living_installation_is_never_overwritten(market: Installation) -> None:
    make_backup(market)
    market.audit_log.append(entry("later"))
    market.close()
    with pytest.raises(AliveError, match="holds an installation already"):
        recover(market.settings, RestorePlan())
    with reopened(market) as same:
        assert [one.who for _, one in same.audit_log.entries()] == ["later"]
    recovery = recover(market.settings, RestorePlan(moves_aside=True))
    assert recovery.is_whole
    names = {folder.name.split(".before-restore-")[0] for folder in recovery.report.moved}
    assert names == {"data", "secret"}
    former = market.settings.model_copy(
        update=dict(zip(("data_dir", "secret_dir"), sorted(recovery.report.moved), strict=True))
    )
    with Installation(former) as old:
        assert [one.who for _, one in old.audit_log.entries()] == ["later"]


def test_secrets_that_survived_show_what_was_lost(market: Installation) -> None:
    use(market)
    make_backup(market)
    market.audit_log.append(entry("lost"))
    market.close()
    shutil.rmtree(market.settings.data_dir)
    recovery = recover(market.settings, RestorePlan(secrets=Secrets.KEEP))
    assert failed(recovery.checks) == ["restore is logged", "audit log"]
    with reopened(market) as restored, pytest.raises(PrivacyError):
        restored.audit_log.append(entry())
    shutil.rmtree(market.settings.data_dir)
    assert recover(market.settings, RestorePlan(secrets=Secrets.ACCEPT_LOSS)).is_whole
    with reopened(market) as restored:
        restored.audit_log.append(entry())


def test_a_backup_is_consistent_while_the_installation_is_in_use(
    market: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(market)
    compact = creation._compact

    def while_in_use(path: Path, copy: Path) -> Path:
        """Write to every store just before one of them is copied."""
        market.audit_log.append(entry())
        market.protection.cipher.store.keys_of([f"person {path.name}"])
        market.lakehouse.append_rows("gold/customer_demographic", market.lakehouse.rows("gold/customer_demographic"))
        return compact(path, copy)

    monkeypatch.setattr(creation, "_compact", while_in_use)
    make_backup(market)
    assert failed(verify_backup(market).checks) == []

    # The negative control: anchors that are copied after their stores are ahead of them.
    monkeypatch.setattr(creation, "_is_anchor", lambda _: False)
    make_backup(market)
    assert "audit log" in failed(verify_backup(market).checks)


def test_a_table_whose_files_go_while_they_are_copied_is_copied_anew(
    market: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, listed = "gold/customer_demographic", creation.table_files
    rows = market.lakehouse.rows(table)

    def replaced(*arguments: object) -> object:
        found = listed(*arguments)  # type: ignore[arg-type]
        if table in arguments[1]:  # type: ignore[operator]
            monkeypatch.setattr(creation, "table_files", listed)
            market.lakehouse.overwrite_rows(table, rows.slice(0, 1))
            market.lakehouse.vacuum(table, retention_hours=0)
        return found

    monkeypatch.setattr(creation, "table_files", replaced)
    make_backup(market)
    lose(market)
    assert recover(market.settings, RestorePlan()).is_whole
    with reopened(market) as restored:
        assert restored.lakehouse.rows(table).num_rows == 1


def test_a_scheduled_restore_finds_a_damaged_backup(market: Installation) -> None:
    use(market)
    make_backup(market)
    recovery = verify_backup(market)
    assert recovery.is_whole
    assert len(recovery.checks) == 10
    folder = market.settings.data_dir
    assert not folder.with_name(f".{folder.name}.backup-check").exists()
    place = Path(market.settings.backup.place)  # type: ignore[union-attr]
    chunk = max((path for path in (place / "chunk").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = chunk.read_bytes()
    chunk.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BackupError, match="changed or damaged"):
        verify_backup(market)
    chunk.unlink()
    with pytest.raises(BackupError, match="cannot be read"):
        verify_backup(market)


def test_lost_data_keys_are_found(market: Installation) -> None:
    make_backup(market)
    manifest = open_vaults(market.settings).data.newest(Part.TABLES)
    assert manifest is not None
    receiver = market.lakehouse.rows("bronze/delivery")["receiver_name"][0].as_py()
    with closing(sqlite3.connect(market.settings.secret_dir / "keys.db", isolation_level=None)) as database:
        database.execute("DELETE FROM data_key WHERE key_id = ?", (receiver[1 : 1 + KEY_ID_BYTES],))
        assert database.execute("SELECT changes()").fetchone() == (1,)
    assert "encrypted values" in failed(check_installation(market, manifest))


def test_old_backups_are_deleted_after_their_days(market: Installation) -> None:
    first = make_backup(market)
    market.lakehouse.overwrite_rows(
        "gold/customer_demographic", market.lakehouse.rows("gold/customer_demographic").slice(0, 1)
    )
    second = make_backup(market)
    vault = open_vaults(market.settings).data
    assert vault.ids(Part.TABLES) == [first.id, second.id]
    market.clock.now += timedelta(days=31)  # type: ignore[attr-defined]
    make_backup(market, has_tables=False)
    assert vault.ids(Part.TABLES) == [second.id], "the newest is kept, however old it is"
    assert len(vault.ids(Part.STORES)) == 1


def test_a_place_within_the_data_is_refused(market: Installation) -> None:
    backup = market.settings.backup
    assert backup is not None
    for changes in (
        {"place": str(market.settings.data_dir / "backups")},
        {"key_file": market.settings.secret_dir / "k"},
    ):
        settings = market.settings.model_copy(update={"backup": backup.model_copy(update=changes)})
        with Installation(settings, market.clock) as one, pytest.raises(SettingsError, match="lies in a folder"):
            make_backup(one)
    with pytest.raises(ValueError, match="different access rights"):
        type(backup)(**backup.model_dump() | {"secrets_place": f"{backup.place}/secrets"})


def test_a_lost_backup_key_is_never_made_anew(market: Installation) -> None:
    with pytest.raises(SettingsError, match=r"hold no backup. Run `bojagi backup`"):
        open_vaults(market.settings)
    make_backup(market)
    assert market.settings.backup is not None
    market.settings.backup.key_file.unlink()
    with pytest.raises(SettingsError, match="is missing"):
        make_backup(market)
    assert not market.settings.backup.key_file.exists()
