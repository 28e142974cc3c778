"""Compares the measures with an oracle: SQL in DuckDB on the same small market, written from the contracts."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from pipelines.derived_table.input_table import read_inputs
from pipelines.unify.customer import build as build_customers
from pipelines.unify.registry import table
from tests.pipelines.unify.market import HOUSEHOLDS, token


@pytest.fixture(scope="module")
def duck(market) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection with the bronze rows as tables; `ol` holds the order lines with their customers."""
    connection = duckdb.connect()
    for name, rows in market.rows.items():
        connection.register(f"src_{name}", pd.DataFrame(rows))
    who = market.frame("silver/identifier")
    accounts = who[who["token_kind"] == "account_no"].set_index("token")["customer_id"]
    owner = {h: accounts[token("account_no", h)] for h in HOUSEHOLDS}
    connection.register("owner", pd.DataFrame({"household_id": list(owner), "customer_id": list(owner.values())}))
    connection.register("product", market.frame("silver/product"))
    connection.register("calendar", market.frame("silver/calendar"))
    connection.execute("""
        create table ol as
        select o.customer_id, t.basket_id order_id, t.product_id, t.store_id, t.week, t.quantity::bigint quantity,
               t.sales_value::decimal(18,2) sales_value, t.transaction_timestamp ordered_at,
               t.transaction_timestamp::date order_date,
               (t.retail_disc + t.coupon_disc + t.coupon_match_disc)::decimal(18,2) cut,
               t.coupon_disc::decimal(18,2) coupon,
               coalesce(upper(p.product_category[1]) || lower(p.product_category[2:]), 'Unknown') category,
               p.manufacturer_id brand, p.brand brand_type,
               p.product_id is not null and coalesce(p.product_category, '') not in ('FUEL', 'COUPON/MISC ITEMS')
                 and p.department not in ('FUEL', 'COUPON') and p.product_type <> 'GASOLINE' goods
        from src_cj_transactions t join owner o using (household_id) left join src_cj_products p using (product_id)""")
    connection.execute("""
        create table promo as select product_id, store_id, week, max(display_location) d, max(mailer_location) m
        from src_cj_promotions group by all;
        create table seen as select ol.*, coalesce(d, '0') <> '0' display, coalesce(m, '0') <> '0' mailer
        from ol left join promo using (product_id, store_id, week)
        where goods and (store_id, week) in (select (store_id, week) from src_cj_promotions)""")
    return connection


def check(duck: Any, market: Any, table: str, sql: str, tolerance: float = 1e-9) -> None:
    """Assert that every column of the query equals the table's column, over the rows of the query."""
    expected = duck.execute(sql).df()
    keys = [name for name in market.context.contracts.table(table).primary_key if name in expected.columns]
    both = expected.merge(market.frame(table), on=keys, how="left", suffixes=("_expected", ""))
    assert len(expected) > 5
    for name in set(expected.columns) - set(keys):
        want = both[f"{name}_expected"]
        got = both[name]
        assert (want.isna() == got.isna()).all(), f"{name}: nulls\n{both.loc[want.isna() != got.isna(), keys]}"
        want, got = want[want.notna()], got[got.notna()]
        if pd.api.types.is_numeric_dtype(want):
            np.testing.assert_allclose(
                got.astype(float), want.astype(float), rtol=tolerance, atol=tolerance, err_msg=name
            )
        else:
            assert got.astype(str).tolist() == want.astype(str).tolist(), name


def test_order_counts_and_spend_equal_the_oracle(duck, market) -> None:
    check(
        duck,
        market,
        "gold/customer_purchase_behaviour",
        """
        with o as (select customer_id, order_id, min(order_date) d, sum(sales_value) s from ol group by all)
        select * exclude (trend), case when trend > 10 then 10 else trend end spend_trend from (
        select customer_id, count(*) order_count, sum(s) sales_value, min(d) first_order_on, max(d) last_order_on,
          sum(s)::double / greatest((date '2018-01-01' - min(d) + 1) / 30.4375, 1) mean_monthly_spend,
          sum(s)::double / count(*) mean_basket_value,
          coalesce(sum(s) filter (date '2018-01-01' - d < 90), 0)::double
            / nullif(sum(s) filter (date '2018-01-01' - d between 90 and 179), 0)::double trend
        from o group by customer_id)""",
    )


def test_price_sensitivity_equals_the_oracle(duck, market) -> None:
    check(
        duck,
        market,
        "gold/customer_purchase_behaviour",
        """
        with l as (select ol.*, ln((sales_value - coupon)::double / quantity / median_unit_price) x, ln(quantity) y
                   from ol join product using (product_id) where goods and quantity > 0 and sales_value > coupon),
        e as (select customer_id, case when count(x) >= 30 and var_pop(x) > 1e-4 then regr_slope(y, x) end
                     price_elasticity
              from l group by 1)
        select customer_id, any_value(price_elasticity) price_elasticity,
          coalesce(sum(sales_value) filter (cut > 0), 0)::double / sum(sales_value)::double discounted_spend_share,
          coalesce(sum(sales_value) filter (coupon > 0), 0)::double / sum(sales_value)::double coupon_spend_share
        from ol join e using (customer_id) where goods group by customer_id""",
        1e-7,
    )


