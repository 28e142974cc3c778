"""Identity in the run: people matched, decided about, split again, and everything built on them following."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from pipelines.derived_table.refresh import refresh_table
from pipelines.orchestration.identity_metadata import identity_charts
from pipelines.register.decision import DecisionError
from pipelines.register.person_record import read_person_records, stored_sketches
from pipelines.register.sketch_book import SketchBook, SketchKeys
from pipelines.steward.person_explain import explain_persons
from pipelines.steward.steward_desk import StewardService
from pipelines.unify.registry import table
from tests.pipelines.unify.market import LOADED_AT, land, token

TABLES = (
    "silver/identity_decision", "silver/identifier", "silver/identity_event", "silver/identity_model",
    "silver/identity_sketch", "silver/customer_attribute", "silver/customer",
)  # fmt: skip
HER, SPOUSE = "M000000003", "M000000103"


@pytest.fixture
def built(build_market):
    return build_market("sail", TABLES)


def desk(built) -> StewardService:
    return StewardService(
        built.lakehouse, built.context.contracts, token, lambda: LOADED_AT + timedelta(days=30), "steward"
    )


def customer(built, number: str, kind: str = "member_no") -> str:
    keys = built.frame("silver/identifier")
    found = keys[(keys["token_kind"] == kind) & (keys["token"] == token(kind, number))]["customer_id"]
    return str(found.iloc[0])


def test_a_register_entry_in_other_words_is_matched_and_a_couple_is_not(built) -> None:
    first = {"member_no": "M000000776", "name": "Margaret Thornton", "birth_date": "1931-11-27", "sex": "F",
             "phone": "010-8362-5514", "email": "thornton31@b.example", "account_no": 41, "is_principal": "Y",
             "dong": "청운동", "sido": "서울특별시", "sigungu": "종로구", "postal_code": "03047",
             "address": "자하문로 118", "joined_on": date(2016, 5, 1), "updated_at": datetime(2017, 5, 1)}  # fmt: skip
    again = {
        **first,
        "member_no": "M000000777",
        "name": "Thornton Margret",
        "phone": "010-8362-5541",
        "is_principal": "N",
    }
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": [first]}, "load_2")
    built.refresh()
    before = customer(built, "M000000776")
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": [again]}, "load_3")
    built.refresh()
    keys = built.frame("silver/identifier").set_index(["token_kind", "token"])
    found = keys.loc[[("member_no", token("member_no", f"M00000077{n}")) for n in (6, 7)]]
    assert set(found["customer_id"]) == {before}
    assert set(found["method"]) == {"link", "match"}
    assert 0.5 <= found["confidence"].min() < 1
    assert customer(built, HER) != customer(built, SPOUSE)
    models = built.frame("silver/identity_model")
    assert len(models) == 1, "the model is kept, not trained again for one new entry"


def test_an_unchanged_rerun_changes_no_id_even_when_everything_is_built_again(built) -> None:
    before = built.frame("silver/identifier")
    refresh_table(replace(table("silver/identifier"), version=99), built.lakehouse, built.context, built.row_filter)
    assert built.frame("silver/identifier").equals(before)


def test_a_link_and_its_undoing_are_carried_through(built) -> None:
    before = built.frame("silver/identifier")
    mine, yours = customer(built, HER), customer(built, "M000000004")
    desk(built).decide("same", f"member_no:{HER}", yours, "came to the desk with both cards")
    built.refresh()
    survivor = customer(built, HER)
    assert survivor == customer(built, "M000000004")
    gone = ({mine, yours} - {survivor}).pop()
    assert gone not in set(built.frame("silver/customer")["customer_id"])
    event = built.frame("silver/identity_event").iloc[0]
    assert (event["event_type"], event["reason"], event["from_customer_id"]) == ("merge", "steward", gone)
    desk(built).revert(event["event_id"], "it was her sister")
    built.refresh()
    after = built.frame("silver/identifier")
    assert after["customer_id"].equals(before["customer_id"])
    events = built.frame("silver/identity_event").sort_values("occurred_at")
    assert events["event_type"].tolist() == ["merge", "split"]
    assert len(desk(built).decisions()) == 2
    built.refresh()
    assert built.frame("silver/identifier").equals(after)


def test_never_link_outlives_new_records_that_say_otherwise(built) -> None:
    desk(built).decide("different", f"member_no:{HER}", f"member_no:{SPOUSE}", "husband and wife")
    her = next(row for row in built.rows["crm_customer"] if row["member_no"] == HER)
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": [{**her, "member_no": SPOUSE}]}, "load_2")
    built.refresh()
    assert customer(built, HER) != customer(built, SPOUSE)


def test_without_the_decision_those_records_join(built) -> None:
    """Negative control of the test above."""
    her = next(row for row in built.rows["crm_customer"] if row["member_no"] == HER)
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": [{**her, "member_no": SPOUSE}]}, "load_2")
    built.refresh()
    assert customer(built, HER) == customer(built, SPOUSE)


def test_the_desk_knows_whom_it_cannot_name(built) -> None:
    at = desk(built)
    with pytest.raises(DecisionError, match="No customer has that"):
        at.find("member_no:M999999999")
    with pytest.raises(DecisionError, match="No customer"):
        at.find("c_nobody")
    with pytest.raises(DecisionError, match="same record"):
        at.decide("same", f"member_no:{HER}", f"crm_customer:{HER}", "once more")
    with pytest.raises(DecisionError, match="No event"):
        at.revert("e_0", "never happened")
    lone = customer(built, "40", "account_no")
    with pytest.raises(DecisionError, match="no member or card number"):
        at.find(lone)


def test_the_golden_record_says_where_each_value_is_from_and_holds_no_identifier(built) -> None:
    rows = built.frame("silver/customer_attribute")
    mine = rows[rows["customer_id"] == customer(built, "M000000005")].set_index("attribute")
    assert mine.loc["birth_date", "value"] == "1955-03-02"
    assert mine.loc["place_2", "value"] == "이사동", "the newest entry says so"
    assert mine.loc["place_2", "record"] == token("member_no", "M000000205")
    assert mine.loc["email", "token"] == token("email", "p5@a.example")
    direct = rows[rows["attribute"].isin(["name", "phone", "email", "household"])]
    assert direct["value"].isna().all()
    assert set(rows["source"]) <= {"crm_customer", "loyalty_card"}


def test_the_charts_stand_beside_the_identifiers_also_when_nothing_was_matched(built) -> None:
    for session in (built.context.matching, None):
        found = identity_charts(built.lakehouse, session)
        people = found["people_by_size"].value
        assert sum(int(size) * count for size, count in people.items()) == sum(
            built.frame("silver/identifier")["token_kind"].isin(["member_no", "card_no"])
        )
        points = found["pairs_by_threshold"].value
        assert [p["pairs"] for p in points] == sorted((p["pairs"] for p in points), reverse=True)
        for chart in ("threshold_chart", "people_by_size_chart"):
            assert str(found[chart].value).startswith("![chart](data:image/svg+xml;base64,")
            assert len(str(found[chart].value)) < 1000, "Dagster shows a longer one behind a link"


def test_reading_people_goes_through_the_reveal(built) -> None:
    seen = []

    def reveal(contract, rows):
        seen.append(contract.name)
        return rows

    persons = read_person_records(built.lakehouse, built.context.contracts, reveal)
    assert seen == [], "nobody is decrypted until somebody asks"
    said = persons.describe(persons.all_rows)
    persons.describe(persons.all_rows[:1])
    assert seen == ["crm_customer", "loyalty_card"], "and nobody twice"
    assert {"name", "birth_date", "phone", "email", "household"} <= set(said.columns)
    register = built.lakehouse.rows("bronze/crm_customer", ["member_no"]).num_rows
    assert len(persons) == register + len(built.rows["loyalty_card"])


def test_explaining_two_people_reads_only_them(built) -> None:
    book = SketchBook(SketchKeys(bytes(32), bytes(32)), stored_sketches(built.lakehouse))
    few, all_of_them = (read_person_records(built.lakehouse, built.context.contracts, book=b) for b in (book, None))
    keys = [[("member_no", token("member_no", number))] for number in ("M000000005", "M000000205")]
    found = explain_persons(built.lakehouse, few, *keys)
    assert found.as_dict() == explain_persons(built.lakehouse, all_of_them, *keys).as_dict()
    assert found.weight > 0
    assert few.read_count == 2
    assert all_of_them.read_count == len(all_of_them)


def test_sketches_are_of_every_entry_and_name_its_customer(built) -> None:
    rows = built.frame("silver/identity_sketch")
    held = built.frame("silver/identifier").set_index(["token_kind", "token"])["customer_id"]
    people = read_person_records(built.lakehouse, built.context.contracts).frame
    assert set(zip(rows["token_kind"], rows["token"], strict=True)) == set(
        zip(people["kind"], people["token"], strict=True)
    )
    assert (held[list(zip(rows["token_kind"], rows["token"], strict=True))].to_numpy() == rows["customer_id"]).all()
    assert rows["sketch"].is_unique
