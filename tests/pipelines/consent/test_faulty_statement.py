"""A landed withdrawal with a fault leaves no permission standing; its spelling variants count as what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.consent import intake, statement, unread
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
    "full-width state": {"state": "Ｗｉｔｈｄｒａｗｎ"}, "no-break space": {"state": "withdrawn\u00a0"},
    "byte order mark": {"state": "\ufeffwithdrawn"}, "zero width": {"state": "with\u200bdrawn"},
    "korean opt-out": {"state": "수신 거부"},
    "korean purpose": {"purpose": "분석"}, "all in korean": {"purpose": "전체"},
    "full-width star": {"purpose": "＊"}, "offset": {"event_at": "2017-06-01T10:00:00+0900"},
    "superseding itself": {"supersedes": "c_x2002"}, "two keys": {"member_no": "M000000999", "email": "kim@a.example"},
    "identifier of the consent": {"record_id": "c_x1002"}, "blank controller": {"controller": " "},
}  # fmt: skip
"""Variants of a withdrawal that are read."""
UNREADABLE = {
    "state": {"state": "perhaps"}, "time": {"event_at": "yesterday"}, "no time": {"event_at": None},
    "purpose": {"purpose": "profiling"}, "identifier": {"record_id": None}, "spoken by": {"expressed_by": "neighbour"},
    "future": {"event_at": "2071-06-01T10:00:00"}, "days": {"valid_days": -4}, "categories": {"data_categories": "a b"},
    "jurisdiction": {"jurisdiction": "KOREA1"}, "epoch": {"event_at": 1496300400},
    "day first": {"event_at": "01/06/2017"},
    "empty time": {"event_at": "1970-01-01T00:00:00"}, "time of 1900": {"event_at": "1900-01-01T00:00:00"},
    "exchanged day and month": {"event_at": "2017-01-06T10:00:00"}, "state 0": {"state": 0},
    "two purposes": {"purpose": "analytics,marketing"}, "number with a comment": {"member_no": "M000000003 (VIP)"},
    "two numbers": {"member_no": "M000000004/M000000003"}, "number in a list": {"member_no": ["M000000003"]},
    "bad number, e-mail": {"member_no": "3", "email": "kim@a.example"},
    "controller with a typo": {"controller": "Bojagi Mrat"}, "branch": {"controller": "Bojagi Mart Korea"},
    "Cyrillic letter": {"controller": "B\u043ejagi Mart"},
    "full-width controller": {"controller": "ＢＯＪＡＧＩ ＭＡＲＴ"},
}  # fmt: skip
"""Withdrawals that cannot be read and name a person."""
KEYS = {"email": "kim@a.example", "phone": "010-1234-5678", "device_id": "d-1"}


@pytest.fixture
def shop(tmp_path: Path, contracts, engines) -> StatementShop:
    return StatementShop(tmp_path, contracts, engines.open("sail").spark)


def line_of(row: Mapping[str, object], number: str) -> str:
    """Return the row as a line about the member with this number, with identifiers and an address of its own."""
    text = json.dumps(row, ensure_ascii=False).replace(MEMBER[1:], number).replace("kim@", f"kim{int(number)}@")
    wide = number.translate({ord(str(digit)): ord("０") + digit for digit in range(10)})
    return text.replace("００００００００３", wide).replace("c_x", f"c_{int(number)}x")


def land_variants(shop: StatementShop, variants: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Land a consent of one member per variant, then each variant of its withdrawal; return the members."""
    members = {name: f"M{number:09}" for number, name in enumerate(variants, 100)}
    shop.register(*members.values())
    with closing(shop.open_store()) as store:
        for member in members.values():
            email = shop.token("email", f"kim{int(member[1:])}@a.example")
            store.assign(email, shop.token("member_no", member), datetime(1, 1, 1))
    shop.land(*(line_of(GRANT, member[1:]) for member in members.values()))
    assert all(shop.permits(member=member) for member in members.values())
    shop.land(*(line_of(WITHDRAWAL | variants[name], member[1:]) for name, member in members.items()))
    return members


def permitted(shop: StatementShop, members: Mapping[str, str], purpose: str = "analytics") -> list[str]:
    return [name for name, member in members.items() if shop.permits(purpose, member)]


def test_variants_of_a_withdrawal_are_read_and_deny(shop: StatementShop) -> None:
    members = land_variants(shop, READ)
    assert permitted(shop, members) == []
    assert (shop.result.added, shop.result.faults) == (0, ())