def test_promotion_response_equals_the_oracle(duck, market) -> None:
    check(
        duck,
        market,
        "gold/customer_purchase_behaviour",
        """
        with usual as (select store_id, week, avg(display::int) ud, avg(mailer::int) um from seen group by all),
        offer as (select store_id, week, count(*) n from src_cj_promotions group by all),
        taken as (select customer_id, store_id, week, count(distinct product_id) filter (display or mailer) k
                  from seen group by all)
        select s.customer_id, sum(display::int)::double / nullif(sum(ud), 0) display_lift,
          sum(mailer::int)::double / nullif(sum(um), 0) mailer_lift, avg(display::int) display_line_share,
          any_value(t.rate) promotion_take_rate
        from seen s join usual using (store_id, week)
        join (select customer_id, sum(k)::double / sum(n) rate from taken join offer
              using (store_id, week) group by 1) t
          using (customer_id) group by 1""",
    )


def test_brand_loyalty_equals_the_oracle(duck, market) -> None:
    check(
        duck,
        market,
        "gold/customer_purchase_behaviour",
        """
        with b as (select customer_id, category, brand, sum(sales_value) s, count(*) n from ol
                   where goods group by all),
        c as (select customer_id, category, max(s) top, sum(s) s from b group by all having sum(n) >= 3)
        select customer_id, sum(top)::double / nullif(sum(s), 0)::double brand_loyalty, count(*) loyalty_category_count
        from c group by 1""",
    )


def test_first_purchase_measures_equal_the_oracle(duck, market) -> None:
    """A first purchase is planned when the customer showed interest online within 7 days before."""
    events = market.frame("silver/touchpoint_event")
    duck.register("events", events[["customer_id", "product_id", "event_at", "event_type"]])
    check(
        duck,
        market,
        "gold/customer_purchase_behaviour",
        """
        with start as (select min(order_date) d0 from ol),
        launch as (select product_id, min(order_date) l from ol group by 1),
        ranked as (select ol.*, row_number() over (partition by customer_id, product_id order by ordered_at) r,
                   coalesce((select bool_or(display) from seen where seen.order_id = ol.order_id
                             and seen.product_id = ol.product_id), false) display,
                   (store_id, week) in (select (store_id, week) from src_cj_promotions) recorded,
                   exists (select 1 from events e where e.customer_id = ol.customer_id and e.product_id = ol.product_id
                     and e.event_type in ('product_view', 'add_to_cart', 'wishlist_add', 'scan_barcode')
                     and ordered_at - event_at between interval 0 seconds and interval 7 days) wanted
                   from ol where goods),
        f as (select * from ranked join launch using (product_id), start where r = 1),
        n as (select customer_id, count(*) lines, count(*) filter (recorded) recorded_lines,
                   count(*) filter (r > 1) again
              from ranked group by 1)
        select f.customer_id, any_value(again)::double / any_value(lines) repeat_line_share,
          count(*) filter (l - d0 >= 56 and order_date - l < 28 and order_date - d0 >= 56) new_product_count,
          count(*) filter (l - d0 >= 56 and order_date - l < 28 and order_date - d0 >= 56)::double
            / nullif(count(*) filter (order_date - d0 >= 56), 0) novelty_acceptance,
          (any_value(again) + count(*) filter (coupon > 0 or wanted))::double / any_value(lines) planned_share,
          count(*) filter (display and coupon = 0 and not wanted)::double
            / nullif(any_value(recorded_lines), 0) impulse_share
        from f join n using (customer_id) group by 1""",
    )


def test_category_shares_and_ranks_equal_the_oracle(duck, market) -> None:
    check(
        duck,
        market,
        "gold/customer_category_share",
        """
        with c as (select customer_id, category product_category, sum(sales_value) sales_value,
                   count(distinct order_id) order_count from ol where goods and category <> 'Unknown' group by all)
        select *, sales_value::double / nullif(sum(sales_value) over (partition by customer_id), 0)::double spend_share,
          row_number() over (partition by customer_id order by sales_value desc, product_category) spend_rank
        from c""",
    )


def test_repurchase_intervals_equal_the_oracle(duck, market) -> None:
    check(
        duck,
        market,
        "gold/customer_repurchase",
        """
        with d as (select distinct customer_id, category product_category, order_date from ol where goods),
        g as (select *, order_date - lag(order_date)
                     over (partition by customer_id, product_category order by order_date) gap
              from d)
        select customer_id, product_category, count(*) purchase_day_count, avg(gap) mean_interval_days,
          median(gap) median_interval_days, stddev_pop(gap) interval_sd_days,
          max(order_date) + ceil(median(gap))::int expected_next_on
        from g group by all having count(*) >= 3""",
    )


