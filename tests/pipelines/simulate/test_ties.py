"""Simulated touchpoints agree with the real baskets."""

import pandas as pd
import pytest

from .landed import SOURCES, Landed


@pytest.fixture(scope="module")
def lines(market: Landed) -> pd.DataFrame:
    """The landed transactions, which are in UTC, with the wall time of the stores as their contract states it."""
    frame, form = market.frame("cj_transactions"), SOURCES["cj_transactions"].file
    assert form.time_zone
    assert form.shop_time_zone
    at = frame["transaction_timestamp"].dt.tz_localize(form.time_zone).dt.tz_convert(form.shop_time_zone)
    return frame.assign(transaction_timestamp=at.dt.tz_localize(None))


@pytest.fixture(scope="module")
def basket_at(lines: pd.DataFrame) -> pd.Series:
    return lines.drop_duplicates("basket_id").set_index("basket_id")["transaction_timestamp"]


def test_about_eight_per_cent_of_baskets_are_web_orders(market: Landed, basket_at: pd.Series) -> None:
    assert 0.04 < len(market.clean("delivery")) / len(basket_at) < 0.13


def test_each_delivery_and_web_purchase_has_the_id_and_time_of_a_real_basket(
    market: Landed, basket_at: pd.Series
) -> None:
    deliveries, events = market.clean("delivery"), market.clean("web_event")
    bought = events[events["event_type"] == "purchase"]
    orders = deliveries["order_no"].astype("int64")
    assert orders.is_unique
    paid_online = set(bought["order_no"].astype("int64"))
    assert paid_online <= set(orders)
    # An event that was received after the export is in no file.
    assert len(paid_online) > 0.98 * len(orders)
    assert (basket_at.loc[orders].to_numpy() == pd.to_datetime(deliveries["ordered_at"]).to_numpy()).all()
    paid = basket_at.loc[bought["order_no"].astype("int64")]
    assert (paid.to_numpy() == pd.to_datetime(bought["event_at"]).to_numpy()).all()
    assert events.loc[events["event_type"] != "purchase", "order_no"].isna().all()


def test_parcels_are_shipped_after_the_order_and_delivered_after_shipping(market: Landed) -> None:
    deliveries = market.clean("delivery")
    ordered, shipped, delivered = (pd.to_datetime(deliveries[c]) for c in ("ordered_at", "shipped_at", "delivered_at"))
    assert (shipped >= ordered).all()
    assert (delivered.dropna() >= shipped[delivered.notna()]).all()


def test_returned_lines_were_bought_and_returns_do_not_exceed_them(market: Landed, lines: pd.DataFrame) -> None:
    returns = market.clean("return_item")
    returns = returns.astype(
        {"order_no": "int64", "product_id": "int64", "quantity": "int64", "refund_amount": "float"}
    )
    key = ["order_no", "product_id"]
    joined = returns.merge(
        lines.rename(columns={"basket_id": "order_no"}), on=key, how="left", suffixes=("", "_bought")
    )
    assert len(joined) == len(returns) > 30
    assert (joined["quantity"] <= joined["quantity_bought"]).all()
    assert (joined["refund_amount"] <= joined["sales_value"] + 1e-9).all()
    assert (pd.to_datetime(joined["returned_at"]) > joined["transaction_timestamp"]).all()


def test_cart_products_of_buyers_are_in_their_basket(market: Landed, lines: pd.DataFrame) -> None:
    events = market.clean("web_event")
    order = events.dropna(subset="order_no").set_index("session_id")["order_no"].astype("int64")
    carted = events[(events["event_type"] == "add_to_cart") & events["session_id"].isin(order.index)]
    pairs = set(zip(lines["basket_id"], lines["product_id"], strict=True))
    found = [(order[s], int(p)) in pairs for s, p in zip(carted["session_id"], carted["product_id"], strict=True)]
    assert found
    assert all(found)


def test_some_sessions_with_a_cart_have_no_purchase(market: Landed) -> None:
    events = market.clean("web_event")
    carts = set(events.loc[events["event_type"] == "add_to_cart", "session_id"])
    bought = set(events.loc[events["event_type"] == "purchase", "session_id"])
    assert 0.05 < len(carts - bought) / len(carts) < 0.7


def test_web_events_lie_within_their_session(market: Landed) -> None:
    events, sessions = market.clean("web_event"), market.clean("web_session").set_index("session_id")
    at = pd.to_datetime(events["event_at"])
    assert (at >= pd.to_datetime(sessions["started_at"]).loc[events["session_id"]].to_numpy()).all()
    ended = pd.to_datetime(sessions["ended_at"]).loc[events["session_id"]].to_numpy()
    assert ((at <= ended) | pd.isna(ended)).all()


def test_reviewed_products_were_bought_by_the_author_of_the_review(market: Landed, lines: pd.DataFrame) -> None:
    reviews = market.clean("review")
    record = market.truth("record").query("source == 'review'").set_index("key")["person_id"]
    people = market.truth("person").set_index("person_id")
    household = people.loc[record.loc[reviews["review_id"]], "household_id"]
    bought = set(zip(lines["household_id"], lines["product_id"], strict=True))
    assert all(pair in bought for pair in zip(household, reviews["product_id"], strict=True))


def test_recommended_products_marked_purchased_are_in_a_real_basket(market: Landed, lines: pd.DataFrame) -> None:
    shown = market.clean("recommendation_event")
    bought = shown[shown["outcome"] == "purchased"]
    account = market.clean("crm_customer").set_index("member_no")["account_no"].astype("int64")
    at = {
        (h, p, t)
        for h, p, t in zip(lines["household_id"], lines["product_id"], lines["transaction_timestamp"], strict=True)
    }
    rows = zip(
        account.loc[bought["member_no"]],
        bought["product_id"],
        pd.to_datetime(bought["outcome_at"]),
        strict=True,
    )
    assert len(bought) > 10
    assert all(row in at for row in rows)


def test_scanned_products_are_in_the_basket_that_follows(market: Landed, lines: pd.DataFrame) -> None:
    events = market.clean("app_event").query("event_type == 'scan_barcode'")
    people = market.truth("person").set_index("person_id")["household_id"]
    owner = market.truth("record").query("source == 'app_event'").set_index("key")["person_id"].map(people)
    bought = set(zip(lines["household_id"], lines["product_id"], strict=True))
    hits = [(h, int(p)) in bought for h, p in zip(owner.loc[events["device_id"]], events["product_id"], strict=True)]
    assert sum(hits) / len(hits) > 0.7


def test_member_numbers_and_product_ids_exist(market: Landed) -> None:
    members = set(market.clean("crm_customer")["member_no"])
    products = set(market.frame("cj_products")["product_id"])
    for source in ("web_session", "app_event", "wishlist", "review", "nps_survey", "recommendation_event",
                   "consent_event", "lifestyle_survey"):  # fmt: skip
        assert set(market.clean(source)["member_no"].dropna()) <= members, source
    for source in ("web_event", "app_event", "wishlist", "review", "recommendation_event"):
        assert {int(p) for p in market.clean(source)["product_id"].dropna()} <= products, source


def test_each_wish_list_item_was_added_in_a_web_session(market: Landed) -> None:
    events = market.clean("web_event").query("event_type == 'wishlist_add'")
    began = {
        (int(p), str(at).replace("T", " ")) for p, at in zip(events["product_id"], events["event_at"], strict=True)
    }
    wishes = market.clean("wishlist")
    assert all((int(p), at) in began for p, at in zip(wishes["product_id"], wishes["added_at"], strict=True))
