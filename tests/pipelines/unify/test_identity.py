"""Identity in a run: register entries are matched, a steward decides, and the tables built on customers follow."""

from __future__ import annotations

import random
import shutil
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from pipelines.charts.chart import MOST_CHARACTERS
from pipelines.derived_table.refresh import refresh_table
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.orchestration.identity_metadata import identity_charts
from pipelines.register.customer_id import opaque_ids
from pipelines.register.decision import Decision, DecisionError
from pipelines.register.matching_session import MatchingSession
from pipelines.register.register_contract import shown_columns
from pipelines.register.register_entry import read_register_entries, stored_sketches
from pipelines.register.sketch_book import SketchBook, SketchKeys
from pipelines.steward.customer_explanation import Person, explain_persons
from pipelines.steward.steward_service import StewardService
from pipelines.unify.registry import table
from tests.pipelines.conftest import Built
from tests.pipelines.unify.market import LOADED_AT, land, token

TABLES = (
    "silver/identity_decision", "silver/identifier", "silver/identity_event", "silver/identity_model",
    "silver/identity_sketch", "silver/customer_attribute", "silver/customer",
)  # fmt: skip
HER, SPOUSE = "M000000003", "M000000103"


@pytest.fixture(scope="module")
def built_once(build_market) -> Built:
    """A market that tests of this module share; they only read it."""
    return build_market("sail", TABLES)


@pytest.fixture
def built(built_once, tmp_path) -> Built:
    """A copy of the market for one test, which may change it."""
    root = tmp_path / "market"
    shutil.copytree(built_once.lakehouse.root, root)
    lakehouse, contracts = SparkLakehouse(str(root), built_once.lakehouse.spark), built_once.context.contracts
    keys = SketchKeys(bytes(32), bytes(32))

    def people():
        return nullcontext(
            read_register_entries(lakehouse, contracts, book=SketchBook(keys, stored_sketches(lakehouse)))
        )

    # Another seed than that of the market: its customer ids must not be given again.
    ids = opaque_ids(random.Random(8).randbytes)
    context = replace(built_once.context, matching=MatchingSession(people), id_factory=ids)
    return replace(built_once, lakehouse=lakehouse, context=context)


def steward_service(built) -> StewardService:
    return StewardService(
        built.lakehouse, built.context.contracts, token, lambda: LOADED_AT + timedelta(days=30), "steward"
    )


def customer(built, number: str, kind: str = "member_no") -> str:
    keys = built.frame("silver/identifier")
    found = keys[(keys["token_kind"] == kind) & (keys["token"] == token(kind, number))]["customer_id"]
    return str(found.iloc[0])


def test_an_entry_with_another_spelling_is_matched_and_a_couple_is_not(built) -> None:
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
    assert len(models) == 1, "one new entry does not train the model again"


def test_a_rebuild_of_unchanged_data_changes_no_customer_id(built) -> None:
    before = built.frame("silver/identifier")
    refresh_table(replace(table("silver/identifier"), version=99), built.lakehouse, built.context, built.row_filter)
    assert built.frame("silver/identifier").equals(before)


def test_a_link_merges_customers_and_reverting_it_restores_them(built) -> None:
    before = built.frame("silver/identifier")
    mine, yours = customer(built, HER), customer(built, "M000000004")
    steward_service(built).decide("same", f"member_no:{HER}", yours, "came to the steward_service with both cards")
    built.refresh()
    survivor = customer(built, HER)
    assert survivor == customer(built, "M000000004")
    gone = ({mine, yours} - {survivor}).pop()
    assert gone not in set(built.frame("silver/customer")["customer_id"])
    event = built.frame("silver/identity_event").iloc[0]
    assert (event["event_type"], event["reason"], event["from_customer_id"]) == ("merge", "steward", gone)
    steward_service(built).revert(event["event_id"], "it was her sister")
    built.refresh()
    after = built.frame("silver/identifier")
    assert after["customer_id"].equals(before["customer_id"])
    events = built.frame("silver/identity_event").sort_values("occurred_at")
    assert events["event_type"].tolist() == ["merge", "split"]
    assert len(steward_service(built).decisions()) == 2
    built.refresh()
    assert built.frame("silver/identifier").equals(after)


def test_a_separate_decision_outweighs_new_records_that_agree(built) -> None:
    steward_service(built).decide("different", f"member_no:{HER}", f"member_no:{SPOUSE}", "husband and wife")
    her = next(row for row in built.rows["crm_customer"] if row["member_no"] == HER)
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": [{**her, "member_no": SPOUSE}]}, "load_2")
    built.refresh()
    assert customer(built, HER) != customer(built, SPOUSE)


def test_without_the_decision_the_same_records_join(built) -> None:
    """Negative control of the test above."""
    her = next(row for row in built.rows["crm_customer"] if row["member_no"] == HER)
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": [{**her, "member_no": SPOUSE}]}, "load_2")
    built.refresh()
    assert customer(built, HER) == customer(built, SPOUSE)


def test_a_reference_to_no_customer_is_refused_with_a_reason(built_once) -> None:
    service = steward_service(built_once)
    with pytest.raises(DecisionError, match="No customer has that"):
        service.find("member_no:M999999999")
    with pytest.raises(DecisionError, match="No customer"):
        service.find("c_nobody")
    with pytest.raises(DecisionError, match="same record"):
        service.decide("same", f"member_no:{HER}", f"crm_customer:{HER}", "once more")
    with pytest.raises(DecisionError, match="No event"):
        service.revert("e_0", "never happened")
    lone = customer(built_once, "40", "account_no")
    with pytest.raises(DecisionError, match="no member or card number"):
        service.find(lone)