def test_temporal_patterns_equal_the_oracle(duck, market) -> None:
    check(
        duck,
        market,
        "gold/customer_temporal_pattern",
        """
        with o as (select customer_id, order_id, min(order_date) d, min(ordered_at) t, sum(sales_value)::double s
                   from ol group by all),
        c as (select * from calendar where sido = '전국'),
        f as (select customer_id, min(d) f from o group by 1),
        w as (select customer_id, count(*) filter (is_pay_week) pay, count(*) filter (not is_pay_week) other
              from f join c on calendar_date between f and date '2018-01-01' group by 1)
        select customer_id, avg((isodow(d) = 1)::int) monday_share, avg((isodow(d) > 5)::int) weekend_share,
          avg((hour(t) between 18 and 21)::int) evening_share,
          coalesce(sum(s) filter (season = 'summer'), 0) / sum(s) summer_spend_share,
          (coalesce(sum(s) filter (is_pay_week), 0) / any_value(pay))
            / nullif(coalesce(sum(s) filter (not is_pay_week), 0) / any_value(other), 0) pay_week_spend_index
        from o join c on d = calendar_date join w using (customer_id) group by 1""",
    )


def test_journeys_equal_those_of_a_plain_loop(market) -> None:
    """The oracle is a loop over the touchpoints in time order."""
    events = market.frame("silver/touchpoint_event")
    events = events[events["customer_id"].notna() & (events["event_type"] != "coupon_redemption")]
    is_order = (events["event_type"] == "purchase") & events["order_id"].notna()
    online = set(events.loc[is_order & (events["channel"] != "store"), "order_id"])
    events = events[~(is_order & (events["channel"] == "store") & events["order_id"].isin(online))]
    expected = []
    for customer, mine in events.sort_values(["event_at", "source", "event_id"]).groupby("customer_id"):
        journey: list[Any] = []
        for event in mine.itertuples():
            late = bool(journey) and (event.event_at - journey[-1].event_at).total_seconds() > 7 * 86_400
            done = bool(journey) and journey[-1].event_type == "purchase" and journey[-1].order_id is not None
            if late or done:
                expected.append((customer, journey))
                journey = []
            journey.append(event)
        expected.append((customer, journey))
    expected = [(customer, journey) for customer, journey in expected if len(journey) > 1]
    got = market.frame("gold/customer_journey")
    assert len(got) == len(expected)
    ordered = [journey[-1].order_id for _, journey in expected if journey[-1].event_type == "purchase"]
    assert got["is_converted"].sum() == len(ordered) > 0
    by_key = got.set_index(["customer_id", "started_at"])
    for customer, journey in expected:
        row = by_key.loc[(customer, journey[0].event_at)]
        row = row.iloc[0] if isinstance(row, pd.DataFrame) else row
        if row["touchpoint_count"] == len(journey) <= 30:
            assert row["path"] == " > ".join(f"{e.channel}:{e.event_type}" for e in journey)
            assert row["channel_count"] == len({e.channel for e in journey})


def test_a_person_with_two_registrations_has_one_row_with_the_newest_address(market) -> None:
    found = market.frame("silver/customer")
    moved = found[found["registration_count"] == 2]
    assert len(moved) == 7
    assert set(moved["dong"]) == {"이사동"}
    assert set(moved["sex"]) == {"F"}  # the newer registration does not state it
    assert set(found.loc[found["sex"] == "M", "birth_year"].isna()) == {True}  # the 13th month is no date


def test_sex_and_birth_date_come_from_another_register_when_the_membership_register_is_missing(market) -> None:
    tables = read_inputs(table("silver/customer"), market.lakehouse, market.context)
    tables["bronze/crm_customer"] = tables["bronze/crm_customer"].limit(0)
    found = build_customers(tables, market.context).toPandas().set_index("customer_id")
    golden = market.frame("silver/customer_attribute")
    for name in ("sex", "birth_date"):
        stated = golden[golden["attribute"] == name].set_index("customer_id")["value"]
        got = found[name].dropna().astype(str)
        assert 0 < len(got) <= len(stated)
        assert got.to_dict() == stated[got.index].to_dict()
    assert set(found["registration_count"]) == {0}


def test_wrong_units_are_converted_and_refused_answers_are_null(market) -> None:
    assert market.frame("silver/calendar")["temp_max_c"].max() == 25.0
    assert market.frame("silver/touchpoint_event")["dwell_seconds"].max() == 12.5
    demographic = market.frame("gold/customer_demographic")
    assert "응답거부" not in set(demographic["beliefs"].dropna())
    assert "무응답" not in set(demographic["occupation"].dropna())
