"""The store of visitors on both engines, and the rights of the persons in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from agent_serving.collector.visitor_store import FILE, SECRET_FILE, VisitorStore, WaitingEvent
from agent_serving.collector.visitor_subject_store import VisitorSubjectStore
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.orchestration.rights_registry import subject_stores
from privacy.consent.signal.decision import DeviceAnswer
from privacy.consent.signal.reading import Answer
from privacy.rights.subject import Subject
from privacy.rights.subject_store import Correction, OutcomeKind, SubjectStore
from tests.store_place import StorePlace

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SOURCE, KEY = "source.tracked_event", bytes(range(32))
GIVEN = DeviceAnswer(Answer.GIVEN, NOW)
KIM, LEE = f"kim-token-{7:054d}", f"lee-token-{8:054d}"
OWN, SHARED = f"own-device-{1:053d}", f"shared-device-{2:050d}"


def fill(store: VisitorStore) -> None:
    """Two persons: a device of Kim's, one of both, and events that wait for each of them and for the shared device."""
    with store.changing():
        for device in (OWN, SHARED):
            store.set_answer(device, "analytics", GIVEN)
            store.identify(device, KIM, NOW)
        store.identify(SHARED, LEE, NOW)
        waiting: tuple[tuple[str | None, str | None], ...] = ((OWN, None), (SHARED, None), (SHARED, KIM), (None, LEE))
        for number, (name, person) in enumerate(waiting):
            line = b'{"page": "%d"}' % number
            event = WaitingEvent(store.digest(SOURCE, line), name, person)
            store.wait(SOURCE, event, line, NOW + timedelta(seconds=number), NOW + timedelta(days=3))


@pytest.fixture
def store(store_place: StorePlace) -> Iterator[VisitorStore]:
    with closing(VisitorStore(store_place.of("visitor.db"), KEY)) as opened:
        fill(opened)
        yield opened


def test_what_is_stored_is_found_by_device_and_by_person(store: VisitorStore) -> None:
    found = store.load(SOURCE, {OWN, LEE}, NOW - timedelta(days=1), NOW)
    assert found.answers == {(OWN, "analytics"): GIVEN}
    assert found.persons == {OWN: {KIM}}
    assert [len(found.waiting[name]) for name in (OWN, LEE)] == [1, 1]
    (event,) = found.waiting[LEE].values()
    assert store.line(event.digest) == b'{"page": "3"}'
    assert store.decidable(SOURCE, "analytics") == sorted((KIM, LEE, OWN, SHARED))
    assert store.decidable("source.other", "analytics") == []


def test_events_that_nothing_but_their_visitor_decides_are_not_judged_again(store: VisitorStore) -> None:
    with store.changing():
        event = WaitingEvent(store.digest(SOURCE, b"{}"), "d-9", None)
        store.wait(SOURCE, event, b"{}", NOW, NOW + timedelta(days=3))
    assert "d-9" not in store.decidable(SOURCE, "analytics")
    with store.changing():
        store.set_answer("d-9", "marketing", GIVEN)
        assert "d-9" not in store.decidable(SOURCE, "analytics")
        store.set_answer("d-9", "analytics", GIVEN)
    assert "d-9" in store.decidable(SOURCE, "analytics")


def test_a_waiting_event_is_loaded_with_what_its_device_has_said(store: VisitorStore) -> None:
    assert (SHARED, "analytics") in store.load(SOURCE, {KIM}, NOW, NOW).answers


def test_old_answers_and_expired_events_do_not_count_and_are_deleted(store: VisitorStore) -> None:
    later = NOW + timedelta(days=3)
    found = store.load(SOURCE, {OWN}, NOW + timedelta(seconds=1), later)
    assert (found.answers, dict(found.waiting)) == ({}, {})
    assert store.expire(SOURCE, later) == 4
    assert store.count({OWN})["visitor_answer"] == 1
    store.expire(SOURCE, NOW + timedelta(days=731))
    assert set(store.count({OWN, SHARED}).values()) == {0}


def test_a_change_is_taken_back_when_the_block_fails(store: VisitorStore) -> None:
    def change_and_fail() -> None:
        with store.changing():
            store.set_answer("d-9", "analytics", GIVEN)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert store.count({"d-9"})["visitor_answer"] == 0


def test_a_content_that_belongs_to_another_event_is_refused(store_place: StorePlace, store: VisitorStore) -> None:
    first, second = (store.digest(SOURCE, b'{"page": "%d"}' % number) for number in (0, 1))
    store._db.execute(
        "UPDATE waiting_event SET content = (SELECT content FROM waiting_event WHERE digest = ?) WHERE digest = ?",
        (first, second),
    )
    with pytest.raises(InvalidTag):
        store.line(second)


@pytest.fixture
def rights(tmp_path: Path) -> Iterator[VisitorSubjectStore]:
    with Installation(load_settings(data_dir=tmp_path / "data", secret_dir=tmp_path / "secret")) as installation:
        yield VisitorSubjectStore(installation)


def opened(rights: VisitorSubjectStore) -> VisitorStore:
    settings = rights.installation.settings
    return VisitorStore(settings.data_dir / FILE, rights.installation.open_key(SECRET_FILE))


KIM_SUBJECT = Subject("s_1", tokens=(("member_no", KIM),), shared_tokens=(("device_id", SHARED),))


def test_a_person_sees_and_erases_the_own_rows_and_nobody_elses(rights: VisitorSubjectStore) -> None:
    assert isinstance(rights, SubjectStore)
    assert (rights.find(KIM_SUBJECT), rights.verify([KIM_SUBJECT]).is_clean) == ((), True)
    with closing(opened(rights)) as store:
        fill(store)
    assert {one.part: one.rows for one in rights.find(KIM_SUBJECT)} == {
        "collector/visitor_answer": 1, "collector/visitor_person": 2, "collector/waiting_event": 2,
    }  # fmt: skip
    (table,) = rights.export(KIM_SUBJECT)
    assert [row["event"] for row in table.rows] == ['{"page": "0"}', '{"page": "2"}']
    assert not rights.verify([KIM_SUBJECT]).is_clean
    assert rights.erase([KIM_SUBJECT]).kind is OutcomeKind.DONE
    assert rights.verify([KIM_SUBJECT]).is_clean
    with closing(opened(rights)) as store:
        left = store.load(SOURCE, {SHARED, LEE}, NOW, NOW)
    assert left.persons[SHARED] == {LEE}
    assert (len(left.waiting[SHARED]), len(left.waiting[LEE])) == (1, 1)
    content = (rights.installation.settings.data_dir / FILE).read_bytes()
    assert KIM.encode() not in content
    assert OWN.encode() not in content
    assert rights.erase([KIM_SUBJECT]).counts == {"rows": 0}


def test_the_other_rights_are_those_of_the_consent_record(rights: VisitorSubjectStore) -> None:
    assert rights.restrict(KIM_SUBJECT, True).kind is OutcomeKind.NOT_APPLICABLE
    assert rights.rectify(KIM_SUBJECT, Correction("a", "b", "c")).kind is OutcomeKind.NOT_APPLICABLE


def test_the_store_is_registered_for_rights(rights: VisitorSubjectStore) -> None:
    assert rights.name in {store.name for store in subject_stores(rights.installation)}