def test_the_golden_record_names_the_source_of_each_value_and_has_no_identifier_in_clear(built_once) -> None:
    rows = built_once.frame("silver/customer_attribute")
    mine = rows[rows["customer_id"] == customer(built_once, "M000000005")].set_index("attribute")
    assert mine.loc["birth_date", "value"] == "1955-03-02"
    assert mine.loc["place_2", "value"] == "이사동", "the newest entry survives"
    assert mine.loc["place_2", "record"] == token("member_no", "M000000205")
    assert mine.loc["email", "token"] == token("email", "p5@a.example")
    direct = rows[rows["attribute"].isin(["name", "phone", "email", "household"])]
    assert direct["value"].isna().all()
    assert set(rows["source"]) <= {"crm_customer", "loyalty_card"}


def test_the_charts_count_all_customers_with_and_without_matching(built_once) -> None:
    for session in (built_once.context.matching, None):
        found = identity_charts(built_once.lakehouse, session)
        people = found["people_by_size"].value
        assert sum(int(size) * count for size, count in people.items()) == sum(
            built_once.frame("silver/identifier")["token_kind"].isin(["member_no", "card_no"])
        )
        points = found["pairs_by_threshold"].value
        assert [p["pairs"] for p in points] == sorted((p["pairs"] for p in points), reverse=True)
        for chart in ("threshold_chart", "people_by_size_chart"):
            caption, _, picture = str(found[chart].value).partition("\n\n")
            assert caption
            assert picture.startswith("![chart](data:image/png;base64,")
            assert len(str(found[chart].value)) <= MOST_CHARACTERS, "Dagster shows a longer one behind a link"


def test_entries_are_decrypted_on_demand_and_only_once(built_once) -> None:
    seen = []

    def reveal(contract, rows):
        seen.append(contract.name)
        return rows

    persons = read_register_entries(built_once.lakehouse, built_once.context.contracts, reveal)
    assert seen == [], "no entry is decrypted before `describe`"
    values = persons.describe(persons.all_rows)
    persons.describe(persons.all_rows[:1])
    assert seen == ["crm_customer", "loyalty_card"], "no entry is decrypted twice"
    assert {"name", "birth_date", "phone", "email", "household"} <= set(values.columns)
    register = built_once.lakehouse.rows("bronze/crm_customer", ["member_no"]).num_rows
    assert len(persons) == register + len(built_once.rows["loyalty_card"])


def test_explaining_two_people_decrypts_only_their_entries(built_once) -> None:
    book = SketchBook(SketchKeys(bytes(32), bytes(32)), stored_sketches(built_once.lakehouse))
    lakehouse, contracts = built_once.lakehouse, built_once.context.contracts
    few, all_of_them = (read_register_entries(lakehouse, contracts, book=b) for b in (book, None))
    pair = [person("M000000005", "c_1"), person("M000000205", "c_1")]
    found = explain_persons(lakehouse, few, *pair)
    assert found.as_dict() == explain_persons(lakehouse, all_of_them, *pair).as_dict()
    assert found.explanation.weight > 0
    assert found.link_path == ()
    assert few.read_count == 2
    assert all_of_them.read_count == len(all_of_them)


def person(number: str, customer_id: str, *others: str) -> Person:
    keys = [("member_no", token("member_no", n)) for n in (number, *others)]
    return Person(keys[:1], customer_id, keys)


def test_an_explanation_shows_what_may_be_shown_and_names_what_else_joins_two_entries(built_once) -> None:
    lakehouse, contracts = built_once.lakehouse, built_once.context.contracts
    persons = read_register_entries(lakehouse, contracts)
    seen = []

    def shown(source: str, token: str) -> dict[str, str]:
        seen.append(source)
        return {"birth_date": "1970"}

    her, spouse = person(HER, "c_1", SPOUSE), person(SPOUSE, "c_1", HER)
    joined = explain_persons(lakehouse, persons, her, spouse, shown, shown_columns(contracts))
    assert joined.is_together
    assert joined.explanation.weight < 0
    assert joined.link_path == ()
    assert joined.reason == "an equal member number, card number, or name with phone joins them"
    steps = {step.comparison: step for step in joined.explanation.steps}
    assert steps["birth_date"].values == ("1970", "1970")
    assert steps["given_name"].columns == ("name / member_name",)
    assert steps["given_name"].values is None
    assert seen == ["crm_customer", "crm_customer"]
    decided = Decision("d_1", LOADED_AT, "same", her.keys, spouse.keys, "ticket", "me", "c_1", "c_1")
    joined = explain_persons(lakehouse, persons, her, spouse, decisions=[decided])
    assert joined.reason == "of the steward's decision d_1"


def test_every_register_entry_has_a_sketch_with_its_customer(built_once) -> None:
    rows = built_once.frame("silver/identity_sketch")
    owner = built_once.frame("silver/identifier").set_index(["token_kind", "token"])["customer_id"]
    people = read_register_entries(built_once.lakehouse, built_once.context.contracts).frame
    assert set(zip(rows["token_kind"], rows["token"], strict=True)) == set(
        zip(people["kind"], people["token"], strict=True)
    )
    assert (owner[list(zip(rows["token_kind"], rows["token"], strict=True))].to_numpy() == rows["customer_id"]).all()
    assert rows["sketch"].is_unique
