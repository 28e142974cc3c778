"""RightsService on real stores: who may do what, deadlines, holds, duplicates, and effects on consent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from installation.installation import Installation
from installation.settings import load_settings
from privacy.rights.errors import (
    InvalidSubmissionError,
    RequestStateError,
    RequestStoreError,
    RightsRefusedError,
    TooManyRequestsError,
    UnknownRequestError,
)
from privacy.rights.request import Actor, Request, Right, State, Submission, new_submission
from privacy.rights.service import RightsService
from privacy.rights.subject import Subject
from tests.pipelines.rights.toy_store import with_shared_contracts
from tests.store_place import StorePlace

OFFICER = Actor(who="officer", role="privacy_officer", identity="authenticated")
PERSON = Actor(who="portal", role="subject", identity="authenticated")
PROGRAM = Actor(who="shop", role="agent", identity="authenticated")
EVIDENCE = "a" * 64
FILE = "data/rights/request.db"


@dataclass
class World:
    """An installation with two customers, at a moment that tests move."""

    installation: Installation
    now: list[datetime]
    place: StorePlace

    @property
    def service(self) -> RightsService:
        return self.installation.rights_service()

    def submit(self, right: str = "erasure", by: Actor = OFFICER, **fields: Any) -> Request:
        submission = Submission(right=Right(right), **{"customer_id": "c_1", **fields})
        return self.service.submit(submission, by).request

    def verified(self, right: str = "erasure", **fields: Any) -> Request:
        return self.service.verify_identity(self.submit(right, **fields).id, "passport_seen", OFFICER)

    def permits(self, purpose: str = "service_delivery", customer: str = "c_1") -> bool:
        service = self.installation.consent_service()
        return service.verdicts(customer, self.installation.decision_moment())[purpose]


@pytest.fixture
def world(tmp_path: Path, store_place: StorePlace) -> Iterator[World]:
    now = [datetime(2026, 2, 6, 3, 0, tzinfo=UTC)]
    database = None if store_place.server is None else store_place.server.conninfo
    settings = load_settings(None, data_dir=tmp_path / "data", database=database)
    with with_shared_contracts(Installation(settings, lambda: now[0])) as installation:
        for number in (1, 2):
            installation.consent_store.assign(f"p_{number}", f"c_{number}", datetime(2020, 1, 1))
        yield World(installation, now, store_place)


def test_a_request_is_approved_only_after_the_identity_is_verified(world: World) -> None:
    request = world.submit()
    assert (request.state, request.due_on) == (State.SUBMITTED, date(2026, 2, 19))  # Seollal is 16 to 18 February
    with pytest.raises(RequestStateError, match="identity"):
        world.service.approve(request.id, OFFICER)
    world.service.verify_identity(request.id, "passport_seen", OFFICER)
    assert world.service.approve(request.id, OFFICER).state is State.APPROVED


def test_a_guardian_needs_a_verified_mandate_as_well(world: World) -> None:
    with pytest.raises(ValidationError):
        world.submit(requester="guardian")
    request = world.submit(requester="guardian", mandate_evidence=EVIDENCE)
    assert world.service.verify_identity(request.id, "passport_seen", OFFICER).state is State.SUBMITTED
    with pytest.raises(RightsRefusedError):
        world.service.verify_identity(request.id, "family_register", PERSON, of="mandate")
    verified = world.service.verify_identity(request.id, "family_register", OFFICER, of="mandate", evidence=EVIDENCE)
    assert verified.state is State.VERIFIED


@pytest.mark.parametrize("by", [PERSON, PROGRAM])
def test_only_an_officer_decides(world: World, by: Actor) -> None:
    request = world.verified()
    for step in (
        lambda: world.service.approve(request.id, by),
        lambda: world.service.refuse(request.id, "identity_not_verified", by),
        lambda: world.service.extend(request.id, "many sources", by),
        lambda: world.service.holds.place("c_1", "court case 7", by),
    ):
        with pytest.raises(RightsRefusedError):
            step()
    assert world.service.request(request.id).state is State.VERIFIED


def test_approval_stops_every_use_and_the_end_of_the_request_allows_it_again(world: World) -> None:
    request = world.verified()
    assert world.permits()
    world.service.approve(request.id, OFFICER)
    assert not world.permits()
    world.now[0] += timedelta(seconds=1)
    world.service.withdraw(request.id, OFFICER)
    assert world.permits()


def test_withdrawing_an_erasure_keeps_a_restriction_that_another_request_brought(world: World) -> None:
    erasure = world.verified()
    world.service.approve(erasure.id, OFFICER)
    restriction = world.verified("restriction")
    world.service.approve(restriction.id, OFFICER)
    world.now[0] += timedelta(seconds=1)
    world.service.withdraw(erasure.id, OFFICER)
    assert not world.permits()


def test_an_objection_to_direct_marketing_needs_no_decision_and_profiling_does(world: World) -> None:
    marketing = world.verified("objection", purposes=("marketing",))
    assert (marketing.state, world.permits("analytics")) == (State.APPROVED, False)
    assert world.verified("objection", purposes=("personalisation",)).state is State.VERIFIED


def test_a_refusal_needs_a_ground_that_the_law_has_for_the_right(world: World) -> None:
    request = world.verified("access")
    with pytest.raises(RightsRefusedError, match="harms_others"):
        world.service.refuse(request.id, "law_demands_collection", OFFICER)
    refused = world.service.refuse(request.id, "harms_others", OFFICER, "Letters of a third person.")
    text = world.service.refusal_text(refused, "en")
    assert "PIPA art. 35(4)2" in text
    assert "Letters of a third person." in text
    assert "118" in text


def test_an_extension_follows_the_law_of_the_request(world: World) -> None:
    european = world.verified("access", jurisdiction="DE")
    assert european.due_on == date(2026, 3, 6)
    assert world.service.extend(european.id, "many sources", OFFICER).due_on == date(2026, 5, 6)
    with pytest.raises(RightsRefusedError, match="had them"):
        world.service.extend(european.id, "many sources", OFFICER)
    with pytest.raises(RightsRefusedError, match="no extension"):
        world.service.extend(world.verified("erasure").id, "many sources", OFFICER)
    korean = world.verified("access")
    world.now[0] += timedelta(days=14)
    with pytest.raises(RequestStateError, match="before"):
        world.service.extend(korean.id, "many sources", OFFICER, date(2026, 3, 31))


def test_a_deadline_warns_in_business_days_and_becomes_overdue(world: World) -> None:
    request = world.submit()
    urgencies = []
    for day in (6, 12, 19, 20):
        world.now[0] = datetime(2026, 2, day, 3, tzinfo=UTC)
        urgencies.append(str(world.service.deadline(request).urgency))
    assert urgencies == ["on_time", "due_soon", "due_soon", "overdue"]


def test_a_legal_hold_forbids_the_approval_of_an_erasure_until_it_is_released(world: World) -> None:
    request = world.verified()
    hold = world.service.holds.place("c_1", "court case 7", OFFICER)
    with pytest.raises(RightsRefusedError, match="court case 7"):
        world.service.approve(request.id, OFFICER)
    assert world.permits()
    assert world.service.show(request.id).holds == (hold,)
    world.service.holds.release(hold.id, OFFICER)
    assert world.service.approve(request.id, OFFICER).state is State.APPROVED


def test_the_same_request_is_taken_once_and_another_contact_makes_another_one(world: World) -> None:
    first = world.submit("access", contact="kim@example.com")
    again = world.service.submit(
        Submission(right=Right.ACCESS, customer_id="c_1", contact="kim@example.com", channel="letter"), OFFICER
    )
    assert (again.is_duplicate, again.request.id, again.request.duplicates) == (True, first.id, 1)
    # An answer must not go to an address that somebody else gave before.
    assert world.submit("access", contact="other@example.com").id != first.id
    assert len(world.service.requests_of("c_1")) == 2


def test_a_flood_in_a_persons_name_is_refused_and_does_not_keep_the_person_from_asking(world: World) -> None:
    purposes = ("analytics", "personalisation", "marketing", "research", "quality_assurance", "identity_resolution")
    for purpose in purposes[:5]:
        world.submit("objection", by=PROGRAM, channel="http", purposes=(purpose,))
    with pytest.raises(TooManyRequestsError):
        world.submit("objection", by=PROGRAM, channel="http", purposes=(purposes[5],))
    assert world.submit("access", by=PERSON, channel="portal").state is State.SUBMITTED


def test_a_signed_in_person_sees_and_withdraws_only_their_own_requests(world: World) -> None:
    request = world.submit()
    other = world.submit(customer_id="c_2")
    assert [r.id for r in world.service.requests_of("c_1")] == [request.id]
    with pytest.raises(UnknownRequestError):
        world.service.show(other.id, customer_id="c_1")
    with pytest.raises(UnknownRequestError):
        world.service.withdraw(other.id, PERSON, customer_id="c_1")
    assert world.service.withdraw(request.id, PERSON, customer_id="c_1").state is State.WITHDRAWN
    with pytest.raises(RequestStateError, match="has ended"):
        world.service.asked(request)


@pytest.mark.parametrize(
    "fields",
    [
        {"customer_id": "c_9"},
        {"jurisdiction": "US"},
        {"received_at": datetime(2027, 1, 1, tzinfo=UTC)},
        {"right": "objection", "purposes": ("world_domination",)},
    ],
)
def test_a_request_that_cannot_be_carried_out_is_not_taken(world: World, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidSubmissionError):
        world.submit(**fields)
    assert world.service.requests() == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"right": "rectification"}, "record: corrections: .*; got no corrections. No request"),
        ({"requester": "guardian"}, "record: mandate: .*; got guardian without one. No request"),
    ],
)
def test_a_request_without_what_it_needs_is_told_what_is_missing(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSubmissionError, match=message):
        new_submission({"right": "access", "customer_id": "c_1", **fields})


@pytest.mark.parametrize("method", ["", "Passport of Kim Haneul", "kim@example.com", "x" * 100])
def test_a_method_of_proof_cannot_name_a_person(world: World, method: str) -> None:
    request = world.submit()
    with pytest.raises(InvalidSubmissionError, match="method"):
        world.service.verify_identity(request.id, method, OFFICER)


def test_requests_of_a_merged_customer_belong_to_the_customer_who_took_it_over(world: World) -> None:
    request = world.submit()
    world.installation.consent_store.assign("p_1", "c_2", datetime(2026, 1, 1))
    assert [r.id for r in world.service.requests_of("c_2")] == [request.id]


def test_an_answer_is_given_to_the_person_or_an_officer_and_deleted_after_ninety_days(
    world: World,
) -> None:
    request = world.verified("access")
    world.service.approve(request.id, OFFICER)
    cases = world.service.cases
    cases.begin(request, Subject(request.subject, ("c_1",)))
    cases.save_answer(request, b"answer")
    cases.save_answer(request, b"another answer")
    cases.complete(request, EVIDENCE)
    for by, customer in ((PROGRAM, None), (PERSON, None), (PERSON, "c_2")):
        with pytest.raises((RightsRefusedError, UnknownRequestError)):
            world.service.answer(request.id, by, customer)
    assert world.service.answer(request.id, PERSON, "c_1") == b"answer"
    world.now[0] += timedelta(days=91)
    cases.sweep()
    with pytest.raises(RequestStateError, match="no answer"):
        world.service.answer(request.id, OFFICER)
    assert world.installation.request_store.sealed_names() == {}


def test_every_step_is_in_the_audit_log_and_nothing_personal_is_in_the_history(world: World) -> None:
    request = world.submit("access", contact="kim@example.com", statement="I am Kim Haneul")
    world.service.verify_identity(request.id, "passport_seen", OFFICER)
    world.service.approve(request.id, OFFICER)
    actions = [entry.action for _, entry in world.installation.audit_log.entries()]
    assert actions == ["rights.submit", "rights.verify_identity", "rights.approve"]
    with world.place.outside(FILE) as run:
        stored = repr([run(f"SELECT * FROM {table}") for table in ("event", "sealed", "person")])
    if not world.place.is_shared:
        stored += repr((world.place.folder / FILE).read_bytes())
    assert request.id in stored
    for personal in ("kim@example.com", "Haneul", "'c_1'", 'c_1"'):
        assert personal not in stored


def test_a_changed_history_is_found(world: World) -> None:
    request = world.verified()
    store = world.installation.request_store
    assert store.verify() == []
    with world.place.outside(FILE) as run, pytest.raises(Exception, match="append-only"):  # of either engine
        run("DELETE FROM event")
    assert store.verify() == []
    world.place.change(FILE, "UPDATE event SET content = replace(content, 'officer', 'x')")
    assert store.verify()
    assert request.id


def test_a_store_that_ends_before_its_anchor_is_refused(world: World) -> None:
    world.submit()
    world.verified("access")
    world.installation.close()
    world.place.change(FILE, "DELETE FROM event WHERE number > 1")
    with pytest.raises(RequestStoreError, match="anchor"):
        _ = world.installation.request_store
