"""ConsentService on a real store: which records each statement makes, and which statements are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from privacy.consent.errors import ConsentError, InvalidRecordError, UnknownPurposeError
from privacy.consent.policy import built_in_policy
from privacy.consent.service import ConsentService, Statement, Terms
from privacy.consent.store import ConsentStore

POLICY = built_in_policy()
NOW, DECISION = datetime(2026, 3, 1, 12), datetime(2026, 2, 28, 23, 59)
CALL = Statement("call_center")
ADULT = Terms("2026.1", data_categories=("pd:Purchase",), recipients=("Mail Inc",), storage="2 years", age_years=30)
LISTED = "c_listed"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ConsentService]:
    """A service with three known customers: c_1 (two source persons), c_2, and c_listed, which only tables list."""
    store = ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)
    for subject, customer in (("s_1", "c_1"), ("s_2", "c_1"), ("c_2", "c_2")):
        store.assign(subject, customer, datetime(2020, 1, 1))
    yield ConsentService(store, POLICY, "Shop", lambda: NOW, lambda: DECISION, lambda name: name == LISTED)
    store.close()


def at(day: int) -> Statement:
    return replace(CALL, effective_at=datetime(2026, 1, day))


def test_grant_makes_one_given_record_for_each_source_person(service: ConsentService) -> None:
    made = service.grant("c_1", "marketing", ADULT, CALL)
    assert made == service.history("c_1")
    assert [(r.subject_id, r.state, r.supersedes) for r in made] == [("s_1", "given", None), ("s_2", "given", None)]
    for record in made:
        assert (record.controller, record.effective_at, record.recorded_at) == ("Shop", DECISION, NOW)
        assert (record.notice_version, record.recipients, record.age_years) == ("2026.1", ("Mail Inc",), 30)
    assert service.verdicts("c_1", NOW)["marketing"]


def test_grant_is_renewed_after_a_consent_and_given_after_a_withdrawal(service: ConsentService) -> None:
    service.grant("c_2", "marketing", ADULT, at(1))
    (renewed,) = service.grant("c_2", "marketing", ADULT, at(2))
    (withdrawn,) = service.withdraw("c_2", "marketing", at(3))
    (given,) = service.grant("c_2", "marketing", ADULT, at(4))
    assert [r.state for r in (renewed, withdrawn, given)] == ["renewed", "withdrawn", "given"]
    assert (withdrawn.supersedes, given.supersedes) == (renewed.record_id, withdrawn.record_id)


def test_withdraw_copies_the_terms_of_the_consent_and_not_its_end_method_or_guardian(service: ConsentService) -> None:
    terms = replace(ADULT, age_years=12, expressed_by="guardian", expires_at=datetime(2027, 1, 1))
    service.grant("c_2", "research", terms, at(1))
    (withdrawn,) = service.withdraw("c_2", "research", Statement("email_link", datetime(2026, 1, 2)))
    assert (withdrawn.notice_version, withdrawn.storage, withdrawn.age_years) == ("2026.1", "2 years", 12)
    assert withdrawn.data_categories == ("pd:Purchase",)
    assert (withdrawn.method, withdrawn.expires_at, withdrawn.expressed_by) == ("email_link", None, "self")


def test_withdraw_is_refused_when_no_source_person_has_a_record_of_the_purpose(service: ConsentService) -> None:
    service.grant("c_2", "marketing", ADULT, at(1))
    with pytest.raises(ConsentError, match="no record of a consent to analytics"):
        service.withdraw("c_2", "analytics", CALL)
    assert len(service.history("c_2")) == 1


def test_withdraw_makes_no_record_for_a_source_person_without_a_consent(service: ConsentService) -> None:
    service.grant("s_1", "marketing", ADULT, at(1))
    assert [record.subject_id for record in service.withdraw("c_1", "marketing", at(2))] == ["s_1"]


def test_withdrawn_advertising_messages_are_denied_and_marketing_stays_permitted(service: ConsentService) -> None:
    service.grant("c_1", "marketing", ADULT, at(1))
    before = service.verdicts("c_1", NOW)
    withdrawn = service.withdraw("c_1", "advertising_message", at(2))
    assert [(r.subject_id, r.purpose, r.state) for r in withdrawn] == [
        ("s_1", "advertising_message", "withdrawn"),
        ("s_2", "advertising_message", "withdrawn"),
    ]
    assert {(r.notice_version, r.supersedes) for r in withdrawn} == {("2026.1", None)}
    changed = {purpose for purpose, verdict in service.verdicts("c_1", NOW).items() if verdict != before[purpose]}
    assert changed == {"advertising_message"}
    service.grant("c_1", "marketing", ADULT, at(3))
    assert not service.verdicts("c_1", NOW)["advertising_message"]
    service.grant("c_1", "advertising_message", ADULT, at(4))
    assert service.verdicts("c_1", NOW)["advertising_message"]


def test_advertising_messages_withdrawn_before_any_consent_stay_denied_after_it(service: ConsentService) -> None:
    (withdrawn,) = service.withdraw("c_2", "advertising_message", at(1))
    assert (withdrawn.notice_version, withdrawn.jurisdiction) == ("none", "KR")
    service.grant("c_2", "marketing", ADULT, at(2))
    verdicts = service.verdicts("c_2", NOW)
    assert (verdicts["marketing"], verdicts["advertising_message"]) == (True, False)


def test_a_consent_to_advertising_messages_alone_permits_neither_them_nor_marketing(service: ConsentService) -> None:
    service.grant("c_2", "advertising_message", ADULT, at(1))
    verdicts = service.verdicts("c_2", NOW)
    assert (verdicts["advertising_message"], verdicts["marketing"]) == (False, False)


def test_an_objection_or_restriction_denies_until_the_same_is_lifted(service: ConsentService) -> None:
    service.grant("c_1", "marketing", ADULT, at(1))
    stops = {"objection": service.object, "restriction": service.restrict}
    for day, (kind, stop) in enumerate(stops.items(), 1):
        stop("c_1", "*", at(3 * day), "KR")
        assert not service.verdicts("c_1", NOW)["marketing"]
        other = "restriction" if kind == "objection" else "objection"
        service.lift("c_1", "*", other, at(3 * day + 1), "KR")
        assert not service.verdicts("c_1", NOW)["marketing"]
        assert len(service.lift("c_1", "*", kind, at(3 * day + 2), "KR")) == 2
        assert service.verdicts("c_1", NOW)["marketing"]


@pytest.mark.parametrize("statement", ["grant", "withdraw", "object", "restrict", "lift"])
def test_a_statement_of_an_unknown_customer_is_refused_and_not_recorded(
    service: ConsentService, statement: str
) -> None:
    def make(customer: str) -> object:
        made = {
            "grant": lambda: service.grant(customer, "marketing", ADULT, CALL),
            "withdraw": lambda: service.withdraw(customer, "advertising_message", CALL),
            "object": lambda: service.object(customer, "*", CALL, "KR"),
            "restrict": lambda: service.restrict(customer, "*", CALL, "KR"),
            "lift": lambda: service.lift(customer, "*", "objection", CALL, "KR"),
        }
        return made[statement]()

    with pytest.raises(ConsentError, match="after `bojagi run`") as caught:
        make("c_nosuchcustomer")
    assert "c_nosuchcustomer" not in str(caught.value)
    assert service.store.sequence()[0] == 0
    for known in (LISTED, "c_1", "s_1", "c_2"):
        assert make(known)


def test_a_source_person_with_a_record_is_known(service: ConsentService) -> None:
    assert not service.store.knows("s_9")
    (record,) = service.grant("c_2", "marketing", ADULT, CALL)
    service.take_in([record.model_copy(update={"record_id": "r_9", "subject_id": "s_9"})])
    assert service.store.knows("s_9")
    assert service.object("s_9", "marketing", CALL, "KR")


def test_a_text_that_is_no_opaque_identifier_never_reaches_the_tables(service: ConsentService) -> None:
    def fail(name: str) -> bool:
        raise AssertionError(name)

    guarded = replace(service, is_known_customer=fail)
    for text in ("c' OR '1'='1", "c 1", "", "c_1\n"):
        with pytest.raises(InvalidRecordError, match="subject_id") as caught:
            guarded.object(text, "*", CALL, "KR")
        assert not text or text not in str(caught.value)


def test_a_field_at_fault_is_named_and_nothing_is_recorded(service: ConsentService) -> None:
    with pytest.raises(InvalidRecordError, match=r"jurisdiction.*Nothing was recorded"):
        service.grant("c_1", "marketing", replace(ADULT, jurisdiction="Korea"), CALL)
    with pytest.raises(InvalidRecordError, match=r"effective_at: got a time with an offset.*Nothing was recorded"):
        service.grant("c_1", "marketing", ADULT, replace(CALL, effective_at=datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(InvalidRecordError, match="expires_at before effective_at"):
        service.grant("c_1", "marketing", replace(ADULT, expires_at=DECISION - timedelta(days=1)), CALL)
    for statement in (service.object, service.restrict):
        with pytest.raises(UnknownPurposeError, match="expected one of"):
            statement("c_1", "curiosity", CALL, "KR")
    assert service.history("c_1") == []


def test_only_the_hash_of_the_evidence_is_kept(service: ConsentService) -> None:
    (record,) = service.grant("c_2", "marketing", ADULT, Statement("form", evidence=b"signed"))
    assert record.evidence_hash == sha256(b"signed").hexdigest()
    (other,) = service.grant("c_2", "marketing", ADULT, CALL)
    assert other.evidence_hash != record.evidence_hash


def test_taking_in_known_records_adds_only_the_new_ones(service: ConsentService) -> None:
    (first,) = service.grant("c_2", "marketing", ADULT, at(1))
    other = first.model_copy(update={"record_id": "r_other"})
    assert service.take_in([first, other, other]) == [other]
    assert service.take_in([first, other]) == []
    assert len(service.history("c_2")) == 2


def test_a_statement_of_a_merged_customer_counts_for_the_customer_that_has_its_source_persons(
    service: ConsentService,
) -> None:
    service.grant("c_1", "marketing", ADULT, at(1))
    for subject in ("s_1", "s_2"):
        service.store.assign(subject, "c_9", datetime(2026, 1, 2))
    assert service.verdicts("c_9", NOW)["marketing"]
    assert [record.subject_id for record in service.withdraw("c_1", "marketing", at(3))] == ["s_1", "s_2"]
    assert not service.verdicts("c_9", NOW)["marketing"]


def test_withdrawing_a_purpose_that_rests_on_no_consent_names_the_objection(service: ConsentService) -> None:
    with pytest.raises(ConsentError, match=r"legal_records rests on no consent.*bojagi consent object"):
        service.withdraw("c_1", "legal_records", CALL)


def test_a_text_that_is_no_identifier_has_no_verdicts_and_no_history(service: ConsentService) -> None:
    for text in ("\udcff", "c 1", "", "c' OR '1'='1"):
        for ask in (service.history, lambda name: service.verdicts(name, NOW)):
            with pytest.raises(InvalidRecordError, match="no opaque identifier"):
                ask(text)


def test_a_consent_recorded_late_does_not_undo_a_withdrawal_that_followed_it(service: ConsentService) -> None:
    service.grant("c_2", "marketing", ADULT, at(1))
    service.withdraw("c_2", "marketing", at(5))
    (late,) = service.grant("c_2", "marketing", ADULT, at(3))
    assert late.state == "renewed"
    assert service.verdicts("c_2", datetime(2026, 1, 4))["marketing"]
    assert not service.verdicts("c_2", NOW)["marketing"]
