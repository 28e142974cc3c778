"""An installation moves from files into PostgreSQL by a setting, and a second machine joins it."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installation import database
from installation.data_secret import open_audiences
from installation.errors import SettingsError
from installation.installation import Installation
from installation.rights.database_row import DatabaseRows
from installation.settings import Settings, load_settings
from installation.store_file import AUDIENCE_FOLDER, FILES
from installation.store_import import import_files, join
from pipelines.cli.app import app
from privacy.audit import AuditEntry, AuditError
from privacy.consent.errors import ConsentError
from privacy.consent.state import State
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused, LedgerDamaged
from privacy.errors import PrivacyError
from privacy.protection.suppression import Suppressed
from privacy.rights.subject import Subject
from privacy.storage.document_store import FolderDocuments
from privacy.storage.secret_file import SecretError
from tests.privacy.consent.test_store import record
from tests.store_place import StorePlace

ACCOUNT = BudgetAccount("gold/order", "analytics")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def use(number: int = 0) -> AuditEntry:
    return AuditEntry(at=NOW, who="w", role="r", purpose="p", action="read", table="t", subjects=number)


def fill(installation: Installation) -> None:
    for number in range(3):
        installation.audit_log.append(use(number))
    installation.consent_store.append([record("s_1", State.REFUSED), record("s_2", State.GIVEN)])
    installation.consent_store.erase(["s_2"], [])
    installation.open_key_store().keys_of(["crm:1"])
    installation.suppression.add([Suppressed("value", "c_9")], "s_9")
    with installation.request_store.change():
        installation.request_store.reference_for(["c_1"])
    with closing(installation.open_ledger()) as ledger:
        ledger.set_limit(ACCOUNT, "ever", Cost(3), NOW)
        ledger.ask(ACCOUNT, "a", Cost(2), NOW)


@pytest.fixture
def shared(postgres_place: StorePlace, tmp_path: Path) -> Settings:
    assert postgres_place.server is not None
    url = postgres_place.server.conninfo
    return load_settings(data_dir=tmp_path / "one", secret_dir=tmp_path / "one_secret", database=url)


def in_files(settings: Settings) -> Settings:
    return settings.model_copy(update={"database": None})


def machine_two(settings: Settings) -> Settings:
    """Return the settings of a machine to which the secrets were copied, without anchors."""
    other = settings.secret_dir.with_name("two_secret")
    shutil.copytree(settings.secret_dir, other, ignore=shutil.ignore_patterns("*.anchor", "*.db", "*.lock"))
    return settings.model_copy(update={"data_dir": settings.data_dir.with_name("two"), "secret_dir": other})


def test_a_new_installation_keeps_all_stores_in_the_database(shared: Settings) -> None:
    with Installation(shared) as installation:
        fill(installation)
        assert installation.audit_log.verify() == []
        assert installation.has_consent_record
    assert not [one for one in FILES if one.of(shared).exists()]


def test_stores_move_from_files_into_the_database(shared: Settings) -> None:
    with Installation(in_files(shared)) as before:
        fill(before)
        key = before.open_key_store().keys_of(["crm:1"])
        reference = before.request_store.references_of(["c_1"])
    with Installation(shared) as unmoved:
        # An empty consent record would forget the refusal.
        with pytest.raises(ConsentError, match="bojagi database import"):
            _ = unmoved.consent_store
        with pytest.raises(PrivacyError, match="bojagi database import"):
            _ = unmoved.audit_log
        FolderDocuments(unmoved.settings.data_dir / AUDIENCE_FOLDER).write("history.json", b"[]")
        counts = import_files(unmoved)
        assert (counts["audit"], counts["consent"], counts["keys"], counts["ledger"]) == (3, 1, 2, 11)
        assert import_files(unmoved) == {}
    with Installation(shared) as moved:
        assert moved.audit_log.append(use()).number == 4
        assert moved.audit_log.verify() == []
        assert open_audiences(moved.settings, moved.server).read("history.json") == b"[]"
        with open_audiences(moved.settings, moved.server).alone():
            assert open_audiences(moved.settings, moved.server).names() == ["history.json"]
        assert [one.state for one in moved.consent_store.records_of(["s_1", "s_2"])] == [State.REFUSED]
        moved.consent_store.append([record("s_3", State.GIVEN)])
        assert moved.consent_store.sequence()[0] == 3, "the number of the erased record does not come back"
        assert moved.open_key_store().keys_of(["crm:1"]) == key
        assert moved.suppression.lists("value", "c_9")
        assert moved.request_store.references_of(["c_1"]) == reference
        with closing(moved.open_ledger()) as ledger, pytest.raises(BudgetRefused):
            ledger.ask(ACCOUNT, "b", Cost(2), NOW)


def test_a_second_machine_joins_and_both_use_the_same_stores(shared: Settings) -> None:
    with Installation(shared) as one:
        fill(one)
        settings = machine_two(shared)
        with Installation(settings) as other:
            with pytest.raises(AuditError, match="bojagi database join"):
                other.audit_log.append(use())
            with pytest.raises(LedgerDamaged, match="anchor is missing"):
                other.open_ledger()
            assert join(other)["audit"] == "entry 3"
        with Installation(settings) as other:
            assert other.audit_log.append(use()).number == 4
            assert one.audit_log.append(use()).number == 5
            assert one.audit_log.verify() == other.audit_log.verify() == []
            other.consent_store.append([record("s_7", State.REFUSED)])
            assert len(one.consent_store.records_of(["s_7"])) == 1
            assert one.open_key_store().keys_of(["crm:5"]) == other.open_key_store().keys_of(["crm:5"])
            other.suppression.add([Suppressed("value", "c_8")], "s_8")
            assert one.suppression.lists("value", "c_8")


def test_a_person_who_is_left_in_any_table_is_found(shared: Settings, postgres_place: StorePlace) -> None:
    subject = Subject("s_1", ("c_shopper0001",))
    with Installation(shared) as installation:
        fill(installation)
        rows = DatabaseRows(installation)
        assert rows.verify([subject]).is_clean
        assert len(rows.verify([subject]).checked) > 20
        installation.consent_store.assign("crm:token0001", "c_shopper0001", datetime(2026, 3, 1))
        assert rows.verify([subject]).residues == ("database, table bojagi.membership: customer id",)
        installation.consent_store.erase(["crm:token0001"], ["c_shopper0001"])
        assert rows.verify([subject]).is_clean
        postgres_place.change("", "INSERT INTO document VALUES ('releases', 'x', 'seen c_shopper0001'::bytea)")
        assert rows.verify([subject]).residues == ("database, table bojagi.document: customer id",)


def test_a_machine_without_the_secrets_does_not_join(shared: Settings, tmp_path: Path) -> None:
    with Installation(shared) as one:
        fill(one)
    stranger = shared.model_copy(update={"data_dir": tmp_path / "x", "secret_dir": tmp_path / "x_secret"})
    with Installation(stranger) as other:
        with pytest.raises(SettingsError, match=r"token\.key, audit\.key, rights\.key missing"):
            join(other)
        # And no key is made anew for a log that exists.
        with pytest.raises(AuditError, match=r"the log PostgreSQL .* exists"):
            _ = other.audit_log
        assert not (stranger.secret_dir / "audit.key").exists()


def test_a_key_is_made_by_one_machine_for_all(shared: Settings) -> None:
    with Installation(shared) as one:
        fill(one)
        settings = machine_two(shared)
        key = one.pseudonym_key  # made after the secrets were copied
    with Installation(settings) as other:
        with pytest.raises(SecretError, match=r"pseudonym\.key: the key is missing, and another machine"):
            _ = other.pseudonym_key
        with pytest.raises(SettingsError, match=r"pseudonym\.key missing"):
            join(other)
        (settings.secret_dir / "pseudonym.key").write_text(f"{'0' * 64}\n")
        (settings.secret_dir / "pseudonym.key").chmod(0o600)
        with pytest.raises(SecretError, match="not the key that the other machines"):
            _ = other.pseudonym_key
        shutil.copy(shared.secret_dir / "pseudonym.key", settings.secret_dir)
        assert other.pseudonym_key == key


def test_tables_of_another_version_are_refused_with_the_next_step(shared: Settings, postgres_place: StorePlace) -> None:
    for version, step in (("0000", "bojagi database upgrade"), ("9999", "newer version of Bojagi")):
        postgres_place.change("", f"UPDATE alembic_version SET version_num = '{version}'")
        try:
            with Installation(shared) as installation, pytest.raises(AuditError, match=step):
                _ = installation.audit_log
        finally:
            postgres_place.change("", f"UPDATE alembic_version SET version_num = '{database.HEAD}'")


def test_the_newest_migration_is_the_one_that_this_program_needs() -> None:
    versions = Path(database.__file__).parent / "migration" / "versions"
    assert max(path.name[1:5] for path in versions.glob("v*.py")) == database.HEAD


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://bojagi:s3cret@127.0.0.1:9/shop?connect_timeout=2"
    settings = load_settings(data_dir=tmp_path, database=url)
    with Installation(settings) as installation, pytest.raises(AuditError, match="does not answer") as refused:
        _ = installation.audit_log
    assert "s3cret" not in repr(refused.value) + repr(settings)
    with pytest.raises(SettingsError, match="not a URL"):
        _ = Installation(load_settings(data_dir=tmp_path, database="postgres//x")).server


def test_the_commands_show_the_database_and_join_it(shared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shared.database is not None
    monkeypatch.setenv("BOJAGI_DATABASE", shared.database.get_secret_value())
    monkeypatch.setenv("BOJAGI_SECRET_DIR", str(shared.secret_dir))
    run = CliRunner().invoke
    data = ["--data", str(shared.data_dir)]
    with Installation(shared) as installation:
        fill(installation)
    shown = run(app, ["database", "status", *data])
    assert shown.exit_code == 0, shown.output
    assert f"tables of version {database.HEAD}" in shown.output
    assert "joined" in run(app, ["database", "join", *data]).output
    assert run(app, ["audit", "verify", *data]).exit_code == 0
