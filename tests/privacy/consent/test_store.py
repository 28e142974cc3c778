"""The store on a real file: append-only, bitemporal, seen by other processes; and the gate that keeps up."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from privacy.consent.errors import ConsentError, UnknownPurposeError
from privacy.consent.live_decision import LiveDecisions
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
            **fields,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConsentStore]:
    opened = ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)
    yield opened
    opened.close()


def test_records_come_back_as_they_were(store: ConsentStore) -> None:
    given = record("s_1", State.GIVEN, data_categories=("pd:Purchase", "pd:Location"), recipients=("Mail Inc",))
    store.append([given])
    assert store.records_of(["s_1"]) == [given]
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_what_decides_is_read_at_once_as_it_is_read_one_by_one(
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
    for up_to in (0, 3, 4, 7, 10, 11, 99):
        assert store.decisive_table(up_to) == store.record_table(up_to=up_to).select(DECISIVE)


@pytest.mark.parametrize(
    "change", ["UPDATE record SET state = 'given'", "DELETE FROM record", "DELETE FROM membership"]
)
def test_nothing_stored_can_be_changed(store: ConsentStore, change: str) -> None:
    store.append([record("s_1", State.REFUSED)])
    store.assign("s_1", "c_1", NOON)
    with sqlite3.connect(store.path) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(change)
    other.close()


def test_all_or_none_is_stored(store: ConsentStore) -> None:
    given = record("s_1", State.GIVEN)
    store.append([given])
    with pytest.raises(ConsentError, match="stored once"):
        store.append([record("s_2", State.GIVEN), given])
    assert store.records_of(["s_2"]) == []
    with pytest.raises(UnknownPurposeError):
        store.append([record("s_2", State.GIVEN, purpose="curiosity")])


def test_a_withdrawal_counts_at_the_next_question(store: ConsentStore) -> None:
    store.append([record("s_1", State.GIVEN)])
    gate = LiveDecisions(store, POLICY, "Shop")
    later = NOON + timedelta(hours=1)
    assert gate.is_permitted("s_1", "marketing", later)
    gate.append([record("s_1", State.WITHDRAWN, NOON + timedelta(minutes=1))])
    assert not gate.is_permitted("s_1", "marketing", later)
    assert gate.is_permitted("s_1", "marketing", NOON)


def test_a_withdrawal_by_another_process_counts_well_under_a_second(store: ConsentStore) -> None:
    store.append([record("s_1", State.GIVEN)])
    gate = LiveDecisions(store, POLICY, "Shop")
    assert gate.is_permitted("s_1", "marketing", NOON)
    withdrawn = record("s_1", State.WITHDRAWN).model_dump_json()
    code = (
        "import sys, pathlib; from privacy.consent.store import ConsentStore as S; "
        "from privacy.consent.record import ConsentRecord as R; "
        "from privacy.consent.policy import built_in_policy as p; "
        "S(pathlib.Path(sys.argv[1]), p().taxonomy).append([R.model_validate_json(sys.argv[2])])"
    )
    subprocess.run([sys.executable, "-c", code, str(store.path), withdrawn], check=True)
    told = time.monotonic()
    while gate.is_permitted("s_1", "marketing", NOON):
        assert time.monotonic() - told < 1
    assert not gate.is_permitted("s_1", "marketing", NOON)


def test_a_merge_takes_the_most_restrictive_and_a_split_frees_again(store: ConsentStore) -> None:
    store.append([record("s_1", State.GIVEN), record("s_2", State.REFUSED)])
    gate = LiveDecisions(store, POLICY, "Shop")
    hours = [NOON + timedelta(hours=h) for h in range(4)]
    store.assign("s_1", "c_1", hours[0])
    store.assign("s_2", "c_1", hours[1])
    store.assign("s_2", "c_2", hours[2])
    gate.rebuild()
    assert [gate.is_permitted("c_1", "marketing", at) for at in hours] == [True, False, True, True]
    assert not gate.is_permitted("c_2", "marketing", hours[3])


def test_news_of_a_merge_reaches_the_gate(store: ConsentStore) -> None:
    store.append([record("c_1", State.GIVEN)])
    gate = LiveDecisions(store, POLICY, "Shop")
    other = ConsentStore(store.path, POLICY.taxonomy)
    other.assign("c_1", "c_2", NOON + timedelta(hours=1))
    other.append([record("c_2", State.REFUSED)])
    other.close()
    time.sleep(0.06)
    assert not gate.is_permitted("c_1", "marketing", NOON + timedelta(hours=2))
    assert not gate.is_permitted("c_2", "marketing", NOON + timedelta(hours=2))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "consent.db").write_text("hello" * 1000)
    with pytest.raises(ConsentError, match="cannot be opened"):
        ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)
