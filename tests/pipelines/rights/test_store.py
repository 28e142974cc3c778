"""Stores beside the tables: what each shows, restricts and erases, and that a forgotten trace is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from features.rights import OnlineFeatures
from features.store.lmdb_store import LmdbStore
from features.store.online_store import ValueKind, ViewSchema
from installation.contract.plain_name import read_plain_names
from installation.installation import Installation
from installation.rights.consent_records import ConsentRecords
from installation.rights.file_store import FileStore
from installation.rights.own_row import is_about_persons
from installation.settings import load_settings
from pipelines.orchestration.rights_registry import subject_stores
from pipelines.orchestration.run_history import RunHistory
from pipelines.rights.other_file import OtherFiles
from pipelines.rights.rectification import Corrections
from privacy.consent.record import ConsentRecord
from privacy.consent.store import ConsentStore
from privacy.protection.scan.needle import Needle
from privacy.rights.subject import Subject
from privacy.rights.subject_store import Correction, OutcomeKind, SubjectStore
from tests.pipelines.rights.family import HEADER, MOTHER, MOTHER_ROW, SON, land, load, open_family, subject_of

PERSON = Subject("s_1", (MOTHER,), (), (("member_no", "f" * 64),), (), (Needle("email", "mother@mail.example"),))


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(load_settings(data_dir=tmp_path)) as opened:
        yield opened


def record(subject: str, number: int) -> ConsentRecord:
    at = datetime(2020, 1, number)
    fields = {
        "record_id": f"r_{number}", "subject_id": subject, "controller": "Bojagi Mart", "purpose": "marketing",
        "notice_version": "1", "notice_language": "ko", "jurisdiction": "KR", "method": "web_form", "state": "given",
        "effective_at": at, "recorded_at": at, "evidence_hash": "0" * 64,
    }  # fmt: skip
    return ConsentRecord.model_validate(fields)


def with_consents(installation: Installation) -> ConsentRecords:
    installation.consent_store.append([record("f" * 64, 1), record("e" * 64, 2)])
    installation.consent_store.assign_all(
        [("f" * 64, MOTHER, datetime(2020, 1, 1)), ("e" * 64, SON, datetime(2020, 1, 1))]
    )
    return ConsentRecords(installation)


def test_the_consent_record_shows_and_erases_one_person_and_leaves_the_others(installation: Installation) -> None:
    store = with_consents(installation)
    (table,) = store.export(PERSON)
    assert [row["purpose"] for row in table.rows] == ["marketing"]
    assert store.verify([PERSON]).residues
    assert store.erase([PERSON]).counts == {"records_deleted": 1}
    assert store.verify([PERSON]).is_clean
    assert store.erase([PERSON]).counts == {"records_deleted": 0}
    assert [one.record_id for one in installation.consent_store.records_of(["e" * 64])] == ["r_2"]
    assert installation.consent_store.customers_of(["e" * 64]) == {"e" * 64: SON}
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        installation.consent_store._db.execute("DELETE FROM record")


def test_bytes_of_deleted_consents_that_stay_in_the_file_are_found(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = with_consents(installation)
    monkeypatch.setattr(ConsentStore, "erase", lambda *_: 0)
    store.erase([PERSON])
    assert not store.verify([PERSON]).is_clean


def test_a_restriction_stops_every_purpose_that_yields_to_it_until_it_is_lifted(installation: Installation) -> None:
    store, at = with_consents(installation), installation.decision_moment()
    service = installation.consent_service()
    assert service.verdicts(MOTHER, at)["service_delivery"]
    assert store.restrict(PERSON, True).counts == {"records_added": 1}
    assert store.restrict(PERSON, True).counts == {"records_added": 0}
    after = installation.decision_moment()
    assert [name for name, is_permitted in service.verdicts(MOTHER, after).items() if is_permitted] == ["legal_records"]
    store.restrict(PERSON, False)
    assert service.verdicts(MOTHER, installation.decision_moment())["service_delivery"]


def test_online_features_of_a_person_leave_no_byte_in_the_files(installation: Installation) -> None:
    schema = ViewSchema("profile", (("top", ValueKind.STRING),))
    online = LmdbStore(installation.settings.online_dir, installation.settings.feature_project, verify=False)
    online.write(schema, [MOTHER, SON], [1, 1], [["mother@mail.example"], ["b"]])
    store = OnlineFeatures(installation)
    (table,) = store.export(PERSON)
    assert table.rows[0] | {"valid_from": None} == {
        "feature": "profile.top", "value": "mother@mail.example", "valid_from": None,
    }  # fmt: skip
    online.delete([MOTHER])
    assert store.verify([PERSON]).residues, "deleting without rewriting leaves the bytes"
    assert store.erase([PERSON]).kind is OutcomeKind.DONE
    assert store.verify([PERSON]).is_clean
    assert store.find(Subject("s_2", (SON,)))


def test_a_report_with_an_example_of_a_person_is_deleted_and_an_audit_log_is_reported(
    installation: Installation,
) -> None:
    settings = installation.settings
    page = settings.quality_site_dir / "gold.customer.html"
    page.parent.mkdir(parents=True)
    page.write_text("<td>MOTHER%40mail.example</td>", "utf-8")
    reports = FileStore(settings, "reports", ("quality/**",), "no person", is_derived=True)
    kept = FileStore(settings, "kept", ("quality/**",), "no person")
    assert kept.erase([PERSON]).kind is OutcomeKind.NOT_APPLICABLE
    assert kept.verify([PERSON]).residues == reports.verify([PERSON]).residues != ()
    assert reports.erase([PERSON]).counts == {"files_deleted": 1, "files_searched": 1}
    assert reports.verify([PERSON]).is_clean
    assert reports.verify([Subject("s_3")]).unverifiable


def test_a_run_that_names_a_person_is_deleted_from_dagsters_storage(installation: Installation) -> None:
    import dagster as dg

    from pipelines.orchestration.instance import open_instance

    with open_instance(installation.settings) as instance:
        named = instance.create_run_for_job(dg.JobDefinition(name="j", graph_def=dg.GraphDefinition(name="g")))
        other = instance.create_run_for_job(dg.JobDefinition(name="k", graph_def=dg.GraphDefinition(name="g")))
        instance.add_run_tags(named.run_id, {"customer": MOTHER})
    store = RunHistory(installation.settings)
    assert store.verify([PERSON]).residues
    assert store.erase([PERSON]).counts["runs_deleted"] == 1
    assert store.verify([PERSON]).is_clean
    with open_instance(installation.settings) as instance:
        assert [run.run_id for run in instance.get_runs()] == [other.run_id]


def test_a_file_without_a_store_keeps_an_erasure_open(installation: Installation) -> None:
    settings = installation.settings
    (settings.data_dir / "export").mkdir()
    (settings.data_dir / "export" / "customers.csv").write_text("name\n")
    (settings.data_dir / "manifest.json").write_text("{}")
    files = subject_stores(installation)[-1]
    assert isinstance(files, OtherFiles)
    assert files.unowned() == ["export/customers.csv"]
    assert [one.partition(":")[0] for one in files.verify([PERSON]).unverifiable] == ["export/customers.csv"]


def test_every_registered_store_has_a_name_of_its_own_and_follows_the_protocol(installation: Installation) -> None:
    stores = subject_stores(installation)
    assert len({store.name for store in stores}) == len(stores) > 12
    assert all(isinstance(store, SubjectStore) for store in stores)


def test_every_column_about_persons_has_a_korean_name(installation: Installation) -> None:
    names = read_plain_names(installation.settings.contract_dirs)
    contracts = [contract for contract in installation.contracts.values() if is_about_persons(contract)]
    assert len(contracts) > 40
    for contract in contracts:
        assert not names.table(contract).ko.isascii(), contract.table
        assert not names.kept(contract).ko.isascii(), contract.table
        assert not names.source(contract).ko.isascii(), contract.table
        assert [c.name for c in contract.columns if names.column(contract, c.name).ko.isascii()] == []
    for purpose in installation.policy.purposes:
        assert not names.purpose(purpose).ko.isascii()


def test_a_correction_survives_a_reload_and_a_newer_value_passes(tmp_path: Path) -> None:
    with open_family(tmp_path) as family:
        store, person = Corrections(family), subject_of(family, MOTHER)
        assert store.rectify(person, Correction("crm_customer", "sido", "부산광역시")).counts["rows_corrected"] == 1
        assert store.rectify(person, Correction("crm_customer", "sido", "부산광역시")).counts["rows_corrected"] == 0
        same_wrong_value = MOTHER_ROW.replace("정상", "휴면")
        moved = MOTHER_ROW.replace("경기도,", "강원도,").replace("08:46:59", "09:46:59")
        land(
            family,
            "crm_customer",
            "crm_customer-001.csv",
            f"\ufeff{HEADER}\n{MOTHER_ROW}\n{same_wrong_value}\n{moved}\n",
        )
        assert load(family, "crm_customer") == 2
        rows = family.lakehouse.select(
            "bronze/crm_customer", "sido, status", "_source_file LIKE '%001.csv'"
        ).to_pylist()
        assert [(row["sido"], row["status"]) for row in rows] == [("부산광역시", "휴면"), ("강원도", "정상")]
        (table,) = store.export(person)
        assert table.rows[0]["value"] == "부산광역시"
        assert store.erase([person]).counts == {"corrections_deleted": 1}
        assert store.verify([person]).is_clean


@pytest.mark.parametrize(
    ("source", "column", "value", "why"),
    [
        ("crm_customer", "sex", "X", "breaks the contract"),
        ("crm_customer", "joined_on", "yesterday", "breaks the contract"),
        ("crm_customer", "name", None, "breaks the contract"),
        ("crm_customer", "member_no", "M000000009", "names the record itself"),
        ("crm_customer", "nickname", "x", "has no field"),
        ("cj_transactions", "quantity", "2", "many rows"),
    ],
)
def test_a_correction_that_the_contract_forbids_is_refused(
    source: str, column: str, value: str | None, why: str, installation: Installation
) -> None:
    outcome = Corrections(installation).rectify(PERSON, Correction(source, column, value))
    assert (outcome.kind, why in outcome.reason) == (OutcomeKind.FAILED, True), outcome.reason


def test_a_corrected_value_is_in_no_file_in_clear(tmp_path: Path) -> None:
    with open_family(tmp_path) as family:
        store, person = Corrections(family), subject_of(family, MOTHER)
        store.rectify(person, Correction("crm_customer", "email", "corrected@mail.example"))
        with closing(sqlite3.connect(family.settings.data_dir / "correction" / "correction.db")) as database:
            assert database.execute("SELECT count(*) FROM correction").fetchone() == (1,)
        planted = FileStore(family.settings, "all", ("correction/**", "lakehouse/**", "audit/**"), "test")
        needle = Subject("s_9", needles=(Needle("email", "corrected@mail.example"),))
        assert planted.verify([needle]).is_clean
