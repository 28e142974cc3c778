"""Landed consents get into the consent record once, with ages. Changed ones are corrected by a further record."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta

import pytest

from pipelines.consent.intake import take_in_records
from privacy.consent.errors import UnknownPurposeError
from privacy.consent.view import RECORD, ConsentView
from tests.pipelines.conftest import Built
from tests.pipelines.unify.market import land, token

TABLES = (
    "silver/identity_decision",
    "silver/identifier",
    "silver/identity_event",
    "silver/consent_event",
    "silver/permission",
)
SOURCES = ("crm_customer", "consent_event")


def record_nothing(_: Built) -> None:
    """Record nothing besides what landed."""


@pytest.fixture
def built(build_market) -> Built:
    return build_market("sail", TABLES, SOURCES, speak=record_nothing)


def again(built: Built) -> ConsentView:
    """Return the view that the next run would have."""
    view = built.context.agreed
    return ConsentView(view.open, view.policy, view.controller, view.moment)


def take_in(built: Built):
    return take_in_records(built.lakehouse, built.context, again(built))


def records(built: Built) -> dict[str, dict[str, object]]:
    return {row["record_id"]: row for row in again(built).table(RECORD).to_pylist()}


def test_every_landed_record_is_stored_with_its_token_and_age_and_no_member_number(built: Built) -> None:
    stored, landed = records(built), built.rows["consent_event"]
    assert set(stored) == {row["record_id"] for row in landed}
    one = stored["C1"]
    assert one["subject_id"] == token("member_no", "M000000001")
    assert one["age_years"] == 2017 - 1951 - 1  # born on 2 March 1951, consented on 1 January 2017
    assert one["expires_at"] == datetime(2018, 1, 1)
    assert (one["asked"], one["state"]) == ("separately", "given")
    assert "M000000001" not in str(stored)


def test_landing_equal_rows_again_adds_and_corrects_nothing(built: Built) -> None:
    assert take_in(built).was_current
    register = [row | {"updated_at": datetime(2017, 9, 9)} for row in built.rows["crm_customer"]]
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": register}, "load_2")
    report = take_in(built)
    assert (report.added, report.corrected, report.was_current) == (0, 0, False)


def test_a_changed_landed_record_is_corrected_by_a_further_record_and_denies(built: Built) -> None:
    first = built.rows["consent_event"][0]
    land(built.lakehouse.root, built.context.contracts, {"consent_event": [first | {"state": "refused"}]}, "load_2")
    assert take_in(built).corrected == 1
    stored = records(built)
    assert stored["C1"]["state"] == "given"
    assert stored["C1:correction:1"]["supersedes"] == "C1"
    assert stored["C1:correction:1"]["state"] == "refused"
    subject = str(stored["C1"]["subject_id"])
    owner = built.frame("silver/identifier").set_index("token").loc[subject, "customer_id"]
    view = again(built)
    assert not view.index.is_permitted(owner, "marketing", datetime(2017, 6, 1))
    land(built.lakehouse.root, built.context.contracts, {"consent_event": [first]}, "load_3")
    assert take_in(built).corrected == 1
    assert records(built)["C1:correction:2"]["supersedes"] == "C1:correction:1"


def test_an_age_that_becomes_known_later_corrects_the_record_and_permits(built: Built) -> None:
    number = "M000000777"
    said = built.rows["consent_event"][0] | {"record_id": "C777", "member_no": number, "purpose": "analytics"}
    person = built.rows["crm_customer"][0] | {"member_no": number, "birth_date": None, "email": None, "phone": None}
    land(built.lakehouse.root, built.context.contracts, {"consent_event": [said], "crm_customer": [person]}, "load_2")
    built.refresh()
    owner = built.frame("silver/identifier").set_index("token").loc[token("member_no", number), "customer_id"]
    assert not built.context.agreed.is_permitted(owner, "analytics")  # PIPA 22-2: unknown counts as under fourteen
    land(
        built.lakehouse.root,
        built.context.contracts,
        {"crm_customer": [person | {"birth_date": "1980-01-01"}]},
        "load_3",
    )
    built.refresh()
    later = built.context.agreed
    assert later.index.is_permitted(owner, "analytics", datetime(2017, 6, 1))


def test_one_invalid_landed_record_stops_the_whole_intake(built: Built) -> None:
    before = records(built)
    wrong = [row | {"record_id": f"X{n}", "purpose": purpose} for n, (row, purpose) in enumerate(
        zip(built.rows["consent_event"], ("analytics", "curiosity"), strict=False))]  # fmt: skip
    land(built.lakehouse.root, built.context.contracts, {"consent_event": wrong}, "load_2")
    with pytest.raises(UnknownPurposeError, match="curiosity"):
        take_in(built)
    assert records(built) == before
    assert not take_in_is_current(built)


def take_in_is_current(built: Built) -> bool:
    """Return whether the next run would find nothing new."""
    with pytest.raises(UnknownPurposeError):
        take_in(built)
    return False


def test_silver_has_the_records_of_commands_beside_the_landed_ones(build_market) -> None:
    from tests.pipelines.conftest import agree

    def one_consents(built: Built) -> None:
        customer = sorted(built.frame("silver/identifier")["customer_id"])[0]
        agree(built, customer, "research", effective_at=datetime(2017, 1, 1) + timedelta(days=3))

    built = build_market("sail", TABLES, SOURCES, speak=one_consents)
    events = built.frame("silver/consent_event")
    typed = events[events["purpose"] == "research"]
    assert len(typed) == 1
    assert (typed["customer_id"] == typed["subject_id"]).all()
    assert len(events) == len(built.rows["consent_event"]) + 1
    with closing(built.context.agreed.open()) as store:
        assert store.taken("silver/permission") == ".".join(map(str, store.sequence()))
