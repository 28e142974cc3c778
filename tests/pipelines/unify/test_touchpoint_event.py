"""A new source gets into silver/touchpoint_event with a contract only, and events count once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from installation.contract.document import BUILT_IN, Contracts, load_contracts
from pipelines.unify.touchpoint_row import EventSource, TouchpointError, event_rows, event_sources
from tests.pipelines.unify.market import land

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: source.parking
name: Parking
version: 1.0.0
status: active
servers:
  - {server: landing, type: local, path: parking/*.csv, format: csv}
schema:
  - name: parking
    customProperties:
      - {property: layer, value: source, vendor: bojagi}
      - {property: purpose, value: [analytics], vendor: bojagi}
      - {property: subjectKey, value: card, vendor: bojagi}
      - {property: touchpoint, value: {channel: parking, eventType: parked}, vendor: bojagi}
    properties:
      - name: ticket
        logicalType: string
        primaryKey: true
        primaryKeyPosition: 1
        customProperties:
          - {property: dataCategory, value: pd:UID, vendor: bojagi}
          - {property: touchpointRole, value: event_id, vendor: bojagi}
      - name: card
        logicalType: string
        customProperties:
          - {property: dataCategory, value: pd:UID, vendor: bojagi}
          - {property: token, value: card_no, vendor: bojagi}
      - name: entered_at
        logicalType: timestamp
        physicalType: timestamp_ntz
        customProperties:
          - {property: dataCategory, value: pd:Location, vendor: bojagi}
          - {property: touchpointRole, value: TIME_ROLE, vendor: bojagi}
slaProperties:
  - {property: retention, value: 1, unit: y}
"""


def contracts_with(folder: Path, time_role: str) -> Contracts:
    (folder / "source_parking.odcs.yaml").write_text(CONTRACT.replace("TIME_ROLE", time_role))
    return load_contracts([*BUILT_IN, folder])


def test_a_new_source_gets_into_the_event_table_by_its_contract_alone(tmp_path, build_market) -> None:
    contracts = contracts_with(tmp_path, "event_time")
    built = build_market(
        "sail",
        ("silver/identity_decision", "silver/identifier", "silver/session_order_customer", "silver/touchpoint_event"),
        sources=("crm_customer", "loyalty_card", "app_event"),
        contracts=contracts,
    )
    parked = [
        {"ticket": "P1", "card": "94000002", "entered_at": datetime(2017, 5, 5, 10)},
        {"ticket": "P1", "card": "94000002", "entered_at": datetime(2017, 5, 5, 11)},  # corrected
        {"ticket": "P2", "card": None, "entered_at": datetime(2017, 5, 6, 10)},
        {"ticket": "P3", "card": "94000002", "entered_at": None},
    ]
    land(built.lakehouse.root, contracts, {"parking": parked})
    built.refresh()
    lakehouse = built.lakehouse
    events = lakehouse.read("silver/touchpoint_event").where("source = 'parking'").toPandas().set_index("event_id")
    who = lakehouse.read("silver/identifier").where("token_kind = 'card_no'").toPandas()["customer_id"]
    assert sorted(events.index) == ["P1", "P2"]
    assert events.loc["P1", ["channel", "event_type", "resolved_by"]].tolist() == ["parking", "parked", "card_no"]
    assert events.loc["P1", "event_at"] == datetime(2017, 5, 5, 11)
    assert events.loc["P1", "customer_id"] in set(who)
    assert events.loc["P2", "customer_id"] is None


def test_a_touchpoint_without_event_time_is_refused_with_the_contract_id(tmp_path, engines) -> None:
    source = next(s for s in event_sources(contracts_with(tmp_path, "outcome")) if s.contract.name == "parking")
    spark = engines.open("sail").spark
    with pytest.raises(TouchpointError, match=r"source.parking .* no column with touchpointRole event_time"):
        event_rows(source, spark.createDataFrame([], "ticket string"), "Asia/Seoul")


def test_an_instant_becomes_the_wall_time_of_the_shop(tmp_path, engines) -> None:
    source = next(s for s in event_sources(contracts_with(tmp_path, "event_time")) if s.contract.name == "parking")
    entered = replace(source.contract.column("entered_at"), spark_type="timestamp")
    columns = tuple(entered if column.name == "entered_at" else column for column in source.contract.columns)
    source = EventSource(replace(source.contract, columns=columns))
    frame = engines.open("sail").spark.sql(
        "SELECT 'P1' AS ticket, 'token' AS card_token, 'load' AS _load_id, 0 AS _line, 'a' AS _source_file, "
        "timestamp'2017-12-31 16:00:00' AS _loaded_at, timestamp'2017-12-31 16:00:00' AS entered_at"
    )
    shown = {zone: event_rows(source, frame, zone).toPandas()["event_at"][0] for zone in ("Asia/Seoul", "UTC")}
    assert shown == {"Asia/Seoul": datetime(2018, 1, 1, 1), "UTC": datetime(2017, 12, 31, 16)}


def test_product_store_and_quantity_keep_zeros_letters_and_fractions(tmp_path, engines) -> None:
    source = next(s for s in event_sources(contracts_with(tmp_path, "event_time")) if s.contract.name == "parking")
    roles = {**source.roles, "product_id": "sku", "store_id": "shop", "quantity": "weight_kg"}
    touchpoint = replace(source.contract.touchpoint, columns=roles)
    source = EventSource(replace(source.contract, touchpoint=touchpoint))
    frame = engines.open("sail").spark.sql(
        "SELECT 'P1' AS ticket, 'token' AS card_token, 'load' AS _load_id, 0 AS _line, 'a' AS _source_file, "
        "timestamp'2017-12-31 16:00:00' AS _loaded_at, timestamp_ntz'2017-12-31 16:00:00' AS entered_at, "
        "'0177' AS sku, 'S1' AS shop, 1.25 AS weight_kg"
    )
    row = event_rows(source, frame, "Asia/Seoul").toPandas().iloc[0]
    assert (row["product_id"], row["store_id"], row["quantity"]) == ("0177", "S1", Decimal("1.250"))


def test_a_repeated_delivery_and_the_lines_of_a_basket_give_one_event(market) -> None:
    events = market.frame("silver/touchpoint_event")
    assert not events.duplicated(["source", "event_id"]).any()
    web = {row["event_id"] for row in market.rows["web_event"]}
    assert len(web) < len(market.rows["web_event"])
    assert set(events.loc[events["source"] == "web_event", "event_id"]) == web
    baskets = events[events["source"] == "cj_transactions"]
    assert baskets["row_count"].sum() == len(market.rows["cj_transactions"])


def test_events_get_their_customer_from_the_most_reliable_key(market) -> None:
    events = market.frame("silver/touchpoint_event")
    by = events.groupby("source")["resolved_by"].agg(lambda kinds: set(kinds.dropna()))
    assert by["cj_transactions"] == {"order_id"}
    assert by["web_event"] == {"session_id"}
    assert by["delivery"] == {"order_id"}  # not the receiver's phone
    assert by["app_event"] == {"member_no", "device_id"}
    assert by["review"] == {"member_no", "email"}
