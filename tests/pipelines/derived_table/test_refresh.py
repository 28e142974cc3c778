"""New rows: only the days they touch are written again; recognised people carry their past with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import deltalake
import pytest

from pipelines.derived_table import fingerprint
from pipelines.derived_table.refresh import refresh_table
from pipelines.unify.registry import table
from tests.pipelines.unify.market import land

EVENTS = "silver/touchpoint_event"
IDENTITY = (
    "silver/identity_decision",
    "silver/identifier",
    "silver/identity_event",
    "silver/session_order_customer",
    EVENTS,
)


@pytest.fixture
def built(build_market):
    return build_market("sail", IDENTITY)


def partitions(built) -> dict[str, set[str]]:
    """Return the data files of each day."""
    files: dict[str, set[str]] = {}
    for path in deltalake.DeltaTable(built.lakehouse.path(EVENTS)).file_uris():
        day = path.split("event_date=")[1].split("/")[0]
        files.setdefault(day, set()).add(path)
    return files


def tap(number: str, at: datetime, **known: object) -> dict[str, object]:
    return {"event_id": number, "device_id": "new", "event_at": at, "received_at": datetime(2018, 1, 3), "os": "iOS",
            "event_type": "app_open", "screen": "home", "app_version": "5.2", **known}  # fmt: skip


def test_late_events_land_in_their_own_days_and_leave_the_others_alone(built) -> None:
    before = partitions(built)
    rows = [tap("late-1", datetime(2017, 3, 4, 5)), tap("late-2", datetime(2017, 6, 7, 8))]
    land(built.lakehouse.root, built.context.contracts, {"app_event": rows}, "load_2")
    report = built.refresh()[EVENTS]
    after = partitions(built)
    assert report.days == (date(2017, 3, 4), date(2017, 6, 7))
    assert {day for day in after if after[day] != before.get(day)} == {"2017-03-04", "2017-06-07"}
    events = built.frame(EVENTS)
    assert set(events.loc[events["load_id"] == "load_2", "event_date"].astype(str)) == {"2017-03-04", "2017-06-07"}


def test_a_device_recognised_later_brings_its_past_and_the_days_are_those_of_its_events(built) -> None:
    contracts, root = built.context.contracts, built.lakehouse.root
    land(root, contracts, {"app_event": [tap("a", datetime(2017, 3, 4, 5))]}, "load_2")
    built.refresh()
    land(root, contracts, {"app_event": [tap("b", datetime(2017, 6, 7, 8), member_no="M000000002")]}, "load_3")
    report = built.refresh()[EVENTS]
    assert report.days == (date(2017, 3, 4), date(2017, 6, 7))
    events = built.frame(EVENTS).set_index("event_id")
    assert events.loc["a", "customer_id"] == events.loc["b", "customer_id"] is not None
    assert events.loc["a", "resolved_by"] == "device_id"


def test_a_rebuild_that_changes_no_day_leaves_the_files_alone_and_makes_the_table_current(built) -> None:
    before, changed = partitions(built), replace(table(EVENTS), version=2)
    rebuilt, again = (refresh_table(changed, built.lakehouse, built.context, built.row_filter) for _ in range(2))
    assert (rebuilt.was_current, rebuilt.days) == (False, ())
    assert again.was_current
    assert partitions(built) == before


def test_another_option_of_the_sessions_builds_a_table_again(built, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refresh_table(table(EVENTS), built.lakehouse, built.context, built.row_filter).was_current
    monkeypatch.setattr(fingerprint, "SESSION_OPTIONS", {"spark.sql.session.timeZone": "Asia/Seoul"})
    assert not refresh_table(table(EVENTS), built.lakehouse, built.context, built.row_filter).was_current


def test_events_that_a_later_reference_date_left_out_come_back_with_an_earlier_one(built) -> None:
    before = len(built.frame(EVENTS))
    for as_of, expected in ((date(2026, 11, 29), 0), (built.context.as_of, before)):
        context = replace(built.context, as_of=as_of)
        refreshed = refresh_table(table(EVENTS), built.lakehouse, context, built.row_filter)
        assert (refreshed.was_current, len(built.frame(EVENTS))) == (False, expected)
    # The contrast: the next day of the same month leaves the table current.
    days = (replace(built.context, as_of=date(2017, 12, 20 + number)) for number in range(2))
    results = [refresh_table(table(EVENTS), built.lakehouse, day, built.row_filter).was_current for day in days]
    assert results[1]


def test_a_partial_refresh_gives_what_a_full_one_gives(built) -> None:
    land(built.lakehouse.root, built.context.contracts, {"app_event": [tap("x", datetime(2017, 3, 4, 5))]}, "load_2")
    built.refresh()
    partial = built.frame(EVENTS)
    refresh_table(
        replace(table(EVENTS), refreshes_days=None, version=2), built.lakehouse, built.context, built.row_filter
    )
    assert built.frame(EVENTS).equals(partial)


def test_a_merge_is_recorded_and_ids_of_others_stay(built) -> None:
    before = built.frame("silver/identifier").set_index(["token_kind", "token"])["customer_id"]
    register = built.rows["crm_customer"]
    she, other = register[0], next(row for row in register[1:] if row["is_principal"] == "Y")
    # One member number under the name and phone of the one, then of the other.
    again = [{**row, "member_no": "M000000999", "is_principal": "N"} for row in (she, other)]
    land(built.lakehouse.root, built.context.contracts, {"crm_customer": again}, "load_2")
    built.refresh()
    after = built.frame("silver/identifier").set_index(["token_kind", "token"])
    merged = built.frame("silver/identity_event")
    assert len(merged) == 1
    assert merged.loc[0, "event_type"] == "merge"
    gone, kept = merged.loc[0, "from_customer_id"], merged.loc[0, "to_customer_id"]
    assert gone not in set(after["customer_id"])
    untouched = before[before != gone]
    assert (after.loc[untouched.index, "customer_id"] == untouched).all()
    assert (after.loc[before[before == gone].index, "customer_id"] == kept).all()
    built.refresh()
    assert built.frame("silver/identity_event").equals(merged)
    assert gone not in set(built.frame(EVENTS)["customer_id"].dropna())


def test_a_missing_source_is_null_and_no_fault(build_market) -> None:
    built = build_market("sail", sources=("cj_transactions", "cj_products"))
    assert built.reports["gold/customer_360"].rows == 40
    assert built.reports["gold/customer_feedback"].rows == 0
    found = built.frame("gold/customer_360")
    assert found["sex"].isna().all()
    assert found["mean_rating"].isna().all()
