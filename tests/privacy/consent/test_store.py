"""The consent store on a real file: it is append-only, and reading in blocks equals reading row by row."""

from __future__ import annotations

import sqlite3
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
def store(tmp_path: Path) -> Iterator[ConsentStore]:
    opened = ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)
    yield opened
    opened.close()


def test_a_stored_record_is_read_as_it_was_from_a_private_file(store: ConsentStore) -> None:
    given = record("s_1", State.GIVEN, data_categories=("pd:Purchase", "pd:Location"), recipients=("Mail Inc",))
    store.append([given])
    assert store.records_of(["s_1"]) == [given]
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_reading_in_blocks_gives_the_same_tables_as_reading_row_by_row(
    store: ConsentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.consent.store._BATCH", 4)
    store.append(
        record(f"s_{i}", State.GIVEN, NOON + timedelta(hours=i), age_years=None if i % 3 else i,
               data_categories=("pd:Purchase", "pd:Location") if i % 2 else (),
               expires_at=NOON + timedelta(days=9, microseconds=i) if i % 4 else None,
               controller="a\x1fb" if i == 9 else "Shop")
        for i in range(11)
    )  # fmt: skip
    with sqlite3.connect(store.path) as other:  # as an erasure may leave it
        other.executescript("DROP TRIGGER record_DELETE; DELETE FROM record WHERE sequence BETWEEN 5 AND 8")
    other.close()
    everybody = [f"s_{i}" for i in range(11)]
    for up_to in (0, 3, 4, 7, 10, 11, 99):
        one_by_one = store.record_table(everybody, up_to)
        assert store.record_table(up_to=up_to) == one_by_one
        assert store.decisive_table(up_to) == one_by_one.select(DECISIVE)
    assert sorted(store.subjects().to_pylist()) == sorted(set(one_by_one["subject_id"].to_pylist()))


@pytest.mark.parametrize(
    "change", ["UPDATE record SET state = 'given'", "DELETE FROM record", "DELETE FROM membership"]
)
def test_another_program_cannot_change_or_delete_records_or_memberships(store: ConsentStore, change: str) -> None:
    store.append([record("s_1", State.REFUSED)])
    store.assign("s_1", "c_1", NOON)
    with sqlite3.connect(store.path) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(change)
    other.close()


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
