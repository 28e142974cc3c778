"""The consent store in a real file and a real PostgreSQL: append-only, and blocks read like single rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from privacy.consent.errors import ConsentError, UnknownPurposeError
from privacy.consent.policy import built_in_policy
from privacy.consent.record import ConsentRecord, new_record_id
from privacy.consent.rows import DECISIVE
from privacy.consent.state import State
from privacy.consent.store import ConsentStore
from tests.store_place import StorePlace

POLICY = built_in_policy()
NOON = datetime(2026, 3, 1, 12)


def record(subject: str, state: State, at: datetime = NOON, **fields: object) -> ConsentRecord:
    return ConsentRecord.model_validate(
        {
            "record_id": new_record_id(),
            "subject_id": subject,
            "controller": "Shop",
            "purpose": "marketing",
            "notice_version": "2026.1",
            "notice_language": "ko",
            "jurisdiction": "KR",
            "method": "web_form",
            "state": state,
            "effective_at": at,
            "recorded_at": at,
            "age_years": 30,
            "evidence_hash": "0" * 64,
            "asked": "separately",
            **fields,
        }
    )


@pytest.fixture
def store(store_place: StorePlace) -> Iterator[ConsentStore]:
    opened = ConsentStore(store_place.of("consent.db"), POLICY.taxonomy)
    yield opened
    opened.close()


def test_a_stored_record_is_read_as_it_was_from_a_private_file(store: ConsentStore) -> None:
    given = record("s_1", State.GIVEN, data_categories=("pd:Purchase", "pd:Location"), recipients=("Mail Inc",))
    store.append([given])
    assert store.records_of(["s_1"]) == [given]
    if isinstance(store.path, Path):
        assert store.path.stat().st_mode & 0o777 == 0o600


def test_reading_in_blocks_gives_the_same_tables_as_reading_row_by_row(
    store: ConsentStore, store_place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.consent.store._BATCH", 4)
    store.append(
        record(f"s_{i}", State.GIVEN, NOON + timedelta(hours=i), age_years=None if i % 3 else i,
               data_categories=("pd:Purchase", "pd:Location") if i % 2 else (),
               expires_at=NOON + timedelta(days=9, microseconds=i) if i % 4 else None,
               controller="a\x1fb" if i == 9 else "Shop")
        for i in range(11)
    )  # fmt: skip
    # As an erasure may leave it.
    store_place.change("consent.db", "DELETE FROM record WHERE sequence BETWEEN 5 AND 8")
    everybody = [f"s_{i}" for i in range(11)]
    for up_to in (0, 3, 4, 7, 10, 11, 99):
        one_by_one = store.record_table(everybody, up_to)
        assert store.record_table(up_to=up_to) == one_by_one
        assert store.decisive_table(up_to) == one_by_one.select(DECISIVE)
    assert sorted(store.subjects().to_pylist()) == sorted(set(one_by_one["subject_id"].to_pylist()))


@pytest.mark.parametrize(
    "change", ["UPDATE record SET state = 'given'", "DELETE FROM record", "DELETE FROM membership"]
)
def test_another_program_cannot_change_or_delete_records_or_memberships(
    store: ConsentStore, store_place: StorePlace, change: str
) -> None:
    store.append([record("s_1", State.REFUSED)])
    store.assign("s_1", "c_1", NOON)
    with store_place.outside("consent.db") as run, pytest.raises(Exception, match="append-only"):
        run(change)


def test_one_known_or_invalid_record_refuses_the_whole_append(store: ConsentStore) -> None:
    given = record("s_1", State.GIVEN)
    store.append([given])
    with pytest.raises(ConsentError, match="stored once"):
        store.append([record("s_2", State.GIVEN), given])
    assert store.records_of(["s_2"]) == []
    with pytest.raises(UnknownPurposeError):
        store.append([record("s_2", State.GIVEN, purpose="curiosity")])


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "consent.db").write_text("hello" * 1000)
    with pytest.raises(ConsentError, match="cannot be opened"):
        ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)


def test_an_erasure_leaves_no_byte_and_no_gap_in_the_order(store: ConsentStore, store_place: StorePlace) -> None:
    store.append(record(f"s_{i}", State.GIVEN, note="secret note" if i == 1 else None) for i in range(3))
    store.assign_all([("s_1", "c_1", NOON), ("s_2", "c_1", NOON)])
    before = store.data_version()
    assert store.erase(["s_1"], ["c_1"]) == 1
    assert store.sequence() == (3, 2)
    assert store.customers_of(["s_1", "s_2"]) == {"s_2": None}
    store.append([record("s_4", State.GIVEN)])
    assert store.sequence()[0] == 4
    assert store.data_version() != before
    if store_place.is_shared:
        with store_place.outside("") as run:
            assert not [row for row in run("SELECT note FROM record") if row[0]]
    else:
        files = store_place.folder.glob("consent.db*")
        assert all(b"secret note" not in path.read_bytes() for path in files)


def test_the_newest_membership_decides_and_merged_customers_are_former(store: ConsentStore) -> None:
    later = NOON + timedelta(days=1)
    store.assign_all([("s_1", "c_1", NOON), ("s_2", "c_2", NOON), ("s_3", "c_3", NOON)])
    store.assign_all([("s_2", "c_9", later), ("s_2", "c_1", later), ("s_3", None, NOON)])
    assert store.customers_of(["s_1", "s_2", "s_3"]) == {"s_1": "c_1", "s_2": "c_1", "s_3": None}
    assert store.former_customers() == {"c_2", "c_3", "c_9"}
    assert store.former_customers(["c_1", "c_2"]) == {"c_2"}
    assert store.members_of("c_1") == ["s_1", "s_2"]
    assert store.members_of("c_2") == ["s_2"]
    assert [tuple(row.values()) for row in store.membership_table().to_pylist()] == [
        ("s_1", "c_1", NOON), ("s_2", "c_2", NOON), ("s_2", "c_1", later), ("s_3", None, NOON),
    ]  # fmt: skip
    assert store.changed_since((0, 3)) == {"s_2", "s_3", "c_1", "c_2", "c_3", "c_9"}


def test_what_another_process_stores_changes_the_version(store: ConsentStore, store_place: StorePlace) -> None:
    other = ConsentStore(store_place.of("consent.db"), POLICY.taxonomy)
    before = store.data_version()
    assert store.data_version() == before
    other.append([record("s_1", State.GIVEN)])
    assert store.data_version() != before
    assert not store.is_replaced()
    other.note_taken("a file", "state 1")
    other.note_taken("a file", "state 2")
    assert store.taken("a file") == "state 2"
    other.close()
