"""A denial that names its person by a key that several customers share denies each of them."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

import pytest

from pipelines.consent import customer_assignment
from pipelines.consent.customer_assignment import assign_source_persons
from pipelines.consent.intake import take_in_records
from pipelines.consent.shared_key import SharedDenials
from privacy.consent.view import ConsentView
from tests.pipelines.conftest import Built, agree
from tests.pipelines.consent.test_customer_assignment import owners
from tests.pipelines.consent.test_intake import SOURCES, TABLES, record_nothing
from tests.pipelines.unify.market import land, token

PERSON, SPOUSE, OTHER = (token("member_no", f"M{number:09}") for number in (3, 103, 4))
SHARED, OWN = "010-0000-0003", "010-0000-0004"
BY_PHONE = {"record_id": "C9001", "member_no": None, "phone": SHARED, "purpose": "analytics", "state": "withdrawn",
            "event_at": datetime(2017, 6, 1), "recorded_at": datetime(2017, 6, 1)}  # fmt: skip


@pytest.fixture
def built(build_market) -> Built:
    market = build_market("sail", TABLES, SOURCES, speak=record_nothing)
    for person in (PERSON, SPOUSE, OTHER):
        agree(market, person, "analytics")
    return market


def state(built: Built, *persons: str) -> list[bool]:
    """Take in what landed, assign the customers, and return whether each person permits analytics."""
    old = built.context.agreed
    view = ConsentView(old.open, old.policy, old.controller, old.moment)
    take_in_records(built.lakehouse, built.context, view)
    built.denials = assign_source_persons(built.lakehouse, built.context, view).denials
    view = ConsentView(old.open, old.policy, old.controller, old.moment)
    of = owners(built)
    return [view.is_permitted(of[person], "analytics") for person in persons]


def say(built: Built, load_id: str = "load_2", **fields: object) -> None:
    land(built.lakehouse.root, built.context.contracts,
         {"consent_event": [built.rows["consent_event"][0] | BY_PHONE | fields]}, load_id)  # fmt: skip


@pytest.mark.parametrize("said", ["withdrawn", "objected", "restricted", "refused"])
def test_a_denial_by_a_shared_phone_denies_all_who_share_it_and_nobody_else(built: Built, said: str) -> None:
    assert state(built, PERSON, SPOUSE, OTHER) == [True, True, True]
    say(built, state=said)
    assert state(built, PERSON, SPOUSE, OTHER) == [False, False, True]
    assert "2 record(s) added" in built.denials.notes[0]
    assert state(built, PERSON, SPOUSE) == [False, False]
    assert built.denials.added == 0


def test_without_the_records_for_each_the_withdrawal_vanishes(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: the behaviour before.
    monkeypatch.setattr(customer_assignment, "record_shared_denials", lambda *_: SharedDenials())
    say(built)
    assert state(built, PERSON, SPOUSE) == [True, True]


def test_a_person_who_shares_a_phone_can_consent_again(built: Built) -> None:
    say(built)
    assert state(built, PERSON, SPOUSE) == [False, False]
    agree(built, SPOUSE, "analytics", record_id="r_again", effective_at=datetime(2017, 7, 1))
    assert state(built, PERSON, SPOUSE) == [False, True]


def test_a_consent_by_a_shared_phone_permits_nobody(built: Built) -> None:
    say(built, purpose="research", state="given")
    state(built)
    assert built.denials.notes == ("1 consent(s) name a key of several customers, so they permit nobody.",)
    view = built.context.agreed
    assert not any(view.is_permitted(owners(built)[person], "research") for person in (PERSON, SPOUSE))


def test_a_withdrawal_by_a_phone_stays_when_a_second_customer_appears_with_it(built: Built) -> None:
    say(built, phone=OWN)
    assert state(built, OTHER) == [False]
    number = "M000000990"
    newcomer = built.rows["crm_customer"][0] | {"member_no": number, "phone": OWN, "email": "new@a.example",
                                                "name": "박새별", "birth_date": "19900101"}  # fmt: skip
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": [newcomer]}, "load_3")
    built.refresh()
    agree(built, str(token("member_no", number)), "analytics")
    assert token("phone", OWN) not in set(built.frame("silver/identifier")["token"])
    assert state(built, OTHER, str(token("member_no", number))) == [False, False]


def test_a_withdrawal_by_a_key_stays_when_the_key_leaves_the_identifiers(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(built, phone=OWN)
    assert state(built, OTHER) == [False]
    frame = built.lakehouse.read("silver/identifier")
    built.lakehouse.overwrite("silver/identifier", frame.where(frame.token != str(token("phone", OWN))))
    monkeypatch.setattr("pipelines.consent.shared_key._persons_by_key", lambda *_: {})  # its rows are deleted as well
    assert state(built, OTHER) == [False]
    # Negative control: the key as a customer of its own, as before.
    with closing(built.context.agreed.open()) as store:
        store.assign(str(token("phone", OWN)), str(token("phone", OWN)), built.context.agreed.moment)
    view = ConsentView(*(getattr(built.context.agreed, name) for name in ("open", "policy", "controller", "moment")))
    assert view.is_permitted(owners(built)[OTHER], "analytics")


def test_a_withdrawal_by_a_placeholder_is_a_fault_in_each_run_and_by_an_unknown_phone_is_named(built: Built) -> None:
    crowd = [row | {"phone": "010-9999-9999"} for row in built.rows["crm_customer"][:20]]
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": crowd}, "load_2")
    say(built, phone="010-9999-9999")
    say(built, "load_3", phone="010-7777-7777", record_id="C9002")
    built.refresh()
    assert state(built, OTHER) == [True]
    assert "more than 8 customers" in built.denials.faults[0]
    assert built.denials.notes[-1].startswith("1 person(s)")
    state(built)
    assert len(built.denials.faults) == 1