def test_without_spellings_the_variants_of_values_are_unread(
    shop: StatementShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control: the behaviour before, in which only the contract's own values were read.
    monkeypatch.setattr("pipelines.ingest.spelling.spelling_key", lambda text: "no spelling")
    variants = {name: READ[name] for name in ("opt_out", "opt-out", "capitals", "korean", "korean purpose")}
    members = land_variants(shop, variants)
    assert shop.result.added == len(variants)
    assert permitted(shop, members) == []


def test_unreadable_statements_deny_the_persons_that_they_name(shop: StatementShop) -> None:
    members = land_variants(shop, UNREADABLE)
    assert permitted(shop, members) == []
    assert permitted(shop, members, "service_delivery") == permitted(shop, members, "legal_records") == [*members]
    assert "denied until they are resolved" in shop.result.notes[0]
    with closing(shop.open_store()) as store:
        assert {item.person for item in unread_items(shop.service(store))} >= {
            shop.token("member_no", member) for member in members.values()
        }
    assert shop.result.faults == ()


@pytest.mark.parametrize("number", ["M3", "3", 3, "М000000003", "M0000000003", "MM000000003"])
def test_a_statement_whose_member_number_is_none_is_a_fault(shop: StatementShop, number: object) -> None:
    shop.land(GRANT)
    result = shop.land(WITHDRAWAL | {"member_no": number})
    assert "1 consent statement(s) name nobody" in result.faults[0]
    assert result.added == 0


OTHER_PERSON = {"member_no": "M000000004"}
OTHER_PURPOSE = {"purpose": "marketing"}
EARLIER = {"event_at": "2017-02-01T10:00:00", "recorded_at": "2017-02-01T10:00:00"}


@pytest.mark.parametrize("fault", [OTHER_PERSON, OTHER_PURPOSE, EARLIER], ids=["person", "purpose", "time"])
def test_an_identifier_that_was_used_twice_hides_no_withdrawal(
    shop: StatementShop, fault: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.land(GRANT)
    consent = GRANT | {"record_id": WITHDRAWAL["record_id"]} | fault
    shop.land(WITHDRAWAL, consent)
    assert not shop.permits()
    shop.land(consent)
    assert not shop.permits()
    # Negative control: one row per identifier, as before.
    monkeypatch.setattr(intake, "_STATEMENT", ("record_id",))
    other = {"record_id": "c_x3003"}
    shop.land(GRANT | {"record_id": "c_x4004", "event_at": "2017-07-01T10:00:00"})
    shop.land(WITHDRAWAL | other | {"event_at": "2017-08-01T10:00:00"}, consent | other)
    assert shop.permits()


@pytest.mark.parametrize("fault", [OTHER_PERSON, OTHER_PURPOSE], ids=["person", "purpose"])
def test_a_row_about_something_else_with_the_same_identifier_closes_no_item(
    shop: StatementShop, fault: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.land(GRANT)
    shop.land(WITHDRAWAL | {"state": "perhaps"})
    shop.land(GRANT | {"record_id": WITHDRAWAL["record_id"]} | fault)
    assert not shop.permits()
    # Negative control: the identifier alone, as before.
    monkeypatch.setattr(unread, "_corrects", lambda landed, row: landed["record_id"] == row.record_id)
    shop.run()
    assert shop.permits()


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
    with closing(shop.open_store()) as store:
        for kind, text in KEYS.items():
            store.assign(shop.token(kind, text), "c_kim", datetime(1, 1, 1))
        store.assign(shop.token("member_no", MEMBER), "c_kim", datetime(1, 1, 1))
    assert shop.view.index.is_permitted("c_kim", "analytics", MOMENT)
    for kind, text in KEYS.items():
        named = {**WITHDRAWAL, "record_id": f"c_{len(kind)}{kind[0]}", "member_no": None, kind: text}
        shop.land(named)
        assert not shop.view.index.is_permitted("c_kim", "analytics", MOMENT)


@pytest.mark.parametrize(("kind", "text"), KEYS.items())
def test_each_key_denies_by_itself_and_unread_by_that_key_as_well(
    shop: StatementShop, kind: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.land(GRANT)
    with closing(shop.open_store()) as store:
        store.assign(shop.token(kind, text), shop.token("member_no", MEMBER), datetime(1, 1, 1))
    named = {**WITHDRAWAL, "member_no": None, kind: text}
    # Negative control: the behaviour before, in which only a member number named a person.
    for module in (intake, unread):
        monkeypatch.setattr(module, "PERSON_KEYS", ("member_no_token",))
    assert "name nobody" in shop.land(named, named | {"state": "perhaps", "record_id": "c_x3"}).faults[0]
    assert shop.permits()
    monkeypatch.undo()
    shop.run()
    assert not shop.permits()


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


def test_without_the_comparison_of_names_such_a_withdrawal_decides_nothing(
    shop: StatementShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control: the behaviour before.
    monkeypatch.setattr(statement, "is_probably_same", lambda *_: False)
    shop.land(GRANT)
    shop.land(WITHDRAWAL | {"controller": "BOJAGI MART Ltd."})
    assert shop.permits()


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
