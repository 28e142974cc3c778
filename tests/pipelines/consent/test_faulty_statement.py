"""A landed withdrawal with a fault leaves no permission standing; its spelling variants count as what they mean."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.consent import statement, unread
from privacy.consent.errors import ConsentError
from privacy.consent.service import Terms
from privacy.consent.unread import other_controllers, resolve, unread_items
from tests.pipelines.consent.statement_shop import CONTROLLER, GRANT, MEMBER, MOMENT, WITHDRAWAL, StatementShop

READ = {
    "opt_out": {"state": "opt_out"}, "opt-out": {"state": " Opt-Out "}, "capitals": {"state": "WITHDRAWN"},
    "unsubscribed": {"state": "unsubscribed"}, "korean": {"state": "철회"}, "revoked": {"state": "revoked"},
    "sms": {"method": "sms"}, "zone": {"event_at": "2017-06-01T01:00:00Z", "recorded_at": "2017-06-01T01:00:00Z"},
    "lower case": {"member_no": "m000000003"}, "padded": {"member_no": " M000000003 "},
    "full width": {"member_no": "Ｍ００００００００３"}, "notice": {"notice_version": "v3"},
    "language": {"notice_language": "ja"},
    "no evidence": {"evidence_hash": None}, "no notice": {"notice_version": None},
    "days": {"valid_days": 0}, "every purpose": {"purpose": "*"}, "agent": {"expressed_by": "agent"},
    "no time of recording": {"recorded_at": None}, "no controller": {"controller": None},
    "objected": {"state": "objected"}, "restricted": {"state": "restricted", "purpose": "*"},
}  # fmt: skip
"""Variants of a withdrawal that are read."""
UNREADABLE = {
    "state": {"state": "perhaps"}, "time": {"event_at": "yesterday"}, "no time": {"event_at": None},
    "purpose": {"purpose": "profiling"}, "identifier": {"record_id": None}, "spoken by": {"expressed_by": "neighbour"},
    "future": {"event_at": "2071-06-01T10:00:00"}, "days": {"valid_days": -4}, "categories": {"data_categories": "a b"},
    "jurisdiction": {"jurisdiction": "KOREA1"},
}  # fmt: skip
"""Withdrawals that cannot be read and name a person."""


@pytest.fixture
def shop(tmp_path: Path, contracts, engines) -> StatementShop:
    return StatementShop(tmp_path, contracts, engines.open("sail").spark)


@pytest.mark.parametrize("fault", READ)
def test_a_variant_of_a_withdrawal_is_read_and_denies(shop: StatementShop, fault: str) -> None:
    shop.land(GRANT)
    assert shop.permits()
    result = shop.land(WITHDRAWAL | READ[fault])
    assert not shop.permits()
    assert (result.added, result.faults) == (0, ())


@pytest.mark.parametrize("fault", UNREADABLE)
def test_an_unreadable_statement_denies_the_person_that_it_names(shop: StatementShop, fault: str) -> None:
    shop.land(GRANT)
    shop.land(WITHDRAWAL | UNREADABLE[fault])
    assert not shop.permits()
    assert shop.permits("service_delivery")
    assert shop.permits("legal_records")
    assert "denied until they are resolved" in shop.result.notes[0]


def test_without_the_unread_record_the_permission_stands(shop: StatementShop, monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: the behaviour before, in which quarantine was the end of a statement.
    monkeypatch.setattr(unread, "unread_rows", lambda *_: [])
    shop.land(GRANT)
    shop.land(WITHDRAWAL | {"state": "perhaps"})
    assert shop.permits()


def test_a_broken_line_that_holds_a_member_number_denies_and_one_that_holds_none_is_a_fault(
    shop: StatementShop,
) -> None:
    shop.land(GRANT)
    result = shop.land('{"record_id": "c_1", "member_no": "M000000003", "state": withdrawn}')
    assert not shop.permits()
    assert result.faults == ()
    result = shop.land(WITHDRAWAL | {"member_no": None, "record_id": "c_9"}, '{"state": "withdrawn"')
    assert "2 consent statement(s) name nobody" in result.faults[0]
    assert shop.run().faults == result.faults  # until they are corrected


def test_a_statement_can_name_its_person_by_email_phone_or_device(shop: StatementShop) -> None:
    shop.land(GRANT)
    keys = {"email": "kim@a.example", "phone": "010-1234-5678", "device_id": "d-1"}
    with closing(shop.open_store()) as store:
        for kind, text in keys.items():
            store.assign(shop.token(kind, text), "c_kim", datetime(1, 1, 1))
        store.assign(shop.token("member_no", MEMBER), "c_kim", datetime(1, 1, 1))
    assert shop.view.index.is_permitted("c_kim", "analytics", MOMENT)
    for kind, text in keys.items():
        named = {**WITHDRAWAL, "record_id": f"c_{len(kind)}{kind[0]}", "member_no": None, kind: text}
        shop.land(named)
        assert not shop.view.index.is_permitted("c_kim", "analytics", MOMENT)


@pytest.mark.parametrize(
    "fault",
    [
        {"evidence_hash": None},
        {"notice_version": None},
        {"expressed_by": "agent"},
        {"purpose": "*"},
        {"asked": "bundled"},
        {"asked": None},
        {"controller": None},
        {"valid_days": 0},
    ],
)
def test_a_faulty_consent_permits_nothing(shop: StatementShop, fault: dict[str, object]) -> None:
    shop.land(GRANT | fault)
    assert not shop.permits()
    shop.land(GRANT | {"record_id": "c_x3", "event_at": "2017-04-01T10:00:00"})
    assert shop.permits() == (fault in ({"asked": "bundled"}, {"asked": None}, {"valid_days": 0}))


def test_how_a_consent_was_asked_for_is_kept_as_it_landed(shop: StatementShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.land(GRANT | {"asked": "BUNDLED"})
    with closing(shop.open_store()) as store:
        record = store.record(str(GRANT["record_id"]))
    assert record is not None
    assert record.asked == "bundled"
    # Negative control: the behaviour before, in which every landed consent was asked for separately.
    complete = statement.complete_statements
    monkeypatch.setattr(
        "pipelines.consent.intake.complete_statements",
        lambda rows, *rest: statement._replaced(
            complete(rows, *rest), "asked", statement.pa.array(["separately"] * len(rows))
        ),
    )
    shop.land(GRANT | {"record_id": "c_x4", "event_at": "2017-04-01T10:00:00", "asked": "bundled"})
    assert shop.permits()


def test_a_later_corrected_row_closes_the_item_by_itself(shop: StatementShop) -> None:
    shop.land(GRANT)
    shop.land(WITHDRAWAL | {"state": "perhaps"})
    result = shop.land(WITHDRAWAL | {"state": "renewed"})
    assert result.resolved == 1
    assert result.notes == ()
    assert shop.permits()


def test_a_corrected_row_that_was_landed_before_the_faulty_one_closes_nothing(shop: StatementShop) -> None:
    shop.land(GRANT, WITHDRAWAL | {"state": "renewed"})
    shop.land(WITHDRAWAL | {"state": "perhaps"})
    assert shop.run().resolved == 0
    assert not shop.permits()


def test_the_officer_lists_items_by_person_and_resolves_them(shop: StatementShop) -> None:
    shop.land(GRANT)
    shop.land(WITHDRAWAL | {"state": "perhaps"}, WITHDRAWAL | {"state": "?", "record_id": "c_x7"})
    with closing(shop.open_store()) as store:
        service = shop.service(store)
        first, second = unread_items(service)
        assert MEMBER not in str((first, second))
        assert first.days > 0
        assert "state: not one of" in first.reason
        resolve(service, first.item, "nothing", "a test row of the till", "officer")
        assert not shop.permits()  # the other one still denies
        resolve(service, second.item, "nothing", "a test row of the till", "officer")
        assert shop.permits()
        with pytest.raises(ConsentError, match="no open unread statement"):
            resolve(service, second.item, "withdrawn", "again", "officer")
        closing_record = store.record(f"{second.item}:resolved")
    assert closing_record is not None
    assert (closing_record.recorded_by, closing_record.note) == ("officer", "nothing: a test row of the till")
    assert shop.run().added == 0  # the item does not come back


def test_an_item_that_was_a_withdrawal_stays_one_and_a_consent_needs_a_notice(shop: StatementShop) -> None:
    shop.land(GRANT)
    shop.land(WITHDRAWAL | {"state": "perhaps"})
    with closing(shop.open_store()) as store:
        service = shop.service(store)
        (item,) = unread_items(service)
        with pytest.raises(ConsentError, match="--purpose and --notice"):
            resolve(service, item.item, "given", "called back", "officer")
        resolve(service, item.item, "withdrawn", "called back", "officer")
        assert unread_items(service) == []
    assert not shop.permits()


def test_an_item_that_was_a_consent_permits_its_purpose(shop: StatementShop) -> None:
    shop.land(WITHDRAWAL | {"state": "perhaps"})
    with closing(shop.open_store()) as store:
        service = shop.service(store)
        (item,) = unread_items(service)
        resolve(service, item.item, "given", "paper form", "officer", "analytics", Terms("2017.1", age_years=34))
    assert shop.permits()
    assert not shop.permits("research")


def test_a_statement_to_another_spelling_of_the_controller_is_reported_and_a_withdrawal_denies(
    shop: StatementShop,
) -> None:
    shop.land(GRANT)
    shop.land(WITHDRAWAL | {"controller": "BOJAGI MART Ltd."})
    assert not shop.permits()
    with closing(shop.open_store()) as store:
        (item,) = unread_items(shop.service(store))
    assert "probably the same as Bojagi Mart" in item.reason


def test_a_statement_to_another_controller_decides_nothing_and_is_reported(shop: StatementShop) -> None:
    shop.land(GRANT)
    own = GRANT | {"controller": "bojagi-mart", "record_id": "c_8"}
    result = shop.land(WITHDRAWAL | {"controller": "Other Shop"}, own)
    assert shop.permits()
    with closing(shop.open_store()) as store:
        others = other_controllers(shop.service(store))
    assert [(o.controller, o.is_probably_ours) for o in others] == [("bojagi-mart", True), ("Other Shop", False)]
    assert any("'Other Shop', not 'Bojagi Mart'" in note for note in result.notes)
    # Negative control: our own name is not reported.
    assert CONTROLLER not in [other.controller for other in others]


def test_a_withdrawal_in_the_repeated_hour_counts_although_its_clock_is_earlier(
    tmp_path: Path, contracts, engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (
        GRANT | {"event_at": "2017-11-05T01:40:00-04:00", "recorded_at": "2017-11-05T01:40:00-04:00"},
        WITHDRAWAL | {"event_at": "2017-11-05T01:10:00-05:00", "recorded_at": "2017-11-05T01:10:00-05:00"},
    )
    spark = engines.open("sail").spark
    shop = StatementShop(tmp_path / "a", contracts, spark, zone="America/New_York")
    shop.land(*rows)
    assert not shop.permits()
    # Negative control: in the order of the clock the consent comes last.
    monkeypatch.setattr(statement, "_in_order", lambda landed, _: landed)
    unsettled = StatementShop(tmp_path / "b", contracts, spark, zone="America/New_York")
    unsettled.land(*rows)
    assert unsettled.permits()
